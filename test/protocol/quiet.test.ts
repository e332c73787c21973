/** A18 of the field report: half a delivery, no key at hand, both places full. The pause is over before the interruption begins. */

import { expect, test } from 'vitest';
import { REAL } from './code.ts';
import { Household } from './household.ts';
import { materials } from './materials.ts';
import { ACTS } from './people-acts.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { World } from './world.ts';

const LONGEST = 2_000;

test.each([
  ['partly delivered, two of three', 'a secondary is rolled back'],
  ['partly delivered, one of three', 'a secondary is rolled back'],
])('%s, and %s right before the run', async (start, deed) => {
  const all = await materials();
  await prepareWorlds();
  const execution = new Execution(new World(scenario(start, { force: false, current: false }), all), REAL);
  const household = new Household(execution, execution.world.scenario.start.holds.length);
  household.byHand(() => ACTS.find(({ name }) => name === deed)?.does(household));
  const actor = await household.day();
  const { trace } = execution;
  const taken = trace.find(({ request }) => request.method === 'PATCH');
  const stored = trace.findLast(
    ({ request, status }) => request.method === 'PUT' && status === 204 && request.url.endsWith('_PEM'),
  );
  expect([actor.result?.error, actor.interrupts.size > 0]).toEqual([undefined, true]);
  expect((stored?.time ?? Number.POSITIVE_INFINITY) - (taken?.time ?? 0)).toBeLessThan(LONGEST);
  // The pause itself was kept: the secret was written in the moment before.
  expect((taken?.time ?? 0) - (trace[0]?.time ?? 0)).toBeGreaterThan(3_000);
});
