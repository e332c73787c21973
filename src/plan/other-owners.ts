/** What to do about other workflows that rotate the client, and about former settings of this one. Pure. */

import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { isDigest, readOwnership } from '../model/ownership.ts';
import { printDestination, printLocation, type SecretLocation } from '../model/secret-location.ts';
import type { FormerHolder } from './holders.ts';
import type { CredentialsInUse } from './in-use.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** The line to add for each former owner that this workflow may have had. */
export function movedFromAdvice({ observed, owners }: PlanBuilder): string {
  const others = new Set(observed.pool.flatMap((c) => owners.otherOwnership(c)?.owner ?? []));
  return [...others]
    .filter((owner) => !isDigest(owner))
    .map(
      (owner) =>
        `If ${owner.replace('#', ', secret ')}, used to be the first destination of this workflow (its repository or its secret was renamed, or the input destinations was changed), add the line \`moved-from: ${owner}\`. `,
    )
    .join('');
}

/** Former locations that are none of today's destinations: this workflow stores nothing there any more. */
export function formerElsewhere({
  inUse,
  observed,
}: Pick<PlanBuilder, 'inUse' | 'observed'>): CredentialsInUse['formerHeld'] {
  const today = observed.secrets.map(({ location }) => printLocation(location));
  return inUse.formerHeld.filter(({ location }) => !today.includes(location));
}

/** The watch recognizes this remedy by these words. */
export const KEEP_ONE = 'keep one of the two';

/**
 * What to do about a former location that GitHub does not show, since its candidates stay as long as it may hold them. The line names
 * only ids that no visible location may hold. If there is none, a run by hand with `force` decides.
 */
export function adviceOnUnshownFormer(
  { candidates, location }: FormerHolder,
  { inUse, observed }: Pick<PlanBuilder, 'inUse' | 'observed'>,
): string {
  const seen = [
    ...inUse.held.filter((_, index) => !observed.secrets[index]?.refused),
    ...inUse.formerHeld.filter(({ refused }) => !refused).map((one) => one.candidates),
  ].flat();
  const ids = candidates.map(({ id }) => id);
  const free = ids.filter((id) => seen.every((one) => one.id !== id));
  // The newest is the likeliest to be in use anywhere else, and one slot is enough.
  const older = free.length > 1 ? free.slice(1) : free;
  const line =
    older.length > 0
      ? ` Or, if nobody reads it there any more, add the line \`removable-credentials: ${older.join(' ')}\`.`
      : ' Or, if nobody reads it there any more, start the workflow by hand once with force: true.';
  return `${location} may hold ${ids.join(' or ')}: this workflow delivered there before, and this github-token does not see it. Give the token read access to the secrets there, also in the step that makes the token: then a run sees what ${location} holds.${line}`;
}

/** What to do if another workflow rotates the client, too: Auth0 has room for the credentials of only one. */
export function keepOneWorkflowAdvice(
  { desired: { currentKey, secretName } }: PlanBuilder,
  owner: string,
): string {
  const pass = currentKey === undefined ? ', and pass current-credential' : '';
  return `If another workflow rotates this client, ${KEEP_ONE}. To keep this one, disable the other workflow and add its destinations to this one${pass}. Only when every reader of the other's secret has the pair that this workflow stores as ${secretName}, delete in Auth0 what was made for ${owner}. To keep the other, disable this one, and add the destinations of this one there in the same way.`;
}

/** How to deliver to this former location again. It was the first, unless its secret had another name. */
export function backToAdvice({ destination, secretName }: SecretLocation, desired: DesiredState): string {
  const place = printDestination(destination);
  const isServed = desired.destinations.some(
    (one) => printDestination(one).toLowerCase() === place.toLowerCase(),
  );
  const first = `put ${place} first in destinations again`;
  const name = `set \`secret-name: ${secretName}\` again`;
  if (secretName.toUpperCase() === desired.secretName.toUpperCase()) return first;
  return isServed ? name : `${first} and ${name}`;
}

/**
 * Refuses if a former mark is younger than our oldest one. Then a workflow with the former settings still runs, or somebody changed the
 * settings of this workflow back and forth. @throws RotationError ROTATION_IN_PROGRESS
 */
export function refuseRunningFormer(builder: PlanBuilder): void {
  const { desired, observed, owners } = builder;
  // A revert ends the method for everybody, whoever rotates, and must not wait in an emergency.
  if (desired.operation === 'revert') return;
  const own = observed.pool.filter((c) => owners.isOurs(c) && !owners.isOfFormer(c));
  const oldest = Math.min(...own.map(({ createdAt }) => createdAt));
  const live = observed.pool.find((c) => owners.isOfFormer(c) && c.createdAt > oldest);
  if (!live) return;
  const { owner = '', run } = readOwnership(live.name) ?? {};
  const former = observed.former?.find((one) => one.owner === owner)?.secret.location;
  const back = former
    ? `If that was the first destination of this workflow at that time, ${backToAdvice(former, desired)}. `
    : '';
  throw new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Two workflows seem to rotate this client: run ${run} made ${live.id} for ${former ? printLocation(former) : owner}, after ${printDestination(desired.destinations[0])} ${desired.secretName} had become the first destination of this workflow. Waiting does not help.`,
    remedy: back + keepTheOther(desired, owner),
  });
}

/**
 * The other workflow has rotated since, so it must be the one that stays: its next rotation removes what this workflow made. If this
 * workflow stayed, its own next rotation would lock out the readers of the other.
 */
function keepTheOther({ destinations, secretName }: DesiredState, owner: string): string {
  const [theirs = ''] = owner.split('#');
  const places = destinations
    .map(printDestination)
    .filter((place) => place.toLowerCase() !== theirs.toLowerCase());
  const add =
    places.length > 0 ? `add ${places.join(', ')} to the destinations of the other, after its own; ` : '';
  return `If another workflow rotates this client, disable this one: ${add}let the readers of ${secretName} read the secret that the other writes, and start the other once with current-credential. Delete nothing in Auth0: the next rotation of the other removes what this workflow made.`;
}
