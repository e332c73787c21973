/** Two runs of the same owner at once, without a concurrency group: schedules by depth-first search, and by chance (of three, too). */

import { seededRandom } from '../emulators/emulator.ts';
import type { Actor, Code } from './actor.ts';
import { Healed, heal } from './heal.ts';
import { digestOf, History } from './history.ts';
import type { Materials } from './materials.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

export interface Pairing {
  name: string;
  scenario: Scenario;
  /** What a run is asked for, where it differs from the scenario. */
  first?: Parameters<Execution['start']>[1];
  second?: Parameters<Execution['start']>[1];
  /** The second begins when it is first scheduled, and reads `current-credential` then. */
  later?: boolean;
}

export interface Bounds {
  preemptions: number;
  crashes: number;
}

/** What may happen next, other than that the run at work goes on. */
type Choice =
  | { kind: 'run'; actor: number }
  | { kind: 'wake'; actor: number }
  | { kind: 'crash'; actor: number };

/** A departure from the default at one decision of an execution. */
interface Departure {
  at: number;
  choice: Choice;
}

interface Branch extends Departure {
  left: Bounds;
}

/** Explores every schedule within the bounds; schedules that differ in nothing that a run can see count once. */
export async function explorePairs(
  code: Code,
  all: Materials,
  pairing: Pairing,
  bounds: Bounds,
  tally: Tally,
  healed = new Healed(),
): Promise<void> {
  const seen = new Map<string, Bounds[]>();
  const work: { departures: Departure[]; left: Bounds }[] = [{ departures: [], left: bounds }];
  for (let next = work.pop(); next; next = work.pop()) {
    const { departures, left } = next;
    const { execution, branches, cut } = await runSchedule(code, all, pairing, departures, left, seen);
    if (!cut) await heal(execution, healed, pairing.scenario, false);
    tally.schedules += 1;
    tally.crashes += departures.some(({ choice }) => choice.kind === 'crash') ? 1 : 0;
    tally.add(execution, pairing.scenario, `${pairing.name}: ${describe(departures)}`);
    for (const { at, choice, left: rest } of branches) {
      work.push({ departures: [...departures, { at, choice }], left: rest });
    }
    if (tally.enough) return;
  }
}

function describe(departures: readonly Departure[]): string {
  return (
    departures.map(({ at, choice }) => `${choice.kind} ${'AB'[choice.actor]} at ${at}`).join(', ') ||
    'one after the other'
  );
}

async function runSchedule(
  code: Code,
  all: Materials,
  pairing: Pairing,
  departures: readonly Departure[],
  left: Bounds,
  seen: Map<string, Bounds[]>,
) {
  const execution = new Execution(new World(pairing.scenario, all), code);
  const actors = startBoth(execution, pairing);
  const history = new History(execution);
  const branches: Branch[] = [];
  let current = 0;
  const lastAt = departures.at(-1)?.at ?? -1;
  await execution.drain();
  for (let at = 0; actors.some(({ live }) => live); at += 1) {
    const departure = departures.find((one) => one.at === at);
    if (at > lastAt) {
      const key = digestOf(history, actors, current);
      if (covered(seen, key, left)) return { execution, branches, cut: true };
      branches.push(...alternatives(actors, current, left).map((branch) => ({ ...branch, at })));
    }
    current = departure
      ? act(execution, actors, departure.choice, current)
      : goOn(execution, actors, current);
    await execution.drain();
  }
  return { execution, branches, cut: false };
}

function startBoth(execution: Execution, { first, second, later }: Pairing): [Actor, Actor] {
  const a = execution.start('A', first);
  return [a, later ? execution.startLater('B', second) : execution.start('B', second)];
}

/** Was it here before, with at least as much left to spend? */
function covered(seen: Map<string, Bounds[]>, key: string, left: Bounds): boolean {
  const before = seen.get(key) ?? [];
  if (before.some((one) => one.preemptions >= left.preemptions && one.crashes >= left.crashes)) return true;
  seen.set(key, [...before, left]);
  return false;
}

function canGo(actor: Actor | undefined): boolean {
  return actor?.live === true && actor.parked.length > 0;
}

/** Without a departure: whoever is at work goes on; else the other; else time passes. */
function goOn(execution: Execution, actors: readonly Actor[], current: number): number {
  const order = [current, 1 - current];
  const next = order.find((one) => canGo(actors[one]));
  if (next === undefined) {
    execution.wake();
    return current;
  }
  const parked = actors[next]?.parked[0];
  if (parked) execution.release(parked, { kind: 'answer' });
  return next;
}

function alternatives(actors: readonly Actor[], current: number, left: Bounds): Omit<Branch, 'at'>[] {
  const found: Omit<Branch, 'at'>[] = [];
  const other = 1 - current;
  const goes = canGo(actors[current]);
  const cost = goes ? 1 : 0;
  const preempted = { ...left, preemptions: left.preemptions - cost };
  if (preempted.preemptions >= 0 && goes) {
    if (canGo(actors[other])) found.push({ choice: { kind: 'run', actor: other }, left: preempted });
    else if (actors[other]?.live) found.push({ choice: { kind: 'wake', actor: other }, left: preempted });
  }
  if (left.crashes > 0) {
    const crashed = { ...left, crashes: left.crashes - 1 };
    for (const actor of [current, other])
      if (actors[actor]?.live) found.push({ choice: { kind: 'crash', actor }, left: crashed });
  }
  return found;
}

function act(execution: Execution, actors: readonly Actor[], choice: Choice, current: number): number {
  const actor = actors[choice.actor];
  if (!actor) return current;
  if (choice.kind === 'crash') execution.kill(actor);
  else if (choice.kind === 'wake') execution.wake(actor);
  else return goOn(execution, actors, choice.actor);
  return choice.kind === 'wake' ? choice.actor : current;
}

export interface Sample {
  pairing: Pairing;
  seed: number;
  /** A third run, which is asked for what one of the two is. */
  three: boolean;
}

/** One schedule by chance: any waiting request of any run, early awakenings, and at times a crash. */
export async function exploreSample(
  code: Code,
  all: Materials,
  { pairing, seed, three }: Sample,
  tally: Tally,
  healed = new Healed(),
): Promise<void> {
  const random = seededRandom(seed);
  const execution = new Execution(new World(pairing.scenario, all), code);
  const actors: Actor[] = startBoth(execution, pairing);
  if (three) actors.push(execution.start('C', pairing.second ?? pairing.first));
  const crashAt = random() < 0.4 ? Math.floor(random() * 60) : -1;
  await execution.drain();
  for (let at = 0; actors.some(({ live }) => live); at += 1) {
    const live = actors.filter((one) => one.live);
    const victim = live[Math.floor(random() * live.length)];
    if (at === crashAt && victim) execution.kill(victim);
    else step(execution, live, random);
    await execution.drain();
  }
  await heal(execution, healed, pairing.scenario, false);
  tally.samples += 1;
  tally.add(execution, pairing.scenario, `${pairing.name}${three ? ', and a third' : ''}: --seed ${seed}`);
}

function step(execution: Execution, live: readonly Actor[], random: () => number): void {
  const waiting = live.flatMap(({ parked }) => parked);
  const asleep = live.filter(({ parked, sleepers }) => parked.length === 0 && sleepers.size > 0);
  const early = asleep.length > 0 && random() < 0.15;
  const chosen = waiting[Math.floor(random() * waiting.length)];
  const kind = random() < 0.02 ? 'slow' : 'answer';
  if (chosen && !early) execution.release(chosen, { kind });
  else execution.wake(asleep[Math.floor(random() * asleep.length)]);
}
