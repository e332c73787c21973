/** When the credential in use expires. Pure. */

import { currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import { type Credential, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { DAY } from '../model/timing.ts';

/**
 * When the held credential expires, by what Auth0 records and what the certificate says, whichever is earlier. For a DN Auth0 records
 * nothing. If `current-credential` does not show its certificate, its expiry is estimated from the time of the delivery.
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
    return { expiresAt: delivered + desired.validityDays * DAY, isExpiryEstimated: true };
  const recorded = isSubject ? undefined : held?.expiresAt;
  const known = [recorded, facts?.notAfter?.getTime()].filter((at) => at !== undefined);
  return { expiresAt: known.length > 0 ? Math.min(...known) : undefined, isExpiryEstimated: false };
}
