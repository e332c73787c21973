/** Refuses a run that must not change anything, for example while another run is at work. Pure. */

import { RotationError } from '../errors.ts';
import { type DesiredState, isSecretMethod } from '../model/desired-state.ts';
import {
  type Credential,
  isYoung,
  type ObservedClient,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { readOwnership, rotationInProgress } from '../model/ownership.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { printSubject } from '../model/subject-dn.ts';
import { LEASE, UNCERTAINTY } from '../model/timing.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { isBeingDelivered, isPending } from './stages.ts';

/** @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH */
function refuseOtherMethod({ method, operation, revertTo }: DesiredState, { client }: ObservedState): void {
  if (client === undefined || client.method === method) return;
  // The client has already left the method. A revert turns no public client into a confidential one, and no confidential one into a public one.
  const hasLeft = client.method === revertTo || (isSecretMethod(client.method) && isSecretMethod(revertTo));
  if (operation === 'revert' && hasLeft) return;
  if (operation === 'enroll') {
    refuseAlgorithm(client);
    return;
  }
  throw new RotationError('METHOD_MISMATCH', {
    failed: `Client ${client.id} authenticates by ${client.method}, not by ${method}.`,
    remedy:
      'Move it with operation: enroll (start operation: plan first, which names whom that interrupts), or set authentication-method to what it uses. The management client needs read:clients and read:client_credentials: without them Auth0 does not show the method.',
  });
}

/** "To configure client_authentication_methods, jwt_configuration.alg must be set to RS256" (docs/facts.md#auth0-signing-algorithm). */
function refuseAlgorithm({ algorithm = 'HS256', id }: ObservedClient): void {
  if (algorithm === 'RS256') return;
  throw new RotationError('ALGORITHM_MISMATCH', {
    failed: `Client ${id} signs its ID tokens with ${algorithm} (jwt_configuration.alg), and Auth0 takes credentials only with RS256.`,
    remedy:
      'Set jwt_configuration.alg to RS256 first (Advanced settings, OAuth, JSON Web Token signature algorithm); applications that check ID tokens with the client secret must then check them with the tenant key.',
  });
}

/** Refuses a client that does not fit the operation. @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH, INVALID_INPUT */
export function refuseClient(desired: DesiredState, observed: ObservedState): void {
  refuseOtherMethod(desired, observed);
  refuseQuietWindow(desired, observed);
}

/**
 * Refuses `retire: when-unused` for a client without the grant client_credentials. Only a token shows that the logs are up to date, and
 * this client gets none.
 * @throws RotationError INVALID_INPUT
 */
function refuseQuietWindow({ operation, quietWindow }: DesiredState, { client }: ObservedState): void {
  if (quietWindow === undefined || operation === 'revert') return;
  if (client?.grantTypes === undefined || client.grantTypes.includes('client_credentials')) return;
  throw new RotationError('INVALID_INPUT', {
    failed: `'retire' is when-unused, but client ${client.id} has no grant client_credentials, so no token request can show that the tenant logs are up to date.`,
    remedy: 'Set retire: by-time, with an overlap.',
  });
}

/**
 * Refuses a run whose `current-credential` is not what the primary holds, since the run would decide by it.
 * @throws RotationError STALE_CREDENTIAL
 */
export function refuseStaleCurrent(builder: PlanBuilder): void {
  const { desired, inUse, observed } = builder;
  const { stale, unregistered } = inUse;
  if (stale === undefined) return;
  const { location } = observed.secrets[0] ?? {};
  const primary = location ? printLocation(location) : 'the primary secret';
  const line = `current-credential: \${{ secrets.${desired.secretName} }}`;
  const given = observed.pool.find(({ identity }) => identity === desired.current?.identity)?.id;
  if (stale.because === 'never held') {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `current-credential is ${given}, which the primary secret cannot hold: it is another workflow's, or was made after that secret was written.`,
      remedy: `${movedLine(builder)}Pass the secret of the primary destination itself (${line}). In a job with an environment, an environment secret hides the repository secret of the same name.`,
    });
  }
  if (stale.because === 'written since') {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `${primary} was written after this job began. It changed after this job's secrets were read, so current-credential is what it held before.`,
      remedy: 'Start the workflow anew instead of re-running it.',
    });
  }
  const { later } = stale;
  if (unregistered) {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `current-credential is none of the client's credentials, but ${primary} holds ${later.id}: a run of this workflow stored it right after it was made.`,
      remedy: `Write ${line}, and nothing else in that line. If that is what stands there, this job was queued before the last rotation: start the workflow anew instead of re-running it. ${onPurpose(later)}`,
    });
  }
  throw new RotationError('STALE_CREDENTIAL', {
    failed: `current-credential is ${given}, but the primary secret was written right after ${later.id} was made: it changed after this job's secrets were read.`,
    remedy: `Start the workflow anew instead of re-running it. If it happens again, check that the input reads ${line}. ${onPurpose(later)}`,
  });
}

/** The remedy if a person wrote the secret right after a run, which looks the same. */
function onPurpose({ createdAt, id }: Credential): string {
  const until = new Date(createdAt + LEASE + UNCERTAINTY).toISOString();
  return `If somebody stored another pair there right after ${id} was made, save that secret once more: a run believes what is written after ${until}.`;
}

/** The line to add if this repository or secret was renamed. */
export function movedLine({ observed, owners }: PlanBuilder): string {
  const others = new Set(observed.pool.flatMap((c) => owners.otherOwnership(c)?.owner ?? []));
  const [owner] = others;
  if (owner === undefined || owner.startsWith('sha256:')) return '';
  return `If ${owner.replace('#', ', secret ')}, is what this repository or secret was called before, add the line moved-from: ${owner}. `;
}

/**
 * Refuses if the workflow behind a former mark still runs. It does if one of its credentials is younger than our oldest.
 * @throws RotationError ROTATION_IN_PROGRESS
 */
export function refuseRunningFormer({ observed, owners }: PlanBuilder): void {
  const own = observed.pool.filter((c) => owners.isOurs(c) && !owners.isOfFormer(c));
  const oldest = Math.min(...own.map(({ createdAt }) => createdAt));
  const live = observed.pool.find((c) => owners.isOfFormer(c) && c.createdAt > oldest);
  if (!live) return;
  const ownership = readOwnership(live.name);
  throw new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another workflow, that of ${ownership?.owner}, rotates this client too: its run ${ownership?.run} made ${live.id} after this workflow had begun.`,
    remedy:
      'Disable one of the two workflows, and rotate the client from one workflow with many destinations.',
  });
}

/** Whether a person started this run with `force`, so that it may replace an unknown secret. */
export function overridesUnknown({ force, scheduled }: DesiredState): boolean {
  return force && !scheduled;
}

/**
 * Refuses to replace a primary secret that no run of this workflow can have written, since it may belong to another client.
 * @throws RotationError SECRET_EXISTS
 */
export function refuseUnknownSecret(builder: PlanBuilder): void {
  const { desired, observed, owners } = builder;
  const [primary] = observed.secrets;
  if (!primary || !writtenTimes(primary.times) || overridesUnknown(desired)) return;
  // refuseToOverwrite has checked a new client.
  if (observed.client === undefined) return;
  // An enrolled client may still have a credential with our mark, of the former method.
  if (desired.operation === 'enroll' && observed.pool.some(owners.isMarkedOurs)) return;
  const { clientId, current, secretName } = desired;
  if (current !== undefined) {
    const isRegistered = observed.pool.some(({ identity }) => identity === current.identity);
    if (isRegistered || current.subject === printSubject([{ oid: '2.5.4.3', value: clientId }])) return;
    throw secretExists(
      primary.location,
      `current-credential is a ${current.subject ? `certificate of ${current.subject}` : 'key'}, which client ${clientId} does not know`,
      `If that line names another secret, write current-credential: \${{ secrets.${secretName} }}. If the secret belongs to another client, choose another secret-name.`,
    );
  }
  const isKnown = observed.pool.some(
    (c) => owners.isOurs(c) || (c.type === 'cert_subject_dn' && c.identity === desired.subject),
  );
  if (isKnown || desired.brought) return;
  throw secretExists(
    primary.location,
    'no run of this workflow has made a credential of this client',
    `${movedLine(builder)}If it holds a pair of this client, add the line current-credential: \${{ secrets.${secretName} }}. If it belongs to another client, choose another secret-name.`,
  );
}

function secretExists(location: SecretLocation, why: string, remedy: string): RotationError {
  return new RotationError('SECRET_EXISTS', {
    failed: `${printLocation(location)} already holds something, and ${why}. If the run replaced it, its readers might no longer be able to log in.`,
    remedy: `${remedy} If nobody needs what it holds, start the workflow by hand once with force: true.`,
  });
}

/**
 * Refuses while a young credential is pending or not delivered everywhere, since its run may still be at work.
 * @throws RotationError ROTATION_IN_PROGRESS
 */
export function refuseUnfinished({ inUse, owners, observed, desired }: PlanBuilder): void {
  // If no secret holds a credential, nobody can log in, so a revert need not wait for the lease of a crashed run.
  if (desired.operation === 'revert' && inUse.newest === undefined) return;
  const unfinished = (c: Credential) =>
    isPending(inUse, owners, c) || isBeingDelivered(desired, inUse, owners, c);
  const young = observed.pool.find((c) => isYoung(c, observed.now) && unfinished(c));
  if (young) throw rotationInProgress(young);
}

/** Refuses to deliver a pair that was brought a second time. @throws RotationError CERTIFICATE_REUSED */
export function refuseSamePairAgain({ brought, current }: DesiredState, reason: string): void {
  if (brought === undefined || brought.thumbprint !== current?.thumbprint) return;
  throw new RotationError('CERTIFICATE_REUSED', {
    failed: `A rotation is due (${reason}), but the certificate that was brought is the one in use.`,
    remedy: 'Let the earlier step issue a new pair, and pass that as certificate and private-key.',
  });
}

/**
 * Refuses to rotate in a run that finishes another run's young delivery, since the other run may still be storing its pair.
 * @throws RotationError ROTATION_IN_PROGRESS
 */
export function refuseDuringYoungDelivery({ finishesDelivery, inUse, observed }: PlanBuilder): void {
  const { newest } = inUse;
  if (finishesDelivery && newest && isYoung(newest, observed.now)) throw rotationInProgress(newest);
}

/** `create` must not replace an existing secret without `force`. @throws RotationError SECRET_EXISTS */
export function refuseToOverwrite(
  { clientId, force, operation }: DesiredState,
  { secrets }: ObservedState,
): void {
  if (operation !== 'create' || clientId !== '' || force) return;
  const taken = secrets.filter(({ times }) => writtenTimes(times));
  if (taken.length === 0) return;
  const locations = taken.map(({ location }) => printLocation(location)).join(', ');
  throw new RotationError('SECRET_EXISTS', {
    failed: `${locations} already holds something. If the pair of a new client replaced it, its readers could no longer log in.`,
    remedy: 'Choose another secret-name. If nobody uses the secret, delete it, or set force: true.',
  });
}

const SCOPES = [
  'read:clients',
  'update:clients',
  'read:client_credentials',
  'create:client_credentials',
  'update:client_credentials',
  'delete:client_credentials',
];

/** Refuses if a scope is missing that a later step or run needs, before anything is changed. @throws RotationError AUTH0_FORBIDDEN */
export function refuseMissingScopes({ desired, observed: { scopes } }: PlanBuilder): void {
  if (scopes === undefined) return;
  const needed = [
    ...SCOPES,
    ...(desired.operation === 'create' ? ['create:clients', 'delete:clients'] : []),
    ...(desired.quietWindow === undefined ? [] : ['read:logs']),
  ];
  const missing = needed.filter((scope) => !scopes.has(scope));
  if (missing.length === 0) return;
  throw new RotationError('AUTH0_FORBIDDEN', {
    failed: `The management client lacks ${missing.join(', ')}.`,
    remedy: `In the Auth0 Dashboard, open Applications, APIs, Auth0 Management API, Machine to Machine Applications, and grant it ${missing.join(' ')}.`,
  });
}
