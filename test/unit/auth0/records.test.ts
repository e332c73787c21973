/** Records of Auth0, read defensively: what is read of each member, and what of one that is not what it should be. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listingOf } from '../../../src/auth0/client-list.ts';
import { readClient, readCredential, readLogEntry } from '../../../src/auth0/records.ts';
import { Tenant } from '../../../src/auth0/tenant.ts';
import type { Json } from '../../../src/model/json.ts';
import { type Line, openLine, peer } from '../../support/wire.ts';

const CLIENT = { client_id: 'c', name: 'shop', token_endpoint_auth_method: 'none' };

describe('a client', () => {
  it.each<[string, object, object]>([
    ['without a name is called by its id', { name: undefined }, { name: 'c' }],
    [
      'without a method uses the default',
      { token_endpoint_auth_method: undefined },
      { method: 'client_secret_post' },
    ],
    ['with methods that are null has a secret', { client_authentication_methods: null }, { method: 'none' }],
    ['shows what it signs with', { jwt_configuration: { alg: 'HS256' } }, { algorithm: 'HS256' }],
    [
      'does not show what it signs with',
      {},
      { algorithm: undefined, grantTypes: undefined, callback: undefined },
    ],
    ['has grants', { grant_types: ['a', 1, 'b'] }, { grantTypes: ['a', 'b'] }],
    ['has grants that are no list', { grant_types: 'a' }, { grantTypes: undefined }],
    [
      'has the first callback that a browser could be sent to',
      { callbacks: ['nonsense', 'https://*.shop.example/', 7, 'https://shop.example/cb', 'https://b/'] },
      { callback: 'https://shop.example/cb' },
    ],
    [
      'has no callback that is for each organization',
      {
        callbacks: [
          'https://{organization_name}.shop.example/cb',
          'https://shop.example/{x',
          'https://shop.example/x}',
          'https://shop.example/cb',
        ],
      },
      { callback: 'https://shop.example/cb' },
    ],
    [
      'is bound by the newer property',
      { require_proof_of_possession: true, access_token: { tls_client_certificate_binding: false } },
      { binding: { required: true, by: 'require_proof_of_possession' } },
    ],
    [
      'is bound by the older property where it shows no other',
      { access_token: { tls_client_certificate_binding: true } },
      { binding: { required: true, by: 'tls_client_certificate_binding' } },
    ],
    [
      'is not bound by an older property that is none',
      { access_token: { tls_client_certificate_binding: 'yes' } },
      { binding: { required: false, by: 'require_proof_of_possession' } },
    ],
    [
      'is not bound by what is no boolean',
      { require_proof_of_possession: 'true' },
      { binding: { required: false, by: 'require_proof_of_possession' } },
    ],
    [
      'has what its one method holds',
      { client_authentication_methods: { tls_client_auth: { credentials: [{ id: 'a' }, { id: 'b' }] } } },
      { method: 'tls_client_auth', associated: ['a', 'b'] },
    ],
  ])('%s', (_, changes, read) => {
    expect(readClient({ ...CLIENT, ...changes } as Json)).toMatchObject(read);
  });

  it.each<[string, unknown]>([
    ['no object', 'c'],
    ['a list', [CLIENT]],
    ['without an id', { ...CLIENT, client_id: '' }],
    ['with an id that is no text', { ...CLIENT, client_id: 1 }],
    ['with a method that is no object', { ...CLIENT, client_authentication_methods: { a: 1 } }],
    ['without a method in its methods', { ...CLIENT, client_authentication_methods: {} }],
  ])('%s is none', (_, body) => {
    expect(readClient(body as Json)).toBeUndefined();
  });
});

describe('a credential', () => {
  const made = '2026-11-24T12:00:00.000Z';
  const record = {
    id: 'a',
    credential_type: 'x509_cert',
    created_at: made,
    thumbprint_sha256: 't',
    kid: 'k',
  };

  it.each<[string, object, object]>([
    ['by its thumbprint', {}, { type: 'x509_cert', identity: 't', expiresAt: undefined }],
    ['by its key', { credential_type: 'public_key', alg: 'PS256' }, { identity: 'k', algorithm: 'PS256' }],
    ['by its subject', { credential_type: 'cert_subject_dn', subject_dn: 'CN=a' }, { identity: 'CN=a' }],
    ['by no subject', { credential_type: 'cert_subject_dn' }, { identity: undefined }],
    [
      'with its end',
      { expires_at: '2027-01-01T00:00:00Z' },
      { expiresAt: Date.parse('2027-01-01T00:00:00Z') },
    ],
    ['with an end that is null', { expires_at: null }, { type: 'x509_cert', expiresAt: undefined }],
    ['with an end that is no text', { expires_at: 7 }, { type: 'unknown' }],
    [
      'of a type that is not known',
      { credential_type: 'x' },
      { type: 'unknown', identity: 't', createdAt: 0 },
    ],
    [
      'of no type, by its key',
      { credential_type: 1, thumbprint_sha256: 1 },
      { type: 'unknown', identity: 'k' },
    ],
  ])('is known %s', (_, changes, read) => {
    expect(readCredential({ ...record, ...changes } as Json)).toMatchObject({ id: 'a', ...read });
  });

  it('has its name and its time', () => {
    expect(readCredential({ ...record, name: 'n' })).toMatchObject({
      name: 'n',
      createdAt: Date.parse(made),
    });
  });

  it.each([[null], ['a'], [{}], [{ ...record, id: '' }]])('that is not one: %o', (item) => {
    expect(readCredential(item as Json)).toBeUndefined();
  });
});

describe('an entry of the logs', () => {
  const entry = { log_id: 'l', date: '2026-11-24T12:00:00Z' };

  it('has what it shows, and "unknown" for what it does not show', () => {
    expect(readLogEntry(entry)).toEqual({
      id: 'l',
      at: Date.parse(entry.date),
      identity: '',
      ip: 'unknown',
      userAgent: 'unknown',
      reason: '',
      isProof: false,
    });
    expect(
      readLogEntry({
        ...entry,
        mtls_thumbprint_sha256: 't',
        ip: '192.0.2.1',
        user_agent: 'a'.repeat(150),
        description: 'why',
      }),
    ).toMatchObject({ identity: 't', ip: '192.0.2.1', userAgent: 'a'.repeat(100), reason: 'why' });
  });

  it("prefers Auth0's own spelling for why a client was refused", () => {
    const details = { client_authentoication_error: 'expired' };
    expect(readLogEntry({ ...entry, details, description: 'other' })).toMatchObject({ reason: 'expired' });
  });

  it.each<[string, Json, boolean]>([
    ['its client', { auth0_client: { name: 'auth0-mtls-rotation-action' } }, true],
    ['its agent', { user_agent: 'auth0-mtls-rotation-action (proof of run 7.1)' }, true],
    ['another client', { auth0_client: { name: 'auth0-node' } }, false],
    ['an agent that only names it', { user_agent: 'x auth0-mtls-rotation-action' }, false],
  ])('is a proof of ours by %s: %o, %s', (_, changes, isProof) => {
    expect(readLogEntry({ ...entry, ...(changes as object) })).toMatchObject({ isProof });
  });

  it.each<[string, Json]>([
    ['nothing', null],
    ['no id', { ...entry, log_id: '' }],
    ['no time', { ...entry, date: 'now' }],
  ])('with %s is none', (_, item) => {
    expect(readLogEntry(item)).toBeUndefined();
  });
});

describe('clients that are listed', () => {
  let line: Line;
  beforeEach(() => {
    line = openLine();
  });
  afterEach(() => line[Symbol.asyncDispose]());
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`);
  const page = (...names: string[]) => ({ body: names.map((client_id) => ({ client_id, name: client_id })) });
  const full = (prefix: string) => page(...Array.from({ length: 100 }, (_, index) => `${prefix}${index}`));

  async function listed(wanted: string[], ask: string[], ...answers: { status?: number; body?: unknown }[]) {
    await using server = await peer(answers);
    const tenant = new Tenant(line.service('Auth0'), server.served.host, async () => 'token');
    const listing = listingOf(tenant, wanted);
    const found: (string | undefined)[] = [];
    for (const id of ask) found.push((await listing?.(id))?.id);
    return { found, count: server.exchanges.length, isListed: listing !== undefined };
  }

  it.each([
    [3, false],
    [4, true],
  ])('of %i clients it is worth a listing: %s', async (count, isListed) => {
    expect(await listed(ids(count), [], {})).toEqual({ found: [], count: 0, isListed });
  });

  it('are read once, and no further than the last one that is wanted', async () => {
    const { found, count } = await listed(ids(4), ['w0', 'w3', 'x'], page('a', 'w0', 'w1', 'w2', 'w3'));
    expect([found, count]).toEqual([['w0', 'w3', undefined], 1]);
    const more = await listed(ids(8), ['w0'], page('w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7'));
    expect(more.count).toBe(1);
  });

  it('are given up if they cost more than they save', async () => {
    const four = await listed(ids(4), ['w0'], full('a'), page('w0'));
    expect([four.found, four.count]).toEqual([[undefined], 1]);
    const eight = await listed(ids(8), ['w0'], full('a'), page('w0'));
    expect([eight.found, eight.count]).toEqual([['w0'], 2]);
  });

  it('end before a page that fails', async () => {
    const { found } = await listed(
      ids(12),
      ['a1', 'w0'],
      { ...full('w'), status: 200 },
      { status: 403, body: {} },
    );
    expect(found).toEqual([undefined, 'w0']);
  });
});
