/** Computes how much of its validity the primary's credential has left. Pure. */

import { currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import type { Credential, ObservedState } from '../model/observed-state.ts';
import type { Lifetime } from '../model/run-result.ts';
import { DAY } from '../model/timing.ts';
import type { CredentialsInUse } from '../plan/in-use.ts';

/** undefined: the expiry is not recorded. */
export function lifetimeOf(
  desired: DesiredState,
  observed: ObservedState,
  { heldByPrimary, expiresAt }: CredentialsInUse,
): Lifetime | undefined {
  if (heldByPrimary === undefined || expiresAt === undefined) return undefined;
  const from = beginning(desired, heldByPrimary, expiresAt) ?? heldByPrimary.createdAt;
  const remaining = expiresAt - observed.now;
  // A record may have been made after its certificate expired.
  const left = expiresAt > from ? Math.min(remaining / (expiresAt - from), 1) : Math.sign(remaining);
  return { until: expiresAt, left };
}

/** The start of the validity, which Auth0 does not record. The record of a subject DN is often older than its certificate. */
function beginning(desired: DesiredState, { identity }: Credential, expiresAt: number): number | undefined {
  const { method, validityDays } = desired;
  const { notBefore } = currentFactsOf(identity, desired) ?? {};
  if (notBefore) return notBefore.getTime();
  return method === 'tls_client_auth' ? expiresAt - validityDays * DAY : undefined;
}
