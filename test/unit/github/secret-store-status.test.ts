/** What an answer of GitHub to a write means, at every edge of it: a wrong "refused" undoes what somebody may hold. */

import { describe, expect, it, vi } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { GitHubApi } from '../../../src/github/api.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { NetworkError } from '../../../src/http/wire.ts';
import {
  type Destination,
  parseDestination,
  type SecretLocation,
} from '../../../src/model/secret-location.ts';
import { Conversation } from '../../support/conversation.ts';
import { type Answer, type Peer, peer } from '../../support/wire.ts';

const talk = new Conversation();

const KEY: Answer = { body: { key_id: '1', key: Buffer.alloc(32, 9).toString('base64') } };
const SAID = { message: 'said' };

/** A store whose GitHub gives these answers; the last one stays. */
async function storeOf(...answers: Answer[]): Promise<SecretStore> {
  return storeAt(await peer(answers));
}

function storeAt(started: Peer): SecretStore {
  talk.server = started;
  return new SecretStore(new GitHubApi(talk.line.service('GitHub'), 'github_pat_1', talk.server.served.url));
}

function location(text = 'repo:acme/shop', secretName = 'PEM'): SecretLocation {
  return { destination: parseDestination(text) as Destination, secretName, part: 'pair' };
}

const { asked } = talk;
const bodies = () =>
  talk.server.exchanges
    .filter(({ method }) => method === 'PUT')
    .map(({ requestBody }) => JSON.parse(requestBody));

describe('a write that is answered with', () => {
  it.each<[number, string, string | undefined]>([
    [200, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [201, 'stored', undefined],
    [202, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [204, 'stored', undefined],
    [205, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [300, 'refused', 'GITHUB_REQUEST_FAILED'],
    [400, 'refused', 'GITHUB_REQUEST_FAILED'],
    [401, 'refused', 'GITHUB_UNAUTHORIZED'],
    [403, 'refused', 'GITHUB_FORBIDDEN'],
    [404, 'refused', 'GITHUB_FORBIDDEN'],
    [408, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [409, 'refused', 'GITHUB_REQUEST_FAILED'],
    [410, 'refused', 'GITHUB_REQUEST_FAILED'],
    [422, 'refused', 'GITHUB_REQUEST_FAILED'],
    [451, 'refused', 'GITHUB_FORBIDDEN'],
    [499, 'refused', 'GITHUB_REQUEST_FAILED'],
    [500, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [502, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [503, 'in doubt', 'GITHUB_REQUEST_FAILED'],
    [599, 'in doubt', 'GITHUB_REQUEST_FAILED'],
  ])('%i: %s, %s', async (status, outcome, code) => {
    const answer = status === 204 || status === 205 ? { status } : { status, body: SAID };
    // A 422 asks for the key again, which the same GitHub then gives.
    const store = await storeOf(KEY, answer, ...(status === 422 ? [KEY, answer] : []));
    const result = await store.store(location(), 'x');
    expect(result.outcome).toBe(outcome);
    expect('error' in result ? result.error.code : undefined).toBe(code);
    if ('error' in result) expect(result.error.failed).toContain(`${status}`);
  });

  it.each([400, 403, 404, 422])('%i and no word of GitHub: in doubt', async (status) => {
    const store = await storeOf(KEY, { status, body: {} }, ...(status === 422 ? [KEY, { status }] : []));
    expect(await store.store(location(), 'x')).toMatchObject({ outcome: 'in doubt' });
  });

  it.each([500, 503])('a page with %i: in doubt', async (status) => {
    const page = { status, body: '<html>', headers: { 'content-type': 'text/html' } };
    expect(await (await storeOf(KEY, page)).store(location(), 'x')).toMatchObject({ outcome: 'in doubt' });
  });

  it('a gateway that gave up, and then a refusal: in doubt', async () => {
    const store = await storeOf(KEY, { status: 502, body: SAID }, { status: 403, body: SAID });
    expect(await store.store(location(), 'x')).toMatchObject({
      outcome: 'in doubt',
      error: { code: 'GITHUB_FORBIDDEN' },
    });
  });

  it('a gateway that gave up, and then no connection: in doubt', async () => {
    const store = await storeOf(KEY, { status: 504, body: SAID });
    const { send } = talk.line.connection;
    let puts = 0;
    talk.line.connection.send = (request) => {
      puts += request.method === 'PUT' ? 1 : 0;
      return send(puts > 1 ? { ...request, url: 'https://127.0.0.1:1/' } : request);
    };
    expect(await store.store(location(), 'x')).toMatchObject({
      outcome: 'in doubt',
      error: { cause: { landed: 'no' } },
    });
  });

  it('nothing, since no server listens: refused', async () => {
    const store = await storeOf(KEY);
    const { send } = talk.line.connection;
    talk.line.connection.send = (request) =>
      send(request.method === 'PUT' ? { ...request, url: 'https://127.0.0.1:1/' } : request);
    expect(await store.store(location(), 'x')).toMatchObject({
      outcome: 'refused',
      error: { code: 'GITHUB_REQUEST_FAILED', cause: { landed: 'no' } },
    });
  });

  it('201 at once may not land again', async () => {
    const store = await storeOf(KEY, { status: 201, body: {} });
    expect(await store.store(location(), 'x')).toMatchObject({ outcome: 'stored', mayLandAgain: false });
  });

  it("422 is sealed again with the key of now, and that key's name", async () => {
    const other: Answer = { body: { key_id: '2', key: Buffer.alloc(32, 9).toString('base64') } };
    const store = await storeOf(KEY, { status: 422, body: SAID }, other, { status: 204 });
    expect(await store.store(location(), 'x')).toMatchObject({ outcome: 'stored' });
    expect(bodies().map(({ key_id }) => key_id)).toEqual(['1', '2']);
  });

  it('422, and the key cannot be read again: refused, since nothing else was sent', async () => {
    const store = await storeOf(KEY, { status: 422, body: SAID }, { status: 403, body: SAID });
    expect(await store.store(location(), 'x')).toMatchObject({
      outcome: 'refused',
      error: { code: 'GITHUB_FORBIDDEN' },
    });
  });
});

describe('a read that is answered with', () => {
  it.each<[number, string]>([
    [400, 'GITHUB_REQUEST_FAILED'],
    [401, 'GITHUB_UNAUTHORIZED'],
    [403, 'GITHUB_FORBIDDEN'],
    [410, 'GITHUB_REQUEST_FAILED'],
    [422, 'GITHUB_REQUEST_FAILED'],
    [500, 'GITHUB_REQUEST_FAILED'],
  ])('%i fails with %s', async (status, code) => {
    const store = await storeOf({ status, body: SAID });
    await expect(store.times(location())).rejects.toMatchObject({ code });
    await expect(store.publicKey(location().destination)).rejects.toMatchObject({ code });
  });

  it('404 is a missing secret only if the destination shows its key', async () => {
    expect(await (await storeOf({ status: 404, body: SAID }, KEY)).times(location())).toBe('missing');
    await talk.server[Symbol.asyncDispose]();
    const store = await storeOf({ status: 404, body: SAID });
    await expect(store.times(location())).rejects.toMatchObject({ code: 'DESTINATION_NOT_FOUND' });
  });

  it('404 is asked again if the key, too, was refused at first', async () => {
    const gone: Answer = { status: 404, body: SAID };
    const times = { created_at: '2026-11-24T12:00:00Z', updated_at: '2026-11-25T12:00:00Z' };
    const store = await storeOf(gone, gone, KEY, { body: times });
    expect(await store.times(location())).toEqual({
      createdAt: Date.parse(times.created_at),
      updatedAt: Date.parse(times.updated_at),
    });
    await talk.server[Symbol.asyncDispose]();
    expect(await (await storeOf(gone, gone, KEY, gone)).times(location())).toBe('missing');
  });
});

describe('a key that could not be read', () => {
  it('is asked for again by the next client that needs it', async () => {
    const store = await storeOf({ status: 403, body: SAID }, KEY);
    const { destination } = location();
    await expect(store.publicKey(destination)).rejects.toMatchObject({ code: 'GITHUB_FORBIDDEN' });
    expect(await store.publicKey(destination)).toMatchObject({ key_id: '1', wasRefusedAtFirst: false });
  });
});

describe('a refusal says what helps', () => {
  it.each<[string, string, Answer, RegExp]>([
    [
      'an archived repository',
      'repo:acme/shop',
      { status: 403, body: { message: 'Repository was archived' } },
      /Unarchive/,
    ],
    [
      'an address that the organization does not allow',
      'repo:acme/shop',
      {
        status: 403,
        body: {
          message:
            'the `acme` organization has an IP allow list enabled, and your IP address is not permitted',
        },
      },
      /^Run the job on a runner whose address/,
    ],
    ['a repository', 'repo:acme/shop', { status: 403, body: SAID }, /repository permission 'Secrets: write'/],
    ['an environment', 'env:acme/shop/eu', { status: 403, body: SAID }, /'Environments: write'/],
    ['Dependabot', 'dependabot:acme/shop', { status: 403, body: SAID }, /'Dependabot secrets: write'/],
    [
      'what GitHub asks for',
      'repo:acme/shop',
      { status: 403, body: SAID, headers: { 'x-accepted-github-permissions': 'secrets=write' } },
      /GitHub requires secrets=write/,
    ],
  ])('of %s', async (_, scope, answer, words) => {
    const result = await (await storeOf(KEY, answer)).store(location(scope), 'x');
    expect(result).toMatchObject({
      error: { code: 'GITHUB_FORBIDDEN', remedy: expect.stringMatching(words) },
    });
  });

  it('of an organization', async () => {
    const result = await (await storeOf({ status: 403, body: SAID })).store(location('org:acme'), 'x');
    expect(result).toMatchObject({
      outcome: 'refused',
      error: { remedy: expect.stringMatching(/organization permission 'Secrets: write'/) },
    });
  });
});

describe('a write that is refused', () => {
  const total = (total_count: number) => ({ body: { total_count, secrets: [] } });

  it.each([
    ['repo:acme/shop', 100, 'DESTINATION_FULL'],
    ['repo:acme/shop', 99, 'GITHUB_REQUEST_FAILED'],
    ['env:acme/shop/prod', 100, 'DESTINATION_FULL'],
    ['dependabot:acme/shop', 100, 'DESTINATION_FULL'],
    ['org:acme', 1_000, 'DESTINATION_FULL'],
    ['org:acme', 999, 'GITHUB_REQUEST_FAILED'],
  ])('by %s that holds %i: %s', async (at, held, code) => {
    const visibility = at.startsWith('org') ? [{ status: 404, body: SAID }] : [];
    const store = await storeOf(...visibility, KEY, { status: 400, body: SAID }, total(held));
    expect(await store.store(location(at), 'x')).toMatchObject({ outcome: 'refused', error: { code } });
  });

  it('of a secret that was there before is not counted', async () => {
    const times = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' };
    const seen = await storeOf({ body: times }, KEY, { status: 400, body: SAID }, total(100));
    await seen.times(location());
    expect(await seen.store(location(), 'x')).toMatchObject({ error: { code: 'GITHUB_REQUEST_FAILED' } });
    expect(asked()).toHaveLength(3);
  });

  it('and cannot be counted says what GitHub has said', async () => {
    const store = await storeOf(KEY, { status: 400, body: SAID });
    expect(await store.store(location(), 'x')).toMatchObject({
      outcome: 'refused',
      error: { code: 'GITHUB_REQUEST_FAILED', failed: expect.stringContaining('400: said') },
    });
  });
});

describe('a probe', () => {
  const destination = location().destination;
  const total = (total_count: unknown) => ({ body: { total_count, secrets: [] } });
  const written = { status: 201, body: {} };

  it('counts, writes a harmless secret and takes it away', async () => {
    const store = await storeOf(total(0), KEY, written, { status: 204 });
    expect(await store.probe(destination, 1)).toBeUndefined();
    expect(asked().map((one) => one.replace(/secrets\/AUTH0\w+/, 'secrets/PROBE'))).toEqual([
      'GET /repos/acme/shop/actions/secrets?per_page=1',
      'GET /repos/acme/shop/actions/secrets/public-key',
      'PUT /repos/acme/shop/actions/secrets/PROBE',
      'DELETE /repos/acme/shop/actions/secrets/PROBE',
    ]);
  });

  it('that stays is no failure', async () => {
    const store = await storeOf(total(0), KEY, written, { status: 403, body: SAID });
    expect(await store.probe(destination, 0)).toBeUndefined();
  });

  it('that is refused says why; one that is in doubt throws', async () => {
    const refused = await storeOf(total(0), KEY, { status: 403, body: SAID });
    expect(await refused.probe(destination, 1)).toMatchObject({ code: 'GITHUB_FORBIDDEN' });
    expect(asked()).toHaveLength(3);
    await talk.server[Symbol.asyncDispose]();
    const store = await storeOf(total(0), KEY, { status: 500, body: SAID });
    await expect(store.probe(destination, 1)).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
  });

  it('that never reached GitHub was not refused', async () => {
    const store = await storeOf(total(0), KEY);
    vi.spyOn(store, 'store').mockResolvedValue({
      outcome: 'refused',
      error: new RotationError('GITHUB_REQUEST_FAILED', {
        failed: 'No route.',
        remedy: '',
        cause: new NetworkError('ECONNREFUSED', 'no'),
      }),
    });
    await expect(store.probe(destination, 1)).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
  });

  it('is written once for all clients of a fleet, and counts for each', async () => {
    const store = await storeOf(total(0), KEY, written, { status: 204 }, total(1));
    for (let client = 0; client < 2; client += 1) await store.probe(destination, 1);
    expect(asked().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
    expect(asked()).toHaveLength(5);
  });

  it.each<[string, number, number, 'writes' | 'refuses' | 'goes on']>([
    ['repo:acme/shop', 99, 1, 'writes'],
    ['repo:acme/shop', 99, 2, 'refuses'],
    ['repo:acme/shop', 100, 1, 'refuses'],
    ['repo:acme/shop', 100, 0, 'goes on'],
    ['env:acme/shop/prod', 98, 2, 'writes'],
    ['env:acme/shop/prod', 99, 2, 'refuses'],
    ['dependabot:acme/shop', 100, 0, 'goes on'],
    ['org:acme', 999, 2, 'refuses'],
    ['org:acme', 1_000, 0, 'goes on'],
  ])('%s that holds %i, and %i more: %s', async (at, held, added, outcome) => {
    const store = await storeOf(total(held), KEY, written, { status: 204 });
    const error = await store.probe(location(at).destination, added);
    expect(error?.code).toBe(outcome === 'refuses' ? 'DESTINATION_FULL' : undefined);
    expect(asked().length > 1).toBe(outcome === 'writes');
  });

  it.each([undefined, '3'])('a total of %s cannot be used: nothing is written', async (value) => {
    const store = await storeOf(total(value));
    await expect(store.probe(destination, 0)).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
    expect(asked()).toHaveLength(1);
  });

  it('of an organization is seen by no repository', async () => {
    const store = await storeOf(total(0), { status: 404, body: SAID }, KEY, written);
    await store.probe(location('org:acme').destination, 1);
    expect(bodies()[0]).toMatchObject({ visibility: 'selected', selected_repository_ids: [] });
  });
});

describe("an organization's secret", () => {
  it.each<[string, Answer]>([
    ['without a visibility', { body: { name: 'PEM' } }],
    ['with one that is no text', { body: { name: 'PEM', visibility: 1 } }],
  ])('%s is not written', async (_, answer) => {
    const store = await storeOf(answer, KEY, { status: 201, body: {} });
    expect(await store.store(location('org:acme'), 'x')).toMatchObject({
      outcome: 'refused',
      error: { code: 'GITHUB_REQUEST_FAILED' },
    });
    expect(asked().some((one) => one.startsWith('PUT'))).toBe(false);
  });

  it('whose repositories cannot be read is not written', async () => {
    const store = await storeOf(
      { body: { visibility: 'selected' } },
      { body: { repositories: [{ id: 1 }, { id: 'x' }] } },
    );
    expect(await store.store(location('org:acme'), 'x')).toMatchObject({ outcome: 'refused' });
    expect(asked()).toEqual([
      'GET /orgs/acme/actions/secrets/PEM',
      'GET /orgs/acme/actions/secrets/PEM/repositories?per_page=100&page=1',
    ]);
  });
});

describe('a secret of Dependabot', () => {
  it('has a place and a key of its own', async () => {
    await (await storeOf(KEY, { status: 201, body: {} })).store(location('dependabot:acme/shop'), 'x');
    expect(asked()).toEqual([
      'GET /repos/acme/shop/dependabot/secrets/public-key',
      'PUT /repos/acme/shop/dependabot/secrets/PEM',
    ]);
  });
});

it('a public key without its name is none', async () => {
  const nameless = await storeOf({ body: { key: Buffer.alloc(32, 9).toString('base64') } });
  await expect(nameless.publicKey(location().destination)).rejects.toMatchObject({
    code: 'GITHUB_REQUEST_FAILED',
  });
});

describe('a list', () => {
  it('of names is read page by page, at the address of its environment', async () => {
    const full = Array.from({ length: 100 }, (_, index) => ({ name: `S${index}` }));
    const store = await storeOf({ body: { secrets: full } }, { body: { secrets: [{ name: 'LAST' }, {}] } });
    expect(await store.names(location('env:acme/shop/a b').destination)).toEqual([
      ...full.map(({ name }) => name),
      'LAST',
      '',
    ]);
    expect(asked()).toEqual(
      [1, 2].map((page) => `GET /repos/acme/shop/environments/a%20b/secrets?per_page=100&page=${page}`),
    );
  });

  it('of smaller pages than were asked for is read up to its total_count', async () => {
    const secrets = Array.from({ length: 65 }, (_, index) => ({ name: `S${index}` }));
    const pages = [0, 30, 60].map((from) => ({
      body: { total_count: 65, secrets: secrets.slice(from, from + 30) },
    }));
    const store = await storeOf(...pages);
    expect(await store.names(location().destination)).toEqual(secrets.map(({ name }) => name));
    expect(asked()).toHaveLength(3);
  });

  it('that is as long as its total_count asks for no page more', async () => {
    const full = Array.from({ length: 100 }, (_, index) => ({ name: `S${index}` }));
    const store = await storeOf({ body: { total_count: 100, secrets: full } }, { status: 500 });
    expect(await store.names(location().destination)).toHaveLength(100);
  });

  it('that ends before its total_count is an error', async () => {
    const store = await storeOf(
      { body: { total_count: 3, secrets: [{ name: 'A' }, { name: 'B' }] } },
      { body: { total_count: 3, secrets: [] } },
    );
    await expect(store.names(location().destination)).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      failed: 'GitHub was asked to show the secrets for repo:acme/shop, counted 3 and showed 2.',
    });
  });

  describe('of the repositories that see a secret of an organization', () => {
    const repositories = Array.from({ length: 45 }, (_, id) => ({ id }));
    const secret: Answer = { body: { name: 'PEM', visibility: 'selected' } };
    const page = (from: number, to: number): Answer => ({
      body: { total_count: 45, repositories: repositories.slice(from, to) },
    });

    it('is sent back whole', async () => {
      const store = await storeOf(secret, page(0, 30), page(30, 45), KEY, { status: 204 });
      expect(await store.store(location('org:acme'), 'x')).toMatchObject({ outcome: 'stored' });
      expect(bodies()[0].selected_repository_ids).toEqual(repositories.map(({ id }) => id));
    });

    it('stops the write if it is not whole', async () => {
      const answers: [RegExp, Answer][] = [
        [/repositories\?.*page=1$/, page(0, 30)],
        [/repositories\?/, page(45, 45)],
        [/^PUT/, { status: 204 }],
        [/public-key/, KEY],
        [/PEM$/, secret],
      ];
      const store = storeAt(
        await peer((path) => answers.find(([pattern]) => pattern.test(path))?.[1] ?? { status: 500 }),
      );
      expect(await store.store(location('org:acme'), 'x')).toMatchObject({ outcome: 'refused' });
      expect(bodies()).toEqual([]);
    });
  });

  it('of environments', async () => {
    const store = await storeOf({ body: { environments: [{ name: 'production' }, {}] } });
    expect(await store.environments({ kind: 'repo', owner: 'acme', repo: 'shop' })).toEqual([
      'production',
      '',
    ]);
    expect(asked()).toEqual(['GET /repos/acme/shop/environments?per_page=100&page=1']);
  });

  it('goes on a query that is there already', async () => {
    const store = await storeOf({ body: { runs: [] } });
    await store.api.listAll('/repos/acme/shop/actions/runs?status=queued', 'runs', location().destination);
    expect(asked()).toEqual(['GET /repos/acme/shop/actions/runs?status=queued&per_page=100&page=1']);
  });

  it.each<[string, Answer, string]>([
    ['of another form', { body: [] }, 'GITHUB_REQUEST_FAILED'],
    ['without its member', { body: {} }, 'GITHUB_REQUEST_FAILED'],
    ['that is not there', { status: 404, body: SAID }, 'DESTINATION_NOT_FOUND'],
  ])('%s is an error', async (_, answer, code) => {
    await expect((await storeOf(answer)).names(location().destination)).rejects.toMatchObject({ code });
  });

  it('of environments that the token may not see says so', async () => {
    const store = await storeOf({ status: 403, body: SAID });
    await expect(store.environments({ kind: 'repo', owner: 'acme', repo: 'shop' })).rejects.toMatchObject({
      failed: expect.stringMatching(/refused to list the environments for repo:acme\/shop \(403: said\)/),
    });
  });
});

describe('a name that a repository has now', () => {
  it('is where GitHub redirects to', async () => {
    const answers: Answer[] = [{}, { body: { full_name: 'acme/store' } }];
    const store = storeAt(await peer(answers));
    answers[0] = {
      status: 301,
      headers: { location: `${talk.server.served.url}/repositories/42` },
      body: SAID,
    };
    expect((await store.repository({ kind: 'repo', owner: 'acme', repo: 'shop' })).renamedTo).toBe(
      'acme/store',
    );
  });

  it('is none if GitHub does not redirect', async () => {
    const store = await storeOf({ body: { full_name: 'acme/shop' } });
    expect((await store.repository({ kind: 'repo', owner: 'acme', repo: 'shop' })).renamedTo).toBeUndefined();
    expect(asked()).toEqual(['GET /repos/acme/shop']);
  });
});

describe('the outer secret of the same name', () => {
  const [REPO, ORG] = [
    { kind: 'repo', owner: 'acme', repo: 'shop' },
    { kind: 'org', org: 'acme' },
  ];
  const FOUND: Answer = {
    body: { created_at: '2026-11-24T12:00:00Z', updated_at: '2026-11-24T12:00:00Z' },
  };
  const REFUSED: Answer = { status: 403, body: { message: 'Resource not accessible by integration' } };
  const NOTHING: Answer = { status: 404, body: SAID };
  const listOf = (...names: string[]): Answer => ({
    body: { total_count: names.length, secrets: names.map((name) => ({ name })) },
  });
  const ENV = 'env:acme/shop/eu';

  it.each<[string, string, Answer[], unknown]>([
    ["of an environment is the repository's", ENV, [FOUND], location()],
    ["or the organization's", ENV, [NOTHING, KEY, listOf('OTHER', 'pem')], location('org:acme')],
    ['or none', ENV, [NOTHING, KEY, listOf('OTHER')], 'none'],
    ["of a repository is the organization's", 'repo:acme/shop', [listOf('PEM')], location('org:acme')],
    ['or none', 'repo:acme/shop', [listOf()], 'none'],
    ['is none for an organization', 'org:acme', [], 'none'],
    ['is none for Dependabot', 'dependabot:acme/shop', [], 'none'],
    ["is not known if the repository's are refused", ENV, [REFUSED], { notShown: [REPO, ORG] }],
    ['is not known if nothing of it is shown', ENV, [NOTHING], { notShown: [REPO, ORG] }],
    ["is not known if the organization's are refused", ENV, [NOTHING, KEY, REFUSED], { notShown: [ORG] }],
    ['of a repository is not known if those are refused', 'repo:acme/shop', [REFUSED], { notShown: [ORG] }],
    ['of the repository of a person is none', 'repo:acme/shop', [NOTHING], 'none'],
  ])('%s (%s)', async (_, scope, answers, expected) => {
    expect(await (await storeOf(...answers)).outerSecretOf(location(scope))).toEqual(expected);
  });

  it('is an error, and no doubt, if a rate limit or no answer hides it', async () => {
    const limited = { status: 403, body: { message: 'You have exceeded a secondary rate limit' } };
    for (const answer of [limited, { status: 500, body: SAID }]) {
      const store = await storeOf(answer);
      await expect(store.outerSecretOf(location(ENV))).rejects.toMatchObject({
        code: 'GITHUB_REQUEST_FAILED',
      });
      await talk.server[Symbol.asyncDispose]();
    }
  });
});
