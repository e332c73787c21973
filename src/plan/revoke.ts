/** Plans `revoke: previous`: the run that delivers the new credential also removes the previous ones. Pure. */

import { RotationError } from '../errors.ts';
import type { Credential } from '../model/observed-state.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Refuses, before any effect, a revocation that would not end the previous credential. @throws RotationError CANNOT_REVOKE */
export function refuseRevocation(builder: PlanBuilder): void {
  const { owners, renews, desired } = builder;
  if (renews !== undefined) {
    throw new RotationError('CANNOT_REVOKE', {
      failed: `Auth0 identifies the certificate only by its subject ${desired.subject} (${renews}), and the new one would have the same subject. The old certificate would stay valid until it expires.`,
      remedy:
        'Choose another subject for this rotation, so that the old one can be removed from Auth0. Or let the CA revoke the certificate, if the edge checks revocation.',
    });
  }
  const kept = builder.records.filter((c) => owners.isCandidate(c) && desired.keepCredentials.has(c.id));
  if (kept.length > 0) {
    const ids = kept.map(({ id }) => id).join(', ');
    throw new RotationError('CANNOT_REVOKE', {
      failed: `revoke: previous would remove ${ids}, but keep-credentials keeps it.`,
      remedy: 'Take it out of keep-credentials, or rotate without revoke.',
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
}

function interruption(previous: readonly Credential[]): string {
  const ids = previous.map(({ id }) => id).join(', ');
  return `${ids} is revoked as soon as its successor is delivered everywhere. From then on nobody can log in with its key, not even workflow runs that were queued before. Access tokens that were issued with it stay valid until they expire, since Auth0 cannot revoke them. A bound token works for anybody who has the key.`;
}

const NOTHING =
  'There was nothing to revoke: the client had no credential of this workflow and none without a mark.';
