/** Secrets at the emulated GitHub, which opens the boxes with libsodium, over a real socket. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

const connect = (token = TOKEN, url = served.url) => new SecretStore(line.service('GitHub'), token, url);

function location(text: string, secretName: string): SecretLocation {
  return { destination: parseDestination(text) as Destination, secretName, part: 'pair' };
}

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
    expect(Math.abs(times.updatedAt - (Date.now() + SKEW))).toBeLessThan(10_000);
    expect(Math.abs(store.clock.offset - SKEW)).toBeLessThan(1_500);
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

  it('is sealed again where the public key has changed meanwhile', async () => {
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
});

describe('a refusal', () => {
  it.each<[string, string, (store: SecretStore) => Promise<unknown>, string, RegExp]>([
    [
      'a token that is none',
      'CANARY',
      (store) => store.times(location('repo:acme/shop', 'PEM')),
      'GITHUB_UNAUTHORIZED',
      /refused to read its secrets for repo:acme\/shop \(401.*valid and not expired/,
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
      /refused to store repo:acme\/shop PEM .*GitHub asks for secrets=write/,
    ],
    [
      'an unknown repository',
      TOKEN,
      (store) => store.times(location('repo:acme/nobody', 'PEM')),
      'DESTINATION_NOT_FOUND',
      /shows no repo:acme\/nobody to this github-token \(404\)/,
    ],
    [
      'an unknown environment',
      TOKEN,
      (store) => store.times(location('env:acme/shop/nowhere', 'PEM')),
      'DESTINATION_NOT_FOUND',
      /env:acme\/shop\/nowhere/,
    ],
  ])('of %s', async (_, token, act, code, words) => {
    const error = await act(connect(token)).catch((one: unknown) => one);
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
    await store.times(location('repo:acme/shop', 'PEM'));
    expect(store.uncertain).toBe(false);
    await store.store(location('repo:acme/shop', 'PEM'), 'twice');
    expect([store.uncertain, github.secret('repo:acme/shop', 'PEM')?.value]).toEqual([true, 'twice']);
  });

  it('to every write tells that it may have landed', async () => {
    fault = (_, method) => (method === 'PUT' ? { kind: 'lose' } : undefined);
    const error = await connect()
      .store(location('repo:acme/shop', 'PEM'), 'x')
      .catch((one: unknown) => one);
    expect(error).toMatchObject({
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
    expect(store.uncertain).toBe(false);
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

describe('an answer that is none', () => {
  const TIMES = { created_at: '2026-11-24T12:00:00Z', updated_at: '2026-11-24T12:00:00Z' };

  it.each<[string, Answer]>([
    ['HTML', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['half a JSON', { body: '{"name":"PEM","created_' }],
    ['nothing', { body: '' }],
    ['no times', { body: { name: 'PEM' } }],
    ['a time that is none', { body: { ...TIMES, updated_at: 'now' } }],
    ['a time that is a number', { body: { ...TIMES, created_at: 1 } }],
    ['204', { status: 204 }],
    ['a redirect', { status: 301, body: {}, headers: { location: 'https://evil.example/' } }],
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
  ])('is never a public key: %s, which is told before anything else is done', async (_, body) => {
    await using server = await peer([{ body }]);
    const store = connect(TOKEN, server.served.url);
    const { destination } = location('repo:acme/shop', 'PEM');
    await expect(store.publicKey(destination)).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
    await expect(store.store(location('repo:acme/shop', 'PEM'), 'CANARY')).rejects.not.toThrow(/CANARY/);
    expect(server.exchanges.map(({ method }) => method)).not.toContain('PUT');
  });
});
