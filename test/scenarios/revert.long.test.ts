/** `revert`, more of it: to and from each method, what it keeps, and where it is interrupted. The main stories: revert.test.ts. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import {
  client,
  deletes,
  effects,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginByKey,
  loginBySecret,
  operate,
  patches,
  secretClient,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { enrolled, forced, foreign, PATCH, revert, rotated } from './reversions.ts';
import { code, held, json, MINUTE } from './support.ts';

const MTLS = 'self_signed_tls_client_auth';
const shared = sharedWorld();

describe('revert', () => {
  it('to client_secret_basic', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const run = await revert(world, clientId, { 'revert-to': 'client_secret_basic' });
    expect([run.exitCode, client(world, clientId).method]).toEqual([0, 'client_secret_basic']);
    expect(await loginBySecret(world, clientId, 'client_secret_basic')).toBe(200);
  });

  it('to none: a public client that was enrolled is public again', async () => {
    const world = shared();
    const clientId = secretClient(world, 'none');
    const plan = await operate(world, { operation: 'plan', 'plan-of': 'enroll', 'client-id': clientId });
    expect(plan.outputs.plan).toContain(
      'This client is public (token_endpoint_auth_method none) and becomes',
    );
    await forced(world, { operation: 'enroll', 'client-id': clientId });
    const pem = held(world);
    expect(client(world, clientId).method).toBe(MTLS);
    expect(await loginByCertificate(world, clientId, pem)).toBe(200);
    const run = await revert(world, clientId, { 'revert-to': 'none' });
    expect([run.exitCode, client(world, clientId)]).toEqual([
      0,
      { method: 'none', associated: [], pool: [] },
    ]);
    expect(await loginByCertificate(world, clientId, pem)).not.toBe(200);
    expect(warnings(run)).toMatch(
      /INTERRUPTION.*It is public again: anybody who knows its client id can act as this client/,
    );
    expect(run.summary).toMatch(/`orders` is a public client again: it has no credential\./);
    const again = await revert(world, clientId, { 'revert-to': 'none' });
    expect([again.exitCode, again.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
  });

  it.each([
    ['none', 'client_secret_post'],
    ['client_secret_basic', 'none'],
  ] as const)('makes no client of %s one of %s: it has left no credentials', async (method, to) => {
    const world = shared();
    const clientId = secretClient(world, method);
    const run = await revert(world, clientId, { 'revert-to': to });
    expect([code(run), effects(world), client(world, clientId).method]).toEqual([
      'METHOD_MISMATCH',
      [],
      method,
    ]);
  });

  it('of private_key_jwt', async () => {
    const world = shared();
    const method = { 'authentication-method': 'private_key_jwt' };
    const clientId = await enrolled(world, method);
    expect(await loginByKey(world, clientId, held(world))).toBe(200);
    const run = await revert(world, clientId, method);
    expect([run.exitCode, client(world, clientId).pool]).toEqual([0, []]);
    expect([await loginBySecret(world, clientId), await loginByKey(world, clientId, held(world))]).toEqual([
      200, 401,
    ]);
  });

  it('keeps what keep-credentials names', async () => {
    const world = shared();
    const clientId = await rotated(world);
    const [kept = '', removed] = client(world, clientId).pool;
    const run = await revert(world, clientId, { 'keep-credentials': kept });
    expect(run.outputs['removed-credential-ids']).toBe(JSON.stringify([removed]));
    expect(client(world, clientId)).toMatchObject({ method: 'client_secret_post', pool: [kept] });
    const again = await revert(world, clientId, { 'keep-credentials': kept });
    expect([again.exitCode, effects(world), client(world, clientId).pool]).toEqual([0, [], [kept]]);
  });

  it("removes what was made by hand for the method, not another workflow's", async () => {
    await using world = await startSandbox();
    const others = await operate(world, { 'secret-name': 'OTHER', 'current-credential': '' });
    world.advance(20 * MINUTE);
    const run = await revert(world, world.clientId, { 'current-credential': '' });
    expect(run.outputs['removed-credential-ids']).toBe(JSON.stringify([world.client.credentialId]));
    expect(client(world, world.clientId).pool).toEqual([others.outputs['credential-id']]);
    expect(await loginBySecret(world, world.clientId)).toBe(200);
  });

  it('only plans if that was asked for', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const before = world.tenant.reveal(clientId);
    const run = await revert(world, clientId, { operation: 'plan', 'plan-of': 'revert' });
    expect([run.exitCode, run.outputs.reason, effects(world)]).toEqual([0, 'MethodDiffers', []]);
    expect(run.outputs.plan).toContain(`${MTLS} stops working at this moment`);
    expect(world.tenant.reveal(clientId)).toEqual(before);
  });

  it('and enrolled again: a new credential, and the secret logs in', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const pem = held(world);
    await revert(world, clientId);
    world.advance(20 * MINUTE);
    const run = await operate(world, { operation: 'enroll', 'client-id': clientId });
    expect([run.exitCode, run.outputs.reason]).toEqual([0, 'MethodDiffers']);
    expect(client(world, clientId).pool).toEqual([run.outputs['credential-id']]);
    expect(await loginByCertificate(world, clientId, held(world))).toBe(200);
    expect(await loginByCertificate(world, clientId, pem)).toBe(401);
  });

  it('of a client that uses yet another method is refused', async () => {
    const world = shared();
    const run = await revert(world, world.clientId, { 'authentication-method': 'private_key_jwt' });
    expect([code(run), effects(world)]).toEqual(['METHOD_MISMATCH', []]);
    expect(await loginByCertificate(world, world.clientId, world.client.pem)).toBe(200);
  });

  it.each(['unchanged', 'off'])('unbinds what was bound, token-binding %s', async (desired) => {
    const world = shared();
    const clientId = await enrolled(world, { 'token-binding': 'required' });
    const run = await revert(world, clientId, { 'token-binding': desired });
    expect([run.exitCode, client(world, clientId).method]).toEqual([0, 'client_secret_post']);
    expect(world.tenant.reveal(clientId).client.require_proof_of_possession).toBe(false);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('of a client that uses the other client secret method changes that, and says so', async () => {
    const world = shared();
    const clientId = secretClient(world, 'client_secret_basic');
    const run = await revert(world, clientId);
    expect([run.exitCode, effects(world)]).toEqual([0, [PATCH]]);
    expect(run.summary).toContain('Set revert-to: client_secret_basic to leave it.');
    expect(client(world, clientId).method).toBe('client_secret_post');
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

describe('interrupted', () => {
  it.each<[string, (request: EmulatorRequest) => boolean]>([
    ['the PATCH', patches],
    ['the first DELETE', deletes],
  ])('killed at %s: the next revert deletes what is left of ours', async (_, at) => {
    const world = shared();
    const clientId = await rotated(world);
    const byHand = world.tenant.seedCredential(clientId, {
      credential_type: 'x509_cert',
      pem: foreign.cert,
      associate: false,
    });
    const inputs = { operation: 'revert', 'client-id': clientId };
    await killed(world, inputs, ({ phase, arrival }) => phase === 'arrived' && at(arrival.request));
    expect(await loginBySecret(world, clientId)).toBe(200);
    expect(client(world, clientId).pool.length).toBeGreaterThan(1);
    world.advance(LEASE_OVER);
    const next = await revert(world, clientId);
    expect([next.exitCode, next.outputs.reason]).toEqual([0, 'NotDue']);
    expect(client(world, clientId)).toEqual({
      method: 'client_secret_post',
      associated: [],
      pool: [byHand],
    });
    expect(await loginBySecret(world, clientId)).toBe(200);
  });

  it('cancelled after the PATCH: there is no way back', async () => {
    const world = shared();
    const clientId = await enrolled(world);
    const run = await operate(
      world,
      { operation: 'revert', 'client-id': clientId },
      {
        killWhen: ({ phase, arrival }) =>
          phase === 'answered' && patches(arrival.request) ? 'SIGINT' : undefined,
      },
    );
    expect([run.exitCode, code(run)]).toEqual([1, 'CANCELLED']);
    expect(told(run)).toMatch(/uses client_secret_post again.*run revert once more/);
    expect(await loginBySecret(world, clientId)).toBe(200);
    expect((await revert(world, clientId)).exitCode).toBe(0);
    expect(client(world, clientId).pool).toEqual([]);
  });

  it('an enrollment that died and left nobody able to log in: a revert ends that at once', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const inputs = { operation: 'enroll', 'client-id': clientId };
    await killed(world, inputs, ({ phase, arrival }) => phase === 'arrived' && patches(arrival.request));
    expect(await loginBySecret(world, clientId)).toBe(401);
    expect((await revert(world, clientId)).exitCode).toBe(0);
    expect([client(world, clientId).pool, await loginBySecret(world, clientId)]).toEqual([[], 200]);
  });

  it('Auth0 fails at a DELETE: the client secret works, and the next revert ends it', async () => {
    const world = shared();
    const clientId = await rotated(world);
    let seen = 0;
    world.conditions.fault = (_, request) => {
      seen += deletes(request) ? 1 : 0;
      return deletes(request) && seen > 1 ? json(400, { message: 'no' }) : undefined;
    };
    const run = await revert(world, clientId);
    const [gone] = JSON.parse(run.outputs['removed-credential-ids'] ?? '');
    expect([run.exitCode, code(run)]).toEqual([1, 'AUTH0_REQUEST_FAILED']);
    expect(told(run)).toMatch(/uses client_secret_post again.*run revert once more/);
    expect(told(run)).toContain(`Credential ${gone} was removed.`);
    expect([client(world, clientId).pool.length, await loginBySecret(world, clientId)]).toEqual([1, 200]);
    world.conditions.fault = undefined;
    expect((await revert(world, clientId)).exitCode).toBe(0);
    expect(client(world, clientId).pool).toEqual([]);
  });
});
