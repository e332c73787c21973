/** `enroll`: from a client secret, or from another method, to certificates; and back where that fails. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { ActionOptions } from '../emulators/runner.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import {
  client,
  effects,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginByKey,
  loginBySecret,
  operate,
  otherFields,
  secretClient,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { handMade } from './rehearsals.ts';
import { code, credentialOf, held, json, MINUTE, SECRET } from './support.ts';

const key = selfSignedCertificate('former key');
const MTLS = 'self_signed_tls_client_auth';

interface Former {
  method: string;
  /** A client that uses it. @returns its id */
  make: (world: Sandbox) => string;
  login: (world: Sandbox, clientId: string) => Promise<number>;
}

function keyClient(world: Sandbox): string {
  const { client_id } = world.tenant.createClient({
    name: 'orders',
    client_authentication_methods: { private_key_jwt: { credentials: [] } },
    grants: { [API_AUDIENCE]: ['read:orders'] },
  });
  world.tenant.seedCredential(client_id, { credential_type: 'public_key', pem: key.cert, associate: true });
  return client_id;
}

const FORMER: Former[] = [
  { method: 'client_secret_post', make: secretClient, login: loginBySecret },
  {
    method: 'client_secret_basic',
    make: (world) => secretClient(world, 'client_secret_basic'),
    login: (world, clientId) => loginBySecret(world, clientId, 'client_secret_basic'),
  },
  { method: 'private_key_jwt', make: keyClient, login: (world, id) => loginByKey(world, id, key.key) },
];

const shared = sharedWorld();
const enroll = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { operation: 'enroll', 'client-id': clientId, ...inputs });

const patches = ({ method }: EmulatorRequest) => method === 'PATCH';
const posts = ({ method }: EmulatorRequest) => method === 'POST';
const puts = ({ method }: EmulatorRequest) => method === 'PUT';

describe.each(FORMER)('from $method', ({ method, make, login }) => {
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

describe('enrolled already', () => {
  it('nothing is due, and a later rotation goes alongside', async () => {
    const world = shared();
    const clientId = secretClient(world);
    await enroll(world, clientId);
    world.advance(20 * MINUTE);
    const first = held(world);
    const idle = await enroll(world, clientId);
    expect(idle.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
    expect([idle.exitCode, effects(world), warnings(idle)]).toEqual([0, [], '']);
    const forced = await enroll(world, clientId, { operation: 'rotate', force: 'true' });
    expect([forced.exitCode, forced.outputs.reason]).toEqual([0, 'Forced']);
    for (const pem of [first, held(world)]) expect(await loginByCertificate(world, clientId, pem)).toBe(200);
  });
});

describe('from private_key_jwt', () => {
  it('the workflow passes current-credential as ever', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    const clientId = secretClient(world);
    await enroll(world, clientId, { 'authentication-method': 'private_key_jwt' });
    world.advance(20 * MINUTE);
    const run = await enroll(world, clientId);
    expect([run.exitCode, code(run)]).toEqual([0, undefined]);
  });

  it('the next rotation has a place', async () => {
    const world = shared();
    const clientId = keyClient(world);
    await enroll(world, clientId);
    world.advance(20 * MINUTE);
    const rotation = await enroll(world, clientId, { operation: 'rotate', force: 'true' });
    expect([rotation.exitCode, code(rotation)]).toEqual([0, undefined]);
  });

  it('the next rotation has a place, even if the enrollment died at its delivery', async () => {
    const world = shared();
    const clientId = keyClient(world);
    const inputs = { operation: 'enroll', 'client-id': clientId };
    await killed(world, inputs, ({ phase, arrival }) => phase === 'arrived' && puts(arrival.request));
    world.advance(LEASE_OVER);
    expect((await operate(world, inputs)).exitCode).toBe(0);
    world.advance(20 * MINUTE);
    const rotation = await enroll(world, clientId, { operation: 'rotate', force: 'true' });
    expect([rotation.exitCode, code(rotation)]).toEqual([0, undefined]);
  });
});

describe('refused before any effect', () => {
  it.each([
    ['HS256', { alg: 'HS256' }],
    ['no algorithm, which means HS256', { lifetime_in_seconds: 36_000 }],
  ])('a client that signs with %s', async (_, jwt_configuration) => {
    const world = shared();
    const clientId = secretClient(world, 'client_secret_post', { jwt_configuration });
    const run = await enroll(world, clientId);
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'ALGORITHM_MISMATCH', []]);
    expect(told(run)).toMatch(
      /Then set jwt_configuration\.alg to RS256.*Nothing was changed in Auth0 or GitHub\./,
    );
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('rotate, for a client that is not enrolled', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const run = await enroll(world, clientId, { operation: 'rotate' });
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'METHOD_MISMATCH', []]);
    expect(told(run)).toMatch(/authenticates by client_secret_post.*move the client with operation: enroll/);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('a pool that is full of keys: they are named, and stay', async () => {
    const world = shared();
    const clientId = keyClient(world);
    const { cert: pem } = selfSignedCertificate('second key');
    world.tenant.seedCredential(clientId, { credential_type: 'public_key', pem, associate: true });
    const before = world.tenant.reveal(clientId);
    const run = await enroll(world, clientId);
    expect([run.exitCode, code(run)]).toEqual([1, 'CREDENTIAL_LIMIT']);
    for (const { id } of before.credentials) expect(told(run)).toContain(id);
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, '']);
    expect(await loginByKey(world, clientId, key.key)).toBe(200);
  });

  it('verify required although no endpoint is known', async () => {
    const world = shared();
    world.conditions.mtlsAlias = false;
    const clientId = secretClient(world);
    const run = await enroll(world, clientId, { verify: 'required' });
    world.conditions.mtlsAlias = true;
    expect([code(run), effects(world)]).toEqual(['MTLS_ENDPOINT_NOT_FOUND', []]);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

/** Secrets that nobody asks for here. */
function fill(world: Sandbox, scope: string, upTo: number): void {
  for (let n = world.github.secretNames(scope).length; n < upTo; n += 1)
    world.github.seedSecret(scope, `OTHER_${n}`, '');
}

describe('a destination that takes no write is found before anybody is interrupted', () => {
  type Operation = 'enroll' | 'rehearse';

  async function refusedBefore(world: Sandbox, operation: Operation, inputs: Inputs = {}) {
    const clientId = operation === 'rehearse' ? handMade(world) : secretClient(world);

    const run = await operate(world, { operation, 'client-id': clientId, ...inputs });
    const ofAuth0 = world.transcript.requests().filter((line) => / (PATCH|POST \/api|DELETE) /.test(line));
    expect([run.exitCode, effects(world)], ofAuth0.join()).toEqual([1, []]);
    return run;
  }

  it.each<[Operation, number, string]>([
    ['enroll', 403, 'Resource not accessible by personal access token'],
    ['rehearse', 403, 'Repository was archived so is read-only.'],
    ['enroll', 400, 'Bad Request'],
    ['enroll', 409, 'Conflict'],
  ])('%s: %i %s', async (operation, status, message) => {
    const world = shared();
    world.conditions.fault = (_, { method }) => (method === 'PUT' ? json(status, { message }) : undefined);
    const run = await refusedBefore(world, operation);
    expect(told(run)).toContain(`(${status}: ${message})`);
  });

  it.each(['enroll', 'rehearse'] as const)('%s: one secret too many', async (operation) => {
    await using world = await startSandbox();
    fill(world, 'repo:acme/shop', 99);
    const run = await refusedBefore(world, operation, { 'certificate-secret-name': 'AUTH0_MTLS_CERT' });
    expect([code(run), told(run)]).toEqual([
      'GITHUB_REQUEST_FAILED',
      expect.stringContaining('holds 99 secrets, GitHub allows 100, and this run would add 2'),
    ]);
  });

  it('a full one that holds all our names goes on, and no probe stays', async () => {
    await using world = await startSandbox();
    const clientId = secretClient(world);
    world.github.seedSecret('repo:acme/shop', SECRET, 'another');
    fill(world, 'repo:acme/shop', 100);
    const inputs = { operation: 'enroll', 'client-id': clientId, force: 'true', 'current-credential': '' };
    const run = await operate(world, inputs, { env: { GITHUB_EVENT_NAME: 'workflow_dispatch' } });
    expect([run.exitCode, told(run)]).toEqual([0, '']);
    expect(world.github.secretNames('repo:acme/shop')).toHaveLength(100);
  });
});

/** The edge refuses what is asked after the client was moved; before it the new pair is tried once. */
function failsOnceMoved(): NonNullable<Sandbox['conditions']['fault']> {
  let moved = false;
  return (at, request) => {
    moved ||= patches(request);
    return at === 'edge' && moved ? json(400, { error: 'invalid_request' }) : undefined;
  };
}

describe('undone', () => {
  it('when GitHub refuses the delivery', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const before = world.tenant.reveal(clientId);
    world.conditions.fault = (_, { method, path }) =>
      method === 'PUT' && path.endsWith(SECRET) ? json(403, { message: 'no' }) : undefined;
    const run = await enroll(world, clientId);
    expect(code(run)).toBe('GITHUB_FORBIDDEN');
    expect(told(run)).toContain('The client uses client_secret_post again.');
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, '']);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('when it is cancelled while the proof waits', async () => {
    await using world = await startSandbox({ propagationDelayMs: 20_000 });
    const clientId = secretClient(world);
    const before = world.tenant.reveal(clientId);
    let answers = 0;
    const run = await operate(
      world,
      { operation: 'enroll', 'client-id': clientId },
      {
        killWhen: ({ phase, arrival }) => {
          if (phase === 'answered' && arrival.service === 'edge') answers += 1;
          // The first one was asked for before the client was moved.
          return answers === 2 ? 'cancel' : undefined;
        },
      },
    );
    expect([run.exitCode, code(run)]).toEqual([1, 'CANCELLED']);
    expect(told(run)).toContain('The client uses client_secret_post again.');
    expect(world.transcript.requests().filter((line) => line.startsWith('edge POST'))).toHaveLength(2);
    expect(world.tenant.reveal(clientId)).toEqual(before);
  });

  it.each(['x509_cert', 'public_key'] as const)(
    'but not what somebody else has changed: %s',
    async (type) => {
      const world = shared();
      const clientId = secretClient(world);
      const theirs = { credential_type: type, pem: key.cert, associate: true };
      let seeded: string | undefined;
      const killWhen: ActionOptions['killWhen'] = ({ phase, arrival: { request } }) => {
        if (phase === 'answered' && posts(request) && request.path.endsWith('/credentials'))
          seeded ??= world.tenant.seedCredential(clientId, theirs);
        return undefined;
      };
      const run = await operate(world, { operation: 'enroll', 'client-id': clientId }, { killWhen });
      expect([code(run), held(world)]).toEqual(['ROTATION_IN_PROGRESS', '']);
      expect(client(world, clientId)).toMatchObject({ associated: [seeded], pool: [seeded] });
    },
  );

  it('of a client whose record names no method: the client secret works again', async () => {
    const world = shared();
    const { client_id: clientId } = world.tenant.createClient({
      name: 'orders',
      grants: { [API_AUDIENCE]: ['read:orders'] },
    });
    expect(await loginBySecret(world, clientId)).toBe(200);
    world.conditions.fault = (at) => (at === 'edge' ? json(400, { error: 'invalid_request' }) : undefined);
    expect(code(await enroll(world, clientId))).toBe('VERIFICATION_FAILED');
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

describe('an answer that is lost', () => {
  it.each<[string, (request: EmulatorRequest) => boolean]>([
    ['POST', (request) => posts(request) && request.path.endsWith('/credentials')],
    ['PATCH', patches],
  ])('of the %s: done once', async (_, lost) => {
    const world = shared();
    const clientId = secretClient(world);
    let seen = 0;
    world.conditions.fault = (__, request) => {
      if (!lost(request)) return undefined;
      seen += 1;
      return seen === 1 ? { kind: 'lose' } : undefined;
    };
    const run = await enroll(world, clientId);
    expect([run.exitCode, client(world, clientId).pool]).toEqual([0, [run.outputs['credential-id']]]);
    expect(await loginByCertificate(world, clientId, held(world))).toBe(200);
  });
});

describe('killed', () => {
  it('with its credential just made: another run keeps away until the lease is over', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const inputs = { operation: 'enroll', 'client-id': clientId };
    await killed(world, inputs, ({ phase, arrival }) => phase === 'arrived' && patches(arrival.request));
    const early = await operate(world, inputs);
    expect([code(early), effects(world)]).toEqual(['ROTATION_IN_PROGRESS', []]);
    world.advance(LEASE_OVER);
    expect((await operate(world, inputs)).exitCode).toBe(0);
    expect(await loginByCertificate(world, clientId, held(world))).toBe(200);
  });
});
