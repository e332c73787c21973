/** Back to a client secret. Pure. */

import { PUBLIC } from '../model/desired-state.ts';
import type { Credential } from '../model/observed-state.ts';
import { formerHolder } from './in-use.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Back to a client secret; then what the method held, and what is ours besides, has no use any more. */
export function revert(builder: PlanBuilder): { reason: 'MethodDiffers' | 'NotDue'; explanation: string } {
  const { inUse, pool, observed, desired } = builder;
  const { method = desired.revertTo } = observed.client ?? {};
  const leaves = method === desired.method;
  // A former place that still has its secret may be another workflow's.
  const isTheirs = (c: Credential) => pool.isOfFormer(c) && formerHolder(inUse, c) !== undefined;
  const useless = builder.records.filter(
    (c) => builder.mayRemove(c) && (leaves || pool.isManaged(c)) && !isTheirs(c),
  );
  if (method !== desired.revertTo) {
    const held = observed.secrets.filter((_, index) => inUse.held[index]?.length !== 0);
    const interrupts = held.map(({ location }) => location);
    builder.steps.push({
      kind: 'change-method',
      from: method,
      to: desired.revertTo,
      credentials: [],
      interrupts,
    });
    builder.associated = [];
    if (leaves) builder.note('interruption', desired.revertTo === PUBLIC ? BECOMES_PUBLIC : REVERTS);
    if (desired.isManager) builder.note('interruption', CUTS_OFF);
  }
  for (const credential of useless) builder.remove(credential, 'revert');
  if (method !== desired.revertTo)
    return {
      reason: 'MethodDiffers',
      explanation: `the client uses ${method}, and is to use ${desired.revertTo} again`,
    };
  const explanation = useless.length > 0 ? LEFTOVERS : `the client uses ${method}`;
  return { reason: 'NotDue', explanation };
}

const LEFTOVERS = 'the method was changed before, and credentials of it were left';
const REVERTS =
  'From this moment on nobody can log in with a certificate or key of this client, and everybody needs its client secret. Whether that is still the one from before is not documented: look at the client in Auth0. The secrets in GitHub stay as they are, and are of no use any more.';
const BECOMES_PUBLIC =
  'From this moment on nobody can log in with a certificate or key of this client. It is public again: anybody who knows its client id acts as it, and it gets no token by client_credentials. The secrets in GitHub stay as they are, and are of no use any more.';
export const CUTS_OFF =
  'This client is the one that the action logs in with. After the change every workflow needs its new credential, and if this run dies between the change and the delivery nobody can log in with it: have a second management client at hand.';
