/** Which credential is in use: derived from what both services record, every run. Pure. */

import type { DesiredState } from '../model/desired-state.ts';
import {
  type Credential,
  newestFirst,
  type ObservedSecret,
  type ObservedState,
} from '../model/observed-state.ts';
import { ownerAt } from '../model/ownership.ts';
import type { Stage } from '../model/plan.ts';
import { printLocation } from '../model/secret-location.ts';
import { DAY, LEASE, UNCERTAINTY } from '../model/timing.ts';
import { Pool } from './pool.ts';

/** Indexes of `held` and `state.secrets` agree. */
export interface CredentialsInUse {
  /** What each place may hold, likeliest first; empty: nothing that Auth0 knows. */
  held: readonly (readonly Credential[])[];
  /** What the primary holds. */
  current: Credential | undefined;
  /** By time alone: no run can have delivered what the primary seems to hold, so somebody else has written it. */
  unexplained: boolean;
  /** Indexes of the other locations that no run can have written when they were written last. */
  doubtful: readonly number[];
  /** The newest that any place holds. */
  newest: Credential | undefined;
  /** Indexes of the locations that do not hold `newest`, or hold an older certificate of its name. */
  lacking: readonly number[];
  /** No location with a secret lacks `newest`: it has superseded all older ones. One without a secret has no consumers. */
  settled: boolean;
  /** When what the primary holds expires, as far as anybody records it. */
  expiresAt: number | undefined;
  /** `current-credential` names a certificate that Auth0 does not know. */
  unregistered: boolean;
  /** Ours, old enough to be in a secret, and not associated: either never delivered, or displaced after its delivery. */
  displaced: Credential | undefined;
  /** `current-credential` is what the primary cannot hold: another workflow's, or ours and younger than the secret. */
  impossible: boolean;
  /** `current-credential` is older than what the primary holds: that was written after this job had begun. */
  outdated: boolean;
  /** A later credential that the primary's secret must hold by its time, although `current-credential` is another one. */
  contradiction: Credential | undefined;
  /** What a former primary may still hold: somebody may read it there and log in with it. */
  formerHeld: readonly { location: string; candidates: readonly Credential[] }[];
  /** Ours, newer than what was put back into the primary by hand. */
  rolledBack: Credential | undefined;
}

export function credentialsInUse(desired: DesiredState, observed: ObservedState): CredentialsInUse {
  const pool = new Pool(desired, observed);
  if (observed.client && observed.client.method !== desired.method) return nothingHeld(observed);
  const [primary, ...others] = observed.secrets;
  const exact =
    desired.current && observed.pool.find(({ identity }) => identity === desired.current?.identity);
  const byTime = observed.secrets.map((secret) =>
    heldByTime(desired, secret, candidatesFor(secret, observed, pool), pool, exact),
  );
  const unregistered = desired.current !== undefined && exact === undefined;
  const explained = byTime[0]?.find((c) => pool.isOurs(c) && isExplained(desired, c, primary));
  const stale = unregistered ? explained : undefined;
  const impossible = exact !== undefined && cannotHold(exact, primary, pool);
  const later = exact ? laterThan(exact, primary, observed, pool) : [];
  // guard: a stale current-credential is believed not
  const contradiction = exact
    ? later.find((c) => pool.isAssociated(c) && isExplained(desired, c, primary))
    : stale;
  const outdated = isOutdated(desired, exact, observed);
  // What the times contradict is not followed.
  const isRefuted = impossible || outdated || primary?.times === 'missing';
  const believed = contradiction ?? (isRefuted ? undefined : exact);
  const held = byTime.map((candidates, index) => (index === 0 && believed ? [believed] : candidates));
  const doubtful = doubtfulAmong(desired, others, held, pool);
  const newest = newestAmong(held, doubtful);
  const lacking = [...held.keys()].filter((index) => {
    // What nobody can explain may hold any of them: that is no reason to take one out.
    const holds = doubtful.includes(index) ? held[index] : held[index]?.slice(0, 1);
    const lacksNewest = newest !== undefined && !holds?.some(({ id }) => id === newest.id);
    return lacksNewest || isBehind(desired, index, observed);
  });
  return {
    held,
    current: held[0]?.[0],
    unexplained: exact === undefined && isUnexplained(desired, held[0]?.[0], primary, pool),
    doubtful,
    newest,
    lacking,
    settled:
      newest !== undefined &&
      lacking.every((index) => index > 0 && observed.secrets[index]?.times === 'missing'),
    expiresAt: expiryOf(desired, observed, held[0]?.[0]),
    unregistered,
    // Times alone cannot tell whether it was delivered: what is then right is a new credential for everybody.
    displaced: observed.secrets
      .flatMap((secret, index) => laterThan(held[index]?.[0], secret, observed, pool))
      .find((c) => !pool.isAssociated(c)),
    impossible,
    outdated,
    contradiction,
    formerHeld: heldByFormer(desired, observed, pool),
    rolledBack: contradiction ? undefined : later.find(pool.isAssociated),
  };
}

/** The newest that a place holds for certain; else that any may hold. */
function newestAmong(
  held: readonly (readonly Credential[])[],
  doubtful: readonly number[],
): Credential | undefined {
  const heads = held.map(([first]) => first);
  const certain = heads.filter((_, index) => !doubtful.includes(index));
  return [certain, heads].flatMap((some) =>
    some
      .filter((c) => c !== undefined)
      .sort(newestFirst)
      .slice(0, 1),
  )[0];
}

function doubtfulAmong(
  desired: DesiredState,
  others: readonly ObservedSecret[],
  held: readonly (readonly Credential[])[],
  pool: Pool,
): number[] {
  return others.flatMap((secret, index) =>
    isUnexplained(desired, held[index + 1]?.[0], secret, pool) ? [index + 1] : [],
  );
}

function heldByFormer(
  desired: DesiredState,
  observed: ObservedState,
  pool: Pool,
): CredentialsInUse['formerHeld'] {
  const today = new Set(observed.secrets.map(({ location }) => ownerAt(location)));
  const former = (observed.former ?? []).filter(({ secret }) => !today.has(ownerAt(secret.location)));
  return former.flatMap(({ secret }) => {
    const candidates = heldByTime(desired, secret, candidatesIn(secret, observed, pool), pool, undefined);
    return candidates.length > 0 ? [{ location: printLocation(secret.location), candidates }] : [];
  });
}

/** A run stores right after it creates: the secret was written within the lease after the credential was made. */
function isExplained(
  { method }: DesiredState,
  { createdAt }: Credential,
  secret: ObservedSecret | undefined,
): boolean {
  if (secret === undefined || typeof secret.times === 'string') return false;
  const after = secret.times.updatedAt - createdAt;
  // A subject DN outlives its certificates: it is delivered again and again.
  return after >= -UNCERTAINTY && (method === 'tls_client_auth' || after <= LEASE);
}

/** A run creates first and delivers later; a hand may do it the other way round. */
function cannotHold(exact: Credential, secret: ObservedSecret | undefined, pool: Pool): boolean {
  if (secret === undefined || typeof secret.times === 'string') return false;
  if (pool.otherOwnership(exact) !== undefined) return true;
  return pool.isOurs(exact) && exact.createdAt > latestIn(secret);
}

/** Written since this job's secrets were read, and not by the run that made what they show. */
function isOutdated(
  desired: DesiredState,
  exact: Credential | undefined,
  { secrets: [primary], startedAt }: ObservedState,
): boolean {
  if (desired.current === undefined || startedAt === undefined) return false;
  if (primary === undefined || typeof primary.times === 'string') return false;
  // guard: what was written after this job began is not what current-credential shows
  if (primary.times.updatedAt <= startedAt - UNCERTAINTY) return false;
  return exact === undefined || !isExplained(desired, exact, primary);
}

/** While the client uses another method nobody logs in with what the secrets hold. */
function nothingHeld({ secrets }: ObservedState): CredentialsInUse {
  return {
    held: secrets.map(() => []),
    current: undefined,
    unexplained: false,
    doubtful: [],
    newest: undefined,
    lacking: [...secrets.keys()],
    settled: false,
    expiresAt: undefined,
    unregistered: false,
    displaced: undefined,
    impossible: false,
    outdated: false,
    contradiction: undefined,
    formerHeld: [],
    rolledBack: undefined,
  };
}

/** What existed when the secret was written, newest first: a run creates first and delivers later. */
function candidatesFor(
  secret: ObservedSecret,
  { pool: all, secrets }: ObservedState,
  pool: Pool,
): Credential[] {
  const latest = latestIn(secret);
  // A run serves the primary first: what came after the primary's last change was never delivered anywhere.
  // guard: the primary is served first
  const delivered = Math.min(latest, secrets[0]?.times === 'missing' ? latest : latestIn(secrets[0]));
  // Runs of a former primary have served that one first.
  const isServedByOurs = (c: Credential) => pool.isOurs(c) && !pool.isOfFormer(c);
  return all
    .filter((c) => pool.isCandidate(c) && !pool.isRehearsed(c))
    .filter((c) => c.createdAt <= (isServedByOurs(c) ? delivered : latest))
    .sort(newestFirst);
}

/** What existed when a location outside of today's delivery was written, newest first. */
function candidatesIn(secret: ObservedSecret, { pool: all }: ObservedState, pool: Pool): Credential[] {
  return all.filter((c) => pool.isCandidate(c) && c.createdAt <= latestIn(secret)).sort(newestFirst);
}

/** The latest moment at which what the secret holds can have been created. */
function latestIn(secret: ObservedSecret | undefined): number {
  const times = secret?.times ?? 'unread';
  if (times === 'missing') return Number.NEGATIVE_INFINITY;
  return times === 'unread' ? Number.POSITIVE_INFINITY : times.updatedAt + UNCERTAINTY;
}

/** The newest of the candidates. */
function heldByTime(
  desired: DesiredState,
  secret: ObservedSecret,
  candidates: readonly Credential[],
  pool: Pool,
  exact: Credential | undefined,
): Credential[] {
  // An unassociated one was never delivered, where an associated one can explain the secret; unless we know better.
  // guard: by time, only what is associated counts as held
  const associated = candidates.filter((c) => pool.isAssociated(c) || c.id === exact?.id);
  const [first, second] = associated.length > 0 ? associated : candidates;
  if (first === undefined) return [];
  const { times } = secret;
  // Somebody else has written it: it may hold any of them.
  if (isUnexplained(desired, first, secret, pool)) return associated.length > 0 ? associated : [first];
  // Our own runs keep 5 s between a delivery and the next credential; a hand does not.
  const close =
    typeof times !== 'string' && first.createdAt > times.updatedAt - UNCERTAINTY && !pool.isOurs(first);
  return second && close ? [first, second] : [first];
}

/** Made by hand, or older than any run that could have written the secret: what was delivered then is no longer there. */
function isUnexplained(
  desired: DesiredState,
  held: Credential | undefined,
  secret: ObservedSecret | undefined,
  pool: Pool,
): boolean {
  if (held === undefined || secret === undefined || typeof secret.times === 'string') return false;
  // Nobody has recorded how long a certificate that was brought lives.
  if (desired.brought) return true;
  // A subject DN outlives its certificates and the run that made its record: it is delivered again and again.
  if (desired.method === 'tls_client_auth') return !pool.isOurs(held) && held.identity !== desired.subject;
  // guard: by time, what no run can have stored is believed not
  return !pool.isOurs(held) || secret.times.updatedAt > held.createdAt + LEASE;
}

/** Of certificates of one DN the primary receives the newest first. GitHub's own clock on both sides. */
function isBehind({ method }: DesiredState, index: number, { secrets }: ObservedState): boolean {
  const [primary, location] = [secrets[0]?.version, secrets[index]?.version];
  return (
    method === 'tls_client_auth' && primary !== undefined && location !== undefined && location < primary
  );
}

/** Auth0 does not record when a certificate of a DN expires: `current-credential` does, or else the time of its delivery. */
function expiryOf(
  desired: DesiredState,
  { secrets }: ObservedState,
  held: Credential | undefined,
): number | undefined {
  if (held === undefined) return undefined;
  const exact = desired.current?.identity === held.identity ? desired.current : undefined;
  if (desired.method !== 'tls_client_auth') return held.expiresAt ?? exact?.notAfter?.getTime();
  const times = secrets[0]?.times;
  const delivered = times === undefined || typeof times === 'string' ? undefined : times.updatedAt;
  if (desired.current) return desired.current.notAfter?.getTime();
  return delivered === undefined ? undefined : delivered + desired.validityDays * DAY;
}

/** Ours, newer than what the place is thought to hold, and old enough to be in its secret. */
function laterThan(
  held: Credential | undefined,
  secret: ObservedSecret | undefined,
  observed: ObservedState,
  pool: Pool,
): Credential[] {
  if (secret === undefined || typeof secret.times === 'string' || held === undefined) return [];
  return candidatesFor(secret, observed, pool).filter((c) => pool.isOurs(c) && newestFirst(c, held) < 0);
}

export function mayBeHeld(inUse: CredentialsInUse, credential: Credential): boolean {
  const isHeld = inUse.held.some((candidates) => candidates.some(({ id }) => id === credential.id));
  return isHeld || formerHolder(inUse, credential) !== undefined;
}

/** The former location that may hold it. */
export function formerHolder({ formerHeld }: CredentialsInUse, credential: Credential): string | undefined {
  return formerHeld.find(({ candidates }) => candidates.some(({ id }) => id === credential.id))?.location;
}

/** Ours, newer than everything that is held: an unfinished rotation, of which only the making run has the key. */
export function isPending(inUse: CredentialsInUse, pool: Pool, credential: Credential): boolean {
  if (!pool.isOurs(credential) || mayBeHeld(inUse, credential)) return false;
  // It was delivered, and somebody has put an older pair back.
  if (credential.id === inUse.rolledBack?.id) return false;
  return inUse.newest === undefined || newestFirst(credential, inUse.newest) < 0;
}

/** Held by some places only, and its key is not at hand: the run that made it may still deliver. */
export function isBeingDelivered(
  desired: DesiredState,
  inUse: CredentialsInUse,
  pool: Pool,
  credential: Credential,
): boolean {
  const { lacking, newest } = inUse;
  if (lacking.length === 0 || credential.id !== newest?.id || !pool.isOurs(credential)) return false;
  return credential.identity !== desired.current?.identity;
}

/** Older than a successor that every place holds. Made by hand: only a successor that we delivered counts. */
export function isSuperseded(inUse: CredentialsInUse, pool: Pool, credential: Credential): boolean {
  const { newest, settled } = inUse;
  if (!settled || newest === undefined || mayBeHeld(inUse, credential)) return false;
  if (newestFirst(newest, credential) >= 0) return false;
  return pool.isOurs(credential) || pool.isOurs(newest);
}

export function stageOf(inUse: CredentialsInUse, pool: Pool, credential: Credential): Stage {
  if (!pool.isCandidate(credential)) return 'foreign';
  if (credential.id === inUse.current?.id) return 'current';
  if (mayBeHeld(inUse, credential))
    return credential.id === inUse.newest?.id ? 'partly delivered' : 'previous';
  if (isPending(inUse, pool, credential)) return 'pending';
  if (!pool.isAssociated(credential)) return 'retired';
  return isSuperseded(inUse, pool, credential) ? 'previous' : 'in use';
}
