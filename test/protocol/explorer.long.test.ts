/** Every fault of every request, two faults in one run and two runs at once, in the part that two minutes afford. The whole: `npm run explore`,
 *  and of two faults `npm run explore -- --faults 2`. */

import { describePromise } from './promise.ts';
import { quickPlan } from './searches.ts';

describePromise(quickPlan(100, 1), {
  scenarios: 55,
  faults: 9_000,
  pairsOfFaults: 1_300,
  schedules: 6_000,
  crashes: 5_500,
  requests: 200_000,
});
