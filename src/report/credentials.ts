/** Shows the client's credentials after the run, as a chart of their validity and as a table. */

import { CREDENTIAL_TYPES, currentFactsOf, type DesiredState } from '../model/desired-state.ts';
import { code, day, oneLine, row, unbroken } from '../model/markdown.ts';
import type { PlannedCredential, Stage } from '../model/plan.ts';
import type { RunResult } from '../model/run-result.ts';
import { DAY } from '../model/timing.ts';
import { nextRotation } from './headline.ts';

type Shown = Omit<PlannedCredential, 'whyKept'> & { label: string };

/** The client's credentials after the run. */
function credentialsAfter(result: RunResult): Shown[] {
  const { outcome, plan, observed, desired } = result;
  const made = outcome?.credential;
  const now = observed?.now ?? 0;
  const delivered = outcome?.delivered ?? [];
  const rest = (plan?.credentials ?? []).filter(
    ({ id }) => !outcome?.removed.includes(id) && id !== made?.id,
  );
  if (!made) return rest.map((c) => fromBefore(c, delivered, desired));
  const added: Shown = {
    id: made.id,
    type: CREDENTIAL_TYPES[desired.method],
    name: undefined,
    identity: made.identity,
    createdAt: now,
    expiresAt: made.notAfter?.getTime(),
    stage: 'current',
    associated: true,
    heldBy: delivered,
    overlapEnd: undefined,
    label: 'new',
  };
  const complete = result.error === undefined;
  const others = rest.map((c) => ({
    ...c,
    label: c.stage === 'current' || (complete && SUPERSEDED.includes(c.stage)) ? 'previous' : c.stage,
    heldBy: without(c.heldBy, delivered),
  }));
  return [added, ...others];
}

/** For a credential from before the run, which may have been delivered to more locations. */
function fromBefore(c: PlannedCredential, delivered: readonly string[], desired: DesiredState): Shown {
  if (c.stage !== 'current') return { ...c, label: c.stage, heldBy: without(c.heldBy, delivered) };
  const { notAfter, notBefore } = currentFactsOf(c.identity, desired) ?? {};
  return {
    ...c,
    label: c.stage,
    // The record of a subject DN may be older than its certificate and has no expiry.
    createdAt: c.expiresAt === undefined ? (notBefore?.getTime() ?? c.createdAt) : c.createdAt,
    expiresAt: c.expiresAt ?? notAfter?.getTime(),
    heldBy: [...new Set([...c.heldBy, ...delivered])],
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
        heldByCell(c.heldBy),
      ]),
    ),
  ].join('\n');
}

function heldByCell(locations: readonly string[]): string {
  const destinations = [
    ...new Set(locations.map((location) => location.slice(0, location.lastIndexOf(' ')))),
  ];
  const shown = destinations.slice(0, SHOWN_DESTINATIONS).map(code).join(', ');
  const more = destinations.length - SHOWN_DESTINATIONS;
  return more > 0 ? `${shown} and ${more} more` : shown || '–';
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
