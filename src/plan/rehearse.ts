/** A rotation without its delivery: what it makes is proven, and removed again. Pure. */

import { ISSUED } from '../model/step.ts';
import { nameTaken, placesFull, SLOT } from './capacity.ts';
import { isYoung } from './in-use.ts';
import type { Draft } from './plan-builder.ts';
import { materialOf } from './rotate.ts';

/** @throws RotationError CREDENTIAL_LIMIT: nothing gives way to a rehearsal */
export function rehearse(draft: Draft): { reason: 'Rehearsal'; explanation: string } {
  const { pool, state, steps, wish } = draft;
  const isAbandoned = (c: Draft['records'][number]) => pool.isRehearsed(c) && !isYoung(c, state.now);
  for (const credential of draft.records.filter((c) => isAbandoned(c) && draft.mayRemove(c)))
    draft.remove(credential, 'discard');
  draft.renews = registeredName(draft);
  const before = draft.associated;
  steps.push({ kind: 'issue-certificate', what: materialOf(wish) });
  if (draft.renews === undefined) {
    if (before.length >= SLOT) throw placesFull(draft);
    steps.push({ kind: 'create-credential' });
    draft.associate([...before, ISSUED], 'add');
  }
  steps.push({ kind: 'authenticate' }, { kind: 'authenticate-unregistered' });
  if (draft.renews === undefined) {
    draft.associate(before, 'rehearse');
    steps.push({ kind: 'delete-credential', id: ISSUED, why: 'rehearse' });
  }
  return { reason: 'Rehearsal', explanation: 'a rotation was to be rehearsed: nothing is delivered' };
}

/** A certificate of a subject DN that Auth0 knows already logs in as it is (RFC 8705 2.1). */
function registeredName(draft: Draft): string | undefined {
  const { associated, pool, records, wish } = draft;
  const same = records.find(({ identity }) => identity === wish.subject);
  if (wish.method !== 'tls_client_auth' || !same) return undefined;
  if (!pool.isCandidate(same) || !associated.includes(same.id)) throw nameTaken(draft, same);
  return same.id;
}
