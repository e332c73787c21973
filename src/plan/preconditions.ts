/** Refuses a run that must not change anything, for example while another run is at work. Pure. */

import { RotationError } from '../errors.ts';
import { METHOD_CAPACITY } from '../model/capacity.ts';
import {
  CREDENTIAL_TYPES,
  type DesiredState,
  isCredentialMethod,
  isForcedByHand,
  isSecretMethod,
} from '../model/desired-state.ts';
import { day } from '../model/markdown.ts';
import {
  type Credential,
  isYoung,
  type ObservedClient,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import { rotationInProgress } from '../model/rivals.ts';
import { printLocation } from '../model/secret-location.ts';
import { LEASE, UNCERTAINTY } from '../model/timing.ts';
import { NAME_INPUTS } from './left-out.ts';
import { Owners } from './owners.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { dueAt } from './reasons.ts';
import { isBeingDelivered, isPending } from './stages.ts';

/** @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH */
function refuseOtherMethod(desired: DesiredState, observed: ObservedState): void {
  const { method, operation, revertTo } = desired;
  const { client } = observed;
  if (client === undefined || client.method === method) return;
  // The client has already left the method. A revert never switches it between public and confidential.
  const hasLeft = client.method === revertTo || (isSecretMethod(client.method) && isSecretMethod(revertTo));
  if (operation === 'revert' && hasLeft) return;
  if (operation === 'enroll') {
    refuseOtherAlgorithm(client);
    return;
  }
  throw methodMismatch(desired, observed, client.method);
}

function methodMismatch(desired: DesiredState, observed: ObservedState, used: string): RotationError {
  const { clientId, method, operation } = desired;
  const failed = `Client ${clientId} authenticates by ${used}, not by ${method}.`;
  const another = isCredentialMethod(used) ? `set \`authentication-method: ${used}\`` : '';
  if (operation === 'revert') {
    const remedy = another ? `To revert it, ${another}.` : `There is nothing to revert: it uses ${used}.`;
    return new RotationError('METHOD_MISMATCH', { failed, remedy });
  }
  const ids = deliveredBefore(desired, observed).map(({ id }) => id);
  if (ids.length === 0)
    return new RotationError('METHOD_MISMATCH', {
      failed,
      remedy: `Check that the management client has read:clients and read:client_credentials: without them Auth0 does not show the method. Then move the client with operation: enroll (start operation: plan with plan-of: enroll first, to see who would be interrupted)${another && `, or ${another}`}.`,
    });
  return new RotationError('METHOD_MISMATCH', {
    alarm: 'consumers CANNOT LOG IN with what was delivered. Act at once',
    failed: `${failed} Nobody can log in with what this workflow has delivered.`,
    remedy: `In the Auth0 Dashboard (Applications, the client, Credentials) choose ${method} with ${ids.join(' and ')} again, and correct what has moved the client, such as Terraform or deploy-cli. Only if that is impossible, start operation: enroll, which ends the delivered pairs and delivers a new one. If it was moved on purpose (operation: revert), disable this workflow instead.`,
  });
}

/** What logged in until the client was moved to another method. Empty if no secret can hold a credential of ours. */
function deliveredBefore(desired: DesiredState, observed: ObservedState): Credential[] {
  const owners = new Owners(desired, observed);
  const written = Math.max(...observed.secrets.map(({ times }) => writtenTimes(times)?.updatedAt ?? 0));
  const usable = observed.pool.filter(
    (c) =>
      c.type === CREDENTIAL_TYPES[desired.method] &&
      c.createdAt <= written + UNCERTAINTY &&
      !owners.isMadeByRehearsal(c) &&
      (c.expiresAt ?? Number.POSITIVE_INFINITY) > observed.now,
  );
  const own = usable.filter(owners.isOurs);
  const others = usable.filter((c) => !own.includes(c));
  return own.length === 0 ? [] : [...own, ...others].slice(0, METHOD_CAPACITY);
}

/** "To configure client_authentication_methods, jwt_configuration.alg must be set to RS256" (docs/facts.md#auth0-signing-algorithm). */
function refuseOtherAlgorithm({ algorithm = 'HS256', id }: ObservedClient): void {
  // Auth0 documents only RS256 but took PS256, so all but HS… is left to Auth0.
  if (!algorithm.startsWith('HS')) return;
  throw new RotationError('ALGORITHM_MISMATCH', {
    failed: `Client ${id} signs its ID tokens with ${algorithm} (jwt_configuration.alg), and Auth0 takes credentials only with RS256.`,
    remedy:
      "First let every application that checks this client's ID tokens by the client secret accept the tenant's key (JWKS) as well: otherwise it refuses every login. Then set jwt_configuration.alg to RS256 in the Auth0 Dashboard (Applications, the client, Settings, Advanced Settings, OAuth, JSON Web Token Signature Algorithm).",
  });
}

/** Refuses a client that does not fit the operation. @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH, INVALID_INPUT */
export function refuseUnfitClient(desired: DesiredState, observed: ObservedState): void {
  refuseOtherMethod(desired, observed);
  refuseUnusableQuietWindow(desired, observed);
}

/**
 * Refuses `retire: when-unused` for a client without the grant client_credentials. Only a token shows that the logs are up to date, and
 * this client gets none.
 * @throws RotationError INVALID_INPUT
 */
function refuseUnusableQuietWindow(
  { operation, quietWindow }: DesiredState,
  { client }: ObservedState,
): void {
  if (quietWindow === undefined || operation === 'revert') return;
  if (client?.grantTypes === undefined || client.grantTypes.includes('client_credentials')) return;
  throw new RotationError('INVALID_INPUT', {
    failed: `'retire' is when-unused, but client ${client.id} has no grant client_credentials, so no token request can show that the tenant logs are up to date.`,
    remedy: 'Set retire: by-time, with an overlap.',
  });
}

/**
 * Refuses while a young credential is pending or not delivered everywhere, since its run may still be at work.
 * @throws RotationError ROTATION_IN_PROGRESS
 */
export function refuseUnfinished(builder: PlanBuilder): void {
  const { inUse, owners, observed, desired } = builder;
  // If no secret holds a credential, nobody can log in, so a revert need not wait for the lease of a crashed run.
  if (desired.operation === 'revert' && inUse.newest === undefined) return;
  const unfinished = (c: Credential) =>
    isPending(inUse, owners, c) || isBeingDelivered(desired, inUse, owners, c);
  const young = observed.pool.find((c) => isYoung(c, observed.now) && unfinished(c));
  if (young) throw nobodyLogsIn(builder) ? perhapsEnrolled(young) : rotationInProgress(young);
}

/** Whether all that is associated is pending, so that perhaps nobody can log in. A client that `create` has just made had no consumers before. */
function nobodyLogsIn({ associated, desired, inUse, observed, owners }: PlanBuilder): boolean {
  const used = observed.pool.filter(({ id }) => associated.includes(id));
  return desired.operation !== 'create' && used.length > 0 && used.every((c) => isPending(inUse, owners, c));
}

/** An `enroll` that dies between the change of method and the delivery locks everybody out. */
function perhapsEnrolled(young: Credential): RotationError {
  const error = rotationInProgress(young);
  const { run } = readOwnership(young.name) ?? {};
  const until = new Date(young.createdAt + LEASE).toISOString();
  return new RotationError(error.code, {
    ...error,
    alarm: 'perhaps NOBODY CAN LOG IN. Act at once',
    remedy: `Look at run ${run}. If it is at work, let it finish. If it was an enroll and has died, do not wait: start operation: revert, with revert-to: the method that the client had before (examples/revert.yml), or choose that method in the Auth0 Dashboard (Applications, the client, Credentials). For a method of certificates or keys only the Dashboard can do that. Or start enroll again after ${until}; until then nobody can log in.`,
  });
}

/**
 * Refuses a pair that was brought and is already in use, or is older: it ends before the one in use, and the next run would replace it.
 * @throws RotationError CERTIFICATE_REUSED
 */
export function refuseOldPair({ desired, inUse, observed }: PlanBuilder, reason: string): void {
  const { brought, currentKey } = desired;
  if (brought === undefined) return;
  const { expiresAt, isExpiryEstimated } = inUse;
  const end = brought.notAfter?.getTime() ?? Number.POSITIVE_INFINITY;
  const isOlder =
    expiresAt !== undefined &&
    !isExpiryEstimated &&
    end < expiresAt &&
    dueAt(desired, end) <= observed.now &&
    !desired.revoke &&
    !isForcedByHand(desired);
  const isSame = brought.thumbprint === currentKey?.thumbprint;
  if (!isSame && !isOlder) return;
  const why = isSame
    ? 'is the one already in use'
    : `ends on ${day(end)}, before the one in use, which ends on ${day(expiresAt ?? end)}`;
  throw new RotationError('CERTIFICATE_REUSED', {
    failed: `A rotation is due (${reason}), but the certificate passed as certificate ${why}.`,
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
export function refuseToOverwrite(desired: DesiredState, { secrets }: ObservedState): void {
  const { clientId, operation } = desired;
  if (operation !== 'create' || clientId !== '' || isForcedByHand(desired)) return;
  const taken = secrets.filter(({ times }) => writtenTimes(times));
  if (taken.length === 0) return;
  const locations = taken.map(({ location }) => printLocation(location)).join(', ');
  throw new RotationError('SECRET_EXISTS', {
    failed: `Something is already stored in ${locations}. If the pair of a new client replaced it, its readers could no longer log in.`,
    remedy: `Choose another ${[...new Set(taken.map(({ location }) => NAME_INPUTS[location.part]))].join(' and ')}. If nobody reads the secret, start the workflow by hand once with force: true. Do not write that into the file.`,
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
export function refuseMissingScopes({ desired, observed: { client, scopes } }: PlanBuilder): void {
  if (scopes === undefined) return;
  const makesCredentials = desired.operation !== 'revert';
  const needed = [
    ...SCOPES.filter((scope) => makesCredentials || !scope.startsWith('create:')),
    ...(client === undefined ? ['create:clients', 'delete:clients'] : []),
    ...(desired.quietWindow === undefined ? [] : ['read:logs']),
  ];
  const missing = needed.filter((scope) => !scopes.has(scope));
  if (missing.length === 0) return;
  throw new RotationError('AUTH0_FORBIDDEN', {
    failed: `The management client lacks ${missing.join(', ')}.`,
    remedy: `In the Auth0 Dashboard, open Applications, APIs, Auth0 Management API, Machine to Machine Applications, and grant it ${missing.join(' ')}.`,
  });
}
