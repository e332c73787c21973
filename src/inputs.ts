/** action.yml to Inputs: all problems at once, before any effect. */

import type { ManagementLogin } from './auth0/token.ts';
import { inspect, type Pair, parsePair, parsePrivateKey } from './certificate/inspect.ts';
import { parseSubject, printSubject } from './certificate/subject.ts';
import { RotationError } from './errors.ts';
import {
  DESTINATION_FORMS,
  type Destination,
  parseDestination,
  printDestination,
  shadows,
} from './github/destination.ts';
import { type Environment, Reader, raw } from './input-reader.ts';
import { DAY, type Wish } from './rotation/wish.ts';

export interface Inputs {
  operation: 'rotate' | 'plan';
  domain: string;
  mtlsDomain: string | undefined;
  audience: string;
  login: ManagementLogin;
  /** undefined: a plan that does not ask GitHub. */
  githubToken: string | undefined;
  githubApiUrl: string;
  currentPair: Pair | undefined;
  wish: Wish;
}

/** @throws RotationError INVALID_INPUT with every problem */
export function readInputs(environment: Environment): Inputs {
  const reader = new Reader(environment);
  const inputs = readAll(reader);
  if (reader.problems.length === 0 && inputs) return inputs;
  throw new RotationError('INVALID_INPUT', {
    failed: `The inputs have ${reader.problems.length === 1 ? 'a problem' : `${reader.problems.length} problems`}: ${reader.problems.join(' ')}`,
    remedy: 'Correct the workflow.',
    problems: reader.problems,
  });
}

/** Every value that must never be shown, as it came in, valid or not. */
export function secretsIn(environment: Environment): string[] {
  const names = [
    'management-client-secret',
    'management-private-key',
    'management-credential',
    'management-token',
    'github-token',
    'current-credential',
  ];
  return names.map((name) => raw(environment, name)).filter((value) => value !== '');
}

function readAll(reader: Reader): Inputs | undefined {
  const operation = reader.oneOf('operation', ['rotate', 'plan'], 'rotate');
  const domain = readHost(reader, 'auth0-domain', reader.required('auth0-domain'));
  const mtls = reader.text('mtls-domain');
  const mtlsDomain = mtls === undefined ? undefined : readHost(reader, 'mtls-domain', mtls);
  const githubToken = operation === 'plan' ? reader.text('github-token') : reader.required('github-token');
  const login = readLogin(reader);
  const currentPair = reader.parsed('current-credential', parsePair);
  const wish = readWish(reader, currentPair);
  if (!login || !wish || domain === undefined) return undefined;
  const audience = reader.text('management-audience') ?? `https://${domain}/api/v2/`;
  const githubApiUrl = reader.environment.GITHUB_API_URL ?? 'https://api.github.com';
  return { operation, domain, mtlsDomain, audience, login, githubToken, githubApiUrl, currentPair, wish };
}

/** Host or host:port, nothing else: it becomes part of every address. */
function readHost(reader: Reader, name: string, value: string): string | undefined {
  if (value === '') return undefined;
  if (
    /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/.test(value) &&
    URL.canParse(`https://${value}/`)
  ) {
    return value.toLowerCase();
  }
  return reader.problem(
    name,
    `is '${value}'; write a host such as tenant.eu.auth0.com, without https:// and path`,
  );
}

const LOGINS = ['management-client-secret', 'management-private-key', 'management-credential'] as const;

function readLogin(reader: Reader): ManagementLogin | undefined {
  const token = reader.text('management-token');
  const clientId = reader.text('management-client-id');
  const given = LOGINS.filter((name) => reader.text(name) !== undefined);
  if (token !== undefined) {
    if (clientId === undefined && given.length === 0) return { kind: 'token', token };
    return reader.problem(
      'management-token',
      `cannot be given together with ${[...(clientId ? ['management-client-id'] : []), ...given].join(', ')}`,
    );
  }
  const [only, ...more] = given;
  if (only === undefined || more.length > 0) {
    const found = given.length === 0 ? 'none of them is' : `${given.join(' and ')} are`;
    return reader.problem(
      'management-client-id',
      `needs exactly one of ${LOGINS.join(', ')}, or management-token instead; ${found} given`,
    );
  }
  if (clientId === undefined) return reader.problem(only, 'needs management-client-id');
  return readClientLogin(reader, clientId, only);
}

/** Auth0 takes RSA of 2048 bits or more for private_key_jwt (configure-private-key-jwt). */
function parseRsaKey(text: string): ReturnType<typeof parsePrivateKey> {
  const key = parsePrivateKey(text);
  if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return key;
  throw new Error('is no RSA key of at least 2048 bits');
}

function readClientLogin(
  reader: Reader,
  clientId: string,
  name: (typeof LOGINS)[number],
): ManagementLogin | undefined {
  const value = reader.required(name);
  if (name === 'management-client-secret') return { kind: 'client-secret', clientId, secret: value };
  if (name === 'management-credential') {
    const pair = reader.parsed(name, parsePair);
    return pair && { kind: 'mtls', clientId, pair };
  }
  const key = reader.parsed(name, parseRsaKey);
  return (
    key && {
      kind: 'private-key-jwt',
      clientId,
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  );
}

function readWish(reader: Reader, currentPair: Pair | undefined): Wish | undefined {
  const clientId = reader.required('client-id');
  if (/^\.{1,2}$/.test(clientId)) reader.problem('client-id', 'is no client id');
  const method = reader.oneOf(
    'authentication-method',
    ['self_signed_tls_client_auth'],
    'self_signed_tls_client_auth',
  );
  const validityDays = reader.integer('validity-days', 90, [1, 825]);
  const renewBeforeDays = reader.integer('renew-before-days', 30, [0, 824]);
  if (renewBeforeDays >= validityDays) {
    reader.problem(
      'renew-before-days',
      `is ${renewBeforeDays}, which must be less than validity-days (${validityDays})`,
    );
  }
  const destinations = readDestinations(reader);
  const names = readSecretNames(reader);
  const wish = {
    clientId,
    method,
    subject: readSubject(reader, clientId),
    keySize: readKeySize(reader),
    validityDays,
    renewBeforeDays,
    force: reader.boolean('force'),
    overlap: readOverlap(reader),
    ...names,
    current: currentPair && inspect(currentPair.certificate),
    verify: reader.oneOf('verify', ['auto', 'required', 'off'], 'auto'),
    verifyAudience: reader.text('verify-audience'),
    keepCredentials: new Set((reader.text('keep-credentials') ?? '').split(/[\s,]+/).filter(Boolean)),
    run: `${reader.environment.GITHUB_RUN_ID ?? '0'}.${reader.environment.GITHUB_RUN_ATTEMPT ?? '1'}`,
  };
  return destinations && { ...wish, destinations };
}

/** In one spelling, so that it compares with a certificate's. */
function readSubject(reader: Reader, clientId: string): string {
  const given = reader.parsed('subject', (text) => printSubject(parseSubject(text)));
  return given ?? printSubject([{ oid: '2.5.4.3', value: clientId }]);
}

function readKeySize(reader: Reader): Wish['keySize'] {
  const size = reader.oneOf('key-size', ['2048', '3072', '4096'], '2048');
  return size === '2048' ? 2048 : size === '3072' ? 3072 : 4096;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY, w: 7 * DAY };

function readOverlap(reader: Reader): Wish['overlap'] {
  const text = reader.text('overlap') ?? 'until-next-rotation';
  if (text === 'until-next-rotation') return text;
  const match = /^(\d{1,5})([mhdw])$/.exec(text);
  if (match) return Number(match[1]) * (UNITS[`${match[2]}`] ?? 0);
  reader.problem('overlap', `is '${text}'; write until-next-rotation, or a duration such as 12h or 7d`);
  return 'until-next-rotation';
}

/** GitHub: letters, digits, underscores; no leading digit, not GITHUB_ (actions-secrets-and-variables-naming). */
function readSecretNames(
  reader: Reader,
): Pick<Wish, 'secretName' | 'privateKeySecretName' | 'certificateSecretName'> {
  const read = (name: string) => {
    const value = reader.text(name);
    if (value !== undefined && (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value) || /^github_/i.test(value))) {
      reader.problem(
        name,
        `is '${value}'; a secret's name has letters, digits and underscores, does not begin with a digit or GITHUB_`,
      );
    }
    return value?.toUpperCase();
  };
  const secretName = read('secret-name') ?? 'AUTH0_MTLS_PEM';
  const privateKeySecretName = read('private-key-secret-name');
  const certificateSecretName = read('certificate-secret-name');
  const given = [secretName, privateKeySecretName, certificateSecretName].filter(
    (name) => name !== undefined,
  );
  if (new Set(given).size < given.length) {
    reader.problem(
      'secret-name',
      'must differ from private-key-secret-name and certificate-secret-name, and they from each other',
    );
  }
  return { secretName, privateKeySecretName, certificateSecretName };
}

function readDestinations(reader: Reader): Wish['destinations'] | undefined {
  const repository = reader.environment.GITHUB_REPOSITORY;
  const text = reader.text('destinations') ?? (repository ? `repo:${repository}` : '');
  const lines = text.split('\n').map((line) => line.trim());
  const destinations: Destination[] = [];
  const problems = reader.problems.length;
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const destination = parseDestination(line);
    if (destination) destinations.push(destination);
    else
      reader.problem(
        'destinations',
        `has in line ${index + 1} '${line}', which is no destination; write ${DESTINATION_FORMS}`,
      );
  }
  refuseConflicts(reader, destinations);
  const [primary, ...others] = destinations;
  if (primary === undefined && reader.problems.length === problems)
    reader.problem('destinations', `names no destination; write ${DESTINATION_FORMS}`);
  return primary && [primary, ...others];
}

function refuseConflicts(reader: Reader, destinations: readonly Destination[]): void {
  const names = destinations.map((destination) => printDestination(destination).toLowerCase());
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) reader.problem('destinations', `names ${name} twice`);
  }
  for (const near of destinations) {
    for (const far of destinations.filter((one) => shadows(near, one))) {
      reader.problem(
        'destinations',
        `names ${printDestination(near)}, whose secret hides the one of the same name at ${printDestination(far)}; name only one of them`,
      );
    }
  }
}
