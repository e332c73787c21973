/** What a run takes from the credential in use where its inputs are empty. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import { newestFirst, type ObservedState } from '../model/observed-state.ts';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../model/signing-algorithm.ts';
import { isSubject } from '../model/subject-dn.ts';
import { claimedBy } from './claim.ts';
import { credentialsInUse } from './in-use.ts';
import { Owners } from './owners.ts';

/** Takes subject, key size and signing algorithm from the credential in use, as far as the inputs do not set them and something shows them. */
export function resolveDefaults(desired: DesiredState, observed: ObservedState): DesiredState {
  const { brought, currentKey, given } = desired;
  const signingAlgorithm = given.has('signing-algorithm')
    ? desired.signingAlgorithm
    : algorithmInUse(desired, observed);
  if (brought) return { ...desired, signingAlgorithm };
  const registered = claimedBy(desired, observed) ? currentKey : undefined;
  const subject = registered ? registered.subject : recordedSubject(desired, observed);
  const keySize = registered?.keySize;
  return {
    ...desired,
    signingAlgorithm,
    ...(given.has('subject') || subject === undefined || !isSubject(subject) ? {} : { subject }),
    ...(given.has('key-size') || !isKeySize(keySize) ? {} : { keySize }),
  };
}

/** That of the credential in use. Before the first delivery that is the newest one of the method. */
function algorithmInUse(desired: DesiredState, observed: ObservedState): SigningAlgorithm | undefined {
  const { client, pool } = observed;
  const inUse =
    claimedBy(desired, observed) ??
    credentialsInUse(desired, observed).heldByPrimary ??
    [...pool]
      .sort(newestFirst)
      .find(({ id, type }) => type === 'public_key' && client?.associated.includes(id));
  return SIGNING_ALGORITHMS.find((one) => one === inUse?.algorithm);
}

/** Auth0 records a subject only with `tls_client_auth`. Of a credential made by hand it is unknown whether it is the one in use. */
function recordedSubject(desired: DesiredState, observed: ObservedState): string | undefined {
  const { heldByPrimary } = credentialsInUse(desired, observed);
  const isOurs = heldByPrimary !== undefined && new Owners(desired, observed).isOurs(heldByPrimary);
  return isOurs && heldByPrimary.type === 'cert_subject_dn' ? heldByPrimary.identity : undefined;
}

function isKeySize(bits: number | undefined): bits is 2048 | 3072 | 4096 {
  return bits === 2048 || bits === 3072 || bits === 4096;
}
