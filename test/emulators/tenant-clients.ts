import type { Random } from './emulator.ts';
import { randomText } from './tenant-credentials.ts';
import {
  badRequest,
  type Client,
  type ClientRecord,
  insufficientScope,
  withoutNulls,
} from './tenant-model.ts';
import { assertCredentialsOfSlots, type PatchClient } from './tenant-slots.ts';

/** The fields of a new client in tf-self-signed-tls-client-auth seq 0. */
const DEFAULTS = {
  is_first_party: true,
  is_token_endpoint_ip_header_trusted: false,
  oidc_conformant: false,
  sso_disabled: false,
  cross_origin_authentication: false,
  grant_types: ['authorization_code', 'implicit', 'refresh_token', 'client_credentials'],
  custom_login_page_on: true,
  jwt_configuration: { lifetime_in_seconds: 36_000 },
  refresh_token: {
    rotation_type: 'non-rotating',
    expiration_type: 'non-expiring',
    leeway: 0,
    token_lifetime: 31_557_600,
    infinite_token_lifetime: true,
    infinite_idle_token_lifetime: true,
    idle_token_lifetime: 2_592_000,
  },
};

/** The fields of a new express_configuration client in go-express-configuration seq 5. */
const EXPRESS_DEFAULTS = {
  oidc_conformant: true,
  grant_types: ['authorization_code', 'client_credentials'],
  callbacks: ['https://system-admin.okta.com/admin/app/generic/oauth20redirect'],
  organization_usage: 'require',
  organization_require_behavior: 'pre_login_prompt',
  jwt_configuration: { alg: 'RS256' },
  client_authentication_methods: { private_key_jwt: { credentials: [] } },
};

export function newClient(body: Partial<Client>, random: Random): Client {
  const client = {
    client_id: randomText(random, 32),
    client_secret: randomText(random, 64),
    name: 'Application',
    ...DEFAULTS,
    ...(body.app_type === 'express_configuration' ? EXPRESS_DEFAULTS : {}),
    ...body,
  };
  const { jwt_configuration } = client;
  // With alg asked for, the answer has no lifetime: tf-private-key-jwt-full-rotation seq 0, unlike tf-private-key-jwt.
  return jwt_configuration
    ? { ...client, jwt_configuration: { secret_encoded: false, ...jwt_configuration } }
    : client;
}

/** What PATCH merges into the old value; all other fields it replaces, lists of credentials among them. */
const MERGED_FIELDS: ReadonlySet<string> = new Set([
  'jwt_configuration', // tf-self-signed-tls-client-auth seq 8: lifetime_in_seconds stays.
  'client_metadata', // docs configure-application-metadata.
  'signed_request_object', // tf-signed-request-object seq 16: {required} alone keeps the credentials.
]);

function patchedValue(field: string, old: unknown, value: unknown): unknown {
  if (!MERGED_FIELDS.has(field) || value === null) return value;
  return withoutNulls({ ...Object(old), ...Object(value) });
}

export function patchClient(record: ClientRecord, body: PatchClient): ClientRecord {
  const { client, credentials } = record;
  const changes = Object.entries(body).map(([field, value]) => [
    field,
    patchedValue(field, client[field], value),
  ]);
  const patched: Client = withoutNulls({ ...client, ...Object.fromEntries(changes) });
  assertOneMethodAfterPatch(client, body);
  assertCredentialsOfSlots(body, credentials);
  assertMetadataLimit(patched);
  // "To configure client_authentication_methods, jwt_configuration.alg must be set to RS256" (docs/facts.md#auth0-signing-algorithm).
  if (body.client_authentication_methods) assertSigningAlgorithm(patched, ['RS256']);
  assertFirstPartyMethod(patched);
  return { ...record, client: patched };
}

/** POST with PS256 is recorded (go-get-self-signed-tls-client-auth seq 0), though PATCH asks for RS256. */
export function assertNewClient(client: Client): void {
  if (client.client_authentication_methods && client.token_endpoint_auth_method) throw mutuallyExclusive();
  if (client.client_authentication_methods) assertSigningAlgorithm(client, ['RS256', 'RS512', 'PS256']);
  assertFirstPartyMethod(client);
}

/** "Mutually exclusive" (docs/facts.md#auth0-one-method); the full text is unknown. */
const mutuallyExclusive = () =>
  badRequest('client_authentication_methods and token_endpoint_auth_method are mutually exclusive');

/**
 * auth0-deploy-cli clientAuthCredentials: token_endpoint_auth_method is null when methods are set and not null when they
 * are cleared. terraform-provider-auth0: "API doesn't accept nil on both". A PATCH may leave out what stays.
 */
function assertOneMethodAfterPatch(client: Client, body: PatchClient): void {
  const { client_authentication_methods: methods, token_endpoint_auth_method: method } = body;
  if (methods === undefined && method === undefined) return;
  const after = { ...client, ...body };
  if (after.client_authentication_methods && after.token_endpoint_auth_method) throw mutuallyExclusive();
  if (!after.client_authentication_methods && !after.token_endpoint_auth_method) throw mutuallyExclusive();
}

/** docs/facts.md#auth0-client-metadata, counted after the merge. */
function assertMetadataLimit({ client_metadata }: Client): void {
  if (Object.keys(client_metadata ?? {}).length > 10) {
    throw badRequest('client_metadata can have a maximum of 10 properties');
  }
}

/** HS256, and no alg at all, are refused. Source: docs configure-private-key-jwt; the text is unknown. */
function assertSigningAlgorithm({ jwt_configuration }: Client, allowed: readonly string[]): void {
  if (allowed.includes(jwt_configuration?.alg ?? 'HS256')) return;
  throw badRequest(`client_authentication_methods needs jwt_configuration.alg to be ${allowed.join(' or ')}`);
}

/** docs third-party-applications/security-controls: private_key_jwt only. The text is unknown. */
function assertFirstPartyMethod({ is_first_party, client_authentication_methods = {} }: Client): void {
  const mutualTls = Object.keys(client_authentication_methods).some((method) => method !== 'private_key_jwt');
  if (is_first_party === false && mutualTls) throw badRequest('Third-party clients cannot use mTLS');
}

/** OpenAPI security and notes of PATCH /clients/{id}; each field needs one scope of its list. */
export function assertPatchScopes(body: PatchClient, scopes: readonly string[]): void {
  const needs = new Map<readonly string[], boolean>([
    [
      ['update:client_credentials'],
      'client_authentication_methods' in body || 'signed_request_object' in body,
    ],
    [['update:client_token_vault_privileged_access'], 'token_vault_privileged_access' in body],
    [['update:client_keys'], 'client_secret' in body],
    // "update:client_credentials (required), with update:clients": the second also for the methods alone.
    [['update:clients', 'update:client_keys'], true],
  ]);
  for (const [expected, needed] of needs) {
    if (needed && !expected.some((scope) => scopes.includes(scope))) throw insufficientScope(expected);
  }
}

const KEYS_OR_CREDENTIALS = ['read:client_keys', 'read:client_credentials'];
const CLIENTS_OR_KEYS = ['read:clients', 'read:client_keys'];

/** OpenAPI notes of GET /clients/{id}. For the answers to POST and PATCH unknown: the same. */
const SCOPES_OF_FIELD: Readonly<Record<string, readonly string[]>> = {
  client_secret: KEYS_OR_CREDENTIALS,
  client_authentication_methods: KEYS_OR_CREDENTIALS,
  token_endpoint_auth_method: CLIENTS_OR_KEYS,
  client_metadata: CLIENTS_OR_KEYS,
  jwt_configuration: CLIENTS_OR_KEYS,
};

/** With a credential method there is no client_secret in the answer: tf-self-signed-tls-client-auth seq 13. */
export function viewClient(
  client: Client,
  scopes: readonly string[],
  query: URLSearchParams,
): Partial<Client> {
  const fields = query.get('fields')?.split(',');
  const include = query.get('include_fields') !== 'false';
  const visible = (field: string) =>
    (SCOPES_OF_FIELD[field] ?? scopes).some((scope) => scopes.includes(scope)) &&
    !(field === 'client_secret' && client.client_authentication_methods) &&
    (!fields || fields.includes(field) === include);
  return Object.fromEntries(Object.entries(client).filter(([field]) => visible(field)));
}
