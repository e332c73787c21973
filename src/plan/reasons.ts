/** The ordered reasons that a rotation is due: first wins. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Reason } from '../model/plan.ts';
import { DAY } from '../model/timing.ts';
import type { CredentialsInUse } from './in-use.ts';

export interface Question {
  desired: DesiredState;
  observed: ObservedState;
  /** As it is once a delivery that could be finished without a new key is finished. */
  inUse: CredentialsInUse;
}

/** [reason, does it hold?, as the report says it] */
type Rule = readonly [Reason, (question: Question) => boolean, (question: Question) => string];

const RULES: readonly Rule[] = [
  [
    'MethodDiffers',
    ({ observed, desired }) => observed.client !== undefined && observed.client.method !== desired.method,
    ({ observed, desired }) => `the client uses ${observed.client?.method}, and is to use ${desired.method}`,
  ],
  ['NotDelivered', notDelivered, explainNotDelivered],
  [
    'PartlyDelivered',
    partlyDelivered,
    () => 'not every destination holds the newest key, and it is not at hand',
  ],
  ['CertificateExpired', expired, ({ inUse }) => `the current certificate expired ${dateOf(inUse)}`],
  [
    'CertificateExpiring',
    expiring,
    ({ inUse, desired }) =>
      `the current certificate expires ${dateOf(inUse)}, within ${desired.renewBeforeDays} days`,
  ],
  ['SpecChanged', specChanged, ({ desired }) => `the wish has changed to ${describeSpec(desired)}`],
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

function notDelivered({ inUse }: Question): boolean {
  const { current, displaced, unexplained, unregistered } = inUse;
  return current === undefined || unregistered || unexplained || displaced !== undefined;
}

function explainNotDelivered({ inUse, observed, desired }: Question): string {
  const { current, displaced, unexplained, unregistered } = inUse;
  if (observed.client === undefined) return `no client was made under the name ${desired.clientName} yet`;
  if (displaced && current && !unregistered) {
    return `a destination may hold ${displaced.id}, which is not associated (current-credential would tell)`;
  }
  if (unexplained && desired.brought && !unregistered)
    return 'nobody has recorded when a certificate that was brought expires (current-credential would tell)';
  if (unexplained && current && !unregistered) {
    return `by time alone the primary destination would hold ${current.id}, but no run can have stored that then (current-credential would tell)`;
  }
  return 'the primary destination holds no credential that Auth0 knows';
}

function partlyDelivered({ inUse }: Question): boolean {
  return !inUse.settled;
}

function expired({ inUse, observed }: Question): boolean {
  return expiry(inUse) <= observed.now;
}

function expiring({ inUse, observed, desired }: Question): boolean {
  return nextRotation(desired, expiry(inUse)) <= observed.now;
}

/** Auth0 records a subject with `tls_client_auth` alone, and no key size: `current-credential` shows both. */
function specChanged({ inUse, desired }: Question): boolean {
  const { current, method, subject } = desired;
  if (current === undefined)
    return method === 'tls_client_auth' && (inUse.current?.identity ?? subject) !== subject;
  const { keySize = current.keySize } = desired;
  return (current.subject ?? subject) !== subject || current.keySize !== keySize;
}

function describeSpec({ keySize, method, subject }: DesiredState): string {
  const key = keySize === undefined ? '' : `RSA ${keySize}`;
  return method === 'private_key_jwt' ? key : [subject, key].filter(Boolean).join(', ');
}

function expiry({ expiresAt }: CredentialsInUse): number {
  return expiresAt ?? Number.POSITIVE_INFINITY;
}

function dateOf(inUse: CredentialsInUse): string {
  const at = expiry(inUse);
  return Number.isFinite(at) ? `on ${new Date(at).toISOString().slice(0, 10)}` : 'at an unknown date';
}
