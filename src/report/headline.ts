/** Writes the headline, which says what happened, and what a person must do by when. */

import type { RotationError } from '../errors.ts';
import { currentFactsOf, type DesiredState, PUBLIC } from '../model/desired-state.ts';
import { longDay, oneLine } from '../model/markdown.ts';
import { lastExpiry } from '../model/observed-state.ts';
import type { RunResult } from '../model/run-result.ts';
import { watchHeadline } from './findings.ts';
import { notes } from './notes.ts';

export function headline(result: RunResult): string {
  const { error, readOnly, outcome, plan, desired } = result;
  const name = oneLine(result.observed?.client?.name ?? desired.clientName) || desired.clientId;
  const client = `\`${oneLine(name)}\``;
  const watched = watchHeadline(result, client);
  if (watched) return watched;
  const due = nextRotation(result);
  const next = due === undefined ? '' : ` Next rotation on ${longDay(due)}.`;
  if (error) return `❌ ${client}: ${failed(result, error)}`;
  if (readOnly) return `📋 ${client}: ${planned(result) ?? `nothing is due. ${advice(result)}${next}`}`;
  if (outcome?.rotated) return `✅ ${client} ${rotated(result)}${next}`;
  if (plan?.reason === 'Rehearsal') return `✅ ${client}: ${rehearsed(result)}${next}`;
  if (plan?.reason === 'MethodDiffers') return `✅ ${client} ${reverted(desired)}`;
  const steps = plan?.steps.length ?? 0;
  if (outcome && steps > 0)
    return `✅ ${client}: ${count(steps)} put things in order. ${advice(result)}${next}`;
  return `✅ ${client}: nothing is due. ${advice(result)}${next}`;
}

function reverted({ revertTo }: DesiredState): string {
  return revertTo === PUBLIC
    ? 'is a public client again: it has no credential.'
    : `uses ${revertTo} again. Its consumers need the client secret.`;
}

function failed(result: RunResult, { alarm, code }: RotationError): string {
  const { outcome, observed } = result;
  if (alarm) return `${alarm} (${code}).`;
  if (code === 'UNREGISTERED_ACCEPTED')
    return `anybody who knows the client id can log in (${code}). Act at once.`;
  const expiresAt = deadline(result);
  if (outcome?.rotated)
    return expiresAt === undefined
      ? `a new key was stored, but the run failed later (${code}). Action needed.`
      : `a new key was stored, but not everywhere (${code}). Act before ${longDay(expiresAt)}, when the previous key expires.`;
  if (expiresAt === undefined) return `${code}. Action needed.`;
  // Without an observation no clock can be trusted.
  if (observed === undefined)
    return `${code}. The key in current-credential expires on ${longDay(expiresAt)}: act before that day, or at once if it has passed.`;
  return expiresAt > observed.now
    ? `${code}. Act before ${longDay(expiresAt)}, when the current key expires.`
    : `${code}. Act at once: the current key expired on ${longDay(expiresAt)}.`;
}

/**
 * When the key expires that consumers log in with after a failed run: the current one, or after a rotation the previous one. undefined:
 * unknown, or a rotation left no consumer with a previous key that still works.
 */
export function deadline(result: RunResult): number | undefined {
  const { error, observed, outcome } = result;
  const expiresAt = currentExpiry(result);
  if (!outcome?.rotated || expiresAt === undefined) return expiresAt;
  return error?.code === 'DELIVERY_INCOMPLETE' && expiresAt > (observed?.now ?? 0) ? expiresAt : undefined;
}

/** The expiry of the key that the primary held before the run, or of the last one that works if it held none. For a subject DN Auth0 records none, so `current-credential` must show it. */
function currentExpiry({ desired, expiresAt, observed, plan }: RunResult): number | undefined {
  if (observed === undefined) return desired.currentKey?.notAfter?.getTime();
  if (plan === undefined) return expiresAt;
  const current = plan.credentials.find(({ stage }) => stage === 'current');
  // Before the first delivery people log in with what was made by hand.
  if (current === undefined) return lastExpiry(observed);
  return current.expiresAt ?? currentFactsOf(current.identity, desired)?.notAfter?.getTime();
}

function planned(result: RunResult): string | undefined {
  const { plan, desired } = result;
  const steps = plan?.steps.length ?? 0;
  const isOneOperation = plan?.rotates || plan?.reason === 'MethodDiffers' || plan?.reason === 'Rehearsal';
  if (!isOneOperation && steps === 0) return undefined;
  // An enrolled client that enroll finds again is rotated.
  const isEnrolled = desired.operation === 'enroll' && plan?.reason !== 'MethodDiffers';
  const operation = isEnrolled ? 'rotate' : desired.operation;
  const what = isOneOperation ? PLANNED[operation] : `${count(steps)} would put things in order`;
  return `${what}. This was only a plan.${isCalm(result) ? '' : ` ${READ}`}`;
}

function count(steps: number): string {
  return steps === 1 ? '1 step' : `${steps} steps`;
}

function rotated(result: RunResult): string {
  const { outcome, plan, desired } = result;
  const what = desired.method === 'private_key_jwt' ? 'key' : 'certificate';
  const unproven =
    outcome?.proof === 'not authorized'
      ? 'It was NOT proven. Authorize the client for an API.'
      : 'It was NOT proven.';
  const done = plan?.reason === 'MethodDiffers' ? 'Its consumers need it now.' : afterwards(result);
  const todo = unprovenWarning(result) ? unproven : done;
  return `has a new ${what}. ${todo}`;
}

function afterwards(result: RunResult): string {
  const { outcome, plan, desired } = result;
  if (!desired.revoke) return advice(result);
  if (plan?.revokes.length === 0 && outcome?.removed.length === 0)
    return 'NOTHING WAS REVOKED. Read the warnings in the summary.';
  const { runs = [], unsearched = [] } = outcome?.earlierRuns ?? {};
  const more = unsearched.length > 0 ? '. Not every repository could be searched' : '';
  return `The previous one is revoked. Workflow runs that may still hold it: ${runs.length}${more}.`;
}

/** Points to the warnings, which may require an action. */
function advice(result: RunResult): string {
  return isCalm(result) ? 'No action needed.' : READ;
}

const READ = 'Read the warnings in the summary.';

function isCalm(result: RunResult): boolean {
  return notes(result).every(({ severity }) => severity === 'notice');
}

function rehearsed({ outcome, plan, desired }: RunResult): string {
  const what = desired.method === 'private_key_jwt' ? 'key' : 'certificate';
  const registered = plan?.reuses === undefined ? 'registered, proven and removed again' : 'proven';
  const removed = outcome?.removed.join(', ');
  const changed = removed
    ? `The run removed ${removed}, which an earlier rehearsal had left. Nothing else was changed, and nothing was delivered.`
    : 'Nothing was changed or delivered.';
  return `the rehearsal worked. A new ${what} was made, ${registered}. An unregistered one was refused. ${changed}`;
}

const PLANNED = {
  rotate: 'a rotation is due',
  rehearse: 'a rotation would be rehearsed',
  create: 'a client would be created, or its key rotated',
  enroll: 'the client would move to another method',
  revert: 'the client would stop using certificates and keys',
} as const;

/** When the next rotation is due, in milliseconds by Auth0's clock. undefined if a rotation was due and failed or was refused, since then it is overdue. */
export function nextRotation({ observed, readOnly, outcome, plan }: RunResult): number | undefined {
  const hypothetical = plan?.rotates && !readOnly && !outcome?.rotated;
  const isAhead = plan?.nextRotation !== undefined && plan.nextRotation > (observed?.now ?? 0);
  return hypothetical || !isAhead ? undefined : plan.nextRotation;
}

/** A warning that the new credential was delivered without a proof. */
export function unprovenWarning({ desired, outcome }: RunResult): string | undefined {
  if (!outcome?.rotated || outcome.proof.startsWith('proven')) return undefined;
  return UNPROVEN[outcome.proof] ?? (desired.method === 'private_key_jwt' ? KEY_NOT_PROVEN : NOT_PROVEN);
}

const NOT_PROVEN =
  'The new certificate was delivered WITHOUT a proof: no mTLS token endpoint was found, or verify is off. Set mtls-domain and verify: required to have every certificate proven before it is delivered.';
const KEY_NOT_PROVEN =
  'The new key was delivered WITHOUT a proof: verify is off. Set verify: required to have every key proven before it is delivered.';
const NOT_PROVABLE =
  'The new key was delivered WITHOUT a proof: the client has no grant that can prove a key (client_credentials, authorization_code or refresh_token).';
const NO_CONTROL =
  'The new key was delivered WITHOUT a proof: the client has no grant client_credentials, and nothing showed that Auth0 checks the key before the code or refresh token in a request. Give the client a callback, so that a pushed authorization request can prove the key if discovery names an endpoint for that.';
const NOT_AUTHORIZED =
  'The key of the new client was delivered WITHOUT a proof: the client may not use any API yet, so it could not get a token. Create a client grant for it in Auth0, then run once with force: true and verify: required.';
const UNPROVEN: Readonly<Record<string, string>> = {
  'not authorized': NOT_AUTHORIZED,
  'not proven: no grant': NOT_PROVABLE,
  'not proven: no control': NO_CONTROL,
};
