/** A short soak: `npm run soak` is the long one. */

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { soak } from './soak.ts';

it('rotates under crashes and faults while a consumer logs in, without one failure', async () => {
  const report = await soak(15, 7, () => {});
  console.log(`soak: ${JSON.stringify(report)}`);
  expect(report).toMatchObject({ rotations: 15, refused: 0, orphans: 0 });
  expect(report.authentications).toBeGreaterThan(100);
  expect(report.killed).toBeGreaterThan(0);
  expect(report.faults).toBeGreaterThan(5);
});

it('ends with an error if a credential is left, though no login has failed', () => {
  // In the place of Node a program that only fails: nothing is rotated, and nothing cleans up.
  const options = {
    encoding: 'utf8',
    env: { ...process.env, ACTION_NODE: 'false' },
    timeout: 100_000,
  } as const;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['test/protocol/soak.ts', '--rotations', '1'],
    options,
  );
  expect([status, stdout]).toEqual([1, expect.stringMatching(/failed 0, orphans left 1$/m)]);
});
