/** Derives which credential is in use from what Auth0 and GitHub record. No run remembers it for the next one. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  type Credential,
  isLeftOut,
  newestFirst,
  type ObservedSecret,
  type ObservedState,
} from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import {
  candidatesFor,
  couldBeWrittenInRunOf,
  existingAt,
  heldByTime,
  isBehind,
  isLikePrimary,
  isUnexplained,
  isWrittenApart,
} from './by-time.ts';
import { type Claim, checkClaim, claimedBy, newerThan } from './claim.ts';
import { expiryOf } from './expiry.ts';
import { candidatesOfUnshown, type FormerHolder } from './holders.ts';
import { Owners } from './owners.ts';

/** What the evidence shows about all locations, the primary, `current-credential`, and former locations. Indexes are those of `observed.secrets`. */
export interface CredentialsInUse extends Omit<Claim, 'credential'> {
  /** The credentials that each secret location may hold, likeliest first. An empty list means that it holds none that Auth0 knows. */
  held: readonly (readonly Credential[])[];
  /** Indexes of the locations other than the primary whose secret somebody else wrote last, or that GitHub does not show. */
  othersUnexplained: readonly number[];
  /** The newest credential that any location holds. */
  newest: Credential | undefined;
  /** Indexes of the locations that do not hold `newest`, or hold an older certificate with its subject DN. Those that are left out are not among them. */
  lacking: readonly number[];
  /** Every location with a secret holds `newest`, so `newest` has superseded all older credentials. A location without a secret has no consumers. */
  settled: boolean;
  /**
   * One of our credentials that a secret may hold although it is not associated. Either it was never delivered, or it was, and another
   * run then disassociated (displaced) it. The times do not show which.
   */
  perhapsDisplaced: Credential | undefined;
  /** The credential that the primary holds. */
  heldByPrimary: Credential | undefined;
  /** No run could have written the primary's secret last, or the pair was brought, so the times do not show what it holds. Always false if `current-credential` is a registered credential. */
  primaryUnexplained: boolean;
  /** When the primary's credential expires: recorded, or estimated (`isExpiryEstimated`). undefined: neither is possible. */
  expiresAt: number | undefined;
  /** `expiresAt` is derived: from the delivery for a subject DN, from the creation for another credential of ours without a recorded expiry. */
  isExpiryEstimated: boolean;
  /** Credentials that former locations may still hold. Consumers may still log in with them. */
  formerHeld: readonly FormerHolder[];
}

/** @param observed with all times by Auth0's clock */
export function credentialsInUse(desired: DesiredState, observed: ObservedState): CredentialsInUse {
  const owners = new Owners(desired, observed);
  if (observed.client && observed.client.method !== desired.method) return nothingHeld(observed);
  const [primary, ...others] = observed.secrets;
  const claimed = claimedBy(desired, observed);
  const byTime = observed.secrets.map((secret) =>
    heldByTime(desired, secret, candidatesFor(secret, observed, owners), owners, claimed),
  );
  const [primaryByTime = []] = byTime;
  const { credential, ...claim } = checkClaim(desired, observed, owners, claimed, primaryByTime);
  const heldByPrimary = credential ? [credential] : primaryByTime;
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
    heldByPrimary: held[0]?.[0],
    primaryUnexplained: claimed === undefined && isUnexplained(desired, held[0]?.[0], primary, owners),
    othersUnexplained,
    newest,
    lacking,
    settled:
      newest !== undefined &&
      lacking.every((index) => index > 0 && observed.secrets[index]?.times === 'missing'),
    ...expiryOf(desired, observed, held[0]?.[0]),
    ...claim,
    perhapsDisplaced: displacedAmong(held, observed, owners),
    formerHeld: heldByFormer(desired, observed, owners),
  };
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
    .flatMap((secret, index) => newerThan(held[index]?.[0], secret, observed, owners))
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
  return newestOf(certain) ?? newestOf(heads);
}

function newestOf(some: readonly (Credential | undefined)[]): Credential | undefined {
  return some.filter((c) => c !== undefined).sort(newestFirst)[0];
}

/** Indexes of the locations other than the primary whose secret no run could have written. */
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
  const isStored = (c: Credential) => seen.some((one) => couldBeWrittenInRunOf(c, one));
  return former.flatMap(({ owner, secret }) => {
    const { location, refused } = secret;
    const known = existingAt(secret, observed, owners);
    const there = refused ? candidatesOfUnshown(known, owner, { desired, isStored, owners }) : known;
    const candidates = heldByTime(desired, secret, there, owners, undefined);
    return candidates.length > 0 ? [{ location: printLocation(location), candidates, refused }] : [];
  });
}

function isLeftOutAt(observed: ObservedState, index: number): boolean {
  const secret = observed.secrets[index];
  return secret !== undefined && isLeftOut(observed, secret.location);
}

/** The evidence while the client uses another method. Then nobody can log in with what the secrets hold. */
function nothingHeld({ secrets }: ObservedState): CredentialsInUse {
  return {
    held: secrets.map(() => []),
    heldByPrimary: undefined,
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
    supplanted: undefined,
  };
}
