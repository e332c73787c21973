/** What went over the wire of a sandbox: the exchanges of all its services, in order. */
import type { EmulatorRequest } from './emulator.ts';
import type { Exchange } from './serve.ts';

export type Service = 'auth0' | 'edge' | 'github';

/** Who asked: the program under test, the edge on its behalf, or the sandbox's own consumers and checks. */
export type Caller = 'client' | 'edge' | 'sandbox';

/** The sandbox's own requests begin their `user-agent` with this: they are not counted, and meet no faults. */
export const SANDBOX_AGENT = 'sandbox-';

export interface Arrival {
  service: Service;
  caller: Caller;
  /** `auth0 GET /api/v2/clients/{client}` */
  line: string;
  request: EmulatorRequest;
  /** Places in the one order of all arrivals and answers. */
  began: number;
  ended: number | undefined;
  /** Milliseconds since the first arrival. */
  atMs: number;
  exchange: Exchange | undefined;
}

export interface TrafficEvent {
  phase: 'arrived' | 'answered';
  /** How many requests of the program under test have arrived (or were answered), this one included. */
  count: number;
  arrival: Arrival;
}

export type Watcher = (event: TrafficEvent) => void;

/** Where the identifiers stand in a path, and what they are called in a line. */
const IDENTIFIERS: readonly [RegExp, string][] = [
  [/(?<=\/api\/v2\/clients\/)[^/?]+/, 'client'],
  [/(?<=\/credentials\/)[^/?]+/, 'credential'],
];

export function callerOf({ headers }: Pick<EmulatorRequest, 'headers'>): Caller {
  // First, since the edge passes the user agent on: what it asks for the sandbox is the sandbox's as well.
  if (headers['user-agent']?.startsWith(SANDBOX_AGENT)) return 'sandbox';
  return headers['cname-api-key'] === undefined ? 'client' : 'edge';
}

export class Transcript {
  #arrivals: Arrival[] = [];
  /** By the request's own headers object, which is what a request and its exchange have in common. */
  readonly #open = new WeakMap<object, Arrival>();
  readonly #names = new Map<string, string>();
  readonly #watchers = new Set<Watcher>();
  /** One process serves all: its own counter orders events that share a millisecond. */
  #clock = 0;
  #start: number | undefined;

  arrived(service: Service, request: EmulatorRequest): void {
    const now = performance.now();
    this.#start ??= now;
    const arrival: Arrival = {
      service,
      caller: callerOf(request),
      line: `${service} ${request.method} ${this.#named(request.path)}`,
      request,
      began: this.#tick(),
      ended: undefined,
      atMs: Math.round(now - this.#start),
      exchange: undefined,
    };
    this.#arrivals.push(arrival);
    this.#open.set(request.headers, arrival);
    this.#tell('arrived', arrival);
  }

  answered(exchange: Exchange): void {
    const arrival = this.#open.get(exchange.requestHeaders);
    if (arrival === undefined) return;
    arrival.ended = this.#tick();
    arrival.exchange = exchange;
    this.#tell('answered', arrival);
  }

  /** Calls back at every event of the program under test until the function it returns is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** In order of arrival. */
  arrivals(caller?: Caller): readonly Arrival[] {
    return this.#arrivals.filter((arrival) => caller === undefined || arrival.caller === caller);
  }

  /** The exchanges that have ended, in order of arrival. */
  exchanges(caller?: Caller): readonly Exchange[] {
    return this.arrivals(caller).flatMap(({ exchange }) => exchange ?? []);
  }

  /** The program's requests, e.g. `auth0 GET /api/v2/clients/{client}`; identifiers are named as they appear. */
  requests(): string[] {
    return this.arrivals('client').map(({ line }) => line);
  }

  count(service?: Service): number {
    return this.arrivals('client').filter((arrival) => service === undefined || arrival.service === service)
      .length;
  }

  /** Requests on the critical path: the longest chain in which each began after the one before it had ended. */
  roundTrips(): number {
    const ended = this.arrivals('client').filter(({ ended }) => ended !== undefined);
    const byEnd = ended.toSorted((a, b) => (a.ended ?? 0) - (b.ended ?? 0));
    let length = 0;
    let last = -1;
    for (const { began, ended: end = 0 } of byEnd) {
      if (began < last) continue;
      length += 1;
      last = end;
    }
    return length;
  }

  /** For people: one line a request, what the edge asked Auth0 indented below. */
  render({ sandbox = false } = {}): string {
    const shown = this.#arrivals.filter(({ caller }) => sandbox || caller !== 'sandbox');
    return shown.map(rendered).join('\n');
  }

  /** Forgets all, names included. */
  clear(): void {
    this.#arrivals = [];
    this.#names.clear();
    this.#start = undefined;
  }

  #tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  #tell(phase: TrafficEvent['phase'], arrival: Arrival): void {
    if (arrival.caller !== 'client') return;
    const seen = this.arrivals('client');
    const count = phase === 'arrived' ? seen.length : seen.filter(({ ended }) => ended !== undefined).length;
    for (const watcher of [...this.#watchers]) watcher({ phase, count, arrival });
  }

  /** `{client}`, the next one `{client-2}`: stable for snapshots, and still tells two apart. */
  #named(path: string): string {
    let named = path;
    for (const [pattern, kind] of IDENTIFIERS) {
      named = named.replace(pattern, (id) => {
        const key = `${kind} ${id}`;
        const number = [...this.#names.keys()].filter((known) => known.startsWith(`${kind} `)).length + 1;
        const name = this.#names.get(key) ?? (number === 1 ? `{${kind}}` : `{${kind}-${number}}`);
        this.#names.set(key, name);
        return name;
      });
    }
    return named;
  }
}

function rendered({ caller, line, atMs, exchange }: Arrival): string {
  const time = `${atMs}`.padStart(6);
  const what = (caller === 'edge' ? `  └ ${line}` : line).padEnd(76);
  if (exchange === undefined) return `${time} ms  ${what}  …`;
  const status = exchange.status ?? 'dropped';
  const fault = exchange.fault === undefined ? '' : `  (fault: ${exchange.fault})`;
  return `${time} ms  ${what}  ${status}  ${exchange.durationMs} ms${fault}`;
}
