/** Plans the steps of a rotation. Pure. */

import { RotationError } from '../errors.ts';
import { type DesiredState, PUBLIC, secretLocations } from '../model/desired-state.ts';
import { day } from '../model/markdown.ts';
import {
  type Credential,
  isLeftOut,
  isNewer,
  isYoung,
  whyUnwritable,
  writtenTimes,
} from '../model/observed-state.ts';
import type { Reason } from '../model/plan.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { ISSUED, type KeyMaterial } from '../model/step.ts';
import { DAY } from '../model/timing.ts';
import { formerHolder } from './holders.ts';
import { mayBeHeldByLeftOut, refusalOf } from './left-out.ts';
import { freeCapacity, freeSlot } from './make-room.ts';
import { capacityExhausted, subjectTaken } from './no-room.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { isDueByExpiry, nextDue, otherAlgorithm } from './reasons.ts';
import { whyRetired } from './retire.ts';
import { refuseFutileRevocation, revoke } from './revoke.ts';
import { noteOlderCurrent } from './stale-current.ts';

export function rotate(builder: PlanBuilder, reason: Reason): void {
  const { desired } = builder;
  if (builder.observed.client?.method === desired.method) refuseForPrimary(builder);
  else builder.requireWritable();
  const isExpiringSoon = isDueByExpiry(builder);
  // The certificate is issued before any effect, so that a failure here removes no credential.
  builder.steps.push({ kind: 'issue-certificate', what: materialOf(desired) });
  builder.reuses = reuseSubject(builder)?.id;
  if (desired.revoke) refuseFutileRevocation(builder);
  if (builder.reuses === undefined && builder.observed.client) freeCapacity(builder, isExpiringSoon);
  register(builder, isExpiringSoon);
  // guard: proof before delivery
  if (desired.verify !== 'off') builder.steps.push({ kind: 'authenticate' });
  for (const location of deliveryOrder(builder))
    builder.steps.push({ kind: 'store-secret', location, source: 'issued' });
  if (desired.revoke) revoke(builder);
  else removeAfterDelivery(builder);
  leavePreviousMethod(builder);
  noteAlgorithm(builder);
  noteForced(builder);
  noteShort(builder);
  noteNewerByHand(builder);
  if (isExpiringSoon || reason === 'UnidentifiedSecret') noteOlderCurrent(builder);
}

/**
 * Refuses a rotation if the primary refuses writes, since no other location gets what the primary does not hold.
 * @throws RotationError DELIVERY_INCOMPLETE
 */
function refuseForPrimary(builder: PlanBuilder): void {
  const { desired, observed } = builder;
  const [primary] = secretLocations(desired);
  const refusal = refusalOf(desired, observed);
  if (!primary || !refusal || !whyUnwritable(observed, primary)) return;
  throw new RotationError('DELIVERY_INCOMPLETE', {
    failed: `A rotation is due, but the primary destination takes no new secret: ${printLocation(primary)}. ${refusal.failed}`,
    remedy: refusal.remedy,
    cause: refusal.cause,
  });
}

/** Warns of another signing algorithm, since each key is registered for one. */
function noteAlgorithm(builder: PlanBuilder): void {
  const { desired, inUse } = builder;
  if (!otherAlgorithm(inUse, desired)) return;
  builder.note(
    'interruption',
    `The new key is registered for ${desired.signingAlgorithm}, and the key in use for ${inUse.heldByPrimary?.algorithm}. A consumer that takes the new key and still signs with ${inUse.heldByPrimary?.algorithm} cannot log in.`,
  );
}

/** Locations that refused a write come last, so that the others do not wait for them. What is left out gets none. */
function deliveryOrder(builder: PlanBuilder): SecretLocation[] {
  const all = secretLocations(builder.desired).filter((one) => !isLeftOut(builder.observed, one));
  const refused = all.filter((location) => whyUnwritable(builder.observed, location));
  const open = all.filter((location) => !refused.includes(location));
  // A revocation must not fail for a write that is known to be refused.
  return builder.desired.revoke ? open : [...open, ...refused];
}

/** Warns of `force` in a file. */
function noteForced(builder: PlanBuilder): void {
  const { force, scheduled } = builder.desired;
  if (!force || !scheduled) return;
  builder.note(
    'warning',
    `force: true rotates in every run of this workflow${endsSoonClause(builder)}. Take that line out of the workflow or the manifest, and start a forced rotation by hand, with the form of the workflow.`,
  );
}

/** Each rotation removes the pair before the previous one. */
function endsSoonClause({ reuses }: PlanBuilder): string {
  return reuses === undefined ? ', and each pair works only until the second run after it' : '';
}

/** Warns if the pair will expire before it is replaced, or if every run will rotate. */
function noteShort(builder: PlanBuilder): void {
  const { desired, notes, observed } = builder;
  if (desired.renewBeforeDays === 0) notes.push({ severity: 'warning', text: LATE });
  const due = nextDue(builder, true) ?? 0;
  if (due > observed.now) return;
  // `due` is renewBeforeDays before the end.
  const validDays = Math.floor((due - observed.now) / DAY) + desired.renewBeforeDays;
  const third = Math.floor(validDays / 3);
  const lower = third > 0 ? `Set renew-before-days to ${third} or less, or have` : 'Have';
  notes.push({
    severity: 'warning',
    text: `${lower} the certificate issued for longer. It is valid for no longer than renew-before-days: every run will rotate${endsSoonClause(builder)}.`,
  });
}

/**
 * Warns if every run will rotate: by the times alone, the primary seems to hold the newest record, and the one whose subject DN is delivered
 * again stays older than one made by hand.
 */
function noteNewerByHand({ associated, desired, notes, owners, pool, reuses }: PlanBuilder): void {
  const shared = pool.find(({ id }) => id === reuses);
  if (!shared || desired.currentKey) return;
  const newer = pool.find((c) => owners.isUnmarked(c) && associated.includes(c.id) && isNewer(c, shared));
  if (!newer) return;
  notes.push({
    severity: 'warning',
    text: `${newer.id}, which was made by hand on ${day(newer.createdAt)}, is newer than ${shared.id}, so the times will not show that the primary holds the certificate of ${shared.id}: every run will rotate. Pass current-credential, which shows it.`,
  });
}

const LATE =
  'renew-before-days is 0, so the pair in use expires before a run replaces it, and its consumers cannot log in until then. Set it to 2 or more.';

/** Removes the credentials of the previous method. Nobody can log in with them any more. */
function leavePreviousMethod(builder: PlanBuilder): void {
  const { owners, observed, desired } = builder;
  const { associated = [], method = desired.method } = observed.client ?? {};
  if (method === desired.method) return;
  const previous = builder.pool.filter(
    (c) => associated.includes(c.id) && !desired.keepCredentials.has(c.id),
  );
  for (const credential of previous)
    if (!owners.otherOwnership(credential)) builder.remove(credential, 'leave');
}

/**
 * The credential that the new certificate can share, since Auth0 identifies a CA-signed certificate only by its subject DN (RFC 8705 2.1).
 * Removes what stands in the way. undefined: a new credential is needed.
 * @throws RotationError CREDENTIAL_LIMIT
 */
function reuseSubject(builder: PlanBuilder): Credential | undefined {
  const { desired, owners, pool } = builder;
  if (desired.method !== 'tls_client_auth') return undefined;
  const same = pool.find(({ identity }) => identity === desired.subject);
  if (!same) return undefined;
  if (owners.isForeign(same)) throw subjectTaken(builder, same);
  const newer = newerToDiscard(builder, same);
  // Later runs never take a rehearsal's credential for one in use.
  if (!owners.isMadeByRehearsal(same) && newer.every((c) => builder.isRemovable(c))) {
    for (const credential of newer) builder.remove(credential, 'newer');
    builder.note('notice', SAME_SUBJECT);
    return same;
  }
  // Auth0 refuses a second credential with the same subject DN.
  if (!builder.isRemovable(same)) throw capacityExhausted(builder);
  builder.remove(same, 'make room');
  return undefined;
}

/** Our credentials that are newer than the one with the subject. Later runs would conclude from the times that one of them is in use. */
function newerToDiscard(builder: PlanBuilder, same: Credential): Credential[] {
  const { associated, desired, inUse, observed, owners, pool } = builder;
  const newer = pool.filter((c) => owners.isOurs(c) && isNewer(c, same));
  const isPutBack = desired.currentKey?.identity === same.identity && inUse.heldByPrimary?.id === same.id;
  // Somebody put the older subject back in the primary. The other locations may still hold a newer one, so it stays, unless it is young:
  // then this run's write would look like its delivery.
  const stays = (c: Credential) => associated.includes(c.id) && !isYoung(c, observed.now);
  return isPutBack ? newer.filter((c) => !stays(c)) : newer;
}

const SAME_SUBJECT =
  'Auth0 identifies a CA-signed certificate only by its subject DN and cannot revoke it. The previous certificate stays valid until it expires.';

/** Plans how Auth0 learns the new key: by a credential of its own, or by an existing one with its subject DN. */
function register(builder: PlanBuilder, isExpiringSoon: boolean): void {
  const { observed, desired } = builder;
  const { client } = observed;
  const ref = builder.reuses ?? ISSUED;
  if (client === undefined) {
    builder.steps.push({ kind: 'create-client', name: desired.clientName ?? '', method: desired.method });
    const taken = observed.secrets.filter(({ times }) => writtenTimes(times));
    if (taken.length > 0)
      builder.note('interruption', overwrites(taken.map(({ location }) => printLocation(location))));
    builder.associated = [ISSUED];
    return;
  }
  if (ref === ISSUED) builder.steps.push({ kind: 'create-credential' });
  if (builder.associated.includes(ref)) return;
  if (client.method === desired.method) {
    if (ref !== ISSUED) freeSlot(builder, isExpiringSoon);
    // guard: nothing goes before its successor is delivered
    builder.associate([...builder.associated, ref], 'add');
    return;
  }
  builder.steps.push({
    kind: 'change-method',
    from: client.method,
    to: desired.method,
    credentials: [ref],
    interrupts: [],
  });
  builder.associated = [ref];
  if (desired.isManager) builder.note('interruption', CUTS_OFF);
  builder.note(
    'interruption',
    client.method === PUBLIC
      ? BECOMES_CONFIDENTIAL
      : `Auth0 allows one method at a time. Consumers that log in by ${client.method} cannot log in from the change on, until they use the credential that this run delivers.`,
  );
}

const CUTS_OFF =
  'This client is the management client that the action logs in with. After the change every workflow needs its new credential. If this run dies between the change and the delivery, nobody can log in as this client, so have a second management client ready.';
const BECOMES_CONFIDENTIAL =
  'This client is public (token_endpoint_auth_method none) and becomes confidential. An application that holds no key, such as one in a browser or on a phone, cannot log in from the change on. To make it public again, run operation: revert with revert-to: none.';

function overwrites(locations: readonly string[]): string {
  return `This run replaces what is already stored in ${locations.join(', ')} (force). If another client's consumers read it, they can no longer log in.`;
}

export function materialOf({ keySize, method }: DesiredState): KeyMaterial {
  if (method === 'private_key_jwt') return 'a key pair';
  if (method === 'self_signed_tls_client_auth') return 'a key pair and a self-signed certificate';
  return keySize === undefined
    ? 'the certificate that was issued elsewhere'
    : 'a key pair and a certificate of the private CA';
}

/** Plans removals after the delivery only with `overlap: 0h`. Otherwise a later run removes the previous credential. */
function removeAfterDelivery(builder: PlanBuilder): void {
  // No consumer can have used the new one yet, so the logs cannot show a switch.
  if (builder.desired.quietWindow !== undefined) return;
  // guard: the previous stays associated (deferred retirement)
  if (builder.desired.overlap !== 0) return;
  const previous = builder.pool.filter(
    (c) =>
      !builder.isProtected(c) &&
      // By then the primary has a new pair, so its expiry does not end the time of an announcement.
      builder.isNoticeOver(c, Number.POSITIVE_INFINITY) &&
      c.id !== builder.reuses &&
      // This run delivers nothing there.
      formerHolder(builder.inUse, c) === undefined &&
      !mayBeHeldByLeftOut(builder, c),
  );
  for (const credential of previous) builder.remove(credential, whyRetired(builder, credential));
}
