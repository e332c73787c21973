/** Rotations of another run of the same workflow, which must not run beside this one. */

import { NEW_RUN, RotationError } from '../errors.ts';
import type { DesiredState } from './desired-state.ts';
import { type Credential, newestFirst, type ObservedState } from './observed-state.ts';
import { isOwnedBy, ownerOf, readOwnership } from './ownership.ts';
import { LEASE } from './timing.ts';

/**
 * Finds another run's rotation that takes precedence, since the earliest of several wins: the oldest credential with our mark that was
 * not there when the plan was made, if it is older than `made`.
 * @param pool as it is now
 * @param made the credential that this run has made. undefined: every new credential with our mark counts.
 */
export function findRival(
  desired: DesiredState,
  planned: ObservedState,
  pool: readonly Credential[],
  made?: Credential,
): Credential | undefined {
  const owner = ownerOf(desired);
  const known = new Set(planned.pool.map(({ id }) => id));
  const all = pool.filter(
    (c) =>
      !known.has(c.id) &&
      isOwnedBy(readOwnership(c.name), owner) &&
      (made === undefined || newestFirst(c, made) > 0),
  );
  return all.sort(newestFirst).at(-1);
}

export function rotationInProgress(rival: Credential): RotationError {
  const since = new Date(rival.createdAt).toISOString();
  const until = new Date(rival.createdAt + LEASE).toISOString();
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another rotation of this client is in progress: run ${readOwnership(rival.name)?.run} made credential ${rival.id} at ${since}.`,
    remedy: `Let it finish. If it has crashed, ${NEW_RUN} after ${until}, when its credential counts as abandoned. Give the workflow a concurrency group.`,
  });
}
