/** `enroll` where it takes long: reads that lag behind, an undo that fails, and a crash at every request. */

import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import {
  client,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginBySecret,
  operate,
  secretClient,
  sharedWorld,
  told,
} from './operations.ts';
import { code, credentialOf, held, json, SCOPE } from './support.ts';

const key = selfSignedCertificate('former key');
const MTLS = 'self_signed_tls_client_auth';

const shared = sharedWorld();
const enroll = (world: Sandbox, clientId: string, inputs: Inputs = {}) =>
  operate(world, { operation: 'enroll', 'client-id': clientId, ...inputs });

const patches = ({ method }: EmulatorRequest) => method === 'PATCH';

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
      /^Perhaps NOBODY CAN LOG IN\. Set its method back at once\. The client uses .* NOBODY CAN LOG IN, not even by client_secret_post.*operation: revert/,
    );
    expect(run.summary).toMatch(
      /^## ❌ `orders`: perhaps NOBODY CAN LOG IN.*\n\n\*\*What is true now\.\*\* The client uses /,
    );
    world.conditions.fault = undefined;
    expect((await enroll(world, clientId, { operation: 'revert' })).exitCode).toBe(0);
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
});
