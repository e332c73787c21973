/** `npm test` and `npm run test:all` together run each file of tests. Asked of both, since neither can miss itself. */

import { globSync } from 'node:fs';
import { matchesGlob } from 'node:path/posix';
import { expect } from 'vitest';
import settings from '../../vitest.config.ts';

const projects = (settings.test?.projects ?? []) as {
  test: { name: string; include: string[]; exclude?: string[] };
}[];

function filesOf(name: string): string[] {
  const { include = [], exclude = [] } = projects.find(({ test }) => test.name === name)?.test ?? {};
  return globSync('test/**/*.ts').filter(
    (path) =>
      include.some((glob) => matchesGlob(path, glob)) && !exclude.some((glob) => matchesGlob(path, glob)),
  );
}

export function expectEachFileOnce(): void {
  const [short, long] = [filesOf('short'), filesOf('long')];
  expect([...short, ...long].sort()).toEqual(globSync('test/**/*.test.ts').sort());
  expect(long.filter((path) => !path.endsWith('.long.test.ts'))).toEqual([]);
  expect([short.length > 100, long.length > 40]).toEqual([true, true]);
}
