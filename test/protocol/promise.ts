/** The promise, on the real code, over one part of the search: what each part must show, and how large it must stay. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { type Plan, search } from './searches.ts';
import { Tally } from './tally.ts';

type Size = Record<'scenarios' | 'faults' | 'pairsOfFaults' | 'schedules' | 'crashes' | 'requests', number>;

export function describePromise(plan: Plan, atLeast: Size): void {
  describe('whatever fails and whoever else is at work', () => {
    let tally: Tally;
    beforeAll(async () => {
      tally = new Tally();
      tally.limit = 20;
      await search(REAL, plan, tally);
    });

    test('no authentication fails, and the next run heals', () => {
      expect(tally.findings.length, tally.print()).toBe(0);
    });

    test('what docs/how-it-works.md admits is all that remains, and it is rare', () => {
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
      expect(tally.scenarios.size).toBeGreaterThanOrEqual(atLeast.scenarios);
      expect(tally.faults).toBeGreaterThanOrEqual(atLeast.faults);
      expect(tally.pairsOfFaults).toBeGreaterThanOrEqual(atLeast.pairsOfFaults);
      expect(tally.schedules).toBeGreaterThanOrEqual(atLeast.schedules);
      expect(tally.crashes).toBeGreaterThanOrEqual(atLeast.crashes);
      expect(tally.samples).toBe(plan.sample);
      expect(tally.stale).toBeGreaterThanOrEqual(55);
      expect(tally.refused).toBeLessThanOrEqual(6);
      expect(tally.requests).toBeGreaterThanOrEqual(atLeast.requests);
    });
  });
}
