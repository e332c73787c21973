/** The ordered reasons that a rotation is due: first wins. Pure. */

import { DAY, type Wish } from '../model/desired-state.ts';
import type { State } from '../model/observed-state.ts';
import type { Evidence } from './in-use.ts';

export type Reason =
  | 'MethodDiffers'
  | 'NotDelivered'
  | 'PartlyDelivered'
  | 'CertificateExpired'
  | 'CertificateExpiring'
  | 'SpecChanged'
  | 'Forced';

export interface Question {
  wish: Wish;
  state: State;
  /** As it is once a delivery that could be finished without a new key is finished. */
  evidence: Evidence;
}

/** [reason, does it hold?, as the report says it] */
type Rule = readonly [Reason, (question: Question) => boolean, (question: Question) => string];

const RULES: readonly Rule[] = [
  [
    'MethodDiffers',
    ({ state, wish }) => state.client !== undefined && state.client.method !== wish.method,
    ({ state, wish }) => `the client uses ${state.client?.method}, and is to use ${wish.method}`,
  ],
  ['NotDelivered', notDelivered, explainNotDelivered],
  [
    'PartlyDelivered',
    partlyDelivered,
    () => 'not every destination holds the newest key, and it is not at hand',
  ],
  ['CertificateExpired', expired, ({ evidence }) => `the current certificate expired ${dateOf(evidence)}`],
  [
    'CertificateExpiring',
    expiring,
    ({ evidence, wish }) =>
      `the current certificate expires ${dateOf(evidence)}, within ${wish.renewBeforeDays} days`,
  ],
  ['SpecChanged', specChanged, ({ wish }) => `the wish has changed to ${describeWish(wish)}`],
  ['Forced', ({ wish }) => wish.force, () => 'it was asked for (force)'],
];

export function firstReason(question: Question): { reason: Reason; explanation: string } | undefined {
  for (const [reason, holds, explain] of RULES) {
    if (holds(question)) return { reason, explanation: explain(question) };
  }
  return undefined;
}

/** When the next rotation is due by its certificate's expiry. */
export function nextRotation(wish: Wish, expiresAt: number): number {
  return expiresAt - wish.renewBeforeDays * DAY;
}

/** When the next rotation is due after this one, or without it. */
export function nextDue(
  wish: Wish,
  state: State,
  { expiresAt }: Evidence,
  rotates: boolean,
): number | undefined {
  const issued = wish.brought?.notAfter?.getTime() ?? state.now + wish.validityDays * DAY;
  if (rotates) return nextRotation(wish, issued);
  return expiresAt === undefined ? undefined : nextRotation(wish, expiresAt);
}

function notDelivered({ evidence }: Question): boolean {
  const { current, displaced, unexplained, unregistered } = evidence;
  return current === undefined || unregistered || unexplained || displaced !== undefined;
}

function explainNotDelivered({ evidence, state, wish }: Question): string {
  const { current, displaced, unexplained, unregistered } = evidence;
  if (state.client === undefined) return `no client was made under the name ${wish.clientName} yet`;
  if (displaced && current && !unregistered) {
    return `a destination may hold ${displaced.id}, which is not associated (current-credential would tell)`;
  }
  if (unexplained && wish.brought && !unregistered)
    return 'nobody has recorded when a certificate that was brought expires (current-credential would tell)';
  if (unexplained && current && !unregistered) {
    return `by time alone the primary destination would hold ${current.id}, but no run can have stored that then (current-credential would tell)`;
  }
  return 'the primary destination holds no credential that Auth0 knows';
}

function partlyDelivered({ evidence }: Question): boolean {
  return !evidence.settled;
}

function expired({ evidence, state }: Question): boolean {
  return expiry(evidence) <= state.now;
}

function expiring({ evidence, state, wish }: Question): boolean {
  return nextRotation(wish, expiry(evidence)) <= state.now;
}

/** Auth0 records a subject with `tls_client_auth` alone, and no key size: `current-credential` shows both. */
function specChanged({ evidence, wish }: Question): boolean {
  const { current, method, subject } = wish;
  if (current === undefined)
    return method === 'tls_client_auth' && (evidence.current?.identity ?? subject) !== subject;
  const { keySize = current.keySize } = wish;
  return (current.subject ?? subject) !== subject || current.keySize !== keySize;
}

function describeWish({ keySize, method, subject }: Wish): string {
  const key = keySize === undefined ? '' : `RSA ${keySize}`;
  return method === 'private_key_jwt' ? key : [subject, key].filter(Boolean).join(', ');
}

function expiry({ expiresAt }: Evidence): number {
  return expiresAt ?? Number.POSITIVE_INFINITY;
}

function dateOf(evidence: Evidence): string {
  const at = expiry(evidence);
  return Number.isFinite(at) ? `on ${new Date(at).toISOString().slice(0, 10)}` : 'at an unknown date';
}
