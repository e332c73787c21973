/** What was observed of one client, in Auth0's time. */

import type { Place } from '../github/destination.ts';

/** A record of the client's credential pool. Times are milliseconds since the epoch by Auth0's clock. */
export interface Credential {
  id: string;
  type: 'x509_cert' | 'public_key' | 'cert_subject_dn';
  name: string | undefined;
  thumbprint: string | undefined;
  createdAt: number;
  expiresAt: number | undefined;
}

export interface ObservedClient {
  id: string;
  name: string;
  /** `client_authentication_methods` has exactly one member, else it is absent and this is `token_endpoint_auth_method`. */
  method: string;
  /** Ids of the credentials associated with the method; their order means nothing. */
  associated: readonly string[];
}

/** Metadata of a secret, translated to Auth0's clock. */
export interface SecretTimes {
  createdAt: number;
  updatedAt: number;
}

export interface ObservedSecret {
  place: Place;
  /** `unread`: a plan without github-token. */
  times: SecretTimes | 'missing' | 'unread';
  /** `updated_at` as GitHub wrote it: has the secret changed since? */
  version: number | undefined;
}

export interface State {
  client: ObservedClient;
  pool: readonly Credential[];
  /** One for every place of the wish, in its order: the first is the primary's. */
  secrets: readonly ObservedSecret[];
  /** Auth0's clock. */
  now: number;
}
