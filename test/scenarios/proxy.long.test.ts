/** Behind a proxy: every request goes through it, the mutual TLS one too; NO_PROXY goes around it, and no password is shown. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectProxy, startProxy } from '../emulators/connect-proxy.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { login, rotate } from './support.ts';

let proxy: ConnectProxy;
beforeEach(async () => {
  proxy = await startProxy();
});
afterEach(() => proxy[Symbol.asyncDispose]());

describe('behind a proxy', () => {
  it.each([
    ['HTTPS_PROXY', 'http://'],
    ['https_proxy', 'http://'],
    ['HTTPS_PROXY', ''],
    ['ALL_PROXY', ''],
  ])('of %s, written %shost:port, a rotation is proven over mTLS', async (name, scheme) => {
    await using world = await startSandbox();
    const env = { [name]: `${scheme}${proxy.host}` };
    const run = await rotate(world, { verify: 'required' }, { env });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(run.summary).toContain('proven and bound');
    const services = [world.domain, world.edge.host, new URL(world.githubUrl).host];
    expect([...new Set(proxy.tunnels)].sort()).toEqual(services.sort());
  });

  it('NO_PROXY names the hosts that are asked directly', async () => {
    await using world = await startSandbox();
    const env = { HTTPS_PROXY: proxy.host, NO_PROXY: `example.test,${world.domain}` };
    const run = await rotate(world, {}, { env });
    expect(run.exitCode).toBe(0);
    expect(proxy.tunnels).not.toContain(world.domain);
    expect(proxy.tunnels).toContain(new URL(world.githubUrl).host);
  });

  it('http_proxy does not serve https', async () => {
    await using world = await startSandbox();
    const env = { http_proxy: proxy.host, HTTP_PROXY: proxy.host };
    expect((await rotate(world, {}, { env })).exitCode).toBe(0);
    expect(proxy.tunnels).toEqual([]);
  });
});

describe('a proxy that cannot be used', () => {
  it.each([
    'socks5://proxy.test:1080',
    'http://svc:s3cret#pass@proxy.test:3128',
    'http://svc:12#s3cretpass@proxy.test',
  ])('%s is INVALID_INPUT, and its password stands nowhere', async (HTTPS_PROXY) => {
    await using world = await startSandbox();
    const run = await rotate(world, {}, { env: { HTTPS_PROXY } });
    expect(run.exitCode).toBe(1);
    expect(run.annotations.map(({ properties }) => properties.title)).toEqual(['INVALID_INPUT']);
    expect(run.summary).toContain('INVALID_INPUT');
    expect(`${run.log}${run.stderr}${run.summary}`).not.toMatch(/s3cret|pass@/);
    expect(run.stderr).toBe('');
  });

  it('its password is masked, as it stands there and as it is sent', async () => {
    await using world = await startSandbox();
    const env = { HTTPS_PROXY: `http://svc:pa%23ss@${proxy.host}` };
    const run = await rotate(world, {}, { env });
    expect(run.exitCode).toBe(0);
    const sent = Buffer.from('svc:pa#ss').toString('base64');
    expect(new Set(proxy.logins)).toEqual(new Set([`Basic ${sent}`]));
    expect(run.masks).toEqual(expect.arrayContaining(['pa%23ss', 'pa#ss', sent]));
  });

  it.each([407, 403])('one that answers %i is reported with its status', async (status) => {
    await using refusing = await startProxy(status);
    await using world = await startSandbox();
    const run = await rotate(world, {}, { env: { HTTPS_PROXY: refusing.host } });
    const [error] = run.annotations;
    expect(run.exitCode).toBe(1);
    expect(error?.message).toMatch(
      new RegExp(
        `The proxy ${refusing.host} \\(HTTPS_PROXY\\) answered ${status} and did not connect to localhost for `,
      ),
    );
    expect(error?.message).toContain(status === 407 ? 'user and a password' : 'allow CONNECT to localhost');
    expect(error?.message).not.toContain('status page');
  });

  it('one that does not reach the host is not asked to allow it', async () => {
    await using unable = await startProxy(502);
    await using world = await startSandbox();
    const run = await rotate(world, {}, { env: { HTTPS_PROXY: unable.host } });
    const [error] = run.annotations;
    expect(run.exitCode).toBe(1);
    expect(error?.message).toContain(
      `The proxy ${unable.host} (HTTPS_PROXY) answered 502: it could not reach localhost:`,
    );
    expect(error?.message).not.toContain('allow CONNECT');
  });
});
