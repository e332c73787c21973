/** Plans which credentials are removed when no rotation is due. Pure. */

import { iso } from '../model/markdown.ts';
import type { Note } from '../model/note.ts';
import type { Credential, Use } from '../model/observed-state.ts';
import type { RemovalReason } from '../model/step.ts';
import { printUsers, usesCountFrom, usesSince } from './log-usage.ts';
import { overlapEnd } from './overlap.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** Why a superseded credential stays, as the end of a note. */
type Stay = 'no note' | { severity: Note['severity']; because: string };

/** Removes what is no longer needed, or notes why it stays. */
export function retire(builder: PlanBuilder): void {
  for (const credential of builder.dueForRemoval) {
    const stay = builder.associated.includes(credential.id) ? whyStays(builder, credential) : undefined;
    if (stay === undefined) builder.remove(credential, whyRetired(builder, credential));
    else if (stay !== 'no note')
      builder.note(stay.severity, `Credential ${credential.id} stays associated ${stay.because}.`);
  }
}

/** Why it is not needed any more: its method is given up, only the user says so, or it has a successor. */
export function whyRetired(builder: PlanBuilder, credential: Credential): RemovalReason {
  if (builder.owners.isLeftover(credential)) return 'leave';
  const isReleased = builder.isDeclaredUnused(credential) && !builder.isSuperseded(credential);
  return isReleased ? 'release' : 'retire';
}

/** undefined: it can be removed. */
function whyStays(builder: PlanBuilder, credential: Credential): Stay | undefined {
  const { overlap, quietWindow } = builder.desired;
  const end = overlapEnd(builder, credential);
  // With `when-unused` an overlap that is a duration is a minimum.
  const waits =
    end > builder.observed.now && (quietWindow === undefined || overlap !== 'until-next-rotation');
  if (waits) return Number.isFinite(end) ? notice(`until ${iso(end)} (overlap)`) : 'no note';
  return quietWindow === undefined ? undefined : notProvenUnused(builder, credential, quietWindow);
}

/** Why the logs do not prove that nobody uses it any more. undefined: they prove it. */
function notProvenUnused(
  builder: PlanBuilder,
  credential: Credential,
  quietWindow: number,
): Stay | undefined {
  const { inUse, observed } = builder;
  const { newest } = inUse;
  const { now, usage } = observed;
  const since = usesCountFrom(builder, credential);
  if (since === undefined || newest === undefined) return 'no note';
  if (credential.identity === undefined || newest.identity === undefined)
    return notice('because Auth0 does not show by which thumbprint or key id the tenant logs name it');
  if (usage === undefined) {
    builder.askLogs(since);
    return notice('until the tenant logs have been read');
  }
  const users = usesSince(usage, since, credential);
  const logins = usesSince(usage, since, newest).filter(({ isProof }) => !isProof);
  const quietFrom = now - quietWindow;
  if (users.length > 0)
    return warning(`because the tenant logs show that it is STILL IN USE: ${printUsers(users)}`);
  if (since > quietFrom) return notice(`until ${iso(since + quietWindow)} at least (quiet-window)`);
  if (usage.since > quietFrom)
    return notice(
      `because the tenant logs are complete only from ${iso(usage.since)} on, and quiet-window begins at ${iso(quietFrom)}: choose a shorter one, or an overlap`,
    );
  if (logins.length === 0)
    return notice(
      `because the tenant logs show no login with its successor ${newest.id} after ${iso(since)}, except by this action`,
    );
  const unproven = freshnessUnproven(builder, since);
  if (unproven === undefined) noteProven(builder, credential, since, logins);
  return unproven;
}

/** Why the logs may lack recent logins. Auth0 does not log in real time. undefined: they are up to date. */
function freshnessUnproven(builder: PlanBuilder, since: number): Stay | undefined {
  const { inUse, observed, desired } = builder;
  if (desired.currentKey?.identity !== inUse.newest?.identity)
    return notice(`${FRESHNESS_UNPROVEN}: pass current-credential`);
  const { upTo } = observed.usage ?? {};
  if (typeof upTo === 'number' || upTo === undefined) return undefined;
  if (upTo === 'not asked') builder.logQuestion = { since, upToDate: true };
  return {
    severity: upTo === 'refused' ? 'warning' : 'notice',
    because: `${FRESHNESS_UNPROVEN}${NO_ENTRY[upTo]}`,
  };
}

function noteProven(builder: PlanBuilder, { id }: Credential, since: number, logins: readonly Use[]): void {
  const { upTo } = builder.observed.usage ?? {};
  const until = typeof upTo === 'number' ? iso(upTo) : '';
  builder.note(
    'notice',
    `The tenant logs prove that credential ${id} is unused: from ${iso(since)} to ${until} they show no login with it, but logins with its successor by ${printUsers(logins)}.`,
  );
}

function notice(because: string): Stay {
  return { severity: 'notice', because };
}

function warning(because: string): Stay {
  return { severity: 'warning', because };
}

const FRESHNESS_UNPROVEN =
  'because only a token request of this run can show that the tenant logs are up to date';

const NO_ENTRY = {
  'not asked': '',
  'no endpoint': ', and no mTLS token endpoint was found',
  refused: ', and the current certificate got no token',
  late: ', and the request of this run did not appear in them in time. The next run tries again',
};
