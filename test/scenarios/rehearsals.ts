/** What the stories of a rehearsal share: a client made by hand, and a rehearsal that leaves nothing behind. */

import { expect } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { ActionOptions } from '../emulators/runner.ts';
import { API_AUDIENCE, type Sandbox } from '../emulators/sandbox.ts';
import { type KeyAndCertificate, selfSignedCertificate } from '../emulators/tls.ts';
import { type Inputs, operate } from './operations.ts';
import { code, MINUTE, SCOPE, SECRET } from './support.ts';

/** What a person may have set beside what the action works on. */
const FIELDS = {
  description: 'orders',
  callbacks: ['https://shop.example/callback'],
  client_metadata: { team: 'orders' },
  require_proof_of_possession: true,
};

/** A client made by hand, with one certificate. */
export function handMade(
  world: Sandbox,
  { cert }: KeyAndCertificate = selfSignedCertificate('hand'),
): string {
  const { client_id } = world.tenant.createClient({
    name: 'orders',
    app_type: 'non_interactive',
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
    grants: { [API_AUDIENCE]: ['read:orders'] },
    ...FIELDS,
  });
  const created_at = new Date(world.tenantNow() - 60 * MINUTE).toISOString();
  world.tenant.seedCredential(client_id, {
    credential_type: 'x509_cert',
    pem: cert,
    associate: true,
    created_at,
  });
  return client_id;
}

/** All that Auth0 and GitHub keep, byte for byte. */
export function everything(world: Sandbox, clientId: string): string {
  return JSON.stringify([world.tenant.reveal(clientId), world.github.secret(SCOPE, SECRET)]);
}

export function rehearse(world: Sandbox, clientId: string, inputs: Inputs = {}, options: ActionOptions = {}) {
  return operate(world, { operation: 'rehearse', 'client-id': clientId, ...inputs }, options);
}

/** It worked, and left nothing behind. */
export async function rehearsed(world: Sandbox, clientId: string, inputs: Inputs = {}): Promise<void> {
  const before = everything(world, clientId);
  const run = await rehearse(world, clientId, inputs);
  expect([run.exitCode, code(run)], run.log).toEqual([0, undefined]);
  expect(run.outputs).toMatchObject({
    rotated: 'false',
    reason: 'Rehearsal',
    'removed-credential-ids': '[]',
  });
  expect(run.summary).toContain('the rehearsal worked');
  expect(everything(world, clientId)).toBe(before);
}

/** Token requests that a run made to prove something, and how they ended. */
export function proofs(world: Sandbox): (number | undefined)[] {
  const attempts = world.transcript.arrivals().filter(({ request, service }) => isProof(service, request));
  return attempts.map(({ exchange }) => exchange?.status);
}

export function isProof(service: string, { body, path }: EmulatorRequest): boolean {
  return service === 'edge' || (path === '/oauth/token' && body.includes('client_assertion'));
}

/** A client whose CA-signed certificates Auth0 knows by their subject, and a pair of that subject. */
export function knownSubject(world: Sandbox): { clientId: string; inputs: Inputs } {
  const { cert, key } = world.authority.clientCertificate({ CN: 'orders' });
  const { client_id: clientId } = world.tenant.createClient({
    name: 'orders',
    client_authentication_methods: { tls_client_auth: { credentials: [] } },
    grants: { [API_AUDIENCE]: ['read:orders'] },
  });
  world.tenant.seedCredential(clientId, {
    credential_type: 'cert_subject_dn',
    subject_dn: 'CN=orders',
    associate: true,
  });
  const inputs = { 'authentication-method': 'tls_client_auth', certificate: cert, 'private-key': key };
  return { clientId, inputs };
}
