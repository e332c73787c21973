/** Finds the secrets other than the primary's that a run must not write: not shown, hiding another one, or somebody else's. Pure. */

import { RotationError } from '../errors.ts';
import { dropDestinationAdvice } from '../model/advice.ts';
import { type DesiredState, isForcedByHand } from '../model/desired-state.ts';
import { day } from '../model/markdown.ts';
import {
  type Credential,
  isLeftOut,
  type ObservedSecret,
  type ObservedState,
  type SecretTimes,
  type Unwritable,
  writtenTimes,
} from '../model/observed-state.ts';
import { ownerAt, readOwnership } from '../model/ownership.ts';
import {
  isSameLocation,
  printDestination,
  printLocation,
  type SecretLocation,
} from '../model/secret-location.ts';
import { UNCERTAINTY } from '../model/timing.ts';

/** Adds the secrets that are left out. The others go on without them, and the run fails at its end. */
export function leaveOut(desired: DesiredState, observed: ObservedState): ObservedState {
  if (observed.leftOut !== undefined) return observed;
  const leftOut = observed.secrets.slice(1).flatMap((secret): Unwritable[] => {
    const error = secret.refused ?? hidingError(desired, observed, secret);
    return error ? [{ location: printLocation(secret.location), error }] : [];
  });
  return { ...observed, leftOut };
}

/** One error for all locations that are left out or refuse a write, with what to do about each. undefined: there is none. */
export function refusalOf(
  desired: DesiredState,
  { leftOut = [], secrets, refusedTrials = [] }: ObservedState,
): RotationError | undefined {
  const all = [...leftOut, ...refusedTrials];
  const [first] = all;
  if (!first) return undefined;
  const refusing = all.map(({ error, location: name }) => {
    const destination = secrets.find(({ location }) => printLocation(location) === name)?.location
      .destination;
    return { error, destination, name: destination && printDestination(destination) };
  });
  const several = new Set(refusing.map(({ name }) => name)).size > 1;
  const remedies = refusing.map(({ destination, error, name }) => {
    // The next destination may refuse, too, and then cannot take the place of the primary.
    const isNeeded = several && name === printDestination(desired.destinations[0]);
    const mayGo = destination !== undefined && error.code !== 'SECRET_EXISTS' && !isNeeded;
    return error.remedy + (mayGo ? dropDestinationAdvice({ destination }, desired) : '');
  });
  return new RotationError(first.error.code, {
    ...first.error,
    failed: distinct(all.map(({ error }) => error.failed)),
    remedy: distinct(remedies),
    cause: first.error,
  });
}

function distinct(sentences: readonly string[]): string {
  return [...new Set(sentences)].join(' ');
}

/** The error if a missing secret would hide one that is not ours. undefined: it would hide none, or is allowed to. */
export function hidingError(
  desired: DesiredState,
  observed: ObservedState,
  { wouldHide, location }: ObservedSecret,
): RotationError | undefined {
  if (wouldHide === undefined || isForcedByHand(desired) || isLocationOfThisClient(observed, wouldHide))
    return undefined;
  const [name, hidden] = [location, wouldHide].map(printLocation);
  return new RotationError('SECRET_EXISTS', {
    failed: `If this run stored ${name}, it would hide ${hidden}, which this workflow does not write. The jobs that read ${hidden} today might no longer be able to log in.`,
    remedy: `If ${hidden} belongs to another client, choose another ${NAME_INPUTS[location.part]}. If no job that would read ${name} needs what ${hidden} holds, start the workflow by hand once with force: true.`,
  });
}

/** Whether it is a destination, or a mark says that this client's pairs were delivered there. */
function isLocationOfThisClient(
  { former = [], pool, secrets }: ObservedState,
  location: SecretLocation,
): boolean {
  const known = [...secrets, ...former.map(({ secret }) => secret)];
  const owner = ownerAt(location);
  return (
    known.some((one) => isSameLocation(one.location, location)) ||
    pool.some((c) => readOwnership(c.name)?.owner === owner)
  );
}

/**
 * Refuses a first delivery to a secret that holds none of the client's credentials, since somebody else must have written it. Later the
 * times do not show that: it may have held a credential that is gone.
 * @throws RotationError SECRET_EXISTS
 */
export function refuseSecretOfOthers(desired: DesiredState, observed: ObservedState): void {
  const { former = [], pool, secrets } = observed;
  const [primary, ...others] = secrets;
  const isFirst =
    primary?.times === 'missing' &&
    former.every(({ secret }) => secret.times === 'missing') &&
    pool.every(({ name }) => readOwnership(name) === undefined);
  if (!isFirst || isForcedByHand(desired)) return;
  for (const { location, times } of others) {
    const written = writtenTimes(times);
    const isKnown = (c: Credential) =>
      c.type === 'unknown' || c.createdAt <= (written?.updatedAt ?? 0) + UNCERTAINTY;
    if (written && !pool.some(isKnown)) throw belongsToOthers(desired, observed, location, written);
  }
}

function belongsToOthers(
  desired: DesiredState,
  { pool }: ObservedState,
  location: SecretLocation,
  { updatedAt }: SecretTimes,
): RotationError {
  const name = printLocation(location);
  const none = pool.length === 0 ? 'the client has no credential' : 'the client has no credential that old';
  return new RotationError('SECRET_EXISTS', {
    failed: `${name} already holds something, which was written on ${day(updatedAt)}, and ${none}. If the run replaced it, its readers might no longer be able to log in.`,
    remedy: `If it belongs to another client, choose another ${NAME_INPUTS[location.part]}. If nobody needs what it holds, delete it in GitHub, or start the workflow by hand once with force: true, which replaces it.${location.part === 'pair' ? dropDestinationAdvice(location, desired) : ''}`,
  });
}

/** The input that names a secret of this part. */
export const NAME_INPUTS: Readonly<Record<SecretLocation['part'], string>> = {
  pair: 'secret-name',
  'private-key': 'private-key-secret-name',
  certificate: 'certificate-secret-name',
  pkcs12: 'pkcs12-secret-name',
};

/** Whether a location that this run leaves out may hold it. */
export function mayBeHeldByLeftOut(
  { inUse, observed }: { inUse: { held: readonly (readonly Credential[])[] }; observed: ObservedState },
  { id }: Credential,
): boolean {
  return observed.secrets.some(
    ({ location }, index) =>
      isLeftOut(observed, location) && inUse.held[index]?.some((one) => one.id === id) === true,
  );
}
