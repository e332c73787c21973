/** Which places may hold a credential. Pure. */

import type { RotationError } from '../errors.ts';
import type { Credential } from '../model/observed-state.ts';

/** A former primary that may still hold credentials. */
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

/** The former location that may hold the credential. */
export function formerHolder(
  { formerHeld }: Pick<Held, 'formerHeld'>,
  credential: Credential,
): FormerHolder | undefined {
  return formerHeld.find(({ candidates }) => candidates.some(({ id }) => id === credential.id));
}
