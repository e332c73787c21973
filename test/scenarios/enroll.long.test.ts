/** `enroll`, more of it: from the other methods, refusals, destinations that take no write, reads that lag behind, an undo that fails, and a crash at every request. The main stories: enroll.test.ts. */

import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { ActionOptions } from '../emulators/runner.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { describeFormer, enroll, FORMER, key, keyClient, MTLS } from './enrollments.ts';
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
  patches,
  posts,
  puts,
  secretClient,
  sharedWorld,
  told,
} from './operations.ts';
import { handMade } from './rehearsals.ts';
import { code, credentialOf, held, json, MINUTE, SCOPE, SECRET } from './support.ts';

const shared = sharedWorld();
describeFormer(shared, FORMER.slice(1));

/** Secrets that nobody asks for here. */
function fill(world: Sandbox, scope: string, upTo: number): void {
  for (let n = world.github.secretNames(scope).length; n < upTo; n += 1)
    world.github.seedSecret(scope, `OTHER_${n}`, '');
}

describe('undone', () => {
  it('but not what somebody else has added since', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const theirs = { credential_type: 'x509_cert', pem: key.cert, associate: true } as const;
    const seeded: string[] = [];
    let proofs = 0;
    world.conditions.fault = (at) => {
      if (at !== 'edge') return undefined;
      proofs += 1;
      // Meanwhile the run has read its change back.
      if (proofs === 1) return json(401, { error: 'access_denied' });
      seeded.push(world.tenant.seedCredential(clientId, theirs));
      return json(400, { error: 'invalid_request' });
    };
    const run = await enroll(world, clientId);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(told(run)).toContain('so it was not moved back');
    expect(seeded).toHaveLength(1);
    // Its own credential goes: nobody has the key.
    expect(client(world, clientId)).toMatchObject({ method: MTLS, associated: seeded, pool: seeded });
  });

  it.each<[string, Inputs]>([
    ['the client secret works again', {}],
    ['it gets tokens that are bound to nothing, as before', { 'token-binding': 'required' }],
  ])('if reads lag behind: %s', async (_, inputs) => {
    const one = async (seed: number) => {
      await using world = await startSandbox({ staleReadsMs: 1_000, seed });
      const clientId = secretClient(world);
      // Else a read may show the tenant before the client was made.
      await setTimeout(1_100);
      let moved = false;
      world.conditions.fault = (at, request) => {
        moved ||= patches(request);
        return at === 'edge' && moved ? json(400, { error: 'invalid_request' }) : undefined;
      };
      expect(code(await enroll(world, clientId, inputs))).toBe('VERIFICATION_FAILED');
      expect([seed, await loginBySecret(world, clientId)]).toEqual([seed, 200]);
    };
    await Promise.all([1, 2, 3].map(one));
  });

  it('only in part, when Auth0 fails: it says who cannot log in', async () => {
    const world = shared();
    const clientId = secretClient(world);
    let moved = false;
    world.conditions.fault = (at, request) => {
      if (at === 'edge' && moved) return json(400, { error: 'invalid_request' });
      const fails = moved && patches(request);
      moved ||= patches(request);
      return fails ? json(400, { message: 'no' }) : undefined;
    };
    const run = await enroll(world, clientId);
    expect([code(run), client(world, clientId).method]).toEqual(['VERIFICATION_FAILED', MTLS]);
    expect(await loginBySecret(world, clientId)).toBe(401);
    // First of all, wherever it is read.
    expect(told(run)).toMatch(
      /^Perhaps NOBODY CAN LOG IN\. Set the client's method back at once\. The client uses .* NOBODY CAN LOG IN, not even by client_secret_post.*operation: revert/,
    );
    expect(run.summary).toMatch(
      /^## ❌ `orders`: perhaps NOBODY CAN LOG IN.*\n\n\*\*What is true now\.\*\* The client uses /,
    );
    world.conditions.fault = undefined;
    expect((await enroll(world, clientId, { operation: 'revert' })).exitCode).toBe(0);
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

describe('killed', () => {
  it('at each request: a later run ends with a secret that logs in', async () => {
    const world = shared();
    let points = 0;
    for (;;) {
      const n = points + 1;
      const clientId = secretClient(world);
      const inputs = { operation: 'enroll', 'client-id': clientId, 'secret-name': `ORDERS_${n}` };
      const run = await killed(world, inputs, ({ phase, count }) => phase === 'arrived' && count === n);
      if (run.signal !== 'SIGKILL') break;
      points = n;
      const left = client(world, clientId);
      // Whoever has the client secret logs in until the very change.
      expect([n, await loginBySecret(world, clientId)]).toEqual([n, left.method === MTLS ? 401 : 200]);
      // Before its POST the next run is a first one.
      if (left.pool.length === 0) continue;
      world.advance(LEASE_OVER);
      const next = await operate(world, inputs);
      expect([n, next.exitCode, code(next)]).toEqual([n, 0, undefined]);
      const pem = held(world, SCOPE, `ORDERS_${n}`);
      expect([n, await loginByCertificate(world, clientId, pem)]).toEqual([n, 200]);
      expect(await loginBySecret(world, clientId)).toBe(401);
      expect(client(world, clientId).associated).toContain(credentialOf(world, pem, clientId));
      expect(client(world, clientId).pool.length).toBeLessThanOrEqual(2);
    }
    console.log(`enroll killed at ${points} requests: each ended with a secret that logs in`);
    expect(points).toBeGreaterThanOrEqual(14);
  });

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
      'DESTINATION_FULL',
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
