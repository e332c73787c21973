/** What `current-credential` shows, and when the times show that it is out of date. */

import { describe, expect, it } from 'vitest';
import type { ObservedSecret, ObservedState } from '../../../src/model/observed-state.ts';
import { BACKDATE, LEASE, UNCERTAINTY } from '../../../src/model/timing.ts';
import { checkClaim, claimedBy, newerThan } from '../../../src/plan/claim.ts';
import { Owners } from '../../../src/plan/owners.ts';
import { type CredentialSeed, type DesiredChanges, desired, NOW, state } from '../../support/states.ts';

const CA = { method: 'tls_client_auth' } as const;
const DAY = 86_400_000;

interface Seed {
  /** Of the credentials: milliseconds before NOW that each was made. */
  made: Readonly<Record<string, number | Partial<CredentialSeed>>>;
  /** Milliseconds after NOW that the primary was written; undefined: it is missing. */
  written?: number;
  /** Milliseconds after NOW that the job began. */
  startedAt?: number;
  /** What the primary may hold by the times alone. */
  byTime?: readonly string[];
  changes?: DesiredChanges;
}

function check(current: string | undefined, { made, written, startedAt, byTime = [], changes }: Seed) {
  const wanted = desired({ ...(current && { current }), ...changes });
  const credentials = Object.entries(made).map(([id, seed]): CredentialSeed => {
    const more =
      typeof seed === 'number' ? { age: seed / 60_000 } : { ...seed, age: (seed.age ?? 0) / 60_000 };
    return { id, ...more };
  });
  const observed: ObservedState = {
    ...state(wanted, { credentials }),
    ...(startedAt !== undefined && { startedAt }),
  };
  const [primary] = observed.secrets as [ObservedSecret];
  const times = written === undefined ? ('missing' as const) : { createdAt: 0, updatedAt: NOW + written };
  const seen = { ...observed, secrets: [{ ...primary, times }] };
  const owners = new Owners(wanted, seen);
  const pairs = seen.pool.filter(({ id }) => byTime.includes(id));
  const claim = checkClaim(wanted, seen, owners, claimedBy(wanted, seen), pairs);
  const { credential, supplanted, staleCurrent, unregistered } = claim;
  return {
    credential: credential?.id,
    rolledBack: supplanted?.id,
    stale: staleCurrent?.because,
    unregistered,
  };
}

const BELIEVED = { credential: 'a', rolledBack: undefined, stale: undefined, unregistered: false };

describe('current-credential', () => {
  it('is believed if nothing speaks against it', () => {
    expect(check('a', { made: { a: 0 }, written: 0 })).toEqual(BELIEVED);
    expect(check('a', { made: { a: 9 * DAY }, written: 0 })).toEqual(BELIEVED);
  });

  it('shows nothing while the primary has no secret', () => {
    expect(check('a', { made: { a: 0 } })).toEqual({ ...BELIEVED, credential: undefined });
  });

  it('is not registered if Auth0 does not know it, and absent if nothing is passed', () => {
    const none = { ...BELIEVED, credential: undefined };
    expect(check('stranger', { made: { a: 0 }, written: 0 })).toEqual({ ...none, unregistered: true });
    expect(check(undefined, { made: { a: 0 }, written: 0 })).toEqual(none);
  });

  it.each<[number, string | undefined]>([
    [-UNCERTAINTY, undefined],
    [-UNCERTAINTY - 1, 'never held'],
  ])('made %i ms before the write: stale %s', (made, stale) => {
    expect(check('a', { made: { a: made }, written: 0 }).stale).toBe(stale);
  });

  it("of another workflow cannot be what the primary holds, and a person's may be stored before it is registered", () => {
    const by = (by: 'hand' | 'another workflow') =>
      check('a', { made: { a: { age: -DAY, by } }, written: 0 }).stale;
    expect([by('another workflow'), by('hand')]).toEqual(['never held', undefined]);
    expect(check('a', { made: { a: { age: 0, by: 'another workflow' } } }).stale).toBeUndefined();
  });
});

describe('a newer one of ours', () => {
  const older = { a: 9 * DAY };

  it('whose run could have written the primary since is what it holds', () => {
    expect(check('a', { made: { ...older, b: 0 }, written: LEASE })).toEqual({
      ...BELIEVED,
      credential: 'b',
      stale: 'delivered since',
    });
  });

  it('was rolled back by hand if no run could have written the primary last', () => {
    const made = { ...older, b: 0 };
    expect(check('a', { made, written: LEASE + 1 })).toEqual({ ...BELIEVED, rolledBack: 'b' });
  });

  it('counts only if it is associated and existed at the write', () => {
    expect(check('a', { made: { ...older, b: { age: 0, associated: false } }, written: 0 })).toEqual(
      BELIEVED,
    );
    expect(check('a', { made: { ...older, b: -UNCERTAINTY - 1 }, written: 0 })).toEqual(BELIEVED);
    expect(check('a', { made: { ...older, b: { age: 0, by: 'hand' } }, written: 0 })).toEqual(BELIEVED);
  });

  it('is what the primary holds if current-credential is not registered, and a run stored it', () => {
    const seed = { made: { b: 0 }, written: 0, byTime: ['b'] };
    expect(check('stranger', seed)).toMatchObject({ credential: 'b', stale: 'delivered since' });
    expect(check('stranger', { ...seed, written: LEASE + 1 })).toMatchObject({ credential: undefined });
    const byHand = { ...seed, made: { b: { age: 0, by: 'hand' } } } as const;
    expect(check('stranger', byHand)).toMatchObject({ credential: undefined, stale: undefined });
  });

  it('there is none beside nothing', () => {
    const wanted = desired();
    const seen = state(wanted, { credentials: [{ id: 'a', age: 60 }], written: [5] });
    const [owners, [a], [secret]] = [new Owners(wanted, seen), seen.pool, seen.secrets];
    expect(newerThan(undefined, secret, seen, owners)).toEqual([]);
    expect(newerThan(a, undefined, seen, owners)).toEqual([]);
    expect(newerThan(a && { ...a, id: 'z', createdAt: 0 }, secret, seen, owners)).toEqual([a]);
  });
});

describe('a primary that was written after the job began', () => {
  const old = { a: 9 * DAY };

  it.each<[number, string | undefined]>([
    [-UNCERTAINTY, undefined],
    [-UNCERTAINTY + 1, 'written since'],
    [5, 'written since'],
  ])('%i ms after: stale %s', (written, stale) => {
    expect(check('a', { made: old, written, startedAt: NOW }).stale).toBe(stale);
    expect(check('stranger', { made: old, written, startedAt: NOW }).stale).toBe(stale);
    expect(check(undefined, { made: old, written, startedAt: NOW }).stale).toBeUndefined();
  });

  it('is what the run of current-credential wrote', () => {
    const seed = { written: 0, startedAt: NOW };
    expect(check('a', { ...seed, made: { a: LEASE } })).toEqual(BELIEVED);
    expect(check('a', { ...seed, made: { a: LEASE + 1 } }).stale).toBe('written since');
  });

  it('nobody knows when the job began, or there is no secret', () => {
    expect(check('a', { made: old, written: 5 })).toEqual(BELIEVED);
    expect(check('a', { made: old, startedAt: NOW }).stale).toBeUndefined();
  });

  it('holds a renewal of the same subject DN, whose record is old', () => {
    // The pairs of these tests are issued a day before NOW.
    const renewal = (written: number, changes: DesiredChanges) =>
      check('a', { made: old, written, startedAt: NOW - 2 * DAY, changes }).stale;
    expect(renewal(BACKDATE + LEASE - DAY, CA)).toBeUndefined();
    expect(renewal(BACKDATE + LEASE - DAY + 1, CA)).toBe('written since');
    expect(renewal(BACKDATE + LEASE - DAY, {})).toBe('written since');
  });
});
