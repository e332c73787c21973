/** Computes a plan from the desired and the observed state. Pure and synchronous: `observed.now` is the only clock. */

import { asRotationError, RotationError } from '../errors.ts';
import { START_EMERGENCY } from '../model/advice.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import { type Credential, newestFirst, type ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import { announceDoubts, announceEmpty, announceFormer, announceRemovals } from './announce.ts';
import {
  assumeRewritten,
  finishDelivery,
  requestProbesOf,
  rewriteBeforeRemoval,
  storePrimaryPairElsewhere,
} from './current-pair.ts';
import { lockoutOf, unwritableError, withLockoutAlarm } from './lockout.ts';
import { capacityExhausted } from './no-room.ts';
import { refuseRunningFormer } from './other-owners.ts';
import { PlanBuilder } from './plan-builder.ts';
import {
  refuseDuringYoungDelivery,
  refuseMissingScopes,
  refuseOldPair,
  refuseToOverwrite,
  refuseUnfinished,
  refuseUnfitClient,
} from './preconditions.ts';
import { firstReason, nextDue } from './reasons.ts';
import { rehearse } from './rehearse.ts';
import { retire } from './retire.ts';
import { revert } from './revert.ts';
import { rotate } from './rotate.ts';
import { refuseStaleCurrent } from './stale-current.ts';
import { bindTokens } from './token-binding.ts';
import { refuseUnknownSecret } from './unknown-secret.ts';

/**
 * @throws RotationError if nothing may be done: METHOD_MISMATCH, ALGORITHM_MISMATCH, INVALID_INPUT, SECRET_EXISTS, STALE_CREDENTIAL,
 *   ROTATION_IN_PROGRESS, AUTH0_FORBIDDEN, CERTIFICATE_REUSED, CREDENTIAL_LIMIT, CANNOT_REVOKE, DELIVERY_INCOMPLETE, GITHUB_…,
 *   DESTINATION_NOT_FOUND
 */
export function plan(desired: DesiredState, unsorted: ObservedState): Plan {
  // Auth0's list has no order.
  const observed = { ...unsorted, pool: [...unsorted.pool].sort(newestFirst) };
  const builder = new PlanBuilder(desired, observed);
  try {
    return planned(builder);
  } catch (error) {
    throw error instanceof RotationError ? withLockoutAlarm(error, builder) : error;
  }
}

function planned(builder: PlanBuilder): Plan {
  const { desired, observed } = builder;
  const why = decide(builder);
  const { errorAtEnd, reuses, rotates, steps } = builder;
  const nextRotation = desired.operation === 'revert' ? undefined : nextDue(builder, rotates);
  if (errorAtEnd === undefined) {
    bindTokens(builder);
    announceRemovals(builder, nextRotation, rotates ? undefined : refusalOfNext(desired, observed));
    const delivers = desired.operation !== 'revert' && desired.operation !== 'rehearse';
    if (delivers) announceFormer(builder);
    if (delivers && !rotates) announceEmpty(builder, nextRotation);
    if (desired.operation !== 'revert') announceDoubts(builder, nextRotation);
  }
  return {
    ...why,
    steps,
    rotates,
    reuses,
    replaces: rotates ? replacedCredential(builder)?.id : undefined,
    nextRotation,
    credentials: observed.pool.map((credential) => builder.toPlanned(credential)),
    notes: builder.notes,
    revokes: builder.revokes,
    logQuestion: builder.logQuestion,
    probes: builder.probes,
    lockout: { before: lockoutOf(builder, 0), afterKeptSteps: lockoutOf(builder, builder.keptSteps) },
    errorAtEnd: errorAtEnd ? withLockoutAlarm(errorAtEnd, builder) : unwritableError(builder),
  };
}

/**
 * For a client that uses another method, `plan` shows `enroll`, since `rotate` would be refused. Whoever asks for the plan of a rotation
 * wants to see just that.
 */
export function impliedOperation(desired: DesiredState, { client }: ObservedState): DesiredState {
  const differs = client !== undefined && client.method !== desired.method;
  return differs && desired.operation === 'rotate' && !desired.given.has('plan-of')
    ? { ...desired, operation: 'enroll', revoke: false }
    : desired;
}

/** Why the next rotation would be refused. If its time is unknown or past, it is now. undefined: it would not be. */
export function refusalOfNext(desired: DesiredState, observed: ObservedState): RotationError | undefined {
  const next = nextDue(new PlanBuilder(desired, observed), false) ?? observed.now;
  return refusalAt(Math.max(next, observed.now), desired, observed);
}

/** Why a rotation would be refused at this time, if nothing else happens until then. Notices and leases that end before it no longer refuse. */
export function refusalAt(
  now: number,
  desired: DesiredState,
  observed: ObservedState,
): RotationError | undefined {
  // At a later time a rotation is due anyway. Now perhaps none is, so it is forced.
  const force = now === observed.now;
  // No person confirms it.
  const builder = new PlanBuilder({ ...desired, force, scheduled: true }, { ...observed, now });
  try {
    decide(builder);
    return undefined;
  } catch (error) {
    return withLockoutAlarm(asRotationError(error), builder);
  }
}

function decide(builder: PlanBuilder): Pick<Plan, 'reason' | 'explanation'> {
  const { desired, observed } = builder;
  const { operation } = desired;
  refuseToOverwrite(desired, observed);
  refuseUnfitClient(desired, observed);
  refuseRunningFormer(builder);
  refuseUnfinished(builder);
  noteName(builder);
  noteUnknownIds(builder);
  if (operation === 'revert' || operation === 'rehearse') refuseMissingScopes(builder);
  if (operation === 'revert') return revert(builder);
  if (operation !== 'rehearse') return healAndRotate(builder);
  refuseStaleCurrent(builder);
  return rehearse(builder);
}

/**
 * Warns if the client's name is not `client-name`. `create` finds its client by its mark, so somebody renamed it, or the user
 * wants another client.
 */
function noteName(builder: PlanBuilder): void {
  const { desired, observed } = builder;
  if (desired.clientName === undefined || !observed.client || observed.client.name === desired.clientName)
    return;
  builder.note(
    'warning',
    `The client that this workflow made is named ${oneLine(observed.client.name)}, not ${desired.clientName}. The workflow goes on rotating it. For another client choose another secret-name.`,
  );
}

/** Warns of ids in keep-credentials that no credential has, since a mistyped id leaves a credential unprotected. */
function noteUnknownIds(builder: PlanBuilder): void {
  const { desired, observed } = builder;
  const unknown = [...desired.keepCredentials].filter((id) => !observed.pool.some((c) => c.id === id));
  if (unknown.length === 0 || !observed.client) return;
  const [ids, them] = unknown.length === 1 ? ['id', 'it'] : ['ids', 'them'];
  builder.note(
    'warning',
    `Client ${desired.clientId} has no credential ${unknown.join(', ')}, which keep-credentials names. Correct the ${ids}, or take ${them} out of keep-credentials.`,
  );
}

/** A credential made by hand that this rotation supersedes. With `enroll` it may belong to the previous method. */
function replacedCredential({ owners, observed }: PlanBuilder): Credential | undefined {
  const { associated = [] } = observed.client ?? {};
  return observed.pool.find(
    (c) =>
      !owners.isOurs(c) && !owners.otherOwnership(c) && (!owners.isForeign(c) || associated.includes(c.id)),
  );
}

/** Heals, then rotates or retires. An error in the rest does not stop the healing, since a consumer may be locked out. */
function healAndRotate(builder: PlanBuilder): Pick<Plan, 'reason' | 'explanation'> {
  // guard: healing comes first
  const healed = heal(builder);
  builder.keep();
  try {
    return rotateOrRetire(builder, healed);
  } catch (error) {
    if (builder.keptSteps === 0 || !(error instanceof RotationError)) throw error;
    builder.dropRest();
    builder.errorAtEnd = error;
    return notRotated(builder, healed);
  }
}

/** Why a run does not rotate, or what was due and has to wait. */
function notRotated({ due }: PlanBuilder, healed: boolean): Pick<Plan, 'reason' | 'explanation'> {
  if (healed)
    return {
      reason: 'NotAssociated',
      explanation: 'a credential that a destination holds was not associated',
    };
  return due ?? { reason: 'NotDue', explanation: 'the current key is good' };
}

/** Cleans up and finishes deliveries, then rotates if that is due, else retires. */
function rotateOrRetire(builder: PlanBuilder, healed: boolean): Pick<Plan, 'reason' | 'explanation'> {
  refuseStaleCurrent(builder);
  refuseUnknownSecret(builder);
  refuseMissingScopes(builder);
  discardAbandoned(builder);
  // guard: a delivery is finished before the next begins
  finishDelivery(builder);
  const toRewrite = assumeRewritten(builder);
  const due = firstReason(builder);
  builder.due = due;
  // guard: a delivery that is being finished is not superseded
  if (due) refuseDuringYoungDelivery(builder);
  if (due) refuseOldPair(builder, due.reason);
  builder.keep();
  if (due) storePrimaryPairElsewhere(builder);
  if (due) rotate(builder, due.reason);
  else retire(builder);
  rewriteBeforeRemoval(builder, toRewrite);
  if (due?.reason === 'PartlyDelivered') requestProbesOf(builder, builder.inUse.lacking);
  return due ?? notRotated(builder, healed);
}

/**
 * Associates what a destination holds, before anything else. To make room, it takes out no credential of others.
 * @returns whether a credential had to be associated
 * @throws RotationError CREDENTIAL_LIMIT
 */
function heal(builder: PlanBuilder): boolean {
  // A revocation must not bring back a credential that somebody has already taken out.
  if (builder.desired.revoke) return false;
  const { inUse } = builder;
  const missing = inUse.held
    .flatMap((candidates) => candidates.slice(0, 1))
    .filter(
      (c, index, all) =>
        !builder.associated.includes(c.id) &&
        !builder.isCertainlyExpired(c) &&
        all.findIndex(({ id }) => id === c.id) === index,
    );
  for (const credential of missing) {
    const isFull = builder.isMethodFull;
    const victim = isFull ? leastNeeded(builder) : undefined;
    if (isFull && !victim) throw capacityExhausted(builder);
    builder.associate([...without(builder.associated, victim?.id), credential.id], 'heal');
  }
  for (const credential of missing) builder.note('warning', healedNote(builder, credential));
  return missing.length > 0;
}

/** The associated credential that gives way to one that a destination holds. An abandoned one goes first. undefined: none may. */
function leastNeeded(builder: PlanBuilder): Credential | undefined {
  const { associated, owners, pool } = builder;
  const isExpired = (c: Credential) => builder.isCertainlyExpired(c) && !builder.isProtected(c);
  // Of those made by hand, only what is declared unused: a healing run announces no removal.
  const isFree = (c: Credential) =>
    builder.isRemovable(c) && (!owners.isUnmarked(c) || builder.isDeclaredUnused(c));
  const unneeded = pool.filter((c) => associated.includes(c.id) && (isExpired(c) || isFree(c)));
  return unneeded.find((c) => builder.isAbandoned(c)) ?? unneeded[0];
}

/** Whoever took it out may not know who holds it. So this does not advise deleting it by hand, which would lock its readers out. */
function healedNote(builder: PlanBuilder, credential: Credential): string {
  const { heldBy, id } = builder.toPlanned(credential);
  return `${id}, which ${heldBy.join(', ')} ${heldBy.length === 1 ? 'holds' : 'hold'}, was not associated, so nobody could log in with it: the run associates it again. If it was taken out because its key has leaked, ${START_EMERGENCY} now. Otherwise find what takes it out, such as Terraform or a script.`;
}

function without(ids: readonly string[], id: string | undefined): readonly string[] {
  return ids.filter((other) => other !== id);
}

/** Removes abandoned credentials, whose keys are lost. If no secret holds a known credential, an abandoned one may be in use and stays. */
function discardAbandoned(builder: PlanBuilder): void {
  if (builder.inUse.newest === undefined) return;
  for (const credential of builder.dueForRemoval.filter((c) => builder.isAbandoned(c))) {
    // A destination may hold what was displaced. It causes a rotation, which removes it if it needs room.
    // guard: what may have been displaced is kept
    if (credential.id !== builder.inUse.perhapsDisplaced?.id) builder.remove(credential, 'discard');
  }
}
