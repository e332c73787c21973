/** `operation: rehearse`: everything for real except the delivery, and the client as it was found. More of it: rehearse.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { effects, loginByCertificate, sharedWorld, told } from './operations.ts';
import { everything, handMade, proofs, rehearse, rehearsed } from './rehearsals.ts';
import { code, json } from './support.ts';

describe('a rehearsal', () => {
  const shared = sharedWorld();

  it('before the first rotation: all steps, and everything as it was', async () => {
    const world = shared();
    const clientId = handMade(world);
    await rehearsed(world, clientId);
    expect(effects(world)).toEqual([
      'auth0 POST /api/v2/clients/{client}/credentials',
      'auth0 PATCH /api/v2/clients/{client}',
      'auth0 PATCH /api/v2/clients/{client}',
      'auth0 DELETE /api/v2/clients/{client}/credentials/{credential}',
    ]);
    expect(proofs(world)).toEqual([200, 401]);
  });

  it('masks both of its keys, also the one that is never registered', async () => {
    const world = shared();
    const run = await rehearse(world, handMade(world), { 'current-credential': '' });
    expect(run.exitCode).toBe(0);
    // PKCS#8 of RSA begins like this; one whole body a key.
    const bodies = run.masks.filter((mask) =>
      /^MII[\w+/]{4}BADANBgkqhkiG9w0BAQEFAASC[\w+/=]{1500,}$/.test(mask),
    );
    expect(bodies.length).toBe(2);
  });

  it('that loses its proof takes everything back', async () => {
    const world = shared();
    const clientId = handMade(world);
    const before = everything(world, clientId);
    world.conditions.fault = (service) =>
      service === 'edge' ? json(400, { error: 'invalid_request' }) : undefined;
    const run = await rehearse(world, clientId);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(told(run)).toContain('The new credential was removed again.');
    expect(everything(world, clientId)).toBe(before);
  });
});

describe('the negative control', () => {
  it('finds an edge that lets everybody in, which a rotation does not notice', async () => {
    await using world = await startSandbox({ openToAll: true, bindTokens: false });
    const { clientId, pem } = world.client;
    const nobody = selfSignedCertificate('nobody');
    expect(await loginByCertificate(world, clientId, nobody.key + nobody.cert)).toBe(200);
    const before = everything(world, clientId);
    const run = await rehearse(world, clientId);
    expect([run.exitCode, code(run)]).toEqual([1, 'UNREGISTERED_ACCEPTED']);
    expect(told(run)).toMatch(/anybody who knows the client id can log in.*was removed again/);
    expect(run.summary).toContain('Act at once.');
    expect(everything(world, clientId)).toBe(before);
    expect(await loginByCertificate(world, clientId, pem)).toBe(200);
  });
});
