/** A secret location and its text form: `repo:`, `env:`, `org:`, `dependabot:`. Pure. */

export type Destination =
  | { kind: 'repo'; owner: string; repo: string }
  | { kind: 'env'; owner: string; repo: string; environment: string }
  | { kind: 'org'; org: string }
  /** Dependabot's secrets. Workflows that Dependabot starts read them instead of the repository's own. */
  | { kind: 'dependabot'; owner: string; repo: string };

/** The secret with which a run tries whether it may write. It is deleted again, so no pair may have this name. */
export const PROBE_NAME = 'AUTH0_MTLS_ROTATION_PROBE';

export type Repository = Extract<Destination, { kind: 'repo' }>;

/**
 * One secret of a destination: the whole pair, the same as PKCS#12, or one part of it (inputs `pkcs12-secret-name`,
 * `private-key-secret-name`, `certificate-secret-name`).
 */
export interface SecretLocation {
  destination: Destination;
  secretName: string;
  part: 'pair' | 'private-key' | 'certificate' | 'pkcs12';
}

const OWNER = '[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})';
/** `.` and `..` would leave the path of the API. */
const REPO = '(?!\\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,100}';
const FORMS = {
  repo: new RegExp(`^repo:(${OWNER})/(${REPO})$`),
  env: new RegExp(
    `^env:(${OWNER})/(${REPO})/(?!\\.{1,2}$)(?!.*[\\s,;|](?:repo|env|org|dependabot):)(\\S(?:.{0,253}\\S)?)$`,
  ),
  org: new RegExp(`^org:(${OWNER})$`),
  dependabot: new RegExp(`^dependabot:(${OWNER})/(${REPO})$`),
};

export const DESTINATION_FORMS =
  'repo:<owner>/<name>, env:<owner>/<name>/<environment>, org:<name> or dependabot:<owner>/<name>, one a line';

/** undefined if the text is not a destination. An environment's name may contain slashes and spaces, but no second destination. */
export function parseDestination(text: string): Destination | undefined {
  const repo = FORMS.repo.exec(text);
  if (repo) return { kind: 'repo', owner: `${repo[1]}`, repo: `${repo[2]}` };
  const env = FORMS.env.exec(text);
  if (env) return { kind: 'env', owner: `${env[1]}`, repo: `${env[2]}`, environment: `${env[3]}` };
  const dependabot = FORMS.dependabot.exec(text);
  if (dependabot) return { kind: 'dependabot', owner: `${dependabot[1]}`, repo: `${dependabot[2]}` };
  const org = FORMS.org.exec(text);
  return org ? { kind: 'org', org: `${org[1]}` } : undefined;
}

export function printDestination(destination: Destination): string {
  if (destination.kind === 'org') return `org:${destination.org}`;
  const repository = `${destination.owner}/${destination.repo}`;
  return destination.kind === 'env'
    ? `env:${repository}/${destination.environment}`
    : `${destination.kind}:${repository}`;
}

/** Destination and secret name, for messages. */
export function printLocation(location: SecretLocation): string {
  return `${printDestination(location.destination)} ${location.secretName}`;
}

/**
 * Whether a secret at `near` hides the secret of the same name at `far`. An environment's hides the repository's, which hides the
 * organization's (docs/facts.md#github-shadowing).
 */
export function shadows(near: Destination, far: Destination): boolean {
  // No workflow sees both kinds of secrets.
  if (near.kind === 'dependabot' || far.kind === 'dependabot') return false;
  if (far.kind === 'org') return near.kind !== 'org' && same(near.owner, far.org);
  return (
    near.kind === 'env' && far.kind === 'repo' && same(near.owner, far.owner) && same(near.repo, far.repo)
  );
}

/** GitHub ignores case in all of these names. */
export function isSameLocation(one: SecretLocation, other: SecretLocation): boolean {
  return same(printLocation(one), printLocation(other));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
