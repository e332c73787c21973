/** Who may import whom (CONTRIBUTING.md): a wrong import fails here, not in a review. */

import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';

interface Import {
  from: string;
  /** A file of src, or a package by its name. */
  of: string;
}

const FILES = globSync('**/*.ts', { cwd: 'src' }).sort();
const text = (file: string) => readFileSync(join('src', file), 'utf8');
const code = (file: string) =>
  text(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');

function importsOf(file: string): Import[] {
  const found = [
    ...code(file).matchAll(/^\s*(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm),
    ...code(file).matchAll(/import\('([^']+)'\)/g),
  ];
  return found.map(([, target = '']) => ({
    from: file,
    of: target.startsWith('.') ? join(dirname(file), target) : packageOf(target),
  }));
}

function packageOf(target: string): string {
  if (target.startsWith('node:')) return target;
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

const IMPORTS = FILES.flatMap(importsOf);
const isPackage = ({ of }: Import) => !of.endsWith('.ts');
const room = (file: string) => (file.includes('/') ? dirname(file) : '');
const importersOf = (name: string) => [
  ...new Set(IMPORTS.filter(({ of }) => of === name).map(({ from }) => from)),
];

const ADAPTERS = ['auth0', 'github', 'certificate', 'http'];

/** What each folder may import besides itself and errors.ts. Types count. */
const MAY_IMPORT: Record<string, string[]> = {
  model: [],
  inputs: ['model', 'certificate'],
  observe: ['model', ...ADAPTERS],
  plan: ['model'],
  apply: ['model', ...ADAPTERS],
  report: ['model'],
  watch: ['model', 'plan', 'github'],
  fleet: ['run.ts', 'services.ts', 'inputs', 'model', 'http'],
  auth0: ['model', 'http'],
  github: ['model', 'http'],
  certificate: ['model'],
  http: ['model'],
};

/** The same for each file at the root. `index.ts` may import everything. */
const ROOT_MAY_IMPORT: Record<string, string[]> = {
  'run.ts': ['services.ts', ...Object.keys(MAY_IMPORT).filter((name) => name !== 'fleet')],
  'services.ts': ['prefetch.ts', ...Object.keys(MAY_IMPORT).filter((name) => name !== 'fleet')],
  'prefetch.ts': ['model', 'plan'],
  'ending.ts': ['actions-runner.ts', 'report', 'model'],
  'actions-runner.ts': ['model', 'certificate/masks.ts'],
  'errors.ts': [],
};

/** What a file or a folder imports although no rule allows it. */
function wrongImports(isFrom: (file: string) => boolean, rules: readonly string[]): Import[] {
  return IMPORTS.filter(
    (one) =>
      isFrom(one.from) && !isPackage(one) && !rules.some((rule) => one.of === rule || room(one.of) === rule),
  );
}

describe('imports', () => {
  it('were found', () => {
    expect(IMPORTS.length).toBeGreaterThan(100);
    for (const { of } of IMPORTS.filter((one) => !isPackage(one))) expect(FILES).toContain(of);
  });

  it('have a row for every folder, and for every file beside them', () => {
    const folders = new Set(FILES.map(room).filter((name) => name !== ''));
    expect(Object.keys(MAY_IMPORT).sort()).toEqual([...folders].sort());
    const root = FILES.filter((file) => room(file) === '' && file !== 'index.ts');
    expect(Object.keys(ROOT_MAY_IMPORT).sort()).toEqual(root);
  });

  it.each(Object.entries(MAY_IMPORT))('of %s: only of %j', (name, others) => {
    expect(wrongImports((file) => room(file) === name, [name, 'errors.ts', ...others])).toEqual([]);
  });

  it.each(Object.entries(ROOT_MAY_IMPORT))('of %s: only of %j', (name, others) => {
    expect(wrongImports((file) => file === name, ['errors.ts', ...others])).toEqual([]);
  });

  it.each([
    ['node-forge', ['certificate/forge.ts']],
    ['undici', ['http/wire.ts']],
    ['@actions/github', ['github/api.ts']],
    ['@actions/core', ['actions-runner.ts']],
    ['jose', ['auth0/token.ts']],
    ['yaml', ['inputs/manifest.ts']],
    ['node:fs/promises', ['actions-runner.ts']],
    ['@noble/ciphers', ['github/sealed-box.ts']],
    ['@noble/hashes', ['github/sealed-box.ts']],
  ])('%s is imported by %j alone', (name, files) => {
    expect(importersOf(name)).toEqual(files);
  });

  it('are of declared packages, each of them used', () => {
    const declared = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);
    const used = new Set(
      IMPORTS.filter(isPackage)
        .map(({ of }) => of)
        .filter((name) => !name.startsWith('node:')),
    );
    expect([...used].sort()).toEqual(declared.sort());
    for (const { of } of IMPORTS.filter(isPackage)) expect(builtinModules).not.toContain(of);
  });

  it('of the plan and its nouns: no package but node:crypto, no clock, no chance, no process', () => {
    for (const file of FILES.filter((one) => room(one) === 'plan' || room(one) === 'model')) {
      const packages = importsOf(file).filter(isPackage);
      expect([file, packages.map(({ of }) => of).filter((of) => of !== 'node:crypto')]).toEqual([file, []]);
      expect([file, code(file).match(/Date\.now|new Date\(\)|Math\.random|process\.|await |async /)]).toEqual(
        [file, null],
      );
    }
  });

  it.each([
    ['files', (file: string) => file],
    ['folders', (file: string) => room(file) || file],
  ])('form no circle of %s', (_, unitOf) => {
    const next = new Map<string, Set<string>>();
    for (const one of IMPORTS.filter((each) => !isPackage(each))) {
      const [from, of] = [unitOf(one.from), unitOf(one.of)];
      if (from !== of) next.set(from, (next.get(from) ?? new Set()).add(of));
    }
    const done = new Set<string>();
    const walk = (unit: string, path: readonly string[]): void => {
      expect(path).not.toContain(unit);
      if (done.has(unit)) return;
      for (const of of next.get(unit) ?? []) walk(of, [...path, unit]);
      done.add(unit);
    };
    for (const unit of next.keys()) walk(unit, []);
  });

  it('reach every file from index.ts', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file) || !FILES.includes(file)) return;
      seen.add(file);
      for (const { of } of importsOf(file)) visit(of);
    };
    visit('index.ts');
    expect([...seen].sort()).toEqual(FILES);
  });
});

describe('files', () => {
  it('only the door reads the environment', () => {
    const readers = FILES.filter((file) => /process\.env/.test(code(file)));
    const allowed = ['index.ts', 'inputs/inputs.ts', 'actions-runner.ts'];
    expect(readers.filter((file) => !allowed.includes(file))).toEqual([]);
  });

  it('start no program, write no file, print nothing past the runner', () => {
    // The manifest is read, and nothing else.
    const wrong =
      /node:child_process|node:fs'|(?<!import \{ readFile as readFileOf \} from ')node:fs\/|console\.|process\.std(out|err)|process\.exit\(/;
    for (const file of FILES) expect([file, code(file).match(wrong)]).toEqual([file, null]);
  });

  it('open with one sentence about their room', () => {
    for (const file of FILES) expect([file, text(file).startsWith('/** ')]).toEqual([file, true]);
  });

  it('are not drawers', () => {
    const drawers = /(^|\/)(utils?|helpers?|common|types|interfaces|misc|shared)(\.|\/)/;
    expect(FILES.filter((file) => drawers.test(file))).toEqual([]);
  });

  it('stay short: 330 lines at most', () => {
    // A name of a guard is no line of code.
    const lines = (file: string) =>
      text(file)
        .split('\n')
        .filter((line) => !line.includes('// guard: '));
    const long = FILES.filter((file) => lines(file).length - 1 > 330);
    expect(long).toEqual([]);
  });
});
