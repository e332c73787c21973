/** A plan that stops says so loudly where consumers cannot log in any more. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type Day, Days, OURS, type Seeded, SHOP } from '../../support/days.ts';
import { DAY, desired, state } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const ours = (id: string, age: number, more: Partial<Seeded> = {}): Seeded => ({
  id,
  age,
  owner: OURS,
  ...more,
});
const hand = (id: string, age: number): Seeded => ({ id, age, expires: 300 });
const alarm = ({ error }: Day) => error?.alarm;

describe('a rotation that has to stop raises an alarm', () => {
  it('where the certificate in use has expired, with the day', async () => {
    const world = new Days([hand('h', 200), ours('c', 95)], { [SHOP]: ['c', 94.9999] });
    const day = await world.day({ keep: ['h', 'c'] });
    expect(day.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(alarm(day)).toBe(
      'the current key expired on 19 November 2026: its consumers CANNOT LOG IN. Act at once',
    );
  });

  it('where current-credential shows a pair that Auth0 does not know', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: ['lost', 1] });
    world.certificate('lost', { subject: 'CN=client' });
    const day = await world.day();
    expect(day.error?.code).toBe('SECRET_EXISTS');
    expect(alarm(day)).toBe('perhaps the consumers of repo:acme/shop PEM CANNOT LOG IN. Act at once');
  });

  it('where what a destination holds is not associated and cannot be', async () => {
    const records = [hand('g', 4), hand('h', 5), ours('c', 10, { associated: false })];
    const day = await new Days(records, { [SHOP]: ['c', 9.9999] }).day();
    expect(day.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(alarm(day)).toBe('perhaps the consumers of repo:acme/shop PEM CANNOT LOG IN. Act at once');
  });

  it('but not where the first steps associate it again', async () => {
    const records = [hand('g', 70), ours('h', 80, { associated: false })];
    const world = new Days(records, { [SHOP]: ['h', 79.9999] });
    const day = await world.day({ force: true });
    expect([day.error?.code, alarm(day), world.works(SHOP)]).toEqual(['CREDENTIAL_LIMIT', undefined, true]);
  });

  it('nor where everybody logs in', async () => {
    const world = new Days([hand('h', 70), ours('c', 65)], { [SHOP]: ['c', 64.9999] });
    expect(alarm(await world.day({ keep: ['h'] }))).toBeUndefined();
  });

  it('nor by the estimated expiry of a subject DN', () => {
    const wanted = desired({ method: 'tls_client_auth', subject: 'identity-x', keep: ['a', 'b'] });
    const days = 24 * 60;
    const credentials = [
      { id: 'a', age: 95 * days },
      { id: 'b', age: 99 * days },
    ];
    const observed = state(wanted, { credentials, written: [95 * days - 0.1] });
    const stopped = (current: Partial<typeof wanted>) => {
      try {
        return plan({ ...wanted, ...current }, observed);
      } catch (error) {
        return error instanceof RotationError ? error.alarm : error;
      }
    };
    expect(stopped({})).toBeUndefined();
    const exact = desired({ method: 'tls_client_auth', current: 'a' }).current;
    expect(stopped({ current: exact && { ...exact, notAfter: new Date(observed.now - DAY) } })).toMatch(
      /expired on/,
    );
  });
});

describe('a destination that refuses its write', () => {
  const archived = async (holds: readonly [string, number] | undefined) => {
    const world = new Days([ours('c', 65)], { [SHOP]: ['c', 64.9999], ...(holds ? { [PROD]: holds } : {}) });
    world.certificate('lost', { subject: 'CN=client' });
    world.archived.add(`${PROD} PEM`);
    return world.day({ destinations: [SHOP, PROD], force: true, overlap: 0 });
  };

  it('keeps what it holds where that is associated', async () => {
    expect((await archived(['c', 64.9999])).message).toContain(`${PROD} PEM`);
  });

  it('has no readers where it has no secret yet', async () => {
    const day = await archived(undefined);
    expect([day.error?.alarm, day.message.includes('CANNOT LOG IN')]).toEqual([undefined, false]);
  });
});
