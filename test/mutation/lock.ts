/** The schedules that the guards of the association need, on the code as it is: a mutant of the lock must show itself here. */

import { expect, test } from 'vitest';
import { REAL } from '../explorer/code.ts';
import { GUARDS } from '../explorer/guards.ts';
import { type Plan, search } from '../explorer/searches.ts';
import { Tally } from '../explorer/tally.ts';

const LOCK = GUARDS.filter(({ without }) => without.some(({ file }) => file === 'association.ts'));

/** What takes less time first. */
test.each([...LOCK.filter(({ hunt }) => hunt.singles), ...LOCK.filter(({ hunt }) => hunt.pairs)])(
  'nothing is found where the guard stands: $name',
  async ({ hunt }) => {
    const tally = new Tally();
    tally.limit = 1;
    const plan: Plan = { singles: [], pairs: [], stale: [], lags: [], sample: 0, seed: 1, ...hunt };
    await search(REAL, plan, tally);
    expect(tally.findings).toEqual([]);
    expect(tally.executions).toBeGreaterThan(0);
  },
);
