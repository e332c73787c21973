/** Web applications, and what they prove a new key by. */

import type { ActionRun } from '../emulators/runner.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { held, MINUTE, rotate, SCOPE, SECRET } from './support.ts';

export const CALLBACK = 'https://shop.example/callback';
export const WEB = { grantTypes: ['authorization_code', 'refresh_token'], callbacks: [CALLBACK] };

/** A web application whose secret holds what it logs in with. No audience is given: it asks for no token of its own. */
export async function rotateClient(
  world: Sandbox,
  client: { clientId: string; pem: string },
  inputs: Record<string, string> = {},
): Promise<ActionRun> {
  if (held(world) === '') hold(world, client.pem);
  return rotate(world, { 'client-id': client.clientId, 'verify-audience': '', force: 'true', ...inputs });
}

/** For long enough that no run waits for anything. */
export function hold(world: Sandbox, pem: string): void {
  const at = world.githubNow() - 20 * MINUTE;
  world.github.seedSecret(SCOPE, SECRET, pem, { createdAt: at, updatedAt: at });
}

/** Requests of the proof, in order. */
export function proofs(world: Sandbox): string[] {
  return world.transcript.requests().filter((line) => /^edge POST/.test(line));
}

/** Does what the secret holds authenticate the client? By the answer to a pushed authorization request. */
export async function pushes(world: Sandbox, clientId: string, pem = held(world)): Promise<number> {
  const body = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const url = `${world.edge.url}/oauth/par`;
  return (await world.call(url, { body: body.toString(), headers, pem })).status;
}
