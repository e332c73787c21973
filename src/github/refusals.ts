/** Turns GitHub's refusals into errors: about a destination, and of the workflow's own token. */

import { RotationError } from '../errors.ts';
import { stringOf } from '../model/json.ts';
import { iso, oneLine } from '../model/markdown.ts';
import {
  type Destination,
  printDestination,
  printLocation,
  type SecretLocation,
} from '../model/secret-location.ts';
import type { Answer } from './answer.ts';

const PERMISSION: Readonly<Record<Destination['kind'], string>> = {
  repo: "the repository permission 'Secrets: write'",
  env: "the repository permission 'Environments: write'",
  org: "the organization permission 'Secrets: write'",
  dependabot: "the repository permission 'Dependabot secrets: write'",
};

/** What to do about a 403 that no permission mends, by GitHub's words for it. */
const KNOWN: readonly [RegExp, string][] = [
  [/archived/i, 'Unarchive the repository in its settings.'],
  [
    /IP allow list/i,
    "Run the job on a runner whose address is in the organization's IP allow list, or add that address there (Settings, Authentication security).",
  ],
  [
    /SAML enforcement/i,
    'Authorize the token for the organization: open the tokens in the developer settings of its owner, and choose Configure SSO. Or use the token of a GitHub App that is installed there: it needs no such authorization.',
  ],
];

/** The error for a rate limit, which shows nothing about the place. @param failed what was refused */
function limited({ until }: NonNullable<Answer['rateLimit']>, failed: string): RotationError {
  const wait = until === undefined ? 'a few minutes' : `until ${iso(until)}`;
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `${failed} That is a rate limit, which did not end in the time of this run.`,
    remedy: `Wait ${wait}, then start a new run. If that happens often, find out what else uses the same token or the same GitHub App.`,
  });
}

/** The error for a refused request. @param what completes "GitHub refused to …" */
export function refused(destination: Destination, answer: Answer, what: string): RotationError {
  const name = printDestination(destination);
  const message = oneLine(stringOf(answer.data, 'message'));
  if (answer.renamedTo !== undefined) return renamed(destination, answer.status, answer.renamedTo);
  const failed = `GitHub refused to ${what} for ${name} (${answer.status}${message && `: ${message}`}).`;
  if (answer.status === 401) {
    return new RotationError('GITHUB_UNAUTHORIZED', {
      failed,
      remedy:
        'Make the token in the same job, in the step right before this action (actions/create-github-app-token): it lives one hour.',
    });
  }
  if (answer.rateLimit) return limited(answer.rateLimit, failed);
  const known = answer.status === 403 && KNOWN.find(([pattern]) => pattern.test(message));
  if (known) return new RotationError('GITHUB_FORBIDDEN', { failed, remedy: known[1] });
  if (answer.status === 403 || answer.status === 404 || answer.status === 451) {
    const needed = answer.requiredPermissions && ` GitHub requires ${oneLine(answer.requiredPermissions)}.`;
    return new RotationError('GITHUB_FORBIDDEN', {
      failed,
      remedy: `Give the GitHub App (or fine-grained token) ${PERMISSION[destination.kind]} for ${name}, accept the change in the app's installation, and name that permission in the step that makes the token. GITHUB_TOKEN can never write secrets: use a GitHub App's token instead.${needed ?? ''}`,
    });
  }
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed,
    remedy: 'Start a new run. If that does not help, look at the debug log.',
  });
}

/** Whether GitHub refuses to show this one place, or says that it is not there. */
export function isNotShown(error: unknown): error is RotationError {
  return (
    error instanceof RotationError &&
    (error.code === 'DESTINATION_NOT_FOUND' || error.code === 'GITHUB_FORBIDDEN')
  );
}

/** The error for a renamed repository. The redirect is never followed, since a value is sealed for one repository only. */
function renamed(destination: Destination, status: number, newName: string): RotationError {
  const [owner = '', repo = ''] = newName.split('/');
  const isKnown = destination.kind !== 'org' && repo !== '';
  const name = isKnown ? printDestination({ ...destination, owner, repo }) : 'its new name';
  // Credentials are marked with the first destination, which is never Dependabot.
  const ifFirst =
    destination.kind === 'dependabot'
      ? ''
      : ` If it is the first one, also name ${printDestination(destination)} in moved-from.`;
  return new RotationError('DESTINATION_NOT_FOUND', {
    failed: `${printDestination(destination)} was renamed or transferred (${status}), and nothing was stored there.`,
    remedy: `Write ${name} in destinations.${ifFirst}`,
  });
}

export function notFound(destination: Destination): RotationError {
  return new RotationError('DESTINATION_NOT_FOUND', {
    failed: `GitHub does not show ${printDestination(destination)} to this github-token (404).`,
    remedy: `Check the spelling in destinations. ${installationAdvice(destination)} The token needs ${PERMISSION[destination.kind]}.`,
  });
}

function installationAdvice(destination: Destination): string {
  const open = 'open the installation of the GitHub App (Settings, GitHub Apps, Configure) and add';
  if (destination.kind === 'org')
    return `Then install the GitHub App in the organization ${destination.org}.`;
  const repository = `${destination.owner}/${destination.repo}`;
  const add = `${open} the repository ${repository}; if the step that makes the token names \`repositories\`, name it there, too.`;
  return destination.kind === 'env'
    ? `If the environment ${destination.environment} is missing in ${repository}, create it there (Settings, Environments). Then ${add}`
    : `Then ${add}`;
}

/**
 * The error for a destination without room. It is found by counting, since GitHub's answer is not documented
 * (docs/facts.md#github-secret-limits).
 */
export function full(
  destination: Destination,
  { total, added, most }: { total: number; added: number; most: number },
): RotationError {
  const name = printDestination(destination);
  return new RotationError('DESTINATION_FULL', {
    failed: `${name} holds ${total} secrets, GitHub allows ${most}, and this run would add ${added}.`,
    remedy: `Delete a secret of ${name} that nobody reads, or choose another destination.`,
  });
}

export function unexpected(destination: Destination, status: number): RotationError {
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `GitHub's answer about ${printDestination(destination)} cannot be used (${status}).`,
    remedy: 'Start a new run. If that does not help, look at the debug log and at the status page of GitHub.',
  });
}

/** The error for a secret that this run has read, and that GitHub does not show any more when its visibility is needed. */
export function vanished(location: SecretLocation): RotationError {
  const name = printLocation(location);
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `GitHub showed ${name} earlier in this run and does not show it any more (404), so it is unknown which repositories may see it.`,
    remedy: `Check whether ${name} is still there. If it is, start a new run. If somebody has deleted it, a new run stores it for the private repositories of the organization: choose in its settings who else sees it.`,
  });
}

/** The error for a list that ends before its `total_count`. @param what completes "GitHub refused to …" */
export function incomplete(
  destination: Destination,
  what: string,
  { count, total }: { count: number; total: number },
): RotationError {
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `GitHub was asked to ${what} for ${printDestination(destination)}, counted ${total} and showed ${count}.`,
    remedy:
      'Start a new run. If that does not help, check whether the token sees only a part, or whether a proxy shortens the answers.',
  });
}

/** The error if GitHub refused workflow-token or gave an unexpected answer. @param what completes "GitHub did not …" */
export function callRefused(what: string, answer: Answer, permission: string): RotationError {
  const message = oneLine(stringOf(answer.data, 'message'));
  const failed = `GitHub did not ${what} (${answer.status}${message && `: ${message}`}).`;
  if (answer.renamedTo !== undefined) {
    const remedy = `The repository was renamed: write ${answer.renamedTo || 'its new name'}.`;
    return new RotationError('DESTINATION_NOT_FOUND', { failed, remedy });
  }
  if (answer.status === 401) {
    const remedy = 'Leave workflow-token at its default, or pass a token that is valid and not expired.';
    return new RotationError('GITHUB_UNAUTHORIZED', { failed, remedy });
  }
  if (answer.rateLimit) return limited(answer.rateLimit, failed);
  if (answer.status === 410) {
    const remedy = 'Enable issues in the settings of that repository, or set report-issue: false.';
    return new RotationError('GITHUB_FORBIDDEN', { failed, remedy });
  }
  if (answer.status === 403 || answer.status === 404) {
    const remedy = `Check the names, and give the job the permission '${permission}'; for another repository, pass a workflow-token that has it there.`;
    return new RotationError('GITHUB_FORBIDDEN', { failed, remedy });
  }
  const remedy =
    'Start a new run. If that does not help, look at the debug log and at the status page of GitHub.';
  return new RotationError('GITHUB_REQUEST_FAILED', { failed, remedy });
}
