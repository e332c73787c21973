/** What an answer to a proof means, at every edge: a rehearsal that takes an outage for a refusal promises what is not so. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  insteadOf,
  isAccepted,
  type Login,
  needsControl,
  type ProofRequest,
  proofHeaders,
  proveKey,
} from '../../../src/auth0/proof.ts';
import { NetworkError } from '../../../src/http/wire.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { type Answer, type Line, openLine, peer } from '../../support/wire.ts';

const { cert, key } = selfSignedCertificate('shop');
const PAIR = { certificate: cert, privateKey: key };
let line: Line;
beforeEach(() => {
  line = openLine();
});
afterEach(() => line[Symbol.asyncDispose]());

const login = (url: string, changes: Partial<Login> = {}): Login => ({
  endpoint: `${url}/token`,
  domain: 'tenant.example',
  clientId: 'c',
  pair: PAIR,
  audience: undefined,
  run: '7.1',
  ...changes,
});
const REFRESH: ProofRequest = { kind: 'refresh token' };
const pushed = (url: string): ProofRequest => ({
  kind: 'pushed request',
  endpoint: `${url}/par`,
  callback: 'https://shop.example/cb',
});

async function admitted(answer: Answer, proofRequest?: ProofRequest): Promise<unknown> {
  await using server = await peer([answer]);
  return await isAccepted(
    line.service('edge'),
    login(server.served.url, proofRequest ? { proofRequest } : {}),
  ).catch((error: unknown) => error);
}

describe('whether an unregistered key is accepted', () => {
  it.each<[string, Answer, boolean]>([
    ['a token', { body: { access_token: 't' } }, true],
    ['400', { status: 400, body: {} }, false],
    ['401', { status: 401, body: { error: 'invalid_client' } }, false],
    ['403', { status: 403, body: {} }, false],
    ['a page with 403', { status: 403, body: '<html>', headers: { 'content-type': 'text/html' } }, false],
    ['499', { status: 499, body: {} }, false],
  ])('if %s comes: %s %s', async (_, answer, isSo) => {
    expect(await admitted(answer)).toBe(isSo);
  });

  it.each([200, 201, 204, 302, 399, 408, 429, 500, 502, 503, 599])(
    'or not, which %i does not tell',
    async (status) => {
      expect(await admitted({ status, ...(status === 204 ? {} : { body: {} }) })).toMatchObject({
        code: 'VERIFICATION_FAILED',
        failed: expect.stringContaining(`${status}`),
      });
    },
  );

  it('by no token that comes with another status than 200', async () => {
    expect(await admitted({ status: 201, body: { access_token: 't' } })).toMatchObject({
      code: 'VERIFICATION_FAILED',
    });
  });

  it('also if the server looked at the client before it looked at the token', async () => {
    expect(await admitted({ status: 403, body: { error: 'invalid_grant' } }, REFRESH)).toBe(true);
    expect(await admitted({ status: 403, body: { error: 'access_denied' } }, REFRESH)).toBe(false);
  });

  it.each<[string, boolean]>([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', true],
    ['EPROTO', true],
    ['ECONNRESET', true],
    ['EPIPE', true],
    ['UND_ERR_SOCKET', true],
    ['ERR_SSL_EE_KEY_TOO_SMALL', false],
    ['ECONNREFUSED', false],
    ['ENOTFOUND', false],
    ['UND_ERR_HEADERS_TIMEOUT', false],
    ['TimeoutError', false],
    ['XECONNRESET', false],
  ])('not, if its connection ends with %s: %s', async (code, isRefused) => {
    line.connection.send = () => Promise.reject(new NetworkError(code, 'no'));
    const asked = isAccepted(line.service('edge'), login('https://edge.example'));
    if (isRefused) expect(await asked).toBe(false);
    else await expect(asked).rejects.toMatchObject({ code: 'AUTH0_REQUEST_FAILED', cause: { code } });
  });

  it('stays unknown if something else fails', async () => {
    const defect = new TypeError('ECONNRESET');
    line.connection.send = () => Promise.reject(defect);
    await expect(isAccepted(line.service('edge'), login('https://edge.example'))).rejects.toBe(defect);
  });
});

describe('a proof', () => {
  const prove = async (answer: Answer, changes: { mustBind?: boolean; proofRequest?: ProofRequest } = {}) => {
    await using server = await peer([answer]);
    const { mustBind = false, ...rest } = changes;
    return await proveKey(line.service('edge'), {
      ...login(server.served.url, rest),
      thumbprint: 'mine',
      mustBind,
    });
  };
  const token = (payload: object) => ({
    body: { access_token: `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.s` },
  });

  it.each<[string, Answer, boolean, object]>([
    [
      'bound to it, as it must',
      token({ cnf: { 'x5t#S256': 'mine' } }),
      true,
      { outcome: 'proven', bound: true },
    ],
    ['not bound, as it must', token({}), true, { outcome: 'failed', isIntercepted: false }],
    [
      'bound to another',
      token({ cnf: { 'x5t#S256': 'other' } }),
      true,
      { outcome: 'failed', isIntercepted: false },
    ],
    ['bound to another, unasked', token({ cnf: { 'x5t#S256': 'other' } }), false, { outcome: 'failed' }],
    ['not bound', token({}), false, { outcome: 'proven', bound: false }],
  ])('by a token that is %s', async (_, answer, mustBind, result) => {
    expect(await prove(answer, { mustBind })).toMatchObject(result);
  });

  it.each<[number, string]>([
    [200, 'failed'],
    [204, 'failed'],
    [302, 'failed'],
    [399, 'failed'],
    [400, 'failed'],
    [401, 'refused'],
    [402, 'failed'],
    [403, 'refused'],
    [404, 'failed'],
    [500, 'failed'],
  ])('that is answered with %i alone is %s', async (status, outcome) => {
    expect(await prove({ status, ...(status === 204 ? {} : { body: {} }) })).toMatchObject({ outcome });
  });

  it.each([400, 401, 403, 499])('is not authorized, with %i, if Auth0 says so', async (status) => {
    for (const description of [
      'You need to create a "client-grant" associated to this API',
      'No audience parameter was provided, and no default audience has been configured',
      'Service not found: x',
      'Service not enabled within domain: x',
      "Grant type 'client_credentials' not allowed for the client.",
    ])
      expect(
        await prove({ status, body: { error: 'access_denied', error_description: description } }),
      ).toMatchObject({
        outcome: 'unauthorized',
      });
    expect(await prove({ status, body: { error: 'unauthorized_client' } })).toMatchObject({
      outcome: 'unauthorized',
    });
  });

  it.each([408, 429, 500, 503])('is not: an outage (%i) has its own words', async (status) => {
    const body = { error: 'unauthorized_client', error_description: 'Service not found' };
    const result = await prove({ status, body, headers: { 'retry-after': '0' } });
    expect(result).toMatchObject({ outage: { code: 'AUTH0_REQUEST_FAILED' } });
    if (status >= 500) expect(result).toMatchObject({ outcome: 'failed' });
  });

  it('that was refused is no outage', async () => {
    expect(await prove({ status: 401, body: {} })).toMatchObject({ outcome: 'refused', outage: undefined });
  });

  it.each<[number, string]>([
    [200, 'failed'],
    [400, 'proven'],
    [401, 'proven'],
    [403, 'proven'],
    [404, 'failed'],
    [500, 'failed'],
  ])('without a token, by invalid_grant with %i, is %s', async (status, outcome) => {
    expect(
      await prove({ status, body: { error: 'invalid_grant' } }, { proofRequest: REFRESH }),
    ).toMatchObject({
      outcome,
    });
  });

  it.each([
    [200, 'failed'],
    [201, 'proven'],
    [202, 'failed'],
  ])('by a pushed request that is answered with %i is %s', async (status, outcome) => {
    await using server = await peer([{ status, body: { request_uri: 'urn:x' } }]);
    const asked = login(server.served.url, { proofRequest: pushed(server.served.url) });
    expect(
      await proveKey(line.service('edge'), { ...asked, thumbprint: 'mine', mustBind: false }),
    ).toMatchObject({
      outcome,
    });
  });

  it.each<[number, unknown, string | undefined]>([
    [404, {}, 'path'],
    [404, '<html>', 'path'],
    [405, {}, 'path'],
    [403, '<html>', 'path'],
    [403, { message: 'Missing Authentication Token' }, 'path'],
    [403, 'RBAC: access denied', 'path'],
    [401, { message: 'Unauthorized' }, undefined],
    [403, { error: 'access_denied' }, undefined],
    [400, { error: 'invalid_request' }, 'request'],
    [400, { error: 'invalid_client' }, undefined],
    [400, { error: '' }, undefined],
    [400, {}, undefined],
    [400, '<html>', undefined],
    [401, { error: 'invalid_request' }, undefined],
    [406, {}, undefined],
    [503, { error: 'invalid_request' }, undefined],
  ])(
    'that is answered with %i %o was refused for its %s, not for its key',
    async (status, body, objection) => {
      expect(await prove({ status, body })).toMatchObject({ objection });
    },
  );

  it('by a page is foreign', async () => {
    const page = { status: 403, body: '<html>', headers: { 'content-type': 'text/html' } };
    expect(await prove(page)).toMatchObject({ outcome: 'refused', isIntercepted: true });
    expect(await prove({ status: 302 })).toMatchObject({ outcome: 'failed', isIntercepted: true });
  });

  it.each<[string, number, unknown, string]>([
    ['an API gateway', 403, { message: 'Forbidden' }, '403, JSON without an OAuth error, "Forbidden"'],
    ['a gateway without a word', 401, {}, '401, JSON without an OAuth error'],
    ['a proxy', 403, 'RBAC: access denied', '403, text instead of JSON, "RBAC: access denied"'],
    ['something silent', 401, '', '401, an empty answer'],
  ])('by %s is no verdict about the key', async (_, status, body, detail) => {
    expect(await prove({ status, body })).toMatchObject({ outcome: 'refused', isIntercepted: true, detail });
  });

  it.each<[number, object]>([
    [401, { error: 'access_denied', error_description: 'Unauthorized' }],
    [401, { error: 'invalid_client' }],
    [403, { error: 'access_denied' }],
    [401, { error_description: 'Unauthorized' }],
  ])("by %i %o is Auth0's own", async (status, body) => {
    expect(await prove({ status, body })).toMatchObject({ outcome: 'refused', isIntercepted: false });
  });
});

describe('what is asked for', () => {
  async function asked(changes: Partial<Login> | ((url: string) => Partial<Login>)) {
    await using server = await peer([{ status: 401, body: {} }]);
    const url = server.served.url;
    await isAccepted(
      line.service('edge'),
      login(url, typeof changes === 'function' ? changes(url) : changes),
    );
    const [{ path = '', requestBody = '', requestHeaders = {} } = {}] = server.exchanges;
    return { path, headers: requestHeaders, form: Object.fromEntries(new URLSearchParams(requestBody)) };
  }

  it('is a token, for an audience if one is named', async () => {
    expect((await asked({})).form).toEqual({ client_id: 'c', grant_type: 'client_credentials' });
    expect(await asked({ audience: 'api' })).toMatchObject({
      path: '/token',
      form: { client_id: 'c', grant_type: 'client_credentials', audience: 'api' },
    });
  });

  it('is a pushed request with a challenge of its own each time', async () => {
    const [one, two] = [
      await asked((url) => ({ proofRequest: pushed(url) })),
      await asked((url) => ({ proofRequest: pushed(url) })),
    ];
    expect(one).toMatchObject({
      path: '/par',
      form: {
        client_id: 'c',
        response_type: 'code',
        redirect_uri: 'https://shop.example/cb',
        scope: 'openid',
        code_challenge: expect.stringMatching(/^[\w-]{43}$/),
        code_challenge_method: 'S256',
      },
    });
    expect(one.form.code_challenge).not.toBe(two.form.code_challenge);
  });

  it('is a code that was never issued', async () => {
    expect((await asked({ proofRequest: { kind: 'authorization code', callback: undefined } })).form).toEqual(
      {
        client_id: 'c',
        grant_type: 'authorization_code',
        code: expect.stringMatching(/^[\w-]{43}$/),
        code_verifier: expect.stringMatching(/^[\w-]{43}$/),
        redirect_uri: 'https://localhost/',
      },
    );
    const { form } = await asked({ proofRequest: { kind: 'authorization code', callback: 'https://a/' } });
    expect(form.redirect_uri).toBe('https://a/');
  });

  it('is a refresh token that was never issued', async () => {
    expect((await asked({ proofRequest: REFRESH })).form).toEqual({
      client_id: 'c',
      grant_type: 'refresh_token',
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it('carries an assertion of a bare key, by its algorithm', async () => {
    const pair = { certificate: undefined, privateKey: key };
    const { form } = await asked({ pair, algorithm: 'PS256' });
    const [head = '', body = ''] = (form.client_assertion ?? '').split('.');
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: 'PS256' });
    expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toMatchObject({
      aud: 'https://tenant.example/',
      iss: 'c',
      sub: 'c',
    });
    expect((await asked({})).form).not.toHaveProperty('client_assertion');
  });

  it('carries another assertion each time it is asked again: each serves once', async () => {
    await using server = await peer([{ status: 503 }, { status: 401, body: {} }]);
    await isAccepted(
      line.service('edge'),
      login(server.served.url, { pair: { certificate: undefined, privateKey: key } }),
    );
    const sent = server.exchanges.map(({ requestBody }) =>
      new URLSearchParams(requestBody).get('client_assertion'),
    );
    expect(new Set(sent).size).toBe(2);
  });

  it('names the run, for those who read the logs', async () => {
    const { headers } = await asked({});
    expect(headers).toMatchObject(proofHeaders('7.1'));
    const { 'auth0-client': client = '', 'user-agent': agent } = proofHeaders('7.1');
    expect(JSON.parse(Buffer.from(client, 'base64').toString())).toEqual({
      name: 'auth0-mtls-rotation-action',
      version: '1',
      env: { run: '7.1' },
    });
    expect(agent).toBe('auth0-mtls-rotation-action (proof of run 7.1)');
  });

  it('in place of a pushed request is a code for the same callback, and of any other nothing', () => {
    const callback = 'https://shop.example/cb';
    expect(insteadOf(pushed('x'))).toEqual({ kind: 'authorization code', callback });
    expect(insteadOf({ kind: 'authorization code', callback })).toBeUndefined();
    expect([insteadOf(REFRESH), insteadOf({ kind: 'token' })]).toEqual([undefined, undefined]);
  });

  it.each<[ProofRequest, boolean]>([
    [{ kind: 'token' }, false],
    [{ kind: 'pushed request', endpoint: '', callback: '' }, false],
    [{ kind: 'authorization code', callback: undefined }, true],
    [REFRESH, true],
  ])('%j needs a control: %s', (proofRequest, needed) => {
    expect(needsControl(proofRequest)).toBe(needed);
  });
});
