/** What the stories of an enrollment share: the methods that clients come from, and what each must show. */

import { describe, expect, it } from 'vitest';
import { API_AUDIENCE, type Sandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import {
  client,
  effects,
  type Inputs,
  loginByCertificate,
  loginByKey,
  loginBySecret,
  operate,
  otherFields,
  patches,
  secretClient,
  told,
  warnings,
} from './operations.ts';
import { code, credentialOf, held, json } from './support.ts';

export const key = selfSignedCertificate('former key');
export const MTLS = 'self_signed_tls_client_auth';

interface Former {
  method: string;
  /** A client that uses it. @returns its id */
  make: (world: Sandbox) => string;
  login: (world: Sandbox, clientId: string) => Promise<number>;
}

export function keyClient(world: Sandbox): string {
  const { client_id } = world.tenant.createClient({
    name: 'orders',
    client_authentication_methods: { private_key_jwt: { credentials: [] } },
    grants: { [API_AUDIENCE]: ['read:orders'] },
  });
  world.tenant.seedCredential(client_id, { credential_type: 'public_key', pem: key.cert, associate: true });
  return client_id;
}

export const FORMER: Former[] = [
  { method: 'client_secret_post', make: secretClient, login: loginBySecret },
  {
    method: 'client_secret_basic',
    make: (world) => secretClient(world, 'client_secret_basic'),
    login: (world, clientId) => loginBySecret(world, clientId, 'client_secret_basic'),
  },
  { method: 'private_key_jwt', make: keyClient, login: (world, id) => loginByKey(world, id, key.key) },
];

export const enroll = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { operation: 'enroll', 'client-id': clientId, ...inputs });

/** What every method to come from must show. */
export function describeFormer(shared: () => Sandbox, former: readonly Former[]): void {
  describe.each(former)('from $method', ({ method, make, login }) => {
    it('the client uses certificates, and nothing else any more', async () => {
      const world = shared();
      const clientId = make(world);
      const [fields, { pool }] = [otherFields(world, clientId), client(world, clientId)];
      expect(await login(world, clientId)).toBe(200);
      const run = await enroll(world, clientId);
      expect(run).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
      expect(run.outputs).toMatchObject({
        'client-id': clientId,
        rotated: 'true',
        reason: 'MethodDiffers',
        'removed-credential-ids': JSON.stringify(pool),
      });
      const id = run.outputs['credential-id'] ?? '';
      expect(client(world, clientId)).toEqual({
        method: MTLS,
        associated: [id],
        pool: [id],
      });
      expect(credentialOf(world, held(world), clientId)).toBe(id);
      expect([await loginByCertificate(world, clientId, held(world)), await login(world, clientId)]).toEqual([
        200, 401,
      ]);
      expect(otherFields(world, clientId)).toEqual(fields);
      expect(warnings(run)).toMatch(new RegExp(`INTERRUPTION.*log in by ${method}`));
    });

    it('a plan names the interruption, and changes nothing', async () => {
      const world = shared();
      const clientId = make(world);
      const run = await enroll(world, clientId, { operation: 'plan', 'github-token': '' });
      expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'MethodDiffers', 'credential-id': '' });
      expect(run.outputs.plan).toContain(`${method} stops working at this moment`);
      expect(warnings(run)).toMatch(new RegExp(`INTERRUPTION.*log in by ${method}`));
      expect(run.summary).toContain('This was only a plan.');
      expect([run.exitCode, effects(world), await login(world, clientId)]).toEqual([0, [], 200]);
    });

    it('a proof that fails: it uses that again', async () => {
      const world = shared();
      const clientId = make(world);
      const before = world.tenant.reveal(clientId);
      world.conditions.fault = failsOnceMoved();
      const run = await enroll(world, clientId);
      expect([run.exitCode, code(run), run.outputs.rotated]).toEqual([1, 'VERIFICATION_FAILED', 'false']);
      expect(told(run)).toContain(`The client uses ${method} again.`);
      expect(told(run)).toContain('The new credential was removed again.');
      expect(effects(world).filter((line) => line.includes('PATCH'))).toHaveLength(2);
      expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, '']);
      expect(await login(world, clientId)).toBe(200);
    });
  });
}

/** The edge refuses what is asked after the client was moved; before it the new pair is tried once. */
function failsOnceMoved(): NonNullable<Sandbox['conditions']['fault']> {
  let moved = false;
  return (at, request) => {
    moved ||= patches(request);
    return at === 'edge' && moved ? json(400, { error: 'invalid_request' }) : undefined;
  };
}
