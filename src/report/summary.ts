/** The job summary of one client, in GitHub-flavoured Markdown. */

import { printDestination, printPlace } from '../github/destination.ts';
import { quote } from '../http/json.ts';
import type { Account } from '../report.ts';
import { describeStep, notation } from '../rotation/step.ts';
import { chart, credentialTable } from './credentials.ts';
import { findingTable } from './findings.ts';
import { headline, notProven } from './headline.ts';
import { day, row } from './markdown.ts';

export function summary(account: Account, explanationOf: (code: string) => string): string {
  const { error, watch, wish } = account;
  // What a rotation would do is not what a watch is asked for.
  const plan = watch ? undefined : account.plan;
  const unproven = notProven(account);
  const parts = [
    `## ${headline(account)}`,
    error && !watch
      ? [
          `**What failed.** ${error.failed}`,
          `**What to do.** ${error.remedy} [More about ${error.code}](${explanationOf(error.code)}).`,
          `**What is true now.** ${error.truth}`,
        ].join('\n\n')
      : '',
    plan && !error ? `**Why:** ${plan.explanation}.` : '',
    ...(plan?.notes ?? []).map((note) => `> ${note}`),
    watch && watch.findings.length > 0 ? findingTable(watch.findings) : '',
    unproven === undefined ? '' : `> ⚠️ ${unproven}`,
    chart(account),
    credentialTable(account),
    placeTable(account),
    stepList(account),
    `<sub>Client \`${quote(account.outcome?.clientId ?? wish.clientId)}\` · run ${wish.run}</sub>`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
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

function stepList({ outcome, plan, planOnly, watch, wish }: Account): string {
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
  if (!planOnly || watch || !plan || plan.steps.length === 0) return '';
  return [
    `### What ${wish.operation} would do`,
    ...plan.steps.map((step) => `1. ${describeStep(step)}`),
    '',
    `\`${notation(plan.steps)}\``,
  ].join('\n');
}
