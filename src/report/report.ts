/** Turns a run result into outputs, job summary and annotations. Pure text. */

import type { Annotation, Report, RunResult } from '../model/run-result.ts';
import { earlierRunsWarnings } from './earlier-runs.ts';
import { findingAnnotations } from './findings.ts';
import { headline, unprovenWarning } from './headline.ts';
import { notes } from './notes.ts';
import { outputs } from './outputs.ts';
import { summary } from './summary.ts';

/** @param helpUrl where a code is explained, as a link */
export function clientReport(result: RunResult, helpUrl: (code: string) => string): Report {
  return {
    outputs: outputs(result),
    annotations: annotationsOf(result),
    summary: summary(result, helpUrl),
    headline: headline(result),
  };
}

/** The annotations beside the error: the findings of a watch, else the warnings of the run. */
export function annotationsOf(result: RunResult): Annotation[] {
  const { watch, desired } = result;
  if (watch) return findingAnnotations(watch.findings);
  const list: Annotation[] = notes(result)
    .filter(({ severity }) => severity !== 'notice')
    .map(({ text }) => ({ level: 'warning', title: `Client ${desired.clientId}`, message: text }));
  for (const message of earlierRunsWarnings(result))
    list.push({ level: 'warning', title: `Client ${desired.clientId}`, message });
  const unproven = unprovenWarning(result);
  if (unproven) list.push({ level: 'warning', title: `Client ${desired.clientId}`, message: unproven });
  return list;
}
