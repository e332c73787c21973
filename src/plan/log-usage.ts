/** Who still uses a credential that was superseded, by the tenant logs. Pure. */

import type { Credential, Use } from '../model/observed-state.ts';
import { UNCERTAINTY } from './in-use.ts';
import { type PlanBuilder, supersededAt } from './plan-builder.ts';

/** From here on a use counts: what was before the delivery of the successor was right, and tells nothing. */
export function watchedSince(builder: PlanBuilder, credential: Credential): number | undefined {
  const { quietWindow } = builder.desired;
  const since = supersededAt(builder, credential);
  if (quietWindow === undefined || since === undefined) return undefined;
  return Math.max(since + UNCERTAINTY, builder.observed.now - quietWindow);
}

/** This action's own ones, too. Where the logs were not read yet, they are asked for. */
export function usesSince(builder: PlanBuilder, since: number, { identity }: Credential): readonly Use[] {
  const { usage } = builder.observed;
  if (usage === undefined)
    builder.asks = { since: Math.min(since, builder.asks?.since ?? since), upToDate: false };
  return (usage?.uses ?? []).filter((use) => use.identity === identity && use.at >= since);
}

/** Longer lists help nobody. */
const SHOWN = 5;

/** Each user once, with the last time; latest first. */
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
