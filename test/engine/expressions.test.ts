/**
 * What act ignores in a workflow (nektos/act-docs, not_supported.md: `concurrency`) or does not know (pkg/model/job_context.go:
 * job.workflow_repository and job.workflow_sha), evaluated by GitHub's own package.
 */
import { globSync, readFileSync } from 'node:fs';
import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  with?: Record<string, string>;
}

interface Workflow {
  on: { workflow_call: { secrets: Record<string, unknown> } };
  concurrency: { group: string; 'cancel-in-progress': boolean };
  jobs: Record<
    string,
    {
      if?: string;
      needs?: string;
      environment?: string;
      secrets?: Record<string, string>;
      steps?: Step[];
      strategy?: Record<string, unknown>;
    }
  >;
}

const read = (path: string): Workflow => parse(readFileSync(path, 'utf8'));
const FLEET = read('.github/workflows/rotate-fleet.yml');

type Contexts = Record<string, unknown>;

/** Status functions of a job that nobody has cancelled. */
const STATUS = new Map(
  Object.entries({ cancelled: false, failure: false, always: true }).map(([name, is]) => [
    name,
    { name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(is) },
  ]),
);

function value(expression: string, contexts: Contexts): unknown {
  const { tokens } = new Lexer(expression).lex();
  const tree = new Parser(tokens, Object.keys(contexts), [...STATUS.values()]).parse();
  const context = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary;
  return JSON.parse(JSON.stringify(new Evaluator(tree, context, STATUS).evaluate(), data.replacer));
}

/** A text with expressions. */
function text(template: string, contexts: Contexts): string {
  return template.replaceAll(
    /\$\{\{(.*?)\}\}/g,
    (_, expression: string) => `${value(expression, contexts) ?? ''}`,
  );
}

/** A condition, with or without its braces. */
const holds = (condition: string, contexts: Contexts) =>
  value(/^\$\{\{(.*)\}\}$/s.exec(condition)?.[1] ?? condition, contexts);

it.each([
  [
    'rotate-auth0-certificate',
    ['.github/workflows/rotate.yml', 'examples/rotate.yml', 'examples/create.yml'],
  ],
  [
    'rotate-auth0-certificate',
    ['enroll', 'revert', 'rehearse', 'emergency'].map((name) => `examples/${name}.yml`),
  ],
  ['rotate-auth0-key', ['examples/private-key-jwt.yml']],
  [
    'rotate-auth0-certificates',
    ['fleet', 'fleet-one-job', 'fleet-emergency'].map((name) => `examples/${name}.yml`),
  ],
  ['rotate-auth0-management-key', ['examples/self-rotation.yml']],
  ['rotate-auth0-web-application', ['examples/web-application.yml']],
  ['watch-auth0-certificate', ['examples/watch.yml']],
  ['watch-auth0-certificates', ['examples/fleet-watch.yml']],
])('what works on one client is in one group: %s', (group, paths) => {
  for (const path of paths) {
    expect([path, read(path).concurrency]).toEqual([path, { group, 'cancel-in-progress': false }]);
  }
});

it('one fleet is in one group, whatever else a run is given, and another fleet is in another', () => {
  const { group } = FLEET.concurrency;
  const of = (manifest: string, force = false) => text(group, { inputs: { manifest, force } });
  expect([of('a.yml'), of('a.yml', true)]).toEqual(['rotate-auth0-fleet-a.yml', 'rotate-auth0-fleet-a.yml']);
  expect(of('b.yml')).not.toBe(of('a.yml'));
  // Two groups with a common name would wait for each other for ever: the caller holds its own while it waits.
  expect(read('examples/fleet.yml').concurrency.group).not.toBe(of('.github/auth0-clients.yml'));
});

it('a called workflow checks out the action in its own version, not the repository that calls', () => {
  const job = {
    workflow_repository: 'your-organization/auth0-mtls-rotation-action',
    workflow_sha: '0123abc',
  };
  const contexts = { job, github: { repository: 'acme/rotations', sha: '4567def' } };
  for (const { steps = [] } of Object.values(FLEET.jobs)) {
    const [, checkout] = steps;
    const { repository = '', ref = '' } = checkout?.with ?? {};
    expect([text(repository, contexts), text(ref, contexts)]).toEqual([
      job.workflow_repository,
      job.workflow_sha,
    ]);
  }
});

it('both jobs of a fleet name the environment that they are given, whose secrets have the names that are passed', () => {
  const named = Object.values(FLEET.jobs).map(({ environment }) => environment);
  const of = (environment: string) => named.map((one) => text(`${one}`, { inputs: { environment } }));
  expect([of('auth0-rotation'), of('')]).toEqual([
    ['auth0-rotation', 'auth0-rotation'],
    ['', ''],
  ]);
  const { secrets = {} } = read('examples/fleet.yml').jobs.rotate ?? {};
  const names = Object.keys(FLEET.on.workflow_call.secrets);
  expect(secrets).toEqual(Object.fromEntries(names.map((name) => [name, `\${{ secrets.${name} }}`])));
});

it.each([
  ['["1/1"]', true],
  ['[]', false],
  // The plan has failed before it wrote one.
  ['', false],
])('with the matrix %j the parts of a fleet run: %s', (matrix, runs) => {
  expect(holds(`${FLEET.jobs.rotate?.if}`, { needs: { plan: { outputs: { matrix } } } })).toBe(runs);
});

it('two parts of a fleet are at work at once, since they share the budget of one tenant, and none stops another', () => {
  expect(FLEET.jobs.rotate?.strategy).toMatchObject({ 'fail-fast': false, 'max-parallel': 2 });
});

/** As GitHub gives them: of a schedule none, of a start by hand all, with their types. */
const STARTS = {
  schedule: {},
  default: { force: false, bootstrap: false },
  force: { force: true, bootstrap: true },
};

it.each([
  ['inputs.force || false', [false, false, true]],
  ['!inputs.bootstrap', [true, true, false]],
  ['inputs.bootstrap', [null, false, true]],
  ["inputs.operation || 'rotate'", ['rotate', 'rotate', 'rotate']],
])('%s is by schedule, by hand and with a choice: %j', (expression, expected) => {
  const used = globSync('{examples,.github/workflows}/*.yml').some((path) =>
    readFileSync(path, 'utf8').includes(expression),
  );
  expect([used, Object.values(STARTS).map((inputs) => value(expression, { inputs }))]).toEqual([
    true,
    expected,
  ]);
});

it.each([
  [{ removable: '', verify: 'required' }, ['true', 'previous', '', 'until-next-rotation', 'required']],
  [{ removable: '', verify: 'off' }, ['true', 'previous', '', 'until-next-rotation', 'off']],
  [{ removable: 'cred_a', verify: 'required' }, ['false', '', 'cred_a', '0h', 'required']],
])('the form of an emergency, %j', (inputs, expected) => {
  const names = ['force', 'revoke', 'removable-credentials', 'overlap', 'verify'];
  for (const path of ['examples/emergency.yml', 'examples/fleet-emergency.yml']) {
    const { with: given = {} } = read(path).jobs.rotate?.steps?.at(-1) ?? {};
    expect(names.map((name) => text(`${given[name]}`, { inputs }))).toEqual(expected);
  }
});

it.each([
  [{ 'client-id': 'one' }, 'one', 'false'],
  [{ 'client-id': 'one', force: true }, 'one', 'true'],
  // Never every client of the fleet.
  [{ 'client-id': '', force: true }, '1/1', 'false'],
  [{}, '1/1', 'false'],
])('the form of a fleet in one job, %j: the part %s, by force %s', (inputs, shard, force) => {
  const { with: given = {} } = read('examples/fleet-one-job.yml').jobs.rotate?.steps?.at(-1) ?? {};
  expect(['shard', 'force'].map((name) => text(`${given[name]}`, { inputs }))).toEqual([shard, force]);
});

it.each([
  [JSON.stringify([{ 'client-id': 'a', rotated: false }, { 'client-id': 'b' }, { 'left-out': 3 }]), true],
  ['', false],
])('the watch of a fleet has a job for each client of the list %s', (result, runs) => {
  const { if: condition = '', strategy, steps } = read('examples/fleet-watch.yml').jobs.watch ?? {};
  const needs = { list: { outputs: { result } } };
  expect(holds(condition, { needs })).toBe(runs);
  if (!runs) return;
  const { client } = Object(strategy?.matrix);
  expect([strategy?.['fail-fast'], holds(client, { needs })]).toEqual([false, ['a', 'b']]);
  // One of them looks at the fleet's workflow, or each would open an issue for one failed run.
  const workflow = `${steps?.at(-1)?.with?.workflow}`;
  expect(['a', 'b'].map((one) => text(workflow, { needs, matrix: { client: one } }))).toEqual([
    'fleet-one-job.yml',
    '',
  ]);
});

it.each([
  [{}, ['', 'until-next-rotation']],
  [{ removable: '' }, ['', 'until-next-rotation']],
  [{ removable: 'cred_a' }, ['cred_a', '0h']],
])('the field removable of self-rotation.yml: %j', (inputs, expected) => {
  const { with: given = {} } = read('examples/self-rotation.yml').jobs.rotate?.steps?.at(-1) ?? {};
  const names = ['removable-credentials', 'overlap'];
  expect(names.map((name) => text(`${given[name]}`, { inputs }))).toEqual(expected);
});

it.each([
  [{}, false, true],
  [{}, true, false],
  [{ operation: 'rotate', 'hand-over': false }, false, true],
  [{ operation: 'plan', 'hand-over': false }, false, false],
  [{ operation: 'plan', 'hand-over': true }, false, true],
])('what may be handed over again follows each rotation, %j, cancelled %s: %s', (inputs, cancelled, runs) => {
  for (const name of ['kubernetes', 'vault']) {
    const { if: condition = '' } = read(`examples/hand-over-${name}.yml`).jobs['hand-over'] ?? {};
    const given = condition.replace('cancelled()', `${cancelled}`);
    expect([given === condition, Boolean(holds(given, { inputs }))]).toEqual([false, runs]);
  }
});

it.each([
  ['rotate', '', 'true', true],
  ['rotate', '', 'false', false],
  ['rotate', 'cred_a', 'false', true],
  ['plan', 'cred_a', 'false', false],
])(
  'a hand-over after an emergency: %s, removable %j, rotated %s: %s',
  (operation, removable, rotated, runs) => {
    const [, condition = ''] =
      /^ +`(always\(\) && .*)`\. Otherwise/m.exec(readFileSync('docs/recipes.md', 'utf8')) ?? [];
    const needs = { rotate: { outputs: { rotated } } };
    expect(holds(condition, { inputs: { operation, removable }, needs })).toBe(runs);
  },
);

it.each([
  ['success', false],
  ['skipped', false],
  ['failure', true],
  // So ends a job that reaches its timeout-minutes.
  ['cancelled', true],
])('of a job that has ended with %s somebody is told: %s', (result, runs) => {
  const paths = globSync('examples/**/*.yml').filter((path) => read(path).jobs?.notify);
  expect(paths.sort()).toEqual(['examples/fleet/deploy-kubernetes.yml', 'examples/notify.yml']);
  for (const path of paths) {
    const { if: condition = '', needs = '' } = read(path).jobs.notify ?? {};
    // Without a status function it would follow a success alone.
    const told = [condition.includes('always()'), holds(condition, { needs: { [needs]: { result } } })];
    expect([path, ...told]).toEqual([path, true, runs]);
  }
});
