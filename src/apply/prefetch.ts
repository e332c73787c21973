/** Asks early for what a rotation needs, where the inputs alone show that one is due: this saves a round trip. No result depends on it. */

import type { DesiredState } from '../model/desired-state.ts';
import { DAY } from '../model/timing.ts';

/** By the end of `current-credential`; without it, nobody knows before the services are read. */
export function looksDue({ current, force, renewBeforeDays }: DesiredState, now: number): boolean {
  const ends = current?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY;
  return force || ends - renewBeforeDays * DAY <= now;
}

/** @param requests each asks once, however often it is called; a failure reaches the code that needs the answer later */
export function prefetch(requests: readonly (() => Promise<unknown>)[]): void {
  for (const request of requests) request().catch(() => undefined);
}
