/** When a finding begins and ends, to the millisecond, and whether the next rotation would be refused. */

import { describe, expect, it } from 'vitest';
import { assess } from '../../../src/watch/findings.ts';
import { DAY, desired, HOUR, state } from '../../support/states.ts';

const DAYS = 24 * 60;
/** A certificate of 100 days, of which that much is left. */
function keys(expiresIn: number, renewBeforeDays = 30): string[] {
  const wanted = desired({ validityDays: 100, renewBeforeDays });
  const age = (100 * DAY - expiresIn) / 60_000;
  const seed = { credentials: [{ id: 'a', age, expiresIn }], written: [age - 1] };
  return assess(wanted, state(wanted, seed), undefined).map(({ key, severity }) => `${severity} ${key}`);
}

describe('the life that is left', () => {
  it.each<[string, number, string]>([
    ['a moment', 1, 'failure CertificateExpiring'],
    ['none', 0, 'failure CertificateExpired'],
    ['less than a tenth', 10 * DAY - HOUR, 'failure CertificateExpiring'],
  ])('%s', (_, left, key) => {
    expect(keys(left, 1)[0]).toBe(key);
  });

  it('of a tenth warns, of a third does not', () => {
    expect(keys(10 * DAY, 1)).toEqual(['warning CertificateExpiring']);
    expect(keys(33 * DAY, 1)).toEqual(['warning CertificateExpiring']);
    expect(keys(100 * DAY * (1 / 3), 1)).toEqual([]);
    expect(keys(34 * DAY, 1)).toEqual([]);
  });

  it('is no finding in the two days in which the rotation is due, and one after them', () => {
    expect(keys(30 * DAY + 1)).toEqual(['warning CertificateExpiring']);
    expect(keys(30 * DAY)).toEqual([]);
    expect(keys(28 * DAY + 1)).toEqual([]);
    expect(keys(28 * DAY)).toEqual(['warning CertificateExpiring', 'warning RotationOverdue']);
  });
});

it('what is known of no rotation is none', () => {
  const wanted = desired();
  const other = state(wanted, { credentials: [{ id: 'a', age: 10 * DAYS }], method: 'none', written: [1] });
  expect(assess(wanted, other, undefined)).toEqual([]);
});
