/** Clients read a hundred at a time, to spare most of the reads of those for which nothing is due. */

import type { Tenant } from '../auth0/tenant.ts';
import { PAGE } from '../http/pages.ts';
import type { ObservedClient } from '../model/observed-state.ts';

/** A listing that costs more requests than this part of what it can spare is given up: other clients fill it. */
const WORTH = 1 / 4;

/** @returns what finds a client in a listing, which is read when it is first asked for; undefined: read it by itself */
export function clientList(
  tenant: Tenant,
  clientIds: readonly string[],
): (clientId: string) => Promise<ObservedClient | undefined> {
  let reading: Promise<ReadonlyMap<string, ObservedClient>> | undefined;
  return async (clientId) => {
    reading ??= list(tenant, clientIds);
    return (await reading).get(clientId);
  };
}

async function list(
  tenant: Tenant,
  clientIds: readonly string[],
): Promise<ReadonlyMap<string, ObservedClient>> {
  const found = new Map<string, ObservedClient>();
  const missing = new Set(clientIds);
  const most = Math.floor(clientIds.length * WORTH) * PAGE;
  if (most === 0) return found;
  let read = 0;
  try {
    for await (const client of tenant.eachClient()) {
      if (client && missing.delete(client.id)) found.set(client.id, client);
      read += 1;
      if (missing.size === 0 || read === most) break;
    }
  } catch {
    // What is wrong is told by the reads of the clients themselves.
  }
  return found;
}
