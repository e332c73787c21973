/** Where the client proves its certificate: discovery and mTLS endpoint aliases (docs/facts.md#auth0-discovery). */

import { RotationError } from '../errors.ts';
import { describeForeign } from '../http/foreign.ts';
import type { Service } from '../http/service.ts';
import type { HttpResponse } from '../http/wire.ts';
import { isObject, parseJson, quote, stringOf } from '../model/json.ts';
import { callAuth0, unexpectedAnswer } from './answers.ts';

/**
 * The token endpoint that asks for a client certificate; undefined where the tenant names none.
 * With `mtlsDomain` its plain token endpoint serves too, since its edge terminates mTLS; without, only an alias does.
 * @throws RotationError DISCOVERY_FAILED, AUTH0_REQUEST_FAILED
 */
export async function discoverMtlsTokenEndpoint(
  service: Service,
  domain: string,
  mtlsDomain: string | undefined,
): Promise<string | undefined> {
  const host = mtlsDomain ?? domain;
  const url = `https://${host}/.well-known/openid-configuration`;
  const response = await callAuth0(
    service,
    { method: 'GET', url, headers: { accept: 'application/json' } },
    'idempotent',
  );
  const document = parseJson(response);
  if (response.status >= 500 || response.status === 429) throw unexpectedAnswer(url, response);
  if (response.status !== 200 || !isObject(document)) throw notDiscovery(url, response);
  const alias = stringOf(document.mtls_endpoint_aliases, 'token_endpoint');
  const endpoint = alias ?? (mtlsDomain === undefined ? undefined : stringOf(document, 'token_endpoint'));
  if (endpoint !== undefined && !isTrusted(endpoint, host)) throw untrusted(host);
  return endpoint;
}

/** No server answer may send a certificate or a token elsewhere: https, on the host of the input or below it. */
function isTrusted(endpoint: string, host: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { protocol, hostname, username, password } = new URL(endpoint);
  const expected = new URL(`https://${host}`).hostname;
  if (protocol !== 'https:' || username !== '' || password !== '') return false;
  return hostname === expected || hostname.endsWith(`.${expected}`);
}

/** Another service is there. */
function notDiscovery(url: string, response: HttpResponse): RotationError {
  const what = describeForeign(response) ?? (quote(response.body).slice(0, 100) || 'nothing');
  return new RotationError('DISCOVERY_FAILED', {
    failed: `${url} shows no OpenID configuration (${response.status}: ${what}).`,
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or leave it empty where the tenant names an mTLS endpoint alias, and check auth0-domain.',
  });
}

function untrusted(host: string): RotationError {
  return new RotationError('DISCOVERY_FAILED', {
    failed: `Discovery at ${host} names a token endpoint that is not https on ${host} or below it.`,
    remedy: 'Set mtls-domain to the custom domain whose edge terminates mTLS.',
  });
}
