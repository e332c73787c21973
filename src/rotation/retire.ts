/** What goes where no rotation is due. Pure. */

import { type Draft, overlapEnd } from './draft.ts';

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
