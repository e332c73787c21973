/** `private_key_jwt`, more of it: overlap, expiry, a client that comes from certificates, and refusals. The main stories: private-key-jwt.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { asserts, enrolled, refuse, run } from './bare-keys.ts';
import { binding } from './bindings.ts';
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
import { code, DAY, held, MINUTE, SCOPE } from './support.ts';

const shared = sharedWorld();

describe('private_key_jwt', () => {
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

  it('whose tokens are bound: no longer, since a key has nothing to bind to', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    const { clientId } = world.client;
    expect((await operate(world, { 'token-binding': 'required' })).exitCode).toBe(0);
    world.advance(8 * DAY);
    const enrollment = await run(world, clientId, { operation: 'enroll' });
    expect([enrollment.exitCode, code(enrollment)]).toEqual([0, undefined]);
    expect([client(world, clientId).method, binding(world)]).toEqual(['private_key_jwt', [false, undefined]]);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
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
});

describe('refused before any effect', () => {
  const REFUSED: [string, Inputs, RegExp][] = [
    ['a secret for the certificate', { 'certificate-secret-name': 'CRT' }, /private_key_jwt has none/],
    [
      'a certificate of its own',
      { certificate: 'x', 'private-key': 'y' },
      /for authentication-method: tls_client_auth/,
    ],
    ['bound tokens', { 'token-binding': 'required' }, /cannot be required with private_key_jwt/],
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
