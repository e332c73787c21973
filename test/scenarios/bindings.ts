/** What the stories of token binding share: tenants that bind or do not, and what a token is bound to. */

import { X509Certificate } from 'node:crypto';
import { expect } from 'vitest';
import { thumbprintOf } from '../emulators/authorization-server.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { operate } from './operations.ts';
import { held } from './support.ts';

export const PATCH = 'auth0 PATCH /api/v2/clients/{client}';
/** A tenant that binds only where the client asks for it. */
export const UNBOUND = { bindTokens: false };
export const OLDER = { ...UNBOUND, olderBinding: true };

/** x5t#S256 of the certificate that a new token is bound to. */
export async function boundTo(world: Sandbox, clientId = world.clientId): Promise<string | undefined> {
  const { body, status } = await world.requestToken(clientId, held(world));
  expect(status).toBe(200);
  const [, payload = ''] = (body as { access_token: string }).access_token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).cnf?.['x5t#S256'];
}

export const thumbprint = (world: Sandbox) => thumbprintOf(new X509Certificate(held(world)));

/** Both properties, as the tenant holds them. */
export function binding(world: Sandbox, clientId = world.clientId) {
  const { access_token, require_proof_of_possession } = world.tenant.reveal(clientId).client;
  return [require_proof_of_possession, access_token?.tls_client_certificate_binding];
}

/** Bodies of the PATCHes that bind. */
export function bindings(world: Sandbox): string[] {
  const bodies = world.transcript.arrivals('client').map(({ request }) => request.body);
  return bodies.filter((body) => /proof_of_possession|certificate_binding/.test(body));
}

export const bind = (world: Sandbox, desired: string, inputs: Record<string, string> = {}) =>
  operate(world, { 'token-binding': desired, ...inputs });
