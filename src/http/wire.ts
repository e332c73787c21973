/** Sends one HTTP request with undici. */

import type { Dispatcher } from 'undici';
import { findProxy, type ProxyServer } from './proxy.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** PEM of the client certificate and its key, for mutual TLS (RFC 8705). */
  clientCertificate?: { certificate: string; privateKey: string };
  /** Uses a new connection and closes it afterwards. */
  freshConnection?: boolean;
  /** Like a GET, it changes nothing that lasts, so a run that is cancelled aborts it. */
  changesNothing?: boolean;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** @throws NetworkError if there is no complete answer */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Opens the connection for a later request, so that its handshake is done by then. Never throws.
 * This saves two round trips of each proof, 23 % of a rotation that does not wait (docs/performance.md).
 */
export type ConnectAhead = (to: Pick<HttpRequest, 'url' | 'clientCertificate' | 'freshConnection'>) => void;

/** The proxy that a request went to. */
export interface Via extends Pick<ProxyServer, 'variable'> {
  host: string;
  /** The proxy's response status, if it refused to connect. */
  status: number | undefined;
}

/** There was no answer. `landed` says whether the server may have carried out the request. */
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

  /** The server's certificate is not trusted. */
  get isUntrusted(): boolean {
    return UNTRUSTED.test(this.code);
  }

  /** OpenSSL refused to use the client certificate, so there was no handshake. */
  get isLocal(): boolean {
    return LOCAL.test(this.code);
  }

  /** A retry would fail the same way. */
  get isLasting(): boolean {
    const { status = 0 } = this.via ?? {};
    return (
      this.isUntrusted || this.isLocal || (status >= 400 && status < 500 && status !== 408 && status !== 429)
    );
  }
}

const LIMITS = { headersTimeout: 30_000, bodyTimeout: 30_000, maxResponseSize: 4 * 1024 * 1024 };
/** A request without an answer is aborted after this time, in milliseconds. After that it can no longer land. */
export const LONGEST_FLIGHT = 60_000;
/** Certificates are verified whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
const CONNECT = { timeout: 10_000, minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;
/** Codes for a certificate that is not trusted (Node.js: tls, X509 certificate error codes). */
const UNTRUSTED =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED)/;
/** Codes for a client certificate, or one of its CAs, that is weaker than the security level of OpenSSL allows. */
const LOCAL = /^ERR_SSL_(EE|CA)_(KEY_TOO_SMALL|MD_TOO_WEAK)$/;
/** Codes of failures before the request was sent. */
const NEVER_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT|ERR_TLS)/;

/** The most open dispatchers. A fleet uses fewer at once. Each takes 160 KB and holds a private key. */
const MOST_DISPATCHERS = 24;

export interface Wire {
  send: Send;
  connectAhead: ConnectAhead;
  close(): Promise<void>;
}

/**
 * Opens the wire. Connections stay open until `close`. Redirects are never followed, since that could send a token to another host.
 * @param environment has the proxy variables
 * @param longestFlight milliseconds
 */
export function openWire(
  environment: Readonly<Record<string, string | undefined>>,
  longestFlight = LONGEST_FLIGHT,
): Wire {
  /** By proxy and client certificate. One for a fresh connection stands apart until its request takes it. */
  const dispatchers = new Map<string, Dispatcher>();

  /** @param isOwn for a request that closes it: takes the one that was opened ahead, or opens one */
  async function dispatcherFor(
    { clientCertificate: pair, freshConnection: isFresh = false }: Parameters<ConnectAhead>[0],
    proxy: ProxyServer | undefined,
    isOwn = false,
  ): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici');
    const open = (): Dispatcher => {
      const tls = pair ? { ...CONNECT, cert: pair.certificate, key: pair.privateKey } : CONNECT;
      if (!proxy) return new Agent({ ...LIMITS, connect: tls });
      const login = proxy.authorization === undefined ? {} : { token: proxy.authorization };
      // The handshake with the server happens inside the tunnel (requestTls).
      return new ProxyAgent({ ...LIMITS, ...login, uri: proxy.origin, requestTls: tls, proxyTls: CONNECT });
    };
    const key = `${proxy?.origin ?? ''} ${pair?.certificate ?? ''} ${isFresh}`;
    const dispatcher = dispatchers.get(key) ?? open();
    // The map is in order of use, so the first entry is the least recently used.
    dispatchers.delete(key);
    if (isOwn) return dispatcher;
    dispatchers.set(key, dispatcher);
    for (const [name, unused] of [...dispatchers].slice(0, -MOST_DISPATCHERS)) {
      dispatchers.delete(name);
      // Requests in flight still get their answers.
      unused.close().catch(() => undefined);
    }
    return dispatcher;
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    const proxy = findProxy(environment, url);
    const total = AbortSignal.timeout(longestFlight);
    let own: Dispatcher | undefined;
    try {
      const dispatcher = await dispatcherFor(request, proxy, request.freshConnection);
      if (request.freshConnection) own = dispatcher;
      const answer = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers: { ...request.headers },
        body: request.body ?? null,
        signal: request.signal ? AbortSignal.any([request.signal, total]) : total,
      });
      const body = await answer.body.text();
      // undici frees the socket one tick later. Without this wait the next request would open another connection.
      await new Promise(setImmediate);
      return { status: answer.statusCode, headers: flatten(answer.headers), body };
    } catch (error) {
      throw asNetworkError(error, proxy);
    } finally {
      own?.destroy().catch(() => undefined);
    }
  }

  async function connectTo(to: Parameters<ConnectAhead>[0]): Promise<void> {
    const url = new URL(to.url);
    const dispatcher = await dispatcherFor(to, findProxy(environment, url));
    dispatcher.dispatch({ origin: url.origin, path: '/', method: 'GET' }, NOTHING_TO_SEND);
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

/**
 * A request that sends nothing. undici calls onConnect when the connection is open. The error then ends this request, and the connection
 * stays open.
 */
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

/** What went wrong, and whether the request may have landed. @param proxy that the request went to */
export function asNetworkError(error: unknown, proxy: ProxyServer | undefined): NetworkError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const status = proxy && refusedStatus(error);
  const via = proxy && { host: new URL(proxy.origin).host, variable: proxy.variable, status };
  if (status !== undefined) return new NetworkError(`PROXY_${status}`, 'no', error, via);
  const codes = [errorCode(error), errorCode(cause)].filter((code) => code !== undefined);
  // The error of a handshake with a proxy is nested in another error.
  const code =
    codes.find((one) => UNTRUSTED.test(one)) ?? codes[0] ?? (error instanceof Error ? error.name : 'UNKNOWN');
  const isUnsent = [NEVER_SENT, UNTRUSTED, LOCAL].some((codes) => codes.test(code)) || neverConnected(error);
  return new NetworkError(code, isUnsent ? 'no' : 'unknown', error, via);
}

/**
 * Whether there was never a connection, whatever the code is: it is also that of a connection that falls silent (ETIMEDOUT). If all
 * addresses of a name fail, Node.js throws their errors as one, with the code of the first (net, autoSelectFamily).
 */
function neverConnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  if (!(error instanceof Error)) return false;
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === 'connect' || syscall === 'getaddrinfo' || neverConnected(error.cause);
}

/** undici shows the status only in the message. */
function refusedStatus(error: unknown): number | undefined {
  const said = error instanceof Error ? error.message : '';
  const [, status] = /^Proxy response \((\d{3})\)/.exec(said) ?? [];
  return status === undefined ? undefined : Number(status);
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
