/** Secrets beside the primary that a run must not write: another client's, one that would hide another, and what GitHub does not show. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import type { Credential, ObservedSecret, ObservedState } from '../../../src/model/observed-state.ts';
import { parseDestination, printLocation } from '../../../src/model/secret-location.ts';
import { UNCERTAINTY } from '../../../src/model/timing.ts';
import { hidingError, mayBeHeldByLeftOut, refuseSecretOfOthers } from '../../../src/plan/left-out.ts';
import { plan } from '../../../src/plan/plan.ts';
import { assess } from '../../../src/watch/findings.ts';
import { by, type Day, Days, type Holding, hand, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY, type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

const BILLING = 'repo:acme/billing';
const PROD = 'env:acme/ops/prod';
const TWO = { destinations: [SHOP, BILLING] };
const holds = (world: Days, scope: string) => world.secrets.get(`${scope} PEM`)?.holds;
const moved = (text: string) => {
  const destination = parseDestination(text);
  if (!destination) throw new Error(text);
  return { movedFrom: [{ destination, secretName: undefined }] };
};

async function days(world: Days, count: number, changes: Parameters<Days['day']>[0] = {}): Promise<Day[]> {
  const all: Day[] = [];
  for (let index = 0; index < count; index += 1) all.push(await world.day(changes));
  expect(all.flatMap(({ lockedOut }) => lockedOut)).toEqual([]);
  return all;
}
const outcomes = (all: readonly Day[]) => all.map(({ error, reason }) => [reason, error?.code]);

describe('a secret of somebody else beside a primary that has none yet', () => {
  const foreign = (records: readonly Seeded[] = []) => new Days(records, { [BILLING]: ['other', 80, 300] });

  it('stops the first delivery, and each line of the message ends that', async () => {
    const all = await days(foreign(), 2, { ...TWO, current: 'none' });
    expect(outcomes(all)).toEqual([
      [undefined, 'SECRET_EXISTS'],
      [undefined, 'SECRET_EXISTS'],
    ]);
    expect(all[0]?.message).toMatch(
      /^repo:acme\/billing PEM already holds something.*choose another secret-name\. .*delete it in GitHub, .*force: true, which replaces it\. Or, if nobody reads it, take repo:acme\/billing out of destinations\. Nothing was changed/,
    );
    const world = foreign();
    const [alone, forced] = [
      await days(foreign(), 2, { current: 'none' }),
      await days(world, 2, { ...TWO, current: 'none', force: true }),
    ];
    expect(outcomes(alone)[0]).toEqual(['FirstDelivery', undefined]);
    expect(outcomes(forced)[0]).toEqual(['FirstDelivery', undefined]);
    expect(holds(world, BILLING)).toBe(holds(world, SHOP));
  });

  it('is never replaced by a schedule', async () => {
    const world = foreign();
    await days(world, 1, { ...TWO, current: 'none', force: true, scheduled: true });
    expect([holds(world, SHOP), holds(world, BILLING)]).toEqual([undefined, 'other']);
  });

  it('may be a part, which names its own input', async () => {
    const world = new Days([], { [`${SHOP} CERT`]: ['other', 300, 300] });
    const [day] = await days(world, 1, { certificateSecretName: 'CERT', current: 'none' });
    expect(day?.error?.code).toBe('SECRET_EXISTS');
    expect(day?.message).toContain('choose another certificate-secret-name');
    expect(day?.message).not.toContain('take repo:acme/shop out');
  });

  it('refuses an enrollment before anybody is interrupted', async () => {
    const world = foreign();
    world.method = 'client_secret_post';
    const [day] = await days(world, 1, { ...TWO, operation: 'enroll', current: 'none' });
    expect([day?.error?.code, world.method]).toEqual(['SECRET_EXISTS', 'client_secret_post']);
  });

  it('may hold what was made by hand before it was written', async () => {
    const world = foreign([hand('h', 100)]);
    expect(outcomes(await days(world, 1, { ...TWO, current: 'none' }))).toEqual([
      ['FirstDelivery', undefined],
    ]);
  });
});

describe('a secret that holds nothing which Auth0 knows, once the primary has been served', () => {
  it.each<[string, readonly Seeded[], Record<string, Holding>]>([
    ['it was made with the primary', [ours('c', 10)], { [SHOP]: by('c', 10), [BILLING]: ['gone', 80] }],
    [
      'a rotation may have removed what it held',
      [ours('p', 70), ours('c', 10)],
      { [SHOP]: by('c', 10), [BILLING]: ['gone', 80, 400] },
    ],
  ])('is ours in doubt, and the summary says what is replaced: %s', async (_, records, secrets) => {
    const world = new Days(records, secrets);
    const all = await days(world, 1, { ...TWO, force: true, scheduled: true });
    expect(all[0]?.error).toBeUndefined();
    expect(holds(world, BILLING)).toBe('new1');
    expect(all[0]?.notes).toContain('WARNING: This run replaces what is stored in repo:acme/billing PEM');
  });
});

it('a watch finds a place that GitHub does not show', async () => {
  const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10), [BILLING]: by('c', 10) });
  world.hidden.add(`${BILLING} PEM`);
  const wanted = world.desired(TWO);
  const found = assess(wanted, await world.observed(wanted), undefined);
  expect(found.map(({ key, severity }) => [key, severity])).toContainEqual([
    'LeftOut repo:acme/billing PEM',
    'failure',
  ]);
});

describe('a secret that somebody else wrote since', () => {
  it('is announced before the next rotation replaces it, and when it does', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10), [BILLING]: ['other', 3, 300] });
    const [day] = await days(world, 1, TWO);
    expect(day?.notes).toMatch(
      /^The next rotation, on \S+, replaces what is stored in repo:acme\/billing PEM\. .*take it out of destinations before\. .*force: true\.$/,
    );
    const [rotated] = await days(world, 1, { ...TWO, force: true });
    expect(rotated?.notes).toContain('This run replaces what is stored in repo:acme/billing PEM.');
    expect((await days(world, 1, TWO))[0]?.notes).not.toContain('replaces');
  });
});

describe('a missing secret that would hide another one', () => {
  const hiding = async (index: number, hidden: string, changes: Parameters<Days['desired']>[0] = {}) => {
    const world = new Days(
      [ours('c', 10, changes.movedFrom ? { owner: 'repo:acme/old#PEM' } : {})],
      index === 0 ? {} : { [SHOP]: by('c', 10) },
    );
    const wanted = world.desired({ destinations: index === 0 ? [PROD] : [SHOP, PROD], ...changes });
    const observed = await world.observed(wanted);
    const destination = parseDestination(hidden);
    if (!destination) throw new Error(hidden);
    const secrets = observed.secrets.map((secret, at) =>
      at === index ? { ...secret, wouldHide: { ...secret.location, destination } } : secret,
    );
    try {
      const { errorAtEnd, steps } = plan(wanted, { ...observed, secrets });
      const stored = steps.flatMap((step) =>
        step.kind === 'store-secret' ? [printLocation(step.location)] : [],
      );
      return [errorAtEnd?.code, ...stored];
    } catch (error) {
      return [(error as { code: string }).code];
    }
  };

  it('is refused for the primary, and left out elsewhere', async () => {
    expect(await hiding(0, 'repo:acme/ops')).toEqual(['SECRET_EXISTS']);
    expect(await hiding(1, 'repo:acme/ops')).toEqual(['SECRET_EXISTS']);
    expect(await hiding(1, 'repo:acme/ops', { force: true, scheduled: true })).toEqual([
      'SECRET_EXISTS',
      `${SHOP} PEM`,
    ]);
  });

  it.each<[string, number, string, Parameters<Days['desired']>[0]]>([
    ['it is a destination', 1, SHOP, {}],
    ['it was the primary before', 0, 'repo:acme/old', moved('repo:acme/old')],
    ['a mark names it', 0, SHOP, {}],
    ['current-credential is a pair of this client', 0, 'repo:acme/ops', { current: 'c' }],
    ['a person forces it', 0, 'repo:acme/ops', { force: true }],
  ])('is written if the other is of this client: %s', async (_, index, hidden, changes) => {
    expect((await hiding(index, hidden, changes))[0]).toBeUndefined();
  });
});

describe('a destination beside the primary that GitHub does not show', () => {
  const withHidden = (records: readonly Seeded[], secrets: Record<string, Holding>) => {
    const world = new Days(records, secrets);
    world.hidden.add(`${BILLING} PEM`);
    return world;
  };

  it('stops neither a due rotation nor the next one, and is told', async () => {
    const world = withHidden([ours('c', 65)], { [SHOP]: by('c', 65), [BILLING]: by('c', 65) });
    const all = await days(world, 3, TWO);
    expect(outcomes(all)).toEqual([
      ['CertificateExpiring', 'DELIVERY_INCOMPLETE'],
      ['NotDue', 'DELIVERY_INCOMPLETE'],
      ['NotDue', 'DELIVERY_INCOMPLETE'],
    ]);
    expect(all[0]?.message).toMatch(
      /^This run leaves out repo:acme\/billing PEM\. .*take repo:acme\/billing out of destinations\. It is unknown what is stored in repo:acme\/billing PEM\./,
    );
    expect([holds(world, SHOP), world.works(BILLING)]).toEqual(['new1', true]);
  });

  it.each<[string, Parameters<Days['day']>[0]]>([
    ['an overlap that is over', { overlap: 0 }],
    ['an overlap of a day', { overlap: DAY }],
  ])('keeps what it may hold: %s', async (_, changes) => {
    const world = withHidden([ours('c', 65)], { [SHOP]: by('c', 65), [BILLING]: by('c', 65) });
    await days(world, 5, { ...TWO, ...changes });
    expect([holds(world, SHOP), world.works(BILLING)]).toEqual(['new1', true]);
  });

  it('keeps a slot until the pair of the primary has a quarter of its time left', async () => {
    const world = withHidden([ours('p', 70), ours('c', 65)], { [SHOP]: by('c', 65), [BILLING]: by('p', 70) });
    const all = await days(world, 2, TWO);
    expect(all.map(({ error }) => error?.code)).toEqual(['DELIVERY_INCOMPLETE', 'DELIVERY_INCOMPLETE']);
    expect([holds(world, SHOP), all[0]?.message.includes('the rotation goes ahead')]).toEqual(['c', true]);
    const last = await world.pass(16).day(TWO);
    expect([last.removed, holds(world, SHOP)]).toEqual([['p'], 'new1']);
    expect(last.notes).toContain(`${BILLING} PEM cannot log in from the removal of p until`);
  });

  it('does not stop an emergency', async () => {
    for (const records of [[ours('c', 10)], [ours('p', 70), ours('c', 10)]]) {
      const world = withHidden(records, { [SHOP]: by('c', 10), [BILLING]: by('c', 10) });
      const day = await world.day({ ...TWO, force: true, revoke: true });
      expect([day.error?.code, world.associated, holds(world, SHOP)]).toEqual([
        'DELIVERY_INCOMPLETE',
        ['new1'],
        'new1',
      ]);
    }
  });

  it('names what ends it if both places are taken', async () => {
    const world = withHidden([hand('g', 100), hand('h', 70)], { [SHOP]: ['h', 65] });
    const [day] = await days(world, 1, TWO);
    expect(day?.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(day?.message).not.toMatch(/removable-credentials: ?[gh]/);
    expect(day?.message).toMatch(
      /repo:acme\/billing PEM may hold a credential of this client\. .* take repo:acme\/billing out/,
    );
    expect(outcomes(await days(world, 1))).toEqual([[undefined, 'CREDENTIAL_LIMIT']]);
  });
});

describe('a former location that GitHub does not show', () => {
  const OLD = 'repo:acme/old';
  const from = moved(OLD);
  const old = (id: string, age: number) => ours(id, age, { owner: `${OLD}#PEM` });
  const world = (...records: Seeded[]) => {
    const one = new Days(records, { [OLD]: by(records.at(-1)?.id ?? '', records.at(-1)?.age ?? 0) });
    one.hidden.add(`${OLD} PEM`);
    return one;
  };

  it('keeps what it may hold, and says what ends that', async () => {
    const one = world(old('c', 20));
    const all = await days(one, 2, from);
    expect(outcomes(all)).toEqual([
      ['FirstDelivery', undefined],
      ['NotDue', undefined],
    ]);
    expect(all[1]?.notes).toMatch(
      /WARNING: repo:acme\/old PEM may hold c: .*Give the token read access to the secrets there.*removable-credentials: c`\. Until then it keeps its slot, at the latest until 2027-02-02\./,
    );
    expect([one.works(OLD), one.works(SHOP)]).toEqual([true, true]);
  });

  it('is released by the line that the message prints, or by a token that sees it', async () => {
    const full = () => world(old('p', 60), old('c', 20));
    const [refused] = await days(full(), 1, from);
    expect(refused?.error?.code).toBe('CREDENTIAL_LIMIT');
    expect(refused?.message).toMatch(/may hold c or p: .*if nobody reads it there .*: p`\./);
    const released = await full().day({ ...from, removableCredentials: new Set(['p']) });
    expect(released).toMatchObject({ rotated: true, removed: ['p'], lockedOut: [] });
    const seen = full();
    seen.hidden.clear();
    expect((await days(seen, 1, from))[0]).toMatchObject({ rotated: true, removed: ['p'] });
  });

  it('keeps only the newest that its runs have stored, where a secret that moved along shows that, and names no line for it', async () => {
    const one = new Days([old('p', 70), old('c', 20)], { [SHOP]: by('c', 20) });
    one.hidden.add(`${OLD} PEM`);
    const [day] = await days(one, 1, { ...from, force: true });
    expect(day).toMatchObject({ rotated: true, removed: ['p'] });
    const full = new Days([hand('h', 10), old('c', 20)], { [SHOP]: by('c', 20) });
    full.hidden.add(`${OLD} PEM`);
    const [refused] = await days(full, 1, { ...from, force: true });
    expect(refused?.message).toMatch(/may hold h or c: .*removable-credentials: h`\./);
  });

  it('keeps nothing that was made for the primary of today', async () => {
    const one = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    one.hidden.add(`${OLD} PEM`);
    const [day] = await days(one, 1, { ...from, force: true });
    expect(day).toMatchObject({ rotated: true, removed: ['p'] });
    expect(day?.notes).not.toContain(OLD);
  });

  it('ends by itself when what it may hold has expired', async () => {
    const one = world(old('p', 60), old('c', 20));
    await one.day({ ...from, removableCredentials: new Set(['p']) });
    one.pass(71);
    expect(await one.day(from)).toMatchObject({ rotated: true, removed: ['c'] });
  });
});

describe('the rules, each by itself', () => {
  const LIVE = 'env:acme/shop/live';
  const HOUR_AGO = 60;
  const world = (seed: StateSeed, changes: DesiredChanges = {}) => {
    const wanted = desired({ destinations: [SHOP, LIVE], ...changes });
    return { wanted, observed: state(wanted, { written: [undefined, HOUR_AGO], ...seed }) };
  };
  const refusal = (check: () => unknown): RotationError | undefined => {
    try {
      return check() as RotationError | undefined;
    } catch (error) {
      if (error instanceof RotationError) return error;
      throw error;
    }
  };
  const ofOthers = (seed: StateSeed, more: Partial<ObservedState> = {}, changes: DesiredChanges = {}) => {
    const { wanted, observed } = world(seed, changes);
    return refusal(() => refuseSecretOfOthers(wanted, { ...observed, ...more }))?.failed;
  };
  const byHand = (age: number): StateSeed => ({ credentials: [{ id: 'h', age, by: 'hand' }] });
  const former = (times: ObservedSecret['times']) => {
    const [secret] = world({}).observed.secrets as [ObservedSecret];
    return { former: [{ owner: 'repo:acme/old#PEM', secret: { ...secret, times } }] };
  };

  it('a first delivery does not replace what somebody else wrote, and says why it must be that', () => {
    expect(ofOthers({})).toMatch(
      /^env:acme\/shop\/live PEM already holds something, which was written on 2026-11-24, and the client has no credential\. If the run replaced it/,
    );
    expect(ofOthers(byHand(5))).toContain('and the client has no credential that old.');
    expect(ofOthers({}, former('missing'))).toContain('already holds something');
  });

  it.each<[string, StateSeed, Partial<ObservedState>]>([
    ['the primary has its secret', { written: [HOUR_AGO, HOUR_AGO] }, {}],
    ['the primary was not read', { written: ['unread', HOUR_AGO] }, {}],
    ['the workflow delivered to a former place', {}, former({ createdAt: 0, updatedAt: 0 })],
    [
      'a mark shows that somebody rotates the client',
      { credentials: [{ id: 'x', age: 5, by: 'another workflow' }] },
      {},
    ],
    ['there is nothing', { written: [] }, {}],
    ['the client has a credential that old', byHand(HOUR_AGO), {}],
    [
      'the client has one whose age nobody can read',
      { credentials: [{ id: 'u', age: 5, by: 'hand', type: 'unknown' }] },
      {},
    ],
  ])('but goes on if %s', (_, seed, more) => {
    expect(ofOthers(seed, more)).toBeUndefined();
  });

  it.each([
    [HOUR_AGO * 60_000 - UNCERTAINTY, false],
    [HOUR_AGO * 60_000 - UNCERTAINTY - 1, true],
  ])('the clocks may differ: made %i ms ago is too late: %s', (age, isLate) => {
    expect(ofOthers(byHand(age / 60_000)) !== undefined).toBe(isLate);
  });

  it('a part of the pair names its input, and no destination to take out', () => {
    const parts = { destinations: [SHOP], privateKeySecretName: 'KEY', pkcs12SecretName: 'P12' };
    const remedy = (written: StateSeed['written'] = []) => {
      const { wanted, observed } = world({ written }, parts);
      return refusal(() => refuseSecretOfOthers(wanted, observed))?.remedy;
    };
    expect(remedy([undefined, HOUR_AGO])).toMatch(
      /choose another private-key-secret-name\..* which replaces it\.$/,
    );
    expect(remedy([undefined, undefined, HOUR_AGO])).toMatch(/choose another pkcs12-secret-name\./);
  });

  const hiding = (hidden: string, seed: StateSeed = {}, more: Partial<ObservedState> = {}) => {
    const { wanted, observed } = world(seed);
    const [destination, secret] = [parseDestination(hidden), observed.secrets[1]];
    if (!destination || !secret) throw new Error(hidden);
    const wouldHide = { ...secret.location, destination };
    return hidingError(wanted, { ...observed, ...more }, { ...secret, wouldHide });
  };

  it('a secret that would hide another one names both, and what to change', () => {
    expect(hiding('repo:acme/ops')).toMatchObject({
      code: 'SECRET_EXISTS',
      failed:
        'If this run stored env:acme/shop/live PEM, it would hide repo:acme/ops PEM, which this workflow does not write. The jobs that read repo:acme/ops PEM today might no longer be able to log in.',
      remedy: expect.stringMatching(
        /choose another secret-name\. If no job that would read env:acme\/shop\/live PEM needs what repo:acme\/ops PEM holds, start the workflow by hand once with force: true\.$/,
      ),
    });
  });

  it('it may hide a destination, a former one, or one that a mark of this client names', () => {
    const marked = {
      credentials: [
        { id: 'a', age: 5 },
        { id: 'x', age: 5, by: 'another workflow' },
      ],
    } as const;
    const [secret] = world({}).observed.secrets as [ObservedSecret];
    const old = { ...secret.location, destination: parseDestination('repo:acme/old') as never };
    const moved = { former: [{ owner: 'o', secret: { ...secret, location: old } }] };
    expect(hiding(SHOP)).toBeUndefined();
    expect(hiding('repo:acme/old', {}, moved)).toBeUndefined();
    expect(hiding('repo:acme/old')).toBeDefined();
    expect(hiding('repo:acme/other', marked)).toBeUndefined();
    expect(hiding('repo:acme/third', marked)).toBeDefined();
  });

  it('what a place that is left out may hold is only that', () => {
    const { observed } = world({
      credentials: [
        { id: 'a', age: 9 },
        { id: 'b', age: 5 },
      ],
    });
    const [a, b] = observed.pool as [Credential, Credential];
    const held = { held: [[b], [a, b]] };
    const leftOut = [
      { location: `${LIVE} PEM`, error: new RotationError('SECRET_EXISTS', { failed: '', remedy: '' }) },
    ];
    const isHeld = (c: Credential, inUse: { held: Credential[][] } = held, out = leftOut) =>
      mayBeHeldByLeftOut({ inUse, observed: { ...observed, leftOut: out } }, c);
    expect([isHeld(a), isHeld(b), isHeld({ ...a, id: 'z' })]).toEqual([true, true, false]);
    expect([isHeld(a, held, []), isHeld(a, { held: [[a]] }), isHeld(b, { held: [[b], [a]] })]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
