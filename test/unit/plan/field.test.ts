/** What real set-ups did to the planner, by the row of the field report: several states of each kind, over days. */

import { describe, expect, it } from 'vitest';
import { factsOf } from '../../../src/certificate/credential.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { parseDestination } from '../../../src/model/secret-location.ts';
import { parseSubject, printSubject } from '../../../src/model/subject-dn.ts';
import { plan } from '../../../src/plan/plan.ts';
import { namedForDeletion } from '../../support/advice.ts';
import { by, type Day, Days, type Holding, hand, OURS, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY, NOW } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const THIRD = 'repo:acme/third';
const TWO = [SHOP, PROD];
const THREE = [SHOP, PROD, THIRD];

const movedFrom = (text: string, secretName?: string) => {
  const destination = parseDestination(text);
  if (destination === undefined) throw new Error(text);
  return { destination, secretName };
};
const removableCredentials = (...ids: string[]) => ({ removableCredentials: new Set(ids) });

/** What no day may do, whatever else it does. */
function expectSafe(world: Days, day: Day, name = ''): void {
  expect(day.lockedOut, `${name}: locked out, ${day.notes}`).toEqual([]);
  const held = [...world.secrets.values()].map(({ holds }) => holds ?? '');
  const working = held.filter((id) => world.associated.includes(id));
  expect(namedForDeletion(day.message, working), `${name}: ${day.message}`).toEqual([]);
}

async function days(world: Days, count: number, changes: Parameters<Days['day']>[0] = {}): Promise<Day[]> {
  const all: Day[] = [];
  for (let index = 1; index <= count; index += 1) {
    all.push(await world.day(changes));
    expectSafe(world, all[index - 1] as Day, `day ${index}`);
  }
  return all;
}

const rotations = (all: readonly Day[]) => all.filter(({ rotated }) => rotated).length;
const outcomes = (all: readonly Day[]) => all.map(({ error, reason }) => error?.code ?? reason);
/** Where nothing shows what is in use: ids and dates to decide by. */
const LIST = /Pass current-credential, .* of 2026-.* Find out in Auth0's logs which one nobody uses/;
const LINE = /current-credential: \$\{\{ secrets\.PEM \}\}/;

describe('current-credential is the pair of another client, every day', () => {
  it('the first delivery rotates once, and the key of day 0 goes on to log in', async () => {
    const world = new Days([hand('h', 200)]);
    world.certificate('other', { subject: 'CN=other' });
    const all = await days(world, 3, { current: 'other' });
    expect(all[0]).toMatchObject({ rotated: true, error: undefined });
    expect(outcomes(all.slice(1))).toEqual(['STALE_CREDENTIAL', 'STALE_CREDENTIAL']);
    expect(all[2]?.message).toMatch(LINE);
    expect(world.associated).toContain('h');
  });

  it.each([
    ['ours is delivered, another client', [ours('c', 10)], { [SHOP]: by('c', 10) }, 'CN=other', [SHOP]],
    ['ours is delivered, of this subject', [ours('c', 10)], { [SHOP]: by('c', 10) }, 'CN=client', [SHOP]],
    ['two of ours', [ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) }, 'CN=other', [SHOP]],
    ['beside one made by hand', [hand('h', 70), ours('c', 10)], { [SHOP]: by('c', 10) }, 'CN=other', [SHOP]],
    ['due for a long time', [ours('c', 85)], { [SHOP]: by('c', 85) }, 'CN=other', [SHOP]],
    ['two places', [ours('c', 10)], { [SHOP]: by('c', 10), [PROD]: by('c', 10) }, 'CN=other', TWO],
  ])('%s: nothing is changed', async (_, records, secrets, subject, destinations) => {
    const world = new Days(records, secrets as Record<string, Holding>);
    world.certificate('other', { subject });
    const all = await days(world, 3, { current: 'other', destinations });
    expect(outcomes(all)).toEqual(['STALE_CREDENTIAL', 'STALE_CREDENTIAL', 'STALE_CREDENTIAL']);
    expect(all.map(({ message }) => LINE.test(message))).toEqual([true, true, true]);
    expect(world.pool.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
  });

  it('its own lost pair heals once, and no more', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: ['lost', 1] });
    world.certificate('lost', { subject: 'CN=client' });
    const all = await days(world, 3, { current: 'lost' });
    expect(outcomes(all)).toEqual(['UnidentifiedSecret', 'STALE_CREDENTIAL', 'STALE_CREDENTIAL']);
    expect(rotations(all)).toBe(1);
    expect(world.works(SHOP)).toBe(true);
  });

  it('with the right line nothing is due the next day', async () => {
    const world = new Days([hand('h', 20)]);
    world.certificate('other', { subject: 'CN=other' });
    await days(world, 2, { current: 'other' });
    expect(outcomes(await days(world, 2))).toEqual(['NotDue', 'NotDue']);
  });
});

describe('the subject has attributes that programs name differently', () => {
  const key = generateKey(2048);
  it.each([
    ['of an organization', '2.5.4.97=PSDFI-X,CN=shop'],
    ['of a person', '2.5.4.4=Doe,2.5.4.42=Jane,2.5.4.12=Dr.,CN=shop'],
    ['of a business', '2.5.4.15=Private Organization,1.3.6.1.4.1.311.60.2.1.3=BR,CN=shop'],
    ['of nobody', '1.2.3.4.5=x,CN=shop'],
    ['by a short name', 'UID=shop,EMAILADDRESS=a@example.test,SERIALNUMBER=12,ST=BE,STREET=Main 1,CN=shop'],
    ['with separators', 'O=Acme\\, Inc.\\+Co,2.5.4.97=A\\=B,CN=shop'],
    ['with letters beyond ASCII', 'O=Bäcker & Söhne,2.5.4.97=Çelik,CN=shop'],
  ])('%s: nothing is due the next day', async (_, text) => {
    const subject = printSubject(parseSubject(text));
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10) });
    const wanted = world.desired({ subject, given: new Set(['subject']) });
    const pair = await issueCertificate(await key, { subject, validityDays: 90 }, world.now);
    const currentKey = { ...factsOf('self_signed_tls_client_auth', pair), identity: 'identity-c' };
    expect(plan({ ...wanted, currentKey }, await world.observed(wanted)).reason).toBe('NotDue');
    const other = { ...wanted, subject: `${subject},C=DE`, currentKey };
    expect(plan(other, await world.observed(wanted)).reason).toBe('SpecChanged');
  });
});

describe('a destination is added, no current-credential', () => {
  it('a place is free: nobody is interrupted, and the new one is served at once', async () => {
    for (const destinations of [TWO, THREE]) {
      const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10) });
      const [first, second] = await days(world, 2, { current: 'none', destinations });
      expect(first).toMatchObject({ rotated: true, removed: [], error: undefined });
      expect(first?.notes).not.toContain('INTERRUPTION');
      expect(second).toMatchObject({ reason: 'NotDue', error: undefined });
      for (const scope of destinations) expect(world.works(scope)).toBe(true);
    }
  });

  it.each([
    ['made by hand long ago', [hand('h', 50), ours('c', 10)]],
    ['two of ours', [ours('p', 70), ours('c', 10)]],
    ['a successor of less than 7 days', [hand('h', 50), ours('c', 3)]],
    ['kept', [hand('k', 50), ours('c', 10)]],
    ["another workflow's", [{ ...hand('o', 50), owner: 'repo:acme/else#PEM' }, ours('c', 10)]],
  ])('%s: the new place waits for the next rotation, and the plan says so', async (_, records) => {
    const age = records[1]?.age ?? 0;
    const world = new Days(records, { [SHOP]: by('c', age) });
    const [day] = await days(world, 1, { current: 'none', destinations: TWO, keep: ['k'] });
    expect(day).toMatchObject({ rotated: false, error: undefined, removed: [] });
    expect(`${day?.plan?.explanation} ${day?.notes}`).toContain(PROD);
    expect(day?.notes).not.toContain('INTERRUPTION');
    const later = await days(world.pass(80 - age), 1, { current: 'none', destinations: TWO, keep: ['k'] });
    expect(
      records[0]?.owner === OURS || records[0]?.id === 'h' ? world.works(PROD) : later[0]?.error,
    ).toBeTruthy();
  });

  it('with the key at hand the place is served at once, and no key is made', async () => {
    const world = new Days([hand('h', 50), ours('c', 10)], { [SHOP]: by('c', 10) });
    const [day] = await days(world, 1, { destinations: THREE });
    expect(day).toMatchObject({ rotated: false, error: undefined, removed: [] });
    for (const scope of THREE) expect(world.works(scope)).toBe(true);
  });

  it.each([[[]], [[hand('h', 50)]]])(
    'so is a new primary, even if the method is full (%j)',
    async (others) => {
      const world = new Days([...others, ours('c', 10)], { [SHOP]: by('c', 10) });
      const destinations = [PROD, SHOP];
      const [day] = await days(world, 1, { current: 'c', destinations });
      expect(day).toMatchObject({ rotated: false, reason: 'NotDue', error: undefined, removed: [] });
      expect(day?.plan?.credentials.find(({ stage }) => stage === 'current')?.id).toBe('c');
      expect(day?.plan?.nextRotation).toBe(NOW + 50 * DAY);
      for (const scope of destinations) expect(world.works(scope)).toBe(true);
      const [next] = await days(world, 1, { current: 'c', destinations, force: true });
      expect(next).toMatchObject({ rotated: true, error: undefined });
    },
  );
});

describe('a certificate made by hand that is valid for years', () => {
  it('is replaced on the day that every run before has named', async () => {
    // By default 90 days less 30, of which 59 are over.
    const world = new Days([hand('h', 59)], { [SHOP]: ['h', 58] });
    const [day] = await days(world, 1);
    expect(day).toMatchObject({ rotated: false, error: undefined });
    expect(day?.plan?.nextRotation).toBe(world.now);
    expect((await world.day({})).reason).toBe('CertificateTooOld');
  });
});

describe('what was made by hand is announced before it goes', () => {
  const announces = (day: Day | undefined, id: string) => {
    const at = new Date(day?.plan?.nextRotation ?? 0).toISOString().slice(0, 10);
    return new RegExp(`\\b${id}\\b.*${at}|${at}.*\\b${id}\\b`).test(day?.notes ?? '');
  };

  it.each([
    ['its secret is made now', {}],
    ['it stands in the secret', { [SHOP]: ['h', 30] as Holding }],
  ])('%s: in every run from the first rotation on', async (_, secrets) => {
    const world = new Days([hand('h', 70)], secrets);
    const all = await days(world, 3);
    expect(rotations(all)).toBe(1);
    expect(all.map((day) => announces(day, 'h'))).toEqual([true, true, true]);
    const later = await days(world.pass(50), 12);
    const removal = later.findIndex(({ removed }) => removed.includes('h'));
    expect(removal).toBeGreaterThan(0);
    expect(later.slice(0, removal).every((day) => announces(day, 'h'))).toBe(true);
  });

  it('nor within 7 days of its first successor', async () => {
    const world = new Days([hand('h', 70), ours('c', 3)], { [SHOP]: by('c', 3) });
    const all = await days(world, 6, { overlap: 0 });
    expect(all.map(({ removed }) => removed.length)).toEqual([0, 0, 0, 0, 0, 1]);
    for (const { notes } of all.slice(0, 5))
      expect(notes).toMatch(/The first run on or after 2026-11-28, when its overlap is over, removes h, /);
  });

  it('the run that delivers the first successor says the day, whatever the overlap is', async () => {
    for (const overlap of [0, 2 * DAY]) {
      const all = await days(new Days([hand('h', 70)]), 9, { overlap });
      expect(all.map(({ removed }) => removed.length)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
      for (const { notes } of all.slice(0, 8))
        expect(notes).toMatch(/The first run on or after 2026-12-01, when its overlap is over, removes h, /);
    }
  });

  it('nor does it go with the rotation that is due since it expires soon itself: the primary has a new pair then', async () => {
    const world = new Days([hand('h', 360, { expires: 5 })], { [SHOP]: ['h', 300] });
    const all = await days(world, 4, { overlap: 0 });
    expect([rotations(all), all.flatMap(({ removed }) => removed)]).toEqual([1, []]);
    expect(all[0]?.notes).toMatch(
      /The first run on or after 2026-12-01, when its overlap is over, removes h, which was made by hand/,
    );
    const later = await days(world.pass(4), 1, { overlap: 0 });
    expect(later[0]?.removed).toEqual(['h']);
  });

  it('unless it is released', async () => {
    const world = new Days([hand('h', 70), ours('c', 3)], { [SHOP]: by('c', 3) });
    expect((await days(world, 1, { overlap: 0, ...removableCredentials('h') }))[0]?.removed).toEqual(['h']);
  });
});

describe('a rotation that must stop, and a held one that is not associated', () => {
  it.each([
    ['by hand, both', [hand('g', 70), hand('h', 50, { associated: false })]],
    ['ours is held', [hand('g', 70), ours('h', 80, { associated: false })]],
  ])('%s: it is healed first, then the stop is said', async (_, records) => {
    const world = new Days(records, { [SHOP]: by('h', records[1]?.age ?? 0) });
    const all = await days(world, 3, { force: true });
    expect(world.works(SHOP)).toBe(true);
    expect(outcomes(all)).toEqual(['CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT']);
    expect(all[2]?.message).toContain('removable-credentials: g');
    const [followed] = await days(world, 1, { force: true, ...removableCredentials('g') });
    expect(followed).toMatchObject({ rotated: true, removed: ['g'] });
  });
});

describe('a rotation that must stop, and a delivery that can be finished', () => {
  it('the delivery is finished, so that what was made by hand goes after its week of notice', async () => {
    const world = new Days([hand('h', 70), ours('c', 65)], { [SHOP]: by('c', 65), [PROD]: ['h', 66] });
    const all = await days(world, 9, { destinations: TWO });
    expect(outcomes(all)).toEqual([...Array(8).fill('CREDENTIAL_LIMIT'), 'CertificateExpiring']);
    expect(all[1]?.message).toContain('If you do nothing, the first rotation after 2026-12-01');
    expect(all[8]).toMatchObject({ rotated: true, removed: ['h'] });
  });
});

describe('keep-credentials names one made by hand', () => {
  it('the first run says what will be, and the last names the ways out', async () => {
    const world = new Days([hand('h', 20)]);
    const [first] = await days(world, 1, { keep: ['h'] });
    expect(first).toMatchObject({ rotated: true });
    expect(first?.notes).toMatch(/keep-credentials/);
    const [due] = await days(world.pass(60), 1, { keep: ['h'] });
    expect(due?.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(due?.message).toMatch(/keep-credentials/);
    expect(outcomes(await days(world, 1))).toEqual(['CertificateExpiring']);
  });

  it('an id that the client lacks is named, and one that it has is not', async () => {
    const world = new Days([hand('h', 20)]);
    const [first] = await days(world, 1, { keep: ['h', 'hh'] });
    expect(first?.notes).toMatch(/has no credential hh, which keep-credentials names/);
    expect(first?.notes).not.toMatch(/no credential h\b/);
  });
});

describe('the primary holds what this client cannot explain', () => {
  const pairOfOther = (world: Days) => world.certificate('other', { subject: 'CN=other' });

  it.each([
    ['nothing in the pool', []],
    ['one by hand', [hand('h', 20)]],
    ['two by hand', [hand('h', 20), hand('g', 30)]],
    ['ours, which was overwritten', [ours('c', 10)]],
    ['two of ours', [ours('p', 70), ours('c', 10)]],
  ])('%s: refused, with the pair at hand', async (_, records) => {
    const world = new Days(records, { [SHOP]: ['other', 1] });
    pairOfOther(world);
    const all = await days(world, 3);
    expect(outcomes(all)).toEqual(['SECRET_EXISTS', 'SECRET_EXISTS', 'SECRET_EXISTS']);
    expect(world.secrets.get('repo:acme/shop PEM')?.holds).toBe('other');
    expect(world.pool.length).toBe(records.length);
  });

  it.each([
    ['nothing in the pool', []],
    ['one by hand', [hand('h', 20)]],
    ['two by hand', [hand('h', 20), hand('g', 30)]],
  ])('%s: refused without it, too', async (_, records) => {
    const world = new Days(records, { [SHOP]: ['other', 1] });
    expect(outcomes(await days(world, 2, { current: 'none' }))).toEqual(['SECRET_EXISTS', 'SECRET_EXISTS']);
  });

  it('enroll refuses it as well', async () => {
    const world = new Days([], { [SHOP]: ['other', 1] });
    world.method = 'client_secret_post';
    pairOfOther(world);
    expect(outcomes(await days(world, 1, { operation: 'enroll' }))).toEqual(['SECRET_EXISTS']);
    expect(outcomes(await days(world, 1, { operation: 'enroll', current: 'none' }))).toEqual([
      'SECRET_EXISTS',
    ]);
    expect(world.method).toBe('client_secret_post');
    expect((await days(world, 1, { operation: 'enroll', force: true }))[0]).toMatchObject({ rotated: true });
  });

  it('and so it does for a client that is enrolled already', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: ['other', 1] });
    pairOfOther(world);
    expect(outcomes(await days(world, 1, { operation: 'enroll' }))).toEqual(['SECRET_EXISTS']);
    expect(world.secrets.get('repo:acme/shop PEM')?.holds).toBe('other');
  });

  it('force overwrites it', async () => {
    const world = new Days([hand('h', 20)], { [SHOP]: ['other', 1] });
    pairOfOther(world);
    expect((await days(world, 1, { force: true }))[0]).toMatchObject({ rotated: true, error: undefined });
    expect(outcomes(await days(world, 2))).toEqual(['NotDue', 'NotDue']);
  });
});

/** A place that held the previous pair, or the current one, when its repository was archived. */
const REFUSING: [string, Seeded[], Record<string, Holding>, string[]][] = [
  [
    'one of two holds the previous one',
    [ours('p', 70), ours('c', 10)],
    { [SHOP]: by('c', 10), [PROD]: by('p', 70) },
    TWO,
  ],
  [
    'one of three holds the previous one',
    [ours('p', 70), ours('c', 10)],
    { [SHOP]: by('c', 10), [PROD]: by('p', 70), [THIRD]: by('c', 10) },
    THREE,
  ],
  [
    'beside one made by hand',
    [hand('h', 70), ours('c', 10)],
    { [SHOP]: by('c', 10), [PROD]: ['h', 60] },
    TWO,
  ],
];

describe.each([
  ['A13', 'none'],
  ['B6', 'primary'],
])('%s: a place refuses to be written, current-credential: %s', (_, current) => {
  const archive = (records: readonly Seeded[], secrets: Record<string, Holding>) => {
    const world = new Days(records, secrets);
    world.archived.add(`${PROD} PEM`);
    return world;
  };

  it.each(REFUSING)(
    '%s: nothing is evicted, nothing is made, and it is said',
    async (_, records, secrets, destinations) => {
      const world = archive(records, secrets);
      const all = await days(world, 4, { current, destinations });
      expect(rotations(all)).toBe(0);
      expect(all.every(({ error, message }) => error !== undefined && message.includes(PROD))).toBe(true);
      expect(all.at(-1)?.message).toMatch(
        new RegExp(`What is stored in ${PROD} PEM stays associated and expires on \\d+ \\w+ 20\\d\\d\\.`),
      );
      expect(world.pool.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
      expect(world.works(PROD)).toBe(true);
    },
  );

  it('a due rotation of the others goes on, into a free place', async () => {
    const world = archive([ours('c', 65)], { [SHOP]: by('c', 65), [PROD]: by('c', 65) });
    const all = await days(world, 4, { current, destinations: TWO });
    expect(world.secrets.get('repo:acme/shop PEM')?.holds).toBe('new1');
    expect(all.every(({ message }) => message.includes(PROD))).toBe(true);
    expect([world.works(SHOP), world.works(PROD)]).toEqual([true, true]);
  });

  it('what it holds goes when the primary would expire soon, and no earlier; announced before', async () => {
    const world = archive([ours('p', 130, { expires: 200 }), ours('c', 65)], {
      [SHOP]: by('c', 65),
      [PROD]: by('p', 130),
    });
    const due: Day[] = [];
    for (let age = 65; world.works(SHOP) && world.works(PROD) && age < 90; age += 1)
      due.push(await world.day({ current, destinations: TWO }));
    // A quarter of 30 days is 7.5 of its 90.
    expect(due.length).toBe(19);
    expect(due.slice(0, -1).every(({ removed, error }) => removed.length === 0 && error)).toBe(true);
    expect(
      due.slice(0, -1).every(({ message }) => message.includes(PROD) && /2026-12-12/.test(message)),
    ).toBe(true);
    expect([due.at(-1)?.removed, world.works(SHOP)]).toEqual([['p'], true]);
    expect(due.at(-1)?.notes).toMatch(
      /The consumers of .* cannot log in from the removal of p until .* can be written again/,
    );
    expect(due.at(-1)?.notes).not.toContain('within seconds');
    const after = await world.day({ current, destinations: TWO });
    expect(after.message).toContain(`The consumers of ${PROD} PEM CANNOT LOG IN`);
    expect(after.error?.alarm).toContain(`${PROD} PEM CANNOT LOG IN`);
    expect(after.message).not.toContain('stays associated');
  });
});

describe('a destination was put before those that are served', () => {
  const reordered = { current: 'none', destinations: [PROD, SHOP] };

  it.each([
    ['beside one made by hand', [hand('h', 50), ours('c', 10)]],
    ['beside another that is held', [ours('p', 70), ours('c', 10)]],
  ])('%s: nobody is interrupted to fill it, and the line ends it', async (_, records) => {
    const held = { [SHOP]: by('c', 10), ...(records[0]?.owner ? { [THIRD]: by('p', 70) } : {}) };
    const world = new Days(records, held);
    const destinations = records[0]?.owner ? [PROD, SHOP, THIRD] : [PROD, SHOP];
    const all = await days(world, 3, { current: 'none', destinations });
    expect(outcomes(all)).toEqual(['CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT']);
    expect(all[0]?.message).toContain(`Put ${SHOP} first in destinations`);
    const followed = await days(world, 2, { current: 'none', destinations: [SHOP, PROD] });
    expect(followed.every(({ error, removed }) => error === undefined && removed.length === 0)).toBe(true);
  });

  it('a place is free: it is served at once', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10) });
    const [day] = await days(world, 1, reordered);
    expect(day).toMatchObject({ rotated: true, removed: [], error: undefined });
    for (const scope of TWO) expect(world.works(scope)).toBe(true);
  });
});

describe('the primary refuses to be written', () => {
  it.each([
    [
      'forced, what it holds is unknown',
      [ours('p', 40), ours('c', 10)],
      { [SHOP]: ['p', 1] as Holding },
      [SHOP],
    ],
    [
      'due, a secondary that was the primary holds another',
      [
        ours('p', 85, { owner: `${PROD}#PEM`, expires: 10 }),
        ours('c', 60, { owner: `${PROD}#PEM`, expires: 10 }),
      ],
      { [SHOP]: by('p', 85), [PROD]: by('c', 60) },
      TWO,
    ],
  ])('%s: nobody is interrupted, and it is named', async (_, records, secrets, destinations) => {
    const world = new Days(records, secrets);
    world.archived.add(`${SHOP} PEM`);
    const all = await days(world, 2, { current: 'none', force: true, destinations });
    expect(outcomes(all)).toEqual(['DELIVERY_INCOMPLETE', 'DELIVERY_INCOMPLETE']);
    expect(all[1]?.message).toMatch(
      new RegExp(`primary destination takes no new secret: ${SHOP}.*out of destinations`),
    );
    expect(world.associated).toEqual(records.map(({ id }) => id));
  });
});

describe('a revert in an emergency goes on', () => {
  const revert = { operation: 'revert' } as const;

  it('although current-credential is not what the primary holds', async () => {
    for (const current of ['p', 'other']) {
      const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
      world.certificate('other', { subject: 'CN=other' });
      const day = await world.day({ ...revert, current });
      expect([day.error, world.method, world.pool]).toEqual([undefined, 'client_secret_post', []]);
      expect(day.lockedOut).toEqual([`${SHOP} PEM`]);
      expect(day.notes).toMatch(/INTERRUPTION: After the change of method nobody can log in/);
    }
  });

  it('although another workflow rotates the client: it ends the method for its readers, too', async () => {
    const world = new Days([ours('a', 70), ours('b', 5, { owner: 'repo:acme/shop#PEM2' })], {
      [SHOP]: by('a', 70),
      [`${SHOP} PEM2`]: by('b', 5),
    });
    const day = await world.day(revert);
    expect([day.error, world.method]).toEqual([undefined, 'client_secret_post']);
    expect(world.pool.map(({ id }) => id)).toEqual(['b']);
  });

  it('but waits for a rotation that is at work', async () => {
    const world = new Days([ours('c', 10), ours('r', 0.003)], { [SHOP]: by('c', 10) });
    const day = await world.day(revert);
    expect([day.error?.code, world.method]).toEqual(['ROTATION_IN_PROGRESS', 'self_signed_tls_client_auth']);
  });
});

describe('the primary was rolled back by hand, no current-credential', () => {
  it('no place is free: nothing is evicted, and it is said', async () => {
    const world = new Days([ours('p', 40), ours('c', 10)], { [SHOP]: ['p', 1] });
    const all = await days(world, 5, { current: 'none' });
    expect(all.every(({ error, removed }) => error !== undefined && removed.length === 0)).toBe(true);
    expect(world.works(SHOP)).toBe(true);
  });

  it('with current-credential it is believed', async () => {
    const world = new Days([ours('p', 40), ours('c', 10)], { [SHOP]: ['p', 1] });
    const all = await days(world, 3);
    expect(all.every(({ error }) => error === undefined)).toBe(true);
    expect(rotations(all)).toBeLessThanOrEqual(1);
    expect(world.works(SHOP)).toBe(true);
  });

  const formerly = { owner: `${SHOP}#PEM` };
  it.each([
    ['due', {}, 65, {}, [SHOP, PROD, THIRD]],
    ['forced', { force: true }, 10, {}, [SHOP, PROD, THIRD]],
    ['due, and put first since its delivery was missed', {}, 65, formerly, [PROD, SHOP]],
  ])(
    '%s: with its pair at hand nobody is interrupted for a place',
    async (_, more, age, marks, destinations) => {
      const older: Holding = destinations[0] === SHOP ? ['p', 1] : by('p', age + 20);
      const rest = destinations.slice(1).map((scope): [string, Holding] => [scope, by('c', age)]);
      const records = [ours('p', age + 20, { ...marks, expires: 15 }), ours('c', age, marks)];
      const world = new Days(records, { [`${destinations[0]}`]: older, ...Object.fromEntries(rest) });
      const [day] = await days(world, 1, { destinations, ...more });
      expect(day).toMatchObject({ rotated: true, removed: ['c'], error: undefined });
      expect(day?.notes).toMatch(/The primary's credential, p, is stored in .* before this rotation removes/);
      for (const scope of destinations) expect(world.works(scope)).toBe(true);
    },
  );

  it('a place is free: one rotation, into it', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: ['c', 1] });
    const all = await days(world, 3, { current: 'none' });
    expect(rotations(all)).toBe(1);
    expect(outcomes(all.slice(1))).toEqual(['NotDue', 'NotDue']);
  });

  it('saved again by hand, and due: rotated', async () => {
    const world = new Days([ours('p', 100), ours('c', 65)], { [SHOP]: ['c', 1] });
    expect((await days(world, 1, { current: 'none' }))[0]).toMatchObject({ rotated: true, removed: ['p'] });
  });
});

describe('a secondary was rolled back by hand, a removal is due', () => {
  it.each([
    ['by the overlap', {}, 10],
    ['at once', { overlap: 0 }, 10],
    ['by the rotation', { overlap: 'until-next-rotation' as const }, 65],
  ])('%s: it gets the current pair before anything is removed', async (_, changes, age) => {
    const world = new Days([ours('p', age + 60), ours('c', age)], {
      [SHOP]: by('c', age),
      [PROD]: ['p', 1],
      [THIRD]: by('c', age),
    });
    const all = await days(world, 3, { destinations: THREE, overlap: 2 * DAY, ...changes });
    expect(all.flatMap(({ removed }) => removed)).toContain('p');
    expect(all.every(({ error }) => error === undefined)).toBe(true);
    for (const scope of THREE) expect(world.works(scope)).toBe(true);
  });
});

describe('it is unknown what a secondary holds, and with overlap: 0h the rotation removes what was there before', () => {
  it('it keeps the new pair, and is not written again', async () => {
    const world = new Days([ours('c', 65)], { [SHOP]: by('c', 65), [PROD]: ['c', 1] });
    const [day] = await days(world, 1, { destinations: TWO, overlap: 0 });
    expect(day).toMatchObject({ rotated: true, removed: ['c'], error: undefined });
    for (const scope of TWO) expect(world.works(scope)).toBe(true);
  });
});

describe('what is held was taken out by hand, and both places are taken', () => {
  it.each([
    ['by older ones', [hand('g', 40), hand('h', 50), ours('c', 10, { associated: false })]],
    ['by younger ones', [hand('g', 4), hand('h', 5), ours('c', 10, { associated: false })]],
    ['one of each', [hand('g', 40), hand('h', 5), ours('c', 10, { associated: false })]],
  ])('%s: nobody is taken out unasked, and the line is printed', async (_, records) => {
    for (const current of ['primary', 'none']) {
      const world = new Days(records, { [SHOP]: by('c', 10) });
      const [day] = await days(world, 1, { current });
      expect(day?.error?.code).toBe('CREDENTIAL_LIMIT');
      expect(world.associated).toEqual(['g', 'h']);
      expect(day?.message).toMatch(current === 'primary' ? /`removable-credentials: [gh] [gh]`\./ : LIST);
      expect(day?.message).toMatch(/c \((perhaps )?held by .*, and not associated\)/);
      const [followed] = await days(world, 1, { current, ...removableCredentials('g') });
      expect(followed?.error).toBeUndefined();
      expect(world.works(SHOP)).toBe(true);
    }
  });
});

describe('the primary was called otherwise when its marks were made', () => {
  const marked = (owner: string) => [ours('p', 70, { owner }), ours('c', 10, { owner })];
  const due = (owner: string) => [ours('p', 130, { owner }), ours('c', 70, { owner })];
  const NEW = 'repo:acme/renamed';

  it.each([
    ['renamed, moved-from', 'repo:acme/shop#PEM', [NEW], { movedFrom: [movedFrom(SHOP)] }],
    ['transferred', 'repo:old/shop#PEM', [NEW], { movedFrom: [movedFrom('repo:old/shop')] }],
    [
      'another name of the secret, too',
      'repo:old/shop#OLD',
      [NEW],
      { movedFrom: [movedFrom('repo:old/shop', 'OLD')] },
    ],
    ['another name of the secret, same repository', 'repo:acme/renamed#OLD', [NEW], {}],
    ['from the repository to its environment', 'repo:acme/renamed#PEM', ['env:acme/renamed/prod'], {}],
    ['from the environment to its repository', 'env:acme/renamed/prod#PEM', [NEW], {}],
    ['reordered', 'env:acme/ops/prod#PEM', [NEW, PROD], {}],
    ['reordered, another case', 'env:acme/ops/prod#PEM', [NEW, 'env:Acme/Ops/prod'], {}],
  ])('%s: nothing is in the way, for two rotations', async (_, owner, destinations, more) => {
    const held = Object.fromEntries(destinations.map((scope): [string, Holding] => [scope, by('c', 10)]));
    const world = new Days(marked(owner), held);
    expect(outcomes(await days(world, 2, { destinations, ...more }))).toEqual(['NotDue', 'NotDue']);
    for (const round of [1, 2]) {
      const all = await days(world.pass(round === 1 ? 50 : 57), 3, { destinations, ...more });
      expect(rotations(all), outcomes(all).join()).toBe(1);
      expect(all.every(({ error }) => error === undefined)).toBe(true);
    }
  });

  it.each([
    ['not due', marked('repo:old/shop#PEM'), 10],
    ['due', due('repo:old/shop#PEM'), 70],
  ])('%s, without evidence: the message prints the line, which ends it', async (_, records, age) => {
    for (const current of ['primary', 'none']) {
      const world = new Days(records, { [NEW]: by('c', age) });
      const all = await days(world, 2, { destinations: [NEW], current });
      expect(all.every(({ removed }) => removed.length === 0)).toBe(true);
      expect(all[1]?.message).toMatch(/moved-from: repo:old\/shop\b/);
      const [followed] = await days(world, 1, {
        destinations: [NEW],
        current,
        movedFrom: [movedFrom('repo:old/shop')],
      });
      expect(followed?.error).toBeUndefined();
    }
  });

  it.each([SHOP, PROD])('with overlap: 0h, what the former secret of %s may hold stays', async (scope) => {
    const former = `${scope} OLD`;
    const world = new Days([{ id: 'c', age: 10, owner: 'repo:acme/shop#OLD' }], { [former]: by('c', 10) });
    const options = { overlap: 0, movedFrom: [movedFrom(SHOP, 'OLD')], destinations: [SHOP, PROD] };
    const [day] = await days(world, 1, options);
    expect(day).toMatchObject({ rotated: true, removed: [], error: undefined });
    expect(world.associated).toContain('c');
  });

  it('moved-from is read even if no mark shows it: the name was changed again before a run had made anything', async () => {
    const world = new Days([{ id: 'c', age: 10, owner: 'repo:acme/shop#OLD' }, ours('d', 5)], {
      [`${SHOP} BETWEEN`]: by('c', 10),
      [SHOP]: by('d', 5),
    });
    const [day] = await days(world, 1, { force: true, movedFrom: [movedFrom(SHOP, 'BETWEEN')] });
    expect(day?.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(day?.message).toContain('repo:acme/shop BETWEEN still holds one of them');
  });

  it('a former mark younger than ours is a live workflow', async () => {
    const live = [ours('c', 70, { owner: `${NEW}#PEM` }), ours('o', 5, { owner: 'repo:old/shop#PEM' })];
    const world = new Days(live, { [NEW]: by('c', 70) });
    const all = await days(world, 1, { destinations: [NEW], movedFrom: [movedFrom('repo:old/shop')] });
    expect(all[0]?.error).toBeDefined();
    expect(world.pool.map(({ id }) => id)).toEqual(['c', 'o']);
  });
});

describe('two made by hand, one of them in the secret', () => {
  it.each([
    ['the newest', [hand('g', 100), hand('h', 70)], 'h', 'g', 65],
    ['the oldest', [hand('h', 100), hand('g', 70)], 'h', 'g', 80],
  ])('%s: the message prints the line, which ends it', async (_, records, holds, released, written) => {
    const world = new Days(records, { [SHOP]: [holds, written] });
    const all = await days(world, 3);
    expect(outcomes(all)).toEqual(['CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT', 'CREDENTIAL_LIMIT']);
    expect(all[0]?.message).toContain(`removable-credentials: ${released}`);
    const followed = await days(world, 3, removableCredentials(released));
    expect(followed[0]).toMatchObject({ rotated: true, removed: [released] });
    expect(rotations(followed)).toBe(1);
    expect(outcomes(followed.slice(1))).toEqual(['NotDue', 'NotDue']);
  });

  it.each(['g', 'h'])(
    'where the secret was written when both existed, and may hold the newer one: no line (it holds %s)',
    async (holds) => {
      const world = new Days([hand('g', 100), hand('h', 70)], { [SHOP]: [holds, 65] });
      const [day] = await days(world, 1, { current: 'g' });
      expect(day?.error?.code).toBe('CREDENTIAL_LIMIT');
      expect(day?.message).not.toMatch(/removable-credentials: ?[gh]/);
      expect(day?.message).toMatch(
        /may hold that instead\. Check that the line reads .*which one nobody uses/,
      );
      const followed = await days(world, 2, {
        current: 'g',
        ...removableCredentials(holds === 'g' ? 'h' : 'g'),
      });
      expect(followed.flatMap(({ lockedOut }) => lockedOut)).toEqual([]);
    },
  );

  it('without current-credential it prints no line', async () => {
    const world = new Days([hand('g', 100), hand('h', 70)]);
    const [day] = await days(world, 1, { current: 'none' });
    expect(day?.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(day?.message).not.toMatch(/removable-credentials: [gh]/);
    expect(day?.message).toContain('removable-credentials');
  });

  it('what a place holds stays although it is released', async () => {
    const world = new Days([hand('g', 100), hand('h', 70)], { [SHOP]: ['h', 65] });
    await days(world, 2, removableCredentials('h'));
    expect(world.works(SHOP)).toBe(true);
    expect(world.associated).toContain('h');
  });
});

describe('the expired one gives way', () => {
  it.each([
    ['one of two, the older', [hand('x', 100, { expires: -5 }), hand('h', 70)], ['x']],
    ['one of two, the younger', [hand('h', 100), hand('x', 70, { expires: -5 })], ['x']],
    ['of both, one', [hand('x', 100, { expires: -5 }), hand('y', 70, { expires: -2 })], ['x']],
    ['beside ours', [hand('x', 100, { expires: -1 }), ours('c', 65)], ['x']],
  ])('%s', async (_, records, removed) => {
    const [, second] = records;
    const world = new Days(records, second?.owner ? { [SHOP]: by(second.id, second.age) } : {});
    const [day] = await days(world, 1);
    expect(day).toMatchObject({ rotated: true, error: undefined, removed });
  });

  it.each([
    ['since less than an hour', { expires: -0.03 }, []],
    ['kept', { expires: -5 }, ['x']],
  ])('%s: not yet', async (_, more, keep) => {
    const world = new Days([hand('x', 100, more), hand('h', 70)]);
    expect(outcomes(await days(world, 1, { keep }))).toEqual(['CREDENTIAL_LIMIT']);
    expect(world.associated).toEqual(['x', 'h']);
  });

  it('it stays if its place is not needed, and is never healed', async () => {
    const world = new Days([ours('x', 100), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect((await days(world, 2)).flatMap(({ removed }) => removed)).toEqual([]);
    const out = new Days([ours('x', 100, { associated: false })], { [SHOP]: by('x', 100) });
    const [day] = await days(out, 1);
    expect(day).toMatchObject({ rotated: true });
    expect(out.associated).not.toContain('x');
  });
});

describe('a secret that holds any text, made by hand', () => {
  it.each([
    ['a secondary', [SHOP, PROD], [PROD]],
    ['two of them', THREE, [PROD, THIRD]],
  ])('%s: it gets the pair once', async (_, destinations, made) => {
    const secrets = Object.fromEntries(made.map((scope): [string, Holding] => [scope, ['text', 1, 1]]));
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10), ...secrets });
    const all = await days(world, 3, { destinations });
    expect(outcomes(all)).toEqual(['NotDue', 'NotDue', 'NotDue']);
    for (const scope of destinations) expect(world.works(scope)).toBe(true);
    expect(all.map(({ plan }) => plan?.steps.length)).toEqual([made.length, 0, 0]);
  });
});

describe('a certificate whose expiry is not recorded', () => {
  it('rotates by the expiry in the certificate itself', async () => {
    const world = new Days([ours('c', 10, { expires: null })], { [SHOP]: by('c', 10) });
    world.certificate('c', { subject: 'CN=client', to: world.now + 40 * DAY });
    expect(outcomes(await days(world, 1))).toEqual(['NotDue']);
    world.certificate('c', { subject: 'CN=client', to: world.now + 20 * DAY });
    expect(outcomes(await days(world, 1))).toEqual(['CertificateExpiring']);
  });

  it('nor does a later one in Auth0 outlive it', async () => {
    const world = new Days([ours('c', 85, { expires: 400 })], { [SHOP]: by('c', 85) });
    world.certificate('c', { subject: 'CN=client', to: world.now + 5 * DAY });
    expect(outcomes(await days(world, 2))).toEqual(['CertificateExpiring', 'NotDue']);
  });

  it('over, it is expired', async () => {
    const world = new Days([ours('c', 100, { expires: null })], { [SHOP]: by('c', 100) });
    world.certificate('c', { subject: 'CN=client', to: world.now - DAY });
    expect(outcomes(await days(world, 1))).toEqual(['CertificateExpired']);
  });
});

describe('renew-before-days is 0', () => {
  it('the rotation says what that means', async () => {
    const rotation = async (renewBeforeDays: number) =>
      (await days(new Days([hand('h', 20)]), 1, { renewBeforeDays }))[0]?.notes;
    expect(await rotation(0)).toContain(
      'renew-before-days is 0, so the pair in use expires before a run replaces it',
    );
    expect(await rotation(1)).not.toContain('renew-before-days');
  });
});

describe('somebody writes the primary while a job begins, and current-credential shows what it held before', () => {
  it.each([
    ['the one made by hand', 'h', 'c'],
    ['the previous one of ours', 'p', 'c'],
    ['what this client does not know', 'text', 'c'],
    ['ours, over what this client does not know', 'c', 'lost'],
  ])('%s: nothing is changed, and the next job goes on', async (_, written, shown) => {
    const before = written === 'h' ? hand('h', 85) : ours('p', 85, { expires: 20 });
    const world = new Days([before, ours('c', 80)], { [SHOP]: by('c', 80) });
    world.certificate('lost', { subject: 'CN=client' });
    world.write(SHOP, written);
    const [day] = await days(world, 1, { current: shown });
    expect(day?.error?.code).toBe('STALE_CREDENTIAL');
    expect(day?.message).toContain("It changed after this job's secrets were read");
    expect(world.associated).toEqual([before.id, 'c']);
    if (written === 'text') return;
    await days(world, 1);
    expect(world.works(SHOP)).toBe(true);
  });

  it('but what a run of ours has just stored there is believed', async () => {
    const world = new Days([ours('p', 90), ours('c', 0.0004)], { [SHOP]: ['c', 0.0001] });
    expect(outcomes(await days(world, 1))).toEqual(['NotDue']);
  });
});

describe('a months-old attempt is started again', () => {
  it('twice: it is stale, and nothing is evicted', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    world.certificate('o', { subject: 'CN=client', from: world.now - 130 * DAY, to: world.now - 40 * DAY });
    for (const current of ['o', 'p', 'o']) {
      const [day] = await days(world, 1, { current });
      expect(day?.error?.code).toBe('STALE_CREDENTIAL');
    }
    expect(world.pool.map(({ id }) => id)).toEqual(['p', 'c']);
  });
});
