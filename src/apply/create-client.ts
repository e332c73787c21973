/** Makes the client of `create`, exactly once although answers may be lost, and finds it again. */

import type { ListedClient, Tenant } from '../auth0/tenant.ts';
import type { Registration } from '../certificate/credential.ts';
import { RotationError } from '../errors.ts';
import { poll, type Waiting } from '../http/poll.ts';
import { sleep } from '../http/retry.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { quote } from '../model/json.ts';
import type { ObservedClient, ObservedState } from '../model/observed-state.ts';
import { CLIENT_OWNER_KEY, ownerOf, writeClientOwner } from '../model/ownership.ts';
import { printLocation } from '../model/secret-location.ts';

/**
 * The wish with the id of the client that an earlier run of this workflow has made, whatever it is called by now; as it is
 * where there is none.
 * @throws RotationError CLIENT_EXISTS, AUTH0_…
 */
export async function locateClient(desired: DesiredState, tenant: Tenant): Promise<DesiredState> {
  const { clientName, operation } = desired;
  if (operation !== 'create') return desired;
  const all = await tenant.clients(CLIENT_OWNER_KEY);
  const ours = all.filter(({ mark }) => mark === markOf(desired));
  const inUse = ours.length > 1 ? await whoseIsCurrent(desired, ours, tenant) : ours[0];
  if (inUse) return { ...desired, clientId: inUse.id };
  if (ours.length > 1) throw several(ours);
  const named = all.filter(({ name }) => name === clientName);
  if (named.length > 0) throw nameTaken(`${clientName}`, named);
  return desired;
}

/** Two runs have made one each, and one of them has died: `current-credential` tells which one is in use. */
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

/** A secret that holds something is somebody's: a new client's must not take its place unasked. @throws RotationError SECRET_EXISTS */
export function refuseToOverwrite(
  { clientId, force, operation }: DesiredState,
  { secrets }: ObservedState,
): void {
  if (operation !== 'create' || clientId !== '' || force) return;
  const taken = secrets.filter(({ times }) => typeof times !== 'string');
  if (taken.length === 0) return;
  const locations = taken.map(({ location }) => printLocation(location)).join(', ');
  throw new RotationError('SECRET_EXISTS', {
    failed: `${locations} holds something already, and the client would be a new one: whoever reads that secret could not log in any more.`,
    remedy: 'Choose another secret-name; or delete the secret; or set force: true if nobody uses it.',
  });
}

export interface CreationServices extends Waiting {
  tenant: Tenant;
}

/**
 * @param made is told the id as soon as it is known, so that it can be undone
 * @returns the client with its first credential, read back
 * @throws RotationError ROTATION_IN_PROGRESS, CLIENT_EXISTS, AUTH0_…
 */
export async function createClient(
  desired: DesiredState,
  observed: ObservedState,
  services: CreationServices,
  registration: Registration,
  made: { id?: string },
): Promise<ObservedState & { client: ObservedClient }> {
  const { clientName: name = '', method } = desired;
  const client = { name, method, registration, metadata: { [CLIENT_OWNER_KEY]: markOf(desired) } };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const answer = await services.tenant.createClient(client);
    if (answer !== 'lost') made.id = answer.clientId;
    // It may have landed, and is ours by its credential: a POST is never blindly repeated.
    const ours = await landed(desired, services, registration.name, answer === 'lost');
    made.id ??= ours.find(({ isMine }) => isMine)?.id ?? '';
    if (ours.some(({ id }) => id !== made.id)) throw together(name);
    if (made.id !== '') return readBack(made.id, observed, services);
    delete made.id;
  }
  throw unanswered();
}

/** Reads may lag behind the POST. */
async function readBack(
  id: string,
  observed: ObservedState,
  services: CreationServices,
): Promise<ObservedState & { client: ObservedClient }> {
  const { tenant } = services;
  const attempt = async () => {
    const [client, pool] = await Promise.all([seen(tenant.client(id)), seen(tenant.credentials(id))]);
    return { done: client !== undefined && pool !== undefined && pool.length > 0, value: { client, pool } };
  };
  const { client, pool } = await poll(services, attempt, unanswered);
  if (!client || !pool) throw unanswered();
  return { ...observed, client, pool };
}

/** undefined: not there yet. */
async function seen<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CLIENT_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Two clients of a name would be nobody's doing but ours: after a lost answer, what may still land is waited for. */
async function landed(
  desired: DesiredState,
  services: CreationServices,
  name: string,
  isLost: boolean,
): Promise<Made[]> {
  const { cancellation, clock, tenant } = services;
  const ours = await madeClients(desired, tenant, name);
  if (ours.length > 0 || !isLost) return ours;
  // guard: a client whose answer was lost is waited for
  await sleep(clock, LONGEST_FLIGHT, cancellation);
  return madeClients(desired, tenant, name);
}

const ATTEMPTS = 3;

interface Made {
  id: string;
  isMine: boolean;
}

/** All clients of this workflow: another run may have made one in the same moment. */
async function madeClients(desired: DesiredState, tenant: Tenant, name: string): Promise<Made[]> {
  const ours = (await tenant.clients(CLIENT_OWNER_KEY)).filter(({ mark }) => mark === markOf(desired));
  return Promise.all(
    ours.map(async ({ id }) => {
      const pool = (await seen(tenant.credentials(id))) ?? [];
      return { id, isMine: pool.some((credential) => credential.name === name) };
    }),
  );
}

function markOf(desired: DesiredState): string {
  return writeClientOwner(ownerOf(desired));
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
