/** (wish, what was observed) → what to do, and why. Pure and synchronous: `state.now` is the only clock. */

import { Draft, type PlannedCredential, supersededAt } from './rotation/draft.ts';
import { type Evidence, newestFirst } from './rotation/evidence.ts';
import { firstReason, nextRotation, type Reason } from './rotation/policy.ts';
import { refuseContradiction, refuseHaste, refuseOtherMethod, refuseUnfinished } from './rotation/refusal.ts';
import { makeRoom, placesFull, SLOT } from './rotation/room.ts';
import type { Credential, State } from './rotation/state.ts';
import { ISSUED, type Step } from './rotation/step.ts';
import { DAY, placesOf, type Wish } from './rotation/wish.ts';

export interface Plan {
  /** `NotAssociated` heals and `NotDue` keeps: neither is a rotation. */
  reason: Reason | 'NotAssociated' | 'NotDue';
  explanation: string;
  steps: readonly Step[];
  /** A new key pair is issued. */
  rotates: boolean;
  /** What was made by hand and will be superseded: the new credential's mark names it. */
  replaces: string | undefined;
  /** By the expiry of what will be current; undefined where Auth0 names none. Milliseconds, Auth0's clock. */
  nextRotation: number | undefined;
  credentials: readonly PlannedCredential[];
  /** What a person should know. */
  notes: readonly string[];
}

/** @throws RotationError METHOD_MISMATCH, STALE_CREDENTIAL, ROTATION_IN_PROGRESS, CREDENTIAL_LIMIT: nothing may be done */
export function plan(wish: Wish, observed: State): Plan {
  // Auth0's list has no order.
  const state = { ...observed, pool: [...observed.pool].sort(newestFirst) };
  const draft = new Draft(wish, state);
  refuseOtherMethod(wish, state);
  refuseContradiction(draft.evidence);
  refuseUnfinished(draft);
  const healed = heal(draft);
  discardAbandoned(draft);
  finishDelivery(draft);
  const due = firstReason({ wish, state, evidence: draft.evidence });
  if (due) refuseHaste(draft);
  if (due) rotate(draft);
  else retire(draft);
  return {
    reason: due?.reason ?? (healed ? 'NotAssociated' : 'NotDue'),
    explanation: due?.explanation ?? (healed ? HEALED : 'the current certificate is good'),
    steps: draft.steps,
    rotates: due !== undefined,
    replaces: state.pool.find((c) => draft.pool.isCandidate(c) && !draft.pool.isOurs(c))?.id,
    nextRotation: nextDue(wish, state, draft.evidence, due !== undefined),
    credentials: state.pool.map((credential) => draft.describe(credential)),
    notes: draft.notes,
  };
}

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
  const { newest, held } = evidence;
  if (evidence.settled || newest === undefined || newest.thumbprint !== wish.current?.thumbprint) return;
  for (const [index, { place }] of state.secrets.entries()) {
    if (held[index]?.[0]?.id === newest.id) continue;
    draft.steps.push({ kind: 'store-secret', place, source: 'current-credential' });
  }
  draft.completes = true;
  draft.evidence = { ...evidence, held: held.map(() => [newest]), settled: true };
}

function rotate(draft: Draft): void {
  makeRoom(draft);
  draft.steps.push({ kind: 'issue-certificate' }, { kind: 'create-credential' });
  draft.associate([...draft.associated, ISSUED], 'add');
  if (draft.wish.verify !== 'off') draft.steps.push({ kind: 'authenticate' });
  for (const place of placesOf(draft.wish))
    draft.steps.push({ kind: 'store-secret', place, source: 'issued' });
  removeAfterDelivery(draft);
}

/** In the run that delivered nothing goes, unless `overlap: 0h` asks for it: then nobody holds any more what was held before. */
function removeAfterDelivery(draft: Draft): void {
  if (draft.wish.overlap !== 0) return;
  const previous = draft.records.filter((c) => draft.mayRemove(c));
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

function nextDue(wish: Wish, state: State, { current }: Evidence, rotates: boolean): number | undefined {
  if (rotates) return nextRotation(wish, state.now + wish.validityDays * DAY);
  return current?.expiresAt === undefined ? undefined : nextRotation(wish, current.expiresAt);
}
