/** Paces the requests to a service, so that they wait instead of exceeding a rate limit. */

import { type Cancellation, deadlineExceeded, sleep, type Waiting } from './clock.ts';
import { advisedDelay } from './retry.ts';
import type { HttpRequest, HttpResponse } from './wire.ts';

/** Shared by all senders to one service. */
export interface Pace {
  /**
   * Resolves when the request may be sent. The caller calls the returned function once, with the response if there is one.
   * @throws RotationError CANCELLED, DEADLINE_EXCEEDED if the request must not be sent
   */
  turn(request: HttpRequest, waiting: Waiting): Promise<(response?: HttpResponse) => void>;
}

/** How often a waiting request checks again, in milliseconds, since the response to another request may shorten the wait. */
const CHECK_INTERVAL = 25;

/** Serves callers in the order of their arrival. */
class Line {
  #last: Promise<void> = Promise.resolve();

  /** @returns a function that lets the next one in */
  async enter(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return resolve;
  }
}

/** Waits. @param left returns the remaining milliseconds, and is called repeatedly @throws RotationError CANCELLED, DEADLINE_EXCEEDED */
async function waitWhile(left: () => number, { clock, cancellation }: Waiting): Promise<void> {
  for (let wait = left(); wait > 0; wait = left()) {
    if (clock.now() + wait > cancellation.deadline) throw deadlineExceeded();
    await sleep(clock, Math.max(1, Math.min(wait, CHECK_INTERVAL)), cancellation);
  }
  // The run may have been cancelled while others were served.
  cancellation.check();
}

/**
 * Paces requests to Auth0's Management API, whose headers `x-ratelimit-limit`, `-remaining` and `-reset` show its token buckets
 * (docs/facts.md#auth0-rate-limits).
 */
export class SharedBudget implements Pace {
  readonly #line = new Line();
  readonly #buckets = new Map<number, Bucket>();
  /**
   * By kind of request. An Auth0 plan may have separate buckets for some requests (rate-limit-configurations), and their sizes
   * distinguish them. undefined: the last response named none.
   */
  readonly #bucketOf = new Map<string, Bucket | undefined>();
  #latest: Bucket | undefined = new Bucket(SMALLEST);

  /** How many requests may be sent at once. undefined before the first response with rate-limit headers. */
  get burst(): number | undefined {
    return this.#buckets.size === 0 ? undefined : Math.min(...this.#buckets.keys());
  }

  /** How many requests may be sent within this time, in milliseconds. undefined as for `burst`. */
  within(milliseconds: number): number | undefined {
    if (this.#buckets.size === 0) return undefined;
    return Math.min(...[...this.#buckets.values()].map((bucket) => bucket.within(milliseconds)));
  }

  async turn(request: HttpRequest, waiting: Waiting): Promise<(response?: HttpResponse) => void> {
    const { clock } = waiting;
    const kind = kindOf(request);
    const bucket = () => (this.#bucketOf.has(kind) ? this.#bucketOf.get(kind) : this.#latest);
    const next = await this.#line.enter();
    try {
      await waitWhile(() => bucket()?.wait(clock.now()) ?? 0, waiting);
      const taken = bucket();
      taken?.take(clock.now());
      return (response) => {
        taken?.landed();
        if (response) this.#observe(kind, response, clock.now());
      };
    } finally {
      next();
    }
  }

  #observe(kind: string, { headers, status }: HttpResponse, now: number): void {
    const [limit, remaining, resetAt] = ['limit', 'remaining', 'reset'].map((name) =>
      Number.parseInt(headers[`x-ratelimit-${name}`] ?? '', 10),
    );
    const isKnown = limit !== undefined && limit > 0 && remaining !== undefined && remaining >= 0;
    const bucket = isKnown ? (this.#buckets.get(limit) ?? new Bucket(limit)) : undefined;
    if (isKnown && bucket) {
      this.#buckets.set(limit, bucket);
      // The response is new, so its Date header is the current time by the service's clock.
      const until = Number(resetAt) * 1000 - Date.parse(headers.date ?? '');
      const reset = Number.isFinite(until) ? Math.max(until, 0) : LONGEST_RESET;
      bucket.observe({ remaining, reset, took: status === 429 ? 0 : 1 }, now);
    }
    this.#bucketOf.set(kind, bucket);
    this.#latest = bucket;
  }
}

/** The assumed burst before the first response. It is the smallest that Auth0 documents (rate-limit-configurations). */
const SMALLEST = 2;
/** The longest wait, and the wait if a response does not say when there are tokens again, in milliseconds. */
const LONGEST_RESET = 60_000;
/** The shortest time to measure a rate, in milliseconds. Headers show whole tokens only, so a shorter time would be too inexact. */
const LONG_ENOUGH = 5_000;

function kindOf({ method, url }: HttpRequest): string {
  return `${method} ${new URL(url).pathname.replace(/\/(clients|credentials)\/[^/]+/g, '/$1/*')}`;
}

/** The rate-limit headers of a response. */
interface Seen {
  remaining: number;
  /** Milliseconds until the reset. */
  reset: number;
  /** Tokens that the request took. A refused request takes none. */
  took: 0 | 1;
}

/** A token bucket, as its responses show it. */
class Bucket {
  readonly #limit: number;
  #tokens: number;
  /** Local time of `#tokens`. */
  #at = 0;
  /** Tokens per millisecond. */
  #rate = 0;
  #isMeasured = false;
  /** Local time. Before the first response it is in the past, so that one request at a time may be sent once the tokens are used. */
  #resetAt = 0;
  #inFlight = 0;
  #sample: { at: number; remaining: number; taken: number } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
    this.#tokens = limit;
  }

  /** Milliseconds until the next request may be sent. */
  wait(now: number): number {
    const missing = 1 - this.#tokensAt(now);
    if (missing <= 0) return 0;
    // At the reset there is at least one token, whatever the estimate says.
    const reset = Math.max(this.#resetAt - now, this.#inFlight > 0 ? CHECK_INTERVAL : 0);
    return Math.min(missing / this.#rate, reset, LONGEST_RESET);
  }

  /** Tokens of a full bucket plus those that the measured rate adds. */
  within(milliseconds: number): number {
    return this.#limit + (this.#isMeasured ? this.#rate * milliseconds : 0);
  }

  take(now: number): void {
    this.#tokens = this.#tokensAt(now) - 1;
    this.#at = now;
    this.#inFlight += 1;
  }

  /** The request is no longer in flight. Its token stays taken. */
  landed(): void {
    this.#inFlight -= 1;
  }

  observe(seen: Seen, now: number): void {
    this.#measure(seen, now);
    // `remaining` may not include our requests in flight yet. It includes those of other senders.
    this.#tokens = seen.remaining - this.#inFlight;
    this.#at = now;
    this.#resetAt = now + seen.reset;
  }

  /**
   * Measures the rate over LONG_ENOUGH. Until then it is estimated as if the bucket were full at the reset. If the reset adds only one token,
   * as Auth0 documents (docs/facts.md#auth0-rate-limits), that rate is too high: until it is measured, Auth0 refuses some requests, which
   * are repeated. Too low a rate would keep requests waiting that Auth0 would accept.
   */
  #measure({ remaining, reset, took }: Seen, now: number): void {
    const sample = this.#sample;
    if (sample) sample.taken += took;
    if (!this.#isMeasured) this.#rate = (this.#limit - remaining) / Math.max(reset, CHECK_INTERVAL);
    if (sample && now - sample.at < LONG_ENOUGH) return;
    const gained = sample ? (remaining - sample.remaining + sample.taken) / (now - sample.at) : 0;
    this.#isMeasured = gained > 0;
    if (gained > 0) this.#rate = gained;
    this.#sample = { at: now, remaining, taken: 0 };
  }

  #tokensAt(now: number): number {
    return Math.min(this.#limit, this.#tokens + (now - this.#at) * this.#rate);
  }
}

/** Milliseconds between two writes. GitHub asks for sequential writes, a second apart (best-practices-for-using-the-rest-api). */
export const APART = 1_000;

/** A waiting write. The cancellation identifies its run. */
interface Turn {
  of: Cancellation;
}

/** Spaces the writes to GitHub. A client that has begun to write continues before others begin, so a crash leaves at most one delivery half done. */
export class SpacedWrites implements Pace {
  readonly #hurry: AbortSignal;
  /** In order of arrival. */
  readonly #waiting: Turn[] = [];
  #isBusy = false;
  #last: Cancellation | undefined;
  /** Local time before which no write may begin. */
  #notBefore = 0;

  /** @param hurry once this signal aborts, writes no longer wait */
  constructor(hurry: AbortSignal) {
    this.#hurry = hurry;
  }

  async turn(request: HttpRequest, waiting: Waiting): Promise<(response?: HttpResponse) => void> {
    if (request.method === 'GET') return () => {};
    const { cancellation, clock } = waiting;
    const turn = { of: cancellation };
    this.#waiting.push(turn);
    try {
      await waitWhile(() => this.#left(turn, clock.now()), waiting);
      this.#isBusy = true;
      this.#last = turn.of;
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(turn), 1);
    }
    const began = clock.now();
    return (response) => {
      // A secondary rate limit applies to all runs. By the local clock a wait until a date is inexact; the retry itself goes by the server's.
      const after = (response && advisedDelay(response, clock.now())) ?? 0;
      this.#notBefore = Math.max(began + APART, after > 0 ? clock.now() + after : 0);
      this.#isBusy = false;
    };
  }

  #left(turn: Turn, now: number): number {
    const next = this.#waiting.find((one) => one.of === this.#last) ?? this.#waiting[0];
    if (this.#isBusy || turn !== next) return CHECK_INTERVAL;
    return this.#hurry.aborted ? 0 : this.#notBefore - now;
  }
}
