/** Refuses to replace or hide a secret that is not known to be this client's, and says how to go on. Pure. */

import { RotationError } from '../errors.ts';
import { currentCredentialLine } from '../model/advice.ts';
import { type DesiredState, isForcedByHand } from '../model/desired-state.ts';
import { type ObservedSecret, writtenTimes } from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { commonName } from '../model/subject-dn.ts';
import { isOfThisClient } from './claim.ts';
import { hidingError, refuseSecretOfOthers } from './left-out.ts';
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
  // An enrolled client may still have a credential with our mark, of the previous method.
  if (desired.operation === 'enroll' && observed.pool.some(owners.hasOurMark)) return;
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
  const { clientId, currentIdentities, currentKey } = desired;
  const line = currentCredentialLine(desired);
  const subject = currentSubject(desired);
  if (currentKey !== undefined || currentIdentities?.size)
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
