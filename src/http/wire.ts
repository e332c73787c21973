/** The wire: one HTTP request and its answer, by undici. */

import type { Dispatcher } from 'undici';

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
 * The proof gains 2 round trips: 12 % of a rotation (docs/performance.md).
 */
export type ConnectAhead = (to: Pick<HttpRequest, 'url' | 'clientCertificate'>) => void;

/** No answer. `landed` says whether the server may have done what was asked. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: string;
  readonly landed: 'no' | 'unknown';

  constructor(code: string, landed: 'no' | 'unknown', cause?: unknown) {
    super(code, { cause });
    this.code = code;
    this.landed = landed;
  }
}

const LIMITS = { headersTimeout: 30_000, bodyTimeout: 30_000, maxResponseSize: 4 * 1024 * 1024 };
/** A request without an answer is given up after this: it cannot land later. */
export const LONGEST_FLIGHT = 60_000;
const CONNECT = { timeout: 10_000, minVersion: 'TLSv1.2' } as const;
/** Codes of failures before the request was on its way. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;
const PROXY_VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];

/** More than a fleet uses at once: each takes 160 KB, and knows a private key. */
const MOST_DISPATCHERS = 24;

/** Connections are kept alive until `close`; redirects are never followed (a token must not travel with one). */
export function openWire(environment: Readonly<Record<string, string | undefined>>): {
  send: Send;
  connectAhead: ConnectAhead;
  close(): Promise<void>;
} {
  /** By client certificate. */
  const dispatchers = new Map<string, Dispatcher>();
  const proxied = PROXY_VARIABLES.some((name) => environment[name]);

  async function dispatcherFor(pair: HttpRequest['clientCertificate']): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent } = await import('undici');
    const open = (): Dispatcher => {
      const tls = pair ? { ...CONNECT, cert: pair.certificate, key: pair.privateKey } : CONNECT;
      // Through a proxy the handshake with the server happens inside the tunnel (requestTls).
      const options = { ...LIMITS, connect: tls, requestTls: tls };
      return proxied ? new EnvHttpProxyAgent(options) : new Agent(options);
    };
    const key = pair?.certificate ?? '';
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
    const total = AbortSignal.timeout(LONGEST_FLIGHT);
    try {
      const dispatcher = await dispatcherFor(request.clientCertificate);
      const { origin, pathname, search } = new URL(request.url);
      const answer = await dispatcher.request({
        origin,
        path: `${pathname}${search}`,
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
      throw asNetworkError(error);
    }
  }

  function connectAhead({ clientCertificate, url }: Parameters<ConnectAhead>[0]): void {
    dispatcherFor(clientCertificate)
      .then((dispatcher) =>
        dispatcher.dispatch({ origin: new URL(url).origin, path: '/', method: 'GET' }, NOTHING_TO_SEND),
      )
      .catch(() => undefined);
  }

  return {
    send,
    connectAhead,
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

function asNetworkError(error: unknown): NetworkError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = errorCode(error) ?? errorCode(cause) ?? (error instanceof Error ? error.name : 'UNKNOWN');
  return new NetworkError(code, NEVER_SENT.test(code) ? 'no' : 'unknown', error);
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
