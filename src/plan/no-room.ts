/** What to do if a client can hold no other credential: the errors CREDENTIAL_LIMIT of a plan. Pure. */

import { RotationError } from '../errors.ts';
import { credentialLimit } from '../model/capacity.ts';
import { day } from '../model/markdown.ts';
import type { Credential } from '../model/observed-state.ts';
import { printDestination, printLocation, type SecretLocation } from '../model/secret-location.ts';
import { NOTICE_PERIOD } from '../model/timing.ts';
import { adviceOnUnshownHolder, dated, whatPrimaryMayHold } from './doubtful-credentials.ts';
import { mayBeHeld } from './holders.ts';
import { cannotCompare } from './incomparable-keys.ts';
import { backToAdvice, formerElsewhere, keepOneWorkflowAdvice, movedFromAdvice } from './other-owners.ts';
import { overlapEnd, supersededAt } from './overlap.ts';
import type { PlanBuilder } from './plan-builder.ts';

export function capacityExhausted(builder: PlanBuilder): RotationError {
  const { desired, observed, pool } = builder;
  const kept = pool.map((c) => ({ id: c.id, whyKept: builder.whyKept(c) }));
  return credentialLimit(observed.client?.id ?? `${desired.clientName}`, kept, remedyFor(builder));
}

/** Each of these functions asks one question, and returns the advice if the answer is yes. The first advice counts. */
function remedyFor(builder: PlanBuilder): string | undefined {
  return (
    overlapAdvice(builder) ??
    reorderAdvice(builder) ??
    finishAdvice(builder) ??
    unusedAdvice(builder) ??
    doubtAdvice(builder) ??
    keptAdvice(builder) ??
    formerAdvice(builder) ??
    otherWorkflowAdvice(builder) ??
    findOutAdvice(builder)
  );
}

/** Would an overlap end the previous credential? A rehearsal removes only what it has made, so a rotation must make room for it. */
function overlapAdvice(builder: PlanBuilder): string | undefined {
  if (builder.desired.operation !== 'rehearse') return undefined;
  const previous = builder.pool.find(
    (c) =>
      builder.associated.includes(c.id) && builder.isRemovable(c) && supersededAt(builder, c) !== undefined,
  );
  return previous && `${whenRetired(builder, previous)} A rehearsal itself removes only what it has made.`;
}

function whenRetired(builder: PlanBuilder, previous: Credential): string {
  const removal = `run of operation: rotate removes ${previous.id}`;
  if (builder.desired.quietWindow !== undefined)
    return `A ${removal} once the tenant logs show that nobody uses it.`;
  const end = overlapEnd(builder, previous);
  return Number.isFinite(end)
    ? `A ${removal} on or after ${day(end)}, when its overlap is over.`
    : `Set an overlap (such as 7d): when it has ended, a ${removal}.`;
}

/** Was a new destination put before destinations that hold the pair? In another order it can wait for the next rotation. */
function reorderAdvice({ inUse, observed }: PlanBuilder): string | undefined {
  const [primary] = observed.secrets;
  if (!primary || !inUse.newest || primary.times !== 'missing') return undefined;
  const served = observed.secrets.find(
    ({ location: { destination } }, index) =>
      inUse.held[index]?.[0]?.id === inUse.newest?.id &&
      destination !== primary.location.destination &&
      destination.kind !== 'dependabot',
  );
  if (!served) return undefined;
  const [first, empty] = [served, primary].map(({ location }) => printDestination(location.destination));
  return `${empty} has no secret yet. To store one there, this run would have to lock out consumers of other destinations, so it stops. Put ${first} first in destinations. Then ${empty} gets its secret with the next rotation.`;
}

/** Is a delivery half done? A rehearsal does not finish it. */
function finishAdvice({ desired, inUse }: PlanBuilder): string | undefined {
  return desired.operation === 'rehearse' && inUse.lacking.length > 0 ? FINISH_FIRST : undefined;
}

const FINISH_FIRST =
  'A delivery is half done. Start operation: rotate with current-credential, which finishes it. Then rehearse again.';

/** Is there one made by hand that certainly no destination holds? */
function unusedAdvice(builder: PlanBuilder): string | undefined {
  const unused = unusedByHand(builder);
  if (unused.length === 0 || !isCurrentKnown(builder)) return undefined;
  return builder.desired.operation === 'rehearse'
    ? deleteAdvice(unused)
    : `${releaseAdvice(unused)}${waitAdvice(builder)}`;
}

/** May the primary hold one that is newer than current-credential? */
function doubtAdvice(builder: PlanBuilder): string | undefined {
  return whatPrimaryMayHold(builder, associatedByHand(builder)).advice;
}

/** Does keep-credentials keep one? */
function keptAdvice(builder: PlanBuilder): string | undefined {
  const { desired, owners, pool } = builder;
  const all = pool.filter(
    (c) =>
      desired.keepCredentials.has(c.id) && isInTheWay(builder, c) && owners.otherOwnership(c) === undefined,
  );
  const kept = all.map(({ id }) => id);
  if (kept.length === 0) return undefined;
  if (all.every((c) => builder.isCertainlyExpired(c)))
    return `keep-credentials keeps ${kept.join(', ')}, ${kept.length > 1 ? 'which have expired, so nobody can log in with them. Take the ids out of keep-credentials. The next rotation then removes them' : 'which has expired, so nobody can log in with it. Take the id out of keep-credentials. The next rotation then removes it'}.`;
  const [users, id] = kept.length === 1 ? ['its users', 'the'] : ['the users of one of them', 'its'];
  return `No rotation is possible while keep-credentials keeps ${kept.join(', ')}. Let ${users} read the delivered secret, or give them another client. Then take ${id} id out of keep-credentials. The next rotation removes it at once.`;
}

/** Whether there is room without it. What is not associated takes none in the method, but Auth0 takes a subject DN only once. */
function isInTheWay({ associated, desired }: PlanBuilder, { id, identity }: Credential): boolean {
  return associated.includes(id) || identity === desired.subject;
}

/** May a former location hold one? Then it is not removed, even if it is released. */
function formerAdvice(builder: PlanBuilder): string | undefined {
  const former = stillHolding(builder);
  if (former === undefined) return undefined;
  return (
    passAdvice(builder) +
    [former, chooseAdvice(builder, unusedByHand(builder))]
      .filter(Boolean)
      .join(' Or make room in another way. ')
  );
}

/** Does another workflow rotate the client, and is there nothing else to give up? */
function otherWorkflowAdvice(builder: PlanBuilder): string | undefined {
  const { owners, pool } = builder;
  const inTheWay = pool.filter((c) => isInTheWay(builder, c));
  const [owner] = inTheWay.flatMap((c) => owners.otherOwnership(c)?.owner ?? []);
  if (owner === undefined || unusedByHand(builder).length > 0) return undefined;
  return movedFromAdvice(builder) + keepOneWorkflowAdvice(builder, owner);
}

/** Is it unknown what is in use? */
function findOutAdvice(builder: PlanBuilder): string | undefined {
  if (isCurrentKnown(builder)) return undefined;
  return `${passAdvice(builder)}${chooseAdvice(builder, associatedByHand(builder))}`.trim() || undefined;
}

function isCurrentKnown({ desired, inUse }: PlanBuilder): boolean {
  return desired.currentKey !== undefined && !inUse.unregistered;
}

/** Those made by hand that the user does not keep. What is not associated takes no room in the method. */
function associatedByHand({ associated, desired, owners, pool }: PlanBuilder): Credential[] {
  return pool.filter(
    (c) => owners.isUnmarked(c) && associated.includes(c.id) && !desired.keepCredentials.has(c.id),
  );
}

/** Those of them that no location holds by the evidence. */
function unusedByHand(builder: PlanBuilder): Credential[] {
  const byHand = associatedByHand(builder);
  const { doubtful } = whatPrimaryMayHold(builder, byHand);
  return byHand.filter((c) => !mayBeHeld(builder.inUse, c) && !doubtful.includes(c));
}

function passAdvice(builder: PlanBuilder): string {
  return builder.desired.currentKey || cannotCompare(builder)
    ? ''
    : 'Pass current-credential, which shows what is in use. ';
}

function chooseAdvice(builder: PlanBuilder, some: readonly Credential[]): string {
  return some.length === 0
    ? ''
    : `${dated(some)} ${some.length === 1 ? 'was' : 'were'} made by hand. Find out in Auth0's logs which one nobody uses, and put only its id into removable-credentials. Until you know, leave them all.${waitAdvice(builder)}`;
}

/** What happens without the user. */
function waitAdvice(builder: PlanBuilder): string {
  const waiting = unusedByHand(builder).filter((c) => !builder.isNoticeOver(c));
  const [first = ''] = waiting.flatMap((c) => removedLater(builder, c));
  return first;
}

/** A superseded credential that was made by hand is removed a week after its successor was delivered. */
function removedLater(builder: PlanBuilder, credential: Credential): string[] {
  const since = supersededAt(builder, credential);
  if (since === undefined) return [];
  const { id } = credential;
  return [
    ` If you do nothing, the first rotation after ${new Date(since + NOTICE_PERIOD).toISOString()} removes ${id}. If somebody uses it, name it in keep-credentials and let its users read the delivered secret, or give them another client. No rotation is possible until they have moved.`,
  ];
}

/**
 * What to do for the readers of a former location. Once a run has made a credential for today's primary, the former settings would be
 * refused (refuseRunningFormer).
 */
function adviceForReaders({ desired, observed, owners }: PlanBuilder, former: SecretLocation): string {
  const hasMoved = observed.pool.some((c) => owners.isOurs(c) && !owners.isOfFormer(c));
  if (!hasMoved) return `${backToAdvice(former, desired)} for now`;
  return former.secretName.toUpperCase() === desired.secretName.toUpperCase()
    ? `add ${printDestination(former.destination)} to destinations, after the first, and pass current-credential`
    : `let its readers read ${desired.secretName} first`;
}

/** A former location that is still there may have readers. */
function stillHolding(builder: PlanBuilder): string | undefined {
  const { observed } = builder;
  const unshown = adviceOnUnshownHolder(builder);
  const held = formerElsewhere(builder).flatMap(({ location, refused }) => (refused ? [] : [location]));
  if (held.length === 0) return unshown;
  const former = observed.former?.find(({ secret }) => held.includes(printLocation(secret.location)));
  const back = former ? ` If it is still read, ${adviceForReaders(builder, former.secret.location)}.` : '';
  const there =
    held.length === 1
      ? `${held.join(', ')} still holds one of them. If nobody reads it there, delete that secret in GitHub.`
      : `${held.join(', ')} still hold one of them each. If nobody reads those secrets, delete them in GitHub.`;
  return unshown ? `${there}${back} ${unshown}` : `${there} Then the next run goes on.${back}`;
}

function releaseAdvice(unused: readonly Credential[]): string {
  const line = `\`removable-credentials: ${unused.map(({ id }) => id).join(' ')}\`.`;
  const [one, another] = unused;
  return one && !another
    ? `${one.id} was made by hand on ${day(one.createdAt)}, and the primary destination does not hold it. To go on now, if nobody uses it, add this line to the action's inputs: ${line}`
    : `${dated(unused)} were made by hand, and the primary destination holds none of them. To go on now, add this line to the action's inputs, without the ids that somebody uses: ${line}`;
}

/** A rehearsal does not remove what was released. */
function deleteAdvice(unused: readonly Credential[]): string {
  const were =
    unused.length === 1
      ? 'was made by hand, and the primary destination does not hold it'
      : 'were made by hand, and the primary destination holds none of them';
  return `${dated(unused)} ${were}. If nobody uses ${unused.length === 1 ? 'it, delete it' : 'one of them, delete that one'} in the Auth0 Dashboard (Applications, the client, Credentials). A rehearsal removes only what it has made.`;
}

/** Auth0 refuses a second credential with the same subject DN. */
export function subjectTaken(builder: PlanBuilder, credential: Credential): RotationError {
  const { owners } = builder;
  const { owner } = owners.otherOwnership(credential) ?? {};
  // Only a rehearsal is refused for one of ours.
  const isUsable = !owners.isForeign(credential) && !owners.isMadeByRehearsal(credential);
  const other = isUsable
    ? `Start operation: rotate, which uses ${credential.id} or removes it. Then rehearse again.`
    : 'Choose another subject.';
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${builder.observed.client?.id} already has a credential with the subject ${credential.identity}: ${credential.id} (${builder.whyKept(credential)}).`,
    remedy:
      owner === undefined
        ? other
        : `${movedFromAdvice(builder)}${keepOneWorkflowAdvice(builder, owner)} Or choose another subject.`,
  });
}
