/** Documents, workflows and code must say the same. */

import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { helpUrl } from '../../src/actions-runner.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { clientReport } from '../../src/report/report.ts';
import { desired } from '../support/states.ts';
import { toHtml } from './rendering/page.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const action = parse(read('action.yml'));
const workflows = globSync('.github/workflows/*.yml');
const examples = globSync(['examples/*.yml', 'examples/fleet/deploy-*.yml']);
const documents = [...globSync('*.md'), ...globSync('docs/*.md')];

/** To publish the action this name is replaced everywhere, by the command in docs/publishing.md. */
const [, OWNER = ''] = /^\* @([\w-]+)\/maintainers$/m.exec(read('.github/CODEOWNERS')) ?? [];
const REPOSITORY = 'auth0-mtls-rotation-action';

/** What a person has written, and no dependency or bundle. */
const texts = [
  ...globSync('{src,test,docs,examples,scripts,.github}/**/*.{ts,js,cjs,sh,json,md,yml,txt}'),
  ...globSync('*.{md,yml}'),
  ...globSync('.github/CODEOWNERS'),
];

/** What a document shows of a workflow. */
const shownYaml = (path: string) =>
  [...read(path).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => `${text}`);

interface Described {
  default?: string;
  description: string;
  required?: boolean;
}

/** As it is read where code is not marked by backticks. */
const plain = (description: string) => description.trim().replace(/\s+/g, ' ').replaceAll('`', '');

const tableRows = (html: string) =>
  [...html.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[dh]>([\s\S]*?)<\/t[dh]>/g)].map(([, cell = '']) =>
      cell
        .replace(/<[^>]*>/g, '')
        .replaceAll('&#x3C;', '<')
        .replaceAll('&#x26;', '&'),
    ),
  );

it('all documents, workflows and texts are looked at', () => {
  expect([workflows.length, examples.length, documents.length]).toEqual([7, 30, 15]);
  for (const folder of ['src', 'test', 'docs', 'examples', 'scripts', '.github'])
    expect([folder, texts.some((path) => path.startsWith(`${folder}/`))]).toEqual([folder, true]);
  // Those whose YAML stands alone; test/docs/snippets.test.ts has them all.
  expect(documents.flatMap(shownYaml).length).toBe(22);
});

describe('README', () => {
  it('has the tables of action.yml', () => {
    expect(() =>
      execFileSync(process.execPath, ['scripts/readme.ts', '--check'], { stdio: 'pipe' }),
    ).not.toThrow();
  });

  it('shows each text of action.yml whole, on the page that GitHub makes of it', () => {
    const { inputs, outputs } = action as Record<'inputs' | 'outputs', Record<string, Described>>;
    const rows = [
      ...Object.entries(inputs).map(([name, { default: value, description, required }]) => [
        name,
        required ? 'required' : value || '–',
        plain(description),
      ]),
      ...Object.entries(outputs).map(([name, { description }]) => [name, plain(description)]),
    ];
    const tables = read('README.md').match(/^<!-- \w+: generated [\s\S]*?<!-- end of/gm) ?? [];
    const shown = tables.flatMap((table) => tableRows(toHtml(table)));
    const isHead = ([name = '']: string[]) => ['Input', 'Output'].includes(name);
    expect(shown.filter((row) => !isHead(row))).toEqual(rows);
  });

  it('has at most 250 lines', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  });

  it('shows a workflow that uses declared inputs, a concurrency group and current-credential', () => {
    const [shown = ''] = shownYaml('README.md');
    expectUse(parse(shown));
    expect(Object.keys(parse(shown).on)).toEqual(['schedule', 'workflow_dispatch']);
  });

  it('shows the workflow that examples/rotate.yml is', () => {
    expect(read('examples/rotate.yml').replace(/^#.*\n/, '')).toBe(shownYaml('README.md')[0]);
  });

  it('has a quick start of two commands, which package.json knows', () => {
    const commands = [...read('README.md').matchAll(/^```sh\n(.*)\n```$/gm)].map(([, command]) => command);
    expect(commands).toEqual(['npm ci && npm run demo', 'npm ci && npm test']);
    const { scripts } = JSON.parse(read('package.json'));
    for (const [, name] of read('README.md').matchAll(/npm run ([a-z-]+)/g)) {
      expect(Object.keys(scripts)).toContain(name);
    }
  });
});

describe('documents', () => {
  it.each(documents)('%s links to files and headings that exist', (path) => {
    for (const [, target = '', anchor = ''] of read(path).matchAll(
      /\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]*))?\)/g,
    )) {
      const file = target === '' ? path : join(dirname(path), target);
      expect([path, target, existsSync(file)]).toEqual([path, target, true]);
      if (anchor !== '') expect(anchorsOf(file)).toContain(anchor);
    }
  });

  it.each(documents)('%s shows pinned actions and declared inputs', (path) => {
    for (const text of shownYaml(path)) {
      expectPinned(text);
      for (const input of inputsGiven(text)) expect(Object.keys(action.inputs)).toContain(input);
    }
  });

  it.each(globSync('docs/*.md'))('%s begins by saying who needs it', (path) => {
    expect(read(path).split('\n')[2]).toMatch(/^You need this page /);
  });

  it('explain every error code, and no other', () => {
    const headings = [...read('docs/troubleshooting.md').matchAll(/^## ([A-Z0-9_]+)$/gm)].map(
      ([, code]) => code,
    );
    expect(headings.sort()).toEqual([...ERROR_CODES].sort());
  });

  it('have the heading that an error links to', () => {
    const anchors = anchorsOf('docs/troubleshooting.md');
    for (const code of ERROR_CODES) {
      const [, path, anchor] = /(docs\/[^#]+)#(.+)$/.exec(helpUrl(code)) ?? [];
      expect([path, anchors.filter((one) => one === anchor)]).toEqual(['docs/troubleshooting.md', [anchor]]);
    }
  });

  it('say of every error code what it means, why it happens and what to do', () => {
    const [, ...sections] = read('docs/troubleshooting.md').split(/^## /m);
    for (const section of sections) {
      const labels = [...section.matchAll(/^\*\*([^*]+)\*\*/gm)].map(([, label]) => label);
      expect([section.split('\n')[0], ...labels]).toEqual([
        expect.any(String),
        'What it means.',
        'Why.',
        'What to do.',
      ]);
    }
  });

  it('name every output and input by its name', () => {
    const names = [...Object.keys(action.inputs), ...Object.keys(action.outputs)];
    for (const path of documents) {
      // An input is written with its value behind a colon.
      for (const [, name] of read(path).matchAll(/`([a-z]+(?:-[a-z0-9]+)+): [^`]+`/g)) {
        expect([path, [...names, ...GITHUB_KEYS].includes(`${name}`) ? '' : name]).toEqual([path, '']);
      }
    }
  });
});

/** Keys of GitHub's workflows and headers of the edge, which documents write in the same way. */
const GITHUB_KEYS = ['cancel-in-progress', 'fail-fast', 'timeout-minutes', 'client-certificate-ca-verified'];

describe('docs/facts.md', () => {
  const facts = read('docs/facts.md');
  const ids = [...facts.matchAll(/^### (.*)$/gm)].map(([, id]) => `${id}`);

  it('has one entry for each id, which says how sure it is', () => {
    expect(ids.length).toBeGreaterThan(40);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const [, ...entries] = facts.split(/^### /m);
    for (const entry of entries)
      expect(entry).toMatch(/\*(?:recorded|documented|maintainers|reported|inferred)\*/i);
  });

  it('has every entry that a file cites, and no other', () => {
    const cited = texts.flatMap((path) =>
      [...read(path).matchAll(/facts\.md#([a-z0-9-]+)/g)].map(([, id]) => [path, `${id}`]),
    );
    expect(cited.filter(([, id]) => !ids.includes(`${id}`))).toEqual([]);
    expect(ids.filter((id) => !cited.some(([, one]) => one === id))).toEqual([]);
  });

  it('names recordings that are there', () => {
    for (const [, name] of facts.matchAll(/`((?:tf|go|deploy-cli)-[a-z0-9-]+|error-bodies)`/g))
      expect([name, existsSync(`test/emulators/recorded/${name}.json`)]).toEqual([name, true]);
  });
});

describe('the repository', () => {
  it('cites no document that is not here', () => {
    const elsewhere = /specification \d|(?:auth0|github)[-]facts|field[-]report|landscape S\d|\.\.\/shared/i;
    const cited = texts.map((path) => [path, elsewhere.exec(read(path))?.[0]]);
    expect(cited.filter(([, what]) => what !== undefined)).toEqual([]);
  });

  it('has one placeholder: the owner of the action', () => {
    expect(OWNER).not.toBe('');
    const owners = new RegExp(`([\\w.-]+)/${REPOSITORY}\\b`, 'g');
    const others =
      /\b(?:your|my|example|some)-(?:org|organi[sz]ation|owner|user|name|company|team)\b|\b(?:TODO|FIXME|XXX|changeme)\b/g;
    for (const path of texts.filter((one) => !one.startsWith('test/'))) {
      const text = read(path);
      const named = [...text.matchAll(owners)].map(([, owner]) => owner);
      expect([path, path === 'docs/publishing.md' ? [] : named.filter((owner) => owner !== OWNER)]).toEqual([
        path,
        [],
      ]);
      const found = (text.match(others) ?? []).filter((one) => one !== OWNER);
      expect([path, path === 'docs/publishing.md' ? [] : found]).toEqual([path, []]);
    }
  });

  it('names in CONTRIBUTING.md only files and folders that exist', () => {
    const named = read('CONTRIBUTING.md').matchAll(/`((?:src|test|scripts|docs|examples)\/[\w./-]+)`/g);
    for (const [, path = ''] of named) expect([path, existsSync(path)]).toEqual([path, true]);
  });
});

describe('action.yml', () => {
  it('runs on node24, with branding and descriptions', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js' });
    expect(action.branding).toEqual({ icon: expect.any(String), color: expect.any(String) });
    for (const field of Object.values<{ description: string }>({ ...action.inputs, ...action.outputs })) {
      expect(field.description.length).toBeGreaterThan(20);
    }
  });

  it('declares the inputs that the code reads, and no other', () => {
    // The list of all names reads nothing.
    const files = globSync('src/{index,inputs/*,fleet/*}.ts').filter((path) => !path.endsWith('names.ts'));
    const code = files.map(read).join('\n');
    const known = [...code.matchAll(/'([a-z0-9]+(?:-[a-z0-9]+)*)'/g)].map(([, name]) => `${name}`);
    for (const name of Object.keys(action.inputs)) expect(known).toContain(name);
    for (const [, name] of code.matchAll(
      /reader\.(?:text|required|boolean|integer|oneOf|parsed)\('([^']+)'/g,
    )) {
      expect(Object.keys(action.inputs)).toContain(name);
    }
  });

  it('declares the outputs that the code sets, and no other', () => {
    const { outputs } = clientReport({ readOnly: true, desired: desired() }, String);
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(action.outputs).sort());
  });
});

describe('workflows and examples', () => {
  it.each([...workflows, ...examples])('%s pins what it uses and asks for no more than it needs', (path) => {
    const text = read(path);
    const workflow: Workflow = parse(text);
    expectPinned(text);
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) {
      // A job that calls a workflow has its time limits there.
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
      for (const { uses = '', run = '', with: given = {} } of job.steps ?? []) {
        if (uses.startsWith('actions/checkout@')) expect(given['persist-credentials']).toBe(false);
        // What an event or a variable holds reaches a shell by the environment only.
        expect(run).not.toContain('${{');
      }
    }
  });

  it.each([...workflows, ...examples])('%s says why it has each permission', (path) => {
    for (const line of read(path).match(/^ {6}[a-z-]+: (?:read|write).*$/gm) ?? []) {
      expect(line).toMatch(/ # \S/);
    }
  });

  it.each(examples.filter((path) => read(path).includes('uses: your-organization/')))(
    '%s says how to pin the action',
    (path) => {
      const lines = read(path).split('\n');
      const at = lines.findIndex((line) => line.includes('uses: your-organization/'));
      expect(lines[at - 1]).toMatch(/^ +# Pin it to the commit of a release \(@<40 hex digits> # v/);
    },
  );

  const users = [...workflows, ...examples].filter((path) => uses(parse(read(path))).length > 0);

  it('are there for each kind of destination, operation and method', () => {
    expect(users.sort()).toEqual([
      '.github/workflows/rotate-fleet.yml',
      '.github/workflows/rotate.yml',
      'examples/ca-signed-vault.yml',
      'examples/ca-signed.yml',
      'examples/create.yml',
      'examples/emergency.yml',
      'examples/enroll.yml',
      'examples/environments.yml',
      'examples/fleet-emergency.yml',
      'examples/fleet-one-job.yml',
      'examples/fleet-watch.yml',
      'examples/hand-over-aws.yml',
      'examples/hand-over-azure.yml',
      'examples/hand-over-deploy.yml',
      'examples/hand-over-google.yml',
      'examples/hand-over-kubernetes.yml',
      'examples/hand-over-vault.yml',
      'examples/notify.yml',
      'examples/organization.yml',
      'examples/private-key-jwt.yml',
      'examples/proven-retirement.yml',
      'examples/rehearse.yml',
      'examples/revert.yml',
      'examples/rotate.yml',
      'examples/self-rotation.yml',
      'examples/several-repositories.yml',
      'examples/token-binding.yml',
      'examples/watch.yml',
      'examples/web-application.yml',
    ]);
  });

  it.each(users)('%s rotates as the README says', (path) => {
    expectUse(parse(read(path)));
  });
});

it('the example of a fleet gives the called workflow what it asks for, and no more', () => {
  const { inputs, secrets } = parse(read('.github/workflows/rotate-fleet.yml')).on.workflow_call;
  const { with: given, secrets: passed, permissions } = parse(read('examples/fleet.yml')).jobs.rotate;
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
  const required = Object.entries<{ required?: boolean }>(inputs).filter(([, input]) => input.required);
  expect(Object.keys(given)).toEqual(expect.arrayContaining(required.map(([name]) => name)));
  expect(Object.keys(passed).sort()).toEqual(Object.keys(secrets).sort());
  // A called workflow has at most what its caller has.
  expect(permissions).toEqual({ contents: 'read' });
});

it('the example of a fleet waits in another group than the workflow that it calls', () => {
  const [caller, called] = ['examples/fleet.yml', '.github/workflows/rotate-fleet.yml'].map(
    (path) => parse(read(path)).concurrency.group,
  );
  // In the same one each would wait for the other: GitHub cancels them.
  expect(`${called}`).not.toBe(`${caller}`);
});

describe('least privilege', () => {
  const expression = (text: string) => `\${{ ${text} }}`;
  const fleet = parse(read('.github/workflows/rotate-fleet.yml'));

  it.each([
    ['plan', 'read'],
    ['rotate', 'write'],
  ])('the job %s of a fleet gets a token that may %s the secrets of what it names', (job, level) => {
    const [token] = (fleet.jobs[job].steps as { uses?: string; with?: object }[]).filter(({ uses = '' }) =>
      uses.startsWith('actions/create-github-app-token@'),
    );
    expect(token?.with).toMatchObject({
      repositories: expression('inputs.repositories'),
      'permission-secrets': level,
      'permission-environments': expression(`inputs.environments && '${level}' || ''`),
      'permission-organization-secrets': expression(`inputs.organization && '${level}' || ''`),
    });
    expect(fleet.jobs[job].permissions).toEqual({ contents: 'read' });
  });

  it('the example of a fleet asks for what its manifest names', () => {
    const { with: given } = parse(read('examples/fleet.yml')).jobs.rotate;
    const { clients } = parse(read('examples/fleet/auth0-clients.yml'));
    const places: string[] = clients.flatMap(({ destinations }: { destinations: string[] }) => destinations);
    const repositories = places.flatMap((place) => /^(?:repo|env):[^/]+\/([^/]+)/.exec(place)?.[1] ?? []);
    expect(given.repositories.trim().split('\n').sort()).toEqual([...new Set(repositories)].sort());
    expect(given.environments).toBe(places.some((place) => place.startsWith('env:')));
    expect(given.organization).toBe(places.some((place) => place.startsWith('org:')));
  });

  it('a release waits in a protected environment', () => {
    const { publish, verify } = parse(read('.github/workflows/release.yml')).jobs;
    expect([publish.environment, publish.needs, verify.environment]).toEqual([
      'release',
      'verify',
      undefined,
    ]);
  });
});

describe('other files of the repository', () => {
  it.each([...globSync('.github/*.yml'), ...globSync('.github/ISSUE_TEMPLATE/*.yml')])(
    '%s is YAML',
    (path) => {
      expect(parse(read(path))).toBeTypeOf('object');
    },
  );

  it('are all there', () => {
    const repository = ['LICENSE', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', '.editorconfig'];
    const github = ['CODEOWNERS', 'dependabot.yml', 'ISSUE_TEMPLATE/bug.yml', 'ISSUE_TEMPLATE/config.yml'];
    const flows = ['ci', 'check-dist', 'codeql', 'dependency-review', 'release'];
    const wanted = [
      ...repository,
      ...github.map((name) => `.github/${name}`),
      ...flows.map((name) => `.github/workflows/${name}.yml`),
    ];
    expect(wanted.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('keep the dependencies of workflows and of the package fresh', () => {
    const { updates } = parse(read('.github/dependabot.yml'));
    expect(updates.map((one: Record<string, string>) => one['package-ecosystem']).sort()).toEqual([
      'github-actions',
      'gomod',
      'npm',
      'pip',
    ]);
    // In a folder that is not there nothing is ever updated, and nobody is told.
    const manifests: Record<string, string> = {
      gomod: 'go.mod',
      npm: 'package.json',
      pip: 'requirements.txt',
    };
    for (const { directory, 'package-ecosystem': kind } of updates as Record<string, string>[]) {
      const path = join(`.${directory}`, manifests[`${kind}`] ?? '.github/workflows');
      expect([path, existsSync(path)]).toEqual([path, true]);
    }
  });

  it('have a changelog that knows the version', () => {
    const changelog = read('CHANGELOG.md');
    expect(changelog).toContain('## [Unreleased]');
    const [, released] = /^## \[(\d+\.\d+\.\d+)\]/m.exec(changelog) ?? [];
    if (released !== undefined) expect(JSON.parse(read('package.json')).version).toBe(released);
  });
});

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Workflow {
  on: Record<string, unknown>;
  concurrency?: Record<string, unknown>;
  permissions?: unknown;
  jobs: Record<string, { 'timeout-minutes'?: number; permissions?: object; uses?: string; steps?: Step[] }>;
}

const isOurs = (text = '') =>
  /^\.\/(\.auth0-mtls-rotation-action)?$/.test(text) ||
  new RegExp(`^${OWNER}/${REPOSITORY}(/\\.github/workflows/rotate-fleet\\.yml)?@`).test(text);

function uses(workflow: Workflow): Step[] {
  return Object.values(workflow.jobs)
    .flatMap(({ steps = [] }) => steps)
    .filter((step) => isOurs(step.uses));
}

/** A full commit, and behind it the version that a person can read. */
function expectPinned(text: string): void {
  for (const [, used, comment] of text.matchAll(/uses: (\S+)(?: # (\S+))?/g)) {
    if (isOurs(used)) continue;
    expect([used, comment]).toEqual([
      expect.stringMatching(/^[^@]+@[0-9a-f]{40}$/),
      expect.stringMatching(/^v\d+\.\d+\.\d+$/),
    ]);
  }
}

/** One action has one pin everywhere. */
it('pins each action to one version', () => {
  const pins = new Map<string, string>();
  for (const text of [...workflows, ...examples, ...documents].map(read)) {
    for (const [, name = '', commit = ''] of text.matchAll(
      /uses: ([^\s@/]+\/[^\s@/]+)[^\s@]*@([0-9a-f]{40})/g,
    )) {
      expect([name, pins.get(name) ?? commit]).toEqual([name, commit]);
      pins.set(name, commit);
    }
  }
  expect(pins.size).toBeGreaterThan(4);
});

/** The inputs of this action in a piece of a workflow, which may be no more than a step. */
function inputsGiven(text: string): string[] {
  const [, given = ''] = new RegExp(`uses: ${OWNER}/\\S+\\n\\s+with:\\n([\\s\\S]*)`).exec(text) ?? [];
  return [...given.matchAll(/^ {10}([a-z0-9-]+):/gm)].map(([, name]) => `${name}`);
}

function expectUse(workflow: Workflow): void {
  expect(workflow.concurrency).toEqual({ group: expect.any(String), 'cancel-in-progress': false });
  for (const step of uses(workflow)) {
    const given = step.with ?? {};
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
    const required = Object.entries<{ required?: boolean }>(action.inputs).filter(
      ([, input]) => input.required,
    );
    expect(Object.keys(given)).toEqual(expect.arrayContaining(required.map(([name]) => name)));
    const secret = given['secret-name'] ?? 'AUTH0_MTLS_PEM';
    // A manifest's clients are known by time.
    expect(given['current-credential']).toBe(given.manifest ? undefined : `\${{ secrets.${secret} }}`);
    if (given.operation !== 'plan')
      expect(given['github-token']).toMatch(/^\$\{\{ steps\.app\.outputs\.token \}\}$/);
  }
}

/** As GitHub makes them of headings. */
function anchorsOf(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    `${heading}`
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
