/** When the overlap of a credential with its successor ends. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import { type Credential, isNewer, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { NOTICE_PERIOD } from '../model/timing.ts';
import type { CredentialsInUse } from './in-use.ts';
import type { Owners } from './owners.ts';

/** What the end of an overlap depends on. */
interface Facts {
  desired: DesiredState;
  observed: ObservedState;
  owners: Owners;
  inUse: CredentialsInUse;
  finishesDelivery: boolean;
  /** A new pair is delivered. */
  rotates: boolean;
  isDeclaredUnused(credential: Credential): boolean;
}

/**
 * When the last location that could have held the credential received its successor, by Auth0's clock. A secret that was created after the
 * successor never held it. For a credential made by hand only a successor of ours counts. undefined: it has no successor.
 */
export function supersededAt(
  { finishesDelivery, inUse, observed, owners }: Omit<Facts, 'rotates'>,
  credential: Credential,
): number | undefined {
  const { newest } = inUse;
  if (newest === undefined || !isNewer(newest, credential)) return undefined;
  if (!owners.isOurs(newest) && !owners.isOurs(credential)) return undefined;
  const deliveries = observed.secrets
    .flatMap(({ times }) => writtenTimes(times) ?? [])
    .filter(({ createdAt }) => createdAt <= newest.createdAt)
    .map(({ updatedAt }) => updatedAt);
  return Math.max(newest.createdAt, finishesDelivery ? observed.now : 0, ...deliveries);
}

/**
 * When its overlap ends, by Auth0's clock. The overlap begins with the delivery of the successor. No later run repeats that delivery, so
 * the end stays the same. Infinite with `until-next-rotation`.
 */
export function overlapEnd(facts: Facts, credential: Credential): number {
  const since = supersededAt(facts, credential);
  return since === undefined ? Number.POSITIVE_INFINITY : since + overlapOf(facts, credential);
}

/**
 * How long it stays after its successor was delivered, in milliseconds. A credential made by hand stays for NOTICE_PERIOD at least, in
 * which every run announces its removal.
 */
export function overlapOf(facts: Facts, credential: Credential): number {
  const { overlap } = facts.desired;
  if (overlap === 'until-next-rotation') return Number.POSITIVE_INFINITY;
  const needsNotice = facts.owners.isUnmarked(credential) && !facts.isDeclaredUnused(credential);
  return Math.max(overlap, needsNotice ? NOTICE_PERIOD : 0);
}

/** The same once this plan is carried out. Infinite if only the next rotation removes it. */
export function overlapEndAfter(facts: Facts, credential: Credential): number {
  return facts.rotates ? facts.observed.now + overlapOf(facts, credential) : overlapEnd(facts, credential);
}
