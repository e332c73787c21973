/** The token endpoint: how the action logs in to the Management API, and how a new key proves itself. */

import { createPrivateKey, randomUUID } from 'node:crypto';
import type { CertifiedPair, Pair } from '../certificate/inspect.ts';
import { RotationError } from '../errors.ts';
import { isObject, parseJson, quote, stringOf } from '../http/json.ts';
import type { Service } from '../http/service.ts';
import type { HttpRequest, HttpResponse } from '../http/wire.ts';
import { callAuth0, unexpectedAnswer } from './tenant.ts';

/** The four ways to a Management API token (specification 2). */
export type ManagementLogin =
  | { kind: 'token'; token: string }
  | { kind: 'client-secret'; clientId: string; secret: string }
  | { kind: 'private-key-jwt'; clientId: string; privateKey: string }
  | { kind: 'mtls'; clientId: string; pair: CertifiedPair };

export interface ManagementApi {
  service: Service;
  domain: string;
  audience: string;
  login: ManagementLogin;
  /** Where a certificate can log in; for `mtls`. */
  mtlsTokenEndpoint: () => Promise<string | undefined>;
}

/** @throws RotationError AUTH0_UNAUTHORIZED, AUTH0_REQUEST_FAILED */
export async function managementToken(api: ManagementApi): Promise<string> {
  const { login, audience } = api;
  if (login.kind === 'token') return login.token;
  const endpoint = await endpointFor(api);
  const request = await tokenRequest(endpoint, {
    client_id: login.clientId,
    audience,
    ...(await clientAuthentication(login, api.domain, () => api.service.now())),
  });
  const pair = login.kind === 'mtls' ? { clientCertificate: login.pair } : {};
  // A token request changes nothing: asking twice gives two tokens. But an assertion serves once (jti).
  const repeatable = login.kind === 'private-key-jwt' ? 'create' : 'idempotent';
  const response = await callAuth0(api.service, { ...request, ...pair }, repeatable);
  const token = accessToken(response);
  if (token === undefined) throw loginFailed(login, endpoint, response);
  return token;
}

/** Auth0 serves mTLS on a custom domain only; elsewhere the endpoint is the tenant's own. */
async function endpointFor({ domain, login, mtlsTokenEndpoint }: ManagementApi): Promise<string> {
  const alias = login.kind === 'mtls' ? await mtlsTokenEndpoint() : undefined;
  return alias ?? `https://${domain}/oauth/token`;
}

type ClientLogin = Exclude<ManagementLogin, { kind: 'token' }>;

async function clientAuthentication(
  login: ClientLogin,
  domain: string,
  now: () => number,
): Promise<Record<string, string>> {
  if (login.kind === 'client-secret') return { client_secret: login.secret };
  if (login.kind === 'mtls') return {};
  return clientAssertion(login, domain, now());
}

function assertionFor(service: Service, { clientId, domain, pair }: Proof): Promise<Record<string, string>> {
  const { privateKey } = pair;
  return clientAssertion({ clientId, privateKey }, domain, service.now());
}

/** Auth0: aud is the domain with a trailing slash, at most 5 minutes, one use (authenticate-with-private-key-jwt). */
async function clientAssertion(
  { clientId, privateKey }: { clientId: string; privateKey: string },
  domain: string,
  now: number,
): Promise<Record<string, string>> {
  const { SignJWT } = await import('jose');
  const issuedAt = Math.floor(now / 1000);
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: 'RS256' })
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

function loginFailed(login: ClientLogin, endpoint: string, response: HttpResponse): RotationError {
  if (response.status >= 500 || response.status === 429) return unexpectedAnswer(endpoint, response);
  return new RotationError('AUTH0_UNAUTHORIZED', {
    failed: `Auth0 gave no Management API token to client ${login.clientId} by ${login.kind} (${oauthError(response)}).`,
    remedy:
      'Check the management client, its credential and its grant for the Management API (management-audience).',
  });
}

export interface Proof {
  endpoint: string;
  /** Auth0 domain: the audience of a client assertion. */
  domain: string;
  clientId: string;
  pair: Pair;
  /** x5t#S256 of the pair's certificate. */
  thumbprint: string;
  audience: string | undefined;
  /** The token must be bound to the certificate (cnf.x5t#S256). */
  mustBind: boolean;
}

/**
 * `refused`: the client authentication failed, which passes while Auth0 propagates an association;
 * `unauthorized`: the client may use no API of that audience, which says nothing for certain of its authentication.
 */
export type ProofResult =
  | { outcome: 'proven'; bound: boolean }
  | { outcome: 'refused' | 'unauthorized' | 'failed'; detail: string };

/**
 * One client_credentials request, by certificate (RFC 8705 section 2) or by client assertion (RFC 7523).
 * @throws RotationError AUTH0_REQUEST_FAILED
 */
export async function proveKey(service: Service, proof: Proof): Promise<ProofResult> {
  const { audience, clientId, mustBind, pair, thumbprint } = proof;
  const { certificate, privateKey } = pair;
  const login = certificate === undefined ? await assertionFor(service, proof) : {};
  const request = await tokenRequest(proof.endpoint, {
    client_id: clientId,
    ...(audience ? { audience } : {}),
    ...login,
  });
  const byCertificate = certificate === undefined ? {} : { clientCertificate: { certificate, privateKey } };
  // An assertion serves once (jti).
  const repeatable = certificate === undefined ? 'create' : 'idempotent';
  const response = await callAuth0(service, { ...request, ...byCertificate }, repeatable);
  const token = accessToken(response);
  if (token === undefined) return { outcome: refusalOf(response), detail: oauthError(response) };
  const bound = confirmation(token);
  if (bound === undefined && mustBind)
    return {
      outcome: 'failed',
      detail: 'the token is not bound to the certificate (cnf.x5t#S256 is missing)',
    };
  if (bound === undefined || bound === thumbprint) return { outcome: 'proven', bound: bound !== undefined };
  return { outcome: 'failed', detail: 'the token is bound to another certificate (cnf.x5t#S256)' };
}

/** Auth0's words for a client without a grant, or for a tenant without a default audience (community.auth0.com; seen in many reports). */
const NO_GRANT = /client-grant|No audience parameter/i;

function refusalOf(response: HttpResponse): 'refused' | 'unauthorized' | 'failed' {
  if (response.status !== 401 && response.status !== 403) return 'failed';
  const description = stringOf(parseJson(response), 'error_description') ?? '';
  return response.status === 403 && NO_GRANT.test(description) ? 'unauthorized' : 'refused';
}

async function tokenRequest(url: string, parameters: Record<string, string>): Promise<HttpRequest> {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }).toString(),
  };
}

function accessToken(response: HttpResponse): string | undefined {
  return response.status === 200 ? stringOf(parseJson(response), 'access_token') : undefined;
}

/** `cnf["x5t#S256"]` of a JWT; undefined where the token is opaque or not bound. */
function confirmation(token: string): string | undefined {
  const payload = parseJson({ body: Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() });
  return isObject(payload) ? stringOf(payload.cnf, 'x5t#S256') : undefined;
}

function oauthError(response: HttpResponse): string {
  const body = parseJson(response);
  const said = [stringOf(body, 'error'), stringOf(body, 'error_description')].filter(Boolean).join(': ');
  return `${response.status}${said ? `, ${quote(said)}` : ', no OAuth error in the answer'}`;
}
