/** The pieces of workflows in the documents: each is of a kind, and what it says is what the examples do and what the action takes. */

import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readFleet } from '../../src/inputs/fleet.ts';
import { readInputs, SECRET_INPUTS } from '../../src/inputs/inputs.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const expression = (inner: string) => `\${{ ${inner} }}`;

interface Snippet {
  path: string;
  line: number;
  /** Without its indentation. */
  text: string;
}

/** All but those of whole workflows, which are compared with their examples. */
const snippets: Snippet[] = [...globSync('docs/*.md').sort(), 'README.md'].flatMap((path) =>
  [...read(path).matchAll(/^( *)```ya?ml\n([\s\S]*?)^\1```$/gm)].map(
    ({ 1: indent = '', 2: text = '', index }) => ({
      path,
      line: read(path).slice(0, index).split('\n').length,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  ),
);
const withText = (text: string) => {
  const found = snippets.filter((one) => one.text.includes(text));
  expect([text, found.length]).toEqual([text, 1]);
  return found[0]?.text ?? '';
};

it('there are as many as somebody has looked at', () => {
  expect(snippets.map(({ path }) => path)).toEqual([
    ...Array.from({ length: 20 }, () => 'docs/recipes.md'),
    'docs/troubleshooting.md',
    'README.md',
    'README.md',
  ]);
});

/** Inputs of the action stand ten columns in, as in the step of an example. */
function inputsOf({ text }: Snippet): Record<string, string> {
  const [, step = text] = text.split(/uses: your-organization\/auth0-mtls-rotation-action@\S+\n +with:\n/);
  const lines = step.split('\n');
  const given = lines.filter((line) => /^ {10}/.test(line)).join('\n');
  return text.includes('  - uses: actions/') || /^ *(?:run|needs):/m.test(text) || given === ''
    ? {}
    : Object.fromEntries(
        Object.entries<unknown>(parse(given) ?? {}).map(([name, value]) => [name, `${value}`]),
      );
}

const given = snippets
  .filter(({ text }) => !text.startsWith('name: ') && !text.includes(' manifest: '))
  .map((snippet) => ({ ...snippet, inputs: inputsOf(snippet) }))
  .filter(({ inputs }) => Object.keys(inputs).length > 0);

it('some give inputs', () => expect(given.length).toBe(8));

it.each(given)('$path:$line gives inputs that the action takes: $inputs', ({ inputs }) => {
  // What an expression stands for.
  const values = Object.entries(inputs).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value
      .replaceAll(expression('github.repository'), 'acme/shop')
      .replaceAll(/\$\{\{ steps\.\w+\.outputs\.token \}\}/g, 'token')
      .replaceAll(/\$\{\{ secrets\.\w*PASSWORD \}\}/g, 'password')
      .replaceAll(/\$\{\{ secrets\.\w+ \}\}/g, ''),
  ]);
  const others = {
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_API_URL: 'https://api.github.test',
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    'INPUT_AUTH0-DOMAIN': 'tenant.eu.auth0.com',
    'INPUT_CLIENT-ID': 'client',
    'INPUT_MANAGEMENT-TOKEN': 'token',
    'INPUT_GITHUB-TOKEN': 'github',
  };
  const environment: Record<string, string> = { ...others, ...Object.fromEntries(values) };
  expect(() => readInputs(environment)).not.toThrow();
});

it.each(given)('$path:$line takes what is secret from a secret', ({ inputs }) => {
  for (const [name, value] of Object.entries(inputs))
    if (SECRET_INPUTS.includes(name as never) && value !== '')
      expect([name, value]).toEqual([
        name,
        expect.stringMatching(/^\$\{\{ (?:secrets\.\w+|steps\.app\.outputs\.token) \}\}$/),
      ]);
});

it('a watch of another repository reads and writes with the app’s token', () => {
  const { inputs } = given.find(({ text }) => text.includes('operation: watch')) ?? {};
  expect(inputs).toMatchObject({
    'workflow-token': expression('steps.app.outputs.token'),
    'github-token': expression('steps.app.outputs.token'),
    'report-issue': 'true',
  });
});

it('the token of an app and the job of a fleet are those of the examples', () => {
  const [app] = parse(snippets.find(({ text }) => text.includes('permission-secrets: write\n'))?.text ?? '');
  expect(app).toEqual(parse(read('examples/rotate.yml')).jobs.rotate.steps[0]);
  const { rotate } = parse(withText('app-client-id')).jobs;
  expect(parse(read('examples/fleet.yml')).jobs.rotate).toMatchObject(rotate);
  const { inputs } = parse(read('.github/workflows/rotate-fleet.yml')).on.workflow_call;
  const required = Object.keys(inputs).filter((name) => inputs[name].required);
  expect(Object.keys(rotate.with)).toEqual(expect.arrayContaining(required));
});

it.each<[string, object]>([
  [
    'gh workflow run deploy.yml',
    {
      deploy: {
        needs: 'rotate',
        if: `always() && contains(needs.rotate.outputs.result, '"delivered":["')`,
        environment: 'auth0-rotation',
      },
    },
  ],
  [
    'ARCHIVE_URL',
    {
      archive: {
        needs: 'rotate',
        // A run that has failed has a record, too.
        if: expression("!cancelled() && needs.rotate.outputs.result != ''"),
        environment: 'archive',
      },
    },
  ],
  ['Bring the pair to the machine', { permissions: {}, jobs: { deploy: { environment: 'production' } } }],
])('the job with %s runs when it must, where its secrets are', (words, job) => {
  const shown = parse(withText(words));
  expect(shown).toMatchObject(job);
  const jobs = Object.values<Record<string, unknown>>(shown.jobs ?? shown);
  for (const one of jobs) {
    expect(one['timeout-minutes']).toBeLessThanOrEqual(10);
    expect(one['runs-on']).toBe('ubuntu-latest');
    // They log in by secrets, or as an app.
    expect(one.permissions).toBeUndefined();
  }
});

it('the app that starts deployments may do that, in the repositories of the fleet, and no more', () => {
  const { deploy } = parse(withText('gh workflow run deploy.yml'));
  const fleet = parse(read('examples/fleet.yml')).jobs.rotate.with;
  const { 'client-id': app, 'private-key': key } = parse(read('examples/rotate.yml')).jobs.rotate.steps[0]
    .with;
  expect(deploy.steps[0].with).toEqual({
    'client-id': app,
    'private-key': key,
    owner: expression('github.repository_owner'),
    repositories: fleet.repositories,
    'permission-actions': 'write',
  });
  expect(deploy.steps[1].env.GH_TOKEN).toBe(expression('steps.app.outputs.token'));
});

it('the step with a variable for each client is that of fleet-one-job.yml', () => {
  const [step] = parse(withText('REPORTS_PEM: ${{'));
  const { steps } = parse(read('examples/fleet-one-job.yml')).jobs.rotate;
  const own = steps.find(({ id }: { id?: string }) => id === 'rotation') ?? steps.at(-1);
  expect(step.with).toEqual(own.with);
  for (const [name, value] of Object.entries(step.env)) expect(value).toBe(expression(`secrets.${name}`));
});

const manifests = snippets.filter(({ text }) => /^clients:/m.test(text));

it('manifests are shown', () => expect(manifests.length).toBe(3));

it.each([
  ...manifests,
  { path: 'examples/fleet/auth0-clients.yml', line: 1, text: read('examples/fleet/auth0-clients.yml') },
])('$path:$line is a manifest that the action takes, and its clients are proven', ({ path, text }) => {
  const environment = {
    GITHUB_REPOSITORY: 'acme/rotations',
    GITHUB_API_URL: 'https://api.github.test',
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    'INPUT_AUTH0-DOMAIN': 'tenant.eu.auth0.com',
    'INPUT_MTLS-DOMAIN': 'login.example.com',
    'INPUT_MANAGEMENT-TOKEN': 'token',
    'INPUT_GITHUB-TOKEN': 'github',
    INPUT_MANIFEST: path,
    BILLING_PEM: '',
  };
  const clients = readFleet(environment, path, text);
  expect(clients.length).toBe(parse(text).clients.length);
  if (text.includes('defaults:'))
    for (const { desired } of clients)
      expect([desired.verify, desired.verifyAudience]).toEqual(['required', 'https://api.example.com/']);
});

it('the role in the cluster may change the Secret, and no more than look at the Deployment and restart it', () => {
  expect(parse(withText('kind: Role')).rules).toEqual([
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['auth0-mtls'], verbs: ['patch'] },
    {
      apiGroups: ['apps'],
      resources: ['deployments'],
      resourceNames: ['shop'],
      verbs: ['get', 'list', 'watch', 'patch'],
    },
  ]);
});
