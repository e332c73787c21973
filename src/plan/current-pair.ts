/** Stores the pair in `current-credential` where it is missing, before anything is removed. Pure. */

import { currentFactsOf } from '../model/desired-state.ts';
import { type Credential, isWrittenOnce, whyUnwritable } from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { isCurrentLatest } from './by-time.ts';
import { expiryOf } from './expiry.ts';
import type { CredentialsInUse } from './in-use.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** If `current-credential` is the newest pair, storing it finishes a delivery without a new key and without an interruption. */
export function finishDelivery(builder: PlanBuilder): void {
  const { inUse } = builder;
  const { lacking, newest } = inUse;
  if (newest === undefined || !hasNewestPair(builder)) return;
  // Secrets that somebody created by hand and that were not written since.
  const byHand = inUse.othersUnexplained.filter((index) => isWrittenOnce(builder.observed.secrets[index]));
  const behind = [...new Set([...lacking, ...byHand])].filter((index) => isWritable(builder, index));
  if (behind.length === 0) return;
  store(builder, behind);
  builder.finishesDelivery = lacking.length > 0;
  builder.inUse = {
    ...inUse,
    ...holding(inUse, behind, newest),
    ...lackingStill(builder, without(lacking, behind)),
    ...(behind.includes(0)
      ? { heldByPrimary: newest, ...expiryOf(builder.desired, builder.observed, newest) }
      : {}),
  };
}

/**
 * Assumes that the secrets that somebody else may have rolled back hold the newest pair, where this run can write them. `rewriteBeforeRemoval`
 * makes that true before the plan takes a credential out. If it takes none out, nothing needs the assumption. @returns the indexes of those secrets
 */
export function assumeRewritten(builder: PlanBuilder): readonly number[] {
  const { inUse } = builder;
  const { newest } = inUse;
  const toRewrite = inUse.othersUnexplained.filter((index) => isWritable(builder, index));
  if (newest === undefined || toRewrite.length === 0 || !hasNewestPair(builder)) return [];
  builder.inUse = { ...inUse, ...holding(inUse, toRewrite, newest) };
  return toRewrite;
}

/** Inserts the writes of these secrets before the first step that takes a credential out. Steps that heal do not count, even if they take one out. */
export function rewriteBeforeRemoval(builder: PlanBuilder, toRewrite: readonly number[]): void {
  const { steps } = builder;
  const first = steps.findIndex(
    (step) =>
      step.kind === 'associate-credentials' &&
      step.why !== 'heal' &&
      step.from.some((id) => !step.to.includes(id)),
  );
  if (toRewrite.length === 0 || first < 0) return;
  // A secret that holds the new pair by then must not get the old one again.
  // guard: nothing is overwritten by an older pair
  if (steps.slice(0, first).some((step) => step.kind === 'store-secret' && step.source === 'issued')) return;
  const rest = steps.splice(first);
  store(builder, toRewrite);
  steps.push(...rest);
}

/** Stores the primary's pair, if this run has it, in the locations with another pair. Then the rotation can make room without an interruption. */
export function storePrimaryPairElsewhere(builder: PlanBuilder): void {
  const { inUse, observed } = builder;
  const { heldByPrimary, newest } = inUse;
  const isAssociated = ({ id }: Credential) => builder.associated.includes(id);
  // guard: with a key at hand nobody is interrupted for a slot
  if (!isAtHand(builder, heldByPrimary) || !builder.isMethodFull) return;
  if (!heldByPrimary || builder.evictable.some(isAssociated)) return;
  // A new certificate with this subject needs no credential of its own.
  if (heldByPrimary.identity === builder.desired.subject) return;
  const others = [...inUse.held.keys()].filter(
    (index) => index > 0 && isWritable(builder, index) && mayHoldAnother(builder, index, heldByPrimary),
  );
  if (others.length === 0) return;
  store(builder, others);
  const served = observed.secrets.filter((_, index) => others.includes(index));
  const names = served.map(({ location }) => printLocation(location));
  builder.note(
    'warning',
    `The primary's credential, ${heldByPrimary.id}, is stored in ${names.join(', ')} before this rotation removes the credential that they hold. Workflow runs that were queued with the removed key fail.`,
  );
  builder.inUse = {
    ...inUse,
    ...holding(inUse, others, heldByPrimary),
    ...lackingStill(builder, without(inUse.lacking, [0, ...others])),
    newest: heldByPrimary,
    formerHeld: inUse.formerHeld.filter(({ location }) => !names.includes(location)),
    // If the primary's pair is the older one, this run itself rolls the other locations back: nobody needs the newer one, and it is evictable.
    supplanted: inUse.supplanted ?? (newest?.id === heldByPrimary.id ? undefined : newest),
  };
}

/** What the secrets hold once those at `indexes` have this pair. */
function holding(
  { othersUnexplained, held }: CredentialsInUse,
  indexes: readonly number[],
  pair: Credential,
): Pick<CredentialsInUse, 'othersUnexplained' | 'held'> {
  return {
    held: held.map((candidates, index) => (indexes.includes(index) ? [pair] : candidates)),
    othersUnexplained: without(othersUnexplained, indexes),
  };
}

/** A location without a secret has no consumers, so a delivery can be settled without it. */
function lackingStill(
  { observed }: PlanBuilder,
  lacking: readonly number[],
): Pick<CredentialsInUse, 'lacking' | 'settled'> {
  return { lacking, settled: lacking.every((index) => observed.secrets[index]?.times === 'missing') };
}

function without(indexes: readonly number[], some: readonly number[]): readonly number[] {
  return indexes.filter((index) => !some.includes(index));
}

function mayHoldAnother({ inUse, observed }: PlanBuilder, index: number, current: Credential): boolean {
  const secret = observed.secrets[index];
  const name = secret && printLocation(secret.location);
  const former = inUse.formerHeld.filter(({ location }) => location === name);
  const candidates = [...(inUse.held[index] ?? []), ...former.flatMap((one) => one.candidates)];
  return candidates.some(({ id }) => id !== current.id);
}

function hasNewestPair(builder: PlanBuilder): boolean {
  return isAtHand(builder, builder.inUse.newest);
}

function isAtHand(builder: PlanBuilder, credential: Credential | undefined): boolean {
  const { desired, observed } = builder;
  if (credential === undefined || !currentFactsOf(credential.identity, desired)) return false;
  // An expired pair, or one that is not associated, helps no consumer.
  if (!builder.associated.includes(credential.id) || builder.isCertainlyExpired(credential)) return false;
  return desired.method !== 'tls_client_auth' || isCurrentLatest(desired, observed);
}

/** Plans to store `current-credential` in these locations, once a probe has shown that they accept it. */
function store(builder: PlanBuilder, indexes: readonly number[]): void {
  requestProbesOf(builder, indexes);
  for (const index of indexes) {
    const location = builder.observed.secrets[index]?.location;
    if (location) builder.steps.push({ kind: 'store-secret', location, source: 'current-credential' });
  }
}

function isWritable(builder: PlanBuilder, index: number): boolean {
  const location = builder.observed.secrets[index]?.location;
  return location !== undefined && whyUnwritable(builder.observed, location) === undefined;
}

export function requestProbesOf(builder: PlanBuilder, indexes: readonly number[]): void {
  builder.requestProbes(indexes.flatMap((index) => builder.observed.secrets[index]?.location ?? []));
}
