/** Breaks `src` in every small way, one at a time, and runs the unit tests that mirror it: `npm run mutation -- [folder …]`. */

import type { PartialStrykerOptions } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { FOLDERS, type Folder } from './folders.ts';

/** @returns the share of mutants that were noticed, in percent; undefined: there was none to notice */
async function score(name: string, { mutate, tests }: Folder): Promise<number | undefined> {
  process.env.MUTATION_TESTS = tests.join(' ');
  const options: PartialStrykerOptions = {
    mutate: [...mutate],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts' },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    ignoreStatic: true,
    // An endless loop ends here; a busy machine takes many times as long as an idle one.
    timeoutMS: 20_000,
    tsconfigFile: 'none: TypeScript 7 has no API to rewrite it with',
    tempDirName: `coverage/mutants-${name}`,
    reporters: ['progress-append-only', 'clear-text', 'json'],
    clearTextReporter: { logTests: false, allowColor: false },
    jsonReporter: { fileName: `coverage/mutants-${name}.json` },
    thresholds: { high: 95, low: 85, break: null },
  };
  const results = await new Stryker(options).runMutationTest();
  const noticed = results.filter(({ status }) => status === 'Killed' || status === 'Timeout').length;
  const missed = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage').length;
  return noticed + missed === 0 ? undefined : (100 * noticed) / (noticed + missed);
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in FOLDERS));
if (unknown.length > 0) throw new Error(`no such folder: ${unknown.join(', ')}`);
for (const [name, folder] of Object.entries(FOLDERS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  const reached = await score(name, folder);
  const isEnough = reached === undefined || reached >= folder.least;
  console.log(`${name}: ${reached?.toFixed(1) ?? 'nothing to notice'} (at least ${folder.least})`);
  if (!isEnough) process.exitCode = 1;
}
