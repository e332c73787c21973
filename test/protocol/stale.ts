/** A run that is held up for longer than the lease after its secrets were read, while another rotates. */

import type { Code } from './actor.ts';
import { Healed, heal } from './heal.ts';
import type { Materials } from './materials.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { play } from './single.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

const BEYOND_THE_LEASE = 16 * 60_000;

/** Its `current-credential` is what the primary held before: it must see that, or do no harm. */
export async function exploreStale(
  code: Code,
  all: Materials,
  scenario: Scenario,
  tally: Tally,
  healed = new Healed(),
): Promise<void> {
  const execution = new Execution(new World(scenario, all), code);
  const late = execution.startLater('late', {}, execution.world.inputs('1002.1'));
  const first = execution.start('A');
  await play(execution, first);
  execution.world.time += BEYOND_THE_LEASE;
  await play(execution, late);
  await heal(execution, healed, scenario, first.result?.plan === undefined);
  tally.stale += 1;
  tally.add(execution, scenario, 'held up beyond the lease while another rotates');
}
