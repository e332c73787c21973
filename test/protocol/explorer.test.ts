/** Every fault of every request and two runs at once, in the part that each test run affords. More of it: explorer.long.test.ts. */

import { describePromise } from './promise.ts';
import { briefPlan } from './searches.ts';

describePromise(briefPlan(100, 1), {
  scenarios: 7,
  faults: 1_900,
  pairsOfFaults: 0,
  schedules: 780,
  crashes: 750,
  requests: 75_000,
});
