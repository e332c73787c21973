/** Sends requests to one remote service, with retry policy, clock, pace and debug log. */

import type { Cancellation, Clock, Waiting } from './clock.ts';
import type { Pace } from './pace.ts';
import { type OnUncertain, type Repeatable, retry } from './retry.ts';
import { ServerClock } from './server-clock.ts';
import { type ConnectAhead, type HttpRequest, type HttpResponse, NetworkError, type Send } from './wire.ts';

/** How requests are sent, and what bounds them. Shared by all services of a run. */
export interface Transport {
  send: Send;
  /** It may be missing, since it only saves time. */
  connectAhead?: ConnectAhead;
  clock: Clock;
  /** Aborts reads and waits when the run is cancelled, until `shield` is called. */
  cancellation: Cancellation;
  debug(message: string): void;
}

/** Shared by all senders to one service. */
export interface Remote {
  serverClock: ServerClock;
  /** Without it requests do not wait. */
  pace?: Pace;
}

export class Service {
  readonly name: string;
  readonly serverClock: ServerClock;
  readonly #transport: Transport;
  readonly #pace: Pace | undefined;

  constructor(
    name: string,
    transport: Transport,
    { serverClock, pace }: Remote = { serverClock: new ServerClock() },
  ) {
    this.name = name;
    this.serverClock = serverClock;
    this.#transport = transport;
    this.#pace = pace;
  }

  /** Milliseconds since the epoch by this service's clock. */
  now(): number {
    return this.#transport.clock.now() + this.serverClock.offset;
  }

  /** For waits between two calls. */
  get waiting(): Waiting {
    return this.#transport;
  }

  /**
   * Sends a request and repeats it by the retry policy. Returns a response with any status.
   * @param request a request, or a function that makes one for each attempt if a request is valid only once
   * @throws NetworkError after the last attempt without an answer
   * @throws RotationError CANCELLED, DEADLINE_EXCEEDED
   */
  async call(
    request: HttpRequest | (() => Promise<HttpRequest>),
    repeatable: Repeatable = 'idempotent',
    onUncertain?: OnUncertain,
  ): Promise<HttpResponse> {
    const { clock, cancellation } = this.#transport;
    const attempt =
      typeof request === 'function'
        ? async () => this.#attempt(await request())
        : () => this.#attempt(request);
    return retry(attempt, {
      repeatable,
      clock,
      serverNow: () => this.now(),
      cancellation,
      onUncertain,
    });
  }

  async #attempt(request: HttpRequest): Promise<HttpResponse> {
    const { clock, cancellation, send } = this.#transport;
    cancellation.check();
    const endTurn = await this.#pace?.turn(request, this.#transport);
    const sentAt = clock.now();
    // The effect of an aborted write would be unknown.
    const mayAbort = request.method === 'GET' || request.changesNothing === true;
    const signal = mayAbort ? cancellation.signal : undefined;
    try {
      const response = await send({ ...request, signal });
      endTurn?.(response);
      this.serverClock.observe(response.headers.date, sentAt, clock.now());
      this.#debug(request, `${response.status}`, sentAt, response.headers);
      return withoutEchoes(response, request);
    } catch (error) {
      endTurn?.();
      this.#debug(request, error instanceof NetworkError ? error.code : 'failed', sentAt, {});
      // What was aborted becomes CANCELLED. The effect of a write without an answer is unknown, so its own error stays.
      if (mayAbort) cancellation.check();
      throw error;
    }
  }

  #debug(request: HttpRequest, outcome: string, sentAt: number, headers: HttpResponse['headers']): void {
    const { clock, debug } = this.#transport;
    const id = headers['x-github-request-id'] ?? headers['x-auth0-requestid'] ?? headers['x-request-id'];
    const took = Math.round(clock.now() - sentAt);
    debug(
      `${this.name}: ${request.method} ${pathOf(request.url)} → ${outcome} in ${took} ms${id ? ` (request ${id})` : ''}`,
    );
  }
}

/** Removes the secrets of a request from its response. A server may echo them, and they must not get into a message. */
function withoutEchoes(response: HttpResponse, { headers, body = '' }: HttpRequest): HttpResponse {
  const form = new URLSearchParams(body);
  const secrets = [
    headers.authorization?.split(' ')[1],
    form.get('client_secret'),
    form.get('client_assertion'),
  ];
  const clean = secrets.reduce<string>(
    (text, secret) => (secret ? text.replaceAll(secret, '***') : text),
    response.body,
  );
  return clean === response.body ? response : { ...response, body: clean };
}

/** The path without its query, for logs and messages. */
export function pathOf(url: string): string {
  return new URL(url).pathname;
}
