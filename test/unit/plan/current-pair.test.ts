/** Where a plan stores the pair of `current-credential`: what is missing, what somebody made or rolled back by hand, and before which removal. */

import { describe, expect, it } from 'vitest';
import { by, type Day, Days, type Holding, ours, SHOP } from '../../support/days.ts';
import { notation } from '../../support/notation.ts';

const LIVE = 'env:acme/shop/live';
const STAGE = 'env:acme/shop/stage';
const TWO = [SHOP, LIVE];
const THREE = [SHOP, LIVE, STAGE];
/** The primary's delivery, and the rotation before it. */
const P = ours('p', 70);
const C = ours('c', 10);
const ROTATION = `>${SHOP} >${LIVE}`;

const told = ({ plan, error }: Day) =>
  plan ? [plan.reason, notation(plan.steps)] : [error?.code, error?.message];
const run = async (world: Days, changes: Parameters<Days['day']>[0] = {}) =>
  told(await world.day({ destinations: TWO, ...changes }));

describe('a destination that has not got the newest pair', () => {
  it.each<[string, string[], Days, string]>([
    ['has no secret', TWO, new Days([C], { [SHOP]: by('c', 10) }), `>${LIVE}=`],
    [
      'missed the last delivery',
      TWO,
      new Days([P, C], { [SHOP]: by('c', 10), [LIVE]: by('p', 70) }),
      `>${LIVE}=`,
    ],
    [
      'and another one',
      THREE,
      new Days([P, C], { [SHOP]: by('c', 10), [LIVE]: by('p', 70) }),
      `>${LIVE}= >${STAGE}=`,
    ],
    [
      'was made by hand, and nobody has written it since',
      TWO,
      new Days([P, C], { [SHOP]: by('c', 10), [LIVE]: ['c', 5, 5] }),
      `>${LIVE}=`,
    ],
    [
      'was written by hand later: only the next rotation replaces that',
      TWO,
      new Days([P, C], { [SHOP]: by('c', 10), [LIVE]: ['c', 5] }),
      '',
    ],
    ['there is none', TWO, new Days([P, C], { [SHOP]: by('c', 10), [LIVE]: by('c', 10) }), ''],
  ])('%s', async (_, destinations, world, steps) => {
    expect(await run(world, { destinations })).toEqual(['NotDue', steps]);
  });

  it('does not get it if it refuses to be written, and the others do', async () => {
    const world = new Days([C], { [SHOP]: by('c', 10) });
    world.archived.add(`${LIVE} PEM`);
    const day = await world.day({ destinations: THREE });
    expect(notation(day.plan?.steps ?? [])).toBe(`>${STAGE}=`);
    expect(day.error?.failed).toContain(`This run cannot write ${LIVE} PEM.`);
  });

  it.each<[string, Days, string[]]>([
    ['that is not passed', new Days([C], { [SHOP]: by('c', 10) }), ['PartlyDelivered', 'none']],
    [
      'that has expired',
      new Days([ours('c', 100, { expires: -1 })], { [SHOP]: by('c', 100) }),
      ['PartlyDelivered', 'primary'],
    ],
  ])('gets no pair %s, but a new one', async (_, world, [reason, current = '']) => {
    const [why, steps] = await run(world, { current });
    expect([why, steps]).toEqual([reason, `!cert +cred ~[c,(issued)] ?auth ${ROTATION}`]);
  });

  it('gets one that is associated again first', async () => {
    const world = new Days([P, { ...C, associated: false }], { [SHOP]: by('c', 10) });
    expect((await run(world))[1]).toBe(`~[p,c] >${LIVE}=`);
  });
});

describe('a delivery that began a moment ago, and is not complete', () => {
  const YOUNG = 0.003;
  const begun = () => new Days([ours('c', YOUNG)], { [SHOP]: by('c', YOUNG) });

  it('is finished by a run that has its pair', async () => {
    expect(await run(begun())).toEqual(['NotDue', `>${LIVE}=`]);
  });

  it.each([
    ['its pair is not passed', begun()],
    [
      'Auth0 shows no thumbprint of it',
      Object.assign(begun(), { pool: begun().pool.map((one) => ({ ...one, identity: undefined })) }),
    ],
  ])('is left to the run that began it if %s', async (_, world) => {
    expect((await run(world, { current: 'none' }))[0]).toBe('ROTATION_IN_PROGRESS');
  });
});

describe('a secret that somebody may have rolled back', () => {
  const rolledBack = (...records: Parameters<typeof ours>[]) =>
    new Days(
      records.map((one) => ours(...one)),
      { [SHOP]: by('c', 10), [LIVE]: ['c', 5] },
    );

  it('gets the current pair before the rotation removes what it may hold', async () => {
    expect(await run(rolledBack(['p', 70], ['c', 10]), { force: true })).toEqual([
      'Forced',
      `!cert >${LIVE}= ~[c] -p +cred ~[c,(issued)] ?auth ${ROTATION}`,
    ]);
  });

  it('gets it before an overlap ends, too', async () => {
    expect(await run(rolledBack(['p', 70], ['c', 10]), { overlap: 0 })).toEqual([
      'NotDue',
      `>${LIVE}= ~[c] -p`,
    ]);
  });

  it('gets it only after what is healed is associated, also in place of another one', async () => {
    const world = new Days([ours('q', 100), ours('p', 70), ours('c', 10, { associated: false })], {
      [SHOP]: by('c', 10),
      [LIVE]: ['c', 5],
    });
    const { plan } = await world.day({ destinations: TWO, overlap: 0 });
    expect(notation(plan?.steps ?? [])).toBe(`~[p,c] -q >${LIVE}= ~[c] -p`);
  });

  it('gets only the new one if nothing is removed', async () => {
    expect(await run(rolledBack(['c', 10]), { force: true })).toEqual([
      'Forced',
      `!cert +cred ~[c,(issued)] ?auth ${ROTATION}`,
    ]);
  });

  it('never gets the current pair once it holds the new one', async () => {
    const [, steps] = await run(rolledBack(['c', 10]), { force: true, overlap: 0 });
    expect(steps).toBe(`!cert +cred ~[c,(issued)] ?auth ${ROTATION} ~[(issued)] -c`);
  });

  it('is left as it is without current-credential', async () => {
    const [, steps] = await run(rolledBack(['p', 70], ['c', 10]), { current: 'none' });
    expect(steps).toBe('');
  });
});

describe('the primary was rolled back, and the others hold the newest pair', () => {
  const world = (holds: Readonly<Record<string, Holding>>, subject = 'CN=client') =>
    new Days([ours('p', 85, { expires: 15, subject }), ours('c', 65)], { [SHOP]: ['p', 1], ...holds });
  const both = { [LIVE]: by('c', 65), [STAGE]: by('c', 65) };

  it('its pair is stored there before the rotation removes theirs, which is said', async () => {
    const day = await world(both).day({ destinations: THREE });
    expect(told(day)).toEqual([
      'CertificateExpiring',
      `>${LIVE}= >${STAGE}= !cert ~[p] -c +cred ~[p,(issued)] ?auth ${ROTATION} >${STAGE}`,
    ]);
    expect(day.notes).toContain(
      `WARNING: The primary's credential, p, is stored in ${LIVE} PEM, ${STAGE} PEM before this rotation removes the credential that they hold. Workflow runs that were queued with the removed key fail.`,
    );
    expect(day).toMatchObject({ lockedOut: [], removed: ['c'] });
  });

  it('one that holds the pair of the primary does not get it again', async () => {
    const { notes } = await world({ ...both, [STAGE]: by('p', 85) }).day({ destinations: THREE });
    expect(notes).toContain(`p, is stored in ${LIVE} PEM before`);
  });

  it('one that refuses to be written stops the rotation, since it may hold what would be removed', async () => {
    const stuck = world(both);
    stuck.archived.add(`${STAGE} PEM`);
    const { error, lockedOut } = await stuck.day({ destinations: THREE });
    expect([error?.code, lockedOut]).toEqual(['CREDENTIAL_LIMIT', []]);
  });

  it('it is not necessary if there is room', async () => {
    const free = world(both);
    free.delete('c');
    free.add(ours('c', 65, { associated: false }));
    const { notes } = await free.day({ destinations: THREE });
    expect(notes).not.toContain("The primary's credential");
  });
});
