/** The promise, on the real code: every fault of every request and two runs at once, in the part that one minute affords. All of it: `npm run explore`. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { quickPlan, search } from './searches.ts';
import { Tally } from './tally.ts';

const SEED = 1;
const SAMPLE = 100;

describe('whatever fails and whoever else is at work', () => {
  let tally: Tally;
  beforeAll(async () => {
    tally = new Tally();
    tally.limit = 20;
    await search(REAL, quickPlan(SAMPLE, SEED), tally);
  });

  test('no authentication fails, and the next run heals', () => {
    expect(tally.findings.length, tally.print()).toBe(0);
  });

  test('what the specification admits is all that remains, and it is rare', () => {
    expect(tally.residuals.length).toBeLessThan(tally.schedules / 50);
    const kinds = new Set(tally.residuals.map(({ variant }) => variant.split(':')[0]));
    const admitted = [
      'both rotate',
      'both rotate, and a third',
      'both rotate, the second begins later',
      'retire and rotate',
    ];
    expect([...kinds].filter((kind) => !admitted.includes(`${kind}`))).toEqual([]);
  });

  test('the search has not shrunk', () => {
    expect(tally.scenarios.size).toBeGreaterThanOrEqual(55);
    expect(tally.faults).toBeGreaterThanOrEqual(9_000);
    expect(tally.schedules).toBeGreaterThanOrEqual(6_000);
    expect(tally.crashes).toBeGreaterThanOrEqual(5_500);
    expect(tally.samples).toBe(SAMPLE);
    expect(tally.stale).toBeGreaterThanOrEqual(55);
    expect(tally.refused).toBeLessThanOrEqual(6);
    expect(tally.requests).toBeGreaterThanOrEqual(200_000);
  });
});
