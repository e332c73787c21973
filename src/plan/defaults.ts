/** What a run takes from the credential in use where its inputs are empty. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import { type Credential, newestFirst, type ObservedState } from '../model/observed-state.ts';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../model/signing-algorithm.ts';
import { isSubject } from '../model/subject-dn.ts';
import { claimedBy } from './claim.ts';
import { credentialsInUse } from './in-use.ts';
import { Owners } from './owners.ts';

/** Takes subject, key size and signing algorithm from the credential in use, as far as the inputs do not set them and something shows them. */
export function resolveDefaults(desired: DesiredState, observed: ObservedState): DesiredState {
  const { brought, currentKey, given } = desired;
  const claimed = claimedBy(desired, observed);
  const { heldByPrimary } = credentialsInUse(desired, observed);
  const signingAlgorithm = given.has('signing-algorithm')
    ? desired.signingAlgorithm
    : algorithmOf(claimed ?? heldByPrimary ?? newestKey(observed));
  if (brought) return { ...desired, signingAlgorithm };
  const registered = claimed && currentKey;
  const subject = registered
    ? registered.subject
    : recordedSubject(heldByPrimary, new Owners(desired, observed));
  const keySize = registered?.keySize;
  return {
    ...desired,
    signingAlgorithm,
    ...(given.has('subject') || subject === undefined || !isSubject(subject) ? {} : { subject }),
    ...(given.has('key-size') || !isKeySize(keySize) ? {} : { keySize }),
  };
}

function algorithmOf(inUse: Credential | undefined): SigningAlgorithm | undefined {
  return SIGNING_ALGORITHMS.find((one) => one === inUse?.algorithm);
}

/** What is in use before the first delivery. */
function newestKey({ client, pool }: ObservedState): Credential | undefined {
  return [...pool]
    .sort(newestFirst)
    .find(({ id, type }) => type === 'public_key' && client?.associated.includes(id));
}

/** Auth0 records a subject only with `tls_client_auth`. Of a credential made by hand it is unknown whether it is the one in use. */
function recordedSubject(held: Credential | undefined, owners: Owners): string | undefined {
  return held?.type === 'cert_subject_dn' && owners.isOurs(held) ? held.identity : undefined;
}

function isKeySize(bits: number | undefined): bits is 2048 | 3072 | 4096 {
  return bits === 2048 || bits === 3072 || bits === 4096;
}
