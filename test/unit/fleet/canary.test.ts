/** Who goes ahead of a fleet, and what becomes of the others. */

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Canary } from '../../../src/fleet/canary.ts';

/** Says whether it has come by now. */
function watched(promise: Promise<void>) {
  const state = { come: false };
  promise.then(() => {
    state.come = true;
  });
  return state;
}

describe('the canary', () => {
  it('is the first one that rotates: the others wait until it is over', async () => {
    const canary = new Canary(3);
    const second = watched(canary.turn(1));
    const third = watched(canary.turn(2));
    await turn();
    expect([second.come, third.come]).toEqual([false, false]);
    // Nothing is due for the first one.
    canary.finished(0, 'a', false);
    await turn();
    expect([second.come, third.come]).toEqual([true, false]);
    canary.finished(1, 'b', false);
    await turn();
    expect(third.come).toBe(true);
    expect(() => canary.check()).not.toThrow();
  });

  it('that fails stops those that have not begun, and is named', async () => {
    const canary = new Canary(2);
    await canary.turn(0);
    const other = watched(canary.turn(1));
    canary.finished(0, 'client-a', true);
    await turn();
    expect(other.come).toBe(true);
    expect(() => canary.check()).toThrow(
      expect.objectContaining({
        code: 'CANARY_FAILED',
        message: expect.stringMatching(/client-a.*take that client out of the manifest for now/),
      }),
    );
  });

  it('is no client that could not even be read', async () => {
    const canary = new Canary(2);
    canary.finished(0, 'a', true);
    await canary.turn(1);
    expect(() => canary.check()).not.toThrow();
    canary.finished(1, 'b', false);
    expect(canary.failed).toBeUndefined();
  });
});
