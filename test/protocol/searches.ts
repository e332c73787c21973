/** What is searched: all of it, and the quick part that every test run affords. */

import type { Code } from './actor.ts';
import { Healed } from './heal.ts';
import { exploreLags } from './lag.ts';
import { type Materials, materials } from './materials.ts';
import { HALF_A_DAY, otherPairings, pairings, rehearsing } from './pairings.ts';
import { type Bounds, explorePairs, exploreSample, type Pairing, type Sample } from './pairs.ts';
import { explorePeople, type Life } from './people.ts';
import { anyLives, lives } from './people-lives.ts';
import { allScenarios, type Scenario, scenario } from './scenarios.ts';
import { prepareWorlds } from './services.ts';
import { exploreSingle } from './single.ts';
import { exploreStale } from './stale.ts';
import { Tally } from './tally.ts';
import type { Twice } from './twice.ts';

export interface PairSearch {
  pairing: Pairing;
  bounds: Bounds;
}

export interface Plan {
  singles: ReturnType<typeof allScenarios>;
  /** Two faults in one run. */
  twice?: { scenarios: readonly Scenario[] } & Twice;
  pairs: readonly PairSearch[];
  /** Runs that are held up. */
  stale: ReturnType<typeof allScenarios>;
  /** Reads that lag. */
  lags: ReturnType<typeof allScenarios>;
  /** What people do. */
  people: readonly Life[];
  /** How many random schedules, and the first one's seed. */
  sample: number;
  seed: number;
}

/** One scenario of each shape that a run's writes can have. */
function laggards(): ReturnType<typeof allScenarios> {
  const force = false;
  return [
    ...['ours alone', 'settled', 'hand-made, held', 'abandoned, associated', 'nothing associated'].map(
      (name) => scenario(name),
    ),
    scenario('settled', { overlap: 0, poolCap: 4 }),
    scenario('settled', { force, overlap: 0 }),
    scenario('partly delivered', { current: false }),
    scenario('abandoned, no secret, hand-made', { method: 'tls_client_auth', renews: true }),
    scenario('settled', { binding: 'required' }),
    scenario('settled, bound', { binding: 'off', tenant: 'older binding', force }),
    scenario('no client', { operation: 'create', force }),
    scenario('no client', { operation: 'create', force, binding: 'required' }),
    scenario('client secret', { operation: 'enroll', force }),
    scenario('client secret', { operation: 'enroll', force, binding: 'required' }),
    scenario('left behind, private_key_jwt', { operation: 'enroll', force }),
    scenario('settled, bound', { operation: 'revert', force }),
    scenario('settled', { isManager: true, method: 'private_key_jwt' }),
  ];
}

/** For two faults: what a run writes, and takes back, in each of its ways. */
function twiceStruck(): Scenario[] {
  const force = false;
  const METHOD = 'tls_client_auth' as const;
  return [
    scenario('settled'),
    scenario('hand-made, held'),
    scenario('nothing associated'),
    scenario('ours alone', { overlap: 0, poolCap: 4 }),
    scenario('ours alone', { current: false }),
    scenario('ours alone', { parts: true }),
    scenario('ours alone', { revoke: true }),
    scenario('ours alone', { binding: 'required' }),
    scenario('ours alone', { method: METHOD }),
    scenario('ours alone', { operation: 'rehearse' }),
    scenario('ours alone', { isManager: true, method: 'private_key_jwt' }),
    scenario('settled', { method: METHOD, renews: true }),
    scenario('settled', { force, overlap: 0 }),
    scenario('settled, bound', { binding: 'off', tenant: 'older binding', force }),
    scenario('settled, bound', { operation: 'revert', force }),
    scenario('partly delivered', { force }),
    scenario('no client', { operation: 'create', force }),
    scenario('client secret', { operation: 'enroll', force }),
    scenario('client secret', { operation: 'enroll', force, binding: 'required' }),
    scenario('left behind, private_key_jwt', { operation: 'enroll', force }),
  ];
}

/** Every pair of faults, or every n-th one; the states are one of each kind. */
export function twicePlan(every: number): Plan {
  const none = { singles: [], pairs: [], stale: [], lags: [], people: [], sample: 0, seed: 1 };
  return { ...none, twice: { scenarios: twiceStruck(), every } };
}

export const PREEMPTED: Bounds = { preemptions: 3, crashes: 0 };
export const CRASHED: Bounds = { preemptions: 1, crashes: 1 };
/** Beyond what was asked for; it holds the admitted residual and its neighbours. */
export const BOTH: Bounds = { preemptions: 2, crashes: 1 };

export function fullPlan(sample: number, seed: number): Plan {
  const pairs = [...pairings(), ...rehearsing(), ...otherPairings()].flatMap((pairing) =>
    [PREEMPTED, CRASHED, BOTH].map((bounds) => ({ pairing, bounds })),
  );
  const stale = allScenarios().filter(({ start: { name } }) => name !== 'pending, young');
  return {
    singles: allScenarios(),
    pairs,
    stale,
    lags: laggards(),
    people: [...lives(), ...anyLives(sample, seed)],
    sample,
    seed,
  };
}

/** Every starting state once, and the pairs that have found something. */
export function quickPlan(sample: number, seed: number): Plan {
  const every = allScenarios();
  const rotations = every.filter(isPlain);
  const singles = rotations.filter(
    ({ overlap, parts, poolCap, force, current, start }, index) =>
      overlap === 'until-next-rotation' &&
      !parts &&
      poolCap === 2 &&
      force &&
      current === (index % 2 === 0 || start.holds.length > 1),
  );
  const extra = [
    scenario('settled', { overlap: 0 }),
    scenario('settled', { revoke: true }),
    scenario('settled', { isManager: true }),
    scenario('ours alone', { operation: 'rehearse' }),
    scenario('ours alone', { operation: 'rehearse', force: false, current: false }),
    scenario('hand-made, held', { operation: 'rehearse', current: false }),
    scenario('settled', { force: false, overlap: HALF_A_DAY }),
    scenario('hand-made, no secret', { parts: true, current: false }),
    scenario('partly delivered', { force: false }),
    scenario('settled, due', { force: false, poolCap: 4 }),
    scenario('settled', { propagation: 30_000 }),
  ];
  const chosen = pairings().filter(
    ({ scenario: { poolCap, current, start } }) => start.name === 'settled' && (poolCap === 2) === current,
  );
  const pairs = chosen.map((pairing) => ({ pairing, bounds: CRASHED }));
  const [first] = chosen;
  const deeper = first ? [{ pairing: first, bounds: BOTH }] : [];
  const others = every.filter(isSampled);
  const all = [...singles, ...extra, ...others];
  return {
    singles: all,
    pairs: [...pairs, ...deeper],
    stale: all,
    lags: laggards().filter((_, index) => index % 8 === 0),
    people: [],
    twice: { scenarios: twiceStruck().filter((_, index) => index % 4 === 0), every: 15 },
    sample,
    seed,
  };
}

/** Of those a sixth, and one pair: what every test run affords. */
export function briefPlan(sample: number, seed: number): Plan {
  const { singles, pairs, lags, twice: _, ...rest } = quickPlan(sample, seed);
  return {
    ...rest,
    singles: singles.filter((_, index) => index % 9 === 0),
    pairs: pairs.slice(0, 1),
    lags: lags.slice(0, 1),
  };
}

/** Of the other operations, and of the other wishes the states that they see differently; a rehearsal stands above. */
function isSampled(one: Scenario, index: number): boolean {
  if (one.operation === 'rehearse' || isPlain(one)) return false;
  return index % (one.operation === 'rotate' ? 61 : 13) === 0;
}

function isPlain({ method, operation, propagation, revoke, binding, isManager }: Scenario): boolean {
  const isUsual = method === 'self_signed_tls_client_auth' && operation === 'rotate';
  return isUsual && propagation === 0 && !revoke && binding === 'unchanged' && !isManager;
}

export async function search(
  code: Code,
  plan: Plan,
  tally = new Tally(),
  told: (line: string) => void = () => undefined,
): Promise<Tally> {
  const all = await materials();
  await prepareWorlds();
  const healed = new Healed();
  let done = 0;
  for (const explore of tasks(plan)) {
    if (tally.enough) return tally;
    await explore(code, all, tally, healed);
    done += 1;
    if (done % 50 === 0 || plan.twice) told(tally.line());
  }
  return tally;
}

type Task = (code: Code, all: Materials, tally: Tally, healed: Healed) => Promise<void>;

function* tasks({ singles, twice, pairs, stale, lags, people, sample, seed }: Plan): Generator<Task> {
  for (const one of singles) yield (code, all, tally, healed) => exploreSingle(code, all, one, tally, healed);
  for (const one of twice?.scenarios ?? [])
    yield (code, all, tally, healed) => exploreSingle(code, all, one, tally, healed, twice);
  for (const one of stale) yield (code, all, tally, healed) => exploreStale(code, all, one, tally, healed);
  for (const one of lags) yield (code, all, tally, healed) => exploreLags(code, all, one, tally, healed);
  for (const life of people) yield (code, all, tally) => explorePeople(code, all, life, tally);
  for (const { pairing, bounds } of pairs)
    yield (code, all, tally, healed) => explorePairs(code, all, pairing, bounds, tally, healed);
  for (let index = seed; index < seed + sample; index += 1) {
    const one = sampled(index);
    yield (code, all, tally, healed) => exploreSample(code, all, one, tally, healed);
  }
}

/** Two runs that rotate; every fourth time round three runs, of the other operations as well. */
function sampled(seed: number): Sample {
  const rotations = pairings();
  const three = Math.floor(seed / rotations.length) % 4 === 0;
  const known = three ? [...rotations, ...rehearsing(), ...otherPairings()] : rotations;
  const pairing = known[seed % known.length];
  if (!pairing) throw new Error(`no pairing for seed ${seed}`);
  return { pairing, seed, three };
}
