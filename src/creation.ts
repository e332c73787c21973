/** Makes the client of `create`, exactly once although answers may be lost, and finds it again. */

import type { Tenant } from './auth0/tenant.ts';
import type { Registration } from './credential.ts';
import { RotationError } from './errors.ts';
import type { Patience } from './eventually.ts';
import { LONGEST_FLIGHT } from './http/wire.ts';
import { sleep } from './retry.ts';
import { CLIENT_MARK, ownerOf, writeClientMark } from './rotation/mark.ts';
import type { ObservedClient, State } from './rotation/state.ts';
import type { Wish } from './rotation/wish.ts';

/**
 * The wish with the id of the client that an earlier run of this workflow has made; as it is where there is none.
 * @throws RotationError CLIENT_EXISTS, AUTH0_…
 */
export async function locateClient(wish: Wish, tenant: Tenant): Promise<Wish> {
  const { clientName, operation } = wish;
  if (operation !== 'create' || clientName === undefined) return wish;
  const named = await tenant.clientsNamed(clientName, CLIENT_MARK);
  const ours = named.filter(({ metadata }) => metadata === markOf(wish));
  const [only, ...more] = ours.length > 0 ? ours : named;
  if (only === undefined) return wish;
  if (ours.length === 1) return { ...wish, clientId: only.id };
  throw new RotationError('CLIENT_EXISTS', {
    failed: `Auth0 already has a client named '${clientName}' (${[only, ...more].map(({ id }) => id).join(', ')}), ${ours.length > 1 ? 'more than one of them made by this workflow' : 'and this workflow has not made it'}.`,
    remedy:
      'Choose another client-name; or let operation: enroll or rotate work on the one that is there (client-id); or delete it in Auth0.',
  });
}

export interface CreationEdges extends Patience {
  tenant: Tenant;
}

/**
 * @param made is told the id as soon as it is known, so that it can be undone
 * @returns the client with its first credential, read back
 * @throws RotationError ROTATION_IN_PROGRESS, CLIENT_EXISTS, AUTH0_…
 */
export async function createClient(
  wish: Wish,
  state: State,
  edges: CreationEdges,
  registration: Registration,
  made: { id?: string },
): Promise<State & { client: ObservedClient }> {
  const { clientName: name = '', method } = wish;
  const client = { name, method, registration, metadata: { [CLIENT_MARK]: markOf(wish) } };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const answer = await edges.tenant.createClient(client);
    if (answer !== 'lost') made.id = answer.clientId;
    // It may have landed, and is ours by its credential: a POST is never blindly repeated.
    const ours = await landed(wish, edges, registration.name, answer === 'lost');
    made.id ??= ours.find(({ isMine }) => isMine)?.id ?? '';
    if (ours.some(({ id }) => id !== made.id)) throw together(name);
    if (made.id !== '') return readBack(made.id, state, edges.tenant);
    delete made.id;
  }
  throw unanswered();
}

async function readBack(
  id: string,
  state: State,
  tenant: Tenant,
): Promise<State & { client: ObservedClient }> {
  const [client, pool] = await Promise.all([tenant.client(id), tenant.credentials(id)]);
  return { ...state, client, pool };
}

/** Two clients of a name would be nobody's doing but ours: after a lost answer, what may still land is waited for. */
async function landed(wish: Wish, edges: CreationEdges, name: string, isLost: boolean): Promise<Made[]> {
  const { cancellation, clock, tenant } = edges;
  const ours = await madeClients(wish, tenant, name);
  if (ours.length > 0 || !isLost) return ours;
  await sleep(clock, LONGEST_FLIGHT, cancellation);
  return madeClients(wish, tenant, name);
}

const ATTEMPTS = 3;

interface Made {
  id: string;
  isMine: boolean;
}

/** All clients of this name and workflow: another run may have made one in the same moment. */
async function madeClients(wish: Wish, tenant: Tenant, name: string): Promise<Made[]> {
  const named = await tenant.clientsNamed(wish.clientName ?? '', CLIENT_MARK);
  const ours = named.filter(({ metadata }) => metadata === markOf(wish));
  return Promise.all(
    ours.map(async ({ id }) => {
      const pool = await tenant.credentials(id);
      return { id, isMine: pool.some((credential) => credential.name === name) };
    }),
  );
}

function markOf(wish: Wish): string {
  return writeClientMark(ownerOf(wish));
}

function unanswered(): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: 'Auth0 did not answer the creation of the client, and does not show it.',
    remedy: 'Look at the status page of Auth0, then run again: a client that has landed is found.',
  });
}

function together(name: string): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another run has made a client named '${name}' at the same time.`,
    remedy: 'Run again when nothing else is at work, and give the workflow a concurrency group.',
  });
}
