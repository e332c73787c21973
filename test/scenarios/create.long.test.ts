/** `create`, more of it: whose client it is, refusals, answers that are lost, a crash at every request, and two runs in the same moment. The main stories: create.test.ts. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { ActionOptions } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { CREATE, create, deleteClients, grant, POST, PUT, postsClient } from './creations.ts';
import {
  CREATOR,
  client,
  clientsNamed,
  effects,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  loginByKey,
  loginBySecret,
  operate,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { BY_HAND, code, credentialOf, held, json, MINUTE, SCOPE, SECRET } from './support.ts';

const shared = sharedWorld(CREATOR);
beforeEach(() => deleteClients(shared()));

describe('killed', () => {
  it('at each request: the next run finishes with the client that is there, or makes the first', async () => {
    const world = shared();
    let points = 0;
    for (;;) {
      const n = points + 1;
      const name = `orders ${n}`;
      const secretName = `ORDERS_${n}`;
      const inputs = { ...CREATE, 'client-name': name, 'secret-name': secretName };
      const run = await killed(world, inputs, ({ phase, count }) => phase === 'arrived' && count === n);
      if (run.signal !== 'SIGKILL') break;
      points = n;
      const left = await clientsNamed(world, name);
      // Before its POST the next run is a first one.
      if (left.length === 0) continue;
      world.advance(LEASE_OVER);
      const next = await operate(world, inputs);
      expect([n, next.exitCode, next.outputs['client-id']]).toEqual([n, 0, left[0]]);
      expect(await clientsNamed(world, name)).toEqual(left);
      const pem = held(world, SCOPE, secretName);
      grant(world, left[0] ?? '');
      expect([n, await loginByCertificate(world, left[0] ?? '', pem)]).toEqual([n, 200]);
    }
    console.log(`create killed at ${points} requests: each finished with one client`);
    expect(points).toBeGreaterThanOrEqual(12);
  });

  it('with its client just made: another run keeps away until the lease is over', async () => {
    const world = shared();
    await killed(world, CREATE, ({ phase, arrival }) => phase === 'answered' && postsClient(arrival.request));
    const [clientId] = await clientsNamed(world, 'orders');
    const early = await create(world);
    expect([code(early), effects(world)]).toEqual(['ROTATION_IN_PROGRESS', []]);
    world.advance(LEASE_OVER);
    expect((await create(world)).outputs).toMatchObject({ 'client-id': clientId, rotated: 'true' });
  });
});

describe('POST /clients', () => {
  it('of two runs in the same moment: never two clients, and what is stored belongs to the one', async () => {
    const world = shared();
    world.conditions.fault = (_, request) =>
      postsClient(request) ? { kind: 'slow', delayMs: 5_000 } : undefined;
    const runs = await Promise.all([create(world), create(world)]);
    const [loser, winner] = runs.toSorted((a, b) => (b.exitCode ?? 0) - (a.exitCode ?? 0));
    expect(loser && code(loser)).toBe('ROTATION_IN_PROGRESS');
    const clients = await clientsNamed(world, 'orders');
    if (winner?.exitCode === 0) {
      expect(clients).toEqual([winner.outputs['client-id']]);
      expect(credentialOf(world, held(world), clients[0])).toBe(winner.outputs['credential-id']);
    } else expect([clients, held(world)]).toEqual([[], '']);
  });

  const LANDS: Fault[] = [
    { kind: 'lose' },
    { kind: 'garble', as: 'html' },
    { kind: 'garble', as: 'empty' },
    { kind: 'garble', as: 'half-json' },
  ];

  it.each(LANDS)('that has landed without a usable answer is adopted: %o', async (fault) => {
    const world = shared();
    world.conditions.fault = (_, request) => (postsClient(request) ? fault : undefined);
    const run = await create(world);
    const clients = await clientsNamed(world, 'orders');
    expect([run.exitCode, clients]).toEqual([0, [run.outputs['client-id']]]);
    expect(effects(world)).toEqual([POST, PUT]);
    expect(credentialOf(world, held(world), clients[0])).toBe(run.outputs['credential-id']);
  });

  it('that got no answer is waited for, not sent again at once; cancelled, nothing is left', async () => {
    const world = shared();
    let posted = false;
    world.conditions.fault = (_, request) => {
      posted ||= postsClient(request);
      return postsClient(request) ? { kind: 'drop' } : undefined;
    };
    const killWhen: ActionOptions['killWhen'] = ({ phase, arrival }) =>
      posted && phase === 'answered' && arrival.line.includes('page=') ? 'SIGINT' : undefined;
    const run = await create(world, {}, { killWhen });
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'CANCELLED', [POST]]);
    expect([await clientsNamed(world, 'orders'), held(world)]).toEqual([[], '']);
    world.conditions.fault = undefined;
    expect((await create(world)).exitCode).toBe(0);
    expect(await clientsNamed(world, 'orders')).toHaveLength(1);
  });

  it('that is one too many for the moment is sent again', async () => {
    const world = shared();
    let seen = 0;
    world.conditions.fault = (_, request) => {
      seen += postsClient(request) ? 1 : 0;
      return postsClient(request) && seen === 1 ? json(429, {}, { 'retry-after': '0' }) : undefined;
    };
    expect([(await create(world)).exitCode, effects(world)]).toEqual([0, [POST, POST, PUT]]);
    expect(await clientsNamed(world, 'orders')).toHaveLength(1);
  });
});

describe('create', () => {
  it('makes one that logs in by private_key_jwt', async () => {
    const world = shared();
    const run = await create(world, { 'authentication-method': 'private_key_jwt' });
    const clientId = run.outputs['client-id'] ?? '';
    expect([run.exitCode, client(world, clientId).method]).toEqual([0, 'private_key_jwt']);
    grant(world, clientId);
    expect([await loginByKey(world, clientId, held(world)), await loginBySecret(world, clientId)]).toEqual([
      200, 401,
    ]);
  });

  it('only plans if that was asked for', async () => {
    const world = shared();
    const plan = { operation: 'plan' };
    const first = await create(world, plan);
    expect(first.outputs).toMatchObject({ 'client-id': '', rotated: 'false', reason: 'FirstDelivery' });
    expect(first.outputs.plan).toContain('Create the client orders');
    expect([first.exitCode, effects(world), await clientsNamed(world, 'orders')]).toEqual([0, [], []]);
    const made = await create(world);
    world.advance(20 * MINUTE);
    const second = await create(world, plan);
    expect(second.outputs).toMatchObject({ 'client-id': made.outputs['client-id'], reason: 'NotDue' });
    expect(effects(world)).toEqual([]);
  });
});

describe('whose client it is', () => {
  it('is known by its mark, even if it has another name by now', async () => {
    const world = shared();
    const subject = 'CN=orders';
    const clientId = (await create(world, { subject })).outputs['client-id'];
    world.advance(20 * MINUTE);
    const renamed = await create(world, { subject, 'client-name': 'invoices' });
    expect(renamed.outputs).toMatchObject({ 'client-id': clientId, reason: 'NotDue' });
    expect([renamed.exitCode, effects(world)]).toEqual([0, []]);
  });

  it('is shown by current-credential, if two runs have made one each', async () => {
    const world = shared();
    const clientId = (await create(world)).outputs['client-id'] ?? '';
    const { client_id: _, ...twin } = world.tenant.reveal(clientId).client;
    world.tenant.createClient({
      ...twin,
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
    });
    world.advance(20 * MINUTE);
    const blind = await create(world, { 'current-credential': '' });
    expect([blind.exitCode, code(blind), effects(world)]).toEqual([1, 'CLIENT_EXISTS', []]);
    for (const id of await clientsNamed(world, 'orders')) expect(told(blind)).toContain(id);
    expect((await create(world)).outputs).toMatchObject({ 'client-id': clientId, reason: 'NotDue' });
  });

  it('is found again under the former name of its secret, and only with moved-from', async () => {
    const world = shared();
    const clientId = (await create(world)).outputs['client-id'];
    const moved = { 'secret-name': 'RENAMED', 'current-credential': '' };
    world.advance(20 * MINUTE);
    const blind = await create(world, moved);
    expect([code(blind), effects(world)]).toEqual(['CLIENT_EXISTS', []]);
    const line = `moved-from: ${SCOPE}#${SECRET}`;
    expect(told(blind)).toContain(`add the line \`${line}\`. Delete nothing`);
    const found = await create(world, { ...moved, 'moved-from': line.replace('moved-from: ', '') });
    expect(found.outputs).toMatchObject({ 'client-id': clientId, rotated: 'true' });
    expect(await clientsNamed(world, 'orders')).toEqual([clientId]);
  });

  it("a secret that holds another client's credential is overwritten by force alone, and never on a schedule", async () => {
    const world = shared();
    world.github.seedSecret(SCOPE, SECRET, world.client.pem, { updatedAt: world.githubNow() - 60_000 });
    const run = await create(world);
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'SECRET_EXISTS', []]);
    expect([held(world), await clientsNamed(world, 'orders')]).toEqual([world.client.pem, []]);
    expect(code(await create(world, { force: 'true' }))).toBe('SECRET_EXISTS');
    const forced = await create(world, { force: 'true' }, BY_HAND);
    expect(warnings(forced)).toContain(
      `INTERRUPTION: This run replaces what is already stored in ${SCOPE} ${SECRET} (force)`,
    );
    expect([forced.exitCode, await clientsNamed(world, 'orders')]).toEqual([
      0,
      [forced.outputs['client-id']],
    ]);
  });
});

describe('a tenant with many clients', () => {
  it('is read to its last page', async () => {
    await using world = await startSandbox(CREATOR);
    for (let n = 0; n < 150; n += 1) world.tenant.createClient({ name: `other ${n}` });
    const clientId = (await create(world)).outputs['client-id'];
    world.advance(20 * MINUTE);
    expect((await create(world)).outputs).toMatchObject({ 'client-id': clientId, reason: 'NotDue' });
    expect(world.transcript.requests().filter((line) => line.includes('page='))).toHaveLength(2);
  });
});

describe('a client that may use no API yet', () => {
  it('auto: delivered, and the summary says so', async () => {
    const world = shared();
    const run = await create(world);
    expect([run.exitCode, run.outputs.rotated]).toEqual([0, 'true']);
    expect(warnings(run)).toMatch(/WITHOUT a proof.*Create a client grant/);
    expect(run.summary).toContain('WITHOUT a proof');
    expect(run.log).toContain('It was NOT proven.');
  });

  it('required: refused, and the client is gone again', async () => {
    const world = shared();
    const run = await create(world, { verify: 'required' });
    expect([run.exitCode, code(run), run.outputs.rotated]).toEqual([1, 'VERIFICATION_FAILED', 'false']);
    expect(told(run)).toMatch(/may not use any API yet.*The new client was deleted again\./);
    expect([await clientsNamed(world, 'orders'), held(world)]).toEqual([[], '']);
  });
});

describe('refused before any effect', () => {
  it.each<[string, (world: Sandbox) => Promise<unknown>]>([
    ['somebody else', async (world) => world.tenant.createClient({ name: 'orders' })],
    ['another workflow', (world) => create(world, { 'secret-name': 'OTHER' })],
  ])('a client of that name that %s has made', async (_, make) => {
    const world = shared();
    await make(world);
    const [theirs = ''] = await clientsNamed(world, 'orders');
    const before = world.tenant.reveal(theirs);
    const run = await create(world);
    expect([run.exitCode, code(run), effects(world)]).toEqual([1, 'CLIENT_EXISTS', []]);
    expect(told(run)).toContain(theirs);
    expect(told(run)).toMatch(/choose another client-name\..*Nothing was changed in Auth0 or GitHub\./);
    expect([world.tenant.reveal(theirs), held(world)]).toEqual([before, '']);
  });

  it.each(['create:clients', 'delete:clients', 'create:client_credentials'])(
    'without the scope %s',
    async (scope) => {
      const managementScopes = CREATOR.managementScopes.filter((one) => one !== scope);
      await using world = await startSandbox({ managementScopes });
      const run = await create(world);
      expect([run.exitCode, code(run)]).toEqual([1, 'AUTH0_FORBIDDEN']);
      expect(told(run)).toContain(`lacks ${scope}`);
      expect([await clientsNamed(world, 'orders'), held(world)]).toEqual([[], '']);
    },
  );
});

describe('refused before any request', () => {
  it.each<[string, Inputs, string]>([
    ['with a client-id', { 'client-id': 'one' }, "Input 'client-id' cannot be given"],
    ['without a client-name', { 'client-name': '' }, "Input 'client-name' must not be empty"],
    [
      'with a name that Auth0 does not take',
      { 'client-name': '<b>' },
      'must not have <, > or a control character',
    ],
    ['without github-token', { 'github-token': '' }, "Input 'github-token' must not be empty"],
  ])('%s', async (_, inputs, words) => {
    const world = shared();
    const run = await create(world, inputs);
    expect([code(run), world.transcript.count()]).toEqual(['INVALID_INPUT', 0]);
    expect(told(run)).toContain(words);
  });
});

describe('a delivery that GitHub refuses', () => {
  it('at the write that is tried first: makes no client', async () => {
    const world = shared();
    world.conditions.fault = (_, { method }) => (method === 'PUT' ? json(400, { message: 'no' }) : undefined);
    const run = await create(world);
    expect([run.exitCode, effects(world)]).toEqual([1, []]);
    expect(told(run)).toContain('(400: no)');
  });
});

describe('cancelled', () => {
  it('with its client just made: deletes it again', async () => {
    const world = shared();
    const killWhen: ActionOptions['killWhen'] = ({ phase, arrival }) =>
      phase === 'answered' && postsClient(arrival.request) ? 'SIGINT' : undefined;
    const run = await create(world, {}, { killWhen });
    expect([run.exitCode, code(run)]).toEqual([1, 'CANCELLED']);
    expect(told(run)).toContain('The new client was deleted again.');
    expect([await clientsNamed(world, 'orders'), held(world)]).toEqual([[], '']);
  });
});
