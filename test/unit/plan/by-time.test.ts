/** What the times of a secret show, to the millisecond: a lease, the doubt between two clocks, and what nothing shows. */

import { describe, expect, it } from 'vitest';
import type {
  Credential,
  ObservedSecret,
  ObservedState,
  SecretTimes,
} from '../../../src/model/observed-state.ts';
import { BACKDATE, LEASE, UNCERTAINTY } from '../../../src/model/timing.ts';
import {
  candidatesFor,
  couldBeWrittenInRunOf,
  existingAt,
  heldByTime,
  isBehind,
  isCurrentLatest,
  isLikePrimary,
  isUnexplained,
  isWrittenApart,
  latestCreation,
} from '../../../src/plan/by-time.ts';
import { Owners } from '../../../src/plan/owners.ts';
import { type DesiredChanges, desired, NOW, type StateSeed, state } from '../../support/states.ts';

/** A secret that was last written this many milliseconds after NOW. */
const written = (after: number): SecretTimes => ({ createdAt: 0, updatedAt: NOW + after });
const CA = { method: 'tls_client_auth' } as const;
const TWO = ['repo:acme/shop', 'env:acme/shop/live'];

const WANTED = desired({ destinations: TWO });
const [PRIMARY, OTHER] = state(WANTED).secrets as [ObservedSecret, ObservedSecret];
const at = (times: ObservedSecret['times'], secret = PRIMARY): ObservedSecret => ({ ...secret, times });
const MADE = state(WANTED, { credentials: [{ id: 'a', age: 0 }] }).pool[0] as Credential;

describe('the run that made a credential', () => {
  it.each<[number, boolean]>([
    [-UNCERTAINTY - 1, false],
    [-UNCERTAINTY, true],
    [0, true],
    [LEASE, true],
    [LEASE + 1, false],
  ])('could have written a secret %i ms later: %s', (after, can) => {
    expect(couldBeWrittenInRunOf(MADE, at(written(after)))).toBe(can);
  });

  it('has not written one that is missing, that was not read, or that is none', () => {
    for (const secret of [at('missing'), at('unread'), undefined])
      expect(couldBeWrittenInRunOf(MADE, secret)).toBe(false);
  });
});

describe('current-credential is the latest certificate with its subject DN', () => {
  const latest = (after: number | undefined, key: object = { notBefore: new Date(NOW) }) => {
    const wanted = desired({ ...CA, current: 'a' });
    if (wanted.currentKey) Object.assign(wanted.currentKey, key);
    const seen = state(wanted);
    const secrets = after === undefined ? [] : [at(written(after))];
    return isCurrentLatest(wanted, { ...seen, secrets });
  };

  it.each<[number, boolean]>([
    [-UNCERTAINTY - 1, false],
    [-UNCERTAINTY, true],
    [BACKDATE + LEASE, true],
    [BACKDATE + LEASE + 1, false],
  ])('if the primary was written %i ms after its notBefore: %s', (after, is) => {
    expect(latest(after)).toBe(is);
  });

  it('not if one of the two times is not known', () => {
    expect(latest(undefined)).toBe(false);
    expect(latest(0, { notBefore: undefined })).toBe(false);
    expect(isCurrentLatest(desired(CA), state(desired(CA), { written: [0] }))).toBe(false);
  });
});

describe('a destination beside the primary', () => {
  const wanted = desired({ ...CA, destinations: TWO });
  const pair = (after: number): ObservedState => ({
    ...state(wanted),
    secrets: [at(written(0)), at(written(after), OTHER)],
  });

  it.each<[number, like: boolean, apart: boolean]>([
    [-1, false, false],
    [0, true, false],
    [LEASE, true, false],
    [LEASE + 1, false, true],
  ])('written %i ms after it: like the primary %s, apart from it %s', (after, like, apart) => {
    const seen = pair(after);
    expect(isLikePrimary(wanted, 1, seen)).toBe(like);
    expect(isWrittenApart(wanted, seen.secrets[1] as ObservedSecret, seen)).toBe(apart);
    expect(isLikePrimary(wanted, 0, seen)).toBe(true);
  });

  it.each<[string, DesiredChanges, ObservedSecret['times'], ObservedSecret['times']]>([
    ['of another method', { destinations: TWO }, written(0), written(0)],
    ['without a secret', { ...CA, destinations: TWO }, written(0), 'missing'],
    ['beside a primary without one', { ...CA, destinations: TWO }, 'missing', written(LEASE + 1)],
  ])('%s shows nothing', (_, changes, first, then) => {
    const asked = desired(changes);
    const seen = { ...state(asked), secrets: [at(first), at(then, OTHER)] };
    expect(isLikePrimary(asked, 1, seen)).toBe(false);
    expect(isWrittenApart(asked, seen.secrets[1] as ObservedSecret, seen)).toBe(false);
    expect(isLikePrimary(asked, 1, { ...seen, secrets: [] })).toBe(false);
  });

  it.each([
    [-1, true],
    [0, false],
    [1, false],
  ])('is behind the primary if it was written %i ms after it: %s', (after, is) => {
    const times = { ...at(written(0)), githubTime: NOW };
    const seen = { ...state(wanted), secrets: [times, { ...times, githubTime: NOW + after }] };
    expect(isBehind(wanted, 1, seen)).toBe(is);
    expect(isBehind(WANTED, 1, seen)).toBe(false);
    expect(isBehind(wanted, 2, seen)).toBe(false);
    expect(isBehind(wanted, 1, { ...seen, secrets: [] })).toBe(false);
  });
});

describe('the latest time at which what a secret holds was made', () => {
  it.each<[ObservedSecret | undefined, number]>([
    [at(written(5)), NOW + 5 + UNCERTAINTY],
    [at('missing'), Number.NEGATIVE_INFINITY],
    [at('unread'), Number.POSITIVE_INFINITY],
    [undefined, Number.POSITIVE_INFINITY],
  ])('%#', (secret, latest) => {
    expect(latestCreation(secret)).toBe(latest);
  });
});

describe('what a secret may hold', () => {
  const seen = (seed: StateSeed, times: ObservedSecret['times'], changes: DesiredChanges = {}) => {
    const wanted = desired(changes);
    const observed = { ...state(wanted, seed), secrets: [at(times)] };
    return { wanted, observed, owners: new Owners(wanted, observed) };
  };
  const ids = (list: readonly Credential[]) => list.map(({ id }) => id);
  /** Made this many milliseconds before NOW. */
  const pool = (
    ...ages: [string, number, ('us' | 'hand' | 'a rehearsal' | 'another workflow')?, boolean?][]
  ) => ({
    credentials: ages.map(([id, age, by = 'us', associated = true]) => ({
      id,
      age: age / 60_000,
      by,
      associated,
    })),
  });

  it('is what existed when it was written, the newest first', () => {
    const { observed, owners } = seen(
      pool(
        ['old', 9],
        ['edge', -UNCERTAINTY],
        ['late', -UNCERTAINTY - 1],
        ['r', 5, 'a rehearsal'],
        ['x', 5, 'another workflow'],
      ),
      written(0),
    );
    const [secret] = observed.secrets as [ObservedSecret];
    expect(ids(candidatesFor(secret, observed, owners))).toEqual(['edge', 'old']);
    expect(ids(existingAt(secret, observed, owners))).toEqual(['edge', 'r', 'old']);
  });

  it('is nothing of ours that is younger than the last delivery to the primary', () => {
    const { observed, owners } = seen(pool(['a', -10_000], ['h', -10_000, 'hand'], ['o', 5]), written(0));
    const later = at(written(20_000), OTHER);
    expect(ids(candidatesFor(later, observed, owners)).toSorted()).toEqual(['h', 'o']);
    const first = { ...observed, secrets: [at('missing')] };
    expect(ids(candidatesFor(later, first, owners)).toSorted()).toEqual(['a', 'h', 'o']);
    expect(ids(candidatesFor(later, { ...observed, secrets: [] }, owners)).toSorted()).toEqual([
      'a',
      'h',
      'o',
    ]);
  });

  const held = (
    seed: StateSeed,
    times: ObservedSecret['times'],
    more: { changes?: DesiredChanges; refused?: boolean; claimed?: string } = {},
  ) => {
    const { wanted, observed, owners } = seen(seed, times, more.changes);
    const secret = { ...at(times), ...(more.refused && { refused: new Error('hidden') as never }) };
    const candidates = candidatesFor(secret, observed, owners);
    const claimed = observed.pool.find(({ id }) => id === more.claimed);
    return ids(heldByTime(wanted, secret, candidates, owners, claimed));
  };

  it('is the newest that is associated', () => {
    expect(held(pool(['p', 90], ['c', 9]), written(0))).toEqual(['c']);
    expect(held(pool(['p', 90], ['c', 9, 'us', false]), written(0))).toEqual(['p']);
    expect(held(pool(['p', 90, 'us', false], ['c', 9, 'us', false]), written(0))).toEqual(['c']);
    expect(held({}, written(0))).toEqual([]);
  });

  it('is what current-credential shows, associated or not', () => {
    const loose = pool(['p', 90], ['c', 9, 'us', false]);
    expect(held(loose, written(0), { claimed: 'c' })).toEqual(['c']);
  });

  it('is any that is associated where GitHub does not show the secret', () => {
    expect(held(pool(['p', 90], ['c', 9], ['q', 50, 'us', false]), 'unread', { refused: true })).toEqual([
      'c',
      'p',
    ]);
  });

  it('is any of them once somebody else could have written it', () => {
    const two = pool(['p', 90], ['c', 0]);
    expect(held(two, written(LEASE))).toEqual(['c']);
    expect(held(two, written(LEASE + 1))).toEqual(['c', 'p']);
    const loose = pool(['p', 90, 'us', false], ['c', 0, 'us', false]);
    expect(held(loose, written(LEASE + 1))).toEqual(['c']);
  });

  it.each<[number, 'us' | 'hand', string[]]>([
    [UNCERTAINTY, 'hand', ['h']],
    [UNCERTAINTY - 1, 'hand', ['h', 'p']],
    [UNCERTAINTY - 1, 'us', ['h']],
  ])('a subject DN that was registered %i ms before it by %s: %j', (age, by, ids) => {
    const two = pool(['p', 90_000], ['h', age, by]);
    expect(held(two, written(0), { changes: { ...CA, subject: 'identity-h' } })).toEqual(ids);
  });

  it('is any of them for a subject DN that no run has just made', () => {
    const two = pool(['p', 90], ['c', 0]);
    expect(held(two, written(LEASE), { changes: CA })).toEqual(['c']);
    expect(held(two, written(LEASE + 1), { changes: CA })).toEqual(['c', 'p']);
    expect(held(two, 'unread', { changes: CA })).toEqual(['c']);
  });
});

describe('a secret that no run could have written', () => {
  const explained = (
    changes: DesiredChanges,
    by: 'us' | 'hand',
    times: ObservedSecret['times'],
    identity?: string,
  ) => {
    const wanted = desired(changes);
    const seed = state(wanted, { credentials: [{ id: 'a', age: 0, by }] });
    const [made] = seed.pool as [Credential];
    return !isUnexplained(
      wanted,
      { ...made, ...(identity && { identity }) },
      at(times),
      new Owners(wanted, seed),
    );
  };

  it.each<[string, DesiredChanges, 'us' | 'hand', number, boolean]>([
    ['ours, within the lease', {}, 'us', LEASE, true],
    ['ours, after it', {}, 'us', LEASE + 1, false],
    ['made by hand', {}, 'hand', 0, false],
    ['our subject DN, however old', CA, 'us', 9 * LEASE, true],
    ['another subject DN', CA, 'hand', 0, false],
    ['brought', { ...CA, brought: {} as DesiredChanges['brought'] }, 'us', 0, false],
  ])('%s: explained %s', (_, changes, by, after, is) => {
    expect(explained(changes, by, written(after))).toBe(is);
  });

  it('may hold the desired subject DN, whoever registered it', () => {
    expect(explained(CA, 'hand', written(0), 'CN=client')).toBe(true);
  });

  it('is none if nothing shows its times or what it holds', () => {
    const wanted = desired();
    const owners = new Owners(wanted, state(wanted));
    expect(explained({}, 'hand', 'missing')).toBe(true);
    expect(isUnexplained(wanted, undefined, at(written(LEASE + 1)), owners)).toBe(false);
    expect(isUnexplained(wanted, MADE, undefined, owners)).toBe(false);
  });
});
