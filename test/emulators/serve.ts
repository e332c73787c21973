/**
 * Puts an emulator, or a real server's node-style listener, on a real loopback socket, with faults.
 * Every request is read whole before it is handled, so that "handled" and "answered" are two separate
 * moments and a fault can come between them: that gap is what a client of a real service has to survive.
 */
import { constants } from 'node:crypto';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Emulator, EmulatorRequest, EmulatorResponse } from './emulator.ts';

export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Chooses who handles a request: one origin can carry an emulator and a real server side by side. */
export interface Router {
  route(request: EmulatorRequest): Emulator | Listener;
}

export type Handler = Emulator | Listener | Router;

export type Fault =
  /** Answered in the service's place: the request has not landed. */
  | { kind: 'answer'; response: EmulatorResponse }
  /** The connection breaks first: the request has not landed. */
  | { kind: 'drop' }
  /** The request has landed, then the connection breaks: the answer is lost. */
  | { kind: 'lose' }
  /** The request lands only after the delay, also when its client has long gone. */
  | { kind: 'late'; delayMs: number }
  /** The request lands at once, its answer comes after the delay. */
  | { kind: 'slow'; delayMs: number }
  /** The request has landed, the answer keeps its status but its body is of no use. */
  | { kind: 'garble'; as: 'html' | 'half-json' | 'empty' };

/** One line of the transcript. */
export interface Exchange {
  method: string;
  path: string;
  requestHeaders: Readonly<Record<string, string>>;
  requestBody: string;
  /** What was written to the client; undefined when the connection was dropped instead. */
  status: number | undefined;
  responseHeaders: Readonly<Record<string, string>>;
  responseBody: string;
  /** What the service itself answered, seen by the client or not; undefined: the request has not landed. */
  landed: number | undefined;
  fault: Fault['kind'] | undefined;
  startedAt: number;
  durationMs: number;
}

export interface TlsOptions {
  key: string;
  cert: string;
  /** Against these client certificates are verified; refused only where `rejectUnauthorized` says so, else by the handler. */
  ca?: string;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
}

export interface ServeOptions {
  tls?: TlsOptions;
  /** Added to every answer. */
  latencyMs?: () => number;
  /** How much longer a connection takes to open: on a network, TCP and TLS 1.3 take a round trip each. */
  connectMs?: () => number;
  fault?: (request: EmulatorRequest) => Fault | undefined;
  onExchange?: (exchange: Exchange) => void;
  /** 0, a free port, unless given. */
  port?: number;
}

export interface Served extends AsyncDisposable {
  /** Origin without a trailing slash, e.g. https://localhost:41234 */
  readonly url: string;
  readonly port: number;
  /** localhost:41234 */
  readonly host: string;
  /** Resolves when no request is being handled or waiting to land. */
  idle(): Promise<void>;
}

interface Outcome {
  sent: EmulatorResponse | undefined;
  landed: number | undefined;
}

const MAX_BODY_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 30_000;
const NO_BODY = new Set([204, 304]);
const NOTHING: Outcome = { sent: undefined, landed: undefined };

export async function serve(handler: Handler, options: ServeOptions = {}): Promise<Served> {
  const stop = new AbortController();
  const pending = new Set<Promise<void>>();
  const sockets = new Set<Socket>();
  const listener: Listener = (request, response) => {
    const done = exchange(handler, options, request, response, stop.signal)
      .catch(() => request.socket.destroy())
      .then(() => {
        pending.delete(done);
      });
    pending.add(done);
  };
  const slowly = (_name: string, go: (error: Error | null) => void) =>
    void wait(options.connectMs?.() ?? 0, stop.signal).then(() => go(null));
  const server = options.tls
    ? createTlsServer({ ...tlsOptions(options.tls), SNICallback: slowly }, listener)
    : createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener);
  // Raw sockets: a client that is still in its TLS handshake must not hold up the end either.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listening(server, options.port ?? 0);
  const host = `localhost:${port}`;
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}`,
    port,
    host,
    async idle() {
      while (pending.size > 0) await Promise.all(pending);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  return (server.address() as AddressInfo).port;
}

function tlsOptions(tls: TlsOptions): object {
  const { requestCert = false, ...rest } = tls;
  return {
    ...rest,
    requestCert,
    rejectUnauthorized: tls.rejectUnauthorized ?? false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // No session tickets where certificates matter: every connection proves its client key anew.
    ...(requestCert ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  };
}

async function exchange(
  handler: Handler,
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  stop: AbortSignal,
): Promise<void> {
  const startedAt = Date.now();
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { connection: 'close' }).end();
    return;
  }
  const received: EmulatorRequest = {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: flat(request.headers),
    body,
  };
  const fault = options.fault?.(received);
  const outcome = await withFault(fault, () => land(handler, received, request.socket), stop);
  await wait(options.latencyMs?.() ?? 0, stop);
  if (outcome.sent === undefined) request.socket.destroy();
  else send(response, outcome.sent);
  options.onExchange?.({
    method: received.method,
    path: received.path,
    requestHeaders: received.headers,
    requestBody: received.body,
    status: outcome.sent?.status,
    responseHeaders: outcome.sent?.headers ?? {},
    responseBody: outcome.sent?.body ?? '',
    landed: outcome.landed,
    fault: fault?.kind,
    startedAt,
    durationMs: Date.now() - startedAt,
  });
}

async function withFault(
  fault: Fault | undefined,
  handle: () => Promise<EmulatorResponse>,
  stop: AbortSignal,
): Promise<Outcome> {
  if (fault?.kind === 'drop') return NOTHING;
  if (fault?.kind === 'answer') return { sent: fault.response, landed: undefined };
  if (fault?.kind === 'late' && !(await wait(fault.delayMs, stop))) return NOTHING;
  const answer = await handle();
  if (fault?.kind === 'slow') await wait(fault.delayMs, stop);
  if (fault?.kind === 'lose') return { sent: undefined, landed: answer.status };
  return { sent: fault?.kind === 'garble' ? garbled(answer, fault.as) : answer, landed: answer.status };
}

function garbled(answer: EmulatorResponse, as: 'html' | 'half-json' | 'empty'): EmulatorResponse {
  if (as === 'empty') return { ...answer, body: '' };
  if (as === 'half-json') return { ...answer, body: answer.body.slice(0, Math.ceil(answer.body.length / 2)) };
  return {
    ...answer,
    headers: { ...answer.headers, 'content-type': 'text/html; charset=utf-8' },
    body: '<!DOCTYPE html><html><body><h1>Just a moment…</h1></body></html>',
  };
}

async function land(handler: Handler, request: EmulatorRequest, socket: Socket): Promise<EmulatorResponse> {
  const target = typeof handler === 'object' && 'route' in handler ? handler.route(request) : handler;
  try {
    return typeof target === 'function' ? await capture(target, request, socket) : target.handle(request);
  } catch (error) {
    // A defect of the sandbox itself: say so loudly, in a form no service would answer.
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: `sandbox defect: ${error}` };
  }
}

/** A response that collects what a node-style listener writes instead of sending it. */
class CapturedResponse extends ServerResponse {
  readonly chunks: Buffer[] = [];

  override writeHead(status: number, ...rest: unknown[]): this {
    this.statusCode = status;
    const headers = rest.at(-1);
    if (typeof headers === 'object' && headers !== null && !Array.isArray(headers)) {
      for (const [name, value] of Object.entries(headers)) this.setHeader(name, value as string);
    }
    return this;
  }

  override write(chunk: unknown): boolean {
    this.chunks.push(Buffer.from(chunk as string | Buffer));
    return true;
  }

  override end(chunk?: unknown): this {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.write(chunk);
    this.finished = true;
    this.emit('finish');
    return this;
  }
}

async function capture(
  listener: Listener,
  request: EmulatorRequest,
  socket: Socket,
): Promise<EmulatorResponse> {
  const incoming = incomingMessage(request, socket);
  const response = new CapturedResponse(incoming);
  await new Promise<void>((resolve, reject) => {
    response.once('finish', resolve);
    Promise.resolve(listener(incoming, response)).catch(reject);
  });
  return {
    status: response.statusCode,
    headers: flat(response.getHeaders()),
    body: Buffer.concat(response.chunks).toString(),
  };
}

/** A request for a node-style listener, with the peer's real socket (and so its TLS certificate) behind it. */
export function incomingMessage(request: EmulatorRequest, socket: Socket): IncomingMessage {
  const incoming = new IncomingMessage(socket);
  incoming.method = request.method;
  incoming.url = request.path;
  const { 'transfer-encoding': _, ...headers } = request.headers;
  incoming.headers = { ...headers, 'content-length': String(Buffer.byteLength(request.body)) };
  incoming.httpVersion = '1.1';
  incoming.httpVersionMajor = 1;
  incoming.httpVersionMinor = 1;
  incoming.complete = true;
  if (request.body !== '') incoming.push(request.body);
  incoming.push(null);
  return incoming;
}

/** The whole body, or undefined when it is larger than any request of the sandbox. */
export async function readBody(
  request: IncomingMessage,
  limit = MAX_BODY_BYTES,
): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed on return: the connection is still needed to say 413.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limit) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

/** Headers as the emulators have them: one string per lower-case name. */
export function flat(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    result[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return result;
}

function send(response: ServerResponse, answer: EmulatorResponse): void {
  if (response.destroyed) return;
  response.on('error', () => {});
  const length = NO_BODY.has(answer.status) ? {} : { 'content-length': Buffer.byteLength(answer.body) };
  const { 'transfer-encoding': _, 'content-length': __, connection: ___, ...headers } = answer.headers;
  response.writeHead(answer.status, { ...headers, ...length });
  response.end(NO_BODY.has(answer.status) ? undefined : answer.body);
}

/** False when the server was closed meanwhile. The timer ends with the server, so nothing outlives a test. */
function wait(delayMs: number, stop: AbortSignal): Promise<boolean> {
  if (stop.aborted) return Promise.resolve(false);
  if (delayMs <= 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (landed: boolean) => {
      clearTimeout(timer);
      stop.removeEventListener('abort', abort);
      resolve(landed);
    };
    const abort = () => end(false);
    const timer = setTimeout(() => end(true), delayMs);
    stop.addEventListener('abort', abort);
  });
}
