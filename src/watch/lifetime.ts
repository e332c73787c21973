/** How much of its life is left to what the primary holds. Pure. */

import { DAY, type Wish } from '../model/desired-state.ts';
import type { Credential, State } from '../model/observed-state.ts';
import type { Evidence } from '../plan/in-use.ts';

export interface Life {
  /** Milliseconds, Auth0's clock. */
  until: number;
  /** Part of its whole life; not above 1, and below 0 once it is over. */
  left: number;
}

/** undefined: nobody records it. */
export function lifeOf(wish: Wish, state: State, { current, expiresAt }: Evidence): Life | undefined {
  if (current === undefined || expiresAt === undefined) return undefined;
  const from = beginning(wish, current, expiresAt) ?? current.createdAt;
  return { until: expiresAt, left: (expiresAt - state.now) / (expiresAt - from) };
}

/** Auth0 records no start. A subject DN outlives its certificates: its age tells nothing. */
function beginning(wish: Wish, { identity }: Credential, expiresAt: number): number | undefined {
  const { current, method, validityDays } = wish;
  if (current?.notBefore && current.identity === identity) return current.notBefore.getTime();
  return method === 'tls_client_auth' ? expiresAt - validityDays * DAY : undefined;
}
