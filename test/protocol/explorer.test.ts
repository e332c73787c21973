/** Every fault of every request and two runs at once, in the part that each test run affords. More of it: explorer.long.test.ts. */

import { describePromise } from './promise.ts';
import { briefPlan } from './searches.ts';

describePromise(briefPlan(100, 1), {
  scenarios: 20,
  faults: 4_000,
  pairsOfFaults: 0,
  schedules: 1_000,
  crashes: 950,
  requests: 100_000,
});
