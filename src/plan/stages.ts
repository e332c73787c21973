/** Derives the stage of a credential from what is in use. Pure. */

import { currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import { type Credential, isNewer } from '../model/observed-state.ts';
import type { Stage } from '../model/plan.ts';
import { mayBeHeld } from './holders.ts';
import type { CredentialsInUse } from './in-use.ts';
import type { Owners } from './owners.ts';

/** Whether it is ours and newer than everything that is held. Its rotation is not finished, and only its run has the key. */
export function isPending(inUse: CredentialsInUse, owners: Owners, credential: Credential): boolean {
  if (!owners.isOurs(credential) || mayBeHeld(inUse, credential)) return false;
  // It was delivered, but somebody put an older pair back.
  if (credential.id === inUse.supplanted?.id) return false;
  return inUse.newest === undefined || isNewer(credential, inUse.newest);
}

/** Whether only some locations hold it and this run does not have its key. The run that made it may still be delivering it. */
export function isBeingDelivered(
  desired: DesiredState,
  inUse: CredentialsInUse,
  owners: Owners,
  credential: Credential,
): boolean {
  const { lacking, newest } = inUse;
  if (lacking.length === 0 || credential.id !== newest?.id || !owners.isOurs(credential)) return false;
  return currentFactsOf(credential.identity, desired) === undefined;
}

/** Whether every location holds a newer credential. If this one was made by hand, the newer one must be ours. */
export function isSuperseded(inUse: CredentialsInUse, owners: Owners, credential: Credential): boolean {
  const { newest, settled } = inUse;
  if (!settled || newest === undefined || mayBeHeld(inUse, credential)) return false;
  if (!isNewer(newest, credential)) return false;
  return owners.isOurs(credential) || owners.isOurs(newest);
}

export function stageOf(inUse: CredentialsInUse, owners: Owners, credential: Credential): Stage {
  if (owners.isForeign(credential)) return 'foreign';
  if (credential.id === inUse.heldByPrimary?.id) return 'current';
  if (mayBeHeld(inUse, credential))
    return credential.id === inUse.newest?.id ? 'partly delivered' : 'previous';
  if (isPending(inUse, owners, credential)) return 'pending';
  if (!owners.isAssociated(credential)) return 'retired';
  return isSuperseded(inUse, owners, credential) ? 'previous' : 'associated';
}
