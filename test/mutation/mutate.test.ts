/** What is mutated, and when its score is too low. The mutants themselves are made up: a stand-in tells what became of each. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'mutate-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function git(...args: string[]): void {
  const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.com'];
  const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function commit(): void {
  git('add', 'src');
  git('commit', '-q', '-m', 'm');
}

/** @param became of each mutant */
function mutation(args: readonly string[], became: readonly string[] = ['Killed']) {
  const { status, stdout } = spawnSync(process.execPath, ['test/mutation/mutate.ts', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, BECAME: became.join(' ') },
  });
  const mutated = [...stdout.matchAll(/^mutated (.*)$/gm)].map(([, files]) => files);
  return { status, mutated };
}

beforeAll(() => {
  for (const name of ['mutate.ts', 'folders.ts'])
    cpSync(`test/mutation/${name}`, join(folder, 'test/mutation', name));
  file('package.json', '{ "type": "module" }');
  file('node_modules/@stryker-mutator/core/package.json', '{ "type": "module", "main": "index.js" }');
  file(
    'node_modules/@stryker-mutator/core/index.js',
    `export class Stryker {
      constructor({ mutate }) { console.log('mutated ' + mutate.join(' ')); }
      async runMutationTest() { return process.env.BECAME.split(' ').map((status) => ({ status })); }
    }`,
  );
  git('init', '-q', '-b', 'main');
  for (const name of [
    'http/a',
    'http/b',
    'model/a',
    'model/gone',
    'apply/apply',
    'apply/association',
    'index',
  ])
    file(`src/${name}.ts`, '');
  commit();
  git('checkout', '-q', '-b', 'branch');
  for (const name of ['http/a', 'apply/association', 'index']) file(`src/${name}.ts`, '// by the branch');
  rmSync(join(folder, 'src/model/gone.ts'));
  commit();
  git('checkout', '-q', 'main');
  file('src/model/a.ts', '// by somebody else');
  commit();
  git('checkout', '-q', 'branch');
});

it('a branch is judged by the files that it has changed, and not by those of others', () => {
  expect(mutation(['--changed', 'main'])).toEqual({
    status: 0,
    mutated: ['src/http/a.ts', 'src/apply/association.ts'],
  });
});

it('a folder is judged alone, and one that there is not by nobody', () => {
  expect(mutation(['http'])).toEqual({ status: 0, mutated: ['src/http/**/*.ts'] });
  expect(mutation(['htpp'])).toEqual({ status: 1, mutated: [] });
});

const times = (count: number, became: string) => Array.from({ length: count }, () => became);

it.each<[string, number, string[]]>([
  ['as many as it must', 0, [...times(16, 'Killed'), 'Timeout', ...times(3, 'Survived')]],
  ['one less', 1, [...times(16, 'Killed'), ...times(4, 'Survived')]],
  ['one less, since no test runs it', 1, [...times(16, 'Killed'), ...times(4, 'NoCoverage')]],
  ['all that can be judged', 0, ['Killed', ...times(9, 'Ignored'), ...times(9, 'CompileError')]],
  ['none of none', 0, ['Ignored']],
])('of a folder whose tests must notice 85 percent, %s: exit code %i', (_, status, became) => {
  expect(mutation(['http'], became).status).toBe(status);
});
