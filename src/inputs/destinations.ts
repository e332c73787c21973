/** Reads the destinations and the names of the secrets. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  DESTINATION_FORMS,
  type Destination,
  PROBE_NAME,
  parseDestination,
  printDestination,
  shadows,
} from '../model/secret-location.ts';
import type { Reader } from './reader.ts';

/**
 * GitHub allows letters, digits and underscores in a secret's name. It must not begin with a digit or GITHUB_
 * (actions-secrets-and-variables-naming).
 */
export function readSecretNames(
  reader: Reader,
): Pick<DesiredState, 'secretName' | 'privateKeySecretName' | 'certificateSecretName' | 'pkcs12SecretName'> {
  const read = (name: string) => {
    const value = reader.text(name);
    if (value !== undefined && (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value) || /^github_/i.test(value))) {
      reader.problem(
        name,
        `is '${value}'; a secret's name has letters, digits and underscores, and does not begin with a digit or GITHUB_`,
      );
    }
    if (value?.toUpperCase() === PROBE_NAME)
      reader.problem(name, `is ${PROBE_NAME}, a secret that each run may delete; choose another name`);
    return value?.toUpperCase();
  };
  const secretName = read('secret-name') ?? 'AUTH0_MTLS_PEM';
  const privateKeySecretName = read('private-key-secret-name');
  const certificateSecretName = read('certificate-secret-name');
  const pkcs12SecretName = read('pkcs12-secret-name');
  const names = { secretName, privateKeySecretName, certificateSecretName, pkcs12SecretName };
  const given = Object.values(names).filter((name) => name !== undefined);
  if (new Set(given).size < given.length) {
    reader.problem(
      'secret-name',
      'must differ from private-key-secret-name, certificate-secret-name and pkcs12-secret-name, and they from each other',
    );
  }
  return names;
}

/** Reads the password of the key store. A consumer must pass exactly this text, so white space at its ends is refused. Empty if none is given. */
export function readPkcs12Password(reader: Reader): string {
  const name = 'pkcs12-password';
  const password = reader.text(name) ?? '';
  if (reader.untrimmed(name) !== password)
    reader.problem(
      name,
      'begins or ends with white space; store the secret without it, and without a line end',
    );
  if (/[^\x20-\x7e]/.test(password))
    reader.problem(name, 'has a character that is not printable ASCII, which Java refuses');
  return password;
}

export function readDestinations(reader: Reader): DesiredState['destinations'] | undefined {
  const repository = reader.environment.GITHUB_REPOSITORY;
  const text = reader.text('destinations') ?? (repository ? `repo:${repository}` : '');
  const lines = text.split('\n').map((line) => line.trim());
  const destinations: Destination[] = [];
  const problems = reader.problems.length;
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const destination = COMMENT.test(line) ? undefined : parseDestination(line);
    if (destination) destinations.push(destination);
    else refuseLine(reader, 'destinations', { line, index, forms: DESTINATION_FORMS });
  }
  refuseConflicts(reader, destinations);
  const [primary, ...others] = destinations;
  if (primary?.kind === 'dependabot')
    reader.problem(
      'destinations',
      `names ${printDestination(primary)} first; the first is the primary, which a job of this workflow must be able to read; put another one before it`,
    );
  if (primary === undefined && reader.problems.length === problems)
    reader.problem('destinations', `names no destination; write ${DESTINATION_FORMS}`);
  return primary && [primary, ...others];
}

const FORMER = /^(.*?)(?:#([A-Za-z_][A-Za-z0-9_]*))?$/;

/** Reads former primaries, one per line, such as `repo:old/name`. If the secret had another name, the line is `repo:old/name#SECRET`. */
export function readMovedFrom(reader: Reader): DesiredState['movedFrom'] {
  const lines = (reader.text('moved-from') ?? '').split('\n').map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (line === '') return [];
    const [, former = '', secretName] = FORMER.exec(line) ?? [];
    const destination = COMMENT.test(line) ? undefined : parseDestination(former);
    if (destination) return [{ destination, secretName: secretName?.toUpperCase() }];
    const forms = `${DESTINATION_FORMS}, followed by #<secret> if the secret had another name`;
    refuseLine(reader, 'moved-from', { line, index, forms });
    return [];
  });
}

/** Would be taken as a part of an environment's name. */
const COMMENT = /(^|\s)#/;

function refuseLine(
  reader: Reader,
  name: string,
  { forms, index, line }: { line: string; index: number; forms: string },
): void {
  const why = COMMENT.test(line)
    ? 'where # begins a comment; a destination takes none, so delete it'
    : `which is not a destination; write ${forms}`;
  reader.problem(name, `has '${line}' in line ${index + 1}, ${why}`);
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
