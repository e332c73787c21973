/** `revoke: previous`, more of it: the runs that still hold the key and are named, refusals, a crash before the revocation, and runs that cannot be searched. The main stories: revoke.test.ts. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import {
  client,
  effects,
  type Inputs,
  killed,
  loginByCertificate,
  loginByKey,
  operate,
  secretClient,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { leaked, REVOKE } from './revocations.ts';
import { code, credentialOf, DAY, held, json, MINUTE, rotate, SCOPE, settle } from './support.ts';

const OPS = 'repo:acme/ops';
const OPS_REFUSES: Sandbox['conditions']['fault'] = (service, { method, path }) =>
  service === 'github' && method === 'PUT' && path.includes('/ops/')
    ? json(403, { message: 'no' })
    : undefined;

/** The github-token of the workflow, which may also look at runs, as far as `repositories` says. */
function addReader(world: Sandbox, repositories: readonly string[] = ['acme/shop', 'acme/ops']): Inputs {
  const permissions = {
    secrets: 'write',
    environments: 'write',
    organization_secrets: 'write',
    actions: 'read',
  } as const;
  world.github.addToken('reader', { kind: 'app', permissions, repositories });
  return { 'github-token': 'reader' };
}

async function ownId(world: Sandbox): Promise<string> {
  const headers = { authorization: 'Bearer reader' };
  const { body } = await world.call(`${world.githubUrl}/repos/acme/shop/actions/runs`, { headers });
  return `${(body as { workflow_runs: { id: number }[] }).workflow_runs[0]?.id}`;
}

describe('revoke: previous', () => {
  it('serves consumers after a crash between delivery and revocation, and the next run revokes', async () => {
    await using world = await startSandbox();
    const { pem } = await leaked(world);
    const run = await killed(world, REVOKE, ({ phase, arrival }) => {
      return phase === 'answered' && arrival.line.includes('PUT');
    });
    expect([run.signal, await loginByCertificate(world, world.clientId, held(world))]).toEqual([
      'SIGKILL',
      200,
    ]);
    const between = held(world);
    expect((await operate(world, REVOKE)).exitCode).toBe(0);
    const after = [pem, between, held(world)].map((one) => loginByCertificate(world, world.clientId, one));
    expect(await Promise.all(after)).toEqual([401, 401, 200]);
  });

  it.each([
    ['a token that may not look', undefined, /GitHub refused to show the workflow runs.*Actions: read/],
    ['an answer that cannot be read', json(200, 'x'), /cannot be used/],
    [
      'a run that cannot be read',
      json(200, { workflow_runs: [{ id: 1, status: 'queued', html_url: 'https://x)[', created_at: 'now' }] }),
      /record of a workflow run in acme\/shop cannot be read/,
    ],
  ])('%s is reported, and is no error', async (_, fault, words) => {
    await using world = await startSandbox();
    await leaked(world);
    const permissions = { secrets: 'write' } as const;
    world.github.addToken('writer', { kind: 'app', permissions });
    world.conditions.fault = (__, { path }) => (path.includes('/actions/runs') ? fault : undefined);
    const revoked = await operate(world, { 'github-token': 'writer', ...REVOKE });
    expect([revoked.exitCode, code(revoked)]).toEqual([0, undefined]);
    expect(revoked.summary).toMatch(words);
    expect(revoked.summary).not.toContain('No workflow run');
    expect(warnings(revoked)).toMatch(/could not be searched/);
    expect(revoked.summary.split('\n')[0]).toContain('Not every repository could be searched');
  });

  it('of a bare key, and of what was made by hand and taken out by hand: it does not come back', async () => {
    await using world = await startSandbox();
    const { pem, id } = await leaked(world, { overlap: '0h' });
    const headers = { authorization: `Bearer ${await world.managementToken()}` };
    const body = { client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } } };
    const url = `${world.tenantUrl}/api/v2/clients/${world.clientId}`;
    expect((await world.call(url, { method: 'PATCH', headers, body })).status).toBe(200);
    const run = await operate(world, REVOKE);
    expect([run.exitCode, code(run)]).toEqual([0, undefined]);
    for (const { request } of world.transcript.arrivals('client'))
      if (request.method === 'PATCH') expect(request.body).not.toContain(id);
    expect(client(world, world.clientId).pool).toEqual([credentialOf(world, held(world))]);
    expect(await loginByCertificate(world, world.clientId, pem)).toBe(401);
    const method = { 'authentication-method': 'private_key_jwt', 'secret-name': 'KEY' };
    const clientId = secretClient(world);
    const inputs = { ...method, 'client-id': clientId };
    await operate(world, { ...inputs, operation: 'enroll' });
    world.advance(8 * DAY);
    const key = held(world, SCOPE, 'KEY');
    expect((await operate(world, { ...inputs, ...REVOKE })).exitCode).toBe(0);
    expect([
      await loginByKey(world, clientId, key),
      await loginByKey(world, clientId, held(world, SCOPE, 'KEY')),
    ]).toEqual([401, 200]);
  });
});

describe('who still holds it', () => {
  it('names the runs that were queued before and are not over, each with its link', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops');
    const reader = addReader(world);
    const inputs = { ...reader, destinations: `${SCOPE}\n${OPS}\norg:globex` };
    world.github.addOrganization('globex');
    await leaked(world, inputs);
    const run = (repository: string, file: string, status: string) =>
      world.github.addRun(repository, file, {
        status,
        conclusion: status === 'completed' ? 'success' : null,
      });
    for (const status of ['in_progress', 'queued', 'waiting', 'pending', 'requested', 'completed'])
      run('acme/shop', `${status}.yml`, status);
    for (let count = 0; count < 130; count += 1) run('acme/ops', `deploy-${count}.yml`, 'queued');
    world.advance(MINUTE);
    let stored = false;
    let afterwards = 0;
    const revoked = await operate(
      world,
      { ...inputs, ...REVOKE },
      {
        killWhen: ({ phase, arrival }) => {
          // A run that is queued once all is delivered has the new key.
          stored ||= arrival.line.includes('PUT /orgs');
          if (phase !== 'arrived' || !stored || !arrival.line.includes('DELETE')) return undefined;
          afterwards += 1;
          world.advance(10_000);
          run('acme/shop', 'afterwards.yml', 'queued');
          return undefined;
        },
      },
    );
    expect([revoked.exitCode, afterwards]).toEqual([0, 1]);
    for (const status of ['in_progress', 'queued', 'waiting', 'pending', 'requested'])
      expect(revoked.summary).toMatch(
        new RegExp(
          `\\| \\[${status}\\.yml\\]\\(https://.*/actions/runs/\\d+\\) \\| .*acme/shop.* \\| ${status} \\|`,
        ),
      );
    expect(revoked.summary).not.toMatch(/completed\.yml|afterwards\.yml/);
    expect(revoked.summary.match(/deploy-\d+\.yml\]/g)).toHaveLength(130);
    expect(revoked.summary).toContain('135 workflow runs');
    expect(revoked.summary).toMatch(/org:globex.*are not searched/);
    expect(warnings(revoked)).toContain('135 workflow runs');
  });

  it('its own run is not among them; if there is none, the summary says so', async () => {
    await using world = await startSandbox();
    const reader = addReader(world);
    await leaked(world, reader);
    world.github.addRun('acme/shop', 'own.yml', { status: 'in_progress', conclusion: null });
    const own = await ownId(world);
    const revoked = await operate(world, { ...reader, ...REVOKE }, { env: { GITHUB_RUN_ID: own } });
    expect(revoked.exitCode).toBe(0);
    expect(revoked.summary).toMatch(/No workflow run .* in acme\/shop\./);
    expect(revoked.summary).not.toContain('own.yml');
  });
});

describe('a revocation that fails', () => {
  it.each([
    ['of ours', leaked],
    ['made by hand', async ({ client: { credentialId: id = '', pem } }: Sandbox) => ({ id, pem })],
  ])(
    '%s, if a destination refuses: nothing is revoked, the error says so and what to do, and that works',
    async (_, leaking) => {
      await using world = await startSandbox();
      world.github.addRepository('acme/ops');
      const inputs = { destinations: `${SCOPE}\n${OPS}` };
      const { pem, id } = await leaking(world, inputs);
      world.conditions.fault = OPS_REFUSES;
      const run = await operate(world, { ...inputs, ...REVOKE });
      expect([run.exitCode, code(run)]).toEqual([1, 'DELIVERY_INCOMPLETE']);
      expect(told(run)).toMatch(
        new RegExp(
          `NOT REVOKED: ${id} may still .* current-credential, and set overlap: 0h, retire: by-time and .removable-credentials: ${id}., without force`,
        ),
      );
      expect(told(run)).not.toContain('without a new key');
      expect(run.summary.split('\n')[0]).toContain('MAY STILL BE VALID');
      expect(await loginByCertificate(world, world.clientId, pem)).toBe(200);
      expect(client(world, world.clientId).associated).toContain(id);
      world.conditions.fault = undefined;
      // Two clocks are compared: a delivery of the last second may seem to lie ahead.
      world.advance(MINUTE);
      const asTold = { overlap: '0h', retire: 'by-time', 'removable-credentials': id };
      const next = await operate(world, { ...inputs, ...asTold });
      expect([next.exitCode, code(next)]).toEqual([0, undefined]);
      expect(await loginByCertificate(world, world.clientId, pem)).toBe(401);
      expect(held(world, OPS)).toBe(held(world));
    },
  );
});

it('without current-credential, what was not revoked goes 15 minutes later, as the error says, and nobody is locked out', async () => {
  await using world = await startSandbox();
  world.github.addRepository('acme/ops');
  const inputs = { destinations: `${SCOPE}\n${OPS}`, 'current-credential': '' };
  const { pem, id } = await leaked(world, inputs);
  world.conditions.fault = OPS_REFUSES;
  const run = await operate(world, { ...inputs, ...REVOKE });
  expect(told(run)).toMatch(
    /Without current-credential, start it only after \S+Z\. It then makes another key where one is missing\./,
  );
  world.conditions.fault = undefined;
  const asTold = { ...inputs, overlap: '0h', retire: 'by-time', 'removable-credentials': id };
  const early = await operate(world, asTold);
  expect([early.exitCode, code(early)]).toEqual([1, 'ROTATION_IN_PROGRESS']);
  expect(early.summary.split('\n')[0]).toContain(`${id} CAN STILL LOG IN`);
  expect(await loginByCertificate(world, world.clientId, pem)).toBe(200);
  world.advance(16 * MINUTE);
  const next = await operate(world, asTold);
  expect([next.exitCode, code(next)]).toEqual([0, undefined]);
  expect(await loginByCertificate(world, world.clientId, pem)).toBe(401);
  expect(held(world, OPS)).toBe(held(world));
  expect(await loginByCertificate(world, world.clientId, held(world))).toBe(200);
});

it('a key that nobody has used yet goes after its successor is handed over: until then both work', async () => {
  await using world = await startSandbox();
  const { pem, id } = await leaked(world, {});
  expect((await operate(world, { force: 'true' })).exitCode).toBe(0);
  const successor = held(world);
  expect(successor).not.toBe(pem);
  expect(await loginByCertificate(world, world.clientId, pem)).toBe(200);
  world.advance(MINUTE);
  // As the field removable of an emergency has it.
  const next = await operate(world, { overlap: '0h', retire: 'by-time', 'removable-credentials': id });
  expect([next.exitCode, next.outputs.rotated]).toEqual([0, 'false']);
  expect(await loginByCertificate(world, world.clientId, pem)).toBe(401);
  expect([held(world), await loginByCertificate(world, world.clientId, successor)]).toEqual([successor, 200]);
});

describe('refused before any effect', () => {
  const shared = sharedWorld();

  it.each<[string, Inputs, RegExp]>([
    ['without force', { revoke: 'previous' }, /'revoke' is for an emergency and needs force: true/],
    ['with another operation', { ...REVOKE, operation: 'enroll' }, /'revoke' is only for operation: rotate/],
    ['a rehearsal', { ...REVOKE, operation: 'rehearse' }, /'revoke' is only for operation: rotate/],
    ['another word', { ...REVOKE, revoke: 'all' }, /'revoke' is 'all'/],
  ])('%s', async (_, inputs, words) => {
    const world = shared();
    const run = await operate(world, inputs);
    expect([code(run), world.transcript.count()]).toEqual(['INVALID_INPUT', 0]);
    expect(told(run)).toMatch(words);
  });

  it('what keep-credentials protects', async () => {
    const world = shared();
    const { clientId, credentialId = '' } = world.client;
    const run = await operate(world, { ...REVOKE, 'client-id': clientId, 'keep-credentials': credentialId });
    expect([code(run), effects(world)]).toEqual(['CANNOT_REVOKE', []]);
    expect(told(run)).toMatch(
      new RegExp(`revoke: previous would remove ${credentialId}, but keep-credentials`),
    );
  });

  it('a subject that stays: the reason and the way round, which works', async () => {
    const world = shared();
    const { client_id: clientId } = world.tenant.createClient({
      client_authentication_methods: { tls_client_auth: { credentials: [] } },
      grants: { 'https://api.example.test/': ['read:orders'] },
    });
    world.tenant.seedCredential(clientId, {
      credential_type: 'cert_subject_dn',
      subject_dn: 'CN=orders',
      associate: true,
      created_at: new Date(world.tenantNow() - 60 * MINUTE).toISOString(),
    });
    const [old, same, other] = ['orders', 'orders', 'orders 2'].map((CN) =>
      world.authority.clientCertificate({ CN }),
    );
    const bring = (pair = old) => ({
      'client-id': clientId,
      'authentication-method': 'tls_client_auth',
      'renew-before-days': '10',
      certificate: `${pair?.cert}`,
      'private-key': `${pair?.key}`,
    });
    await settle(world, bring());
    const pem = held(world);
    const run = await operate(world, { ...bring(same), ...REVOKE });
    expect([code(run), effects(world)]).toEqual(['CANNOT_REVOKE', []]);
    expect(told(run)).toMatch(/only by its subject CN=orders.*Choose another subject/);
    const revoked = await operate(world, { ...bring(other), ...REVOKE });
    expect([revoked.exitCode, code(revoked)], revoked.log).toEqual([0, undefined]);
    expect([
      await loginByCertificate(world, clientId, pem),
      await loginByCertificate(world, clientId, held(world)),
    ]).toEqual([401, 200]);
  });

  it('is planned, and the plan says whom it interrupts', async () => {
    const world = shared();
    const { clientId } = world.client;
    const run = await rotate(world, { ...REVOKE, operation: 'plan', 'client-id': clientId });
    expect([run.exitCode, effects(world)]).toEqual([0, []]);
    expect(run.summary).toMatch(/since it is revoked[\s\S]*Look for workflow runs/);
  });
});
