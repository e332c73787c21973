/** Refuses to replace or hide a secret that is not known to be this client's, and says how to go on. Pure. */

import { RotationError } from '../errors.ts';
import { currentCredentialLine } from '../model/advice.ts';
import { type DesiredState, isForcedByHand } from '../model/desired-state.ts';
import { type Credential, type ObservedSecret, writtenTimes } from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { commonName } from '../model/subject-dn.ts';
import { isCurrentGiven, isOfThisClient } from './claim.ts';
import { cannotCompare, causeOf, incomparableKeys } from './incomparable-keys.ts';
import { hidingError, refuseSecretOfOthers } from './left-out.ts';
import { capacityExhausted } from './no-room.ts';
import { movedFromAdvice } from './other-owners.ts';
import type { PlanBuilder } from './plan-builder.ts';

/**
 * Refuses to replace or hide a secret that no run of this workflow could have written, since it may belong to another client.
 * @throws RotationError SECRET_EXISTS
 */
export function refuseUnknownSecret(builder: PlanBuilder): void {
  const { desired, observed, owners } = builder;
  const [primary] = observed.secrets;
  if (!primary || isForcedByHand(desired)) return;
  refuseToHide(builder, primary);
  refuseSecretOfOthers(desired, observed);
  if (!writtenTimes(primary.times)) return;
  // refuseToOverwrite has checked a new client.
  if (observed.client === undefined) return;
  // A client with another method may still have a credential with our mark.
  if (observed.client.method !== desired.method && observed.pool.some(owners.hasOurMark)) return;
  if (!isKnown(builder)) throw unknownSecret(builder, primary.location);
}

/** Whether the primary's secret holds a pair of this client: by `current-credential`, or else by what Auth0 records. */
function isKnown({ desired, observed, owners }: PlanBuilder): boolean {
  const { brought, clientId, clientName, currentKey } = desired;
  // A certificate with the default subject is one of ours whose credential is gone.
  if (isOfThisClient(desired, observed) || currentSubject(desired) === commonName(clientName ?? clientId))
    return true;
  if (currentKey !== undefined) return false;
  const isRecorded = observed.pool.some(
    (c) => owners.isOurs(c) || (c.type === 'cert_subject_dn' && c.identity === desired.subject),
  );
  return isRecorded || brought !== undefined;
}

function currentSubject({ currentIdentities, currentKey }: DesiredState): string | undefined {
  return currentKey ? currentKey.subject : currentIdentities?.get('tls_client_auth');
}

function unknownSecret(builder: PlanBuilder, location: SecretLocation): RotationError {
  const { desired } = builder;
  const { clientId } = desired;
  const line = currentCredentialLine(desired);
  if (cannotCompare(builder)) return incomparableSecret(builder, location);
  const subject = currentSubject(desired);
  if (isCurrentGiven(desired))
    return secretExists(
      location,
      `current-credential is a ${subject ? `certificate of ${subject}` : 'key'}, which client ${clientId} does not know`,
      `If that line names another secret, write ${line}. If the secret belongs to another client, choose another secret-name.`,
    );
  return secretExists(
    location,
    'no run of this workflow has made a credential of this client',
    `${movedFromAdvice(builder)}If it holds a pair of this client, add the line ${line}. If it belongs to another client, choose another secret-name.`,
  );
}

/** No line current-credential helps here, so the remedy is a run that does not ask whose the secret is. */
function incomparableSecret(builder: PlanBuilder, location: SecretLocation): RotationError {
  const { desired, observed } = builder;
  const isGiven = isCurrentGiven(desired);
  const line = isGiven
    ? `If current-credential names another secret, write ${currentCredentialLine(desired)}. `
    : '';
  return new RotationError('SECRET_EXISTS', {
    failed: `${printLocation(location)} already holds something. ${causeOf(observed)}, so the run cannot see whether ${isGiven ? 'the pair in current-credential' : 'what the secret holds'} is a key of this client. If the run replaced the secret of another client, that client's consumers might no longer be able to log in.`,
    remedy: `${line}${adviceOnIncomparable(builder)}`,
  });
}

/** How to leave a key ID that was chosen by hand behind, without a moment in which somebody cannot log in. */
export function adviceOnIncomparable(builder: PlanBuilder): string {
  const { desired, observed } = builder;
  const others = 'If the secret belongs to another client, choose another secret-name.';
  // An enroll ends the old key, whatever its ID is.
  if (observed.client?.method !== desired.method)
    return `If the secret is this client's, start enroll by hand once with force: true. ${others}`;
  const room = needsRelease(builder)
    ? `First make room for a new key. ${capacityExhausted(builder).remedy} Then, if`
    : 'If';
  return `${room} the secret is this client's, start the rotation workflow by hand once with force: true: that run registers a new key and stores it${stayClause(builder)}. Before that, each consumer that writes the key ID into its assertions must leave it out: Auth0 does not need the ID, and looks for the old key if it is there. ${others}`;
}

/** Empty if nothing shows yet which key stays, since one must be released first. */
function stayClause(builder: PlanBuilder): string {
  const stays = incomparableKeys(builder.observed).find((c) => !mayGo(builder, c));
  return stays === undefined || needsRelease(builder) ? '' : `, and ${stays.id} stays associated`;
}

/** Whether a new key has no room until the user releases a credential. Until then a forced run fails, and changes nothing. */
function needsRelease(builder: PlanBuilder): boolean {
  const { associated, isMethodFull, pool } = builder;
  return isMethodFull && !pool.some((c) => associated.includes(c.id) && mayGo(builder, c));
}

/** Whether a forced run may remove it to make room. */
function mayGo(builder: PlanBuilder, credential: Credential): boolean {
  const isKept = builder.desired.keepCredentials.has(credential.id);
  return builder.evictable.includes(credential) || (builder.isDeclaredUnused(credential) && !isKept);
}

/**
 * Refuses to hide a secret that is not known to be ours, unless `current-credential` shows that this client's pair is in use.
 * @throws RotationError SECRET_EXISTS
 */
function refuseToHide({ desired, observed }: PlanBuilder, primary: ObservedSecret): void {
  if (isOfThisClient(desired, observed)) return;
  const error = hidingError(desired, observed, primary);
  if (error) throw error;
}

function secretExists(location: SecretLocation, why: string, remedy: string): RotationError {
  return new RotationError('SECRET_EXISTS', {
    failed: `${printLocation(location)} already holds something, and ${why}. If the run replaced it, its readers might no longer be able to log in.`,
    remedy: `${remedy} If nobody needs what it holds, start the workflow by hand once with force: true.`,
  });
}
