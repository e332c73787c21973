/** Lists clients a hundred at a time, which saves most reads of clients for which nothing is due. */

import { PAGE } from '../http/pages.ts';
import type { ObservedClient } from '../model/observed-state.ts';
import type { ClientListing, Tenant } from './tenant.ts';

/** The listing may cost this fraction of the requests that it can save. A tenant may have many clients outside the fleet. */
const WORTH = 1 / 4;

/** Reads the listing when it is first needed. undefined: a listing is not worth it for so few clients. */
export function listingOf(tenant: Tenant, clientIds: readonly string[]): ClientListing | undefined {
  const most = Math.floor(clientIds.length * WORTH) * PAGE;
  if (most === 0) return undefined;
  let reading: Promise<ReadonlyMap<string, ObservedClient>> | undefined;
  return async (clientId) => {
    reading ??= list(tenant, clientIds, most);
    return (await reading).get(clientId);
  };
}

async function list(
  tenant: Tenant,
  clientIds: readonly string[],
  most: number,
): Promise<ReadonlyMap<string, ObservedClient>> {
  const found = new Map<string, ObservedClient>();
  const missing = new Set(clientIds);
  let read = 0;
  try {
    for await (const client of tenant.eachClient()) {
      if (client && missing.delete(client.id)) found.set(client.id, client);
      read += 1;
      if (missing.size === 0 || read === most) break;
    }
  } catch {
    // The read of each client will report the error.
  }
  return found;
}
