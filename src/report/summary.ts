/** The job summary of one client, in GitHub-flavoured Markdown. */

import type { RotationError } from '../errors.ts';
import { findingTable } from '../model/finding.ts';
import { quote } from '../model/json.ts';
import { code, day, inert, plain, row, shortened, shortenedList } from '../model/markdown.ts';
import { type Note, printNote } from '../model/note.ts';
import type { RunResult } from '../model/run-result.ts';
import { printDestination, printLocation } from '../model/secret-location.ts';
import { describeStep, ISSUED } from '../model/step.ts';
import { chart, credentialTable } from './credentials.ts';
import { headline, notProven } from './headline.ts';
import { holderTable } from './holders.ts';

export function summary(result: RunResult, explanationOf: (code: string) => string): string {
  const { error, watch, desired } = result;
  // What a rotation would do is not what a watch is asked for.
  const plan = watch ? undefined : result.plan;
  const unproven = notProven(result);
  const parts = [
    `## ${headline(result)}`,
    error && !watch ? sentences(error, explanationOf).join('\n\n') : '',
    plan && !error ? `**Why:** ${text(plan.explanation)}.` : '',
    ...(watch ? [] : notes(result).map((note) => `> ${shortened(inert(note.text))}`)),
    watch && watch.findings.length > 0 ? findingTable(watch.findings) : '',
    unproven === undefined ? '' : `> ⚠️ ${text(unproven)}`,
    chart(result),
    credentialTable(result),
    locationTable(result),
    holderTable(result),
    stepList(result),
    `<sub>Client ${code(quote(result.outcome?.clientId ?? desired.clientId))} · run ${desired.run}</sub>`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The notes of the plan, printed. A run that failed has not done what its plan says. */
export function notes({ error, plan }: RunResult): readonly Note[] {
  const all = (plan?.notes ?? []).map((note) => ({ severity: note.severity, text: printNote(note) }));
  return error ? all.map(({ severity, text }) => ({ severity, text: `The plan was: ${text}` })) : all;
}

const text = (sentence: string) => shortened(plain(sentence));

function sentences(error: RotationError, explanationOf: (code: string) => string): string[] {
  const stateNow = `**What is true now.** ${text(error.stateNow)}`;
  const told = [
    `**What failed.** ${text(error.failed)}`,
    `**What to do.** ${text(error.remedy)} [More about ${error.code}](${explanationOf(error.code)}).`,
  ];
  return error.alarm ? [stateNow, ...told] : [...told, stateNow];
}

/** The worst first. */
const FATES = ['**in doubt**', '**not stored**', '**stored**', 'unchanged'] as const;

function locationTable(result: RunResult): string {
  const { observed } = result;
  if (!observed) return '';
  const fateOf = fates(result);
  const rows = observed.secrets
    .map(({ location, times }) => ({ location, times, fate: fateOf(printLocation(location)) }))
    .sort((a, b) => FATES.indexOf(a.fate) - FATES.indexOf(b.fate))
    .map(({ location, times, fate }) =>
      row([
        code(printDestination(location.destination)),
        code(location.secretName),
        typeof times === 'string' ? times : `written ${day(times.updatedAt)}`,
        fate,
      ]),
    );
  const rest = (count: number) => row([`… and ${count} more (shortened)`, '', '', '']);
  return [
    '| Destination | Secret | Before this run | Now |',
    '| --- | --- | --- | --- |',
    ...shortenedList(rows, rest),
  ].join('\n');
}

function fates({ error, outcome, plan }: RunResult): (location: string) => (typeof FATES)[number] {
  const [stored, inDoubt] = [new Set(outcome?.delivered), new Set(outcome?.inDoubt)];
  const planned = new Set(
    plan?.steps.flatMap((step) => (step.kind === 'store-secret' ? [printLocation(step.location)] : [])),
  );
  // Before the first write everything was undone: then nothing is missing.
  const missing = error !== undefined && stored.size + inDoubt.size > 0;
  return (location) => {
    if (inDoubt.has(location)) return '**in doubt**';
    if (stored.has(location)) return '**stored**';
    return missing && planned.has(location) ? '**not stored**' : 'unchanged';
  };
}

function stepList({ error, outcome, plan, planOnly, watch, desired }: RunResult): string {
  const rest = (count: number) => `1. … and ${count} more (shortened)`;
  if (outcome && outcome.steps.length > 0) {
    const done = outcome.steps.map(
      ({ text: what, milliseconds, failed }) =>
        `1. ${failed ? '❌ ' : ''}${plain(what)} (${(milliseconds / 1000).toFixed(1)} s)`,
    );
    const by = desired.method === 'private_key_jwt' ? 'by client assertion' : 'over mTLS';
    const rehearsed = desired.operation === 'rehearse' && !error;
    const proof = outcome.rotated || rehearsed ? [`\nProof ${by}: **${outcome.proof}**.`] : [];
    return [error ? '### What was tried' : '### What was done', ...shortenedList(done, rest), ...proof].join(
      '\n',
    );
  }
  if (!planOnly || watch || !plan || plan.steps.length === 0) return '';
  const planned = plan.steps.map(
    (step) => `1. ${plain(describeStep(step).replaceAll(ISSUED, 'the new credential'))}`,
  );
  return [`### What ${desired.operation} would do`, ...shortenedList(planned, rest)].join('\n');
}
