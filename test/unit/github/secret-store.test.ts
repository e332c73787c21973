/** Secrets at the emulated GitHub, which opens the boxes with libsodium, over a real socket. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitHubApi } from '../../../src/github/api.ts';
import { notFound } from '../../../src/github/refusals.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import {
  type Destination,
  parseDestination,
  type SecretLocation,
} from '../../../src/model/secret-location.ts';
import { GitHub } from '../../emulators/github.ts';
import { type Exchange, type Fault, type Served, serve } from '../../emulators/serve.ts';
import { type Answer, authority, type Line, openLine, peer } from '../../support/wire.ts';

const TOKEN = 'github_pat_CANARYCANARY';
const SKEW = -7_200_000;
const KEY = Buffer.alloc(32, 9).toString('base64');
let github: GitHub;
let served: Served;
let line: Line;
let exchanges: Exchange[] = [];
let fault: ((path: string, method: string) => Fault | undefined) | undefined;

beforeAll(async () => {
  github = await GitHub.create({ now: () => Date.now() + SKEW });
  github.addOrganization('acme');
  github.addRepository('acme/shop', { environments: ['eu/prod: 1'] });
  github.addToken(TOKEN, {
    kind: 'app',
    permissions: { secrets: 'write', environments: 'write', organization_secrets: 'write' },
  });
  github.addToken('reader', { kind: 'fine-grained', permissions: { secrets: 'read' } });
  github.addToken('workflow', { kind: 'github-token', permissions: {} });
  served = await serve(github, {
    tls: authority.serverCertificate(),
    fault: ({ path, method }) => fault?.(path, method),
    onExchange: (exchange) => exchanges.push(exchange),
  });
});
afterAll(() => served[Symbol.asyncDispose]());
beforeEach(() => {
  line = openLine();
  exchanges = [];
  fault = undefined;
});
afterEach(() => line[Symbol.asyncDispose]());

const connect = (token = TOKEN, url = served.url) =>
  new SecretStore(new GitHubApi(line.service('GitHub'), token, url));

function location(text: string, secretName: string): SecretLocation {
  return { destination: parseDestination(text) as Destination, secretName, part: 'pair' };
}

/** A refused write is a result, a refused read an error. */
const errorOf = (result: unknown) => (result as { error?: unknown }).error;

const SCOPES = ['repo:acme/shop', 'env:acme/shop/eu/prod: 1', 'org:acme'];

describe('a secret', () => {
  it.each(SCOPES)('of %s is stored, and its times are read', async (scope) => {
    const store = connect();
    const secret = location(scope, 'PEM');
    expect(await store.times(secret)).toBe('missing');
    await store.store(secret, 'größe\nof it\n');
    expect(github.secret(scope, 'PEM')?.value).toBe('größe\nof it\n');
    const times = await store.times(secret);
    if (times === 'missing') throw new Error('not stored');
    expect(times.updatedAt % 1_000).toBe(0);
    expect(Math.abs(times.updatedAt - (Date.now() + SKEW))).toBeLessThan(60_000);
    expect(Math.abs(store.clock.offset - SKEW)).toBeLessThan(60_000);
  });

  it('never travels in the clear, nor in the log', async () => {
    await connect().store(location('repo:acme/shop', 'PEM'), 'CANARY of a key');
    expect(JSON.stringify(exchanges.map(({ requestBody, path }) => [requestBody, path]))).not.toContain(
      'CANARY',
    );
    expect(line.log.join('\n')).not.toContain('CANARY');
    expect(line.log).toContainEqual(
      expect.stringMatching(
        /^GitHub: PUT \/repos\/acme\/shop\/actions\/secrets\/PEM → 20[14] in \d+ ms \(request /,
      ),
    );
  });

  it('asks for the public key once a destination', async () => {
    const store = connect();
    await Promise.all([1, 2].map((n) => store.store(location('repo:acme/shop', `PEM${n}`), 'x')));
    await store.store(location('repo:acme/shop', 'PEM3'), 'x');
    expect(exchanges.filter(({ path }) => path.endsWith('/public-key'))).toHaveLength(1);
  });

  it('is sealed again if the public key has changed meanwhile', async () => {
    const store = connect();
    await store.publicKey(parseDestination('repo:acme/shop') as Destination);
    github.rotateKey('repo:acme/shop');
    await store.store(location('repo:acme/shop', 'PEM'), 'after the change');
    expect(github.secret('repo:acme/shop', 'PEM')?.value).toBe('after the change');
  });

  it('of an organization is private at first, and keeps who sees it', async () => {
    const store = connect();
    await store.store(location('org:acme', 'NEW'), 'x');
    expect(github.secret('org:acme', 'NEW')?.visibility).toBe('private');
    const ids = Array.from({ length: 130 }, (_, n) => github.addRepository(`acme/many-${n}`));
    github.seedSecret('org:acme', 'SOME', 'old', { visibility: 'selected', selectedRepositoryIds: ids });
    github.seedSecret('org:acme', 'ALL', 'old', { visibility: 'all' });
    for (const name of ['SOME', 'ALL']) await store.store(location('org:acme', name), 'new');
    expect(github.secret('org:acme', 'ALL')).toMatchObject({ value: 'new', visibility: 'all' });
    const some = github.secret('org:acme', 'SOME');
    expect(some).toMatchObject({ value: 'new', visibility: 'selected' });
    expect([...(some?.selectedRepositoryIds ?? [])].sort()).toEqual([...ids].sort());
  });

  it('of an organization that was there a moment ago is not stored as a new one, which others would see', async () => {
    const store = connect();
    const secret = location('org:acme', 'GONE');
    expect(await store.times(secret)).toBe('missing');
    expect(await store.store(secret, 'first')).toMatchObject({ outcome: 'stored' });
    expect(await store.times(secret)).toMatchObject({ updatedAt: expect.any(Number) });
    fault = (path, method) =>
      method === 'GET' && path.endsWith('/GONE')
        ? { kind: 'answer', response: { status: 404, headers: {}, body: '{"message":"Not Found"}' } }
        : undefined;
    expect(await store.store(secret, 'second')).toMatchObject({
      outcome: 'refused',
      error: {
        code: 'GITHUB_REQUEST_FAILED',
        failed: expect.stringMatching(/^GitHub showed org:acme GONE earlier in this run and .* \(404\)/),
      },
    });
    expect(github.secret('org:acme', 'GONE')?.value).toBe('first');
  });
});

describe('a refusal', () => {
  it.each<[string, string, (store: SecretStore) => Promise<unknown>, string, RegExp]>([
    [
      'a token that is none',
      'CANARY',
      (store) => store.times(location('repo:acme/shop', 'PEM')),
      'GITHUB_UNAUTHORIZED',
      /refused to show the secrets for repo:acme\/shop \(401.*it lives one hour/,
    ],
    [
      'GITHUB_TOKEN',
      'workflow',
      (store) => store.publicKey(parseDestination('repo:acme/shop') as Destination),
      'GITHUB_FORBIDDEN',
      /GITHUB_TOKEN can never write secrets: use a GitHub App's token/,
    ],
    [
      'a token that may only read',
      'reader',
      (store) => store.store(location('repo:acme/shop', 'PEM'), 'x'),
      'GITHUB_FORBIDDEN',
      /refused to store PEM for repo:acme\/shop .*GitHub requires secrets=write/,
    ],
    [
      'an unknown repository',
      TOKEN,
      (store) => store.times(location('repo:acme/nobody', 'PEM')),
      'DESTINATION_NOT_FOUND',
      /does not show repo:acme\/nobody to this github-token \(404\)/,
    ],
    [
      'an unknown environment',
      TOKEN,
      (store) => store.times(location('env:acme/shop/nowhere', 'PEM')),
      'DESTINATION_NOT_FOUND',
      /env:acme\/shop\/nowhere/,
    ],
  ])('of %s', async (_, token, act, code, words) => {
    const error = await act(connect(token)).then(errorOf, (one: unknown) => one);
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect([String(error), ...line.log].join()).not.toContain('CANARY');
  });

  it('that is a rate limit is waited for', async () => {
    let refused = 0;
    fault = (_, method) => {
      if (method !== 'PUT' || refused > 0) return undefined;
      refused += 1;
      const headers = { 'retry-after': '3', 'content-type': 'application/json' };
      return {
        kind: 'answer',
        response: { status: 403, headers, body: '{"message":"secondary rate limit"}' },
      };
    };
    await connect().store(location('repo:acme/shop', 'PEM'), 'limited');
    expect(github.secret('repo:acme/shop', 'PEM')?.value).toBe('limited');
    expect(line.waits).toEqual([3_000]);
  });
});

describe('a lost answer', () => {
  it('to a write is asked for again, and remembered as uncertain', async () => {
    let lost = 0;
    fault = (_, method) => {
      if (method !== 'PUT' || lost > 0) return undefined;
      lost += 1;
      return { kind: 'lose' };
    };
    const store = connect();
    const result = await store.store(location('repo:acme/shop', 'PEM'), 'twice');
    expect(result).toMatchObject({ outcome: 'stored', mayLandAgain: true });
    expect(github.secret('repo:acme/shop', 'PEM')?.value).toBe('twice');
  });

  it('to every attempt means that the write may have landed', async () => {
    fault = (_, method) => (method === 'PUT' ? { kind: 'lose' } : undefined);
    const result = await connect().store(location('repo:acme/shop', 'PEM'), 'x');
    expect(result.outcome).toBe('in doubt');
    expect(result).toHaveProperty('error');
    expect('error' in result && result.error).toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      cause: { landed: 'unknown' },
      message: expect.stringMatching(/gave no answer to PUT \/repos\/acme\/shop\/actions\/secrets\/PEM \(/),
    });
  });

  it('to a read is asked for again', async () => {
    let lost = 0;
    fault = () => {
      lost += 1;
      return lost === 1 ? { kind: 'drop' } : undefined;
    };
    const store = connect();
    expect(await store.times(location('repo:acme/shop', 'NEVER'))).toBe('missing');
  });

  it('is not waited for once the run was cancelled', async () => {
    fault = () => {
      line.cancel();
      return { kind: 'drop' };
    };
    await expect(connect().times(location('repo:acme/shop', 'PEM'))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(exchanges).toHaveLength(1);
  });
});

describe('an answer that cannot be used', () => {
  const TIMES = { created_at: '2026-11-24T12:00:00Z', updated_at: '2026-11-24T12:00:00Z' };

  it.each<[string, Answer]>([
    ['HTML', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['half a JSON', { body: '{"name":"PEM","created_' }],
    ['nothing', { body: '' }],
    ['no times', { body: { name: 'PEM' } }],
    ['a time that is none', { body: { ...TIMES, updated_at: 'now' } }],
    ['a time that is a number', { body: { ...TIMES, created_at: 1 } }],
    ['no content type', { body: TIMES, headers: { 'content-type': ' ' } }],
    ['204', { status: 204 }],
    ['a redirect', { status: 302, body: {}, headers: { location: 'https://evil.example/' } }],
  ])('is never a missing secret: %s', async (_, answer) => {
    await using server = await peer([answer]);
    const store = connect(TOKEN, server.served.url);
    await expect(store.times(location('repo:acme/shop', 'PEM'))).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
    });
  });

  it.each<[string, unknown]>([
    ['no key', {}],
    ['a short key', { key_id: '1', key: 'AAAA' }],
    ['a key that is no point', { key_id: '1', key: Buffer.alloc(32).toString('base64') }],
  ])('is never a public key: %s, which is reported before anything else is done', async (_, body) => {
    await using server = await peer([{ body }]);
    const store = connect(TOKEN, server.served.url);
    const { destination } = location('repo:acme/shop', 'PEM');
    await expect(store.publicKey(destination)).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
    const result = await store.store(location('repo:acme/shop', 'PEM'), 'CANARY');
    expect(result.outcome).toBe('refused');
    expect('error' in result && result.error.message).not.toContain('CANARY');
    expect(server.exchanges.map(({ method }) => method)).not.toContain('PUT');
  });
});

describe('a token that is seconds old', () => {
  const TIMES = { created_at: '2026-11-24T12:00:00Z', updated_at: '2026-11-24T12:00:00Z' };
  const unknown: Answer = { status: 401, body: { message: 'Bad credentials' } };
  const secret = location('repo:acme/shop', 'PEM');

  it('is given some seconds to be known', async () => {
    await using server = await peer([unknown, unknown, unknown, { body: TIMES }]);
    expect(await connect(TOKEN, server.served.url).times(secret)).toMatchObject({
      createdAt: expect.any(Number),
    });
    expect(line.waits).toEqual([500, 1_000, 1_000]);
  });

  it('is given no more than that, and only once', async () => {
    await using server = await peer([unknown]);
    const store = connect(TOKEN, server.served.url);
    for (const count of [7, 8]) {
      await expect(store.times(secret)).rejects.toMatchObject({ code: 'GITHUB_UNAUTHORIZED' });
      expect(server.exchanges).toHaveLength(count);
    }
    expect(line.waits.reduce((sum, wait) => sum + wait, 0)).toBe(5_500);
  });

  it('may not see its repository yet', async () => {
    const key = { key_id: '1', key: KEY };
    await using server = await peer([{ status: 404 }, { status: 404 }, { body: key }]);
    const { destination } = secret;
    expect(await connect(TOKEN, server.served.url).publicKey(destination)).toMatchObject(key);
    expect(line.waits).toEqual([500, 1_000]);
  });

  it('of an app may not see a secret yet that is there; another token is never that new', async () => {
    await using server = await peer([{ status: 404 }, { status: 404 }, { body: TIMES }]);
    expect(await connect('ghs_new', server.served.url).times(secret)).toMatchObject({
      createdAt: expect.any(Number),
    });
    expect(line.waits).toEqual([500, 1_000]);
    const old = connect();
    expect(await old.times(location('repo:acme/shop', 'NOT_THERE'))).toBe('missing');
    expect(line.waits).toHaveLength(2);
  });

  it('may not write yet, nor count', async () => {
    const key = { key_id: '1', key: KEY };
    await using server = await peer([{ body: key }, { status: 404 }, { status: 404 }, { status: 201 }]);
    const stored = await connect('ghs_new', server.served.url).store(secret, 'text');
    expect(stored).toMatchObject({ outcome: 'stored' });
    expect(line.waits).toEqual([500, 1_000]);
  });

  it('is new for the first client of a fleet, not for each', async () => {
    await using server = await peer([{ status: 404 }, { body: { key_id: '1', key: KEY } }, { status: 404 }]);
    const began = Date.now() - 60_000;
    const api = new GitHubApi(line.service('GitHub'), 'ghs_old', server.served.url, began);
    expect(await new SecretStore(api).times(secret)).toBe('missing');
    expect(line.waits).toEqual([]);
  });

  it('may be refused its write', async () => {
    let refused = 0;
    fault = (_, method) => {
      if (method !== 'PUT' || refused > 1) return undefined;
      refused += 1;
      const body = '{"message":"Bad credentials"}';
      return {
        kind: 'answer',
        response: { status: 401, headers: { 'content-type': 'application/json' }, body },
      };
    };
    await connect().store(secret, 'at last');
    expect(github.secret('repo:acme/shop', 'PEM')?.value).toBe('at last');
  });
});

it.each<[string, RegExp, RegExp]>([
  [
    'repo:acme/ops',
    /add the repository acme\/ops; if the step that makes the token names `repositories`, name it there/,
    /environment /,
  ],
  [
    'dependabot:acme/ops',
    /add the repository acme\/ops; if the step that makes the token names `repositories`, name it there/,
    /dependabot:/,
  ],
  [
    'env:acme/ops/prod',
    /environment prod is missing in acme\/ops, create it there .* add the repository acme\/ops; if the step that makes the token names `repositories`, name it there/,
    /env:/,
  ],
  ['org:acme', /install the GitHub App in the organization acme\./, /repository/],
])('%s that is not shown: what to add is something that can be added', async (text, words, not) => {
  const destination = parseDestination(text);
  if (!destination) throw new Error('no destination');
  const { remedy } = notFound(destination);
  expect(remedy).toMatch(words);
  expect(remedy.replace(/The token needs.*/, '')).not.toMatch(not);
});

describe('a repository that was renamed', () => {
  const moved = (status: number, url: string): Answer => ({
    status,
    headers: { location: `${url}/repositories/42/actions/secrets/PEM` },
    body: { message: 'Moved Permanently' },
  });
  const key: Answer = { body: { key_id: '1', key: Buffer.alloc(32, 9).toString('base64') } };

  /** The last answer is to the question for its name. */
  async function renamed(status: number, before: Answer[], name: Answer) {
    const answers: Answer[] = [...before, {}, name];
    const server = await peer(answers);
    answers[before.length] = moved(status, server.served.url);
    return server;
  }

  it.each([301, 302, 307, 308])('is reported with its new name, and not followed: %i', async (status) => {
    await using server = await renamed(status, [], { body: { full_name: 'acme/store' } });
    await expect(
      connect(TOKEN, server.served.url).times(location('env:acme/shop/eu', 'PEM')),
    ).rejects.toMatchObject({
      code: 'DESTINATION_NOT_FOUND',
      failed: `env:acme/shop/eu was renamed or transferred (${status}), and nothing was stored there.`,
      remedy:
        'Write env:acme/store/eu in destinations. If it is the first one, also name env:acme/shop/eu in moved-from.',
    });
    expect(server.exchanges.map(({ path }) => path)).toEqual([
      '/repos/acme/shop/environments/eu/secrets/PEM',
      '/repositories/42',
    ]);
  });

  it.each([301, 302, 307, 308])('has not stored what a PUT was redirected with: %i', async (status) => {
    await using server = await renamed(status, [key], { body: { full_name: 'acme/store' } });
    const store = connect(TOKEN, server.served.url);
    expect(await store.store(location('repo:acme/shop', 'PEM'), 'x')).toMatchObject({
      outcome: 'refused',
      error: { code: 'DESTINATION_NOT_FOUND' },
    });
    expect(server.exchanges.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET']);
  });

  it('has nothing stored in it, even if its new name cannot be read', async () => {
    const page = { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>' };
    await using server = await renamed(301, [key], page);
    const stored = await connect(TOKEN, server.served.url).store(location('repo:acme/shop', 'PEM'), 'x');
    expect(stored).toMatchObject({ outcome: 'refused', error: { code: 'DESTINATION_NOT_FOUND' } });
  });

  it('is reported without its new name if GitHub does not show it', async () => {
    await using server = await renamed(301, [], { status: 404 });
    await expect(
      connect(TOKEN, server.served.url).publicKey(location('repo:acme/shop', 'PEM').destination),
    ).rejects.toMatchObject({
      code: 'DESTINATION_NOT_FOUND',
      remedy:
        'Write its new name in destinations. If it is the first one, also name repo:acme/shop in moved-from.',
    });
  });

  it('is none if the redirect leads to another host', async () => {
    await using server = await peer([moved(301, 'https://sign-in.example')]);
    await expect(
      connect(TOKEN, server.served.url).times(location('repo:acme/shop', 'PEM')),
    ).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      message: expect.stringContaining(
        "(301) is not from GitHub's API: it is a redirect to sign-in.example.",
      ),
    });
    expect(server.exchanges).toHaveLength(1);
  });
});

it('a page instead of an answer is reported as one, and the write is in doubt', async () => {
  fault = (_, method) =>
    method === 'PUT'
      ? {
          kind: 'answer',
          response: {
            status: 403,
            headers: { 'content-type': 'text/html' },
            body: '<html><title>Access <b>denied</title>',
          },
        }
      : undefined;
  const store = connect();
  expect(await store.store(location('repo:acme/shop', 'PEM'), 'x')).toMatchObject({
    outcome: 'in doubt',
    error: {
      code: 'GITHUB_REQUEST_FAILED',
      cause: { landed: 'unknown' },
      message: expect.stringContaining('it is an HTML page, "Access".'),
    },
  });
});
