/** Finds the secrets that this workflow wrote before its repository, destination or secret got another name. Credentials whose marks name them are ours. */

import type { RotationError } from '../errors.ts';
import { isNotShown } from '../github/refusals.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type DesiredState, movedLocations, secretLocations } from '../model/desired-state.ts';
import {
  type Credential,
  type FormerLocation,
  type ObservedSecret,
  writtenTimes,
} from '../model/observed-state.ts';
import { isOwnedBy, ownerAt, ownerOf, readOwnership } from '../model/ownership.ts';
import {
  type Destination,
  isSameLocation,
  parseDestination,
  type SecretLocation,
} from '../model/secret-location.ts';

/**
 * Reads the former locations that `moved-from` or the marks of the credentials name. A location from `moved-from` always counts. A
 * location from a mark counts only if it is one of today's destinations, or if its repository is the primary's, under today's name or an
 * earlier one.
 * @returns the times by GitHub's clock
 * @throws RotationError GITHUB_…
 */
export async function observeFormer(
  desired: DesiredState,
  pool: readonly Credential[],
  store: SecretStore | undefined,
): Promise<FormerLocation[]> {
  const own = ownerOf(desired);
  const others = pool
    .flatMap(({ name }) => readOwnership(name) ?? [])
    .filter((ownership) => !isOwnedBy(ownership, own));
  const former: FormerLocation[] = [];
  for (const owner of new Set(others.map((ownership) => ownership.owner))) {
    const known = knownLocations(desired).find((location) => isOwnedBy({ owner }, ownerAt(location)));
    const location = known ?? parseOwner(owner);
    if (!location || (!known && !(await isInSameRepository(location.destination, desired, store)))) continue;
    for (const one of withTodaysDestinations(location, desired))
      former.push({ owner, secret: await read(one, desired, store) });
  }
  // If the secret moved again before a run made a credential, no mark names the location in between.
  for (const named of movedLocations(desired)) {
    const location = knownLocations(desired).find((one) => isSameLocation(one, named)) ?? named;
    const owner = ownerAt(location);
    if (owner !== own && !former.some((one) => ownerAt(one.secret.location) === owner))
      former.push({ owner, secret: await read(location, desired, store) });
  }
  return former;
}

/** Locations in `moved-from` and today's destinations. The mark of a long owner has only its digest, which must be compared with known locations. */
function knownLocations(desired: DesiredState): SecretLocation[] {
  const { destinations, secretName } = desired;
  const today = destinations.map((destination) => ({ destination, secretName, part: 'pair' as const }));
  return [...today, ...movedLocations(desired)];
}

/** If the secret had another name, this workflow may have delivered it to today's destinations as well. */
function withTodaysDestinations(
  location: SecretLocation,
  { destinations, secretName }: DesiredState,
): SecretLocation[] {
  const name = location.secretName.toUpperCase();
  if (name === secretName.toUpperCase()) return [location];
  const others = destinations.map((destination) => ({ ...location, destination }));
  return [location, ...others.filter((one) => !isSameLocation(one, location))];
}

function parseOwner(owner: string): SecretLocation | undefined {
  const at = owner.lastIndexOf('#');
  const destination = at < 0 ? undefined : parseDestination(owner.slice(0, at));
  return destination && { destination, secretName: owner.slice(at + 1), part: 'pair' };
}

async function isInSameRepository(
  destination: Destination,
  { destinations }: DesiredState,
  store: SecretStore | undefined,
): Promise<boolean> {
  const [primary] = destinations;
  if (destination.kind === 'org' || primary.kind === 'org') return false;
  const home = `${primary.owner}/${primary.repo}`.toLowerCase();
  if (`${destination.owner}/${destination.repo}`.toLowerCase() === home) return true;
  return (await store?.repository(destination))?.renamedTo?.toLowerCase() === home;
}

async function read(
  location: SecretLocation,
  desired: DesiredState,
  store: SecretStore | undefined,
): Promise<ObservedSecret> {
  try {
    const times = (await store?.times(location)) ?? 'unread';
    return { location, times, githubTime: writtenTimes(times)?.updatedAt };
  } catch (error) {
    if (!store || !isNotShown(error)) throw error;
    return readUnshown(location, error, desired, store);
  }
}

/** Whether this is an environment that is gone. A repository's secret may merely be invisible to this token, since everybody sees a public repository. */
async function isDeletedEnvironment(
  destination: Exclude<Destination, { kind: 'org' }>,
  store: SecretStore,
): Promise<boolean> {
  if (destination.kind !== 'env') return false;
  try {
    const names = await store.environments({ ...destination, kind: 'repo' });
    return !names.some((name) => name.toLowerCase() === destination.environment.toLowerCase());
  } catch (error) {
    if (isNotShown(error)) return false;
    throw error;
  }
}

/**
 * Reads a secret that GitHub does not show under this name of its repository. If the repository has a new name, the secret is read there,
 * unless that is one of today's destinations: then it counts as missing here. So does the secret of a deleted environment, if the token
 * sees the repository and its list of environments (docs/facts.md#github-not-found).
 */
async function readUnshown(
  location: SecretLocation,
  refused: RotationError,
  desired: DesiredState,
  store: SecretStore,
): Promise<ObservedSecret> {
  const missing = { location, times: 'missing' as const, githubTime: undefined };
  const unread = { location, times: 'unread' as const, githubTime: undefined, refused };
  const { destination } = location;
  if (destination.kind === 'org') return unread;
  const { isShown, renamedTo } = await store.repository(destination);
  const [owner, repo] = renamedTo?.split('/') ?? [];
  if (!owner || !repo) {
    const isGone =
      refused.code === 'DESTINATION_NOT_FOUND' && isShown && (await isDeletedEnvironment(destination, store));
    return isGone ? missing : unread;
  }
  const moved = { ...location, destination: { ...destination, owner, repo } };
  const isToday = secretLocations(desired).some((one) => isSameLocation(one, moved));
  return isToday ? missing : read(moved, desired, store);
}
