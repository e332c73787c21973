/** Finds the client that an earlier `create` of this workflow made. */

import type { ListedClient, Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { quote } from '../model/json.ts';
import { CLIENT_OWNER_KEY, clientOwnerOf } from '../model/ownership.ts';

/**
 * Adds the id of the client that an earlier run of this workflow made, even if somebody has renamed that client. If there is none, the
 * desired state stays as it is.
 * @throws RotationError CLIENT_EXISTS, AUTH0_…
 */
export async function locateClient(desired: DesiredState, tenant: Tenant): Promise<DesiredState> {
  const { clientName, operation } = desired;
  if (operation !== 'create') return desired;
  const all = await tenant.clients(CLIENT_OWNER_KEY);
  const ours = all.filter(({ owner }) => owner === clientOwnerOf(desired));
  const inUse = ours.length > 1 ? await whoseIsCurrent(desired, ours, tenant) : ours[0];
  if (inUse) return { ...desired, clientId: inUse.id };
  if (ours.length > 1) throw several(ours);
  const named = all.filter(({ name }) => name === clientName);
  if (named.length > 0) throw nameTaken(`${clientName}`, named);
  return desired;
}

/** Two runs made one client each and one run died. `current-credential` shows which client is in use. */
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
    failed: `Auth0 already has a client named '${quote(name)}' (${list(clients)}), and this workflow did not make it.`,
    remedy:
      'Choose another client-name. Or use that client, with its client-id and operation: enroll or rotate. Or delete it in Auth0.',
  });
}

function several(clients: readonly ListedClient[]): RotationError {
  return new RotationError('CLIENT_EXISTS', {
    failed: `This workflow made more than one client (${list(clients)}): two runs were at work at once, and one of them died.`,
    remedy:
      'Delete in Auth0 the client that is not used. Or pass current-credential: then the next run goes on with the client whose credential the destination holds.',
  });
}

function list(clients: readonly ListedClient[]): string {
  return clients.map(({ id }) => id).join(', ');
}
