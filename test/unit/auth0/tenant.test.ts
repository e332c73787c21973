/** The Management API, as the emulated tenant enforces it over a real socket, and answers that are none. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { inspect, parsePair } from '../../../src/certificate/inspect.ts';
import type { Registration } from '../../../src/model/key-pair.ts';
import { MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../../emulators/sandbox.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { type Answer, type Line, openLine, peer, trust } from '../../support/wire.ts';

let world: Sandbox;
let line: Line;
beforeAll(async () => {
  world = await startSandbox({ tenantSkewMs: 3_600_000 });
  trust(world.authority.pem);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  line = openLine();
});
afterEach(() => line[Symbol.asyncDispose]());

const connect = () => new Tenant(line.service('Auth0'), world.domain, () => world.managementToken());
const METHOD = 'self_signed_tls_client_auth';
const certificate = () => selfSignedCertificate('new').cert;

const upload = (name: string, pem: string): Registration => ({ name, credential_type: 'x509_cert', pem });

describe('a tenant', () => {
  it('shows a client, its method and what is associated', async () => {
    expect(await connect().client(world.clientId)).toEqual({
      id: world.clientId,
      name: 'shop',
      method: METHOD,
      associated: [world.client.credentialId],
      algorithm: 'RS256',
      binding: { required: false, by: 'require_proof_of_possession' },
      grantTypes: ['client_credentials'],
      callback: undefined,
    });
  });

  it('shows the method of a client without credentials', async () => {
    const { client_id: id } = world.tenant.createClient({ token_endpoint_auth_method: 'client_secret_post' });
    expect(await connect().client(id)).toMatchObject({ method: 'client_secret_post', associated: [] });
  });

  it('never asks for the client secret', async () => {
    world.transcript.clear();
    await connect().client(world.clientId);
    expect(world.transcript.requests().join()).not.toContain('client_secret');
    expect(world.transcript.requests().join()).toContain('include_fields=true');
  });

  it('shows the pool', async () => {
    const { thumbprint, notAfter } = inspect(parsePair(world.client.pem).certificate);
    const [only, ...more] = await connect().credentials(world.clientId);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ id: world.client.credentialId, type: 'x509_cert', identity: thumbprint });
    expect(Math.abs((only?.expiresAt ?? 0) - notAfter.getTime())).toBeLessThan(1_000);
    expect(Math.abs((only?.createdAt ?? 0) - (world.tenantNow() - 86_400_000))).toBeLessThan(60_000);
  });

  it('has its own time', async () => {
    const tenant = connect();
    await tenant.client(world.clientId);
    expect(Math.abs(tenant.now() - world.tenantNow())).toBeLessThan(60_000);
    expect(Math.abs(tenant.clock.offset - 3_600_000)).toBeLessThan(60_000);
  });

  it('creates, associates, and deletes what is not associated any more', async () => {
    const tenant = connect();
    const { clientId, credentialId: old = '' } = world.addServiceClient();
    const made = await tenant.createCredential(clientId, upload('name of it', certificate()));
    if (typeof made === 'string' || 'status' in made) throw new Error('not created');
    expect(made).toMatchObject({ name: 'name of it', type: 'x509_cert' });
    await tenant.associate(clientId, METHOD, [old, made.id]);
    expect(new Set((await tenant.client(clientId)).associated)).toEqual(new Set([old, made.id]));
    expect(await tenant.deleteCredential(clientId, old)).toBe('associated');
    await tenant.associate(clientId, METHOD, [made.id]);
    expect(await tenant.deleteCredential(clientId, old)).toBe('deleted');
    expect(await tenant.deleteCredential(clientId, old)).toBe('deleted');
    expect((await tenant.credentials(clientId)).map(({ id }) => id)).toEqual([made.id]);
  });

  it('writes nothing of the client but its method', async () => {
    const { client: before } = world.tenant.reveal(world.clientId);
    await connect().associate(world.clientId, METHOD, [world.client.credentialId ?? '']);
    expect(world.tenant.reveal(world.clientId).client).toEqual(before);
  });

  it('returns the refusal of a full pool as data', async () => {
    const tenant = connect();
    const { clientId } = world.addServiceClient();
    await tenant.createCredential(clientId, upload('a', certificate()));
    expect(await tenant.createCredential(clientId, upload('b', certificate()))).toEqual({
      status: 400,
      message: expect.stringMatching(/maximum of 2 credentials/),
    });
  });
});

describe('a refusal', () => {
  it('of an unknown client', async () => {
    await expect(connect().client('nobody')).rejects.toMatchObject({ code: 'CLIENT_NOT_FOUND' });
  });

  it('of the token', async () => {
    const tenant = new Tenant(line.service('Auth0'), world.domain, async () => 'CANARY');
    const error = await tenant.client(world.clientId).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'AUTH0_UNAUTHORIZED' });
    expect([String(error), ...line.log].join()).not.toContain('CANARY');
  });

  it.each<[string, (tenant: Tenant, id: string) => Promise<unknown>]>([
    ['read:client_credentials', (tenant, id) => tenant.credentials(id)],
    ['create:client_credentials', (tenant, id) => tenant.createCredential(id, upload('a', certificate()))],
    ['delete:client_credentials', (tenant, id) => tenant.deleteCredential(id, 'x')],
    ['update:clients', (tenant, id) => tenant.associate(id, METHOD, [])],
  ])('for want of %s', async (scope, act) => {
    const scopes = MANAGEMENT_SCOPES.filter(
      (one) => one !== scope && !(scope === 'update:clients' && one.startsWith('update:')),
    );
    await using poor = await startSandbox({ managementScopes: scopes });
    trust(poor.authority.pem);
    const tenant = new Tenant(line.service('Auth0'), poor.domain, () => poor.managementToken());
    const refused = await act(tenant, poor.clientId).catch((error: unknown) => error);
    trust(world.authority.pem);
    expect(refused).toMatchObject({
      code: 'AUTH0_FORBIDDEN',
      message: expect.stringContaining('grant it'),
    });
  });
});

const RECORD = {
  id: 'cred_a',
  credential_type: 'x509_cert',
  created_at: '2026-11-24T12:00:00.000Z',
};

describe('an answer that cannot be used', () => {
  async function ask<T>(answers: Answer[], act: (tenant: Tenant) => Promise<T>) {
    await using server = await peer(answers);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    const result = await act(tenant).catch((error: unknown) => error);
    return { result, count: server.exchanges.length };
  }

  it.each<[string, Answer]>([
    ['HTML', { body: '<html>' }],
    ['half a list', { body: `[${JSON.stringify(RECORD)},{"id":` }],
    ['an object', { body: { credentials: [RECORD] } }],
    ['an empty body', { body: '' }],
    ['null', { body: 'null' }],
    ['404 without a code', { status: 404, body: {} }],
    ['204', { status: 204 }],
    ['a redirect', { status: 302, headers: { location: '/' } }],
    ['a record without id', { body: [{ ...RECORD, id: undefined }] }],
    ['a list of nothing', { body: [null] }],
  ])('is never an empty pool: %s', async (_, answer) => {
    const { result } = await ask([answer], (tenant) => tenant.credentials('client'));
    expect(result).toMatchObject({ code: 'AUTH0_REQUEST_FAILED' });
  });

  it.each<[string, object]>([
    ['of an unknown type', { ...RECORD, credential_type: 'x' }],
    ['without its time', { ...RECORD, created_at: 'yesterday' }],
    ['with an expiry that is no time', { ...RECORD, expires_at: 'soon' }],
  ])('a record %s takes a place, and nothing else is read from it', async (_, record) => {
    const { result } = await ask([{ body: [record] }], (tenant) => tenant.credentials('client'));
    expect(result).toMatchObject([{ id: RECORD.id, type: 'unknown', createdAt: 0, expiresAt: undefined }]);
  });

  it.each<[string, unknown]>([
    ['another client', { client_id: 'other', token_endpoint_auth_method: 'none' }],
    ['two methods', { client_id: 'client', client_authentication_methods: { a: {}, b: {} } }],
    ['no credentials', { client_id: 'client', client_authentication_methods: { [METHOD]: {} } }],
    ['methods that are none', { client_id: 'client', client_authentication_methods: [] }],
    [
      'an id that is none',
      { client_id: 'client', client_authentication_methods: { [METHOD]: { credentials: [{}] } } },
    ],
  ])('is never a client without credentials: %s', async (_, body) => {
    const { result } = await ask([{ body }], (tenant) => tenant.client('client'));
    expect(result).toMatchObject({ code: 'AUTH0_REQUEST_FAILED' });
  });

  it.each<[string, Answer, number]>([
    ['500', { status: 500 }, 1],
    ['504', { status: 504 }, 1],
    ['408', { status: 408 }, 1],
    ['201 with HTML', { status: 201, body: '<html>' }, 1],
  ])('to an upload may mean that it landed: %s', async (_, answer, count) => {
    const asked = await ask([answer], (tenant) => tenant.createCredential('client', upload('a', 'pem')));
    expect(asked).toEqual({ result: 'lost', count });
  });

  it('to an upload that is rate-limited is worth another', async () => {
    const asked = await ask(
      [
        { status: 429, headers: { 'retry-after': '2' } },
        { status: 201, body: RECORD },
      ],
      (tenant) => tenant.createCredential('client', upload('a', 'pem')),
    );
    expect(asked).toMatchObject({ result: { id: 'cred_a' }, count: 2 });
    expect(line.waits).toEqual([2_000]);
  });

  it.each([200, 403])(
    'to a PATCH that came only the second time (%i) leaves the first in doubt',
    async (status) => {
      let doubts = 0;
      const asked = await ask([{ status: 504 }, { status, body: {} }], (tenant) =>
        tenant.associate('client', METHOD, [], () => {
          doubts += 1;
        }),
      );
      expect([asked.count, doubts]).toEqual([2, 1]);
    },
  );

  it('quotes the server on one line without a command', async () => {
    const body = { message: 'a\n::error::b `c` | <d>' };
    const { result } = await ask([{ status: 418, body }], (tenant) => tenant.credentials('client'));
    expect((result as Error).message).toContain('(418: a error b c d)');
  });

  it('takes an id for a name, never for a path', async () => {
    await using server = await peer([{ status: 204 }]);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    await tenant.deleteCredential('a/b?c', '../x#y');
    expect(server.exchanges[0]?.path).toBe('/api/v2/clients/a%2Fb%3Fc/credentials/..%2Fx%23y');
  });

  it('names the host that gave no answer, and what to do', async () => {
    const lost = await peer([{}]);
    await lost[Symbol.asyncDispose]();
    const tenant = new Tenant(line.service('Auth0'), lost.served.host, async () => 'token');
    await expect(tenant.client('c')).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      message: expect.stringMatching(/gave no answer to GET \/api\/v2\/clients\/c \(ECONNREFUSED\)\. Check/),
    });
    expect(line.waits).toEqual([500, 1_000, 2_000, 4_000]);
  });
});

describe('what is not an answer of Auth0', () => {
  const page: Answer = {
    status: 403,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<!doctype html><html><head><title>Blocked by policy</title>',
  };

  it.each<[string, (tenant: Tenant) => Promise<unknown>]>([
    ['a read', (tenant) => tenant.client('c')],
    ['a change', (tenant) => tenant.associate('c', METHOD, ['one'])],
    ['a deletion', (tenant) => tenant.deleteCredential('c', 'one')],
  ])('is reported as what it is, and what it did is in doubt: %s', async (_, act) => {
    await using server = await peer([page]);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    await expect(act(tenant)).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      failed: expect.stringMatching(
        /^The answer to [A-Z]+ \/api\/v2\/clients\/\S+ \(403\) is not Auth0's own: it is an HTML page, "Blocked by policy"\.$/,
      ),
      cause: { landed: 'unknown' },
    });
    expect(server.exchanges).toHaveLength(1);
  });

  it('is not taken for a credential that is gone', async () => {
    await using server = await peer([{ ...page, status: 404 }]);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    await expect(tenant.deleteCredential('c', 'one')).rejects.toMatchObject({ code: 'AUTH0_REQUEST_FAILED' });
  });

  it('may have landed, if it takes the place of a new credential', async () => {
    await using server = await peer([page]);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    expect(await tenant.createCredential('c', upload('new', certificate()))).toBe('lost');
  });
});
