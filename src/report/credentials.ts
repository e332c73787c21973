/** Shows the client's credentials after the run, as a chart of their validity and as a table. */

import { CREDENTIAL_TYPES, currentFactsOf } from '../model/desired-state.ts';
import { code, day, oneLine, row, unbroken } from '../model/markdown.ts';
import type { PlannedCredential, Stage } from '../model/plan.ts';
import type { RunResult } from '../model/run-result.ts';
import { describeStep } from '../model/step.ts';
import { DAY } from '../model/timing.ts';
import { nextRotation } from './headline.ts';
import { isPrimaryInDoubt } from './outputs.ts';

type Shown = Omit<PlannedCredential, 'whyKept'> & { label: string };

/** The client's credentials after the run. */
function credentialsAfter(result: RunResult): Shown[] {
  const { outcome, plan } = result;
  const made = outcome?.credential;
  const delivered = outcome?.delivered ?? [];
  const associated = associatedAfter(result);
  const rest = (plan?.credentials ?? [])
    .filter(({ id }) => !outcome?.removed.includes(id) && id !== made?.id)
    .map((c) => ({ ...c, associated: associated.includes(c.id) }));
  const added = newCredential(result);
  if (!made) return [...added, ...rest.map((c) => fromBefore(c, result))];
  const complete = result.error === undefined;
  const others = rest.map((c) => ({
    ...c,
    label: c.stage === 'current' || (complete && SUPERSEDED.includes(c.stage)) ? 'previous' : c.stage,
    heldBy: without(c.heldBy, delivered),
  }));
  return [...added, ...others];
}

/** The new credential, also if only a primary in doubt may hold it. Then the outcome has no facts about it. */
function newCredential(result: RunResult): Shown[] {
  const { desired, observed, outcome, plan } = result;
  const made = outcome?.credential;
  const mayBeHeld = isPrimaryInDoubt(result) && plan?.reuses === undefined;
  if (!outcome || !(made || mayBeHeld)) return [];
  return [
    {
      id: made?.id ?? 'the new credential',
      type: CREDENTIAL_TYPES[desired.method],
      name: undefined,
      identity: made?.identity,
      createdAt: observed?.now ?? 0,
      expiresAt: made?.notAfter?.getTime(),
      stage: 'current',
      associated: true,
      heldBy: [...outcome.delivered, ...outcome.inDoubt],
      overlapEnd: undefined,
      label: 'new',
    },
  ];
}

/** Which of the credentials from before the run are associated after it, by their ids. A step that adds the new one changes none of them, and neither does its undo. */
export function associatedAfter({ observed, outcome, plan }: RunResult): readonly string[] {
  const done = new Set(outcome?.steps.filter((step) => step.outcome === 'done').map(({ text }) => text));
  const last = plan?.steps.findLast(
    (step) => step.kind === 'associate-credentials' && done.has(describeStep(step)),
  );
  return last?.kind === 'associate-credentials' ? last.to : (observed?.client?.associated ?? []);
}

/** For a credential from before the run, which may have been delivered to more locations. */
function fromBefore(c: PlannedCredential, { desired, outcome }: RunResult): Shown {
  const { delivered = [], inDoubt = [] } = outcome ?? {};
  if (c.stage !== 'current') return { ...c, label: c.stage, heldBy: without(c.heldBy, delivered) };
  const { notAfter, notBefore } = currentFactsOf(c.identity, desired) ?? {};
  return {
    ...c,
    label: c.stage,
    // The record of a subject DN may be older than its certificate and has no expiry.
    createdAt: c.expiresAt === undefined ? (notBefore?.getTime() ?? c.createdAt) : c.createdAt,
    expiresAt: c.expiresAt ?? notAfter?.getTime(),
    heldBy: [...new Set([...c.heldBy, ...delivered, ...inDoubt])],
  };
}

/** Superseded once every location holds the new one. (The one of stage `current` is superseded at once.) */
const SUPERSEDED: readonly Stage[] = ['associated', 'partly delivered'];

function without(locations: readonly string[], others: readonly string[]): string[] {
  return locations.filter((location) => !others.includes(location));
}

export function chart(result: RunResult): string {
  const rows = credentialsAfter(result)
    .filter((c) => c.associated && c.expiresAt !== undefined)
    .sort((a, b) => a.createdAt - b.createdAt);
  if (rows.length === 0) return '';
  const shown = windowOf(rows, result);
  return [
    '```mermaid',
    'gantt',
    '    dateFormat YYYY-MM-DD',
    `    axisFormat ${shown.to - shown.from > 300 * DAY ? '%b %Y' : '%d %b'}`,
    '    section Credentials',
    ...rows.flatMap((c) => bars(c, rows.at(-1)?.createdAt ?? 0, shown, result)),
    ...milestone(result),
    '```',
  ].join('\n');
}

interface Window {
  from: number;
  to: number;
}

/** Limits the chart to the time around now. Next to a bar of ten years, ninety days would be invisible. */
function windowOf(rows: readonly Shown[], result: RunResult): Window {
  const { desired, observed } = result;
  const now = observed?.now ?? 0;
  const around = 2 * Math.max(desired.validityDays, 30) * DAY;
  const ends = rows.map((c) => c.expiresAt ?? now);
  return {
    from: Math.max(Math.min(...rows.map((c) => c.createdAt)), now - around),
    to: Math.max(Math.min(Math.max(...ends), now + around), nextRotation(result) ?? 0, now),
  };
}

/**
 * A bar for the validity and, for a superseded credential, one for the overlap.
 * @param since creation of its newest successor
 */
function bars(c: Shown, since: number, shown: Window, result: RunResult): string[] {
  const { createdAt, expiresAt = 0, id, label } = c;
  const [from, to] = [Math.max(createdAt, shown.from), Math.min(expiresAt, shown.to)];
  const name = `${label} ${id.replace(/\W/g, '').slice(0, 12)}${beyond(c, shown)}`;
  const bar = `    ${name} :${c.stage === 'current' && label !== 'previous' ? 'active' : 'done'}, ${span(Math.min(from, to), to)}`;
  const now = result.observed?.now ?? 0;
  const over = Math.min(c.overlapEnd ?? nextRotation(result) ?? expiresAt, expiresAt);
  if (label !== 'previous' || over <= now) return [bar];
  return [bar, `    overlap until ${day(over)} :${span(since, over)}`];
}

/** Dates outside the chart. */
function beyond({ createdAt, expiresAt = 0 }: Shown, { from, to }: Window): string {
  const since = createdAt < from ? ` since ${day(createdAt)}` : '';
  return `${since}${expiresAt > to ? ` until ${day(expiresAt)}` : ''}`;
}

/** A bar of less than a day would be invisible. */
function span(from: number, to: number): string {
  return `${day(from)}, ${day(Math.max(to, from + DAY))}`;
}

function milestone(result: RunResult): string[] {
  const { outcome, plan, observed } = result;
  const isDue = plan?.rotates && !outcome?.rotated;
  const at = isDue ? observed?.now : nextRotation(result);
  if (at === undefined) return [];
  const what = isDue ? 'rotation is due' : `next rotation ${day(at)}`;
  return ['    section Rotation', `    ${what} :milestone, ${day(at)}, 0d`];
}

/** The most destinations in a cell. The table of destinations lists every secret. */
const SHOWN_DESTINATIONS = 3;

export function credentialTable(result: RunResult): string {
  const rows = credentialsAfter(result);
  if (rows.length === 0) return '';
  return [
    `| Credential | Stage | ${IDENTITIES[result.desired.method]} | Created | Expires | Held by |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((c) =>
      row([
        code(c.id),
        c.label,
        c.identity ? code(short(c.identity)) : '–',
        unbroken(c.createdAt),
        c.expiresAt ? unbroken(c.expiresAt) : '–',
        heldByCell(c.heldBy, result.outcome?.inDoubt ?? []),
      ]),
    ),
  ].join('\n');
}

/** @param inDoubt locations that perhaps hold it, and perhaps another one */
function heldByCell(locations: readonly string[], inDoubt: readonly string[]): string {
  const doubted = new Set(inDoubt.map(destinationOf));
  const destinations = [...new Set(locations.map(destinationOf))];
  const shown = destinations
    .slice(0, SHOWN_DESTINATIONS)
    .map((name) => `${doubted.has(name) ? 'perhaps ' : ''}${code(name)}`)
    .join(', ');
  const more = destinations.length - SHOWN_DESTINATIONS;
  return more > 0 ? `${shown} and ${more} more` : shown || '–';
}

function destinationOf(location: string): string {
  return location.slice(0, location.lastIndexOf(' '));
}

const IDENTITIES = {
  self_signed_tls_client_auth: 'Thumbprint',
  tls_client_auth: 'Subject',
  private_key_jwt: 'Key id',
} as const;

/** Shortens digests and long subjects. */
function short(identity: string): string {
  const longest = /^[\w-]{43}$/.test(identity) ? 12 : 60;
  const safe = oneLine(identity);
  return safe.length > longest ? `${safe.slice(0, longest)}…` : safe;
}
