/** The wire: one HTTP request and its answer, by undici. */

import type { Dispatcher } from 'undici';
import { findProxy, type ProxyServer } from './proxy.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** PEM of the client certificate and its key, for mutual TLS (RFC 8705). */
  clientCertificate?: { certificate: string; privateKey: string };
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** @throws NetworkError where there is no complete answer */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Opens the connection that a request will need, so that its handshake is over by then. Never throws.
 * The proof gains two round trips, 15 % of a rotation (docs/performance.md).
 */
export type ConnectAhead = (to: Pick<HttpRequest, 'url' | 'clientCertificate'>) => void;

/** The proxy that a request went to. */
export interface Via extends Pick<ProxyServer, 'variable'> {
  host: string;
  /** Where it refused to connect: what it answered. */
  status: number | undefined;
}

/** No answer. `landed` says whether the server may have done what was asked. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: string;
  readonly landed: 'no' | 'unknown';
  readonly via: Via | undefined;

  constructor(code: string, landed: 'no' | 'unknown', cause?: unknown, via?: Via) {
    super(code, { cause });
    this.code = code;
    this.landed = landed;
    this.via = via;
  }

  /** The server showed a certificate that cannot be trusted. */
  get isUntrusted(): boolean {
    return UNTRUSTED.test(this.code);
  }

  /** The next attempt would end the same way. */
  get isLasting(): boolean {
    const { status = 0 } = this.via ?? {};
    return this.isUntrusted || (status >= 400 && status < 500 && status !== 408 && status !== 429);
  }
}

const LIMITS = { headersTimeout: 30_000, bodyTimeout: 30_000, maxResponseSize: 4 * 1024 * 1024 };
/** A request without an answer is given up after this: it cannot land later. */
export const LONGEST_FLIGHT = 60_000;
/** Certificates are verified whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
const CONNECT = { timeout: 10_000, minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;
/** Codes of a certificate that was not accepted (Node.js: tls, X509 certificate error codes). */
const UNTRUSTED =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED)/;
/** Codes of failures before the request was on its way. */
const NEVER_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT|ERR_TLS)/;

/** More than a fleet uses at once: each takes 160 KB, and knows a private key. */
const MOST_DISPATCHERS = 24;

export interface Wire {
  send: Send;
  connectAhead: ConnectAhead;
  close(): Promise<void>;
}

/**
 * Connections are kept alive until `close`; redirects are never followed (a token must not travel with one).
 * @param environment names the proxies
 */
export function openWire(
  environment: Readonly<Record<string, string | undefined>>,
  longestFlight = LONGEST_FLIGHT,
): Wire {
  /** By proxy and client certificate. */
  const dispatchers = new Map<string, Dispatcher>();

  async function dispatcherFor(
    pair: HttpRequest['clientCertificate'],
    proxy: ProxyServer | undefined,
  ): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici');
    const open = (): Dispatcher => {
      const tls = pair ? { ...CONNECT, cert: pair.certificate, key: pair.privateKey } : CONNECT;
      if (!proxy) return new Agent({ ...LIMITS, connect: tls });
      const login = proxy.authorization === undefined ? {} : { token: proxy.authorization };
      // The handshake with the server happens inside the tunnel (requestTls).
      return new ProxyAgent({ ...LIMITS, ...login, uri: proxy.origin, requestTls: tls, proxyTls: CONNECT });
    };
    const key = `${proxy?.origin ?? ''} ${pair?.certificate ?? ''}`;
    const dispatcher = dispatchers.get(key) ?? open();
    // The first is the one that was not used for longest.
    dispatchers.delete(key);
    dispatchers.set(key, dispatcher);
    for (const [name, unused] of [...dispatchers].slice(0, -MOST_DISPATCHERS)) {
      dispatchers.delete(name);
      // What is still being asked gets its answer.
      unused.close().catch(() => undefined);
    }
    return dispatcher;
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    const proxy = findProxy(environment, url);
    const total = AbortSignal.timeout(longestFlight);
    try {
      const dispatcher = await dispatcherFor(request.clientCertificate, proxy);
      const answer = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers: { ...request.headers },
        body: request.body ?? null,
        signal: request.signal ? AbortSignal.any([request.signal, total]) : total,
      });
      const body = await answer.body.text();
      // undici frees the socket one tick later: without it the next request would open a connection of its own.
      await new Promise(setImmediate);
      return { status: answer.statusCode, headers: flatten(answer.headers), body };
    } catch (error) {
      throw asNetworkError(error, proxy);
    }
  }

  async function connectTo({ clientCertificate, url }: Parameters<ConnectAhead>[0]): Promise<void> {
    const { origin } = new URL(url);
    const dispatcher = await dispatcherFor(clientCertificate, findProxy(environment, new URL(url)));
    dispatcher.dispatch({ origin, path: '/', method: 'GET' }, NOTHING_TO_SEND);
  }

  return {
    send,
    connectAhead: (to) => {
      connectTo(to).catch(() => undefined);
    },
    close: async () => {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** undici asks the handler when the connection is open and nothing is sent yet: then this request ends, and the connection stays. */
const NOTHING_TO_SEND: Dispatcher.DispatchHandlers = {
  onConnect() {
    throw new Error('nothing to send');
  },
  onHeaders: () => false,
  onData: () => false,
  onComplete: () => undefined,
  onError: () => undefined,
};

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function asNetworkError(error: unknown, proxy: ProxyServer | undefined): NetworkError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const status = proxy && refusalOf(error);
  const via = proxy && { host: new URL(proxy.origin).host, variable: proxy.variable, status };
  if (status !== undefined) return new NetworkError(`PROXY_${status}`, 'no', error, via);
  const codes = [errorCode(error), errorCode(cause)].filter((code) => code !== undefined);
  // The handshake with a proxy fails inside an error of its own.
  const code =
    codes.find((one) => UNTRUSTED.test(one)) ?? codes[0] ?? (error instanceof Error ? error.name : 'UNKNOWN');
  const landed = NEVER_SENT.test(code) || UNTRUSTED.test(code) ? 'no' : 'unknown';
  return new NetworkError(code, landed, error, via);
}

/** undici says it in words alone. */
function refusalOf(error: unknown): number | undefined {
  const said = error instanceof Error ? error.message : '';
  const [, status] = /^Proxy response \((\d{3})\)/.exec(said) ?? [];
  return status === undefined ? undefined : Number(status);
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
