/** Finds keys whose key ID somebody chose, so that nothing shows whether one of them is the pair in `current-credential`. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import type { Note } from '../model/note.ts';
import type { Credential, ObservedState } from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import { isCurrentGiven, isOfThisClient } from './claim.ts';

/** The run knows a key by its RFC 7638 thumbprint, which is Auth0's default for the ID (docs/facts.md#auth0-thumbprint). */
const THUMBPRINT = /^[\w-]{43}$/;

/** Those with which somebody can log in today. */
export function incomparableKeys({ client, pool }: ObservedState): Credential[] {
  if (client?.method !== 'private_key_jwt') return [];
  return pool.filter(
    ({ id, identity, name, type }) =>
      type === 'public_key' &&
      client.associated.includes(id) &&
      readOwnership(name) === undefined &&
      identity !== undefined &&
      !THUMBPRINT.test(identity),
  );
}

/** Whether the primary may hold such a key, and no `current-credential` could show it. */
export function cannotCompare({
  desired,
  inUse: { held },
  observed,
}: {
  desired: DesiredState;
  inUse: { held: readonly (readonly Credential[])[] };
  observed: ObservedState;
}): boolean {
  const keys = incomparableKeys(observed);
  if (isCurrentGiven(desired)) return keys.length > 0 && !isOfThisClient(desired, observed);
  const [candidates = []] = held;
  return candidates.length > 0 && candidates.every(({ id }) => keys.some((key) => key.id === id));
}

/** The cause, as the beginning of a sentence. @param print how the sentence quotes a key ID */
export function causeOf(observed: ObservedState, print: (kid: string) => string = oneLine): string {
  const ids = incomparableKeys(observed).map(({ identity = '' }) => print(identity));
  return ids.length === 1
    ? `Auth0 knows a key of this client by the key ID ${ids.join()}, which was chosen by hand`
    : `Auth0 knows keys of this client by the key IDs ${ids.join(' and ')}, which were chosen by hand`;
}

/** What follows from a `current-credential` that is none of the client's credentials by its identity. */
export function noteOnUnregistered(desired: DesiredState, observed: ObservedState): Note {
  return incomparableKeys(observed).length > 0 && !isOfThisClient(desired, observed)
    ? {
        severity: 'warning',
        text: `${causeOf(observed)}, so the run cannot see whether the pair in current-credential is a key of this client. If it is not, its consumers cannot log in until the rotation has delivered a new one.`,
      }
    : { severity: 'interruption', text: UNREGISTERED };
}

const UNREGISTERED =
  "current-credential holds a certificate or key that is not one of the client's credentials. Its consumers cannot log in until the rotation has delivered a new one.";
