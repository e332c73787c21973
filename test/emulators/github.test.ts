import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getOctokit } from '@actions/github';
import { Ajv, type ValidateFunction } from 'ajv';
import sodium from 'libsodium-wrappers';
import forge from 'node-forge';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EmulatorRequest, type EmulatorResponse, seededRandom } from './emulator.ts';
import { GitHub, type GitHubOptions, type Grant, SECRET_LIMIT } from './github.ts';

// ---- GitHub's own description, against which every exchange of this file is checked ----

interface Operation {
  externalDocs: { url: string };
  parameters?: { $ref?: string; name?: string }[];
  requestBody?: unknown;
  responses: Record<string, { $ref?: string; content?: unknown }>;
}
interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { parameters: Record<string, { name: string }> };
}
/** OpenAPI 3.0 allows `nullable` beside any schema, JSON Schema (ajv) only beside a type. */
const typed = (_: string, value: { nullable?: boolean; type?: string } | null): unknown => {
  if (value?.nullable === undefined || value.type !== undefined) return value;
  const { nullable, ...rest } = value;
  return nullable ? { anyOf: [{ type: 'null' }, rest] } : rest;
};
const openapi: Description = JSON.parse(
  readFileSync(new URL('./github.openapi.json', import.meta.url), 'utf8'),
  typed,
);

const ajv = new Ajv({ strict: false, allErrors: false });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
ajv.addFormat('uri', (text) => URL.canParse(text));
ajv.addFormat('email', /@/);
ajv.addFormat('timestamp', true);
ajv.addFormat('int64', true);
ajv.addSchema(openapi, 'github');

const compiled = new Map<string, ValidateFunction>();
function schemaErrors(pointer: readonly string[], value: unknown): string | undefined {
  const path = pointer
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = compiled.get(path) ?? ajv.compile({ $ref: `github#/${path}` });
  compiled.set(path, validate);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}

/**
 * Answers that openapi does not list for the operation, and why we give them all the same. Their bodies must be
 * a `basic-error`. The last test fails when no other has met an entry.
 */
const UNDOCUMENTED: { status: number; operations: RegExp; reason: string; met?: boolean }[] = [
  { status: 400, operations: /^(PUT|PATCH)/, reason: 'broken JSON; openapi lists 400 only on issues/create' },
  { status: 401, operations: /secrets|\{repo\}$/, reason: 'openapi lists 401 only on /user' },
  { status: 403, operations: /secrets/, reason: 'permission: docs/facts.md#github-token' },
  { status: 403, operations: /environments$/, reason: 'permission actions=read, the same rule' },
  {
    status: 403,
    operations: /^GET .*issues$/,
    reason: 'permission issues=read; openapi lists 403 on writes only',
  },
  {
    status: 404,
    operations: /secrets/,
    reason: 'docs/facts.md#github-not-found: openapi does not list it, GitHub gives it',
  },
  { status: 404, operations: /environments\/|workflows\//, reason: 'not there; openapi lists only 200' },
  { status: 422, operations: /^PUT .*secrets/, reason: 'rest-api-description #419, #1688' },
  { status: 429, operations: /secrets/, reason: 'rate-limits-for-the-rest-api.md: 403 or 429' },
];

const templates = Object.keys(openapi.paths).map((template) => ({
  template,
  // A literal path wins over a placeholder: …/secrets/public-key is no secret.
  placeholders: template.split('{').length,
  pattern: new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
}));
templates.sort((a, b) => a.placeholders - b.placeholders);

const bodyOf = ({ body }: { body: string }): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

function check(request: EmulatorRequest, response: EmulatorResponse): void {
  const [path = '', search = ''] = request.path.replace('/api/v3', '').split('?');
  const template = templates.find(({ pattern }) => pattern.test(path))?.template;
  const operation = openapi.paths[template ?? '']?.[request.method.toLowerCase()];
  // GraphQL is not in the description.
  if (path.endsWith('/graphql')) return;
  if (template === undefined || operation === undefined) {
    expect([401, 404], `${request.method} ${path} is no call of the extract`).toContain(response.status);
    return;
  }
  const line = `${request.method} ${template}`;
  checkRequest(line, template, operation, request, search, response.status);
  checkResponse(line, template, operation, response);
}

/** A request that GitHub's description forbids must be refused. */
function checkRequest(
  line: string,
  template: string,
  operation: Operation,
  request: EmulatorRequest,
  search: string,
  status: number,
): void {
  if (status >= 400) return;
  const known = (operation.parameters ?? []).map(({ $ref, name }) =>
    $ref === undefined ? name : openapi.components.parameters[$ref.split('/').at(-1) ?? '']?.name,
  );
  for (const name of new URLSearchParams(search).keys()) expect(known, `${line}: query`).toContain(name);
  if (operation.requestBody === undefined) return;
  const where = [
    'paths',
    template,
    request.method.toLowerCase(),
    'requestBody',
    'content',
    'application/json',
    'schema',
  ];
  expect(schemaErrors(where, bodyOf(request)), `${line}: request`).toBeUndefined();
}

function checkResponse(
  line: string,
  template: string,
  operation: Operation,
  response: EmulatorResponse,
): void {
  const { status } = response;
  if (status >= 400) {
    const { documentation_url: docs } = bodyOf(response) as { documentation_url: string };
    expect([operation.externalDocs.url, 'https://docs.github.com/rest'], line).toContain(docs);
  }
  const described = operation.responses[`${status}`];
  if (described === undefined) {
    const entry = UNDOCUMENTED.find((one) => one.status === status && one.operations.test(line));
    expect(entry, `${line} answered ${status}, which is not documented`).toBeDefined();
    if (entry) entry.met = true;
    expect(schemaErrors(['components', 'schemas', 'basic-error'], bodyOf(response)), line).toBeUndefined();
    return;
  }
  const pointer = described.$ref?.split('/').slice(1) ?? [
    ...['paths', template, line.split(' ')[0]?.toLowerCase() ?? '', 'responses', `${status}`],
  ];
  if (described.$ref === undefined && described.content === undefined) {
    expect(response.body, `${line}: no content`).toBe('');
    return;
  }
  const content = [...pointer, 'content', 'application/json', 'schema'];
  expect(schemaErrors(content, bodyOf(response)), `${line} ${status}: answer`).toBeUndefined();
}

// ---- one small world ----

const NOW = Date.parse('2026-01-01T00:00:00.900Z');
const WRITER: Grant = {
  kind: 'fine-grained',
  permissions: {
    secrets: 'write',
    environments: 'write',
    dependabot_secrets: 'write',
    organization_secrets: 'write',
    issues: 'write',
    actions: 'read',
  },
};

class Client {
  readonly github: GitHub;
  token: string | undefined = 'writer';
  now = NOW;

  constructor(options: GitHubOptions = {}) {
    this.github = new GitHub({ now: () => this.now, random: seededRandom(1), ...options });
    this.github.addRepository('octo-org/app', { environments: ['production', 'eu/west'] });
    this.github.addOrganization('octo-org');
    this.github.addToken('writer', WRITER);
  }

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const authorization: Record<string, string> =
      this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    const request = { method, path, headers: { ...authorization, ...headers }, body: text };
    const response = this.github.handle(request);
    check(request, response);
    // biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about
    return { ...response, data: bodyOf(response) as any };
  }

  seal(path: string, value: string): { encrypted_value: string; key_id: string } {
    const { key, key_id } = this.call('GET', `${path}/public-key`).data;
    return { encrypted_value: sealed(value, key), key_id };
  }

  put(path: string, name: string, value: string, more: object = {}) {
    return this.call('PUT', `${path}/${name}`, { ...this.seal(path, value), ...more });
  }
}

const sealed = (value: string, key: string): string => {
  const box = sodium.crypto_box_seal(Buffer.from(value), Buffer.from(key, 'base64'));
  return Buffer.from(box).toString('base64');
};

const REPO = '/repos/octo-org/app/actions/secrets';
const DEPENDABOT = '/repos/octo-org/app/dependabot/secrets';
const ENV = '/repos/octo-org/app/environments/production/secrets';
const ORG = '/orgs/octo-org/actions/secrets';

let client: Client;
beforeAll(() => GitHub.ready);
beforeEach(() => {
  client = new Client();
});

// ---- rules ----

describe('a secret', () => {
  test.each([
    ['repository', REPO, 'repo:octo-org/app', {}],
    ['repository, for Dependabot', DEPENDABOT, 'dependabot:octo-org/app', {}],
    ['environment', ENV, 'env:octo-org/app/production', {}],
    ['environment with a slash', ENV.replace('production', 'eu%2Fwest'), 'env:octo-org/app/eu/west', {}],
    ['organization', ORG, 'org:octo-org', { visibility: 'private' }],
  ])(
    'of a(n) %s is created with 201, updated with 204, read without its value and deleted',
    (_, path, scope, more) => {
      const created = client.put(path, 'Pem', 'första', more);
      expect(created).toMatchObject({ status: 201, data: {} });
      client.now += 90_500;
      expect(client.put(path, 'pEM', 'värde 💎', more)).toMatchObject({ status: 204, body: '' });
      expect(client.call('GET', `${path}/pem`).data).toEqual({
        name: 'PEM',
        created_at: '2026-01-01T00:00:00Z',
        updated_at: '2026-01-01T00:01:31Z',
        ...more,
      });
      expect(client.github.secret(scope, 'pem')).toMatchObject({
        value: 'värde 💎',
        updatedAt: '2026-01-01T00:01:31Z',
      });
      expect(client.call('DELETE', `${path}/PEM`).status).toBe(204);
      expect(client.call('DELETE', `${path}/PEM`)).toMatchObject({
        status: 404,
        data: { message: 'Not Found' },
      });
      expect(client.call('GET', `${path}/PEM`).status).toBe(404);
      expect(client.github.secret(scope, 'PEM')).toBeUndefined();
    },
  );

  test('is listed in pages with a total and a link', () => {
    for (let index = 0; index < 35; index += 1)
      client.github.seedSecret('repo:octo-org/app', `s_${index + 10}`, 'x');
    const first = client.call('GET', `/api/v3${REPO}`, undefined, { host: 'ghe.test' });
    expect(first.data.total_count).toBe(35);
    expect(first.data.secrets).toHaveLength(30);
    expect(first.headers.link).toContain(`<https://ghe.test/api/v3${REPO}?page=2>; rel="next"`);
    expect(client.call('GET', `${REPO}?per_page=10&page=4`).data.secrets).toHaveLength(5);
    expect(client.call('GET', `${REPO}?per_page=100`).headers.link).toBeUndefined();
  });

  test('is listed a hundred at a time, however many are asked for', () => {
    for (let index = 0; index < 120; index += 1)
      client.github.seedSecret('org:octo-org', `s_${index + 100}`, 'x');
    const { data, headers } = client.call('GET', `${ORG}?per_page=1000`);
    expect([data.total_count, data.secrets.length]).toEqual([120, 100]);
    expect(headers.link).toContain('page=2>; rel="next"');
    expect(client.call('GET', `${ORG}?per_page=1000&page=2`).data.secrets).toHaveLength(20);
  });

  test('may have 48 KB and no byte more', () => {
    expect(client.put(REPO, 'BIG', 'k'.repeat(SECRET_LIMIT)).status).toBe(201);
    expect(client.github.secret('repo:octo-org/app', 'BIG')?.value).toHaveLength(SECRET_LIMIT);
    const over = client.put(REPO, 'BIG', `${'k'.repeat(SECRET_LIMIT - 1)}é`);
    expect(over).toMatchObject({ status: 422, data: { message: 'Value is too large.' } });
  });

  test.each(['1ST', 'WITH-DASH', 'WITH%20SPACE', 'GITHUB_X', 'github_x'])('must not be called %s', (name) => {
    expect(client.put(REPO, name, 'x').status).toBe(422);
    expect(client.github.secretNames('repo:octo-org/app')).toEqual([]);
  });

  test('number 101 of a repository is refused, an update is not', () => {
    for (let index = 0; index < 100; index += 1)
      client.github.seedSecret('repo:octo-org/app', `S_${index}`, 'x');
    expect(client.put(REPO, 'ONE_MORE', 'x').status).toBe(422);
    expect(client.put(REPO, 'S_1', 'x').status).toBe(204);
  });

  test('seeded has the dates it was given, in whole seconds', () => {
    client.github.seedSecret('repo:octo-org/app', 'old', 'v', {
      createdAt: NOW - 5000,
      updatedAt: '2025-12-31T23:59:58.700Z',
    });
    expect(client.call('GET', `${REPO}/OLD`).data).toEqual({
      name: 'OLD',
      created_at: '2025-12-31T23:59:55Z',
      updated_at: '2025-12-31T23:59:58Z',
    });
  });
});

describe('the sealed box', () => {
  test('has a key of its own in every scope', () => {
    const keys = [REPO, ENV, ENV.replace('production', 'eu%2Fwest'), ORG].map(
      (path) => client.call('GET', `${path}/public-key`).data,
    );
    expect(new Set(keys.map(({ key }) => key)).size).toBe(4);
    expect(new Set(keys.map(({ key_id }) => key_id)).size).toBe(4);
    expect(Buffer.from(keys[0].key, 'base64')).toHaveLength(32);
    expect(client.call('GET', `${REPO}/public-key`).data).toEqual(keys[0]);
  });

  test('that was tampered with, or made for another scope, is refused and changes nothing', () => {
    client.github.seedSecret('repo:octo-org/app', 'PEM', 'before');
    const body = client.seal(REPO, 'after');
    const bytes = Buffer.from(body.encrypted_value, 'base64');
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    for (const encrypted_value of [
      bytes.toString('base64'),
      client.seal(ENV, 'after').encrypted_value,
      'c2VjcmV0',
    ]) {
      expect(client.call('PUT', `${REPO}/PEM`, { ...body, encrypted_value }).status).toBe(422);
    }
    expect(client.github.secret('repo:octo-org/app', 'PEM')?.value).toBe('before');
  });

  test('with a stale key_id is refused until the key is fetched again', () => {
    const body = client.seal(REPO, 'x');
    const message = 'key_id is not the current public key.';
    const other = client.call('PUT', `${REPO}/PEM`, { ...body, key_id: '1' });
    expect(other).toMatchObject({ status: 422, data: { message } });
    client.github.rotateKey('repo:octo-org/app');
    expect(client.call('PUT', `${REPO}/PEM`, body)).toMatchObject({ status: 422, data: { message } });
    expect(client.put(REPO, 'PEM', 'x').status).toBe(201);
  });

  test('for the key before is not opened under the new key_id', () => {
    const before = client.call('GET', `${REPO}/public-key`).data;
    const { encrypted_value } = client.seal(REPO, 'x');
    client.github.rotateKey('repo:octo-org/app');
    const { key, key_id } = client.call('GET', `${REPO}/public-key`).data;
    expect([key === before.key, key_id === before.key_id]).toEqual([false, false]);
    expect(client.call('PUT', `${REPO}/PEM`, { encrypted_value, key_id })).toMatchObject({
      status: 422,
      data: { message: 'The encrypted value could not be decrypted.' },
    });
  });

  test.each([
    [{ encrypted_value: 'AAAA' }, '"key_id" wasn\'t supplied.'],
    [{ key_id: '1' }, '"encrypted_value" wasn\'t supplied.'],
    [{}, '"encrypted_value", "key_id" weren\'t supplied.'],
    [{ encrypted_value: 'AAAA', key_id: 1 }, "For 'properties/key_id', 1 is not a string."],
    [
      { encrypted_value: 'ainsdr-34234vsdf-dfdf', key_id: '1' },
      'ainsdr-34234vsdf-dfdf does not match ' +
        '/^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$/.',
    ],
  ])('the answer to request %j says what is wrong', (body, problem) => {
    expect(client.call('PUT', `${REPO}/PEM`, body)).toMatchObject({
      status: 422,
      data: {
        message: `Invalid request.\n\n${problem}`,
        documentation_url:
          'https://docs.github.com/rest/actions/secrets#create-or-update-a-repository-secret',
        status: '422',
      },
    });
  });

  test.each(['{"broken', '[1]'])('request %s is no JSON object', (text) => {
    expect(client.call('PUT', `${REPO}/PEM`, text).status).toBe(400);
  });

  test('can be opened by a fake, without libsodium', () => {
    const fake = new Client({
      openSealedBox: (box, { publicKey }) => `${Buffer.from(publicKey)}:${Buffer.from(box, 'base64')}`,
      publicKeyFor: (scope, generation) => ({
        publicKey: Buffer.from(`${scope}#${generation}`),
        privateKey: new Uint8Array(),
      }),
    });
    fake.github.rotateKey('repo:octo-org/app');
    const { key_id } = fake.call('GET', `${REPO}/public-key`).data;
    expect(fake.call('PUT', `${REPO}/PEM`, { encrypted_value: btoa('v!'), key_id }).status).toBe(201);
    expect(fake.github.secret('repo:octo-org/app', 'PEM')?.value).toBe('repo:octo-org/app#1:v!');
  });
});

describe('an organization secret', () => {
  test('needs a visibility, and repository ids only with "selected"', () => {
    expect(client.put(ORG, 'PEM', 'x').data.message).toBe(
      'Invalid request.\n\n"visibility" wasn\'t supplied.',
    );
    expect(client.put(ORG, 'PEM', 'x', { visibility: 'public' }).status).toBe(422);
    expect(client.put(ORG, 'PEM', 'x', { visibility: 'all', selected_repository_ids: [] }).status).toBe(422);
    expect(client.put(ORG, 'PEM', 'x', { visibility: 'selected', selected_repository_ids: 7 }).status).toBe(
      422,
    );
    expect(client.put(ORG, 'PEM', 'x', { visibility: 'selected', selected_repository_ids: [7] }).status).toBe(
      422,
    );
    expect(client.call('PUT', `${ORG}/PEM`, { visibility: 'all' }).status).toBe(422);
  });

  test('names its repositories, loses them when an update does not, and keeps its value without one', () => {
    const id = client.github.addRepository('octo-org/other');
    const selected = { visibility: 'selected', selected_repository_ids: [`${id}`] };
    expect(client.put(ORG, 'PEM', 'x', selected).status).toBe(201);
    expect(client.call('GET', `${ORG}/PEM`).data).toMatchObject({
      visibility: 'selected',
      selected_repositories_url: `https://api.github.com${ORG}/PEM/repositories`,
    });
    const { total_count, repositories } = client.call('GET', `${ORG}/PEM/repositories`).data;
    expect([total_count, repositories[0].full_name]).toEqual([1, 'octo-org/other']);
    expect(client.call('PUT', `${ORG}/PEM`, { visibility: 'selected' }).status).toBe(204);
    expect(client.github.secret('org:octo-org', 'PEM')).toMatchObject({
      value: 'x',
      selectedRepositoryIds: [],
    });
    expect(client.call('GET', `${ORG}/NONE/repositories`).status).toBe(404);
  });
});

describe('a token', () => {
  const as = (kind: Grant['kind'], permissions: Grant['permissions'], repositories?: string[]): void => {
    client.token = `${kind} token`;
    client.github.addToken(client.token, { kind, permissions, ...(repositories && { repositories }) });
  };
  const write = (path: string) => client.call('PUT', `${path}/PEM`, { encrypted_value: 'AAAA', key_id: '1' });

  test('is needed, and must be known', () => {
    client.token = undefined;
    expect(client.call('GET', `${REPO}/public-key`)).toMatchObject({
      status: 401,
      data: { message: 'Requires authentication' },
    });
    client.token = 'unknown';
    expect(client.call('GET', `${REPO}/public-key`)).toMatchObject({
      status: 401,
      data: { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest', status: '401' },
    });
    client.token = 'writer';
    client.github.removeToken('writer');
    expect(client.call('GET', '/repos/octo-org/app').status).toBe(401);
  });

  test('GITHUB_TOKEN reaches no secret whatever it was granted, but the repository', () => {
    as('github-token', WRITER.permissions);
    for (const path of [REPO, ENV, ORG]) {
      const answer = client.call('GET', `${path}/public-key`);
      expect(answer).toMatchObject({
        status: 403,
        data: { message: 'Resource not accessible by integration', status: '403' },
      });
      expect(answer.headers['x-accepted-github-permissions']).toMatch(/(secrets|environments)=read/);
      expect(write(path).status).toBe(403);
    }
    expect(client.call('GET', '/repos/octo-org/app').status).toBe(200);
    expect(client.call('GET', '/user').status).toBe(403);
  });

  test.each([
    ['fine-grained', 'Resource not accessible by personal access token'],
    ['app', 'Resource not accessible by integration'],
    ['classic', 'Must have admin rights to Repository.'],
  ] as const)('of kind %s that may only read can get and not put', (kind, message) => {
    as(kind, { secrets: 'read', environments: 'read', organization_secrets: 'read' });
    for (const path of [REPO, ENV, ORG]) {
      expect(client.call('GET', `${path}/public-key`).status).toBe(200);
      const refused = write(path);
      expect(refused).toMatchObject({ status: 403, data: { message } });
      expect(refused.headers['x-accepted-github-permissions']).toMatch(/(secrets|environments)=write/);
      expect(client.call('DELETE', `${path}/PEM`).status).toBe(403);
    }
  });

  test('without the permission is refused; a classic one sees nothing', () => {
    as('fine-grained', {});
    expect(client.call('GET', `${REPO}/public-key`)).toMatchObject({
      status: 403,
      data: { message: 'Resource not accessible by personal access token' },
    });
    expect(client.call('GET', '/repos/octo-org/app/environments').status).toBe(403);
    expect(client.call('GET', '/repos/octo-org/app/issues').status).toBe(403);
    as('classic', {});
    expect(client.call('GET', `${REPO}/public-key`).status).toBe(404);
  });

  test('for environment secrets needs their own permission alone, or both when told so', () => {
    as('app', { secrets: 'write' });
    expect(client.call('GET', `${ENV}/public-key`).status).toBe(403);
    as('app', { environments: 'write' });
    expect(client.put(ENV, 'PEM', 'x').status).toBe(201);
    client = new Client({ environmentSecretsNeed: 'both' });
    as('app', { environments: 'write' });
    const refused = client.call('GET', `${ENV}/public-key`);
    expect([refused.status, refused.headers['x-accepted-github-permissions']]).toEqual([
      403,
      'secrets=read,environments=read',
    ]);
  });

  test('does not see what is missing or not its own', () => {
    for (const path of [
      '/repos/octo-org/none/actions/secrets',
      ENV.replace('production', 'stage'),
      '/orgs/none/actions/secrets',
    ]) {
      expect(client.call('GET', `${path}/public-key`)).toMatchObject({
        status: 404,
        data: { message: 'Not Found' },
      });
    }
    // Not encoded, or not decodable: another path.
    expect(client.call('GET', ENV.replace('production', 'eu/west')).status).toBe(404);
    expect(client.call('GET', ENV.replace('production', '%E0%A4%A')).status).toBe(404);
    expect(client.call('GET', '/nowhere').status).toBe(404);
    as('fine-grained', WRITER.permissions, ['octo-org/other']);
    expect(client.call('GET', `${REPO}/public-key`).status).toBe(404);
    as('fine-grained', WRITER.permissions, ['OCTO-ORG/App']);
    expect(client.call('GET', `${REPO}/public-key`).status).toBe(200);
  });
});

describe('an answer', () => {
  test('carries the headers of GitHub', () => {
    const { headers } = client.call('GET', `${REPO}/public-key`);
    expect(headers).toMatchObject({
      date: 'Thu, 01 Jan 2026 00:00:00 GMT',
      'content-type': 'application/json; charset=utf-8',
      'x-accepted-github-permissions': 'secrets=read',
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '4999',
      'x-ratelimit-used': '1',
      'x-ratelimit-reset': `${Date.parse('2026-01-01T01:00:01Z') / 1000}`,
      'x-ratelimit-resource': 'core',
    });
    expect(headers['x-github-request-id']).toMatch(/^[0-9A-F]{4}(:[0-9A-F]{6,8}){4}$/);
  });

  test('is a refusal when the hour is used up, and not after it', () => {
    client = new Client({ limits: { primaryPerHour: 2 } });
    for (const status of [200, 200, 403])
      expect(client.call('GET', `${REPO}/public-key`).status).toBe(status);
    const refused = client.call('GET', `${REPO}/public-key`);
    expect(refused.data.message).toMatch(/^API rate limit exceeded/);
    expect(refused.headers['x-ratelimit-remaining']).toBe('0');
    expect(client.call('GET', '/rate_limit').data.rate).toMatchObject({ limit: 2, used: 2, remaining: 0 });
    client.now += 3_600_000;
    expect(client.call('GET', `${REPO}/public-key`).status).toBe(200);
  });

  test.each([
    [{ pointsPerMinute: 6 }, 403],
    [{ writesPerMinute: 1, status: 429 }, 429],
  ] as const)('is a refusal with retry-after at the secondary limit %j', (limits, status) => {
    client = new Client({ limits });
    expect(client.put(REPO, 'A', 'x').status).toBe(201);
    const body = { encrypted_value: 'AAAA', key_id: '1' };
    client.now += 15_000;
    const refused = client.call('PUT', `${REPO}/B`, body);
    expect(refused).toMatchObject({
      status,
      data: { message: expect.stringMatching(/secondary rate limit/) },
    });
    expect(refused.headers['retry-after']).toBe('45');
    client.now += 45_000;
    expect(client.put(REPO, 'B', 'x').status).toBe(201);
  });

  test('is no refusal of a read where only writes are too many', () => {
    client = new Client({ limits: { writesPerMinute: 0 } });
    expect(client.call('PUT', `${REPO}/A`, {}).status).toBe(403);
    expect(client.call('GET', `${REPO}/public-key`).status).toBe(200);
  });
});

describe('the rest of a repository', () => {
  test('user, environments', () => {
    expect(client.call('GET', '/user').data.login).toBe('octocat');
    const { environments } = client.call('GET', '/repos/octo-org/app/environments').data;
    expect(environments.map(({ name }: { name: string }) => name)).toEqual(['production', 'eu/west']);
    expect(client.call('GET', '/repos/octo-org/app/environments/EU%2FWest').data.name).toBe('eu/west');
    expect(client.call('GET', '/repos/octo-org/app/environments/none').status).toBe(404);
  });

  test('issues: opened, found by label, commented, closed', () => {
    const issues = '/repos/octo-org/app/issues';
    expect(client.call('POST', issues, {}).status).toBe(422);
    const made = client.call('POST', issues, {
      title: 'rotation failed',
      body: 'why',
      labels: ['mtls', { name: 'bug' }],
    });
    expect(made).toMatchObject({ status: 201, data: { number: 1, state: 'open' } });
    expect(client.call('GET', `${issues}?labels=MTLS,bug&state=open`).data).toHaveLength(1);
    expect(client.call('GET', `${issues}?labels=other`).data).toHaveLength(0);
    expect(client.call('POST', `${issues}/1/comments`, { body: 'again' }).status).toBe(201);
    expect(client.call('POST', `${issues}/1/comments`, {}).status).toBe(422);
    expect(client.call('GET', `${issues}/1/comments`).data[0].body).toBe('again');
    expect(client.call('PATCH', `${issues}/1`, { state: 'gone' }).status).toBe(422);
    expect(client.call('PATCH', `${issues}/1`, 'broken').status).toBe(400);
    expect(
      client.call('PATCH', `${issues}/1`, { state: 'closed', title: 't', body: 'b', labels: [] }).status,
    ).toBe(200);
    expect(client.call('GET', `${issues}/1`).data).toMatchObject({
      state: 'closed',
      comments: 1,
      closed_at: '2026-01-01T00:00:00Z',
    });
    expect(client.call('GET', issues).data).toEqual([]);
    expect(client.call('GET', `${issues}?state=closed`).data).toHaveLength(1);
    expect(client.call('GET', `${issues}/2`).status).toBe(404);
    client.github.addToken('outsider', { ...WRITER, pushes: false });
    client.token = 'outsider';
    const theirs = client.call('POST', issues, { title: 'without a label', labels: ['mtls'] });
    expect(theirs).toMatchObject({ status: 201, data: { labels: [] } });
  });

  test('GraphQL answers the one query that gh asks, and says so for any other', () => {
    const id = client.github.addRepository('octo-org/app');
    const query =
      'query X { a: repository(owner: "octo-org", name: "APP") { databaseId } b: repository(owner: "o", name: "n") { databaseId } }';
    for (const path of ['/graphql', '/api/graphql']) {
      const { status, data } = client.call('POST', path, { query, variables: null });
      expect([status, data.data]).toEqual([200, { a: { databaseId: id }, b: null }]);
      expect(data.errors).toEqual([expect.objectContaining({ type: 'NOT_FOUND', path: ['b'] })]);
    }
    expect(client.call('POST', '/graphql', { query: '{ viewer { login } }' }).data.errors).toHaveLength(1);
    expect(client.call('POST', '/graphql', 'broken').status).toBe(400);
  });

  test('workflows and runs', () => {
    client.github.addWorkflow('octo-org/app', 'rotate.yml', 'disabled_inactivity');
    expect(client.call('GET', '/repos/octo-org/app/actions/workflows/rotate.yml').data.state).toBe(
      'disabled_inactivity',
    );
    expect(client.call('GET', '/repos/octo-org/app/actions/workflows/none.yml').status).toBe(404);
    client.github.addRun('octo-org/app', 'rotate.yml', {
      createdAt: '2025-12-01T10:00:00Z',
      conclusion: 'failure',
    });
    client.github.addRun('octo-org/app', 'rotate.yml', { status: 'queued', conclusion: null });
    const runs = (query: string): number[] =>
      client
        .call('GET', `/repos/octo-org/app/actions/runs${query}`)
        .data.workflow_runs.map(({ run_number }: { run_number: number }) => run_number);
    expect(runs('')).toEqual([2, 1]);
    client.github.addWorkflow('octo-org/app', 'other.yml');
    const runsOf = (file: string): unknown =>
      client.call('GET', `/repos/octo-org/app/actions/workflows/${file}/runs?status=completed`).data;
    expect(runsOf('rotate.yml')).toMatchObject({
      total_count: 1,
      workflow_runs: [{ conclusion: 'failure' }],
    });
    expect(runsOf('other.yml')).toMatchObject({ total_count: 0 });
    expect(runsOf('none.yml')).toMatchObject({ message: 'Not Found' });
    expect(runs('?status=queued')).toEqual([2]);
    expect(runs('?status=failure&event=schedule&branch=main')).toEqual([1]);
    const created = [
      '>=2025-12-02',
      '>2025-12-01',
      '<2026-01-01',
      '<=2025-12-01',
      '2025-12-01',
      '2025-12-01..2026-01-01',
      '*..2025-12-31',
    ];
    expect(created.map((value) => runs(`?created=${encodeURIComponent(value)}`))).toEqual([
      [2],
      [2],
      [1],
      [1],
      [1],
      [2, 1],
      [1],
    ]);
  });
});

// ---- real clients over real sockets ----

const read = async (incoming: http.IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

type Listener = http.RequestListener;

interface Served {
  port: number;
  /** `METHOD path status` of every call. */
  log: string[];
  stop(): void;
}

/** Serves the emulator on loopback; `stop` reports what a client might have overlooked. */
async function start(
  github: GitHub,
  create: (listener: Listener) => http.Server | https.Server,
  scheme: string,
): Promise<Served> {
  const log: string[] = [];
  const problems: unknown[] = [];
  const server = create(async (incoming, outgoing) => {
    const headers: Record<string, string> = { 'x-forwarded-proto': scheme };
    for (const [name, value] of Object.entries(incoming.headers)) headers[name] = `${value}`;
    const { method = '', url: path = '' } = incoming;
    const request = { method, path, headers, body: await read(incoming) };
    const response = github.handle(request);
    log.push(`${method} ${path} ${response.status}`);
    try {
      check(request, response);
    } catch (problem) {
      problems.push(problem);
    }
    outgoing.writeHead(response.status, response.headers).end(response.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
    expect(problems).toEqual([]);
  };
  return { port: (server.address() as AddressInfo).port, log, stop };
}

describe('the official octokit', () => {
  const where = { owner: 'octo-org', repo: 'app' };
  let served: Served;
  const octokit = (token: string) => getOctokit(token, { baseUrl: `http://127.0.0.1:${served.port}` });
  beforeEach(async () => {
    served = await start(client.github, (listener) => http.createServer(listener), 'http');
  });
  afterEach(() => served.stop());

  test('creates, updates and deletes a repository secret', async () => {
    const { actions } = octokit('writer').rest;
    const { data: key } = await actions.getRepoPublicKey(where);
    const box = { encrypted_value: sealed('from octokit', key.key), key_id: key.key_id };
    const put = () => actions.createOrUpdateRepoSecret({ ...where, secret_name: 'PEM', ...box });
    expect([(await put()).status, (await put()).status]).toEqual([201, 204]);
    expect(client.github.secret('repo:octo-org/app', 'PEM')?.value).toBe('from octokit');
    await actions.deleteRepoSecret({ ...where, secret_name: 'PEM' });
    expect(client.github.secretNames('repo:octo-org/app')).toEqual([]);
  });

  test('encodes the name of an environment', async () => {
    const { actions } = octokit('writer').rest;
    const environment = { ...where, environment_name: 'eu/west' };
    const { data: key } = await actions.getEnvironmentPublicKey(environment);
    const box = { encrypted_value: sealed('in eu', key.key), key_id: key.key_id };
    await actions.createOrUpdateEnvironmentSecret({ ...environment, secret_name: 'PEM', ...box });
    expect(client.github.secret('env:octo-org/app/eu/west', 'pem')?.value).toBe('in eu');
  });

  test('walks the pages of a list', async () => {
    for (let index = 0; index < 40; index += 1)
      client.github.seedSecret('repo:octo-org/app', `S_${index}`, 'x');
    const { paginate, rest } = octokit('writer');
    expect(await paginate(rest.actions.listRepoSecrets, where)).toHaveLength(40);
    expect(served.log).toHaveLength(2);
  });

  test('reports the refusal of GITHUB_TOKEN', async () => {
    client.github.addToken('run', { kind: 'github-token', permissions: {} });
    await expect(octokit('run').rest.actions.getRepoPublicKey(where)).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('Resource not accessible by integration'),
    });
  });
});

/** A throw-away CA with a certificate for localhost: gh speaks nothing but https. */
function certificates(): { ca: string; cert: string; key: string } {
  const make = (name: string, extensions: object[], issuer?: { key: forge.pki.PrivateKey; name: string }) => {
    const pair = forge.pki.rsa.generateKeyPair(2048);
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = pair.publicKey;
    certificate.serialNumber = issuer === undefined ? '01' : '02';
    certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
    certificate.validity.notAfter = new Date(Date.now() + 3_600_000);
    certificate.setSubject([{ name: 'commonName', value: name }]);
    certificate.setIssuer([{ name: 'commonName', value: issuer?.name ?? name }]);
    certificate.setExtensions(extensions);
    certificate.sign((issuer?.key ?? pair.privateKey) as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
    return { pem: forge.pki.certificateToPem(certificate), key: pair.privateKey };
  };
  const ca = make('sandbox CA', [
    { name: 'basicConstraints', cA: true },
    { name: 'keyUsage', keyCertSign: true },
  ]);
  const extensions = [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }];
  const leaf = make('localhost', extensions, { key: ca.key, name: 'sandbox CA' });
  return { ca: ca.pem, cert: leaf.pem, key: forge.pki.privateKeyToPem(leaf.key) };
}

const ghVersion = (): string | undefined => {
  try {
    return execFileSync('gh', ['--version'], { encoding: 'utf8' }).split('\n')[0];
  } catch {
    return undefined;
  }
};
const gh = ghVersion();
if (gh === undefined)
  console.warn('skipped: the real gh program is not installed (Debian package gh), so it was not driven');

interface Gh extends Served {
  secret(...args: string[]): Promise<string>;
  repository: string[];
}

/** gh as a user of a GitHub Enterprise Server at localhost has it, with nothing of this machine's own. */
async function startGh(github: GitHub): Promise<Gh> {
  const { ca, cert, key } = certificates();
  const served = await start(github, (listener) => https.createServer({ cert, key }, listener), 'https');
  const folder = mkdtempSync(join(tmpdir(), 'gh-'));
  writeFileSync(join(folder, 'ca.pem'), ca);
  const host = `localhost:${served.port}`;
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    GH_CONFIG_DIR: folder,
    SSL_CERT_FILE: join(folder, 'ca.pem'),
    GH_HOST: host,
    GH_ENTERPRISE_TOKEN: 'writer',
    GH_PROMPT_DISABLED: '1',
    GH_NO_UPDATE_NOTIFIER: '1',
    NO_COLOR: '1',
  };
  const options = { env, cwd: folder, timeout: 500_000 };
  return {
    ...served,
    secret: async (...args) => (await promisify(execFile)('gh', ['secret', ...args], options)).stdout,
    repository: ['-R', `${host}/octo-org/app`],
    stop: () => {
      rmSync(folder, { recursive: true, force: true });
      served.stop();
    },
  };
}

// Where CI is set the absence of gh must not pass for a success.
test.runIf(process.env.CI === 'true')('the real gh program is installed', () => expect(gh).toBeDefined());

describe.skipIf(gh === undefined)('the real gh program', () => {
  let served: Gh;
  beforeEach(async () => {
    served = await startGh(client.github);
  });
  afterEach(() => served.stop());

  test('sets secrets of a repository, an environment and an organization', async () => {
    const { secret, repository, log } = served;
    await secret('set', 'from_gh', '--body', 'hemlig ✓', ...repository);
    await secret('set', 'FROM_GH', '--body', 'i miljön', '--env', 'production', ...repository);
    await secret('set', 'FROM_GH', '--body', 'för alla', '--org', 'octo-org', '--visibility', 'all');
    await secret('set', 'CHOSEN', '--body', 'för en', '--org', 'octo-org', '--repos', 'app');
    const stored = (scope: string, name: string) => client.github.secret(scope, name);
    expect(stored('repo:octo-org/app', 'FROM_GH')).toMatchObject({ value: 'hemlig ✓' });
    expect(stored('env:octo-org/app/production', 'FROM_GH')).toMatchObject({ value: 'i miljön' });
    expect(stored('org:octo-org', 'FROM_GH')).toMatchObject({ value: 'för alla', visibility: 'all' });
    expect(stored('org:octo-org', 'CHOSEN')).toMatchObject({ value: 'för en', visibility: 'selected' });
    // What gh 2.23 asked; another version may ask in other ways, so only the writes are held.
    expect(log.filter((line) => line.startsWith('PUT'))).toEqual([
      `PUT /api/v3${REPO}/from_gh 201`,
      `PUT /api/v3${ENV}/FROM_GH 201`,
      `PUT /api/v3${ORG}/FROM_GH 201`,
      `PUT /api/v3${ORG}/CHOSEN 201`,
    ]);
    expect(log.filter((line) => !/ 20[014]$/.test(line))).toEqual([]);
  });

  test('lists and deletes them', async () => {
    const { secret, repository } = served;
    client.github.seedSecret('repo:octo-org/app', 'IN_REPO', 'x');
    client.github.seedSecret('env:octo-org/app/production', 'IN_ENV', 'x');
    client.github.seedSecret('org:octo-org', 'IN_ORG', 'x', { visibility: 'private' });
    expect(await secret('list', ...repository)).toMatch(/^IN_REPO\s/m);
    expect(await secret('list', '--env', 'production', ...repository)).toMatch(/^IN_ENV\s/m);
    expect(await secret('list', '--org', 'octo-org')).toMatch(/^IN_ORG\s.*PRIVATE/im);
    await secret('delete', 'IN_REPO', ...repository);
    expect(client.github.secretNames('repo:octo-org/app')).toEqual([]);
  });

  test('reports a refusal in the words of GitHub', async () => {
    client.github.addToken('writer', { kind: 'github-token', permissions: {} });
    const set = served.secret('set', 'PEM', '--body', 'x', ...served.repository);
    await expect(set).rejects.toThrow(/HTTP 403: Resource not accessible by integration/);
  });
});

test('the extract of the description is what its script takes out, and the script leaves no rule of it behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'extract-'));
  try {
    for (const name of ['scripts', 'test/emulators']) mkdirSync(join(folder, name), { recursive: true });
    const script = join(folder, 'scripts/extract-github-openapi.ts');
    cpSync(new URL('../../scripts/extract-github-openapi.ts', import.meta.url), script);
    const source = fileURLToPath(new URL('./github.openapi.json', import.meta.url));
    execFileSync(process.execPath, [script, source]);
    const extracted = readFileSync(join(folder, 'test/emulators/github.openapi.json'), 'utf8');
    // Of what has been taken out already nothing more may go: a property may well be called "description".
    expect(extracted === readFileSync(source, 'utf8')).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every answer listed as undocumented was met', () => {
  expect(UNDOCUMENTED.filter(({ met }) => !met)).toEqual([]);
});
