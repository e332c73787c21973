/** Real requests to real servers: what arrives, what is trusted, and what is told where nothing comes back. */

import { createServer } from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/http/wire.ts';
import { asNetworkError, LONGEST_FLIGHT, NetworkError, openWire } from '../../../src/http/wire.ts';
import { startProxy } from '../../emulators/connect-proxy.ts';
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
  ])('if the connection breaks, %o: nothing shows that', async (fault, landed) => {
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

  it('if the server resets the connection', async () => {
    const reset = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => reset.listen(0, '127.0.0.1', resolve));
    open.push({
      [Symbol.asyncDispose]: () => new Promise<void>((resolve) => reset.close(() => resolve())),
    });
    const { port } = reset.address() as import('node:net').AddressInfo;
    const attempt = wire()(get(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x' }));
    expect(await failure(attempt)).toMatchObject({ landed: 'unknown' });
  });

  it('if only half of it came', async () => {
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

  it('after the signal to stop', async () => {
    const abort = new AbortController();
    const served = await start((_, response) => response.end('{}'), {
      fault: () => {
        setImmediate(() => abort.abort());
        // Nobody waits for it: the test would run into its time limit.
        return { kind: 'slow', delayMs: 3_600_000 };
      },
    });
    expect(await failure(wire()(get(served.url, { signal: abort.signal })))).toMatchObject({
      code: expect.stringMatching(/ABORT/i),
      landed: 'unknown',
    });
  });

  it('of more than 4 MiB is not read to its end', async () => {
    const served = await start((_, response) => response.end('x'.repeat(4 * 1024 * 1024 + 1)));
    expect(await failure(wire()(get(served.url)))).toMatchObject({ landed: 'unknown' });
  });
});

describe('an error of the system', () => {
  const failed = (code: string, syscall?: string) => Object.assign(new Error(code), { code, syscall });
  /** Of the addresses of one name (net, autoSelectFamily). Node.js gives it the code of its first error. */
  const ofAll = (...errors: (Error & { code: string })[]) =>
    Object.assign(new AggregateError(errors), { code: errors[0]?.code });

  it.each<[string, Error, string, 'no' | 'unknown']>([
    ['a connection that takes too long', failed('ETIMEDOUT', 'connect'), 'ETIMEDOUT', 'no'],
    ['no free port', failed('EADDRNOTAVAIL', 'connect'), 'EADDRNOTAVAIL', 'no'],
    ['a rule of the firewall here', failed('EPERM', 'connect'), 'EPERM', 'no'],
    ['a reset before the connection', failed('ECONNRESET', 'connect'), 'ECONNRESET', 'no'],
    ['a search for the name', failed('EMFILE', 'getaddrinfo'), 'EMFILE', 'no'],
    [
      'all addresses of a name',
      ofAll(failed('ETIMEDOUT', 'connect'), failed('ENETUNREACH', 'connect')),
      'ETIMEDOUT',
      'no',
    ],
    [
      'all addresses, in another error',
      new TypeError('failed', { cause: ofAll(failed('ETIMEDOUT', 'connect'), failed('EPERM', 'connect')) }),
      'ETIMEDOUT',
      'no',
    ],
    ['its cause', new TypeError('failed', { cause: failed('ETIMEDOUT', 'connect') }), 'ETIMEDOUT', 'no'],
    ['a connection that falls silent', failed('ETIMEDOUT', 'read'), 'ETIMEDOUT', 'unknown'],
    ['a connection that breaks', failed('EPIPE', 'write'), 'EPIPE', 'unknown'],
    ['an error without its call', failed('ETIMEDOUT'), 'ETIMEDOUT', 'unknown'],
    [
      'errors of which one is of an open connection',
      ofAll(failed('ETIMEDOUT', 'connect'), failed('ECONNRESET', 'read')),
      'ETIMEDOUT',
      'unknown',
    ],
    ['no errors at all', Object.assign(ofAll(), { code: 'ETIMEDOUT' }), 'ETIMEDOUT', 'unknown'],
  ])('of %s', (_, error, code, landed) => {
    expect(asNetworkError(error, undefined)).toMatchObject({ code, landed });
  });
});

describe('a proxy', () => {
  const proxied = async (status = 200, tls?: Parameters<typeof startProxy>[1]) => {
    const proxy = await startProxy(status, tls);
    open.push(proxy);
    return proxy;
  };

  it('is used if the environment names one, by CONNECT alone, and carries the client certificate', async () => {
    const seen: (string | undefined)[] = [];
    const served = await start(
      (incoming, response) => {
        const socket = incoming.socket as import('node:tls').TLSSocket;
        seen.push(socket.getPeerCertificate()?.subject?.CN?.toString());
        response.end('{}');
      },
      { tls: { ...authority.serverCertificate(), requestCert: true } },
    );
    const proxy = await proxied();
    const { cert, key } = selfSignedCertificate('one');
    const request = get(served.url, { clientCertificate: { certificate: cert, privateKey: key } });
    expect((await wire({ https_proxy: `http://${proxy.host}` })(request)).status).toBe(200);
    expect([proxy.tunnels, proxy.logins, seen]).toEqual([[served.host], [undefined], ['one']]);
  });

  it.each(['svc:pa%23ss@', 'http://svc:pa%23ss@', 'https://svc:pa%23ss@'])(
    'gets the user and the password of %s',
    async (login) => {
      const { served } = await answering([{ body: {} }]);
      const proxy = await proxied(200, login.startsWith('https') ? authority.serverCertificate() : undefined);
      await wire({ HTTPS_PROXY: `${login}${proxy.host}` })(get(served.url));
      expect(proxy.logins).toEqual([`Basic ${Buffer.from('svc:pa#ss').toString('base64')}`]);
    },
  );

  it('is not asked for what NO_PROXY names', async () => {
    const { served } = await answering([{ body: {} }]);
    const proxy = await proxied();
    await wire({ HTTPS_PROXY: proxy.host, NO_PROXY: `localhost:${served.port}` })(get(served.url));
    expect(proxy.tunnels).toEqual([]);
  });

  it.each([
    [407, true],
    [403, true],
    [502, false],
    [429, false],
  ])('that answers %i is told as that, and asked again: %s', async (status, isLasting) => {
    const proxy = await proxied(status);
    const attempt = wire({ HTTPS_PROXY: proxy.host })(get('https://api.example/'));
    await expect(attempt).rejects.toMatchObject({
      code: `PROXY_${status}`,
      landed: 'no',
      isLasting,
      via: { host: proxy.host, variable: 'HTTPS_PROXY', status },
    });
  });

  it('that does not answer is named in the error', async () => {
    const attempt = wire({ HTTPS_PROXY: '127.0.0.1:1' })(get('https://api.example/'));
    await expect(attempt).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      landed: 'no',
      isLasting: false,
      via: { host: '127.0.0.1:1', status: undefined },
    });
  });
});

describe('a client certificate that is too weak for OpenSSL', () => {
  it.each([false, true])(
    'is never sent, which a retry would not change, with a proxy: %s',
    async (isProxied) => {
      const { exchanges, served } = await answering([{ body: {} }]);
      const { cert, key } = selfSignedCertificate('weak', undefined, 1024);
      await using proxy = await startProxy();
      const send = wire(isProxied ? { HTTPS_PROXY: proxy.host } : {});
      const clientCertificate = { certificate: cert, privateKey: key };
      await expect(send(get(served.url, { clientCertificate }))).rejects.toMatchObject({
        code: 'ERR_SSL_EE_KEY_TOO_SMALL',
        landed: 'no',
        isLocal: true,
        isLasting: true,
      });
      expect(exchanges).toEqual([]);
    },
  );
});

describe('a certificate that is not trusted', () => {
  const { NODE_TLS_REJECT_UNAUTHORIZED } = process.env;
  beforeEach(() => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  });
  afterEach(() => {
    if (NODE_TLS_REJECT_UNAUTHORIZED === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = NODE_TLS_REJECT_UNAUTHORIZED;
  });

  async function untrusted() {
    let count = 0;
    const served = await start(
      (_, response) => {
        count += 1;
        response.end('{}');
      },
      { tls: createAuthority('stranger').serverCertificate() },
    );
    return { served, count: () => count };
  }
  const refusal = { isUntrusted: true, isLasting: true, landed: 'no' };

  it.each([false, true])(
    'is refused whatever the environment says, with a client certificate: %s',
    async (mtls) => {
      const { count, served } = await untrusted();
      const { cert, key } = selfSignedCertificate('one');
      const pair = mtls ? { clientCertificate: { certificate: cert, privateKey: key } } : {};
      await expect(wire()(get(served.url, pair))).rejects.toMatchObject(refusal);
      expect(count()).toBe(0);
    },
  );

  it('is refused through a proxy', async () => {
    const { count, served } = await untrusted();
    await using proxy = await startProxy();
    const attempt = wire({ HTTPS_PROXY: proxy.host })(get(served.url));
    await expect(attempt).rejects.toMatchObject(refusal);
    expect([proxy.tunnels, count()]).toEqual([[served.host], 0]);
  });

  it('is refused of a proxy', async () => {
    await using proxy = await startProxy(200, createAuthority('stranger').serverCertificate());
    const attempt = wire({ HTTPS_PROXY: `https://${proxy.host}` })(get('https://api.example/'));
    await expect(attempt).rejects.toMatchObject(refusal);
    expect(proxy.tunnels).toEqual([]);
  });
});

it('a request without an answer is given up after a minute: then it cannot land any more', () => {
  expect(LONGEST_FLIGHT).toBe(60_000);
});

it('an answer that trickles ends, whether or not a signal was given', async () => {
  const served = await start((_, response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  });
  const { send, close } = openWire({}, 300);
  open.push({ [Symbol.asyncDispose]: close });
  for (const signal of [undefined, new AbortController().signal])
    expect(await failure(send(get(served.url, { signal })))).toEqual({
      code: 'TimeoutError',
      landed: 'unknown',
    });
});
