/** What the stories of `tls_client_auth` share: CAs and their certificates, as openssl makes them, and runs with them. */

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../emulators/sandbox.ts';
import {
  client,
  effects,
  type Inputs,
  loginByCertificate,
  loginBySecret,
  operate,
  secretClient,
} from './operations.ts';
import { DAY, held, json, MINUTE } from './support.ts';

export const METHOD = { 'authentication-method': 'tls_client_auth', verify: 'required' };
export const PUT = 'github PUT /repos/acme/shop/actions/secrets/AUTH0_MTLS_PEM';
export const OPS = 'repo:acme/ops';

// --- certificates, as openssl makes them ---

export const folder = mkdtempSync(join(tmpdir(), 'ca-'));
afterAll(() => rmSync(folder, { recursive: true }));
export const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

export const EXTENSIONS = `[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;
writeFileSync(join(folder, 'openssl.cnf'), EXTENSIONS);

export const KEYS = {
  RSA: ['-newkey', 'rsa:2048'],
  EC: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
};

export interface Issued {
  name: string;
  cert: string;
  key: string;
}

/** Signed by `issuer`, or by itself. */
export function issued(
  name: string,
  type: keyof typeof KEYS,
  subject: string,
  issuer?: Issued,
  profile: 'ca' | 'client' = 'ca',
  days = 400,
): Issued {
  const signer = issuer ? ['-CA', `${issuer.name}.crt`, '-CAkey', `${issuer.name}.key`] : [];
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  const form = ['-config', 'openssl.cnf', '-extensions', profile, '-days', `${days}`, '-subj', subject];
  openssl('req', '-x509', '-nodes', ...KEYS[type], ...form, ...signer, ...files);
  return { name, cert: read(`${name}.crt`), key: read(`${name}.key`) };
}

export function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

export const ROOTS = {
  RSA: issued('rsa', 'RSA', '/O=Acme/CN=RSA root'),
  EC: issued('ec', 'EC', '/O=Acme/CN=EC root'),
};
export const middle = issued('middle', 'RSA', '/O=Acme/CN=Middle', ROOTS.EC);
export const authority = (ca = ROOTS.RSA) => ({ 'ca-certificate': ca.cert, 'ca-private-key': ca.key });
export const brought = (pair: Pick<Issued, 'cert' | 'key'>, chain = '') => ({
  certificate: `${pair.cert}${chain}`,
  'private-key': pair.key,
});

// --- runs ---

/** The services' clocks are behind, so that what they issue later is valid already: the edge verifies in real time. */
export const start = (options: SandboxOptions = {}) =>
  startSandbox({
    clientCa: ROOTS.RSA.cert,
    tenantSkewMs: -62 * DAY,
    githubSkewMs: -62 * DAY,
    ...options,
  });

export const run = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { ...METHOD, 'client-id': clientId, ...inputs });

/** A client that was enrolled long ago. */
export async function enrolled(world: Sandbox, inputs: Inputs): Promise<string> {
  const clientId = secretClient(world);
  const first = await run(world, clientId, { operation: 'enroll', ...inputs });
  expect([first.exitCode, first.outputs.reason]).toEqual([0, 'MethodDiffers']);
  world.advance(20 * MINUTE);
  return clientId;
}

export function logins(world: Sandbox, clientId: string, ...pems: string[]): Promise<number[]> {
  return Promise.all(pems.map((pem) => loginByCertificate(world, clientId, pem)));
}

export function subjects(world: Sandbox, clientId: string): (string | undefined)[] {
  return world.tenant.reveal(clientId).credentials.map(({ subject_dn }) => subject_dn);
}

/** It enrolls, and renews without a write at Auth0: the former certificate stays valid. */
export async function enrollsAndRenews(ca: Issued, root: Issued): Promise<void> {
  await using world = await start({ clientCa: root.cert });
  const clientId = await enrolled(world, authority(ca));
  const first = held(world);
  const { associated, ...rest } = client(world, clientId);
  expect({ associated, ...rest }).toEqual({ method: 'tls_client_auth', associated, pool: associated });
  expect(subjects(world, clientId)).toEqual([`CN=${clientId}`]);
  expect(await loginBySecret(world, clientId)).toBe(401);
  writeFileSync(join(folder, 'leaf.crt'), new X509Certificate(first).toString());
  writeFileSync(join(folder, 'chain.crt'), first);
  const verify = ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', `${root.name}.crt`];
  expect(openssl(...verify, '-untrusted', 'chain.crt', 'leaf.crt')).toContain('OK');
  // Nobody needs a root in the handshake.
  expect(first).not.toContain(new X509Certificate(root.cert).toString());

  const before = world.tenant.reveal(clientId);
  const renewal = await run(world, clientId, { ...authority(ca), force: 'true' });
  expect(renewal.outputs).toMatchObject({ rotated: 'true', reason: 'Forced' });
  expect([renewal.exitCode, effects(world)]).toEqual([0, [PUT]]);
  expect(world.tenant.reveal(clientId)).toEqual(before);
  expect([renewal.outputs['credential-id']]).toEqual(associated);
  expect(renewal.summary).toContain('The previous certificate stays valid until it expires');
  expect(held(world)).not.toBe(first);
  expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
}

/** The edge refuses every login. */
export const refuse = (world: Sandbox) => {
  world.conditions.fault = (at) => (at === 'edge' ? json(400, { error: 'invalid_request' }) : undefined);
};
