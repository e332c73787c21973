/** How a run is cancelled, what it may still do then, and when it is over. */

import { describe, expect, it } from 'vitest';
import { Cancellation, type Clock, deadlineExceeded, sleep } from '../../../src/http/clock.ts';

const clock: Clock = {
  now: () => 0,
  random: () => 0,
  sleep: async (_, signal) => signal?.throwIfAborted(),
};

describe('a cancellation', () => {
  it('ends what may still stop', () => {
    const abort = new AbortController();
    const cancellation = new Cancellation(abort.signal);
    expect(() => cancellation.check()).not.toThrow();
    abort.abort();
    expect(cancellation.signal.aborted).toBe(true);
    expect(() => cancellation.check()).toThrow(
      expect.objectContaining({ code: 'CANCELLED', remedy: 'Start a new run.' }),
    );
  });

  it('does not end what is shielded from it; its end does', () => {
    const abort = new AbortController();
    const cancellation = new Cancellation(abort.signal, 5);
    abort.abort();
    cancellation.shield();
    expect([cancellation.signal.aborted, cancellation.deadline]).toEqual([false, 5]);
    cancellation.shield(9);
    expect(cancellation.deadline).toBe(9);
    expect(() => cancellation.check()).not.toThrow();
    cancellation.end();
    expect(() => cancellation.check()).toThrow();
  });

  it('has no deadline unless it is given one, and ends with its run', () => {
    const cancellation = new Cancellation(new AbortController().signal);
    expect(cancellation.deadline).toBe(Number.POSITIVE_INFINITY);
    cancellation.end();
    expect(cancellation.signal.aborted).toBe(true);
  });
});

describe('a wait', () => {
  it('that is cancelled says so; another failure stays what it is', async () => {
    const abort = new AbortController();
    const cancellation = new Cancellation(abort.signal);
    await sleep(clock, 1, cancellation);
    abort.abort();
    await expect(sleep(clock, 1, cancellation)).rejects.toMatchObject({ code: 'CANCELLED' });
    const defect = new TypeError('a defect');
    const broken = { ...clock, sleep: () => Promise.reject(defect) };
    await expect(sleep(broken, 1, new Cancellation(new AbortController().signal))).rejects.toBe(defect);
  });

  it('that is too long has a code', () => {
    expect(deadlineExceeded()).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
