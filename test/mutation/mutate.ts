/**
 * Breaks `src` in every small way, one at a time, and runs the unit tests that mirror it.
 * `npm run mutation`: every folder; `-- http github`: these; `-- --changed [commit]`: what has changed since the branch left it.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchesGlob } from 'node:path/posix';
import { Stryker } from '@stryker-mutator/core';
import { FOLDERS, type Folder } from './folders.ts';

/** @returns the share of mutants that were noticed, in percent; undefined: there was none to notice */
async function score(name: string, { mutate, tests }: Folder): Promise<number | undefined> {
  // Stryker passes the environment on to its runner, and no argument.
  process.env.MUTATION_TESTS = tests.join(' ');
  const options: ConstructorParameters<typeof Stryker>[0] = {
    mutate: [...mutate],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts' },
    coverageAnalysis: 'perTest',
    concurrency: availableParallelism(),
    ignoreStatic: true,
    // An endless loop ends here, and a third of a whole run waited for a hundred of them; a busy machine takes several times as long as an idle one.
    timeoutMS: 8_000,
    tsconfigFile: 'none: TypeScript 7 has no API to rewrite it with',
    tempDirName: `coverage/mutants-${name}`,
    reporters: ['progress-append-only', 'clear-text', 'json'],
    clearTextReporter: { logTests: false, allowColor: false },
    jsonReporter: { fileName: `coverage/mutants-${name}.json` },
  };
  const results = await new Stryker(options).runMutationTest();
  const count = (...wanted: string[]) => results.filter(({ status }) => wanted.includes(status)).length;
  const noticed = count('Killed', 'Timeout');
  const all = noticed + count('Survived', 'NoCoverage');
  return all === 0 ? undefined : (100 * noticed) / all;
}

/** The folders with those of their files that differ from where this branch left `base`. */
function changedSince(base: string): [string, Folder][] {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('diff', '--name-only', '--diff-filter=d', git('merge-base', base, 'HEAD'), '--', 'src')
    .split('\n')
    .filter(Boolean);
  return Object.entries(FOLDERS).flatMap(([name, folder]): [string, Folder][] => {
    const left = folder.mutate.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
    const files = changed.filter(
      (path) =>
        folder.mutate.some((glob) => matchesGlob(path, glob)) &&
        !left.some((glob) => matchesGlob(path, glob)),
    );
    return files.length > 0 ? [[name, { ...folder, mutate: files }]] : [];
  });
}

function asked([first, ...rest]: readonly string[]): [string, Folder][] {
  if (first === undefined) return Object.entries(FOLDERS);
  if (first === '--changed') return changedSince(rest[0] ?? 'origin/main');
  return [first, ...rest].map((name) => {
    const folder = FOLDERS[name];
    if (!folder) throw new Error(`no such folder: ${name}; there are ${Object.keys(FOLDERS).join(', ')}`);
    return [name, folder];
  });
}

// Keys for the worlds of the tests, made once: it takes longer than a test.
const folderOfKeys = mkdtempSync(join(tmpdir(), 'mutation-'));
process.on('exit', () => rmSync(folderOfKeys, { recursive: true, force: true }));
process.env.MATERIALS_FILE = join(folderOfKeys, 'materials.json');
for (const [name, folder] of asked(process.argv.slice(2))) {
  const reached = await score(name, folder);
  console.log(`${name}: ${reached?.toFixed(1) ?? 'nothing to notice'} (at least ${folder.least})`);
  if (reached !== undefined && reached < folder.least) process.exitCode = 1;
}
