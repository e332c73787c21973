/** (wish, what was observed) → what to do, and why. Pure and synchronous: `state.now` is the only clock. */

import { METHOD_CAPACITY } from '../model/capacity.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { quote } from '../model/json.ts';
import { type Credential, newestFirst, type ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import { BACKDATE, LEASE } from '../model/timing.ts';
import { capacityExhausted } from './capacity.ts';
import { PlanBuilder } from './plan-builder.ts';
import {
  refuseContradiction,
  refuseHaste,
  refuseOtherMethod,
  refuseReuse,
  refuseToOverwrite,
  refuseUnfinished,
} from './preconditions.ts';
import { firstReason, nextDue } from './reasons.ts';
import { rehearse } from './rehearse.ts';
import { retire } from './retire.ts';
import { revert } from './revert.ts';
import { rotate } from './rotate.ts';

/**
 * @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH, STALE_CREDENTIAL, ROTATION_IN_PROGRESS, CREDENTIAL_LIMIT,
 *   CANNOT_REVOKE: nothing may be done
 */
export function plan(desired: DesiredState, unsorted: ObservedState): Plan {
  // Auth0's list has no order.
  const observed = { ...unsorted, pool: [...unsorted.pool].sort(newestFirst) };
  const builder = new PlanBuilder(desired, observed);
  refuseToOverwrite(desired, observed);
  refuseOtherMethod(desired, observed);
  refuseContradiction(builder.inUse);
  refuseUnfinished(builder);
  noteName(builder);
  const why = decide(builder);
  bindTokens(builder);
  const { renews, rotates, steps } = builder;
  return {
    ...why,
    steps,
    rotates,
    renews,
    replaces: rotates ? replacedBy(builder)?.id : undefined,
    nextRotation:
      desired.operation === 'revert' ? undefined : nextDue(desired, observed, builder.inUse, rotates),
    credentials: observed.pool.map((credential) => builder.describe(credential)),
    notes: builder.notes,
    revokes: builder.revokes,
    asks: builder.asks,
  };
}

/** The plan of a client that uses another method is that of `enroll`: nothing else could work on it. */
export function impliedOperation(desired: DesiredState, { client }: ObservedState): DesiredState {
  const differs = client !== undefined && client.method !== desired.method;
  return differs && desired.operation === 'rotate'
    ? { ...desired, operation: 'enroll', revoke: false }
    : desired;
}

function decide(builder: PlanBuilder): Pick<Plan, 'reason' | 'explanation'> {
  const { operation } = builder.desired;
  if (operation === 'rehearse') return rehearse(builder);
  return operation === 'revert' ? revert(builder) : renew(builder);
}

/** `create` knows its client by its mark: somebody has renamed it, or wishes for another one. */
function noteName(builder: PlanBuilder): void {
  const { desired, observed } = builder;
  if (desired.clientName === undefined || !observed.client || observed.client.name === desired.clientName)
    return;
  builder.note(
    'warning',
    `The client that this workflow has made is called ${quote(observed.client.name)}, not ${desired.clientName}, and goes on to be rotated. For another client choose another secret-name.`,
  );
}

/** Made by hand, and superseded by this rotation; with `enroll` what the method holds that the client leaves. */
function replacedBy({ pool, observed }: PlanBuilder): Credential | undefined {
  const { associated = [] } = observed.client ?? {};
  return observed.pool.find(
    (c) => !pool.isOurs(c) && !pool.otherOwnership(c) && (pool.isCandidate(c) || associated.includes(c.id)),
  );
}

/** What is due: in order first, then a rotation or a retirement. */
function renew(builder: PlanBuilder): Pick<Plan, 'reason' | 'explanation'> {
  const { observed, desired } = builder;
  const healed = heal(builder);
  discardAbandoned(builder);
  finishDelivery(builder);
  const due = firstReason({ desired, observed, inUse: builder.inUse });
  if (due) refuseHaste(builder);
  if (due) refuseReuse(desired, due.reason);
  if (due) rotate(builder);
  else retire(builder);
  if (due) return due;
  return healed
    ? { reason: 'NotAssociated', explanation: HEALED }
    : { reason: 'NotDue', explanation: 'the current key is good' };
}

/** Tokens are bound, or no longer, before the new certificate proves itself, or before there is none; else at the end. */
function bindTokens(builder: PlanBuilder): void {
  const { rotates, observed, steps, desired } = builder;
  const bound = observed.client?.binding.required ?? false;
  // Without a certificate there is nothing to bind to, and a client secret would get no token.
  const requested = desired.operation === 'revert' ? 'off' : desired.tokenBinding;
  const required = requested === 'unchanged' ? bound : requested === 'required';
  if (required && (rotates || !bound)) builder.note('notice', BOUND);
  if (required === bound) return;
  const first = [
    'authenticate',
    'store-secret',
    ...(desired.operation === 'revert' ? ['change-method'] : []),
  ];
  const at = steps.findIndex(({ kind }) => first.includes(kind));
  steps.splice(at < 0 ? steps.length : at, 0, { kind: 'bind-tokens', required });
}

const BOUND =
  'Access tokens are bound to the certificate they are asked for with: a bound token lives and dies with it, so whoever holds one asks for a new token after each rotation.';

const HEALED = 'a credential that a destination holds was not associated';

/** What a destination holds must be associated before anything else. @returns whether something was not */
function heal(builder: PlanBuilder): boolean {
  // Somebody has taken it out already: what is to be revoked does not come back.
  if (builder.desired.revoke) return false;
  const { inUse } = builder;
  const missing = inUse.held
    .flatMap((candidates) => candidates.slice(0, 1))
    .filter(
      ({ id }, index, all) => !builder.associated.includes(id) && all.findIndex((c) => c.id === id) === index,
    );
  for (const credential of missing) {
    const spare = builder.records.filter((c) => builder.associated.includes(c.id) && builder.isDisposable(c));
    const keep =
      builder.associated.length < METHOD_CAPACITY
        ? builder.associated
        : without(builder.associated, (spare.find((c) => builder.isAbandoned(c)) ?? spare[0])?.id);
    if (keep.length >= METHOD_CAPACITY) throw capacityExhausted(builder);
    builder.associate([...keep, credential.id], 'heal');
  }
  return missing.length > 0;
}

function without(ids: readonly string[], id: string | undefined): readonly string[] {
  return ids.filter((other) => other !== id);
}

/** An abandoned credential's key is lost. Where no secret holds anything, it may as well have been in use: then it stays. */
function discardAbandoned(builder: PlanBuilder): void {
  if (builder.inUse.newest === undefined) return;
  for (const credential of builder.removable.filter((c) => builder.isAbandoned(c))) {
    // It may yet be what a destination holds: it stays until the rotation that this causes needs its place.
    if (credential.id !== builder.inUse.displaced?.id) builder.remove(credential, 'discard');
  }
}

/** With the newest pair at hand (`current-credential`) no new key is needed, and nobody is interrupted. */
function finishDelivery(builder: PlanBuilder): void {
  const { inUse, observed, desired } = builder;
  const { newest, held, lacking } = inUse;
  if (inUse.settled || newest === undefined || newest.identity !== desired.current?.identity) return;
  if (desired.method === 'tls_client_auth' && !isLatest(desired, observed)) return;
  for (const index of lacking) {
    const location = observed.secrets[index]?.location;
    if (location) builder.steps.push({ kind: 'store-secret', location, source: 'current-credential' });
  }
  builder.completes = true;
  builder.inUse = { ...inUse, held: held.map(() => [newest]), lacking: [], settled: true };
}

/**
 * Of two certificates of one DN Auth0 cannot tell which is the newer: `current-credential` counts as the one that the
 * primary holds only if it was made right before that was written.
 */
function isLatest({ current }: DesiredState, { secrets }: ObservedState): boolean {
  const times = secrets[0]?.times;
  if (times === undefined || typeof times === 'string' || !current?.notBefore) return false;
  return times.updatedAt - current.notBefore.getTime() <= BACKDATE + LEASE;
}
