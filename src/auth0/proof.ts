/** How a new key proves itself: one token request at the endpoint where its client will log in. */

import { RotationError } from '../errors.ts';
import type { Service } from '../http/service.ts';
import { type HttpResponse, NetworkError } from '../http/wire.ts';
import { isObject, parseJson, stringOf } from '../model/json.ts';
import type { Pair } from '../model/key-pair.ts';
import { ACTION } from './records.ts';
import { accessToken, askForToken, clientAssertion, oauthError, tokenRequest } from './token.ts';

/** Who asks for a token, where, and with what. */
export interface Login {
  endpoint: string;
  /** Auth0 domain: the audience of a client assertion. */
  domain: string;
  clientId: string;
  pair: Pair;
  audience: string | undefined;
  /** Run id and attempt, for whoever reads the tenant logs. */
  run: string;
}

export interface Proof extends Login {
  /** x5t#S256 of the pair's certificate. */
  thumbprint: string;
  /** The token must be bound to the certificate (cnf.x5t#S256). */
  mustBind: boolean;
}

/**
 * `refused`: the client authentication failed (docs/facts.md#auth0-token-errors), which passes while Auth0 propagates an association;
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
  const { mustBind, thumbprint } = proof;
  const response = await authenticate(service, proof);
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

/**
 * Does a key that nobody has registered get a token? An edge that checks certificates itself may end the connection instead of
 * answering (RFC 8446: an alert, of which a client may see the reset alone).
 * @throws RotationError VERIFICATION_FAILED, AUTH0_REQUEST_FAILED where that cannot be told
 */
export async function isAdmitted(service: Service, login: Login): Promise<boolean> {
  try {
    const response = await authenticate(service, login);
    if (accessToken(response) !== undefined) return true;
    const { status } = response;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) return false;
    throw unclear(oauthError(response));
  } catch (error) {
    const cause = error instanceof RotationError ? error.cause : undefined;
    if (cause instanceof NetworkError && ENDED_BY_SERVER.test(cause.code)) return false;
    throw error;
  }
}

const ENDED_BY_SERVER = /^(ERR_SSL_|EPROTO|ECONNRESET|EPIPE|UND_ERR_SOCKET)/;

function unclear(detail: string): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `Whether a key that nobody has registered is refused cannot be told (${detail}).`,
    remedy: 'Rehearse again; if it stays, look at the log of the edge.',
  });
}

async function authenticate(service: Service, login: Login): Promise<HttpResponse> {
  const { audience, clientId, endpoint, pair, run } = login;
  const { certificate, privateKey } = pair;
  const byCertificate = certificate === undefined ? {} : { clientCertificate: { certificate, privateKey } };
  return askForToken(service, endpoint, async () => {
    const request = tokenRequest(endpoint, {
      client_id: clientId,
      ...(audience ? { audience } : {}),
      ...(certificate === undefined ? await assertionFor(service, login) : {}),
    });
    return { ...request, ...byCertificate, headers: { ...request.headers, ...proofHeaders(run) } };
  });
}

/** Auth0's words for a client without a grant, or for a tenant without a default audience (docs/facts.md#auth0-grant). */
const NO_GRANT = /client-grant|No audience parameter/i;

function refusalOf(response: HttpResponse): 'refused' | 'unauthorized' | 'failed' {
  if (response.status !== 401 && response.status !== 403) return 'failed';
  const description = stringOf(parseJson(response), 'error_description') ?? '';
  return response.status === 403 && NO_GRANT.test(description) ? 'unauthorized' : 'refused';
}

function assertionFor(service: Service, { clientId, domain, pair }: Login): Promise<Record<string, string>> {
  const { privateKey } = pair;
  return clientAssertion({ clientId, privateKey }, domain, service.now());
}

/** `cnf["x5t#S256"]` of a JWT; undefined where the token is opaque or not bound. */
function confirmation(token: string): string | undefined {
  const payload = parseJson({ body: Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() });
  return isObject(payload) ? stringOf(payload.cnf, 'x5t#S256') : undefined;
}

/**
 * How a proof is told from a login in the logs. They show `Auth0-Client` as `auth0_client` (logs-schema.json), and of
 * `User-Agent` often no more than "Other 0.0.0 / Other 0.0.0": that is for the logs of the edge.
 */
export function proofHeaders(run: string): Record<string, string> {
  const client = JSON.stringify({ name: ACTION, version: '1', env: { run } });
  return {
    'user-agent': `${ACTION} (proof of run ${run})`,
    'auth0-client': Buffer.from(client).toString('base64'),
  };
}
