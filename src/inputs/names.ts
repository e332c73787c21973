/** The names of the inputs. GitHub only warns about an unknown input, so a typo would go unnoticed. */

import { oneLine } from '../model/markdown.ts';
import type { Reader } from './reader.ts';

/** As action.yml declares them. */
export const INPUT_NAMES: readonly string[] = [
  'operation',
  'plan-of',
  'auth0-domain',
  'mtls-domain',
  'client-id',
  'client-name',
  'revert-to',
  'management-client-id',
  'management-client-secret',
  'management-private-key',
  'management-credential',
  'management-token',
  'management-audience',
  'github-token',
  'destinations',
  'current-credential',
  'secret-name',
  'private-key-secret-name',
  'certificate-secret-name',
  'pkcs12-secret-name',
  'pkcs12-password',
  'moved-from',
  'authentication-method',
  'subject',
  'key-size',
  'signing-algorithm',
  'validity-days',
  'ca-certificate',
  'ca-private-key',
  'certificate',
  'private-key',
  'token-binding',
  'renew-before-days',
  'force',
  'verify',
  'verify-audience',
  'propagation-time',
  'overlap',
  'retire',
  'quiet-window',
  'revoke',
  'keep-credentials',
  'removable-credentials',
  'manifest',
  'shard',
  'workflow',
  'report-issue',
  'workflow-token',
];

/** The most edits that count as a typo. Two swapped letters are two edits. */
const NEAR = 2;

/** Refuses a name that is nearly the name of an input. The runner warns of any other unknown name. */
export function refuseNearNames(reader: Reader): void {
  const given = Object.keys(reader.environment).filter((name) => name.startsWith('INPUT_'));
  const unknown = given
    .map((name) => name.slice('INPUT_'.length).toLowerCase())
    .filter((name) => !INPUT_NAMES.includes(name));
  for (const name of unknown.sort()) {
    const meant = nearestTo(name, INPUT_NAMES);
    if (meant !== undefined) reader.problem(oneLine(name), `is unknown; write ${meant}`);
  }
}

/** The known name with the fewest edits. undefined if none is near. */
export function nearestTo(name: string, names: readonly string[]): string | undefined {
  const distances = names.map((known) => [distance(letters(name), letters(known)), known] as const);
  const [nearest] = distances.filter(([far]) => far <= NEAR).sort(([a], [b]) => a - b);
  return nearest?.[1];
}

function letters(name: string): string {
  return name.replace(/[-_\s]/g, '');
}

/** The Levenshtein distance. */
function distance(from: string, to: string): number {
  let row = [...to, ''].map((_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (const [at, other] of [...to].entries()) {
      const [left = 0, above = 0, corner = 0] = [next[at], row[at + 1], row[at]];
      next.push(Math.min(left + 1, above + 1, corner + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
