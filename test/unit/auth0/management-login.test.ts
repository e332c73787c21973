/** What a refused login to the Management API means, by its status: a limit or an outage is no wrong secret. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { managementToken } from '../../../src/auth0/token.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { type Answer, type Line, openLine, type Peer, peer } from '../../support/wire.ts';

let line: Line;
beforeEach(() => {
  line = openLine();
});
afterEach(() => line[Symbol.asyncDispose]());

const SECRET = { kind: 'client-secret', clientId: 'm', secret: 'CANARY-of-it' } as const;
const tokenOf = (
  server: Peer,
  login: Parameters<typeof managementToken>[0]['login'] = SECRET,
  alias?: string,
) =>
  managementToken({
    service: line.service('Auth0'),
    domain: server.served.host,
    audience: 'api',
    login,
    mtlsTokenEndpoint: async () => alias,
  });

describe('a login that is answered with', () => {
  it.each<[number, string]>([
    [201, 'AUTH0_UNAUTHORIZED'],
    [302, 'AUTH0_REQUEST_FAILED'],
    [400, 'AUTH0_UNAUTHORIZED'],
    [401, 'AUTH0_UNAUTHORIZED'],
    [403, 'AUTH0_UNAUTHORIZED'],
    [429, 'AUTH0_REQUEST_FAILED'],
    [499, 'AUTH0_UNAUTHORIZED'],
    [500, 'AUTH0_REQUEST_FAILED'],
    [503, 'AUTH0_REQUEST_FAILED'],
  ])('%i fails with %s', async (status, code) => {
    await using server = await peer([
      { status, body: { access_token: 't', error: 'said', error_description: 'why' } },
    ]);
    const error = await tokenOf(server).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    if (code === 'AUTH0_UNAUTHORIZED')
      expect(error).toMatchObject({
        failed: expect.stringContaining(`client m by client-secret (${status}, said: why)`),
      });
  });

  it.each<[string, Answer, string]>([
    ['no word', { status: 400, body: {} }, '(400, no OAuth error in the answer)'],
    ['an error alone', { status: 401, body: { error: 'said' } }, '(401, said)'],
    ['a description alone', { status: 401, body: { error_description: 'why' } }, '(401, why)'],
  ])('%s says so', async (_, answer, words) => {
    await using server = await peer([answer]);
    await expect(tokenOf(server)).rejects.toMatchObject({ failed: expect.stringContaining(words) });
  });
});

describe('a login that somebody else refuses', () => {
  it.each<[string, Answer, string]>([
    [
      'a firewall',
      { status: 403, body: 'Blocked by policy 77' },
      'text instead of JSON, "Blocked by policy 77"',
    ],
    ['nobody by name', { status: 401, body: '' }, 'an empty answer'],
    [
      'an API gateway',
      { status: 403, body: { message: 'Forbidden' } },
      'JSON without an OAuth error, "Forbidden"',
    ],
    ['a gateway without a word', { status: 401, body: {} }, 'JSON without an OAuth error'],
  ])('%s, is no fault of the login', async (_, answer, words) => {
    await using server = await peer([answer]);
    await expect(tokenOf(server)).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      failed: expect.stringContaining(`(${answer.status}: ${words})`),
      remedy: expect.stringContaining('no firewall, proxy or sign-in page answers instead'),
    });
  });
});

describe('a login asks', () => {
  it('with its secret, for the audience', async () => {
    await using server = await peer([{ body: { access_token: 't' } }]);
    expect(await tokenOf(server)).toBe('t');
    expect(server.exchanges[0]).toMatchObject({ method: 'POST', path: '/oauth/token' });
    expect(Object.fromEntries(new URLSearchParams(server.exchanges[0]?.requestBody))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'm',
      client_secret: 'CANARY-of-it',
      audience: 'api',
    });
  });

  it('by certificate if that can log in, and sends no secret', async () => {
    await using server = await peer([{ body: { access_token: 't' } }]);
    await using edge = await peer([{ body: { access_token: 'by mTLS' } }]);
    const { cert: certificate, key: privateKey } = selfSignedCertificate('m');
    const login = { kind: 'mtls', clientId: 'm', pair: { certificate, privateKey } } as const;
    expect(await tokenOf(server, login, `${edge.served.url}/oauth/token`)).toBe('by mTLS');
    expect(server.exchanges).toHaveLength(0);
    expect(Object.fromEntries(new URLSearchParams(edge.exchanges[0]?.requestBody))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'm',
      audience: 'api',
    });
    // A secret goes to the tenant itself, whatever discovery names.
    expect(await tokenOf(server, SECRET, `${edge.served.url}/oauth/token`)).toBe('t');
  });
});
