/** Notes that announce what later runs will remove, and when. Pure. */

import type { RotationError } from '../errors.ts';
import { isForcedByHand } from '../model/desired-state.ts';
import { day } from '../model/markdown.ts';
import {
  type Credential,
  isWrittenOnce,
  type ObservedSecret,
  whyUnwritable,
  writtenTimes,
} from '../model/observed-state.ts';
import { printDestination, printLocation } from '../model/secret-location.ts';
import { ISSUED } from '../model/step.ts';
import { claimedBy } from './claim.ts';
import { formerHolder, mayStillBeHeld } from './holders.ts';
import {
  adviceOnUnshownFormer,
  formerElsewhere,
  keepOneWorkflowAdvice,
  movedFromAdvice,
} from './other-owners.ts';
import { overlapEndAfter } from './overlap.ts';
import type { PlanBuilder } from './plan-builder.ts';

/**
 * Announces which associated credentials later runs will remove, and warns of those that no run can remove.
 * @param nextRotation milliseconds, Auth0's clock
 * @param refusal why the next rotation would be refused
 */
export function announceRemovals(
  builder: PlanBuilder,
  nextRotation: number | undefined,
  refusal: RotationError | undefined,
): void {
  const { desired, inUse, pool } = builder;
  if (desired.operation !== 'rotate' && desired.operation !== 'enroll' && desired.operation !== 'create')
    return;
  const delivered = builder.associated.includes(ISSUED) ? ISSUED : builder.reuses;
  const newest = delivered ?? inUse.newest?.id ?? inUse.heldByPrimary?.id;
  const others = pool.filter((c) => builder.associated.includes(c.id) && c.id !== newest);
  const isBlocked = others.some((c) => whyBlocked(builder, c) !== undefined) && needsSlot(builder);
  for (const credential of others) {
    const blocked = whyBlocked(builder, credential);
    if (blocked === undefined) announce(builder, credential, nextRotation, refusal !== undefined);
    else if (isBlocked) builder.note('warning', `The next rotation${on(nextRotation)} will fail: ${blocked}`);
  }
  if (refusal && !isBlocked)
    builder.note(
      'warning',
      `The next rotation${on(nextRotation)} will fail (${refusal.code}): ${refusal.failed} ${refusal.remedy}`,
    );
}

/** Whether the next rotation must remove a credential of the method. A CA-signed certificate shares the one with its subject, if there is one. */
function needsSlot({ associated, desired, isMethodFull, owners, pool }: PlanBuilder): boolean {
  const isShared = (c: Credential) =>
    c.identity === desired.subject &&
    associated.includes(c.id) &&
    !owners.isForeign(c) &&
    !owners.isMadeByRehearsal(c);
  const shares = desired.method === 'tls_client_auth' && (associated.includes(ISSUED) || pool.some(isShared));
  return isMethodFull && !shares;
}

/** Warns of locations without a secret, which wait for the next rotation if this run has no pair to store there. */
export function announceEmpty(
  { desired, inUse, observed, notes }: PlanBuilder,
  nextRotation: number | undefined,
): void {
  const empty = inUse.lacking.flatMap((index) => {
    const secret = observed.secrets[index];
    return index > 0 && secret?.times === 'missing' ? [printLocation(secret.location)] : [];
  });
  if (empty.length === 0) return;
  const hint = desired.currentKey ? '' : ' Pass current-credential to have the secret stored at once.';
  notes.push({
    severity: 'warning',
    text: `There is no secret yet in ${empty.join(', ')}, and this run stores none there. The next rotation${on(nextRotation)} does.${hint}`,
  });
}

/** Why no run can remove it, and what the user can do. */
function whyBlocked(builder: PlanBuilder, credential: Credential): string | undefined {
  const { desired, owners } = builder;
  const { id } = credential;
  if (desired.keepCredentials.has(id) && builder.isCertainlyExpired(credential))
    return `keep-credentials keeps ${id}, which has expired. Take its id out: that rotation then removes it.`;
  if (desired.keepCredentials.has(id))
    return `keep-credentials keeps ${id}. Before then, let its users read the delivered secret, or give them another client. Once nobody uses it, take its id out of keep-credentials: that rotation then removes it.`;
  const other = owners.otherOwnership(credential);
  if (other && !desired.removableCredentials.has(id))
    return `${id} was made for ${other.owner}. ${movedFromAdvice(builder)}${keepOneWorkflowAdvice(builder, other.owner)}`;
  return credential.type === 'unknown'
    ? `this version of the action cannot read the record of ${id}. Before then, find out in Auth0 what uses it, and delete it there if nothing does.`
    : undefined;
}

function announce(
  builder: PlanBuilder,
  credential: Credential,
  nextRotation: number | undefined,
  isRefused: boolean,
): void {
  // announceFormer says what becomes of it.
  if (formerHolder(builder.inUse, credential) !== undefined) return;
  // A rotation that is refused removes nothing. The end of an overlap does.
  if (isRefused && !Number.isFinite(overlapEndAfter(builder, credential))) return;
  const rotation = isRefused ? undefined : nextRotation;
  const removal = removalOf(builder, credential, rotation);
  if (removal === undefined) return;
  const hasUsers = builder.owners.isUnmarked(credential) && !builder.isCertainlyExpired(credential);
  // No run removes it now. What was made by hand is announced even so, since the next run may find that no destination holds it.
  if (mayStillBeHeld(builder, credential)) {
    if (hasUsers) builder.note('warning', goesLater(builder, credential));
  } else if (hasUsers) builder.note('warning', `${removal} ${adviceForUsers(builder, credential, rotation)}`);
  else builder.note('notice', removal);
}

function goesLater(builder: PlanBuilder, credential: Credential): string {
  return `${credential.id}, which was made by hand on ${dates(builder, credential)}, goes once no destination may hold it. If anybody else uses it, name it in keep-credentials and move its users.`;
}

/** Which run removes it, and when. undefined: none does so far. @param name of the credential, as the sentence quotes it */
export function removalOf(
  builder: PlanBuilder,
  credential: Credential,
  nextRotation: number | undefined,
  name = credential.id,
): string | undefined {
  const end = overlapEndAfter(builder, credential);
  const made = builder.owners.isUnmarked(credential)
    ? `, which was made by hand on ${dates(builder, credential)}`
    : '';
  const toMakeRoom = `removes ${name}${made && `${made},`} to make room.`;
  const isEvicted = needsSlot(builder) && (nextRotation ?? Number.POSITIVE_INFINITY) < end;
  if (Number.isFinite(end) && !isEvicted)
    return `The first run on or after ${day(end)}, when its overlap is over, removes ${name}${made}.`;
  if (needsSlot(builder)) return `The next rotation${on(nextRotation)} ${toMakeRoom}`;
  // Nobody knows when a person will change the subject, so it is announced in every run.
  return builder.isMethodFull && made !== '' ? `A rotation with another subject ${toMakeRoom}` : undefined;
}

function dates(builder: PlanBuilder, credential: Credential): string {
  const { createdAt, expiresAt } = credential;
  if (expiresAt === undefined) return day(createdAt);
  return `${day(createdAt)} and ${builder.isCertainlyExpired(credential) ? 'expired' : 'expires'} on ${day(expiresAt)}`;
}

/** What the users of a credential made by hand must do, before it expires or a rotation removes it. */
export function adviceForUsers(
  builder: PlanBuilder,
  credential: Credential,
  nextRotation: number | undefined,
): string {
  const { expiresAt } = credential;
  const end = overlapEndAfter(builder, credential);
  const isAtRotation = needsSlot(builder);
  // If its day is not known, the next rotation may be the next run.
  if (expiresAt !== undefined && expiresAt <= (isAtRotation ? Math.min(end, nextRotation ?? 0) : end))
    return `Nobody can log in with it from ${day(expiresAt)} on, when it expires. Move its users before that day.`;
  if (!isAtRotation && end === Number.POSITIVE_INFINITY)
    return 'If anybody still uses it, name it in keep-credentials and move its users before you change the subject.';
  if (!isAtRotation)
    return `If anybody still uses it, name it in keep-credentials before ${day(end)}: then it stays.`;
  const removal = Math.min(end, nextRotation ?? Number.POSITIVE_INFINITY);
  const before = Number.isFinite(removal) ? day(removal) : 'the next rotation';
  return `If anybody still uses it, name it in keep-credentials and move its users before ${before}: no rotation is possible while it is kept.`;
}

/** Warns of secrets that this workflow wrote before, and that nothing renews any more. */
export function announceFormer(builder: PlanBuilder): void {
  const { notes, observed, pool } = builder;
  const [primary] = observed.secrets;
  for (const holder of formerElsewhere(builder)) {
    const { candidates, location, refused } = holder;
    if (refused) {
      notes.push({
        severity: 'warning',
        text: `${adviceOnUnshownFormer(holder, builder)}${slotSentence(builder, candidates)} ${refused.failed}`,
      });
      continue;
    }
    const [candidate] = candidates.filter(({ id }) => pool.some((record) => record.id === id));
    if (candidate === undefined) continue;
    const { expiresAt, id } = candidate;
    const isExpired = builder.isCertainlyExpired(candidate);
    const end = expiresAt === undefined ? 'once it expires' : `after ${day(expiresAt)}`;
    const since =
      isExpired && expiresAt !== undefined ? `, since it expired on ${day(expiresAt)}` : ` ${end}`;
    const slot = isExpired ? '' : ' While it exists, it keeps a slot that the next rotation may need.';
    notes.push({
      severity: 'warning',
      text: `${location} may still hold ${id}, and this workflow stores nothing there any more: its readers cannot log in${since}. Let them read ${primary && printLocation(primary.location)}, then delete that secret in GitHub.${slot}`,
    });
  }
}

/** Until when they keep their slots. After that nobody can log in with them, so the next rotation may remove them. */
function slotSentence(builder: PlanBuilder, candidates: readonly Credential[]): string {
  const valid = candidates.filter((c) => !builder.isCertainlyExpired(c));
  if (valid.length === 0) return '';
  const ends = valid.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY);
  const last = Math.max(...ends);
  const until = Number.isFinite(last) ? `, at the latest until ${day(last)}` : '';
  return ` Until then ${valid.length === 1 ? 'it keeps its slot' : 'they keep their slots'}${until}.`;
}

/** Says what the times do not show: the end of a certificate of a subject DN, and what secrets hold that somebody else may have written. */
export function announceDoubts(builder: PlanBuilder, nextRotation: number | undefined): void {
  const { desired, inUse, inUseAtStart, observed, rotates, steps } = builder;
  if (!rotates && desired.currentKey === undefined && inUse.isExpiryEstimated && nextRotation !== undefined)
    builder.note(
      'warning',
      `The date of the next rotation, ${day(nextRotation)}, is an estimate, since Auth0 records no expiry of the credential in use: that may expire earlier.${desired.method === 'private_key_jwt' ? '' : ' Pass current-credential, which shows it.'}`,
    );
  const written = steps.flatMap((step) =>
    step.kind === 'store-secret' ? [printLocation(step.location)] : [],
  );
  announceUnseen(builder, written);
  const replaced = observed.secrets.flatMap(({ location, times }, index) => {
    const name = printLocation(location);
    const isUnknown = index > 0 && writtenTimes(times) && inUseAtStart.held[index]?.length === 0;
    return isUnknown && written.includes(name) ? [name] : [];
  });
  if (replaced.length > 0 && observed.client?.method === desired.method)
    builder.note(
      'warning',
      `This run replaces what is stored in ${replaced.join(', ')}, which is no pair of this client that Auth0 knows. If another client's jobs read it, store their pair there again, and choose another name for the secret of this one.`,
    );
  announceUnexplained(builder, nextRotation, written);
}

/** @param written the locations that this run writes */
function announceUnexplained(
  builder: PlanBuilder,
  nextRotation: number | undefined,
  written: readonly string[],
): void {
  const { desired, inUseAtStart, observed, rotates } = builder;
  const unexplained = inUseAtStart.othersUnexplained
    .flatMap((index) => observed.secrets[index] ?? [])
    .filter(({ location }) => whyUnwritable(observed, location) === undefined)
    .filter(({ location }) => rotates || !written.includes(printLocation(location)));
  // What `finishDelivery` stores there with `current-credential`.
  const isFinishable = (secret: ObservedSecret) =>
    !rotates && desired.currentKey === undefined && isWrittenOnce(secret);
  const namesOf = (secrets: readonly ObservedSecret[]) =>
    secrets.map(({ location }) => printLocation(location)).join(', ');
  const finishable = namesOf(unexplained.filter(isFinishable));
  const others = namesOf(unexplained.filter((secret) => !isFinishable(secret)));
  if (finishable !== '')
    builder.note(
      'warning',
      `It is unknown what is stored in ${finishable}, since something other than a run of this workflow wrote it last. Pass current-credential to have the current pair stored there.`,
    );
  if (others === '') return;
  if (rotates)
    builder.note('notice', `This run replaces what is stored in ${others}. ${UNEXPLAINED} ${NOT_OURS}.`);
  else
    builder.note(
      'notice',
      `The next rotation${on(nextRotation)} replaces what is stored in ${others}. ${UNEXPLAINED} ${NOT_OURS} before. If its readers cannot log in now, start the workflow by hand once with force: true.`,
    );
}

/**
 * Warns of new secrets of which nobody knows whether they hide another client's. Says nothing where the run may hide even a known one: with
 * `force` by hand, and for a primary whose pair `current-credential` shows.
 * @param written the locations that this run writes
 */
function announceUnseen(builder: PlanBuilder, written: readonly string[]): void {
  const { desired, observed } = builder;
  if (isForcedByHand(desired)) return;
  const isClaimed = claimedBy(desired, observed) !== undefined;
  const unseen = observed.secrets.flatMap(({ location, mayHide = [] }, index) => {
    const isWritten = written.includes(printLocation(location));
    const isInDoubt = isWritten && mayHide.length > 0 && !(index === 0 && isClaimed);
    return isInDoubt
      ? [`${printLocation(location)} (perhaps one in ${mayHide.map(printDestination).join(' or ')})`]
      : [];
  });
  if (unseen.length === 0) return;
  builder.note(
    'warning',
    `github-token cannot check whether the new secrets of this run hide others of the same name: ${unseen.join(', ')}. If there is one, jobs that read it today read this client's pair once that is stored. Look there. If it belongs to another client, choose another name for the secret of this one, and delete the new secret once none of this client's jobs reads it. With the repository permission 'Secrets: read' (permission-secrets: read in the step that makes the token) a run looks itself, and stops before it hides one.`,
  );
}

const UNEXPLAINED =
  'The time of the last write does not show what that is, since no credential was made right before it.';
const NOT_OURS = "If another client's workflow writes it, too, take it out of destinations";

function on(at: number | undefined): string {
  return at === undefined ? '' : `, on ${day(at)},`;
}
