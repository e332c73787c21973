/** The reasons in their order, each to its edge, and how the report says them. */

import { describe, expect, it } from 'vitest';
import { PlanBuilder } from '../../../src/plan/plan-builder.ts';
import { dueAt, firstReason, nextDue } from '../../../src/plan/reasons.ts';
import { DAY, type DesiredChanges, desired, NOW, type StateSeed, state } from '../../support/states.ts';

const DAYS = 24 * 60;

function reason(changes: DesiredChanges, seed: StateSeed) {
  const wanted = desired(changes);
  const observed = state(wanted, seed);
  return firstReason(new PlanBuilder(wanted, observed));
}

const EVERYTHING: DesiredChanges = { force: true, subject: 'CN=other', current: 'a' };
const TWO = { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] };
const a = (expiresIn: number) => ({ id: 'a', age: 10 * DAYS, expiresIn });
const written = [10 * DAYS - 1];

describe('the first reason wins', () => {
  it.each<[string, DesiredChanges, StateSeed, string | undefined, RegExp]>([
    [
      'no secret',
      { ...EVERYTHING, ...TWO },
      { credentials: [a(-DAY)] },
      'FirstDelivery',
      /has no secret yet/,
    ],
    [
      'one of two',
      { ...EVERYTHING, ...TWO },
      { credentials: [a(-DAY)], written },
      'PartlyDelivered',
      /not every destination holds/,
    ],
    ['expired', EVERYTHING, { credentials: [a(0)], written }, 'CertificateExpired', /expired on 2026-11-24/],
    [
      'expiring',
      EVERYTHING,
      { credentials: [a(1)], written },
      'CertificateExpiring',
      /expires on 2026-11-24, within 30 days/,
    ],
    [
      'another subject',
      EVERYTHING,
      { credentials: [a(60 * DAY)], written },
      'SpecChanged',
      /the inputs ask for CN=other, RSA 2048/,
    ],
    [
      'another key size',
      { force: true, keySize: 3072, current: 'a' },
      { credentials: [a(60 * DAY)], written },
      'SpecChanged',
      /RSA 3072/,
    ],
    [
      'force',
      { force: true, current: 'a' },
      { credentials: [a(60 * DAY)], written },
      'Forced',
      /force is set/,
    ],
    ['none', { current: 'a' }, { credentials: [a(60 * DAY)], written }, undefined, /^$/],
    [
      'by hand, by time alone',
      {},
      { credentials: [{ ...a(60 * DAY), by: 'hand' }], written },
      'UnidentifiedSecret',
      /last written by something other than a run of this workflow/,
    ],
    [
      'displaced, perhaps',
      {},
      {
        credentials: [
          { id: 'p', age: 20 * DAYS },
          { ...a(60 * DAY), associated: false },
        ],
        written,
      },
      'NotDelivered',
      /may hold a, which is not associated \(pass current-credential to be certain\)$/,
    ],
    [
      'displaced, although current-credential is passed',
      { current: 'p' },
      {
        credentials: [
          { id: 'p', age: 20 * DAYS },
          { ...a(60 * DAY), associated: false },
        ],
        written,
      },
      'NotDelivered',
      /may hold a, which is not associated$/,
    ],
    [
      'a stranger',
      { current: 'stranger' },
      { credentials: [a(60 * DAY)], written },
      'UnidentifiedSecret',
      /no credential that Auth0 knows/,
    ],
  ])('%s', (_, changes, seed, expected, words) => {
    const found = reason(changes, seed);
    expect(found?.reason).toBe(expected);
    expect(found?.explanation ?? '').toMatch(words);
  });

  it('if Auth0 records no expiry of one of ours, its age counts', () => {
    const wanted = desired();
    const observed = state(wanted, { credentials: [a(1)], written });
    const pool = observed.pool.map((one) => ({ ...one, expiresAt: undefined }));
    const question = { desired: wanted, observed: { ...observed, pool } };
    expect(firstReason(new PlanBuilder(wanted, question.observed))).toBeUndefined();
  });
});

describe('the next rotation', () => {
  it('is renew-before-days before the expiry, to the millisecond', () => {
    const at = NOW + 60 * DAY;
    expect(dueAt(desired({ renewBeforeDays: 7 }), at)).toBe(at - 7 * DAY);
    for (const late of [0, 1]) {
      const found = reason({ renewBeforeDays: 7 }, { credentials: [a(7 * DAY + late)], written });
      expect(found?.reason).toBe(late === 0 ? 'CertificateExpiring' : undefined);
    }
  });
});

describe('the age of a certificate made by hand', () => {
  const CA = { method: 'tls_client_auth' } as const;
  /** In days; the secret was stored right after it was made, and current-credential shows which one it is. */
  const old = (age: number, changes: DesiredChanges = {}, key: object = {}) => {
    const wanted = desired({ current: 'a', ...changes });
    if (wanted.currentKey)
      Object.assign(wanted.currentKey, { notBefore: undefined, notAfter: undefined }, key);
    const seed: StateSeed = {
      credentials: [{ id: 'a', age: age * DAYS, by: 'hand', expiresIn: 900 * DAY }],
      written: [age * DAYS - 1],
    };
    const builder = new PlanBuilder(wanted, state(wanted, seed));
    const next = nextDue(builder, false);
    return [firstReason(builder)?.reason, next === undefined ? undefined : (next - NOW) / DAY];
  };

  it.each([
    [60, 'CertificateTooOld', 0],
    [59, undefined, 1],
  ])('%i days: %s', (age, why, next) => {
    expect(old(age)).toEqual([why, next]);
  });

  it('counts from its own beginning, where current-credential shows that', () => {
    const began = (days: number) => ({ notBefore: new Date(NOW - days * DAY) });
    expect(old(10, {}, began(60))).toEqual(['CertificateTooOld', 0]);
    expect(old(100, {}, began(10))).toEqual([undefined, 50]);
    expect(old(100, { ...CA, subject: 'identity-a' }, began(10))).toEqual([undefined, 50]);
  });

  it('is not known for a subject DN, whose record outlives its certificates', () => {
    const key = { notAfter: new Date(NOW + 900 * DAY) };
    expect(old(100, { ...CA, subject: 'identity-a' }, key)).toEqual([undefined, 870]);
  });

  it('says how old is too old', () => {
    const seed: StateSeed = {
      credentials: [{ id: 'a', age: 70 * DAYS, by: 'hand', expiresIn: 900 * DAY }],
      written: [70 * DAYS - 1],
    };
    const wanted = desired({ current: 'a' });
    if (wanted.currentKey) Object.assign(wanted.currentKey, { notBefore: undefined, notAfter: undefined });
    expect(firstReason(new PlanBuilder(wanted, state(wanted, seed)))).toEqual({
      reason: 'CertificateTooOld',
      explanation: 'the certificate in use before this run was made by hand, more than 60 days ago',
    });
  });
});

describe('what the inputs ask for', () => {
  const KEY = { method: 'private_key_jwt' } as const;
  it.each<[string, DesiredChanges, object]>([
    ['CN=other', { subject: 'CN=other', keySize: undefined, brought: undefined }, {}],
    ['CN=client, RSA 3072', { keySize: 3072 }, {}],
    ['RSA 3072', { ...KEY, keySize: 3072, given: new Set(['key-size']) }, { subject: undefined }],
  ])('%s', (asked, changes, key) => {
    const wanted = desired({ current: 'a', ...changes });
    if (wanted.currentKey) Object.assign(wanted.currentKey, key);
    const observed = state(wanted, { credentials: [a(60 * DAY)], written });
    expect(firstReason(new PlanBuilder(wanted, observed))).toEqual({
      reason: 'SpecChanged',
      explanation: `the inputs ask for ${asked} now`,
    });
  });

  it('is no key size if none was given', () => {
    expect(
      reason({ current: 'a', keySize: 3072, given: new Set() }, { credentials: [a(60 * DAY)], written }),
    ).toBeUndefined();
  });

  it('an end of a key is called that', () => {
    expect(reason(KEY, { credentials: [a(1)], written })?.explanation).toBe(
      'the key in use before this run expires on 2026-11-24, within 30 days',
    );
  });
});
