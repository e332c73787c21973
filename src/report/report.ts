/** What happened → outputs, job summary, annotations. Pure text. */

import type { Outcome } from '../apply/job.ts';
import type { RotationError } from '../errors.ts';
import type { Wish } from '../model/desired-state.ts';
import type { State } from '../model/observed-state.ts';
import type { Plan } from '../plan/plan.ts';
import type { Watched } from '../watch/watch.ts';
import { findingAnnotations } from './findings.ts';
import { headline, notProven } from './headline.ts';
import { holderWarnings } from './holders.ts';
import { outputs } from './outputs.ts';
import { notes, summary } from './summary.ts';

/** One client's run, as far as it came. */
export interface Account {
  /** Nothing was changed: it was asked only what would be done. */
  planOnly: boolean;
  wish: Wish;
  state?: State;
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
export function report(account: Account, explanationOf: (code: string) => string): Report {
  return {
    outputs: outputs(account),
    annotations: warnings(account),
    summary: summary(account, explanationOf),
    headline: headline(account),
  };
}

/** What a person should look at although the run went on. */
export function warnings(account: Account): Annotation[] {
  const { watch, wish } = account;
  if (watch) return findingAnnotations(watch.findings);
  const list: Annotation[] = notes(account)
    .filter((note) => /INTERRUPTION|WARNING|superseded less than|cannot log in/.test(note))
    .map((message) => ({ level: 'warning', title: `Client ${wish.clientId}`, message }));
  for (const message of holderWarnings(account))
    list.push({ level: 'warning', title: `Client ${wish.clientId}`, message });
  const unproven = notProven(account);
  if (unproven) list.push({ level: 'warning', title: `Client ${wish.clientId}`, message: unproven });
  return list;
}
