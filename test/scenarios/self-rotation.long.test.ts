/** The management client rotates its own credential: from then on no client secret is needed anywhere. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_AUDIENCE, MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import type { ClientSeed } from '../emulators/tenant.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
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
import { code, DAY, held, MINUTE, rotate, SCOPE } from './support.ts';

/** It outlives all stories that share a world. */
const first = selfSignedCertificate('manager', 3_000);

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

describe.each(WAYS)('by $method', ({ method, type, made, input, login: loginBy }) => {
  let world: Sandbox;
  beforeAll(async () => {
    world = await startSandbox();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  let managers = 0;
  /** A management client, with a secret of its own in GitHub. */
  function manager(
    fields: ClientSeed = { client_authentication_methods: { [method]: { credentials: [] } } },
  ) {
    managers += 1;
    const name = `MANAGER_${managers}`;
    const { client_id: clientId, client_secret: secret } = world.tenant.createClient({
      name,
      grants: { [world.managementAudience]: [...MANAGEMENT_SCOPES], [API_AUDIENCE]: ['read:orders'] },
      ...fields,
    });
    const current = () => held(world, SCOPE, name);
    /** What it logs in with is all that it is given. */
    const given = (inputs: Inputs): Inputs => ({
      'client-id': clientId,
      'secret-name': name,
      'management-client-id': clientId,
      'management-client-secret': '',
      [input]: current() || made,
      'current-credential': '',
      'authentication-method': method,
      'verify-audience': world.managementAudience,
      verify: 'required',
      ...inputs,
    });
    const rotate = (inputs: Inputs = {}) => operate(world, given(inputs));
    const login = (pem = current()) => loginBy(world, clientId, pem);
    return { clientId, secret, current, given, rotate, login };
  }

  function seeded() {
    const self = manager();
    world.tenant.seedCredential(self.clientId, { credential_type: type, pem: first.cert, associate: true });
    return self;
  }

  it('moves to another repository as docs/recipes.md says, and no key is ever read back', async () => {
    const self = seeded();
    const name = `MOVED_${type.toUpperCase()}`;
    const [from, to] = ['env:acme/old/auth0-rotation', 'env:acme/new/auth0-rotation'];
    for (const repository of ['acme/old', 'acme/new'])
      world.github.addRepository(repository, { environments: ['auth0-rotation'] });
    const at = (scope: string) => held(world, scope, name);
    const run = (inputs: Inputs, pem: string) =>
      rotate(world, self.given({ 'secret-name': name, [input]: pem, ...inputs }));
    expect((await run({ destinations: from }, made)).outputs.rotated).toBe('true');
    world.advance(8 * DAY);
    const both = await run({ destinations: `${from}\n${to}` }, at(from));
    expect([both.exitCode, both.outputs.reason, at(to)]).toEqual([0, 'NotDue', at(from)]);
    // Two clocks are compared: a delivery of the last second may seem to lie ahead.
    world.advance(MINUTE);
    const there = { destinations: to, 'moved-from': from };
    const idle = await run(there, at(to));
    expect([idle.exitCode, told(idle), idle.outputs.reason]).toEqual([0, '', 'NotDue']);
    const headers = { authorization: `Bearer ${world.githubToken}` };
    const url = `${world.githubUrl}/repos/acme/old/environments/auth0-rotation/secrets/${name}`;
    expect((await world.call(url, { method: 'DELETE', headers })).status).toBe(204);
    for (const round of [1, 2, 3]) {
      const next = await run({ ...there, force: 'true' }, at(to));
      expect([round, next.exitCode, code(next)]).toEqual([round, 0, undefined]);
      expect(await self.login(at(to))).toBe(200);
      world.advance(8 * DAY);
    }
  });

  it.each(['until-next-rotation', '0h'])('three rotations in a row, overlap %s', async (overlap) => {
    const self = seeded();
    const seen = [made];
    for (const force of ['false', 'true', 'true']) {
      const run = await self.rotate({ overlap, force });
      expect(run).toMatchObject({ exitCode: 0, files: [], stderr: '', droppedOutputs: [] });
      expect(run.outputs).toMatchObject({ rotated: 'true', reason: seen[1] ? 'Forced' : 'FirstDelivery' });
      const bodies = world.transcript.arrivals('client').map(({ request }) => request.body);
      expect(bodies.filter((body) => body.includes('client_secret'))).toEqual([]);
      expect(client(world, self.clientId).associated).toContain(run.outputs['credential-id']);
      seen.push(self.current());
      world.advance(8 * DAY);
    }
    expect(new Set(seen).size).toBe(4);
    const logins = await Promise.all(seen.map(self.login));
    expect(logins).toEqual(overlap === '0h' ? [401, 401, 401, 200] : [401, 401, 200, 200]);
  });

  it('begins with its client secret, and needs it only once', async () => {
    const self = manager({ token_endpoint_auth_method: 'client_secret_post' });
    const bySecret = { 'management-client-secret': self.secret, [input]: '' };
    const enrollment = await self.rotate({ ...bySecret, operation: 'enroll' });
    expect([enrollment.exitCode, client(world, self.clientId).method]).toEqual([0, method]);
    world.advance(8 * DAY);
    expect(code(await self.rotate({ ...bySecret, force: 'true' }))).toBe('AUTH0_UNAUTHORIZED');
    expect((await self.rotate({ force: 'true' })).outputs.reason).toBe('Forced');
    expect(await self.login()).toBe(200);
  });

  it('killed at each write: the next run still logs in, and settles it', async () => {
    const self = seeded();
    await self.rotate();
    world.advance(8 * DAY);
    for (const write of [/^auth0 DELETE/, /^auth0 POST .*credentials$/, /^auth0 PATCH/, /^github PUT/]) {
      world.advance(LEASE_OVER);
      const run = await killed(
        world,
        self.given({ force: 'true' }),
        ({ phase, arrival }) => phase === 'arrived' && write.test(arrival.line),
      );
      expect([write, run.signal, await self.login()]).toEqual([write, 'SIGKILL', 200]);
      world.advance(LEASE_OVER);
      const next = await self.rotate();
      expect([write, next.exitCode, code(next), await self.login()]).toEqual([write, 0, undefined, 200]);
    }
  });

  it('has nothing to do while its key is good, and knows the secret exactly', async () => {
    const self = seeded();
    const rotation = await self.rotate();
    world.advance(8 * DAY);
    const idle = await self.rotate();
    expect([idle.exitCode, idle.outputs.reason, effects(world)]).toEqual([0, 'NotDue', []]);
    expect(idle.outputs['credential-id']).toBe(rotation.outputs['credential-id']);
    // Known by the login, so that another size is seen.
    const larger = await self.rotate({ 'key-size': '3072' });
    expect([larger.exitCode, larger.outputs.reason]).toEqual([0, 'SpecChanged']);
    expect(await self.login()).toBe(200);
  });

  it('asks once more if the login got no answer', async () => {
    const self = seeded();
    let seen = 0;
    world.conditions.fault = (_, { path }) => {
      seen += path === '/oauth/token' ? 1 : 0;
      return path === '/oauth/token' && seen === 1 ? { kind: 'lose' } : undefined;
    };
    const run = await self.rotate();
    world.conditions.fault = undefined;
    expect([run.exitCode, code(run), await self.login()]).toEqual([0, undefined, 200]);
  });

  it('with a key that has given way is refused, and nothing changes', async () => {
    const self = seeded();
    await self.rotate({ overlap: '0h' });
    world.advance(8 * DAY);
    expect((await self.rotate({ overlap: '0h' })).outputs['removed-credential-ids']).toContain('cred_');
    const before = world.tenant.reveal(self.clientId);
    const run = await self.rotate({ [input]: made, force: 'true' });
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'AUTH0_UNAUTHORIZED', []]);
    expect(told(run)).toContain('Nothing was changed in Auth0 or GitHub.');
    expect([world.tenant.reveal(self.clientId), await self.login()]).toEqual([before, 200]);
  });
});
