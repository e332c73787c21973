/** Reads client, credential and log records of the Management API defensively (docs/facts.md#auth0-credential-record). */

import { isObject, type Json, type JsonObject, stringOf, timeOf } from '../model/json.ts';
import { oneLine } from '../model/markdown.ts';
import type { Credential, ObservedClient, Use } from '../model/observed-state.ts';
import { readSubject } from '../model/subject-dn.ts';

/** The fields that the action reads. `client_secret` is not among them, although the scopes of a rotation could read it. */
export const CLIENT_FIELDS = [
  'client_id',
  'name',
  'client_authentication_methods',
  'token_endpoint_auth_method',
  'jwt_configuration',
  'require_proof_of_possession',
  'access_token',
  'grant_types',
  'callbacks',
].join(',');

/** Reads the record of a client. undefined if it is not one. */
export function readClient(body: Json | undefined): ObservedClient | undefined {
  const id = stringOf(body, 'client_id');
  const method = isObject(body) ? readMethod(body) : undefined;
  if (!isObject(body) || !id || !method) return undefined;
  return {
    id,
    name: stringOf(body, 'name') ?? id,
    ...method,
    algorithm: stringOf(body.jwt_configuration, 'alg'),
    binding: readBinding(body),
    grantTypes: textsOf(body.grant_types),
    // `*` and `{organization_name}` are placeholders (docs/facts.md#auth0-callbacks), which no request may contain.
    callback: textsOf(body.callbacks)?.find((one) => URL.canParse(one) && !/[*{}]/.test(one)),
  };
}

function textsOf(list: Json | undefined): string[] | undefined {
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : undefined;
}

/** `client_authentication_methods` has exactly one member. With it, token_endpoint_auth_method is absent. */
function readMethod(body: JsonObject): Pick<ObservedClient, 'method' | 'associated'> | undefined {
  const methods = body.client_authentication_methods;
  if (methods === undefined || methods === null) {
    // A client that was created without a method uses the default (docs/facts.md#auth0-client-record).
    return { method: stringOf(body, 'token_endpoint_auth_method') ?? 'client_secret_post', associated: [] };
  }
  const [entry, ...more] = isObject(methods) ? Object.entries(methods) : [];
  const credentials = isObject(entry?.[1]) ? entry[1].credentials : undefined;
  if (!entry || more.length > 0 || !Array.isArray(credentials)) return undefined;
  const associated = credentials.map((item) => stringOf(item, 'id') ?? '');
  return associated.includes('') ? undefined : { method: entry[0], associated };
}

/** Auth0 shows the older property only on tenants that know it. */
function readBinding(body: JsonObject): ObservedClient['binding'] {
  const older = isObject(body.access_token) ? body.access_token.tls_client_certificate_binding : undefined;
  if (body.require_proof_of_possession === undefined && typeof older === 'boolean')
    return { required: older, by: 'tls_client_certificate_binding' };
  return { required: body.require_proof_of_possession === true, by: 'require_proof_of_possession' };
}

/**
 * Reads the record of a credential. undefined if it is not one. A record of an unknown form keeps its id and whatever else can be
 * read, since it counts towards the capacity and is never removed.
 */
export function readCredential(item: Json | undefined): Credential | undefined {
  const id = stringOf(item, 'id');
  const type = stringOf(item, 'credential_type');
  const createdAt = timeOf(item, 'created_at');
  const expires = isObject(item) ? (item.expires_at ?? undefined) : undefined;
  const expiresAt = expires === undefined ? undefined : timeOf(item, 'expires_at');
  if (!id) return undefined;
  const [name, algorithm] = [stringOf(item, 'name'), stringOf(item, 'alg')];
  if (!isCredentialType(type) || Number.isNaN(createdAt) || Number.isNaN(expiresAt)) {
    const identity = stringOf(item, 'thumbprint_sha256') ?? stringOf(item, 'kid');
    const end = Number.isNaN(expiresAt) ? undefined : expiresAt;
    return { id, type: 'unknown', name, identity, createdAt: 0, expiresAt: end };
  }
  return { id, type, name, identity: identityOf(type, item), algorithm, createdAt, expiresAt };
}

function identityOf(type: Credential['type'], item: Json | undefined): string | undefined {
  if (type === 'x509_cert') return stringOf(item, 'thumbprint_sha256');
  if (type === 'public_key') return stringOf(item, 'kid');
  const subject = stringOf(item, 'subject_dn');
  return subject === undefined ? undefined : readSubject(subject);
}

function isCredentialType(type: string | undefined): type is Exclude<Credential['type'], 'unknown'> {
  return type === 'x509_cert' || type === 'public_key' || type === 'cert_subject_dn';
}

export interface LogEntry extends Use {
  id: string;
  /** Why a client was not authenticated. */
  reason: string;
}

/** The name that this action sends to Auth0. */
export const ACTION = 'auth0-mtls-rotation-action';

/** Reads an entry of the tenant logs. undefined if it is not one. `identity` is empty if no certificate was used. */
export function readLogEntry(item: Json): LogEntry | undefined {
  const id = stringOf(item, 'log_id');
  const at = timeOf(item, 'date');
  if (!isObject(item) || !id || Number.isNaN(at)) return undefined;
  const userAgent = stringOf(item, 'user_agent') ?? '';
  return {
    id,
    at,
    // x5t#S256 ("as per RFC 8705 section 3.1"). If Auth0 encoded it differently, a run would not find its own entry and would remove nothing.
    identity: stringOf(item, 'mtls_thumbprint_sha256') ?? '',
    ip: oneLine(stringOf(item, 'ip')) || 'unknown',
    userAgent: oneLine(userAgent).slice(0, 100) || 'unknown',
    // Auth0's own spelling (logs-schema.json).
    reason: oneLine(stringOf(item.details, 'client_authentoication_error') ?? stringOf(item, 'description')),
    isProof: stringOf(item.auth0_client, 'name') === ACTION || userAgent.startsWith(ACTION),
  };
}
