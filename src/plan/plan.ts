/** (wish, what was observed) → what to do, and why. Pure and synchronous: `state.now` is the only clock. */

import type { Wish } from '../model/desired-state.ts';
import { quote } from '../model/json.ts';
import type { Credential, State } from '../model/observed-state.ts';
import type { Step } from '../model/step.ts';
import { placesFull, SLOT } from './capacity.ts';
import { LEASE, newestFirst } from './in-use.ts';
import { Draft, type LogQuestion, type PlannedCredential } from './plan-builder.ts';
import {
  refuseContradiction,
  refuseHaste,
  refuseOtherMethod,
  refuseReuse,
  refuseUnfinished,
} from './preconditions.ts';
import { firstReason, nextDue, type Reason } from './reasons.ts';
import { rehearse } from './rehearse.ts';
import { retire } from './retire.ts';
import { revert } from './revert.ts';
import { rotate } from './rotate.ts';

export interface Plan {
  /** `NotAssociated` heals and `NotDue` keeps: neither is a rotation; nor is a `revert`, whose reason is `MethodDiffers`, or a `Rehearsal`. */
  reason: Reason | 'NotAssociated' | 'NotDue' | 'Rehearsal';
  explanation: string;
  steps: readonly Step[];
  /** A new key pair is issued and delivered. */
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
  /** Until this is answered, the plan keeps what it might remove. undefined: there is nothing to ask. */
  asks: LogQuestion | undefined;
}

/**
 * @throws RotationError METHOD_MISMATCH, ALGORITHM_MISMATCH, STALE_CREDENTIAL, ROTATION_IN_PROGRESS, CREDENTIAL_LIMIT,
 *   CANNOT_REVOKE: nothing may be done
 */
export function plan(wish: Wish, observed: State): Plan {
  // Auth0's list has no order.
  const state = { ...observed, pool: [...observed.pool].sort(newestFirst) };
  const draft = new Draft(wish, state);
  refuseOtherMethod(wish, state);
  refuseContradiction(draft.evidence);
  refuseUnfinished(draft);
  noteName(draft);
  const why = decide(draft);
  bindTokens(draft);
  const { renews, rotates, steps } = draft;
  return {
    ...why,
    steps,
    rotates,
    renews,
    replaces: rotates ? replacedBy(draft)?.id : undefined,
    nextRotation: wish.operation === 'revert' ? undefined : nextDue(wish, state, draft.evidence, rotates),
    credentials: state.pool.map((credential) => draft.describe(credential)),
    notes: draft.notes,
    asks: draft.asks,
  };
}

function decide(draft: Draft): Pick<Plan, 'reason' | 'explanation'> {
  const { operation } = draft.wish;
  if (operation === 'rehearse') return rehearse(draft);
  return operation === 'revert' ? revert(draft) : renew(draft);
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
  // Somebody has taken it out already: what is to be revoked does not come back.
  if (draft.wish.revoke) return false;
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
