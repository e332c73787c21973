/** Finds the client that an earlier `create` of this workflow made. */

import type { ListedClient, Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { quote } from '../model/json.ts';
import { CLIENT_OWNER_KEY, clientOwnerOf } from '../model/ownership.ts';

/**
 * The desired state with the id of the client that an earlier run of this workflow has made, whatever it is called by now; as it is
 * where there is none.
 * @throws RotationError CLIENT_EXISTS, AUTH0_…
 */
export async function locateClient(desired: DesiredState, tenant: Tenant): Promise<DesiredState> {
  const { clientName, operation } = desired;
  if (operation !== 'create') return desired;
  const all = await tenant.clients(CLIENT_OWNER_KEY);
  const ours = all.filter(({ mark }) => mark === clientOwnerOf(desired));
  const inUse = ours.length > 1 ? await whoseIsCurrent(desired, ours, tenant) : ours[0];
  if (inUse) return { ...desired, clientId: inUse.id };
  if (ours.length > 1) throw several(ours);
  const named = all.filter(({ name }) => name === clientName);
  if (named.length > 0) throw nameTaken(`${clientName}`, named);
  return desired;
}

/** Two runs have made one each, and one of them has died: `current-credential` shows which one is in use. */
async function whoseIsCurrent(
  { current }: DesiredState,
  clients: readonly ListedClient[],
  tenant: Tenant,
): Promise<ListedClient | undefined> {
  for (const client of current ? clients : []) {
    const pool = await tenant.credentials(client.id);
    if (pool.some(({ identity }) => identity === current?.identity)) return client;
  }
  return undefined;
}

function nameTaken(name: string, clients: readonly ListedClient[]): RotationError {
  return new RotationError('CLIENT_EXISTS', {
    failed: `Auth0 already has a client named '${quote(name)}' (${list(clients)}), and this workflow has not made it.`,
    remedy:
      'Choose another client-name; or let operation: enroll or rotate work on the one that is there (client-id); or delete it in Auth0.',
  });
}

function several(clients: readonly ListedClient[]): RotationError {
  return new RotationError('CLIENT_EXISTS', {
    failed: `This workflow has made more than one client (${list(clients)}): two runs were at work at once, and one of them has died.`,
    remedy:
      'Delete in Auth0 the one that nobody uses. With current-credential the next run knows the one that the destination holds, and goes on with it.',
  });
}

function list(clients: readonly ListedClient[]): string {
  return clients.map(({ id }) => id).join(', ');
}
