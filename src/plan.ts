/** (wish, what was observed) → what to do, and why. Pure and synchronous: `state.now` is the only clock. */

import { quote } from './http/json.ts';
import { Draft, type PlannedCredential, supersededAt } from './rotation/draft.ts';
import { type Evidence, LEASE, newestFirst } from './rotation/evidence.ts';
import { firstReason, nextRotation, type Reason } from './rotation/policy.ts';
import {
  refuseContradiction,
  refuseHaste,
  refuseOtherMethod,
  refuseReuse,
  refuseUnfinished,
} from './rotation/refusal.ts';
import { CUTS_OFF, revert } from './rotation/revert.ts';
import { makeRoom, makeSlot, nameTaken, placesFull, SLOT } from './rotation/room.ts';
import type { Credential, State } from './rotation/state.ts';
import { ISSUED, type KeyMaterial, type Step } from './rotation/step.ts';
import { DAY, placesOf, type Wish } from './rotation/wish.ts';

export interface Plan {
  /** `NotAssociated` heals and `NotDue` keeps: neither is a rotation; nor is a `revert`, whose reason is `MethodDiffers`. */
  reason: Reason | 'NotAssociated' | 'NotDue';
  explanation: string;
  steps: readonly Step[];
  /** A new key pair is issued. */
  rotates: boolean;
  /** Id of the credential under whose subject DN the new certificate logs in: Auth0 needs no other. */
  renews: string | undefined;
  /** What was made by hand and will be superseded: the new credential's mark names it. */
  replaces: string | undefined;
  /** By the expiry of what will be current; undefined where Auth0 names none. Milliseconds, Auth0's clock. */
  nextRotation: number | undefined;
  credentials: readonly PlannedCredential[];
  /** What a person should know. */
  notes: readonly string[];
}

/**
 * @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH, STALE_CREDENTIAL, ROTATION_IN_PROGRESS, CREDENTIAL_LIMIT:
 *   nothing may be done
 */
export function plan(wish: Wish, observed: State): Plan {
  // Auth0's list has no order.
  const state = { ...observed, pool: [...observed.pool].sort(newestFirst) };
  const draft = new Draft(wish, state);
  refuseOtherMethod(wish, state);
  refuseContradiction(draft.evidence);
  refuseUnfinished(draft);
  noteName(draft);
  const why = wish.operation === 'revert' ? revert(draft) : renew(draft);
  bindTokens(draft);
  const { renews, rotates, steps } = draft;
  return {
    ...why,
    steps,
    rotates,
    renews,
    replaces: replacedBy(draft)?.id,
    nextRotation: wish.operation === 'revert' ? undefined : nextDue(wish, state, draft.evidence, rotates),
    credentials: state.pool.map((credential) => draft.describe(credential)),
    notes: draft.notes,
  };
}

/** `create` knows its client by its mark: somebody has renamed it, or wishes for another one. */
function noteName({ notes, state, wish }: Draft): void {
  if (wish.clientName === undefined || !state.client || state.client.name === wish.clientName) return;
  notes.push(
    `WARNING: the client that this workflow has made is called ${quote(state.client.name)}, not ${wish.clientName}, and goes on to be rotated. For another client choose another secret-name.`,
  );
}

/** Made by hand, and superseded by this rotation; with `enroll` what the method holds that the client leaves. */
function replacedBy({ pool, state }: Draft): Credential | undefined {
  const { associated = [] } = state.client ?? {};
  return state.pool.find(
    (c) => !pool.isOurs(c) && !pool.othersMark(c) && (pool.isCandidate(c) || associated.includes(c.id)),
  );
}

/** What is due: in order first, then a rotation or a retirement. */
function renew(draft: Draft): Pick<Plan, 'reason' | 'explanation'> {
  const { state, wish } = draft;
  const healed = heal(draft);
  discardAbandoned(draft);
  finishDelivery(draft);
  const due = firstReason({ wish, state, evidence: draft.evidence });
  if (due) refuseHaste(draft);
  if (due) refuseReuse(wish, due.reason);
  if (due) rotate(draft);
  else retire(draft);
  if (due) return due;
  return healed
    ? { reason: 'NotAssociated', explanation: HEALED }
    : { reason: 'NotDue', explanation: 'the current key is good' };
}

/** Tokens are bound, or no longer, before the new certificate proves itself, or before there is none; else at the end. */
function bindTokens(draft: Draft): void {
  const { rotates, state, steps, wish } = draft;
  const bound = state.client?.binding.required ?? false;
  // Without a certificate there is nothing to bind to, and a client secret would get no token.
  const wished = wish.operation === 'revert' ? 'off' : wish.tokenBinding;
  const required = wished === 'unchanged' ? bound : wished === 'required';
  if (required && (rotates || !bound)) draft.notes.push(BOUND);
  if (required === bound) return;
  const first = ['authenticate', 'store-secret', ...(wish.operation === 'revert' ? ['change-method'] : [])];
  const at = steps.findIndex(({ kind }) => first.includes(kind));
  steps.splice(at < 0 ? steps.length : at, 0, { kind: 'bind-tokens', required });
}

const BOUND =
  'Access tokens are bound to the certificate they are asked for with: a bound token lives and dies with it, so whoever holds one asks for a new token after each rotation.';

const HEALED = 'a credential that a destination holds was not associated';

/** What a destination holds must be associated before anything else. @returns whether something was not */
function heal(draft: Draft): boolean {
  const { evidence } = draft;
  const missing = evidence.held
    .flatMap((candidates) => candidates.slice(0, 1))
    .filter(
      ({ id }, index, all) => !draft.associated.includes(id) && all.findIndex((c) => c.id === id) === index,
    );
  for (const credential of missing) {
    const spare = draft.records.filter((c) => draft.associated.includes(c.id) && draft.isDisposable(c));
    const keep =
      draft.associated.length < SLOT
        ? draft.associated
        : without(draft.associated, (spare.find((c) => draft.isAbandoned(c)) ?? spare[0])?.id);
    if (keep.length >= SLOT) throw placesFull(draft);
    draft.associate([...keep, credential.id], 'heal');
  }
  return missing.length > 0;
}

function without(ids: readonly string[], id: string | undefined): readonly string[] {
  return ids.filter((other) => other !== id);
}

/** An abandoned credential's key is lost. Where no secret holds anything, it may as well have been in use: then it stays. */
function discardAbandoned(draft: Draft): void {
  if (draft.evidence.newest === undefined) return;
  for (const credential of draft.removable.filter((c) => draft.isAbandoned(c))) {
    // It may yet be what a destination holds: it stays until the rotation that this causes needs its place.
    if (credential.id !== draft.evidence.displaced?.id) draft.remove(credential, 'discard');
  }
}

/** With the newest pair at hand (`current-credential`) no new key is needed, and nobody is interrupted. */
function finishDelivery(draft: Draft): void {
  const { evidence, state, wish } = draft;
  const { newest, held, lacking } = evidence;
  if (evidence.settled || newest === undefined || newest.identity !== wish.current?.identity) return;
  if (wish.method === 'tls_client_auth' && !isLatest(wish, state)) return;
  for (const index of lacking) {
    const place = state.secrets[index]?.place;
    if (place) draft.steps.push({ kind: 'store-secret', place, source: 'current-credential' });
  }
  draft.completes = true;
  draft.evidence = { ...evidence, held: held.map(() => [newest]), lacking: [], settled: true };
}

/**
 * Of two certificates of one DN Auth0 cannot tell which is the newer: `current-credential` counts as the one that the
 * primary holds only if it was made right before that was written.
 */
function isLatest({ current }: Wish, { secrets }: State): boolean {
  const times = secrets[0]?.times;
  if (times === undefined || typeof times === 'string' || !current?.notBefore) return false;
  return times.updatedAt - current.notBefore.getTime() <= BACKDATE + LEASE;
}

/** A certificate is valid a little before it is made (certificate/issue.ts). */
const BACKDATE = 5 * 60_000;

function rotate(draft: Draft): void {
  const { wish } = draft;
  draft.renews = reuseName(draft)?.id;
  if (draft.renews === undefined && draft.state.client) makeRoom(draft);
  draft.steps.push({ kind: 'issue-certificate', what: materialOf(wish) });
  register(draft);
  if (wish.verify !== 'off') draft.steps.push({ kind: 'authenticate' });
  for (const place of placesOf(wish)) draft.steps.push({ kind: 'store-secret', place, source: 'issued' });
  removeAfterDelivery(draft);
  removeFormer(draft);
  if ((nextDue(wish, draft.state, draft.evidence, true) ?? 0) <= draft.state.now) draft.notes.push(SHORT);
}

const SHORT =
  'WARNING: the new certificate is due again at once, since it lives no longer than renew-before-days: every run will rotate.';

/** What the method held that the client has left: with it nobody can log in any more. */
function removeFormer(draft: Draft): void {
  const { pool, state, wish } = draft;
  const { associated = [], method = wish.method } = state.client ?? {};
  if (method === wish.method) return;
  const former = draft.records.filter((c) => associated.includes(c.id) && !wish.keepCredentials.has(c.id));
  for (const credential of former) if (!pool.othersMark(credential)) draft.remove(credential, 'leave');
}

/**
 * Auth0 knows a CA-signed certificate by its subject DN alone: a new one of the same name needs no new credential
 * (RFC 8705 2.1). It must stay the newest of ours, or the times would tell that another one is in use.
 */
function reuseName(draft: Draft): Credential | undefined {
  const { pool, records, wish } = draft;
  if (wish.method !== 'tls_client_auth') return undefined;
  const same = records.find(({ identity }) => identity === wish.subject);
  if (!same) return undefined;
  if (!pool.isCandidate(same)) throw nameTaken(draft, same);
  const newer = records.filter((c) => pool.isOurs(c) && newestFirst(c, same) < 0);
  if (newer.every((c) => draft.isDisposable(c))) {
    for (const credential of newer) draft.remove(credential, 'discard');
    draft.notes.push(SAME_NAME);
    return same;
  }
  // Auth0 takes no second credential of a name.
  if (!draft.isDisposable(same)) throw placesFull(draft);
  draft.remove(same, 'make room');
  return undefined;
}

const SAME_NAME =
  'Auth0 knows a CA-signed certificate by its subject DN alone and cannot revoke one: the previous certificate stays valid until it expires.';

/** The new key becomes known to Auth0, by its own credential or by one of its name. */
function register(draft: Draft): void {
  const { state, wish } = draft;
  const { client } = state;
  const ref = draft.renews ?? ISSUED;
  if (client === undefined) {
    draft.steps.push({ kind: 'create-client', name: wish.clientName ?? '', method: wish.method });
    draft.associated = [ISSUED];
    return;
  }
  if (ref === ISSUED) draft.steps.push({ kind: 'create-credential' });
  if (draft.associated.includes(ref)) return;
  if (client.method === wish.method) {
    if (ref !== ISSUED) makeSlot(draft);
    draft.associate([...draft.associated, ref], 'add');
    return;
  }
  draft.steps.push({
    kind: 'change-method',
    from: client.method,
    to: wish.method,
    credentials: [ref],
    interrupts: [],
  });
  draft.associated = [ref];
  if (wish.isManager) draft.notes.push(CUTS_OFF);
  draft.notes.push(
    `INTERRUPTION: Auth0 allows one method at a time. Whoever logs in by ${client.method} (its client secrets or keys) cannot log in from the change on, until it uses what this run delivers.`,
  );
}

function materialOf({ keySize, method }: Wish): KeyMaterial {
  if (method === 'private_key_jwt') return 'a key pair';
  if (method === 'self_signed_tls_client_auth') return 'a key pair and a self-signed certificate';
  return keySize === undefined
    ? 'the certificate that was brought'
    : 'a key pair and a certificate of the private CA';
}

/** In the run that delivered nothing goes, unless `overlap: 0h` asks for it: then nobody holds any more what was held before. */
function removeAfterDelivery(draft: Draft): void {
  if (draft.wish.overlap !== 0) return;
  const previous = draft.records.filter((c) => draft.mayRemove(c) && c.id !== draft.renews);
  for (const credential of previous) draft.remove(credential, 'retire');
}

/** Not due: remove what is due to go. */
function retire(draft: Draft): void {
  const { state } = draft;
  for (const credential of draft.removable) {
    const over = overlapEnd(draft, credential);
    if (!draft.associated.includes(credential.id) || over <= state.now) draft.remove(credential, 'retire');
    else if (Number.isFinite(over)) {
      draft.notes.push(
        `Credential ${credential.id} stays associated until ${new Date(over).toISOString()} (overlap).`,
      );
    }
  }
}

/** Fixed once: by the delivery of the successor, which no later run repeats. Never, for `until-next-rotation`. */
function overlapEnd(draft: Draft, credential: Credential): number {
  const { overlap } = draft.wish;
  const since = supersededAt(draft, credential);
  return overlap === 'until-next-rotation' || since === undefined
    ? Number.POSITIVE_INFINITY
    : since + overlap;
}

function nextDue(wish: Wish, state: State, { expiresAt }: Evidence, rotates: boolean): number | undefined {
  const issued = wish.brought?.notAfter?.getTime() ?? state.now + wish.validityDays * DAY;
  if (rotates) return nextRotation(wish, issued);
  return expiresAt === undefined ? undefined : nextRotation(wish, expiresAt);
}
