/** Reads the observed state from Auth0 and GitHub and changes nothing. A failed or partial read throws. It never becomes an empty list. */

import type { Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import { isNotShown } from '../github/refusals.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type DesiredState, secretLocations } from '../model/desired-state.ts';
import type { ObservedSecret, ObservedState } from '../model/observed-state.ts';
import type { SecretLocation } from '../model/secret-location.ts';
import { observeFormer } from './former-locations.ts';

export interface ObserveServices {
  tenant: Tenant;
  /** undefined: no github-token was given. */
  store: SecretStore | undefined;
}

/**
 * Reads the secrets' times before the pool, so that the pool shows every credential that a secret can hold.
 * @param startedAt when this run began, by the local clock, in milliseconds
 * @throws RotationError AUTH0_…, GITHUB_…, CLIENT_NOT_FOUND, DESTINATION_NOT_FOUND
 */
export async function observe(
  desired: DesiredState,
  { tenant, store: shownStore }: ObserveServices,
  startedAt: number,
): Promise<ObservedState> {
  const locations = secretLocations(desired);
  // The login runs in parallel with the reads of GitHub, which do not need Auth0's token.
  const login = tenant.login();
  const read = (from: SecretStore | undefined) =>
    Promise.all(locations.map((location, index) => readSecret(location, index === 0, from)));
  // A revert stores nothing, so GitHub must not stop it.
  const reading =
    desired.operation === 'revert' ? read(shownStore).catch(() => read(undefined)) : read(shownStore);
  const [secrets] = await Promise.all([reading, login]);
  const store = secrets.some(({ times }) => times !== 'unread') ? shownStore : undefined;
  const { client, pool } = await observeClient(desired, tenant);
  if (store && client) await compareClocks(desired, tenant, store);
  const shift = tenant.clock.offset - (store?.clock.offset ?? 0);
  const former = await observeFormer(desired, pool, store);
  return {
    client,
    pool,
    secrets: secrets.map((secret) => shifted(secret, shift)),
    former: former.map(({ owner, secret }) => ({ owner, secret: shifted(secret, shift) })),
    scopes: await tenant.scopes(),
    startedAt: startedAt + tenant.clock.offset,
    now: tenant.now(),
  };
}

async function observeClient(
  { clientId }: DesiredState,
  tenant: Tenant,
): Promise<Pick<ObservedState, 'client' | 'pool'>> {
  if (clientId === '') return { client: undefined, pool: [] };
  const [client, pool] = await Promise.all([tenant.client(clientId), tenant.credentials(clientId)]);
  return { client, pool };
}

/**
 * The plan compares times of two services, so the offset between their clocks must be known well enough. Only their Date headers show
 * that: the clock of the runner may be wrong.
 * @throws RotationError AUTH0_REQUEST_FAILED, GITHUB_REQUEST_FAILED
 */
async function compareClocks(desired: DesiredState, tenant: Tenant, store: SecretStore): Promise<void> {
  const { clientId } = desired;
  const [primary] = secretLocations(desired);
  for (let attempt = 1; tenant.clock.error + store.clock.error > WORST_CLOCKS; attempt += 1) {
    if (attempt > CLOCK_ATTEMPTS || !primary) throw clocksUnknown(tenant, store);
    // A slow answer leaves the clock uncertain. The next answer comes over an open connection, so it is faster.
    await Promise.all([store.times(primary), tenant.client(clientId)]);
  }
}

/** Milliseconds. This is well below UNCERTAINTY, the error that the plan allows for. */
const WORST_CLOCKS = 2_000;
const CLOCK_ATTEMPTS = 3;

function clocksUnknown(tenant: Tenant, store: SecretStore): RotationError {
  const silent = [tenant.clock.known ? [] : ['Auth0'], store.clock.known ? [] : ['GitHub']].flat();
  if (silent.length > 0) return withoutDate(silent);
  return new RotationError('GITHUB_REQUEST_FAILED', {
    failed: 'Auth0 and GitHub answer too slowly to compare the times that they record.',
    remedy: 'Start a new run when the network is faster.',
  });
}

/** @param silent the services whose answers have no date, Auth0 first */
function withoutDate(silent: readonly string[]): RotationError {
  const names = silent.join(' and ');
  return new RotationError(silent.includes('Auth0') ? 'AUTH0_REQUEST_FAILED' : 'GITHUB_REQUEST_FAILED', {
    failed: `The answers of ${names} have no valid Date header, so the times that Auth0 and GitHub record cannot be compared.`,
    remedy: `Each service sends this header, so something between the runner and ${names} removes it. Let the proxy or gateway there pass it unchanged, then start a new run.`,
  });
}

/**
 * Reads when a secret was written. A secret that GitHub does not show stops neither the others nor an emergency, unless it is
 * the primary's.
 * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND
 */
async function readSecret(
  location: SecretLocation,
  isPrimary: boolean,
  store: SecretStore | undefined,
): Promise<ObservedSecret> {
  const secret = { location, times: 'unread' as const, githubTime: undefined };
  if (!store) return secret;
  try {
    const times = await store.times(location);
    return times === 'missing'
      ? { ...secret, times, ...(await readOuter(location, store)) }
      : { ...secret, times };
  } catch (error) {
    if (isPrimary || !isNotShown(error)) throw error;
    return { ...secret, refused: error };
  }
}

/** What a secret that is stored here would hide, or may hide. @throws RotationError GITHUB_… */
async function readOuter(
  location: SecretLocation,
  store: SecretStore,
): Promise<Pick<ObservedSecret, 'mayHide' | 'wouldHide'>> {
  const outer = await store.outerSecretOf(location);
  if (outer === 'none') return {};
  return 'notShown' in outer ? { mayHide: outer.notShown } : { wouldHide: outer };
}

/** @param secret by GitHub's clock @param shift Auth0's clock minus GitHub's, in milliseconds */
function shifted(secret: ObservedSecret, shift: number): ObservedSecret {
  const { times } = secret;
  if (typeof times === 'string') return secret;
  const { createdAt, updatedAt } = times;
  return {
    ...secret,
    times: { createdAt: createdAt + shift, updatedAt: updatedAt + shift },
    githubTime: updatedAt,
  };
}
