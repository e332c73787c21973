/** The limit of two: who gives way to the next credential, and who is named. Pure. */

import { RotationError } from '../errors.ts';
import { credentialLimit, METHOD_CAPACITY } from '../model/capacity.ts';
import { day } from '../model/markdown.ts';
import type { Credential, ObservedSecret } from '../model/observed-state.ts';
import { printDestination, printLocation, type SecretLocation } from '../model/secret-location.ts';
import { DAY, NOTICE_PERIOD } from '../model/timing.ts';
import { formerHolder, mayBeHeld } from './in-use.ts';
import { printUsers, usesSince, watchedSince } from './log-usage.ts';
import { type PlanBuilder, supersededAt } from './plan-builder.ts';
import { movedLine, overridesUnknown } from './preconditions.ts';

/** The limit of two: of the method always, of the pool by default. @param isDue by its expiry: waiting would be worse */
export function freeCapacity(builder: PlanBuilder, isDue: boolean): void {
  clear(builder, isDue, () => builder.isFull);
}

/** Of the method alone: for a credential that is in the pool already. */
export function freeSlot(builder: PlanBuilder, isDue: boolean): void {
  clear(builder, isDue, () => builder.associated.length >= METHOD_CAPACITY);
}

function clear(builder: PlanBuilder, isDue: boolean, isFull: () => boolean): void {
  while (isFull()) {
    const full = builder.associated.length >= METHOD_CAPACITY;
    const victim = findVictim(builder, full);
    if (victim) {
      warnIfRecent(builder, victim);
      if (full) warnIfUsed(builder, victim);
      builder.remove(victim, 'make room');
    } else if (full) {
      interrupt(builder, isDue);
    } else {
      // The pool may hold more than we plan for: Auth0 shows that when the credential is created.
      return;
    }
  }
}

/** Where a place of the method is free, one of the pool that nobody can log in with; the only associated one if there is no other. */
function findVictim(builder: PlanBuilder, full: boolean): Credential | undefined {
  const isAssociated = ({ id }: Credential) => builder.associated.includes(id);
  if (full) return builder.evictable.find(isAssociated);
  const useless = (c: Credential) => !isAssociated(c) && builder.isDisposable(c);
  return builder.records.find(useless) ?? builder.evictable[0];
}

/**
 * One that is held gives way, and the plan names whom that interrupts: half delivered by a crash with no key to finish with, or due with
 * nothing that shows who holds what. The older of ours: should the run die before it delivers, the missing one stays visible as a secret
 * that nothing explains.
 */
function interrupt(builder: PlanBuilder, isDue: boolean): void {
  const { inUse, pool, observed } = builder;
  const { displaced, doubtful, settled, unexplained } = inUse;
  if (unexplained && !displaced && !isDue && !overridesUnknown(builder.desired)) throw secretChanged(builder);
  const eligible = builder.records.filter((c) => isInterruptible(builder, c));
  const mayInterrupt = !settled || unexplained || doubtful.length > 0;
  // guard: by time, the older of ours gives way
  const victim = mayInterrupt
    ? (eligible.find(pool.isOurs) ?? eligible.find((c) => mayBeHeld(inUse, c)))
    : undefined;
  if (!victim || inUse.newest === undefined) throw capacityExhausted(builder);
  const interrupted = observed.secrets
    .filter((_, index) => inUse.held[index]?.some(({ id }) => id === victim.id))
    .map(({ location }) => location);
  // guard: nobody is interrupted for a primary that takes no write
  builder.probe([...observed.secrets.slice(0, 1).map(({ location }) => location), ...interrupted]);
  refuseForUnwritable(builder, interrupted);
  if (interrupted.length > 0) {
    builder.note(
      'interruption',
      `${interrupted.map(printLocation).join(', ')} cannot log in from the removal of ${victim.id} until this run has stored the new credential there, normally some seconds. Runs that are queued with the old key fail. Pass current-credential to finish a delivery without this.`,
    );
  }
  builder.remove(victim, 'make room', interrupted);
}

function isInterruptible(builder: PlanBuilder, credential: Credential): boolean {
  // Nobody can know who else uses it.
  // guard: what was made by hand is interrupted only where it is released
  if (builder.pool.isUnmarked(credential) && !builder.isReleased(credential)) return false;
  // Nobody there would be named, and this run delivers nothing there.
  // guard: what a former location may hold is not interrupted
  if (formerHolder(builder.inUse, credential) !== undefined) return false;
  // guard: a primary without a secret interrupts nobody
  if (isMissing(builder.observed.secrets[0]) && mayBeHeld(builder.inUse, credential)) return false;
  return builder.associated.includes(credential.id) && builder.mayRemove(credential);
}

/** Then it has no consumers. */
function isMissing(secret: ObservedSecret | undefined): boolean {
  return secret?.times === 'missing';
}

/** A location that refuses its write keeps what it holds until the primary's own pair has little time left. @throws RotationError */
function refuseForUnwritable(builder: PlanBuilder, interrupted: readonly SecretLocation[]): void {
  const { desired, inUse, observed } = builder;
  const refusing = interrupted.find((location) => builder.refusalOf(location));
  const refusal = refusing && builder.refusalOf(refusing);
  if (!refusing || !refusal || inUse.expiresAt === undefined) return;
  const last = inUse.expiresAt - (desired.renewBeforeDays * DAY) / 4;
  if (observed.now >= last) return;
  throw new RotationError('DELIVERY_INCOMPLETE', {
    failed: `A rotation is due and needs the place of what ${printLocation(refusing)} holds, but that destination takes no new secret. ${refusal.failed}`,
    remedy: `${refusal.remedy} Or take it out of destinations, if nobody uses it. From ${new Date(last).toISOString()} on the rotation goes ahead without it.`,
    cause: refusal,
  });
}

/** @throws never: makes the error of a primary that somebody else has written */
function secretChanged({ inUse, observed }: PlanBuilder): RotationError {
  const [primary] = observed.secrets;
  const at = primary && typeof primary.times !== 'string' ? primary.times.updatedAt : observed.now;
  return new RotationError('SECRET_EXISTS', {
    failed: `Somebody else wrote ${primary ? printLocation(primary.location) : 'the secret'} on ${new Date(at).toISOString()}: it may hold any of ${inUse.held[0]?.map(({ id }) => id).join(', ')}, and both places are taken.`,
    remedy: `Pass current-credential, which shows what it holds. Or start the workflow by hand with force: true to replace it.`,
  });
}

function warnIfRecent(builder: PlanBuilder, victim: Credential): void {
  const since = supersededAt(builder, victim);
  if (since === undefined || builder.observed.now - since >= DAY) return;
  builder.note(
    'warning',
    `Credential ${victim.id} was superseded less than a day ago and gives way now: runs that were queued before that rotation still hold it and will fail.`,
  );
}

/** An expiry is worse: the rotation goes on, and says so. */
function warnIfUsed(builder: PlanBuilder, victim: Credential): void {
  const since = watchedSince(builder, victim);
  if (since === undefined) return;
  const { usage } = builder.observed;
  if (usage === undefined) builder.ask(since);
  const users = usage ? usesSince(usage, since, victim) : [];
  if (users.length === 0) return;
  builder.note(
    'warning',
    `Credential ${victim.id} gives way to this rotation, and is still in use, by the tenant logs: ${printUsers(users)}. They cannot log in until they use what this run delivers.`,
  );
}

export function capacityExhausted(builder: PlanBuilder): RotationError {
  const { desired, observed, records } = builder;
  const holders = records.map((c) => ({ id: c.id, usedBy: builder.usedBy(c) }));
  const remedy = desired.operation === 'rehearse' ? REHEARSE_EARLIER : waysOut(builder);
  return credentialLimit(observed.client?.id ?? `${desired.clientName}`, holders, remedy);
}

/** The line to add where the evidence shows what nobody of ours holds; else what to decide by. */
function waysOut(builder: PlanBuilder): string | undefined {
  const { desired, inUse, pool, records } = builder;
  const reorder = servedFirst(builder);
  if (reorder) return reorder;
  const byHand = records.filter((c) => pool.isUnmarked(c) && !desired.keepCredentials.has(c.id));
  const spare = byHand.filter((c) => !mayBeHeld(inUse, c));
  const waiting = spare.filter((c) => !builder.isAnnounced(c));
  const since = waiting.map((c) => supersededAt(builder, c)).find((at) => at !== undefined);
  const wait =
    since === undefined ? '' : ` Otherwise it goes from ${new Date(since + NOTICE_PERIOD).toISOString()} on.`;
  const isShown = desired.current !== undefined && !inUse.unregistered;
  if (spare.length > 0 && isShown) return `${releaseLine(spare)}${wait}`;
  const kept = records.filter((c) => desired.keepCredentials.has(c.id)).map(({ id }) => id);
  if (kept.length > 0)
    return `keep-credentials keeps ${kept.join(', ')}. Take an id out of it, or delete the credential in Auth0 once nobody uses it, or give its users another client.`;
  const moved = movedLine(builder);
  const formerHeld = inUse.formerHeld.map(({ location }) => location);
  if (formerHeld.length > 0)
    return `${formerHeld.join(', ')} still holds one of them. If nobody reads it there, delete that secret in GitHub; the next run goes on.`;
  if (spare.length === 0 && moved !== '')
    return `${moved}If another workflow rotates this client, rotate it from one workflow with many destinations.`;
  if (isShown || byHand.length === 0) return undefined;
  const pass = desired.current ? '' : 'Pass current-credential, which shows what is in use. ';
  return `${pass}Made by hand: ${dated(byHand)}. Put the id of one that nobody uses into removable-credentials.${wait}`;
}

/** A primary that was put before those which are served can wait for the next rotation as well as any other. */
function servedFirst({ inUse, observed }: PlanBuilder): string | undefined {
  const [primary] = observed.secrets;
  const served = observed.secrets.find((_, index) => index > 0 && inUse.held[index]?.[0]);
  if (!primary || !served || !isMissing(primary)) return undefined;
  const [first, empty] = [served, primary].map(({ location }) => printDestination(location.destination));
  return `${empty} has no secret yet, and nobody is interrupted to fill it. Put ${first} first in destinations: ${empty} gets its secret with the next rotation.`;
}

function releaseLine(spare: readonly Credential[]): string {
  const line = `removable-credentials: ${spare.map(({ id }) => id).join(' ')}.`;
  const [one, another] = spare;
  return one && !another
    ? `${one.id} was made by hand on ${day(one.createdAt)}, and the primary destination does not hold it. If nobody uses it, add this line to the action's inputs: ${line}`
    : `${dated(spare)} were made by hand, and the primary destination holds none of them. Add this line to the action's inputs, without the ids that somebody uses: ${line}`;
}

function dated(credentials: readonly Credential[]): string {
  return credentials.map(({ createdAt, id }) => `${id} of ${day(createdAt)}`).join(', ');
}

const REHEARSE_EARLIER =
  'A rehearsal takes nothing out that it has not made. Rehearse before the second rotation; or set an overlap (such as 7d), so that a run of rotate removes the previous credential when that is over.';

/** Auth0 takes no second credential of a subject DN (docs credentials: none is uploaded twice). */
export function nameTaken(builder: PlanBuilder, credential: Credential): RotationError {
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${builder.observed.client?.id} has a credential of the subject ${credential.identity} already: ${credential.id} (${builder.usedBy(credential)}).`,
    remedy: 'Choose another subject, or rotate from one workflow with many destinations.',
  });
}
