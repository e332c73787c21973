/** What can go wrong with a request, and what follows of it for the next attempts. */

import type { HttpRequest } from '../../src/http/wire.ts';
import type { AuthenticationMethod } from '../../src/model/desired-state.ts';
import type { Delivery, Parked } from './actor.ts';

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
  /** With this method alone it changes anything. */
  only?: AuthenticationMethod;
  /** It is no half of a pair: it is a pair itself, or a run that meets it does what it does with another one of the list. */
  alone?: boolean;
  /** Of a pair it is the first half alone. */
  first?: boolean;
}

const RETRIES = 5;
const always = (delivery: Delivery): Delivery[] => Array.from({ length: RETRIES }, () => delivery);
const once = (delivery: Delivery): Delivery[] => [delivery];

const ON_READS: readonly Fault[] = [
  { name: 'refused 503', deliveries: always({ kind: 'refuse', status: 503 }), alone: true },
  { name: 'refused 403', deliveries: always({ kind: 'refuse', status: 403 }) },
  { name: 'crash', deliveries: once({ kind: 'crash before' }) },
  { name: 'answer lost', deliveries: always({ kind: 'lose' }) },
  { name: 'answer unreadable', deliveries: once({ kind: 'unreadable' }) },
  { name: 'slow', deliveries: once({ kind: 'slow' }), passes: true, alone: true },
  { name: 'asked to wait until its time is over', deliveries: once({ kind: 'wait' }), first: true },
  { name: 'cancelled', deliveries: once({ kind: 'cancel' }) },
  {
    name: 'a credential associated by hand',
    deliveries: once({ kind: 'by hand' }),
    outside: true,
    alone: true,
  },
  {
    name: 'its subject taken by hand',
    deliveries: once({ kind: 'taken' }),
    only: 'tls_client_auth',
    outside: true,
    first: true,
  },
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
    alone: true,
  },
  {
    name: 'connection lost, then refused',
    deliveries: [{ kind: 'drop' }, ...always({ kind: 'refuse', status: 403 })],
    alone: true,
  },
  { name: 'answer lost, then cancelled', deliveries: [{ kind: 'lose' }, { kind: 'cancel' }], alone: true },
];
const LANDINGS: readonly number[] = [1, 2, 3, 5, 8, Number.POSITIVE_INFINITY];
const LATE: readonly Fault[] = LANDINGS.map((landsAfter) => ({
  name: `lands ${Number.isFinite(landsAfter) ? `${landsAfter} requests` : 'a run'} late`,
  deliveries: once({ kind: 'late' }),
  landsAfter,
  passes: true,
  alone: ![1, 2, Number.POSITIVE_INFINITY].includes(landsAfter),
}));
/** Late, and every retry fails: the run gives up before it lands. */
const LATE_AND_GIVEN_UP: Fault = {
  name: 'lands when given up',
  deliveries: [{ kind: 'late' }, ...always({ kind: 'drop' }).slice(1)],
  landsAfter: Number.POSITIVE_INFINITY,
  alone: true,
};

/** Late, and the retry is refused: the run undoes before it lands. */
const LATE_AND_REFUSED: readonly Fault[] = [1, 3, 4, 5, Number.POSITIVE_INFINITY].map((landsAfter) => ({
  name: `refused, and lands ${Number.isFinite(landsAfter) ? `${landsAfter} requests` : 'a minute'} late`,
  deliveries: [{ kind: 'late' }, ...always({ kind: 'refuse', status: 403 })],
  landsAfter,
  alone: true,
}));

/** @param used the method that the client authenticates by */
export function faultsOn({ method }: Pick<HttpRequest, 'method'>, used: AuthenticationMethod): Fault[] {
  const all = method === 'GET' ? ON_READS : [...ON_WRITES, ...LATE, LATE_AND_GIVEN_UP, ...LATE_AND_REFUSED];
  return all.filter(({ only }) => only === undefined || only === used);
}

/** A fault at the n-th request of a run. */
export interface Strike {
  at: number;
  fault: Fault;
}

export function nameOfStrikes(strikes: readonly Strike[]): string {
  return strikes.map(({ at, fault }) => `${fault.name} at request ${at}`).join(', then ') || 'no fault';
}

/** Carries strikes out: what becomes of each request. */
export class Strikes {
  readonly #all: readonly Striking[];

  constructor(strikes: readonly Strike[]) {
    // At the retry of a request two may strike: then the later one does.
    this.#all = strikes.map((strike) => new Striking(strike)).reverse();
  }

  /** Before each request. @returns what was late and lands now */
  landing(): HttpRequest[] {
    return this.#all.flatMap((one) => one.landing() ?? []);
  }

  on(parked: Parked): Delivery {
    for (const one of this.#all) {
      const delivery = one.on(parked);
      if (delivery) return delivery;
    }
    return { kind: 'answer' };
  }
}

class Striking {
  readonly #strike: Strike;
  #struck: string | undefined;
  #attempt = 0;
  #late: HttpRequest | undefined;
  #landing = Number.POSITIVE_INFINITY;

  constructor(strike: Strike) {
    this.#strike = strike;
  }

  landing(): HttpRequest | undefined {
    this.#landing -= 1;
    return this.#landing === 0 ? this.#late : undefined;
  }

  /** @returns undefined where it has nothing to do with this request any more, or not yet */
  on(parked: Parked): Delivery | undefined {
    const { at, fault } = this.#strike;
    const strikes = parked.index === at || this.#struck === keyOf(parked);
    const delivery = strikes ? fault.deliveries[this.#attempt] : undefined;
    if (!delivery) return undefined;
    this.#struck = keyOf(parked);
    this.#attempt += 1;
    if (delivery.kind === 'late') {
      this.#late = parked.request;
      this.#landing = fault.landsAfter ?? this.#landing;
    }
    return delivery;
  }
}

function keyOf({ request }: Parked): string {
  return `${request.method} ${request.url} ${request.body ?? ''}`;
}
