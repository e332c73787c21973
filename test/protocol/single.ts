/** One run, every request of it, every fault; then the next runs must heal (L1). */

import type { Actor, Code, Delivery, Parked } from './actor.ts';
import { Healed, heal } from './heal.ts';
import type { Materials } from './materials.ts';
import type { Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import type { Tally } from './tally.ts';
import { World } from './world.ts';

export interface Fault {
  name: string;
  /** By attempt at the same request, from 0; after its last one all goes well. */
  deliveries: readonly Delivery[];
  /** After how many further requests a late one lands; infinite: when the run has ended. */
  landsAfter?: number;
  /** Not a fault: what follows is no longer ours alone to heal. */
  outside?: boolean;
  /** It passes: a run that would have succeeded still does. */
  passes?: boolean;
}

const RETRIES = 5;
const always = (delivery: Delivery): Delivery[] => Array.from({ length: RETRIES }, () => delivery);
const once = (delivery: Delivery): Delivery[] => [delivery];

const ON_READS: readonly Fault[] = [
  { name: 'refused 503', deliveries: always({ kind: 'refuse', status: 503 }) },
  { name: 'refused 403', deliveries: always({ kind: 'refuse', status: 403 }) },
  { name: 'crash', deliveries: once({ kind: 'crash before' }) },
  { name: 'answer lost', deliveries: always({ kind: 'lose' }) },
  { name: 'slow', deliveries: once({ kind: 'slow' }), passes: true },
  { name: 'cancelled', deliveries: once({ kind: 'cancel' }) },
  { name: 'a credential associated by hand', deliveries: once({ kind: 'by hand' }), outside: true },
];
const ON_WRITES: readonly Fault[] = [
  ...ON_READS,
  { name: 'refused 500 once', deliveries: once({ kind: 'refuse', status: 500 }), passes: true },
  { name: 'refused 400', deliveries: always({ kind: 'refuse', status: 400 }) },
  { name: 'crash after it landed', deliveries: once({ kind: 'crash after' }) },
  { name: 'answer lost once', deliveries: once({ kind: 'lose' }), passes: true },
  { name: 'connection lost', deliveries: always({ kind: 'drop' }) },
  { name: 'connection lost once', deliveries: once({ kind: 'drop' }), passes: true },
  {
    name: 'answer lost, then refused',
    deliveries: [{ kind: 'lose' }, ...always({ kind: 'refuse', status: 403 })],
  },
  {
    name: 'connection lost, then refused',
    deliveries: [{ kind: 'drop' }, ...always({ kind: 'refuse', status: 403 })],
  },
  { name: 'answer lost, then cancelled', deliveries: [{ kind: 'lose' }, { kind: 'cancel' }] },
];
export const LANDINGS: readonly number[] = [1, 2, 3, 5, 8, Number.POSITIVE_INFINITY];
const LATE: readonly Fault[] = LANDINGS.map((landsAfter) => ({
  name: `lands ${Number.isFinite(landsAfter) ? `${landsAfter} requests` : 'a run'} late`,
  deliveries: once({ kind: 'late' }),
  landsAfter,
}));
/** Late, and every retry fails: the run gives up before it lands. */
const LATE_AND_GIVEN_UP: Fault = {
  name: 'lands when given up',
  deliveries: [{ kind: 'late' }, ...always({ kind: 'drop' }).slice(1)],
  landsAfter: Number.POSITIVE_INFINITY,
};

/** Late, and the retry is refused: the run undoes before it lands. */
const LATE_AND_REFUSED: readonly Fault[] = [1, 3, 4, 5, Number.POSITIVE_INFINITY].map((landsAfter) => ({
  name: `refused, and lands ${Number.isFinite(landsAfter) ? `${landsAfter} requests` : 'a minute'} late`,
  deliveries: [{ kind: 'late' }, ...always({ kind: 'refuse', status: 403 })],
  landsAfter,
}));

export function faultsOn(method: string): readonly Fault[] {
  return method === 'GET' ? ON_READS : [...ON_WRITES, ...LATE, LATE_AND_GIVEN_UP, ...LATE_AND_REFUSED];
}

/** Where a fault strikes, and what it does to each attempt. */
class Strike {
  readonly #at: number;
  readonly #fault: Fault | undefined;
  #struck: string | undefined;
  #attempt = 0;
  #landing = Number.POSITIVE_INFINITY;

  constructor(at: number, fault: Fault | undefined) {
    this.#at = at;
    this.#fault = fault;
  }

  /** Is it time for what is late to land? */
  isDue(): boolean {
    this.#landing -= 1;
    return this.#landing <= 0;
  }

  on(parked: Parked): Delivery {
    const strikes = parked.index === this.#at || this.#struck === keyOf(parked);
    const delivery = strikes ? this.#fault?.deliveries[this.#attempt] : undefined;
    if (!delivery) return { kind: 'answer' };
    this.#struck = keyOf(parked);
    this.#attempt += 1;
    if (delivery.kind === 'late') this.#landing = this.#fault?.landsAfter ?? this.#landing;
    return delivery;
  }
}

/**
 * Lets one run go to its end, with a fault at its n-th request.
 * @param before told of each request before it is let go
 * @returns the methods of its requests
 */
export async function play(
  execution: Execution,
  actor: Actor,
  at = 0,
  fault?: Fault,
  before: (parked: Parked) => void = () => undefined,
): Promise<string[]> {
  const methods: string[] = [];
  const strike = new Strike(at, fault);
  await execution.drain();
  while (actor.live) {
    const [parked] = actor.parked;
    if (parked) {
      if (parked.index > 0) methods.push(parked.request.method);
      if (strike.isDue()) execution.landLate();
      before(parked);
      execution.release(parked, strike.on(parked));
    } else if (!execution.wake(actor)) throw new Error('a run is neither at work nor asleep');
    await execution.drain();
  }
  while (execution.lateCount > 0) execution.landLate();
  return methods;
}

function keyOf({ request }: Parked): string {
  return `${request.method} ${request.url} ${request.body ?? ''}`;
}

/** All faults of all requests of one scenario. */
export async function exploreSingle(
  code: Code,
  all: Materials,
  scenario: Scenario,
  tally: Tally,
  healed = new Healed(),
): Promise<void> {
  const clean = new Execution(new World(scenario, all), code);
  const before = JSON.stringify(clean.invariants.now);
  const actor = clean.start('A');
  const methods = await play(clean, actor);
  tally.begin(scenario);
  const { result } = actor;
  const refused = result?.error !== undefined && result.plan === undefined;
  if (refused) {
    tally.refused += 1;
    if (JSON.stringify(clean.world.truth()) !== before)
      clean.invariants.report('refusal', `${result?.error?.code} has changed something`);
    if (result?.error?.code !== 'ROTATION_IN_PROGRESS') return tally.add(clean, scenario, 'refused');
  }
  const hopeless = scenario.tenant === 'binds nothing';
  await heal(clean, healed, scenario, refused || hopeless);
  tally.add(clean, scenario, 'no fault');
  for (const [index, method] of methods.entries()) {
    for (const fault of faultsOn(method)) {
      if (tally.enough) return;
      await exploreFault(index + 1, fault);
    }
  }

  async function exploreFault(at: number, fault: Fault): Promise<void> {
    const execution = new Execution(new World(scenario, all), code);
    const struck = execution.start('A');
    await play(execution, struck, at, fault);
    tally.faults += 1;
    if (fault.passes && actor.succeeded && struck.result?.error)
      execution.invariants.report('passing', `the run fails: ${struck.result.error.message}`);
    if (!fault.outside) await heal(execution, healed, scenario, hopeless);
    tally.add(execution, scenario, `${fault.name} at request ${at}`);
  }
}
