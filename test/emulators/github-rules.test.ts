/** The rules of the emulated GitHub at their edges: what one token may do, how often, and what a list shows. */

import { beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from './emulator.ts';
import { GitHub, type GitHubOptions, type Grant, SECRET_LIMIT } from './github.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const APP = '/repos/octo-org/app';
const REPO = `${APP}/actions/secrets`;
const ENV = `${APP}/environments/production/secrets`;
const DEPENDABOT = `${APP}/dependabot/secrets`;
const ORG = '/orgs/octo-org/actions/secrets';
const BOX = 'AAAA';
const ALL: Grant['permissions'] = {
  secrets: 'write',
  environments: 'write',
  dependabot_secrets: 'write',
  organization_secrets: 'write',
  issues: 'write',
  actions: 'write',
};

let now: number;
let github: GitHub;

/** Whose sealed boxes hold what they say, and never anything else. */
function begin(options: GitHubOptions = {}): GitHub {
  const key = { publicKey: new Uint8Array(32), privateKey: new Uint8Array(32) };
  github = new GitHub({
    now: () => now,
    random: seededRandom(1),
    publicKeyFor: () => key,
    openSealedBox: (text) => Buffer.from(text, 'base64').toString(),
    ...options,
  });
  github.addRepository('octo-org/app', { environments: ['production'] });
  github.addRepository('octo-org/other');
  github.addOrganization('octo-org');
  github.addToken('all', { kind: 'fine-grained', permissions: ALL });
  return github;
}

beforeEach(() => {
  now = NOW;
  begin();
});

function call(method: string, path: string, body?: unknown, token: string | undefined = 'all') {
  const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const answer = github.handle({
    method,
    path,
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body ?? {}),
  });
  return { ...answer, data: answer.body === '' ? undefined : JSON.parse(answer.body) };
}

function put(path: string, value: string, more: object = {}) {
  const { key_id } = call('GET', `${path.replace(/[^/]+$/, '')}public-key`).data;
  return call('PUT', path, { encrypted_value: Buffer.from(value).toString('base64'), key_id, ...more });
}

/** Of each call the one permission that it needs, and how much of it. */
const NEEDS: [string, string, keyof Grant['permissions'] | undefined, 'read' | 'write'][] = [
  ['GET', APP, undefined, 'read'],
  ['GET', '/user', undefined, 'read'],
  ...[
    [REPO, 'secrets'],
    [ENV, 'environments'],
    [DEPENDABOT, 'dependabot_secrets'],
    [ORG, 'organization_secrets'],
  ].flatMap(([path = '', permission]) =>
    (
      [
        ['GET', path, 'read'],
        ['GET', `${path}/public-key`, 'read'],
        ['GET', `${path}/A`, 'read'],
        ['PUT', `${path}/A`, 'write'],
        ['DELETE', `${path}/A`, 'write'],
      ] as const
    ).map(([method, at, level]): (typeof NEEDS)[number] => [
      method,
      at,
      permission as keyof Grant['permissions'],
      level,
    ]),
  ),
  ['GET', `${ORG}/A/repositories`, 'organization_secrets', 'read'],
  ['GET', `${APP}/actions/organization-secrets`, 'secrets', 'read'],
  ['GET', `${APP}/environments`, 'actions', 'read'],
  ['GET', `${APP}/environments/production`, 'actions', 'read'],
  ['GET', `${APP}/issues`, 'issues', 'read'],
  ['POST', `${APP}/issues`, 'issues', 'write'],
  ['GET', `${APP}/issues/1`, 'issues', 'read'],
  ['PATCH', `${APP}/issues/1`, 'issues', 'write'],
  ['GET', `${APP}/issues/1/comments`, 'issues', 'read'],
  ['POST', `${APP}/issues/1/comments`, 'issues', 'write'],
  ['GET', `${APP}/actions/workflows/rotate.yml`, 'actions', 'read'],
  ['GET', `${APP}/actions/workflows/rotate.yml/runs`, 'actions', 'read'],
  ['GET', `${APP}/actions/runs`, 'actions', 'read'],
];

describe('a token needs for', () => {
  test.each(NEEDS)('%s %s the permission %s: %s', (method, path, permission, level) => {
    github.addWorkflow('octo-org/app', 'rotate.yml');
    const may = (permissions: Grant['permissions']) => {
      github.addToken('some', { kind: 'fine-grained', permissions });
      return call(method, path, {}, 'some').status !== 403;
    };
    const { [permission ?? 'issues']: _, ...others } = ALL;
    expect(may(permission === undefined ? {} : { [permission]: level })).toBe(true);
    expect(may(permission === undefined ? {} : { ...ALL, [permission]: 'write' })).toBe(true);
    expect(may(others)).toBe(permission === undefined);
    if (permission && level === 'write') expect(may({ ...ALL, [permission]: 'read' })).toBe(false);
  });

  test.each<[GitHubOptions['environmentSecretsNeed'], Grant['permissions'], number]>([
    [undefined, { environments: 'read' }, 200],
    [undefined, { secrets: 'write' }, 403],
    ['both', { environments: 'read' }, 403],
    ['both', { secrets: 'read' }, 403],
    ['both', { environments: 'read', secrets: 'read' }, 200],
  ])('environment secrets (%s) %j', (environmentSecretsNeed, permissions, status) => {
    begin({ environmentSecretsNeed: environmentSecretsNeed ?? 'environments' });
    github.addToken('some', { kind: 'fine-grained', permissions });
    expect(call('GET', ENV, undefined, 'some').status).toBe(status);
  });

  test('environment secrets its own permission, if nothing else is said', () => {
    github.addToken('some', { kind: 'app', permissions: { environments: 'read' } });
    expect(call('GET', ENV, undefined, 'some').status).toBe(200);
  });

  test.each<[Grant['kind'], Grant['permissions'], string, number, string]>([
    ['fine-grained', {}, REPO, 403, 'Resource not accessible by personal access token'],
    ['app', {}, REPO, 403, 'Resource not accessible by integration'],
    ['github-token', ALL, REPO, 403, 'Resource not accessible by integration'],
    ['github-token', ALL, ENV, 403, 'Resource not accessible by integration'],
    ['github-token', ALL, ORG, 403, 'Resource not accessible by integration'],
    ['github-token', ALL, DEPENDABOT, 403, 'Resource not accessible by integration'],
    ['classic', {}, REPO, 404, 'Not Found'],
  ])('a refusal to a token of kind %s with %j at %s', (kind, permissions, path, status, message) => {
    github.addToken('some', { kind, permissions });
    expect(call('GET', path, undefined, 'some')).toMatchObject({ status, data: { message } });
  });

  test.each([
    ['read', 403, 'Must have admin rights to Repository.'],
    [undefined, 404, 'Not Found'],
  ] as const)('a write by a classic token with %s', (level, status, message) => {
    github.addToken('some', { kind: 'classic', permissions: level ? { secrets: level } : {} });
    expect(call('PUT', `${REPO}/A`, {}, 'some')).toMatchObject({ status, data: { message } });
  });

  test.each<[Grant['kind'], number]>([
    ['fine-grained', 200],
    ['classic', 200],
    ['app', 403],
    ['github-token', 403],
  ])('a user behind it: %s', (kind, status) => {
    github.addToken('some', { kind, permissions: {}, login: 'mona' });
    expect(call('GET', '/user', undefined, 'some').status).toBe(status);
  });

  test('its repositories, whatever their case, and nothing of the others', () => {
    github.addToken('some', { kind: 'app', permissions: ALL, repositories: ['Octo-Org/APP'] });
    const statusOf = (path: string) => call('GET', path, undefined, 'some').status;
    expect(
      [APP, REPO, '/repos/octo-org/other', '/repos/octo-org/other/actions/secrets'].map(statusOf),
    ).toEqual([200, 200, 404, 404]);
    const query = 'query X { a: repository(owner: "octo-org", name: "other") { databaseId } }';
    expect(call('POST', '/graphql', { query }, 'some').data).toMatchObject({ data: { a: null } });
  });

  test('itself: none and a wrong one are told apart', () => {
    const told = (token: string) => {
      const { data, status } = call('GET', REPO, undefined, token);
      return [status, data.message];
    };
    expect([told(''), told('wrong')]).toEqual([
      [401, 'Requires authentication'],
      [401, 'Bad credentials'],
    ]);
  });
});

describe('an hour of', () => {
  const limitOf = (token: string) =>
    Number(call('GET', '/user', undefined, token).headers['x-ratelimit-limit']);

  test.each<[Grant['kind'] | undefined, number]>([
    [undefined, 60],
    ['github-token', 1_000],
    ['app', 5_000],
    ['fine-grained', 5_000],
    ['classic', 5_000],
  ])('%s', (kind, limit) => {
    if (kind) github.addToken('some', { kind, permissions: {} });
    expect(limitOf(kind ? 'some' : '')).toBe(limit);
  });

  test('each token is its own, and begins anew', () => {
    begin({ limits: { primaryPerHour: 2, status: 429 } });
    github.addToken('other', { kind: 'app', permissions: ALL });
    const statusOf = (token: string) => call('GET', REPO, undefined, token).status;
    expect(['all', 'all', 'all', 'other'].map(statusOf)).toEqual([200, 200, 429, 200]);
    expect(call('GET', '/rate_limit').status).toBe(200);
    now += 3_600_000 - 1;
    expect(statusOf('all')).toBe(429);
    now += 1;
    expect(['all', 'all', 'all'].map(statusOf)).toEqual([200, 200, 429]);
    now += 3_600_000;
    expect(statusOf('all')).toBe(200);
  });

  test('one minute has points: a read is one, a write is five', () => {
    begin({ limits: { pointsPerMinute: 7 } });
    const statusOf = (method: string) => call(method, method === 'GET' ? REPO : `${REPO}/A`).status;
    expect(['GET', 'DELETE', 'GET', 'GET'].map(statusOf)).toEqual([200, 404, 200, 403]);
    now += 60_000;
    expect(['DELETE', 'DELETE'].map(statusOf)).toEqual([404, 403]);
    now += 60_000;
    expect(statusOf('GET')).toBe(200);
  });

  test('one minute has writes, and as many reads as there are', () => {
    begin({ limits: { writesPerMinute: 2 } });
    const statusOf = (method: string) => call(method, method === 'GET' ? REPO : `${REPO}/A`).status;
    const asked = ['DELETE', 'DELETE', 'DELETE', 'GET'];
    expect(asked.map(statusOf)).toEqual([404, 404, 403, 200]);
    now += 10_000;
    expect(call('DELETE', `${REPO}/A`).headers['retry-after']).toBe('50');
    now += 50_000;
    expect(asked.map(statusOf)).toEqual([404, 404, 403, 200]);
  });
});

describe('a secret', () => {
  test.each([
    ['A', 201],
    ['_a9', 201],
    ['a1_', 201],
    ['9A', 422],
    ['A-B', 422],
    ['GitHub_A', 422],
    ['MY_GITHUB_A', 201],
  ])('called %s: %s', (name, status) => {
    expect(put(`${REPO}/${name}`, 'x').status).toBe(status);
  });

  test.each([
    ['a', SECRET_LIMIT, 201],
    ['a', SECRET_LIMIT + 1, 422],
    ['ä', SECRET_LIMIT / 2, 201],
    ['ä', SECRET_LIMIT / 2 + 1, 422],
  ])('of %s, %i times: %i', (letter, times, status) => {
    expect(SECRET_LIMIT).toBe(49_152);
    expect(put(`${REPO}/A`, letter.repeat(times)).status).toBe(status);
  });

  test.each([
    [REPO, 'repo:octo-org/app', 100],
    [ENV, 'env:octo-org/app/production', 100],
    [DEPENDABOT, 'dependabot:octo-org/app', 100],
    [ORG, 'org:octo-org', 1_000],
  ])('is one of so many at %s', (path, scope, most) => {
    const more = path === ORG ? { visibility: 'all' } : {};
    for (let index = 1; index < most; index += 1) github.seedSecret(scope, `S${index}`, 'x');
    expect(put(`${path}/LAST`, 'x', more).status).toBe(201);
    expect(put(`${path}/TOO_MANY`, 'x', more).status).toBe(422);
    expect(put(`${path}/LAST`, 'y', more).status).toBe(204);
  });

  test('keeps the date of its creation, and goes once', () => {
    put(`${REPO}/A`, 'x');
    now += 60_000;
    expect(put(`${REPO}/a`, 'y').status).toBe(204);
    expect(call('GET', `${REPO}/A`).data).toEqual({
      name: 'A',
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:01:00Z',
    });
    expect(github.secret('repo:octo-org/app', 'A')?.value).toBe('y');
    expect(['DELETE', 'DELETE', 'GET'].map((method) => call(method, `${REPO}/A`).status)).toEqual([
      204, 404, 404,
    ]);
  });

  test.each<[string, unknown, number, string]>([
    ['without a value', { key_id: '1' }, 422, `"encrypted_value" wasn't supplied.`],
    ['with nothing for a value', { encrypted_value: null, key_id: '1' }, 422, `wasn't supplied.`],
    ['without a key', { encrypted_value: BOX }, 422, `"key_id" wasn't supplied.`],
    ['without both', {}, 422, `"encrypted_value", "key_id" weren't supplied.`],
    ['with a number for a key', { encrypted_value: BOX, key_id: 1 }, 422, '1 is not a string.'],
    ['with what is not base64', { encrypted_value: 'a b', key_id: '1' }, 422, 'a b does not match'],
    ['for another key', { encrypted_value: BOX, key_id: '1' }, 422, 'not the current public key'],
    ['without an object', [], 400, 'Body should be a JSON object'],
    ['without JSON', '{', 400, 'Problems parsing JSON'],
  ])('%s is refused', (_, body, status, message) => {
    const answer = call('PUT', `${REPO}/A`, body);
    expect(answer).toMatchObject({ status, data: { message: expect.stringContaining(message) } });
    expect(github.secret('repo:octo-org/app', 'A')).toBeUndefined();
  });

  test('for a key that was rotated is refused', () => {
    const { key_id } = call('GET', `${REPO}/public-key`).data;
    github.rotateKey('repo:octo-org/app');
    const body = { encrypted_value: BOX, key_id };
    expect(call('PUT', `${REPO}/A`, body).status).toBe(422);
    expect(call('GET', `${REPO}/public-key`).data.key_id).not.toBe(key_id);
  });

  test('is another one for Dependabot', () => {
    put(`${DEPENDABOT}/A`, 'x');
    expect(github.secretNames('dependabot:octo-org/app')).toEqual(['A']);
    expect([REPO, ENV].map((path) => call('GET', `${path}/A`).status)).toEqual([404, 404]);
  });
});

describe('a secret of an organization', () => {
  test.each<[object, number]>([
    [{}, 422],
    [{ visibility: 'some' }, 422],
    [{ visibility: 'all' }, 201],
    [{ visibility: 'private' }, 201],
    [{ visibility: 'selected' }, 201],
    [{ visibility: 'all', selected_repository_ids: [] }, 422],
    [{ visibility: 'private', selected_repository_ids: [] }, 422],
    [{ visibility: 'selected', selected_repository_ids: 1 }, 422],
    [{ visibility: 'selected', selected_repository_ids: [1] }, 422],
  ])('%j: %i', (more, status) => {
    expect(put(`${ORG}/A`, 'x', more).status).toBe(status);
  });

  test('may be changed without its value, but not made', () => {
    expect(call('PUT', `${ORG}/A`, { visibility: 'all' }).status).toBe(422);
    put(`${ORG}/A`, 'x', { visibility: 'all' });
    expect(call('PUT', `${ORG}/A`, { visibility: 'private' }).status).toBe(204);
    expect(github.secret('org:octo-org', 'A')).toMatchObject({ value: 'x', visibility: 'private' });
  });

  test('is seen by the selected repositories, and says which they are only if they are selected', () => {
    const ids = ['app', 'other'].map((name) => github.addRepository(`octo-org/${name}`));
    put(`${ORG}/SOME`, 'x', { visibility: 'selected', selected_repository_ids: ids.slice(1) });
    put(`${ORG}/ALL`, 'x', { visibility: 'all' });
    const seen = (name: string) =>
      call('GET', `/repos/octo-org/${name}/actions/organization-secrets`).data.secrets.map(
        (one: { name: string }) => one.name,
      );
    expect([seen('app'), seen('other')]).toEqual([['ALL'], ['SOME', 'ALL']]);
    expect(call('GET', `${ORG}/ALL`).data).not.toHaveProperty('selected_repositories_url');
    expect(call('GET', `${ORG}/SOME`).data).toHaveProperty('selected_repositories_url');
    put(`${ORG}/SOME`, 'x', { visibility: 'selected' });
    expect(call('GET', `${ORG}/SOME/repositories`).data.total_count).toBe(0);
  });

  test('needs to say who sees it', () => {
    expect(put(`${ORG}/A`, 'x').data.message).toContain(`"visibility" wasn't supplied.`);
  });

  test('of one that is not there is 404, whatever the token may do', () => {
    github.addToken('some', { kind: 'app', permissions: {} });
    const statusOf = (token: string) => call('GET', '/orgs/none/actions/secrets', undefined, token).status;
    expect([statusOf('all'), statusOf('some')]).toEqual([404, 404]);
  });
});

test('a list has 30 of a page, or at most 100, and says where the next ones are', () => {
  for (let index = 0; index < 100; index += 1) github.seedSecret('org:octo-org', `S${index}`, 'x');
  for (let index = 100; index < 130; index += 1) github.seedSecret('org:octo-org', `S${index}`, 'x');
  const listed = (query: string) => {
    const { data, headers } = call('GET', `${ORG}${query}`);
    const rels = [...(headers.link ?? '').matchAll(/[?&]page=(\d+)[^>]*>; rel="(\w+)"/g)];
    return [data.secrets.length, rels.map(([, page, rel]) => `${rel} ${page}`).join()];
  };
  expect([listed(''), listed('?page=5'), listed('?per_page=101'), listed('?per_page=65&page=2')]).toEqual([
    [30, 'next 2,last 5'],
    [10, 'prev 4,first 1'],
    [100, 'next 2,last 2'],
    [65, 'prev 1,first 1'],
  ]);
});

describe('issues', () => {
  const issues = `${APP}/issues`;
  const opened = (...labels: readonly string[]) => call('POST', issues, { title: 't', labels }).data.number;
  const listed = (query: string) =>
    call('GET', `${issues}${query}`).data.map(({ number }: { number: number }) => number);

  test('are listed newest first, the open ones, and those that have all labels', () => {
    opened('a');
    opened('A', 'b');
    opened('b');
    call('PATCH', `${issues}/3`, { state: 'closed' });
    expect(
      ['', '?state=all', '?state=closed', '?labels=a', '?labels=a,B', '?labels=b,c'].map(listed),
    ).toEqual([[2, 1], [3, 2, 1], [3], [2, 1], [2], []]);
  });

  test('are closed when they were closed first, and open again', () => {
    opened();
    const at = (state?: string) => {
      now += 60_000;
      return call('PATCH', `${issues}/1`, { ...(state && { state }), title: 'x' }).data.closed_at;
    };
    expect([at('closed'), at('closed'), at(), at('open')]).toEqual([
      '2026-01-01T00:01:00Z',
      '2026-01-01T00:01:00Z',
      '2026-01-01T00:01:00Z',
      null,
    ]);
    expect(call('PATCH', `${issues}/1`, { state: 'gone' }).status).toBe(422);
    expect(call('PATCH', `${issues}/2`, { state: 'closed' }).status).toBe(404);
  });

  test('need a title, comments a body, and nothing is no text', () => {
    expect([{}, { title: null }, { title: 't' }].map((body) => call('POST', issues, body).status)).toEqual([
      422, 422, 201,
    ]);
    const comments = `${issues}/1/comments`;
    expect([{}, { body: null }, { body: 'b' }].map((body) => call('POST', comments, body).status)).toEqual([
      422, 422, 201,
    ]);
    expect(call('POST', `${issues}/2/comments`, { body: 'b' }).status).toBe(404);
  });

  test.each<[Partial<Grant>, string, string[]]>([
    [{ kind: 'github-token' }, 'github-actions[bot]', ['a']],
    [{ kind: 'fine-grained', login: 'mona' }, 'mona', ['a']],
    [{ kind: 'app', pushes: false }, 'octocat', []],
  ])('of %j have an author, and labels where it may push', (grant, author, labels) => {
    github.addToken('some', { kind: 'app', permissions: ALL, ...grant });
    const { data } = call('POST', issues, { title: 't', labels: ['a'] }, 'some');
    expect([data.user.login, data.labels.map(({ name }: { name: string }) => name)]).toEqual([
      author,
      labels,
    ]);
    call('PATCH', `${issues}/1`, { labels: ['a'] }, 'some');
    expect(call('GET', `${issues}/1`).data.labels).toHaveLength(labels.length);
  });
});

describe('runs of a repository', () => {
  beforeEach(() => {
    github.addWorkflow('octo-org/app', 'a.yml');
    github.addWorkflow('octo-org/app', 'b.yml');
    const at = { createdAt: '2025-12-01T00:00:00Z' };
    github.addRun('octo-org/app', 'a.yml', at);
    github.addRun('octo-org/app', 'b.yml', {
      createdAt: '2025-12-02T23:59:59Z',
      event: 'push',
      branch: 'dev',
    });
    github.addRun('octo-org/app', 'a.yml', {
      createdAt: '2025-12-03T00:00:00Z',
      status: 'queued',
      conclusion: null,
    });
  });

  test.each([
    ['runs', '3 2 1'],
    ['workflows/a.yml/runs', '2 1'],
    ['workflows/b.yml/runs', '1'],
    ['runs?status=completed', '2 1'],
    ['runs?status=success', '2 1'],
    ['runs?status=queued', '3'],
    ['runs?event=push', '2'],
    ['runs?branch=dev', '2'],
    ['runs?branch=main', '3 1'],
    ['runs?created=>=2025-12-03', '3'],
    ['runs?created=>=2025-12-03T00:00:01Z', ''],
    ['runs?created=>2025-12-02', '3'],
    ['runs?created=<=2025-12-02', '2 1'],
    ['runs?created=<2025-12-03', '2 1'],
    ['runs?created=<2025-12-02', '1'],
    ['runs?created=2025-12-02', '2'],
    ['runs?created=2025-12-01', '1'],
    ['runs?created=2025-12-02..2025-12-02', '2'],
    ['runs?created=*..2025-12-01', '1'],
    ['runs?created=2025-12-03..*', '3'],
  ])('%s', (query, expected) => {
    const [path = '', search = ''] = query.split('?');
    const encoded = search.replace(/=(.*)/, (_, value) => `=${encodeURIComponent(value)}`);
    const { workflow_runs } = call('GET', `${APP}/actions/${path}?${encoded}`).data;
    expect(workflow_runs.map((one: { run_number: number }) => one.run_number).join(' ')).toBe(expected);
  });
});
