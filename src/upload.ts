/** Uploads the new certificate as a credential, exactly once although answers may be lost. */

import type { Refusal, Tenant } from './auth0/tenant.ts';
import { RotationError } from './errors.ts';
import { quote } from './http/json.ts';
import { findRival, rotationInProgress } from './rotation/refusal.ts';
import { poolFull } from './rotation/room.ts';
import type { Credential, State } from './rotation/state.ts';
import type { Wish } from './rotation/wish.ts';

export interface Upload {
  name: string;
  certificate: string;
  thumbprint: string;
}

const ATTEMPTS = 3;

/** @throws RotationError CREDENTIAL_LIMIT, AUTH0_… */
export async function upload(
  wish: Wish,
  state: State,
  tenant: Tenant,
  certificate: Upload,
): Promise<Credential> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const answer = await tenant.createCredential(wish.clientId, certificate.name, certificate.certificate);
    if (answer !== 'lost' && !isRefusal(answer)) return answer;
    if (isRefusal(answer) && !/already exist/i.test(answer.message))
      throw await refused(answer, wish, state, tenant);
    // It may have landed, and is ours by its thumbprint: a POST is never blindly repeated.
    const landed = await findByThumbprint(wish, tenant, certificate.thumbprint);
    if (landed) return landed;
  }
  throw new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 did not answer the upload of the certificate, ${ATTEMPTS} times.`,
    remedy: 'Look at the status page of Auth0, then run again.',
  });
}

export async function findByThumbprint(
  wish: Wish,
  tenant: Tenant,
  thumbprint: string,
): Promise<Credential | undefined> {
  const pool = await tenant.credentials(wish.clientId);
  return pool.find((credential) => credential.thumbprint === thumbprint);
}

function isRefusal(answer: Credential | Refusal | 'lost'): answer is Refusal {
  return typeof answer === 'object' && 'status' in answer;
}

async function refused(
  { message }: Refusal,
  wish: Wish,
  state: State,
  tenant: Tenant,
): Promise<RotationError> {
  if (/maximum of \d+ credentials/i.test(message)) return full(wish, state, tenant);
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 refused the certificate (400: ${quote(message)}).`,
    remedy: 'Check subject and key-size.',
  });
}

/** The pool as it is now: another run may have filled the place that this one has made. */
async function full(wish: Wish, state: State, tenant: Tenant): Promise<RotationError> {
  const pool = await tenant.credentials(wish.clientId);
  const rival = findRival(wish, state, pool);
  return rival ? rotationInProgress(rival) : poolFull(wish, { ...state, pool });
}
