/** The ordered reasons that a rotation is due: first wins. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import type { Credential, ObservedState } from '../model/observed-state.ts';
import type { Reason } from '../model/plan.ts';
import { printLocation } from '../model/secret-location.ts';
import { DAY } from '../model/timing.ts';
import type { CredentialsInUse } from './in-use.ts';

export interface Question {
  desired: DesiredState;
  observed: ObservedState;
  /** As it is once a delivery that could be finished without a new key is finished. */
  inUse: CredentialsInUse;
  /** Made by hand, or by a tool that marks nothing. */
  isUnmarked: (credential: Credential) => boolean;
  /** No credential can be added before another one goes. */
  isFull: boolean;
}

/** [reason, does it hold?, as the report says it] */
type Rule = readonly [Reason, (question: Question) => boolean, (question: Question) => string];

const RULES: readonly Rule[] = [
  [
    'MethodDiffers',
    ({ observed, desired }) => observed.client !== undefined && observed.client.method !== desired.method,
    ({ observed, desired }) => `the client uses ${observed.client?.method}, and is to use ${desired.method}`,
  ],
  ['FirstDelivery', firstDelivery, explainFirstDelivery],
  [
    'NotDelivered',
    displaced,
    ({ inUse }) =>
      `a destination may hold ${inUse.displaced?.id}, which is not associated (pass current-credential to be certain)`,
  ],
  ['UnidentifiedSecret', unidentified, explainUnidentified],
  [
    'PartlyDelivered',
    partlyDelivered,
    () => 'not every destination holds the newest key, and its private key is not at hand',
  ],
  ['CertificateExpired', expired, ({ inUse }) => `the current certificate expired ${dateOf(inUse)}`],
  [
    'CertificateExpiring',
    expiring,
    ({ inUse, desired }) =>
      `the current certificate expires ${dateOf(inUse)}, within ${desired.renewBeforeDays} days`,
  ],
  ['SpecChanged', specChanged, ({ desired }) => `the inputs ask for ${describeSpec(desired)} now`],
  [
    'CertificateTooOld',
    tooOld,
    ({ desired }) =>
      `the current certificate was made by hand, more than ${desired.validityDays - desired.renewBeforeDays} days ago`,
  ],
  ['Forced', ({ desired }) => desired.force, () => 'it was asked for (force)'],
];

export function firstReason(question: Question): { reason: Reason; explanation: string } | undefined {
  for (const [reason, holds, explain] of RULES) {
    if (holds(question)) return { reason, explanation: explain(question) };
  }
  return undefined;
}

/** When the next rotation is due by its certificate's expiry. */
export function nextRotation(desired: DesiredState, expiresAt: number): number {
  return expiresAt - desired.renewBeforeDays * DAY;
}

/** When the next rotation is due after this one, or without it. */
export function nextDue(
  desired: DesiredState,
  observed: ObservedState,
  { expiresAt }: CredentialsInUse,
  rotates: boolean,
): number | undefined {
  const issued = desired.brought?.notAfter?.getTime() ?? observed.now + desired.validityDays * DAY;
  if (rotates) return nextRotation(desired, issued);
  return expiresAt === undefined ? undefined : nextRotation(desired, expiresAt);
}

function firstDelivery({ inUse, observed }: Question): boolean {
  return inUse.current === undefined && observed.secrets[0]?.times === 'missing';
}

function explainFirstDelivery({ desired, observed }: Question): string {
  return observed.client === undefined
    ? `there is no client named ${desired.clientName} yet`
    : 'the primary destination has no secret yet';
}

function displaced({ inUse }: Question): boolean {
  // guard: what may have been displaced is kept
  return inUse.displaced !== undefined && inUse.current !== undefined && !inUse.unregistered;
}

function unidentified({ inUse }: Question): boolean {
  // guard: what may have been displaced is kept
  return (
    inUse.current === undefined || inUse.unregistered || inUse.unexplained || inUse.displaced !== undefined
  );
}

function explainUnidentified({ desired, inUse, observed }: Question): string {
  if (observed.client === undefined) return `there is no client named ${desired.clientName} yet`;
  if (inUse.unexplained && desired.brought && !inUse.unregistered)
    return 'nobody has recorded when a certificate that was brought expires (pass current-credential to be certain)';
  if (inUse.unexplained && inUse.current && !inUse.unregistered)
    return 'the secret of the primary destination was last written when no run can have delivered (pass current-credential to be certain)';
  return 'the primary destination holds no credential that Auth0 knows';
}

/** A location without a secret has no consumers: it waits for a free place or the next rotation. */
function partlyDelivered({ inUse, isFull, observed }: Question): boolean {
  // Put back by hand, and the key is at hand: both stay until a rotation is due.
  if (inUse.rolledBack) return false;
  const unwritable = new Set(observed.unwritable?.map(({ location }) => location));
  return inUse.lacking.some((index) => {
    const secret = observed.secrets[index];
    if (!secret || unwritable.has(printLocation(secret.location))) return false;
    return secret.times !== 'missing' || !isFull;
  });
}

/** Whatever the reason is: waiting any longer would let it expire. */
export function isDueByExpiry(question: Question): boolean {
  return expiring(question);
}

function expired({ inUse, observed }: Question): boolean {
  return expiry(inUse) <= observed.now;
}

function expiring({ inUse, observed, desired }: Question): boolean {
  return nextRotation(desired, expiry(inUse)) <= observed.now;
}

/** Only what was given is compared. Auth0 records a subject with `tls_client_auth` alone, and no key size: `current-credential` shows both. */
function specChanged({ desired, inUse }: Question): boolean {
  const { current, given, keySize, method, subject } = desired;
  if (otherAlgorithm(inUse, desired)) return true;
  const registered = inUse.unregistered ? undefined : current;
  const recorded = method === 'tls_client_auth' ? inUse.current?.identity : undefined;
  const subjectNow = registered ? registered.subject : recorded;
  if (given.has('subject') && subjectNow !== undefined && subjectNow !== subject) return true;
  if (!given.has('key-size') || keySize === undefined || registered === undefined) return false;
  return registered.keySize !== keySize;
}

/** A certificate that somebody made to last for years would never be renewed. */
function tooOld({ desired, inUse, isUnmarked, observed }: Question): boolean {
  const { brought, current, renewBeforeDays, validityDays } = desired;
  const held = inUse.current;
  if (brought || held === undefined || !isUnmarked(held)) return false;
  const exact = current?.identity === held.identity ? current : undefined;
  const began = exact?.notBefore?.getTime();
  // The record of a subject DN says nothing of its certificate's age.
  if (began === undefined && held.type === 'cert_subject_dn') return false;
  return (began ?? held.createdAt) + (validityDays - renewBeforeDays) * DAY <= observed.now;
}

/** Only one that was asked for counts, and only where Auth0 shows what the key in use signs with. */
export function otherAlgorithm(
  { current }: Pick<CredentialsInUse, 'current'>,
  { given, method, signingAlgorithm }: DesiredState,
): boolean {
  const { algorithm = signingAlgorithm } = current ?? {};
  return method === 'private_key_jwt' && given.has('signing-algorithm') && algorithm !== signingAlgorithm;
}

function describeSpec({ keySize, given, method, signingAlgorithm, subject }: DesiredState): string {
  const key = keySize === undefined ? '' : `RSA ${keySize}`;
  const signs = given.has('signing-algorithm') ? signingAlgorithm : '';
  return method === 'private_key_jwt'
    ? [key, signs].filter(Boolean).join(', ')
    : [subject, key].filter(Boolean).join(', ');
}

function expiry({ expiresAt }: CredentialsInUse): number {
  return expiresAt ?? Number.POSITIVE_INFINITY;
}

function dateOf(inUse: CredentialsInUse): string {
  const at = expiry(inUse);
  return Number.isFinite(at) ? `on ${new Date(at).toISOString().slice(0, 10)}` : 'at an unknown date';
}
