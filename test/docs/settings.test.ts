/** What checks the code checks it all: the settings of TypeScript, Biome and Vitest, of the package, of Git and of GitHub. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path/posix';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import settings from '../../vitest.config.ts';
import { expectEachFileOnce } from './projects.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const SOURCES = '{src,test,scripts}/**/*.ts';
const sources = [...globSync(SOURCES), ...globSync('*.ts')];
const bin = (name: string) => join(process.cwd(), 'node_modules/.bin', name);

it('there are sources and tests', () => {
  expect([sources.length > 300, globSync('test/**/*.test.ts').length > 150]).toEqual([true, true]);
});

/** A folder of its own, in which a tool reads what is written there with the settings of this one. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  folders.push(folder);
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe('TypeScript', () => {
  it('reads every file', () => {
    const { include, exclude, files } = JSON.parse(read('tsconfig.json')) as Record<string, string[]>;
    const isRead = (path: string) =>
      include?.some((one) => path.startsWith(`${one}/`) || matchesGlob(path, one));
    expect([sources.filter((path) => !isRead(path)), exclude, files]).toEqual([[], undefined, undefined]);
  });

  const MISTAKES: [what: string, code: string, text: string][] = [
    ['nothing where something is', 'TS2322', 'export const a: string = undefined;'],
    ['no type at all', 'TS7006', 'export const a = (b) => b;'],
    ['an index that may be out of range', 'TS2322', 'export const a = (b: string[]): string => b[9];'],
    ['undefined for what may be missing', 'TS2375', 'export const a: { b?: string } = { b: undefined };'],
    ['a hidden override', 'TS4114', 'class A { a() {} }\nexport class B extends A { a() {} }'],
    [
      'a case that falls through',
      'TS7029',
      'export function a(b: number) { switch (b) { case 1: b = 2; case 2: return b; default: return 0; } }',
    ],
    ['what nobody uses', 'TS6133', 'export function a() { const b = 1; }'],
    ['an argument that nobody uses', 'TS6133', 'export const a = (b: string) => 1;'],
    [
      'a type that looks like a value',
      'TS1484',
      "import { StatOptions } from 'node:fs';\nexport type A = StatOptions;",
    ],
    ['what Node cannot take away', 'TS1294', 'export enum A { B }'],
    ['what only a page has', 'TS2584', 'export const a = document.title;'],
  ];

  it('finds each kind of mistake', () => {
    const names = MISTAKES.map((_, at) => `mistake${at}.ts`);
    const extended = {
      extends: join(process.cwd(), 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(process.cwd(), 'node_modules/@types')] },
      include: ['*.ts'],
    };
    const folder = folderWith({
      'tsconfig.json': JSON.stringify(extended),
      ...Object.fromEntries(MISTAKES.map(([, , text], at) => [names[at], `${text}\n`])),
    });
    const { stdout } = spawnSync(bin('tsc'), ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
    const found = names.map((name) => new RegExp(`${name}\\(.*?error (TS\\d+)`).exec(stdout)?.[1]);
    expect(MISTAKES.map(([what], at) => [what, found[at]])).toEqual(
      MISTAKES.map(([what, code]) => [what, code]),
    );
  });
});

it('Biome finds each kind of mistake, wherever people write', () => {
  const nested = Array.from({ length: 6 }, (_, at) => `if (b > ${at}) {`).join(' ');
  const rules = {
    noNonNullAssertion: 'export const a = (b: { c?: string }): number => b.c!.length;',
    useImportType: "import { Stats } from 'node:fs';\nexport const a = (b: Stats) => b;",
    useNodejsImportProtocol: "import { rmSync } from 'fs';\nexport const a = rmSync;",
    noExplicitAny: 'export const a = (b: any) => b;',
    noDoubleEquals: 'export const a = (b: string) => b == "c";',
    noExcessiveCognitiveComplexity: `export function a(b: number) { ${nested} return b; ${'}'.repeat(6)} return 0; }`,
  };
  const written = ['src', 'src/a', 'test', 'test/docs', 'scripts', '.'].map((name) => join(name, 'loud.ts'));
  const left = ['dist/loud.ts', 'test/recorded/loud.ts'];
  const loud = 'export const a = (b: any) => b;';
  const settings = JSON.parse(read('biome.json'));
  const folder = folderWith({
    'biome.json': JSON.stringify({ ...settings, $schema: undefined, vcs: { enabled: false } }),
    ...Object.fromEntries(Object.entries(rules).map(([rule, text]) => [`src/${rule}.ts`, `${text}\n`])),
    ...Object.fromEntries([...written, ...left].map((path) => [path, `${loud}\n`])),
  });
  const { stdout, stderr } = spawnSync(
    bin('biome'),
    ['lint', '--max-diagnostics=none', '--colors=off', '--diagnostic-level=warn', '.'],
    { cwd: folder, encoding: 'utf8' },
  );
  const found = (stdout + stderr).match(/^\S+:\d+:\d+ lint\/\S+/gm) ?? [];
  const at = (path: string) => found.filter((line) => line.startsWith(`${path}:`));
  for (const rule of Object.keys(rules)) expect(at(`src/${rule}.ts`).join()).toContain(rule);
  for (const path of written) expect([path, at(path).length]).toEqual([path, 1]);
  for (const path of left) expect([path, at(path).length]).toEqual([path, 0]);
});

describe('Vitest', () => {
  const projects = (settings.test?.projects ?? []) as { test: object }[];
  it('runs each file of tests once: the short ones or the long ones', expectEachFileOnce);

  it('passes no file without tests, no failure and no lonely test', () => {
    // Vitest's own defaults, which these would change. Where CI is set it allows no `only`.
    for (const name of ['passWithNoTests', 'allowOnly', 'bail', 'retry', 'dangerouslyIgnoreUnhandledErrors'])
      for (const one of [settings.test, ...projects.map(({ test }) => test)])
        expect(Object.keys(one ?? {})).not.toContain(name);
  });

  it('no test is left out or left alone by hand', () => {
    const marks = /^\s*(?:it|test|describe|story)\.(?:only|skip|todo|fails)\b/m;
    const marked = globSync('test/**/*.test.ts').filter((path) => marks.test(read(path)));
    expect(marked).toEqual([]);
  });
});

it('each pattern of files in a test finds some: a loop over none would check nothing', () => {
  const patterns = globSync('test/**/*.ts').flatMap((path) =>
    [...read(path).matchAll(/\bglobSync\('([^']+)'(?:, \{ cwd: '([^']+)' \})?\)/g)].map(
      ([, pattern = '', cwd = '.']) => ({ path, pattern, cwd }),
    ),
  );
  expect(patterns.length).toBeGreaterThan(25);
  expect(patterns.filter(({ pattern, cwd }) => globSync(pattern, { cwd }).length === 0)).toEqual([]);
});

describe('package.json', () => {
  const { scripts, dependencies, devDependencies, engines, ...others } = JSON.parse(
    read('package.json'),
  ) as Record<string, Record<string, string>>;

  it('has the commands that check, in full', () => {
    expect(scripts).toMatchObject({
      lint: 'biome check . && tsc -p .',
      'check-dist': 'node scripts/build.ts --check',
      test: 'node scripts/check-node.cjs && npm run lint && npm run check-dist && vitest run --project=short',
      'test:all': 'node scripts/check-node.cjs && vitest run',
    });
  });

  it('runs files that are there', () => {
    const files = Object.values(scripts ?? {}).flatMap(
      (script) => script.match(/[\w/-]+\.(?:c?ts|cjs)/g) ?? [],
    );
    expect(files.length).toBeGreaterThan(12);
    expect(files.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('installs the versions that were tried, and publishes nothing', () => {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
    expect(others).toMatchObject({ private: true, type: 'module', license: 'MIT' });
    // Others run no script when they are installed.
    expect(Object.keys(others.allowScripts ?? {})).toEqual(['node', 'esbuild']);
  });

  it('is what the lock file was made of', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    expect(packages['']).toMatchObject({ dependencies, devDependencies, engines });
  });
});

describe('Git', () => {
  const isCheckout = spawnSync('git', ['rev-parse', 'HEAD']).status === 0;

  it.runIf(isCheckout)('gives each system the same bytes, and shows no bundle in a diff', () => {
    const of = (path: string) =>
      execFileSync('git', ['check-attr', 'text', 'eol', 'diff', 'linguist-generated', '--', path], {
        encoding: 'utf8',
      })
        .trim()
        .split('\n')
        .map((line) => line.split(': ').at(-1));
    expect(of('src/index.ts')).toEqual(['auto', 'lf', 'unspecified', 'unspecified']);
    expect(of('dist/index.js')).toEqual(['auto', 'lf', 'unset', 'true']);
  });
});

describe('GitHub', () => {
  it('offers each new version when it is some days old, what runs in users’ jobs apart from what tests', () => {
    const { version, updates } = parse(read('.github/dependabot.yml'));
    expect([version, updates.length]).toEqual([2, 4]);
    for (const { 'package-ecosystem': kind, cooldown, schedule } of updates)
      expect([kind, cooldown, schedule.interval]).toEqual([
        kind,
        { 'default-days': 7 },
        ['npm', 'github-actions'].includes(kind) ? 'weekly' : 'monthly',
      ]);
    const groupsOf = (kind: string) =>
      updates.find((one: Record<string, unknown>) => one['package-ecosystem'] === kind).groups;
    expect(groupsOf('github-actions')).toEqual({ actions: { patterns: ['*'] } });
    expect(groupsOf('npm')).toEqual({
      runtime: { 'dependency-type': 'production' },
      development: { 'dependency-type': 'development' },
    });
  });

  it('asks somebody about each change', () => {
    const lines = read('.github/CODEOWNERS')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    // A later line would take its files away from the first.
    expect(lines).toEqual([expect.stringMatching(/^\* @[\w-]+\/[\w-]+$/)]);
  });

  it('takes a report by its form, and a vulnerability in private', () => {
    const { blank_issues_enabled: blank, contact_links: links } = parse(
      read('.github/ISSUE_TEMPLATE/config.yml'),
    );
    expect([blank, links.length, links[0].url]).toEqual([
      false,
      1,
      expect.stringMatching(/\/security\/advisories\/new$/),
    ]);
    const form = (name: string) => {
      const { body, labels } = parse(read(`.github/ISSUE_TEMPLATE/${name}.yml`));
      const asked = body.flatMap(
        ({ id, validations }: { id?: string; validations?: { required: boolean } }) =>
          id === undefined ? [] : [`${id}${validations?.required ? '!' : ''}`],
      );
      return [labels, asked];
    };
    expect(form('bug')).toEqual([
      ['bug'],
      ['version!', 'code', 'happened!', 'consumers!', 'workflow', 'log'],
    ]);
    expect(form('feature')).toEqual([['enhancement'], ['problem!', 'today']]);
    expect(read('.github/ISSUE_TEMPLATE/bug.yml').replace(/\s+/g, ' ')).toContain(
      'never a key, a token or the value of a secret',
    );
  });

  it('has no template that nobody looked at', () => {
    expect(globSync('.github/ISSUE_TEMPLATE/*').sort()).toEqual(
      ['bug', 'config', 'feature'].map((name) => `.github/ISSUE_TEMPLATE/${name}.yml`),
    );
  });
});

describe('the description of GitHub that the emulator answers by', () => {
  const PATH = 'test/emulators/github.openapi.json';
  const SCRIPT = 'scripts/extract-github-openapi.ts';
  const folder = folderWith({ [SCRIPT]: read(SCRIPT), [PATH]: '' });
  const script = join(folder, SCRIPT);

  function extract(source: object) {
    writeFileSync(join(folder, 'source.json'), JSON.stringify(source));
    return spawnSync(process.execPath, [script, join(folder, 'source.json')], { encoding: 'utf8' });
  }
  const extracted = () => read(join(folder, PATH));
  const whole = () => JSON.parse(read(PATH));

  it('has every call, without prose, and nothing that no call needs', () => {
    const source = whole();
    const { get } = source.paths['/user'];
    Object.assign(get, {
      summary: 'Prose',
      description: 'Prose',
      tags: ['users'],
      title: 'Prose',
      'x-github': {},
    });
    source.paths['/user'].delete = { responses: {} };
    source.paths['/nobody-calls'] = { get: {} };
    source.components.schemas['nobody-names'] = { type: 'object' };
    const { status, stderr } = extract(source);
    expect([status, stderr]).toEqual([0, '']);
    expect(extracted()).toBe(read(PATH));
  });

  it('keeps a field whose name is one of prose', () => {
    const source = whole();
    const named = { type: 'object', properties: { description: { type: 'string', description: 'Prose' } } };
    source.paths['/user'].get.responses['299'] = { content: named };
    expect(extract(source).status).toBe(0);
    expect(JSON.parse(extracted()).paths['/user'].get.responses['299'].content.properties).toEqual({
      description: { type: 'string' },
    });
  });

  it('is not made of a description that lacks a call, or of none', () => {
    const source = whole();
    delete source.paths['/rate_limit'];
    expect(extract(source).stderr).toContain('/rate_limit is not described');
    expect(spawnSync(process.execPath, [script], { encoding: 'utf8' }).stderr).toContain('usage:');
  });
});
