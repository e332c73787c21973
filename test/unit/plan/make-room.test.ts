/** Where there is no room: what the message says makes some, in the state in which it says so. */

import { describe, expect, it } from 'vitest';
import { parseDestination } from '../../../src/model/secret-location.ts';
import { by, Days, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const hand = (id: string, age: number): Seeded => ({ id, age, expires: 400, subject: 'CN=by hand' });
const removable = (id: string) => ({ removableCredentials: new Set([id]) });

describe('one made by hand is in the way', () => {
  it('the message says what happens if nobody does anything, and what to do for its users', async () => {
    const world = new Days([hand('h', 70), ours('c', 65)], { [SHOP]: ['c', 64.9999], [PROD]: ['h', 66] });
    await world.day({ destinations: [SHOP, PROD] });
    const { message } = await world.day({ destinations: [SHOP, PROD] });
    expect(message).toMatch(
      /To go on now, if nobody uses it, add this line .*`removable-credentials: h`\. If you do nothing, the first rotation after \S+ removes h\. If somebody uses it, name it in keep-credentials and let its users read the delivered secret, or give them another client/,
    );
  });

  it('is offered only if it is associated, since another one takes no room', async () => {
    const out = { ...hand('o', 90), associated: false };
    const world = new Days([out, hand('h', 70), hand('g', 60)], { [SHOP]: ['g', 59] });
    expect((await world.day()).message).toMatch(/`removable-credentials: h`\./);
    expect(await world.day(removable('h'))).toMatchObject({ rotated: true, removed: ['h'] });
  });

  it('kept, it goes in the rotation after its id is taken out', async () => {
    const world = new Days([hand('h', 70), ours('c', 65)], { [SHOP]: ['c', 64.9999] });
    const { message } = await world.day({ keep: ['h'] });
    expect(message).toContain(
      'No rotation is possible while keep-credentials keeps h. Let its users read the delivered secret, or give them another client. Then take the id out of keep-credentials. The next rotation removes it at once.',
    );
    expect(await world.day()).toMatchObject({ rotated: true, removed: ['h'] });
  });

  it('two that are kept: the users of one have to move', async () => {
    const world = new Days([hand('h', 70), hand('g', 60)], { [SHOP]: ['g', 59] });
    const { message } = await world.day({ keep: ['h', 'g'] });
    expect(message).toContain(
      'No rotation is possible while keep-credentials keeps h, g. Let the users of one of them read the delivered secret, or give them another client. Then take its id out of keep-credentials. The next rotation removes it at once.',
    );
  });

  it.each([
    ['kept', { ...hand('o', 90), associated: false }, { keep: ['o'] }],
    ['of another workflow', ours('o', 90, { owner: 'repo:acme/else#PEM', associated: false }), {}],
  ])('%s, and not associated: it takes no room, so nobody is sent to it', async (_, out, changes) => {
    const world = new Days([out, hand('h', 70), hand('g', 60)], { [SHOP]: ['g', 59] });
    const { message } = await world.day({ current: 'none', operation: 'rehearse', ...changes });
    expect(message).toContain("Find out in Auth0's logs which one nobody uses");
    expect(message).not.toMatch(/No rotation is possible|keep one of the two/);
  });

  it('kept although it has expired, it needs no move of its users', async () => {
    const world = new Days([{ ...hand('h', 70), expires: -3 }, ours('c', 65)], { [SHOP]: ['c', 64.9999] });
    const { message } = await world.day({ keep: ['h'] });
    expect(message).toContain(
      'keep-credentials keeps h, which has expired, so nobody can log in with it. Take the id',
    );
    expect(await world.day()).toMatchObject({ rotated: true, removed: ['h'] });
  });

  it('is announced with the day on which it expires, if that is earlier', async () => {
    const world = new Days([{ ...hand('h', 70), expires: 20 }, ours('c', 10)], { [SHOP]: ['c', 9.9999] });
    const { notes } = await world.day();
    expect(notes).toMatch(
      /removes h, which was made by hand on .* and expires on (\S+), to make room\. Nobody can log in with it from \1 on, when it expires\. Move its users/,
    );
    const [, later] = [world.pass(21), await world.day()];
    expect(later.notes).not.toContain('Move its users');
  });

  it('is announced with the day by which its users must have moved', async () => {
    const world = new Days([hand('h', 70), ours('c', 10)], { [SHOP]: ['c', 9.9999] });
    expect((await world.day()).notes).toContain(
      'name it in keep-credentials and move its users before 2027-01-13: no rotation is possible while it is kept',
    );
    expect((await world.day({ keep: ['h'] })).notes).toMatch(
      /will fail: keep-credentials keeps h\. Before then, let its users read the delivered secret, or give them another client\. Once nobody uses it, take its id out/,
    );
  });
});

describe('the secret of the primary was written by somebody else', () => {
  it('when there was only one candidate: that is the one it may hold', async () => {
    const world = new Days([ours('p', 40), hand('g', 5)], { [SHOP]: ['p', 35] });
    const { error } = await world.day({ current: 'none' });
    expect([error?.code, error?.failed]).toEqual(['SECRET_EXISTS', expect.stringContaining(', may hold p.')]);
  });

  const full = (holds: string) => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: [holds, 1] });
    world.certificate('lost', { subject: 'CN=client' });
    return world;
  };

  it('with a pair that Auth0 does not know: force ends it, and no line is asked for that is there', async () => {
    const world = full('lost');
    const { message } = await world.day();
    expect(message).toContain(
      `Look at that line first: it must read \`current-credential: \${{ secrets.PEM }}\`. If it does, repo:acme/shop PEM holds that pair`,
    );
    expect(message).not.toMatch(/it may hold any|Pass current-credential/);
    expect(message).toContain('start the workflow by hand once with force: true');
    const { notes } = await world.day({ force: true });
    expect(notes).toContain('INTERRUPTION');
    expect(notes).not.toContain('Pass current-credential');
    expect(world.works(SHOP)).toBe(true);
  });

  it('without current-credential: force is offered only if nobody needs the secret', async () => {
    const { message } = await full('p').day({ current: 'none' });
    expect(message).toContain('{ secrets.PEM }}`, which shows what the secret holds.');
    expect(message).toContain(
      'if nobody needs what it holds, start the workflow by hand once with force: true',
    );
  });
});

describe('the primary takes no write any more', () => {
  it.each<[string, Seeded[], Parameters<Days['day']>[0]]>([
    ['what was made by hand', [hand('h', 70), ours('c', 65)], {}],
    ['what is revoked', [ours('p', 130), ours('c', 65)], { force: true, revoke: true }],
  ])('%s is not removed for nothing', async (_, pool, changes) => {
    const newest = pool.at(-1);
    const world = new Days(pool, { [SHOP]: [newest?.id ?? '', (newest?.age ?? 0) - 0.0001] });
    world.archived.add(`${SHOP} PEM`);
    const day = await world.day(changes);
    expect(day).toMatchObject({ rotated: false, removed: [], error: { code: 'DELIVERY_INCOMPLETE' } });
    world.archived.clear();
    expect(await world.day(changes)).toMatchObject({ rotated: true, error: undefined });
  });

  it('what was superseded long ago costs no probe', async () => {
    const world = new Days([ours('p', 130), ours('c', 65)], { [SHOP]: ['c', 64.9999] });
    expect(await world.day()).toMatchObject({ plan: { probes: [] }, removed: ['p'] });
  });
});

describe('the primary has no secret yet', () => {
  it('another order serves it with the next rotation, unless the other one cannot be the first', async () => {
    const records = [hand('h', 70), ours('c', 10)];
    const world = new Days(records, { [SHOP]: ['c', 9.9999] });
    const reordered = { current: 'none', destinations: [PROD, SHOP] };
    expect((await world.day(reordered)).message).toContain(`Put ${SHOP} first in destinations`);
    const bot = new Days(records, { 'dependabot:acme/shop': ['c', 9.9999] });
    const { message } = await bot.day({ current: 'none', destinations: [SHOP, 'dependabot:acme/shop'] });
    expect(message).not.toContain('Put dependabot');
  });

  it('since secret-name was changed: the former name is named, and another part of the pair is no other destination', async () => {
    const records = [hand('h', 70), ours('c', 10)];
    const world = new Days(records, { [SHOP]: ['c', 9.9999], [`${SHOP} KEY`]: ['c', 9.9999] });
    const renamed = { current: 'none', secretName: 'PEM_2', privateKeySecretName: 'KEY' };
    const { message } = await world.day(renamed);
    expect(message).not.toContain(`Put ${SHOP} first`);
    expect(message).toContain('If it is still read, set `secret-name: PEM` again for now.');
    expect(message).toContain("Find out in Auth0's logs which one nobody uses");
    expect((await world.day({ current: 'none', privateKeySecretName: 'KEY' })).error).toBeUndefined();
    const followed = await world.day({ ...renamed, ...removable('h') });
    expect(followed).toMatchObject({ rotated: true, removed: ['h'] });
  });
});

describe('a former destination may hold what was made by hand', () => {
  it('so its id is not offered: released, it would stay', async () => {
    const world = new Days([hand('h', 70), ours('c', 65)], { [SHOP]: ['lost', 1] });
    const renamed = { current: 'none', secretName: 'PEM_2' };
    const { message } = await world.day(renamed);
    expect(message).toContain('repo:acme/shop PEM still holds one of them');
    expect(message).not.toContain('removable-credentials');
    expect((await world.day({ ...renamed, ...removable('h') })).error?.code).toBe('CREDENTIAL_LIMIT');
  });
});

describe('two former destinations still hold the secret', () => {
  it('both are named as secrets to delete', async () => {
    const old = (name: string) => `repo:acme/${name}`;
    const records = [
      ours('p', 70, { owner: `${old('one')}#PEM` }),
      ours('c', 65, { owner: `${old('two')}#PEM` }),
    ];
    const world = new Days(records, {
      [old('one')]: by('p', 70),
      [old('two')]: by('c', 65),
      [SHOP]: ['text', 300],
    });
    const movedFrom = ['one', 'two'].map((repo) => ({
      destination: { kind: 'repo', owner: 'acme', repo } as const,
      secretName: undefined,
    }));
    const { message } = await world.day({ current: 'none', movedFrom, force: true });
    expect(message).toMatch(
      /repo:acme\/\S+ PEM, repo:acme\/\S+ PEM still hold one of them each\. If nobody reads those secrets, delete them in GitHub\./,
    );
  });
});

describe('a former destination still holds the secret', () => {
  it('that is read there: the former order brings it back', async () => {
    const records = [
      ours('p', 70, { owner: 'repo:acme/gone#PEM' }),
      ours('c', 65, { owner: 'repo:acme/gone#PEM' }),
    ];
    const world = new Days([...records], { 'repo:acme/gone': ['c', 64.9999], [SHOP]: ['p', 69.9999] });
    const destination = parseDestination('repo:acme/gone');
    if (!destination) throw new Error('no destination');
    const movedFrom = [{ destination, secretName: undefined }];
    const { message } = await world.day({ current: 'none', movedFrom, force: true });
    expect(message).toContain('repo:acme/gone PEM still holds one of them');
    expect(message).toContain('If it is still read, put repo:acme/gone first in destinations again for now.');
  });
});

describe('a rehearsal', () => {
  const REHEARSE = { operation: 'rehearse' } as const;
  it('that our previous one blocks has room once an overlap has ended', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: ['c', 9.9999] });
    expect((await world.day(REHEARSE)).message).toMatch(
      /\. Set an overlap \(such as 7d\): when it has ended, a run of operation: rotate removes p\./,
    );
    await world.day({ overlap: 7 * 86_400_000 });
    expect((await world.day(REHEARSE)).error).toBeUndefined();
  });

  it.each<[string, Parameters<Days['day']>[0], string]>([
    [
      'and there is one',
      { overlap: 30 * DAY },
      'CREDENTIAL_LIMIT|A run of operation: rotate removes p on or after 2026-12-14, when its overlap is over. A',
    ],
    [
      'or the logs have to show that nobody uses it',
      { quietWindow: 7 * DAY },
      'CREDENTIAL_LIMIT|A run of operation: rotate removes p once the tenant logs show that nobody uses it. A',
    ],
  ])('%s, no other overlap is asked for', async (_, changes, words) => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    const { error, message } = await world.day({ ...REHEARSE, ...changes });
    const [code, text] = words.split('|');
    expect([error?.code, message]).toEqual([code, expect.stringContaining(` ${text} rehearsal itself`)]);
    expect(message).not.toContain('Set an overlap');
  });

  it('with a subject that is registered and not associated comes after a rotation', async () => {
    const records = [
      ours('p', 70, { subject: 'CN=old', associated: false }),
      ours('c', 10, { subject: 'CN=c' }),
    ];
    const world = new Days(records, { [SHOP]: by('c', 10) }, 'tls_client_auth');
    const subject = { given: new Set(['subject'] as const), subject: 'CN=old' };
    const { error } = await world.day({ ...REHEARSE, ...subject });
    expect([error?.code, error?.remedy]).toEqual([
      'CREDENTIAL_LIMIT',
      'Start operation: rotate, which uses p or removes it. Then rehearse again.',
    ]);
    expect((await world.day(subject)).error).toBeUndefined();
  });

  it('that one made by hand blocks has room once that is deleted', async () => {
    const world = new Days([hand('h', 70), hand('g', 60)], { [SHOP]: ['g', 59] });
    expect((await world.day(REHEARSE)).message).toMatch(
      /h of 2026-09-15 was made by hand.* delete it in the Auth0 Dashboard/,
    );
    world.delete('h');
    expect((await world.day(REHEARSE)).error).toBeUndefined();
  });

  it.each([
    ['a kept one', hand('h', 70), { keep: ['h'] }, /keep-credentials keeps h/],
    ['another workflow’s', ours('o', 70, { owner: 'repo:acme/else#PEM' }), {}, /disable the other/],
  ])('that %s blocks is not sent to an overlap, which frees nothing', async (_, blocking, changes, words) => {
    const world = new Days([blocking, ours('c', 10)], { [SHOP]: ['c', 9.9999] });
    const { message } = await world.day({ ...REHEARSE, ...changes });
    expect(message).not.toContain('overlap');
    expect(message).toMatch(words);
  });
});
