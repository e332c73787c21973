/** When the credential in use expires: by what Auth0 records, by its certificate, or by an estimate. */

import { describe, expect, it } from 'vitest';
import { expiryOf } from '../../../src/plan/expiry.ts';
import { DAY, type DesiredChanges, desired, NOW, state } from '../../support/states.ts';

describe('when the credential in use expires', () => {
  const held = (changes: DesiredChanges, key: object | undefined, record: object = {}) => {
    const wanted = desired({ ...(key && { current: 'a' }), ...changes });
    if (wanted.currentKey) Object.assign(wanted.currentKey, key);
    const observed = state(wanted, { credentials: [{ id: 'a', age: 60 }], written: [5] });
    const [found] = observed.pool;
    const { expiresAt, isExpiryEstimated } = expiryOf(wanted, observed, found && { ...found, ...record });
    return [expiresAt === undefined ? undefined : (expiresAt - NOW) / DAY, isExpiryEstimated];
  };
  const CA = { method: 'tls_client_auth' } as const;
  const ending = (days: number) => ({ notAfter: new Date(NOW + days * DAY) });

  it.each<[string, DesiredChanges, object | undefined, object, unknown[]]>([
    ['by the record', {}, undefined, {}, [60, false]],
    ['by the certificate, if that is earlier', {}, ending(50), {}, [50, false]],
    ['by the record, if that is earlier', {}, ending(70), {}, [60, false]],
    ['by the certificate alone', {}, ending(70), { expiresAt: undefined }, [70, false]],
    ['a key has no certificate', {}, { notAfter: undefined }, {}, [60, false]],
    [
      'nothing shows it: estimated from its creation',
      {},
      undefined,
      { expiresAt: undefined },
      [90 - 60 / 24 / 60, true],
    ],
    [
      'nothing shows it, and a person made it',
      {},
      undefined,
      { expiresAt: undefined, name: 'by hand' },
      [undefined, false],
    ],
    ['a subject DN: the certificate, not the record', CA, ending(70), {}, [70, false]],
    ['a subject DN: estimated from the delivery', CA, undefined, {}, [90 - 5 / 24 / 60, true]],
    [
      'a subject DN: not after the end of the CA',
      { ...CA, authorityEnd: NOW + 20 * DAY },
      undefined,
      {},
      [20, true],
    ],
    [
      'a subject DN: a CA that ends later',
      { ...CA, authorityEnd: NOW + 200 * DAY },
      undefined,
      {},
      [90 - 5 / 24 / 60, true],
    ],
    [
      'a subject DN: a CA that had ended before the delivery did not sign it',
      { ...CA, authorityEnd: NOW - DAY },
      undefined,
      {},
      [90 - 5 / 24 / 60, true],
    ],
  ])('%s', (_, changes, key, record, expected) => {
    expect(held(changes, key, record)).toEqual(expected);
  });

  it('nothing is in use', () => {
    const wanted = desired(CA);
    expect(expiryOf(wanted, state(wanted, { written: [5] }), undefined).expiresAt).toBeUndefined();
    const [record] = state(wanted, { credentials: [{ id: 'a', age: 5 }] }).pool;
    expect(expiryOf(wanted, { ...state(wanted), secrets: [] }, record)).toEqual({
      expiresAt: undefined,
      isExpiryEstimated: false,
    });
  });
});
