/** The limit of two: who gives way to the next credential, and who is told. Pure. */

import { RotationError } from '../errors.ts';
import { credentialLimit, METHOD_CAPACITY, POOL_CAPACITY } from '../model/capacity.ts';
import type { Credential } from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { DAY } from '../model/timing.ts';
import { mayBeHeld } from './in-use.ts';
import { printUsers, usesSince, watchedSince } from './log-usage.ts';
import { type PlanBuilder, supersededAt } from './plan-builder.ts';

/** The limit of two: of the method always, of the pool by default. */
export function freeCapacity(builder: PlanBuilder): void {
  clear(
    builder,
    () => builder.associated.length >= METHOD_CAPACITY || builder.records.length >= POOL_CAPACITY,
  );
}

/** Of the method alone: for a credential that is in the pool already. */
export function freeSlot(builder: PlanBuilder): void {
  clear(builder, () => builder.associated.length >= METHOD_CAPACITY);
}

function clear(builder: PlanBuilder, isFull: () => boolean): void {
  while (isFull()) {
    const full = builder.associated.length >= METHOD_CAPACITY;
    const victim = findVictim(builder, full);
    if (victim) {
      warnIfRecent(builder, victim);
      if (full) warnIfUsed(builder, victim);
      builder.remove(victim, 'make room');
    } else if (full) {
      interrupt(builder);
    } else {
      // The pool may hold more than we plan for: Auth0 tells when the credential is created.
      return;
    }
  }
}

/** Where a place of the method is free, one of the pool that nobody can log in with; the only associated one if there is no other. */
function findVictim(builder: PlanBuilder, full: boolean): Credential | undefined {
  const isAssociated = ({ id }: Credential) => builder.associated.includes(id);
  if (full) return builder.removable.find(isAssociated);
  const useless = (c: Credential) => !isAssociated(c) && builder.isDisposable(c);
  return builder.records.find(useless) ?? builder.removable[0];
}

/**
 * Half delivered, and no key to finish with: one that is held gives way, and the plan names whom that interrupts.
 * The older of ours: should the run die before it delivers, the missing one stays visible as a secret that nothing explains.
 */
function interrupt(builder: PlanBuilder): void {
  const { inUse, pool, observed } = builder;
  const eligible = builder.records.filter((c) => builder.associated.includes(c.id) && builder.mayRemove(c));
  const victim = inUse.settled
    ? undefined
    : (eligible.find(pool.isOurs) ?? eligible.find((c) => mayBeHeld(inUse, c)));
  if (!victim || inUse.newest === undefined) throw capacityExhausted(builder);
  const interrupted = observed.secrets
    .filter((_, index) => inUse.held[index]?.some(({ id }) => id === victim.id))
    .map(({ location }) => location);
  if (interrupted.length > 0) {
    builder.note(
      'interruption',
      `${interrupted.map(printLocation).join(', ')} cannot log in from the removal of ${victim.id} until this run has stored the new credential there, normally some seconds. Runs that are queued with the old key fail. Pass current-credential to finish a delivery without this.`,
    );
  }
  builder.remove(victim, 'make room', interrupted);
}

function warnIfRecent(builder: PlanBuilder, victim: Credential): void {
  const since = supersededAt(builder, victim);
  if (since === undefined || builder.observed.now - since >= DAY) return;
  builder.note(
    'warning',
    `Credential ${victim.id} was superseded less than a day ago and gives way now: runs that were queued before that rotation still hold it and will fail.`,
  );
}

/** An expiry is worse: the rotation goes on, and tells. */
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
  const remedy = desired.operation === 'rehearse' ? REHEARSE_EARLIER : undefined;
  return credentialLimit(observed.client?.id ?? `${desired.clientName}`, holders, remedy);
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
