/**
 * The customer's TLS edge in front of the custom domain, a real one: it asks for the client certificate, keeps or
 * leaves the handshake's verdict to Auth0 and forwards what it saw in headers, authenticated by `cname-api-key`
 * (docs/facts.md#auth0-customer-edge).
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { thumbprintOf } from './authorization-server.ts';
import { type Served, type ServeOptions, serve } from './serve.ts';
import type { Authority } from './tls.ts';

export interface EdgeOptions
  extends Pick<ServeOptions, 'connectMs' | 'fault' | 'latencyMs' | 'onExchange' | 'port'> {
  /** Signs the edge's certificate and is trusted for the upstream. */
  authority: Authority;
  /** Origin of the tenant, e.g. https://localhost:41234 */
  upstream: string;
  edgeSecret: string;
  /** PEM of the CA whose client certificates are reported as verified. */
  clientCa?: string;
  /** A certificate that `clientCa` has not signed ends the handshake (nginx answers 400 instead; others send the alert). */
  verifiesClients?: boolean;
  /** The edge's own allow-list, read at every request: its owner may change it. */
  pinnedThumbprints?: ReadonlySet<string>;
  /** A broken edge, for negative controls: every caller is presented to Auth0 with this registered certificate (PEM). */
  openToAll?: string;
}

export interface Edge extends Served {
  /** For `mtls_endpoint_aliases.token_endpoint`. */
  readonly tokenEndpoint: string;
}

const TOKEN_PATH = '/oauth/token';
const OWN_HEADERS = new Set([
  'client-certificate',
  'client-certificate-ca-verified',
  'cname-api-key',
  'host',
  'connection',
]);
const UPSTREAM_TIMEOUT_MS = 30_000;

export async function createEdge(options: EdgeOptions): Promise<Edge> {
  const {
    authority,
    clientCa,
    connectMs,
    fault,
    latencyMs,
    onExchange,
    port,
    verifiesClients = false,
  } = options;
  const agent = new Agent({ ca: authority.pem, keepAlive: true });
  const tls = {
    ...authority.serverCertificate(),
    requestCert: true,
    rejectUnauthorized: verifiesClients,
    ...(clientCa ? { ca: clientCa } : {}),
  };
  const served = await serve((request, response) => pass(options, agent, request, response), {
    tls,
    ...(fault ? { fault } : {}),
    ...(latencyMs ? { latencyMs } : {}),
    ...(connectMs ? { connectMs } : {}),
    ...(onExchange ? { onExchange } : {}),
    ...(port === undefined ? {} : { port }),
  });
  return {
    url: served.url,
    port: served.port,
    host: served.host,
    tokenEndpoint: served.url + TOKEN_PATH,
    idle: () => served.idle(),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await served[Symbol.asyncDispose]();
    },
  };
}

async function pass(
  options: EdgeOptions,
  agent: Agent,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if ((request.url ?? '').split('?')[0] !== TOKEN_PATH) return page(response, 404, 'Not found');
  const socket = request.socket as TLSSocket;
  const certificate = presented(options, socket);
  const pins = options.pinnedThumbprints;
  if (pins && !(certificate && pins.has(thumbprintOf(certificate)))) {
    return page(response, 403, 'This client certificate is not enrolled');
  }
  const headers: Record<string, string> = { 'cname-api-key': options.edgeSecret };
  for (const [name, value] of Object.entries(request.headers)) {
    // Whatever a caller says about its own certificate must not get through.
    if (!OWN_HEADERS.has(name)) headers[name] = String(value);
  }
  if (certificate) {
    headers['client-certificate'] = encodeURIComponent(certificate.toString());
    // FAILED is the normal value for a self-signed certificate. Without a client CA, Node would have asked its
    // own root store, whose opinion is nobody's here.
    headers['client-certificate-ca-verified'] = options.clientCa && socket.authorized ? 'SUCCESS' : 'FAILED';
  }
  await forward(options.upstream, agent, request, response, headers);
}

function presented(options: EdgeOptions, socket: TLSSocket): X509Certificate | undefined {
  if (options.openToAll !== undefined) return new X509Certificate(options.openToAll);
  return socket.getPeerX509Certificate();
}

function forward(
  upstream: string,
  agent: Agent,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): Promise<void> {
  return new Promise((resolve) => {
    const fail = () => {
      page(response, 502, 'The upstream did not answer');
      resolve();
    };
    const { method = 'GET', url = '/' } = request;
    const target = new URL(url, upstream);
    const outgoing = httpsRequest(target, { method, headers, agent, timeout: UPSTREAM_TIMEOUT_MS });
    outgoing.once('error', fail);
    outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', fail);
      answer.once('end', () => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.end(Buffer.concat(chunks));
        resolve();
      });
    });
    request.pipe(outgoing);
  });
}

/** HTML, so that "the edge refused" never looks like "Auth0 refused". */
function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!DOCTYPE html><html><body><h1>${status}</h1><p>${text}. (customer edge)</p></body></html>`);
}
