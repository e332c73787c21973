/** Repeats a request until a condition holds, since reads of a service may lag behind its writes. */

import { RotationError } from '../errors.ts';
import { sleep, type Waiting } from './clock.ts';

/** All in milliseconds. Each delay doubles the one before it. */
export interface Polling {
  firstDelay: number;
  longestDelay: number;
  /** No attempt begins later than this after the call. */
  within: number;
}

/** How long a read of Auth0 or GitHub may lag behind a write. Neither documents a time. */
const LAG: Polling = { firstDelay: 250, longestDelay: 2_000, within: 15_000 };

/**
 * Repeats `attempt` until it is done.
 * @param otherwise called with the last value when time runs out. Returns the error to throw, or the value to return.
 * @throws RotationError CANCELLED, an error of `attempt`, or the error that `otherwise` returns
 */
export async function poll<T>(
  { clock, cancellation }: Waiting,
  attempt: () => Promise<{ done: boolean; value: T }>,
  otherwise: (last: T) => RotationError | T,
  { firstDelay, longestDelay, within }: Polling = LAG,
): Promise<T> {
  const until = clock.now() + within;
  for (let delay = firstDelay; ; delay = Math.min(delay * 2, longestDelay)) {
    const { done, value } = await attempt();
    if (done) return value;
    if (clock.now() + delay > until) {
      const end = otherwise(value);
      if (end instanceof RotationError) throw end;
      return end;
    }
    await sleep(clock, delay, cancellation);
  }
}
