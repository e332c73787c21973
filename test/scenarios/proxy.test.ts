/** Behind a proxy: every request goes through it, the mutual TLS one too; NO_PROXY goes around it. */

import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { login, rotate } from './support.ts';

/** A CONNECT proxy that remembers where to it was asked to go. */
const tunnels: string[] = [];
let proxy: Server;
let address = '';

beforeAll(async () => {
  proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on('connect', (request, socket, head) => {
    tunnels.push(request.url ?? '');
    const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  address = `http://localhost:${(proxy.address() as AddressInfo).port}`;
});

afterAll(() => {
  proxy.closeAllConnections();
  proxy.close();
});

describe('behind a proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy'])('of %s a rotation is proven over mTLS', async (name) => {
    await using world = await startSandbox();
    tunnels.length = 0;
    const run = await rotate(world, { verify: 'required' }, { env: { [name]: address } });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(run.summary).toContain('proven and bound');
    const services = [world.domain, world.edge.host, new URL(world.githubUrl).host];
    expect([...new Set(tunnels)].sort()).toEqual(services.sort());
  });

  it('NO_PROXY names who is asked directly', async () => {
    await using world = await startSandbox();
    tunnels.length = 0;
    const env = { HTTPS_PROXY: address, NO_PROXY: `example.test,${world.domain}` };
    const run = await rotate(world, {}, { env });
    expect(run.exitCode).toBe(0);
    expect(tunnels).not.toContain(world.domain);
    expect(tunnels).toContain(new URL(world.githubUrl).host);
  });
});
