/** Back to a client secret. Pure. */

import type { Draft } from './plan-builder.ts';

/** Back to a client secret; then what the method held, and what is ours besides, has no use any more. */
export function revert(draft: Draft): { reason: 'MethodDiffers' | 'NotDue'; explanation: string } {
  const { evidence, pool, state, wish } = draft;
  const { method = wish.revertTo } = state.client ?? {};
  const leaves = method === wish.method;
  const useless = draft.records.filter((c) => draft.mayRemove(c) && (leaves || pool.isManaged(c)));
  if (method !== wish.revertTo) {
    const held = state.secrets.filter((_, index) => evidence.held[index]?.length !== 0);
    const interrupts = held.map(({ place }) => place);
    draft.steps.push({ kind: 'change-method', from: method, to: wish.revertTo, credentials: [], interrupts });
    if (leaves) draft.notes.push(REVERTS);
    if (wish.isManager) draft.notes.push(CUTS_OFF);
  }
  for (const credential of useless) draft.remove(credential, 'revert');
  if (method !== wish.revertTo)
    return {
      reason: 'MethodDiffers',
      explanation: `the client uses ${method}, and is to use ${wish.revertTo} again`,
    };
  const explanation = useless.length > 0 ? LEFTOVERS : `the client uses ${method}`;
  return { reason: 'NotDue', explanation };
}

const LEFTOVERS = 'the method was changed before, and credentials of it were left';
const REVERTS =
  'INTERRUPTION: from this moment on nobody can log in with a certificate or key of this client, and everybody needs its client secret. Whether that is still the one from before is not documented: look at the client in Auth0. The secrets in GitHub stay as they are, and are of no use any more.';
export const CUTS_OFF =
  'INTERRUPTION: this client is the one that the action logs in with. After the change every workflow needs its new credential, and if this run dies between the change and the delivery nobody can log in with it: have a second management client at hand.';
