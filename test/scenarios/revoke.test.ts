/** `revoke: previous` on a forced rotation: a leaked key goes in the same run. More of it: revoke.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { client, effects, loginByCertificate, operate, told, warnings } from './operations.ts';
import { leaked, REVOKE } from './revocations.ts';
import { code, credentialOf, DAY, held, json, SCOPE, withConsumers } from './support.ts';

describe('revoke: previous', () => {
  it('removes what was held, after its successor was delivered; nobody else is touched', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    const { pem, id } = await leaked(world);
    world.tenant.seedCredential(world.clientId, {
      credential_type: 'x509_cert',
      pem: selfSignedCertificate('foreign').cert,
      associate: false,
    });
    const run = await operate(world, REVOKE);
    expect([run.exitCode, code(run)], run.log).toEqual([0, undefined]);
    expect(run.outputs).toMatchObject({ rotated: 'true', reason: 'Forced' });
    expect(JSON.parse(run.outputs['removed-credential-ids'] ?? '')).toContain(id);
    expect([
      await loginByCertificate(world, world.clientId, pem),
      await loginByCertificate(world, world.clientId, held(world)),
    ]).toEqual([401, 200]);
    const { associated, pool } = client(world, world.clientId);
    expect([associated, pool.length]).toEqual([[credentialOf(world, held(world))], 2]);
    const order = effects(world).map((line) => line.replace(/^\S+ (\S+) .*\/(\w+).*$/, '$1 $2'));
    expect(order.findIndex((line) => line.startsWith('PUT'))).toBeLessThan(
      order.lastIndexOf(order.findLast((line) => line.startsWith('DELETE')) ?? ''),
    );
    expect(warnings(run)).toMatch(
      /is revoked as soon as its successor.*Access tokens that were issued with it stay valid/,
    );
    expect(run.summary).toContain('The previous one is revoked');
    world.advance(8 * DAY);
    expect((await operate(world, {})).outputs.reason).toBe('NotDue');
  });
});

describe('consumers', () => {
  it('that read the secret anew are served throughout; one that was queued before is locked out', async () => {
    await using world = await startSandbox();
    const { pem } = await leaked(world);
    const refused = await withConsumers(world, [SCOPE], async () => {
      expect((await operate(world, REVOKE)).exitCode).toBe(0);
    });
    // Only who had read the secret just before may be refused: that is what is asked for.
    expect(refused.filter(({ overtaken }) => !overtaken)).toEqual([]);
    expect(await loginByCertificate(world, world.clientId, pem)).toBe(401);
  });
});

describe('a revocation that fails', () => {
  it('before the delivery: undone, and it says that nothing was revoked', async () => {
    await using world = await startSandbox();
    const { pem, id } = await leaked(world);
    world.conditions.fault = (service) => (service === 'edge' ? json(400, {}) : undefined);
    const run = await operate(world, REVOKE);
    expect([code(run), told(run)]).toEqual([
      'VERIFICATION_FAILED',
      expect.stringContaining(`NOT REVOKED: ${id}`),
    ]);
    expect(told(run)).toMatch(/start a new run \(.*\) with force: true and revoke: previous/);
    world.conditions.fault = undefined;
    expect(await loginByCertificate(world, world.clientId, pem)).toBe(200);
  });
});
