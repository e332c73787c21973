/** The limits of Auth0 on a client's credentials. */

import { RotationError } from '../errors.ts';

/** Auth0 lets a method hold 2 credentials ("limits customers to two registered certificates", configure-mtls-for-a-client). */
export const METHOD_CAPACITY = 2;
/**
 * Auth0 lets a client's pool hold 2 credentials, or 4 with an entitlement that cannot be queried (docs/facts.md#auth0-pool-limit). So a
 * plan assumes 2.
 */
export const POOL_CAPACITY = 2;

/** The error CREDENTIAL_LIMIT. @param kept the credentials that the client has, and why each stays */
export function credentialLimit(
  client: string,
  kept: readonly { id: string; whyKept: string }[],
  remedy = FREE_CAPACITY,
): RotationError {
  const list = kept.map(({ id, whyKept }) => `${id} (${whyKept})`).join(', ');
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${client} cannot hold another credential: ${list}.`,
    remedy,
  });
}

const FREE_CAPACITY =
  'An authentication method holds two credentials at most. In the Auth0 Dashboard (Applications, the client, Credentials), delete one that nobody uses any more.';
