/** Plans `revoke: previous`: the run that delivers the new credential also removes the previous ones. Pure. */

import { RotationError } from '../errors.ts';
import { day, longDay } from '../model/markdown.ts';
import type { Credential } from '../model/observed-state.ts';
import { isDigest } from '../model/ownership.ts';
import { printLocation } from '../model/secret-location.ts';
import { mayBeHeld } from './holders.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Refuses, before any effect, a revocation that would not end the previous credential. @throws RotationError CANNOT_REVOKE */
export function refuseFutileRevocation(builder: PlanBuilder): void {
  const { owners, reuses, desired } = builder;
  const { currentKey } = desired;
  refuseElsewhere(builder);
  const end =
    currentKey?.notAfter && currentKey.subject === desired.subject
      ? `${longDay(currentKey.notAfter.getTime())}, when the one in use expires`
      : 'the leaked certificate has expired';
  if (reuses !== undefined) {
    throw new RotationError('CANNOT_REVOKE', {
      failed: `Auth0 identifies the certificate only by its subject ${desired.subject} (${reuses}), and the new one would have the same subject. The old certificate would stay valid until it expires.`,
      remedy: `Choose another subject, and write it into every workflow that rotates this client before you start this run. Do not use ${desired.subject} again before ${end}: a run that registers it again makes the leaked certificate valid again. Or let the CA revoke the certificate, if the edge checks revocation.`,
    });
  }
  const kept = builder.pool.filter((c) => !owners.isForeign(c) && desired.keepCredentials.has(c.id));
  if (kept.length > 0) {
    const ids = kept.map(({ id }) => id).join(', ');
    throw new RotationError('CANNOT_REVOKE', {
      failed: `revoke: previous would remove ${ids}, but keep-credentials keeps ${kept.length === 1 ? 'it' : 'them'}.`,
      remedy: `Take ${ids} out of keep-credentials and start again: its users cannot log in from then on. If that is worse than the leak, take the leaked credential out in Auth0 by hand (docs/recipes.md, Take a credential out by hand), and start the rotation by hand once with force: true and without revoke: the readers of the leaked one cannot log in until that run has delivered.`,
    });
  }
}

/** Another workflow's destinations would keep the leaked key, or lose it without a successor. @throws RotationError CANNOT_REVOKE */
function refuseElsewhere({ associated, inUse, observed, owners }: PlanBuilder): void {
  const [primary] = observed.secrets;
  if (primary?.times !== 'missing') return;
  const former = inUse.formerHeld.map(({ location }) => location);
  const ofOthers = observed.pool.flatMap((c) =>
    associated.includes(c.id) ? (owners.otherOwnership(c)?.owner.replace('#', ', secret ') ?? []) : [],
  );
  const elsewhere = [...new Set([...former, ...ofOthers])];
  if (elsewhere.length === 0) return;
  throw new RotationError('CANNOT_REVOKE', {
    failed: `${printLocation(primary.location)} has no secret yet. The credentials of this client were delivered to ${elsewhere.join('; ')}, which this run would not serve.`,
    remedy:
      'Give this run the destinations and the secret names of the workflow that rotates the client, and start it again.',
  });
}

/** Plans the removal of all our credentials, and of those without a mark, since a destination may have held them. */
export function revoke(builder: PlanBuilder): void {
  const previous = builder.pool.filter((c) => !builder.isProtected(c));
  for (const credential of previous) builder.remove(credential, 'revoke');
  builder.revokes.push(...previous.map(({ id }) => id));
  builder.steps.push({ kind: 'find-earlier-runs' });
  // One of them may have made room for the new credential.
  const gone = builder.observed.pool.filter(({ id }) => !builder.pool.some((record) => record.id === id));
  if (previous.length > 0) builder.note('interruption', interruption(previous));
  if (gone.length === 0) builder.note('warning', NOTHING);
  const first = gone.filter((c) => !previous.includes(c) && !builder.owners.isUnmarked(c));
  if (first.length > 0) builder.note('interruption', interruptionFirst(first));
  const former = builder.inUse.formerHeld.filter(({ candidates }) =>
    candidates.some(({ id }) => gone.some((c) => c.id === id)),
  );
  if (former.length > 0) builder.note('interruption', interruptionElsewhere(builder, former));
  const byHand = gone.filter((c) => builder.owners.isUnmarked(c) && !mayBeHeld(builder.inUseAtStart, c));
  if (byHand.length > 0) builder.note('interruption', interruptionByHand(byHand));
  for (const credential of builder.pool.filter(({ id }) => builder.associated.includes(id)))
    builder.note('warning', stillValid(builder, credential));
}

function interruption(previous: readonly Credential[]): string {
  const ids = previous.map(({ id }) => id).join(' and ');
  const [are, its, key, it] =
    previous.length === 1 ? ['is', 'its', 'its key', 'it'] : ['are', 'the', 'their keys', 'them'];
  return `${ids} ${are} revoked as soon as ${its} successor is delivered everywhere. From then on nobody can log in with ${key}, not even workflow runs that were queued before; all of Auth0 may take up to propagation-time to know that. Access tokens that were issued with ${it} stay valid until they expire, since Auth0 cannot revoke them. A bound token works for anybody who has the key.`;
}

/** They make room, so they go before anything is delivered. */
function interruptionFirst(gone: readonly Credential[]): string {
  const ids = gone.map(({ id }) => id).join(' and ');
  return `${ids} ${gone.length === 1 ? 'makes' : 'make'} room for the new key, before anything is delivered. Nobody can log in with ${gone.length === 1 ? 'it' : 'them'} from then on, not even workflow runs that were queued before.`;
}

/** This run delivers nothing there. */
function interruptionElsewhere({ observed }: PlanBuilder, former: readonly { location: string }[]): string {
  const [primary] = observed.secrets;
  return `The readers of ${former.map(({ location }) => location).join(', ')} cannot log in from then on, since this run stores nothing there. Let them read ${primary ? printLocation(primary.location) : 'the primary'}.`;
}

/** No destination holds them, so nobody gets a successor. */
function interruptionByHand(byHand: readonly Credential[]): string {
  const ids = byHand.map(({ createdAt, id }) => `${id}, which was made by hand on ${day(createdAt)},`);
  const [are, it] = byHand.length === 1 ? ['is', 'it'] : ['are', 'one of them'];
  return `${ids.join(' and ')} ${are} removed, too. Nobody who uses ${it} can log in from then on, until they use the credential that this run delivers.`;
}

/** The warning about a credential that stays, since it has another workflow's mark or cannot be read. */
function stillValid(builder: PlanBuilder, credential: Credential): string {
  const { id } = credential;
  const left = `${id} (${builder.whyKept(credential)}) stays valid. If its key has leaked, take it out in Auth0 now (docs/recipes.md, Take a credential out by hand)`;
  const { owner } = builder.owners.otherOwnership(credential) ?? {};
  return owner === undefined || isDigest(owner)
    ? `${left}.`
    : `${left}; or, if ${owner.replace('#', ', secret ')}, used to be the first destination of this workflow, add \`moved-from: ${owner}\` and start this run again.`;
}

const NOTHING =
  'There was nothing to revoke: the client had no credential of this workflow and none without a mark.';
