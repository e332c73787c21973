/** Logging in, and proving a certificate, at a real authorization server behind a real TLS edge. */

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProofRequest, proofRequestFor, proveKey } from '../../../src/auth0/proof.ts';
import { managementToken } from '../../../src/auth0/token.ts';
import { inspect, parsePair } from '../../../src/certificate/inspect.ts';
import type { RotationError } from '../../../src/errors.ts';
import { NetworkError } from '../../../src/http/wire.ts';
import type { ManagementLogin } from '../../../src/model/management-login.ts';
import { API_AUDIENCE, MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../../emulators/sandbox.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { type Answer, openLine, peer, trust } from '../../support/wire.ts';

let world: Sandbox;
beforeAll(async () => {
  world = await startSandbox();
  trust(world.authority.pem);
});
afterAll(async () => world[Symbol.asyncDispose]());

const api = (login: ManagementLogin, service: ReturnType<ReturnType<typeof openLine>['service']>) => ({
  service,
  domain: world.domain,
  audience: world.managementAudience,
  login,
  mtlsTokenEndpoint: async () => world.edge.tokenEndpoint,
});

const payloadOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const toPair = ({ key, cert }: { key: string; cert: string }) => parsePair(key + cert);

/** A management client that logs in with its own credential. */
function manager(method: 'private_key_jwt' | 'self_signed_tls_client_auth', more: { alg?: string } = {}) {
  const pair = selfSignedCertificate('manager');
  const { client_id: clientId } = world.tenant.createClient({
    name: 'manager',
    app_type: 'non_interactive',
    client_authentication_methods: { [method]: { credentials: [] } },
    grants: { [world.managementAudience]: MANAGEMENT_SCOPES },
  });
  world.tenant.seedCredential(clientId, {
    credential_type: method === 'private_key_jwt' ? 'public_key' : 'x509_cert',
    pem:
      method === 'private_key_jwt'
        ? createPublicKey(pair.key).export({ type: 'spki', format: 'pem' }).toString()
        : pair.cert,
    associate: true,
    ...more,
  });
  return { clientId, pair: toPair(pair) };
}

describe('a Management API token', () => {
  it('that is given is taken, without a request', async () => {
    await using line = openLine();
    world.transcript.clear();
    expect(await managementToken(api({ kind: 'token', token: 'mine' }, line.service('Auth0')))).toBe('mine');
    expect(world.transcript.count()).toBe(0);
  });

  it('comes by client secret', async () => {
    await using line = openLine();
    const login = {
      kind: 'client-secret',
      clientId: world.managementClientId,
      secret: world.managementClientSecret,
    } as const;
    const token = await managementToken(api(login, line.service('Auth0')));
    const answer = await world.call(`${world.tenantUrl}/api/v2/clients/${world.clientId}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
  });

  it('is not waited for by a run that is cancelled', async () => {
    await using line = openLine();
    line.connection.send = (request) => {
      line.cancel();
      return Promise.reject(
        new NetworkError(request.signal?.aborted ? 'ABORT_ERR' : 'NOT_ABORTED', 'unknown'),
      );
    };
    const login = { kind: 'client-secret', clientId: 'm', secret: 's' } as const;
    await expect(managementToken(api(login, line.service('Auth0')))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(line.log.join()).toContain('ABORT_ERR');
  });

  it('comes by private_key_jwt', async () => {
    await using line = openLine();
    const { clientId, pair } = manager('private_key_jwt');
    const login = { kind: 'private-key-jwt', clientId, privateKey: pair.privateKey } as const;
    expect(await managementToken(api(login, line.service('Auth0')))).not.toBe('');
  });

  it.each(['RS384', 'PS256'])(
    'comes by private_key_jwt with a key that is registered for %s',
    async (alg) => {
      await using line = openLine();
      const { clientId, pair } = manager('private_key_jwt', { alg });
      const login = { kind: 'private-key-jwt', clientId, privateKey: pair.privateKey } as const;
      expect(await managementToken(api(login, line.service('Auth0')))).not.toBe('');
    },
  );

  it('is refused in the words about RS256 if no algorithm helps', async () => {
    await using line = openLine();
    const { clientId } = manager('private_key_jwt');
    const { pair } = manager('private_key_jwt');
    const login = { kind: 'private-key-jwt', clientId, privateKey: pair.privateKey } as const;
    world.transcript.clear();
    const error = await managementToken(api(login, line.service('Auth0'))).catch((e: RotationError) => e);
    expect(error).toMatchObject({
      code: 'AUTH0_UNAUTHORIZED',
      message: expect.stringContaining('by private-key-jwt, signed with RS256, RS384, PS256 in turn (401'),
    });
    expect(world.transcript.count()).toBe(3);
  });

  it.each([
    [[401, 401, 403], 'signed with RS256, RS384, PS256 in turn (403'],
    [[401, 403], 'signed with RS256, RS384 in turn (403'],
    [[403], 'signed with RS256 (403'],
    // Only a 403 shows that Auth0 knows the key.
    [[401, 400, 401], 'signed with RS256, RS384, PS256 in turn (401'],
  ])(
    'names the algorithms that were tried, and shows the answer of one who knows the key: %j',
    async (statuses, said) => {
      await using line = openLine();
      const { clientId, pair } = manager('private_key_jwt');
      const left = [...statuses];
      line.connection.send = async () => ({
        status: left.shift() ?? 500,
        headers: { 'content-type': 'application/json' },
        body: '{"error":"access_denied"}',
      });
      const login = { kind: 'private-key-jwt', clientId, privateKey: pair.privateKey } as const;
      await expect(managementToken(api(login, line.service('Auth0')))).rejects.toMatchObject({
        code: 'AUTH0_UNAUTHORIZED',
        message: expect.stringContaining(said),
      });
      expect(left).toEqual([]);
    },
  );

  it('comes by mTLS, at the edge', async () => {
    await using line = openLine();
    const { clientId, pair } = manager('self_signed_tls_client_auth');
    const token = await managementToken(api({ kind: 'mtls', clientId, pair }, line.service('Auth0')));
    expect(token).not.toBe('');
  });

  it('is refused with the words of Auth0, never with the secret', async () => {
    await using line = openLine();
    const login = { kind: 'client-secret', clientId: world.managementClientId, secret: 'CANARY' } as const;
    const error = await managementToken(api(login, line.service('Auth0'))).catch((one: unknown) => one);
    expect(error).toMatchObject({
      code: 'AUTH0_UNAUTHORIZED',
      message: expect.stringMatching(/issued no Management API token to client .* by client-secret \(401/),
    });
    expect([String(error), ...line.log].join()).not.toContain('CANARY');
  });

  it.each([120, -600])(
    'is asked for once more if the clock of the runner is off by %d s',
    async (seconds) => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const date = new Date(Date.now() + seconds * 1_000).toUTCString();
      const refusal = { status: 401, body: { error: 'invalid_client' }, headers: { date } };
      const token = { body: { access_token: 't' }, headers: { date } };
      await using server = await peer([refusal, token]);
      await using line = openLine();
      const login = {
        kind: 'private-key-jwt',
        clientId: 'm',
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      } as const;
      const from = { ...api(login, line.service('Auth0')), domain: server.served.host };
      expect(await managementToken(from)).toBe('t');
      const sent = server.exchanges.map(({ requestBody }) => new URLSearchParams(requestBody));
      const issued = sent.map(
        (form) => payloadOf(form.get('client_assertion') ?? '').iat * 1_000 - Date.now(),
      );
      expect(issued.map((at) => Math.round(at / 60_000) + 0)).toEqual([0, seconds / 60]);
      const headers = sent.map((form) => decodeProtectedHeader(form.get('client_assertion') ?? ''));
      expect(headers.map(({ alg }) => alg)).toEqual(['RS256', 'RS256']);
    },
  );

  it('is asked for with an assertion of a minute, for one use, by the clock of Auth0', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const later = new Date(Date.now() + 3_600_000);
    const answer = { body: { access_token: 't' }, headers: { date: later.toUTCString() } };
    await using server = await peer([answer]);
    await using line = openLine();
    const service = line.service('Auth0');
    const ask = () =>
      managementToken({
        service,
        domain: server.served.host,
        audience: 'audience',
        login: { kind: 'private-key-jwt', clientId: 'm', privateKey: pem },
        mtlsTokenEndpoint: async () => undefined,
      });
    await ask();
    await ask();
    const [first, second] = server.exchanges.map(({ requestBody }) => new URLSearchParams(requestBody));
    const assertion = second?.get('client_assertion') ?? '';
    const { payload } = await jwtVerify(assertion, publicKey, {
      audience: `https://${server.served.host}/`,
      issuer: 'm',
      subject: 'm',
      currentDate: later,
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    expect(Math.abs((payload.iat ?? 0) * 1000 - later.getTime())).toBeLessThan(60_000);
    expect(payload.jti).not.toBe(payloadOf(first?.get('client_assertion') ?? '').jti);
    expect(Object.fromEntries(second ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      client_id: 'm',
      audience: 'audience',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
  });

  it.each<[string, Answer, RegExp]>([
    ['HTML', { body: '<html>' }, /^AUTH0_REQUEST_FAILED .*\(200: an HTML page\)/],
    ['no token', { body: { token_type: 'Bearer' } }, /^AUTH0_UNAUTHORIZED /],
    ['a token that is no text', { body: { access_token: 1 } }, /^AUTH0_UNAUTHORIZED /],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://evil.example/' } },
      /^AUTH0_REQUEST_FAILED .*\(302: a redirect to evil\.example\)/,
    ],
  ])('is not there if the answer is %s', async (_, answer, told) => {
    await using server = await peer([answer]);
    await using line = openLine();
    const attempt = managementToken({
      service: line.service('Auth0'),
      domain: server.served.host,
      audience: 'audience',
      login: { kind: 'client-secret', clientId: 'm', secret: 's' },
      mtlsTokenEndpoint: async () => undefined,
    });
    const error = await attempt.catch((one: unknown) => one);
    expect(`${(error as RotationError).code} ${(error as RotationError).message}`).toMatch(told);
  });
});

const PUSHED: ProofRequest = { kind: 'pushed request', endpoint: '', callback: 'https://shop.example/' };
const CODE: ProofRequest = { kind: 'authorization code', callback: undefined };

describe('what proves a key', () => {
  it.each<[string, string[] | undefined, boolean, boolean, string | undefined]>([
    ['a service', ['client_credentials'], false, true, 'token'],
    ['one that may do both', ['authorization_code', 'client_credentials'], true, true, 'token'],
    ['one whose grants are not shown', undefined, true, true, 'token'],
    ['a web application', ['authorization_code', 'refresh_token'], true, true, 'pushed request'],
    ['one without a callback', ['authorization_code'], false, true, 'authorization code'],
    ['one without such an endpoint', ['authorization_code'], true, false, 'authorization code'],
    ['one that only refreshes', ['refresh_token'], true, true, 'refresh token'],
    ['one that takes passwords', ['password', 'implicit'], true, true, undefined],
    ['one of CIBA', ['urn:openid:params:grant-type:ciba'], true, true, undefined],
  ])('of %s (%j)', async (_, grantTypes, hasCallback, hasEndpoint, kind) => {
    const client = { grantTypes, callback: hasCallback ? 'https://shop.example/' : undefined };
    const proofRequest = await proofRequestFor(client, async () =>
      hasEndpoint ? 'https://t/par' : undefined,
    );
    expect(proofRequest?.kind).toBe(kind);
  });
});

describe('a proof', () => {
  async function prove(
    pem: string,
    changes: { proofRequest?: ProofRequest; audience?: string; endpoint?: string; thumbprint?: string } = {},
  ) {
    await using line = openLine();
    const pair = parsePair(pem);
    return proveKey(line.service('edge'), {
      endpoint: world.edge.tokenEndpoint,
      clientId: world.clientId,
      pair,
      domain: world.domain,
      thumbprint: inspect(pair.certificate).thumbprint,
      audience: API_AUDIENCE,
      mustBind: false,
      run: '7.1',
      ...changes,
    });
  }

  it('is a token that is bound to the certificate', async () => {
    expect(await prove(world.client.pem)).toEqual({ outcome: 'proven', bound: true });
  });

  it('needs a certificate that is associated', async () => {
    const { key, cert } = selfSignedCertificate('stranger');
    expect(await prove(key + cert)).toEqual({
      outcome: 'refused',
      detail: '401, access_denied: Unauthorized',
      isIntercepted: false,
    });
  });

  it('names the reason why an audience is refused', async () => {
    expect(await prove(world.client.pem, { audience: 'https://nobody.example/' })).toEqual({
      outcome: 'unauthorized',
      isIntercepted: false,
      detail: expect.stringMatching(
        /^403, access_denied: Client is not authorized to access "https:\/\/nobody/,
      ),
    });
  });

  it.each<[number, object, string]>([
    [
      403,
      {
        error: 'unauthorized_client',
        error_description: "Grant type 'client_credentials' not allowed for the client.",
      },
      'unauthorized',
    ],
    [
      403,
      { error: 'access_denied', error_description: 'Service not found: https://nobody.example/' },
      'unauthorized',
    ],
    [
      403,
      {
        error: 'access_denied',
        error_description:
          'Client is not authorized to access "x". You need to create a "client-grant" associated to this API.',
      },
      'unauthorized',
    ],
    [403, { error: 'access_denied', error_description: 'Unauthorized' }, 'refused'],
    [401, { error: 'invalid_client' }, 'refused'],
    [400, { error: 'invalid_client' }, 'failed'],
    [403, { error: 'invalid_grant' }, 'refused'],
  ])('of %i %j is %s', async (status, body, outcome) => {
    await using server = await peer([{ status, body }]);
    expect(await prove(world.client.pem, { endpoint: `${server.served.url}/t` })).toMatchObject({ outcome });
  });

  it.each<[ProofRequest, number, object, string]>([
    [PUSHED, 201, { request_uri: 'urn:x' }, 'proven'],
    [PUSHED, 201, {}, 'failed'],
    [PUSHED, 401, { error: 'access_denied' }, 'refused'],
    [PUSHED, 403, { error: 'invalid_grant' }, 'refused'],
    [PUSHED, 403, { error: 'unauthorized_client' }, 'unauthorized'],
    [CODE, 403, { error: 'invalid_grant' }, 'proven'],
    [CODE, 400, { error: 'invalid_grant' }, 'proven'],
    [CODE, 401, { error: 'access_denied' }, 'refused'],
    [CODE, 200, { access_token: 'nobody could issue it' }, 'failed'],
    [{ kind: 'refresh token' }, 403, { error: 'invalid_grant' }, 'proven'],
    [{ kind: 'refresh token' }, 403, { error: 'unauthorized_client' }, 'unauthorized'],
  ])('that proofRequest for %j, answered %i %j, is %s', async (proofRequest, status, body, outcome) => {
    await using server = await peer([{ status, body }]);
    const at =
      proofRequest.kind === 'pushed request'
        ? { ...proofRequest, endpoint: `${server.served.url}/par` }
        : proofRequest;
    const endpoint = `${server.served.url}/token`;
    expect(await prove(world.client.pem, { endpoint, proofRequest: at })).toMatchObject({ outcome });
    const [{ path = '', requestBody = '' } = {}] = server.exchanges;
    expect(path).toBe(proofRequest.kind === 'pushed request' ? '/par' : '/token');
    expect(requestBody).not.toContain('client_credentials');
  });

  it('fails for good if it is not the certificate that is refused', async () => {
    await using server = await peer([{ status: 400, body: { error: 'invalid_request' } }]);
    expect(await prove(world.client.pem, { endpoint: `${server.served.url}/t` })).toEqual({
      outcome: 'failed',
      detail: '400, invalid_request',
      isIntercepted: false,
      objection: 'request',
    });
  });

  it.each<[string, unknown, object]>([
    ['another certificate', { cnf: { 'x5t#S256': 'another' } }, { outcome: 'failed' }],
    ['this one', { cnf: { 'x5t#S256': 'mine' } }, { outcome: 'proven', bound: true }],
    ['none', {}, { outcome: 'proven', bound: false }],
    ['nothing that can be read', undefined, { outcome: 'proven', bound: false }],
  ])('with a token that is bound to %s', async (_, payload, result) => {
    const token = payload
      ? `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.sig`
      : 'opaque';
    await using server = await peer([{ body: { access_token: token } }]);
    const endpoint = `${server.served.url}/token`;
    expect(await prove(world.client.pem, { endpoint, thumbprint: 'mine' })).toMatchObject(result);
  });

  it('is repeated after a 503, which shows nothing about the key', async () => {
    await using server = await peer([{ status: 503 }, { body: { access_token: 'opaque' } }]);
    expect(await prove(world.client.pem, { endpoint: `${server.served.url}/t` })).toMatchObject({
      outcome: 'proven',
    });
    expect(server.exchanges).toHaveLength(2);
    expect(JSON.stringify(server.exchanges)).not.toContain('PRIVATE KEY');
  });

  it('without any answer is an error', async () => {
    await using server = await peer([{}]);
    const endpoint = `${server.served.url}/t`;
    await server[Symbol.asyncDispose]();
    await expect(prove(world.client.pem, { endpoint })).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
    });
  });
});
