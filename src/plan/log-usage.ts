/** Who still uses a credential that was superseded, by the tenant logs. Pure. */

import type { Credential, Use } from '../model/observed-state.ts';
import { UNCERTAINTY } from './in-use.ts';
import { type Draft, supersededAt } from './plan-builder.ts';

/** From here on a use counts: what was before the delivery of the successor was right, and tells nothing. */
export function watchedSince(draft: Draft, credential: Credential): number | undefined {
  const { quietWindow } = draft.wish;
  const since = supersededAt(draft, credential);
  if (quietWindow === undefined || since === undefined) return undefined;
  return Math.max(since + UNCERTAINTY, draft.state.now - quietWindow);
}

/** This action's own ones, too. Where the logs were not read yet, they are asked for. */
export function usesSince(draft: Draft, since: number, { identity }: Credential): readonly Use[] {
  const { usage } = draft.state;
  if (usage === undefined)
    draft.asks = { since: Math.min(since, draft.asks?.since ?? since), upToDate: false };
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
