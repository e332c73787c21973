/** Every fault of every request and two runs at once, in the part that one minute affords. All of it: `npm run explore`. */

import { describePromise } from './promise.ts';
import { quickPlan } from './searches.ts';

describePromise(quickPlan(100, 1), {
  scenarios: 55,
  faults: 9_000,
  schedules: 6_000,
  crashes: 5_500,
  requests: 200_000,
});
