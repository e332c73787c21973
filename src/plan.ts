/** (wish, what was observed) → what to do, and why. Pure and synchronous: `state.now` is the only clock. */

import { RotationError } from './errors.ts';
import { printPlace } from './github/destination.ts';
import {
  type Evidence,
  isPending,
  isSuperseded,
  isYoung,
  LEASE,
  mayBeHeld,
  newestFirst,
  Pool,
  type Stage,
  stageOf,
  weigh,
} from './rotation/evidence.ts';
import { readMark } from './rotation/mark.ts';
import { firstReason, nextRotation, type Reason } from './rotation/policy.ts';
import type { Credential, SecretTimes, State } from './rotation/state.ts';
import { ISSUED, type Step } from './rotation/step.ts';
import { DAY, placesOf, type Wish } from './rotation/wish.ts';

export interface Plan {
  /** `NotAssociated` heals and `NotDue` keeps: neither is a rotation. */
  reason: Reason | 'NotAssociated' | 'NotDue';
  explanation: string;
  steps: readonly Step[];
  /** A new key pair is issued. */
  rotates: boolean;
  /** By the expiry of what will be current; undefined where Auth0 names none. Milliseconds, Auth0's clock. */
  nextRotation: number | undefined;
  credentials: readonly PlannedCredential[];
  /** What a person should know. */
  notes: readonly string[];
}

export interface PlannedCredential extends Credential {
  stage: Stage;
  associated: boolean;
  /** Places that hold it, as far as the evidence tells. */
  heldBy: readonly string[];
}

/** Auth0: a method holds at most 2 credentials ("limits customers to two registered certificates", configure-mtls-for-a-client). */
export const SLOT = 2;
/** The client's pool holds 2 by default, 4 with an entitlement that cannot be queried: plan for 2. */
const POOL = 2;

/** @throws RotationError METHOD_MISMATCH, STALE_CREDENTIAL, ROTATION_IN_PROGRESS, CREDENTIAL_LIMIT: nothing may be done */
export function plan(wish: Wish, state: State): Plan {
  const draft = new Draft(wish, state);
  refuseOtherMethod(wish, state);
  refuseContradiction(draft.evidence);
  refuseUnfinished(draft);
  const healed = heal(draft);
  discardAbandoned(draft);
  finishDelivery(draft);
  const due = firstReason({ wish, state, evidence: draft.evidence });
  if (due) rotate(draft);
  else retire(draft);
  return {
    reason: due?.reason ?? (healed ? 'NotAssociated' : 'NotDue'),
    explanation: due?.explanation ?? (healed ? HEALED : 'the current certificate is good'),
    steps: draft.steps,
    rotates: due !== undefined,
    nextRotation: nextDue(wish, state, draft.evidence, due !== undefined),
    credentials: state.pool.map((credential) => draft.describe(credential)),
    notes: draft.notes,
  };
}

const HEALED = 'a credential that a destination holds was not associated';

/** The plan as it grows: every step is appended together with its effect on what the client will hold. */
class Draft {
  readonly wish: Wish;
  readonly state: State;
  evidence: Evidence;
  readonly pool: Pool;
  readonly steps: Step[] = [];
  readonly notes: string[] = [];
  associated: readonly string[];
  records: readonly Credential[];

  constructor(wish: Wish, state: State) {
    this.wish = wish;
    this.state = state;
    this.evidence = weigh(wish, state);
    this.pool = new Pool(wish, state);
    this.associated = state.client.associated;
    this.records = [...state.pool].sort(newestFirst).reverse();
    if (state.secrets.some(({ times }) => times === 'unread')) this.notes.push(UNREAD);
    if (this.evidence.unregistered) this.notes.push(UNREGISTERED);
  }

  associate(
    to: readonly string[],
    why: Association['why'],
    interrupts: Association['interrupts'] = [],
  ): void {
    this.steps.push({ kind: 'associate-credentials', why, from: this.associated, to, interrupts });
    this.associated = to;
  }

  remove(
    credential: Credential,
    why: 'make room' | 'retire' | 'discard',
    interrupts: Association['interrupts'] = [],
  ): void {
    const { id } = credential;
    if (this.associated.includes(id))
      this.associate(
        this.associated.filter((other) => other !== id),
        why,
        interrupts,
      );
    this.steps.push({ kind: 'delete-credential', id, why });
    this.records = this.records.filter((record) => record.id !== id);
  }

  /** Nobody may hold it, nobody asked to keep it, and it is ours to remove. Oldest first. */
  get removable(): Credential[] {
    return this.records.filter((c) => this.isDisposable(c) && (this.isAbandoned(c) || this.isSuperseded(c)));
  }

  isDisposable(credential: Credential): boolean {
    if (this.wish.keepCredentials.has(credential.id) || !this.pool.isCandidate(credential)) return false;
    return !mayBeHeld(this.evidence, credential);
  }

  isAbandoned(credential: Credential): boolean {
    return isPending(this.evidence, this.pool, credential) && !isYoung(credential, this.state.now);
  }

  isSuperseded(credential: Credential): boolean {
    return isSuperseded(this.evidence, this.pool, credential);
  }

  describe(credential: Credential): PlannedCredential {
    const heldBy = this.state.secrets.filter(
      (_, index) => this.evidence.held[index]?.[0]?.id === credential.id,
    );
    return {
      ...credential,
      stage: stageOf(this.evidence, this.pool, credential),
      associated: this.pool.isAssociated(credential),
      heldBy: heldBy.map(({ place }) => printPlace(place)),
    };
  }
}

type Association = Extract<Step, { kind: 'associate-credentials' }>;

const UNREAD =
  'GitHub was not asked, since no github-token was given: this plan assumes that every destination holds the newest associated credential.';
const UNREGISTERED =
  "current-credential holds a certificate that is none of the client's credentials: its consumers cannot log in until the rotation has delivered a new one.";

function refuseOtherMethod(wish: Wish, { client }: State): void {
  if (client.method === wish.method) return;
  throw new RotationError('METHOD_MISMATCH', {
    failed: `Client ${client.id} authenticates by ${client.method}, not by ${wish.method}.`,
    remedy:
      'Move the client to mTLS first (Auth0 guide "Configure mTLS for a Client"), and give the management client the scopes read:clients and read:client_credentials: without them Auth0 does not show the method.',
  });
}

function refuseContradiction({ contradiction, current }: Evidence): void {
  if (!contradiction) return;
  throw new RotationError('STALE_CREDENTIAL', {
    failed: `current-credential is ${current?.id}, but the primary secret was written after ${contradiction.id} was delivered: it changed after this job's secrets were read.`,
    remedy: `Run the workflow again. If the older pair was put back by hand, delete ${contradiction.id} in Auth0 first.`,
  });
}

/** A pending credential younger than the lease belongs to a run that may still be at work. */
function refuseUnfinished({ evidence, pool, state }: Draft): void {
  const young = state.pool.find((c) => isPending(evidence, pool, c) && isYoung(c, state.now));
  if (!young) return;
  throw rotationInProgress(young);
}

export function rotationInProgress(rival: Credential): RotationError {
  const since = new Date(rival.createdAt).toISOString();
  const until = new Date(rival.createdAt + LEASE).toISOString();
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Another rotation of this client is in progress: run ${readMark(rival.name)?.run} made credential ${rival.id} at ${since}.`,
    remedy: `Let it finish. If it has crashed, run again after ${until}: then its credential counts as abandoned. Give the workflow a concurrency group.`,
  });
}

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
    const keep = draft.associated.length < SLOT ? draft.associated : without(draft.associated, spare[0]?.id);
    if (keep.length >= SLOT) throw placesFull(draft);
    draft.associate([...keep, credential.id], 'heal');
  }
  return missing.length > 0;
}

function without(ids: readonly string[], id: string | undefined): readonly string[] {
  return ids.filter((other) => other !== id);
}

/** An abandoned credential's key is lost. The last associated one stays until its successor is there (invariant I3). */
function discardAbandoned(draft: Draft): void {
  for (const credential of draft.removable.filter((c) => draft.isAbandoned(c))) {
    // It may yet be what a destination holds: it stays until the rotation that this causes needs its place.
    if (credential.id === draft.evidence.displaced?.id) continue;
    if (draft.associated.length === 1 && draft.associated.includes(credential.id)) continue;
    draft.remove(credential, 'discard');
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

/** The limit of two: of the method always, of the pool by default. */
function makeRoom(draft: Draft): void {
  while (draft.associated.length >= SLOT || draft.records.length >= POOL) {
    const full = draft.associated.length >= SLOT;
    const victim = roomGiver(draft, full);
    if (victim) {
      warnIfRecent(draft, victim);
      draft.remove(victim, 'make room');
    } else if (full) {
      interrupt(draft);
    } else {
      // The pool may hold more than we plan for: Auth0 tells when the credential is created.
      return;
    }
  }
}

/** An unassociated one first, where that helps; the last associated one only if it is abandoned and the pool is full. */
function roomGiver(draft: Draft, full: boolean): Credential | undefined {
  const isAssociated = ({ id }: Credential) => draft.associated.includes(id);
  if (full) return draft.removable.find(isAssociated);
  return draft.removable.find((c) => !isAssociated(c) || draft.associated.length > 1) ?? draft.removable[0];
}

/** Half delivered, and no key to finish with: the one that fewer places hold gives way, and the plan names them. */
function interrupt(draft: Draft): void {
  const { evidence, state } = draft;
  const placesHolding = (c: Credential) =>
    state.secrets
      .filter((_, index) => evidence.held[index]?.some(({ id }) => id === c.id))
      .map(({ place }) => place);
  const victims = draft.records
    .filter(
      (c) =>
        draft.associated.includes(c.id) && draft.pool.isCandidate(c) && !draft.wish.keepCredentials.has(c.id),
    )
    .filter((c) => mayBeHeld(evidence, c) || draft.pool.isOurs(c))
    .sort((a, b) => placesHolding(a).length - placesHolding(b).length);
  const victim = evidence.settled || draft.associated.length < SLOT ? undefined : victims[0];
  if (!victim || evidence.newest === undefined) throw placesFull(draft);
  const interrupted = placesHolding(victim);
  if (interrupted.length > 0) {
    draft.notes.push(
      `INTERRUPTION: ${interrupted.map(printPlace).join(', ')} cannot log in from the removal of ${victim.id} until this run has stored the new credential there, normally some seconds. Runs that are queued with the old key fail. Pass current-credential to finish a delivery without this.`,
    );
  }
  draft.remove(victim, 'make room', interrupted);
}

function warnIfRecent(draft: Draft, victim: Credential): void {
  const since = supersededAt(draft, victim);
  if (since === undefined || draft.state.now - since >= DAY) return;
  draft.notes.push(
    `Credential ${victim.id} was superseded less than a day ago and gives way now: runs that were queued before that rotation still hold it and will fail.`,
  );
}

/** In the run that delivered, only what is of no use to anybody goes, or what `overlap: 0h` asks for. */
function removeAfterDelivery(draft: Draft): void {
  for (const credential of draft.records) {
    const abandoned = draft.isDisposable(credential) && draft.isAbandoned(credential);
    if (abandoned) draft.remove(credential, 'discard');
    else if (draft.wish.overlap === 0 && becomesPrevious(draft, credential))
      draft.remove(credential, 'retire');
  }
}

/** Once this run has delivered everywhere, nobody holds what was held before. */
function becomesPrevious(draft: Draft, credential: Credential): boolean {
  return draft.pool.isCandidate(credential) && !draft.wish.keepCredentials.has(credential.id);
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

/** When the last place that can have held it received the successor; a secret made later never held it. */
function supersededAt({ evidence, state }: Draft, credential: Credential): number | undefined {
  const { newest } = evidence;
  if (newest === undefined || newestFirst(newest, credential) >= 0) return undefined;
  const deliveries = state.secrets
    .map(({ times }) => times)
    .filter((times): times is SecretTimes => typeof times !== 'string' && times.createdAt <= newest.createdAt)
    .map(({ updatedAt }) => updatedAt);
  return Math.max(newest.createdAt, ...deliveries);
}

function placesFull(draft: Draft): RotationError {
  const holders = draft.records.map((c) => `${c.id} (${whose(draft, c)})`).join(', ');
  return new RotationError('CREDENTIAL_LIMIT', {
    failed: `Client ${draft.state.client.id} has no place for another credential: ${holders}.`,
    remedy:
      'Auth0 lets a method hold two. Disassociate and delete one that nobody uses any more, or rotate from one workflow with many destinations, and pass current-credential.',
  });
}

function whose(draft: Draft, credential: Credential): string {
  const others = draft.pool.othersMark(credential);
  if (others) return `made for ${others.owner} by run ${others.run}`;
  if (draft.wish.keepCredentials.has(credential.id)) return 'in keep-credentials';
  if (!draft.associated.includes(credential.id)) return 'not associated with this method';
  if (mayBeHeld(draft.evidence, credential)) {
    const { heldBy } = draft.describe(credential);
    return heldBy.length > 0 ? `held by ${heldBy.join(', ')}` : 'may be held by a destination';
  }
  return draft.pool.isOurs(credential) ? 'ours' : 'made by hand, in use until a successor was delivered';
}

function nextDue(wish: Wish, state: State, { current }: Evidence, rotates: boolean): number | undefined {
  if (rotates) return nextRotation(wish, state.now + wish.validityDays * DAY);
  return current?.expiresAt === undefined ? undefined : nextRotation(wish, current.expiresAt);
}

/** The error for a pool that Auth0 itself called full. */
export function poolFull(wish: Wish, state: State): RotationError {
  return placesFull(new Draft(wish, state));
}
