/** The repository's own workflows that users run or call, and what reaches the next job of a caller. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { MINUTE } from '../scenarios/support.ts';
import { ACT } from './act.ts';
import { AUDIENCE, OUR_REPOSITORY, Repository, service } from './repository.ts';
import { outcome, story } from './story.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const DISPATCH = { event: 'workflow_dispatch' } as const;

async function login(repository: Repository, clientId = repository.clientId, name = 'AUTH0_MTLS_PEM') {
  const pem = repository.held(name);
  return (await repository.world.requestToken(clientId, pem, AUDIENCE)).status;
}

/** Holds the action itself: `uses: ./` is what was checked out. */
function own(repository: Repository): void {
  repository.writeRelease();
}

story('.github/workflows/rotate.yml', {
  options: { name: OUR_REPOSITORY, prefix: 'ghs_', keysAt: 'repository' },
  prepare: own,
  async run(repository, run) {
    const { AUTH0_DOMAIN: domain = '', ...others } = repository.variables;
    delete repository.variables.AUTH0_DOMAIN;
    // Where it is not set up it does nothing, and does not fail.
    const idle = await run();
    expect([idle.exitCode, idle.jobs, repository.held()]).toEqual([0, {}, '']);
    Object.assign(repository.variables, others, { AUTH0_DOMAIN: domain });
    expect(outcome(await run())).toEqual([0, { rotate: 'success' }, 'true', 'FirstDelivery']);
    expect(await login(repository)).toBe(200);
    repository.world.advance(20 * MINUTE);
    expect(outcome(await run(DISPATCH))).toEqual([0, { rotate: 'success' }, 'false', 'NotDue']);
    const forced = await run({ ...DISPATCH, inputs: { force: 'true' } });
    expect(outcome(forced)).toEqual([0, { rotate: 'success' }, 'true', 'Forced']);
    expect(await login(repository)).toBe(200);
  },
  controls: [
    {
      from: 'vars.AUTH0_CLIENT_ID',
      to: 'vars.CLIENT_ID',
      says: "Input 'client-id' must not be empty",
    },
    { file: 'action.yml', from: 'main: dist/index.js', to: 'main: index.js' },
  ],
});

story('test/engine/workflows/outputs.yml', {
  options: { keysAt: 'repository' },
  async run(repository, run) {
    const { outputs, exitCode, jobs } = await run(DISPATCH);
    expect([exitCode, jobs]).toEqual([0, { rotate: 'success', next: 'success' }]);
    const received = JSON.parse(`${outputs['next/received']?.all}`);
    expect(received).toEqual(outputs['rotate/rotation']);
    expect(Object.keys(received).sort()).toEqual(Object.keys(parse(read('action.yml')).outputs).sort());
    expect(JSON.parse(received.result)).toEqual([
      expect.objectContaining({ 'client-id': repository.clientId, rotated: true }),
    ]);
  },
  controls: [
    // The next job then has nothing to read, and its condition no JSON.
    { from: 'steps.rotation.outputs.result', to: 'steps.rotation.outputs.results', start: DISPATCH },
  ],
});

/** A manifest of so many clients, none of which has been rotated yet, and then of some that Auth0 does not know. */
function fleet(repository: Repository, count: number, audience: string, unknown: string[] = []): void {
  const known = Array.from({ length: count }, (_, at) => `client${at}`);
  for (const clientId of known)
    repository.world.tenant.createClient({ ...service(clientId), client_id: clientId });
  const clients = [...known, ...unknown].map((clientId, at) => ({
    'client-id': clientId,
    'secret-name': `PEM_${at}`,
    destinations: [repository.scope],
  }));
  const defaults = { verify: 'required', 'verify-audience': audience, 'propagation-time': '0s' };
  // JSON is YAML.
  repository.write('.github/auth0-clients.yml', JSON.stringify({ defaults, clients }));
}

const CALLED = '.github/workflows/rotate-fleet.yml';

story('test/engine/workflows/fleet-result.yml', {
  options: { keysAt: 'repository' },
  prepare: (repository) => fleet(repository, 2, AUDIENCE),
  async run(repository, run) {
    const first = await run(DISPATCH);
    const all = { plan: 'success', rotate: 'success', next: 'success' };
    expect([first.exitCode, first.jobs, first.outputs['next/received']]).toEqual([
      0,
      all,
      { client: 'client0' },
    ]);
    expect(await Promise.all([0, 1].map((at) => login(repository, `client${at}`, `PEM_${at}`)))).toEqual([
      200, 200,
    ]);
    repository.world.advance(20 * MINUTE);
    // No part of the fleet is due: the matrix would be empty, and its job does not run.
    const { exitCode, jobs } = await run(DISPATCH);
    expect([exitCode, jobs]).toEqual([0, { plan: 'success', next: 'success' }]);
  },
  controls: [
    { file: CALLED, from: 'jobs.plan.outputs.result', to: 'jobs.plan.outputs.results', start: DISPATCH },
    { file: CALLED, from: 'path: .auth0-mtls-rotation-action', to: 'path: action', start: DISPATCH },
    {
      file: CALLED,
      from: 'secrets.AUTH0_ROTATOR_PRIVATE_KEY',
      to: 'secrets.AUTH0_ROTATOR_KEY',
      says: "Input 'management-client-id' needs exactly one of",
      start: DISPATCH,
    },
  ],
});

/** More clients than one job works on. What the plan cannot know: no certificate will be proven. */
story('test/engine/workflows/fleet-result.yml', {
  options: { keysAt: 'repository' },
  prepare: (repository) => fleet(repository, 51, 'https://unknown.example.com/'),
  async run({ world }, run) {
    const { exitCode, jobs, outputs, summaries } = await run(DISPATCH);
    expect(outputs['plan/plan']?.matrix).toBe('["1/2","2/2"]');
    expect([exitCode, jobs]).toEqual([1, { plan: 'success', rotate: 'failure' }]);
    // One part that fails does not stop the other, and each part stops at its first client.
    expect(summaries.slice(1)).toEqual([1, 2].map(() => expect.stringContaining('VERIFICATION_FAILED')));
    expect(world.transcript.requests().filter((line) => / POST .*\/credentials$/.test(line)).length).toBe(2);
  },
  controls: [{ file: CALLED, from: 'fromJSON(needs.plan', to: 'fromJSON(needs.plans', start: DISPATCH }],
});

test.skipIf(ACT === undefined)('a client whose plan fails keeps no other from its rotation', async () => {
  await using repository = await Repository.start({ keysAt: 'repository' });
  fleet(repository, 2, AUDIENCE, ['gone']);
  const { exitCode, jobs } = await repository.run('test/engine/workflows/fleet-result.yml', DISPATCH);
  expect([exitCode, jobs.plan]).toEqual([1, 'failure']);
  const statuses = [0, 1].map((at) => login(repository, `client${at}`, `PEM_${at}`));
  expect(await Promise.all(statuses)).toEqual([200, 200]);
});

test.skipIf(ACT === undefined)('a line of a key in the log is found', async () => {
  await using repository = await Repository.start({ keysAt: 'repository' });
  const leaking = repository.run('test/engine/workflows/leak.yml', DISPATCH);
  await expect(leaking).rejects.toThrow(repository.secrets.AUTH0_ROTATOR_PRIVATE_KEY?.split('\n')[2]);
});
