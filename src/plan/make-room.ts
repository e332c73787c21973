/** Decides which credential a rotation removes to make room, and whom that interrupts. Pure. */

import { RotationError } from '../errors.ts';
import { currentCredentialLine, dropDestinationAdvice } from '../model/advice.ts';
import { isForcedByHand } from '../model/desired-state.ts';
import {
  type Credential,
  isLeftOut,
  type ObservedSecret,
  whyUnwritable,
  writtenTimes,
} from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { DAY, lastChance } from '../model/timing.ts';
import { requestProbesOf } from './current-pair.ts';
import { formerHolder, mayBeHeld } from './holders.ts';
import { printUsers, usesCountFrom, usesSince } from './log-usage.ts';
import { capacityExhausted } from './no-room.ts';
import { supersededAt } from './overlap.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Makes room in the method and in the pool. @param isExpiringSoon the current certificate expires soon */
export function freeCapacity(builder: PlanBuilder, isExpiringSoon: boolean): void {
  makeRoom(builder, isExpiringSoon, () => builder.isFull);
}

/** Makes room in the method only, for a credential that is already in the pool. */
export function freeSlot(builder: PlanBuilder, isExpiringSoon: boolean): void {
  makeRoom(builder, isExpiringSoon, () => builder.isMethodFull);
}

function makeRoom(builder: PlanBuilder, isExpiringSoon: boolean, needsRoom: () => boolean): void {
  while (needsRoom()) {
    const isMethodFull = builder.isMethodFull;
    const victim = findVictim(builder, isMethodFull);
    if (victim) {
      warnIfRecent(builder, victim);
      if (isMethodFull) warnIfUsed(builder, victim);
      if (isMethodFull && mayHaveUsers(builder, victim))
        // Nobody loses a key for a primary that then takes no write.
        requestProbesOf(builder, [0]);
      builder.remove(victim, 'make room');
    } else if (isMethodFull) {
      interrupt(builder, isExpiringSoon);
    } else {
      // The pool may have room for more than two. Only the answer to the upload shows that.
      return;
    }
  }
}

/**
 * The credential to remove without an interruption. If only the pool is full, one that is not associated goes first.
 */
function findVictim(builder: PlanBuilder, isMethodFull: boolean): Credential | undefined {
  const isAssociated = ({ id }: Credential) => builder.associated.includes(id);
  if (isMethodFull) return builder.evictable.find(isAssociated);
  const useless = (c: Credential) => !isAssociated(c) && builder.isRemovable(c);
  return builder.pool.find(useless) ?? builder.evictable[0];
}

/**
 * Removes a credential that a destination holds, and names whom that interrupts. This happens only if a crash left a delivery half
 * done and its key is lost, or if a rotation is due and nothing shows which destination holds what.
 *
 * It removes the older of ours. Suppose that this run then dies before it delivers. A secret that held the older one was written before
 * the newer one was made, so the next run sees that it holds nothing. If the newer one were removed, a secret that held it would look as
 * if it held the older one.
 * @throws RotationError SECRET_EXISTS, CREDENTIAL_LIMIT, DELIVERY_INCOMPLETE
 */
function interrupt(builder: PlanBuilder, isExpiringSoon: boolean): void {
  const { inUse, owners, observed } = builder;
  const { othersUnexplained, perhapsDisplaced, primaryUnexplained, settled } = inUse;
  const isDoubtful = primaryUnexplained || (inUse.held[0] ?? []).length > 1;
  if (isDoubtful && !perhapsDisplaced && !isExpiringSoon && !isForcedByHand(builder.desired))
    throw secretChanged(builder);
  const eligible = builder.pool.filter((c) => isInterruptible(builder, c));
  const mayInterrupt = !settled || isDoubtful || othersUnexplained.length > 0;
  // `builder.pool` is oldest first.
  // guard: by time, the older of ours gives way
  const victim = mayInterrupt
    ? (eligible.find(owners.isOurs) ?? eligible.find((c) => mayBeHeld(inUse, c)))
    : undefined;
  if (!victim || inUse.newest === undefined) throw capacityExhausted(builder);
  const interrupted = observed.secrets
    .filter((_, index) => inUse.held[index]?.some(({ id }) => id === victim.id))
    .map(({ location }) => location);
  // guard: nobody is interrupted for a primary that takes no write
  builder.requestProbes([...observed.secrets.slice(0, 1).map(({ location }) => location), ...interrupted]);
  refuseForUnwritable(builder, interrupted);
  noteInterruption(builder, victim, interrupted);
  builder.remove(victim, 'make room', interrupted);
}

function noteInterruption(
  builder: PlanBuilder,
  { id }: Credential,
  interrupted: readonly SecretLocation[],
): void {
  const refusing = interrupted.filter((location) => whyUnwritable(builder.observed, location));
  const served = interrupted.filter((location) => !refusing.includes(location));
  if (served.length > 0)
    builder.note(
      'interruption',
      `The consumers of ${served.map(printLocation).join(', ')} cannot log in from the removal of ${id} until this run has stored the new credential there, normally within seconds. Runs that are queued with the old key fail.${builder.desired.currentKey ? '' : ' Pass current-credential to finish a delivery without this.'}`,
    );
  for (const location of refusing.map(printLocation))
    builder.note(
      'interruption',
      `The consumers of ${location} cannot log in from the removal of ${id} until ${location} can be written again.${builder.desired.revoke ? '' : " The rotation does not wait any longer, since the primary's own pair expires soon, or nothing shows when."}`,
    );
}

function isInterruptible(builder: PlanBuilder, credential: Credential): boolean {
  // It may have users other than the destinations, and nobody knows them.
  // guard: what was made by hand is interrupted only where it is released
  if (builder.owners.isUnmarked(credential) && !builder.isDeclaredUnused(credential)) return false;
  // This run does not deliver to a former location, so the interruption would not end.
  const former = formerHolder(builder.inUse, credential);
  // guard: what a former location may hold is not interrupted
  if (former !== undefined && !(former.refused && isForcedByHand(builder.desired))) return false;
  // guard: a primary without a secret interrupts nobody
  if (isMissing(builder.observed.secrets[0]) && mayBeHeld(builder.inUse, credential)) return false;
  return builder.associated.includes(credential.id) && !builder.isProtected(credential);
}

/** A secret location without a secret has no consumers. */
function isMissing(secret: ObservedSecret | undefined): boolean {
  return secret?.times === 'missing';
}

/**
 * A location that refuses writes keeps its credential until the primary's certificate has little time left.
 * @throws RotationError DELIVERY_INCOMPLETE
 */
function refuseForUnwritable(builder: PlanBuilder, interrupted: readonly SecretLocation[]): void {
  const { desired, inUse, observed } = builder;
  const refusing = interrupted.find((location) => whyUnwritable(builder.observed, location));
  const refusal = refusing && whyUnwritable(builder.observed, refusing);
  // A key that leaked is not kept for a place that nothing can be stored in.
  if (!refusing || !refusal || inUse.expiresAt === undefined || desired.revoke) return;
  const last = inUse.expiresAt - lastChance(desired.renewBeforeDays);
  if (observed.now >= last) return;
  throw new RotationError('DELIVERY_INCOMPLETE', {
    failed: `A rotation is due and must remove the credential that ${printLocation(refusing)} ${isLeftOut(observed, refusing) ? 'may hold' : 'holds'}, but that destination takes no new secret. ${refusal.failed}`,
    remedy: `${refusal.remedy}${dropDestinationAdvice(refusing, desired)} From ${new Date(last).toISOString()} on the rotation goes ahead, and the consumers of ${printLocation(refusing)} cannot log in from then on.`,
    cause: refusal,
  });
}

/** The error if somebody else may have written the primary's secret. */
function secretChanged({ desired, inUse, observed }: PlanBuilder): RotationError {
  const [primary] = observed.secrets;
  const at = writtenTimes(primary?.times)?.updatedAt ?? observed.now;
  const name = primary ? printLocation(primary.location) : 'the secret';
  const candidates = (inUse.held[0] ?? []).map(({ id }) => id);
  const line = currentCredentialLine(desired);
  if (inUse.unregistered)
    return new RotationError('SECRET_EXISTS', {
      failed:
        'A rotation is due and needs room, but current-credential is a pair that Auth0 does not know, so it is unclear which credential is in use.',
      remedy: `Look at that line first: it must read ${line}. If it does, ${name} holds that pair and its readers cannot log in: start the workflow by hand once with force: true, which replaces it.`,
    });
  return new RotationError('SECRET_EXISTS', {
    failed: `A rotation is due and needs room, but ${name}, last written at ${new Date(at).toISOString()}, may hold ${candidates.length > 1 ? 'any of ' : ''}${candidates.join(', ')}.`,
    remedy: `Pass ${line}, which shows what the secret holds. Or, if nobody needs what it holds, start the workflow by hand once with force: true, which replaces it.`,
  });
}

/** Whether somebody may use it although no destination holds it. If the rotation then failed, the removal would have been for nothing. */
function mayHaveUsers(builder: PlanBuilder, victim: Credential): boolean {
  return builder.owners.isUnmarked(victim) || builder.desired.revoke;
}

function warnIfRecent(builder: PlanBuilder, victim: Credential): void {
  const since = supersededAt(builder, victim);
  if (since === undefined || builder.observed.now - since >= DAY) return;
  builder.note(
    'warning',
    `Credential ${victim.id} was superseded less than a day ago and is removed now: workflow runs that were queued before that rotation still hold it and will fail.`,
  );
}

/** Warns if the logs show that the removed credential is in use. An expiry would be worse, so the rotation goes on. */
function warnIfUsed(builder: PlanBuilder, victim: Credential): void {
  const since = usesCountFrom(builder, victim);
  if (since === undefined) return;
  const { usage } = builder.observed;
  if (usage === undefined) builder.askLogs(since);
  const users = usage ? usesSince(usage, since, victim) : [];
  if (users.length === 0) return;
  builder.note(
    'warning',
    `Credential ${victim.id} is removed for this rotation although the tenant logs show that it is in use: ${printUsers(users)}. These users cannot log in until they use the credential that this run delivers.`,
  );
}
