/** The Management API: client and credential records, in Auth0's own field names (auth0-facts 1 and 2). */

import { RotationError } from '../errors.ts';
import { isObject, type Json, type JsonObject, parseJson, quote, stringOf } from '../http/json.ts';
import type { ServerClock } from '../http/server-clock.ts';
import type { Repeatable, Service } from '../http/service.ts';
import { pathOf } from '../http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../http/wire.ts';
import type { Credential, ObservedClient } from '../rotation/state.ts';
import type { AuthenticationMethod } from '../rotation/wish.ts';

/** Never `client_secret`, which the scopes of a rotation would also show. */
const CLIENT_FIELDS = 'client_id,name,client_authentication_methods,token_endpoint_auth_method';

/** What the server said no to: `status` and its words decide what follows. */
export interface Refusal {
  status: number;
  message: string;
}

export class Tenant {
  readonly #service: Service;
  readonly #domain: string;
  readonly #token: () => Promise<string>;

  /** @param token the Management API token, fetched when it is first needed */
  constructor(service: Service, domain: string, token: () => Promise<string>) {
    this.#service = service;
    this.#domain = domain;
    this.#token = token;
  }

  /** Logs in, so that a run can do it beside its first reads. @throws RotationError AUTH0_… */
  async login(): Promise<void> {
    await this.#token();
  }

  /** Milliseconds since the epoch by Auth0's clock. */
  now(): number {
    return this.#service.now();
  }

  /** Auth0's clock, relative to the local one. */
  get clock(): ServerClock {
    return this.#service.clock;
  }

  /** @throws RotationError CLIENT_NOT_FOUND, AUTH0_… */
  async client(id: string): Promise<ObservedClient> {
    const query = `fields=${CLIENT_FIELDS}&include_fields=true`;
    const response = await this.#call({ method: 'GET', path: `${clientPath(id)}?${query}` });
    const body = parseJson(response);
    if (response.status !== 200 || !isObject(body) || body.client_id !== id) throw this.#unexpected(response);
    return { id, name: stringOf(body, 'name') ?? id, ...methodOf(body, () => this.#unexpected(response)) };
  }

  /** The whole pool; Auth0 knows no pages here. @throws RotationError AUTH0_… for anything but a complete list */
  async credentials(clientId: string): Promise<Credential[]> {
    const response = await this.#call({ method: 'GET', path: `${clientPath(clientId)}/credentials` });
    const body = parseJson(response);
    if (response.status !== 200 || !Array.isArray(body)) throw this.#unexpected(response);
    return body.map((item) => this.#parseCredential(item, response));
  }

  /** Uploads a certificate. Answers a refusal (400) as data, since its reason decides what follows; `lost` where it may have landed. */
  async createCredential(
    clientId: string,
    name: string,
    pem: string,
  ): Promise<Credential | Refusal | 'lost'> {
    const body = { name, credential_type: 'x509_cert', pem };
    try {
      const response = await this.#call(
        { method: 'POST', path: `${clientPath(clientId)}/credentials`, body },
        'create',
      );
      // Created, but the answer cannot be read: the list tells its id.
      if (response.status === 201) return readCredential(parseJson(response)) ?? 'lost';
      if (response.status >= 500 || response.status === 408) return 'lost';
      if (response.status === 400)
        return { status: 400, message: stringOf(parseJson(response), 'message') ?? '' };
      throw this.#unexpected(response);
    } catch (error) {
      if (error instanceof RotationError && error.cause instanceof NetworkError) {
        if (error.cause.landed === 'unknown') return 'lost';
      }
      throw error;
    }
  }

  /**
   * Replaces the method's whole list: build it from a fresh read. @throws RotationError AUTH0_…
   * @returns 'uncertain' where an attempt without an answer may still land
   */
  async associate(
    clientId: string,
    method: AuthenticationMethod,
    ids: readonly string[],
  ): Promise<'certain' | 'uncertain'> {
    const credentials = ids.map((id) => ({ id }));
    const body = { client_authentication_methods: { [method]: { credentials } } };
    const response = await this.#call({ method: 'PATCH', path: clientPath(clientId), body });
    if (response.status !== 200) throw this.#unexpected(response);
    return response.uncertain ? 'uncertain' : 'certain';
  }

  /** Gone already is gone. @returns 'associated' where Auth0 refuses since the credential is still in use */
  async deleteCredential(clientId: string, id: string): Promise<'deleted' | 'associated'> {
    const path = `${clientPath(clientId)}/credentials/${encodeURIComponent(id)}`;
    const response = await this.#call({ method: 'DELETE', path });
    if (response.status === 204 || response.status === 404) return 'deleted';
    const message = stringOf(parseJson(response), 'message') ?? '';
    if (response.status === 400 && /still associated/i.test(message)) return 'associated';
    throw this.#unexpected(response);
  }

  async #call(
    request: { method: HttpRequest['method']; path: string; body?: JsonObject | object },
    repeatable: Repeatable = 'idempotent',
  ): Promise<HttpResponse> {
    const { method, path, body } = request;
    const headers = { authorization: `Bearer ${await this.#token()}`, accept: 'application/json' };
    const response = await callAuth0(
      this.#service,
      {
        method,
        url: `https://${this.#domain}/api/v2${path}`,
        headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
      },
      repeatable,
    );
    refuse(response, `${method} /api/v2${path.split('?')[0]}`);
    return response;
  }

  #parseCredential(item: Json | undefined, response: HttpResponse): Credential {
    const credential = readCredential(item);
    if (!credential) throw this.#unexpected(response);
    return credential;
  }

  #unexpected(response: HttpResponse): RotationError {
    return unexpectedAnswer(`https://${this.#domain}`, response);
  }
}

function readCredential(item: Json | undefined): Credential | undefined {
  const id = stringOf(item, 'id');
  const type = stringOf(item, 'credential_type');
  const createdAt = Date.parse(stringOf(item, 'created_at') ?? '');
  const expires = isObject(item) ? (item.expires_at ?? undefined) : undefined;
  const expiresAt = expires === undefined ? undefined : Date.parse(`${expires}`);
  if (!id || !isCredentialType(type) || Number.isNaN(createdAt) || Number.isNaN(expiresAt)) return undefined;
  return {
    id,
    type,
    name: stringOf(item, 'name'),
    thumbprint: stringOf(item, 'thumbprint_sha256'),
    createdAt,
    expiresAt,
  };
}

function clientPath(id: string): string {
  return `/clients/${encodeURIComponent(id)}`;
}

function isCredentialType(type: string | undefined): type is Credential['type'] {
  return type === 'x509_cert' || type === 'public_key' || type === 'cert_subject_dn';
}

/** `client_authentication_methods` has exactly one member; under it token_endpoint_auth_method is absent. */
function methodOf(
  body: JsonObject,
  unexpected: () => RotationError,
): Pick<ObservedClient, 'method' | 'associated'> {
  const methods = body.client_authentication_methods;
  if (methods === undefined || methods === null) {
    return { method: stringOf(body, 'token_endpoint_auth_method') ?? 'an unknown method', associated: [] };
  }
  const [entry, ...more] = isObject(methods) ? Object.entries(methods) : [];
  if (!entry || more.length > 0) throw unexpected();
  const credentials = isObject(entry[1]) ? entry[1].credentials : undefined;
  if (!Array.isArray(credentials)) throw unexpected();
  const associated = credentials.map((item) => {
    const id = stringOf(item, 'id');
    if (!id) throw unexpected();
    return id;
  });
  return { method: entry[0], associated };
}

/** @throws RotationError AUTH0_REQUEST_FAILED where there was no answer */
export async function callAuth0(
  service: Service,
  request: HttpRequest,
  repeatable: Repeatable,
): Promise<HttpResponse> {
  try {
    return await service.call(request, repeatable);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new RotationError('AUTH0_REQUEST_FAILED', {
      failed: `${new URL(request.url).host} gave no answer to ${request.method} ${pathOf(request.url)} (${error.code}).`,
      remedy: 'Check auth0-domain, mtls-domain and the network of the runner, then run again.',
      cause: error,
    });
  }
}

/** @throws RotationError for the refusals that mean the same on every call */
function refuse(response: HttpResponse, call: string): void {
  const message = quote(stringOf(parseJson(response), 'message'));
  if (response.status === 401) {
    throw new RotationError('AUTH0_UNAUTHORIZED', {
      failed: `Auth0 refused the Management API token at ${call} (401${message && `: ${message}`}).`,
      remedy:
        'Give a fresh management-token, or management-client-id with one of its credentials, and check management-audience.',
    });
  }
  if (response.status === 403) {
    throw new RotationError('AUTH0_FORBIDDEN', {
      failed: `The management client may not do ${call} (403${message && `: ${message}`}).`,
      remedy:
        'Grant it read:clients, update:clients and read:, create:, update: and delete:client_credentials on the Management API.',
    });
  }
  if (response.status === 404 && stringOf(parseJson(response), 'errorCode') === 'inexistent_client') {
    throw new RotationError('CLIENT_NOT_FOUND', {
      failed: `Auth0 knows no client at ${call} (404${message && `: ${message}`}).`,
      remedy: 'Check client-id and auth0-domain.',
    });
  }
}

/** An answer that the contract does not know: HTML, half a JSON, another status. */
export function unexpectedAnswer(url: string, response: HttpResponse): RotationError {
  const body = parseJson(response);
  const said = quote(
    stringOf(body, 'message') ?? stringOf(body, 'error_description') ?? stringOf(body, 'error'),
  );
  const what = said === '' ? `${response.body.length} characters that are not what was asked for` : said;
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `${new URL(url).host} gave an answer that cannot be used (${response.status}: ${what}).`,
    remedy: 'Run again; if it stays, look at the debug log and at the status page of Auth0.',
  });
}
