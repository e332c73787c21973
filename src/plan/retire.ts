/** What goes where no rotation is due. Pure. */

import type { Credential } from '../model/observed-state.ts';
import { printUsers, usesSince, watchedSince } from './log-usage.ts';
import { overlapEnd, type PlanBuilder } from './plan-builder.ts';

/** Not due: remove what is due to go. */
export function retire(builder: PlanBuilder): void {
  for (const credential of builder.removable) {
    const why = builder.associated.includes(credential.id) ? whyStays(builder, credential) : undefined;
    if (why === undefined) builder.remove(credential, 'retire');
    else if (why !== '') builder.notes.push(`Credential ${credential.id} stays associated ${why}.`);
  }
}

/** undefined: it goes; empty: it stays, which needs no word. */
function whyStays(builder: PlanBuilder, credential: Credential): string | undefined {
  const { overlap, quietWindow } = builder.desired;
  const over = overlapEnd(builder, credential);
  // With `when-unused` it is the least time, where it is a time.
  const waits =
    over > builder.observed.now && (quietWindow === undefined || overlap !== 'until-next-rotation');
  if (waits) return Number.isFinite(over) ? `until ${iso(over)} (overlap)` : '';
  return quietWindow === undefined ? undefined : notProvenUnused(builder, credential, quietWindow);
}

/** A fact that is missing keeps it, and is told. undefined: the logs prove that nobody uses it any more. */
function notProvenUnused(
  builder: PlanBuilder,
  credential: Credential,
  quietWindow: number,
): string | undefined {
  const { inUse, notes, observed, desired } = builder;
  const { newest } = inUse;
  const since = watchedSince(builder, credential);
  if (since === undefined || newest === undefined) return '';
  const users = usesSince(builder, since, credential);
  const logins = usesSince(builder, since, newest).filter(({ isProof }) => !isProof);
  const { now, usage } = observed;
  const quietFrom = now - quietWindow;
  if (usage === undefined) return 'until the tenant logs were read';
  if (users.length > 0) return `since it is STILL IN USE, by the tenant logs: ${printUsers(users)}`;
  if (since > quietFrom) return `until ${iso(since + quietWindow)} at least (quiet-window)`;
  if (usage.since > quietFrom)
    return `since the tenant logs tell everything only from ${iso(usage.since)} on, and quiet-window begins at ${iso(quietFrom)}: choose a shorter one, or an overlap`;
  if (logins.length === 0)
    return `since by the tenant logs nobody but this action has used its successor ${newest.id} from ${iso(since)} on`;
  if (desired.current?.identity !== newest.identity) return `${OUTDATED}: pass current-credential`;
  if (usage.upTo === 'not asked') builder.asks = { since, upToDate: true };
  if (typeof usage.upTo === 'string') return `${OUTDATED}${NO_ENTRY[usage.upTo]}`;
  notes.push(
    `Credential ${credential.id} is proven unused: from ${iso(since)} to ${iso(usage.upTo)} the tenant logs show no login with it, and logins with its successor by ${printUsers(logins)}.`,
  );
  return undefined;
}

/** Auth0 promises no real-time logs (log-data-retention): what is not there yet has happened all the same. */
const OUTDATED = 'since only a token request of this run can show that the tenant logs are up to date';

const NO_ENTRY = {
  'not asked': '',
  'no endpoint': ', and no mTLS token endpoint was found',
  refused: '. WARNING: the current certificate got no token',
  late: ', and it did not appear in them in time: the next run tries again',
};

function iso(at: number): string {
  return new Date(at).toISOString();
}
