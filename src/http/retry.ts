/** The one retry policy (Auth0: rate-limit headers; GitHub: retry-after). Written here, since it needs an injected clock
 *  and tells a request that may have landed from one that cannot: no library does both. */

import { RotationError } from '../errors.ts';
import type { Cancellation, Repeatable } from './service.ts';
import { type HttpResponse, NetworkError } from './wire.ts';

export interface Clock {
  /** Milliseconds since the epoch; never jumps. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal | undefined): Promise<void>;
  /** Between 0 and 1, for jitter. */
  random(): number;
  /** When the run must have stopped (well inside the lease after which the next one takes over). */
  deadline: number;
}

/** Told when an attempt got no answer and may have landed: it may still do so, whatever becomes of the next ones. */
export type OnUncertain = () => void;

export interface RetryOptions {
  repeatable: Repeatable;
  clock: Clock;
  serverNow: () => number;
  cancellation: Cancellation;
  onUncertain?: OnUncertain | undefined;
}

const ATTEMPTS = 5;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 60_000;

/** Repeats `attempt` while its outcome is passing; answers the last response, throws the last error. */
export async function retry(
  attempt: () => Promise<HttpResponse>,
  options: RetryOptions,
): Promise<HttpResponse> {
  for (let count = 1; ; count += 1) {
    const outcome = await settle(attempt);
    if (mayHaveLanded(outcome)) options.onUncertain?.();
    const response = outcome instanceof NetworkError ? undefined : outcome;
    if (count === ATTEMPTS || !mayRepeat(outcome, options.repeatable)) {
      if (response) return response;
      throw outcome;
    }
    await pause(response ? advisedDelay(response, options.serverNow()) : undefined, count, options);
  }
}

async function settle(attempt: () => Promise<HttpResponse>): Promise<HttpResponse | NetworkError> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof NetworkError) return error;
    throw error;
  }
}

function mayRepeat(outcome: HttpResponse | NetworkError, repeatable: Repeatable): boolean {
  if (outcome instanceof NetworkError) return repeatable === 'idempotent' || outcome.landed === 'no';
  if (isRateLimited(outcome)) return true;
  return repeatable === 'idempotent' && (outcome.status === 408 || outcome.status >= 500);
}

/** A gateway that gave up does not know what became of the request. */
function mayHaveLanded(outcome: HttpResponse | NetworkError): boolean {
  if (outcome instanceof NetworkError) return outcome.landed === 'unknown';
  return outcome.status === 408 || outcome.status === 502 || outcome.status === 504;
}

/** GitHub answers its limits with 403 too, told apart by retry-after or remaining 0 (docs/facts.md#github-rate-limits). */
function isRateLimited({ status, headers }: HttpResponse): boolean {
  if (status === 429) return true;
  return status === 403 && (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0');
}

/** Milliseconds that the server asks for: Retry-After (seconds or a date), else X-RateLimit-Reset (Unix seconds). */
function advisedDelay({ status, headers }: HttpResponse, serverNow: number): number | undefined {
  const after = headers['retry-after'];
  if (after !== undefined) {
    const wait = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - serverNow;
    if (Number.isFinite(wait)) return Math.max(0, wait);
  }
  const reset = Number(headers['x-ratelimit-reset']);
  const limited = status === 429 || status === 403;
  return limited && headers['x-ratelimit-reset'] && Number.isFinite(reset)
    ? Math.max(0, reset * 1000 - serverNow)
    : undefined;
}

async function pause(
  advised: number | undefined,
  count: number,
  { clock, cancellation }: RetryOptions,
): Promise<void> {
  const backoff = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (count - 1));
  // Jitter only ever adds: a server that names a time means "not before".
  const delay = (advised ?? backoff) + backoff * 0.25 * clock.random();
  if (clock.now() + delay > clock.deadline) throw deadlineExceeded();
  await sleep(clock, delay, cancellation);
}

/** Sleeps unless the run is cancelled. @throws RotationError CANCELLED */
export async function sleep(clock: Clock, delay: number, cancellation: Cancellation): Promise<void> {
  try {
    await clock.sleep(delay, cancellation.signal);
  } catch (error) {
    cancellation.check();
    throw error;
  }
}

export function deadlineExceeded(): RotationError {
  return new RotationError('DEADLINE_EXCEEDED', {
    failed: 'The run did not finish within 10 minutes and stopped itself.',
    remedy: 'Look for a slow or rate-limited service in the debug log, then start the workflow again.',
  });
}
