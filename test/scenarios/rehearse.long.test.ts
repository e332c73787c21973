/** `operation: rehearse`, more of it: other methods, refusals, the negative control, a crash at every request, a signal at every write, and an edge that hangs up. The main stories: rehearse.test.ts. */

import { describe, expect, it } from 'vitest';
import { MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import {
  client,
  effects,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginByKey,
  operate,
  secretClient,
  sharedWorld,
  told,
} from './operations.ts';
import { everything, handMade, isProof, knownSubject, proofs, rehearse, rehearsed } from './rehearsals.ts';
import { code, DAY, held, json, MINUTE, rotate, SCOPE, SECRET, settle, withConsumers } from './support.ts';

/** Only what comes after the proof: the negative control. */
function onControl(world: Sandbox, fault: ReturnType<typeof json>): void {
  let seen = 0;
  world.conditions.fault = (service, request) => {
    if (!isProof(service, request)) return undefined;
    seen += 1;
    return seen > 1 ? fault : undefined;
  };
}

describe('CA-signed certificates', () => {
  it('of a subject that Auth0 knows: no write at all; refused by an edge that ends the connection', async () => {
    await using world = await startSandbox({ verifiesClients: true });
    const { clientId, inputs } = knownSubject(world);
    await rehearsed(world, clientId, inputs);
    expect(effects(world)).toEqual([]);
    expect(proofs(world).filter((status) => status !== undefined)).toEqual([200]);
  });

  it('of a subject that Auth0 knows: no write at all; refused by Auth0', async () => {
    await using world = await startSandbox();
    const { clientId, inputs } = knownSubject(world);
    await rehearsed(world, clientId, inputs);
    expect(effects(world)).toEqual([]);
    expect(proofs(world)).toEqual([200, 401]);
    // Another subject takes a credential of its own.
    const other = world.authority.clientCertificate({ CN: 'other' });
    await rehearsed(world, clientId, { ...inputs, certificate: other.cert, 'private-key': other.key });
    expect(effects(world)).toHaveLength(4);
  });
});

describe('interrupted', () => {
  const shared = sharedWorld();

  it('killed at each request: a rotation waits for the lease, and heals', async () => {
    const world = shared();
    let points = 0;
    let orphans = 0;
    for (let reached = true; reached; points += 1) {
      const pair = selfSignedCertificate('hand');
      const clientId = handMade(world, pair);
      const inputs = { 'client-id': clientId, 'secret-name': `PEM_${points}`, 'current-credential': '' };
      const run = await killed(world, { operation: 'rehearse', ...inputs }, (event) => {
        return event.phase === 'answered' && event.count === points + 1;
      });
      reached = run.signal === 'SIGKILL';
      expect(await loginByCertificate(world, clientId, pair.key + pair.cert)).toBe(200);
      if (client(world, clientId).pool.length === 1) continue;
      orphans += 1;
      if (orphans === 1) expect(code(await rotate(world, inputs))).toBe('ROTATION_IN_PROGRESS');
      world.advance(LEASE_OVER);
      // By turns a rotation, and a rehearsal before it.
      if (orphans % 2 === 0) await rehearsedAgain(world, inputs);
      const next = await rotate(world, inputs);
      expect([points, next.exitCode, code(next)], next.log).toEqual([points, 0, undefined]);
      const { associated, pool } = client(world, clientId);
      expect([associated, pool.length]).toEqual([pool, 2]);
      for (const pem of [pair.key + pair.cert, held(world, SCOPE, inputs['secret-name'])])
        expect(await loginByCertificate(world, clientId, pem)).toBe(200);
    }
    console.log(`killed at ${points - 1} requests of a rehearsal: ${orphans} orphans, each healed`);
    expect(points).toBeGreaterThan(15);
    expect(orphans).toBeGreaterThan(5);
  });

  async function rehearsedAgain(world: Sandbox, inputs: Inputs): Promise<void> {
    expect((await operate(world, { operation: 'rehearse', ...inputs })).exitCode).toBe(0);
    expect(client(world, `${inputs['client-id']}`).pool).toHaveLength(1);
  }

  it('cancelled at each write, and at each proof: everything as it was', async () => {
    const world = shared();
    const clientId = handMade(world);
    const before = everything(world, clientId);
    const codes: (string | undefined)[] = [];
    for (let n = 1, reached = true; reached; n += 1) {
      reached = false;
      let seen = 0;
      const killWhen = ({ phase, arrival: { request } }: TrafficEvent) => {
        if (phase !== 'answered' || request.method === 'GET') return undefined;
        seen += 1;
        reached ||= seen === n;
        return seen === n ? 'SIGTERM' : undefined;
      };
      codes.push(code(await rehearse(world, clientId, {}, { killWhen })));
      expect([n, everything(world, clientId)]).toEqual([n, before]);
    }
    expect(codes.filter((one) => one === 'CANCELLED').length).toBeGreaterThanOrEqual(5);
    // After the last request there is nothing left to cancel.
    expect(codes.at(-1)).toBeUndefined();
  });

  it('what it has left is in no secret, although the secret was written by hand after it', async () => {
    const world = shared();
    const clientId = handMade(world);
    const inputs = { 'client-id': clientId, overlap: '0h' };
    expect((await operate(world, inputs)).exitCode).toBe(0);
    world.advance(2 * MINUTE);
    const before = client(world, clientId).pool;
    await killed(world, { operation: 'rehearse', ...inputs }, ({ phase, arrival }) => {
      return phase === 'answered' && arrival.line.includes('PATCH');
    });
    expect(client(world, clientId).associated).toHaveLength(2);
    world.advance(MINUTE);
    world.github.seedSecret(SCOPE, SECRET, held(world), {
      updatedAt: new Date(world.githubNow()).toISOString(),
    });
    world.advance(LEASE_OVER);
    const next = await operate(world, { ...inputs, 'current-credential': '' });
    expect([next.outputs.reason, client(world, clientId).pool]).toEqual(['NotDue', before]);
  });

  it.each(['POST', 'DELETE'])('by a lost answer to %s: it works all the same', async (lost) => {
    const world = shared();
    let seen = 0;
    world.conditions.fault = (_, { method, path }) => {
      if (method !== lost || !path.includes('/credentials')) return undefined;
      seen += 1;
      return seen === 1 ? { kind: 'lose' } : undefined;
    };
    await rehearsed(world, handMade(world));
    expect(seen).toBe(lost === 'POST' ? 1 : 2);
  });

  it('by a missing scope, before any effect: the error says so', async () => {
    for (const scope of ['create', 'update', 'delete']) {
      const managementScopes = MANAGEMENT_SCOPES.filter((one) => one !== `${scope}:client_credentials`);
      await using world = await startSandbox({ managementScopes });
      const before = everything(world, world.clientId);
      const run = await rehearse(world, world.clientId);
      expect([scope, code(run)]).toEqual([scope, 'AUTH0_FORBIDDEN']);
      expect([everything(world, world.clientId), effects(world)]).toEqual([before, []]);
      expect(told(run)).toContain(`The management client lacks ${scope}:client_credentials.`);
    }
  });
});

describe('a rehearsal', () => {
  const shared = sharedWorld();
  const KEY = { 'authentication-method': 'private_key_jwt' };

  it('of a client that rotates: no login is refused, and the next rotation is as if it had not been', async () => {
    const world = shared();
    const clientId = world.clientId;
    await settle(world);
    const free = await operate(world, { overlap: '0h', force: 'true' });
    expect(free.exitCode).toBe(0);
    world.advance(8 * DAY);
    const refused = await withConsumers(world, [SCOPE], async () => {
      await rehearsed(world, clientId);
      await rehearsed(world, clientId, { 'current-credential': '' });
    });
    expect(refused).toEqual([]);
    const next = await operate(world, { 'current-credential': '' });
    expect([next.exitCode, next.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
  });

  it('of a bare key: by client assertion', async () => {
    const world = shared();
    const clientId = secretClient(world, 'client_secret_post', { description: 'orders' });
    expect((await operate(world, { ...KEY, operation: 'enroll', 'client-id': clientId })).exitCode).toBe(0);
    world.advance(8 * DAY);
    await rehearsed(world, clientId, KEY);
    // The pair in use, the new one, one that nobody has registered.
    expect(proofs(world)).toEqual([200, 200, 401]);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
  });

  it('is planned, and the plan is shown', async () => {
    const world = shared();
    const clientId = handMade(world);
    const run = await operate(world, { operation: 'plan', 'plan-of': 'rehearse', 'client-id': clientId });
    expect([run.exitCode, run.outputs.reason, effects(world)]).toEqual([0, 'Rehearsal', []]);
    expect(run.summary).toContain('a rotation would be rehearsed');
    expect(run.summary).toContain('which must be refused');
  });

  it('asks for token binding nowhere', async () => {
    const world = shared();
    await rehearsed(world, handMade(world), { 'token-binding': 'off' });
  });

  it.each([
    ['verify: off', { verify: 'off' }, /'verify' is off, but a rehearsal needs a proof/],
    ['no github-token', { 'github-token': '' }, /'github-token' must not be empty/],
  ])('is refused without a request: %s', async (_, inputs, words) => {
    const world = shared();
    const run = await rehearse(world, world.clientId, inputs);
    expect([code(run), world.transcript.count()]).toEqual(['INVALID_INPUT', 0]);
    expect(told(run)).toMatch(words);
  });

  it('with both places taken it refuses, and says what to do', async () => {
    const world = shared();
    const clientId = handMade(world);
    const inputs = { 'client-id': clientId };
    for (let times = 0; times < 2; times += 1) {
      expect((await operate(world, { ...inputs, force: 'true' })).exitCode).toBe(0);
      world.advance(8 * DAY);
    }
    const before = everything(world, clientId);
    const run = await rehearse(world, clientId);
    expect([code(run), effects(world)]).toEqual(['CREDENTIAL_LIMIT', []]);
    expect(run.summary).toContain('Act before ');
    expect(told(run)).toMatch(
      /Set an overlap \(such as 7d\): when it has ended, a run of operation: rotate removes /,
    );
    expect(everything(world, clientId)).toBe(before);
  });

  it('with a pool that is full of others it refuses', async () => {
    const world = shared();
    const clientId = handMade(world);
    world.tenant.seedCredential(clientId, {
      credential_type: 'x509_cert',
      pem: selfSignedCertificate('foreign').cert,
      associate: false,
    });
    const before = everything(world, clientId);
    const run = await rehearse(world, clientId);
    expect(code(run)).toBe('CREDENTIAL_LIMIT');
    expect(told(run)).toMatch(/Nobody can log in with \S+ by this method\. Delete it in/);
    expect(everything(world, clientId)).toBe(before);
  });

  it('of a client that uses another method, or at a place that is not there, it refuses', async () => {
    const world = shared();
    const other = await rehearse(world, secretClient(world));
    expect([code(other), effects(world)]).toEqual(['METHOD_MISMATCH', []]);
    const hidden = await rehearse(world, handMade(world), { destinations: `${SCOPE}\nrepo:acme/hidden` });
    expect([code(hidden), effects(world)]).toEqual(['DESTINATION_NOT_FOUND', []]);
  });
});

describe('the negative control', () => {
  const shared = sharedWorld();

  it.each([
    [
      'a token in its answer',
      json(200, { access_token: 'a.b.c' }),
      'UNREGISTERED_ACCEPTED',
      /got an access token/,
    ],
    ['neither a token nor a refusal', json(200, { hello: 'x' }), 'VERIFICATION_FAILED', /could not find out/],
    ['an edge that refuses with 400', json(400, {}), undefined, /^$/],
  ])('%s', async (_, fault, expected, words) => {
    const world = shared();
    const clientId = handMade(world);
    const before = everything(world, clientId);
    onControl(world, fault);
    const run = await rehearse(world, clientId);
    expect(code(run)).toBe(expected);
    expect(told(run)).toMatch(words);
    if (expected) expect(told(run)).toContain('The new credential was removed again.');
    expect(everything(world, clientId)).toBe(before);
  });
});
