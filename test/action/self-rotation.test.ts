/** The management client rotates its own credential: from then on no client secret is needed anywhere. */

import { describe, expect, it } from 'vitest';
import {
  API_AUDIENCE,
  MANAGEMENT_SCOPES,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from '../sandbox/sandbox.ts';
import { selfSignedCertificate } from '../sandbox/tls.ts';
import {
  client,
  effects,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginByKey,
  operate,
  told,
} from './operations.ts';
import { code, held, MINUTE } from './support.ts';

const first = selfSignedCertificate('manager');

interface Way {
  method: 'private_key_jwt' | 'self_signed_tls_client_auth';
  type: 'public_key' | 'x509_cert';
  /** What it logs in with before the first rotation. */
  made: string;
  /** The input that takes what the secret holds. */
  input: string;
  login: (world: Sandbox, clientId: string, held: string) => Promise<number>;
}

const WAYS: Way[] = [
  {
    method: 'private_key_jwt',
    type: 'public_key',
    made: first.key,
    input: 'management-private-key',
    login: loginByKey,
  },
  {
    method: 'self_signed_tls_client_auth',
    type: 'x509_cert',
    made: `${first.key}\n${first.cert}`,
    input: 'management-credential',
    login: loginByCertificate,
  },
];

describe.each(WAYS)('by $method', ({ method, type, made, input, login }) => {
  async function begin(options: SandboxOptions = {}): Promise<{ world: Sandbox; clientId: string }> {
    const world = await startSandbox(options);
    const { client_id: clientId } = world.tenant.createClient({
      name: 'manager',
      client_authentication_methods: { [method]: { credentials: [] } },
      grants: {
        [world.managementAudience]: [...MANAGEMENT_SCOPES],
        [API_AUDIENCE]: ['read:orders'],
      },
    });
    world.tenant.seedCredential(clientId, { credential_type: type, pem: first.cert, associate: true });
    return { world, clientId };
  }

  /** What it logs in with is all that it is given. */
  const selfInputs = (world: Sandbox, clientId: string, inputs: Inputs): Inputs => ({
    'client-id': clientId,
    'management-client-id': clientId,
    'management-client-secret': '',
    [input]: held(world) || made,
    'current-credential': '',
    'authentication-method': method,
    'verify-audience': world.managementAudience,
    verify: 'required',
    ...inputs,
  });
  const rotateSelf = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
    operate(world, selfInputs(world, clientId, inputs));

  it.each(['until-next-rotation', '0h'])('three rotations in a row, overlap %s', async (overlap) => {
    const { world, clientId } = await begin();
    await using _ = world;
    const seen = [made];
    for (const force of ['false', 'true', 'true']) {
      const run = await rotateSelf(world, clientId, { overlap, force });
      expect(run).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
      expect(run.outputs).toMatchObject({ rotated: 'true', reason: seen[1] ? 'Forced' : 'NotDelivered' });
      const bodies = world.transcript.arrivals('client').map(({ request }) => request.body);
      expect(bodies.filter((body) => body.includes('client_secret'))).toEqual([]);
      expect(client(world, clientId).associated).toContain(run.outputs['credential-id']);
      seen.push(held(world));
      world.advance(20 * MINUTE);
    }
    expect(new Set(seen).size).toBe(4);
    const logins = await Promise.all(seen.map((pem) => login(world, clientId, pem)));
    expect(logins).toEqual(overlap === '0h' ? [401, 401, 401, 200] : [401, 401, 200, 200]);
  });

  it('begins with its client secret, and needs it only once', async () => {
    await using world = await startSandbox();
    const { client_id: clientId, client_secret: secret } = world.tenant.createClient({
      name: 'manager',
      token_endpoint_auth_method: 'client_secret_post',
      grants: { [world.managementAudience]: [...MANAGEMENT_SCOPES], [API_AUDIENCE]: ['read:orders'] },
    });
    const bySecret = { 'management-client-secret': secret, [input]: '' };
    const enrollment = await rotateSelf(world, clientId, { ...bySecret, operation: 'enroll' });
    expect([enrollment.exitCode, client(world, clientId).method]).toEqual([0, method]);
    world.advance(20 * MINUTE);
    expect(code(await rotateSelf(world, clientId, { ...bySecret, force: 'true' }))).toBe(
      'AUTH0_UNAUTHORIZED',
    );
    expect((await rotateSelf(world, clientId, { force: 'true' })).outputs.reason).toBe('Forced');
    expect(await login(world, clientId, held(world))).toBe(200);
  });

  it('killed at each write: the next run still logs in, and settles it', async () => {
    const { world, clientId } = await begin();
    await using _ = world;
    await rotateSelf(world, clientId);
    for (const write of [/^auth0 DELETE/, /^auth0 POST .*credentials$/, /^auth0 PATCH/, /^github PUT/]) {
      world.advance(LEASE_OVER);
      const inputs = selfInputs(world, clientId, { force: 'true' });
      const run = await killed(
        world,
        inputs,
        ({ phase, arrival }) => phase === 'arrived' && write.test(arrival.line),
      );
      expect([write, run.signal]).toEqual([write, 'SIGKILL']);
      expect([write, await login(world, clientId, held(world))]).toEqual([write, 200]);
      world.advance(LEASE_OVER);
      const next = await rotateSelf(world, clientId);
      expect([write, next.exitCode, code(next)]).toEqual([write, 0, undefined]);
      expect([write, await login(world, clientId, held(world))]).toEqual([write, 200]);
    }
  });

  it('has nothing to do while its key is good, and knows the secret exactly', async () => {
    const { world, clientId } = await begin();
    await using _ = world;
    const rotation = await rotateSelf(world, clientId);
    world.advance(20 * MINUTE);
    const idle = await rotateSelf(world, clientId);
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    expect(idle.outputs['credential-id']).toBe(rotation.outputs['credential-id']);
    // Known by the login, so that another size is seen.
    const larger = await rotateSelf(world, clientId, { 'key-size': '3072' });
    expect([larger.exitCode, larger.outputs.reason]).toEqual([0, 'SpecChanged']);
    expect(await login(world, clientId, held(world))).toBe(200);
  });

  it('asks once more where the login got no answer', async () => {
    const { world, clientId } = await begin();
    await using _ = world;
    let seen = 0;
    world.conditions.fault = (__, { path }) => {
      seen += path === '/oauth/token' ? 1 : 0;
      return path === '/oauth/token' && seen === 1 ? { kind: 'lose' } : undefined;
    };
    const run = await rotateSelf(world, clientId);
    expect([run.exitCode, code(run)]).toEqual([0, undefined]);
    expect(await login(world, clientId, held(world))).toBe(200);
  });

  it('with a key that has given way is refused, and nothing changes', async () => {
    const { world, clientId } = await begin();
    await using _ = world;
    await rotateSelf(world, clientId, { overlap: '0h' });
    world.advance(20 * MINUTE);
    const before = world.tenant.reveal(clientId);
    const run = await rotateSelf(world, clientId, { [input]: made, force: 'true' });
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'AUTH0_UNAUTHORIZED', []]);
    expect(told(run)).toContain('Nothing was changed in Auth0 or GitHub.');
    expect(world.tenant.reveal(clientId)).toEqual(before);
    expect(await login(world, clientId, held(world))).toBe(200);
  });
});
