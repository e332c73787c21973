/** tls_client_auth over days: the record of a subject DN outlives its certificates, so its time shows less than that of a certificate. */

import { describe, expect, it } from 'vitest';
import { credentialsInUse } from '../../../src/plan/in-use.ts';
import { assess } from '../../../src/watch/findings.ts';
import { by, type Day, Days, type Holding, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const TWO = [SHOP, PROD];
const dn = (id: string, age: number, subject = `CN=${id}`): Seeded => ours(id, age, { subject });

/** `a` is the record of CN=shop, and the certificate that was issued with it. */
const SHOPS = dn('a', 100, 'CN=shop');
const OLD = dn('o', 200, 'CN=old');

function worldOf(records: readonly Seeded[], secrets: Record<string, Holding>): Days {
  return new Days(records, secrets, 'tls_client_auth');
}

/** A certificate of CN=shop that was issued right before it was stored. */
function renewed(secrets: Record<string, Holding>, records = [SHOPS], age = 20): Days {
  const world = worldOf(records, { [SHOP]: by('r', age), ...secrets });
  world.certificate('r', {
    subject: 'CN=shop',
    from: world.now - age * DAY,
    to: world.now + (90 - age) * DAY,
  });
  return world;
}

async function days(world: Days, count: number, changes: Parameters<Days['day']>[0] = {}): Promise<Day[]> {
  const all: Day[] = [];
  for (let index = 1; index <= count; index += 1) {
    const day = await world.day(changes);
    expect(day.lockedOut, `day ${index}: ${day.notes}`).toEqual([]);
    all.push(day);
  }
  return all;
}

const outcomes = (all: readonly Day[]) => all.map(({ error, reason }) => error?.code ?? reason);
const rotations = (all: readonly Day[]) => all.filter(({ rotated }) => rotated).length;
const NO_ERROR = { error: undefined, removed: [] };

describe('an everyday life', () => {
  it('is renewed when it is due, with the same credential', async () => {
    const world = renewed({}, [SHOPS], 58);
    const all = await days(world, 4, { given: new Set(['subject']), subject: 'CN=shop' });
    expect(outcomes(all)).toEqual(['NotDue', 'NotDue', 'CertificateExpiring', 'NotDue']);
    expect(world.works(SHOP)).toBe(true);
    expect(world.pool.map(({ id }) => id)).toEqual(['a']);
  });

  it('another subject is a rotation, and the former one stays', async () => {
    const world = renewed({});
    const all = await days(world, 3, { given: new Set(['subject']), subject: 'CN=next' });
    expect(outcomes(all)).toEqual(['SpecChanged', 'NotDue', 'NotDue']);
    expect(world.associated).toEqual(['a', 'new1']);
  });
});

describe('the primary gets the pair of another client', () => {
  const overwritten = (subject: string, records = [SHOPS]) => {
    const world = renewed({ [SHOP]: ['x', 1] }, records);
    world.certificate('x', { subject, from: world.now - 5 * DAY, to: world.now + 500 * DAY });
    return world;
  };

  it('is refused as long as it stays, with an alarm, and a person may replace it', async () => {
    const world = overwritten('CN=other');
    const all = await days(world, 2);
    expect(outcomes(all)).toEqual(['SECRET_EXISTS', 'SECRET_EXISTS']);
    expect(all[1]?.error?.alarm).toBe(`perhaps the consumers of ${SHOP} PEM CANNOT LOG IN. Act at once`);
    const followed = await days(world, 3, { force: true, given: new Set(['subject']), subject: 'CN=shop' });
    expect(followed[0]).toMatchObject({ rotated: true, ...NO_ERROR });
    expect(world.works(SHOP)).toBe(true);
  });

  it('its own lost pair heals', async () => {
    const world = overwritten('CN=client');
    const all = await days(world, 3, { given: new Set(['subject']), subject: 'CN=shop' });
    expect(outcomes(all)).toEqual(['UnidentifiedSecret', 'NotDue', 'NotDue']);
    expect(world.works(SHOP)).toBe(true);
  });

  it('the line names another secret than the primary: it is said before each rotation for that', async () => {
    const world = renewed({});
    world.certificate('x', { subject: 'CN=client' });
    const wrong = { current: 'x', given: new Set(['subject'] as const), subject: 'CN=shop' };
    for (const day of await days(world, 2, wrong))
      expect(day.notes).toMatch(
        /If the next run says this again, check that the input reads `current-cred.*PEM \}\}/,
      );
    expect((await days(world, 1))[0]?.notes).toBe('');
  });

  it('right after the record was made it is stale, and saved once more it is believed', async () => {
    const world = worldOf([dn('a', 3, 'CN=shop')], { [SHOP]: by('a', 3) });
    world.certificate('x', { subject: 'CN=other' });
    const [day] = await days(world, 1, { current: 'x' });
    expect(day?.error?.code).toBe('STALE_CREDENTIAL');
    expect(day?.message).toContain('save that secret once more');
    world.write(SHOP, 'x');
    world.pass(1);
    expect(outcomes(await days(world, 1))).toEqual(['SECRET_EXISTS']);
  });

  it('its end is not that of the certificate in use', async () => {
    const world = overwritten('CN=other');
    const wanted = world.desired();
    const { expiresAt, isExpiryEstimated } = credentialsInUse(wanted, await world.observed(wanted));
    expect([expiresAt, isExpiryEstimated]).toEqual([world.now + 89 * DAY, true]);
  });
});

describe('the primary was rolled back to a former subject', () => {
  const back = (secrets: Record<string, Holding> = {}, age = 1) => {
    const world = worldOf([OLD, SHOPS], { [SHOP]: ['o', age], ...secrets });
    world.certificate('o', { subject: 'CN=old', from: world.now - 110 * DAY, to: world.now + 31 * DAY });
    return world;
  };

  it.each([
    ['no subject', {}],
    ['the former subject', { given: new Set(['subject'] as const), subject: 'CN=old' }],
  ])('%s: it is believed, renewed when it is due, and the other stays', async (_, changes) => {
    const world = back();
    const all = await days(world, 5, changes);
    expect(outcomes(all)).toEqual(['NotDue', 'CertificateExpiring', 'NotDue', 'NotDue', 'NotDue']);
    expect([world.works(SHOP), [...world.associated].sort()]).toEqual([true, ['a', 'o']]);
  });

  it('the workflow asks for the later subject: it is delivered again, and the former one stays', async () => {
    const world = back();
    const all = await days(world, 3, { given: new Set(['subject']), subject: 'CN=shop' });
    expect(outcomes(all)).toEqual(['SpecChanged', 'NotDue', 'NotDue']);
    expect([...world.associated].sort()).toEqual(['a', 'o']);
  });

  it('two places, of which one holds the later subject: both go on', async () => {
    const world = back({ [PROD]: by('a', 100) });
    const all = await days(world, 4, { destinations: TWO });
    expect(all.every(({ error, removed }) => error === undefined && removed.length === 0)).toBe(true);
    expect(rotations(all)).toBe(1);
    expect([world.works(SHOP), world.works(PROD)]).toEqual([true, true]);
  });

  it.each([
    ['at once', 0],
    ['after a week', 7 * DAY],
  ])(
    'no current-credential, and the overlap ends %s: the subject that it may hold stays',
    async (_, overlap) => {
      const world = back();
      const all = await days(world, 9, { current: 'none', overlap });
      expect(all.flatMap(({ removed }) => removed)).toEqual([]);
      expect(world.works(SHOP)).toBe(true);
    },
  );

  it('no current-credential, and another subject needs a place: nothing goes, and the line ends it', async () => {
    const world = back();
    const next = { given: new Set(['subject'] as const), subject: 'CN=next' };
    const all = await days(world, 2, { current: 'none', ...next });
    expect(outcomes(all)).toEqual(['SECRET_EXISTS', 'SECRET_EXISTS']);
    expect(all[1]?.message).toMatch(
      /may hold any of a, o\. Pass `current-credential: \$\{\{ secrets\.PEM \}\}`/,
    );
    const [followed] = await days(world, 1, next);
    expect(followed).toMatchObject({ rotated: true, removed: ['a'], error: undefined });
    expect(world.works(SHOP)).toBe(true);
  });
});

describe('a secondary that somebody else wrote', () => {
  it('made by hand after the primary, it gets the pair once', async () => {
    const world = renewed({ [PROD]: ['text', 1, 1] });
    const all = await days(world, 3, { destinations: TWO });
    expect(outcomes(all)).toEqual(['NotDue', 'NotDue', 'NotDue']);
    expect(all.map(({ plan: { steps } = { steps: [] } }) => steps.length)).toEqual([1, 0, 0]);
    expect(world.works(PROD)).toBe(true);
  });

  it('without current-credential it is said', async () => {
    const [day] = await days(renewed({ [PROD]: ['text', 1, 1] }), 1, { current: 'none', destinations: TWO });
    expect(day?.notes).toMatch(/It is unknown what is stored in env:acme\/ops\/prod PEM/);
  });

  it('rolled back to a former subject: it gets the pair before that subject goes', async () => {
    const world = renewed({ [PROD]: ['o', 1] }, [OLD, SHOPS]);
    const all = await days(world, 3, { destinations: TWO, overlap: 7 * DAY });
    expect(world.works(PROD)).toBe(true);
    const later = await days(world.pass(7), 2, { destinations: TWO, overlap: 7 * DAY });
    expect([...all, ...later].flatMap(({ removed }) => removed)).toEqual(['o']);
    expect(world.secrets.get(`${PROD} PEM`)?.holds).toBe('r');
  });

  it('written with the primary it holds the same, so that a former subject can go', async () => {
    const world = renewed({ [PROD]: by('r', 20) }, [OLD, SHOPS]);
    const all = await days(world, 1, { destinations: TWO, overlap: 7 * DAY });
    expect(all[0]?.removed).toEqual(['o']);
  });
});

describe('without current-credential the expiry is an estimate', () => {
  it.each([
    ['after a renewal', 20],
    ['of one made by hand that was saved yesterday', 1],
  ])('%s: each run and the watch say so', async (_, age) => {
    const world = renewed({ [SHOP]: ['a', age] });
    for (const day of await days(world, 2, { current: 'none' }))
      expect([day.reason, day.notes]).toEqual([
        'NotDue',
        expect.stringMatching(/is an estimate, .* Pass current-c/),
      ]);
    const wanted = world.desired({ current: 'none' });
    const found = assess(wanted, await world.observed(wanted), undefined);
    expect(found.map(({ key }) => key)).toContain('ExpiryEstimated');
  });

  it('with it nothing is said', async () => {
    const world = renewed({});
    const [day] = await days(world, 1);
    const wanted = world.desired();
    const found = assess(wanted, await world.observed(wanted), undefined);
    expect([day?.notes, found]).toEqual(['', []]);
  });
});

describe('one made by hand is newer than the record of the subject', () => {
  const world = () => {
    const one = renewed({}, [SHOPS, { id: 'h', age: 30, subject: 'CN=by hand' }], 20);
    one.certificate('h', { subject: 'CN=by hand', to: one.now + 300 * DAY });
    return one;
  };
  const wanted = { force: true, given: new Set(['subject'] as const), subject: 'CN=shop' };
  const warning = `h, which was made by hand on 2026-10-25, is newer than a, so the times will not show that the primary holds the certificate of a: every run will rotate. Pass current-credential, which shows it.`;

  it('without current-credential every run rotates, which is said', async () => {
    const [first] = await days(world(), 1, { ...wanted, current: 'none' });
    expect(first?.rotated).toBe(true);
    expect(first?.notes).toContain(`WARNING: ${warning}`);
  });

  it('with it none does', async () => {
    const one = world();
    const [first] = await days(one, 1, wanted);
    expect([first?.rotated, first?.notes]).toEqual([true, expect.not.stringContaining('every run')]);
    expect(outcomes(await days(one, 2, { ...wanted, force: false }))).toEqual(['NotDue', 'NotDue']);
  });
});

it('a subject that is used again is the newest of ours: a younger one, whose key is lost, goes', async () => {
  const by = { id: 'h', age: 40, subject: 'CN=again' };
  const world = worldOf([by, dn('n', 1)], {});
  const wanted = { current: 'none', given: new Set(['subject'] as const), subject: 'CN=again' };
  const [day] = await days(world, 1, wanted);
  expect([day?.reason, day?.error, day?.removed]).toEqual(['FirstDelivery', undefined, ['n']]);
  expect(world.pool.map(({ id }) => id)).toEqual(['h']);
  expect(outcomes(await days(world, 2, { ...wanted, current: 'primary' }))).toEqual(['NotDue', 'NotDue']);
});
