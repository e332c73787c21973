/** What the stories of a revocation share: the wish for it, and a client with a key that has leaked. */

import type { Sandbox } from '../emulators/sandbox.ts';
import type { Inputs } from './operations.ts';
import { credentialOf, held, settle } from './support.ts';

export const REVOKE = { force: 'true', revoke: 'previous' };

/** A client with a key that has leaked. */
export async function leaked(world: Sandbox, inputs: Inputs = {}): Promise<{ pem: string; id: string }> {
  await settle(world, inputs);
  const pem = held(world);
  return { pem, id: credentialOf(world, pem) ?? '' };
}
