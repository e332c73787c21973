/** The reasons for a rotation, in order: the first one that holds wins. Pure. */

import { currentFactsOf, type DesiredState, printMethod } from '../model/desired-state.ts';
import { type ObservedState, whyUnwritable } from '../model/observed-state.ts';
import type { Reason } from '../model/plan.ts';
import { DAY } from '../model/timing.ts';
import { endOfIssued } from './expiry.ts';
import type { CredentialsInUse } from './in-use.ts';
import { cannotCompare, causeOf } from './incomparable-keys.ts';
import type { Owners } from './owners.ts';

/** What the rules decide by. */
export interface RuleContext {
  desired: DesiredState;
  observed: ObservedState;
  /** After the deliveries that this run finishes without a new key. */
  inUse: CredentialsInUse;
  owners: Owners;
  /** A credential must be removed before another one can be added. */
  isFull: boolean;
}

/** A reason, a function that returns whether it holds, and one that explains it in the report. */
type Rule = readonly [Reason, (context: RuleContext) => boolean, (context: RuleContext) => string];

const RULES: readonly Rule[] = [
  [
    'MethodDiffers',
    ({ observed, desired }) => observed.client !== undefined && observed.client.method !== desired.method,
    ({ observed, desired }) =>
      `the client uses ${printMethod(observed.client?.method ?? '')} instead of ${desired.method}`,
  ],
  ['FirstDelivery', firstDelivery, explainFirstDelivery],
  [
    'NotDelivered',
    perhapsDisplaced,
    ({ desired, inUse }) =>
      `a destination may hold ${inUse.perhapsDisplaced?.id}, which is not associated${desired.currentKey ? '' : ' (pass current-credential to be certain)'}`,
  ],
  ['UnidentifiedSecret', unidentified, explainUnidentified],
  [
    'PartlyDelivered',
    partlyDelivered,
    () => 'not every destination holds the newest key, and this run does not have its private key',
  ],
  ['CertificateExpired', expired, (context) => `${nameOfCurrent(context)} expired ${dateOf(context.inUse)}`],
  [
    'CertificateExpiring',
    isDueByExpiry,
    (context) =>
      `${nameOfCurrent(context)} expires ${dateOf(context.inUse)}, within ${context.desired.renewBeforeDays} days`,
  ],
  ['SpecChanged', specChanged, ({ desired }) => `the inputs ask for ${describeSpec(desired)} now`],
  [
    'CertificateTooOld',
    (context) => tooOldAt(context) <= context.observed.now,
    (context) =>
      `${nameOfCurrent(context)} was made by hand, more than ${context.desired.validityDays - context.desired.renewBeforeDays} days ago`,
  ],
  ['Forced', ({ desired }) => desired.force, () => 'force is set'],
];

export function firstReason(context: RuleContext): { reason: Reason; explanation: string } | undefined {
  for (const [reason, holds, explain] of RULES) {
    if (holds(context)) return { reason, explanation: explain(context) };
  }
  return undefined;
}

/** When a rotation is due before this expiry. Both are milliseconds by Auth0's clock. */
export function dueAt(desired: DesiredState, expiresAt: number): number {
  return expiresAt - desired.renewBeforeDays * DAY;
}

/**
 * When the next rotation is due. Milliseconds by Auth0's clock. undefined: nothing records it.
 * @param rotates whether this run issues a new pair, whose expiry then counts
 */
export function nextDue(context: Omit<RuleContext, 'isFull'>, rotates: boolean): number | undefined {
  const { desired, inUse, observed } = context;
  const issued = desired.brought?.notAfter?.getTime() ?? endOfIssued(desired, observed.now);
  if (rotates) return dueAt(desired, issued);
  const due = Math.min(dueAt(desired, expiry(inUse)), tooOldAt(context));
  return Number.isFinite(due) ? due : undefined;
}

function firstDelivery({ inUse, observed }: RuleContext): boolean {
  return inUse.heldByPrimary === undefined && observed.secrets[0]?.times === 'missing';
}

function explainFirstDelivery({ desired, observed }: RuleContext): string {
  return observed.client === undefined
    ? `there is no client named ${desired.clientName} yet`
    : 'the primary destination has no secret yet';
}

function perhapsDisplaced({ inUse }: RuleContext): boolean {
  // guard: what may have been displaced is kept
  return inUse.perhapsDisplaced !== undefined && inUse.heldByPrimary !== undefined && !inUse.unregistered;
}

function unidentified({ inUse }: RuleContext): boolean {
  return inUse.heldByPrimary === undefined || inUse.unregistered || inUse.primaryUnexplained;
}

function explainUnidentified(context: RuleContext): string {
  const { desired, inUse, observed } = context;
  if (observed.client === undefined) return `there is no client named ${desired.clientName} yet`;
  if (cannotCompare(context))
    return `${causeOf(observed)}, so nothing shows whether the primary destination holds a key of this client`;
  if (inUse.primaryUnexplained && desired.brought && !inUse.unregistered)
    return 'the expiry of a certificate that was issued elsewhere is not recorded (pass current-credential to be certain)';
  if (inUse.primaryUnexplained && inUse.heldByPrimary && !inUse.unregistered)
    return 'the secret of the primary destination was last written by something other than a run of this workflow (pass current-credential to be certain)';
  return 'the primary destination holds no credential that Auth0 knows';
}

/** A location without a secret has no consumers, so it waits for free capacity or for the next rotation. */
function partlyDelivered({ inUse, isFull, observed }: RuleContext): boolean {
  // Somebody put an older pair back by hand. Both credentials stay until a rotation is due.
  if (inUse.supplanted) return false;
  return inUse.lacking.some((index) => {
    const secret = observed.secrets[index];
    if (!secret || whyUnwritable(observed, secret.location)) return false;
    return secret.times !== 'missing' || !isFull;
  });
}

function expired({ inUse, observed }: RuleContext): boolean {
  return expiry(inUse) <= observed.now;
}

/** Whether the certificate expires soon, even if the rotation has another reason. */
export function isDueByExpiry({ inUse, observed, desired }: RuleContext): boolean {
  return dueAt(desired, expiry(inUse)) <= observed.now;
}

/** Compares only what the user set. Auth0 records a subject only with `tls_client_auth`, and no key size. `current-credential` shows both. */
function specChanged({ desired, inUse }: RuleContext): boolean {
  const { currentKey, given, keySize, method, subject } = desired;
  if (otherAlgorithm(inUse, desired)) return true;
  const registered = inUse.unregistered ? undefined : currentKey;
  const recorded = method === 'tls_client_auth' ? inUse.heldByPrimary?.identity : undefined;
  const subjectNow = registered ? registered.subject : recorded;
  if (given.has('subject') && subjectNow !== undefined && subjectNow !== subject) return true;
  if (!given.has('key-size') || keySize === undefined || registered === undefined) return false;
  return registered.keySize !== keySize;
}

/**
 * When a certificate made by hand reaches the age at which one of ours would be replaced, since it may be valid for years. Infinity:
 * it is not made by hand, or nothing records its age.
 */
function tooOldAt({ desired, inUse, owners }: Omit<RuleContext, 'isFull'>): number {
  const { brought, renewBeforeDays, validityDays } = desired;
  const held = inUse.heldByPrimary;
  if (brought || held === undefined || !owners.isUnmarked(held)) return Number.POSITIVE_INFINITY;
  const began = currentFactsOf(held.identity, desired)?.notBefore?.getTime();
  // The record of a subject DN does not show the age of its certificate.
  if (began === undefined && held.type === 'cert_subject_dn') return Number.POSITIVE_INFINITY;
  return (began ?? held.createdAt) + (validityDays - renewBeforeDays) * DAY;
}

/** Whether the user set another algorithm than the one that Auth0 shows for the key in use. */
export function otherAlgorithm(
  { heldByPrimary }: Pick<CredentialsInUse, 'heldByPrimary'>,
  { given, method, signingAlgorithm }: DesiredState,
): boolean {
  const { algorithm = signingAlgorithm } = heldByPrimary ?? {};
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

/** People also read it after the rotation, when another one is in use. */
function nameOfCurrent({ desired }: RuleContext): string {
  return `the ${desired.method === 'private_key_jwt' ? 'key' : 'certificate'} in use before this run`;
}

function dateOf(inUse: CredentialsInUse): string {
  const at = expiry(inUse);
  return Number.isFinite(at) ? `on ${new Date(at).toISOString().slice(0, 10)}` : 'at an unknown date';
}
