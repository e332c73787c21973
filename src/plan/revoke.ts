/** Plans `revoke: previous`: the run that delivers the new credential also removes the previous ones. Pure. */

import { RotationError } from '../errors.ts';
import { longDay } from '../model/markdown.ts';
import type { Credential } from '../model/observed-state.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Refuses, before any effect, a revocation that would not end the previous credential. @throws RotationError CANNOT_REVOKE */
export function refuseRevocation(builder: PlanBuilder): void {
  const { owners, renews, desired } = builder;
  const { current } = desired;
  const end =
    current?.notAfter && current.subject === desired.subject
      ? `${longDay(current.notAfter.getTime())}, when the one in use expires`
      : 'it has expired';
  if (renews !== undefined) {
    throw new RotationError('CANNOT_REVOKE', {
      failed: `Auth0 identifies the certificate only by its subject ${desired.subject} (${renews}), and the new one would have the same subject. The old certificate would stay valid until it expires.`,
      remedy: `Choose another subject, and write it into every workflow that rotates this client before you start this run. Do not use ${desired.subject} again before ${end}: a run that registers it again makes the leaked certificate valid again. Or let the CA revoke the certificate, if the edge checks revocation.`,
    });
  }
  const kept = builder.records.filter((c) => owners.isCandidate(c) && desired.keepCredentials.has(c.id));
  if (kept.length > 0) {
    const ids = kept.map(({ id }) => id).join(', ');
    throw new RotationError('CANNOT_REVOKE', {
      failed: `revoke: previous would remove ${ids}, but keep-credentials keeps it.`,
      remedy: `Take ${ids} out of keep-credentials and start again: its users cannot log in from then on. If that is worse than the leak, delete the leaked credential in Auth0 by hand, and start the rotation by hand once with force: true and without revoke: the readers of the leaked one cannot log in until that run has delivered.`,
    });
  }
}

/** Plans the removal of all our credentials, and of those without a mark, since a destination may have held them. */
export function revoke(builder: PlanBuilder): void {
  const previous = builder.records.filter((c) => builder.mayRemove(c));
  for (const credential of previous) builder.remove(credential, 'revoke');
  builder.revokes.push(...previous.map(({ id }) => id));
  builder.steps.push({ kind: 'find-holders' });
  if (previous.length > 0) builder.note('interruption', interruption(previous));
  else builder.note('warning', NOTHING);
  for (const credential of builder.records.filter(({ id }) => builder.associated.includes(id)))
    builder.note('warning', stillValid(builder, credential));
}

function interruption(previous: readonly Credential[]): string {
  const ids = previous.map(({ id }) => id).join(', ');
  return `${ids} is revoked as soon as its successor is delivered everywhere. From then on nobody can log in with its key, not even workflow runs that were queued before. Access tokens that were issued with it stay valid until they expire, since Auth0 cannot revoke them. A bound token works for anybody who has the key.`;
}

/** What another workflow's mark protects, or nobody can read. */
function stillValid(builder: PlanBuilder, credential: Credential): string {
  const { id } = credential;
  const left = `${id} (${builder.whyKept(credential)}) stays valid. If its key has leaked, delete it in Auth0 now`;
  const { owner } = builder.owners.otherOwnership(credential) ?? {};
  return owner === undefined || owner.startsWith('sha256:')
    ? `${left}.`
    : `${left}; or, if this workflow delivered first to ${owner.replace('#', ', secret ')}, before, add moved-from: ${owner} and start this run again.`;
}

const NOTHING =
  'There was nothing to revoke: the client had no credential of this workflow and none without a mark.';
