/** Of two rotations that overlap the earlier wins, by `created_at` and then by id. */

import { describe, expect, it } from 'vitest';
import { findRival } from '../../../src/model/ownership.ts';
import { type CredentialSeed, desired, state } from '../../support/states.ts';

const wanted = desired();
const planned = state(wanted, { credentials: [{ id: 'known', age: 60 }] });
const pool = (...credentials: CredentialSeed[]) => state(wanted, { credentials }).pool;
const [made] = pool({ id: 'm', age: 5 });

describe('a rival', () => {
  it.each<[string, CredentialSeed, string | undefined]>([
    ['made earlier wins', { id: 'r', age: 6 }, 'r'],
    ['made later loses', { id: 'r', age: 4 }, undefined],
    ['made at the same time wins by the smaller id', { id: 'a', age: 5 }, 'a'],
    ['made at the same time loses by the larger id', { id: 'z', age: 5 }, undefined],
    ['is none that the plan knew', { id: 'known', age: 60 }, undefined],
    ['is none of another workflow', { id: 'r', age: 6, by: 'another workflow' }, undefined],
    ['is none that was made by hand', { id: 'r', age: 6, by: 'hand' }, undefined],
    ['is not our own', { id: 'm', age: 5 }, undefined],
  ])('%s', (_, seed, found) => {
    expect(findRival(wanted, planned, pool(seed), made)?.id).toBe(found);
  });

  it('is anyone of ours, for a run that makes nothing', () => {
    expect(findRival(wanted, planned, pool({ id: 'r', age: 0 }))?.id).toBe('r');
  });

  it('is the earliest, where there are several', () => {
    const several = pool({ id: 'second', age: 6 }, { id: 'first', age: 7 }, { id: 'third', age: 5.5 });
    expect(findRival(wanted, planned, several, made)?.id).toBe('first');
  });
});
