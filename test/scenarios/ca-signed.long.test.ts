/** `tls_client_auth`, more of it: other CAs, pairs that were brought, subjects and destinations that change, and refusals. The main stories: ca-signed.test.ts. */

import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { CREATOR, client, effects, type Inputs, operate, secretClient, told } from './operations.ts';
import {
  authority,
  brought,
  enrolled,
  enrollsAndRenews,
  issued,
  logins,
  middle,
  OPS,
  openssl,
  PUT,
  ROOTS,
  read,
  refuse,
  run,
  start,
  subjects,
} from './private-ca.ts';
import { code, DAY, held, MINUTE, SCOPE } from './support.ts';

describe('a subject DN', () => {
  it('that has changed is seen without current-credential', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const inputs = { ...authority(), subject: 'CN=orders', 'current-credential': '' };
    const first = held(world);
    const change = await run(world, clientId, inputs);
    expect([change.exitCode, change.outputs.rotated]).toEqual([0, 'true']);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
    world.advance(20 * MINUTE);
    const idle = await run(world, clientId, inputs);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
  });

  it('that was registered by hand: the second run has nothing to do', async () => {
    await using world = await start();
    const clientId = secretClient(world);
    const pem = issued('by-hand', 'RSA', '/CN=orders', ROOTS.RSA, 'client').cert;
    world.tenant.seedCredential(clientId, { credential_type: 'cert_subject_dn', pem, associate: true });
    const inputs = { ...authority(), subject: 'CN=orders', 'current-credential': '' };
    const first = await run(world, clientId, inputs);
    expect([first.exitCode, first.outputs.reason, effects(world)]).toEqual([0, 'FirstDelivery', [PUT]]);
    world.advance(20 * MINUTE);
    expect((await run(world, clientId, inputs)).outputs.reason).toBe('NotDue');
  });

  it('of another workflow: refused, and the error says whose it is', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    world.github.addRepository('acme/other');
    const second = await run(world, clientId, { ...authority(), destinations: 'repo:acme/other' });
    expect([second.exitCode, code(second), effects(world)]).toEqual([1, 'CREDENTIAL_LIMIT', []]);
    expect(told(second)).toContain('repo:acme/shop#AUTH0_MTLS_PEM');
  });
});

describe('a destination', () => {
  it.each(['', 'given'])(
    'that is added later is brought up to date, current-credential %j',
    async (given) => {
      await using world = await start();
      world.github.addRepository('acme/ops');
      const clientId = await enrolled(world, authority());
      const inputs = {
        ...authority(),
        destinations: `${SCOPE}\n${OPS}`,
        ...(given ? {} : { 'current-credential': '' }),
      };
      const before = world.tenant.reveal(clientId);
      const addition = await run(world, clientId, inputs);
      expect([addition.exitCode, world.tenant.reveal(clientId)]).toEqual([0, before]);
      expect(held(world, OPS)).toBe(held(world));
      expect(await logins(world, clientId, held(world, OPS))).toEqual([200]);
      world.advance(20 * MINUTE);
      const next = { ...inputs, 'current-credential': given ? held(world) : '' };
      // Nothing shows who made a secret that was written once and apart from the primary: with the key at hand it is written again, once.
      const once = await run(world, clientId, next);
      expect([once.exitCode, once.outputs.reason, effects(world).length]).toEqual([
        0,
        'NotDue',
        given ? 1 : 0,
      ]);
      const idle = await run(world, clientId, next);
      expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    },
  );
});

describe('a certificate that expires soon', () => {
  it.each(['', 'given'])('is renewed, with current-credential %j', async (given) => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const inputs = { ...authority(), ...(given ? {} : { 'current-credential': '' }) };
    world.advance(59 * DAY);
    const idle = await run(world, clientId, inputs);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    world.advance(2 * DAY);
    const first = held(world);
    const due = await run(world, clientId, inputs);
    expect([due.exitCode, due.outputs.reason]).toEqual([0, 'CertificateExpiring']);
    expect(effects(world)).toEqual([PUT]);
    expect(held(world)).not.toBe(first);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
  });
});

describe.each([
  ['of EC', ROOTS.EC, ROOTS.EC],
  ['below a root that alone is trusted', { ...middle, cert: middle.cert + ROOTS.EC.cert }, ROOTS.EC],
])('a private CA %s', (_, ca, root) => {
  it('enrolls, and renews without a write at Auth0: the former certificate stays valid', () =>
    enrollsAndRenews(ca, root));
});

describe('a new subject DN', () => {
  it('takes the place of the former one at once with overlap 0h', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const first = held(world);
    const desired = { ...authority(), subject: 'CN=orders', overlap: '0h' };
    expect((await run(world, clientId, desired)).exitCode).toBe(0);
    expect(subjects(world, clientId)).toEqual(['CN=orders']);
    expect(await logins(world, clientId, first, held(world))).toEqual([401, 200]);
  });
});

describe('a CA that ends before its certificate would', () => {
  const short = issued('short-lived', 'RSA', '/CN=Short', undefined, 'ca', 40);
  const inputs = { ...authority(short), 'validity-days': '200' };
  const end = new X509Certificate(short.cert).validToDate;

  it('ends it', async () => {
    await using world = await startSandbox({ clientCa: short.cert });
    const clientId = secretClient(world);
    const { outputs } = await run(world, clientId, { ...inputs, operation: 'enroll' });
    const notAfter = new X509Certificate(held(world)).validToDate;
    expect(outputs['not-after']).toBe(notAfter.toISOString());
    expect(notAfter.getTime()).toBeLessThanOrEqual(end.getTime());
    expect(notAfter.getTime()).toBeGreaterThan(end.getTime() - 2 * DAY);
  });

  it('is known to end it, also without current-credential', async () => {
    await using world = await startSandbox({ clientCa: short.cert });
    const clientId = secretClient(world);
    const { outputs } = await run(world, clientId, { ...inputs, operation: 'enroll' });
    const next = Date.parse(outputs['next-rotation'] ?? '');
    expect(Math.abs(next - (end.getTime() - 30 * DAY))).toBeLessThan(2 * DAY);
    // Within 30 days of its end.
    world.advance(11 * DAY);
    const due = await run(world, clientId, { ...inputs, operation: 'plan', 'current-credential': '' });
    expect(due.outputs.reason).toBe('CertificateExpiring');
  });
});

describe('a proof that fails', () => {
  it('of a renewal: nothing was written', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const [before, pem] = [world.tenant.reveal(clientId), held(world)];
    refuse(world);
    const renewal = await run(world, clientId, { ...authority(), force: 'true' });
    expect([code(renewal), effects(world)]).toEqual(['VERIFICATION_FAILED', []]);
    expect(told(renewal)).toMatch(
      /the edge trusts the CA.*Every destination keeps the credential that it holds\./,
    );
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, pem]);
  });
});

it('create makes a client that Auth0 knows by its subject DN', async () => {
  await using world = await start(CREATOR);
  const inputs = { operation: 'create', 'client-name': 'orders', verify: 'auto' };
  const made = await run(world, '', { ...inputs, ...authority() });
  const clientId = made.outputs['client-id'] ?? '';
  expect([made.exitCode, client(world, clientId).method]).toEqual([0, 'tls_client_auth']);
  expect(subjects(world, clientId)).toEqual(['CN=orders']);
  // Known, and without a grant yet.
  expect(await logins(world, clientId, held(world))).toEqual([403]);
});

describe.each(['RSA', 'EC'] as const)('a pair with an %s key that was brought', (type) => {
  const subject = '/O=Acme/CN=orders';
  const pair = issued(`${type}-1`, type, subject, middle, 'client');
  const next = issued(`${type}-2`, type, subject, middle, 'client');
  const other = issued(`${type}-3`, type, '/O=Acme/CN=other', middle, 'client');
  const chain = middle.cert + ROOTS.EC.cert;
  const begin = () => startSandbox({ clientCa: ROOTS.EC.cert });

  it('is stored with its chain, and is taken again when a rotation is due', async () => {
    await using world = await begin();
    const parts = { 'private-key-secret-name': 'KEY', 'certificate-secret-name': 'CRT' };
    const clientId = await enrolled(world, { ...brought(pair, chain), ...parts });
    expect(held(world)).toBe(held(world, SCOPE, 'KEY') + held(world, SCOPE, 'CRT'));
    expect(subjects(world, clientId)).toEqual(['O=Acme\nCN=orders']);
    const first = held(world);
    expect(first).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    const stored = first.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g);
    expect(stored).toEqual([pair.cert, middle.cert].map((pem) => new X509Certificate(pem).toString()));
    expect(await logins(world, clientId, first)).toEqual([200]);

    const idle = await run(world, clientId, brought(next, chain));
    expect([idle.exitCode, idle.outputs.reason, held(world)]).toEqual([0, 'NotDue', first]);
    const renewal = await run(world, clientId, { ...brought(next, chain), force: 'true' });
    expect([renewal.exitCode, effects(world)]).toEqual([0, [PUT]]);
    expect(new X509Certificate(held(world)).raw).toEqual(new X509Certificate(next.cert).raw);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
    world.advance(20 * MINUTE);
    const change = await run(world, clientId, brought(other, chain));
    expect([change.exitCode, change.outputs.reason]).toEqual([0, 'SpecChanged']);
    expect(subjects(world, clientId)).toEqual(['O=Acme\nCN=orders', 'O=Acme\nCN=other']);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
  });
});

describe('refused before any request, with every problem', () => {
  let world: Sandbox;

  beforeAll(async () => {
    world = await startSandbox();
  });

  afterAll(() => world[Symbol.asyncDispose]());
  const leaf = issued('leaf-1', 'RSA', '/CN=orders', middle, 'client');
  const old = selfSignedCertificate('old', -0.5);
  openssl('x509', '-in', 'rsa.crt', '-signkey', 'rsa.key', '-days', '-1', '-out', 'expired.crt');
  const expired = { name: 'expired', cert: read('expired.crt'), key: ROOTS.RSA.key };

  it.each<[string, Inputs, string, RegExp]>([
    ['no CA and no pair', {}, 'authentication-method', /give ca-certificate and ca-private-key, or/],
    ['a CA without its key', { 'ca-certificate': ROOTS.RSA.cert }, 'ca-private-key', /must not be empty/],
    ["another CA's key", authority({ ...ROOTS.RSA, key: ROOTS.EC.key }), 'ca-certificate', /does not belong/],
    ['a CA that is none', authority(leaf), 'ca-certificate', /is not a CA certificate/],
    ['a CA that has expired', authority(expired), 'ca-certificate', /expired on/],
    ['a pair without its key', { certificate: leaf.cert }, 'private-key', /must not be empty/],
    ["another pair's key", brought({ ...leaf, key: ROOTS.RSA.key }), 'certificate', /does not belong/],
    ['a CA in place of a client', brought(middle), 'certificate', /holds a CA certificate/],
    [
      'a broken chain',
      brought(leaf, issued('stray', 'EC', '/CN=stray', ROOTS.RSA).cert),
      'certificate',
      /does not belong to the chain/,
    ],
    ['a pair that has expired', brought(old), 'certificate', /expired on/],
    ['both a CA and a pair', { ...authority(), ...brought(leaf) }, 'certificate', /cannot be given together/],
    [
      'another subject than brought',
      { ...brought(leaf), subject: 'CN=x' },
      'subject',
      /subject of certificate is CN=orders/,
    ],
  ])('%s', async (_, inputs, name, words) => {
    const refused = await run(world, world.clientId, { ...inputs, overlap: 'soon' });
    expect([refused.exitCode, code(refused), world.transcript.count()]).toEqual([1, 'INVALID_INPUT', 0]);
    expect(told(refused)).toContain(`Input '${name}'`);
    expect(told(refused)).toMatch(words);
    expect(told(refused)).toContain("Input 'overlap'");
  });

  it('a CA for a method that takes none', async () => {
    const refused = await operate(world, authority());
    expect([code(refused), world.transcript.count()]).toEqual(['INVALID_INPUT', 0]);
    expect(told(refused)).toContain('is only for authentication-method: tls_client_auth');
  });
});
