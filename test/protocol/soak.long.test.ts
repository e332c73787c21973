/** A short soak: `npm run soak` is the long one. */

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
