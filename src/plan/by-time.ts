/** What the times of a secret show about the credential that it holds. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  type Credential,
  newestFirst,
  type ObservedSecret,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { BACKDATE, LEASE, UNCERTAINTY } from '../model/timing.ts';
import type { Owners } from './owners.ts';

/** Whether the run that made the credential could have written the secret. A run stores its credential right after it makes it, within the lease. */
export function couldBeWrittenInRunOf(
  { createdAt }: Credential,
  secret: ObservedSecret | undefined,
): boolean {
  const times = writtenTimes(secret?.times);
  if (times === undefined) return false;
  const after = times.updatedAt - createdAt;
  return after >= -UNCERTAINTY && after <= LEASE;
}

/**
 * Whether `current-credential` was issued right before the primary's secret was written. Only then is it the latest certificate with
 * its subject DN, since Auth0 does not show which of two is newer.
 */
export function isCurrentLatest({ currentKey }: DesiredState, { secrets }: ObservedState): boolean {
  const times = writtenTimes(secrets[0]?.times);
  if (!times || !currentKey?.notBefore) return false;
  const after = times.updatedAt - currentKey.notBefore.getTime();
  return after >= -UNCERTAINTY && after <= BACKDATE + LEASE;
}

/**
 * How many milliseconds after the primary the location was written. Only for `tls_client_auth`: there `created_at` shows little, since the
 * record of a subject DN outlives its certificates. undefined: another method, or one of the two has no secret or was not read.
 */
function afterPrimary(
  { method }: DesiredState,
  secret: ObservedSecret | undefined,
  { secrets: [primary] }: ObservedState,
): number | undefined {
  const [first, then] = [writtenTimes(primary?.times), writtenTimes(secret?.times)];
  return method === 'tls_client_auth' && first && then ? then.updatedAt - first.updatedAt : undefined;
}

/** Whether it is the primary, or the run that wrote the primary could have written it. Then both hold the same subject DN. */
export function isLikePrimary(desired: DesiredState, index: number, observed: ObservedState): boolean {
  const after = afterPrimary(desired, observed.secrets[index], observed);
  return index === 0 || (after !== undefined && after >= 0 && after <= LEASE);
}

/** Whether the location was written so long after the primary that the run that wrote the primary must have been over. */
export function isWrittenApart(
  desired: DesiredState,
  secret: ObservedSecret,
  observed: ObservedState,
): boolean {
  return (afterPrimary(desired, secret, observed) ?? 0) > LEASE;
}

/** The credentials that existed when the secret was written and could have been delivered there, newest first. */
export function candidatesFor(
  secret: ObservedSecret,
  { pool: all, secrets }: ObservedState,
  owners: Owners,
): Credential[] {
  const latest = latestCreation(secret);
  // A run delivers to the primary first. A credential made after the primary's last change was never delivered.
  const latestOfOurs = Math.min(
    latest,
    secrets[0]?.times === 'missing' ? latest : latestCreation(secrets[0]),
  );
  return all
    .filter((c) => !owners.isForeign(c) && !owners.isMadeByRehearsal(c))
    .filter((c) => c.createdAt <= (owners.isOurs(c) ? latestOfOurs : latest))
    .sort(newestFirst);
}

/** The credentials that existed when the secret of a former location was written, newest first. */
export function existingAt(
  secret: ObservedSecret,
  { pool: all }: ObservedState,
  owners: Owners,
): Credential[] {
  return all.filter((c) => !owners.isForeign(c) && c.createdAt <= latestCreation(secret)).sort(newestFirst);
}

/** The latest time at which the secret's credential could have been created, by Auth0's clock. */
export function latestCreation(secret: ObservedSecret | undefined): number {
  const times = secret?.times ?? 'unread';
  if (times === 'missing') return Number.NEGATIVE_INFINITY;
  return times === 'unread' ? Number.POSITIVE_INFINITY : times.updatedAt + UNCERTAINTY;
}

/** The newest of the candidates, and more where the times leave a doubt. */
export function heldByTime(
  desired: DesiredState,
  secret: ObservedSecret,
  candidates: readonly Credential[],
  owners: Owners,
  claimed: Credential | undefined,
): Credential[] {
  // It may hold any associated credential.
  if (secret.refused) return candidates.filter(owners.isAssociated);
  // A credential that is not associated was probably never delivered. It counts only if it is claimed, or if no candidate is associated.
  // guard: by time, only what is associated counts as held
  const associated = candidates.filter((c) => owners.isAssociated(c) || c.id === claimed?.id);
  const [first, second] = associated.length > 0 ? associated : candidates;
  if (first === undefined) return [];
  if (mayHoldAny(desired, first, secret, owners)) return associated.length > 0 ? associated : [first];
  return second && mayHoldEarlier(first, secret, owners) ? [first, second] : [first];
}

/** Whether somebody else may have written the secret, so that it may hold any of its candidates. @param newest of the candidates */
function mayHoldAny(
  desired: DesiredState,
  newest: Credential,
  secret: ObservedSecret,
  owners: Owners,
): boolean {
  if (isUnexplained(desired, newest, secret, owners)) return true;
  // Only the first delivery of a subject DN is close to its record. At any later one, somebody may have put another DN back.
  return (
    desired.method === 'tls_client_auth' &&
    writtenTimes(secret.times) !== undefined &&
    !couldBeWrittenInRunOf(newest, secret)
  );
}

/**
 * Whether the secret may hold the credential before this one, since a person made this one too close to the write. Our runs pause between
 * a delivery and the next credential (PAUSE in apply/deliver.ts).
 */
function mayHoldEarlier(newest: Credential, secret: ObservedSecret, owners: Owners): boolean {
  const times = writtenTimes(secret.times);
  return times !== undefined && newest.createdAt > times.updatedAt - UNCERTAINTY && !owners.isOurs(newest);
}

/**
 * Whether the times do not explain what the secret holds: its credential was made by hand, was too old to be stored by its own run when
 * the secret was last written, or was brought.
 */
export function isUnexplained(
  desired: DesiredState,
  held: Credential | undefined,
  secret: ObservedSecret | undefined,
  owners: Owners,
): boolean {
  const times = writtenTimes(secret?.times);
  if (held === undefined || times === undefined) return false;
  // Nothing records when a brought certificate was stored or expires. Only `current-credential` shows it.
  if (desired.brought) return true;
  // The record of a subject DN outlives its certificates and is delivered again and again.
  if (desired.method === 'tls_client_auth') return !owners.isOurs(held) && held.identity !== desired.subject;
  // guard: by time, what no run could have stored is not believed
  return !owners.isOurs(held) || times.updatedAt > held.createdAt + LEASE;
}

/** Whether the location holds an older certificate with the primary's DN. A run writes the primary first. Both times are by GitHub's clock. */
export function isBehind({ method }: DesiredState, index: number, { secrets }: ObservedState): boolean {
  const [primary, location] = [secrets[0]?.githubTime, secrets[index]?.githubTime];
  return (
    method === 'tls_client_auth' && primary !== undefined && location !== undefined && location < primary
  );
}
