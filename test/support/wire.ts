/** A real wire to real loopback servers, whose throw-away authority this process trusts; only the waits are not waited. */

import tls from 'node:tls';
import { Cancellation } from '../../src/http/clock.ts';
import { Service, type Transport } from '../../src/http/service.ts';
import { openWire } from '../../src/http/wire.ts';
import { type Exchange, type Handler, type Served, type ServeOptions, serve } from '../emulators/serve.ts';
import { createAuthority } from '../emulators/tls.ts';

const ca = createAuthority();
/** One certificate serves all servers of a test file: each takes a tenth of a second to make. */
const server = ca.serverCertificate();
export const authority = { ...ca, serverCertificate: () => server };

/** For connections that are opened from now on. */
export function trust(pem: string): void {
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), pem]);
}
trust(ca.pem);

/** Waits are not waited, and count. */
export function skippingClock(onWait: (milliseconds: number) => unknown = () => undefined) {
  const began = Date.now() - performance.now();
  let skipped = 0;
  const leap = (milliseconds: number) => {
    skipped += milliseconds;
  };
  return {
    leap,
    now: () => began + performance.now() + skipped,
    sleep: async (milliseconds: number) => {
      await onWait(milliseconds);
      leap(milliseconds);
    },
    random: () => 0,
  };
}

export interface Line extends AsyncDisposable {
  connection: Transport;
  /** Milliseconds of every wait. */
  waits: number[];
  /** The debug log. */
  log: string[];
  cancel(): void;
  service(name: string): Service;
}

export function openLine(environment: Record<string, string> = {}): Line {
  const wire = openWire(environment);
  const abort = new AbortController();
  const waits: number[] = [];
  const log: string[] = [];
  const connection: Transport = {
    send: wire.send,
    clock: skippingClock((milliseconds) => waits.push(milliseconds)),
    cancellation: new Cancellation(abort.signal),
    debug: (message) => log.push(message),
  };
  return {
    connection,
    waits,
    log,
    cancel: () => abort.abort(),
    service: (name) => new Service(name, connection),
    [Symbol.asyncDispose]: () => wire.close(),
  };
}

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Peer extends AsyncDisposable {
  served: Served;
  exchanges: Exchange[];
}

/** An https server that gives these answers, one a request; the last one stays. A function is asked with method and path. */
export async function peer(
  answers: readonly Answer[] | ((asked: string) => Answer),
  options: ServeOptions = {},
): Promise<Peer> {
  const exchanges: Exchange[] = [];
  let count = 0;
  const next = (asked: string) =>
    typeof answers === 'function' ? answers(asked) : answers[Math.min(count, answers.length - 1)];
  const handler: Handler = {
    handle: ({ method, path }) => {
      const { status = 200, body, headers = {} } = next(`${method} ${path}`) ?? {};
      count += 1;
      const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
      return { status, headers: { 'content-type': 'application/json', ...headers }, body: text };
    },
  };
  const served = await serve(handler, {
    tls: authority.serverCertificate(),
    onExchange: (exchange) => exchanges.push(exchange),
    ...options,
  });
  return { served, exchanges, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}
