import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { ManagementClient } from 'auth0';
import { Agent, fetch as undiciFetch } from 'undici';
import { beforeEach, describe, expect, test } from 'vitest';
import { issueCertificate } from '../../src/certificate/issue.ts';
import { seededRandom } from './emulator.ts';
import { serve } from './serve.ts';
import { type CredentialSeed, Tenant, type TenantOptions } from './tenant.ts';
import { createAuthority, selfSignedCertificate } from './tls.ts';

const CERTIFICATES = ['one', 'two', 'three'].map((name) => selfSignedCertificate(name).cert);
const [ONE = '', TWO = '', THREE = ''] = CERTIFICATES;
const PUBLIC_KEY = new X509Certificate(THREE).publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** Made once with openssl; valid to 2126. */
const EC_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUBDGiLRP8F6B8ALbLdvD9a+q3erowCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwIBcNMjYxMTI0MjExODA4WhgPMjEyNjEwMzEyMTE4MDha
MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPgeQKsyS
hnof0+oVCnTAG5t062TpkO+g0ZVrkcYMC/0VEzbAyjvMtURRieKO7j8x5w9IrHwg
ObtJmZC/wNtW8aNTMFEwHQYDVR0OBBYEFLEwVg3tgPFFQuYQNA3RBOE4FPO5MB8G
A1UdIwQYMBaAFLEwVg3tgPFFQuYQNA3RBOE4FPO5MA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhAJNOv5a0f/Q2I7Kq7Upz+RoJR3yEGUhgvtmjbEQ5
tiUgAiAlcm2ANk+1SxT0BTEudtLH18+jvHi699RTz8y6eoCi8g==
-----END CERTIFICATE-----`;

/** What a rotation needs. docs/facts.md#auth0-scopes. */
const ROTATION = [
  ...['read:clients', 'update:clients', 'read:client_credentials', 'create:client_credentials'],
  ...['update:client_credentials', 'delete:client_credentials'],
];
const MORE = [
  'create:clients',
  'delete:clients',
  'read:tenant_settings',
  'update:tenant_settings',
  'read:logs',
];

let now: number;
let tenant: Tenant;
let clientId: string;

function newTenant(options: Partial<TenantOptions> = {}): Tenant {
  return new Tenant({
    now: () => now,
    random: seededRandom(7),
    domain: 'tenant.auth0.test',
    authorize: (token) => {
      if (token === 'expired') return 'expired';
      if (token === 'unknown') return undefined;
      return { clientId: 'caller', scopes: token === 'all' ? [...ROTATION, ...MORE] : token.split(' ') };
    },
    ...options,
  });
}

function call(method: string, path: string, body?: unknown, token = 'all') {
  const {
    status,
    headers,
    body: text,
  } = tenant.handle({
    method,
    path: `/api/v2${path}`,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? '' : JSON.stringify(body),
  });
  return { status, headers, body: text === '' ? undefined : JSON.parse(text) };
}

const credentialsPath = () => `/clients/${clientId}/credentials`;
const upload = (pem: string, more: object = {}) =>
  call('POST', credentialsPath(), { credential_type: 'x509_cert', pem, ...more });
const associate = (...ids: string[]) =>
  call('PATCH', `/clients/${clientId}`, {
    client_authentication_methods: {
      self_signed_tls_client_auth: { credentials: ids.map((id) => ({ id })) },
    },
    token_endpoint_auth_method: null,
  });
const seed = (pem: string, more: Partial<CredentialSeed> = {}) =>
  tenant.seedCredential(clientId, { pem, credential_type: 'x509_cert', associate: true, ...more });
const list = () => call('GET', credentialsPath()).body;
const refusal = (message: unknown, errorCode?: string) => ({
  status: 400,
  body: { statusCode: 400, error: 'Bad Request', message, ...(errorCode ? { errorCode } : {}) },
});
const invalidBody = (text: string) => refusal(`Payload validation error: ${text}.`, 'invalid_body');

beforeEach(() => {
  now = Date.now();
  tenant = newTenant();
  ({ client_id: clientId } = tenant.createClient({ token_endpoint_auth_method: 'client_secret_post' }));
});

describe('POST credentials', () => {
  test('x509_cert: the recorded keys, never the pem', () => {
    const { status, body } = upload(ONE, { name: 'one' });
    const certificate = new X509Certificate(ONE);
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^cred_[0-9A-Za-z]{22}$/),
      credential_type: 'x509_cert',
      name: 'one',
      thumbprint_sha256: Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString(
        'base64url',
      ),
      created_at: new Date(now).toISOString(),
      updated_at: new Date(now).toISOString(),
      expires_at: certificate.validToDate.toISOString(),
    });
    expect(call('GET', `${credentialsPath()}/${body.id}`).body).toEqual(body);
    expect(list()).toEqual([body]);
  });

  test('the pool has a cap, whatever is associated', () => {
    upload(ONE);
    upload(TWO);
    expect(upload(THREE)).toMatchObject(refusal('A client can have a maximum of 2 credentials.'));
    expect(list()).toHaveLength(2);
  });

  test('the cap is an entitlement', () => {
    tenant = newTenant({ poolCap: 4 });
    ({ client_id: clientId } = tenant.createClient());
    const pems = [...CERTIFICATES, selfSignedCertificate('four').cert, selfSignedCertificate('five').cert];
    expect(pems.map((pem) => upload(pem).status)).toEqual([201, 201, 201, 201, 400]);
  });

  test('the same key is refused until its credential is deleted, also under another name', () => {
    const { body } = upload(ONE, { name: 'a' });
    const message = 'credentials contains public keys that already exist in client';
    expect(upload(ONE, { name: 'b' })).toMatchObject(refusal(message));
    call('DELETE', `${credentialsPath()}/${body.id}`);
    expect(upload(ONE, { name: 'b' }).status).toBe(201);
  });

  test('the same key is refused in another certificate and as another type, too', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const certified = (subject: string) => issueCertificate(privateKey, { subject, validityDays: 9 }, now);
    const [first, renewed] = [await certified('CN=first'), await certified('CN=renewed')];
    expect(upload(first.certificate).status).toBe(201);
    const refused = refusal('credentials contains public keys that already exist in client');
    expect(upload(renewed.certificate)).toMatchObject(refused);
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(upload(pem, { credential_type: 'public_key' })).toMatchObject(refused);
    expect(list()).toHaveLength(1);
  });

  test.each([
    ['an unknown field', { colour: 'red' }, "'Additional properties not allowed: colour'"],
    [
      'a long name',
      { name: 'n'.repeat(129) },
      "'String is too long (129 chars), maximum 128' on property name",
    ],
    ['an unknown type', { credential_type: 'pgp' }, "'No enum match for: pgp' on property credential_type"],
    ['a name that is no text', { name: 5 }, "'Expected type string but found type number' on property name"],
  ])('refuses %s', (_, field, text) => {
    expect(upload(ONE, field)).toMatchObject(invalidBody(text));
  });

  test('a name of 128 characters is accepted', () => {
    expect(upload(ONE, { name: 'n'.repeat(128) }).status).toBe(201);
  });

  test('a type is required, and a body', () => {
    const text = "'Missing required property: credential_type'";
    expect(call('POST', credentialsPath(), {})).toMatchObject(invalidBody(text));
    expect(call('POST', credentialsPath()).status).toBe(400);
  });

  test.each([
    ['a malformed pem', 'nonsense'],
    ['an EC certificate', EC_CERTIFICATE],
  ])('refuses %s', (_, pem) => {
    expect(upload(pem)).toMatchObject(refusal('The pem of the credential is invalid'));
  });

  test('refuses an expired certificate and fields of other types', () => {
    expect(upload(ONE, { kid: 'a'.repeat(10) })).toMatchObject(refusal(expect.stringContaining('kid')));
    now += 400 * 86_400_000;
    expect(upload(ONE)).toMatchObject(refusal('The certificate has expired'));
  });

  test('public_key: RFC 7638 kid, RS256, expiry only when asked for; no private key, 2048 bits at least', () => {
    const post = (body: object) =>
      call('POST', credentialsPath(), { credential_type: 'public_key', ...body });
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
      type: 'spki',
      format: 'pem',
    });
    const secret = selfSignedCertificate('secret').key;
    expect(post({ pem: short.toString() }).status).toBe(400);
    expect(post({ pem: secret }).status).toBe(400);
    const { body } = post({ pem: PUBLIC_KEY });
    expect(Object.keys(body).toSorted()).toEqual([
      'alg',
      'created_at',
      'credential_type',
      'id',
      'kid',
      'updated_at',
    ]);
    expect(body).toMatchObject({ kid: expect.stringMatching(/^[\w-]{43}$/), alg: 'RS256' });
    expect(post({ pem: ONE, parse_expiry_from_cert: true }).body).toHaveProperty('expires_at');
  });

  test('cert_subject_dn: the parts of the subject, from a pem or as given, but not both', () => {
    const post = (body: object) =>
      call('POST', credentialsPath(), { credential_type: 'cert_subject_dn', ...body });
    expect(post({ pem: ONE }).body).toMatchObject({ subject_dn: 'CN=one' });
    expect(post({ subject_dn: 'C=es\nCN=two' }).body).toMatchObject({ subject_dn: 'C=es\nCN=two' });
    expect(post({ pem: TWO, subject_dn: 'CN=two' }).status).toBe(400);
  });
});

describe('PATCH and DELETE of a credential', () => {
  test('only expires_at of a public_key can change', () => {
    const id = seed(PUBLIC_KEY, { credential_type: 'public_key' });
    const path = `${credentialsPath()}/${id}`;
    const { status, body } = call('PATCH', path, { expires_at: '2096-05-13T11:33:13+02:00' });
    expect([status, body.expires_at]).toEqual([200, '2096-05-13T09:33:13.000Z']);
    expect(call('PATCH', path, { expires_at: null }).body).not.toHaveProperty('expires_at');
    expect(call('PATCH', path, {})).toMatchObject(invalidBody("'Too few properties defined (0), minimum 1'"));
    expect(call('PATCH', path, { name: 'x' }).status).toBe(400);
    expect(call('PATCH', `${credentialsPath()}/${seed(ONE)}`, { expires_at: null }).status).toBe(400);
  });

  test('refuses to delete what is associated, without an errorCode', () => {
    const id = seed(ONE);
    const refused = call('DELETE', `${credentialsPath()}/${id}`);
    expect(refused).toMatchObject(refusal('Cannot delete credential still associated with a client'));
    expect(refused.body).not.toHaveProperty('errorCode');
    associate();
    expect(call('DELETE', `${credentialsPath()}/${id}`).status).toBe(204);
    expect(call('DELETE', `${credentialsPath()}/${id}`).status).toBe(204);
    expect(call('GET', `${credentialsPath()}/${id}`).status).toBe(404);
  });

  test('what signed_request_object and token_vault_privileged_access hold is associated too', () => {
    const token = `${ROTATION.join(' ')} update:client_token_vault_privileged_access`;
    for (const slot of ['signed_request_object', 'token_vault_privileged_access']) {
      const id = seed(PUBLIC_KEY, { credential_type: 'public_key', associate: false });
      expect(call('PATCH', `/clients/${clientId}`, { [slot]: { credentials: [{ id }] } }, token).status).toBe(
        200,
      );
      expect(call('DELETE', `${credentialsPath()}/${id}`).status).toBe(400);
      expect(tenant.authenticationOf(clientId)?.publicKeys).toEqual([]);
    }
  });

  test('a malformed id in the path', () => {
    const text = "'Object didn't pass validation for format credential-id: nope' on property credential_id.";
    const refused = refusal(`Path validation error: ${text}`, 'invalid_uri');
    expect(call('GET', `${credentialsPath()}/nope`)).toMatchObject(refused);
    expect(call('DELETE', `${credentialsPath()}/nope`)).toMatchObject(refused);
  });
});

describe('PATCH client', () => {
  test('replaces the whole list and shows ids only', () => {
    const ids = [upload(ONE).body.id, upload(TWO).body.id];
    const { status, body } = associate(...ids);
    const methods = { self_signed_tls_client_auth: { credentials: ids.map((id) => ({ id })) } };
    expect(status).toBe(200);
    expect(body.client_authentication_methods).toEqual(methods);
    expect(body).not.toHaveProperty('token_endpoint_auth_method');
    expect(body).not.toHaveProperty('client_secret');
    expect(
      associate(ids[1]).body.client_authentication_methods.self_signed_tls_client_auth.credentials,
    ).toEqual([{ id: ids[1] }]);
    expect(associate().status).toBe(200);
    expect(tenant.authenticationOf(clientId)).toMatchObject({
      method: 'self_signed_tls_client_auth',
      certificates: [],
    });
  });

  test('a slot holds two', () => {
    const ids = CERTIFICATES.map((pem) => seed(pem, { associate: false }));
    const property = 'client_authentication_methods.self_signed_tls_client_auth.credentials';
    expect(associate(...ids)).toMatchObject(
      invalidBody(`'Array is too long (3), maximum 2' on property ${property}`),
    );
    expect(associate(ids[0] ?? '', ids[0] ?? '').status).toBe(400);
  });

  test('refuses unknown, malformed and misplaced ids', () => {
    const { id } = upload(ONE).body;
    expect(associate(id, `cred_${'0'.repeat(22)}`)).toMatchObject(
      refusal(expect.stringMatching(/^One or more of the credentials .*do not exist$/)),
    );
    expect(associate('nope').body.message).toContain('credential-id: nope');
    expect(associate(seed(PUBLIC_KEY, { credential_type: 'public_key', associate: false })).status).toBe(400);
    expect(tenant.reveal(clientId).client).not.toHaveProperty('client_authentication_methods');
  });

  test('one method at a time, and never none', () => {
    const patch = (body: object) => call('PATCH', `/clients/${clientId}`, body).status;
    const { id } = upload(ONE).body;
    const methods = { self_signed_tls_client_auth: { credentials: [{ id }] } };
    expect(patch({ client_authentication_methods: methods })).toBe(400);
    expect(
      patch({ client_authentication_methods: { ...methods, private_key_jwt: { credentials: [] } } }),
    ).toBe(400);
    expect(patch({ client_authentication_methods: {} })).toBe(400);
    expect(associate(id).status).toBe(200);
    expect(patch({ client_authentication_methods: methods })).toBe(200);
    expect(patch({ token_endpoint_auth_method: 'client_secret_post' })).toBe(400);
    expect(patch({ client_authentication_methods: null })).toBe(400);
    expect(patch({ client_authentication_methods: null, token_endpoint_auth_method: null })).toBe(400);
    const secret = { client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_basic' };
    expect(patch(secret)).toBe(200);
    expect(tenant.authenticationOf(clientId)).toMatchObject({
      method: 'client_secret_basic',
      certificates: [],
    });
    expect(list()).toHaveLength(1);
  });

  test('needs RS256, a first-party client, and known fields', () => {
    const { id } = upload(ONE).body;
    const patch = (body: object) => call('PATCH', `/clients/${clientId}`, body);
    patch({ jwt_configuration: { alg: 'HS256' } });
    expect(associate(id).status).toBe(400);
    patch({ jwt_configuration: { alg: 'RS256' }, is_first_party: false });
    expect(associate(id).status).toBe(400);
    patch({ is_first_party: true });
    expect(associate(id).status).toBe(200);
    expect(patch({ tls_client_certificate_bound_access_tokens: true })).toMatchObject(
      invalidBody("'Additional properties not allowed: tls_client_certificate_bound_access_tokens'"),
    );
    expect(patch({ require_proof_of_possession: true }).status).toBe(200);
    expect(tenant.authenticationOf(clientId)?.requireProofOfPossession).toBe(true);
  });

  test('client_metadata is merged, null removes, ten at most', () => {
    const patch = (client_metadata: object) => call('PATCH', `/clients/${clientId}`, { client_metadata });
    patch({ a: '1', b: '2' });
    expect(patch({ a: null, c: '3' }).body.client_metadata).toEqual({ b: '2', c: '3' });
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`n${index}`, 'x']));
    expect(patch(nine).status).toBe(400);
    expect(patch({ long: 'x'.repeat(256) }).status).toBe(400);
  });
});

describe('clients', () => {
  test('inline credentials show in full once, and count against the cap', () => {
    const credential = (pem: string) => ({ credential_type: 'x509_cert', pem });
    const body = (...pems: string[]) => ({
      name: 'inline',
      jwt_configuration: { alg: 'RS256' },
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: pems.map(credential) } },
    });
    const created = call('POST', '/clients', body(ONE, TWO));
    const { credentials } = created.body.client_authentication_methods.self_signed_tls_client_auth;
    expect(created.status).toBe(201);
    expect(credentials[0].expires_at).toMatch(/:\d\dZ$/);
    const shown = call('GET', `/clients/${created.body.client_id}`).body.client_authentication_methods;
    expect(Object.keys(shown.self_signed_tls_client_auth.credentials[0])).toEqual(['id']);
    expect(call('POST', '/clients', body(...CERTIFICATES)).status).toBe(400);
    expect(call('POST', '/clients', { ...body(ONE), token_endpoint_auth_method: 'none' }).status).toBe(400);
    expect(call('POST', '/clients', body(ONE), 'create:clients').status).toBe(403);
  });

  test('list, fields and paging', () => {
    tenant.createClient({ name: 'second' });
    expect(call('GET', '/clients?fields=name&include_fields=true').body).toEqual([
      { name: 'Application' },
      { name: 'second' },
    ]);
    const page = call('GET', '/clients?include_totals=true&per_page=1&page=1').body;
    expect(page).toMatchObject({ start: 1, limit: 1, total: 2, clients: [{ name: 'second' }] });
    expect(call('GET', '/clients?per_page=101').status).toBe(400);
    expect(call('GET', `/clients/${clientId}?fields=name&include_fields=false`).body).not.toHaveProperty(
      'name',
    );
  });

  test('unknown and deleted clients', () => {
    const unknown = { statusCode: 404, message: 'The client does not exist', errorCode: 'inexistent_client' };
    expect(call('DELETE', `/clients/${clientId}`).status).toBe(204);
    expect(call('DELETE', `/clients/${clientId}`).status).toBe(204);
    expect(call('GET', `/clients/${clientId}`)).toMatchObject({ status: 404, body: unknown });
    expect(upload(ONE)).toMatchObject({ status: 404, body: unknown });
    expect(tenant.authenticationOf(clientId)).toBeUndefined();
  });
});

describe('authorization', () => {
  test('bad tokens', () => {
    const statusAndMessage = (token: string) => {
      const { status, body } = call('GET', '/clients', undefined, token);
      return [status, body.message];
    };
    expect(statusAndMessage('unknown')).toEqual([401, 'Invalid token.']);
    expect(statusAndMessage('expired')).toEqual([
      401,
      'Expired token received for JSON Web Token validation',
    ]);
  });

  test.each([
    ['GET', '/clients/x/credentials', 'read:client_credentials'],
    ['POST', '/clients/x/credentials', 'create:client_credentials'],
    ['PATCH', '/clients/x/credentials/y', 'update:client_credentials'],
    ['DELETE', '/clients/x/credentials/y', 'delete:client_credentials'],
    ['GET', '/clients/x', 'read:clients,read:client_keys,read:client_credentials,read:client_summary'],
    ['DELETE', '/clients/x', 'delete:clients'],
    ['GET', '/tenants/settings', 'read:tenant_settings'],
    ['GET', '/logs', 'read:logs,read:logs_users'],
  ])('%s %s without its scope', (method, path, scopes) => {
    const message = `Insufficient scope, expected any of: ${scopes}`;
    expect(call(method, path, {}, 'other')).toMatchObject({
      status: 403,
      body: { statusCode: 403, error: 'Forbidden', message, errorCode: 'insufficient_scope' },
    });
  });

  test('what a GET shows depends on the scopes', () => {
    seed(ONE);
    const fields = (token: string) => Object.keys(call('GET', `/clients/${clientId}`, undefined, token).body);
    expect(fields('read:clients')).not.toContain('client_authentication_methods');
    expect(fields('read:client_credentials')).toContain('client_authentication_methods');
    expect(fields('read:client_credentials')).not.toContain('jwt_configuration');
    const { client_id: other } = tenant.createClient({ token_endpoint_auth_method: 'client_secret_post' });
    expect(call('GET', `/clients/${other}`, undefined, 'read:clients').body).not.toHaveProperty(
      'client_secret',
    );
    expect(call('GET', `/clients/${other}`, undefined, 'read:client_keys').body).toHaveProperty(
      'client_secret',
    );
  });

  test('a PATCH needs the scopes of its fields', () => {
    const patch = (body: object, token: string) => call('PATCH', `/clients/${clientId}`, body, token).status;
    const methods = { client_authentication_methods: null, token_endpoint_auth_method: 'none' };
    expect(patch(methods, 'update:clients')).toBe(403);
    expect(patch(methods, 'update:client_credentials')).toBe(403);
    expect(patch(methods, 'update:client_credentials update:clients')).toBe(200);
    expect(patch({ client_secret: 'new' }, 'update:clients')).toBe(403);
  });

  test.each([
    ['client_authentication_methods', null, 'update:client_credentials'],
    ['signed_request_object', { required: false }, 'update:client_credentials'],
    ['token_vault_privileged_access', null, 'update:client_token_vault_privileged_access'],
    ['client_secret', 'new', 'update:client_keys'],
  ])('a PATCH of %s alone is told which scope it lacks', (field, value, scope) => {
    const token = 'update:clients';
    const patch = (more = '') => call('PATCH', `/clients/${clientId}`, { [field]: value }, `${token}${more}`);
    const message = `Insufficient scope, expected any of: ${scope}`;
    expect(patch()).toMatchObject({ status: 403, body: { message } });
    expect(patch(` ${scope}`).status).toBe(200);
  });
});

test('rate limit: headers on every answer; a refused call changes nothing', () => {
  tenant = newTenant({ rateLimit: { burst: 2, perSecond: 2 } });
  ({ client_id: clientId } = tenant.createClient());
  expect(upload(ONE).headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' });
  expect(call('GET', '/nothing').headers['x-ratelimit-remaining']).toBe('0');
  const refused = upload(TWO);
  expect(refused.status).toBe(429);
  expect(refused.body).toEqual({
    statusCode: 429,
    error: 'Too Many Requests',
    message: 'Global limit has been reached',
    errorCode: 'too_many_requests',
  });
  expect(Number(refused.headers['x-ratelimit-reset'])).toBe(Math.ceil((now + 1000) / 1000));
  now += 500;
  expect(list()).toHaveLength(1);
});

test('rate limit: who has long asked for nothing may ask for no more than the burst', () => {
  tenant = newTenant({ rateLimit: { burst: 2, perSecond: 2 } });
  now += 3_600_000;
  const asked = [1, 2, 3].map(() => call('GET', '/clients'));
  expect(asked.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(asked[0]?.headers['x-ratelimit-remaining']).toBe('1');
});

test('stale reads show a past state, never to a write, and agree in the end', () => {
  tenant = newTenant({ staleReadsMs: 1000 });
  ({ client_id: clientId } = tenant.createClient());
  now += 5000;
  const { id } = upload(ONE).body;
  now += 500;
  const lengths = new Set(Array.from({ length: 50 }, () => list().length));
  expect(lengths).toEqual(new Set([0, 1]));
  expect(associate(id).status).toBe(200);
  now += 1001;
  expect(Array.from({ length: 20 }, () => list().length)).toEqual(Array.from({ length: 20 }, () => 1));
});

test('the order of the credential list means nothing', () => {
  seed(ONE, { name: 'one' });
  seed(TWO, { name: 'two' });
  const orders = new Set(
    Array.from({ length: 30 }, () =>
      list()
        .map(({ name }: { name: string }) => name)
        .join(),
    ),
  );
  expect(orders).toEqual(new Set(['one,two', 'two,one']));
});

test('an expired credential is inoperable, still listed and counted', () => {
  seed(ONE);
  expect(tenant.authenticationOf(clientId)?.certificates).toEqual([ONE]);
  now += 400 * 86_400_000;
  expect(tenant.authenticationOf(clientId)?.certificates).toEqual([]);
  expect(tenant.reveal(clientId).credentials).toMatchObject([{ pem: ONE }]);
  expect(list()).toHaveLength(1);
});

test('reveal and createClient answer copies', () => {
  const { client } = tenant.reveal(clientId);
  client.name = 'changed';
  expect(tenant.reveal(clientId).client.name).toBe('Application');
});

test('grants by audience', () => {
  const { client_id } = tenant.createClient({ grants: { 'https://api': ['read'] } });
  expect(tenant.grant(client_id, 'https://api')).toEqual(['read']);
  expect(tenant.grant(client_id, 'https://other')).toBeUndefined();
});

test('tenant settings', () => {
  expect(call('GET', '/tenants/settings').body).toEqual({});
  const settings = { mtls: { enable_endpoint_aliases: true } };
  expect(call('PATCH', '/tenants/settings', settings)).toMatchObject({ status: 200, body: settings });
  expect(call('GET', '/tenants/settings').body).toEqual(settings);
});

test('logs: filter, order, pages', () => {
  const entry = { client_id: clientId, ip: '127.0.0.1', user_agent: 'test' };
  for (const type of ['seccft', 'feccft', 'seccft']) {
    now += 1;
    tenant.log({ ...entry, type, mtls_thumbprint_sha256: `at ${now}` });
  }
  const q = encodeURIComponent(`client_id:"${clientId}" AND type:"seccft"`);
  const found = call('GET', `/logs?q=${q}&sort=date:-1&per_page=1`).body;
  expect(found).toMatchObject([
    { type: 'seccft', mtls_thumbprint_sha256: `at ${now}`, log_id: expect.any(String) },
  ]);
  expect(call('GET', `/logs?q=${q}&include_totals=true`).body).toMatchObject({ total: 2, start: 0 });
  expect(call('GET', '/logs?q=client_id:"other"').body).toEqual([]);
});

test('logs: the documented part of the query syntax', () => {
  const dates = ['2026-11-01T00:00:00.500Z', '2026-11-02T00:00:00.000Z', '2026-11-03T12:00:00.000Z'];
  now = Date.parse('2026-11-04T00:00:00Z');
  for (const [index, date] of dates.entries()) {
    const entry = { client_id: clientId, ip: '127.0.0.1', user_agent: 'test', log_id: `${index}`, date };
    tenant.logs.push({ ...entry, type: ['seccft', 'seacft', 'ciba_exchange_succeeded'][index] ?? '' });
  }
  const search = (q: string) => {
    const { body, status } = call('GET', `/logs?sort=date:1&q=${encodeURIComponent(q)}`);
    return status === 200 ? (body as { log_id: string }[]).map(({ log_id }) => log_id).join('') : status;
  };
  expect([search(''), search('type:se*'), search('type:seccft OR type:ciba_*')]).toEqual(['012', '01', '02']);
  expect(search(`client_id:"${clientId}" AND (type:seacft OR type:w) AND date:[2026-11 TO *]`)).toBe('1');
  expect(search('date:[2026-11-01T00:00:00 TO 2026-11-02}')).toBe('0');
  expect(search('date:[2026-11-01T00:00:01 TO 2026-11-02T00:00:00]')).toBe('1');
  expect(search('date:{2026-11-02 TO *]')).toBe('2');
  expect(['mtls_thumbprint_sha256:"a"', 'type:seccft AND', 'type:a type:b', '(type:a'].map(search)).toEqual([
    400, 400, 400, 400,
  ]);
});

test('logs: late, kept for a time, and the first thousand of a search', () => {
  tenant = newTenant({ logDelayMs: 1_000, logRetentionMs: 60_000, plainUserAgents: true });
  const entry = { client_id: clientId, ip: '127.0.0.1', user_agent: 'curl/8', type: 'seccft' };
  tenant.log(entry);
  const list = (after: number) => {
    now += after;
    return call('GET', '/logs?per_page=100').body;
  };
  expect(list(999)).toEqual([]);
  expect(list(1)).toMatchObject([{ user_agent: 'curl/8' }]);
  expect(list(59_001)).toEqual([]);
  expect(call('GET', '/logs?per_page=100&page=9').status).toBe(200);
  expect(call('GET', '/logs?per_page=100&page=10').status).toBe(400);
});

test('requests that make no sense are answered, not thrown', () => {
  const headers = { authorization: 'Bearer all' };
  const statusOf = (method: string, path: string, body: string) =>
    tenant.handle({ method, path, headers, body }).status;
  expect(statusOf('POST', '/api/v2/clients', '{')).toBe(400);
  expect(statusOf('POST', '/api/v2/clients', '[]')).toBe(400);
  expect(statusOf('GET', '//', '')).toBe(404);
  expect(statusOf('GET', '/api/v2/clients/%', '')).toBe(404);
  expect(tenant.handle({ method: 'GET', path: '/api/v2/clients', headers: {}, body: '' }).status).toBe(401);
});

test('a replaced certificate parser', () => {
  tenant = newTenant({
    parseCertificate: (pem) => ({
      thumbprint: `t-${pem}`,
      notAfter: now + 1,
      subject: 'CN=x',
      publicKeyPem: pem,
    }),
  });
  ({ client_id: clientId } = tenant.createClient());
  expect(upload('fake').body).toMatchObject({ thumbprint_sha256: 't-fake' });
});

test('the official SDK works against it', async () => {
  const authority = createAuthority();
  const { key, cert } = authority.serverCertificate();
  await using served = await serve(tenant, { tls: { key, cert } });
  const dispatcher = new Agent({ connect: { ca: authority.pem } });
  const overTls = (url: unknown, init: object) => undiciFetch(String(url), { ...init, dispatcher });
  const auth0 = new ManagementClient({
    domain: served.host,
    token: 'all',
    fetch: overTls as unknown as typeof fetch,
  });

  const { client_id = '' } = await auth0.clients.create({ name: 'sdk', jwt_configuration: { alg: 'RS256' } });
  const pools = auth0.clients.credentials;
  const { id = '' } = await pools.create(client_id, { credential_type: 'x509_cert', pem: ONE, name: 'one' });
  expect(await pools.list(client_id)).toMatchObject([{ id, name: 'one' }]);
  await auth0.clients.update(client_id, {
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [{ id }] } },
    token_endpoint_auth_method: null,
  });
  expect(tenant.authenticationOf(client_id)?.certificates).toEqual([ONE]);
  await expect(pools.delete(client_id, id)).rejects.toMatchObject({ statusCode: 400 });
  await auth0.clients.update(client_id, {
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
  });
  await pools.delete(client_id, id);
  expect(await pools.list(client_id)).toEqual([]);
  const { data } = await auth0.clients.list({ per_page: 10 });
  expect(data.map(({ name }) => name)).toContain('sdk');
  await auth0.clients.delete(client_id);
  await expect(auth0.clients.get(client_id)).rejects.toMatchObject({ statusCode: 404 });
  await dispatcher.close();
});
