/** A real proxy by CONNECT, which remembers where to it was asked to go. Every name leads to this machine. */

import { createServer as createPlain, type IncomingMessage } from 'node:http';
import { createServer as createTls } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KeyAndCertificate } from './tls.ts';

export interface ConnectProxy extends AsyncDisposable {
  /** host:port */
  readonly host: string;
  readonly tunnels: string[];
  /** Values of `Proxy-Authorization`. */
  readonly logins: (string | undefined)[];
}

/** @param status what it answers to a CONNECT; anything but 200 is a refusal */
export async function startProxy(status = 200, tls?: KeyAndCertificate): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const logins: (string | undefined)[] = [];
  const sockets = new Set<Duplex>();
  const server = tls ? createTls(tls) : createPlain();
  server.on('request', (_, response) => response.writeHead(405).end());
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    tunnels.push(request.url ?? '');
    logins.push(request.headers['proxy-authorization']);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: text/html\r\n\r\n<html>no</html>`);
      return;
    }
    const upstream = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    tunnels,
    logins,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
