/** Starts or stops binding the client's access tokens to its certificate (RFC 8705 section 3, docs/facts.md#auth0-token-binding). */

import type { Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import type { Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { Step } from '../model/step.ts';
import type { Prover } from './prove.ts';
import { takeBack, type UndoStack } from './undo.ts';

/**
 * Changes the setting, waits until Auth0 shows it, and pushes the way back on the undo stack. If no new pair will prove it, the pair in use
 * does. It must also get a token before the change.
 * @throws RotationError AUTH0_…, MTLS_ENDPOINT_NOT_FOUND, VERIFICATION_FAILED
 */
export async function bind(
  { proof, required }: Extract<Step, { kind: 'bind-tokens' }>,
  clientId: string,
  services: Waiting & { tenant: Tenant },
  undoStack: UndoStack,
  prover: Prover,
): Promise<void> {
  const { tenant } = services;
  if (proof) await prover.proveToken(false);
  const before = (await tenant.client(clientId)).binding;
  let until = 0;
  let isSet = false;
  undoStack.push(async () => {
    const isBack = async () => (await tenant.client(clientId)).binding.required === before.required;
    const back = () => tenant.bindTokens(clientId, before);
    // A refused change has no effect, but one without an answer may still land.
    // guard: a failed run leaves token binding as it was
    if (isSet || until > 0 || !(await isBack())) await takeBack(services, until, back, isBack);
    return AS_BEFORE;
  }, leftBound(required));
  await tenant.bindTokens(clientId, { ...before, required }, () => {
    // guard: a change of token binding that may yet land is waited for
    until = services.clock.now() + LONGEST_FLIGHT;
  });
  isSet = true;
  const attempt = async () => {
    const { binding } = await tenant.client(clientId);
    return { done: binding.required === required, value: undefined };
  };
  await poll(services, attempt, () => notBound(required));
  if (proof) await prover.proveToken(true);
}

const AS_BEFORE = 'The token binding of the client is as it was.';

/** The sentence for a change of token binding that could not be undone. */
export function leftBound(required: boolean): string {
  return required
    ? 'Access tokens of the client may be bound to its certificate now. Then a client secret gets no token. Look at the client in Auth0; a run with token-binding: off ends the binding.'
    : 'Access tokens of the client may no longer be bound to its certificate. Look at the client in Auth0.';
}

export function notBound(required: boolean): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 accepted the change of token binding but does not show it (${required ? 'required' : 'off'}).`,
    remedy:
      'Start a new run. If that does not help, set token-binding: unchanged and look at the client in Auth0.',
  });
}
