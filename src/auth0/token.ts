/** Calls the token endpoint, to log in to the Management API and to prove a key. */

import { createPrivateKey, randomUUID } from 'node:crypto';
import { RotationError } from '../errors.ts';
import { describeInterceptor } from '../http/intercepted.ts';
import type { Service } from '../http/service.ts';
import type { HttpRequest, HttpResponse } from '../http/wire.ts';
import { type Json, parseJson, stringOf } from '../model/json.ts';
import type { ManagementLogin } from '../model/management-login.ts';
import { oneLine } from '../model/markdown.ts';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../model/signing-algorithm.ts';
import { answered, isOutage, unexpectedAnswer } from './answers.ts';

export interface ManagementApi {
  service: Service;
  domain: string;
  audience: string;
  login: ManagementLogin;
  /** The endpoint for a login with `mtls`. */
  mtlsTokenEndpoint: () => Promise<string | undefined>;
}

/** Requests a token for the Management API. @throws RotationError AUTH0_UNAUTHORIZED, AUTH0_REQUEST_FAILED */
export async function managementToken(api: ManagementApi): Promise<string> {
  const { login } = api;
  if (login.kind === 'token') return login.token;
  const endpoint = await endpointFor(api);
  const { offset } = api.service.serverClock;
  const tried: SigningAlgorithm[] = SIGNING_ALGORITHMS.slice(0, 1);
  let response = await requestToken(api, login, endpoint);
  if (login.kind !== 'private-key-jwt' || response.status !== 401)
    return tokenFrom(login, endpoint, response, tried);
  // The first answer shows Auth0's time. The clock of the runner may be too wrong for an assertion.
  if (Math.abs(api.service.serverClock.offset - offset) > CLOCK_TOLERANCE)
    response = await requestToken(api, login, endpoint);
  // Auth0 accepts only the algorithm that the key is registered for, and nothing here records it.
  for (const algorithm of SIGNING_ALGORITHMS.slice(1)) {
    if (isRecognized(response)) break;
    tried.push(algorithm);
    const other = await requestToken(api, login, endpoint, algorithm);
    if (isRecognized(other)) response = other;
  }
  return tokenFrom(login, endpoint, response, tried);
}

/** Whether Auth0 knows the key, though it may give no token for the audience. */
function isRecognized({ status }: HttpResponse): boolean {
  return status === 200 || status === 403;
}

/** Milliseconds. An assertion lives for a minute, and Auth0 accepts clocks that differ by some seconds. */
const CLOCK_TOLERANCE = 5_000;

function requestToken(
  api: ManagementApi,
  login: ClientLogin,
  endpoint: string,
  algorithm?: SigningAlgorithm,
): Promise<HttpResponse> {
  const { audience, domain, service } = api;
  const pair = login.kind === 'mtls' ? { clientCertificate: login.pair } : {};
  return sendOAuthRequest(service, endpoint, async () => ({
    ...tokenRequest(endpoint, {
      client_id: login.clientId,
      audience,
      ...(await clientAuthentication(login, { domain, algorithm, now: service.now() })),
    }),
    ...pair,
  }));
}

/** @param tried the algorithms of the assertions */
function tokenFrom(
  login: ClientLogin,
  endpoint: string,
  response: HttpResponse,
  tried: readonly SigningAlgorithm[],
): string {
  const token = accessToken(response);
  if (token === undefined) throw loginFailed(login, endpoint, response, tried);
  return token;
}

/** Auth0 supports mTLS only on a custom domain. Other logins use the tenant's own endpoint. */
async function endpointFor({ domain, login, mtlsTokenEndpoint }: ManagementApi): Promise<string> {
  const alias = login.kind === 'mtls' ? await mtlsTokenEndpoint() : undefined;
  return alias ?? `https://${domain}/oauth/token`;
}

type ClientLogin = Exclude<ManagementLogin, { kind: 'token' }>;

async function clientAuthentication(
  login: ClientLogin,
  { algorithm, domain, now }: { algorithm: SigningAlgorithm | undefined; domain: string; now: number },
): Promise<Record<string, string>> {
  if (login.kind === 'client-secret') return { client_secret: login.secret };
  if (login.kind === 'mtls') return {};
  return clientAssertion({ ...login, algorithm }, domain, now);
}

/**
 * The parameters of a client assertion (RFC 7523). Auth0 requires the domain with a trailing slash as `aud`, a life of at most 5 minutes
 * and a single use (docs/facts.md#auth0-private-key-jwt).
 * @param now milliseconds, Auth0's clock
 */
export async function clientAssertion(
  {
    clientId,
    privateKey,
    algorithm = 'RS256',
  }: { clientId: string; privateKey: string; algorithm?: string | undefined },
  domain: string,
  now: number,
): Promise<Record<string, string>> {
  const { SignJWT } = await import('jose/jwt/sign');
  const issuedAt = Math.floor(now / 1000);
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: algorithm })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(`https://${domain}/`)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 60)
    .setJti(randomUUID())
    .sign(createPrivateKey(privateKey));
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

function loginFailed(
  login: ClientLogin,
  endpoint: string,
  response: HttpResponse,
  tried: readonly SigningAlgorithm[],
): RotationError {
  const stranger = describeStranger(response);
  if (isOutage(response) || stranger !== undefined) return unexpectedAnswer(endpoint, response, stranger);
  const signed =
    login.kind === 'private-key-jwt'
      ? `, signed with ${tried.join(', ')}${tried.length > 1 ? ' in turn' : ''}`
      : '';
  return new RotationError('AUTH0_UNAUTHORIZED', {
    failed: `Auth0 issued no Management API token to client ${login.clientId} by ${login.kind}${signed} (${oauthError(response)}).`,
    remedy:
      'In the Auth0 Dashboard, open the application with this client id: under Credentials it must have the method and the credential that this workflow passes, and under APIs it must be authorized for the Auth0 Management API. After the client has rotated its own key, pass that (management-private-key) in place of a client secret. With a custom domain, set management-audience.',
  });
}

/** A token request or a pushed authorization request changes nothing that lasts, so it may be repeated. An assertion is valid only once (jti), so each attempt makes its own. */
export function sendOAuthRequest(
  service: Service,
  url: string,
  make: () => Promise<HttpRequest>,
): Promise<HttpResponse> {
  const request = async () => ({ ...(await make()), changesNothing: true });
  return answered({ method: 'POST', url }, () => service.call(request));
}

export function tokenRequest(url: string, parameters: Record<string, string>): HttpRequest {
  return formRequest(url, { grant_type: 'client_credentials', ...parameters });
}

export function formRequest(url: string, parameters: Record<string, string>): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(parameters).toString(),
  };
}

/** The claims of a JWT, which nobody has verified. undefined: the token is opaque. */
export function claimsOf(token: string): Json | undefined {
  return parseJson({ body: Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() });
}

/** The scopes of a JWT with the claim `scope`. undefined for any other token. */
export function scopesOf(token: string): ReadonlySet<string> | undefined {
  const scope = stringOf(claimsOf(token), 'scope');
  return scope === undefined ? undefined : new Set(scope.split(' '));
}

export function accessToken(response: HttpResponse): string | undefined {
  return response.status === 200 ? stringOf(parseJson(response), 'access_token') : undefined;
}

export function oauthError(response: HttpResponse): string {
  const what = oneLine(oauthWords(response)) || describeStranger(response) || 'no OAuth error in the answer';
  return `${response.status}, ${what}`;
}

function oauthWords(response: HttpResponse): string {
  const body = parseJson(response);
  return [stringOf(body, 'error'), stringOf(body, 'error_description')].filter(Boolean).join(': ');
}

/**
 * Describes what answered in place of Auth0's OAuth endpoints, which name an OAuth error in each refusal of a client
 * (docs/facts.md#auth0-token-errors). undefined if the answer may be Auth0's own.
 */
export function describeStranger(response: HttpResponse): string | undefined {
  const interceptor = describeInterceptor(response);
  const refusesClient = response.status === 401 || response.status === 403;
  if (interceptor !== undefined || !refusesClient || oauthWords(response) !== '') return interceptor;
  const said = oneLine(stringOf(parseJson(response), 'message')).slice(0, 100);
  return said === '' ? 'JSON without an OAuth error' : `JSON without an OAuth error, "${said}"`;
}
