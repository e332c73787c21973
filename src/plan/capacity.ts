/** The limit of two: who gives way to the next credential, and who is told. Pure. */

import { RotationError } from '../errors.ts';
import { DAY, type Wish } from '../model/desired-state.ts';
import type { Credential, State } from '../model/observed-state.ts';
import { printPlace } from '../model/secret-location.ts';
import { mayBeHeld } from './in-use.ts';
import { printUsers, usesSince, watchedSince } from './log-usage.ts';
import { Draft, supersededAt } from './plan-builder.ts';

/** Auth0: a method holds at most 2 credentials ("limits customers to two registered certificates", configure-mtls-for-a-client). */
export const SLOT = 2;
/** The client's pool holds 2 by default, 4 with an entitlement that cannot be queried: plan for 2. */
const POOL = 2;

/** The limit of two: of the method always, of the pool by default. */
export function makeRoom(draft: Draft): void {
  clear(draft, () => draft.associated.length >= SLOT || draft.records.length >= POOL);
}

/** Of the method alone: for a credential that is in the pool already. */
export function makeSlot(draft: Draft): void {
  clear(draft, () => draft.associated.length >= SLOT);
}

function clear(draft: Draft, isFull: () => boolean): void {
  while (isFull()) {
    const full = draft.associated.length >= SLOT;
    const victim = roomGiver(draft, full);
    if (victim) {
      warnIfRecent(draft, victim);
      if (full) warnIfUsed(draft, victim);
      draft.remove(victim, 'make room');
    } else if (full) {
      interrupt(draft);
    } else {
      // The pool may hold more than we plan for: Auth0 tells when the credential is created.
      return;
    }
  }
}

/** Where a place of the method is free, one of the pool that nobody can log in with; the only associated one if there is no other. */
function roomGiver(draft: Draft, full: boolean): Credential | undefined {
  const isAssociated = ({ id }: Credential) => draft.associated.includes(id);
  if (full) return draft.removable.find(isAssociated);
  const useless = (c: Credential) => !isAssociated(c) && draft.isDisposable(c);
  return draft.records.find(useless) ?? draft.removable[0];
}

/**
 * Half delivered, and no key to finish with: one that is held gives way, and the plan names whom that interrupts.
 * The older of ours: should the run die before it delivers, the missing one stays visible as a secret that nothing explains.
 */
function interrupt(draft: Draft): void {
  const { evidence, pool, state } = draft;
  const eligible = draft.records.filter((c) => draft.associated.includes(c.id) && draft.mayRemove(c));
  const victim = evidence.settled
    ? undefined
    : (eligible.find(pool.isOurs) ?? eligible.find((c) => mayBeHeld(evidence, c)));
  if (!victim || evidence.newest === undefined) throw placesFull(draft);
  const interrupted = state.secrets
    .filter((_, index) => evidence.held[index]?.some(({ id }) => id === victim.id))
    .map(({ place }) => place);
  if (interrupted.length > 0) {
    draft.notes.push(
      `INTERRUPTION: ${interrupted.map(printPlace).join(', ')} cannot log in from the removal of ${victim.id} until this run has stored the new credential there, normally some seconds. Runs that are queued with the old key fail. Pass current-credential to finish a delivery without this.`,
    );
  }
  draft.remove(victim, 'make room', interrupted);
}

function warnIfRecent(draft: Draft, victim: Credential): void {
  const since = supersededAt(draft, victim);
  if (since === undefined || draft.state.now - since >= DAY) return;
  draft.notes.push(
    `Credential ${victim.id} was superseded less than a day ago and gives way now: runs that were queued before that rotation still hold it and will fail.`,
  );
}

/** An expiry is worse: the rotation goes on, and tells. */
function warnIfUsed(draft: Draft, victim: Credential): void {
  const since = watchedSince(draft, victim);
  const users = since === undefined ? [] : usesSince(draft, since, victim);
  if (users.length === 0) return;
  draft.notes.push(
    `WARNING: credential ${victim.id} gives way to this rotation, and is still in use, by the tenant logs: ${printUsers(users)}. They cannot log in until they use what this run delivers.`,
  );
}

export function placesFull(draft: Draft): RotationError {
  const holders = draft.records.map((c) => `${c.id} (${whose(draft, c)})`).join(', ');
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${draft.state.client?.id ?? draft.wish.clientName} has no place for another credential: ${holders}.`,
    remedy: draft.wish.operation === 'rehearse' ? REHEARSE_EARLIER : FREE_A_PLACE,
  });
}

const FREE_A_PLACE =
  'Auth0 lets a method hold two. Disassociate and delete one that nobody uses any more, or rotate from one workflow with many destinations, and pass current-credential.';
const REHEARSE_EARLIER =
  'A rehearsal takes nothing out that it has not made. Rehearse before the second rotation; or set an overlap (such as 7d), so that a run of rotate removes the previous credential when that is over.';

/** Auth0 takes no second credential of a subject DN (docs credentials: none is uploaded twice). */
export function nameTaken(draft: Draft, credential: Credential): RotationError {
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${draft.state.client?.id} has a credential of the subject ${credential.identity} already: ${credential.id} (${whose(draft, credential)}).`,
    remedy: 'Choose another subject, or rotate from one workflow with many destinations.',
  });
}

function whose(draft: Draft, credential: Credential): string {
  const others = draft.pool.othersMark(credential);
  if (others) return `made for ${others.owner} by run ${others.run}`;
  if (draft.wish.keepCredentials.has(credential.id)) return 'in keep-credentials';
  if (!draft.associated.includes(credential.id)) return 'not associated with this method';
  if (mayBeHeld(draft.evidence, credential)) {
    const { heldBy } = draft.describe(credential);
    return heldBy.length > 0 ? `held by ${heldBy.join(', ')}` : 'may be held by a destination';
  }
  return draft.pool.isOurs(credential) ? 'ours' : 'made by hand, in use until a successor was delivered';
}

/** The error for a pool that Auth0 itself called full. */
export function poolFull(wish: Wish, state: State): RotationError {
  return placesFull(new Draft(wish, state));
}
