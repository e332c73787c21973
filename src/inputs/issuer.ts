/** Reads the properties of the new key and the source of its certificate. */

import { authorityOf, type Issuer, issuedPairOf, parseSigningKey } from '../certificate/authority.ts';
import { inspect, parseCertificates, parsePrivateKey, subjectDnOf } from '../certificate/inspect.ts';
import { exceedsSecret, HEADER_LIMIT, headerSize } from '../certificate/size.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { CertifiedPair } from '../model/key-pair.ts';
import { parseSubject, printSubject } from '../model/subject-dn.ts';
import { DAY } from '../model/timing.ts';
import type { Reader } from './reader.ts';

/** The certificate and the private key of each kind of issuer. */
const ISSUERS = [
  ['ca-certificate', 'ca-private-key'],
  ['certificate', 'private-key'],
] as const;

/**
 * @param desired `issues` is false for a run that issues nothing and shows no plan of it: a watch, a revert
 * @returns undefined if there is a problem
 */
export function readIssuer(
  reader: Reader,
  desired: Pick<DesiredState, 'method'> & { readOnly: boolean; issues: boolean },
): Issuer | undefined {
  const given = ISSUERS.flat().filter((name) => reader.text(name) !== undefined);
  if (desired.method !== 'tls_client_auth') {
    for (const name of given)
      reader.unfitProblem(
        name,
        'is only for authentication-method: tls_client_auth; with other methods the action makes the key itself',
      );
    return { kind: 'itself' };
  }
  const [, brings] = ISSUERS;
  const broughtNames = given.filter((name) => brings.some((one) => one === name));
  if (given.length === 0) {
    if (!desired.issues || desired.readOnly) return { kind: 'none' };
    return reader.problem(
      'authentication-method',
      'is tls_client_auth: give ca-certificate and ca-private-key, or certificate and private-key of a pair issued elsewhere',
    );
  }
  if (broughtNames.length > 0 && broughtNames.length < given.length)
    return reader.problem(
      broughtNames[0] ?? '',
      `cannot be given together with ${given.filter((name) => !broughtNames.includes(name)).join(' and ')}; write ca-certificate with ca-private-key, or certificate with private-key`,
    );
  return broughtNames.length > 0
    ? readBrought(reader, desired.issues)
    : readAuthority(reader, desired.issues);
}

function readAuthority(reader: Reader, issues: boolean): Issuer | undefined {
  for (const name of ISSUERS[0]) reader.required(name);
  const privateKey = reader.parsed('ca-private-key', parseSigningKey);
  const given = reader.parsed('ca-certificate', parseCertificates);
  if (!privateKey || !given) return undefined;
  const authority = reader.parsed('ca-certificate', () => authorityOf(given, privateKey, issues));
  if (authority && exceedsSecret(authority.intermediates)) return refuseChain(reader, 'ca-certificate');
  return authority && { kind: 'authority', authority };
}

function readBrought(reader: Reader, issues: boolean): Issuer | undefined {
  for (const name of ISSUERS[1]) reader.required(name);
  const privateKey = reader.parsed('private-key', parsePrivateKey);
  const given = reader.parsed('certificate', parseCertificates);
  if (!privateKey || !given) return undefined;
  const pair = reader.parsed('certificate', () => issuedPairOf(given, privateKey, issues));
  if (pair && exceedsSecret(pair.privateKey + pair.certificate)) return refuseChain(reader, 'certificate');
  return pair && { kind: 'brought', pair };
}

function refuseChain(reader: Reader, name: string): undefined {
  return reader.problem(
    name,
    'has a chain that is too large for a secret (48 KB); leave out certificates that no consumer needs',
  );
}

type Material = Pick<
  DesiredState,
  'subject' | 'keySize' | 'brought' | 'validityDays' | 'renewBeforeDays' | 'authorityEnd'
>;

/** The desired key and certificate, or the properties of the pair that was brought. @param known `issues` as for `readIssuer` */
export function readMaterial(
  reader: Reader,
  issuer: Issuer | undefined,
  known: Pick<DesiredState, 'method' | 'operation'> & { issues: boolean; fallbackSubject: string },
): Material {
  const { fallbackSubject, issues, method, operation } = known;
  const subject = reader.parsed('subject', (text) => printSubject(parseSubject(text))) ?? fallbackSubject;
  const keySize = readKeySize(reader);
  const requested = reader.integer('validity-days', 90, [1, 825]);
  const renewBeforeDays = reader.integer('renew-before-days', 30, [0, 824]);
  const isSubjectValid = !reader.problems.some(({ name }) => SUBJECT_INPUTS.includes(name));
  const authorityEnd = issuer?.kind === 'authority' ? issuer.authority.notAfter : undefined;
  const lives = issues ? daysToLive({ authorityEnd, validityDays: requested }) : requested;
  const material =
    issuer?.kind === 'brought'
      ? ofBrought(reader, issuer.pair, { method, subject })
      : { subject, keySize, brought: undefined, validityDays: requested };
  // A pair that was brought has its own dates, and the plan warns if they are too short.
  if (operation !== 'revert' && issuer?.kind !== 'brought' && renewBeforeDays >= lives) {
    const bound = lives < requested ? 'the remaining days of ca-certificate' : 'validity-days';
    reader.problem('renew-before-days', `is ${renewBeforeDays}, which must be less than ${bound} (${lives})`);
  }
  if (issuer && isSubjectValid) refuseOversize(reader, headerSize({ method, ...material }, issuer), issuer);
  return { ...material, renewBeforeDays, authorityEnd };
}

/** The inputs that the subject comes from. */
const SUBJECT_INPUTS = ['subject', 'client-id', 'client-name'];

function refuseOversize(reader: Reader, size: number, issuer: Issuer): void {
  if (size <= HEADER_LIMIT) return;
  const limit = `when it is URL-encoded; Auth0's edge takes ${HEADER_LIMIT}`;
  if (issuer.kind === 'brought')
    reader.problem('certificate', `has ${size} bytes ${limit}`, 'CERTIFICATE_TOO_LARGE');
  else
    reader.problem(
      'subject',
      `with this key-size gives a certificate of up to ${size} bytes ${limit}; choose a shorter subject or a smaller key-size`,
      'CERTIFICATE_TOO_LARGE',
    );
}

/** How many whole days a certificate lives that is issued now. None outlives its CA. */
export function daysToLive({
  authorityEnd = Number.POSITIVE_INFINITY,
  validityDays,
}: Pick<DesiredState, 'authorityEnd' | 'validityDays'>): number {
  return Math.min(validityDays, Math.floor((authorityEnd - Date.now()) / DAY));
}

function ofBrought(
  reader: Reader,
  { certificate }: CertifiedPair,
  requested: Pick<DesiredState, 'method' | 'subject'>,
): Pick<DesiredState, 'subject' | 'keySize' | 'brought' | 'validityDays'> {
  const facts = inspect(certificate);
  const { notAfter, notBefore, subject } = facts;
  if (reader.text('subject') !== undefined && subject !== requested.subject)
    reader.problem('subject', `is ${requested.subject}, but the subject of certificate is ${subject}`);
  const recorded =
    facts.keySize === 0 && requested.method === 'tls_client_auth' ? subjectDnOf(certificate) : '';
  if (recorded.length > LONGEST_SUBJECT)
    reader.problem(
      'certificate',
      `has a subject of ${recorded.length} characters; Auth0 takes ${LONGEST_SUBJECT}`,
    );
  const validityDays = Math.max(1, Math.round((notAfter.getTime() - notBefore.getTime()) / DAY));
  return { subject, keySize: undefined, brought: { ...facts, identity: subject }, validityDays };
}

/** Of `subject_dn`, by which an EC certificate is registered (POST /clients/{id}/credentials). */
const LONGEST_SUBJECT = 256;

function readKeySize(reader: Reader): DesiredState['keySize'] {
  const size = reader.oneOf('key-size', ['2048', '3072', '4096'], '2048');
  return size === '2048' ? 2048 : size === '3072' ? 3072 : 4096;
}
