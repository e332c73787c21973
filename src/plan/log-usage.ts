/** Finds in the tenant logs who still uses a superseded credential. Pure. */

import type { Credential, Usage, Use } from '../model/observed-state.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { supersededAt } from './overlap.ts';
import type { PlanBuilder } from './plan-builder.ts';

/**
 * The time from which on a use of a superseded credential counts. Before its successor was delivered, consumers had to use it. undefined:
 * `retire: by-time`, or it is not superseded.
 */
export function usesCountFrom(builder: PlanBuilder, credential: Credential): number | undefined {
  const { quietWindow } = builder.desired;
  const since = supersededAt(builder, credential);
  if (quietWindow === undefined || since === undefined) return undefined;
  return Math.max(since + UNCERTAINTY, builder.observed.now - quietWindow);
}

/** The uses of the credential from `since` on, including the proofs of this action. */
export function usesSince({ uses }: Usage, since: number, { identity }: Credential): readonly Use[] {
  return uses.filter((use) => use.identity === identity && use.at >= since);
}

/** The most users in one message. */
const SHOWN = 5;

/** Lists each user once with the time of the last use, latest first. */
export function printUsers(uses: readonly Use[]): string {
  const last = new Map<string, number>();
  for (const { at, ip, userAgent } of uses) {
    const user = `\`${ip}\` (\`${userAgent}\`)`;
    last.set(user, Math.max(at, last.get(user) ?? at));
  }
  const users = [...last].sort(([, a], [, b]) => b - a);
  const shown = users.slice(0, SHOWN).map(([user, at]) => `${user}, last at ${new Date(at).toISOString()}`);
  return [...shown, ...(users.length > SHOWN ? [`and ${users.length - SHOWN} more`] : [])].join('; ');
}
