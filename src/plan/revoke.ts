/** `revoke: previous`: what was held before this rotation goes in the run that has delivered its successor. Pure. */

import { RotationError } from '../errors.ts';
import type { Credential } from '../model/observed-state.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Before any effect. @throws RotationError CANNOT_REVOKE */
export function refuseRevocation(builder: PlanBuilder): void {
  const { pool, renews, desired } = builder;
  if (renews !== undefined) {
    throw new RotationError('CANNOT_REVOKE', {
      failed: `Auth0 knows the certificate by its subject ${desired.subject} alone (${renews}), which the new one would have too: the old one would log in until it expires.`,
      remedy:
        'Choose another subject for this rotation, so that the old one can be removed from Auth0; or let the CA revoke the certificate, if the edge looks for that.',
    });
  }
  const kept = builder.records.filter((c) => pool.isCandidate(c) && desired.keepCredentials.has(c.id));
  if (kept.length > 0) {
    const ids = kept.map(({ id }) => id).join(', ');
    throw new RotationError('CANNOT_REVOKE', {
      failed: `revoke: previous would remove ${ids}, and keep-credentials says that it is never to be removed.`,
      remedy: 'Take it out of keep-credentials, or rotate without revoke.',
    });
  }
}

/** Of ours, or without a mark: a destination may have held it. */
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
  return `${ids} is revoked as soon as its successor is delivered everywhere. From then on nobody can log in with its key: neither workflow runs that were queued before, nor anything that has a copy. Access tokens that were issued with it stay valid until they expire, bound ones for anybody who has the key: Auth0 cannot take them back.`;
}

const NOTHING =
  'There was nothing to revoke: no credential of this workflow, nor one without a mark, was there.';
