/** What each status of the Management API means, and what is said of an answer that is not the one asked for. */

import { describe, expect, it } from 'vitest';
import { throwIfRefused, unexpectedAnswer } from '../../../src/auth0/answers.ts';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Answer } from '../../support/wire.ts';

const talk = new Conversation();

async function tenant(...answers: Answer[]): Promise<Tenant> {
  await talk.answer(answers);
  return new Tenant(talk.line.service('Auth0'), talk.server.served.host, async () => 'token');
}
const { asked } = talk;
const sent = () =>
  talk.server.exchanges.map(({ requestBody }) => (requestBody ? JSON.parse(requestBody) : undefined));
const outcome = (work: Promise<unknown>) =>
  work.then(
    (value) => value ?? 'done',
    (error: { code?: string }) => error.code,
  );

const METHOD = 'self_signed_tls_client_auth';
const UPLOAD = { name: 'n', credential_type: 'x509_cert', pem: 'p' } as const;
const SAID = { message: 'said' };
const answer = (status: number, body: object | undefined = SAID): Answer =>
  status === 204 ? { status } : { status, body };

describe('an upload that is answered with', () => {
  it.each<[number, unknown]>([
    [200, 'AUTH0_REQUEST_FAILED'],
    [202, 'AUTH0_REQUEST_FAILED'],
    [204, 'AUTH0_REQUEST_FAILED'],
    [400, { status: 400, message: 'said' }],
    [401, 'AUTH0_UNAUTHORIZED'],
    [403, 'AUTH0_FORBIDDEN'],
    [404, 'AUTH0_REQUEST_FAILED'],
    [408, 'lost'],
    [409, 'AUTH0_REQUEST_FAILED'],
    [422, 'AUTH0_REQUEST_FAILED'],
    [499, 'AUTH0_REQUEST_FAILED'],
    [500, 'lost'],
    [503, 'lost'],
    [599, 'lost'],
  ])('%i: %o', async (status, expected) => {
    expect(await outcome((await tenant(answer(status))).createCredential('c', UPLOAD))).toEqual(expected);
    expect(talk.server.exchanges).toHaveLength(1);
  });

  it('400 and no word', async () => {
    expect(await (await tenant(answer(400, {}))).createCredential('c', UPLOAD)).toEqual({
      status: 400,
      message: '',
    });
  });

  it('nothing, since no server listens: it is not lost', async () => {
    const none = new Tenant(talk.line.service('Auth0'), '127.0.0.1:1', async () => 'token');
    expect(await outcome(none.createCredential('c', UPLOAD))).toBe('AUTH0_REQUEST_FAILED');
  });
});

describe('a change of the method that is answered with', () => {
  it.each<[number, unknown]>([
    [200, 'done'],
    [201, 'AUTH0_REQUEST_FAILED'],
    [204, 'AUTH0_REQUEST_FAILED'],
    [400, 'AUTH0_REQUEST_FAILED'],
    [401, 'AUTH0_UNAUTHORIZED'],
    [403, 'AUTH0_FORBIDDEN'],
    [404, 'AUTH0_REQUEST_FAILED'],
    [409, 'AUTH0_REQUEST_FAILED'],
    [500, 'AUTH0_REQUEST_FAILED'],
  ])('%i: %s', async (status, expected) => {
    const made = await tenant(answer(status));
    expect(await outcome(made.associate('c', METHOD, ['a']))).toBe(expected);
    expect(await outcome(made.moveTo('c', METHOD, ['a']))).toBe(expected);
    expect(await outcome(made.moveToMethodWithoutCredentials('c', 'client_secret_post'))).toBe(expected);
  });

  it('200 has said what the client is to have, and nothing else', async () => {
    const made = await tenant(answer(200));
    await made.associate('c', METHOD, ['a', 'b']);
    await made.moveTo('c', METHOD, ['a']);
    await made.moveToMethodWithoutCredentials('c', 'client_secret_basic');
    const methods = (...ids: string[]) => ({ [METHOD]: { credentials: ids.map((id) => ({ id })) } });
    expect(sent()).toEqual([
      { client_authentication_methods: methods('a', 'b') },
      { client_authentication_methods: methods('a'), token_endpoint_auth_method: null },
      { client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_basic' },
    ]);
    expect(new Set(asked())).toEqual(new Set(['PATCH /api/v2/clients/c']));
    expect(talk.server.exchanges[0]?.requestHeaders).toMatchObject({
      authorization: 'Bearer token',
      'content-type': 'application/json',
    });
  });

  it('200 after a lost attempt is reported as uncertain', async () => {
    for (const change of ['moveTo', 'moveToMethodWithoutCredentials', 'bindTokens'] as const) {
      const made = await tenant(answer(504), answer(200));
      let doubts = 0;
      const doubt = () => {
        doubts += 1;
      };
      if (change === 'moveTo') await made.moveTo('c', METHOD, [], doubt);
      else if (change === 'moveToMethodWithoutCredentials')
        await made.moveToMethodWithoutCredentials('c', 'none', doubt);
      else await made.bindTokens('c', { by: 'require_proof_of_possession', required: true }, doubt);
      expect([change, doubts]).toEqual([change, 1]);
      await talk.server[Symbol.asyncDispose]();
    }
  });
});

describe('a deletion that is answered with', () => {
  const associated = { message: 'Credential is still associated with the client' };

  it.each<[number, object, unknown]>([
    [200, SAID, 'AUTH0_REQUEST_FAILED'],
    [204, SAID, 'deleted'],
    [400, SAID, 'AUTH0_REQUEST_FAILED'],
    [400, associated, 'associated'],
    [404, SAID, 'deleted'],
    [409, associated, 'AUTH0_REQUEST_FAILED'],
    [403, SAID, 'AUTH0_FORBIDDEN'],
    [410, SAID, 'AUTH0_REQUEST_FAILED'],
    [500, SAID, 'AUTH0_REQUEST_FAILED'],
  ])('%i %o: %s', async (status, body, expected) => {
    expect(await outcome((await tenant(answer(status, body))).deleteCredential('c', 'x'))).toBe(expected);
  });

  it.each<[number, unknown]>([
    [200, 'AUTH0_REQUEST_FAILED'],
    [204, 'done'],
    [400, 'AUTH0_REQUEST_FAILED'],
    [404, 'done'],
    [500, 'AUTH0_REQUEST_FAILED'],
  ])('%i, of a client: %s', async (status, expected) => {
    expect(await outcome((await tenant(answer(status))).deleteClient('c/d'))).toBe(expected);
    expect(asked()[0]).toBe('DELETE /api/v2/clients/c%2Fd');
  });

  it('404, as there is no such client: not deleted', async () => {
    const body = { message: 'said', errorCode: 'inexistent_client' };
    expect(await outcome((await tenant(answer(404, body))).deleteCredential('c', 'x'))).toBe(
      'CLIENT_NOT_FOUND',
    );
  });
});

describe('token binding', () => {
  const NEWER = { by: 'require_proof_of_possession', required: true } as const;
  const OLDER = { by: 'tls_client_certificate_binding', required: true } as const;
  const unknown = { message: 'Additional properties not allowed: require_proof_of_possession' };

  it('falls back to the older property if the tenant does not know the newer one', async () => {
    const made = await tenant(answer(400, unknown), answer(200));
    await made.bindTokens('c', NEWER);
    expect(sent()).toEqual([
      { require_proof_of_possession: true },
      { access_token: { tls_client_certificate_binding: true } },
    ]);
  });

  it.each<[string, typeof NEWER | typeof OLDER, Answer]>([
    ['another refusal', NEWER, answer(400)],
    ['the same words with another status', NEWER, answer(409, unknown)],
    ['a refusal of the older one', OLDER, answer(400, { message: 'tls_client_certificate_binding' })],
  ])('does not for %s', async (_, binding, refusal) => {
    expect(await outcome((await tenant(refusal)).bindTokens('c', binding))).toBe('AUTH0_REQUEST_FAILED');
    expect(talk.server.exchanges).toHaveLength(1);
  });

  it('is taken back by either property', async () => {
    const made = await tenant(answer(200));
    await made.bindTokens('c', { ...OLDER, required: false });
    await made.bindTokens('c', { ...NEWER, required: false });
    expect(sent()).toEqual([
      { access_token: { tls_client_certificate_binding: false } },
      { require_proof_of_possession: false },
    ]);
  });
});

describe('a new client', () => {
  const NEW = { name: 'shop', method: METHOD, registration: UPLOAD, metadata: { mark: 'm' } } as const;

  it('has one credential, one grant and its mark', async () => {
    expect(await (await tenant(answer(201, { client_id: 'made' }))).createClient(NEW)).toEqual({
      clientId: 'made',
    });
    expect(asked()).toEqual(['POST /api/v2/clients']);
    expect(sent()).toEqual([
      {
        name: 'shop',
        app_type: 'non_interactive',
        oidc_conformant: true,
        grant_types: ['client_credentials'],
        jwt_configuration: { alg: 'RS256' },
        client_metadata: { mark: 'm' },
        client_authentication_methods: { [METHOD]: { credentials: [UPLOAD] } },
      },
    ]);
  });

  it.each<[string, Answer, unknown]>([
    ['503', answer(503), 'lost'],
    ['201 without its id', answer(201, {}), 'lost'],
    ['400', answer(400), 'AUTH0_REQUEST_FAILED'],
    ['403', answer(403), 'AUTH0_FORBIDDEN'],
  ])('that is answered with %s', async (_, given, expected) => {
    expect(await outcome((await tenant(given)).createClient(NEW))).toBe(expected);
  });
});

describe('lists', () => {
  it('of clients are read page by page, with their marks', async () => {
    const client = (id: string) => ({
      client_id: id,
      name: id.toUpperCase(),
      client_metadata: { mark: 'm' },
    });
    const full = Array.from({ length: 100 }, (_, index) => client(`c${index}`));
    const found = await (await tenant({ body: full }, { body: [{ client_id: 'last' }] })).clients('mark');
    expect(found.slice(99)).toEqual([
      { id: 'c99', name: 'C99', owner: 'm' },
      { id: 'last', name: '', owner: undefined },
    ]);
    expect(asked()).toEqual(
      [0, 1].map(
        (page) =>
          `GET /api/v2/clients?fields=client_id,name,client_metadata&include_fields=true&per_page=100&page=${page}`,
      ),
    );
  });

  it.each<[string, Answer]>([
    ['another form', { body: {} }],
    ['one that is none', { body: [null] }],
    ['one without an id', { body: [{ name: 'x' }] }],
    ['201', { status: 201, body: [] }],
  ])('of clients with %s are an error', async (_, given) => {
    expect(await outcome((await tenant(given)).clients('mark'))).toBe('AUTH0_REQUEST_FAILED');
  });

  it.each<[string, Answer]>([
    ['201', { status: 201, body: [] }],
    ['an object', { body: {} }],
  ])('of credentials with %s are an error', async (_, given) => {
    expect(await outcome((await tenant(given)).credentials('c'))).toBe('AUTH0_REQUEST_FAILED');
  });

  it('of logs need their own permission', async () => {
    const made = await tenant(answer(403));
    await expect(made.logs(new URLSearchParams({ q: 'x' }))).rejects.toMatchObject({
      code: 'AUTH0_FORBIDDEN',
      remedy: expect.stringContaining('read:logs'),
    });
    expect(asked()).toEqual(['GET /api/v2/logs?q=x']);
  });

  it('a client that is listed is not asked for again', async () => {
    const listed = { id: 'c', name: 'x' } as never;
    await talk.answer([{ status: 500 }]);
    const listing = async (id: string) => (id === 'c' ? listed : undefined);
    const made = new Tenant(
      talk.line.service('Auth0'),
      talk.server.served.host,
      async () => 'token',
      listing,
    );
    expect(await made.client('c')).toBe(listed);
    expect(talk.server.exchanges).toHaveLength(0);
    expect(await outcome(made.client('d'))).toBe('AUTH0_REQUEST_FAILED');
  });

  it('a client with another status than 200 is an error', async () => {
    const body = { client_id: 'c', token_endpoint_auth_method: 'none' };
    expect(await outcome((await tenant({ status: 201, body })).client('c'))).toBe('AUTH0_REQUEST_FAILED');
  });
});

describe('the scopes of a token', () => {
  const shown = async (token: string) =>
    new Tenant(talk.line.service('Auth0'), 'x', async () => token)
      .scopes()
      .then((scopes) => scopes && [...scopes]);
  const jwt = (payload: object) => `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.s`;

  it('are those of its claim, or not known', async () => {
    expect(await shown(jwt({ scope: 'read:clients update:clients' }))).toEqual([
      'read:clients',
      'update:clients',
    ]);
    expect(await shown(jwt({}))).toBeUndefined();
    expect(await shown('opaque')).toBeUndefined();
  });

  it('are learned by logging in', async () => {
    let count = 0;
    const made = new Tenant(talk.line.service('Auth0'), 'x', async () => {
      count += 1;
      return 'opaque';
    });
    await made.login();
    expect(count).toBe(1);
  });
});

describe('a refusal', () => {
  const response = (status: number, body: unknown, headers = {}) => ({
    status,
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const page = { 'content-type': 'text/html' };

  it.each<[number, unknown, Record<string, string>, string | undefined]>([
    [200, {}, {}, undefined],
    [400, SAID, {}, undefined],
    [401, SAID, {}, 'AUTH0_UNAUTHORIZED'],
    [403, SAID, {}, 'AUTH0_FORBIDDEN'],
    [404, SAID, {}, undefined],
    [404, { errorCode: 'inexistent_client' }, {}, 'CLIENT_NOT_FOUND'],
    [400, { errorCode: 'inexistent_client' }, {}, undefined],
    [401, 'Blocked by policy 77', {}, 'AUTH0_REQUEST_FAILED'],
    [403, 'Blocked by policy 77', {}, 'AUTH0_REQUEST_FAILED'],
    [403, '', {}, 'AUTH0_REQUEST_FAILED'],
    [403, '<?xml version="1.0"?><error>blocked</error>', {}, 'AUTH0_REQUEST_FAILED'],
    [404, '404 page not found', {}, 'AUTH0_REQUEST_FAILED'],
    [404, '', {}, undefined],
    [408, 'Request Timeout', {}, undefined],
    [429, 'Too many requests', {}, undefined],
    [404, '<html>', page, 'AUTH0_REQUEST_FAILED'],
    [499, '<html>', page, 'AUTH0_REQUEST_FAILED'],
    [500, '<html>', page, undefined],
    [302, '', {}, 'AUTH0_REQUEST_FAILED'],
  ])('%i %o %o: %s', (status, body, headers, code) => {
    let thrown: unknown;
    try {
      throwIfRefused(response(status, body, headers), 'GET /api/v2/clients/c');
    } catch (error) {
      thrown = error;
    }
    expect((thrown as { code?: string } | undefined)?.code).toBe(code);
    if (code) expect((thrown as { failed: string }).failed).toContain('GET /api/v2/clients/c');
  });

  it('of a firewall asks for no permission, and may have landed', () => {
    let thrown: unknown;
    try {
      throwIfRefused(response(403, 'Blocked by policy 77'), 'GET /api/v2/clients/c');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      failed: expect.stringContaining(
        `is not Auth0's own: it is text instead of JSON, "Blocked by policy 77".`,
      ),
      remedy: expect.stringMatching(/^Look for a firewall/),
      cause: { code: 'FOREIGN_ANSWER', landed: 'unknown' },
    });
  });

  it('of a client that is made or deleted names the scopes of create', () => {
    const remedy = (call: string) => {
      try {
        throwIfRefused(response(403, SAID), call);
      } catch (error) {
        return (error as { remedy: string }).remedy;
      }
      return '';
    };
    for (const call of ['POST /api/v2/clients', 'DELETE /api/v2/clients/c'])
      expect(remedy(call)).toContain('create:clients and delete:clients');
    for (const call of [
      'GET /api/v2/clients',
      'PATCH /api/v2/clients/c',
      'POST /api/v2/clients/c/credentials',
    ])
      expect(remedy(call)).not.toContain('delete:clients');
  });

  it('of a token asks for the login of a management client only if a token was passed', () => {
    expect(() => throwIfRefused(response(401, {}), 'x')).toThrow(
      /If you pass management-token, .* management-client-id/,
    );
  });

  it.each([401, 403])('%i quotes the words of Auth0, if there are any', (status) => {
    expect(() => throwIfRefused(response(status, SAID), 'x')).toThrow(`(${status}: said)`);
    expect(() => throwIfRefused(response(status, {}), 'x')).toThrow(`(${status})`);
  });

  it.each<[string, unknown, object, RegExp]>([
    ['its message', { message: 'm', error_description: 'd', error: 'e' }, {}, /\(418: m\)/],
    ['its description', { error_description: 'd', error: 'e' }, {}, /\(418: d\)/],
    ['its error', { error: 'e' }, {}, /\(418: e\)/],
    ['its length', { a: 1 }, {}, /\(418: 7 characters in an unexpected form\)/],
    ['what it is', '<html><title>Sign in</title>', page, /\(418: an HTML page, "Sign in"\)/],
  ])('that is unknown is reported with %s', (_, body, headers, words) => {
    const error = unexpectedAnswer('https://t.example/x', response(418, body, headers));
    expect(error).toMatchObject({ code: 'AUTH0_REQUEST_FAILED', failed: expect.stringMatching(words) });
    expect(error.failed).toMatch(/^t\.example gave/);
    expect(error.remedy).toMatch(headers === page ? /mtls-domain/ : /status page of Auth0/);
  });

  it('is an outage, whoever answers: the advice is first a new run, then what may have answered', () => {
    const error = unexpectedAnswer('https://t.example/x', response(502, '<html>', page));
    expect(error.remedy).toMatch(/^Start a new run.*status page of Auth0.*mtls-domain/);
  });
});
