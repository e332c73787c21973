/** Clients read a hundred at a time, to spare most of the reads of those for which nothing is due. */

import { PAGE } from '../http/pages.ts';
import type { ObservedClient } from '../model/observed-state.ts';
import type { ClientListing, Tenant } from './tenant.ts';

/** A listing that costs more requests than this part of what it can spare is given up: other clients fill it. */
const WORTH = 1 / 4;

/** The listing is read when the first client is asked for. undefined: so few clients are not worth one. */
export function clientListing(tenant: Tenant, clientIds: readonly string[]): ClientListing | undefined {
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
    // The reads of the clients themselves say what is wrong.
  }
  return found;
}
