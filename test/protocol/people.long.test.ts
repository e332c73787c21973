/** The promise among people, all of it: every state, every deed at every moment, every way that a message names. */

import { expect, test } from 'vitest';
import { REAL } from './code.ts';
import { anyLives, lives } from './people-lives.ts';
import { quickPlan, search } from './searches.ts';
import { Tally } from './tally.ts';

test('daily runs settle whatever people do, or say how; and doing that ends it without an interruption', async () => {
  const nothing = { ...quickPlan(0, 1), singles: [], pairs: [], stale: [], lags: [] };
  const tally = new Tally();
  tally.limit = 50;
  await search(REAL, { ...nothing, people: [...lives(), ...anyLives(2_000, 1)] }, tally);
  expect(tally.findings.length, tally.print()).toBe(0);
  expect(tally.people).toBeGreaterThanOrEqual(10_000);
  expect(tally.advised).toBeGreaterThanOrEqual(5_000);
});
