/**
 * People: they make certificates, rewrite secrets, rename repositories and edit the workflow, before and while the action runs.
 * Then daily runs settle it, or say how to end it; and doing what they say ends it, without an interruption.
 */

import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Code } from './actor.ts';
import { Household } from './household.ts';
import type { Materials } from './materials.ts';
import type { Act } from './people-acts.ts';
import { adviceIn } from './people-advice.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

/** Daily runs that must settle it, or say how to end it. */
const PATIENCE = 3;
/** Messages that are followed one after the other before it counts as a dead end. */
const ROUNDS = 5;
/** What the other invariants say of a world that belongs to its runs alone. */
const ALWAYS = new Set([
  'I2',
  'I5',
  'I6',
  'I7',
  'internal',
  'thrown',
  'loop',
  'outage',
  'dead end',
  'advice',
  'served',
  'unannounced',
]);

/** When a person acts: before the first run, or in it, before its n-th request. */
export interface Moment {
  at: number;
}

/** @param choice which of the ways that the first message names */
async function live(
  household: Household,
  act: Act,
  { at }: Moment,
  choice: number,
): Promise<{ ways: readonly string[]; advised: number } | undefined> {
  if (at === 0) household.byHand(() => act.does(household));
  let last = await household.day({}, at, () => act.does(household));
  // It ended before the moment came.
  if (at > 0 && !household.disturbed) return undefined;
  for (let day = 2; day <= PATIENCE; day += 1) last = await household.day();
  let ways: readonly string[] = [];
  let advised = 0;
  while (last.result?.error && advised < ROUNDS) {
    const { code, message } = last.result.error;
    const advice = adviceIn(message, household).filter(({ name }) => name !== 'run again');
    if (advised === 0) ways = advice.map(({ name }) => name);
    const chosen = advice[advised === 0 ? choice : 0];
    if (!chosen) {
      household.report('dead end', `${code} names neither a line nor a click: ${message}`);
      return { ways, advised };
    }
    advised += 1;
    let once: 'force' | 'enroll' | undefined;
    household.byHand(() => {
      once = chosen.follow(household);
    });
    last = await household.day(asked(once));
    if (!last.result?.error) last = await household.day();
  }
  if (last.result?.error)
    household.report(
      'dead end',
      `${last.result.error.code} stays, whatever is followed: ${last.result.error.message}`,
    );
  else {
    household.checkServed();
    await household.day();
  }
  return { ways, advised };
}

function asked(once: 'force' | 'enroll' | undefined): Partial<DesiredState> {
  if (once === 'force') return { force: true };
  return once === 'enroll' ? { operation: 'enroll' } : {};
}

/** One starting state, one thing that a person does, at each of these moments, each way that the message names. */
export async function explorePeople(
  code: Code,
  all: Materials,
  scenario: Scenario,
  act: Act,
  moments: readonly Moment[],
  tally: Tally,
): Promise<void> {
  for (const moment of moments) {
    if (tally.enough) return;
    for (let choice = 0, ways: readonly string[] = ['']; choice < Math.max(1, ways.length); choice += 1) {
      const execution = new Execution(new World(scenario, all), code);
      const household = new Household(execution, scenario.start.holds.length);
      if (!act.applies(household)) return execution.close();
      const lived = await live(household, act, moment, choice);
      if (lived === undefined) return execution.close();
      ways = lived.ways;
      tally.people += 1;
      tally.advised += lived.advised;
      keepAlways(execution);
      const when = moment.at === 0 ? '' : ` at request ${moment.at}`;
      tally.add(execution, scenario, `${act.name}${when}${ways[choice] ? `, then ${ways[choice]}` : ''}`);
    }
  }
}

function keepAlways({ invariants }: Execution): void {
  const kept = invariants.violations.filter(({ invariant }) => ALWAYS.has(invariant));
  invariants.violations.splice(0, invariants.violations.length, ...kept);
  invariants.residuals.length = 0;
}
