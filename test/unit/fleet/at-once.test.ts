/** How many clients of a fleet run at once, and how many keys are made at once. */

import { availableParallelism } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mostAtOnce, onCores } from '../../../src/fleet/fleet.ts';
import type { Inputs } from '../../../src/inputs/inputs.ts';
import { desired } from '../../support/states.ts';

const member = (propagationTime: number, destinations: string[]) =>
  ({ desired: desired({ propagationTime, destinations }) }) as Inputs;
const ONE = ['repo:acme/shop'];
const TWO = ['repo:acme/shop', 'repo:acme/ops'];

describe('clients at once', () => {
  it.each<[string, number | undefined, number | undefined, number, string[], number]>([
    ['three before the budget is known', undefined, undefined, 0, ONE, 3],
    ['three with the smallest budget', 2, 16, 0, ONE, 3],
    ['three with requests for two', 14, 100, 0, ONE, 3],
    ['one for every five requests of the burst', 49, 1, 0, ONE, 9],
    ['ten at most', 55, 1, 0, ONE, 10],
    ['ten at most, also with a large budget', 1_000, 1_000, 0, ONE, 10],
    ['as many as GitHub can store while they wait', 10, 1_000, 30_000, ONE, 30],
    ['half as many with two secrets each', 10, 1_000, 30_000, TWO, 15],
    ['of those that wait, one for every five requests of an undo', 1_000, 60, 30_000, ONE, 12],
    ['for a short wait the burst counts', 25, 1_000, 10_000, ONE, 5],
    ['a wait of eleven writes is a long one', 25, 1_000, 11_000, ONE, 11],
  ])('%s', (_, burst, within, propagationTime, destinations, most) => {
    const asked: number[] = [];
    const budget = {
      burst,
      within: (milliseconds: number) => {
        asked.push(milliseconds);
        return within;
      },
    };
    expect(mostAtOnce(budget, member(propagationTime, destinations))).toBe(most);
    // What GitHub leaves after a cancellation.
    for (const milliseconds of asked) expect(milliseconds).toBe(7_000);
  });
});

describe('keys at once', () => {
  const MOST = Math.min(availableParallelism(), 3);

  it('are as many as there are cores, and three at most; the next begins when one is over, also by a failure', async () => {
    const begun: number[] = [];
    const open: PromiseWithResolvers<string>[] = [];
    const make = onCores((number: number) => {
      begun.push(number);
      open[number] = Promise.withResolvers<string>();
      return open[number].promise;
    });
    const all = Array.from({ length: MOST + 2 }, (_, number) => make(number));
    const settled = Promise.allSettled(all);
    await turn();
    expect(begun).toHaveLength(MOST);
    open[0]?.reject(new Error('no key'));
    await turn();
    expect(begun).toHaveLength(MOST + 1);
    open[1 % MOST]?.resolve('a key');
    open[MOST]?.resolve('a key');
    await turn();
    expect(begun).toHaveLength(MOST + 2);
    for (const one of open) one?.resolve('a key');
    const results = await settled;
    expect(results.map(({ status }) => status)).toEqual([
      'rejected',
      ...Array.from({ length: MOST + 1 }, () => 'fulfilled'),
    ]);
  });
});
