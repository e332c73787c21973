/** Finds the endpoints for proofs by discovery and mTLS endpoint aliases (docs/facts.md#auth0-discovery). */

import { RotationError } from '../errors.ts';
import { describeInterceptor } from '../http/intercepted.ts';
import type { Service } from '../http/service.ts';
import type { HttpResponse } from '../http/wire.ts';
import { isObject, type JsonObject, parseJson, stringOf } from '../model/json.ts';
import { oneLine } from '../model/markdown.ts';
import { callAuth0, isOutage, unexpectedAnswer } from './answers.ts';

/** The endpoints for a proof. Each is undefined if the tenant names none. */
export interface ProofEndpoints {
  token: string | undefined;
  /** RFC 9126. */
  pushedRequest: string | undefined;
}

/**
 * The endpoints that ask for a client certificate.
 * Aliases always count. The plain endpoints of `mtlsDomain` count too, since its edge terminates mTLS, unless the alias of the token
 * endpoint is on another host, or `mtlsDomain` is a host of Auth0's own, where no edge terminates mTLS (docs/facts.md#auth0-discovery).
 * @throws RotationError DISCOVERY_FAILED, AUTH0_REQUEST_FAILED
 */
export async function discoverMtlsEndpoints(
  service: Service,
  domain: string,
  mtlsDomain: string | undefined,
): Promise<ProofEndpoints> {
  const host = mtlsDomain ?? domain;
  const document = await readDocument(service, host);
  const aliases = document.mtls_endpoint_aliases;
  const isEdge = mtlsDomain !== undefined && !/\.auth0\.com(:\d+)?$/.test(mtlsDomain);
  const asksForCertificate = (plain: string) =>
    isEdge && hostOf(stringOf(aliases, TOKEN) ?? plain) === hostOf(plain);
  const endpoint = (name: string) => {
    const plain = stringOf(document, name);
    const usable = plain !== undefined && asksForCertificate(plain) ? plain : undefined;
    return trusted(stringOf(aliases, name) ?? usable, host);
  };
  return { token: endpoint(TOKEN), pushedRequest: endpoint(PUSHED_REQUEST) };
}

/** For a client that signs an assertion, the tenant's own endpoint. @throws RotationError DISCOVERY_FAILED, AUTH0_REQUEST_FAILED */
export async function discoverPushedRequestEndpoint(
  service: Service,
  domain: string,
): Promise<string | undefined> {
  return trusted(stringOf(await readDocument(service, domain), PUSHED_REQUEST), domain);
}

const TOKEN = 'token_endpoint';
const PUSHED_REQUEST = 'pushed_authorization_request_endpoint';

async function readDocument(service: Service, host: string): Promise<JsonObject> {
  const url = `https://${host}/.well-known/openid-configuration`;
  const response = await callAuth0(
    service,
    { method: 'GET', url, headers: { accept: 'application/json' } },
    'idempotent',
  );
  const document = parseJson(response);
  if (isOutage(response)) throw unexpectedAnswer(url, response);
  if (response.status !== 200 || !isObject(document)) throw notDiscovery(url, response);
  return document;
}

function hostOf(endpoint: string): string | undefined {
  return URL.canParse(endpoint) ? new URL(endpoint).host : undefined;
}

/** Returns the endpoint. @throws RotationError DISCOVERY_FAILED if it is not trusted */
function trusted(endpoint: string | undefined, host: string): string | undefined {
  if (endpoint !== undefined && !isTrusted(endpoint, host)) throw untrusted(host);
  return endpoint;
}

/** Whether an endpoint uses https and is on the host of the input or a subdomain. Otherwise an answer could divert a certificate or a token. */
function isTrusted(endpoint: string, host: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { protocol, hostname, username, password } = new URL(endpoint);
  const expected = new URL(`https://${host}`).hostname;
  if (protocol !== 'https:' || username !== '' || password !== '') return false;
  return hostname === expected || hostname.endsWith(`.${expected}`);
}

/** The error for an answer without an OpenID configuration. */
function notDiscovery(url: string, response: HttpResponse): RotationError {
  const what = describeInterceptor(response) ?? (oneLine(response.body).slice(0, 100) || 'nothing');
  return new RotationError('DISCOVERY_FAILED', {
    failed: `${url} shows no OpenID configuration (${response.status}: ${what}).`,
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or leave it empty if the tenant names an mTLS endpoint alias, and check auth0-domain.',
  });
}

function untrusted(host: string): RotationError {
  return new RotationError('DISCOVERY_FAILED', {
    failed: `Discovery at ${host} names an endpoint that is not https on ${host} or below it.`,
    remedy: 'Set mtls-domain to the custom domain whose edge terminates mTLS.',
  });
}
