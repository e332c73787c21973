/** What goes where no rotation is due. Pure. */

import { type Draft, supersededAt } from './draft.ts';
import type { Credential } from './state.ts';

/** Not due: remove what is due to go. */
export function retire(draft: Draft): void {
  const { state } = draft;
  for (const credential of draft.removable) {
    const over = overlapEnd(draft, credential);
    if (!draft.associated.includes(credential.id) || over <= state.now) draft.remove(credential, 'retire');
    else if (Number.isFinite(over)) {
      draft.notes.push(
        `Credential ${credential.id} stays associated until ${new Date(over).toISOString()} (overlap).`,
      );
    }
  }
}

/** Fixed once: by the delivery of the successor, which no later run repeats. Never, for `until-next-rotation`. */
function overlapEnd(draft: Draft, credential: Credential): number {
  const { overlap } = draft.wish;
  const since = supersededAt(draft, credential);
  return overlap === 'until-next-rotation' || since === undefined
    ? Number.POSITIVE_INFINITY
    : since + overlap;
}
