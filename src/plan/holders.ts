/** Which locations may hold a credential. Pure. */

import type { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { type Credential, isNewer, type ObservedState } from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import { mayBeHeldByLeftOut } from './left-out.ts';
import type { Owners } from './owners.ts';

/** A former location that may still hold credentials. */
export interface FormerHolder {
  /** As `printLocation` prints it. */
  location: string;
  candidates: readonly Credential[];
  /** Why GitHub does not show it. */
  refused?: RotationError | undefined;
}

interface Held {
  held: readonly (readonly Credential[])[];
  formerHeld: readonly FormerHolder[];
}

/** Whether a destination or a former location may hold the credential. */
export function mayBeHeld(inUse: Held, credential: Credential): boolean {
  const isHeld = inUse.held.some((candidates) => candidates.some(({ id }) => id === credential.id));
  return isHeld || formerHolder(inUse, credential) !== undefined;
}

/**
 * Whether a location may hold the credential once the plan is carried out. A rotation stores the new pair everywhere but in former
 * locations and in those that it leaves out.
 */
export function mayStillBeHeld(
  builder: { inUse: Held; observed: ObservedState; rotates: boolean },
  credential: Credential,
): boolean {
  if (!builder.rotates) return mayBeHeld(builder.inUse, credential);
  return formerHolder(builder.inUse, credential) !== undefined || mayBeHeldByLeftOut(builder, credential);
}

/** The former location that may hold the credential. */
export function formerHolder(
  { formerHeld }: Pick<Held, 'formerHeld'>,
  credential: Credential,
): FormerHolder | undefined {
  return formerHeld.find(({ candidates }) => candidates.some(({ id }) => id === credential.id));
}

/**
 * What a former location may hold if GitHub does not show it. A workflow stores each credential in its primary first, so a former primary
 * holds nothing older than the newest one that its owner stored anywhere. A former location that was not a primary is a former secret
 * name in one of today's destinations. If GitHub does not show it, that destination already counts as holding every associated credential.
 * Credentials made for today's primary do not count, nor does what `removable-credentials` names.
 * @param all newest first
 */
export function candidatesOfUnshown(
  all: readonly Credential[],
  owner: string,
  how: { desired: DesiredState; isStored: (credential: Credential) => boolean; owners: Owners },
): Credential[] {
  const { desired, isStored, owners } = how;
  const stored = all.find((c) => readOwnership(c.name)?.owner === owner && isStored(c));
  const isToday = (c: Credential) => owners.isOurs(c) && !owners.isOfFormer(c);
  return all.filter(
    (c) => !isToday(c) && !desired.removableCredentials.has(c.id) && !(stored && isNewer(stored, c)),
  );
}
