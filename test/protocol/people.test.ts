/** The promise among people, on the real code, in the part that each test run affords: `npm run explore` has all of it. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { anyLives, lives } from './people-lives.ts';
import { quickPlan, search } from './searches.ts';
import { Tally } from './tally.ts';

const EVERY = 97;
const SAMPLE = 40;

describe('whatever people do', () => {
  let tally: Tally;
  beforeAll(async () => {
    tally = new Tally();
    tally.limit = 20;
    const people = [...lives().filter((_, index) => index % EVERY === 0), ...anyLives(SAMPLE, 1)];
    const nothing = { ...quickPlan(0, 1), singles: [], pairs: [], stale: [], lags: [] };
    await search(REAL, { ...nothing, people }, tally);
  }, 240_000);

  test('daily runs settle it, or say how; and doing that ends it without an interruption', () => {
    expect(tally.findings.length, tally.print()).toBe(0);
  });

  test('the search has not shrunk', () => {
    expect(tally.people).toBeGreaterThanOrEqual(100);
    expect(tally.advised).toBeGreaterThanOrEqual(20);
  });
});
