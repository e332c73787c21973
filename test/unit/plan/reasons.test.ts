/** The reasons in their order, each to its edge, and how the report says them. */

import { describe, expect, it } from 'vitest';
import { PlanBuilder } from '../../../src/plan/plan-builder.ts';
import { dueAt, firstReason } from '../../../src/plan/reasons.ts';
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
      /no run of this workflow can have written/,
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

  it('if Auth0 records no expiry, nothing expires', () => {
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
