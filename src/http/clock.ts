/** The clock, cancellation and deadline of a run. */

import { RotationError } from '../errors.ts';

export interface Clock {
  /** Milliseconds since the epoch. It never jumps. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal | undefined): Promise<void>;
  /** Between 0 and 1, for jitter. */
  random(): number;
}

export interface Waiting {
  clock: Clock;
  cancellation: Cancellation;
}

/**
 * Carries the request to stop a run, and its deadline. A cancelled run must undo or finish what it began, so it shields those requests
 * from the signal.
 */
export class Cancellation {
  readonly #over = new AbortController();
  #signal: AbortSignal;
  #deadline: number;

  /** @param deadline local time at which the run must have stopped, well inside its lease */
  constructor(requested: AbortSignal, deadline = Number.POSITIVE_INFINITY) {
    this.#signal = AbortSignal.any([requested, this.#over.signal]);
    this.#deadline = deadline;
  }

  get signal(): AbortSignal {
    return this.#signal;
  }

  /** @throws RotationError CANCELLED if the run was cancelled and may still stop, or if it is over */
  check(): void {
    if (this.#signal.aborted) throw cancelled();
  }

  /** Local time in milliseconds. */
  get deadline(): number {
    return this.#deadline;
  }

  /** From now on a cancellation no longer interrupts the run. @param deadline local time for the rest of the work. By default it does not change. */
  shield(deadline = this.#deadline): void {
    this.#signal = this.#over.signal;
    this.#deadline = deadline;
  }

  /** Ends the run. Prefetched requests stop, so that they do not keep the process alive. */
  end(): void {
    this.#over.abort();
  }
}

function cancelled(): RotationError {
  return new RotationError('CANCELLED', {
    failed: 'The run was cancelled.',
    remedy: 'Start a new run.',
  });
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
    failed: 'The run would not finish within 10 minutes, so it stopped itself.',
    remedy: 'Look for a slow or rate-limited service in the debug log, then start a new run.',
  });
}
