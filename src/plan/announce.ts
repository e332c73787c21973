/** Notes that announce what later runs will remove, and when. Pure. */

import { METHOD_CAPACITY } from '../model/capacity.ts';
import { day } from '../model/markdown.ts';
import type { Credential } from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { ISSUED } from '../model/step.ts';
import { overlapEnd, overlapOf, type PlanBuilder } from './plan-builder.ts';

/**
 * Announces which associated credentials later runs will remove, and warns of those that no run can remove.
 * @param nextRotation milliseconds, Auth0's clock
 */
export function announceRemovals(builder: PlanBuilder, nextRotation: number | undefined): void {
  const { desired, inUse, records } = builder;
  if (desired.operation !== 'rotate' && desired.operation !== 'enroll' && desired.operation !== 'create')
    return;
  const newest = builder.associated.includes(ISSUED) ? ISSUED : (inUse.newest?.id ?? inUse.current?.id);
  const others = records.filter((c) => builder.associated.includes(c.id) && c.id !== newest);
  const isFull = builder.associated.length >= METHOD_CAPACITY;
  for (const credential of others) {
    const blocked = whyBlocked(builder, credential);
    if (blocked !== undefined && isFull)
      builder.note('warning', blockedNote(credential, blocked, nextRotation));
    if (blocked === undefined) announce(builder, credential, isFull, nextRotation);
  }
}

/** Warns of locations without a secret, which wait for the next rotation if this run has no pair to store there. */
export function announceEmpty(
  { desired, inUse, observed, notes }: PlanBuilder,
  nextRotation: number | undefined,
): void {
  const empty = inUse.lacking.flatMap((index) => {
    const secret = observed.secrets[index];
    return index > 0 && secret?.times === 'missing' ? [printLocation(secret.location)] : [];
  });
  if (empty.length === 0) return;
  const hint = desired.current ? '' : ' Pass current-credential to have the secret stored at once.';
  notes.push({
    severity: 'warning',
    text: `${empty.join(', ')} has no secret yet. The next rotation${on(nextRotation)} stores one there, since the client can hold no other credential before.${hint}`,
  });
}

/** Why no run can remove it, and what the user can do. */
function whyBlocked({ desired, owners }: PlanBuilder, credential: Credential): string | undefined {
  if (desired.keepCredentials.has(credential.id))
    return 'keep-credentials keeps it. Before then, take it out of keep-credentials, or delete it in Auth0 once nobody uses it, or give its users another client';
  const other = owners.otherOwnership(credential);
  if (other && !desired.removableCredentials.has(credential.id))
    return `the workflow of ${other.owner} rotates it. Before then, rotate this client from one workflow with many destinations`;
  return credential.type === 'unknown'
    ? 'this version of the action cannot read its record. Before then, find out in Auth0 what uses it'
    : undefined;
}

function blockedNote({ id }: Credential, why: string, nextRotation: number | undefined): string {
  return `The next rotation${on(nextRotation)} will fail unless ${id} is removed: ${why}.`;
}

function announce(
  builder: PlanBuilder,
  credential: Credential,
  isFull: boolean,
  nextRotation: number | undefined,
): void {
  const byHand = builder.owners.isUnmarked(credential);
  const over = builder.rotates
    ? builder.observed.now + overlapOf(builder, credential)
    : overlapEnd(builder, credential);
  const severity = byHand ? 'warning' : 'notice';
  const what = byHand
    ? `${credential.id}, which was made by hand on ${day(credential.createdAt)},`
    : credential.id;
  const keep = byHand ? ' If anybody still uses it, name it in keep-credentials.' : '';
  if (Number.isFinite(over))
    builder.note(severity, `A run removes ${what} from ${day(over)} on (overlap).${keep}`);
  else if (isFull)
    builder.note(severity, `The next rotation${on(nextRotation)} removes ${what} to make room.${keep}`);
}

/** Warns of secrets that somebody else wrote, since their times do not show what they hold. */
export function announceDoubts({ inUse, notes, observed }: PlanBuilder): void {
  const locations = inUse.othersUnexplained.flatMap((index) => observed.secrets[index]?.location ?? []);
  if (locations.length === 0) return;
  notes.push({
    severity: 'warning',
    text: `It is unknown what ${locations.map(printLocation).join(', ')} holds, since no run of this workflow can have written it last. Pass current-credential to have the current pair stored there.`,
  });
}

function on(at: number | undefined): string {
  return at === undefined ? '' : `, on ${day(at)},`;
}
