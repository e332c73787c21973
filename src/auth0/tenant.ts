/** The Management API: client and credential records, in Auth0's own field names (auth0-facts 1 and 2). */

import type { Registration } from '../credential.ts';
import { RotationError } from '../errors.ts';
import { isObject, type Json, type JsonObject, parseJson, quote, stringOf } from '../http/json.ts';
import type { ServerClock } from '../http/server-clock.ts';
import type { Repeatable, Service } from '../http/service.ts';
import { pathOf } from '../http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../http/wire.ts';
import type { Credential, ObservedClient } from '../rotation/state.ts';
import type { AuthenticationMethod } from '../rotation/wish.ts';
import { CLIENT_FIELDS, readClient, readCredential } from './records.ts';

/** Auth0: at most 100 (OpenAPI, GET /clients). */
const PAGE = 100;

export interface ListedClient {
  id: string;
  name: string;
  mark: string | undefined;
}

export interface NewClient {
  name: string;
  method: AuthenticationMethod;
  registration: Registration;
  /** How a later run knows it again. */
  metadata: Readonly<Record<string, string>>;
}

/** `uncertain`: an attempt that got no answer may still land. */
export type Fate = 'certain' | 'uncertain';

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
    const client = readClient(parseJson(response));
    if (response.status !== 200 || client?.id !== id) throw this.#unexpected(response);
    return client;
  }

  /** All clients, with the value of `client_metadata` under `key`. @throws RotationError AUTH0_… */
  async clients(key: string): Promise<ListedClient[]> {
    const found: ListedClient[] = [];
    for (let page = 0; ; page += 1) {
      const query = `fields=client_id,name,client_metadata&include_fields=true&per_page=${PAGE}&page=${page}`;
      const response = await this.#call({ method: 'GET', path: `/clients?${query}` });
      const body = parseJson(response);
      if (response.status !== 200 || !Array.isArray(body)) throw this.#unexpected(response);
      for (const item of body) {
        const id = stringOf(item, 'client_id');
        if (!id || !isObject(item)) throw this.#unexpected(response);
        found.push({ id, name: stringOf(item, 'name') ?? '', mark: stringOf(item.client_metadata, key) });
      }
      if (body.length < PAGE) return found;
    }
  }

  /** Makes a client with its first credential. @returns its id, or `lost` where it may have landed @throws RotationError AUTH0_… */
  async createClient(client: NewClient): Promise<{ clientId: string } | 'lost'> {
    const { method, registration, name, metadata } = client;
    const body = {
      name,
      app_type: 'non_interactive',
      oidc_conformant: true,
      grant_types: ['client_credentials'],
      jwt_configuration: { alg: 'RS256' },
      client_metadata: metadata,
      client_authentication_methods: { [method]: { credentials: [registration] } },
    };
    const answer = await this.#create('/clients', body);
    if (answer === 'lost') return 'lost';
    if (isRefusal(answer)) throw refusedCertificate(answer);
    const clientId = stringOf(parseJson(answer), 'client_id');
    return clientId === undefined ? 'lost' : { clientId };
  }

  /** Gone already is gone. @throws RotationError AUTH0_… */
  async deleteClient(id: string): Promise<void> {
    const response = await this.#call({ method: 'DELETE', path: clientPath(id) });
    if (response.status !== 204 && response.status !== 404) throw this.#unexpected(response);
  }

  /** The whole pool; Auth0 knows no pages here. @throws RotationError AUTH0_… for anything but a complete list */
  async credentials(clientId: string): Promise<Credential[]> {
    const response = await this.#call({ method: 'GET', path: `${clientPath(clientId)}/credentials` });
    const body = parseJson(response);
    if (response.status !== 200 || !Array.isArray(body)) throw this.#unexpected(response);
    return body.map((item) => this.#parseCredential(item, response));
  }

  /** Uploads a credential. Answers a refusal (400) as data, since its reason decides what follows; `lost` where it may have landed. */
  async createCredential(
    clientId: string,
    registration: Registration,
  ): Promise<Credential | Refusal | 'lost'> {
    const answer = await this.#create(`${clientPath(clientId)}/credentials`, registration);
    if (answer === 'lost' || isRefusal(answer)) return answer;
    // Created, but the answer cannot be read: the list tells its id.
    return readCredential(parseJson(answer)) ?? 'lost';
  }

  async #create(path: string, body: object): Promise<HttpResponse | Refusal | 'lost'> {
    try {
      const response = await this.#call({ method: 'POST', path, body }, 'create');
      if (response.status === 201) return response;
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

  /** Replaces the method's whole list: build it from a fresh read. @throws RotationError AUTH0_… */
  async associate(clientId: string, method: AuthenticationMethod, ids: readonly string[]): Promise<Fate> {
    return this.#patch(clientId, methodBody(method, ids));
  }

  /** Moves the client to another method, whose first credentials these are: the old one ends (configure-mtls-for-a-client). */
  async moveTo(clientId: string, method: string, ids: readonly string[]): Promise<Fate> {
    return this.#patch(clientId, { ...methodBody(method, ids), token_endpoint_auth_method: null });
  }

  /** Back to a client secret; the pool keeps its credentials (tf-self-signed-tls-client-auth seq 25). */
  async moveToSecret(clientId: string, method: string): Promise<Fate> {
    const body = { client_authentication_methods: null, token_endpoint_auth_method: method };
    return this.#patch(clientId, body);
  }

  /** Binds access tokens to the certificate, or no longer; by the other property where the tenant does not know the first. */
  async bindTokens(clientId: string, { by, required }: ObservedClient['binding']): Promise<Fate> {
    const bodies = {
      require_proof_of_possession: { require_proof_of_possession: required },
      tls_client_certificate_binding: { access_token: { tls_client_certificate_binding: required } },
    };
    const path = clientPath(clientId);
    const response = await this.#call({ method: 'PATCH', path, body: bodies[by] });
    if (response.status === 200) return fateOf(response);
    const message = stringOf(parseJson(response), 'message') ?? '';
    if (response.status !== 400 || by === 'tls_client_certificate_binding' || !message.includes(by))
      throw this.#unexpected(response);
    return this.bindTokens(clientId, { by: 'tls_client_certificate_binding', required });
  }

  async #patch(clientId: string, body: object): Promise<Fate> {
    const response = await this.#call({ method: 'PATCH', path: clientPath(clientId), body });
    if (response.status !== 200) throw this.#unexpected(response);
    return fateOf(response);
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

function fateOf(response: HttpResponse): Fate {
  return response.uncertain ? 'uncertain' : 'certain';
}

function methodBody(method: string, ids: readonly string[]): object {
  return { client_authentication_methods: { [method]: { credentials: ids.map((id) => ({ id })) } } };
}

export function isRefusal(answer: unknown): answer is Refusal {
  return isObject(answer as Json) && typeof (answer as Refusal).message === 'string';
}

export function refusedCertificate({ message }: Refusal): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 refused the credential (400: ${quote(message)}).`,
    remedy: 'Check subject, key-size and the method that the client uses.',
  });
}

function clientPath(id: string): string {
  return `/clients/${encodeURIComponent(id)}`;
}

/** @throws RotationError AUTH0_REQUEST_FAILED where there was no answer */
export async function callAuth0(
  service: Service,
  request: HttpRequest,
  repeatable: Repeatable,
): Promise<HttpResponse> {
  return answered(request, () => service.call(request, repeatable));
}

/** @throws RotationError AUTH0_REQUEST_FAILED where there was no answer to a request of this kind */
export async function answered(
  { method, url }: Pick<HttpRequest, 'method' | 'url'>,
  call: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new RotationError('AUTH0_REQUEST_FAILED', {
      failed: `${new URL(url).host} gave no answer to ${method} ${pathOf(url)} (${error.code}).`,
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
