/** Proves a key with one request to the token endpoint or the pushed authorization request endpoint. The client's grants decide which. */

import { createHash, randomBytes } from 'node:crypto';
import { RotationError } from '../errors.ts';
import type { Service } from '../http/service.ts';
import { type HttpResponse, NetworkError } from '../http/wire.ts';
import { isObject, parseJson, stringOf } from '../model/json.ts';
import type { Pair } from '../model/key-pair.ts';
import type { ObservedClient } from '../model/observed-state.ts';
import { isOutage, unexpectedAnswer } from './answers.ts';
import { ACTION } from './records.ts';
import {
  accessToken,
  claimsOf,
  clientAssertion,
  describeStranger,
  formRequest,
  oauthError,
  sendOAuthRequest,
} from './token.ts';

/** The request that shows whether the client is authenticated. */
export type ProofRequest =
  | { kind: 'token' }
  /** RFC 9126. */
  | { kind: 'pushed request'; endpoint: string; callback: string }
  /** A request with an invalid code or token. If the server checks the client first, `invalid_grant` shows that it has authenticated the client. */
  | { kind: 'authorization code'; callback: string | undefined }
  | { kind: 'refresh token' };

const TOKEN: ProofRequest = { kind: 'token' };

/** Whether the answer depends on which check the server makes first. Then the proof needs a negative control, a request that Auth0 must refuse. */
export function needsControl({ kind }: ProofRequest): boolean {
  return kind === 'authorization code' || kind === 'refresh token';
}

/**
 * Chooses a request by the client's own grants, and never one that tries passwords or disturbs a person.
 * @returns undefined if no grant can prove a key
 * @throws RotationError DISCOVERY_FAILED, AUTH0_REQUEST_FAILED
 */
export async function proofRequestFor(
  { callback, grantTypes }: Pick<ObservedClient, 'callback' | 'grantTypes'>,
  pushedRequestEndpoint: () => Promise<string | undefined>,
): Promise<ProofRequest | undefined> {
  // Auth0 shows the grant types only with a scope that the token lacks.
  if (grantTypes === undefined || grantTypes.includes('client_credentials')) return TOKEN;
  if (grantTypes.includes('authorization_code')) {
    const endpoint = callback === undefined ? undefined : await pushedRequestEndpoint();
    return endpoint !== undefined && callback !== undefined
      ? { kind: 'pushed request', endpoint, callback }
      : { kind: 'authorization code', callback };
  }
  return grantTypes.includes('refresh_token') ? { kind: 'refresh token' } : undefined;
}

/** The request in place of a pushed one that this client, or the edge, does not allow. undefined for any other request. */
export function insteadOf(request: ProofRequest): ProofRequest | undefined {
  return request.kind === 'pushed request'
    ? { kind: 'authorization code', callback: request.callback }
    : undefined;
}

/** A login with a key: the client, the endpoint and the pair. */
export interface Login {
  /** The token endpoint. */
  endpoint: string;
  /** The Auth0 domain, which is the audience of a client assertion. */
  domain: string;
  clientId: string;
  pair: Pair;
  /** By default a token request. */
  proofRequest?: ProofRequest;
  /** The audience of a token. */
  audience: string | undefined;
  /** The signing algorithm of a bare key. By default RS256. */
  algorithm?: string | undefined;
  /** Uses a new connection, which may reach another node. */
  freshConnection?: boolean;
  /** Run id and attempt, for people who read the tenant logs. */
  run: string;
}

/** A login, and what its token must show. */
export interface KeyToProve extends Login {
  /** x5t#S256 (RFC 8705) of the pair's certificate. */
  thumbprint: string;
  /** The token must be bound to the certificate (cnf.x5t#S256). */
  mustBind: boolean;
}

/**
 * `refused`: the client authentication failed (docs/facts.md#auth0-token-errors). This is transient while Auth0 propagates an association.
 * `unauthorized`: the client may not request this, or may not use that API. This is permanent.
 * `failed`: another error, such as an answer that is not from Auth0.
 */
export type ProofResult =
  | { outcome: 'proven'; bound: boolean }
  | {
      outcome: 'refused' | 'unauthorized' | 'failed';
      detail: string;
      /** Something between, such as the edge, answered instead of Auth0. */
      isIntercepted: boolean;
      /** What failed, if it was not the key: the path, which nothing serves, the request itself, or the binding of the token. */
      objection?: 'path' | 'request' | 'unbound' | undefined;
      /** The answer to the pushed request that this request has replaced. */
      pushed?: string | undefined;
      /** The answer says nothing about the key, since a service is down or busy. */
      outage?: RotationError | undefined;
    };

/**
 * Sends one request that the key authenticates, by certificate (RFC 8705 section 2) or by client assertion (RFC 7523).
 * @throws RotationError AUTH0_REQUEST_FAILED
 */
export async function proveKey(service: Service, proof: KeyToProve): Promise<ProofResult> {
  const { proofRequest = TOKEN, mustBind, thumbprint } = proof;
  const response = await authenticate(service, proof);
  if (isAuthenticated(proofRequest, response)) return { outcome: 'proven', bound: false };
  const token = proofRequest.kind === 'token' ? accessToken(response) : undefined;
  if (token === undefined)
    return {
      outcome: refusalKind(response),
      detail: oauthError(response),
      isIntercepted: describeStranger(response) !== undefined,
      objection: objectionOf(response),
      outage: isOutage(response) ? unexpectedAnswer(proof.endpoint, response) : undefined,
    };
  const bound = confirmation(token);
  const failed = { outcome: 'failed', isIntercepted: false } as const;
  if (bound === undefined && mustBind)
    return { ...failed, objection: 'unbound', detail: 'cnf.x5t#S256 is missing' };
  if (bound === undefined || bound === thumbprint) return { outcome: 'proven', bound: bound !== undefined };
  return { ...failed, detail: 'the token is bound to another certificate (cnf.x5t#S256)' };
}

/** Whether it may pass while Auth0 propagates a change: the association of the key, or the setting that binds tokens. */
export function isTransient(result: ProofResult): boolean {
  return result.outcome === 'refused' || (result.outcome === 'failed' && result.objection === 'unbound');
}

/** Whether the answer to a request that returns no token shows that the client is authenticated. */
function isAuthenticated({ kind }: ProofRequest, response: HttpResponse): boolean {
  const body = parseJson(response);
  if (kind === 'token') return false;
  if (kind === 'pushed request') return response.status === 201 && Boolean(stringOf(body, 'request_uri'));
  return [400, 401, 403].includes(response.status) && stringOf(body, 'error') === 'invalid_grant';
}

/**
 * Whether the server accepts an unregistered key for the client. An edge that checks certificates itself may end the connection with an
 * alert instead of answering (RFC 8446). A client may see only a reset, so that counts as a refusal too.
 * @throws RotationError VERIFICATION_FAILED, AUTH0_REQUEST_FAILED if that remains unknown
 */
export async function isAccepted(service: Service, login: Login): Promise<boolean> {
  const { proofRequest = TOKEN } = login;
  try {
    const response = await authenticate(service, login);
    if (accessToken(response) !== undefined || isAuthenticated(proofRequest, response)) return true;
    const { status } = response;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) return false;
    throw unclear(oauthError(response));
  } catch (error) {
    const cause = error instanceof RotationError ? error.cause : undefined;
    if (cause instanceof NetworkError && !cause.isLocal && ENDED_BY_SERVER.test(cause.code)) return false;
    throw error;
  }
}

const ENDED_BY_SERVER = /^(ERR_SSL_|EPROTO|ECONNRESET|EPIPE|UND_ERR_SOCKET)/;

/** For a pair that OpenSSL refused before anything was sent. @returns the code. Throws any other error. */
export function refusedHere(error: unknown): string {
  const cause = error instanceof RotationError ? error.cause : undefined;
  if (cause instanceof NetworkError && cause.isLocal) return cause.code;
  throw error;
}

function unclear(detail: string): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The run could not find out whether Auth0 refuses an unregistered key (${detail}).`,
    remedy: 'Rehearse again. If that does not help, look at the log of the edge.',
  });
}

async function authenticate(service: Service, login: Login): Promise<HttpResponse> {
  const { proofRequest = TOKEN, clientId, freshConnection = false, pair, run } = login;
  const { certificate, privateKey } = pair;
  const byCertificate = certificate === undefined ? {} : { clientCertificate: { certificate, privateKey } };
  const endpoint = proofRequest.kind === 'pushed request' ? proofRequest.endpoint : login.endpoint;
  return sendOAuthRequest(service, endpoint, async () => {
    const request = formRequest(endpoint, {
      client_id: clientId,
      ...parametersOf(proofRequest, login),
      ...(certificate === undefined ? await assertionFor(service, login) : {}),
    });
    const headers = { ...request.headers, ...proofHeaders(run) };
    return { ...request, ...byCertificate, headers, ...(freshConnection ? { freshConnection } : {}) };
  });
}

function parametersOf(proofRequest: ProofRequest, { audience }: Login): Record<string, string> {
  switch (proofRequest.kind) {
    case 'token':
      return { grant_type: 'client_credentials', ...(audience ? { audience } : {}) };
    case 'pushed request':
      return {
        response_type: 'code',
        redirect_uri: proofRequest.callback,
        scope: 'openid',
        // Some clients must send a code challenge (FAPI), and all may.
        code_challenge: createHash('sha256').update(randomValue()).digest('base64url'),
        code_challenge_method: 'S256',
      };
    case 'authorization code':
      return {
        grant_type: 'authorization_code',
        code: randomValue(),
        redirect_uri: proofRequest.callback ?? 'https://localhost/',
        code_verifier: randomValue(),
      };
    case 'refresh token':
      return { grant_type: 'refresh_token', refresh_token: randomValue() };
  }
}

/** An invalid code or refresh token. */
function randomValue(): string {
  return randomBytes(32).toString('base64url');
}

/** Auth0's words for a missing client grant, an unknown API, or a tenant without a default audience (docs/facts.md#auth0-grant). */
const NO_GRANT = /client-grant|No audience parameter|Service not (found|enabled)|Grant type .* not allowed/i;

/** What a refusal means. See ProofResult. */
function refusalKind(response: HttpResponse): 'refused' | 'unauthorized' | 'failed' {
  const { status } = response;
  const body = parseJson(response);
  const [error, description = ''] = [stringOf(body, 'error'), stringOf(body, 'error_description')];
  if (status < 400 || status >= 500) return 'failed';
  if (error === 'unauthorized_client' || NO_GRANT.test(description)) return 'unauthorized';
  return status === 401 || status === 403 ? 'refused' : 'failed';
}

function objectionOf(response: HttpResponse): 'path' | 'request' | undefined {
  const { status } = response;
  // An edge may forward some paths only, and may refuse the others in its own words.
  if (status === 404 || status === 405 || (status === 403 && describeStranger(response) !== undefined))
    return 'path';
  const error = stringOf(parseJson(response), 'error');
  return status === 400 && error && error !== 'invalid_client' ? 'request' : undefined;
}

function assertionFor(
  service: Service,
  { algorithm, clientId, domain, pair }: Login,
): Promise<Record<string, string>> {
  const { privateKey } = pair;
  return clientAssertion({ clientId, privateKey, algorithm }, domain, service.now());
}

/** `cnf["x5t#S256"]` of a JWT. undefined if the token is opaque or not bound. */
function confirmation(token: string): string | undefined {
  const claims = claimsOf(token);
  return isObject(claims) ? stringOf(claims.cnf, 'x5t#S256') : undefined;
}

/**
 * The headers that distinguish a proof from a login in the logs. The tenant logs show `Auth0-Client` as `auth0_client`
 * (logs-schema.json). They often shorten `User-Agent` to "Other 0.0.0 / Other 0.0.0", so that header is for the logs of the edge.
 */
export function proofHeaders(run: string): Record<string, string> {
  const client = JSON.stringify({ name: ACTION, version: '1', env: { run } });
  return {
    'user-agent': `${ACTION} (proof of run ${run})`,
    'auth0-client': Buffer.from(client).toString('base64'),
  };
}
