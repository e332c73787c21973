/** Reads of Auth0 that lag behind its writes: for some seconds they show what was there before one of them. */

import type { Code, Parked } from './actor.ts';
import type { Fault } from './faults.ts';
import { Healed, heal } from './heal.ts';
import type { Materials } from './materials.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { play } from './single.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

export interface Lag {
  /** Auth0's time of the state that is shown, the last one before the write. */
  shows: number;
  /** World's time at which all reads agree again. */
  until: number;
  pattern: Pattern;
  /** Reads so far. */
  reads: number;
}

/**
 * `every read`: one replica that is behind; `old first` and `new first`: each other read meets one; `client` and `pool`: only
 * reads of that record are behind.
 */
export type Pattern = (typeof PATTERNS)[number];
export const PATTERNS = ['every read', 'old first', 'new first', 'client', 'pool'] as const;

/** @returns when that was the state which this read shows; undefined: now */
export function asOf(lag: Lag | undefined, path: string, time: number): number | undefined {
  if (!lag || time >= lag.until) return undefined;
  lag.reads += 1;
  const isPool = path.endsWith('/credentials');
  const isOld = {
    'every read': true,
    'old first': lag.reads % 2 === 1,
    'new first': lag.reads % 2 === 0,
    client: !isPool,
    pool: isPool,
  };
  return isOld[lag.pattern] ? lag.shows : undefined;
}

/** Below what a run waits for (src/http/poll.ts). */
const LAGS = [2_000, 10_000] as const;
/** The run must undo although it does not see what it has done. */
const UNDOING: readonly Fault[] = [
  { name: 'cancelled', deliveries: [{ kind: 'cancel' }] },
  { name: 'refused 400', deliveries: [{ kind: 'refuse', status: 400 }] },
];

interface Lagging {
  /** The write after which reads lag. */
  at: number;
  pattern: Pattern;
  milliseconds: number;
}

/** Each write of a run, with every lag after it, and with a failure while it lasts. */
export async function exploreLags(
  code: Code,
  all: Materials,
  scenario: Scenario,
  tally: Tally,
  healed = new Healed(),
): Promise<void> {
  for (const lag of await lagsOf(code, all, scenario)) {
    const { at, pattern } = lag;
    const length = await under(lag);
    // A part of the reads alone hides no more from an undo.
    if (pattern !== 'every read' && pattern !== 'old first') continue;
    for (let failsAt = at + 1; failsAt <= length; failsAt += 1)
      for (const fault of UNDOING) await under(lag, failsAt, fault);
  }

  async function under(lag: Lagging, failsAt = 0, fault?: Fault): Promise<number> {
    if (tally.enough) return 0;
    const execution = new Execution(new World(scenario, all), code);
    const { invariants, world } = execution;
    const run = execution.start('A');
    const strikes = fault ? [{ at: failsAt, fault }] : [];
    const { length } = await play(execution, run, strikes, ({ index }) => {
      if (index === lag.at) world.beginLag(lag.pattern, lag.milliseconds);
    });
    tally.lags += 1;
    const { error } = run.result ?? {};
    if (error && !fault) invariants.report('lag', `the run fails: ${error.message}`);
    await heal(execution, healed, scenario, false);
    const failure = fault ? `, ${fault.name} at request ${failsAt}` : '';
    const told = `${lag.milliseconds / 1000} s, ${lag.pattern}`;
    tally.add(execution, scenario, `reads lag (${told}) after request ${lag.at}${failure}`);
    return length;
  }
}

/** Every lag after every write of a run that succeeds. */
async function lagsOf(code: Code, all: Materials, scenario: Scenario): Promise<Lagging[]> {
  const clean = new Execution(new World(scenario, all), code);
  const actor = clean.start('A');
  const writes: number[] = [];
  await play(clean, actor, [], ({ index, request }) => {
    if (isWrite(request)) writes.push(index);
  });
  clean.close();
  const lags = PATTERNS.flatMap((pattern) => LAGS.map((milliseconds) => ({ pattern, milliseconds })));
  return actor.succeeded ? writes.flatMap((at) => lags.map((lag) => ({ at, ...lag }))) : [];
}

function isWrite({ method, url }: Parked['request']): boolean {
  return method !== 'GET' && url.includes('/api/v2/');
}
