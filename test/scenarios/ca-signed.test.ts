/** `tls_client_auth`: certificates of a private CA, which Auth0 knows by their subject DN alone. More of it: ca-signed.long.test.ts. */

import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { client, effects } from './operations.ts';
import {
  authority,
  brought,
  enrolled,
  enrollsAndRenews,
  issued,
  logins,
  PUT,
  ROOTS,
  refuse,
  run,
  start,
  subjects,
} from './private-ca.ts';
import { code, held, MINUTE } from './support.ts';

describe('a private CA of RSA', () => {
  it('enrolls, and renews without a write at Auth0: the former certificate stays valid', () =>
    enrollsAndRenews(ROOTS.RSA, ROOTS.RSA));
});

it('another pair in current-credential says nothing of when the one in use ends', async () => {
  await using world = await start();
  const clientId = await enrolled(world, authority());
  const { key, cert } = issued('other', 'EC', '/CN=other', ROOTS.EC, 'client');
  const stale = await run(world, clientId, { ...authority(), 'current-credential': `${key}${cert}` });
  expect([code(stale), effects(world)]).toEqual(['STALE_CREDENTIAL', []]);
  expect(stale.summary.split('\n')[0]).toBe('## ❌ `orders`: STALE_CREDENTIAL. Action needed.');
});

describe('a new subject DN', () => {
  it('goes alongside the former one, which goes when the overlap is over', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const first = held(world);
    const desired = { ...authority(), subject: 'CN=orders,OU=Shop\\, north,O=Acme' };
    const change = await run(world, clientId, desired);
    expect([change.exitCode, change.outputs.reason]).toEqual([0, 'SpecChanged']);
    const written = ['O=Acme', 'OU=Shop\\, north', 'CN=orders'].join('\n');
    expect(subjects(world, clientId)).toEqual([`CN=${clientId}`, written]);
    expect(client(world, clientId).associated).toHaveLength(2);
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
    world.advance(20 * MINUTE);
    const idle = await run(world, clientId, desired);
    expect([idle.outputs.reason, effects(world)]).toEqual(['NotDue', []]);
    const retirement = await run(world, clientId, { ...desired, overlap: '0h' });
    expect([retirement.exitCode, retirement.outputs.rotated]).toEqual([0, 'false']);
    expect(subjects(world, clientId)).toEqual([written]);
    expect(await logins(world, clientId, first, held(world))).toEqual([401, 200]);
  });
});

describe('a subject DN that is no longer given', () => {
  it.each([
    ['as current-credential shows it', {}],
    ['as Auth0 records it', { 'current-credential': '' }],
  ])('stays that of the certificate in use, %s', async (_, inputs) => {
    await using world = await start();
    const clientId = await enrolled(world, { ...authority(), subject: 'CN=orders,O=Acme' });
    const first = held(world);
    const renewal = await run(world, clientId, { ...authority(), ...inputs, force: 'true' });
    expect([renewal.exitCode, renewal.outputs.rotated, effects(world)]).toEqual([0, 'true', [PUT]]);
    expect(held(world)).not.toBe(first);
    expect(new X509Certificate(held(world)).subject).toBe('O=Acme\nCN=orders');
    expect(await logins(world, clientId, first, held(world))).toEqual([200, 200]);
  });
});

describe('a proof that fails', () => {
  it('of a new subject DN: it is taken back, the former one stays', async () => {
    await using world = await start();
    const clientId = await enrolled(world, authority());
    const [before, pem] = [world.tenant.reveal(clientId), held(world)];
    refuse(world);
    const change = await run(world, clientId, { ...authority(), subject: 'CN=orders' });
    expect([code(change), change.outputs.rotated]).toEqual(['VERIFICATION_FAILED', 'false']);
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, pem]);
    expect(await logins(world, clientId, pem)).toEqual([200]);
  });
});

it('a brought pair that is in use already renews nothing', async () => {
  await using world = await startSandbox({ clientCa: ROOTS.RSA.cert });
  const pair = brought(issued('short', 'RSA', '/CN=orders', ROOTS.RSA, 'client', 10));
  const clientId = await enrolled(world, pair);
  const again = await run(world, clientId, pair);
  expect([again.exitCode, code(again), effects(world)]).toEqual([1, 'CERTIFICATE_REUSED', []]);
});
