/** `revert`: back to a client secret, and nothing of ours is left. More of it: revert.long.test.ts. */

import { describe, expect, it } from 'vitest';
import {
  client,
  effects,
  loginByCertificate,
  loginBySecret,
  otherFields,
  patches,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { CREDENTIAL, enrolled, foreign, PATCH, revert, rotated } from './reversions.ts';
import { code, held, json } from './support.ts';

const shared = sharedWorld();

describe('revert', () => {
  it('the client secret works again, the certificate no longer, and ours are gone', async () => {
    const world = shared();
    const clientId = await rotated(world);
    const byHand = world.tenant.seedCredential(clientId, {
      credential_type: 'x509_cert',
      pem: foreign.cert,
      associate: false,
    });
    const [pem, fields, { associated }] = [
      held(world),
      otherFields(world, clientId),
      client(world, clientId),
    ];
    expect(await loginBySecret(world, clientId)).toBe(401);
    const run = await revert(world, clientId);
    expect(run).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
    expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'MethodDiffers', 'credential-id': '' });
    expect(JSON.parse(run.outputs['removed-credential-ids'] ?? '').toSorted()).toEqual(associated);
    expect(client(world, clientId)).toEqual({
      method: 'client_secret_post',
      associated: [],
      pool: [byHand],
    });
    expect([await loginBySecret(world, clientId), await loginByCertificate(world, clientId, pem)]).toEqual([
      200, 401,
    ]);
    expect([otherFields(world, clientId), held(world)]).toEqual([fields, pem]);
    expect(warnings(run)).toMatch(/INTERRUPTION.*Every consumer needs its client secret/);
    expect(run.log).toContain('INTERRUPTS repo:acme/shop AUTH0_MTLS_PEM');
  });

  it('needs no github-token, and run again writes nothing', async () => {
    const world = shared();
    const clientId = await rotated(world);
    const first = await revert(world, clientId, { 'github-token': '' });
    expect([first.exitCode, effects(world)]).toEqual([
      0,
      [PATCH, CREDENTIAL, CREDENTIAL.replace('credential}', 'credential-2}')],
    ]);
    expect(world.transcript.count('github')).toBe(0);
    const second = await revert(world, clientId, { 'github-token': '' });
    expect([second.exitCode, second.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

describe('interrupted', () => {
  it('Auth0 refuses the PATCH: nothing has changed, and the error says so', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const before = world.tenant.reveal(clientId);
    world.conditions.fault = (_, request) => (patches(request) ? json(400, { message: 'no' }) : undefined);
    const run = await revert(world, clientId);
    expect([run.exitCode, code(run)]).toEqual([1, 'AUTH0_REQUEST_FAILED']);
    expect(told(run)).toContain('Every destination keeps the credential that it holds.');
    expect(world.tenant.reveal(clientId)).toEqual(before);
    expect(await loginByCertificate(world, clientId, held(world))).toBe(200);
  });
});
