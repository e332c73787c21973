/** What happened → outputs, job summary, annotations. Pure text. */

import type { RotationError } from './errors.ts';
import { printDestination, printPlace } from './github/destination.ts';
import { quote } from './http/json.ts';
import type { Outcome } from './job.ts';
import type { Plan } from './plan.ts';
import type { PlannedCredential } from './rotation/draft.ts';
import type { State } from './rotation/state.ts';
import { describeStep, notation } from './rotation/step.ts';
import { CREDENTIAL_TYPES, DAY, type Wish } from './rotation/wish.ts';

/** One client's run, as far as it came. */
export interface Account {
  /** Nothing was changed: it was asked only what would be done. */
  planOnly: boolean;
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

/** @param explanationOf where a code is explained, as a link */
export function report(account: Account, explanationOf: (code: string) => string): Report {
  return {
    outputs: outputs(account),
    annotations: annotations(account),
    summary: summary(account, explanationOf),
    headline: headline(account),
  };
}

function outputs(account: Account): Record<string, string> {
  const { plan, outcome, wish, error } = account;
  const held = heldNow(account);
  const entry = {
    'client-id': outcome?.clientId ?? wish.clientId,
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
        ...entry,
        ...(error ? { error: { code: error.code, message: error.message } } : {}),
      },
    ]),
    matrix: '[]',
  };
}

/** Undefined where a rotation was due and failed: then it is overdue. */
function nextRotation({ planOnly, outcome, plan }: Account): number | undefined {
  const hypothetical = plan?.rotates && !planOnly && !outcome?.rotated;
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
    return { id, thumbprint, notBefore: iso(notBefore?.getTime()), notAfter: iso(notAfter?.getTime()) };
  }
  const current = plan?.credentials.find(({ stage }) => stage === 'current');
  if (!current || outcome?.removed.includes(current.id)) return undefined;
  const exact = wish.current?.identity === current.identity ? wish.current : undefined;
  const known = wish.method === 'tls_client_auth' ? '' : (current.identity ?? '');
  return {
    id: current.id,
    thumbprint: exact?.thumbprint ?? known,
    notBefore: iso(exact?.notBefore?.getTime()),
    notAfter: iso(current.expiresAt ?? exact?.notAfter?.getTime()),
  };
}

function annotations(account: Account): Annotation[] {
  const { plan, wish } = account;
  const list: Annotation[] = (plan?.notes ?? [])
    .filter((note) => /INTERRUPTION|WARNING|superseded less than|cannot log in/.test(note))
    .map((message) => ({ level: 'warning', title: `Client ${wish.clientId}`, message }));
  const unproven = notProven(account);
  if (unproven) list.push({ level: 'warning', title: `Client ${wish.clientId}`, message: unproven });
  return list;
}

/** What must be said aloud: it was delivered, and nobody knows whether it works. */
function notProven({ outcome }: Account): string | undefined {
  if (!outcome?.rotated || outcome.proof.startsWith('proven')) return undefined;
  return outcome.proof === 'not authorized' ? NOT_AUTHORIZED : NOT_PROVEN;
}

const NOT_PROVEN =
  'The new certificate was delivered WITHOUT a proof: no mTLS token endpoint was found, or verify is off. Set mtls-domain and verify: required to have every certificate proven before it is delivered.';
const NOT_AUTHORIZED =
  'The new client was delivered WITHOUT a proof: it may not use any API yet, so that it could not get a token. Create a client grant for it in Auth0, then run once with force: true and verify: required.';

function headline(account: Account): string {
  const { error, planOnly, outcome, plan, wish } = account;
  const client = `\`${quote(account.state?.client?.name ?? wish.clientName ?? wish.clientId)}\``;
  const due = nextRotation(account);
  const next = due === undefined ? '' : ` The next rotation is due on ${day(due)}.`;
  if (error) return `❌ ${client}: ${error.code}.`;
  if (planOnly) return `📋 ${client}: ${planned(account) ?? `nothing is due.${next}`}`;
  if (outcome?.rotated) return `✅ ${client} ${rotated(account)}${next}`;
  if (plan?.reason === 'MethodDiffers')
    return `✅ ${client} uses ${wish.revertTo} again. Its consumers need the client secret.`;
  const steps = plan?.steps.length ?? 0;
  if (outcome && steps > 0)
    return `✅ ${client}: no rotation was due; ${steps} ${steps === 1 ? 'step' : 'steps'} put things in order.${next}`;
  return `✅ ${client}: nothing is due.${next}`;
}

function planned({ plan, wish }: Account): string | undefined {
  if (!plan?.rotates && plan?.reason !== 'MethodDiffers') return undefined;
  return `${PLANNED[wish.operation]} (${plan.reason}). This was only a plan.`;
}

function rotated(account: Account): string {
  const { plan, wish } = account;
  const what = wish.method === 'private_key_jwt' ? 'key' : 'certificate';
  const done = plan?.reason === 'MethodDiffers' ? 'Its consumers need it now.' : 'Nothing is to be done.';
  const todo = notProven(account) ? 'It was NOT proven.' : done;
  return `has a new ${what} (${plan?.reason}). ${todo}`;
}

const PLANNED = {
  rotate: 'a rotation is due',
  create: 'a client would be created, or its key rotated',
  enroll: 'the client would move to another method',
  revert: 'the client would go back to a client secret',
} as const;

function summary(account: Account, explanationOf: (code: string) => string): string {
  const { error, plan, wish } = account;
  const unproven = notProven(account);
  const parts = [
    `## ${headline(account)}`,
    error
      ? [
          `**What failed.** ${error.failed}`,
          `**What to do.** ${error.remedy} [More about ${error.code}](${explanationOf(error.code)}).`,
          `**What is true now.** ${error.truth}`,
        ].join('\n\n')
      : '',
    plan && !error ? `**Why:** ${plan.explanation}.` : '',
    ...(plan?.notes ?? []).map((note) => `> ${note}`),
    unproven === undefined ? '' : `> ⚠️ ${unproven}`,
    chart(account),
    credentialTable(account),
    placeTable(account),
    stepList(account),
    `<sub>Client \`${quote(account.outcome?.clientId ?? wish.clientId)}\` · run ${wish.run}</sub>`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What the client holds once the run is over. */
function credentialsAfter({
  outcome,
  plan,
  state,
  wish,
}: Account): (PlannedCredential & { label: string })[] {
  const made = outcome?.credential;
  const rest = (plan?.credentials ?? [])
    .filter(({ id }) => !outcome?.removed.includes(id) && id !== made?.id)
    .map((c) => ({ ...c, label: made && c.stage === 'current' ? 'previous' : c.stage }));
  if (!made) return rest;
  const added = {
    id: made.id,
    type: CREDENTIAL_TYPES[wish.method],
    name: undefined,
    identity: made.identity,
    createdAt: made.notBefore?.getTime() ?? state?.now ?? 0,
    expiresAt: made.notAfter?.getTime(),
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
    `| Credential | Stage | ${IDENTITIES[account.wish.method]} | Expires | Held by |`,
    '| --- | --- | --- | --- | --- |',
    ...rows.map((c) =>
      row([
        `\`${c.id}\``,
        c.label,
        c.identity ? `\`${shortened(c.identity)}\`` : '–',
        c.expiresAt ? day(c.expiresAt) : '–',
        c.heldBy.join(', ') || '–',
      ]),
    ),
  ].join('\n');
}

const IDENTITIES = {
  self_signed_tls_client_auth: 'Thumbprint',
  tls_client_auth: 'Subject',
  private_key_jwt: 'Key id',
} as const;

/** Digests are long and mean nothing; a subject does not grow that long. */
function shortened(identity: string): string {
  return /^[\w-]{43}$/.test(identity) ? `${identity.slice(0, 12)}…` : quote(identity);
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

function stepList({ outcome, plan, planOnly, wish }: Account): string {
  if (outcome && outcome.steps.length > 0) {
    const done = outcome.steps.map(
      ({ text, milliseconds }) => `1. ${text} (${(milliseconds / 1000).toFixed(1)} s)`,
    );
    const proof = outcome.rotated
      ? [
          `\nProof ${wish.method === 'private_key_jwt' ? 'by client assertion' : 'over mTLS'}: **${outcome.proof}**.`,
        ]
      : [];
    return ['### What was done', ...done, ...proof].join('\n');
  }
  if (!planOnly || !plan || plan.steps.length === 0) return '';
  return [
    `### What ${wish.operation} would do`,
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
