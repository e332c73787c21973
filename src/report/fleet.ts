/** The report on many clients: one summary and one list of failures, worst first. Pure text of bounded size. */

import type { RotationError } from '../errors.ts';
import { code, inert, iso, longDay, oneLine, plain, row, shortened, unbroken } from '../model/markdown.ts';
import type { Annotation, Report, RunResult } from '../model/run-result.ts';
import { printDestination } from '../model/secret-location.ts';
import { shardsOf } from '../model/shard.ts';
import { describeStep } from '../model/step.ts';
import { deadline, nextRotation } from './headline.ts';
import { entryOf, OUTPUT_NAMES } from './outputs.ts';
import { reasonName } from './reason-names.ts';
import { annotationsOf } from './report.ts';
import { doneLine } from './summary.ts';

/** The most bytes of the summary. GitHub allows 1 MiB per step (docs/facts.md#runner-files). */
const SUMMARY = 1_000_000;
/** The most bytes of the table. The details get the rest. */
const TABLE = 600_000;
/** The most bytes of the output `result`. GitHub allows 1 MB for all outputs of a job, counted as UTF-16 (workflow-syntax#jobsjob_idoutputs). */
const RESULT = 400_000;
/** The most annotations of a kind before one that counts the rest. GitHub shows ten per step (docs/facts.md#runner-files). */
const ANNOTATIONS = 9;

export function fleetReport(results: readonly RunResult[], helpUrl: (code: string) => string): Report {
  const worstFirst = results.toSorted(
    (a, b) => Number(hasAlarm(b)) - Number(hasAlarm(a)) || rank(a) - rank(b),
  );
  return {
    outputs: fleetOutputs(results, worstFirst),
    annotations: annotations(worstFirst, helpUrl),
    summary: summary(worstFirst, helpUrl),
    headline: headline(results),
  };
}

/** Kinds of results, worst first: name, sign, and whether a result is of that kind. The first kind that fits counts. */
const KINDS = [
  ['failed', '❌', ({ error, outcome }) => error !== undefined && !wasSkipped(error, outcome)],
  ['not tried', '⏸️', ({ error }) => error !== undefined],
  // A plan shows the enrollment that the client needs, since a rotation of it would be refused.
  ['must be enrolled first', '⚠️', ({ desired, readOnly }) => readOnly && desired.operation === 'enroll'],
  [
    'rotated with warnings',
    '⚠️',
    (result) => result.outcome?.rotated === true && annotationsOf(result).length > 0,
  ],
  ['rotated', '✅', ({ outcome }) => outcome?.rotated === true],
  ['would be rotated', '📋', ({ plan, readOnly }) => readOnly && (plan?.rotates ?? false)],
  ['would be put in order', '📋', (result) => result.readOnly && hasSteps(result)],
  ['put in order with warnings', '⚠️', (result) => hasSteps(result) && annotationsOf(result).length > 0],
  ['not due with warnings', '⚠️', (result) => !hasSteps(result) && annotationsOf(result).length > 0],
  ['put in order', '✅', hasSteps],
  ['not due', '✅', () => true],
] as const satisfies [string, string, (result: RunResult) => boolean][];

function hasSteps({ plan }: RunResult): boolean {
  return (plan?.steps.length ?? 0) > 0;
}

/** Whether the client was skipped, which is not a failure of its own. A cancellation may also have ended its work. */
function wasSkipped({ code }: RotationError, outcome: RunResult['outcome']): boolean {
  return code === 'CANARY_FAILED' || (code === 'CANCELLED' && outcome === undefined);
}

/** Its error says: act at once. */
function hasAlarm({ error }: RunResult): boolean {
  return error?.alarm !== undefined;
}

function rank(result: RunResult): number {
  return KINDS.findIndex(([, , holds]) => holds(result));
}

function nameOf({ observed, desired }: RunResult): string {
  const name = oneLine(observed?.client?.name);
  const id = code(oneLine(desired.clientId));
  return name === '' ? id : `${plain(name)} (${id})`;
}

/** Identifies a client whose name could not be read. */
function placeOf({ desired }: RunResult): string {
  return `secret ${printDestination(desired.destinations[0])} ${desired.secretName}`;
}

/** The client's name for HTML, in which Markdown has no effect. */
function textOf(result: RunResult): string {
  const name = oneLine(result.observed?.client?.name);
  const id = oneLine(result.desired.clientId);
  const text = name === '' ? `${id} (${placeOf(result)})` : `${name} (${id})`;
  return text.replaceAll('&', '&amp;').replaceAll('@', '@\u200b');
}

function headline(results: readonly RunResult[]): string {
  const ranks = results.map(rank);
  const counts = KINDS.map(([kind], index) => ({ kind, count: ranks.filter((one) => one === index).length }));
  const named = counts.filter(({ count }) => count > 0).map(({ count, kind }) => `${count} ${kind}`);
  const [, sign] = KINDS[Math.min(...ranks)] ?? [];
  const urgent = results.filter(hasAlarm).length;
  const first = urgent > 0 ? `Act at once for ${countOfClients(urgent)}, named first below. ` : '';
  return `${sign ?? '✅'} ${first}${countOfClients(results.length)}: ${named.join(', ') || 'none in this shard'}.${firstDeadline(results)}`;
}

/** `1 client`, `2 clients`. */
export function countOfClients(count: number): string {
  return count === 1 ? '1 client' : `${count} clients`;
}

/** The day on which the first key of those that failed expires. */
function firstDeadline(results: readonly RunResult[]): string {
  const failed = results.filter((result) => result.error !== undefined && !hasAlarm(result));
  const ends = failed.flatMap((result) => {
    const at = deadline(result);
    const { observed } = result;
    return at === undefined
      ? []
      : [{ at, isOver: at <= (observed?.now ?? 0), isUnread: observed === undefined }];
  });
  if (ends.length === 0) return '';
  const over = ends.filter(({ isOver }) => isOver);
  const at = Math.min(...(over.length > 0 ? over : ends).map((end) => end.at));
  const first = longDay(at);
  if (over.length > 0) return ` Act at once: the key of a client that failed expired on ${first}.`;
  // Without an observation no clock can be trusted.
  return ends.some((end) => end.isUnread && end.at === at)
    ? ` Act before ${first}, when the first key of a client that failed expires, or at once if that day has passed.`
    : ` Act before ${first}, when the first key of a client that failed expires.`;
}

function summary(worstFirst: readonly RunResult[], helpUrl: (code: string) => string): string {
  const shared = sharedWarnings(worstFirst).slice(0, ANNOTATIONS);
  const notes = shared.map(
    ({ message, results }) => `> ${plain(namesOf(results))}: ${shortened(inert(message))}\n`,
  );
  const begin = `## ${headline(worstFirst)}\n`;
  const sharedNotes = ['', ...notes].join('\n');
  const shown = new Set(shared.map(({ message }) => message));
  const table = bounded(worstFirst.map(tableRow), TABLE);
  const details = bounded(
    worstFirst.map((result) => detailsOf(result, shown, helpUrl)).filter((text) => text !== ''),
    SUMMARY - size(begin) - size(sharedNotes) - size(table.text),
  );
  return [
    begin,
    worstFirst.length === 0
      ? ''
      : '| Client | | Why | Expires | Next rotation |\n| --- | --- | --- | --- | --- |',
    table.text,
    table.left > 0
      ? `\n${table.left} more clients have no row, since the summary has reached its longest size.\n`
      : '',
    sharedNotes,
    details.text,
    details.left > 0
      ? `\nDetails of ${details.left} more clients were left out, since the summary has reached its longest size.\n`
      : '',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Keeps as many of the first texts as fit. */
function bounded(texts: readonly string[], most: number): { text: string; left: number } {
  const kept: string[] = [];
  let used = 0;
  for (const text of texts) {
    used += size(text) + 1;
    if (used > most) break;
    kept.push(text);
  }
  return { text: kept.join('\n'), left: texts.length - kept.length };
}

function size(text: string): number {
  return Buffer.byteLength(text);
}

function tableRow(result: RunResult): string {
  const { error, plan } = result;
  const [kind, sign] = KINDS[rank(result)] ?? ['', ''];
  const next = nextRotation(result);
  const notAfter = entryOf(result)['not-after'];
  const why = plan === undefined || plan.reason === 'NotDue' ? '–' : reasonName(plan.reason);
  return row([
    nameOf(result),
    `${sign} ${kind}${hasAlarm(result) ? ', ACT AT ONCE' : ''}`,
    error ? `\`${error.code}\`` : why,
    notAfter === '' ? '–' : unbroken(Date.parse(notAfter)),
    next === undefined ? '–' : unbroken(next),
  ]);
}

/** Folded details below the table. */
function detailsOf(result: RunResult, shown: ReadonlySet<string>, helpUrl: (code: string) => string): string {
  const { error, outcome, plan, readOnly } = result;
  const steps = readOnly
    ? (plan?.steps ?? []).map((step) => `1. ${plain(describeStep(step))}`)
    : (outcome?.steps ?? []).map(doneLine);
  const notes = fleetWarnings(result)
    .filter(({ message }) => !shown.has(message))
    .map(({ message }) => `> ${inert(message)}\n`);
  const expiry = expirySentence(result);
  const lines = [...(error ? failureLines(error, expiry, helpUrl) : []), ...notes, ...steps];
  if (lines.length === 0 || (error?.code === 'CANARY_FAILED' && !hasAlarm(result))) return '';
  const open = error ? ' open' : '';
  return `\n<details${open}><summary>${textOf(result)}</summary>\n\n${lines.join('\n')}\n\n</details>`;
}

function failureLines(error: RotationError, expiry: string, helpUrl: (code: string) => string): string[] {
  const stateNow = `**What is true now.** ${inert(error.stateNow)}\n`;
  const failure = [
    `**What failed.** ${inert(error.failed)}${expiry}\n`,
    `**What to do.** ${inert(`${error.remedy}${inManifest(error.remedy)}`)} [More about ${error.code}](${helpUrl(error.code)}).\n`,
  ];
  return [
    ...(error.alarm ? [`**Alarm:** ${inert(error.alarm)}.\n`] : []),
    ...(error.beginsWithState ? [stateNow, ...failure] : [...failure, stateNow]),
  ];
}

/** A message says what to do in a workflow of one client. This adds how to do the same with a manifest. */
function inManifest(advice: string): string {
  const force = /with force: true/.test(advice) ? FORCE : '';
  return `${force}${advice.includes('current-credential') ? CURRENT : ''}`;
}

function fleetWarnings(result: RunResult): Annotation[] {
  return annotationsOf(result).map((one) => ({
    ...one,
    message: `${one.message}${inManifest(one.message)}`,
  }));
}

const FORCE =
  ' With a manifest, start it for this client alone, with its client id as shard (the form of fleet-one-job.yml). Never tick force for the whole workflow: it rotates every client.';
const CURRENT =
  ' With a manifest, current-credential is current-credential-env in the entry of this client, and needs a workflow of your own, since rotate-fleet.yml cannot pass it.';

/** When the key expires that consumers still log in with, as a sentence for a client that failed. Empty if that is unknown. */
function expirySentence(result: RunResult): string {
  const expiresAt = deadline(result);
  if (expiresAt === undefined) return '';
  if (result.observed === undefined) return ` The last day of the current key is ${longDay(expiresAt)}.`;
  const isOver = expiresAt <= result.observed.now;
  return ` The ${result.outcome?.rotated ? 'previous' : 'current'} key ${isOver ? 'expired' : 'expires'} on ${longDay(expiresAt)}.`;
}

interface SharedWarning extends Annotation {
  results: RunResult[];
}

/** Joins equal warnings of several clients. */
function sharedWarnings(worstFirst: readonly RunResult[], least = 2): SharedWarning[] {
  const found = new Map<string, SharedWarning>();
  for (const result of worstFirst)
    for (const warning of fleetWarnings(result)) {
      const known = found.get(warning.message);
      if (known) known.results.push(result);
      else found.set(warning.message, { ...warning, results: [result] });
    }
  return [...found.values()].filter(({ results }) => results.length >= least);
}

/** The most clients that a joint warning names. */
const NAMED = 3;

function namesOf(results: readonly RunResult[]): string {
  const names = results
    .slice(0, NAMED)
    .map(({ desired, observed }) => oneLine(observed?.client?.name) || oneLine(desired.clientId));
  const more = results.length - NAMED;
  return `Clients ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Annotates only what a person must act upon. */
function annotations(worstFirst: readonly RunResult[], helpUrl: (code: string) => string): Annotation[] {
  const failed = worstFirst.flatMap((result): Annotation[] => {
    const { error, desired, observed } = result;
    if (error === undefined || (wasSkipped(error, result.outcome) && !hasAlarm(result))) return [];
    const name = oneLine(observed?.client?.name);
    const id = `client ${desired.clientId}`;
    const who = name === '' ? `${id} (${placeOf(result)})` : `${name}, ${id}`;
    const hint = inManifest(error.remedy);
    const message = `${error.message}${hint}${expirySentence(result)} More: ${helpUrl(error.code)}`;
    return [{ level: 'error', title: `${error.code}: ${who}`, message }];
  });
  const warned = sharedWarnings(worstFirst, 1).map(({ results, title, ...rest }) => ({
    ...rest,
    title: results.length > 1 ? namesOf(results) : title,
  }));
  return [...limited(failed), ...limited(warned)];
}

function limited(list: readonly Annotation[]): Annotation[] {
  const [first] = list;
  const left = list.length - ANNOTATIONS;
  if (!first || left <= 0) return [...list];
  const rest = {
    ...first,
    title: 'More clients',
    message: `And ${left} more: the summary of this job has them.`,
  };
  return [...list.slice(0, ANNOTATIONS), rest];
}

function fleetOutputs(
  results: readonly RunResult[],
  worstFirst: readonly RunResult[],
): Record<string, string> {
  const empty = Object.fromEntries(OUTPUT_NAMES.map((name) => [name, '']));
  const dates = results.flatMap((result) => nextRotation(result) ?? []);
  const due = results.filter(({ plan, readOnly }) => readOnly && plan && plan.steps.length > 0);
  return {
    ...empty,
    rotated: `${results.some(({ outcome }) => outcome?.rotated)}`,
    'removed-credential-ids': JSON.stringify(results.flatMap(({ outcome }) => outcome?.removed ?? [])),
    'next-rotation': dates.length === 0 ? '' : iso(Math.min(...dates)),
    plan: 'null',
    result: resultEntries(worstFirst),
    matrix: JSON.stringify(shardsOf(due.map(({ desired }) => desired.clientId))),
  };
}

/** One entry per client, worst first. A last entry counts those that do not fit. */
function resultEntries(worstFirst: readonly RunResult[]): string {
  const entries = worstFirst.map((result) => JSON.stringify(entryOf(result)));
  const { left } = bounded(entries, RESULT);
  const kept = left === 0 ? entries : [...entries.slice(0, -left), JSON.stringify({ 'left-out': left })];
  return `[${kept.join(',')}]`;
}
