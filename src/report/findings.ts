/** What a watch has found, as people read it. */

import type { Finding } from '../model/finding.ts';
import { longDay } from '../model/markdown.ts';
import type { Annotation, RunResult } from '../model/run-result.ts';

export function findingAnnotations(findings: readonly Finding[]): Annotation[] {
  return findings.map(({ key, severity, todo, what }) => ({
    level: severity === 'failure' ? 'error' : 'warning',
    title: key,
    message: `${what} ${todo}`,
  }));
}

/** How much life is left, and whether a person must act. */
export function watchHeadline({ error, watch, desired }: RunResult, client: string): string | undefined {
  if (watch === undefined) return undefined;
  const { findings, lifetime } = watch;
  const what = desired.method === 'private_key_jwt' ? 'key' : 'certificate';
  const left =
    lifetime &&
    `${Math.max(0, Math.floor(lifetime.left * 100))} % of the life of its ${what} is left, until ${longDay(lifetime.until)}`;
  const count = findings.length === 1 ? '1 thing needs' : `${findings.length} things need`;
  const todo = findings.length === 0 ? 'No action needed.' : `${count} attention.`;
  if (watch.isAtWork && !error)
    return `⏳ ${client}: a rotation is at work, or was a moment ago. Nothing is judged.`;
  const icon = error ? '❌' : findings.length > 0 ? '⚠️' : '✅';
  return `${icon} ${client}: ${left ? `${left}. ` : ''}${todo}`;
}
