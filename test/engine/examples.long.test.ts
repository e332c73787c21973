/** Every file of examples/, unchanged, as a workflow engine that others wrote runs it, against the sandbox. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listenForMail } from '../consumers/mail.ts';
import { snippet } from '../consumers/recipe.ts';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { MANAGEMENT_SCOPES } from '../emulators/sandbox.ts';
import { serve } from '../emulators/serve.ts';
import type { ClientSeed } from '../emulators/tenant.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { loginByKey } from '../scenarios/operations.ts';
import { DAY, MINUTE } from '../scenarios/support.ts';
import { ACT, type EngineRun } from './act.ts';
import { certificateAuthority } from './authority.ts';
import { AUDIENCE, Repository, type Start, service } from './repository.ts';
import { COVERED, outcome, outputsOf, story } from './story.ts';
import { startVault } from './vault.ts';

/** The environment that holds the two keys. */
const ROTATION = 'env:acme/shop/auth0-rotation';
const DISPATCH = { event: 'workflow_dispatch' } as const;
const dispatch = (inputs: Record<string, string>) => ({ ...DISPATCH, inputs });

/** Status of a login over mTLS. */
async function login(repository: Repository, pem = repository.held()): Promise<number> {
  return (await repository.world.requestToken(repository.clientId, pem, AUDIENCE)).status;
}

/** The method by which the client logs in. */
function method({ world, clientId }: Repository, id = clientId): string {
  const { client } = world.tenant.reveal(id);
  return Object.keys(client.client_authentication_methods ?? {})[0] ?? `${client.token_endpoint_auth_method}`;
}

/** The workflow of the README, where the management client logs in by its client secret, as on the first day. */
async function rotate(repository: Repository, start: Start = {}): Promise<EngineRun> {
  const { variables, secrets } = repository;
  const later = [{ ...variables }, { ...secrets }] as const;
  firstDay(repository);
  const run = await repository.run('examples/rotate.yml', start);
  Object.assign(variables, later[0]);
  delete secrets.AUTH0_ROTATOR_CLIENT_SECRET;
  Object.assign(secrets, later[1]);
  return run;
}

/** The management client logs in by its client secret. */
function firstDay({ world, variables, secrets }: Repository): void {
  variables.AUTH0_ROTATOR_CLIENT_ID = world.managementClientId;
  secrets.AUTH0_ROTATOR_CLIENT_SECRET = world.managementClientSecret;
  delete secrets.AUTH0_ROTATOR_PRIVATE_KEY;
}

/** A rotation long ago. */
async function rotated(repository: Repository): Promise<void> {
  const run = await rotate(repository);
  expect(outcome(run)).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
  repository.world.advance(20 * MINUTE);
}

/** The management client logs in by a key that it rotates itself. */
async function bootstrapped(repository: Repository): Promise<void> {
  firstDay(repository);
  repository.addScope(ROTATION);
  const run = await repository.run('examples/self-rotation.yml', dispatch({ bootstrap: 'true' }));
  expect(outcome(run)).toEqual([0, { bootstrap: 'success' }, 'true', 'MethodDiffers']);
  delete repository.secrets.AUTH0_ROTATOR_CLIENT_SECRET;
  repository.world.advance(20 * MINUTE);
}

/** The client logs in by a client secret. */
function bySecret(repository: Repository): void {
  const fields: ClientSeed = {
    token_endpoint_auth_method: 'client_secret_post',
  };
  const { client_id } = repository.world.tenant.createClient(service('shop', fields));
  repository.variables.AUTH0_CLIENT_ID = client_id;
}

story('examples/rotate.yml', {
  prepare: firstDay,
  async run(repository, run) {
    for (const start of [DISPATCH, dispatch({ operation: 'plan' })]) {
      const planned = await run(start);
      expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'FirstDelivery']);
      expect(repository.held()).toBe('');
    }
    const first = await run(dispatch({ operation: 'rotate' }));
    expect(outcome(first)).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    expect(first.summaries).toEqual([expect.stringContaining('✅ `shop` has a new certificate')]);
    expect(await login(repository)).toBe(200);
    const pem = repository.held();
    repository.world.advance(20 * MINUTE);
    for (const start of [{}, DISPATCH, dispatch({ operation: 'rotate', force: 'false' })]) {
      expect(outcome(await run(start))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    }
    expect(repository.held()).toBe(pem);
    const rehearsed = await run(dispatch({ operation: 'rehearse' }));
    expect(outcome(rehearsed)).toEqual([0, { rotate: 'success' }, 'false', 'Rehearsal']);
    const forced = await run(dispatch({ operation: 'rotate', force: 'true' }));
    expect(outcome(forced)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(repository.held()).not.toBe(pem);
    expect([await login(repository), await login(repository, pem)]).toEqual([200, 200]);
  },
  controls: [
    {
      from: 'secrets.AUTH0_ROTATOR_CLIENT_SECRET',
      to: 'secrets.AUTH0_ROTATOR_SECRET',
      says: "Input 'management-client-id' needs exactly one of",
    },
  ],
});

it.skipIf(ACT === undefined)(
  'the workflow of the README leaves a client with its client secret as it is, and its plan says so',
  async () => {
    await using repository = await Repository.start();
    bySecret(repository);
    firstDay(repository);
    const run = (start: Start) => repository.run('examples/rotate.yml', start);
    const planned = await run(DISPATCH);
    expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'MethodDiffers']);
    const refused = await run({});
    expect([refused.exitCode, refused.log]).toEqual([1, expect.stringContaining('METHOD_MISMATCH')]);
    expect([method(repository), repository.held()]).toEqual(['client_secret_post', '']);
  },
);

story('examples/web-application.yml', {
  prepare(repository) {
    const { client_id } = repository.world.tenant.createClient({
      name: 'portal',
      app_type: 'regular_web',
      grant_types: ['authorization_code', 'refresh_token'],
      callbacks: ['https://portal.example.com/callback'],
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
    });
    repository.variables.AUTH0_WEB_CLIENT_ID = client_id;
  },
  async run(repository, run) {
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'FirstDelivery']);
    const first = await run();
    expect(outcome(first)).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    expect(first.summaries.join()).toContain('by a pushed authorization request');
    const { world, variables } = repository;
    const asks = new URLSearchParams({
      client_id: `${variables.AUTH0_WEB_CLIENT_ID}`,
      response_type: 'code',
      redirect_uri: 'https://portal.example.com/callback',
      scope: 'openid',
    });
    const pushed = await world.call(`${world.edge.url}/oauth/par`, {
      body: asks.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      pem: repository.held('AUTH0_WEB_PEM'),
    });
    expect(pushed.status).toBe(201);
    world.advance(20 * MINUTE);
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  controls: [
    {
      from: 'vars.AUTH0_WEB_CLIENT_ID',
      to: 'vars.AUTH0_PORTAL_CLIENT_ID',
      says: "Input 'client-id' must not be empty",
    },
  ],
});

story('examples/several-repositories.yml', {
  prepare: (repository) => repository.addScope('repo:acme/billing'),
  async run(repository, run) {
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    const pem = repository.held();
    expect(repository.held('AUTH0_MTLS_PEM', 'repo:acme/billing')).toBe(pem);
    expect(await login(repository)).toBe(200);
    repository.world.advance(20 * MINUTE);
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  // The app's token then reaches one repository, and the rotation two.
  controls: [
    {
      from: '            billing\n          perm',
      to: '          perm',
      says: 'GitHub does not show repo:acme/billing to this github-token (404)',
    },
  ],
});

story('examples/organization.yml', {
  async run(repository, run) {
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    const pem = repository.held('AUTH0_MTLS_PEM', 'org:acme');
    expect([await login(repository, pem), repository.held()]).toEqual([200, '']);
    repository.world.advance(20 * MINUTE);
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  controls: [
    {
      from: 'permission-organization-secrets: write',
      to: 'permission-secrets: write',
      says: 'GitHub requires organization_secrets=read',
    },
  ],
});

it.skipIf(ACT === undefined)(
  'an organization secret that was made by hand is replaced as docs/recipes.md says, and not otherwise',
  async () => {
    await using repository = await Repository.start();
    const { world } = repository;
    const at = world.githubNow() - DAY;
    world.github.seedSecret('org:acme', 'AUTH0_MTLS_PEM', 'any text', { createdAt: at, updatedAt: at });
    const line = `current-credential: \${{ secrets.AUTH0_MTLS_PEM }}`;
    const without = [line, "validity-days: '90'"] as const;
    const run = (start: Start) => repository.run('examples/organization.yml', start);
    expect((await run(dispatch({ operation: 'rotate', force: 'true' }))).exitCode).toBe(1);
    const refused = await run({ broken: without, said: true });
    expect([refused.exitCode, refused.said]).toEqual([1, expect.stringContaining('SECRET_EXISTS')]);
    const replaced = await run({ ...dispatch({ operation: 'rotate', force: 'true' }), broken: without });
    expect(outcome(replaced)[0]).toBe(0);
    expect(await login(repository, repository.held('AUTH0_MTLS_PEM', 'org:acme'))).toBe(200);
  },
);

story('examples/environments.yml', {
  prepare(repository) {
    for (const name of ['auth0-rotation', 'production', 'batch'])
      repository.addScope(`env:acme/shop/${name}`);
  },
  async run(repository, run) {
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    const pem = repository.held('AUTH0_MTLS_PEM', 'env:acme/shop/production');
    expect(repository.held('AUTH0_MTLS_PEM', 'env:acme/shop/batch')).toBe(pem);
    expect([await login(repository, pem), repository.held()]).toEqual([200, '']);
    repository.world.advance(20 * MINUTE);
    const next = await run(dispatch({ operation: 'rotate' }));
    expect(outcome(next)).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  controls: [
    {
      from: 'permission-environments: write',
      to: 'permission-environments: read',
      says: 'GitHub requires environments=write',
    },
  ],
});

story('examples/enroll.yml', {
  prepare: bySecret,
  async run(repository, run) {
    for (const start of [DISPATCH, dispatch({ operation: 'plan' })]) {
      const planned = await run(start);
      expect(outcome(planned)).toEqual([0, { plan: 'success' }, 'false', 'MethodDiffers']);
      expect([method(repository), repository.held()]).toEqual(['client_secret_post', '']);
    }
    const enrolled = await run(dispatch({ operation: 'enroll' }));
    expect(outcome(enrolled)).toEqual([0, { plan: 'success', enroll: 'success' }, 'true', 'MethodDiffers']);
    expect([method(repository), await login(repository)]).toEqual(['self_signed_tls_client_auth', 200]);
    repository.world.advance(20 * MINUTE);
    const next = await rotate(repository);
    expect(outcome(next)).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  controls: [
    {
      from: 'operation: enroll\n',
      to: 'operation: rotate\n',
      says: 'error title=METHOD_MISMATCH::',
      start: dispatch({ operation: 'enroll' }),
    },
  ],
});

story('examples/revert.yml', {
  prepare: rotated,
  async run(repository, run) {
    expect((await run(DISPATCH)).exitCode).toBe(0);
    expect([method(repository), await login(repository)]).toEqual(['self_signed_tls_client_auth', 200]);
    expect((await run(dispatch({ operation: 'revert' }))).exitCode).toBe(0);
    expect([method(repository), await login(repository)]).toEqual(['client_secret_post', 401]);
  },
  controls: [
    {
      from: 'revert-to: client_secret_post',
      to: 'revert-to: client_secret',
      says: "Input 'revert-to' is 'client_secret'",
      start: dispatch({ operation: 'revert' }),
    },
  ],
});

story('examples/create.yml', {
  options: { managementScopes: [...MANAGEMENT_SCOPES, 'create:clients', 'delete:clients'] },
  async run(repository, run) {
    const first = await run();
    expect(outcome(first)).toEqual([0, { create: 'success' }, 'true', 'FirstDelivery']);
    const clientId = `${outputsOf(first, 'create')['client-id']}`;
    expect(repository.world.tenant.reveal(clientId).client.name).toBe('orders');
    // It may use no API yet, and is refused for that alone.
    const { status, body } = await repository.world.requestToken(clientId, repository.held(), AUDIENCE);
    expect([status, body]).toEqual([403, expect.anything()]);
    repository.world.advance(20 * MINUTE);
    const next = await run(DISPATCH);
    expect(outcome(next)).toEqual([0, { create: 'success' }, 'false', 'NotDue']);
    expect(outputsOf(next, 'create')['client-id']).toBe(clientId);
    const forced = await run(dispatch({ force: 'true' }));
    expect(outcome(forced)).toEqual([0, { create: 'success' }, 'true', 'Forced']);
  },
  controls: [
    { from: 'client-name: orders', to: 'name: orders', says: "Input 'client-name' must not be empty" },
  ],
});

story('examples/private-key-jwt.yml', {
  prepare: bySecret,
  async run(repository, run) {
    const planned = await run(dispatch({ operation: 'plan' }));
    expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'MethodDiffers']);
    const enrolled = await run(dispatch({ operation: 'enroll' }));
    expect(outcome(enrolled)).toEqual([0, { rotate: 'success' }, 'true', 'MethodDiffers']);
    const { world, clientId } = repository;
    expect(await loginByKey(world, clientId, repository.held('AUTH0_PRIVATE_KEY'), AUDIENCE)).toBe(200);
    repository.world.advance(20 * MINUTE);
    for (const start of [{}, DISPATCH]) {
      expect(outcome(await run(start))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    }
  },
  controls: [
    {
      from: 'secret-name: AUTH0_PRIVATE_KEY',
      to: 'secret-name: GITHUB_PRIVATE_KEY',
      says: "Input 'secret-name' is 'GITHUB_PRIVATE_KEY'",
      start: dispatch({ operation: 'enroll' }),
    },
  ],
});

story('examples/proven-retirement.yml', {
  options: { managementScopes: [...MANAGEMENT_SCOPES, 'read:logs'] },
  async run(repository, run) {
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    const pem = repository.held();
    repository.world.advance(20 * MINUTE);
    const forced = await rotate(repository, dispatch({ operation: 'rotate', force: 'true' }));
    expect(outcome(forced)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    repository.world.advance(DAY);
    expect([await login(repository), await login(repository, pem)]).toEqual([200, 200]);
    const kept = await run(dispatch({ operation: 'rotate' }));
    expect([...outcome(kept), kept.summaries.join()]).toEqual([
      ...[0, { rotate: 'success' }, 'false', 'NotDue'],
      expect.stringContaining('STILL IN USE'),
    ]);
    repository.world.advance(8 * DAY);
    expect(await login(repository)).toBe(200);
    const gone = await run();
    expect(outputsOf(gone, 'rotate')['removed-credential-ids']).toContain('cred_');
    expect([await login(repository), await login(repository, pem)]).toEqual([200, 401]);
  },
  controls: [{ from: 'quiet-window: 7d', to: 'quiet-window: 90d', says: "Input 'quiet-window' is '90d'" }],
});

story('examples/rehearse.yml', {
  prepare: rotated,
  async run(repository, run) {
    const all = () => JSON.stringify(repository.world.tenant.reveal(repository.clientId).credentials);
    const before = [all(), repository.held()];
    expect(outcome(await run(DISPATCH))).toEqual([0, { rehearse: 'success' }, 'false', 'Rehearsal']);
    expect([all(), repository.held()]).toEqual(before);
  },
  controls: [
    {
      from: `verify-audience: \${{ vars.AUTH0_AUDIENCE }}`,
      to: 'verify-audience: https://api.example.org/',
      says: 'Client is not authorized to access "https://api.example.org/"',
      start: DISPATCH,
    },
  ],
});

story('examples/token-binding.yml', {
  async run(repository, run) {
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    const { client } = repository.world.tenant.reveal(repository.clientId);
    expect([client.require_proof_of_possession, await login(repository)]).toEqual([true, 200]);
    repository.world.advance(20 * MINUTE);
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
  },
  controls: [
    {
      from: 'token-binding: required',
      to: 'token-binding: requierd',
      says: "Input 'token-binding' is 'requierd'",
    },
  ],
});

story('examples/emergency.yml', {
  async prepare(repository) {
    await rotated(repository);
    repository.world.github.addRun(repository.name, 'consume.yml', { status: 'queued', conclusion: null });
  },
  async run(repository, run) {
    const pem = repository.held();
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'Forced']);
    expect([await login(repository), repository.held()]).toEqual([200, pem]);
    const revoked = await run(dispatch({ operation: 'rotate' }));
    expect(outcome(revoked)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(revoked.summaries.join()).toContain('1 workflow run was queued before the delivery');
    expect([await login(repository), await login(repository, pem)]).toEqual([200, 401]);
  },
  controls: [
    {
      from: `force: \${{ inputs.removable == '' }}`,
      to: 'force: false',
      says: "Input 'revoke' is for an emergency and needs force: true",
      start: DISPATCH,
    },
  ],
});

describe.skipIf(ACT === undefined)(
  'an emergency that does not get through is ended by the form alone',
  () => {
    it('where the edge is down', async () => {
      await using repository = await Repository.start();
      await rotated(repository);
      const { conditions } = repository.world;
      const pem = repository.held();
      const run = (inputs = {}) =>
        repository.run('examples/emergency.yml', dispatch({ operation: 'rotate', ...inputs }));
      conditions.fault = (service) => (service === 'edge' ? { kind: 'drop' } : undefined);
      expect([(await run()).exitCode, repository.held()]).toEqual([1, pem]);
      expect(outcome(await run({ verify: 'off' }))).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
      conditions.fault = undefined;
      expect([await login(repository), await login(repository, pem)]).toEqual([200, 401]);
    });

    it('where a secret takes no write', async () => {
      await using repository = await Repository.start();
      await rotated(repository);
      const { conditions } = repository.world;
      // The rotation of this client has one more secret, and its whole job was copied.
      const line = 'retire: by-time';
      const copied = [line, `${line}\n          private-key-secret-name: AUTH0_MTLS_KEY`] as const;
      const run = (inputs = {}) => {
        const start = dispatch({ operation: 'rotate', ...inputs });
        return repository.run('examples/emergency.yml', { ...start, broken: copied, said: true });
      };
      const refusal = { status: 403, headers: {}, body: '{"message":"no"}' };
      const refuse: typeof conditions.fault = (_, { method, path }) =>
        method === 'PUT' && path.endsWith('/AUTH0_MTLS_KEY')
          ? { kind: 'answer', response: refusal }
          : undefined;
      // Its secrets are there before the leak.
      expect((await run()).exitCode).toBe(0);
      repository.world.advance(20 * MINUTE);
      const pem = repository.held();
      conditions.fault = refuse;
      const refused = await run();
      const [, id = ''] = /removable-credentials: (cred_\w+)/.exec(refused.said) ?? [];
      expect([refused.exitCode, id, await login(repository, pem)]).toEqual([
        1,
        expect.stringMatching('_'),
        200,
      ]);
      conditions.fault = undefined;
      repository.world.advance(MINUTE);
      const planned = await run({ operation: 'plan', removable: id });
      expect([outcome(planned)[0], planned.summaries.join()]).toEqual([0, expect.stringContaining(id)]);
      const delivered = repository.held();
      const finished = await run({ removable: id });
      expect(outcome(finished)).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
      expect(outputsOf(finished, 'rotate')['removed-credential-ids']).toBe(JSON.stringify([id]));
      expect(repository.held()).toBe(delivered);
      expect([await login(repository), await login(repository, pem)]).toEqual([200, 401]);
      expect(delivered).toContain(repository.held('AUTH0_MTLS_KEY').trim());
    });
  },
);

it.skipIf(ACT === undefined)(
  'an emergency begins when a second person has approved it, as docs/recipes.md has that',
  async () => {
    await using repository = await Repository.start();
    await rotated(repository);
    const jobs = snippet('An emergency takes two people', 'yaml');
    const broken = ['\n  rotate:\n', `\n${jobs}`] as const;
    const start = { ...dispatch({ operation: 'rotate' }), broken };
    const run = await repository.run('examples/emergency.yml', start);
    const both = { approve: 'success', rotate: 'success' };
    expect(outcome(run)).toEqual([0, both, 'true', 'Forced']);
  },
);

story('examples/self-rotation.yml', {
  prepare(repository) {
    firstDay(repository);
    repository.addScope(ROTATION);
  },
  async run(repository, run) {
    const { world } = repository;
    const held = () => repository.held('AUTH0_ROTATOR_PRIVATE_KEY', ROTATION);
    const loginBy = (key: string) =>
      loginByKey(world, world.managementClientId, key, world.managementAudience);
    await bootstrapped(repository);
    expect(method(repository, world.managementClientId)).toBe('private_key_jwt');
    for (const start of [{}, DISPATCH]) {
      const later = await run(start);
      expect(outcome(later)).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    }
    const key = held();
    const forced = await run(dispatch({ force: 'true' }));
    expect(outcome(forced)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    const [leaked, before] = [held(), key];
    expect(leaked).not.toBe(before);
    expect([await loginBy(leaked), await loginBy(before)]).toEqual([200, 200]);
    // The other workflows log in with what this one has stored.
    expect(outcome(await repository.run('examples/token-binding.yml'))[0]).toBe(0);
    world.advance(20 * MINUTE);
    const revoked = await run(dispatch({ force: 'true', revoke: 'true' }));
    expect(outcome(revoked)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect([await loginBy(held()), await loginBy(leaked)]).toEqual([200, 401]);
  },
  controls: [
    {
      from: 'secrets.AUTH0_ROTATOR_CLIENT_SECRET',
      to: 'secrets.AUTH0_ROTATOR_SECRET',
      says: "Input 'management-client-id' needs exactly one of",
      start: dispatch({ bootstrap: 'true' }),
    },
  ],
});

/** All issues of the repository, the newest first. */
async function issuesOf({ name, world }: Repository): Promise<{ state: string; body: string }[]> {
  const headers = { authorization: `Bearer ${world.githubToken}` };
  const { body } = await world.call(`${world.githubUrl}/repos/${name}/issues?state=all`, { headers });
  return body as { state: string; body: string }[];
}

story('examples/watch.yml', {
  async prepare(repository) {
    await rotated(repository);
    await bootstrapped(repository);
    for (const workflow of ['rotate.yml', 'self-rotation.yml']) {
      repository.world.github.addWorkflow(repository.name, workflow);
      repository.world.github.addRun(repository.name, workflow, { conclusion: 'success' });
    }
  },
  async run(repository, run) {
    const { github } = repository.world;
    const issues = async () => (await issuesOf(repository)).map(({ state }) => state);
    for (const event of ['push', 'schedule', 'workflow_dispatch'] as const) {
      expect([(await run({ event })).exitCode, await issues()]).toEqual([0, []]);
    }
    github.addWorkflow(repository.name, 'rotate.yml', 'disabled_inactivity');
    expect([(await run()).exitCode, await issues()]).toEqual([1, ['open']]);
    github.addWorkflow(repository.name, 'rotate.yml', 'active');
    expect([(await run()).exitCode, await issues()]).toEqual([0, ['closed']]);
    github.addWorkflow(repository.name, 'self-rotation.yml', 'disabled_inactivity');
    expect([(await run()).exitCode, await issues()]).toEqual([1, ['open', 'closed']]);
    // What the first one finds keeps nothing of the second from being seen.
    github.addWorkflow(repository.name, 'rotate.yml', 'disabled_inactivity');
    github.addWorkflow(repository.name, 'self-rotation.yml', 'active');
    expect([(await run()).exitCode, await issues()]).toEqual([1, ['closed', 'open']]);
  },
  controls: [
    {
      from: 'workflow: rotate.yml',
      to: 'workflow: rotation.yml',
      says: 'GitHub did not show the workflow rotation.yml of acme/shop (404',
    },
    {
      from: 'actions: read # is',
      to: 'contents: read # is',
      says: 'GitHub did not show the workflow rotate.yml of acme/shop (403',
    },
  ],
});

const CA = certificateAuthority();

story('examples/ca-signed.yml', {
  options: { clientCa: CA.certificate },
  prepare(repository) {
    bySecret(repository);
    repository.addScope('env:acme/shop/certificate-authority');
    repository.variables.AUTH0_CA_CERTIFICATE = CA.certificate;
    repository.secrets.AUTH0_CA_PRIVATE_KEY = CA.privateKey;
  },
  async run(repository, run) {
    const planned = await run(dispatch({ operation: 'plan' }));
    expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'MethodDiffers']);
    const enrolled = await run(dispatch({ operation: 'enroll' }));
    expect(outcome(enrolled)).toEqual([0, { rotate: 'success' }, 'true', 'MethodDiffers']);
    expect([method(repository), await login(repository)]).toEqual(['tls_client_auth', 200]);
    repository.world.advance(20 * MINUTE);
    for (const start of [{}, DISPATCH]) {
      expect(outcome(await run(start))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    }
  },
  controls: [
    {
      from: 'secrets.AUTH0_CA_PRIVATE_KEY',
      to: 'secrets.AUTH0_MTLS_PEM',
      says: "Input 'ca-private-key' must not be empty",
      start: dispatch({ operation: 'enroll' }),
    },
  ],
});

/** What the Vault of examples/ca-signed-vault.yml has given out. */
let vaultTokens: string[] = [];

story('examples/ca-signed-vault.yml', {
  options: { clientCa: CA.certificate },
  async prepare(repository) {
    bySecret(repository);
    const vault = await startVault(repository.world, CA);
    repository.defer(() => vault.served[Symbol.asyncDispose]());
    repository.curl(`connect-to = "vault.example.com:443:${vault.served.host}"`);
    repository.identity = vault.identity;
    repository.addTokens(vault.tokens);
    vaultTokens = vault.tokens;
  },
  async run(repository, run) {
    const planned = await run(dispatch({ operation: 'plan' }));
    expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'MethodDiffers']);
    const enrolled = await run(dispatch({ operation: 'enroll' }));
    expect(outcome(enrolled)).toEqual([0, { rotate: 'success' }, 'true', 'MethodDiffers']);
    // GitHub masks neither by itself: the identity of the job, and the token for it.
    expect(enrolled.masks).toEqual(expect.arrayContaining(vaultTokens.slice(-2)));
    expect([method(repository), await login(repository)]).toEqual(['tls_client_auth', 200]);
    repository.world.advance(20 * MINUTE);
    for (const start of [{}, DISPATCH]) {
      expect(outcome(await run(start))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    }
  },
  controls: [
    {
      from: "'PRIVATE_KEY<<%s",
      to: "'KEY<<%s",
      says: "Input 'private-key' must not be empty",
      start: dispatch({ operation: 'enroll' }),
    },
    { from: 'id-token: write', to: 'contents: read' },
    {
      from: '    environment: auth0-rotation # It holds the two keys. Only the default branch may use it.\n',
      to: '',
      says: 'DECODER routines::unsupported',
    },
  ],
});

/** What the API of examples/consume.yml has answered. */
let answers: number[] = [];

story('examples/consume.yml', {
  async prepare(repository) {
    await rotated(repository);
    answers = [];
    const { world } = repository;
    const tokens = () =>
      world.transcript
        .exchanges()
        .map(({ responseBody }) => /"access_token":"([^"]+)"/.exec(responseBody)?.[1]);
    const handle = ({ headers }: EmulatorRequest) => {
      answers.push(tokens().includes(headers.authorization?.slice('Bearer '.length)) ? 200 : 401);
      return { status: answers.at(-1) ?? 0, headers: {}, body: '' };
    };
    const api = await serve({ handle }, { tls: world.authority.serverCertificate(['api.example.com']) });
    repository.defer(() => api[Symbol.asyncDispose]());
    repository.variables.AUTH0_MTLS_TOKEN_HOST = new URL(world.edgeUrl).host;
    // The example's API is this machine.
    repository.curl(`connect-to = "api.example.com:443:${api.host}"`);
  },
  async run(_repository, run) {
    const used = await run(DISPATCH);
    expect([used.exitCode, used.jobs, answers]).toEqual([0, { call: 'success' }, [200]]);
  },
  controls: [
    {
      from: '--cert "$credential" ',
      to: '',
      start: DISPATCH,
      // Nobody asks the API without a token.
      after: () => expect(answers).toEqual([]),
    },
  ],
});

const FLEET = readFileSync('examples/fleet/auth0-clients.yml', 'utf8');
/** Of the manifest: each client, and where its secret is. */
const MEMBERS: [clientId: string, secret: string, scopes: string[]][] = [
  ['canaryClientId', 'AUTH0_MTLS_PEM', ['repo:acme/canary']],
  ['shopClientId', 'AUTH0_MTLS_PEM', ['repo:acme/shop', 'env:acme/billing/production']],
  ['shopBatchClientId', 'BATCH_MTLS_PEM', ['repo:acme/shop']],
  ['reportsClientId', 'REPORTS_PRIVATE_KEY', ['org:acme']],
];

/** What each secret holds. */
function heldBy(repository: Repository): string[] {
  return MEMBERS.flatMap(([, secret, scopes]) => scopes.map((scope) => repository.held(secret, scope)));
}

/** Whether each secret holds something else than before. */
function renewed(repository: Repository, before: readonly string[]): boolean[] {
  return heldBy(repository).map((pem, index) => pem !== before[index]);
}

/** Statuses of a login of each client with what each of its secrets holds. */
function logins(repository: Repository): Promise<number[]> {
  const all = MEMBERS.flatMap(([clientId, secret, scopes]) =>
    scopes.map(async (scope) => {
      const held = repository.held(secret, scope);
      if (scope.startsWith('org:')) return loginByKey(repository.world, clientId, held, AUDIENCE);
      return (await repository.world.requestToken(clientId, held, AUDIENCE)).status;
    }),
  );
  return Promise.all(all);
}

/** The manifest, its clients, and where their secrets will be. */
function enlisted(repository: Repository): void {
  repository.write('.github/auth0-clients.yml', FLEET);
  for (const [clientId, , scopes] of MEMBERS) {
    const method = clientId === 'reportsClientId' ? 'private_key_jwt' : 'self_signed_tls_client_auth';
    const fields = {
      client_id: clientId,
      client_authentication_methods: { [method]: { credentials: [] } },
    };
    repository.world.tenant.createClient(service(clientId, fields));
    for (const scope of scopes) repository.addScope(scope);
  }
}

story('examples/fleet-one-job.yml', {
  options: { name: 'acme/rotations' },
  prepare: enlisted,
  async run(repository, run) {
    const planned = await run(DISPATCH);
    expect([planned.exitCode, planned.summaries]).toEqual([
      0,
      [expect.stringContaining('📋 4 clients: 4 would be rotated')],
    ]);
    const first = await run();
    expect([first.exitCode, first.summaries]).toEqual([
      0,
      [expect.stringContaining('✅ 4 clients: 4 rotated')],
    ]);
    expect(await logins(repository)).toEqual([200, 200, 200, 200, 200]);
    const idle = await run(dispatch({ operation: 'rotate' }));
    expect([idle.exitCode, idle.summaries.join()]).toEqual([0, expect.not.stringContaining('4 rotated')]);
    // Of one client: a rehearsal, which leaves all as it is, and a rotation by force.
    repository.world.advance(20 * MINUTE);
    const before = heldBy(repository);
    const rehearsed = await run(dispatch({ operation: 'rehearse', 'client-id': 'shopClientId' }));
    expect(outcome(rehearsed)).toEqual([0, { rotate: 'success' }, 'false', 'Rehearsal']);
    expect(heldBy(repository)).toEqual(before);
    const one = { operation: 'rotate', 'client-id': 'shopClientId', force: 'true' };
    expect(outcome(await run(dispatch(one)))).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(renewed(repository, before)).toEqual([false, true, true, false, false]);
    // Without a client, force rotates nobody.
    const nobody = await run(dispatch({ operation: 'rotate', force: 'true' }));
    expect([nobody.exitCode, renewed(repository, before)]).toEqual([0, [false, true, true, false, false]]);
  },
  controls: [
    {
      from: 'permission-environments: write',
      to: 'permission-environments: read',
      says: 'shopClientId',
    },
  ],
});

describe.skipIf(ACT === undefined)('a pair made by hand is adopted as docs/recipes.md says', () => {
  /** The client has a certificate, and the secret holds it. */
  function byHand({ world }: Repository, clientId: string, scope: string) {
    const { key, cert } = selfSignedCertificate(clientId, 400);
    const [made, stored] = [10, 9].map((days) => world.githubNow() - days * DAY);
    const created_at = new Date(made ?? 0).toISOString();
    const seed = { credential_type: 'x509_cert', pem: cert, associate: true, created_at } as const;
    const id = world.tenant.seedCredential(clientId, seed);
    const at = new Date(stored ?? 0).toISOString();
    world.github.seedSecret(scope, 'AUTH0_MTLS_PEM', key + cert, { createdAt: at, updatedAt: at });
    return { id, pem: key + cert };
  }

  it('by current-credential, as the workflow of the README has it', async () => {
    await using repository = await Repository.start();
    const { id, pem } = byHand(repository, repository.clientId, repository.scope);
    expect(outcome(await rotate(repository))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    const forced = await rotate(repository, dispatch({ operation: 'rotate', force: 'true' }));
    expect(outcome(forced)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(forced.summaries.join()).toContain(id);
    expect([await login(repository), await login(repository, pem)]).toEqual([200, 200]);
  });

  it('of a client of a manifest by its id and force, and keep-credentials keeps it', async () => {
    await using repository = await Repository.start({ name: 'acme/rotations' });
    enlisted(repository);
    const { id, pem } = byHand(repository, 'canaryClientId', 'repo:acme/canary');
    const run = (inputs = {}) => {
      const start = dispatch({ operation: 'rotate', 'client-id': 'canaryClientId', ...inputs });
      return repository.run('examples/fleet-one-job.yml', { ...start, said: true });
    };
    const logins = async () => {
      const held = [repository.held('AUTH0_MTLS_PEM', 'repo:acme/canary'), pem];
      const asked = held.map((one) => repository.world.requestToken('canaryClientId', one, AUDIENCE));
      return (await Promise.all(asked)).map(({ status }) => status);
    };
    const refused = await run();
    expect([refused.exitCode, refused.said]).toEqual([1, expect.stringContaining('SECRET_EXISTS')]);
    const [path, entry] = ['.github/auth0-clients.yml', '  - client-id: canaryClientId\n'];
    const kept = `${entry}    keep-credentials: [${id}]\n`;
    repository.replace(path, entry, kept);
    const first = [0, { rotate: 'success' }, 'true', 'UnidentifiedSecret'];
    expect(outcome(await run({ force: 'true' }))).toEqual(first);
    expect([repository.held('AUTH0_MTLS_PEM', 'repo:acme/canary') === pem, await logins()]).toEqual([
      false,
      [200, 200],
    ]);
    // It keeps its slot: no rotation more before its id is out, and each run says so.
    repository.world.advance(20 * MINUTE);
    const idle = await run();
    expect([idle.exitCode, idle.summaries.join()]).toEqual([0, expect.stringContaining('will fail')]);
    repository.world.advance(8 * DAY);
    const full = await run({ force: 'true' });
    expect([full.exitCode, full.said]).toEqual([1, expect.stringContaining('CREDENTIAL_LIMIT')]);
    repository.replace(path, kept, entry);
    expect(outcome(await run({ force: 'true' }))).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(await logins()).toEqual([200, 401]);
  });
});

story('examples/fleet.yml', {
  options: { name: 'acme/rotations' },
  prepare: enlisted,
  async run(repository, run) {
    const first = await run();
    const both = { plan: 'success', rotate: 'success' };
    expect([first.exitCode, first.jobs]).toEqual([0, both]);
    expect(first.summaries).toEqual([
      expect.stringContaining('📋 4 clients: 4 would be rotated'),
      expect.stringContaining('✅ 4 clients: 4 rotated'),
    ]);
    expect(await logins(repository)).toEqual([200, 200, 200, 200, 200]);
    // The plan finds nothing due, and its output keeps the other job from running. The clocks stay as they are: the sandbox
    // checks client assertions in real time, and this action has read its clock by then.
    for (const start of [{}, DISPATCH]) {
      const idle = await run(start);
      expect([idle.exitCode, idle.jobs]).toEqual([0, { plan: 'success' }]);
    }
    const forced = await run(dispatch({ force: 'true' }));
    expect([forced.exitCode, forced.jobs, await logins(repository)]).toEqual([
      0,
      both,
      [200, 200, 200, 200, 200],
    ]);
  },
  controls: [
    {
      from: 'secrets.ROTATOR_APP_PRIVATE_KEY',
      to: 'secrets.ROTATOR_APP_KEY',
      says: 'DECODER routines::unsupported',
    },
    {
      from: '      environment: auth0-rotation',
      to: '      # environment: auth0-rotation',
      says: 'DECODER routines::unsupported',
    },
    {
      from: 'manifest: .github/auth0-clients.yml',
      to: 'manifest: auth0-clients.yml',
      says: 'auth0-clients.yml',
    },
    { file: '.github/auth0-clients.yml', from: '  verify: required', to: '  verfy: required', says: 'verfy' },
  ],
});

/** The form of the fleet's emergency for the client with two destinations. */
const SHOP = { 'client-id': 'shopClientId' };

/** A rotation of the fleet some time ago. */
async function fleetRotated(repository: Repository): Promise<void> {
  enlisted(repository);
  expect((await repository.run('examples/fleet-one-job.yml', {})).exitCode).toBe(0);
  repository.world.advance(20 * MINUTE);
}

story('examples/fleet-emergency.yml', {
  options: { name: 'acme/rotations' },
  async prepare(repository) {
    await fleetRotated(repository);
    repository.world.github.addRun('acme/shop', 'consume.yml', { status: 'queued', conclusion: null });
  },
  async run(repository, run) {
    const before = heldBy(repository);
    const planned = await run(dispatch(SHOP));
    expect(outcome(planned)).toEqual([0, { rotate: 'success' }, 'false', 'Forced']);
    expect([heldBy(repository), await logins(repository)]).toEqual([before, [200, 200, 200, 200, 200]]);
    // A repository of another client is gone: no token, and nothing is changed. The form leaves it out.
    repository.app.gone.add('canary');
    expect((await run(dispatch({ ...SHOP, operation: 'rotate' }))).jobs).toEqual({ rotate: 'failure' });
    expect(heldBy(repository)).toEqual(before);
    const revoked = await run(dispatch({ ...SHOP, operation: 'rotate', repositories: 'shop, billing' }));
    expect(outcome(revoked)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    repository.app.gone.clear();
    expect(revoked.summaries.join()).toContain('1 workflow run was queued before the delivery');
    // Both destinations have the new key, the old one is out, and the other clients have what they had.
    expect(renewed(repository, before)).toEqual([false, true, true, false, false]);
    expect(await logins(repository)).toEqual([200, 200, 200, 200, 200]);
    const old = await repository.world.requestToken('shopClientId', before[1] ?? '', AUDIENCE);
    expect(old.status).toBe(401);
    // Another method and an organization's secret: all that differs stands in the manifest.
    const reports = dispatch({ 'client-id': 'reportsClientId', operation: 'rotate' });
    expect(outcome(await run(reports))).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(await logins(repository)).toEqual([200, 200, 200, 200, 200]);
    expect(await loginByKey(repository.world, 'reportsClientId', before[4] ?? '', AUDIENCE)).toBe(401);
    // The edge is down: the form has the last word, though the manifest requires a proof.
    repository.variables.AUTH0_MTLS_DOMAIN = '127.0.0.1:1';
    const batch = { 'client-id': 'shopBatchClientId', operation: 'rotate', verify: 'off' };
    expect(outcome(await run(dispatch(batch)))).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(await logins(repository)).toEqual([200, 200, 200, 200, 200]);
  },
  controls: [
    {
      from: `force: \${{ inputs.removable == '' }}`,
      to: 'force: false',
      says: "Input 'revoke' is for an emergency and needs force: true",
      start: dispatch(SHOP),
    },
    {
      from: 'inputs.client-id',
      to: 'inputs.client',
      says: "Input 'revoke' concerns one client",
      start: dispatch(SHOP),
    },
    {
      from: 'shard:',
      to: '#',
      says: "Input 'revoke' concerns one client",
      start: dispatch(SHOP),
    },
  ],
});

story('examples/fleet-watch.yml', {
  options: { name: 'acme/rotations' },
  async prepare(repository) {
    await fleetRotated(repository);
    repository.world.github.addWorkflow(repository.name, 'fleet-one-job.yml');
    repository.world.github.addRun(repository.name, 'fleet-one-job.yml', { conclusion: 'success' });
  },
  async run(repository, run) {
    const all = await run();
    expect([all.exitCode, all.jobs, await issuesOf(repository)]).toEqual([
      0,
      { list: 'success', watch: 'success' },
      [],
    ]);
    // The plan, and a watch of each.
    expect(all.summaries.length).toBe(1 + MEMBERS.length);
    for (const [clientId] of MEMBERS)
      expect(all.summaries.filter((text) => text.includes(clientId)).length).toBe(2);
    // The last run of the fleet's workflow has failed: one client's watch says so, not each.
    repository.world.github.addRun(repository.name, 'fleet-one-job.yml', { conclusion: 'failure' });
    const broken = await run();
    expect([
      broken.exitCode,
      broken.summaries.filter((text) => text.includes('fleet-one-job.yml')).length,
    ]).toEqual([0, 1]);
    expect((await issuesOf(repository)).length).toBe(1);
    repository.world.github.addRun(repository.name, 'fleet-one-job.yml', { conclusion: 'success' });
    expect((await run()).exitCode).toBe(0);
    // A client that cannot be planned is found, and the others are watched all the same.
    const [path, entry] = ['.github/auth0-clients.yml', '  - client-id: canaryClientId'];
    repository.replace(path, entry, `  - client-id: goneClientId\n    secret-name: GONE\n${entry}`);
    const found = await run();
    expect([found.exitCode, found.jobs.list, found.summaries.length]).toEqual([1, 'failure', 6]);
    const open = (await issuesOf(repository)).filter(({ state }) => state === 'open');
    expect(open).toEqual([expect.objectContaining({ body: expect.stringContaining('goneClientId') })]);
  },
  controls: [
    {
      from: "'fleet-one-job.yml'",
      to: "'rotation.yml'",
      says: 'GitHub did not show the workflow rotation.yml of acme/rotations (404',
    },
    {
      from: 'shard:',
      to: '#',
      says: "Input 'operation' is 'watch'; with a manifest write one of rotate, plan",
    },
  ],
});

/** Bodies of what examples/hand-over-vault.yml has written. */
let handedOver: unknown[] = [];

story('examples/hand-over-vault.yml', {
  async prepare(repository) {
    for (const scope of [ROTATION, 'env:acme/shop/production']) repository.addScope(scope);
    handedOver = [];
    const answers: Record<string, object> = {
      '/identity?api-version=2.0&audience=vault': { value: 'identity-of-the-job' },
      '/v1/auth/jwt/login': { auth: { client_token: 'token-of-the-vault' } },
    };
    const handle = ({ path, body, headers }: EmulatorRequest) => {
      const isWrite =
        path === '/v1/secret/data/auth0/mtls' && headers['x-vault-token'] === 'token-of-the-vault';
      if (isWrite) handedOver.push(JSON.parse(body));
      const answer = isWrite ? {} : answers[path];
      return { status: answer ? 200 : 403, headers: {}, body: JSON.stringify(answer ?? {}) };
    };
    const tls = repository.world.authority.serverCertificate(['vault.example.com']);
    const vault = await serve({ handle }, { tls });
    repository.defer(() => vault[Symbol.asyncDispose]());
    repository.curl(`connect-to = "vault.example.com:443:${vault.host}"`);
    repository.identity = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${vault.url}/identity?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-of-the-job',
    };
    repository.addTokens(['identity-of-the-job', 'token-of-the-vault']);
  },
  async run(repository, run) {
    // act reads all secrets when a run starts, GitHub those of an environment when a job starts: here it hands over what was there before.
    const before = () => repository.held('AUTH0_MTLS_PEM', 'env:acme/shop/production');
    const first = await run();
    expect([first.exitCode, first.jobs]).toEqual([1, { rotate: 'success', 'hand-over': 'failure' }]);
    expect([handedOver, first.log]).toEqual([[], expect.stringContaining('The secret is empty')]);
    repository.world.advance(20 * MINUTE);
    // Nothing is due, and the run makes up for what the first one has failed at. A plan hands nothing over, unless it is told to.
    const both = { rotate: 'success', 'hand-over': 'success' };
    const idle = await run();
    expect([idle.exitCode, idle.jobs, handedOver]).toEqual([0, both, [{ data: { pem: before() } }]]);
    expect((await run(dispatch({}))).jobs).toEqual({ rotate: 'success' });
    await run(dispatch({ 'hand-over': 'true' }));
    expect(handedOver).toEqual(Array(2).fill({ data: { pem: before() } }));
    repository.world.advance(61 * DAY);
    const pem = before();
    expect((await run()).jobs).toEqual(both);
    expect(handedOver.at(-1)).toEqual({ data: { pem } });
    // A rotation that fails may have stored the pair before.
    repository.secrets.AUTH0_ROTATOR_PRIVATE_KEY = '';
    expect((await run()).jobs).toEqual({ ...both, rotate: 'failure' });
    expect(handedOver.length).toBe(4);
  },
  controls: [{ from: 'id-token: write', to: 'contents: read' }],
});

/** What the chat of examples/notify.yml has heard, and its mail server. */
let heard: { text: string }[] = [];
let mail = () => '';

story('examples/notify.yml', {
  async prepare(repository) {
    for (const scope of [ROTATION, 'env:acme/shop/production']) repository.addScope(scope);
    heard = [];
    const { authority } = repository.world;
    const handle = ({ body }: EmulatorRequest) => {
      heard.push(JSON.parse(body));
      return { status: 200, headers: {}, body: 'ok' };
    };
    const chat = await serve({ handle }, { tls: authority.serverCertificate() });
    const stack = new AsyncDisposableStack();
    const post = await listenForMail(authority.serverCertificate(), stack);
    mail = post.mail;
    repository.defer(() => chat[Symbol.asyncDispose]());
    repository.defer(() => stack.disposeAsync());
    Object.assign(repository.secrets, { CHAT_WEBHOOK_URL: chat.url, SMTP_USER: 'rotation:of-the-mail' });
    Object.assign(repository.variables, {
      SMTP_URL: `smtps://localhost:${post.port}`,
      SMTP_SENDER: 'rotation@example.test',
      SMTP_RECIPIENT: 'team@example.test',
    });
  },
  async run(repository, run) {
    const first = await run();
    expect([first.exitCode, first.jobs, heard]).toEqual([0, { rotate: 'success' }, []]);
    delete repository.secrets.AUTH0_ROTATOR_PRIVATE_KEY;
    const chatUrl = `${repository.secrets.CHAT_WEBHOOK_URL}`;
    const failed = await run();
    expect([failed.exitCode, failed.jobs]).toEqual([1, { rotate: 'failure', notify: 'success' }]);
    expect(heard).toEqual([
      { text: expect.stringContaining(`rotation or hand-over of ${repository.clientId} failed`) },
    ]);
    const mails = () => mail().split('Subject: ').length - 1;
    expect(mails()).toBe(1);
    // Who is not reached in one way is reached in the other.
    repository.secrets.CHAT_WEBHOOK_URL = 'https://localhost:1/';
    expect([(await run()).jobs, heard.length, mails()]).toEqual([
      { rotate: 'failure', notify: 'failure' },
      1,
      2,
    ]);
    repository.variables.SMTP_URL = 'smtps://localhost:1';
    repository.secrets.CHAT_WEBHOOK_URL = chatUrl;
    expect([(await run()).jobs, heard.length, mails()]).toEqual([
      { rotate: 'failure', notify: 'failure' },
      2,
      2,
    ]);
  },
  controls: [
    {
      from: 'secrets.AUTH0_ROTATOR_PRIVATE_KEY',
      to: 'secrets.AUTH0_ROTATOR_KEY',
      says: "Input 'management-client-id' needs exactly one of",
      after: () => expect(heard).toHaveLength(1),
    },
  ],
});

it.skipIf(ACT === undefined)(
  'the deployment of a service of a fleet hands nothing over without a pair, and a chat hears of it',
  async () => {
    await using repository = await Repository.start();
    repository.addScope('env:acme/shop/production');
    heard = [];
    const handle = ({ body }: EmulatorRequest) => {
      heard.push(JSON.parse(body));
      return { status: 200, headers: {}, body: 'ok' };
    };
    const chat = await serve({ handle }, { tls: repository.world.authority.serverCertificate() });
    repository.defer(() => chat[Symbol.asyncDispose]());
    repository.secrets.CHAT_WEBHOOK_URL = chat.url;
    const failed = await repository.run('examples/fleet/deploy-kubernetes.yml', dispatch({ client: 'shop' }));
    expect([failed.exitCode, failed.jobs]).toEqual([1, { deploy: 'failure', notify: 'success' }]);
    expect(failed.log).toContain('The secret is empty');
    expect(heard).toEqual([{ text: expect.stringContaining('certificate in acme/shop failed') }]);
  },
);

/** They need programs of a cloud or of GitHub, or their scripts are the same: test/consumers/hand-over.long.test.ts runs those. */
const ELSEWHERE = ['examples/hand-over-*.yml'];

it('each has a story, here or beside the consumers', () => {
  expect([...new Set([...COVERED, ...globSync(ELSEWHERE)])].sort()).toEqual(
    globSync('examples/*.yml').sort(),
  );
});
