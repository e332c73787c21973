/** The rules of the emulated tenant at their edges: scopes, limits, and what a client may be. */

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from './emulator.ts';
import { Tenant, type TenantOptions } from './tenant.ts';
import { selfSignedCertificate } from './tls.ts';

const [ONE = '', TWO = ''] = ['one', 'two'].map((name) => selfSignedCertificate(name).cert);
const publicKeyOf = (pem: string) =>
  new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString();
/** Of 4104 bits: making one costs seconds. */
const LONG_KEY = `-----BEGIN PUBLIC KEY-----
MIICIzANBgkqhkiG9w0BAQEFAAOCAhAAMIICCwKCAgIAiFcfxW7+1JF4ibu10f3O
B5Biek92EZVyEQTF6oQJwNHGJLQUYO+JkYD7P7aZg8u/iKJbubxuo5wZ9H2/GtEe
CaSeD0iMqjDjfmWfGRUQrZxAvtKhw43/xinq4r07FXPXqKjZFPXYb+9BxjcEyTcp
i/coyt02UM7PZpVIjs/2wmTw5fw+59dCHVb+epsanTMllkYK1hEH0XecMsA7ZacC
Uw0hn5r5Ng5TSrp9n3/7WniR5iTK6wWBQ01EudOVnrkU6LxnwnkmImgLUREKhOeP
oFAFEVWMl0227S/NHeXT2kTLzwn4puTiv11m/ERBvuOcdKoHVAkLg30qni4P2MY4
3tHfQulJ2q4JvezzjdyB9GjR7R0tLmXEkdixJ5BiE18zC6c+K2SgItnL7sRz1ihT
9NikF2e97Qxa9GvdwAFEdl+FhNlQ0+TamRx9xYNLBVwXE631O/vonUQYTVh9GyNI
XN7owrkCPRuOCrwg+9tuxRUPXK3dX7X5Ai1J1c4GsGS5/Jocdq9EB2JIGnhQb228
8JSMHzz+aJfbGsTsQZha2OTBHB1wALdAggkPMpK1Ww9YhI5VTz7oCn6EK4ii9Wta
Guh/cuWz34+1dQyuyr4oWIBG3uy0rFbEkvt7GAXIMCfNANc0CIQlwAyUJWyZJ50d
vOpXVcT9WASC8KZqvxp5cRhZAgMBAAE=
-----END PUBLIC KEY-----`;
const METHOD = 'self_signed_tls_client_auth';
const SCOPES = [
  ...['read', 'update', 'create', 'delete'].flatMap((verb) => [
    `${verb}:clients`,
    `${verb}:client_credentials`,
  ]),
  ...['read:client_keys', 'update:client_keys', 'read:client_summary', 'read:logs', 'read:logs_users'],
  ...['read:tenant_settings', 'update:tenant_settings', 'update:client_token_vault_privileged_access'],
];
const RS256 = { jwt_configuration: { alg: 'RS256' } };

let now: number;
let tenant: Tenant;
let clientId: string;

function begin(options: Partial<TenantOptions> = {}): void {
  tenant = new Tenant({
    now: () => now,
    random: seededRandom(7),
    domain: 'tenant.auth0.test',
    authorize: (token) => ({ clientId: 'caller', scopes: token === 'all' ? SCOPES : token.split(' ') }),
    ...options,
  });
  ({ client_id: clientId } = tenant.createClient({ token_endpoint_auth_method: 'client_secret_post' }));
}

beforeEach(() => {
  now = Date.parse(new X509Certificate(ONE).validFrom) + 60_000;
  begin();
});

function call(method: string, path: string, body?: unknown, token = 'all') {
  const headers = { authorization: `Bearer ${token}` };
  const text = body === undefined ? '' : JSON.stringify(body);
  const { body: answer, status } = tenant.handle({ method, path: `/api/v2${path}`, headers, body: text });
  return { status, body: answer === '' ? undefined : JSON.parse(answer) };
}

const patch = (body: object, token?: string) => call('PATCH', `/clients/${clientId}`, body, token).status;
const post = (body: object) => call('POST', '/clients', { name: 'new', ...RS256, ...body }).status;
const upload = (body: object) => call('POST', `/clients/${clientId}/credentials`, body).status;
const methods = (method: string, ...ids: readonly string[]) => ({
  client_authentication_methods: { [method]: { credentials: ids.map((id) => ({ id })) } },
});
const key = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ type: 'spki', format: 'pem' });

describe('a token needs one scope of these', () => {
  const CLIENT = ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary'];
  test.each<[string, string, readonly string[]]>([
    ['GET', '/clients', CLIENT],
    ['POST', '/clients', ['create:clients']],
    ['GET', '/clients/c', CLIENT],
    ['DELETE', '/clients/c', ['delete:clients']],
    ['GET', '/clients/c/credentials', ['read:client_credentials']],
    ['POST', '/clients/c/credentials', ['create:client_credentials']],
    ['GET', '/clients/c/credentials/d', ['read:client_credentials']],
    ['PATCH', '/clients/c/credentials/d', ['update:client_credentials']],
    ['DELETE', '/clients/c/credentials/d', ['delete:client_credentials']],
    ['GET', '/tenants/settings', ['read:tenant_settings']],
    ['PATCH', '/tenants/settings', ['update:tenant_settings']],
    ['GET', '/logs', ['read:logs', 'read:logs_users']],
  ])('%s %s', (method, path, needed) => {
    const may = (scopes: readonly string[]) => call(method, path, {}, scopes.join(' ')).status !== 403;
    expect(SCOPES.filter((scope) => may([scope]))).toEqual(SCOPES.filter((one) => needed.includes(one)));
  });

  test.each<[object, readonly string[], boolean]>([
    [{ name: 'x' }, ['update:clients'], true],
    [{ name: 'x' }, ['update:client_keys'], true],
    [{ name: 'x' }, ['update:client_credentials'], false],
    [{ name: 'x' }, ['update:client_token_vault_privileged_access'], false],
    [{ client_secret: 's' }, ['update:clients'], false],
    [{ client_secret: 's' }, ['update:client_keys'], true],
    [{ signed_request_object: { required: true } }, ['update:clients'], false],
    [{ signed_request_object: { required: true } }, ['update:clients', 'update:client_credentials'], true],
    [{ token_vault_privileged_access: null }, ['update:clients'], false],
  ])('PATCH %j by %j: %s', (body, scopes, expected) => {
    expect(patch(body, scopes.join(' '))).toBe(expected ? 200 : 403);
  });

  test.each([
    ['client_secret', ['read:client_keys', 'read:client_credentials']],
    ['token_endpoint_auth_method', ['read:clients', 'read:client_keys']],
    ['client_metadata', ['read:clients', 'read:client_keys']],
    ['jwt_configuration', ['read:clients', 'read:client_keys']],
    ['name', ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary']],
  ])('to see %s', (field, needed) => {
    patch({ client_metadata: { team: 'x' } });
    const sees = (scope: string) => field in call('GET', `/clients/${clientId}`, undefined, scope).body;
    const reading = ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary'];
    expect(reading.filter(sees)).toEqual(needed);
  });

  test('and a token', () => {
    const statusOf = (authorization: string) =>
      tenant.handle({ method: 'GET', path: '/api/v2/clients', headers: { authorization }, body: '' }).status;
    expect(['Bearer all', 'bearer all', 'all', 'Basic all', 'Bearer '].map(statusOf)).toEqual([
      200, 200, 401, 401, 401,
    ]);
  });
});

describe('a client', () => {
  const credential = (pem: string, credential_type = 'x509_cert') => ({ credential_type, pem });
  const inline = (method: string, ...credentials: readonly object[]) => ({
    client_authentication_methods: { [method]: { credentials } },
  });
  const long = `${ONE}${'\n'.repeat(4_096)}`;

  test.each<[string, object, number]>([
    ['without a method', {}, 201],
    ['with a certificate', inline(METHOD, credential(ONE)), 201],
    ['with a certificate of 4096 characters', inline(METHOD, credential(ONE.padEnd(4_096, '\n'))), 201],
    ['with a longer one', inline(METHOD, credential(long)), 400],
    ['with a key as a certificate', inline(METHOD, credential(publicKeyOf(ONE), 'public_key')), 400],
    ['with two methods', { ...inline(METHOD, credential(ONE)), token_endpoint_auth_method: 'none' }, 400],
    ['with no method in its place', { client_authentication_methods: {} }, 400],
    [
      'with two in its place',
      {
        client_authentication_methods: {
          [METHOD]: { credentials: [] },
          private_key_jwt: { credentials: [] },
        },
      },
      400,
    ],
    ['signing by PS256', { ...inline(METHOD), jwt_configuration: { alg: 'PS256' } }, 201],
    ['signing by HS256', { ...inline(METHOD), jwt_configuration: { alg: 'HS256' } }, 400],
    ['signing by HS256, with a secret', { jwt_configuration: { alg: 'HS256' } }, 201],
    ["that is somebody else's, with a certificate", { ...inline(METHOD), is_first_party: false }, 400],
    ["that is somebody else's, with a key", { ...inline('private_key_jwt'), is_first_party: false }, 201],
    ['with what nobody knows', { colour: 'red' }, 400],
    ['of the newer binding', { require_proof_of_possession: true }, 201],
    ['of the older binding', { access_token: { tls_client_certificate_binding: true } }, 400],
  ])('is made %s', (_, body, expected) => {
    expect(post(body)).toBe(expected);
  });

  test('is not made with an expired certificate', () => {
    now += 400 * 86_400_000;
    expect(post(inline(METHOD, credential(ONE)))).toBe(400);
  });

  test.each<[string, object, number]>([
    ['its name', { name: 'x' }, 200],
    ['what nobody knows', { colour: 'red' }, 400],
    ['one method for another', { ...methods(METHOD), token_endpoint_auth_method: null }, 200],
    ['to two methods', methods(METHOD), 400],
    ['to no method', { token_endpoint_auth_method: null }, 400],
    [
      'to two methods of one kind',
      {
        client_authentication_methods: {
          [METHOD]: { credentials: [] },
          private_key_jwt: { credentials: [] },
        },
        token_endpoint_auth_method: null,
      },
      400,
    ],
    [
      'to no method of its kind',
      { client_authentication_methods: {}, token_endpoint_auth_method: null },
      400,
    ],
    [
      'the method and the algorithm',
      { ...methods(METHOD), token_endpoint_auth_method: null, jwt_configuration: { alg: 'PS256' } },
      400,
    ],
    ['the algorithm alone', { jwt_configuration: { alg: 'HS256' } }, 200],
    [
      "the method of somebody else's",
      { ...methods(METHOD), token_endpoint_auth_method: null, is_first_party: false },
      400,
    ],
    ['a binding that is no boolean', { require_proof_of_possession: 'yes' }, 400],
  ])('changes %s', (_, body, expected) => {
    expect(patch(body)).toBe(expected);
  });

  test('signs by what it likes once its certificates are set', () => {
    expect(patch({ ...methods(METHOD), token_endpoint_auth_method: null })).toBe(200);
    expect(patch({ jwt_configuration: { alg: 'PS256' } })).toBe(200);
  });

  test('keeps what a PATCH of an object leaves out', () => {
    patch({ jwt_configuration: { lifetime_in_seconds: 60 } });
    const id = tenant.seedCredential(clientId, {
      ...{ pem: publicKeyOf(ONE), credential_type: 'public_key', associate: false },
    });
    patch({ signed_request_object: { credentials: [{ id }] } });
    patch({ signed_request_object: { required: true } });
    const { jwt_configuration, signed_request_object } = tenant.reveal(clientId).client;
    expect(jwt_configuration).toMatchObject({ alg: 'RS256', lifetime_in_seconds: 60 });
    expect(signed_request_object).toEqual({ required: true, credentials: [{ id }] });
  });

  test.each<[string, () => Record<string, string>, number]>([
    ['ten entries', () => Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`n${at}`, 'x'])), 200],
    ['eleven', () => Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`n${at}`, 'x'])), 400],
    ['a name of 255 characters', () => ({ ['n'.repeat(255)]: 'x' }), 200],
    ['a longer name', () => ({ ['n'.repeat(256)]: 'x' }), 400],
    ['an odd name', () => ({ ä: 'x' }), 400],
    ['a text of 255 characters', () => ({ n: 'x'.repeat(255) }), 200],
    ['a longer text', () => ({ n: 'x'.repeat(256) }), 400],
  ])('has metadata of %s', (_, metadata, expected) => {
    expect(patch({ client_metadata: metadata() })).toBe(expected);
  });

  test('has ten entries of metadata, however they came', () => {
    const some = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`n${from + at}`, 'x']));
    expect(
      [some(0, 6), some(6, 4), some(10, 1)].map((client_metadata) => patch({ client_metadata })),
    ).toEqual([200, 200, 400]);
  });

  test('of a tenant that knows the older binding', () => {
    begin({ olderBinding: true });
    const bound = { access_token: { tls_client_certificate_binding: true } };
    expect(patch({ require_proof_of_possession: true })).toBe(400);
    expect(post({ require_proof_of_possession: true })).toBe(400);
    expect(patch({ access_token: { tls_client_certificate_binding: 'yes' } })).toBe(400);
    expect(tenant.authenticationOf(clientId)?.requireProofOfPossession).toBe(false);
    expect([patch(bound), post(bound)]).toEqual([200, 201]);
    expect(tenant.authenticationOf(clientId)?.requireProofOfPossession).toBe(true);
  });

  test('authenticates by its secret if nothing else is said', () => {
    const { client_id } = tenant.createClient();
    expect(tenant.authenticationOf(client_id)?.method).toBe('client_secret_post');
  });

  test.each([
    ['', 2],
    ['?is_global=false', 2],
    ['?is_global=true', 0],
  ])('is listed by %s', (query, expected) => {
    tenant.createClient();
    expect(call('GET', `/clients${query}`).body).toHaveLength(expected);
  });
});

describe('a credential', () => {
  const seed = (pem: string, credential_type: 'x509_cert' | 'public_key', associate = false) =>
    tenant.seedCredential(clientId, { pem, credential_type, associate });

  test.each<[string, () => object, number]>([
    ['a subject', () => ({ credential_type: 'cert_subject_dn', subject_dn: 'CN=x' }), 201],
    [
      'a subject and a certificate',
      () => ({ credential_type: 'cert_subject_dn', subject_dn: 'CN=x', pem: ONE }),
      400,
    ],
    ['neither', () => ({ credential_type: 'cert_subject_dn' }), 400],
    ['a key of 2048 bits', () => ({ credential_type: 'public_key', pem: key(2_048) }), 201],
    ['a shorter key', () => ({ credential_type: 'public_key', pem: key(2_040) }), 400],
    ['a longer key than 4096 bits', () => ({ credential_type: 'public_key', pem: LONG_KEY }), 400],
    [
      'a key that has expired',
      () => ({ credential_type: 'public_key', pem: key(2_048), expires_at: '2020-01-01T00:00:00Z' }),
      201,
    ],
    [
      "a certificate with a key's field",
      () => ({ credential_type: 'x509_cert', pem: ONE, alg: 'RS256' }),
      400,
    ],
  ])('is %s', (_, body, expected) => {
    expect(upload(body())).toBe(expected);
  });

  test('of a subject is there once', () => {
    const body = { credential_type: 'cert_subject_dn', subject_dn: 'CN=x' };
    expect([upload(body), upload(body), upload({ ...body, subject_dn: 'CN=y' })]).toEqual([201, 400, 201]);
  });

  test('has expired at its end, and not before', () => {
    seed(ONE, 'x509_cert', true);
    const { validTo } = new X509Certificate(ONE);
    now = Date.parse(validTo) - 1;
    expect(tenant.authenticationOf(clientId)?.certificates).toEqual([ONE]);
    now += 1;
    expect(tenant.authenticationOf(clientId)?.certificates).toEqual([]);
  });

  test('that is not associated opens nothing', () => {
    seed(ONE, 'x509_cert', true);
    seed(TWO, 'x509_cert');
    expect(tenant.authenticationOf(clientId)?.certificates).toEqual([ONE]);
  });

  test.each([
    ['signed_request_object', 'public_key', 200],
    ['signed_request_object', 'x509_cert', 400],
    ['token_vault_privileged_access', 'public_key', 200],
    ['token_vault_privileged_access', 'x509_cert', 400],
  ] as const)('of %s is a %s: %i', (slot, type, expected) => {
    const id = seed(type === 'x509_cert' ? ONE : publicKeyOf(ONE), type);
    expect(patch({ [slot]: { credentials: [{ id }] } })).toBe(expected);
    expect(call('DELETE', `/clients/${clientId}/credentials/${id}`).status).toBe(
      expected === 200 ? 400 : 204,
    );
  });

  test('is dated by a clock that may be ahead of the one that answers', () => {
    begin({ recordsAheadMs: 3_000 });
    const pem = publicKeyOf(ONE);
    const { body } = call('POST', `/clients/${clientId}/credentials`, { credential_type: 'public_key', pem });
    expect(Date.parse(body.created_at)).toBe(now + 3_000);
    now += 60_000;
    const changed = (expires_at: string | null) =>
      call('PATCH', `/clients/${clientId}/credentials/${body.id}`, { expires_at }).body.updated_at;
    expect(changed(null)).toBe(new Date(now).toISOString());
    now += 60_000;
    expect(changed('2096-01-01T00:00:00Z')).toBe(new Date(now).toISOString());
  });

  test.each(['nope', 'cred_1', `cred_${'0'.repeat(23)}`, `cred_${'-'.repeat(22)}`])(
    'is not called %s',
    (id) => {
      for (const method of ['GET', 'DELETE', 'PATCH'])
        expect(call(method, `/clients/${clientId}/credentials/${id}`, { expires_at: null }).status).toBe(400);
      expect(patch({ ...methods(METHOD, id), token_endpoint_auth_method: null })).toBe(400);
    },
  );
});

test('a rate limit gives one request back for each part of a second', () => {
  begin({ rateLimit: { burst: 2, perSecond: 2 } });
  const statusOf = () => call('GET', '/clients').status;
  expect([statusOf(), statusOf(), statusOf()]).toEqual([200, 200, 429]);
  now += 499;
  expect(statusOf()).toBe(429);
  now += 1;
  expect([statusOf(), statusOf()]).toEqual([200, 429]);
});

test('a list has fifty of a page, at most a hundred, and its first page is 0', () => {
  for (let index = 0; index < 120; index += 1) tenant.createClient({ name: `n${index}` });
  const listed = (query: string) => {
    const { body, status } = call('GET', `/clients?fields=name${query}`);
    return status === 200 ? `${body.length} ${body[0]?.name}` : status;
  };
  expect(
    [
      '',
      '&page=0',
      '&page=1',
      '&per_page=100',
      '&per_page=101',
      '&page=-1',
      '&page=1.5',
      '&page=x',
      '&page=',
    ].map(listed),
  ).toEqual(['50 Application', '50 Application', '50 n49', '100 Application', 400, 400, 400, 400, 400]);
});

test('writes and logs are as old as the read that shows them', () => {
  begin({ staleReadsMs: 1_000, random: () => 0.9 });
  now += 5_000;
  tenant.log({ type: 'seccft', client_id: clientId, ip: '', user_agent: '' });
  expect(upload({ credential_type: 'x509_cert', pem: ONE })).toBe(201);
  const seen = () => [
    call('GET', '/logs').body.length,
    call('GET', `/clients/${clientId}/credentials`).body.length,
  ];
  now += 800;
  expect(seen()).toEqual([0, 0]);
  expect(upload({ credential_type: 'x509_cert', pem: ONE })).toBe(400);
  now += 200;
  expect(seen()).toEqual([1, 1]);
});

test('logs are newest first, unless the oldest are asked for, and a name is the whole of it', () => {
  for (const type of ['seccft', 'seccftx']) {
    now += 1_000;
    tenant.log({ type, client_id: clientId, ip: '', user_agent: '' });
  }
  const types = (query: string) =>
    call('GET', `/logs${query}`).body.map(({ type }: { type: string }) => type);
  expect(types('')).toEqual(['seccftx', 'seccft']);
  expect(types('?sort=date:-1')).toEqual(['seccftx', 'seccft']);
  expect(types('?sort=date:1')).toEqual(['seccft', 'seccftx']);
  expect([types('?q=type:"seccft"'), types('?q=type:seccft')]).toEqual([['seccft'], ['seccft']]);
});

test.each<[object, number, object]>([
  [{ mtls: { enable_endpoint_aliases: true } }, 200, { mtls: { enable_endpoint_aliases: true } }],
  [{ mtls: null }, 200, {}],
  [{}, 200, { mtls: { enable_endpoint_aliases: false } }],
  [{ other: true }, 400, { mtls: { enable_endpoint_aliases: false } }],
  [{ mtls: { enable_endpoint_aliases: 'yes' } }, 400, { mtls: { enable_endpoint_aliases: false } }],
])('settings with %j: %i', (body, status, after) => {
  call('PATCH', '/tenants/settings', { mtls: { enable_endpoint_aliases: false } });
  expect(call('PATCH', '/tenants/settings', body).status).toBe(status);
  expect(call('GET', '/tenants/settings').body).toEqual(after);
});

test('who is not there is 404', () => {
  const none = `/clients/none/credentials/cred_${'0'.repeat(22)}`;
  expect(['GET', 'DELETE', 'PATCH'].map((one) => call(one, none, { expires_at: null }).status)).toEqual([
    404, 404, 404,
  ]);
  expect(call('PATCH', '/clients/none', { name: 'x' }).status).toBe(404);
});
