/** What a plan announces of the next rotation: which place waits for it, what makes it fail, and which consumers have to change. */

import { describe, expect, it } from 'vitest';
import type { RotationError } from '../../../src/errors.ts';
import { printNote } from '../../../src/model/note.ts';
import type { Destination } from '../../../src/model/secret-location.ts';
import { plan } from '../../../src/plan/plan.ts';
import { materialOf } from '../../../src/plan/rotate.ts';
import { by, Days, hand, ours, type Seeded, SHOP } from '../../support/days.ts';
import { DAY, type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const STAGE = 'env:acme/ops/stage';

const notesOf = (changes: DesiredChanges, seed: StateSeed) => {
  const wanted = desired(changes);
  return plan(wanted, state(wanted, seed)).notes.map(printNote);
};

describe('a destination without a secret, while the client can hold no other credential', () => {
  const waiting = (destinations: readonly string[]) =>
    new Days([ours('p', 50), ours('c', 10)], { [SHOP]: by('c', 10) }).day({ current: 'none', destinations });

  it('waits for the next rotation, whose day is named', async () => {
    expect((await waiting([SHOP, PROD])).notes.split('\n')).toContainEqual(
      expect.stringMatching(
        `^WARNING: There is no secret yet in ${PROD} PEM, and this run stores none there\\. The next rotation, on \\d{4}-\\d\\d-\\d\\d, does\\. Pass current-credential to have the secret stored at once\\.$`,
      ),
    );
  });

  it('and with it another one, and never the primary', async () => {
    const { notes } = await waiting([SHOP, PROD, STAGE]);
    expect(notes).toContain(`WARNING: There is no secret yet in ${PROD} PEM, ${STAGE} PEM, and`);
    expect((await waiting([SHOP])).notes).not.toContain('no secret yet');
  });
});

describe('a record that this version cannot read', () => {
  const credentials = [
    { id: 'u', age: 700, type: 'unknown' },
    { id: 'a', age: 600 },
  ] as const;

  it('will make the next rotation fail, which is announced with what to do before', () => {
    expect(notesOf({}, { credentials, written: [599] })).toContainEqual(
      expect.stringMatching(
        /^WARNING: The next rotation, on \S+, will fail: this version of the action cannot read the record of u\. Before then, find out in Auth0 what uses it, and delete it there if nothing does\.$/,
      ),
    );
  });

  it('does not while there is room beside it', () => {
    const loose = credentials.map((one) => ({ ...one, associated: one.id === 'a' }));
    expect(notesOf({}, { credentials: loose, written: [599] }).join('\n')).not.toContain('will fail');
  });

  it('is named so when there is no room', () => {
    const wanted = desired({ force: true });
    const refused = () => plan(wanted, state(wanted, { credentials, written: [599] }));
    expect(refused).toThrow(
      expect.objectContaining<Partial<RotationError>>({
        code: 'CREDENTIAL_LIMIT',
        failed: expect.stringContaining('u (a record that this version cannot read)'),
      }),
    );
  });
});

describe('another signing algorithm', () => {
  const wanted = desired({
    method: 'private_key_jwt',
    signingAlgorithm: 'PS256',
    given: new Set(['signing-algorithm']),
  });
  const planned = (algorithm: 'RS256' | 'PS256') => {
    const observed = state(wanted, { credentials: [{ id: 'a', age: 600 }], written: [599] });
    return plan(wanted, { ...observed, pool: observed.pool.map((c) => ({ ...c, algorithm })) });
  };

  it('is a reason, and names the consumers that have to change', () => {
    const { explanation, notes, reason } = planned('RS256');
    expect([reason, explanation]).toEqual(['SpecChanged', 'the inputs ask for RSA 2048, PS256 now']);
    expect(notes.map(printNote)).toContainEqual(
      'INTERRUPTION: The new key is registered for PS256, and the key in use for RS256. A consumer that takes the new key and still signs with RS256 cannot log in.',
    );
  });

  it('is none if it is the one in use', () => {
    expect(planned('PS256')).toMatchObject({ reason: 'NotDue', notes: [] });
  });
});

describe('what a rotation issues', () => {
  it.each<[DesiredChanges, string]>([
    [{}, 'a key pair and a self-signed certificate'],
    [{ method: 'private_key_jwt' }, 'a key pair'],
    [{ method: 'tls_client_auth' }, 'a key pair and a certificate of the private CA'],
    [{ method: 'tls_client_auth', keySize: undefined }, 'the certificate that was issued elsewhere'],
  ])('%o: %s', (changes, material) => {
    expect(materialOf(desired(changes))).toBe(material);
  });
});

describe('a former destination that this workflow stores nothing in any more', () => {
  const OLD = 'repo:acme/old';
  const moved = {
    movedFrom: [
      { destination: { kind: 'repo', owner: 'acme', repo: 'old' } as const, secretName: undefined },
    ],
  };
  const old = (id: string, age: number, more = {}) => ours(id, age, { owner: `${OLD}#PEM`, ...more });
  const told = async (world: Days) => (await world.day({ current: 'none', ...moved })).notes;

  it('may have readers: until when they can log in is named, and no other line says what becomes of it', async () => {
    const notes = await told(
      new Days([old('p', 40), ours('c', 10)], { [OLD]: by('p', 40), [SHOP]: by('c', 10) }),
    );
    expect(notes).toMatch(
      /WARNING: repo:acme\/old PEM may still hold p, .* its readers cannot log in after \d{4}-\d\d-\d\d\. Let them read repo:acme\/shop PEM/,
    );
    expect(notes).not.toContain('removes p');
  });

  it('has no day if Auth0 records none', async () => {
    const records = [old('p', 40, { subject: 'CN=old' }), ours('c', 10)];
    const world = new Days(records, { [OLD]: by('p', 40), [SHOP]: by('c', 10) }, 'tls_client_auth');
    expect(await told(world)).toContain('its readers cannot log in once it expires.');
    world.hidden.add(`${OLD} PEM`);
    expect(await told(world)).toMatch(/Until then it keeps its slot\. /);
  });

  it('holds one that has expired: its readers cannot log in now, and it keeps no slot', async () => {
    const world = new Days([old('p', 95), ours('c', 10)], { [OLD]: by('p', 95), [SHOP]: by('c', 10) });
    const told = async () => (await world.day({ current: 'none', ...moved })).notes;
    expect(await told()).toMatch(
      /its readers cannot log in, since it expired on 2026-11-19\. Let them read repo:acme\/shop PEM, then delete that secret in GitHub\.$/,
    );
    const both = new Days([old('p', 96), old('q', 95)], { [OLD]: by('q', 95), [SHOP]: by('q', 95) });
    both.hidden.add(`${OLD} PEM`);
    const notes = (await both.day({ current: 'none', ...moved })).notes;
    expect(notes).not.toContain('Until then');
  });

  it('keeps what it may hold while GitHub does not show it, until that has expired', async () => {
    const two = new Days([old('p', 40), old('q', 20)], { [OLD]: by('q', 20), [SHOP]: by('q', 20) });
    two.hidden.add(`${OLD} PEM`);
    expect(await told(two)).toMatch(/it keeps its slot, at the latest until 2027-02-02\./);
  });
});

describe('what was made by hand', () => {
  it('is kept although it has expired: nobody has to move', async () => {
    const world = new Days([hand('h', 200, { expires: -3 }), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect((await world.day({ keep: ['h'] })).notes).toMatch(
      /^WARNING: The next rotation, on \S+, will fail: keep-credentials keeps h, which has expired\. Take its id out: that rotation then removes it\.$/,
    );
  });

  it('has expired: the removal is announced with that day, and nobody has to move', async () => {
    const world = new Days([hand('h', 200, { expires: -3 }), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect((await world.day({ current: 'none' })).notes).toMatch(
      /^The next rotation, on \S+, removes h, which was made by hand on \S+ and expired on \S+, to make room\.$/,
    );
  });

  it.each([
    ['beside ours that is held, and newer', [ours('c', 10), hand('h', 1)], by('c', 10), {}],
    ['beside one made by hand that is held', [hand('h', 100), hand('c', 10)], by('c', 10), {}],
    ['with a finite overlap', [ours('c', 10), hand('h', 1)], by('c', 10), { overlap: 7 * DAY }],
  ] as const)(
    'stays %s: no removal is announced, but a rotation that fails',
    async (_, credentials, held, changes) => {
      const { notes } = await new Days(credentials, { [SHOP]: held }).day({ current: 'c', ...changes });
      expect(notes).toMatch(
        /^WARNING: The next rotation, on \S+, will fail \(CREDENTIAL_LIMIT\): Client \S+ cannot hold another credential: .*`removable-credentials: h`/,
      );
      expect(notes).not.toContain('removes h');
    },
  );

  it('goes after an overlap: its users must have moved by then, and not only by the next rotation', async () => {
    const world = new Days([hand('h', 200), ours('c', 1)], { [SHOP]: by('c', 1) });
    const { notes } = await world.day({ overlap: 3 * DAY });
    const [, removal = '', moved = ''] =
      /^WARNING: The first run on or after (\S+), when its overlap is over, removes h, which was made by hand on \S+ and expires on \S+\. If anybody still uses it, name it in keep-credentials and move its users before (\S+): /.exec(
        notes,
      ) ?? [];
    expect(removal).toBe('2026-11-30');
    expect(moved).toBe(removal);
  });
});

describe('a next rotation with the subject of an associated credential takes no slot', () => {
  const renewable = (other: Seeded) => {
    const world = new Days(
      [other, ours('s', 100, { subject: 'CN=client' })],
      { [SHOP]: by('r', 20) },
      'tls_client_auth',
    );
    world.certificate('r', { subject: 'CN=client', from: world.now - 20 * DAY, to: world.now + 70 * DAY });
    return world;
  };

  it.each([
    ['one of ours with another subject', ours('p', 200, { subject: 'CN=old' }), {}],
    ['one that is kept', hand('p', 200), { keep: ['p'] }],
  ])('%s: no removal is announced, and none happens', async (_, other, changes) => {
    const world = renewable(other);
    expect((await world.day(changes)).notes).toBe('');
    expect(await world.pass(50).day(changes)).toMatchObject({ rotated: true, removed: [] });
    expect((await world.day(changes)).notes).toBe('');
  });

  it('only one with another subject does, which is announced for one made by hand', async () => {
    const world = renewable(hand('p', 200));
    const { notes } = await world.day();
    expect(notes).toMatch(
      /^WARNING: A rotation with another subject removes p, which was made by hand on \S+, to make room\. If anybody still uses it, name it in keep-credentials and move its users before you change the subject\.$/,
    );
    expect(await world.pass(50).day()).toMatchObject({ rotated: true, removed: [] });
    const other = { subject: 'CN=next', given: new Set(['subject'] as const) };
    expect(await world.pass(8).day(other)).toMatchObject({ rotated: true, removed: ['p'] });
  });

  it('an overlap ends even so, and to keep the credential stops no rotation', async () => {
    const world = renewable(hand('p', 200));
    expect((await world.day({ overlap: 30 * DAY })).notes).toMatch(
      /^WARNING: The first run on or after 2026-12-04, when its overlap is over, removes p, which was made by hand on \S+\. If anybody still uses it, name it in keep-credentials before 2026-12-04: then it stays\.$/m,
    );
  });

  it('also the run that registers the subject', async () => {
    const world = new Days(
      [ours('p', 50, { subject: 'CN=old' })],
      { [SHOP]: by('p', 50) },
      'tls_client_auth',
    );
    const { notes, rotated } = await world.day({ subject: 'CN=client', given: new Set(['subject']) });
    expect([rotated, notes]).toEqual([true, '']);
  });

  it('and it is never what the run itself delivers', async () => {
    const world = new Days(
      [ours('p', 50, { subject: 'CN=client', associated: false }), hand('h', 60)],
      {},
      'tls_client_auth',
    );
    const { notes, plan } = await world.day({ current: 'none', overlap: 7 * DAY });
    expect(plan?.reuses).toBe('p');
    expect(notes).not.toContain('removes p');
    expect(notes).toContain('removes h');
  });
});

describe('what a location holds once the run is over is not announced as removed', () => {
  const two = { destinations: [SHOP, PROD] };

  it('the older pair, which somebody has put back in the primary', async () => {
    const world = new Days([ours('p', 50), ours('c', 10)], { [SHOP]: ['p', 1], [PROD]: by('c', 10) });
    expect((await world.day(two)).notes).not.toContain('removes p');
  });

  it('what another secret may hold: its overlap does not end', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10), [PROD]: ['p', 5] });
    const { notes, plan } = await world.day({ ...two, current: 'none', overlap: DAY });
    expect(notes).not.toContain('removes p');
    expect(plan?.credentials.map(({ id, overlapEnd }) => [id, overlapEnd])).toContainEqual(['p', undefined]);
  });

  it('if it was made by hand, the run says so even then, since a later one may remove it', async () => {
    const world = new Days([hand('h', 70), ours('c', 10)], { [SHOP]: by('c', 10), [PROD]: ['h', 8] });
    const overlap = { overlap: DAY };
    const { notes } = await world.day({ ...two, ...overlap, current: 'none' });
    expect(notes).toMatch(
      /^WARNING: h, which was made by hand on \S+ and expires on \S+, goes once no destination may hold it\. If anybody else uses it, name it in keep-credentials and move its users\.$/m,
    );
    expect(notes).not.toContain('removes h');
    expect((await world.day({ ...two, ...overlap })).removed).toEqual(['h']);
  });

  it('what one may hold that this rotation leaves out', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10), [PROD]: by('c', 10) });
    world.hidden.add(`${PROD} PEM`);
    const { notes, plan } = await world.day({ ...two, force: true, overlap: DAY });
    expect(plan?.rotates).toBe(true);
    expect(notes).not.toContain('removes c');
    expect(plan?.credentials[0]?.overlapEnd).toBeUndefined();
  });
});

describe('an overlap that is longer than the time until the next rotation', () => {
  const world = () => new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });

  it('does not end: the rotation needs the slot', async () => {
    expect((await world().day({ overlap: 90 * DAY })).notes).toMatch(
      /^The next rotation, on 2027-01-13, removes p to make room\.$/m,
    );
    expect((await world().day({ overlap: 40 * DAY })).notes).toMatch(
      /^The first run on or after 2026-12-24, /m,
    );
  });
});

describe('an expiry that Auth0 does not record', () => {
  const estimated = (current: 'none' | 'primary') =>
    new Days([ours('c', 10)], { [SHOP]: by('c', 10) }, 'tls_client_auth').day({ current });

  it('is an estimate, unless current-credential shows it', async () => {
    expect((await estimated('none')).notes).toMatch(
      /^WARNING: The date of the next rotation, \S+, is an estimate, since Auth0 records no expiry of the credential in use: that may expire earlier\. Pass current-credential/,
    );
    expect((await estimated('primary')).notes).toBe('');
  });
});

describe('secrets that somebody else may have written', () => {
  const others = [SHOP, PROD, STAGE];
  /** @param made the age of the secrets */
  const world = (prod: number, stage: number, made: readonly [number, number] = [365, 365]) =>
    new Days([ours('p', 50), ours('c', 10)], {
      [SHOP]: by('c', 10),
      [PROD]: ['c', prod, made[0]],
      [STAGE]: ['c', stage, made[1]],
    });
  const notesOf = async (of: Days) => (await of.day({ current: 'none', destinations: others })).notes;
  const finished = (names: string) =>
    `WARNING: It is unknown what is stored in ${names}, since something other than a run of this workflow wrote it last. Pass current-credential to have the current pair stored there.`;
  const replaced = (names: string) =>
    `The next rotation, on 2027-01-13, replaces what is stored in ${names}. The time of the last write`;

  it('are named together: current-credential is stored in what was written once, and a rotation replaces the rest', async () => {
    const all = await notesOf(world(5, 4, [5, 4]));
    expect(all).toContain(finished(`${PROD} PEM, ${STAGE} PEM`));
    expect(all).not.toContain('replaces what is stored');
    const none = await notesOf(world(5, 4));
    expect(none).toContain(replaced(`${PROD} PEM, ${STAGE} PEM`));
    expect(none).not.toContain('It is unknown what is stored');
    const mixed = await notesOf(world(5, 4, [5, 365]));
    expect(mixed).toContain(finished(`${PROD} PEM`));
    expect(mixed).toContain(replaced(`${STAGE} PEM`));
  });

  it('get what the note promises, once current-credential is passed', async () => {
    const stored = async (of: Days) =>
      (await of.day({ destinations: others })).plan?.steps.map(({ kind }) => kind);
    expect(await stored(world(5, 4, [5, 365]))).toEqual(['store-secret']);
    expect(await stored(world(5, 4))).toEqual([]);
  });

  it('are replaced, both: what they hold is no pair of this client', async () => {
    const strange = new Days([ours('c', 10)], {
      [SHOP]: by('c', 10),
      [PROD]: ['theirs', 300],
      [STAGE]: ['theirs', 300],
    });
    const { notes } = await strange.day({ destinations: others });
    expect(notes).toContain(
      `This run replaces what is stored in ${PROD} PEM, ${STAGE} PEM, which is no pair of this client`,
    );
  });
});

describe('a new secret of which GitHub does not show whether it hides another one', () => {
  const REPO = { kind: 'repo', owner: 'acme', repo: 'ops' } as const;
  const ORG = { kind: 'org', org: 'acme' } as const;
  const TWO = { destinations: [PROD, STAGE], current: 'none' };

  /** @param mayHide where another may be, for each secret */
  const warned = async (
    mayHide: readonly (readonly Destination[])[],
    changes: Parameters<Days['desired']>[0] = TWO,
    world = new Days([hand('h', 10)]),
  ) => {
    const wanted = world.desired(changes);
    const observed = await world.observed(wanted);
    const secrets = observed.secrets.map((secret, index) => ({ ...secret, mayHide: mayHide[index] }));
    const { notes } = plan(wanted, { ...observed, secrets });
    return notes.map(printNote).filter((text) => text.includes('cannot check whether'));
  };

  it('is named, with all others, in one warning that says where to look and what shows it', async () => {
    expect(await warned([[REPO, ORG], [ORG]])).toEqual([
      expect.stringMatching(
        /^WARNING: github-token cannot check whether .* of the same name: env:acme\/ops\/prod PEM \(perhaps one in repo:acme\/ops or org:acme\), env:acme\/ops\/stage PEM \(perhaps one in org:acme\)\. .*'Secrets: read' \(permission-secrets: read /,
      ),
    ]);
  });

  it('is not named where GitHub shows all', async () => {
    expect(await warned([[], []])).toEqual([]);
    expect(await warned([[], [ORG]])).toEqual([
      expect.stringContaining(`same name: ${STAGE} PEM (perhaps one in org:acme). If`),
    ]);
  });

  it('hides it on purpose, with force', async () => {
    expect(await warned([[REPO, ORG]], { ...TWO, force: true })).toEqual([]);
  });

  it('hides none that is in use elsewhere, if current-credential is the pair of this client', async () => {
    expect(await warned([[REPO, ORG]], { ...TWO, current: 'h' })).toEqual([]);
    expect(await warned([[], [ORG]], { ...TWO, current: 'h' })).toHaveLength(1);
  });

  it('is not named by a run that does not write it', async () => {
    const two = { destinations: [SHOP, PROD], current: 'none' };
    const waiting = new Days([ours('p', 50), ours('c', 10)], { [SHOP]: by('c', 10) });
    expect(await warned([[], [REPO]], two, waiting)).toEqual([]);
  });
});
