/** Asking again until reads agree: how often, how long, and what happens when they never do. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { type Polling, poll } from '../../../src/http/poll.ts';
import { virtualClock } from '../../support/clock.ts';

function waiting(cancelled = new AbortController()) {
  const { clock, waits } = virtualClock();
  return { waits, waiting: { clock, cancellation: new Cancellation(cancelled.signal) } };
}

const late = (last: number) =>
  new RotationError('INTERNAL_ERROR', { failed: `Attempt ${last} was the last.`, remedy: 'Run again.' });

async function neverDone(polling?: Polling) {
  const { waits, waiting: services } = waiting();
  let count = 0;
  const attempt = async () => {
    count += 1;
    return { done: false, value: count };
  };
  const error = await poll(services, attempt, late, polling).catch((thrown: unknown) => thrown);
  return { waits, error };
}

describe('polling', () => {
  it('returns the first value that is done, after doubling delays', async () => {
    const { waits, waiting: services } = waiting();
    let count = 0;
    const attempt = async () => {
      count += 1;
      return { done: count === 4, value: count };
    };
    expect(await poll(services, attempt, late)).toBe(4);
    expect(waits).toEqual([250, 500, 1_000]);
  });

  it('throws what the last value asks for when 15 seconds are over', async () => {
    const { error, waits } = await neverDone();
    expect(waits).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(error).toMatchObject({ code: 'INTERNAL_ERROR', failed: 'Attempt 10 was the last.' });
  });

  it('takes its delays and its time from the caller', async () => {
    const { waits } = await neverDone({ firstDelay: 500, longestDelay: 8_000, within: 30_000 });
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('begins an attempt at the last moment, and none after it', async () => {
    const { waits } = await neverDone({ firstDelay: 250, longestDelay: 1_000, within: 1_750 });
    expect(waits).toEqual([250, 500, 1_000]);
  });

  it('settles for a value if the caller returns one', async () => {
    const { waiting: services } = waiting();
    const polling = { firstDelay: 1, longestDelay: 1, within: 2 };
    const attempt = async () => ({ done: false, value: 'not yet' });
    expect(await poll(services, attempt, () => 'late', polling)).toBe('late');
  });

  it('ends with CANCELLED while it waits', async () => {
    const abort = new AbortController();
    const { waiting: services } = waiting(abort);
    const attempt = async () => {
      abort.abort();
      return { done: false, value: 1 };
    };
    await expect(poll(services, attempt, late)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
