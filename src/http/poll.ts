/** Reads of a service may lag behind its writes for some seconds: ask again until they agree. */

import type { RotationError } from '../errors.ts';
import { type Clock, sleep } from './retry.ts';
import type { Cancellation } from './service.ts';

export interface Waiting {
  clock: Clock;
  cancellation: Cancellation;
}

const LONGEST_LAG = 15_000;

/** @throws what `otherwise` says, when the reads never agree */
export async function poll<T>(
  { clock, cancellation }: Waiting,
  attempt: () => Promise<{ done: boolean; value: T }>,
  otherwise: () => RotationError,
): Promise<T> {
  const until = clock.now() + LONGEST_LAG;
  for (let delay = 250; ; delay = Math.min(delay * 2, 2_000)) {
    const { done, value } = await attempt();
    if (done) return value;
    if (clock.now() + delay > until) throw otherwise();
    await sleep(clock, delay, cancellation);
  }
}
