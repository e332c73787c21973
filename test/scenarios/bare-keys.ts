/** What the stories of a bare key share: runs with it, a client that was enrolled, and a proof that fails. */

import { expect } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { type Inputs, operate, secretClient } from './operations.ts';
import { DAY, json } from './support.ts';

export const METHOD = { 'authentication-method': 'private_key_jwt' };

export const run = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { ...METHOD, 'client-id': clientId, ...inputs });

/** A client that was enrolled long ago. */
export async function enrolled(world: Sandbox, inputs: Inputs = {}): Promise<string> {
  const clientId = secretClient(world);
  const first = await run(world, clientId, { operation: 'enroll', ...inputs });
  expect([first.exitCode, first.outputs.reason]).toEqual([0, 'MethodDiffers']);
  world.advance(8 * DAY);
  return clientId;
}

export const asserts = ({ path, body }: EmulatorRequest) =>
  path === '/oauth/token' && body.includes('client_assertion');

/** The proof is refused once the client was moved. */
export const refuse = (world: Sandbox, answer = json(400, { error: 'invalid_request' })) => {
  let moved = false;
  world.conditions.fault = (_, request) => {
    // Before that the pair in use is tried, or the new one once while the old method still works.
    moved ||= request.method === 'PATCH';
    return moved && asserts(request) ? answer : undefined;
  };
};
