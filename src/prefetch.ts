/** Sends requests early if the inputs show that a rotation is due. This saves a round trip and changes no result. */

import type { DesiredState } from './model/desired-state.ts';
import { dueAt } from './plan/reasons.ts';

/**
 * Whether the inputs show that a rotation is due, by `force` or by the expiry of `current-credential`. Without them the services must be
 * read first.
 * @param now local time in milliseconds
 */
export function looksDue(desired: DesiredState, now: number): boolean {
  const ends = desired.currentKey?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY;
  return desired.force || dueAt(desired, ends) <= now;
}

/** @param requests must be memoized. The code that needs an answer calls the same function later, and gets its failure too. */
export function prefetch(requests: readonly (() => Promise<unknown>)[]): void {
  for (const request of requests) request().catch(() => undefined);
}
