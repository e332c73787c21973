/** What a search leaves out, and what it may not: one that tries less finds that all is well. */

import { beforeAll, describe, expect, test } from 'vitest';
import { Actor, type Parked } from './actor.ts';
import { prepare } from './by-hand.ts';
import { REAL } from './code.ts';
import type { Fault } from './faults.ts';
import { digestOf, History } from './history.ts';
import type { Event } from './invariants.ts';
import type { Materials } from './materials.ts';
import { explorePairs } from './pairs.ts';
import { scenario } from './scenarios.ts';
import type { Execution } from './scheduler.ts';
import { briefPlan, fullPlan, type Plan, quickPlan, twicePlan } from './searches.ts';
import { Tally } from './tally.ts';
import { type Played, TwoFaults } from './twice.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await prepare();
});

const event = (actor: Actor, index: number, method: 'GET' | 'PATCH', more: Partial<Event> = {}): Event => ({
  ...{ actor, request: { method, url: 'https://tenant.test/api/v2/clients/c', headers: {} }, index },
  ...{ note: '', status: 200, time: 0, ...more },
});

test.each<[string, Plan, readonly number[]]>([
  ['full', fullPlan(0, 1), [1_306, 159, 1_273, 18, 20_592, 0]],
  ['quick', quickPlan(0, 1), [60, 9, 60, 3, 0, 5]],
  ['brief', briefPlan(0, 1), [7, 1, 60, 1, 0, 0]],
  ['one of two faults', twicePlan(1), [0, 0, 0, 0, 0, 20]],
])('no plan is smaller than it was: the %s', (_, plan, atLeast) => {
  const { lags, pairs, people, singles, stale, twice } = plan;
  const sizes = [singles, pairs, stale, lags, people, twice?.scenarios ?? []].map(({ length }) => length);
  expect(sizes.map((size, index) => Math.min(size, atLeast[index] ?? 0))).toEqual(atLeast);
});

describe('of two faults', () => {
  const actor = new Actor('A');
  const trace = [event(actor, 1, 'GET'), event(actor, 2, 'PATCH'), event(actor, 3, 'GET')];
  const so: Played = {
    ...{ requests: [], trace, message: '', stateNow: '', succeeded: true, isUndone: false, left: 0 },
  };
  const fault = (more: Partial<Fault> = {}): Fault => ({ name: 'refused', deliveries: [], ...more });
  const first = { at: 1, fault: fault() };
  const two = () => new TwoFaults({ every: 1 });

  test('the first may be any that is not two itself', () => {
    expect(two().leavesOut({ at: 1, fault: fault() }, undefined, so)).toBe(false);
    expect(two().leavesOut({ at: 1, fault: fault({ first: true }) }, undefined, so)).toBe(false);
    expect(two().leavesOut({ at: 1, fault: fault({ alone: true }) }, undefined, so)).toBe(true);
  });

  test('the second may be any but those, and what only makes the next one worse', () => {
    expect(two().leavesOut({ at: 2, fault: fault() }, first, so)).toBe(false);
    expect(two().leavesOut({ at: 2, fault: fault({ first: true }) }, first, so)).toBe(true);
    expect(two().leavesOut({ at: 2, fault: fault({ alone: true }) }, first, so)).toBe(true);
    expect(two().leavesOut({ at: 4, fault: fault() }, first, so)).toBe(true);
  });

  const changed = (index: number, more: Partial<Event>) =>
    trace.map((one) => (one.index === index ? { ...one, ...more } : one));
  test.each<[string, Played, number, boolean]>([
    ['that is the same', so, 2, true],
    ['at another request', so, 3, false],
    ['after another read', { ...so, trace: changed(1, { status: 403 }) }, 2, true],
    ['after another write', { ...so, trace: changed(2, { status: 403 }) }, 3, false],
    ['before another read', { ...so, trace: changed(3, { status: 403 }) }, 2, false],
    ['with another answer', { ...so, trace: changed(2, { status: 403 }) }, 2, false],
    ['of a run that fails', { ...so, succeeded: false }, 2, false],
    ['of a run that says something else', { ...so, stateNow: 'There.' }, 2, false],
    ['late in its run', { ...so, trace: changed(2, { time: 300_001 }) }, 2, false],
    ['a little later in its run', { ...so, trace: changed(2, { time: 300_000 }) }, 2, true],
  ])('a rest %s', (_, then, at, expected) => {
    const search = two();
    search.leavesOut({ at: 2, fault: fault() }, first, so);
    expect(search.leavesOut({ at, fault: fault() }, first, then)).toBe(expected);
  });

  test('of a rest each fault is tried, and every n-th one if so asked', () => {
    const search = new TwoFaults({ every: 3 });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(names.map((name) => search.leavesOut({ at: 2, fault: fault({ name }) }, first, so))).toEqual([
      ...[true, true, false, true, true, false],
    ]);
  });
});

describe('two schedules go on alike', () => {
  const [one, other] = [new Actor('A'), new Actor('B')];
  const client = 'https://tenant.test/api/v2/clients/c';
  const requested = (actor: Actor, method: Event['request']['method'], url: string, status = 200): Event =>
    event(actor, 1, 'GET', { request: { method, url, headers: {} }, status });
  const reads = requested(one, 'GET', `${client}?fields=x`);
  const readsPool = requested(one, 'GET', `${client}/credentials`);
  const writes = requested(other, 'PATCH', client);
  const uploads = requested(other, 'POST', `${client}/credentials`);
  const stores = requested(other, 'PUT', 'https://api.github.com/repos/a/b/actions/secrets/A');
  const readsSecret = requested(one, 'GET', stores.request.url);
  const logsIn = requested(one, 'POST', 'https://tenant.test/oauth/token');
  const makes = requested(other, 'POST', 'https://tenant.test/api/v2/clients');
  const digest = (...trace: readonly Event[]) =>
    digestOf(new History({ trace } as unknown as Execution), [one, other], 0);

  test.each<[string, readonly Event[], readonly Event[], boolean]>([
    ['that are the same', [reads, writes], [reads, writes], true],
    ['whose read comes before the write, or after it', [reads, writes], [writes, reads], false],
    [
      'whose read of the pool comes before the PATCH, or after it',
      [readsPool, writes],
      [writes, readsPool],
      true,
    ],
    [
      'whose read of the pool comes before the upload, or after it',
      [readsPool, uploads],
      [uploads, readsPool],
      false,
    ],
    [
      'whose read of the client comes before the upload, or after it',
      [reads, uploads],
      [uploads, reads],
      true,
    ],
    ['whose login comes before the upload, or after it', [logsIn, uploads], [uploads, logsIn], false],
    ['whose login comes before the PATCH, or after it', [logsIn, writes], [writes, logsIn], false],
    [
      'whose look at a secret comes before its write, or after it',
      [readsSecret, stores],
      [stores, readsSecret],
      false,
    ],
    ['whose read comes before a client is made, or after it', [reads, makes], [makes, reads], false],
    ['whose answers differ', [reads], [{ ...reads, status: 500 }], false],
  ])('%s', (_, before, after, alike) => {
    expect(digest(...before) === digest(...after)).toBe(alike);
  });

  test('but for who has died, or ended, or is at work', () => {
    const state = (change: (actor: Actor) => void, current = 0) => {
      const actor = new Actor('A');
      change(actor);
      return digestOf(new History({ trace: [] } as unknown as Execution), [actor], current);
    };
    const states = [
      state(() => undefined),
      state(() => undefined, 1),
      state((actor) => {
        actor.dead = true;
      }),
      state((actor) => {
        actor.result = {} as NonNullable<Actor['result']>;
      }),
      state((actor) => void actor.parked.push({} as Parked)),
      state((actor) => void actor.sleepers.add({ until: 0, wake: () => undefined, forget: () => undefined })),
    ];
    expect(new Set(states).size).toBe(states.length);
  });
});

test('two runs are tried with as many preemptions and crashes as are asked for', async () => {
  const pairing = { name: 'both rotate', scenario: scenario('settled') };
  const search = async (preemptions: number, crashes: number) => {
    const tally = new Tally();
    await explorePairs(REAL, all, pairing, { preemptions, crashes }, tally);
    return [tally.schedules, tally.crashes] as const;
  };
  expect(await search(0, 0)).toEqual([1, 0]);
  const [preempted] = await search(1, 0);
  const [crashed, crashes] = await search(0, 1);
  expect(preempted).toBeGreaterThanOrEqual(20);
  expect([crashed, crashes]).toEqual([expect.any(Number), crashed - 1]);
  expect(crashes).toBeGreaterThanOrEqual(45);
});

describe('a person finds a place', () => {
  test.each([
    ['ours alone', 4, 'self_signed_tls_client_auth', true, false],
    ['settled', 4, 'self_signed_tls_client_auth', false, false],
    ['retired in the pool', 2, 'self_signed_tls_client_auth', false, false],
    ['ours alone', 4, 'tls_client_auth', true, true],
    ['settled', 2, 'tls_client_auth', false, false],
  ] as const)('%s, a pool of %i, %s', (start, poolCap, method, associates, takes) => {
    const world = () => new World(scenario(start, { poolCap, method }), all);
    expect(world().associateByHand() !== undefined).toBe(associates);
    expect(world().takeSubject() !== undefined).toBe(takes);
  });
});
