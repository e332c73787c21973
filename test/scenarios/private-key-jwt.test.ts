/** The same road with a bare key: what is stored signs client assertions. */

import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import {
  client,
  effects,
  type Inputs,
  loginByCertificate,
  loginByKey,
  loginBySecret,
  operate,
  secretClient,
  sharedWorld,
  told,
} from './operations.ts';
import { code, DAY, held, json, MINUTE, SCOPE, SECRET } from './support.ts';

const METHOD = { 'authentication-method': 'private_key_jwt' };

const shared = sharedWorld();
const run = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { ...METHOD, 'client-id': clientId, ...inputs });

/** A client that was enrolled long ago. */
async function enrolled(world: Sandbox, inputs: Inputs = {}): Promise<string> {
  const clientId = secretClient(world);
  const first = await run(world, clientId, { operation: 'enroll', ...inputs });
  expect([first.exitCode, first.outputs.reason]).toEqual([0, 'MethodDiffers']);
  world.advance(8 * DAY);
  return clientId;
}

const asserts = ({ path, body }: EmulatorRequest) =>
  path === '/oauth/token' && body.includes('client_assertion');

describe('private_key_jwt', () => {
  it('enrolls: the stored key signs assertions, and every reader takes the secret as it is', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const enrollment = await run(world, clientId, { operation: 'enroll', verify: 'required' });
    expect(enrollment).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
    const { 'credential-id': id = '', thumbprint: kid } = enrollment.outputs;
    expect(client(world, clientId)).toEqual({ method: 'private_key_jwt', associated: [id], pool: [id] });
    const [credential] = world.tenant.reveal(clientId).credentials;
    expect(credential).toMatchObject({ kid, alg: 'RS256', credential_type: 'public_key' });
    const days = (Date.parse(credential?.expires_at ?? '') - world.tenantNow()) / DAY;
    expect(Math.round(days)).toBe(90);
    expect(enrollment.outputs['not-after']).toBe(credential?.expires_at);
    const text = held(world);
    // jose, and with it Auth0's own SDKs, take no text before the key.
    expect(text).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\w+/=\n]+-----END PRIVATE KEY-----\n$/);
    expect(enrollment.outputs['key-id']).toBe(kid);
    expect(createPrivateKey(text).asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(publicKeyByOpenssl(text)).toBe(credential?.publicKeyPem);
    expect([await loginByKey(world, clientId, text), await loginBySecret(world, clientId)]).toEqual([
      200, 401,
    ]);
    expect(enrollment.summary).toContain('Proof by client assertion: **proven**');
    expect(world.transcript.count('edge')).toBe(0);
  });

  it('rotates alongside: the former key works until its place is needed', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const first = held(world);
    const forced = await run(world, clientId, { force: 'true' });
    expect([forced.exitCode, forced.outputs.rotated]).toEqual([0, 'true']);
    const second = held(world);
    expect(client(world, clientId).associated).toHaveLength(2);
    for (const text of [first, second]) expect(await loginByKey(world, clientId, text)).toBe(200);
    world.advance(8 * DAY);
    await run(world, clientId, { force: 'true' });
    const logins = [first, second, held(world)].map((text) => loginByKey(world, clientId, text));
    expect(await Promise.all(logins)).toEqual([401, 200, 200]);
  });

  it('retires the former key when the overlap is over', async () => {
    const world = shared();
    const overlap = { overlap: '12h' };
    const clientId = await enrolled(world, overlap);
    const first = held(world);
    await run(world, clientId, { ...overlap, force: 'true' });
    world.advance(11 * 60 * MINUTE);
    await run(world, clientId, overlap);
    expect([effects(world), await loginByKey(world, clientId, first)]).toEqual([[], 200]);
    world.advance(61 * MINUTE);
    expect((await run(world, clientId, overlap)).outputs.reason).toBe('NotDue');
    expect([
      await loginByKey(world, clientId, first),
      await loginByKey(world, clientId, held(world)),
    ]).toEqual([401, 200]);
  });

  it.each(['', 'given'])('rotates when the key expires soon, with current-credential %j', async (given) => {
    const world = shared();
    const clientId = await enrolled(world);
    const current = given ? {} : { 'current-credential': '' };
    const idle = await run(world, clientId, current);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    world.advance(61 * DAY);
    const due = await run(world, clientId, current);
    expect([due.exitCode, due.outputs.reason]).toEqual([0, 'CertificateExpiring']);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
  });

  it('stores the same key in a second secret', async () => {
    const world = shared();
    const clientId = await enrolled(world, { 'private-key-secret-name': 'KEY' });
    expect(held(world, SCOPE, 'KEY')).toBe(held(world));
    expect(await loginByKey(world, clientId, held(world, SCOPE, 'KEY'))).toBe(200);
  });

  it.each([
    ['above the key', '\n'],
    ['with its line ends written out', '\\n'],
  ])('reads a secret that was written with a comment, %s', async (_, end) => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops');
    const clientId = await enrolled(world);
    const key = held(world);
    const commented = `# kid: ${'k'.repeat(43)}\n${key}`.replaceAll('\n', end);
    const destinations = `${SCOPE}\nrepo:acme/ops`;
    const { exitCode, outputs } = await run(world, clientId, {
      destinations,
      'current-credential': commented,
    });
    expect([exitCode, outputs.rotated]).toEqual([0, 'false']);
    expect(outputs['key-id']).toBe(world.tenant.reveal(clientId).credentials[0]?.kid);
    expect(held(world, 'repo:acme/ops')).toBe(key);
  });

  it('waits until Auth0 knows the key', async () => {
    await using world = await startSandbox({ propagationDelayMs: 800 });
    const clientId = secretClient(world);
    const enrollment = await run(world, clientId, { operation: 'enroll', verify: 'required' });
    expect([enrollment.exitCode, await loginByKey(world, clientId, held(world))]).toEqual([0, 200]);
  });

  it('asks with a new assertion if the proof got no answer', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    let seen = 0;
    world.conditions.fault = (_, request) => {
      seen += asserts(request) ? 1 : 0;
      return asserts(request) && seen === 1 ? { kind: 'lose' } : undefined;
    };
    const rotation = await run(world, clientId, { force: 'true' });
    // The pair in use, once more after the lost answer; the new one, and that again before it is delivered.
    expect([rotation.exitCode, seen]).toEqual([0, 4]);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
  });

  it('shows no part of the key in a debug log either', async () => {
    const world = shared();
    const inputs = { ...METHOD, operation: 'enroll', 'client-id': secretClient(world) };
    const { exitCode, log } = await operate(world, inputs, { debug: true });
    expect(exitCode).toBe(0);
    expect(log).toContain('##[debug]');
    for (const line of held(world).split('\n').slice(2, -2)) expect(log).not.toContain(line);
  });
});

describe('from certificates', () => {
  it('the certificate ends, the key works', async () => {
    await using world = await startSandbox();
    const { clientId, pem } = world.client;
    const inputs = { operation: 'enroll', 'current-credential': pem };
    const enrollment = await run(world, clientId, inputs);
    expect([enrollment.exitCode, client(world, clientId).method]).toEqual([0, 'private_key_jwt']);
    expect([
      await loginByKey(world, clientId, held(world)),
      await loginByCertificate(world, clientId, pem),
    ]).toEqual([200, 401]);
  });

  it('whose tokens are bound: not proven, and undone', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    const { clientId, pem } = world.client;
    expect((await operate(world, { 'token-binding': 'required' })).exitCode).toBe(0);
    world.advance(8 * DAY);
    const [before, current] = [world.tenant.reveal(clientId), held(world)];
    const enrollment = await run(world, clientId, { operation: 'enroll' });
    expect([enrollment.exitCode, code(enrollment)]).toEqual([1, 'VERIFICATION_FAILED']);
    expect(told(enrollment)).toContain('The client uses self_signed_tls_client_auth again.');
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, current]);
    for (const one of [pem, current]) expect(await loginByCertificate(world, clientId, one)).toBe(200);
  });

  it('the next rotation has a place', async () => {
    await using world = await startSandbox();
    const { clientId, pem } = world.client;
    await run(world, clientId, { operation: 'enroll', 'current-credential': pem });
    world.advance(8 * DAY);
    const rotation = await run(world, clientId, { force: 'true' });
    expect([rotation.exitCode, code(rotation)]).toEqual([0, undefined]);
  });
});

describe('a proof that fails', () => {
  const refuse = (world: Sandbox, answer = json(400, { error: 'invalid_request' })) => {
    let moved = false;
    world.conditions.fault = (_, request) => {
      // Before that the pair in use is tried, or the new one once while the old method still works.
      moved ||= request.method === 'PATCH';
      return moved && asserts(request) ? answer : undefined;
    };
  };

  it('of an enrollment: the client secret works again', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const before = world.tenant.reveal(clientId);
    refuse(world);
    const enrollment = await run(world, clientId, { operation: 'enroll' });
    expect(code(enrollment)).toBe('VERIFICATION_FAILED');
    expect(told(enrollment)).toMatch(
      /The new key could not log in.*The client uses client_secret_post again\./,
    );
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, '']);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('of a rotation: the former key stays', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const [before, text] = [world.tenant.reveal(clientId), held(world)];
    refuse(world);
    const rotation = await run(world, clientId, { force: 'true' });
    expect([code(rotation), rotation.outputs.rotated]).toEqual(['VERIFICATION_FAILED', 'false']);
    expect(told(rotation)).toContain('The new credential was removed again.');
    world.conditions.fault = undefined;
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, text]);
    expect(await loginByKey(world, clientId, text)).toBe(200);
  });
});

describe('refused before any effect', () => {
  const REFUSED: [string, Inputs, RegExp][] = [
    ['a secret for the certificate', { 'certificate-secret-name': 'CRT' }, /private_key_jwt has none/],
    [
      'a certificate of its own',
      { certificate: 'x', 'private-key': 'y' },
      /for authentication-method: tls_client_auth/,
    ],
    ['bound tokens', { 'token-binding': 'required' }, /only be bound to a certificate/],
    ['a current-credential that is no key', { 'current-credential': 'x' }, /holds no PEM private key/],
  ];

  it.each(REFUSED)('%s', async (_, inputs, words) => {
    const world = shared();
    const refused = await run(world, world.clientId, inputs);
    expect([refused.exitCode, code(refused), world.transcript.count()]).toEqual([1, 'INVALID_INPUT', 0]);
    expect(told(refused)).toMatch(words);
  });

  it('a current-credential that the secret has outlived', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const former = held(world);
    await run(world, clientId, { force: 'true' });
    world.advance(8 * DAY);
    const stale = await run(world, clientId, { 'current-credential': former, force: 'true' });
    expect([code(stale), effects(world)]).toEqual(['STALE_CREDENTIAL', []]);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
  });
});

function publicKeyByOpenssl(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'key-'));
  try {
    const file = join(folder, SECRET);
    writeFileSync(file, text, { mode: 0o600 });
    return execFileSync('openssl', ['pkey', '-in', file, '-pubout'], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
