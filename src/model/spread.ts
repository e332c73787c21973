/** Spreads what began on one day over several: by the client id, so that it is the same in every run. Pure. */

import { createHash } from 'node:crypto';
import type { DesiredState } from './desired-state.ts';

/** A whole number that a text alone decides, evenly spread. */
export function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

/** Days by which a rotation is brought forward at most. */
const MOST = 7;

/** `renewBeforeDays`, brought forward by up to a quarter of itself and a week: never later than what was asked for. */
export function spread({
  clientId,
  renewBeforeDays,
  validityDays,
}: Pick<DesiredState, 'clientId' | 'renewBeforeDays' | 'validityDays'>): number {
  const most = Math.min(MOST, Math.floor(renewBeforeDays / 4), validityDays - renewBeforeDays - 1);
  return renewBeforeDays + (numberOf(`spread ${clientId}`) % (most + 1));
}
