import { createHash, createSign, generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  type ClientAuthentication,
  createAuthorizationServer,
  type TenantLog,
} from './authorization-server.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { type Served, serve } from './serve.ts';
import { createAuthority, type KeyAndCertificate, selfSignedCertificate } from './tls.ts';

const EDGE_SECRET = 'edge-secret-of-the-test';
const CLIENT = 'client-under-test';
const API = 'https://api.example/';
const ANY_NAME = 'not a URI # at all';
const REFUSED = { status: 401, body: { error: 'access_denied', error_description: 'Unauthorized' } };

const authority = createAuthority();
const clientCa = createAuthority('Client CA');
const first = selfSignedCertificate('first');
const second = selfSignedCertificate('second');
const stranger = selfSignedCertificate('stranger');
const jwtKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = jwtKey.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const warn = vi.spyOn(console, 'warn');
const info = vi.spyOn(console, 'info');

const noCredentials: ClientAuthentication = {
  method: 'client_secret_post',
  secret: '',
  certificates: [],
  publicKeys: [],
  subjectDns: [],
  requireProofOfPossession: false,
};

const clients = new Map<string, ClientAuthentication>();
const grants = new Map<string, readonly string[]>();
const logs: TenantLog[] = [];
const open: AsyncDisposable[] = [];
let server: AuthorizationServer;
let tenant: Served;
let edge: Edge;

function set(authentication: Partial<ClientAuthentication>): void {
  clients.set(CLIENT, { ...noCredentials, ...authentication });
}

function selfSigned(...certificates: KeyAndCertificate[]): void {
  set({ method: 'self_signed_tls_client_auth', certificates: certificates.map(({ cert }) => cert) });
}

/** A tenant's origin with a server of its own options, over real TLS. */
async function origin(options: Partial<AuthorizationServerOptions> = {}) {
  const mounted: { server?: AuthorizationServer } = {};
  const served = await serve((req, res) => mounted.server?.listener(req, res), {
    tls: authority.serverCertificate(),
  });
  open.push(served);
  const created = createAuthorizationServer({
    tenant: {
      authenticationOf: (id) => clients.get(id),
      grant: (id, audience) => grants.get(`${id} ${audience}`),
      log: (entry) => logs.push(entry),
    },
    issuer: `${served.url}/`,
    edgeSecret: EDGE_SECRET,
    mtlsTokenEndpoint: () => edge?.tokenEndpoint,
    ...options,
  });
  mounted.server = created;
  return { served, server: created };
}

async function edgeOf(options: Partial<EdgeOptions> = {}): Promise<Edge> {
  const upstream = tenant.url;
  const created = await createEdge({ authority, upstream, edgeSecret: EDGE_SECRET, ...options });
  open.push(created);
  return created;
}

beforeAll(async () => {
  ({ served: tenant, server } = await origin());
  edge = await edgeOf({ clientCa: clientCa.pem });
});
afterAll(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});
beforeEach(() => {
  logs.length = 0;
  clients.clear();
  grants.set(`${CLIENT} ${API}`, ['read:a', 'write:a']);
  grants.set(`${CLIENT} ${tenant.url}/api/v2/`, ['read:clients']);
});

interface Call {
  url?: string;
  certificate?: KeyAndCertificate;
  fields?: Record<string, string>;
  headers?: Record<string, string>;
  form?: boolean;
}

async function call({
  url = edge.tokenEndpoint,
  certificate,
  fields = {},
  headers = {},
  form = false,
}: Call) {
  const dispatcher = new Agent({ connect: { ca: authority.pem, ...certificate } });
  const body = { grant_type: 'client_credentials', client_id: CLIENT, audience: API, ...fields };
  try {
    const answer = await request(url, {
      method: 'POST',
      body: form ? new URLSearchParams(body).toString() : JSON.stringify(body),
      headers: {
        'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json',
        'user-agent': 'test/1',
        ...headers,
      },
      dispatcher,
    });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text };
  } finally {
    await dispatcher.close();
  }
}

const direct = (options: Call) => call({ url: `${tenant.url}/oauth/token`, ...options });

function claims(token: string): Record<string, unknown> & { cnf?: { 'x5t#S256': string } } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

/** Computed here on its own: SHA-256 over the DER. */
function thumbprint({ cert }: KeyAndCertificate): string {
  return createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');
}

function asHeaders({ cert }: KeyAndCertificate, key = EDGE_SECRET): Record<string, string> {
  return {
    'cname-api-key': key,
    'client-certificate': encodeURIComponent(cert),
    'client-certificate-ca-verified': 'SUCCESS',
  };
}

const HASHES: Record<string, string> = { RS384: 'RSA-SHA384', RS512: 'RSA-SHA512' };

function assertion(changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: CLIENT,
    sub: CLIENT,
    aud: `${tenant.url}/`,
    exp: now + 60,
    jti: randomUUID(),
    ...changes,
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'RS256', ...header })}.${encode(payload)}`;
  return `${signed}.${createSign(HASHES[String(header.alg)] ?? 'RSA-SHA256')
    .update(signed)
    .sign(jwtKey.privateKey, 'base64url')}`;
}

function withAssertion(value: string): Call {
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  return { fields: { client_assertion_type: type, client_assertion: value } };
}

describe('self_signed_tls_client_auth over the edge', () => {
  it('grants a bound token to a registered certificate and logs it', async () => {
    selfSigned(first);
    const { status, body } = await call({ certificate: first });
    expect(status).toBe(200);
    expect(body).toMatchObject({ expires_in: 86_400, token_type: 'Bearer', scope: 'read:a write:a' });
    expect(claims(body.access_token)).toMatchObject({
      iss: `${tenant.url}/`,
      aud: API,
      sub: `${CLIENT}@clients`,
      azp: CLIENT,
      scope: 'read:a write:a',
      cnf: { 'x5t#S256': thumbprint(first) },
    });
    expect(logs).toMatchObject([
      {
        type: 'seccft',
        client_id: CLIENT,
        mtls_thumbprint_sha256: thumbprint(first),
        user_agent: 'test/1',
        ip: expect.stringContaining('127.0.0.1'),
      },
    ]);
  });

  it('takes either of two registered certificates and binds the token to the one that was used', async () => {
    selfSigned(first, second);
    for (const certificate of [first, second, first]) {
      const { status, body } = await call({ certificate, form: true });
      expect(status).toBe(200);
      expect(claims(body.access_token).cnf).toEqual({ 'x5t#S256': thumbprint(certificate) });
    }
  });

  it('refuses a stranger, no certificate and a client without any, and logs it without a thumbprint', async () => {
    selfSigned(first);
    expect(await call({ certificate: stranger })).toEqual(REFUSED);
    expect(await call({})).toEqual(REFUSED);
    selfSigned();
    expect(await call({ certificate: first })).toEqual(REFUSED);
    expect(logs.map(({ type }) => type)).toEqual(['feccft', 'feccft', 'feccft']);
    expect(logs.map(({ description }) => description)).toEqual([
      'unregistered client certificate provided',
      'client certificate was not provided',
      'unregistered client certificate provided',
    ]);
    expect(logs.some((entry) => 'mtls_thumbprint_sha256' in entry)).toBe(false);
  });

  it('follows the tenant at once', async () => {
    selfSigned(first, second);
    expect((await call({ certificate: first })).status).toBe(200);
    selfSigned(second);
    expect(await call({ certificate: first })).toEqual(REFUSED);
    expect((await call({ certificate: second })).status).toBe(200);
    selfSigned(first);
    expect((await call({ certificate: first })).status).toBe(200);
    clients.delete(CLIENT);
    expect(await call({ certificate: first })).toEqual(REFUSED);
  });

  it('refuses a registered certificate that has expired', async () => {
    const expired = selfSignedCertificate('expired', -0.5);
    selfSigned(expired, first);
    expect(await call({ certificate: expired })).toEqual(REFUSED);
    expect((await call({ certificate: first })).status).toBe(200);
  });

  it('does not take a secret instead', async () => {
    selfSigned(first);
    expect(await call({ certificate: first, fields: { client_secret: 'anything' } })).toEqual(REFUSED);
  });

  it('leaves the token unbound if configured so, unless proof of possession is required', async () => {
    const loose = await origin({ bindTokens: false });
    const url = `${loose.served.url}/oauth/token`;
    const headers = asHeaders(first);
    selfSigned(first);
    expect(claims((await call({ url, headers })).body.access_token).cnf).toBeUndefined();
    const method = 'self_signed_tls_client_auth';
    set({ method, certificates: [first.cert], requireProofOfPossession: true });
    expect(claims((await call({ url, headers })).body.access_token).cnf).toBeDefined();
  });

  it('leaves the OIDC error codes if configured so', async () => {
    const strict = await origin({ oidcErrors: true });
    selfSigned(first);
    const { status, body } = await call({ url: `${strict.served.url}/oauth/token` });
    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });
});

describe('certificate headers', () => {
  it('count with the right key only', async () => {
    selfSigned(first);
    expect((await direct({ headers: asHeaders(first) })).status).toBe(200);
    expect(await direct({ headers: asHeaders(first, 'guessed') })).toEqual(REFUSED);
    const { 'cname-api-key': _, ...keyless } = asHeaders(first);
    expect(await direct({ headers: keyless })).toEqual(REFUSED);
    expect(logs.at(-1)?.description).toBe('client certificate was not provided');
  });

  it('do not get through the edge', async () => {
    selfSigned(first);
    expect(await call({ headers: asHeaders(first) })).toEqual(REFUSED);
    expect(await call({ headers: asHeaders(first), certificate: stranger })).toEqual(REFUSED);
  });

  it('are refused beyond 4096 bytes and when they are no certificate', async () => {
    selfSigned(first);
    const headers = asHeaders(first);
    const padded = { ...headers, 'client-certificate': headers['client-certificate'] + '%0A'.repeat(1200) };
    expect((await direct({ headers: padded })).status).toBe(400);
    expect(await direct({ headers: { ...headers, 'client-certificate': 'nonsense%' } })).toEqual(REFUSED);
  });
});

describe('tls_client_auth', () => {
  const subject = { C: 'es', O: 'Example', CN: 'batch' };
  const issued = clientCa.clientCertificate(subject);
  const dn = 'C=es\nO=Example\nCN=batch';

  it('takes a certificate of the CA with a registered subject', async () => {
    set({ method: 'tls_client_auth', subjectDns: ['CN=other', dn] });
    const { status, body } = await call({ certificate: issued });
    expect(status).toBe(200);
    expect(claims(body.access_token).cnf).toEqual({ 'x5t#S256': thumbprint(issued) });
  });

  it('refuses another subject, another CA and an edge that verified nothing', async () => {
    set({ method: 'tls_client_auth', subjectDns: ['CN=other'] });
    expect(await call({ certificate: issued })).toEqual(REFUSED);
    set({ method: 'tls_client_auth', subjectDns: [dn] });
    expect(await call({ certificate: createAuthority().clientCertificate(subject) })).toEqual(REFUSED);
    expect(logs.at(-1)?.description).toBe('client certificate was not verified');
    const verified = { 'client-certificate-ca-verified': 'SUCCESS' };
    const headers = { ...asHeaders(issued), ...verified };
    expect((await direct({ headers })).status).toBe(200);
    expect(await direct({ headers: { ...headers, 'cname-api-key': 'guessed' } })).toEqual(REFUSED);
    expect(
      await direct({ headers: { ...headers, ...{ 'client-certificate-ca-verified': 'FAILED' } } }),
    ).toEqual(REFUSED);
    const blind = await edgeOf();
    expect(await call({ url: blind.tokenEndpoint, certificate: issued })).toEqual(REFUSED);
  });
});

describe('client secret', () => {
  it('is taken in the body and in the authorization header, as JSON and as form', async () => {
    set({ secret: 's3cret' });
    expect((await direct({ fields: { client_secret: 's3cret' } })).status).toBe(200);
    expect((await direct({ fields: { client_secret: 's3cret' }, form: true })).status).toBe(200);
    set({ method: 'client_secret_basic', secret: 's3cret' });
    const authorization = `Basic ${Buffer.from(`${CLIENT}:s3cret`).toString('base64')}`;
    const { status, body } = await direct({ headers: { authorization } });
    expect(status).toBe(200);
    expect(claims(body.access_token).cnf).toBeUndefined();
  });

  it('is refused when wrong, empty or absent', async () => {
    set({ secret: 's3cret' });
    expect(await direct({ fields: { client_secret: 'wrong' } })).toEqual(REFUSED);
    expect(await direct({})).toEqual(REFUSED);
    set({ secret: '' });
    expect(await direct({ fields: { client_secret: '' } })).toEqual(REFUSED);
  });

  it('needs the certificate too when proof of possession is required', async () => {
    set({ secret: 's3cret', requireProofOfPossession: true });
    const fields = { client_secret: 's3cret' };
    expect((await direct({ fields })).status).toBe(400);
    const { body } = await call({ fields, certificate: stranger });
    expect(claims(body.access_token).cnf).toEqual({ 'x5t#S256': thumbprint(stranger) });
  });

  it('is not needed, and no token is given, if a client has no authentication', async () => {
    set({ method: 'none' });
    const { status, body } = await direct({});
    expect([status, body.error]).toEqual([403, 'unauthorized_client']);
  });
});

describe('private_key_jwt', () => {
  const key = { kid: 'key-number-one', alg: 'RS256', pem: publicPem };
  beforeEach(() => set({ method: 'private_key_jwt', publicKeys: [key] }));

  it('takes an assertion once, with and without kid', async () => {
    const value = assertion();
    expect((await direct(withAssertion(value))).status).toBe(200);
    expect(await direct(withAssertion(value))).toEqual(REFUSED);
    expect(logs.at(-1)?.description).toBe('client assertion tokens must only be used once');
    expect((await direct(withAssertion(assertion({}, { kid: key.kid })))).status).toBe(200);
  });

  it.each([
    ['another audience', { aud: 'https://elsewhere.example/' }],
    ['expired', { exp: Math.floor(Date.now() / 1000) - 60 }],
    ['too long ahead', { exp: Math.floor(Date.now() / 1000) + 3600 }],
    ['a long jti', { jti: 'x'.repeat(65) }],
    ['another issuer', { iss: 'someone' }],
    ['issued in the future', { iat: Math.floor(Date.now() / 1000) + 60 }],
    ['more than 2048 bytes', { more: 'x'.repeat(2_000) }],
  ])('refuses: %s', async (_, changes) => {
    expect(await direct(withAssertion(assertion(changes)))).toEqual(REFUSED);
  });

  it.each([
    ['ended as long ago as two clocks may differ', { exp: -5 }],
    ['was issued in the future, as far as two clocks may differ', { iat: 5, exp: 60 }],
    ['has a jti of 64 characters', { jti: 'x'.repeat(64) }],
    ['has many claims', { more: 'x'.repeat(1_000) }],
  ])('takes one that %s', async (_, { exp = 60, iat = 0, ...more }: Record<string, unknown>) => {
    const now = Math.floor(Date.now() / 1000);
    const value = assertion({ ...more, exp: now + Number(exp), iat: now + Number(iat) });
    expect((await direct(withAssertion(value))).status).toBe(200);
  });

  it.each([
    ['RS256', 200],
    ['RS384', 200],
    ['RS512', 401],
  ])('%s: %i', async (alg, expected) => {
    set({ method: 'private_key_jwt', publicKeys: [{ ...key, alg }] });
    expect((await direct(withAssertion(assertion({}, { alg })))).status).toBe(expected);
  });

  it('takes one by the clock of the tenant, too, within the same bounds', async () => {
    const ahead = 3_600;
    const leapt = await origin({ now: () => Date.now() + ahead * 1_000 });
    const url = `${leapt.served.url}/oauth/token`;
    const statusAt = async (exp: number, iat = exp - 60) => {
      const now = Math.floor(Date.now() / 1000);
      const changes = { aud: `${leapt.served.url}/`, exp: now + exp, iat: now + iat };
      return (await call({ url, ...withAssertion(assertion(changes)) })).status;
    };
    expect([await statusAt(60), await statusAt(ahead + 60)]).toEqual([200, 200]);
    expect([await statusAt(-60), await statusAt(ahead - 60)]).toEqual([401, 401]);
    expect([await statusAt(ahead + 360), await statusAt(ahead + 60, ahead + 50)]).toEqual([401, 401]);
  });

  it('takes one that ends in five minutes, and none that ends in six', async () => {
    const inSeconds = (seconds: number) => assertion({ exp: Math.floor(Date.now() / 1000) + seconds });
    expect((await direct(withAssertion(inSeconds(300)))).status).toBe(200);
    expect(await direct(withAssertion(inSeconds(360)))).toEqual(REFUSED);
  });

  it('refuses the key that was taken away', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const pem = other.export({ type: 'spki', format: 'pem' }).toString();
    set({ method: 'private_key_jwt', publicKeys: [{ ...key, pem }] });
    expect(await direct(withAssertion(assertion()))).toEqual(REFUSED);
  });
});

describe('audience and scope', () => {
  beforeEach(() => set({ secret: 's3cret' }));
  const secret = { client_secret: 's3cret' };

  it('answers 403 without a client grant and without an audience', async () => {
    const unknown = await direct({ fields: { ...secret, audience: 'https://unknown.example/' } });
    expect([unknown.status, unknown.body.error]).toEqual([403, 'access_denied']);
    expect(unknown.body.error_description).toContain('not authorized to access "https://unknown.example/"');
    const none = await direct({ fields: { ...secret, audience: '' } });
    expect([none.status, none.body.error]).toEqual([403, 'access_denied']);
  });

  it('takes any string as an audience and narrows the scope on request', async () => {
    grants.set(`${CLIENT} ${ANY_NAME}`, ['read:a', 'write:a']);
    const { body } = await direct({ fields: { ...secret, audience: ANY_NAME, scope: 'read:a' } });
    expect(claims(body.access_token)).toMatchObject({ aud: ANY_NAME, scope: 'read:a' });
    const more = await direct({ fields: { ...secret, scope: 'read:a delete:a' } });
    expect([more.status, more.body.error]).toEqual([403, 'access_denied']);
    grants.set(`${CLIENT} ${ANY_NAME}`, []);
    const bare = await direct({ fields: { ...secret, audience: ANY_NAME } });
    expect([bare.status, claims(bare.body.access_token).scope]).toEqual([200, undefined]);
  });

  it('knows no other grant, and no broken JSON', async () => {
    const password = await direct({ fields: { ...secret, grant_type: 'password' } });
    expect([password.status, password.body.error]).toEqual([400, 'unsupported_grant_type']);
    const broken = await request(`${tenant.url}/oauth/token`, {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
      dispatcher: new Agent({ connect: { ca: authority.pem } }),
    });
    expect(broken.statusCode).toBe(400);
    await broken.body.dump();
  });
});

describe('a grant that needs more than a client', () => {
  const CODE = { grant_type: 'authorization_code', code: 'x', redirect_uri: 'https://localhost/' };
  const REFRESH = { grant_type: 'refresh_token', refresh_token: 'x' };
  const INVALID_CODE = [403, 'invalid_grant', 'Invalid authorization code'];
  const INVALID_TOKEN = [403, 'invalid_grant', 'Unknown or invalid refresh token.'];
  const NOBODY = [401, 'access_denied', 'Unauthorized'];
  const notAllowed = (grant: string) => [
    ...[403, 'unauthorized_client', `Grant type '${grant}' not allowed for the client.`],
  ];

  it.each<[boolean, string[], string, Record<string, string>, unknown[]]>([
    [false, ['authorization_code'], 's3cret', CODE, INVALID_CODE],
    [false, ['authorization_code'], 'wrong', CODE, NOBODY],
    [false, ['authorization_code', 'refresh_token'], 's3cret', REFRESH, INVALID_TOKEN],
    [false, ['authorization_code', 'refresh_token'], 'wrong', REFRESH, NOBODY],
    [false, ['client_credentials'], 's3cret', CODE, notAllowed('authorization_code')],
    [false, ['client_credentials'], 'wrong', CODE, NOBODY],
    [true, ['authorization_code'], 's3cret', CODE, INVALID_CODE],
    [true, ['authorization_code'], 'wrong', CODE, INVALID_CODE],
    [true, ['authorization_code', 'refresh_token'], 'wrong', REFRESH, INVALID_TOKEN],
    [true, ['client_credentials'], 'wrong', CODE, notAllowed('authorization_code')],
    [true, ['client_credentials'], 'wrong', {}, NOBODY],
  ])('first the grant: %s; %j with %s', async (checksGrantFirst, grantTypes, secret, fields, expected) => {
    const { served } = await origin({ checksGrantFirst });
    set({ secret: 's3cret', grantTypes });
    const url = `${served.url}/oauth/token`;
    const { body, status } = await call({ url, fields: { client_secret: secret, ...fields } });
    expect([status, body.error, body.error_description]).toEqual(expected);
    const letter = { authorization_code: 'feacft', refresh_token: 'fertft' }[fields.grant_type ?? ''];
    if (!checksGrantFirst) expect(logs.at(-1)?.type).toBe(letter);
  });

  it('is nothing to a client that is not there', async () => {
    const { served } = await origin({ checksGrantFirst: true });
    expect(await call({ url: `${served.url}/oauth/token`, fields: CODE })).toEqual(REFUSED);
  });
});

it('takes no body beyond 64 KB', async () => {
  set({ secret: 's3cret' });
  const send = async (length: number) => {
    const fields = { client_secret: 's3cret', more: 'x'.repeat(length) };
    const { body, status } = await direct({ fields });
    return [status, body.error_description];
  };
  expect(await send(50_000)).toEqual([200, undefined]);
  expect(await send(66_000)).toEqual([400, 'The body is too large.']);
});

describe('verifyAccessToken', () => {
  async function token(): Promise<string> {
    set({ secret: 's3cret' });
    const audience = `${tenant.url}/api/v2/`;
    return (await direct({ fields: { client_secret: 's3cret', audience } })).body.access_token;
  }

  it('reads a good token and knows an expired one', async () => {
    const good = await token();
    expect(server.verifyAccessToken(good)).toEqual({ clientId: CLIENT, scopes: ['read:clients'] });
    expect(server.verifyAccessToken(good, Date.now() + 86_390_000)).toMatchObject({ clientId: CLIENT });
    expect(server.verifyAccessToken(good, Date.now() + 86_401_000)).toBe('expired');
  });

  it('refuses what it did not sign, what was changed and what is for another API', async () => {
    const [header, payload, signature] = (await token()).split('.');
    const changed = Buffer.from(
      JSON.stringify({ ...claims(`.${payload}`), scope: 'delete:clients' }),
    ).toString('base64url');
    expect(server.verifyAccessToken(`${header}.${changed}.${signature}`)).toBeUndefined();
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(server.verifyAccessToken(`${unsigned}.${payload}.`)).toBeUndefined();
    expect(server.verifyAccessToken('nonsense')).toBeUndefined();
    expect(server.verifyAccessToken('')).toBeUndefined();
    const other = (await direct({ fields: { client_secret: 's3cret' } })).body.access_token;
    expect(server.verifyAccessToken(other)).toBeUndefined();
    expect((await origin()).server.verifyAccessToken(await token())).toBeUndefined();
  });
});

describe('the edge', () => {
  it('refuses with pages of its own: other paths, and certificates that are not on its list', async () => {
    selfSigned(first, second);
    const pinned = new Set([thumbprint(first)]);
    const strict = await edgeOf({ pinnedThumbprints: pinned });
    const url = strict.tokenEndpoint;
    expect(await call({ url: `${strict.url}/api/v2/clients`, certificate: first })).toMatchObject({
      status: 404,
      body: expect.stringContaining('customer edge'),
    });
    expect((await call({ url, certificate: first })).status).toBe(200);
    expect(await call({ url, certificate: second })).toMatchObject({
      status: 403,
      body: expect.stringContaining('<!DOCTYPE html>'),
    });
    expect((await call({ url })).status).toBe(403);
    pinned.add(thumbprint(second));
    expect((await call({ url, certificate: second })).status).toBe(200);
  });

  it('says of a certificate what its own CA has said, and lets nobody say it', async () => {
    const issued = clientCa.clientCertificate({ CN: 'batch' });
    const seen: Record<string, unknown>[] = [];
    const upstream = await serve(
      async (req, res) => {
        seen.push({ ...req.headers });
        res.end();
      },
      { tls: authority.serverCertificate() },
    );
    open.push(upstream);
    const verdict = async (options: Partial<EdgeOptions>, certificate?: KeyAndCertificate) => {
      const { tokenEndpoint: url } = await edgeOf({ upstream: upstream.url, ...options });
      await call({ url, headers: asHeaders(first, 'guessed'), ...(certificate && { certificate }) });
      const headers = seen.at(-1) ?? {};
      expect(headers['cname-api-key']).toBe(EDGE_SECRET);
      expect(headers['client-certificate'] === undefined).toBe(certificate === undefined);
      return headers['client-certificate-ca-verified'];
    };
    const ca = { clientCa: clientCa.pem };
    expect([await verdict(ca, issued), await verdict(ca, first), await verdict({}, issued)]).toEqual([
      'SUCCESS',
      'FAILED',
      'FAILED',
    ]);
    expect(await verdict(ca)).toBeUndefined();
    await expect(verdict({ ...ca, verifiesClients: true }, first)).rejects.toThrow();
    expect(await verdict({ ...ca, verifiesClients: true }, issued)).toBe('SUCCESS');
  });

  it('negative control: a broken one lets everybody in', async () => {
    selfSigned(first);
    const broken = await edgeOf({ openToAll: first.cert });
    const { status, body } = await call({ url: broken.tokenEndpoint, certificate: stranger });
    expect(status).toBe(200);
    expect(claims(body.access_token).cnf).toEqual({ 'x5t#S256': thumbprint(first) });
  });

  it('says so when its upstream is gone', async () => {
    const lost = await edgeOf({ upstream: 'https://localhost:1' });
    expect((await call({ url: lost.tokenEndpoint, certificate: first })).status).toBe(502);
  });
});

describe('what the server says about itself', () => {
  it('publishes its endpoints and methods', async () => {
    const dispatcher = new Agent({ connect: { ca: authority.pem } });
    const answer = await request(`${tenant.url}/.well-known/openid-configuration`, { dispatcher });
    const body = (await answer.body.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      issuer: `${tenant.url}/`,
      token_endpoint: `${tenant.url}/oauth/token`,
      mtls_endpoint_aliases: { token_endpoint: edge.tokenEndpoint },
      tls_client_certificate_bound_access_tokens: true,
      token_endpoint_auth_methods_supported: expect.arrayContaining([
        'self_signed_tls_client_auth',
        'tls_client_auth',
        'private_key_jwt',
      ]),
      grant_types_supported: expect.arrayContaining([
        'authorization_code',
        'client_credentials',
        'refresh_token',
      ]),
    });
    await dispatcher.close();
  });

  it.each([
    [true, true],
    [false, true],
    [true, false],
  ])('names pushed requests (%s) and the edge (%s)', async (pushedRequests, hasEdge) => {
    const { served } = await origin({
      pushedRequests,
      ...(hasEdge ? {} : { mtlsTokenEndpoint: () => undefined }),
    });
    const dispatcher = new Agent({ connect: { ca: authority.pem } });
    const answer = await request(`${served.url}/.well-known/openid-configuration`, { dispatcher });
    const body = (await answer.body.json()) as Record<string, unknown>;
    const name = 'pushed_authorization_request_endpoint';
    expect(name in body).toBe(pushedRequests);
    const alias = { ...(pushedRequests ? { [name]: `${edge.url}/oauth/par` } : {}) };
    expect(body.mtls_endpoint_aliases).toEqual(
      hasEdge ? { token_endpoint: edge.tokenEndpoint, ...alias } : undefined,
    );
    await dispatcher.close();
  });

  it('counts what it granted and refused', async () => {
    const fresh = await origin();
    const url = `${fresh.served.url}/oauth/token`;
    selfSigned(first);
    await call({ url, headers: asHeaders(first) });
    await call({ url, headers: asHeaders(stranger) });
    clients.clear();
    await call({ url, headers: asHeaders(first) });
    const { granted, refused, recent } = fresh.server.statistics;
    expect(granted.self_signed_tls_client_auth).toBe(1);
    expect([refused.self_signed_tls_client_auth, refused.unknown]).toEqual([1, 1]);
    expect(recent.map((event) => [event.outcome, event.thumbprint, event.clientId])).toEqual([
      ['granted', thumbprint(first), CLIENT],
      ['refused', thumbprint(stranger), CLIENT],
      ['refused', thumbprint(first), CLIENT],
    ]);
  });

  it('oidc-provider has warned of nothing', () => {
    const all = [...warn.mock.calls, ...info.mock.calls].flat().map(String);
    expect(all.filter((line) => line.includes('oidc-provider'))).toEqual([]);
  });
});
