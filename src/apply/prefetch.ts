/** Sends requests early if the inputs show that a rotation is due. This saves a round trip and changes no result. */

import type { DesiredState } from '../model/desired-state.ts';
import { DAY } from '../model/timing.ts';

/** Judges by the expiry of `current-credential`. Without that input the services must be read first. */
export function looksDue({ current, force, renewBeforeDays }: DesiredState, now: number): boolean {
  const ends = current?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY;
  return force || ends - renewBeforeDays * DAY <= now;
}

/** @param requests memoized: the code that needs an answer later calls the same function and gets its failure */
export function prefetch(requests: readonly (() => Promise<unknown>)[]): void {
  for (const request of requests) request().catch(() => undefined);
}
