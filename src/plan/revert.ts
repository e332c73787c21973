/** Plans the way back to a client secret, or to a public client. Pure. */

import { isSecretMethod, PUBLIC, printMethod } from '../model/desired-state.ts';
import type { Credential } from '../model/observed-state.ts';
import { formerHolder } from './holders.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Changes the method, then removes the credentials of the method that the client leaves, and all others of ours for that method. */
export function revert(builder: PlanBuilder): { reason: 'MethodDiffers' | 'NotDue'; explanation: string } {
  const { inUse, owners, observed, desired } = builder;
  const { method = desired.revertTo } = observed.client ?? {};
  const stillUsesMethod = method === desired.method;
  // If a former location still has its secret, that may belong to another workflow.
  const isTheirs = (c: Credential) => owners.isOfFormer(c) && formerHolder(inUse, c) !== undefined;
  // These stay: before an enrollment the client may have logged in with them, and a person can choose them again.
  const ofThirdMethod = builder.pool.filter(owners.isLeftover);
  const useless = builder.pool.filter(
    (c) =>
      !builder.isProtected(c) &&
      (stillUsesMethod || owners.isOursOrReplaced(c)) &&
      !isTheirs(c) &&
      !ofThirdMethod.includes(c),
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
    noteInterruptions(builder, stillUsesMethod);
    if (isSecretMethod(method)) builder.note('interruption', sendsOtherwise(method, desired.revertTo));
    if (ofThirdMethod.length > 0) builder.note('warning', restorable(ofThirdMethod.map(({ id }) => id)));
  }
  for (const credential of useless) builder.remove(credential, 'revert');
  if (method !== desired.revertTo)
    return {
      reason: 'MethodDiffers',
      explanation: `the client uses ${method} instead of ${printMethod(desired.revertTo)}`,
    };
  const explanation = useless.length > 0 ? SOME_ARE_LEFT : `the client uses ${method}`;
  return { reason: 'NotDue', explanation };
}

function noteInterruptions({ desired, notes }: PlanBuilder, stillUsesMethod: boolean): void {
  const [ofConsumers, ofWorkflows] =
    desired.revertTo === PUBLIC ? [BECOMES_PUBLIC, MANAGER_IS_PUBLIC] : [REVERTS, MANAGER_NEEDS_SECRET];
  if (stillUsesMethod) notes.push({ severity: 'interruption', text: ofConsumers });
  if (desired.isManager) notes.push({ severity: 'interruption', text: ofWorkflows });
}

/** Auth0 does not document whether it then still takes the secret in the other form. */
function sendsOtherwise(from: string, to: string): string {
  return `The client already uses a client secret (${from}). This changes it to ${to}: consumers that send the secret in the other form may not be able to log in. Set revert-to: ${from} to leave it.`;
}

function restorable(ids: readonly string[]): string {
  return `Credentials of another method stay: ${ids.join(', ')}. If the client logged in with one of them before it was enrolled, revert does not bring that back: choose that method and that credential in the Auth0 Dashboard (Applications, the client, Credentials).`;
}

const SOME_ARE_LEFT = 'the method was changed before, but some of its credentials are left';
const REVERTS =
  'After the change of method nobody can log in with a certificate or key of this client. Every consumer needs its client secret. Auth0 does not document whether that is still the same secret: look at the client in Auth0. The secrets in GitHub stay as they are but are of no use any more.';
const BECOMES_PUBLIC =
  'After the change of method nobody can log in with a certificate or key of this client. It is public again: anybody who knows its client id can act as this client, and it gets no token by client_credentials. The secrets in GitHub stay as they are but are of no use any more.';
const MANAGER_NEEDS_SECRET =
  'This client is the management client that the action logs in with. After the change every workflow must log in with its client secret, so have a second management client ready.';
const MANAGER_IS_PUBLIC =
  'This client is the management client that the action logs in with. After the change no workflow can log in as it, so have a second management client ready.';
