/** Calls the Management API for clients, credentials and logs (docs/facts.md#auth0-credential-record). */

import { RotationError } from '../errors.ts';
import { PAGE, pagesOf } from '../http/pages.ts';
import type { OnUncertain, Repeatable } from '../http/retry.ts';
import type { ServerClock } from '../http/server-clock.ts';
import type { Service } from '../http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../http/wire.ts';
import type { AuthenticationMethod } from '../model/desired-state.ts';
import { isObject, type Json, type JsonObject, parseJson, stringOf } from '../model/json.ts';
import type { Registration } from '../model/key-pair.ts';
import { oneLine } from '../model/markdown.ts';
import type { Credential, ObservedClient } from '../model/observed-state.ts';
import { callAuth0, throwIfRefused, unexpectedAnswer } from './answers.ts';
import { CLIENT_FIELDS, type LogEntry, readClient, readCredential, readLogEntry } from './records.ts';
import { scopesOf } from './token.ts';

/** A client of the tenant, and which workflow made it. */
export interface ClientWithOwner {
  id: string;
  name: string;
  /** The owner in its `client_metadata`. undefined if no `create` made it. */
  owner: string | undefined;
}

export interface NewClient {
  name: string;
  method: AuthenticationMethod;
  registration: Registration;
  /** A later run finds the client by it. */
  metadata: Readonly<Record<string, string>>;
}

/** A refusal by the server. Status and message decide what follows. */
export interface Refusal {
  status: number;
  message: string;
}

/** A client from a listing, which may be some minutes old. undefined if the listing does not have it. */
export type ClientListing = (clientId: string) => Promise<ObservedClient | undefined>;

export class Tenant {
  readonly #service: Service;
  readonly #domain: string;
  readonly #token: () => Promise<string>;
  readonly #listing: ClientListing | undefined;

  /**
   * @param token the Management API token, fetched when it is first needed
   * @param listing answers instead of a read, for each client that it has
   */
  constructor(service: Service, domain: string, token: () => Promise<string>, listing?: ClientListing) {
    this.#service = service;
    this.#domain = domain;
    this.#token = token;
    this.#listing = listing;
  }

  /** Logs in early, so that this runs in parallel with the first reads. @throws RotationError AUTH0_… */
  async login(): Promise<void> {
    await this.#token();
  }

  /** The scopes of the token. undefined if it does not show them. @throws RotationError AUTH0_… */
  async scopes(): Promise<ReadonlySet<string> | undefined> {
    return scopesOf(await this.#token());
  }

  /** Milliseconds since the epoch by Auth0's clock. */
  now(): number {
    return this.#service.now();
  }

  /** Auth0's clock, relative to the local one. */
  get clock(): ServerClock {
    return this.#service.serverClock;
  }

  /** @throws RotationError CLIENT_NOT_FOUND, AUTH0_… */
  async client(id: string): Promise<ObservedClient> {
    const listed = this.#listing && (await this.#listing(id));
    if (listed) return listed;
    const query = `fields=${CLIENT_FIELDS}&include_fields=true`;
    const response = await this.#call({ method: 'GET', path: `${clientPath(id)}?${query}` });
    const client = readClient(parseJson(response));
    if (response.status !== 200 || client?.id !== id) throw this.#unexpected(response);
    return client;
  }

  /** All clients, with the value of `client_metadata` under `key`. @throws RotationError AUTH0_… */
  async clients(key: string): Promise<ClientWithOwner[]> {
    const found: ClientWithOwner[] = [];
    for await (const item of this.#eachRecord('client_id,name,client_metadata')) {
      const id = stringOf(item, 'client_id') ?? '';
      found.push({ id, name: stringOf(item, 'name') ?? '', owner: stringOf(item.client_metadata, key) });
    }
    return found;
  }

  /** Yields each client of the tenant, or undefined for a record that cannot be read. @throws RotationError AUTH0_… */
  async *eachClient(): AsyncGenerator<ObservedClient | undefined> {
    for await (const item of this.#eachRecord(CLIENT_FIELDS)) yield readClient(item);
  }

  async *#eachRecord(fields: string): AsyncGenerator<JsonObject> {
    const read = async (page: number) => {
      const query = `fields=${fields}&include_fields=true&per_page=${PAGE}&page=${page}`;
      const response = await this.#call({ method: 'GET', path: `/clients?${query}` });
      const body = parseJson(response);
      if (response.status !== 200 || !Array.isArray(body)) throw this.#unexpected(response);
      return body.map((item) => {
        if (!stringOf(item, 'client_id') || !isObject(item)) throw this.#unexpected(response);
        return item;
      });
    };
    yield* pagesOf('Auth0', read);
  }

  /**
   * Makes a client with its first credential.
   * @returns its id, or `lost` if the answer was lost and the client may exist
   * @throws RotationError AUTH0_…
   */
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
    if (isRefusal(answer)) throw refused('new client', answer);
    const clientId = stringOf(parseJson(answer), 'client_id');
    return clientId === undefined ? 'lost' : { clientId };
  }

  /** Succeeds if the client no longer exists. @throws RotationError AUTH0_… */
  async deleteClient(id: string): Promise<void> {
    const response = await this.#call({ method: 'DELETE', path: clientPath(id) });
    if (response.status !== 204 && response.status !== 404) throw this.#unexpected(response);
  }

  /** The whole pool, which Auth0 returns without pages. @throws RotationError AUTH0_… if the list is not complete */
  async credentials(clientId: string): Promise<Credential[]> {
    return this.#records(`${clientPath(clientId)}/credentials`, readCredential);
  }

  /** One page of the tenant logs. @throws RotationError AUTH0_… */
  async logs(query: URLSearchParams): Promise<LogEntry[]> {
    return this.#records(`/logs?${query}`, readLogEntry);
  }

  async #records<T>(path: string, read: (item: Json) => T | undefined): Promise<T[]> {
    const response = await this.#call({ method: 'GET', path });
    const body = parseJson(response);
    if (response.status !== 200 || !Array.isArray(body)) throw this.#unexpected(response);
    return body.map((item) => {
      const record = read(item);
      if (record === undefined) throw this.#unexpected(response);
      return record;
    });
  }

  /**
   * Uploads a credential. Returns a refusal (400), since its reason decides what follows, or `lost` if the credential may exist.
   * @throws RotationError AUTH0_…
   */
  async createCredential(
    clientId: string,
    registration: Registration,
    onUncertain?: OnUncertain,
  ): Promise<Credential | Refusal | 'lost'> {
    const answer = await this.#create(`${clientPath(clientId)}/credentials`, registration, onUncertain);
    if (answer === 'lost' || isRefusal(answer)) return answer;
    // The credential was created but the answer cannot be read. The list has its id.
    return readCredential(parseJson(answer)) ?? 'lost';
  }

  async #create(
    path: string,
    body: object,
    onUncertain?: OnUncertain,
  ): Promise<HttpResponse | Refusal | 'lost'> {
    try {
      const response = await this.#call({ method: 'POST', path, body }, 'create', onUncertain);
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

  /** Replaces the method's whole list. @param ids must come from a fresh read @throws RotationError AUTH0_… */
  async associate(
    clientId: string,
    method: AuthenticationMethod,
    ids: readonly string[],
    onUncertain?: OnUncertain,
  ): Promise<void> {
    await this.#patch(clientId, methodBody(method, ids), onUncertain);
  }

  /**
   * Moves the client to another method with its first credentials. The old method stops working (configure-mtls-for-a-client).
   * @throws RotationError AUTH0_…
   */
  async moveTo(
    clientId: string,
    method: string,
    ids: readonly string[],
    onUncertain?: OnUncertain,
  ): Promise<void> {
    const body = { ...methodBody(method, ids), token_endpoint_auth_method: null };
    await this.#patch(clientId, body, onUncertain);
  }

  /**
   * Moves the client to a method without credentials: a client secret, or `none` for a public client. The pool keeps its credentials
   * (docs/facts.md#auth0-method-change).
   * @throws RotationError AUTH0_…
   */
  async moveToMethodWithoutCredentials(
    clientId: string,
    method: string,
    onUncertain?: OnUncertain,
  ): Promise<void> {
    const body = { client_authentication_methods: null, token_endpoint_auth_method: method };
    await this.#patch(clientId, body, onUncertain);
  }

  /** Sets token binding. Uses the older property if the tenant does not know `require_proof_of_possession`. @throws RotationError AUTH0_… */
  async bindTokens(
    clientId: string,
    { by, required }: ObservedClient['binding'],
    onUncertain?: OnUncertain,
  ): Promise<void> {
    const bodies = {
      require_proof_of_possession: { require_proof_of_possession: required },
      tls_client_certificate_binding: { access_token: { tls_client_certificate_binding: required } },
    };
    const path = clientPath(clientId);
    const response = await this.#call({ method: 'PATCH', path, body: bodies[by] }, 'idempotent', onUncertain);
    if (response.status === 200) return;
    const message = stringOf(parseJson(response), 'message') ?? '';
    if (response.status !== 400 || by === 'tls_client_certificate_binding' || !message.includes(by))
      throw this.#unexpected(response);
    await this.bindTokens(clientId, { by: 'tls_client_certificate_binding', required }, onUncertain);
  }

  async #patch(clientId: string, body: object, onUncertain?: OnUncertain): Promise<void> {
    const request = { method: 'PATCH' as const, path: clientPath(clientId), body };
    const response = await this.#call(request, 'idempotent', onUncertain);
    if (response.status !== 200) throw this.#unexpected(response);
  }

  /**
   * Deletes a credential. It counts as deleted if it no longer exists (docs/facts.md#auth0-delete).
   * @returns 'associated' if Auth0 refuses since it is still associated
   * @throws RotationError AUTH0_…
   */
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
    onUncertain?: OnUncertain,
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
      onUncertain,
    );
    throwIfRefused(response, `${method} /api/v2${path.split('?')[0]}`);
    return response;
  }

  #unexpected(response: HttpResponse): RotationError {
    return unexpectedAnswer(`https://${this.#domain}`, response);
  }
}

function methodBody(method: string, ids: readonly string[]): object {
  return { client_authentication_methods: { [method]: { credentials: ids.map((id) => ({ id })) } } };
}

export function isRefusal(answer: unknown): answer is Refusal {
  return isObject(answer as Json) && typeof (answer as Refusal).message === 'string';
}

export function refused(what: 'credential' | 'new client', { message }: Refusal): RotationError {
  const settings = what === 'credential' ? 'the method that the client uses' : 'client-name';
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 refused the ${what} (400: ${oneLine(message)}).`,
    remedy: `Check subject, key-size and ${settings}.`,
  });
}

function clientPath(id: string): string {
  return `/clients/${encodeURIComponent(id)}`;
}
