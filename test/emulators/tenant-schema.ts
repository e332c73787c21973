import { isIP } from 'node:net';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import openapi from './recorded/openapi-extract-credentials.json' with { type: 'json' };
import { badRequest, type CredentialType } from './tenant-model.ts';

/** A slot (one method, signed_request_object, …) takes two credentials. docs/facts.md#auth0-two-per-method. */
export const SLOT_CAP = 2;

const CREDENTIAL_ID = /^cred_[0-9A-Za-z]{22}$/; // Every recorded id.

type Schema = Record<string, unknown>;

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const slot = (items: Schema): Schema => ({
  type: 'array',
  minItems: 0, // An empty list is accepted: docs/facts.md#auth0-empty-list.
  maxItems: SLOT_CAP,
  uniqueItems: true, // The same id twice: unknown, refused.
  items,
});

/** Schema ClientAuthenticationMethod with the slot cap: one method at a time. */
function clientAuthenticationMethods(items: (type: CredentialType) => Schema): Schema {
  const method = (type: CredentialType): Schema => ({
    type: 'object',
    additionalProperties: false,
    required: ['credentials'],
    properties: { credentials: slot(items(type)) },
  });
  return {
    type: ['object', 'null'],
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    properties: {
      private_key_jwt: method('public_key'),
      tls_client_auth: method('cert_subject_dn'),
      self_signed_tls_client_auth: method('x509_cert'),
    },
  };
}

/** POST /clients takes whole credentials, with a limit on the certificates' pem that POST /credentials lacks. */
function inlineCredential(type: CredentialType): Schema {
  const pem = type === 'public_key' ? {} : { minLength: 1, maxLength: 4096 };
  return {
    allOf: [ref('PostClientCredentialRequestContent')],
    properties: { credential_type: { const: type }, pem },
  };
}

const clientSlots = (items: (type: CredentialType) => Schema): Record<string, Schema> => ({
  client_authentication_methods: clientAuthenticationMethods(items),
  signed_request_object: {
    type: ['object', 'null'],
    additionalProperties: false,
    properties: { required: { type: 'boolean' }, credentials: slot(items('public_key')) },
  },
  token_vault_privileged_access: {
    type: ['object', 'null'],
    additionalProperties: false,
    required: ['credentials'],
    properties: {
      credentials: slot(items('public_key')),
      ip_allowlist: { type: 'array', items: ref('TokenVaultPrivilegedAccessIpAllowlistEntry') },
      grants: { type: 'array' }, // Newer than the extract: tf-token-vault-survives-auth-method-switch seq 8.
    },
  },
});

/** Seen in recorded requests, or in the SDK's request types; kept as they come. */
const UNCHECKED_FIELDS = [
  ...['allowed_clients', 'allowed_logout_urls', 'allowed_origins', 'callbacks', 'client_aliases'],
  ...['cross_origin_authentication', 'custom_login_page', 'custom_login_page_on', 'express_configuration'],
  ...['grant_types', 'initiate_login_uri', 'is_token_endpoint_ip_header_trusted', 'logo_uri'],
  ...['native_social_login', 'oidc_conformant', 'organization_require_behavior', 'organization_usage'],
  ...['refresh_token', 'require_pushed_authorization_requests', 'sso', 'sso_disabled', 'web_origins'],
];

const clientFields = (items: (type: CredentialType) => Schema): Record<string, Schema> => ({
  ...Object.fromEntries(UNCHECKED_FIELDS.map((field) => [field, {}])),
  app_type: { type: 'string' },
  is_first_party: { type: 'boolean' },
  ...openapi.paths['/clients/{id}'].patch.requestBodyProperties,
  ...clientSlots(items),
});

const clientBody = (properties: Record<string, Schema>, required: readonly string[]): Schema => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

/** Not in the OpenAPI document: the older property of the mTLS guide (docs/facts.md#auth0-token-binding). */
function olderClientFields(items: (type: CredentialType) => Schema): Record<string, Schema> {
  const { require_proof_of_possession: _newer, ...fields } = clientFields(items);
  const binding = { type: 'boolean' };
  const properties = { tls_client_certificate_binding: binding };
  return { ...fields, access_token: { type: 'object', additionalProperties: false, properties } };
}

const idOnly = (): Schema => ref('CredentialId');

/** OpenAPI prose of client_metadata; null removes a property (docs configure-application-metadata). */
const clientMetadata: Schema = {
  type: 'object',
  maxProperties: 10,
  propertyNames: { maxLength: 255, pattern: String.raw`^[0-9A-Za-z:,\-+=_*?"/\\()<>@\t ]+$` },
  additionalProperties: { type: ['string', 'null'], maxLength: 255 },
};

const components: Record<string, Schema> = {
  ...openapi.schemas,
  ClientMetadata: clientMetadata,
  ClientJwtConfiguration: {
    type: 'object',
    additionalProperties: false,
    properties: {
      alg: ref('SigningAlgorithmEnum'),
      lifetime_in_seconds: { type: 'integer', minimum: 1 },
      secret_encoded: { type: 'boolean' },
      scopes: { type: 'object' },
    },
  },
  PostClient: clientBody(clientFields(inlineCredential), ['name']),
  PatchClient: clientBody(clientFields(idOnly), []),
  PostOlderClient: clientBody(olderClientFields(inlineCredential), ['name']),
  PatchOlderClient: clientBody(olderClientFields(idOnly), []),
  PatchTenantSettings: {
    type: 'object',
    additionalProperties: false, // The one setting that the emulator knows.
    properties: {
      mtls: {
        type: ['object', 'null'],
        additionalProperties: false,
        properties: { enable_endpoint_aliases: { type: 'boolean' } },
      },
    },
  },
};

const isCidr = (version: number) => (text: string) => {
  const [address = '', prefix = ''] = text.split('/');
  return isIP(address) === version && /^\d{1,3}$/.test(prefix);
};

const ajv = new Ajv({
  strict: false,
  verbose: true,
  formats: {
    'credential-id': CREDENTIAL_ID,
    'date-time': (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)),
    ipv4: (text: string) => isIP(text) === 4,
    ipv6: (text: string) => isIP(text) === 6,
    cidr: isCidr(4),
    ipv6_cidr: isCidr(6),
  },
});
ajv.addSchema({ $id: 'management-api', components: { schemas: components } });

export type BodyName =
  | 'PostClient'
  | 'PatchClient'
  | 'PostOlderClient'
  | 'PatchOlderClient'
  | 'PostClientCredentialRequestContent'
  | 'PatchClientCredentialRequestContent'
  | 'PatchTenantSettings';

/** The recorded texts are those of the validator z-schema; hence its words for what ajv found. */
const TEXTS: Readonly<Record<string, (error: ErrorObject) => string>> = {
  additionalProperties: ({ params }) => `Additional properties not allowed: ${params.additionalProperty}`,
  required: ({ params }) => `Missing required property: ${params.missingProperty}`,
  minProperties: ({ params, data }) =>
    `Too few properties defined (${sizeOf(data)}), minimum ${params.limit}`,
  maxProperties: ({ params, data }) =>
    `Too many properties defined (${sizeOf(data)}), maximum ${params.limit}`,
  maxItems: ({ params, data }) => `Array is too long (${sizeOf(data)}), maximum ${params.limit}`,
  uniqueItems: ({ params }) => `Array items are not unique (indexes ${params.j} and ${params.i})`,
  minLength: ({ params, data }) =>
    `String is too short (${String(data).length} chars), minimum ${params.limit}`,
  maxLength: ({ params, data }) =>
    `String is too long (${String(data).length} chars), maximum ${params.limit}`,
  pattern: ({ params, data }) => `String does not match pattern ${params.pattern}: ${data}`,
  format: ({ params, data }) => `Object didn't pass validation for format ${params.format}: ${data}`,
  type: ({ params, data }) => `Expected type ${params.type} but found type ${typeName(data)}`,
  enum: ({ data }) => `No enum match for: ${data}`,
  const: ({ data }) => `No enum match for: ${data}`,
};

const sizeOf = (value: unknown): number => Object.keys(Object(value)).length;

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** `/groups/0/email` as the recorded messages write it: `groups[0].email`. */
function propertyPath(instancePath: string): string {
  return instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');
}

function explain(error: ErrorObject | undefined): string {
  const text = error ? (TEXTS[error.keyword]?.(error) ?? error.message) : 'Invalid body';
  const where = error?.instancePath ? ` on property ${propertyPath(error.instancePath)}` : '';
  return `Payload validation error: '${text}'${where}.`;
}

/** The body if it is valid; T is what the schema of that name describes. */
export function validBody<T>(name: BodyName, body: unknown): T {
  const validate = ajv.getSchema(`management-api#/components/schemas/${name}`) as ValidateFunction<T>;
  if (validate(body)) return body;
  throw badRequest(explain(validate.errors?.[0]), 'invalid_body');
}

/** Text and errorCode by analogy with the recorded GET /event-streams/{id}. */
export function assertCredentialId(id: string): void {
  if (CREDENTIAL_ID.test(id)) return;
  const text = `Object didn't pass validation for format credential-id: ${id}`;
  throw badRequest(`Path validation error: '${text}' on property credential_id.`, 'invalid_uri');
}
