/** Where a certificate proves itself, and what no discovery document may bring about. */

import { describe, expect, it } from 'vitest';
import { discoverMtlsEndpoints } from '../../../src/auth0/discovery.ts';
import { RotationError } from '../../../src/errors.ts';
import { startSandbox } from '../../emulators/sandbox.ts';
import { type Answer, openLine, peer, trust } from '../../support/wire.ts';

/** `HOST` in a document is the server's own host and port. */
async function discover(answer: Answer, mtls: boolean) {
  await using line = openLine();
  await using server = await peer([{}]);
  const { host, port } = server.served;
  await server[Symbol.asyncDispose]();
  const body = JSON.stringify(answer.body ?? '').replaceAll('HOST', host);
  await using again = await peer([{ ...answer, body: answer.body === undefined ? '<html>' : body }], {
    port,
  });
  const domain = mtls ? 'unused.invalid' : host;
  const endpoint = await discoverMtlsEndpoints(line.service('edge'), domain, mtls ? host : undefined).then(
    ({ token }) => token,
    (error: unknown) => error,
  );
  expect(again.exchanges[0]).toMatchObject({
    method: 'GET',
    path: '/.well-known/openid-configuration',
  });
  expect(again.exchanges[0]?.requestHeaders).not.toHaveProperty('authorization');
  if (endpoint instanceof RotationError) return endpoint.code;
  return typeof endpoint === 'string' ? endpoint.replaceAll(host, 'HOST') : endpoint;
}

const alias = (token_endpoint: unknown) => ({
  token_endpoint: 'https://HOST/plain',
  mtls_endpoint_aliases: { token_endpoint },
});

describe('the mTLS token endpoint', () => {
  it.each<[string, unknown, boolean, string | undefined]>([
    ['an alias', alias('https://HOST/mtls'), false, 'https://HOST/mtls'],
    ['an alias below the host', alias('https://mtls.HOST/t'), false, 'https://mtls.HOST/t'],
    ['an alias on another port', alias('https://localhost:1/t'), false, 'https://localhost:1/t'],
    ['no alias', { token_endpoint: 'https://HOST/plain' }, false, undefined],
    ['no alias at mtls-domain', { token_endpoint: 'https://HOST/plain' }, true, 'https://HOST/plain'],
    ['an alias at mtls-domain', alias('https://HOST/mtls'), true, 'https://HOST/mtls'],
    [
      'an alias on another host, which leaves no plain endpoint',
      alias('https://sub.HOST/mtls'),
      true,
      'https://sub.HOST/mtls',
    ],
    ['aliases without it', { mtls_endpoint_aliases: {} }, false, undefined],
    ['aliases that are none', { mtls_endpoint_aliases: 'https://HOST/' }, false, undefined],
    ['nothing at all', {}, true, undefined],
  ])('%s', async (_, body, mtls, endpoint) => {
    expect(await discover({ body }, mtls)).toBe(endpoint);
  });

  it.each([
    ['login.example.com', 'https://login.example.com/t'],
    ['tenant.eu.auth0.com', undefined],
    ['tenant.eu.auth0.com:443', undefined],
  ])('at mtls-domain %s without an alias is %s', async (host, endpoint) => {
    await using line = openLine();
    const body = JSON.stringify({ token_endpoint: `https://${host}/t` });
    line.connection.send = async () => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect((await discoverMtlsEndpoints(line.service('edge'), 'unused.invalid', host)).token).toBe(endpoint);
  });

  it.each([
    'https://evil.example/t',
    'https://localhost.evil.example/t',
    'https://evillocalhost/t',
    'http://HOST/t',
    'https://user:password@HOST/t',
    'https://HOST@evil.example/t',
    'no address',
    '//HOST/t',
    'file:///etc/passwd',
  ])('is never %s', async (endpoint) => {
    expect(await discover({ body: alias(endpoint) }, false)).toBe('DISCOVERY_FAILED');
    expect(await discover({ body: { token_endpoint: endpoint } }, true)).toBe('DISCOVERY_FAILED');
  });

  it.each<[string, Answer]>([
    ['404', { status: 404, body: {} }],
    ['HTML', {}],
    ['a list', { body: [] }],
    ['a redirect', { status: 302, body: {}, headers: { location: 'https://evil.example/' } }],
  ])('is an error if discovery answers %s', async (_, answer) => {
    expect(await discover(answer, true)).toBe('DISCOVERY_FAILED');
  });

  it('names what another service answers', async () => {
    await using line = openLine();
    await using server = await peer([
      {
        status: 404,
        headers: { 'content-type': 'text/html' },
        body: '<html><title>Welcome to nginx!</title>',
      },
    ]);
    const found = discoverMtlsEndpoints(line.service('edge'), 'unused.invalid', server.served.host);
    await expect(found).rejects.toMatchObject({
      code: 'DISCOVERY_FAILED',
      failed: `https://${server.served.host}/.well-known/openid-configuration shows no OpenID configuration (404: an HTML page, "Welcome to nginx!").`,
      remedy: expect.stringContaining('mtls-domain'),
    });
  });

  it('is the alias of a real authorization server', async () => {
    await using world = await startSandbox();
    trust(world.authority.pem);
    await using line = openLine();
    const found = await discoverMtlsEndpoints(line.service('edge'), world.domain, undefined);
    expect(found).toEqual({
      token: world.edge.tokenEndpoint,
      pushedRequest: `${world.edge.url}/oauth/par`,
    });
    world.conditions.mtlsAlias = false;
    expect(await discoverMtlsEndpoints(line.service('edge'), world.domain, undefined)).toEqual({
      token: undefined,
      pushedRequest: undefined,
    });
  });
});
