/** The job summary of one client, in GitHub-flavoured Markdown. */

import type { RotationError } from '../errors.ts';
import { findingTable } from '../model/finding.ts';
import { code, day, inert, oneLine, plain, row, shortened, shortenedList } from '../model/markdown.ts';
import type { Note } from '../model/note.ts';
import type { DoneStep, RunResult } from '../model/run-result.ts';
import { printDestination, printLocation } from '../model/secret-location.ts';
import { describeStep } from '../model/step.ts';
import { withInertAlarm } from './alarm.ts';
import { chart, credentialTable } from './credentials.ts';
import { earlierRunsTable } from './earlier-runs.ts';
import { headline, unprovenWarning } from './headline.ts';
import { notes } from './notes.ts';
import { reasonName } from './reason-names.ts';

export function summary(result: RunResult, helpUrl: (code: string) => string): string {
  const { error, watch, desired } = result;
  // A watch does not show the plan of a rotation.
  const plan = watch ? undefined : result.plan;
  const unproven = unprovenWarning(result);
  const shown = watch ? [] : notes(result);
  const parts = [
    `## ${headline({ ...result, error: error && withInertAlarm(error) })}`,
    error && !watch ? sentences(error, helpUrl).join('\n\n') : '',
    ...shown.filter(needsAttention).map(quoted),
    unproven === undefined ? '' : `> ⚠️ ${text(unproven)}`,
    watch && watch.findings.length > 0 ? findingTable(watch.findings) : '',
    plan && !error ? `**${reasonName(plan.reason)}:** ${text(plan.explanation)}.` : '',
    ...shown.filter((note) => !needsAttention(note)).map(quoted),
    chart(result),
    credentialTable(result),
    locationTable(result),
    earlierRunsTable(result),
    stepList(result),
    `<sub>Client ${code(oneLine(result.outcome?.clientId ?? desired.clientId))} · run ${desired.run}</sub>`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const needsAttention = ({ severity }: Note) => severity !== 'notice';
const quoted = ({ text: sentence }: Note) => `> ${shortened(inert(sentence))}`;
const text = (sentence: string) => shortened(inert(sentence));

function sentences(error: RotationError, helpUrl: (code: string) => string): string[] {
  const stateNow = `**What is true now.** ${text(error.stateNow)}`;
  const failure = [
    `**What failed.** ${text(error.failed)}`,
    `**What to do.** ${text(error.remedy)} [More about ${error.code}](${helpUrl(error.code)}).`,
  ];
  return error.beginsWithState ? [stateNow, ...failure] : [...failure, stateNow];
}

/** What happened to a secret, worst first. */
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
  // A run that fails before its first write undoes everything, so no secret counts as not stored.
  const missing = error !== undefined && stored.size + inDoubt.size > 0;
  return (location) => {
    if (inDoubt.has(location)) return '**in doubt**';
    if (stored.has(location)) return '**stored**';
    return missing && planned.has(location) ? '**not stored**' : 'unchanged';
  };
}

const rest = (count: number) => `1. … and ${count} more (shortened)`;

function stepList(result: RunResult): string {
  const { outcome, plan, readOnly, watch, desired } = result;
  if (outcome && outcome.steps.length > 0) return [...proofLine(result), ...doneList(result)].join('\n');
  if (!readOnly || watch || !plan || plan.steps.length === 0) return '';
  const planned = plan.steps.map((step) => `1. ${plain(describeStep(step))}`);
  return [`### What ${desired.operation} would do`, ...shortenedList(planned, rest)].join('\n');
}

function proofLine({ desired, error, outcome }: RunResult): string[] {
  const rehearsed = desired.operation === 'rehearse' && !error;
  if (!outcome || !(outcome.rotated || rehearsed)) return [];
  const by = desired.method === 'private_key_jwt' ? 'by client assertion' : 'over mTLS';
  return [`Proof ${by}: **${outcome.proof}**${BY[outcome.provenBy ?? 'token']}.`, ''];
}

/** How a step ends that needs no word about it. */
const EXPECTED = new Set(['done', 'failed']);

/** A line of a list: what was done, how long it took, and how it ended. */
export function doneLine({ milliseconds, outcome, text: what }: DoneStep): string {
  const ended = EXPECTED.has(outcome) ? '' : `: ${outcome}`;
  return `1. ${outcome === 'failed' ? '❌ ' : ''}${plain(what)}${seconds(milliseconds)}${ended}`;
}

/** Folded if the run succeeded. */
function doneList({ error, outcome }: RunResult): string[] {
  const steps = outcome?.steps ?? [];
  const list = shortenedList(steps.map(doneLine), rest);
  if (error) return ['### What was tried', ...list];
  const total = seconds(steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
  const count = steps.length === 1 ? '1 step' : `${steps.length} steps`;
  return [`<details><summary>What was done: ${count}${total}</summary>`, '', ...list, '', '</details>'];
}

/** Leaves out durations below a second. */
function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? '' : ` (${Math.round(milliseconds / 1000)} s)`;
}

/** By what the key was proven, and what that does not prove. */
const BY = {
  token: '',
  'pushed request':
    ', by a pushed authorization request that Auth0 accepted. It requests no token, so it does not prove that tokens are bound',
  'authorization code':
    ', by an invalid code: Auth0 refused only the code, and before the association it refused the key. This does not prove that tokens are bound',
  'refresh token':
    ', by an invalid refresh token: Auth0 refused only the token, and before the association it refused the key. This does not prove that tokens are bound',
} as const;
