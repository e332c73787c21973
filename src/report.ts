/** What happened → outputs, job summary, annotations. Pure text. */

import type { Outcome } from './apply.ts';
import type { RotationError } from './errors.ts';
import { printDestination, printPlace } from './github/destination.ts';
import { quote } from './http/json.ts';
import type { Plan } from './plan.ts';
import type { PlannedCredential } from './rotation/draft.ts';
import type { State } from './rotation/state.ts';
import { describeStep, notation } from './rotation/step.ts';
import { DAY, type Wish } from './rotation/wish.ts';

/** One client's run, as far as it came. */
export interface Account {
  operation: 'rotate' | 'plan';
  wish: Wish;
  state?: State;
  plan?: Plan;
  outcome?: Outcome;
  error?: RotationError;
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

export function report(account: Account): Report {
  return {
    outputs: outputs(account),
    annotations: annotations(account),
    summary: summary(account),
    headline: headline(account),
  };
}

function outputs(account: Account): Record<string, string> {
  const { plan, outcome, wish, error } = account;
  const held = heldNow(account);
  const entry = {
    rotated: outcome?.rotated ?? false,
    reason: plan?.reason ?? '',
    'credential-id': held?.id ?? '',
    thumbprint: held?.thumbprint ?? '',
    'not-before': held?.notBefore ?? '',
    'not-after': held?.notAfter ?? '',
    'removed-credential-ids': outcome?.removed ?? [],
    'next-rotation': iso(nextRotation(account)),
  };
  const told = plan && {
    reason: plan.reason,
    explanation: plan.explanation,
    steps: plan.steps.map(describeStep),
    notes: plan.notes,
  };
  return {
    ...entry,
    rotated: `${entry.rotated}`,
    'removed-credential-ids': JSON.stringify(entry['removed-credential-ids']),
    plan: JSON.stringify(told ?? null),
    result: JSON.stringify([
      {
        'client-id': wish.clientId,
        ...entry,
        ...(error ? { error: { code: error.code, message: error.message } } : {}),
      },
    ]),
    matrix: '[]',
  };
}

/** Undefined where a rotation was due and failed: then it is overdue. */
function nextRotation({ operation, outcome, plan }: Account): number | undefined {
  const hypothetical = plan?.rotates && operation !== 'plan' && !outcome?.rotated;
  return hypothetical ? undefined : plan?.nextRotation;
}

interface Held {
  id: string;
  thumbprint: string;
  notBefore: string;
  notAfter: string;
}

/** What the destinations hold after the run. */
function heldNow({ outcome, plan, wish }: Account): Held | undefined {
  const made = outcome?.credential;
  if (made) {
    const { id, thumbprint, notBefore, notAfter } = made;
    return { id, thumbprint, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() };
  }
  const current = plan?.credentials.find(({ stage }) => stage === 'current');
  if (!current) return undefined;
  const exact = wish.current?.thumbprint === current.thumbprint ? wish.current : undefined;
  return {
    id: current.id,
    thumbprint: current.thumbprint ?? '',
    notBefore: exact?.notBefore.toISOString() ?? '',
    notAfter: iso(current.expiresAt),
  };
}

function annotations(account: Account): Annotation[] {
  const { plan, outcome, wish } = account;
  const list: Annotation[] = (plan?.notes ?? [])
    .filter((note) => /INTERRUPTION|superseded less than|cannot log in/.test(note))
    .map((message) => ({ level: 'warning', title: `Client ${wish.clientId}`, message }));
  if (outcome?.rotated && outcome.proof === 'not proven') {
    list.push({ level: 'warning', title: `Client ${wish.clientId}`, message: NOT_PROVEN });
  }
  return list;
}

const NOT_PROVEN =
  'The new certificate was delivered WITHOUT a proof: no mTLS token endpoint was found, or verify is off. Set mtls-domain and verify: required to have every certificate proven before it is delivered.';

function headline(account: Account): string {
  const { error, operation, outcome, plan, wish } = account;
  const client = `\`${quote(account.state?.client.name ?? wish.clientId)}\``;
  const due = nextRotation(account);
  const next = due === undefined ? '' : ` The next rotation is due on ${day(due)}.`;
  if (error) return `❌ ${client}: ${error.code}.`;
  if (operation === 'plan') {
    return plan?.rotates
      ? `📋 ${client}: a rotation is due (${plan.reason}). This was only a plan.`
      : `📋 ${client}: nothing is due.${next}`;
  }
  if (outcome?.rotated)
    return `✅ ${client} has a new certificate (${plan?.reason}). Nothing is to be done.${next}`;
  if (outcome && plan && plan.steps.length > 0)
    return `✅ ${client}: no rotation was due; ${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'} put things in order.${next}`;
  return `✅ ${client}: nothing is due.${next}`;
}

function summary(account: Account): string {
  const { error, plan, wish } = account;
  const parts = [
    `## ${headline(account)}`,
    error
      ? [
          `**What failed.** ${error.failed}`,
          `**What to do.** ${error.remedy}`,
          `**What is true now.** ${error.truth}`,
        ].join('\n\n')
      : '',
    plan && !error ? `**Why:** ${plan.explanation}.` : '',
    ...(plan?.notes ?? []).map((note) => `> ${note}`),
    account.outcome?.rotated && account.outcome.proof === 'not proven' ? `> ⚠️ ${NOT_PROVEN}` : '',
    chart(account),
    credentialTable(account),
    placeTable(account),
    stepList(account),
    `<sub>Client \`${quote(wish.clientId)}\` · run ${wish.run}</sub>`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What the client holds once the run is over. */
function credentialsAfter({ outcome, plan }: Account): (PlannedCredential & { label: string })[] {
  const made = outcome?.credential;
  const rest = (plan?.credentials ?? [])
    .filter(({ id }) => !outcome?.removed.includes(id))
    .map((c) => ({ ...c, label: made && c.stage === 'current' ? 'previous' : c.stage }));
  if (!made) return rest;
  const added = {
    id: made.id,
    type: 'x509_cert' as const,
    name: undefined,
    thumbprint: made.thumbprint,
    createdAt: made.notBefore.getTime(),
    expiresAt: made.notAfter.getTime(),
    stage: 'current' as const,
    associated: true,
    heldBy: outcome.delivered,
    label: 'current (new)',
  };
  return [added, ...rest.map((c) => ({ ...c, heldBy: [] }))];
}

function chart(account: Account): string {
  const rows = credentialsAfter(account).filter((c) => c.associated && c.expiresAt !== undefined);
  if (rows.length === 0) return '';
  const next = nextRotation(account);
  const lines = rows.map((c) => {
    const state = c.stage === 'current' ? (c.label === 'previous' ? 'done, ' : 'active, ') : 'done, ';
    return `    ${c.label} ${c.id.slice(0, 12)} :${state}${day(c.createdAt)}, ${day(Math.max(c.expiresAt ?? 0, c.createdAt + DAY))}`;
  });
  return [
    '```mermaid',
    'gantt',
    '    dateFormat YYYY-MM-DD',
    '    axisFormat %d %b',
    '    section Credentials',
    ...lines,
    ...(next === undefined ? [] : ['    section Plan', `    next rotation :milestone, ${day(next)}, 0d`]),
    '```',
  ].join('\n');
}

function credentialTable(account: Account): string {
  const rows = credentialsAfter(account);
  if (rows.length === 0) return '';
  return [
    '| Credential | Stage | Thumbprint | Expires | Held by |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((c) =>
      row([
        `\`${c.id}\``,
        c.label,
        c.thumbprint ? `\`${c.thumbprint.slice(0, 12)}…\`` : '–',
        c.expiresAt ? day(c.expiresAt) : '–',
        c.heldBy.join(', ') || '–',
      ]),
    ),
  ].join('\n');
}

function placeTable({ state, outcome }: Account): string {
  if (!state) return '';
  const stored = new Set(outcome?.delivered);
  return [
    '| Destination | Secret | Before this run | Now |',
    '| --- | --- | --- | --- |',
    ...state.secrets.map(({ place, times }) =>
      row([
        printDestination(place.destination),
        `\`${place.secretName}\``,
        typeof times === 'string' ? times : `written ${day(times.updatedAt)}`,
        stored.has(printPlace(place)) ? '**stored**' : 'unchanged',
      ]),
    ),
  ].join('\n');
}

function stepList({ outcome, plan, operation }: Account): string {
  if (outcome && outcome.steps.length > 0) {
    const done = outcome.steps.map(
      ({ text, milliseconds }) => `1. ${text} (${(milliseconds / 1000).toFixed(1)} s)`,
    );
    const proof = outcome.rotated ? [`\nProof over mTLS: **${outcome.proof}**.`] : [];
    return ['### What was done', ...done, ...proof].join('\n');
  }
  if (operation !== 'plan' || !plan || plan.steps.length === 0) return '';
  return [
    '### What a rotation would do',
    ...plan.steps.map((step) => `1. ${describeStep(step)}`),
    '',
    `\`${notation(plan.steps)}\``,
  ].join('\n');
}

/** A cell must not break the table. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/[\r\n]+/g, ' ')).join(' | ')} |`;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function iso(at: number | undefined): string {
  return at === undefined || !Number.isFinite(at) ? '' : new Date(at).toISOString();
}
