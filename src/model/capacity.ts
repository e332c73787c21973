/** How many credentials Auth0 lets a client have. */

import { RotationError } from '../errors.ts';

/** Auth0: a method holds at most 2 credentials ("limits customers to two registered certificates", configure-mtls-for-a-client). */
export const METHOD_CAPACITY = 2;
/** The client's pool holds 2 by default, 4 with an entitlement that cannot be queried: plan for 2. */
export const POOL_CAPACITY = 2;

/** @param holders the credentials that take the places, and why each stays */
export function credentialLimit(
  client: string,
  holders: readonly { id: string; usedBy: string }[],
  remedy = FREE_A_PLACE,
): RotationError {
  const list = holders.map(({ id, usedBy }) => `${id} (${usedBy})`).join(', ');
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${client} has no place for another credential: ${list}.`,
    remedy,
  });
}

const FREE_A_PLACE =
  'Auth0 lets a method hold two. Disassociate and delete one that nobody uses any more, or rotate from one workflow with many destinations, and pass current-credential.';
