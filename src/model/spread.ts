/** Spreads rotations that would be due on one day over several days. It uses the client id, so every run gets the same day. Pure. */

import { createHash } from 'node:crypto';
import type { DesiredState } from './desired-state.ts';

/** Hashes a text to a whole number, evenly distributed. */
export function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

/** A rotation is brought forward by at most this many days. */
const MOST = 7;

/** `renewBeforeDays` plus up to a quarter of it, and at most a week. No rotation gets later than requested. */
export function spread({
  clientId,
  renewBeforeDays,
  validityDays,
}: Pick<DesiredState, 'clientId' | 'renewBeforeDays' | 'validityDays'>): number {
  // A certificate that was brought may live as short as renew-before-days, or shorter.
  const room = Math.max(0, validityDays - renewBeforeDays - 1);
  const most = Math.min(MOST, Math.floor(renewBeforeDays / 4), room);
  return renewBeforeDays + (numberOf(`spread ${clientId}`) % (most + 1));
}
