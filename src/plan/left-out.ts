/** Finds the secrets beside the primary's that a run must not write: GitHub does not show them, or they belong to somebody else. Pure. */

import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
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
import { ownerAt, readOwnership, takeOutLine } from '../model/ownership.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { DAY, LEASE, UNCERTAINTY } from '../model/timing.ts';
import { Owners } from './owners.ts';

/** Adds the secrets that are left out. The others go on without them, and the run fails at its end. */
export function leaveOut(desired: DesiredState, observed: ObservedState): ObservedState {
  if (observed.leftOut !== undefined) return observed;
  const leftOut = observed.secrets.slice(1).flatMap((secret): Unwritable[] => {
    const error = secret.refused ?? whoseElse(desired, observed, secret);
    return error ? [{ location: printLocation(secret.location), error }] : [];
  });
  return { ...observed, leftOut };
}

function whoseElse(
  desired: DesiredState,
  observed: ObservedState,
  secret: ObservedSecret,
): RotationError | undefined {
  if (overridesUnknown(desired)) return undefined;
  const times = writtenTimes(secret.times);
  if (times && isSomebodyElses(desired, observed, secret.location, times))
    return belongsToOthers(desired, observed, secret.location, times);
  return hiding(desired, observed, secret);
}

/** Whether a person started this run with `force`, so that it may replace an unknown secret. */
export function overridesUnknown({ force, scheduled }: DesiredState): boolean {
  return force && !scheduled;
}

/**
 * Whether the times show that no run of this workflow has written the secret: it is older than all that the client has, the first delivery
 * did not make it, since that makes all secrets within one lease, and it does not hold a pair that a crashed rotation has just removed.
 */
function isSomebodyElses(
  desired: DesiredState,
  observed: ObservedState,
  location: SecretLocation,
  { createdAt, updatedAt }: SecretTimes,
): boolean {
  const { former = [], pool, secrets } = observed;
  const [primary] = secrets;
  const readable = pool.filter(({ type }) => type !== 'unknown');
  // In doubt it is ours.
  if (readable.some((c) => c.createdAt <= updatedAt + UNCERTAINTY)) return false;
  const formerSecrets = former.map(({ secret }) => secret);
  if (formerSecrets.some((one) => printLocation(one.location) === printLocation(location))) return false;
  // A delivery writes the primary first, and both times are by one clock.
  const cameWithPrimary = [primary, ...formerSecrets].some((one) => {
    const first = writtenTimes(one?.times)?.createdAt;
    return first !== undefined && first <= createdAt && createdAt - first <= LEASE;
  });
  return !cameWithPrimary && !mayHaveLostItsCredential(desired, observed, { createdAt, updatedAt });
}

/** A rotation that had to interrupt this location may have removed what it held, and died before it delivered. */
function mayHaveLostItsCredential(
  desired: DesiredState,
  observed: ObservedState,
  { createdAt, updatedAt }: SecretTimes,
): boolean {
  const { former = [], pool, secrets } = observed;
  const primaryTimes = writtenTimes(secrets[0]?.times);
  if (primaryTimes === undefined) return pool.some(({ name }) => readOwnership(name) !== undefined);
  // A delivery creates the primary first. If either was written only once, an older secret is somebody else's, unless the primary moved.
  const isOnce = (times: SecretTimes) => times.createdAt === times.updatedAt;
  const wereOnce = isOnce(primaryTimes) || isOnce({ createdAt, updatedAt });
  if (former.length === 0 && createdAt < primaryTimes.createdAt && wereOnce) return false;
  const { isAssociated, isOurs } = new Owners(desired, observed);
  const delivered = pool.filter(
    (c) => isOurs(c) && isAssociated(c) && c.createdAt <= primaryTimes.updatedAt + UNCERTAINTY,
  );
  // The previous one was delivered everywhere, and is still there.
  if (delivered.length > 1) return false;
  const oldest = Math.min(
    ...pool.map((c) => (c.type === 'unknown' ? Number.POSITIVE_INFINITY : c.createdAt)),
  );
  return desired.method === 'tls_client_auth' || oldest - updatedAt <= desired.validityDays * DAY;
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
    remedy: `If it belongs to another client, choose another ${INPUTS[location.part]}. If nobody needs what it holds, delete it in GitHub, or start the workflow by hand once with force: true, which replaces it.${location.part === 'pair' ? takeOutLine(location, desired) : ''}`,
  });
}

/** The error if a missing secret would hide one that is not ours. undefined: it hides none, or it may. */
export function hiding(
  desired: DesiredState,
  observed: ObservedState,
  { hides, location }: ObservedSecret,
): RotationError | undefined {
  if (hides === undefined || overridesUnknown(desired) || isOfThisClient(observed, hides)) return undefined;
  const [name, hidden] = [location, hides].map(printLocation);
  return new RotationError('SECRET_EXISTS', {
    failed: `${name} does not exist yet, and would hide ${hidden}, which this workflow does not write. The jobs that read that today might no longer be able to log in.`,
    remedy: `If it belongs to another client, choose another ${INPUTS[location.part]}. If no job that would read ${name} needs what it holds, start the workflow by hand once with force: true.`,
  });
}

/** Whether it is a destination, or a mark says that this client's pairs were delivered there. */
function isOfThisClient({ former = [], pool, secrets }: ObservedState, location: SecretLocation): boolean {
  const name = printLocation(location).toLowerCase();
  const known = [...secrets, ...former.map(({ secret }) => secret)];
  const owner = ownerAt(location);
  return (
    known.some((one) => printLocation(one.location).toLowerCase() === name) ||
    pool.some((c) => readOwnership(c.name)?.owner === owner)
  );
}

const INPUTS: Readonly<Record<SecretLocation['part'], string>> = {
  pair: 'secret-name',
  'private-key': 'private-key-secret-name',
  certificate: 'certificate-secret-name',
  pkcs12: 'pkcs12-secret-name',
};

/** Whether a place that GitHub does not show may hold it. */
export function isHeldByLeftOut(
  { inUse, observed }: { inUse: { held: readonly (readonly Credential[])[] }; observed: ObservedState },
  { id }: Credential,
): boolean {
  return observed.secrets.some(
    ({ location }, index) =>
      isLeftOut(observed, location) && inUse.held[index]?.some((one) => one.id === id) === true,
  );
}
