/** `create`: one client, exactly once, whatever happens on the way. More of it: create.long.test.ts. */

import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../emulators/sandbox.ts';
import { create, deleteClients, grant, isDelivery, POST, PUT } from './creations.ts';
import {
  CREATOR,
  client,
  clientsNamed,
  effects,
  loginByCertificate,
  loginBySecret,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { BY_HAND, code, credentialOf, held, json, MINUTE } from './support.ts';

const shared = sharedWorld(CREATOR);
beforeEach(() => deleteClients(shared()));

describe('create', () => {
  it('makes a client with its credential, delivers that and tells the id', async () => {
    const world = shared();
    const run = await create(world);
    const [clientId = '', ...more] = await clientsNamed(world, 'orders');
    expect(more).toEqual([]);
    expect(run).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
    expect(run.outputs).toMatchObject({ 'client-id': clientId, rotated: 'true', reason: 'FirstDelivery' });
    expect(world.tenant.reveal(clientId).client).toMatchObject({
      app_type: 'non_interactive',
      grant_types: ['client_credentials'],
      jwt_configuration: { alg: 'RS256' },
    });
    const id = run.outputs['credential-id'] ?? '';
    expect(client(world, clientId)).toEqual({
      method: 'self_signed_tls_client_auth',
      associated: [id],
      pool: [id],
    });
    expect(credentialOf(world, held(world), clientId)).toBe(id);
    expect(new X509Certificate(held(world)).subject).toBe('CN=orders');
    expect(effects(world)).toEqual([POST, PUT]);
    // Auth0 knows the certificate, and the client may use no API yet.
    expect(await loginByCertificate(world, clientId, held(world))).toBe(403);
    expect(await loginBySecret(world, clientId)).toBe(401);
    grant(world, clientId);
    expect(await loginByCertificate(world, clientId, held(world))).toBe(200);
  });

  it('run again makes no second client, and from then on rotates', async () => {
    const world = shared();
    const clientId = (await create(world)).outputs['client-id'] ?? '';
    world.advance(20 * MINUTE);
    const idle = await create(world);
    expect(idle.outputs).toMatchObject({ 'client-id': clientId, rotated: 'false', reason: 'NotDue' });
    expect([idle.exitCode, effects(world)]).toEqual([0, []]);
    grant(world, clientId);
    const before = held(world);
    const forced = await create(world, { force: 'true', verify: 'required' }, BY_HAND);
    expect(forced.outputs).toMatchObject({ 'client-id': clientId, rotated: 'true', reason: 'Forced' });
    expect([forced.exitCode, warnings(forced)]).toEqual([0, '']);
    expect(forced.summary).toContain('proven and bound');
    for (const pem of [before, held(world)]) expect(await loginByCertificate(world, clientId, pem)).toBe(200);
    expect(await clientsNamed(world, 'orders')).toEqual([clientId]);
  });
});

describe('a delivery that GitHub refuses', () => {
  const refuse = (world: Sandbox) => {
    world.conditions.fault = (_, request) => (isDelivery(request) ? json(403, { message: 'no' }) : undefined);
  };

  it('deletes the client again', async () => {
    const world = shared();
    refuse(world);
    const run = await create(world);
    expect([run.exitCode, code(run), run.outputs.rotated]).toEqual([1, 'GITHUB_FORBIDDEN', 'false']);
    expect(told(run)).toContain('The new client was deleted again.');
    expect([await clientsNamed(world, 'orders'), held(world)]).toEqual([[], '']);
  });
});
