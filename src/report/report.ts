/** What happened → outputs, job summary, annotations. Pure text. */

import type { Outcome } from '../apply/job.ts';
import type { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../plan/plan.ts';
import type { Watched } from '../watch/watch.ts';
import { findingAnnotations } from './findings.ts';
import { headline, notProven } from './headline.ts';
import { holderWarnings } from './holders.ts';
import { outputs } from './outputs.ts';
import { notes, summary } from './summary.ts';

/** One client's run, as far as it came. */
export interface RunResult {
  /** Nothing was changed: it was asked only what would be done. */
  planOnly: boolean;
  desired: DesiredState;
  observed?: ObservedState;
  plan?: Plan;
  outcome?: Outcome;
  /** Of a watch. */
  watch?: Watched;
  error?: RotationError | undefined;
}

export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  title: string;
  message: string;
}

export interface Report {
  outputs: Readonly<Record<string, string>>;
  annotations: readonly Annotation[];
  /** GitHub-flavoured Markdown. */
  summary: string;
  /** One sentence: what happened, and whether anything is to be done. */
  headline: string;
}

/** @param explanationOf where a code is explained, as a link */
export function report(result: RunResult, explanationOf: (code: string) => string): Report {
  return {
    outputs: outputs(result),
    annotations: warnings(result),
    summary: summary(result, explanationOf),
    headline: headline(result),
  };
}

/** What a person should look at although the run went on. */
export function warnings(result: RunResult): Annotation[] {
  const { watch, desired } = result;
  if (watch) return findingAnnotations(watch.findings);
  const list: Annotation[] = notes(result)
    .filter((note) => /INTERRUPTION|WARNING|superseded less than|cannot log in/.test(note))
    .map((message) => ({ level: 'warning', title: `Client ${desired.clientId}`, message }));
  for (const message of holderWarnings(result))
    list.push({ level: 'warning', title: `Client ${desired.clientId}`, message });
  const unproven = notProven(result);
  if (unproven) list.push({ level: 'warning', title: `Client ${desired.clientId}`, message: unproven });
  return list;
}
