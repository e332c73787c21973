/** `npm run demo` is what a newcomer sees first: short, and its page opens. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CHROMIUM, openScreen } from './rendering/page.ts';

const LIMIT_MS = 300_000;

test('at most 120 lines, and the summary of the last scene as a page', { timeout: LIMIT_MS }, async () => {
  const output = execFileSync(process.execPath, ['test/demo.ts', '--open'], { encoding: 'utf8' });
  const lines = output.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(120);
  expect(output).not.toContain('##[');
  // Each scene has a check.
  expect(output).not.toMatch(/^ ?\d+\. .*\n ?\d+\. /m);
  const [, path = ''] = /^The summary of the last scene: (.*)$/.exec(lines.at(-1) ?? '') ?? [];
  expect(readFileSync(path, 'utf8')).toContain('has a new key');
  if (CHROMIUM === undefined) return;
  await using screen = await openScreen();
  await screen.page.goto(`file://${path}`);
  await screen.page.locator('svg rect.milestone').waitFor({ state: 'attached' });
});

test('ends with an error at the first thing that differs from what it says', { timeout: LIMIT_MS }, () => {
  // In the place of Node a program that only fails: no run of the action does anything.
  const env = { ...process.env, ACTION_NODE: 'false' };
  // One that goes on would wait for ever for a consumer that has nothing to log in with.
  const options = { encoding: 'utf8', env, timeout: LIMIT_MS / 3 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['test/demo.ts'], options);
  expect([status, stderr]).toEqual([1, expect.stringContaining('the plan says why and how')]);
  expect(stdout.match(/^ ?\d+\. /gm)).toHaveLength(2);
});
