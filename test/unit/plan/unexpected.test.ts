/** Answers in another form than today's, and settings in another spelling: nobody is locked out, and nothing is called good that is not known. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readCredential } from '../../../src/auth0/records.ts';
import { plan } from '../../../src/plan/plan.ts';
import { by, Days, ours, SHOP } from '../../support/days.ts';
import { notation } from '../../support/notation.ts';
import { DAY, desired, state } from '../../support/states.ts';

const LIVE = 'env:acme/shop/live';
const OLD = 'repo:acme/old';
const moved = (owner: string, repo: string) => [
  { destination: { kind: 'repo', owner, repo } as const, secretName: undefined },
];
const AGE = DAY / 60_000;

/** GitHub ignores case in names. */
function caseless(world: Days): Days {
  const { secrets } = world;
  const [get, has, set] = [secrets.get.bind(secrets), secrets.has.bind(secrets), secrets.set.bind(secrets)];
  const as = (key: string) =>
    [...secrets.keys()].find((one) => one.toLowerCase() === key.toLowerCase()) ?? key;
  Object.assign(secrets, {
    get: (key: string) => get(as(key)),
    has: (key: string) => has(as(key)),
    set: (key: string, value: never) => set(as(key), value),
  });
  return world;
}

describe('moved-from names a destination of today, in the lower case that the messages print', () => {
  const destinations = ['repo:Acme/Shop', 'repo:Acme/Old'];
  const world = (p: number, c: number) =>
    caseless(
      new Days([ours('p', p, { owner: `${OLD}#PEM` }), ours('c', c)], {
        'repo:Acme/Shop': by('c', c),
        'repo:Acme/Old': by('p', p),
      }),
    );
  it('never lets the pair in use expire', async () => {
    const days = world(0.5, 0.3);
    const errors = new Set<string>();
    let expired = false;
    for (let day = 0; day < 95; day += 1) {
      const holds = days.secrets.get('repo:Acme/Shop PEM')?.holds;
      const end = days.pool.find(({ id }) => id === holds)?.expiresAt ?? 0;
      expired ||= end <= days.now;
      const { error } = await days.day({ destinations, movedFrom: moved('acme', 'old') });
      if (error) errors.add(error.code);
    }
    expect({ expired, errors: [...errors] }).toEqual({ expired: false, errors: [] });
  });
  it('does not advise to delete what a destination of today holds', async () => {
    const { notes } = await world(70, 50).day({ destinations, movedFrom: moved('acme', 'old') });
    expect(notes).not.toContain('then delete that secret in GitHub');
  });
});

describe('retire: when-unused, and Auth0 shows no thumbprint of the previous credential', () => {
  it('proves nothing', () => {
    const wanted = desired({ quietWindow: 7 * DAY, current: 'c', given: new Set() });
    const observed = state(wanted, {
      credentials: [
        { id: 'p', age: 80 * AGE },
        { id: 'c', age: 20 * AGE },
      ],
      written: [20 * AGE - 1],
      // p was used half an hour ago
      usage: {
        uses: [
          { id: 'p', age: 30 },
          { id: 'c', age: 40 },
        ],
      },
    });
    const pool = observed.pool.map((c) => (c.id === 'p' ? { ...c, identity: undefined } : c));
    expect(notation(plan(wanted, { ...observed, pool }).steps)).toBe('');
  });
});

describe('a former destination is still read, and this workflow has made a credential for the new one', () => {
  it('is served as another destination: the former order would be refused', async () => {
    const world = new Days([ours('p', 61, { owner: `${OLD}#PEM` }), ours('c', 60.5)], {
      [OLD]: by('p', 61),
      [SHOP]: by('c', 60.5),
    });
    const { error } = await world.day({ movedFrom: moved('acme', 'old') });
    expect(error?.remedy).not.toContain(`put ${OLD} first in destinations again`);
    expect(error?.remedy).toContain(
      `add ${OLD} to destinations, after the first, and pass current-credential.`,
    );
    const back = await world.day({ destinations: [OLD, SHOP] });
    expect(back.error?.remedy ?? '').toContain(`put ${SHOP} first in destinations again`);
    const followed = await world.day({ destinations: [SHOP, OLD] });
    expect(followed).toMatchObject({ rotated: true, error: undefined, lockedOut: [] });
    expect([world.works(OLD), world.works(SHOP)]).toEqual([true, true]);
  });
  it('has another secret name: the former one would be refused', async () => {
    const world = new Days([ours('p', 20, { owner: `${SHOP}#KEY` }), ours('c', 10)], {
      [`${SHOP} KEY`]: by('p', 20),
      [SHOP]: by('c', 10),
    });
    const { error } = await world.day({ force: true, revoke: true });
    expect(error?.remedy).not.toContain('set `secret-name: KEY` again');
    expect(error?.remedy).toContain('let its readers read PEM first.');
    const back = await world.day({ secretName: 'KEY', force: true, revoke: true });
    expect(back.error?.remedy ?? '').toContain('set `secret-name: PEM` again');
  });
});

describe('a date', () => {
  it.each(['self_signed_tls_client_auth', 'private_key_jwt'] as const)(
    'that is missing: ours without expires_at is replaced by its age: %s',
    async (method) => {
      const world = new Days([ours('c', 200, { expires: null })], { [SHOP]: by('c', 200) }, method);
      expect((await world.day({ current: 'none' })).rotated).toBe(true);
    },
  );
  it('without a zone is UTC', async () => {
    vi.stubEnv('TZ', 'America/Los_Angeles');
    onTestFinished(() => void vi.unstubAllEnvs());
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    world.pool = world.pool.flatMap((c) => {
      const created_at = new Date(c.createdAt).toISOString().replace('Z', '');
      const more = { credential_type: 'x509_cert', created_at, thumbprint_sha256: c.identity ?? '' };
      return readCredential({ id: c.id, name: c.name ?? '', ...more }) ?? [];
    });
    const { lockedOut } = await world.day({ current: 'none' });
    expect(lockedOut).toEqual([]);
  });
  it('that cannot be read beside an end that can: the key is replaced in time', async () => {
    const world = new Days([ours('c', 10)], { [SHOP]: by('c', 10) }, 'private_key_jwt');
    world.pool = world.pool.flatMap(
      (c) =>
        readCredential({
          id: c.id,
          name: c.name ?? '',
          credential_type: 'public_key',
          kid: c.identity ?? '',
          created_at: 1_800_000_000,
          expires_at: new Date(world.now + 5 * DAY).toISOString(),
        }) ?? [],
    );
    const wanted = world.desired();
    // A key has no end of its own.
    const currentKey = wanted.currentKey && {
      ...wanted.currentKey,
      notBefore: undefined,
      notAfter: undefined,
    };
    const planned = plan({ ...wanted, currentKey }, await world.observed(wanted));
    expect([planned.reason, planned.rotates]).toEqual(['CertificateExpiring', true]);
  });
  it('that cannot be read, and the pair in use is not associated: it is associated again', async () => {
    const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
    world.pool = world.pool.map((c) =>
      c.id === 'c' ? { ...c, type: 'unknown', createdAt: 0, expiresAt: undefined } : c,
    );
    world.takeOut('c');
    const { error } = await world.day();
    expect([error, world.works(SHOP)]).toEqual([undefined, true]);
  });
});

describe('Auth0 shows no thumbprint of the credential in use', () => {
  const world = (live: string, age: number) => {
    const days = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10), [LIVE]: by(live, age) });
    days.pool = days.pool.map((c) => (c.id === 'c' ? { ...c, identity: undefined } : c));
    return days;
  };
  it('no pair is stored that was not passed', async () => {
    const { plan: planned } = await world('p', 70).day({ current: 'none', destinations: [SHOP, LIVE] });
    expect(notation(planned?.steps ?? [])).not.toContain(`>${LIVE}=`);
  });
});
