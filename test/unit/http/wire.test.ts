/** Real requests to real servers: what arrives, what is trusted, and what is told where nothing comes back. */

import { createServer } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/http/wire.ts';
import { NetworkError, openWire } from '../../../src/http/wire.ts';
import type { Fault, Handler, ServeOptions } from '../../emulators/serve.ts';
import { serve } from '../../emulators/serve.ts';
import { createAuthority, selfSignedCertificate } from '../../emulators/tls.ts';
import { authority, peer } from '../../support/wire.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function wire(environment: Record<string, string> = {}) {
  const { send, close } = openWire(environment);
  open.push({ [Symbol.asyncDispose]: close });
  return send;
}

async function start(handler: Handler, options: ServeOptions = {}) {
  const served = await serve(handler, { tls: authority.serverCertificate(), ...options });
  open.push(served);
  return served;
}

async function answering(...answers: Parameters<typeof peer>) {
  const one = await peer(...answers);
  open.push(one);
  return one;
}

const get = (url: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...rest,
});
const failure = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'answered',
    (error: unknown) => {
      if (!(error instanceof NetworkError)) throw error;
      return { code: error.code, landed: error.landed };
    },
  );

describe('a request', () => {
  it('arrives as it was sent, and so does its answer', async () => {
    const { exchanges, served } = await answering([
      { status: 201, body: { ü: '✓' }, headers: { 'X-Test': 'Yes', date: 'Thu, 01 Jan 1970 00:00:00 GMT' } },
    ]);
    const answer = await wire()({
      method: 'PATCH',
      url: `${served.url}/a/b?c=d`,
      headers: { authorization: 'Bearer t', 'content-type': 'application/json' },
      body: '{"ä":1}',
    });
    expect(answer).toEqual({
      status: 201,
      headers: expect.objectContaining({ 'x-test': 'Yes', date: 'Thu, 01 Jan 1970 00:00:00 GMT' }),
      body: '{"ü":"✓"}',
    });
    expect(exchanges).toEqual([
      expect.objectContaining({
        method: 'PATCH',
        path: '/a/b?c=d',
        requestBody: '{"ä":1}',
        requestHeaders: expect.objectContaining({ authorization: 'Bearer t' }),
      }),
    ]);
  });

  it('follows no redirect: a token must not travel with one', async () => {
    const { exchanges, served } = await answering([{ status: 307, headers: { location: '/elsewhere' } }]);
    expect((await wire()(get(served.url))).status).toBe(307);
    expect(exchanges).toHaveLength(1);
  });

  it('uses its connection again', async () => {
    const ports = new Set<number | undefined>();
    const served = await start((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      response.end('{}');
    });
    const send = wire();
    for (let turn = 0; turn < 4; turn += 1) await send(get(served.url));
    expect(ports.size).toBe(1);
  });

  it('shows its client certificate, and no other request does', async () => {
    const seen: (string | undefined)[] = [];
    const served = await start(
      (incoming, response) => {
        const socket = incoming.socket as import('node:tls').TLSSocket;
        seen.push(socket.getPeerCertificate()?.subject?.CN?.toString());
        response.end('{}');
      },
      { tls: { ...authority.serverCertificate(), requestCert: true } },
    );
    const send = wire();
    const one = selfSignedCertificate('one');
    const two = selfSignedCertificate('two');
    for (const pair of [undefined, one, two, undefined, one]) {
      const clientCertificate = pair && { certificate: pair.cert, privateKey: pair.key };
      await send(get(served.url, clientCertificate ? { clientCertificate } : {}));
    }
    expect(seen).toEqual([undefined, 'one', 'two', undefined, 'one']);
  });
});

describe('no answer', () => {
  it('from a port where nobody listens: it cannot have landed', async () => {
    const served = await start(() => undefined);
    await served[Symbol.asyncDispose]();
    expect(await failure(wire()(get(served.url)))).toEqual({ code: 'ECONNREFUSED', landed: 'no' });
  });

  it('from a name that does not exist', async () => {
    expect(await failure(wire()(get('https://nobody.invalid/')))).toEqual({
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
      landed: 'no',
    });
  });

  it('from a server of another authority, or of another name', async () => {
    const stranger = createAuthority('stranger');
    const served = await start(() => undefined, { tls: stranger.serverCertificate() });
    expect(await failure(wire()(get(served.url)))).toMatchObject({ landed: 'no' });
    const ours = await start(() => undefined);
    const other = ours.url.replace('localhost', '127.0.0.2');
    expect(await failure(wire()(get(other)))).toMatchObject({ landed: 'no' });
  });

  it('from a server that speaks no TLS 1.2, whatever Node would allow', async () => {
    const { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION } = tls;
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const served = await start((_, response) => response.end('{}'), {
      tls: { ...authority.serverCertificate(), ...old },
    });
    tls.DEFAULT_MIN_VERSION = 'TLSv1';
    tls.DEFAULT_CIPHERS = 'DEFAULT@SECLEVEL=0';
    try {
      expect(await failure(wire()(get(served.url)))).not.toBe('answered');
    } finally {
      Object.assign(tls, { DEFAULT_CIPHERS, DEFAULT_MIN_VERSION });
    }
  });

  it.each<[Fault, number]>([
    [{ kind: 'drop' }, 0],
    [{ kind: 'lose' }, 1],
  ])('where the connection breaks, %o: nobody can tell', async (fault, landed) => {
    let count = 0;
    const served = await start(
      (_, response) => {
        count += 1;
        response.end('{}');
      },
      { fault: () => fault },
    );
    const attempt = wire()(get(served.url, { method: 'POST', body: 'x' }));
    expect(await failure(attempt)).toMatchObject({ landed: 'unknown' });
    expect(count).toBe(landed);
  });

  it('where only half of it came', async () => {
    const half = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half":');
      });
    });
    await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve));
    open.push({
      [Symbol.asyncDispose]: () => new Promise<void>((resolve) => half.close(() => resolve())),
    });
    const { port } = half.address() as import('node:net').AddressInfo;
    expect(await failure(wire()(get(`http://127.0.0.1:${port}/`)))).toMatchObject({ landed: 'unknown' });
  });

  it('when it is told to stop', async () => {
    const served = await start((_, response) => response.end('{}'), {
      // Nobody waits for it: the test would run into its time limit.
      fault: () => ({ kind: 'slow', delayMs: 3_600_000 }),
    });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect(await failure(wire()(get(served.url, { signal: abort.signal })))).toMatchObject({
      landed: 'unknown',
    });
  });

  it('of more than 4 MiB is not read to its end', async () => {
    const served = await start((_, response) => response.end('x'.repeat(4 * 1024 * 1024 + 1)));
    expect(await failure(wire()(get(served.url)))).toMatchObject({ landed: 'unknown' });
  });
});

describe('a proxy', () => {
  it('is used where the environment names one, by CONNECT alone, and carries the client certificate', async () => {
    const seen: (string | undefined)[] = [];
    const served = await start(
      (incoming, response) => {
        seen.push(
          (incoming.socket as import('node:tls').TLSSocket).getPeerCertificate()?.subject?.CN?.toString(),
        );
        response.end('{}');
      },
      { tls: { ...authority.serverCertificate(), requestCert: true } },
    );
    const tunnels: string[] = [];
    const { createServer: createHttp } = await import('node:http');
    const { connect } = await import('node:net');
    const proxy = createHttp((_, response) => response.writeHead(405).end());
    proxy.on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const through = connect(served.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      for (const end of [through, socket]) end.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as import('node:net').AddressInfo;
    open.push({
      [Symbol.asyncDispose]: async () => {
        proxy.closeAllConnections();
        proxy.close();
      },
    });
    const saved = { ...process.env };
    process.env.https_proxy = `http://127.0.0.1:${port}`;
    try {
      const send = wire({ https_proxy: process.env.https_proxy });
      const { cert, key } = selfSignedCertificate('one');
      await send(get(served.url, { clientCertificate: { certificate: cert, privateKey: key } }));
    } finally {
      process.env = saved;
    }
    expect([tunnels, seen]).toEqual([[served.host], ['one']]);
  });
});
