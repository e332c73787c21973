/** nginx and HAProxy, as docs/recipes.md configures them: as clients that have the secret, and HAProxy as the edge. */

import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { API_AUDIENCE } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { DAY, held, SCOPE } from '../scenarios/support.ts';
import {
  BASH,
  expectForPeople,
  freePort,
  program,
  requirePrograms,
  run,
  snippet,
  temporaryFolder,
  write,
} from './recipe.ts';

requirePrograms(['nginx', 'haproxy']);

const folder = temporaryFolder();
const shared = sharedWorld();
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const PROXY = 'nginx or HAProxy, for a program that cannot do mTLS';

/** Each text of the recipe that is another one here stands in it once, or as often as it says. */
function changed(
  shown: string,
  changes: readonly (readonly [from: string, to: string, times?: number])[],
): string {
  return changes.reduce((text, [from, to, times = 1]) => {
    expect(text.split(from).length - 1, from).toBe(times);
    return text.replaceAll(from, to);
  }, shown);
}

async function start(name: string, args: readonly string[], url: string): Promise<void> {
  const child = spawn(`${program(name)}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      complaints += chunk;
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  stack.defer(async () => {
    child.kill();
    await ended;
  });
  const answers = async () => void (url.startsWith('https:') ? await shared().call(url) : await fetch(url));
  await vi.waitFor(answers, { timeout: 300_000 }).catch((error) => {
    throw new Error(`${name}: ${complaints || error}`);
  });
}

function startNginx(servers: string, url: string): Promise<void> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${folder};`,
  );
  const settings = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr; events {}
    http { access_log off; ${temporary.join(' ')} ${servers} }`;
  return start('nginx', ['-p', folder, '-e', 'stderr', '-c', write(folder, 'nginx.conf', settings)], url);
}

function startHAProxy(name: string, sections: string, url: string): Promise<void> {
  const defaults = 'defaults\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n';
  return start('haproxy', ['-db', '-f', write(folder, name, defaults + sections)], url);
}

const body = (clientId: string) => ({
  grant_type: 'client_credentials',
  client_id: clientId,
  audience: API_AUDIENCE,
});

describe('as a client', () => {
  let credential: string;
  beforeAll(async () => {
    const world = shared();
    expect((await operate(world, {})).exitCode).toBe(0);
    credential = write(folder, 'auth0.pem', held(world));
  });

  /** In plain text, as the program on the same machine does. */
  const ask = async (url: string, clientId = shared().clientId) =>
    (await fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(body(clientId)) })).status;

  it.skipIf(!program('nginx'))('nginx logs in for a program that has no certificate', async () => {
    const world = shared();
    const port = await freePort();
    const server = changed(snippet(PROXY, 'nginx'), [
      ['127.0.0.1:8443', `127.0.0.1:${port}`],
      ['https://mtls.login.example.com', world.edgeUrl],
      ['/etc/ssl/certs/ca-certificates.crt', world.caFile],
      ['/run/credentials/auth0.pem', credential, 2],
    ]);
    const url = `http://127.0.0.1:${port}`;
    await startNginx(server, url);
    expect(await ask(url)).toBe(200);
    expect(await ask(url, world.addServiceClient({ name: 'another' }).clientId)).toBe(401);
  });

  it.skipIf(!program('haproxy'))('HAProxy logs in for a program that has no certificate', async () => {
    const world = shared();
    const port = await freePort();
    const { host } = new URL(world.edgeUrl);
    const sections = changed(snippet(PROXY, 'haproxy'), [
      ['127.0.0.1:8443', `127.0.0.1:${port}`],
      ['mtls.login.example.com:443', host],
      ['mtls.login.example.com', 'localhost', 2],
      ['/etc/ssl/certs/ca-certificates.crt', world.caFile],
      ['/run/credentials/auth0.pem', credential],
    ]);
    const url = `http://127.0.0.1:${port}`;
    await startHAProxy('client.cfg', sections, url);
    expect(await ask(url)).toBe(200);
    expect(await ask(url, world.addServiceClient({ name: 'another' }).clientId)).toBe(401);
  });
});

describe.skipIf(!program('haproxy'))('HAProxy as the edge', () => {
  let url: string;
  beforeAll(async () => {
    url = await startEdge('edge', shared().caFile);
  });

  async function startEdge(name: string, clientCa: string): Promise<string> {
    const world = shared();
    const port = await freePort();
    const { key, cert } = world.authority.serverCertificate();
    const names = changed(snippet('The mTLS edge, with HAProxy', 'text'), [
      ['/etc/haproxy/tls/login.example.com.pem', write(folder, 'edge.pem', cert + key), 2],
      ['/etc/haproxy/tls/client-ca.pem', clientCa],
      ['mtls.login.example.com', 'localhost'],
    ]);
    const sections = changed(snippet('The mTLS edge, with HAProxy', 'haproxy'), [
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['/etc/haproxy/tls/names', write(folder, `${name}.names`, names)],
      ['mtls.login.example.com', 'localhost'],
      ['/etc/ssl/certs/ca-certificates.crt', world.caFile],
      ['origin.edge.tenants.example:443', world.domain],
      ['origin.edge.tenants.example', 'localhost', 2],
      ['the key that Auth0 shows', world.edgeSecret],
    ]);
    const served = `https://localhost:${port}`;
    await startHAProxy(`${name}.cfg`, sections, served);
    return served;
  }

  const ask = async (clientId: string, pem?: string, headers: Record<string, string> = {}, edge = url) =>
    (await shared().call(`${edge}/oauth/token`, { body: body(clientId), headers, ...(pem ? { pem } : {}) }))
      .status;

  it('lets in the holder of the certificate, before and after a rotation, and nobody else', async () => {
    const world = shared();
    const { clientId, pem } = world.addServiceClient({ name: 'behind HAProxy' });
    expect(await ask(clientId, pem)).toBe(200);
    expect((await operate(world, { 'client-id': clientId, 'secret-name': 'BEHIND' })).exitCode).toBe(0);
    world.advance(DAY);
    expect(await ask(clientId, held(world, SCOPE, 'BEHIND'))).toBe(200);
    const { key, cert } = selfSignedCertificate('stranger');
    expect(await ask(clientId, key + cert)).toBe(401);
    expect(await ask(clientId)).toBe(401);
  });

  it('lets in anybody who has a certificate of the CA', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const { key, cert } = world.authority.clientCertificate({ CN: 'haproxy' });
    const inputs = {
      'client-id': clientId,
      'secret-name': 'SIGNED',
      'authentication-method': 'tls_client_auth',
      certificate: cert,
      'private-key': key,
      'renew-before-days': '10',
    };
    expect((await operate(world, { ...inputs, operation: 'enroll' })).exitCode).toBe(0);
    expect(await ask(clientId, held(world, SCOPE, 'SIGNED'))).toBe(200);
    const forged = selfSignedCertificate('haproxy');
    expect(await ask(clientId, forged.key + forged.cert)).toBe(401);
  });

  it.skipIf(!program('openssl'))('takes self-signed certificates where no CA signs any', async () => {
    const world = shared();
    const ca = `${folder}/nobody.pem`;
    const script = changed(snippet('The mTLS edge, with HAProxy', 'bash'), [
      ['/etc/haproxy/tls/client-ca.pem', ca],
    ]);
    await run(BASH, script, { PATH: process.env.PATH ?? '' });
    const edge = await startEdge('nobody', ca);
    const { clientId, pem } = world.addServiceClient({ name: 'of no CA' });
    expect(await ask(clientId, pem, {}, edge)).toBe(200);
  });

  it('believes nothing that a caller says of a certificate, and sends Auth0 the address of the caller', async () => {
    const world = shared();
    const { clientId, pem } = world.addServiceClient({ name: 'impersonated' });
    const [, certificate = ''] = /(-----BEGIN CERTIFICATE[\s\S]*)/.exec(pem) ?? [];
    const headers = {
      'client-certificate': encodeURIComponent(certificate),
      'client-certificate-ca-verified': 'SUCCESS',
      'X-Forwarded-For': '203.0.113.7',
    };
    world.transcript.clear();
    expect(await ask(clientId, undefined, headers)).toBe(401);
    const told = world.transcript.arrivals().map(({ request }) => request.headers['x-forwarded-for']);
    expect(told).toEqual(['127.0.0.1']);
  });

  it.skipIf(!program('openssl'))('names no CA: Java would send no self-signed certificate', async () => {
    const ask = `openssl s_client -connect ${new URL(url).host} -servername localhost </dev/null 2>&1`;
    const told = await run(BASH, ask, { PATH: process.env.PATH ?? '' });
    expect(told).toContain('No client certificate CA names sent');
    expect(told).toContain('Requested Signature Algorithms');
  });

  it('shows nothing but what services need', async () => {
    const status = async (path: string) => (await shared().call(url + path)).status;
    expect(await status('/.well-known/openid-configuration')).toBe(200);
    expect(await status('/api/v2/clients')).toBe(404);
  });

  it.skipIf(!program('openssl') || !program('curl'))(
    'asks no browser for a certificate, and forwards none',
    async () => {
      await expectForPeople(shared(), new URL(url).port, folder);
    },
  );
});
