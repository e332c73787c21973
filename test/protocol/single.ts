/** One run, every request of it, every fault, alone or with a second one; then the next runs must heal (L1). */

import type { Actor, Code, Parked } from './actor.ts';
import { faultsOn, nameOfStrikes, type Strike, Strikes } from './faults.ts';
import { Healed, heal } from './heal.ts';
import type { Materials } from './materials.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import type { Tally } from './tally.ts';
import type { Truth } from './truth.ts';
import { type Played, type Twice, TwoFaults } from './twice.ts';
import { World } from './world.ts';

/**
 * Lets one run go to its end, whatever strikes it.
 * @param before told of each request before it is let go
 * @returns its requests
 */
export async function play(
  execution: Execution,
  actor: Actor,
  strikes: readonly Strike[] = [],
  before: (parked: Parked) => void = () => undefined,
): Promise<Parked[]> {
  const requests: Parked[] = [];
  const striking = new Strikes(strikes);
  await execution.drain();
  while (actor.live) {
    const [parked] = actor.parked;
    if (parked) {
      if (parked.index > 0) requests.push(parked);
      for (const late of striking.landing()) execution.landLate(late);
      before(parked);
      execution.release(parked, striking.on(parked));
    } else if (!execution.wake(actor)) throw new Error('a run is neither at work nor asleep');
    await execution.drain();
  }
  while (execution.lateCount > 0) execution.landLate();
  return requests;
}

/** All faults of all requests of one scenario; with `twice` those that two faults begin with, and the pairs. */
export async function exploreSingle(
  code: Code,
  all: Materials,
  scenario: Scenario,
  tally: Tally,
  healed = new Healed(),
  twice?: Twice,
): Promise<void> {
  const clean = new Execution(new World(scenario, all), code);
  const before = printed(clean.invariants.now);
  const actor = clean.start('A');
  const requests = await play(clean, actor);
  const played = playedBy(clean, actor, requests);
  tally.begin(scenario);
  const { result } = actor;
  const refused = result?.error !== undefined && result.plan === undefined;
  if (refused) {
    tally.refused += 1;
    if (printed(clean.world.truth()) !== before)
      clean.invariants.report('refusal', `${result?.error?.code} has changed something`);
    if (result?.error?.code !== 'ROTATION_IN_PROGRESS') return tally.add(clean, scenario, 'refused');
  }
  await heal(clean, healed, scenario, refused || isHopeless(scenario));
  tally.add(clean, scenario, nameOfStrikes([]));
  const faults = new FaultSearch(code, all, scenario, tally, healed, twice);
  await faults.strikeEach([], played);
}

/** JSON shows nothing of a map. */
function printed({ pool, ...truth }: Truth): string {
  return JSON.stringify({ ...truth, pool: [...pool] });
}

class FaultSearch {
  readonly #code: Code;
  readonly #all: Materials;
  readonly #scenario: Scenario;
  readonly #tally: Tally;
  readonly #healed: Healed;
  readonly #two: TwoFaults | undefined;

  constructor(
    code: Code,
    all: Materials,
    scenario: Scenario,
    tally: Tally,
    healed: Healed,
    twice: Twice | undefined,
  ) {
    this.#code = code;
    this.#all = all;
    this.#scenario = scenario;
    this.#tally = tally;
    this.#healed = healed;
    this.#two = twice && new TwoFaults(twice);
  }

  /** @param so how the run goes with these strikes alone */
  async strikeEach(strikes: readonly Strike[], so: Played): Promise<void> {
    const [first] = strikes;
    for (const strike of so.requests.flatMap((request) => this.#strikesOn(request))) {
      if (first && strike.at <= first.at) continue;
      if (this.#tally.enough) return;
      if (!this.#two?.leavesOut(strike, first, so)) await this.#explore([...strikes, strike], so);
    }
  }

  #strikesOn({ index: at, request }: Parked): Strike[] {
    return faultsOn(request, this.#scenario.method).map((fault) => ({ at, fault }));
  }

  async #explore(strikes: readonly Strike[], without: Played): Promise<void> {
    const scenario = this.#scenario;
    const execution = new Execution(new World(scenario, this.#all), this.#code);
    const struck = execution.start('A');
    const sent = await play(execution, struck, strikes);
    const so = playedBy(execution, struck, sent);
    judge(execution, strikes, so, without);
    if (strikes.length === 1) this.#tally.faults += 1;
    else this.#tally.pairsOfFaults += 1;
    if (!strikes.some(({ fault }) => fault.outside))
      await heal(execution, this.#healed, scenario, isHopeless(scenario));
    this.#tally.add(execution, scenario, nameOfStrikes(strikes));
    if (this.#two && strikes.length === 1) await this.strikeEach(strikes, so);
  }
}

function isHopeless({ tenant }: Scenario): boolean {
  return tenant === 'binds nothing';
}

function playedBy(execution: Execution, actor: Actor, requests: readonly Parked[]): Played {
  return {
    requests,
    trace: [...execution.trace],
    message: actor.result?.error?.message ?? '',
    stateNow: actor.result?.error?.stateNow ?? '',
    isUndone: actor.result?.error !== undefined && actor.result.error.code !== 'DELIVERY_INCOMPLETE',
    succeeded: actor.succeeded,
    left: execution.invariants.leftBy(actor),
  };
}

/** A fault that passes neither makes a run fail nor keeps one that fails from taking back what it has made. */
export function judge(
  { invariants }: Execution,
  strikes: readonly Strike[],
  so: Played,
  without: Played,
): void {
  if (!strikes.at(-1)?.fault.passes || so.succeeded) return;
  if (without.succeeded && strikes.every(({ fault }) => fault.passes))
    invariants.report('passing', `the run fails: ${so.message}`);
  // What may have been stored stays.
  if (so.isUndone && so.left > without.left)
    invariants.report('passing', 'what the failed run has made is not removed');
}
