/** What the stories of a reversion share: clients that were enrolled and rotated, and the reversion itself. */

import { expect } from 'vitest';
import type { Sandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { type Inputs, operate, secretClient } from './operations.ts';
import { MINUTE } from './support.ts';

export const foreign = selfSignedCertificate('foreign');
export const PATCH = 'auth0 PATCH /api/v2/clients/{client}';
export const CREDENTIAL = 'auth0 DELETE /api/v2/clients/{client}/credentials/{credential}';

export const revert = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { operation: 'revert', 'client-id': clientId, ...inputs });

export async function enrolled(world: Sandbox, inputs: Inputs = {}): Promise<string> {
  const clientId = secretClient(world);
  await forced(world, { operation: 'enroll', 'client-id': clientId, ...inputs });
  return clientId;
}

/** An enrolled client with two of our credentials. */
export async function rotated(world: Sandbox): Promise<string> {
  const clientId = await enrolled(world);
  await forced(world, { 'client-id': clientId });
  return clientId;
}

export async function forced(world: Sandbox, inputs: Inputs): Promise<void> {
  const { exitCode } = await operate(world, { force: 'true', ...inputs });
  expect(exitCode).toBe(0);
  world.advance(20 * MINUTE);
}
