/** The observed state of one client. All times are by Auth0's clock. */

import type { RotationError } from '../errors.ts';
import type { AuthenticationMethod, CREDENTIAL_TYPES } from './desired-state.ts';
import { type Destination, printLocation, type SecretLocation } from './secret-location.ts';
import { LEASE } from './timing.ts';

/** A record of the client's credential pool. Times are milliseconds since the epoch by Auth0's clock. */
export interface Credential {
  id: string;
  /** `unknown`: a record that this version of the action cannot read. It counts towards the capacity and is never touched. */
  type: (typeof CREDENTIAL_TYPES)[AuthenticationMethod] | 'unknown';
  name: string | undefined;
  /** What identifies it: x5t#S256 of an x509_cert, kid of a public_key, subject DN (RFC 4514) of a cert_subject_dn. */
  identity: string | undefined;
  /** The signing algorithm of a public_key. undefined: Auth0 does not show it. */
  algorithm?: string | undefined;
  createdAt: number;
  expiresAt: number | undefined;
}

/** `require_proof_of_possession`, or the older property of the mTLS guide on a tenant that does not know the first. */
export type BindingProperty = 'require_proof_of_possession' | 'tls_client_certificate_binding';

export interface ObservedClient {
  id: string;
  name: string;
  /** The one member of `client_authentication_methods`. Without that property: `token_endpoint_auth_method`. */
  method: string;
  /** Ids of the credentials associated with `method`; their order means nothing. */
  associated: readonly string[];
  /** `jwt_configuration.alg`. */
  algorithm: string | undefined;
  /** Whether its access tokens are bound to its certificate, and which of Auth0's two properties sets that. */
  binding: { required: boolean; by: BindingProperty };
  /** undefined: Auth0 does not show them. */
  grantTypes?: readonly string[] | undefined;
  /** The redirect URI for authorization requests. undefined: the client has none. */
  callback?: string | undefined;
}

/**
 * When a secret was created and last written, in milliseconds. The secret store returns them by GitHub's clock. The observed state has
 * them translated to Auth0's clock.
 */
export interface SecretTimes {
  createdAt: number;
  updatedAt: number;
}

export interface ObservedSecret {
  location: SecretLocation;
  /** `unread`: no github-token was given, or `refused` says why. Only a plan, a watch and a revert need no token. */
  times: SecretTimes | 'missing' | 'unread';
  /** `updated_at` as GitHub shows it, by its own clock. If a later read shows another time, somebody has written the secret since. */
  githubTime: number | undefined;
  /** Why GitHub does not show it. It may exist and hold any credential. */
  refused?: RotationError | undefined;
  /** The outer secret of the same name, which jobs read while this one is missing. A secret stored here would hide it from them. */
  wouldHide?: SecretLocation | undefined;
  /** Where such an outer secret may be, since GitHub does not show it to this token. */
  mayHide?: readonly Destination[] | undefined;
}

/** The outer secret of the same name, which jobs read while a secret is missing. `notShown`: where it is unknown whether there is one. */
export type OuterSecret = SecretLocation | 'none' | { notShown: readonly Destination[] };

/** Why a write here is not tried (it is left out) or will probably fail (it refused a trial moments ago). undefined: it accepted one, or was not probed. */
export function whyUnwritable(
  { leftOut = [], refusedTrials = [] }: Pick<ObservedState, 'leftOut' | 'refusedTrials'>,
  location: SecretLocation,
): RotationError | undefined {
  const name = printLocation(location);
  return [...leftOut, ...refusedTrials].find((one) => one.location === name)?.error;
}

/** Whether this run must not even try to write this location. */
export function isLeftOut(
  { leftOut = [] }: Pick<ObservedState, 'leftOut'>,
  location: SecretLocation,
): boolean {
  return leftOut.some((one) => one.location === printLocation(location));
}

/** undefined: the secret is missing or was not read. */
export function writtenTimes(times: ObservedSecret['times'] | undefined): SecretTimes | undefined {
  return typeof times === 'string' ? undefined : times;
}

/** Whether it has a secret that was written once, and not since. */
export function isWrittenOnce(secret: ObservedSecret | undefined): boolean {
  const times = writtenTimes(secret?.times);
  return times !== undefined && times.createdAt === times.updatedAt;
}

/** Ids of the credentials associated with this method. Empty while the client uses another one. */
export function associatedWith({ method, associated }: ObservedClient, requested: string): readonly string[] {
  return method === requested ? associated : [];
}

/** One token request with a certificate, as the tenant logs record it. */
export interface Use {
  /** x5t#S256 of the certificate. */
  identity: string;
  at: number;
  ip: string;
  userAgent: string;
  /** This action made it as a proof. It is not a consumer's login. */
  isProof: boolean;
}

/** What the tenant logs show about the client's certificates. */
export interface Usage {
  /** The logs are complete from this time on. */
  since: number;
  /** The logs are complete up to this time: this run requested a token then, and they show that request. A text says why no such time is known. */
  upTo: number | 'not asked' | 'no endpoint' | 'refused' | 'late';
  uses: readonly Use[];
}

/** A secret that this workflow wrote before, under another owner. */
export interface FormerLocation {
  /** The owner as the marks of its credentials name it. */
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
  /** One for each desired secret, in the same order, so the first is the primary's. */
  secrets: readonly ObservedSecret[];
  /** Secret locations that refused a write moments ago. undefined: none was probed. */
  refusedTrials?: readonly Unwritable[];
  /** Secret locations beside the primary that this run does not write, and why. undefined: it is not decided yet. */
  leftOut?: readonly Unwritable[];
  /** Former locations of this workflow, which are read and never written. */
  former?: readonly FormerLocation[];
  /** Scopes of the Management API token. undefined: they are unknown, or nothing will be written. */
  scopes?: ReadonlySet<string> | undefined;
  /** undefined: the tenant logs were not read. */
  usage?: Usage | undefined;
  /** When this run began, by Auth0's clock. GitHub read the secret for `current-credential` earlier than that. undefined: not recorded. */
  startedAt?: number;
  /** Auth0's clock. */
  now: number;
}

/** When the last associated credential expires. After that nobody can log in. undefined: nothing is associated, or one of them records no expiry. */
export function lastExpiry({ client, pool }: Pick<ObservedState, 'client' | 'pool'>): number | undefined {
  const ends = pool.filter(({ id }) => client?.associated.includes(id)).map(({ expiresAt }) => expiresAt);
  const known = ends.filter((end) => end !== undefined);
  return known.length > 0 && known.length === ends.length ? Math.max(...known) : undefined;
}

/** Sorts by `created_at` and then by id, since Auth0's lists have no order. */
export function newestFirst(a: Credential, b: Credential): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** Whether the first one was made after the other. */
export function isNewer(credential: Credential, than: Credential): boolean {
  return newestFirst(credential, than) < 0;
}

/** Whether the run that made it may still be at work. @param now milliseconds, Auth0's clock */
export function isYoung(credential: Credential, now: number): boolean {
  // guard: the lease
  return now - credential.createdAt < LEASE;
}
