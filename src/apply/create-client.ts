/** Makes the client of `create` exactly once, even if an answer is lost. */

import type { Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import { sleep, type Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Registration } from '../model/key-pair.ts';
import type { ObservedClient, ObservedState } from '../model/observed-state.ts';
import { CLIENT_OWNER_KEY, clientOwnerOf } from '../model/ownership.ts';

export interface CreationServices extends Waiting {
  tenant: Tenant;
}

/** The client that a run makes. */
export interface MadeClient {
  id?: string | undefined;
  /** An answer was lost, so the client may exist under an unknown id. Local time until which the POST may land. */
  until?: number | undefined;
}

/**
 * Creates the client with its first credential.
 * @param made receives what is known of the client as soon as it is known, so that the creation can be undone
 * @returns the client with its first credential, read back
 * @throws RotationError ROTATION_IN_PROGRESS, AUTH0_…
 */
export async function createClient(
  desired: DesiredState,
  observed: ObservedState,
  services: CreationServices,
  registration: Registration,
  made: MadeClient,
): Promise<ObservedState & { client: ObservedClient }> {
  const { clientName: name = '', method } = desired;
  const client = { name, method, registration, metadata: { [CLIENT_OWNER_KEY]: clientOwnerOf(desired) } };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const answer = await services.tenant.createClient(client);
    if (answer === 'lost') made.until = services.clock.now() + LONGEST_FLIGHT;
    else made.id = answer.clientId;
    // The POST may have landed, so it is never blindly repeated. Our credential's name identifies our client.
    const ours = await findOnceLanded(desired, services, registration.name, made.until);
    made.id ??= ours.find(({ isMine }) => isMine)?.id;
    if (ours.some(({ id }) => id !== made.id)) throw madeByAnotherRun(name);
    if (made.id !== undefined) return readBack(made.id, registration.name, observed, services);
  }
  throw unanswered();
}

/**
 * Deletes the client that this run made, or may have made. If its answer was lost, it looks again once the POST cannot land any more.
 * @param name the name of its credential, which identifies it
 * @returns a sentence about the result, or an empty text
 * @throws RotationError AUTH0_…
 */
export async function deleteMade(
  desired: DesiredState,
  services: CreationServices,
  name: string,
  made: MadeClient,
): Promise<string> {
  const { until } = made;
  // guard: a client that may be there is looked for
  if (made.id === undefined && until !== undefined)
    made.id = (await findOnceLanded(desired, services, name, until)).find(({ isMine }) => isMine)?.id;
  const { id } = made;
  if (id !== undefined) await services.tenant.deleteClient(id);
  delete made.id;
  delete made.until;
  if (id !== undefined) return 'The new client was deleted again.';
  return until === undefined ? '' : 'Auth0 shows no client of this run.';
}

/** Reads the new client with its credential. Reads may lag behind the POST, so it repeats them. @throws RotationError AUTH0_… */
async function readBack(
  id: string,
  name: string,
  observed: ObservedState,
  services: CreationServices,
): Promise<ObservedState & { client: ObservedClient }> {
  const { tenant } = services;
  const attempt = async () => {
    const [client, pool] = await Promise.all([seen(tenant.client(id)), seen(tenant.credentials(id))]);
    const isThere = pool?.some((credential) => credential.name === name) ?? false;
    return { done: client !== undefined && isThere, value: { client, pool } };
  };
  const { client, pool } = await poll(services, attempt, unanswered);
  if (!client || !pool) throw unanswered();
  return { ...observed, client, pool };
}

/** Turns CLIENT_NOT_FOUND into undefined, since the client may not be visible yet. */
async function seen<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CLIENT_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * Finds the clients of this workflow. It waits for one that may still land, since a repeated POST would make a second.
 * @param until local time until which a POST without an answer may land. By default none may.
 */
async function findOnceLanded(
  desired: DesiredState,
  { cancellation, clock, tenant }: CreationServices,
  name: string,
  until = 0,
): Promise<OurClient[]> {
  const ours = await findOurClients(desired, tenant, name);
  const wait = until - clock.now();
  if (ours.some(({ isMine }) => isMine) || wait <= 0) return ours;
  // guard: a client whose answer was lost is waited for
  await sleep(clock, wait, cancellation);
  return findOurClients(desired, tenant, name);
}

const ATTEMPTS = 3;

/** A client of this workflow. */
interface OurClient {
  id: string;
  /** This very run made it. Another run may have made one at the same time. */
  isMine: boolean;
}

async function findOurClients(desired: DesiredState, tenant: Tenant, name: string): Promise<OurClient[]> {
  const ours = (await tenant.clients(CLIENT_OWNER_KEY)).filter(
    ({ owner }) => owner === clientOwnerOf(desired),
  );
  return Promise.all(
    ours.map(async ({ id }) => {
      const pool = (await seen(tenant.credentials(id))) ?? [];
      return { id, isMine: pool.some((credential) => credential.name === name) };
    }),
  );
}

function unanswered(): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: 'Auth0 did not answer the creation of the client and does not show the client.',
    remedy:
      'Look at the status page of Auth0, then start a new run. It finds a client that was created after all.',
  });
}

function madeByAnotherRun(name: string): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another run made a client named '${name}' at the same time.`,
    remedy: 'Start a new run when nothing else is at work, and give the workflow a concurrency group.',
  });
}
