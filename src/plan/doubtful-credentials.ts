/** Credentials made by hand that a location may hold, although the evidence does not show it. Pure. */

import { currentCredentialLine, dropDestinationAdvice } from '../model/advice.ts';
import { day } from '../model/markdown.ts';
import { type Credential, isNewer, writtenTimes } from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { adviceOnUnshownFormer, formerElsewhere } from './other-owners.ts';
import type { PlanBuilder } from './plan-builder.ts';

/**
 * The credentials made by hand that the primary may hold in place of `current-credential`: newer ones that existed when the primary was
 * written. That happens if the job has an environment, whose secret of that name it reads instead of the primary's.
 * @returns also how to find out. Never a line that releases one of them, since that could lock out the primary's consumers.
 */
export function whatPrimaryMayHold(
  { desired, inUse, observed }: PlanBuilder,
  byHand: readonly Credential[],
): { doubtful: readonly Credential[]; advice: string | undefined } {
  const { heldByPrimary, unregistered } = inUse;
  const [primary] = observed.secrets;
  const written = writtenTimes(primary?.times)?.updatedAt;
  if (!primary || !desired.currentKey || unregistered || !heldByPrimary || written === undefined)
    return { doubtful: [], advice: undefined };
  const doubtful = byHand.filter((c) => isNewer(c, heldByPrimary) && c.createdAt <= written + UNCERTAINTY);
  if (doubtful.length === 0) return { doubtful, advice: undefined };
  const advice = `current-credential is ${heldByPrimary.id}, but ${printLocation(primary.location)} was written when ${dated(doubtful)} existed, and may hold that instead. Check that the line reads ${currentCredentialLine(desired)}, and that no environment of this job has a secret of that name. Then find out in Auth0's logs which one nobody uses, and put its id into removable-credentials.`;
  return { doubtful, advice };
}

export function dated(credentials: readonly Credential[]): string {
  return credentials.map(({ createdAt, id }) => `${id} of ${day(createdAt)}`).join(', ');
}

/** What to do if a location that GitHub does not show may hold a credential. undefined: there is none. */
export function adviceOnUnshownHolder(builder: PlanBuilder): string | undefined {
  const { desired, observed } = builder;
  const unshown = observed.secrets.find(({ refused }) => refused);
  if (unshown?.refused)
    return `${printLocation(unshown.location)} may hold a credential of this client. ${unshown.refused.failed} ${unshown.refused.remedy}${dropDestinationAdvice(unshown.location, desired)}`;
  const former = formerElsewhere(builder).find(({ refused }) => refused);
  return former && adviceOnUnshownFormer(former, builder);
}
