import type { Random } from './emulator.ts';
import { assertNewClient, assertPatchScopes, newClient, patchClient, viewClient } from './tenant-clients.ts';
import {
  addToPool,
  assertNotExpired,
  createCredential,
  type ParseCertificate,
  type PostCredential,
  patchCredential,
  viewCredential,
  viewInlineCredential,
} from './tenant-credentials.ts';
import {
  badRequest,
  type Client,
  type ClientRecord,
  insufficientScope,
  type LogEntry,
  notFound,
  type ObservedState,
  type PooledCredential,
  withoutNulls,
} from './tenant-model.ts';
import { page, search } from './tenant-pages.ts';
import { assertCredentialId, validBody } from './tenant-schema.ts';
import {
  inlineCredentials,
  isAssociated,
  type PatchClient,
  type PostClient,
  replaceInline,
} from './tenant-slots.ts';

/** One authorized call. `state` is what it sees; nothing of it is ever changed in place. */
export interface Call {
  clientId: string;
  credentialId: string;
  query: URLSearchParams;
  /** The parsed body. */
  body: unknown;
  scopes: readonly string[];
  now: number;
  recordsAheadMs: number;
  state: ObservedState;
  /** As old as `state` at most. */
  logs: readonly LogEntry[];
  random: Random;
  poolCap: number;
  olderBinding: boolean;
  parseCertificate: ParseCertificate;
}

/** The answer to a call, and the tenant's state after it if the call changed it. */
export interface Outcome {
  status: number;
  body?: unknown;
  state?: ObservedState;
}

interface Route {
  method: string;
  path: RegExp;
  /** One of these is needed (docs/facts.md#auth0-scopes). */
  scopes: readonly string[];
  run: (call: Call) => Outcome;
}

const READ_CLIENT = ['read:clients', 'read:client_keys', 'read:client_credentials', 'read:client_summary'];
const PATCH_CLIENT = [
  'update:clients',
  'update:client_keys',
  'update:client_credentials',
  'update:client_token_vault_privileged_access',
];

const CLIENTS = /^\/api\/v2\/clients$/;
const CLIENT = /^\/api\/v2\/clients\/(?<clientId>[^/]+)$/;
const CREDENTIALS = /^\/api\/v2\/clients\/(?<clientId>[^/]+)\/credentials$/;
const CREDENTIAL = /^\/api\/v2\/clients\/(?<clientId>[^/]+)\/credentials\/(?<credentialId>[^/]+)$/;
const SETTINGS = /^\/api\/v2\/tenants\/settings$/;
const LOGS = /^\/api\/v2\/logs$/;

const ROUTES: readonly Route[] = [
  { method: 'GET', path: CLIENTS, scopes: READ_CLIENT, run: clientListing },
  { method: 'POST', path: CLIENTS, scopes: ['create:clients'], run: postClient },
  { method: 'GET', path: CLIENT, scopes: READ_CLIENT, run: getClient },
  { method: 'PATCH', path: CLIENT, scopes: PATCH_CLIENT, run: updateClient },
  { method: 'DELETE', path: CLIENT, scopes: ['delete:clients'], run: deleteClient },
  { method: 'GET', path: CREDENTIALS, scopes: ['read:client_credentials'], run: listCredentials },
  { method: 'POST', path: CREDENTIALS, scopes: ['create:client_credentials'], run: postCredential },
  { method: 'GET', path: CREDENTIAL, scopes: ['read:client_credentials'], run: getCredential },
  { method: 'PATCH', path: CREDENTIAL, scopes: ['update:client_credentials'], run: updateCredential },
  { method: 'DELETE', path: CREDENTIAL, scopes: ['delete:client_credentials'], run: deleteCredential },
  { method: 'GET', path: SETTINGS, scopes: ['read:tenant_settings'], run: getSettings },
  { method: 'PATCH', path: SETTINGS, scopes: ['update:tenant_settings'], run: updateSettings },
  { method: 'GET', path: LOGS, scopes: ['read:logs', 'read:logs_users'], run: listLogs },
];

export interface MatchedRoute {
  route: Route;
  clientId: string;
  credentialId: string;
}

/** Body of an unknown path: error-bodies.json, GET /connections/{id}/scim-configuration. */
export function matchRoute(method: string, path: string): MatchedRoute {
  for (const route of ROUTES) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match) {
      const { clientId = '', credentialId = '' } = match.groups ?? {};
      return { route, clientId, credentialId };
    }
  }
  throw notFound('Not Found');
}

function recordOf({ state, clientId }: Call): ClientRecord {
  const record = state.clients.get(clientId);
  // tf-client-not-found.json.
  if (!record) throw notFound('The client does not exist', 'inexistent_client');
  return record;
}

export function withRecord(state: ObservedState, record: ClientRecord): ObservedState {
  return { ...state, clients: new Map(state.clients).set(record.client.client_id, record) };
}

function clientListing({ state, query, scopes }: Call): Outcome {
  const isGlobal = query.get('is_global');
  const clients = [...state.clients.values()]
    .map(({ client }) => client)
    .filter((client) => isGlobal === null || String(client.global === true) === isGlobal)
    .map((client) => viewClient(client, scopes, query));
  return { status: 200, body: page(clients, 'clients', query) };
}

function getClient(call: Call): Outcome {
  return { status: 200, body: viewClient(recordOf(call).client, call.scopes, call.query) };
}

function postClient(call: Call): Outcome {
  const schema = call.olderBinding ? 'PostOlderClient' : 'PostClient';
  const body = withoutNulls(validBody<PostClient>(schema, call.body));
  const inline = inlineCredentials(body).filter(({ credentials }) => credentials.length > 0);
  // Whether inline credentials need more than create:clients is unknown.
  if (inline.length > 0 && !call.scopes.includes('create:client_credentials')) {
    throw insufficientScope(['create:client_credentials']);
  }
  const client = newClient(body, call.random);
  assertNewClient(client);
  const created = inline.map(({ slot, credentials }) => ({
    slot,
    credentials: credentials.map((credential) => uploaded(credential, call)),
  }));
  const credentials = created
    .flatMap((slot) => slot.credentials)
    .reduce<readonly PooledCredential[]>((pool, credential) => addToPool(pool, credential, call.poolCap), []);
  const withSlots = (view: (credential: PooledCredential) => unknown): Client => ({
    ...client,
    ...Object.fromEntries(
      created.map((each) => [each.slot, replaceInline(body, each.slot, each.credentials.map(view))]),
    ),
  });
  const record = { client: withSlots(({ id }) => ({ id })), credentials, grants: {} };
  // Full detail in this answer alone: go-get-self-signed-tls-client-auth seq 0 and 1.
  const shown = viewClient(withSlots(viewInlineCredential), call.scopes, new URLSearchParams());
  return { status: 201, body: shown, state: withRecord(call.state, record) };
}

function updateClient(call: Call): Outcome {
  const schema = call.olderBinding ? 'PatchOlderClient' : 'PatchClient';
  const body = validBody<PatchClient>(schema, call.body);
  assertPatchScopes(body, call.scopes);
  const record = patchClient(recordOf(call), body);
  const shown = viewClient(record.client, call.scopes, new URLSearchParams());
  return { status: 200, body: shown, state: withRecord(call.state, record) };
}

/** 204 also for a client that is gone: go-delete-client seq 3. */
function deleteClient({ state, clientId }: Call): Outcome {
  const clients = new Map(state.clients);
  clients.delete(clientId);
  return { status: 204, state: { ...state, clients } };
}

/** The order means nothing (docs/facts.md#auth0-list-order). Paging parameters change nothing. */
function listCredentials(call: Call): Outcome {
  const { credentials } = recordOf(call);
  return { status: 200, body: shuffled(credentials, call.random).map(viewCredential) };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1));
}

function uploaded(body: PostCredential, call: Call): PooledCredential {
  const credential = createCredential(body, call);
  assertNotExpired(credential, call.now);
  return credential;
}

function postCredential(call: Call): Outcome {
  const body = validBody<PostCredential>('PostClientCredentialRequestContent', call.body);
  const record = recordOf(call);
  const credential = uploaded(body, call);
  const credentials = addToPool(record.credentials, credential, call.poolCap);
  const state = withRecord(call.state, { ...record, credentials });
  return { status: 201, body: viewCredential(credential), state };
}

function credentialOf(call: Call): PooledCredential {
  assertCredentialId(call.credentialId);
  const credential = recordOf(call).credentials.find(({ id }) => id === call.credentialId);
  if (!credential) throw notFound('The credential does not exist'); // Status: OpenAPI; the text is unknown.
  return credential;
}

function getCredential(call: Call): Outcome {
  return { status: 200, body: viewCredential(credentialOf(call)) };
}

/** 200 in all traffic (tf-private-key-jwt seq 39), where the OpenAPI document says 201. */
function updateCredential(call: Call): Outcome {
  const body = validBody<{ expires_at?: string | null }>('PatchClientCredentialRequestContent', call.body);
  const patched = patchCredential(credentialOf(call), body, call.now);
  const record = recordOf(call);
  const credentials = record.credentials.map((each) => (each.id === patched.id ? patched : each));
  const state = withRecord(call.state, { ...record, credentials });
  return { status: 200, body: viewCredential(patched), state };
}

/** 204 also for a credential that is gone: go-delete-credential seq 4. Of a client that is gone: unknown, 404. */
function deleteCredential(call: Call): Outcome {
  assertCredentialId(call.credentialId);
  const record = recordOf(call);
  // 400 without an errorCode: docs/facts.md#auth0-delete.
  if (isAssociated(record.client, call.credentialId)) {
    throw badRequest('Cannot delete credential still associated with a client');
  }
  const credentials = record.credentials.filter(({ id }) => id !== call.credentialId);
  return { status: 204, state: withRecord(call.state, { ...record, credentials }) };
}

function getSettings({ state }: Call): Outcome {
  return { status: 200, body: state.settings };
}

/** null takes the setting away: go-mtls-tenant-and-resource-server, the second seq 5. */
function updateSettings({ state, body }: Call): Outcome {
  const { mtls } = validBody<{ mtls?: ObservedState['settings']['mtls'] | null }>(
    'PatchTenantSettings',
    body,
  );
  if (mtls === undefined) return { status: 200, body: state.settings };
  const settings = mtls === null ? {} : { mtls };
  return { status: 200, body: settings, state: { ...state, settings } };
}

function listLogs({ logs, query }: Call): Outcome {
  return { status: 200, body: page(search(logs, query), 'logs', query) };
}
