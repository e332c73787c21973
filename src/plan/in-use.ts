/** Derives which credential is in use from what Auth0 and GitHub record. No run remembers it for the next one. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  type Credential,
  isLeftOut,
  newestFirst,
  type ObservedSecret,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import {
  candidatesFor,
  existingAt,
  heldByTime,
  isBehind,
  isExplained,
  isLatest,
  isLikePrimary,
  isUnexplained,
  isWrittenApart,
  latestIn,
} from './by-time.ts';
import { expiryOf } from './expiry.ts';
import { type FormerHolder, mayBeHidden } from './holders.ts';
import { Owners } from './owners.ts';

/** What the evidence shows about all locations, the primary, `current-credential`, and former locations. Indexes are those of `observed.secrets`. */
export interface CredentialsInUse {
  /** The credentials that each secret location may hold, likeliest first. An empty list means that it holds none that Auth0 knows. */
  held: readonly (readonly Credential[])[];
  /** Indexes of the locations other than the primary whose secret somebody else wrote last, or that GitHub does not show. */
  othersUnexplained: readonly number[];
  /** The newest credential that any location holds. */
  newest: Credential | undefined;
  /** Indexes of the locations that do not hold `newest`, or hold an older certificate with its subject DN. None that is left out. */
  lacking: readonly number[];
  /** Every location with a secret holds `newest`, so `newest` has superseded all older credentials. A location without a secret has no consumers. */
  settled: boolean;
  /**
   * One of ours that a secret may hold although it is not associated. Either it was never delivered, or another run displaced it: took it
   * out after its delivery. The times do not show which.
   */
  perhapsDisplaced: Credential | undefined;
  /** The credential that the primary holds. */
  current: Credential | undefined;
  /** No run can have written the primary's secret last, so somebody else did. Always false if `current-credential` is a registered credential. */
  primaryUnexplained: boolean;
  /** When the primary's credential expires, if that is recorded. */
  expiresAt: number | undefined;
  /** The newer credential that the primary may have held until somebody put an older one back. */
  heldBeforeRollback: Credential | undefined;
  /** `expiresAt` is only derived from the time of the delivery, since nothing shows the certificate of a subject DN. */
  isExpiryEstimated: boolean;
  /** `current-credential` holds a certificate or key that is none of the client's credentials. */
  unregistered: boolean;
  /** Set if the primary does not hold `current-credential`: how the times show that. */
  staleCurrent: StaleCurrent | undefined;
  /** Credentials that former primaries may still hold. Consumers may still log in with them. */
  formerHeld: readonly FormerHolder[];
}

/** How the times show that `current-credential` is not what the primary holds. */
export type StaleCurrent =
  /** It belongs to another workflow, or it is ours and younger than the secret. */
  | { because: 'never held' }
  /** The secret was written after this job began. */
  | { because: 'written since' }
  /** A run stored this later credential. */
  | { because: 'delivered since'; later: Credential };

/** @param observed with all times by Auth0's clock */
export function credentialsInUse(desired: DesiredState, observed: ObservedState): CredentialsInUse {
  const owners = new Owners(desired, observed);
  if (observed.client && observed.client.method !== desired.method) return nothingHeld(observed);
  const [primary, ...others] = observed.secrets;
  // `current-credential` claims that the primary holds this credential. The times may contradict it.
  const claimed =
    desired.current && observed.pool.find(({ identity }) => identity === desired.current?.identity);
  const byTime = observed.secrets.map((secret) =>
    heldByTime(desired, secret, candidatesFor(secret, observed, owners), owners, claimed),
  );
  const unregistered = desired.current !== undefined && claimed === undefined;
  const neverHeld = claimed !== undefined && cannotHaveHeld(claimed, primary, owners);
  const later = claimed ? laterThan(claimed, primary, observed, owners) : [];
  const [primaryByTime = []] = byTime;
  // What a run may have delivered after this job read its secrets.
  const suspects = unregistered ? primaryByTime.filter(owners.isOurs) : later.filter(owners.isAssociated);
  // guard: a stale current-credential is not believed
  const deliveredSince = suspects.find((c) => isExplained(c, primary));
  const writtenSince = isWrittenSince(desired, claimed, observed);
  const isContradicted = neverHeld || writtenSince || primary?.times === 'missing';
  const believed = deliveredSince ?? (isContradicted ? undefined : claimed);
  const heldByPrimary = believed ? [believed] : primaryByTime;
  const held = byTime.map((candidates, index) =>
    isLikePrimary(desired, index, observed) ? heldByPrimary : candidates,
  );
  const othersUnexplained = unexplainedAmong(desired, others, held, owners, observed);
  const newest = newestAmong(held, othersUnexplained);
  const lacking = [...held.keys()].filter(
    (index) =>
      !isLeftOutAt(observed, index) &&
      (lacks(newest, held[index] ?? [], othersUnexplained.includes(index)) ||
        isBehind(desired, index, observed)),
  );
  return {
    held,
    current: held[0]?.[0],
    primaryUnexplained: claimed === undefined && isUnexplained(desired, held[0]?.[0], primary, owners),
    othersUnexplained,
    newest,
    lacking,
    settled:
      newest !== undefined &&
      lacking.every((index) => index > 0 && observed.secrets[index]?.times === 'missing'),
    ...expiryOf(desired, observed, held[0]?.[0]),
    unregistered,
    staleCurrent: howStale(neverHeld, writtenSince, deliveredSince),
    perhapsDisplaced: displacedAmong(held, observed, owners),
    formerHeld: heldByFormer(desired, observed, owners),
    heldBeforeRollback: deliveredSince ? undefined : later.find(owners.isAssociated),
  };
}

function howStale(
  neverHeld: boolean,
  writtenSince: boolean,
  later: Credential | undefined,
): StaleCurrent | undefined {
  if (neverHeld) return { because: 'never held' };
  if (later) return { because: 'delivered since', later };
  return writtenSince ? { because: 'written since' } : undefined;
}

/**
 * Finds one of ours that is newer than what a location holds, and that is not associated. It is unknown whether it was delivered, so a
 * rotation must give every location a new one.
 */
function displacedAmong(
  held: readonly (readonly Credential[])[],
  observed: ObservedState,
  owners: Owners,
): Credential | undefined {
  return observed.secrets
    .flatMap((secret, index) => laterThan(held[index]?.[0], secret, observed, owners))
    .find((c) => !owners.isAssociated(c));
}

/** A location that somebody else wrote may hold any of its candidates, so it does not lack `newest` if that is one of them. */
function lacks(newest: Credential | undefined, held: readonly Credential[], isUncertain: boolean): boolean {
  const holds = isUncertain ? held : held.slice(0, 1);
  return newest !== undefined && !holds.some(({ id }) => id === newest.id);
}

/** The newest credential that a location holds for certain. If no location is certain, the newest that one may hold. */
function newestAmong(
  held: readonly (readonly Credential[])[],
  othersUnexplained: readonly number[],
): Credential | undefined {
  const heads = held.map(([first]) => first);
  const certain = heads.filter((_, index) => !othersUnexplained.includes(index));
  return [certain, heads].flatMap((some) =>
    some
      .filter((c) => c !== undefined)
      .sort(newestFirst)
      .slice(0, 1),
  )[0];
}

/** Indexes of the locations other than the primary whose secret no run can have written. */
function unexplainedAmong(
  desired: DesiredState,
  others: readonly ObservedSecret[],
  held: readonly (readonly Credential[])[],
  owners: Owners,
  observed: ObservedState,
): number[] {
  return others.flatMap((secret, index) => {
    const [first] = held[index + 1] ?? [];
    const isApart = first !== undefined && isWrittenApart(desired, secret, observed);
    return secret.refused || isApart || isUnexplained(desired, first, secret, owners) ? [index + 1] : [];
  });
}

function heldByFormer(
  desired: DesiredState,
  observed: ObservedState,
  owners: Owners,
): CredentialsInUse['formerHeld'] {
  const { former = [], secrets } = observed;
  const seen = [...secrets, ...former.map(({ secret }) => secret)];
  const isStored = (c: Credential) => seen.some((one) => isExplained(c, one));
  return former.flatMap(({ owner, secret }) => {
    const { location, refused } = secret;
    const known = existingAt(secret, observed, owners);
    const there = refused ? mayBeHidden(known, owner, { desired, isStored, owners }) : known;
    const candidates = heldByTime(desired, secret, there, owners, undefined);
    return candidates.length > 0 ? [{ location: printLocation(location), candidates, refused }] : [];
  });
}

function isLeftOutAt(observed: ObservedState, index: number): boolean {
  const secret = observed.secrets[index];
  return secret !== undefined && isLeftOut(observed, secret.location);
}

/** Whether the secret cannot hold the claimed credential. A run creates a credential before it delivers it, but a person may store a pair first. */
function cannotHaveHeld(claimed: Credential, secret: ObservedSecret | undefined, owners: Owners): boolean {
  if (writtenTimes(secret?.times) === undefined) return false;
  if (owners.otherOwnership(claimed) !== undefined) return true;
  return owners.isOurs(claimed) && claimed.createdAt > latestIn(secret);
}

/** Whether the primary was written after this job's secrets were read, and not by the run that made `claimed`. */
function isWrittenSince(
  desired: DesiredState,
  claimed: Credential | undefined,
  observed: ObservedState,
): boolean {
  const [primary] = observed.secrets;
  const { startedAt } = observed;
  const times = writtenTimes(primary?.times);
  if (desired.current === undefined || startedAt === undefined || times === undefined) return false;
  // guard: what was written after this job began is not what current-credential shows
  if (times.updatedAt <= startedAt - UNCERTAINTY) return false;
  if (claimed === undefined) return true;
  // The record of a subject DN outlives its certificates and is delivered again and again.
  const isRenewal = desired.method === 'tls_client_auth' && isLatest(desired, observed);
  return !isRenewal && !isExplained(claimed, primary);
}

/** The evidence while the client uses another method. Then nobody can log in with what the secrets hold. */
function nothingHeld({ secrets }: ObservedState): CredentialsInUse {
  return {
    held: secrets.map(() => []),
    current: undefined,
    primaryUnexplained: false,
    othersUnexplained: [],
    newest: undefined,
    lacking: [...secrets.keys()],
    settled: false,
    expiresAt: undefined,
    isExpiryEstimated: false,
    unregistered: false,
    staleCurrent: undefined,
    perhapsDisplaced: undefined,
    formerHeld: [],
    heldBeforeRollback: undefined,
  };
}

/** Our credentials that are newer than `held` and existed when the secret was written. */
function laterThan(
  held: Credential | undefined,
  secret: ObservedSecret | undefined,
  observed: ObservedState,
  owners: Owners,
): Credential[] {
  if (!secret || !held || !writtenTimes(secret.times)) return [];
  return candidatesFor(secret, observed, owners).filter((c) => owners.isOurs(c) && newestFirst(c, held) < 0);
}
