/** Finds the client that an earlier `create` of this workflow made. */

import type { ClientWithOwner, Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import { type DesiredState, movedLocations } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import { CLIENT_OWNER_KEY, clientOwnerOf, isDigest, ownerAt, writeClientOwner } from '../model/ownership.ts';
import { printDestination } from '../model/secret-location.ts';

/**
 * Adds the id of the client that an earlier run of this workflow made, even if somebody has renamed that client or this workflow
 * (`moved-from`). If there is none, the desired state stays as it is.
 * @throws RotationError CLIENT_EXISTS, AUTH0_…
 */
export async function locateClient(desired: DesiredState, tenant: Tenant): Promise<DesiredState> {
  const { clientName, operation } = desired;
  if (operation !== 'create') return desired;
  const all = await tenant.clients(CLIENT_OWNER_KEY);
  const owners = [clientOwnerOf(desired), ...formerOwners(desired)];
  const ours = all.filter(({ owner }) => owner !== undefined && owners.includes(owner));
  const inUse = ours.length > 1 ? await whoseIsCurrent(desired, ours, tenant) : ours[0];
  if (inUse) return { ...desired, clientId: inUse.id };
  if (ours.length > 1) throw several(desired, ours);
  const named = all.filter(({ name }) => name === clientName);
  if (named.length > 0) throw nameTaken(`${clientName}`, named);
  return desired;
}

function formerOwners(desired: DesiredState): string[] {
  return movedLocations(desired).map((former) => writeClientOwner(ownerAt(former)));
}

/** Two runs made one client each and one run died. `current-credential` shows which client is in use. */
async function whoseIsCurrent(
  { currentKey }: DesiredState,
  clients: readonly ClientWithOwner[],
  tenant: Tenant,
): Promise<ClientWithOwner | undefined> {
  for (const client of currentKey ? clients : []) {
    const pool = await tenant.credentials(client.id);
    if (pool.some(({ identity }) => identity === currentKey?.identity)) return client;
  }
  return undefined;
}

/** Its advice never deletes a client that consumers may use. */
function nameTaken(name: string, clients: readonly ClientWithOwner[]): RotationError {
  const marked = clients.find(({ owner }) => owner !== undefined);
  const ids = list(clients);
  const says = marked ? `says that this action made it for ${oneLine(marked.owner)}` : SAYS_NOTHING;
  return new RotationError('CLIENT_EXISTS', {
    failed: `Auth0 already has a client named '${oneLine(name)}' (${ids}), and its client_metadata ${says}.`,
    remedy: marked
      ? `If that is what this repository, secret or first destination was called before, ${movedFromLine(oneLine(marked.owner))}. Delete nothing: consumers use that client. If another workflow rotates it, choose another client-name.`
      : `If it is the client that you want to rotate, go on with \`client-id: ${clients[0]?.id}\` and operation: rotate, or enroll if it uses a client secret. If it is another one, choose another client-name.`,
  });
}

const SAYS_NOTHING = 'does not say that this workflow made it';

function movedFromLine(owner: string): string {
  return isDigest(owner)
    ? 'add the line moved-from: with that destination and secret, as repo:owner/name#SECRET'
    : `add the line \`moved-from: ${owner}\``;
}

function several(desired: DesiredState, clients: readonly ClientWithOwner[]): RotationError {
  const { currentKey, destinations, movedFrom, secretName } = desired;
  const cause =
    movedFrom.length > 0
      ? 'Either two runs were at work at once and one of them died, or moved-from names a workflow that has a client of its own.'
      : 'Two runs were at work at once, and one of them died.';
  const secret = `${printDestination(destinations[0])} ${secretName}`;
  return new RotationError('CLIENT_EXISTS', {
    failed: `More than one client has this workflow's mark (${list(clients)}). ${cause}`,
    remedy:
      movedFrom.length > 0
        ? 'Delete nothing yet. If moved-from names a workflow that has a client of its own, take that line out. Otherwise find out which client id your services use, including those that read the former secret, and delete only the others in Auth0.'
        : currentKey
          ? 'current-credential belongs to none of them. Find out which client id your services use, and delete only the others in Auth0.'
          : `Pass current-credential: the next run goes on with the client whose credential ${secret} holds. Then delete the others in Auth0. If no destination has a secret ${secretName} yet, nobody uses any of them: delete all but one.`,
  });
}

function list(clients: readonly ClientWithOwner[]): string {
  return clients.map(({ id }) => id).join(', ');
}
