/** When the credential in use expires. Pure. */

import { currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import { type Credential, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import { DAY } from '../model/timing.ts';

/**
 * When the held credential expires, by what Auth0 records and what the certificate says, whichever is earlier. If neither shows it, it is
 * estimated: for a DN, for which Auth0 records nothing, from the time of the delivery, and for another one of ours from its creation.
 */
export function expiryOf(
  desired: DesiredState,
  { secrets }: ObservedState,
  held: Credential | undefined,
): { expiresAt: number | undefined; isExpiryEstimated: boolean } {
  const facts = held && currentFactsOf(held.identity, desired);
  const isSubject = held?.type === 'cert_subject_dn';
  const delivered = writtenTimes(secrets[0]?.times)?.updatedAt;
  if (isSubject && facts === undefined && delivered !== undefined)
    return { expiresAt: endOfIssued(desired, delivered), isExpiryEstimated: true };
  const recorded = isSubject ? undefined : held?.expiresAt;
  const known = [recorded, facts?.notAfter?.getTime()].filter((at) => at !== undefined);
  if (known.length === 0 && held && !isSubject && readOwnership(held.name))
    return { expiresAt: held.createdAt + desired.validityDays * DAY, isExpiryEstimated: true };
  return { expiresAt: known.length > 0 ? Math.min(...known) : undefined, isExpiryEstimated: false };
}

/**
 * When a certificate ends that is issued then, or was. A CA that had ended before has not signed it.
 * @param at milliseconds, Auth0's clock
 */
export function endOfIssued(
  { authorityEnd, validityDays }: Pick<DesiredState, 'authorityEnd' | 'validityDays'>,
  at: number,
): number {
  const end = at + validityDays * DAY;
  return authorityEnd !== undefined && authorityEnd > at ? Math.min(end, authorityEnd) : end;
}
