/** When nothing may be done at all, or no more since another run is at work. Pure. */

import { RotationError } from '../errors.ts';
import { type DesiredState, isSecretMethod } from '../model/desired-state.ts';
import type { Credential, ObservedClient, ObservedState } from '../model/observed-state.ts';
import { isOwnedBy, ownerOf, readOwnership } from '../model/ownership.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { type CredentialsInUse, isBeingDelivered, isPending, isYoung, LEASE, newestFirst } from './in-use.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH */
export function refuseOtherMethod({ method, operation }: DesiredState, { client }: ObservedState): void {
  if (client === undefined || client.method === method) return;
  if (operation === 'revert' && isSecretMethod(client.method)) return;
  if (operation === 'enroll') {
    refuseAlgorithm(client);
    return;
  }
  throw new RotationError('METHOD_MISMATCH', {
    failed: `Client ${client.id} authenticates by ${client.method}, not by ${method}.`,
    remedy:
      'Move it with operation: enroll (operation: plan shows how), or set authentication-method. The management client needs read:clients and read:client_credentials: without them Auth0 does not show the method.',
  });
}

/** OpenAPI, PATCH /clients/{id}: "To configure client_authentication_methods, jwt_configuration.alg must be set to RS256". */
function refuseAlgorithm({ algorithm = 'HS256', id }: ObservedClient): void {
  if (algorithm === 'RS256') return;
  throw new RotationError('ALGORITHM_MISMATCH', {
    failed: `Client ${id} signs its ID tokens with ${algorithm} (jwt_configuration.alg), and Auth0 takes credentials only with RS256.`,
    remedy:
      'Set jwt_configuration.alg to RS256 first (Advanced settings, OAuth, JSON Web Token signature algorithm); applications that check ID tokens with the client secret must then check them with the tenant key.',
  });
}

export function refuseContradiction({ contradiction, current, impossible }: CredentialsInUse): void {
  if (impossible) {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `current-credential is ${current?.id}, which the primary secret cannot hold: it is another workflow's, or was made after that secret was written.`,
      remedy:
        'Pass the secret of the primary destination itself. In a job with an environment, a secret of the same name there hides the one of the repository.',
    });
  }
  if (!contradiction) return;
  throw new RotationError('STALE_CREDENTIAL', {
    failed: `current-credential is ${current?.id}, but the primary secret was written after ${contradiction.id} was delivered: it changed after this job's secrets were read.`,
    remedy: `Run the workflow again. If the older pair was put back by hand, delete ${contradiction.id} in Auth0 first.`,
  });
}

/** A credential younger than the lease, pending or not delivered everywhere, is that of a run which may still be at work. */
export function refuseUnfinished({ inUse, pool, observed, desired }: PlanBuilder): void {
  // Where nobody holds anything nobody can log in: whoever reverts need not wait for a run that has crashed.
  if (desired.operation === 'revert' && inUse.newest === undefined) return;
  // guard: a young delivery is not interrupted
  const unfinished = (c: Credential) =>
    isPending(inUse, pool, c) || isBeingDelivered(desired, inUse, pool, c);
  const young = observed.pool.find((c) => isYoung(c, observed.now) && unfinished(c));
  if (young) throw rotationInProgress(young);
}

/** A pair that was brought can be delivered once. */
export function refuseReuse({ brought, current }: DesiredState, reason: string): void {
  if (brought === undefined || brought.thumbprint !== current?.thumbprint) return;
  throw new RotationError('CERTIFICATE_REUSED', {
    failed: `A rotation is due (${reason}), and the certificate that was brought is the one in use.`,
    remedy: 'Let the earlier step issue a new one, and pass that as certificate and private-key.',
  });
}

/** Whoever finishes another run's young delivery must not supersede it: that run may still store its own pair. */
export function refuseHaste({ completes, inUse, observed }: PlanBuilder): void {
  const { newest } = inUse;
  if (completes && newest && isYoung(newest, observed.now)) throw rotationInProgress(newest);
}

/**
 * The earliest credential with our mark that nobody had when the plan was made: of several rotations the earliest wins.
 * @param pool as it is now
 * @param made what this run has made itself
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
  // guard: of several rivals the earliest wins
  return all.sort(newestFirst).at(-1);
}

export function rotationInProgress(rival: Credential): RotationError {
  const since = new Date(rival.createdAt).toISOString();
  const until = new Date(rival.createdAt + LEASE).toISOString();
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another rotation of this client is in progress: run ${readOwnership(rival.name)?.run} made credential ${rival.id} at ${since}.`,
    remedy: `Let it finish. If it has crashed, run again after ${until}: then its credential counts as abandoned. Give the workflow a concurrency group.`,
  });
}

const ONE_PAIR =
  'When the other run has ended, run once with force: it stores one pair everywhere. Give the workflow a concurrency group.';

/** GitHub has no conditional write: this can be seen, and not undone without the other run's key. */
export function overtaken(rival: Credential, location: SecretLocation): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `While this run stored the current pair in ${printLocation(location)}, run ${readOwnership(rival.name)?.run} made credential ${rival.id}: that secret may hold either.`,
    remedy: ONE_PAIR,
  });
}

/** Both are good, but key and certificate as secrets of their own may not belong together. */
export function mixed({ secrets }: ObservedState): RotationError {
  const locations = secrets.map(({ location }) => printLocation(location)).join(', ');
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `While this run delivered, another one stored a certificate of the same subject: ${locations} may hold either.`,
    remedy: ONE_PAIR,
  });
}

export function changedMeanwhile(what: string): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Somebody else changed ${what} while this run was at work.`,
    remedy: 'Run again when nothing else rotates this client, and give the workflow a concurrency group.',
  });
}
