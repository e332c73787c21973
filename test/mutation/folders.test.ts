/** No file of src escapes the mutation tests but the door, which only the bundle runs. */

import { globSync } from 'node:fs';
import { matchesGlob } from 'node:path/posix';
import { expect, it } from 'vitest';
import { FOLDERS } from './folders.ts';

const isMutated = (path: string, globs: readonly string[]) =>
  globs.some((glob) => matchesGlob(path, glob)) &&
  !globs.some((glob) => glob.startsWith('!') && matchesGlob(path, glob.slice(1)));

it('each file of src is of one folder, and each folder has files and tests', () => {
  const files = globSync('src/**/*.ts');
  const homes = files.map((path) => [
    path,
    Object.values(FOLDERS).filter(({ mutate }) => isMutated(path, mutate)).length,
  ]);
  expect(homes.filter(([, count]) => count !== 1)).toEqual([['src/index.ts', 0]]);
  for (const [name, { least, mutate, tests }] of Object.entries(FOLDERS)) {
    expect([name, files.some((path) => isMutated(path, mutate))]).toEqual([name, true]);
    for (const glob of tests) expect([glob, globSync(glob).length > 0]).toEqual([glob, true]);
    expect(least).toBeGreaterThanOrEqual(85);
  }
});
