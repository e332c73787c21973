/** What CI says of its own result: `.ci/run` fails where a test fails, is skipped or never ran. Its programs are stand-ins that do as they are told. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

let folder: string;
/** What CI has made outside of the checkout. */
const CACHE = 'cache/auth0-mtls-rotation-action';
const at = (...names: string[]) => join(folder, ...names);

function program(path: string, script = 'exit 0'): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ci-'));
  cpSync('.ci/run', at('.ci/run'));
  mkdirSync(at('test/consumers/go'), { recursive: true });
  mkdirSync(at('test/engine'));
  writeFileSync(at('test/engine/act.version'), '0.0.0\n');
  for (const name of ['gh', 'chromium', 'nginx', 'haproxy', 'go', 'javac', 'kubectl', 'python3', 'apt-get'])
    program(at('bin', name));
  program(at(CACHE, 'python/bin/python'));
  program(at(CACHE, 'act-0.0.0/act'));
  // Each script of the package writes the report that it is asked for, and ends as it is told.
  program(
    at('bin/npm'),
    `for one; do case "$one" in --outputFile.json=*) report="\${one#*=}";; esac; done
echo "npm $*, CI=$CI" >> "$ASKED"
case "$*" in ci) what=CI;; "run demo") what=DEMO;; test*) what=SHORT;; *) what=LONG;; esac
eval "text=\\"\\$\${what}_REPORT\\"; status=\\"\\$\${what}_STATUS\\""
[ -n "$report" ] && [ -n "$text" ] && printf '%s' "$text" > "$report"
exit "\${status:-0}"`,
  );
  spawnSync('git', ['init', '-q'], { cwd: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

const tests = (changes: object = {}) =>
  JSON.stringify({ numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, ...changes });

function run(told: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync('bash', ['.ci/run'], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      PATH: `${at('bin')}:${process.env.PATH}`,
      HOME: folder,
      XDG_CACHE_HOME: at('cache'),
      SHORT_REPORT: tests(),
      LONG_REPORT: tests({ numPassedTests: 3 }),
      ASKED: at('bin/asked'),
      ...told,
    },
  });
  return { status, stdout, stderr, last: stdout.trim().split('\n').at(-1) };
}

it('CI passes if all is well, and counts both runs', () => {
  expect(run()).toMatchObject({ status: 0, last: '5 passed, 0 failed' });
});

const asked = () =>
  existsSync(at('bin/asked')) ? readFileSync(at('bin/asked'), 'utf8').trim().split('\n') : [];

it('CI runs each part once, as where nothing may be skipped, and a part that fails stops no other', () => {
  const wanted = [
    expect.stringMatching(/^npm ci, CI=true$/),
    expect.stringMatching(
      /^npm test -- --reporter=default --reporter=json --outputFile\.json=\S+short\.json, CI=true$/,
    ),
    expect.stringMatching(/^npm run test:all -- --project=long --reporter=default .*long\.json, CI=true$/),
    expect.stringMatching(/^npm run demo, CI=true$/),
  ];
  run({ SHORT_STATUS: '1', LONG_STATUS: '1' });
  expect(asked()).toEqual(wanted);
});

it('CI installs each program that is missing, and runs the tests even if it cannot', () => {
  const missing = {
    gh: 'gh',
    chromium: 'chromium',
    nginx: 'nginx',
    haproxy: 'haproxy',
    curl: 'curl',
    openssl: 'openssl',
    go: 'golang-go',
    javac: 'default-jdk-headless',
    kubectl: 'kubernetes-client',
  };
  for (const name of Object.keys(missing)) rmSync(at('bin', name), { force: true });
  // Of the machine's own programs those that the script itself needs.
  mkdirSync(at('own'));
  for (const name of ['bash', 'sh', 'cat', 'dirname', 'env', 'git', 'id', 'jq', 'mktemp', 'rm'])
    symlinkSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(), at('own', name));
  program(at('bin/sudo'), 'exec "$@"');
  program(at('bin/apt-get'), 'echo "apt-get $*" >> "$ASKED"\ncase "$*" in *install*) exit 1;; esac');
  expect(run({ PATH: `${at('bin')}:${at('own')}` }).status).toBe(1);
  const [update, install = '', ...tests] = asked();
  const [options, ...packages] = install.split(/ (?!-)/).slice(1);
  expect([update, options]).toEqual(['apt-get update -q', 'install -y -q --no-install-recommends']);
  expect(packages.sort()).toEqual(Object.values(missing).sort());
  expect(tests.filter((line) => line.startsWith('npm ')).length).toBe(4);
});

it('CI takes the packages that the consumers name', () => {
  program(at(CACHE, 'python/bin/python'), 'echo "python $*" >> "$ASKED"');
  program(at('bin/go'), 'echo "go $*" >> "$ASKED"');
  run();
  expect(asked().slice(0, 2)).toEqual([
    'python -m pip install -q --requirement test/consumers/python/requirements.txt',
    'go mod download',
  ]);
});

it.each([
  ['the packages of Python', `${CACHE}/python/bin/python`],
  ['the modules of Go', 'bin/go'],
])('CI fails without %s', (_, path) => {
  program(at(path), 'exit 1');
  expect(run().status).toBe(1);
});

it('CI names at its end what has failed', () => {
  const assertionResults = [
    { status: 'passed', fullName: 'a well one', failureMessages: [] },
    { status: 'failed', fullName: 'a broken one', failureMessages: ['expected 1 to be 2'] },
  ];
  const failed = { name: 'test/a.test.ts', status: 'failed', message: '', assertionResults };
  const unread = {
    name: 'test/b.test.ts',
    status: 'failed',
    message: 'no such module',
    assertionResults: [],
  };
  const { stdout } = run({ SHORT_REPORT: tests({ testResults: [failed, unread] }), SHORT_STATUS: '1' });
  expect(stdout).toContain('FAILED test/a.test.ts: a broken one\nexpected 1 to be 2\n');
  expect(stdout).toContain('FAILED test/b.test.ts: no such module\n');
  expect(stdout).not.toContain('a well one');
});

it.each<[string, Record<string, string>]>([
  ['what is installed', { CI_STATUS: '1' }],
  ['the short tests', { SHORT_STATUS: '1' }],
  ['the long tests', { LONG_STATUS: '1' }],
  ['the demo', { DEMO_STATUS: '1' }],
])('CI fails with %s, and counts all the same', (_, told) => {
  expect(run(told)).toMatchObject({ status: 1, last: expect.stringMatching(/ passed, \d+ failed$/) });
});

it.each<[string, Record<string, string>]>([
  ['a test was skipped', { SHORT_REPORT: tests({ numPendingTests: 1 }) }],
  ['a test is yet to be written', { LONG_REPORT: tests({ numTodoTests: 1 }) }],
  ['the short tests left no report', { SHORT_REPORT: '' }],
  ['the long tests left no report', { LONG_REPORT: '' }],
])('CI fails if %s', (_, told) => {
  expect(run(told).status).toBe(1);
});

it('CI fails if the committed bundle has changed', () => {
  mkdirSync(at('dist'));
  writeFileSync(at('dist/index.js'), 'changed');
  expect(run().status).toBe(1);
});

it('the workflow that compares dist fails if a build has changed it', () => {
  const { jobs } = parse(readFileSync('.github/workflows/check-dist.yml', 'utf8')) as {
    jobs: Record<string, { steps: { name?: string; run?: string }[] }>;
  };
  const script = jobs['check-dist']?.steps.at(-1)?.run ?? '';
  const compare = () => spawnSync('bash', ['-e', '-c', script], { cwd: folder }).status;
  expect(compare()).toBe(0);
  mkdirSync(at('dist'));
  writeFileSync(at('dist/index.js'), 'changed');
  expect(compare()).not.toBe(0);
});

it('the job for each system and Node runs the action with that Node, in tests that are there', () => {
  const { jobs } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as {
    jobs: Record<string, { steps: { run?: string }[] }>;
  };
  program(at('bin/node'), 'echo /the/node/of/the/runner');
  program(at('bin/npx'), 'echo "$ACTION_NODE" "$@"');
  const { stdout } = spawnSync('bash', ['-e', '-c', jobs.runners?.steps.at(-1)?.run ?? ''], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${at('bin')}:${process.env.PATH}` },
  });
  const [node, ...command] = stdout.trim().split(' ');
  expect([node, command.slice(0, 2)]).toEqual(['/the/node/of/the/runner', ['vitest', 'run']]);
  expect(command.slice(2).filter((path) => !existsSync(path))).toEqual([]);
});

it('a pull request is judged by the mutants of what it changes, against the branch that it is for', () => {
  const { jobs } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as {
    jobs: Record<string, { if?: string; steps: { run?: string; with?: object; env?: object }[] }>;
  };
  const { steps = [], if: condition } = jobs.mutation ?? {};
  expect(condition).toBe("github.event_name == 'pull_request'");
  expect(steps[0]?.with).toMatchObject({ 'fetch-depth': 0 });
  expect(steps.at(-1)).toEqual({
    run: 'npm run mutation -- --changed "origin/$BASE"',
    env: { BASE: `\${{ github.base_ref }}` },
  });
});

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

describe.each([
  ['lint', ['biome', 'tsc']],
  ['test', ['node', 'npm run lint', 'npm run check-dist', 'vitest']],
  ['test:all', ['node', 'vitest']],
])('npm run %s', (name, parts) => {
  /** @param broken what fails */
  function script(broken?: string) {
    for (const one of ['node', 'npm', 'biome', 'tsc', 'vitest'])
      program(at('bin', one), `echo "${one} $*"\ncase "${one} $*" in "$BROKEN"*) exit 1;; esac`);
    const { status, stdout } = spawnSync('sh', ['-c', scripts[name] ?? ''], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: `${at('bin')}:${process.env.PATH}`, BROKEN: broken ?? 'nothing' },
    });
    return { status, asked: stdout.trim().split('\n') };
  }

  it('does all of its parts in their order', () => {
    const { status, asked } = script();
    expect([status, asked]).toEqual([0, parts.map((part) => expect.stringMatching(`^${part}`))]);
  });

  it.each(parts)('fails with %s, and does no more', (part) => {
    const { status, asked } = script(part);
    expect([status, asked.length]).toEqual([1, parts.indexOf(part) + 1]);
  });
});

it.each(globSync('.github/workflows/*.yml').sort())(
  '%s installs what the lock file names, and nothing newer',
  (path) => {
    expect(readFileSync(path, 'utf8')).not.toMatch(/npm (?:i|install|update|add)\b/);
  },
);
