/** Checks whether destinations accept a write, before a plan relies on it. */

import type { SecretStore } from '../github/secret-store.ts';
import type { ObservedState, Unwritable } from '../model/observed-state.ts';
import { printDestination, printLocation, type SecretLocation } from '../model/secret-location.ts';

/** Writes a test secret to each destination once, and deletes it again. @returns the locations whose destination refuses a write @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND */
export async function probeLocations(
  locations: readonly SecretLocation[],
  { secrets }: Pick<ObservedState, 'secrets'>,
  { store }: { store: SecretStore | undefined },
): Promise<Unwritable[]> {
  const added = (name: string) =>
    secrets.filter(
      ({ location, times }) => times === 'missing' && printDestination(location.destination) === name,
    ).length;
  const refusals = new Map<string, Unwritable['error'] | undefined>();
  const refusedTrials: Unwritable[] = [];
  for (const location of locations) {
    const name = printDestination(location.destination);
    if (!refusals.has(name)) refusals.set(name, await store?.probe(location.destination, added(name)));
    const error = refusals.get(name);
    if (error) refusedTrials.push({ location: printLocation(location), error });
  }
  return refusedTrials;
}
