/** The only retry policy. It follows Auth0's rate-limit headers and GitHub's retry-after. No library both accepts an injected clock and
 *  distinguishes a request that may have landed from one that cannot have. */

import { RotationError } from '../errors.ts';
import { type Cancellation, type Clock, sleep } from './clock.ts';
import { isForeign } from './intercepted.ts';
import { isRateLimited } from './rate-limit.ts';
import { type HttpResponse, NetworkError } from './wire.ts';

/** `create` is for a POST that must not land twice. It is repeated only if it cannot have landed. */
export type Repeatable = 'idempotent' | 'create';

/** Called when an attempt got no answer and may have landed. It may still land later, whatever the next attempts do. */
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

/**
 * Repeats `attempt` while its outcome is transient and another attempt fits into the time of the run. Returns the last response or throws
 * the last error. If an error of the run itself ends the attempts, such as CANCELLED, and none of them can have done anything, its cause
 * is a NetworkError that says so.
 */
export async function retry(
  attempt: () => Promise<HttpResponse>,
  options: RetryOptions,
): Promise<HttpResponse> {
  let mayHaveActed = false;
  const remember = (outcome: Outcome) => {
    if (mayHaveLanded(outcome)) options.onUncertain?.();
    mayHaveActed ||= mayHaveLanded(outcome) || (!(outcome instanceof NetworkError) && outcome.status >= 500);
  };
  try {
    return await repeat(attempt, options, remember);
  } catch (error) {
    const isOfRun = error instanceof RotationError && error.cause === undefined;
    throw isOfRun && !mayHaveActed ? error.withCause(new NetworkError('NOT_SENT', 'no')) : error;
  }
}

async function repeat(
  attempt: () => Promise<HttpResponse>,
  options: RetryOptions,
  remember: (outcome: Outcome) => void,
): Promise<HttpResponse> {
  const { cancellation, clock, repeatable, serverNow } = options;
  for (let count = 1; ; count += 1) {
    const outcome = await outcomeOf(attempt);
    remember(outcome);
    const response = outcome instanceof NetworkError ? undefined : outcome;
    const delay = delayAfter(response && advisedDelay(response, serverNow()), count, clock);
    const isInTime = clock.now() + delay <= cancellation.deadline;
    if (count === ATTEMPTS || !isInTime || !isWorthRepeating(outcome, repeatable)) {
      if (response) return response;
      throw outcome;
    }
    await sleep(clock, delay, cancellation);
  }
}

type Outcome = HttpResponse | NetworkError;

async function outcomeOf(attempt: () => Promise<HttpResponse>): Promise<Outcome> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof NetworkError) return error;
    throw error;
  }
}

/** Whether another attempt may succeed, and can do no harm. */
function isWorthRepeating(outcome: Outcome, repeatable: Repeatable): boolean {
  if (outcome instanceof NetworkError)
    return !outcome.isLasting && (repeatable === 'idempotent' || outcome.landed === 'no');
  if (isRateLimited(outcome)) return true;
  return repeatable === 'idempotent' && (outcome.status === 408 || outcome.status >= 500);
}

/** A gateway timeout or an answer of something between does not show whether the service received the request. */
function mayHaveLanded(outcome: Outcome): boolean {
  if (outcome instanceof NetworkError) return outcome.landed === 'unknown';
  const { status } = outcome;
  return status === 408 || status === 502 || status === 504 || (status < 500 && isForeign(outcome));
}

/** The wait if a limit names no time, in milliseconds. GitHub says "wait for at least one minute", and the same value serves for Auth0. */
const DEFAULT_WAIT = 60_000;

/**
 * Milliseconds that the server asks to wait, by Retry-After (seconds or a date) or else X-RateLimit-Reset (Unix seconds). undefined: it
 * asks for no wait.
 */
export function advisedDelay(response: HttpResponse, serverNow: number): number | undefined {
  const { headers } = response;
  const after = headers['retry-after'];
  if (after !== undefined) {
    const wait = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - serverNow;
    if (Number.isFinite(wait)) return Math.max(0, wait);
  }
  if (!isRateLimited(response)) return undefined;
  // With requests remaining, it is one of GitHub's secondary limits, and the reset is that of the primary one
  // (docs/facts.md#github-rate-limits).
  const isSecondary = Number(headers['x-ratelimit-remaining']) > 0;
  const reset = Number(headers['x-ratelimit-reset'] || Number.NaN);
  return isSecondary || !Number.isFinite(reset) ? DEFAULT_WAIT : Math.max(0, reset * 1000 - serverNow);
}

/** Milliseconds until the next attempt. */
function delayAfter(advised: number | undefined, count: number, clock: Clock): number {
  const backoff = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (count - 1));
  // Jitter is never negative, since a server's time means "not before".
  return (advised ?? backoff) + backoff * 0.25 * clock.random();
}
