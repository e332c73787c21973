/** Connections: one ahead of its request, and how many are kept. */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpRequest, NetworkError, openWire } from '../../../src/http/wire.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { authority } from '../../support/wire.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server that remembers who shook hands, and with what name. */
async function start(onHandshake: (socket: TLSSocket) => void = () => {}) {
  const handshakes: (string | undefined)[] = [];
  let requests = 0;
  let sockets = 0;
  const server = createServer({
    ...authority.serverCertificate(),
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes.push(socket.getPeerCertificate()?.subject?.CN?.toString());
    sockets += 1;
    socket.once('close', () => {
      sockets -= 1;
    });
    onHandshake(socket);
  });
  server.on('request', ({ url }, response) => {
    requests += 1;
    setTimeout(() => response.end('{}'), url === '/slow' ? 500 : 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  return { url, handshakes, requests: () => requests, sockets: () => sockets };
}

function wire() {
  const one = openWire({});
  open.push(one.close);
  return one;
}

const get = (url: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...rest,
});

describe('a connection of its own', () => {
  it('is opened for the request, and closed after it; the kept one stays', async () => {
    const server = await start();
    const { send } = wire();
    const { cert, key } = selfSignedCertificate('fresh');
    const clientCertificate = { certificate: cert, privateKey: key };
    await send(get(server.url, { clientCertificate }));
    await send(get(server.url, { clientCertificate }));
    expect(server.handshakes).toHaveLength(1);
    await send(get(server.url, { clientCertificate, freshConnection: true }));
    expect(server.handshakes).toEqual(['fresh', 'fresh']);
    await expect.poll(() => server.sockets()).toBe(1);
    await send(get(server.url, { clientCertificate }));
    expect(server.handshakes).toHaveLength(2);
  });
});

describe('a connection ahead of its request', () => {
  const { cert, key } = selfSignedCertificate('one');
  const clientCertificate = { certificate: cert, privateKey: key };

  it('shows its certificate, asks nothing, and serves the request', async () => {
    const { handshakes, requests, url } = await start();
    const { connectAhead, send } = wire();
    connectAhead({ url, clientCertificate });
    await expect.poll(() => handshakes).toEqual(['one']);
    expect(requests()).toBe(0);
    await send(get(url, { clientCertificate }));
    expect([handshakes, requests()]).toEqual([['one'], 1]);
  });

  it('and apart from the others serves the one request that wants a new connection, which closes it', async () => {
    const { handshakes, sockets, url } = await start();
    const { connectAhead, send } = wire();
    connectAhead({ url, clientCertificate, freshConnection: true });
    await expect.poll(() => handshakes).toHaveLength(1);
    await send(get(url, { clientCertificate }));
    expect(handshakes).toHaveLength(2);
    await send(get(url, { clientCertificate, freshConnection: true }));
    expect(handshakes).toHaveLength(2);
    await expect.poll(() => sockets()).toBe(1);
    await send(get(url, { clientCertificate, freshConnection: true }));
    expect(handshakes).toHaveLength(3);
  });

  it('that the server has closed is not used', async () => {
    let closed = false;
    const { handshakes, url } = await start((socket) => {
      if (handshakes.length > 1) return;
      socket.on('close', () => {
        closed = true;
      });
      socket.destroy();
    });
    const { connectAhead, send } = wire();
    connectAhead({ url });
    await expect.poll(() => closed).toBe(true);
    // The other end hears of it later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await send(get(url))).status).toBe(200);
    expect(handshakes).toHaveLength(2);
  });

  it('fails silently: the request that needs it says why', async () => {
    const { url } = await start();
    const { connectAhead, send } = wire();
    const to = { url, clientCertificate: { certificate: 'none', privateKey: 'none' } };
    connectAhead(to);
    await expect(send(get(url, to))).rejects.toBeInstanceOf(NetworkError);
    connectAhead({ url: 'https://127.0.0.1:1/' });
    await expect(send(get('https://127.0.0.1:1/'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('the connections of many certificates', () => {
  it('are not all kept: a fleet proves hundreds', async () => {
    const { handshakes, sockets, url } = await start();
    const { send } = wire();
    const { cert, key } = selfSignedCertificate('one');
    const as = (number: number) => ({
      clientCertificate: { certificate: cert + '\n'.repeat(number), privateKey: key },
    });
    const slow = send(get(`${url}slow`, as(0)));
    await expect.poll(() => handshakes).toHaveLength(1);
    for (let number = 1; number <= 40; number += 1) {
      await send(get(url));
      await send(get(url, as(number)));
    }
    expect((await slow).status).toBe(200);
    await expect.poll(() => sockets()).toBeLessThanOrEqual(24);
    // The one without a certificate, which is used all the time, stayed; the first is opened anew.
    expect(handshakes).toHaveLength(42);
    expect((await send(get(url, as(1)))).status).toBe(200);
    expect(handshakes).toHaveLength(43);
  });
});
