/** Builds wishes and states for the planner's tests: times are minutes before `NOW`, ids are single letters. */

import { CREDENTIAL_TYPES, type DesiredState, secretLocations } from '../../src/model/desired-state.ts';
import type { Credential, ObservedSecret, ObservedState, Usage } from '../../src/model/observed-state.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import type { SecretLocation } from '../../src/model/secret-location.ts';
import { parseDestination } from '../../src/model/secret-location.ts';

export const NOW = Date.parse('2026-11-24T12:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface DesiredChanges
  extends Partial<Omit<DesiredState, 'destinations' | 'current' | 'keepCredentials'>> {
  destinations?: readonly string[];
  /** Id of the credential whose pair is `current-credential`; `stranger` is one that Auth0 does not know. */
  current?: string;
  keep?: readonly string[];
}

export function desired(changes: DesiredChanges = {}): DesiredState {
  const { current, destinations = ['repo:acme/shop'], keep = [], ...rest } = changes;
  const [primary, ...others] = destinations.map((text) => {
    const destination = parseDestination(text);
    if (!destination) throw new Error(`no destination: ${text}`);
    return destination;
  });
  if (!primary) throw new Error('a wish needs a destination');
  return {
    operation: 'rotate',
    clientId: 'client',
    clientName: undefined,
    method: 'self_signed_tls_client_auth',
    subject: 'CN=client',
    keySize: 2048,
    brought: undefined,
    isManager: false,
    validityDays: 90,
    renewBeforeDays: 30,
    force: false,
    scheduled: false,
    revoke: false,
    overlap: 'until-next-rotation',
    quietWindow: undefined,
    secretName: 'PEM',
    privateKeySecretName: undefined,
    certificateSecretName: undefined,
    pkcs12SecretName: undefined,
    verify: 'auto',
    verifyAudience: undefined,
    tokenBinding: 'unchanged',
    revertTo: 'client_secret_post',
    removableCredentials: new Set(),
    movedFrom: [],
    propagationTime: 0,
    signingAlgorithm: undefined,
    given: new Set(['subject', 'key-size']),
    run: '7.1',
    ...rest,
    destinations: [primary, ...others],
    keepCredentials: new Set(keep),
    currentKey:
      current === undefined
        ? undefined
        : {
            identity: `identity-${current}`,
            thumbprint: `thumbprint-${current}`,
            subject: rest.method === 'tls_client_auth' ? `identity-${current}` : 'CN=client',
            keySize: 2048,
            notBefore: new Date(NOW - DAY),
            notAfter: new Date(NOW + 60 * DAY),
          },
  };
}

export interface CredentialSeed {
  id: string;
  /** Minutes before NOW. */
  age: number;
  by?: 'us' | 'a rehearsal' | 'hand' | 'another workflow';
  associated?: boolean;
  /** Id of the hand-made one that it takes the place of. */
  after?: string;
  expiresIn?: number | 'unrecorded';
  type?: Credential['type'];
}

export interface StateSeed {
  credentials?: readonly CredentialSeed[];
  /** Minutes before NOW that each place's secret was written, in the wish's order; undefined is missing. */
  written?: readonly (number | undefined | 'unread')[];
  /** Minutes before NOW that a secret was first made; default: a year. */
  made?: number;
  /** `nothing`: there is no client yet. */
  method?: string;
  /** Access tokens are bound to the certificate. */
  bound?: boolean;
  /** What the tenant logs told; default: they were not read. */
  usage?: UsageSeed;
}

/** Minutes before NOW, from `since` to `upTo`. */
export interface UsageSeed {
  since?: number;
  upTo?: number | Exclude<Usage['upTo'], number>;
  uses?: readonly { id: string; age: number; ip?: string; isProof?: boolean }[];
}

function usage({ since = 365 * 24 * 60, upTo = 0, uses = [] }: UsageSeed): Usage {
  return {
    since: NOW - since * MINUTE,
    upTo: typeof upTo === 'number' ? NOW - upTo * MINUTE : upTo,
    uses: uses.map(({ id, age, ip = '192.0.2.1', isProof = false }) => ({
      identity: `identity-${id}`,
      at: NOW - age * MINUTE,
      ip,
      userAgent: 'agent',
      isProof,
    })),
  };
}

export function state(of: DesiredState, seed: StateSeed = {}): ObservedState {
  const { bound: required = false, credentials = [], method = of.method, written = [] } = seed;
  return {
    client:
      method === 'nothing'
        ? undefined
        : {
            id: of.clientId,
            name: 'shop',
            method,
            associated: credentials.filter((c) => c.associated !== false).map(({ id }) => id),
            algorithm: 'RS256',
            binding: { required, by: 'require_proof_of_possession' },
          },
    pool: credentials.map((c) => credential(of, c)),
    secrets: secretLocations(of).map((location, index) => secret(location, written[index], seed.made)),
    usage: seed.usage && usage(seed.usage),
    now: NOW,
  };
}

/** A public key that somebody registered by hand, without an expiry. */
export function keyRecord(id: string, changes: Partial<Credential> = {}): Credential {
  return {
    id,
    type: 'public_key',
    name: undefined,
    identity: `identity-${id}`,
    createdAt: NOW - HOUR,
    expiresAt: undefined,
    ...changes,
  };
}

function credential(
  of: DesiredState,
  { id, after, age, by = 'us', expiresIn, type = CREDENTIAL_TYPES[of.method] }: CredentialSeed,
): Credential {
  const names = {
    us: writeOwnership({ owner: ownerOf(of), run: '1.1', after }),
    'a rehearsal': writeOwnership({ owner: ownerOf(of), run: '1.1', rehearsal: true }),
    hand: 'made by hand',
    'another workflow': writeOwnership({ owner: 'repo:acme/other#PEM', run: '3.1' }),
  };
  return {
    id,
    type,
    name: names[by],
    identity: `identity-${id}`,
    createdAt: NOW - age * MINUTE,
    expiresAt: expiresIn === 'unrecorded' ? undefined : NOW + (expiresIn ?? 60 * DAY),
  };
}

function secret(
  location: SecretLocation,
  age: number | undefined | 'unread',
  made = 365 * 24 * 60,
): ObservedSecret {
  if (age === 'unread') return { location, times: 'unread', githubTime: undefined };
  if (age === undefined) return { location, times: 'missing', githubTime: undefined };
  const updatedAt = NOW - age * MINUTE;
  return {
    location,
    times: { createdAt: Math.min(NOW - made * MINUTE, updatedAt), updatedAt },
    githubTime: updatedAt,
  };
}
