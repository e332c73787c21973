/** Two faults in one run: which pairs are tried. */

import { createHash } from 'node:crypto';
import type { Parked } from './actor.ts';
import type { Strike } from './faults.ts';
import type { Event } from './invariants.ts';

export interface Twice {
  /** Of all pairs every n-th one. */
  every: number;
}

/** How a run has gone. */
export interface Played {
  requests: readonly Parked[];
  trace: readonly Event[];
  message: string;
  stateNow: string;
  succeeded: boolean;
  isUndone: boolean;
  /** How many credentials it has left that no secret holds. */
  left: number;
}

/**
 * The bound of the search. Each fault at each request is followed by each fault at each later request that the run still sends.
 * So every pair is tried in one order, the retries of the first request included, and nothing follows a crash. Left out are
 * - faults that are two themselves, or make a run do the same as another fault of the list (`alone`);
 * - as the second one, what is no fault and only makes the next one worse (`first`);
 * - second faults in an equal rest of a run: both runs have written the same with the same answers, and without the second fault
 *   they send the same requests from there on and say the same in the end. They differ in reads alone.
 */
export class TwoFaults {
  readonly #every: number;
  readonly #seen = new Set<string>();

  constructor({ every }: Twice) {
    this.#every = every;
  }

  /** @param first undefined: the strike would be the first one @param so how the run has gone with the first one alone */
  leavesOut({ at, fault }: Strike, first: Strike | undefined, so: Played): boolean {
    if (fault.alone) return true;
    if (first === undefined) return false;
    if (fault.first) return true;
    const key = `${restFrom(at, so)} ${fault.name}`;
    // A read that a cancellation has cut off was never sent.
    if (this.#seen.has(key) || so.trace.every(({ index }) => index !== at)) return true;
    this.#seen.add(key);
    return this.#seen.size % this.#every !== 0;
  }
}

/** Half of a run's time. */
const LATE = 300_000;

/** What a run has written before a request, and what follows from there on; times count only as early or late. */
function restFrom(at: number, { stateNow, succeeded, trace }: Played): string {
  const index = trace.findIndex((event) => event.index === at);
  const isLate = (trace[index]?.time ?? 0) - (trace[0]?.time ?? 0) > LATE;
  const before = trace
    .slice(0, index)
    .filter(({ note, request }) => request.method !== 'GET' || note === 'taken')
    .map(printed);
  const after = trace.slice(index).map(printed);
  const said = stateNow.replace(/\d{4}-[\d:.TZ-]+/g, '…');
  const whole = JSON.stringify([isLate, before, after, succeeded, said]);
  return createHash('md5').update(whole).digest('base64');
}

function printed({ note, request, status }: Event): string {
  // Sealed boxes and assertions are never the same twice.
  const isUnique = request.method === 'PUT' || request.url.endsWith('/oauth/token');
  return `${request.method} ${request.url} ${isUnique ? '' : request.body} ${note} ${status}`;
}
