/** What was observed of one client, in Auth0's time. */

import type { RotationError } from '../errors.ts';
import type { AuthenticationMethod, CREDENTIAL_TYPES, DesiredState } from './desired-state.ts';
import type { SecretLocation } from './secret-location.ts';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './signing-algorithm.ts';
import { LEASE } from './timing.ts';

/** A record of the client's credential pool. Times are milliseconds since the epoch by Auth0's clock. */
export interface Credential {
  id: string;
  /** `unknown`: a record that this version of the action cannot read. It takes a place and is never touched. */
  type: (typeof CREDENTIAL_TYPES)[AuthenticationMethod] | 'unknown';
  name: string | undefined;
  /** What identifies it: x5t#S256 of an x509_cert, kid of a public_key, subject DN (RFC 4514) of a cert_subject_dn. */
  identity: string | undefined;
  /** Of a public_key: what its assertions are signed with. undefined: not shown. */
  algorithm?: string | undefined;
  createdAt: number;
  expiresAt: number | undefined;
}

/** `require_proof_of_possession`, or where a tenant does not know that the older property of the mTLS guide. */
export type BindingProperty = 'require_proof_of_possession' | 'tls_client_certificate_binding';

export interface ObservedClient {
  id: string;
  name: string;
  /** `client_authentication_methods` has exactly one member, else it is absent and this is `token_endpoint_auth_method`. */
  method: string;
  /** Ids of the credentials associated with `method`; their order means nothing. */
  associated: readonly string[];
  /** `jwt_configuration.alg`. */
  algorithm: string | undefined;
  /** Its access tokens are bound to its certificate; by which of Auth0's two properties that is asked for. */
  binding: { required: boolean; by: BindingProperty };
  /** What it may ask for a token with; undefined: not shown. */
  grantTypes?: readonly string[] | undefined;
  /** Where an authorization request may lead; undefined: it has none. */
  callback?: string | undefined;
}

/** Metadata of a secret, translated to Auth0's clock. */
export interface SecretTimes {
  createdAt: number;
  updatedAt: number;
}

export interface ObservedSecret {
  location: SecretLocation;
  /** `unread`: a plan without github-token. */
  times: SecretTimes | 'missing' | 'unread';
  /** `updated_at` as GitHub wrote it: has the secret changed since? */
  version: number | undefined;
}

/** Ids of the client's credentials of this method: none while it uses another. */
export function associatedWith({ method, associated }: ObservedClient, requested: string): readonly string[] {
  return method === requested ? associated : [];
}

/** One token request that a certificate was used for, by the tenant logs. */
export interface Use {
  /** x5t#S256 of the certificate. */
  identity: string;
  at: number;
  ip: string;
  userAgent: string;
  /** It was a proof of this action: nobody's login. */
  isProof: boolean;
}

/** What the tenant logs tell of the client's certificates. */
export interface Usage {
  /** The logs hold everything from here on. */
  since: number;
  /** Up to here, for certain: a token request that this run made then is in them. Else why that is not known. */
  upTo: number | 'not asked' | 'no endpoint' | 'refused' | 'late';
  uses: readonly Use[];
}

export interface FormerLocation {
  /** As its credentials' marks name it. */
  owner: string;
  secret: ObservedSecret;
}

export interface Unwritable {
  /** As `printLocation` prints it. */
  location: string;
  error: RotationError;
}

export interface ObservedState {
  /** undefined: `create` has not made it yet. */
  client: ObservedClient | undefined;
  pool: readonly Credential[];
  /** One for each desired secret, in that order: the first is the primary's. */
  secrets: readonly ObservedSecret[];
  /** Secret locations that refused a write moments ago. */
  unwritable?: readonly Unwritable[];
  /** Former primaries of this workflow: they are read and never written. */
  former?: readonly FormerLocation[];
  /** What the Management API token may do; undefined: it does not show its scopes, or nothing will be written. */
  scopes?: ReadonlySet<string> | undefined;
  /** undefined: the tenant logs were not read. */
  usage?: Usage | undefined;
  /** When this run began, by Auth0's clock: what `current-credential` shows was read before. undefined: nobody has recorded it. */
  startedAt?: number;
  /** Auth0's clock. */
  now: number;
}

/** What assertions are signed with: what was asked for, else that of the credential in use. */
export function signingAlgorithmOf(
  { current, given, signingAlgorithm }: DesiredState,
  observed: Pick<ObservedState, 'client' | 'pool'>,
): SigningAlgorithm {
  if (given.has('signing-algorithm') && signingAlgorithm) return signingAlgorithm;
  const ours = [...observed.pool].sort(newestFirst);
  const inUse =
    ours.find(({ identity }) => identity !== undefined && identity === current?.identity) ??
    ours.find(({ id, type }) => type === 'public_key' && observed.client?.associated.includes(id));
  return SIGNING_ALGORITHMS.find((one) => one === inUse?.algorithm) ?? 'RS256';
}

/** Sorts by `created_at`, then id: Auth0's lists have no order. */
export function newestFirst(a: Credential, b: Credential): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** The run that made it may still be at work. */
export function isYoung(credential: Credential, now: number): boolean {
  // guard: the lease
  return now - credential.createdAt < LEASE;
}
