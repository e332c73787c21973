/** When the credential in use expires. Pure. */

import { currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import { type Credential, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { DAY } from '../model/timing.ts';

/**
 * When the held credential expires. Auth0 does not record that for a DN. `current-credential` shows it, else it is derived from the time
 * of the delivery.
 */
export function expiryOf(
  desired: DesiredState,
  { secrets }: ObservedState,
  held: Credential | undefined,
): number | undefined {
  if (held === undefined) return undefined;
  const { notAfter } = currentFactsOf(held.identity, desired) ?? {};
  if (desired.method !== 'tls_client_auth') return held.expiresAt ?? notAfter?.getTime();
  const delivered = writtenTimes(secrets[0]?.times)?.updatedAt;
  if (desired.current) return desired.current.notAfter?.getTime();
  return delivered === undefined ? undefined : delivered + desired.validityDays * DAY;
}
