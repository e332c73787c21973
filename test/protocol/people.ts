/**
 * People: they make certificates, rewrite secrets, rename repositories and edit the workflow, before and while the action runs.
 * Then daily runs settle it, or say how to end it; and doing what they say ends it, without an interruption.
 */

import type { RotationError } from '../../src/errors.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Code } from './actor.ts';
import { Household } from './household.ts';
import type { Materials } from './materials.ts';
import type { Act } from './people-acts.ts';
import { type Advice, adviceIn } from './people-advice.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

/** From what a person does to the run that he starts then. */
const MINUTE = 60_000;
/** Daily runs that must settle it, or say how to end it. */
const PATIENCE = 3;
/** Messages that are followed one after the other before it counts as a dead end. */
const ROUNDS = 6;
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

/** What a person does before a run (0), or in it, before its n-th request. */
export interface Deed {
  act: Act;
  at: number;
}

export interface Life {
  scenario: Scenario;
  /** One a day. */
  deeds: readonly Deed[];
}

interface Lived {
  /** What the first message that stayed says can be done. */
  ways: readonly string[];
  advised: number;
}

/**
 * @param deeds one a day
 * @param choice which of the ways that the first message names
 * @returns undefined: nothing of it could be done
 */
async function live(
  household: Household,
  deeds: readonly Deed[],
  choice: number,
): Promise<Lived | undefined> {
  let done = 0;
  for (const { act, at } of deeds) {
    if (!act.applies(household)) continue;
    if (at === 0) household.byHand(() => act.does(household));
    await household.day({}, at, () => act.does(household));
    if (at === 0 || household.disturbed) done += 1;
  }
  if (done === 0) return undefined;
  for (let day = 2; day < PATIENCE; day += 1) await household.day();
  const { error } = (await household.day()).result ?? {};
  const lived = error ? await obey(household, error, choice) : { ways: [], advised: 0 };
  if (household.failing) return lived;
  household.checkServed();
  await household.day();
  return lived;
}

/** Does what the message says, and what the next ones say. */
async function obey(household: Household, first: RotationError, choice: number): Promise<Lived> {
  let error: RotationError | undefined = first;
  const ways = possible(first, household).map(({ name }) => name);
  let enrolls = false;
  for (let advised = 0; error; advised += 1) {
    const chosen: Advice | undefined = possible(error, household)[advised === 0 ? choice : 0];
    const stays = advised === ROUNDS ? 'stays, whatever is followed' : 'names neither a line nor a click';
    if (advised === ROUNDS || !chosen) {
      household.report('dead end', `${error.code} ${stays}: ${error.message}`);
      return { ways, advised };
    }
    let once: ReturnType<Advice['follow']>;
    household.byHand(() => {
      once = chosen.follow(household);
    });
    if (once === 'over') return { ways, advised: advised + 1 };
    household.world.time += MINUTE;
    enrolls ||= once === 'enroll';
    const today = await household.day(asked(once, enrolls));
    const next = today.result?.error ? today : await household.day();
    error = next.result?.error;
    if (!error) return { ways, advised: advised + 1 };
  }
  return { ways, advised: 0 };
}

function possible({ message }: RotationError, household: Household): Advice[] {
  return adviceIn(message, household).filter(({ name }) => name !== 'run again');
}

/** @param enrolls until it has succeeded */
function asked(once: ReturnType<Advice['follow']>, enrolls: boolean): Partial<DesiredState> {
  return { ...(once === 'force' ? { force: true } : {}), ...(enrolls ? { operation: 'enroll' } : {}) };
}

/** One starting state, what people do there, and each way that the message names. */
export async function explorePeople(
  code: Code,
  all: Materials,
  { scenario, deeds }: Life,
  tally: Tally,
): Promise<void> {
  let ways = 1;
  for (let choice = 0; choice < ways && !tally.enough; choice += 1) {
    const execution = new Execution(new World(scenario, all), code);
    const household = new Household(execution, scenario.start.holds.length);
    const lived = await live(household, deeds, choice);
    if (lived === undefined) {
      execution.close();
      return;
    }
    ways = lived.ways.length;
    tally.people += 1;
    tally.advised += lived.advised;
    keepAlways(execution);
    for (const residual of household.residuals)
      execution.invariants.residuals.push({ ...residual, at: 0, lasting: false });
    tally.add(execution, scenario, nameOfLife(deeds, lived.ways[choice]));
  }
}

function nameOfLife(deeds: readonly Deed[], way: string | undefined): string {
  const done = deeds.map(({ act, at }) => `${act.name}${at === 0 ? '' : ` at request ${at}`}`);
  return [...done, ...(way === undefined ? [] : [way])].join(', then ');
}

function keepAlways({ invariants }: Execution): void {
  const kept = invariants.violations.filter(({ invariant }) => ALWAYS.has(invariant));
  invariants.violations.splice(0, invariants.violations.length, ...kept);
  invariants.residuals.length = 0;
}
