/** The promise, on the real code, over one part of the search: what each part must show, and how large it must stay. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { type Plan, search } from './searches.ts';
import { Tally } from './tally.ts';

type Size = Record<'scenarios' | 'faults' | 'pairsOfFaults' | 'schedules' | 'crashes' | 'requests', number>;

/** What docs/how-it-works.md admits of two runs at once. */
const ADMITTED = [
  'both rotate',
  'both rotate, and a third',
  'both rotate, the second begins later',
  'retire and rotate',
];

/** Residuals of other runs, and whether there are too many. */
export function unadmitted({ residuals, schedules }: Pick<Tally, 'residuals' | 'schedules'>): string[] {
  const kinds = new Set(residuals.map(({ variant }) => `${variant.split(':')[0]}`));
  const others = [...kinds].filter((kind) => !ADMITTED.includes(kind));
  return residuals.length < schedules / 50 ? others : [...others, `${residuals.length} of ${schedules}`];
}

/** What has become less than it was. */
export function shrunk(
  { crashes, faults, pairsOfFaults, refused, requests, scenarios, schedules, stale }: Omit<Tally, 'add'>,
  atLeast: Size,
): string[] {
  const counts = { crashes, faults, pairsOfFaults, requests, scenarios: scenarios.size, schedules };
  const less = (Object.keys(counts) as (keyof Size)[]).filter((name) => counts[name] < atLeast[name]);
  return [...less, ...(stale < 55 ? ['stale'] : []), ...(refused > 6 ? ['not refused'] : [])];
}

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
      expect(unadmitted(tally)).toEqual([]);
    });

    test('the search has not shrunk', () => {
      expect(shrunk(tally, atLeast)).toEqual([]);
      expect(tally.samples).toBe(plan.sample);
    });
  });
}
