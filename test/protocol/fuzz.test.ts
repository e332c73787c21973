/** A short fuzz: `npm run fuzz` is the long one. */

import { expect, it } from 'vitest';
import { fuzz, targets } from './fuzz.ts';

it.each(await targets())('$name: read, or refused with a reason', async (target) => {
  expect(await fuzz(target, 2_000)).toBeGreaterThanOrEqual(200);
});
