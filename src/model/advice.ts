/** What several messages say: lines for the workflow, what to do with its destinations or in an emergency, and the alarm about an expired key. */

import type { DesiredState } from './desired-state.ts';
import { longDay } from './markdown.ts';
import { ownerOf } from './ownership.ts';
import { printDestination, type SecretLocation } from './secret-location.ts';

/** The line of the workflow that passes what the primary holds, for a message. */
export function currentCredentialLine({ secretName }: DesiredState): string {
  return `\`current-credential: \${{ secrets.${secretName} }}\``;
}

/**
 * How to take out a destination that nobody reads any more, as the last sentences of a remedy. Empty if no other destination could be
 * the primary, so that it must stay. When the primary is taken out, `moved-from` must name it, or the next run would take the
 * credentials with its mark for another workflow's.
 */
export function dropDestinationAdvice(
  { destination }: Pick<SecretLocation, 'destination'>,
  desired: Pick<DesiredState, 'destinations' | 'secretName'>,
): string {
  const { destinations } = desired;
  const name = printDestination(destination);
  const isPrimary = name === printDestination(destinations[0]);
  const rest = destinations.filter((one) => printDestination(one) !== name);
  const next = rest.find(({ kind }) => kind !== 'dependabot');
  if (next === undefined) return '';
  if (!isPrimary) return ` Or, if nobody reads it, take ${name} out of destinations.`;
  return ` Or, if nobody reads it, take ${name} out of destinations and in the same change add \`moved-from: ${ownerOf(desired)}\`. Then ${printDestination(next)} must be the first, and current-credential, if the workflow passes it, must be its secret.`;
}

/** What to start when a key has leaked: the middle of a sentence. */
export const START_EMERGENCY =
  'start the emergency workflow with rotate (emergency.yml, or fleet-emergency.yml for a client of a manifest) or, for the management client, self-rotation.yml with force and revoke';

/** undefined: it has not expired, or its expiry is not recorded. @param now milliseconds, Auth0's clock */
export function expiredAlarm(expiresAt: number | undefined, now: number): string | undefined {
  return expiresAt !== undefined && expiresAt <= now
    ? `the current key expired on ${longDay(expiresAt)}: its consumers CANNOT LOG IN. Act at once`
    : undefined;
}
