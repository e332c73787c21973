/** What a run learns before it plans: in Auth0's time, never an empty list in place of a failed read, and where it delivered before. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { RotationError } from '../../../src/errors.ts';
import { GitHubApi } from '../../../src/github/api.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { CLIENT_OWNER_KEY, clientOwnerOf, writeOwnership } from '../../../src/model/ownership.ts';
import { printLocation } from '../../../src/model/secret-location.ts';
import { observeFormer } from '../../../src/observe/former-locations.ts';
import { locateClient } from '../../../src/observe/locate-client.ts';
import { observeUsage } from '../../../src/observe/usage-logs.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { Road } from '../../support/road.ts';
import { desired, HOUR, NOW, state } from '../../support/states.ts';
import { type Answer, type Line, openLine, type Peer, peer } from '../../support/wire.ts';

const KEY = selfSignedCertificate('shop').key;
let line: Line;
const peers: Peer[] = [];
beforeEach(() => {
  line = openLine();
});
afterEach(async () => {
  await line[Symbol.asyncDispose]();
  for (const one of peers.splice(0)) await one[Symbol.asyncDispose]();
});

async function serving(answers: Parameters<typeof peer>[0]): Promise<Peer> {
  const one = await peer(answers);
  peers.push(one);
  return one;
}
const storeAt = ({ served }: Peer) =>
  new SecretStore(new GitHubApi(line.service('GitHub'), 'github_pat_1', served.url));
const tenantAt = ({ served }: Peer) => new Tenant(line.service('Auth0'), served.host, async () => 'token');

const TIMES = { created_at: '2026-11-20T12:00:00Z', updated_at: '2026-11-20T12:00:00Z' };

describe('an observation', () => {
  const observe = async (start: string, meanwhile?: Parameters<Road['run']>[0], changes = {}) => {
    const road = await Road.begin(start, { force: false });
    const result = await road.run(meanwhile, {}, { readOnly: true, ...changes });
    return { road, ...result };
  };

  it("has the times of secrets by Auth0's clock, and also the last one by GitHub's", async () => {
    const { observed, road } = await observe('partly delivered');
    const [primary] = observed?.secrets ?? [];
    const secret = road.world.github.secret('repo:acme/shop', 'AUTH0_MTLS_PEM');
    const [made, shown] = [Date.parse(`${secret?.createdAt}`), Date.parse(`${secret?.updatedAt}`)];
    expect(primary?.githubTime).toBe(shown);
    const { updatedAt = 0, createdAt = 0 } = typeof primary?.times === 'object' ? primary.times : {};
    // Auth0's clock is 3.7 s ahead of GitHub's here; a Date header has whole seconds.
    expect(Math.abs(updatedAt - shown - 3_700)).toBeLessThan(1_100);
    expect(updatedAt - createdAt).toBe(shown - made);
    expect(shown).toBeGreaterThan(made);
    expect(Math.abs((observed?.now ?? 0) - road.world.time - 2_300)).toBeLessThan(600);
    expect(observed).toMatchObject({ client: { id: road.world.clientId }, former: [] });
    expect(observed?.pool).toHaveLength(2);
  });

  it('distinguishes a missing secret from one that was not read', async () => {
    expect((await observe('hand-made, no secret')).observed?.secrets).toMatchObject([
      { times: 'missing', githubTime: undefined },
    ]);
    const { observed, road } = await observe('settled', undefined, { githubToken: undefined });
    expect(observed?.secrets).toMatchObject([{ times: 'unread', githubTime: undefined }]);
    expect(road.sent.join()).not.toContain('AUTH0_MTLS_PEM');
  });

  const [REPO, ENV] = ['GET repo AUTH0_MTLS_PEM', 'GET env AUTH0_MTLS_PEM'];

  it('goes on without a destination that GitHub does not show, and stops without the primary or any answer', async () => {
    const failing = (read: string | undefined, status: number) =>
      observe('partly delivered', (one) => (one === read ? { status, body: '{"message":"no"}' } : undefined));
    const { error, observed } = await failing(ENV, 403);
    expect(error?.code).toBe('DELIVERY_INCOMPLETE');
    expect(observed?.secrets).toMatchObject([
      { times: { createdAt: expect.any(Number) } },
      {
        location: { destination: { kind: 'env' } },
        times: 'unread',
        refused: { code: 'GITHUB_FORBIDDEN' },
      },
    ]);
    expect((await failing(REPO, 403)).error?.code).toBe('GITHUB_FORBIDDEN');
    expect((await failing(ENV, 500)).error?.code).toBe('GITHUB_REQUEST_FAILED');
  });

  it('stops if a rate limit refuses a destination, which may be shown to the next run', async () => {
    const said = async (message: string) => {
      const body = JSON.stringify({ message });
      const { error, observed } = await observe('partly delivered', (one) =>
        one === ENV ? { status: 403, body } : undefined,
      );
      return [error?.code, observed];
    };
    expect(await said('You have exceeded a secondary rate limit')).toEqual([
      'GITHUB_REQUEST_FAILED',
      undefined,
    ]);
  });

  it('knows what a missing secret of an environment would hide', async () => {
    const hidden = { status: 200, body: JSON.stringify(TIMES) };
    const { observed } = await observe('partly delivered', (one, count) => {
      if (one === ENV) return { status: 404, body: '{"message":"no"}' };
      return one === REPO && count === 2 ? hidden : undefined;
    });
    const [primary, environment] = observed?.secrets ?? [];
    expect(primary?.wouldHide).toBeUndefined();
    expect(environment).toMatchObject({
      times: 'missing',
      wouldHide: {
        destination: { kind: 'repo', owner: 'acme', repo: 'other' },
        secretName: 'AUTH0_MTLS_PEM',
      },
    });
  });

  it('knows where such a secret may be that GitHub does not show', async () => {
    const { observed } = await observe('partly delivered', (one, count) => {
      if (one === ENV) return { status: 404, body: '{"message":"no"}' };
      const isOuter = one === REPO && count === 2;
      return isOuter
        ? { status: 403, body: '{"message":"Resource not accessible by integration"}' }
        : undefined;
    });
    const environment = observed?.secrets[1];
    expect(environment).toMatchObject({
      times: 'missing',
      mayHide: [
        { kind: 'repo', owner: 'acme', repo: 'other' },
        { kind: 'org', org: 'acme' },
      ],
    });
    expect(environment?.wouldHide).toBeUndefined();
  });

  it('looks for no outer secret where the place has one', async () => {
    const { observed, road } = await observe('partly delivered');
    expect(observed?.secrets.map(({ times }) => typeof times)).toEqual(['object', 'object']);
    expect(road.sent.filter((one) => /^GET (repo|org)/.test(one))).toEqual([REPO]);
  });

  it("has the time of a former secret by Auth0's clock", async () => {
    const road = await Road.begin('partly delivered', { force: false });
    const [shop, prod] = road.world.inputs('1001.1').desired.destinations;
    if (!prod) throw new Error('the scenario has two destinations');
    const moved = {
      destinations: [shop] as const,
      movedFrom: [{ destination: prod, secretName: undefined }],
    };
    const { observed } = await road.run(undefined, moved, { readOnly: true });
    const [former] = observed?.former ?? [];
    const { githubTime = 0, times } = former?.secret ?? {};
    const { updatedAt = 0 } = typeof times === 'object' ? times : {};
    expect(former?.owner).toBe('env:acme/other/production#AUTH0_MTLS_PEM');
    expect(Math.abs(updatedAt - githubTime - 3_700)).toBeLessThan(1_100);
  });

  it("has the start of the job in Auth0's time", async () => {
    const road = await Road.begin('settled', { force: false });
    const began = road.world.time;
    const { observed } = await road.run(undefined, {}, { readOnly: true });
    // Auth0's clock is 2.3 s ahead of the runner's here.
    expect(Math.abs((observed?.startedAt ?? 0) - began - 2_300)).toBeLessThan(600);
  });

  it('reads the secrets before the pool', async () => {
    const { road } = await observe('partly delivered');
    const at = (one: string) => road.sent.indexOf(one);
    expect(Math.max(at('GET repo AUTH0_MTLS_PEM'), at('GET env AUTH0_MTLS_PEM'))).toBeLessThan(
      at('GET pool'),
    );
  });

  it.each(['GET pool', 'GET client', 'GET repo AUTH0_MTLS_PEM'])('is none if %s fails', async (read) => {
    const { error, observed } = await observe('settled', (one) =>
      one === read ? { status: 500 } : undefined,
    );
    expect(error).toBeDefined();
    expect(observed).toBeUndefined();
  });

  it('asks again if an answer was too slow to compare the clocks, and gives up in the end', async () => {
    let slow = 4;
    const some = await observe('settled', (_, __, { world }) => {
      slow -= 1;
      if (slow >= 0) world.time += 5_000;
      return undefined;
    });
    expect(some.error).toBeUndefined();
    expect(some.road.sent.filter((one) => one === 'GET client').length).toBeGreaterThan(1);
    const always = await observe('settled', (_, __, { world }) => {
      world.time += 5_000;
      return undefined;
    });
    expect(always.error).toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      failed: expect.stringContaining('too slowly'),
    });
    expect(always.road.sent.filter((one) => one === 'GET client')).toHaveLength(4);
  });
});

describe('without a Date header', () => {
  /** Somebody between changes the headers of some answers. */
  const through = async (change: (headers: Record<string, string>, isGitHub: boolean) => object) => {
    const road = await Road.begin('settled', { force: false });
    const { world } = road;
    const answer = world.handle.bind(world);
    world.handle = (request) => {
      const response = answer(request);
      const isGitHub = new URL(request.url).host.includes('github');
      return response && { ...response, headers: { ...change({ ...response.headers }, isGitHub) } };
    };
    return { road, ...(await road.run(undefined, {}, { readOnly: true })) };
  };
  const without = ({ date, ...rest }: Record<string, string>) => rest;

  it.each<[string, (isGitHub: boolean) => boolean, string, RegExp, RegExp]>([
    [
      'of Auth0',
      (isGitHub) => !isGitHub,
      'AUTH0_REQUEST_FAILED',
      /^The answers of Auth0 have no valid Date header, so .* cannot be compared/,
      /between the runner and Auth0 removes it/,
    ],
    [
      'of GitHub',
      (isGitHub) => isGitHub,
      'GITHUB_REQUEST_FAILED',
      /^The answers of GitHub have no valid Date header/,
      /between the runner and GitHub removes it/,
    ],
    [
      'of either',
      () => true,
      'AUTH0_REQUEST_FAILED',
      /^The answers of Auth0 and GitHub have no valid Date header/,
      /between the runner and Auth0 and GitHub removes it/,
    ],
  ])('%s the run stops, and says what is missing', async (_, isStripped, code, failed, remedy) => {
    const { error, observed, road } = await through((headers, isGitHub) =>
      isStripped(isGitHub) ? without(headers) : headers,
    );
    expect(error).toMatchObject({
      code,
      failed: expect.stringMatching(failed),
      remedy: expect.stringMatching(remedy),
    });
    expect(error?.message).not.toMatch(/slow|faster/);
    expect(observed).toBeUndefined();
    expect(road.sent.filter((one) => !one.startsWith('GET') && one !== 'POST token')).toEqual([]);
  });

  it('that is a date, the run stops too', async () => {
    const { error } = await through((headers, isGitHub) =>
      isGitHub ? { ...headers, date: 'now' } : headers,
    );
    expect(error?.failed).toMatch(/GitHub have no valid Date header/);
  });

  it('in some answers, the others serve', async () => {
    let count = 0;
    const { error } = await through((headers) => {
      count += 1;
      return count % 2 === 0 ? without(headers) : headers;
    });
    expect(error).toBeUndefined();
  });
});

describe('a former location', () => {
  const credential = (owner: string) => ({
    id: owner,
    type: 'x509_cert' as const,
    name: writeOwnership({ owner, run: '1.1' }),
    identity: 'x',
    createdAt: NOW,
    expiresAt: undefined,
  });
  const former = async (
    owners: string[],
    changes: Parameters<typeof desired>[0] = {},
    answer?: (asked: string) => Answer,
  ) => {
    const github = await serving(answer ?? (() => ({ body: TIMES })));
    const pool = [...owners.map(credential), { ...credential('x'), name: 'by hand' }];
    const found = await observeFormer(desired(changes), pool, storeAt(github));
    return {
      found: found.map(
        ({ secret: { location, times } }) =>
          `${printLocation(location)}${times === 'missing' ? ' missing' : ''}`,
      ),
      owners: found.map(({ owner }) => owner),
      asked: github.exchanges.map(({ path }) => path),
    };
  };

  it('is none if all marks are ours, or there is no mark', async () => {
    expect((await former(['repo:acme/shop#PEM'])).found).toEqual([]);
  });

  it('lies in the same repository, under another name', async () => {
    const { found, owners } = await former(['repo:acme/shop#OLD', 'repo:acme/shop#OLD']);
    expect([found, owners]).toEqual([['repo:acme/shop OLD'], ['repo:acme/shop#OLD']]);
  });

  it('under another name may have served the destinations of today', async () => {
    const two = { destinations: ['repo:acme/shop', 'repo:acme/two'] };
    expect((await former(['repo:acme/shop#OLD'], two)).found).toEqual([
      'repo:acme/shop OLD',
      'repo:acme/two OLD',
    ]);
    expect((await former(['repo:acme/two#PEM'], two)).found).toEqual(['repo:acme/two PEM']);
  });

  it('is an environment of it', async () => {
    expect((await former(['env:acme/shop/live#PEM'])).found).toEqual(['env:acme/shop/live PEM']);
  });

  it('is none in another repository, unless moved-from names it', async () => {
    const named = { kind: 'repo', owner: 'acme', repo: 'old' } as const;
    expect((await former(['repo:acme/old#PEM'])).found).toEqual([]);
    expect(
      (await former(['repo:acme/old#PEM'], { movedFrom: [{ destination: named, secretName: undefined }] }))
        .found,
    ).toEqual(['repo:acme/old PEM']);
    const otherName = await former(['repo:acme/old#X'], {
      movedFrom: [{ destination: named, secretName: undefined }],
    });
    // It is read, and the mark of another name stays another workflow's.
    expect([otherName.found, otherName.owners]).toEqual([['repo:acme/old PEM'], ['repo:acme/old#PEM']]);
    expect(
      (await former(['repo:acme/old#X'], { movedFrom: [{ destination: named, secretName: 'X' }] })).found,
    ).toEqual(['repo:acme/old X', 'repo:acme/shop X']);
  });

  it('is none if moved-from names the primary, and is read once if a mark names it too', async () => {
    const from = (repo: string) => [
      { destination: { kind: 'repo', owner: 'acme', repo } as const, secretName: undefined },
    ];
    expect(await former([], { movedFrom: from('shop') })).toMatchObject({ found: [], asked: [] });
    const twice = await former(['repo:acme/old#PEM'], { movedFrom: from('old') });
    expect([twice.found.length, twice.asked.length]).toEqual([1, 1]);
    const both = await former([], { movedFrom: [...from('old'), ...from('older')] });
    expect(both.found).toEqual(['repo:acme/old PEM', 'repo:acme/older PEM']);
  });

  it('is what GitHub redirects to the primary, and holds nothing if it is gone', async () => {
    const moved =
      (full_name: string) =>
      (asked: string): Answer => {
        if (asked === 'GET /repos/acme/old') {
          const url = peers.at(-1)?.served.url;
          return { status: 301, headers: { location: `${url}/repositories/42` }, body: {} };
        }
        return asked === 'GET /repositories/42'
          ? { body: { full_name } }
          : { status: 404, body: { message: 'gone' } };
      };
    expect((await former(['repo:acme/old#PEM'], {}, moved('Acme/Shop'))).found).toEqual([
      'repo:acme/old PEM missing',
    ]);
    expect((await former(['repo:acme/old#PEM'], {}, moved('acme/else'))).found).toEqual([]);
  });

  it('is no organization, and none of an organization', async () => {
    const none = { found: [], owners: [], asked: [] };
    expect(await former(['org:acme#PEM'])).toEqual(none);
    expect(await former(['repo:acme/shop#PEM'], { destinations: ['org:acme'] })).toEqual(none);
    expect(await former(['nonsense', 'repo:acme/shop'])).toEqual(none);
  });

  it('that cannot be read is an error', async () => {
    await expect(
      former(['repo:acme/shop#OLD'], {}, () => ({ status: 418, body: { message: 'no' } })),
    ).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
    });
  });

  const listing = (asked: string, environments: readonly string[]): Answer => {
    if (asked === 'GET /repos/acme/shop') return { body: {} };
    if (asked.startsWith('GET /repos/acme/shop/environments?'))
      return {
        body: { total_count: environments.length, environments: environments.map((name) => ({ name })) },
      };
    return { status: 404, body: { message: 'no' } };
  };

  it.each<[string, (asked: string) => Answer, unknown]>([
    ['that the token may not read', () => ({ status: 403, body: { message: 'no' } }), 'GITHUB_FORBIDDEN'],
    ['whose repository is hidden', () => ({ status: 404, body: { message: 'no' } }), 'DESTINATION_NOT_FOUND'],
    [
      'whose repository everybody sees',
      (asked) => (asked === 'GET /repos/acme/shop' ? { body: {} } : { status: 404, body: { message: 'no' } }),
      'DESTINATION_NOT_FOUND',
    ],
    ['whose repository still lists it', (asked) => listing(asked, ['Live']), 'DESTINATION_NOT_FOUND'],
    ['whose repository does not list it', (asked) => listing(asked, ['test']), 'missing'],
  ])('%s: only the last one is gone', async (_, answer, expected) => {
    const github = await serving(answer);
    const [found] = await observeFormer(desired(), [credential('env:acme/shop/live#PEM')], storeAt(github));
    const { refused, times } = found?.secret ?? {};
    expect(refused?.code ?? times).toBe(expected);
    expect(times).toBe(expected === 'missing' ? 'missing' : 'unread');
  });

  it('in a repository that everybody sees may only be hidden, whatever its list of environments says', async () => {
    const github = await serving((asked) => listing(asked, []));
    const moved = {
      movedFrom: [{ destination: { kind: 'repo', owner: 'acme', repo: 'shop' } as const, secretName: 'OLD' }],
    };
    const [found] = await observeFormer(desired(moved), [], storeAt(github));
    expect(found?.secret).toMatchObject({ times: 'unread', refused: { code: 'DESTINATION_NOT_FOUND' } });
  });

  it('is read under the new name of its repository, unless that is a destination', async () => {
    const named = [
      { destination: { kind: 'repo', owner: 'acme', repo: 'old' } as const, secretName: undefined },
    ];
    const renamed =
      (full_name: string) =>
      (asked: string): Answer => {
        if (asked.startsWith('GET /repos/acme/old'))
          return {
            status: 301,
            headers: { location: `${peers.at(-1)?.served.url}/repositories/42` },
            body: {},
          };
        return { body: asked === 'GET /repositories/42' ? { full_name } : TIMES };
      };
    expect((await former([], { movedFrom: named }, renamed('acme/else'))).found).toEqual([
      'repo:acme/else PEM',
    ]);
    expect((await former([], { movedFrom: named }, renamed('Acme/Shop'))).found).toEqual([
      'repo:acme/old PEM missing',
    ]);
  });

  it('is unread without a token', async () => {
    const found = await observeFormer(desired(), [credential('repo:acme/shop#OLD')], undefined);
    expect(found).toMatchObject([{ secret: { times: 'unread', githubTime: undefined } }]);
  });
});

describe('the client of a workflow that creates it', () => {
  const create = desired({ operation: 'create', clientId: '', clientName: 'shop' });
  const mark = { [CLIENT_OWNER_KEY]: clientOwnerOf(create) };
  const client = (client_id: string, name: string, client_metadata = {}) => ({
    client_id,
    name,
    client_metadata,
  });
  const locate = async (wanted: typeof create, clients: object[], pools: Record<string, string> = {}) => {
    const auth0 = await serving((asked) => {
      const [, id = ''] = /clients\/(\w+)\/credentials/.exec(asked) ?? [];
      if (id === '') return { body: clients };
      return {
        body: [
          {
            id: 'x',
            credential_type: 'x509_cert',
            created_at: '2026-11-20T12:00:00Z',
            thumbprint_sha256: pools[id],
          },
        ],
      };
    });
    return locateClient(wanted, tenantAt(auth0)).then(
      ({ clientId }) => clientId,
      ({ code, failed }: RotationError) => `${code}: ${failed}`,
    );
  };

  it('is looked for only by operation: create', async () => {
    const auth0 = await serving([{ status: 500 }]);
    expect(await locateClient(desired(), tenantAt(auth0))).toEqual(desired());
    expect(auth0.exchanges).toEqual([]);
  });

  it.each<[string, object[], string]>([
    ['there is none', [client('a', 'other')], ''],
    ['its mark is ours, whatever it is called', [client('a', 'renamed', mark), client('b', 'shop')], 'a'],
  ])('if %s', async (_, clients, found) => {
    expect(await locate(create, clients)).toBe(found);
  });

  it.each<[string, object[], RegExp]>([
    [
      'somebody else has that name',
      [client('b', 'shop'), client('c', 'shop')],
      /^CLIENT_EXISTS: .*'shop' \(b, c\)/,
    ],
    ['there are two of ours', [client('a', 'x', mark), client('b', 'y', mark)], /^CLIENT_EXISTS: .*\(a, b\)/],
  ])('is refused if %s', async (_, clients, refused) => {
    expect(await locate(create, clients)).toMatch(refused);
  });

  const remedy = async (wanted: typeof create, clients: object[]) => {
    const auth0 = await serving((asked) => ({ body: asked.includes('credentials') ? [] : clients }));
    const error = await locateClient(wanted, tenantAt(auth0)).catch((one: RotationError) => one);
    return error instanceof RotationError ? error.remedy : 'none';
  };
  const FORMER = { [CLIENT_OWNER_KEY]: 'repo:acme/old#PEM' };
  const moved = (secretName?: string): typeof create => ({
    ...create,
    movedFrom: [{ destination: { kind: 'repo', owner: 'Acme', repo: 'old' }, secretName }],
  });

  it.each<[string, string, object, string]>([
    ['the repository had another name before', 'a', FORMER, 'a'],
    ['another client has just the name', 'a', {}, ''],
  ])('with moved-from, if %s', async (_, id, metadata, found) => {
    const other = found === '' ? 'another' : 'shop';
    expect(await locate(moved(), [client(id, other, metadata)])).toBe(found);
    expect(await locate(moved('PEM'), [client(id, other, metadata)])).toBe(found);
    expect(await locate(moved('OTHER'), [client(id, 'another', metadata)])).toBe('');
  });

  it('that a former name made is never to be deleted: the line that finds it again is named', async () => {
    const told = await remedy(create, [client('x', 'shop'), client('a', 'shop', FORMER)]);
    expect(told).toMatch(/^If that is .*, add the line `moved-from: repo:acme\/old#PEM`\. Delete nothing/);
    const digest = { [CLIENT_OWNER_KEY]: 'sha256:0123' };
    expect(await remedy(create, [client('a', 'shop', digest)])).toMatch(/moved-from: with that destination/);
    const strange = await remedy(create, [client('a', 'shop')]);
    expect(strange).toMatch(/`client-id: a` and operation: rotate/);
    expect(strange).not.toMatch(/delete/i);
  });

  it('of two of ours is never one to delete that may be in use', async () => {
    const both = [client('a', 'x', mark), client('b', 'y', mark)];
    expect(await remedy(create, both)).toMatch(
      /^Pass current-credential: .* repo:acme\/shop PEM holds\. Then delete/,
    );
    const passed = await remedy({ ...create, currentKey: desired({ current: 'k' }).currentKey }, both);
    expect(passed).toMatch(/^current-credential belongs to none of them\. Find out which client id/);
    expect(passed).not.toMatch(/[Pp]ass current/);
  });

  it('of two of ours is the one whose certificate is in use', async () => {
    const both = [client('a', 'x', mark), client('b', 'y', mark)];
    const current = desired({ operation: 'create', clientId: '', clientName: 'shop', current: 'k' });
    expect(await locate(current, both, { b: 'identity-k' })).toBe('b');
    expect(await locate(current, both, { a: 'other' })).toMatch(/^CLIENT_EXISTS/);
  });

  it('of which one may be that of moved-from: nothing is to be deleted yet', async () => {
    const named = {
      destination: { kind: 'repo', owner: 'acme', repo: 'old' } as const,
      secretName: undefined,
    };
    const moved = desired({ operation: 'create', clientId: '', clientName: 'shop', movedFrom: [named] });
    const auth0 = await serving([{ body: [client('a', 'x', mark), client('b', 'y', mark)] }]);
    await expect(locateClient(moved, tenantAt(auth0))).rejects.toMatchObject({
      code: 'CLIENT_EXISTS',
      failed: expect.stringContaining('or moved-from names a workflow that has a client of its own.'),
      remedy: expect.stringMatching(/^Delete nothing yet\./),
    });
    expect(await locate(create, [client('a', 'x', mark), client('b', 'y', mark)])).toMatch(
      / Two runs were at work at once, and one of them died\.$/,
    );
  });
});

describe('the tenant logs', () => {
  const wanted = desired({ current: 'a' });
  const entry = (changes: object = {}) => ({
    log_id: 'l',
    date: new Date(Date.now() + 1_000).toISOString(),
    mtls_thumbprint_sha256: 'identity-a',
    user_agent: 'auth0-mtls-rotation-action (proof of run 7.1)',
    ...changes,
  });

  async function usage(
    logs: object[] | ((count: number) => object[]),
    token: Answer | 'no endpoint' = { body: { access_token: 'opaque' } },
    { asked = true, certificate = undefined as string | undefined, privateKey = KEY, upToDate = true } = {},
  ) {
    let searches = 0;
    const auth0 = await serving(() => {
      searches += 1;
      return { body: typeof logs === 'function' ? logs(searches) : logs };
    });
    const edge = token === 'no endpoint' ? undefined : await serving([token]);
    const services = {
      tenant: tenantAt(auth0),
      proofService: line.service('edge'),
      domain: 'x',
      proofEndpoint: async () => edge && `${edge.served.url}/token`,
      clock: line.connection.clock,
      cancellation: line.connection.cancellation,
    };
    const { usage: found } = await observeUsage(
      { since: Date.now() - HOUR, upToDate },
      wanted,
      state(wanted),
      services,
      asked ? { certificate, privateKey } : undefined,
    );
    return { upTo: found?.upTo, tokens: edge?.exchanges.length ?? 0 };
  }

  it('are known up to our own token request, once it is in them', async () => {
    const own = entry();
    expect(await usage((count) => (count > 2 ? [own] : []))).toMatchObject({
      upTo: Date.parse(own.date),
      tokens: 1,
    });
    expect(line.waits).toEqual([500, 1_000]);
  });

  it.each<[string, object]>([
    ["somebody else's", { user_agent: 'curl' }],
    ['one with another certificate', { mtls_thumbprint_sha256: 'identity-b' }],
    ['one of an earlier run', { date: '2020-01-01T00:00:00Z' }],
  ])('are late if %s is all there is', async (_, changes) => {
    expect((await usage([entry(changes)])).upTo).toBe('late');
    expect(line.waits.reduce((sum, wait) => sum + wait, 0)).toBeLessThanOrEqual(30_000);
    expect(line.waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(20_000);
  });

  it('say nothing of a request that this runner cannot send, since the key is too weak', async () => {
    const { cert: certificate, key: privateKey } = selfSignedCertificate('weak', undefined, 1024);
    expect(await usage([entry()], undefined, { certificate, privateKey })).toEqual({
      upTo: 'refused',
      tokens: 0,
    });
  });

  it('say nothing of a request that was refused, that had no endpoint, or that was not asked for', async () => {
    expect((await usage([entry()], { status: 401, body: {} })).upTo).toBe('refused');
    expect((await usage([entry()], 'no endpoint')).upTo).toBe('no endpoint');
    expect(await usage([entry()], undefined, { asked: false })).toEqual({ upTo: 'not asked', tokens: 0 });
    expect(await usage([entry()], undefined, { upToDate: false })).toEqual({ upTo: 'not asked', tokens: 0 });
  });
});
