/** What `current-credential` shows about the primary, and whether the times contradict it. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  type Credential,
  isNewer,
  type ObservedSecret,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { candidatesFor, couldBeWrittenInRunOf, isCurrentLatest, latestCreation } from './by-time.ts';
import type { Owners } from './owners.ts';

/** What the primary holds by `current-credential`. */
export interface Claim {
  /** `current-credential` holds a certificate or key that is none of the client's credentials. */
  unregistered: boolean;
  /** What the primary holds: the claimed credential, or a later one that a run has stored since. undefined: only the times decide. */
  credential: Credential | undefined;
  /** Set if the primary does not hold `current-credential`: how the times show that. */
  staleCurrent: StaleCurrent | undefined;
  /** A newer credential that nobody needs any more: somebody put the claimed one back in the primary, or this run stores the primary's older pair everywhere. */
  supplanted: Credential | undefined;
}

/** How the times show that `current-credential` is not what the primary holds. */
export type StaleCurrent =
  /** It belongs to another workflow, or it is ours and younger than the secret. */
  | { because: 'never held' }
  /** The secret was written after this job began. */
  | { because: 'written since' }
  /** A run stored this later credential. */
  | { because: 'delivered since'; later: Credential };

/** The registered credential in `current-credential`, which the input claims to be what the primary holds. */
export function claimedBy({ currentKey }: DesiredState, { pool }: ObservedState): Credential | undefined {
  return currentKey && pool.find(({ identity }) => identity === currentKey.identity);
}

/** Whether `current-credential` is given. Before an `enroll` it may fit only the method that the client leaves. */
export function isCurrentGiven({ currentIdentities, currentKey }: DesiredState): boolean {
  return currentKey !== undefined || currentIdentities !== undefined;
}

/** Whether `current-credential` is a pair of this client, before an `enroll` also by the method that the client leaves. */
export function isOfThisClient(desired: DesiredState, observed: ObservedState): boolean {
  const { client, pool } = observed;
  const identity = desired.currentIdentities?.get(client?.method ?? '');
  return (
    claimedBy(desired, observed) !== undefined ||
    (identity !== undefined && pool.some((c) => c.identity === identity))
  );
}

/**
 * @param claimed by `current-credential` (`claimedBy`)
 * @param byTime what the primary may hold by the times alone
 */
export function checkClaim(
  desired: DesiredState,
  observed: ObservedState,
  owners: Owners,
  claimed: Credential | undefined,
  byTime: readonly Credential[],
): Claim {
  const [primary] = observed.secrets;
  const unregistered = desired.currentKey !== undefined && claimed === undefined;
  const newer = claimed ? newerThan(claimed, primary, observed, owners).filter(owners.isAssociated) : [];
  // What a run may have stored since this job read its secrets: ours, and newer than the claimed one if that is registered.
  const perhapsStored = unregistered ? byTime.filter(owners.isOurs) : newer;
  // guard: a stale current-credential is not believed
  const later = perhapsStored.find((c) => couldBeWrittenInRunOf(c, primary));
  const staleCurrent = howStale(desired, observed, owners, claimed, later);
  const isBelieved = staleCurrent === undefined && primary?.times !== 'missing';
  return {
    unregistered,
    credential: later ?? (isBelieved ? claimed : undefined),
    staleCurrent,
    supplanted: later ? undefined : newer[0],
  };
}

/** @param later the credential that a run stored after this job read its secrets */
function howStale(
  desired: DesiredState,
  observed: ObservedState,
  owners: Owners,
  claimed: Credential | undefined,
  later: Credential | undefined,
): StaleCurrent | undefined {
  if (claimed && cannotBeHeld(claimed, observed.secrets[0], owners)) return { because: 'never held' };
  if (later) return { because: 'delivered since', later };
  return isWrittenSince(desired, claimed, observed) ? { because: 'written since' } : undefined;
}

/** Whether the secret cannot hold the claimed credential. A run creates a credential before it delivers it, but a person may store a pair first. */
function cannotBeHeld(claimed: Credential, secret: ObservedSecret | undefined, owners: Owners): boolean {
  if (writtenTimes(secret?.times) === undefined) return false;
  if (owners.otherOwnership(claimed) !== undefined) return true;
  return owners.isOurs(claimed) && claimed.createdAt > latestCreation(secret);
}

/** Whether the primary was written after this job's secrets were read, and not by the run that made `claimed`. */
function isWrittenSince(
  desired: DesiredState,
  claimed: Credential | undefined,
  observed: ObservedState,
): boolean {
  const [primary] = observed.secrets;
  const { startedAt } = observed;
  const times = writtenTimes(primary?.times);
  if (desired.currentKey === undefined || startedAt === undefined || times === undefined) return false;
  // guard: what was written after this job began is not what current-credential shows
  if (times.updatedAt <= startedAt - UNCERTAINTY) return false;
  if (claimed === undefined) return true;
  // The record of a subject DN outlives its certificates and is delivered again and again.
  const isRenewal = desired.method === 'tls_client_auth' && isCurrentLatest(desired, observed);
  return !isRenewal && !couldBeWrittenInRunOf(claimed, primary);
}

/** Our credentials that are newer than `held` and existed when the secret was written. */
export function newerThan(
  held: Credential | undefined,
  secret: ObservedSecret | undefined,
  observed: ObservedState,
  owners: Owners,
): Credential[] {
  if (!secret || !held || !writtenTimes(secret.times)) return [];
  return candidatesFor(secret, observed, owners).filter((c) => owners.isOurs(c) && isNewer(c, held));
}
