/** What a runner downloads: the archive of a commit (docs/facts.md#runner-download). It is small, and it is enough to run. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';

const isCheckout = spawnSync('git', ['rev-parse', 'HEAD']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The commit's files by the rules of the working tree, so that a change of them fails before it is committed. */
const archive = () =>
  execFileSync('git', ['archive', '--worktree-attributes', 'HEAD'], { maxBuffer: 100_000_000 });

test.runIf(process.env.CI === 'true')('the tests run in a checkout', () => expect(isCheckout).toBe(true));

test.runIf(isCheckout)('a runner downloads at most 300 kB', () => {
  expect(gzipSync(archive()).length).toBeLessThanOrEqual(300_000);
});

test.runIf(isCheckout)('what it downloads starts, and holds no source and no test', () => {
  const listed = execFileSync('tar', ['-xvf', '-', '-C', folder], { input: archive(), encoding: 'utf8' });
  expect(listed.trim().split('\n').sort()).toEqual([
    'LICENSE',
    'action.yml',
    'dist/',
    'dist/index.js',
    'dist/licenses.txt',
    'dist/package.json',
  ]);
  const told = 'the archive of a commit: `action.yml`, `dist` and `LICENSE`, at most 300 kB.';
  expect(readFileSync('docs/publishing.md', 'utf8')).toContain(told);
  const run = spawnSync(process.execPath, [join(folder, 'dist/index.js')], { env: {}, encoding: 'utf8' });
  expect([run.status, run.stdout]).toEqual([1, expect.stringContaining('INVALID_INPUT')]);
});
