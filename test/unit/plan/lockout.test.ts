/** A plan that stops says so loudly where consumers cannot log in any more. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type Day, Days, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY, type DesiredChanges, desired, state } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const LAST = 'repo:acme/last';
const hand = (id: string, age: number): Seeded => ({ id, age, expires: 300 });
const alarm = ({ error }: Day) => error?.alarm;

describe('a rotation that has to stop raises an alarm', () => {
  it('if the certificate in use has expired, with the day', async () => {
    const world = new Days([hand('h', 200), ours('c', 95)], { [SHOP]: ['c', 94.9999] });
    const day = await world.day({ keep: ['h', 'c'] });
    expect(day.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(alarm(day)).toBe(
      'the current key expired on 19 November 2026: its consumers CANNOT LOG IN. Act at once',
    );
  });

  it('if current-credential shows a pair that Auth0 does not know', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: ['lost', 1] });
    world.certificate('lost', { subject: 'CN=client' });
    const day = await world.day();
    expect(day.error?.code).toBe('SECRET_EXISTS');
    expect(alarm(day)).toBe('perhaps the consumers of repo:acme/shop PEM CANNOT LOG IN. Act at once');
  });

  it('if what a destination holds is not associated and cannot be', async () => {
    const records = [hand('g', 4), hand('h', 5), ours('c', 10, { associated: false })];
    const day = await new Days(records, { [SHOP]: ['c', 9.9999] }).day();
    expect(day.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(alarm(day)).toBe('perhaps the consumers of repo:acme/shop PEM CANNOT LOG IN. Act at once');
  });

  it('if only a part could be associated again, and so nothing is', async () => {
    const records = [
      hand('g', 40),
      ours('b', 50, { associated: false }),
      ours('c', 10, { associated: false }),
    ];
    const world = new Days(records, { [SHOP]: ['c', 9.9999], [PROD]: ['b', 49.9999] });
    expect(alarm(await world.day({ destinations: [SHOP, PROD] }))).toBe(
      `perhaps the consumers of ${SHOP} PEM, ${PROD} PEM CANNOT LOG IN. Act at once`,
    );
  });

  it('if a first step helps one destination, and another still waits', async () => {
    const records = [hand('g', 4), ours('c', 10, { associated: false })];
    const world = new Days(records, { [SHOP]: ['lost', 1], [PROD]: ['c', 9.9999] });
    world.certificate('lost', { subject: 'CN=client' });
    const day = await world.day({ destinations: [SHOP, PROD] });
    expect([day.error?.code, world.works(PROD)]).toEqual(['SECRET_EXISTS', true]);
    expect(alarm(day)).toBe(`perhaps the consumers of ${SHOP} PEM CANNOT LOG IN. Act at once`);
  });

  it('but not if current-credential is only out of date', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: ['c', 9.9999] });
    world.certificate('lost', { subject: 'CN=client' });
    const day = await world.day({ current: 'lost' });
    expect([day.error?.code, alarm(day)]).toEqual(['STALE_CREDENTIAL', undefined]);
  });

  it('nor if the first steps associate it again', async () => {
    const records = [hand('g', 70), ours('h', 80, { associated: false })];
    const world = new Days(records, { [SHOP]: ['h', 79.9999] });
    const day = await world.day({ force: true });
    expect([day.error?.code, alarm(day), world.works(SHOP)]).toEqual(['CREDENTIAL_LIMIT', undefined, true]);
  });

  it('nor if everybody can log in', async () => {
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
    const exact = desired({ method: 'tls_client_auth', current: 'a' }).currentKey;
    expect(stopped({ currentKey: exact && { ...exact, notAfter: new Date(observed.now - DAY) } })).toMatch(
      /expired on/,
    );
  });
});

describe('a destination that refuses its write', () => {
  it('stops a rehearsal and an enrollment, which are told how to go on without it', () => {
    const two = { destinations: [SHOP, PROD] };
    for (const wanted of [
      desired({ ...two, operation: 'rehearse' }),
      desired({ ...two, operation: 'enroll' }),
    ]) {
      const observed = state(wanted, {
        method: wanted.operation === 'enroll' ? 'client_secret_post' : wanted.method,
      });
      const error = new RotationError('GITHUB_FORBIDDEN', {
        failed: 'It is archived.',
        remedy: 'Unarchive it.',
      });
      expect(() =>
        plan(wanted, { ...observed, refusedTrials: [{ location: `${PROD} PEM`, error }] }),
      ).toThrow(
        expect.objectContaining({
          code: 'GITHUB_FORBIDDEN',
          remedy: `Unarchive it. Or, if nobody reads it, take ${PROD} out of destinations.`,
        }),
      );
    }
  });

  const refusing = (refused: readonly [string, RotationError][], changes: DesiredChanges = {}) => {
    const wanted = desired({ destinations: [SHOP, PROD, LAST], ...changes });
    const refusedTrials = refused.map(([location, error]) => ({ location, error }));
    const observed = { ...state(wanted, { credentials: [{ id: 'c', age: 80 * 1440 }] }), refusedTrials };
    try {
      return plan(wanted, observed).errorAtEnd;
    } catch (error) {
      return error as RotationError;
    }
  };
  const archivedError = new RotationError('GITHUB_FORBIDDEN', {
    failed: 'B is archived.',
    remedy: 'Unarchive B.',
  });
  const goneError = new RotationError('DESTINATION_NOT_FOUND', { failed: 'L is gone.', remedy: 'Check L.' });

  it('is named with each other one and what to do about each, so that nobody has to start a run for each', () => {
    expect(
      refusing([
        [`${PROD} PEM`, archivedError],
        [`${LAST} PEM`, goneError],
      ]),
    ).toMatchObject({
      failed: `This run cannot write ${PROD} PEM, ${LAST} PEM. B is archived. L is gone.`,
      remedy: `Unarchive B. Or, if nobody reads it, take ${PROD} out of destinations. Check L. Or, if nobody reads it, take ${LAST} out of destinations.`,
    });
  });

  it('is not advised to take the place of a primary that refuses, too', () => {
    expect(
      refusing([
        [`${SHOP} PEM`, archivedError],
        [`${PROD} PEM`, goneError],
      ])?.remedy,
    ).toBe(`Unarchive B. Check L. Or, if nobody reads it, take ${PROD} out of destinations.`);
  });

  it('says one thing once for all parts of the pair', () => {
    const parts = { privateKeySecretName: 'KEY' };
    expect(
      refusing(
        [
          [`${PROD} PEM`, archivedError],
          [`${PROD} KEY`, archivedError],
        ],
        parts,
      ),
    ).toMatchObject({
      failed: `This run cannot write ${PROD} PEM, ${PROD} KEY. B is archived.`,
      remedy: `Unarchive B. Or, if nobody reads it, take ${PROD} out of destinations.`,
    });
  });

  const archived = async (holds: readonly [string, number] | undefined, associated = true, age = 70) => {
    const records = [ours('p', age, { associated }), ours('c', 10)];
    const held = { [SHOP]: ['c', 9.9999] as const };
    const world = new Days(records, holds ? { ...held, [PROD]: holds } : held);
    world.archived.add(`${PROD} PEM`);
    return (await world.day({ destinations: [SHOP, PROD], keep: associated ? [] : ['p'] })).error;
  };

  it('keeps what it holds if that is associated', async () => {
    const error = await archived(['p', 69.9999]);
    expect([error?.code, error?.alarm]).toEqual(['DELIVERY_INCOMPLETE', undefined]);
    expect(error?.stateNow).toContain(
      `What is stored in ${PROD} PEM stays associated and expires on 14 December 2026.`,
    );
  });

  it('locks its consumers out if it holds nothing that Auth0 knows, and that is the first line', async () => {
    const error = await archived(['text', 365]);
    expect(error?.alarm).toBe(`the consumers of ${PROD} PEM CANNOT LOG IN. Act at once`);
    expect(error?.stateNow).toMatch(
      new RegExp(`^The consumers of ${PROD} PEM CANNOT LOG IN until a write succeeds there`),
    );
  });

  it('locks its consumers out if what it holds has expired', async () => {
    const error = await archived(['p', 89.9999], true, 90);
    expect(error?.alarm).toBe(`the consumers of ${PROD} PEM CANNOT LOG IN. Act at once`);
    expect(error?.stateNow).not.toContain('stays associated');
  });

  it('has no readers if it has no secret yet', async () => {
    const error = await archived(undefined);
    expect([error?.code, error?.alarm]).toEqual(['DELIVERY_INCOMPLETE', undefined]);
    expect(error?.stateNow).toContain(`There is no secret yet in ${PROD} PEM.`);
  });

  const A = 'env:acme/ops/a';
  const B = 'env:acme/ops/b';
  const C = 'env:acme/ops/c';
  const D = 'env:acme/ops/d';
  const E = 'repo:acme/hidden';
  const worst = async (destinations: readonly string[], changes: Parameters<Days['day']>[0] = {}) => {
    const world = new Days([ours('p', 70), ours('c', 10)], {
      [SHOP]: ['c', 9.9999],
      [A]: ['p', 69.9999],
      [B]: ['text', 365],
      [D]: ['other', 365],
      [E]: ['c', 9.9999],
    });
    for (const place of [A, B, C, D]) world.archived.add(`${place} PEM`);
    world.hidden.add(`${E} PEM`);
    return (await world.day({ destinations: [SHOP, ...destinations], ...changes })).error;
  };

  it('and others with it: each is named with what is true of it, the worst first', async () => {
    const error = await worst([A, B, C, D, E]);
    expect(error?.failed).toContain(
      `This run leaves out ${E} PEM, and cannot write ${A} PEM, ${B} PEM, ${C} PEM, ${D} PEM. GitHub does not show ${E}`,
    );
    expect(error?.stateNow).toBe(
      `The consumers of ${B} PEM, ${D} PEM CANNOT LOG IN until a write succeeds there. What is stored in ${A} PEM stays associated and expires on 14 December 2026. It is unknown what is stored in ${E} PEM. Nothing was written there. There is no secret yet in ${C} PEM. Everything else is done.`,
    );
    expect(error?.remedy).toContain(`Or, if nobody reads it, take ${E} out of destinations.`);
  });

  it('cannot be written, which is not the same as left out', async () => {
    expect((await worst([C]))?.failed).toContain(`This run cannot write ${C} PEM.`);
    expect((await worst([E]))?.stateNow).toBe(
      `It is unknown what is stored in ${E} PEM. Nothing was written there. Everything else is done.`,
    );
  });

  it('keeps what it holds until the first of them expires, and for good if Auth0 records no expiry', async () => {
    const both = new Days([ours('p', 70), ours('c', 10)], {
      [SHOP]: ['c', 9.9999],
      [A]: ['p', 69.9999],
      [B]: ['c', 5, 5],
    });
    for (const place of [A, B]) both.archived.add(`${place} PEM`);
    const { error } = await both.day({ destinations: [SHOP, A, B] });
    expect(error?.stateNow).toContain(
      `What is stored in ${A} PEM, ${B} PEM stays associated and expires on 14 December 2026.`,
    );
    const records = [ours('p', 70, { subject: 'CN=old' }), ours('c', 10)];
    const dns = new Days(records, { [SHOP]: ['c', 9.9999], [A]: ['p', 69.9999] }, 'tls_client_auth');
    dns.archived.add(`${A} PEM`);
    expect((await dns.day({ destinations: [SHOP, A] })).error?.stateNow).toContain('stays associated. ');
  });

  it('hides another one: nobody is told to take it out of destinations', () => {
    const wanted = desired({ destinations: [SHOP, PROD], current: 'a' });
    const observed = state(wanted, { credentials: [{ id: 'a', age: 60 }], written: [59] });
    const secrets = observed.secrets.map((secret, index) =>
      index === 1 ? { ...secret, wouldHide: { ...secret.location, secretName: 'OTHER' } } : secret,
    );
    const { errorAtEnd } = plan(wanted, { ...observed, secrets });
    expect(errorAtEnd?.code).toBe('SECRET_EXISTS');
    expect(errorAtEnd?.remedy).toMatch(/ once with force: true\.$/);
  });

  it.each(['is not shown', 'would hide another one'])(
    'stops no revert if it %s: that stores nothing',
    (how) => {
      const wanted = desired({ destinations: [SHOP, PROD], operation: 'revert' });
      const observed = state(wanted, { credentials: [{ id: 'a', age: 60 }], written: [59] });
      const error = new RotationError('DESTINATION_NOT_FOUND', { failed: 'No.', remedy: 'Look.' });
      const secrets = observed.secrets.map((secret, index) => {
        if (index === 0) return secret;
        return how === 'is not shown'
          ? { ...secret, times: 'unread' as const, refused: error }
          : { ...secret, wouldHide: { ...secret.location, secretName: 'OTHER' } };
      });
      const { errorAtEnd, reason } = plan(wanted, { ...observed, secrets });
      expect([reason, errorAtEnd]).toEqual(['MethodDiffers', undefined]);
    },
  );
});
