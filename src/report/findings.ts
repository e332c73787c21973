/** Annotations and headline of a watch. */

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

/** Says how much of the validity is left, and whether a person must act. undefined if the run is not a watch. */
export function watchHeadline({ error, watch, desired }: RunResult, client: string): string | undefined {
  if (watch === undefined) return undefined;
  const { findings, lifetime } = watch;
  const what = desired.method === 'private_key_jwt' ? 'key' : 'certificate';
  const left =
    lifetime &&
    `${Math.max(0, Math.floor(lifetime.left * 100))} % of the validity of its ${what} is left${lifetime.left > 0 ? ', until' : ': it expired on'} ${longDay(lifetime.until)}`;
  const count = findings.length === 1 ? '1 thing needs' : `${findings.length} things need`;
  const advice = findings.length === 0 ? 'No action needed.' : `${count} attention.`;
  if (watch.isAtWork && !error)
    return `⏳ ${client}: a rotation is at work or has just ended. The watch did not check the client.`;
  const icon = error ? '❌' : findings.length > 0 ? '⚠️' : '✅';
  return `${icon} ${client}: ${[error?.alarm, left, advice].filter(Boolean).join('. ')}`;
}
