/** The records of the emulated tenant, in Auth0's field names. They are never changed in place. */

export type CredentialType = 'x509_cert' | 'public_key' | 'cert_subject_dn';
export type ClientAuthenticationMethod =
  | 'private_key_jwt'
  | 'self_signed_tls_client_auth'
  | 'tls_client_auth';
export type TokenEndpointAuthMethod = 'none' | 'client_secret_post' | 'client_secret_basic';

/** A credential as the Management API shows it. */
export interface Credential {
  id: string;
  credential_type: CredentialType;
  name?: string;
  kid?: string;
  alg?: string;
  thumbprint_sha256?: string;
  subject_dn?: string;
  created_at: string;
  updated_at: string;
  expires_at?: string;
}

/** A credential as the tenant keeps it. */
export interface PooledCredential extends Credential {
  pem?: string;
  publicKeyPem?: string;
}

export interface CredentialId {
  id: string;
}

export interface Client {
  client_id: string;
  client_secret: string;
  name: string;
  app_type?: string;
  is_first_party?: boolean;
  jwt_configuration?: { alg?: string; secret_encoded?: boolean; lifetime_in_seconds?: number };
  token_endpoint_auth_method?: TokenEndpointAuthMethod;
  client_authentication_methods?: Partial<
    Record<ClientAuthenticationMethod, { credentials: readonly CredentialId[] }>
  >;
  signed_request_object?: { required?: boolean; credentials?: readonly CredentialId[] };
  token_vault_privileged_access?: { credentials: readonly CredentialId[] };
  require_proof_of_possession?: boolean;
  access_token?: { tls_client_certificate_binding?: boolean };
  client_metadata?: Record<string, string>;
  /** Fields that the emulator keeps and shows but gives no meaning. */
  [field: string]: unknown;
}

/** A client with its pool: every credential record, associated or not. */
export interface ClientRecord {
  client: Client;
  credentials: readonly PooledCredential[];
  /** Scopes by audience. */
  grants: Readonly<Record<string, readonly string[]>>;
}

export interface ObservedState {
  clients: ReadonlyMap<string, ClientRecord>;
  settings: { mtls?: { enable_endpoint_aliases?: boolean } };
}

export interface LogEntry {
  date: string;
  type: string;
  client_id: string;
  ip: string;
  user_agent: string;
  auth0_client?: object;
  mtls_thumbprint_sha256?: string;
  log_id: string;
}

/** In a request null clears a field; no recorded answer has a null since 2025. */
export function withoutNulls<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)) as T;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
};

/** A refusal. Envelope and optional errorCode: error-bodies.json. */
export class ManagementApiError extends Error {
  readonly statusCode: number;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(statusCode: number, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.statusCode = statusCode;
    this.extra = extra;
  }

  get body(): Record<string, unknown> {
    const { statusCode, message, extra } = this;
    return { statusCode, error: REASONS[statusCode], message, ...extra };
  }
}

/** The errorCode of every credential 400 is unknown, or known to be absent: none is given. */
export function badRequest(message: string, errorCode?: string): ManagementApiError {
  return new ManagementApiError(400, message, errorCode === undefined ? {} : { errorCode });
}

export function notFound(message: string, errorCode?: string): ManagementApiError {
  return new ManagementApiError(404, message, errorCode === undefined ? {} : { errorCode });
}

/** error-bodies.json: GET /api/v2/connections-directory-provisionings. */
export function insufficientScope(expected: readonly string[]): ManagementApiError {
  const message = `Insufficient scope, expected any of: ${expected.join(',')}`;
  return new ManagementApiError(403, message, { errorCode: 'insufficient_scope' });
}
