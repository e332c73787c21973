/** What starts each workflow, what each of its jobs may do and use, and in which order its steps come: one table, and rules for all examples. */

import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LONGEST_RUN } from '../../src/model/timing.ts';

interface Step {
  id?: string;
  if?: string;
  name?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, string | boolean | number>;
}

interface Job {
  name?: string;
  if?: string;
  needs?: string;
  uses?: string;
  'runs-on'?: string;
  'timeout-minutes'?: number;
  environment?: string;
  permissions?: Record<string, string>;
  outputs?: Record<string, string>;
  strategy?: object;
  steps?: Step[];
}

interface Field {
  type?: string;
  options?: string[];
  default?: unknown;
  required?: boolean;
}

interface Workflow {
  on: Record<string, { inputs?: Record<string, Field> } | null> | string;
  concurrency?: { group: string; 'cancel-in-progress': boolean };
  jobs: Record<string, Job>;
}

const read = (path: string): Workflow => parse(readFileSync(path, 'utf8'));
const expression = (inner: string) => `\${{ ${inner} }}`;
const own = Object.fromEntries(
  globSync('.github/workflows/*.yml').map((path) => [basename(path, '.yml'), read(path)]),
);
const examples = globSync('examples/*.yml')
  .sort()
  .map((path) => ({ path, text: readFileSync(path, 'utf8'), workflow: read(path) }));
const jobs = [
  ...Object.entries(own).map(([name, workflow]) => ({ path: `.github/workflows/${name}.yml`, workflow })),
  ...examples,
].flatMap(({ path, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${path} ${name}`, path, job })),
);
const isOurs = ({ uses = '' }: Step) => /^\.\/|\/auth0-mtls-rotation-action@/.test(uses);
const isToken = ({ uses = '' }: Step) => uses.startsWith('actions/create-github-app-token@');
const isCheckout = ({ uses = '' }: Step) => uses.startsWith('actions/checkout@');

it('the files are there', () => {
  expect([Object.keys(own).length, examples.length, jobs.length]).toEqual([7, 29, 50]);
});

// ---- what starts them

const CHECK = { push: { branches: ['main'] }, pull_request: null };
const STARTS: Record<string, object> = {
  ci: CHECK,
  'check-dist': CHECK,
  codeql: { ...CHECK, schedule: [{ cron: '41 5 * * 1' }] },
  'dependency-review': { pull_request: null },
  release: { push: { tags: ['v[0-9]+.[0-9]+.[0-9]+'] } },
};

it.each(Object.entries(STARTS))('%s starts where it must', (name, on) => {
  expect(own[name]?.on).toEqual(on);
});

it('a newer push ends the checks of its branch alone, and nothing ends a release', () => {
  for (const name of Object.keys(STARTS))
    expect([name, own[name]?.concurrency]).toEqual([
      name,
      name === 'release'
        ? { group: 'release', 'cancel-in-progress': false }
        : { group: `${name}-${expression('github.ref')}`, 'cancel-in-progress': true },
    ]);
});

const scheduled = [...examples, { path: 'rotate', workflow: own.rotate as Workflow }].flatMap(
  ({ path, workflow: { on } }) =>
    typeof on === 'string' || !('schedule' in on) ? [] : [{ path, schedule: on.schedule }],
);

it('what rotates starts once a day, before the watch, and not at the full hour, when schedules are dropped', () => {
  expect(scheduled.length).toBe(24);
  for (const { path, schedule } of scheduled) {
    // Each run of this one has a certificate issued.
    const days = path.endsWith('vault.yml') && path.includes('ca-signed') ? '* * 1' : '* * *';
    const hour = path.endsWith('watch.yml') ? '7' : '[34]';
    const cron = new RegExp(`^[1-5]\\d ${hour} ${days.replaceAll('*', '\\*')}$`);
    expect([path, schedule]).toEqual([path, [{ cron: expect.stringMatching(cron) }]]);
  }
});

it('a form of an example begins with what changes nothing, and its workflow reads each of its fields', () => {
  const forms = examples.flatMap(({ path, text, workflow: { on } }) =>
    typeof on === 'string'
      ? []
      : Object.entries(on.workflow_dispatch?.inputs ?? {}).map(([name, field]) => ({
          path,
          text,
          name,
          field,
        })),
  );
  expect(forms.length).toBe(58);
  for (const { path, text, name, field } of forms) {
    expect([path, name, text.includes(`inputs.${name}`)]).toEqual([path, name, true]);
    const { type, options = [], default: preset, required } = field;
    if (type === 'boolean') expect([path, name, preset]).toEqual([path, name, false]);
    if (name === 'operation') expect([path, options[0], preset]).toEqual([path, 'plan', 'plan']);
    if (name === 'verify') expect([path, options, preset]).toEqual([path, ['required', 'off'], 'required']);
    if (required !== true) expect([path, name, preset]).toEqual([path, name, expect.anything()]);
  }
});

// ---- what they may do

/** Besides reading what it checks out. */
const MAY: Record<string, Record<string, string>> = {
  '.github/workflows/codeql.yml analyze': { actions: 'read', 'security-events': 'write' },
  '.github/workflows/release.yml publish': {
    contents: 'write',
    'id-token': 'write',
    attestations: 'write',
  },
  'examples/ca-signed-vault.yml rotate': { 'id-token': 'write' },
  'examples/fleet.yml rotate': { contents: 'read' },
  'examples/fleet-watch.yml watch': { actions: 'read', issues: 'write' },
  'examples/hand-over-aws.yml hand-over': { 'id-token': 'write' },
  'examples/hand-over-azure.yml hand-over': { 'id-token': 'write' },
  'examples/hand-over-deploy.yml deploy': { actions: 'write' },
  'examples/hand-over-google.yml hand-over': { 'id-token': 'write' },
  'examples/hand-over-vault.yml hand-over': { 'id-token': 'write' },
  'examples/watch.yml watch': { actions: 'read', issues: 'write' },
};

it.each(jobs)('$name has the permissions that it needs, and no other', ({ name, job }) => {
  const reads = (job.steps ?? []).some(isCheckout) ? { contents: 'read' } : {};
  expect(job.permissions ?? {}).toEqual({ ...reads, ...MAY[name] });
});

it('each row of the permissions is of a job', () => {
  const names = jobs.map(({ name }) => name);
  expect(Object.keys(MAY).filter((name) => !names.includes(name))).toEqual([]);
});

it.each(jobs.filter(({ job }) => job.uses === undefined))(
  '$name runs on a runner of GitHub, as long as a run may take and not for hours',
  ({ path, job: { steps = [], ...job } }) => {
    const systems = path.startsWith('examples/')
      ? ['ubuntu-latest']
      : ['ubuntu-24.04', expression('matrix.os')];
    expect(systems).toContain(job['runs-on']);
    // A run that GitHub ends can undo nothing: it must have ended itself before. It takes some time to start.
    const least = steps.some(isOurs) ? LONGEST_RUN / 60_000 + 5 : 5;
    expect(job['timeout-minutes']).toBeGreaterThanOrEqual(least);
    expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  },
);

/** The others hold the two keys in this one. */
const ENVIRONMENTS: Record<string, string | undefined> = {
  'examples/ca-signed.yml rotate': 'certificate-authority',
  'examples/enroll.yml enroll': 'enrollment',
  // They need a key of their own, of the repository.
  'examples/consume.yml call': undefined,
  'examples/notify.yml notify': undefined,
  // It needs no secret.
  'examples/hand-over-deploy.yml deploy': undefined,
};

it.each(jobs.filter(({ path }) => path.startsWith('examples/')))(
  '$name names the environment that has its secrets',
  ({ name, job }) => {
    const wanted = name.endsWith(' hand-over') ? 'production' : 'auth0-rotation';
    const { environment = job.uses && read(name.split(' ')[0] ?? '').jobs.rotate } = job;
    const named = typeof environment === 'object' ? Object(environment).with.environment : environment;
    expect(named).toBe(name in ENVIRONMENTS ? ENVIRONMENTS[name] : wanted);
  },
);

/** Each other job of a file waits for its first one. */
const ALONE = ['.github/workflows/ci.yml', 'examples/self-rotation.yml'];

it.each([...Object.entries(own), ...examples.map(({ path, workflow }) => [path, workflow] as const)])(
  '%s: its jobs come one after the other',
  (path, workflow) => {
    const [first, ...others] = Object.entries(workflow.jobs);
    expect(first?.[1].needs).toBeUndefined();
    const isAlone = ALONE.some((one) => one.endsWith(`${basename(path, '.yml')}.yml`));
    for (const [name, { needs }] of others)
      expect([name, needs]).toEqual([name, isAlone ? undefined : first?.[0]]);
  },
);

// ---- our own workflows

/** A step in a word: its action, its script or its name. */
function word({ uses, name, run = '' }: Step): string {
  return uses?.replace(/@.*/, '') ?? name ?? run.trim();
}
const BEGIN = ['actions/checkout', 'actions/setup-node'];
const RUN = [
  'actions/checkout',
  'actions/checkout',
  'actions/create-github-app-token',
  './.auth0-mtls-rotation-action',
];

it.each<[string, string, (string | RegExp)[]]>([
  ['ci', 'test', [...BEGIN, '.ci/run']],
  ['ci', 'runners', [...BEGIN, 'npm ci', /^ACTION_NODE=/]],
  ['ci', 'mutation', [...BEGIN, 'npm ci', /^npm run mutation /]],
  ['check-dist', 'check-dist', [...BEGIN, 'npm ci', 'npm run build', /Nothing in dist may have changed/]],
  ['codeql', 'analyze', ['actions/checkout', 'github/codeql-action/init', 'github/codeql-action/analyze']],
  ['dependency-review', 'review', ['actions/checkout', 'actions/dependency-review-action']],
  ['release', 'verify', [...BEGIN, /^The tag is on main/, '.ci/run']],
  // What users run by the major tag has its attestation and its release before the tag moves.
  [
    'release',
    'publish',
    [
      'actions/checkout',
      'actions/attest-build-provenance',
      /^Create the release as a draft/,
      /^Move the major tag/,
    ],
  ],
  ['rotate-fleet', 'plan', RUN],
  ['rotate-fleet', 'rotate', RUN],
  ['rotate', 'rotate', ['actions/checkout', 'actions/create-github-app-token', './']],
])('%s, %s: each step in its place, and none is left out', (name, job, words) => {
  const steps = own[name]?.jobs[job]?.steps ?? [];
  expect(steps.map(word)).toEqual(
    words.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
  );
  // A step that fails fails its job.
  expect(steps.filter((step) => 'continue-on-error' in step || step.if !== undefined)).toEqual([]);
  expect(Object.keys(own[name]?.jobs[job] ?? {})).not.toContain('continue-on-error');
});

it('no job of the table is left out', () => {
  expect(Object.values(own).flatMap((workflow) => Object.keys(workflow.jobs)).length).toBe(11);
});

it('each workflow of ours sets up the Node that the tests bring', () => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const versions = jobs.flatMap(({ job: { steps = [] } }) =>
    steps.filter(({ uses = '' }) => uses.startsWith('actions/setup-node@')).map((step) => step.with),
  );
  expect(versions.length).toBe(5);
  for (const { 'node-version': version } of versions as Record<string, unknown>[])
    expect([Number.parseInt(devDependencies.node, 10), expression('matrix.node')]).toContain(version);
});

it('the bundle is tried on each system, with the oldest Node that a runner may have and the newest', () => {
  const { strategy, name } = own.ci?.jobs.runners ?? {};
  expect(strategy).toEqual({
    'fail-fast': false,
    matrix: { os: ['ubuntu-24.04', 'windows-latest', 'macos-latest'], node: ['24.0', '24'] },
  });
  expect(name).toContain('matrix.os');
  expect(own.ci?.jobs.runners?.steps?.at(-1)?.run).toMatch(
    /enterprise.*verify.*verify\.long.*proxy.*login.*login\.long/,
  );
});

it('CodeQL reads the code and the workflows, but no bundle, and a review stops at what is moderate', () => {
  const { strategy, steps = [] } = own.codeql?.jobs.analyze ?? {};
  expect(strategy).toEqual({
    'fail-fast': false,
    matrix: { language: ['javascript-typescript', 'actions'] },
  });
  expect(steps[1]?.with).toMatchObject({ languages: expression('matrix.language'), 'build-mode': 'none' });
  expect(parse(`${steps[1]?.with?.config}`)).toEqual({ 'paths-ignore': ['dist'] });
  expect(`${steps[2]?.with?.category}`).toContain(expression('matrix.language'));
  const review = own['dependency-review']?.jobs.review?.steps?.at(-1);
  expect(review?.with).toEqual({ 'fail-on-severity': 'moderate' });
});

it('a release asks GitHub with the token of its job', () => {
  for (const { run = '', env } of own.release?.jobs.publish?.steps ?? [])
    if (/\bgh /.test(run)) expect(env).toEqual({ GH_TOKEN: expression('github.token') });
});

it('a fleet that is called takes what it is given, with the default of an example', () => {
  const { inputs = {}, secrets = {} } = (Object(own['rotate-fleet']?.on).workflow_call ?? {}) as {
    inputs?: Record<string, Field>;
    secrets?: object;
  };
  const shape = Object.entries(inputs).map(([name, { type, default: preset, required = false }]) => [
    name,
    required ? 'required' : preset,
    type,
  ]);
  expect(shape).toEqual([
    ['manifest', '.github/auth0-clients.yml', 'string'],
    ['auth0-domain', 'required', 'string'],
    ['mtls-domain', '', 'string'],
    ['management-client-id', 'required', 'string'],
    ['app-client-id', 'required', 'string'],
    ['environment', '', 'string'],
    ['owner', '', 'string'],
    ['repositories', '', 'string'],
    ['environments', false, 'boolean'],
    ['organization', false, 'boolean'],
    ['dependabot', false, 'boolean'],
    ['force', false, 'boolean'],
  ]);
  // One that must be passed cannot come from the environment.
  for (const secret of Object.values(secrets)) expect(secret).not.toHaveProperty('required');
});

it('both jobs of a fleet give the action what the workflow is given, and differ in what they do with it', () => {
  const { plan, rotate } = own['rotate-fleet']?.jobs ?? {};
  const given = (job?: Job) => job?.steps?.find(isOurs)?.with;
  const shared = {
    manifest: expression('inputs.manifest'),
    'auth0-domain': expression('inputs.auth0-domain'),
    'mtls-domain': expression('inputs.mtls-domain'),
    'management-client-id': expression('inputs.management-client-id'),
    'management-private-key': expression('secrets.AUTH0_ROTATOR_PRIVATE_KEY'),
    'github-token': expression('steps.app.outputs.token'),
    force: expression('inputs.force'),
  };
  expect(given(plan)).toEqual({ ...shared, operation: 'plan' });
  expect(given(rotate)).toEqual({ ...shared, shard: expression('matrix.shard') });
  for (const job of [plan, rotate])
    expect(job?.steps?.find(isToken)?.with).toMatchObject({
      'client-id': expression('inputs.app-client-id'),
      'private-key': expression('secrets.ROTATOR_APP_PRIVATE_KEY'),
      owner: expression('inputs.owner || github.repository_owner'),
    });
});

// ---- the steps of the examples

const vars = (name: string) => expression(`vars.${name}`);
const secrets = (name: string) => expression(`secrets.${name}`);
/** What an input may be given, where that is not its own matter. */
const GIVEN: Record<string, (string | RegExp)[]> = {
  operation: [
    /^(create|enroll|plan|rehearse|watch)$/,
    expression("inputs.operation || 'rotate'"),
    expression('inputs.operation'),
  ],
  force: [expression('inputs.force || false'), /inputs\.client-id|inputs\.removable/],
  'auth0-domain': [vars('AUTH0_DOMAIN')],
  'mtls-domain': [vars('AUTH0_MTLS_DOMAIN')],
  'client-id': [vars('AUTH0_CLIENT_ID'), vars('AUTH0_WEB_CLIENT_ID'), vars('AUTH0_ROTATOR_CLIENT_ID')],
  'management-client-id': [vars('AUTH0_ROTATOR_CLIENT_ID')],
  'management-client-secret': [secrets('AUTH0_ROTATOR_CLIENT_SECRET')],
  'management-private-key': [secrets('AUTH0_ROTATOR_PRIVATE_KEY')],
  'github-token': [expression('steps.app.outputs.token')],
  verify: ['required', expression("inputs.verify || 'required'")],
  'verify-audience': [vars('AUTH0_AUDIENCE'), `https://${vars('AUTH0_DOMAIN')}/api/v2/`],
  'report-issue': ['true'],
  manifest: ['.github/auth0-clients.yml'],
};
/** Its new client may use no API yet. */
const VERIFIED_LATER = 'examples/create.yml';

const steps = examples.flatMap(({ path, workflow }) =>
  Object.values(workflow.jobs).flatMap(({ steps: all = [] }) =>
    all.filter(isOurs).map((step) => ({ path, all, given: step.with ?? {} })),
  ),
);

it('there are steps of ours in the examples', () => expect(steps.length).toBe(31));

it.each(steps)('$path: each input has the value that the documents give it', ({ path, given }) => {
  for (const [name, value] of Object.entries(given)) {
    if (path === VERIFIED_LATER && name === 'verify') continue;
    // An emergency is not scheduled: nothing is done that nobody has chosen.
    const isChosen = name === 'operation' && path.includes('emergency');
    const allowed = isChosen ? [expression("inputs.operation || 'plan'")] : (GIVEN[name] ?? [/./]);
    const fits = allowed.some((one) =>
      typeof one === 'string' ? one === `${value}` : one.test(`${value}`.trim()),
    );
    expect([name, value, fits]).toEqual([name, value, true]);
  }
});

/** An operation in a word. Of a form it is what it does by schedule, or when it is told to. */
const operationOf = (given: NonNullable<Step['with']>) =>
  `${given['plan-of'] ?? given.operation ?? 'rotate'}`.replace(/^\$\{\{ inputs\.operation.*/, 'rotate');

it.each(steps)('$path: nothing is delivered that was not proven', ({ path, given }) => {
  const operation = operationOf(given);
  const isProven = ['rotate', 'create', 'enroll'].includes(operation) && given.operation !== 'plan';
  // A manifest says it for all of its clients.
  if (!isProven || given.manifest !== undefined) return;
  expect(given.verify).toBe(
    path === VERIFIED_LATER ? 'auto' : path.includes('emergency') ? GIVEN.verify?.[1] : 'required',
  );
  const byCertificate = given['authentication-method'] !== 'private_key_jwt';
  expect('mtls-domain' in given).toBe(byCertificate);
  // A web application proves itself by a pushed request.
  expect('verify-audience' in given).toBe(path !== 'examples/web-application.yml');
});

it.each(steps)('$path: one login, and the app has its token before the action takes it', ({ all, given }) => {
  expect('management-client-secret' in given).toBe(!('management-private-key' in given));
  const order = all.filter((step) => isCheckout(step) || isToken(step) || isOurs(step));
  const first = given.manifest === undefined ? [isToken, isOurs] : [isCheckout, isToken, isOurs];
  expect(first.map((is, at) => is(order[at] ?? {}))).toEqual(first.map(() => true));
  const token = all.find(isToken);
  const { 'client-id': app, 'private-key': key } = token?.with ?? {};
  expect([token?.id, app, key]).toEqual([
    'app',
    vars('ROTATOR_APP_CLIENT_ID'),
    secrets('ROTATOR_APP_PRIVATE_KEY'),
  ]);
});

it('an app reads runs of workflows where somebody asks who holds a key, and writes none', () => {
  const readers = examples.flatMap(({ path, workflow }) =>
    stepsIn(workflow).flatMap(({ with: given = {} }) =>
      'permission-actions' in given ? [`${basename(path)}: ${given['permission-actions']}`] : [],
    ),
  );
  expect(readers).toEqual(
    ['emergency', 'fleet-emergency', 'fleet-watch', 'watch'].map((name) => `${name}.yml: read`),
  );
});

it('a fleet of one job names the repositories of its manifest, in each of its workflows', () => {
  const named = examples.flatMap(({ path, workflow }) =>
    path.includes('fleet')
      ? Object.values(workflow.jobs).flatMap(({ steps: all = [] }) =>
          all.filter(isToken).map((one) => one.with),
        )
      : [],
  );
  expect(named.length).toBe(4);
  const lists = named.map((given) => `${given?.repositories}`.trim().split('\n'));
  const fleet = ['canary', 'shop', 'billing'];
  // The emergency takes them from its form, and the watch looks at its own, too.
  expect(lists).toEqual([[expression('inputs.repositories')], fleet, fleet, [...fleet, 'rotations']]);
  const form = Object(read('examples/fleet-emergency.yml').on).workflow_dispatch.inputs;
  expect(form.repositories.default).toBe(fleet.join(', '));
  for (const given of named) expect(given?.owner).toBe(expression('github.repository_owner'));
});

describe('a script of an example or a recipe', () => {
  /** What a document shows of a workflow, which may be no more than a job. */
  const shown = ['README.md', 'docs/recipes.md'].flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^( *)```yaml\n([\s\S]*?)^\1```$/gm)]
      .map(([, , text = '']) => text)
      .filter((text) => text.includes(' run: '))
      .map((text) => ({ path, all: stepsIn(parse(text)) })),
  );
  const scripts = [
    ...examples.map(({ path, workflow }) => ({ path, all: stepsIn(workflow) })),
    ...shown,
  ].flatMap(({ path, all }) =>
    all.flatMap(({ run, env = {} }) => (run === undefined ? [] : [{ path, run, env }])),
  );
  const folder = mkdtempSync(join(tmpdir(), 'jobs-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is there', () => expect(scripts.length).toBe(17));

  /** Read by the programs themselves. */
  const BY_PROGRAMS = ['AWS_REGION', 'AWS_ROLE_ARN', 'GH_TOKEN'];
  const BY_GITHUB = /^(ACTIONS_ID_TOKEN_REQUEST_(TOKEN|URL)|GITHUB_\w+|RUNNER_TEMP)$/;

  it.each(scripts)('$path: has each variable that it reads, and reads each that it has', ({ run, env }) => {
    const used = [...run.matchAll(/(?:\$\{?|\benv\.)([A-Z][A-Z_]+)/g)].map(([, name]) => `${name}`);
    const made = [...run.matchAll(/export ([A-Z_]+)=/g)].map(([, name]) => `${name}`);
    const known = [...Object.keys(env), ...made];
    expect(used.filter((name) => !known.includes(name) && !BY_GITHUB.test(name))).toEqual([]);
    expect(Object.keys(env).filter((name) => !used.includes(name) && !BY_PROGRAMS.includes(name))).toEqual(
      [],
    );
  });

  it.each(scripts)('$path: masks each token that it is given', ({ run }) => {
    const made = [...run.matchAll(/^ *(token|identity)=\$\(/gm)].map(([, name]) => `${name}`);
    for (const name of made) expect(run).toContain(`echo "::add-mask::$${name}"`);
  });

  it.each(scripts)(
    '$path: neither prints a secret nor gives it to a program as an argument',
    ({ run, env }) => {
      const bin = mkdtempSync(join(folder, 'bin-'));
      const asked = join(bin, 'asked');
      for (const name of ['aws', 'az', 'curl', 'gcloud', 'gh', 'kubectl', 'ssh'])
        writeFileSync(join(bin, name), '#!/bin/sh\necho "$0 $*" >> "$ASKED"\n[ -t 0 ] || cat > /dev/null\n', {
          mode: 0o755,
        });
      const given = Object.entries(env).map(([name, value]) => [
        name,
        value.includes('secrets.') ? `of-the-secret-${name}` : 'plain',
      ]);
      const { stdout, stderr } = spawnSync('bash', ['-e', '-c', run], {
        cwd: bin,
        encoding: 'utf8',
        input: '',
        env: { PATH: `${bin}:${process.env.PATH}`, TMPDIR: bin, ASKED: asked, ...Object.fromEntries(given) },
      });
      const told = existsSync(asked) ? readFileSync(asked, 'utf8') : '';
      expect(stdout + stderr + told).not.toContain('of-the-secret');
    },
  );
});

/** Of a workflow, of its jobs or of some steps. */
function stepsIn(shown: unknown): Step[] {
  if (Array.isArray(shown)) return shown;
  return Object.values<{ steps?: Step[] }>(Object(shown).jobs ?? shown).flatMap(({ steps: all = [] }) => all);
}
