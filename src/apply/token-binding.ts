/** Starts or stops binding the client's access tokens to its certificate (RFC 8705 section 3, docs/facts.md#auth0-token-binding). */

import type { Tenant } from '../auth0/tenant.ts';
import type { Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import { leftBound, notBound } from './failure-state.ts';
import { takeBack, type UndoStack } from './undo.ts';

/** Changes the setting, waits until Auth0 shows it, and pushes the way back on the undo stack. @throws RotationError AUTH0_… */
export async function bind(
  required: boolean,
  clientId: string,
  services: Waiting & { tenant: Tenant },
  undoStack: UndoStack,
): Promise<void> {
  const { tenant } = services;
  const before = (await tenant.client(clientId)).binding;
  let until = 0;
  let isSet = false;
  undoStack.push(async () => {
    const isBack = async () => (await tenant.client(clientId)).binding.required === before.required;
    const back = () => tenant.bindTokens(clientId, before);
    // A refused change has no effect, but one without an answer may still land.
    // guard: a failed run leaves token binding as it was
    if (isSet || until > 0 || !(await isBack())) await takeBack(services, until, back, isBack);
    return '';
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
}
