/** The promise among people, on the real code, over one part of the search: what it must show, and how large it must stay. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import type { Life } from './people.ts';
import { quickPlan, search } from './searches.ts';
import { Tally } from './tally.ts';

const ADMITTED: readonly string[] = [
  'rewritten meanwhile',
  'a name that no mark shows',
  'overwritten right after a rotation',
];

/** Other kinds of residuals, and whether there are too many. */
export function unadmittedOfPeople({ people, residuals }: Pick<Tally, 'people' | 'residuals'>): string[] {
  const others = [...new Set(residuals.map(({ kind }) => kind))].filter((kind) => !ADMITTED.includes(kind));
  return residuals.length <= people / 40 ? others : [...others, `${residuals.length} of ${people}`];
}

export function describePeople(people: readonly Life[], atLeast: Record<'lives' | 'advised', number>): void {
  describe('whatever people do', () => {
    let tally: Tally;
    beforeAll(async () => {
      tally = new Tally();
      tally.limit = 20;
      const nothing = { ...quickPlan(0, 1), singles: [], pairs: [], stale: [], lags: [] };
      await search(REAL, { ...nothing, people }, tally);
    });

    test('daily runs settle it, or say how; and doing that ends it without an interruption', () => {
      expect(tally.findings.length, tally.print()).toBe(0);
    });

    test('what docs/how-it-works.md admits is all that remains, and it is rare', () => {
      expect(unadmittedOfPeople(tally)).toEqual([]);
    });

    test('the search has not shrunk', () => {
      expect(tally.people).toBeGreaterThanOrEqual(atLeast.lives);
      expect(tally.advised).toBeGreaterThanOrEqual(atLeast.advised);
    });
  });
}
