/** What was observed: which credential is the newest, and which run may still be at work. */

import { describe, expect, it } from 'vitest';
import { credentialLimit, METHOD_CAPACITY, POOL_CAPACITY } from '../../../src/model/capacity.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import {
  associatedWith,
  isYoung,
  lastExpiry,
  newestFirst,
  type ObservedClient,
} from '../../../src/model/observed-state.ts';
import { credentialNameFor, ownerAt, ownerOf } from '../../../src/model/ownership.ts';
import { findRival, rotationInProgress } from '../../../src/model/rivals.ts';
import { printLocation } from '../../../src/model/secret-location.ts';
import { desired, HOUR, keyRecord, NOW, state } from '../../support/states.ts';

describe('credentials', () => {
  it('are sorted by their time, then by their id', () => {
    const all = [
      keyRecord('b'),
      keyRecord('old', { createdAt: NOW - 2 * HOUR }),
      keyRecord('a'),
      keyRecord('new', { createdAt: NOW }),
    ];
    for (const order of [all, all.toReversed()])
      expect([...order].sort(newestFirst).map(({ id }) => id)).toEqual(['new', 'b', 'a', 'old']);
    expect(newestFirst(keyRecord('a'), keyRecord('a'))).toBe(0);
  });

  it.each([
    [15 * 60_000 - 1, true],
    [15 * 60_000, false],
  ])('of an age of %i ms may be those of a run at work: %s', (age, young) => {
    expect(isYoung(keyRecord('a', { createdAt: NOW - age }), NOW)).toBe(young);
  });
});

describe('a client', () => {
  const client = { method: 'private_key_jwt', associated: ['a'] } as unknown as ObservedClient;

  it('has no credential of a method that it does not use', () => {
    expect(associatedWith(client, 'private_key_jwt')).toEqual(['a']);
    expect(associatedWith(client, 'tls_client_auth')).toEqual([]);
  });
});

describe('a rival', () => {
  const ours = desired();
  const planned = state(ours, { credentials: [{ id: 'known', age: 60 }] });
  const mark = credentialNameFor(ours, undefined);
  const rival = (id: string, age: number, name = mark) => keyRecord(id, { name, createdAt: NOW - age });

  it('is the earliest of ours that was not there before', () => {
    const pool = [...planned.pool, rival('b', 1), rival('a', 5), rival('other', 9, 'by hand')];
    expect(findRival(ours, planned, pool)?.id).toBe('a');
    expect(findRival(ours, planned, planned.pool)).toBeUndefined();
  });

  it('is never younger than what this run has made', () => {
    const made = rival('m', 3);
    expect(findRival(ours, planned, [made, rival('b', 1)], made)).toBeUndefined();
    expect(findRival(ours, planned, [made, rival('a', 5)], made)?.id).toBe('a');
  });

  it('is waited for, until its lease is over', () => {
    const error = rotationInProgress(rival('a', 0));
    expect(error.code).toBe('ROTATION_IN_PROGRESS');
    expect(error.failed).toMatch(/run 7\.1 made credential a at 2026-11-24T12:00:00/);
    expect(error.remedy).toContain('2026-11-24T12:15:00');
  });

  it('of a rehearsal says so in its name', () => {
    expect(credentialNameFor(desired({ operation: 'rehearse' }), 'x')).toMatch(/ after x rehearsal$/);
    expect(mark).toMatch(/ run 7\.1$/);
  });
});

it('secrets are written in the order of their destinations, each pair first', () => {
  const all = desired({
    destinations: ['repo:acme/shop', 'org:acme'],
    privateKeySecretName: 'KEY',
    certificateSecretName: 'CRT',
    pkcs12SecretName: 'P12',
  });
  expect(secretLocations(all).map((one) => `${printLocation(one)} ${one.part}`)).toEqual(
    ['repo:acme/shop', 'org:acme'].flatMap((one) => [
      `${one} PEM pair`,
      `${one} KEY private-key`,
      `${one} CRT certificate`,
      `${one} P12 pkcs12`,
    ]),
  );
  const [first] = secretLocations(all);
  expect(first && ownerAt(first)).toBe(ownerOf(all));
});

it('Auth0 lets a method and a pool hold two', () => {
  expect([METHOD_CAPACITY, POOL_CAPACITY]).toEqual([2, 2]);
  const holders = [
    { id: 'a', whyKept: 'ours' },
    { id: 'b', whyKept: 'by hand' },
  ];
  expect(credentialLimit('c', holders)).toMatchObject({
    code: 'CREDENTIAL_LIMIT',
    failed: expect.stringContaining('a (ours), b (by hand)'),
    remedy: expect.stringContaining('two'),
  });
  expect(credentialLimit('c', holders, 'Do this.').remedy).toBe('Do this.');
});

describe('nobody can log in any more', () => {
  const client = { id: 'c', name: 'shop', method: 'private_key_jwt', associated: ['a', 'b'] } as never;
  const ends = (...expiries: (number | undefined)[]) =>
    lastExpiry({
      client,
      pool: ['a', 'b', 'x'].map((id, index) => keyRecord(id, { expiresAt: expiries[index] })),
    });

  it('when the last associated credential expires, if that is recorded', () => {
    expect(ends(NOW + 1, NOW + 5, NOW + 9)).toBe(NOW + 5);
    expect(ends(NOW + 7, NOW + 5, undefined)).toBe(NOW + 7);
    expect(ends(NOW + 7, undefined, NOW)).toBeUndefined();
    expect(lastExpiry({ client: undefined, pool: [keyRecord('a', { expiresAt: NOW })] })).toBeUndefined();
    expect(lastExpiry({ client, pool: [] })).toBeUndefined();
  });
});
