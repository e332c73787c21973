/** The issue of a watched client: its text, and whether to open, edit or close it. Pure. */

import { createHash } from 'node:crypto';
import type { Issue, IssueFields } from '../github/issues.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { type Finding, findingTable } from '../model/finding.ts';
import { code, row, shortenedList } from '../model/markdown.ts';
import { ownerOf } from '../model/ownership.ts';

/** The watch finds issues by this label and identifies its own by the tag in the body. */
export const LABEL = 'auth0-mtls-rotation';

export type IssueChange =
  | { kind: 'open'; title: string; body: string }
  /** `done` tells the log what happened to the issue, such as `was closed`. */
  | { kind: 'edit'; number: number; fields: IssueFields; comment: string | undefined; done: string };

/**
 * What to do with the issues of this client. An issue that a person closed stays closed until the findings change; that all was well in
 * between is a change, too.
 * @param found all issues with our label
 * @param runUrl the run that made the findings
 */
export function changesOf(
  found: readonly Issue[],
  desired: DesiredState,
  findings: readonly Finding[],
  runUrl: string,
): IssueChange[] {
  const ours = found
    .filter(({ body }) => tagIn(body)?.client === clientTag(desired))
    .sort((a, b) => a.number - b.number);
  const open = ours.filter(({ state }) => state === 'open');
  const [kept, ...younger] = open;
  // Two watches at the same time may each have opened an issue.
  const duplicates = younger.map((issue): IssueChange => {
    const fields: IssueFields = { ...closing(issue), state_reason: 'duplicate' };
    return edit(issue, fields, 'was closed', `Duplicate of #${kept?.number}.`);
  });
  const changes =
    findings.length > 0
      ? openOrUpdate(kept, ours[0], desired, findings, runUrl)
      : [...close(kept, runUrl), ...forget(ours)];
  return [...changes, ...duplicates];
}

function openOrUpdate(
  open: Issue | undefined,
  former: Issue | undefined,
  desired: DesiredState,
  findings: readonly Finding[],
  runUrl: string,
): IssueChange[] {
  const issue = open ?? former;
  const digest = digestOf(findings.map(({ key, todo, what }) => [key, what, todo]));
  const title = `Auth0 client ${desired.clientId}: its credential needs attention`;
  const body = [printTag(clientTag(desired), digest), ...textOf(desired, findings, runUrl)].join('\n');
  if (issue === undefined) return [{ kind: 'open', title, body }];
  if (tagIn(issue.body)?.findings === digest) return [];
  if (open) return [edit(issue, { body }, 'was updated')];
  return [edit(issue, { body, state: 'open', state_reason: 'reopened' }, 'was opened again')];
}

function close(open: Issue | undefined, runUrl: string): IssueChange[] {
  if (open === undefined) return [];
  const fields: IssueFields = { ...closing(open), state_reason: 'completed' };
  return [edit(open, fields, 'was closed', `All is well again, says ${link(runUrl)}.`)];
}

/** What a person closed does not stay closed for the same findings if they come back. */
function forget(ours: readonly Issue[]): IssueChange[] {
  const closed = ours.filter(({ body, state }) => state !== 'open' && tagIn(body)?.findings !== NONE);
  return closed.map((issue) =>
    edit(issue, { body: withoutFindings(issue) }, 'stays closed until something is found again'),
  );
}

function edit({ number }: Issue, fields: IssueFields, done: string, comment?: string): IssueChange {
  return { kind: 'edit', number, fields, comment, done };
}

function closing(issue: Issue): IssueFields {
  return { state: 'closed', body: withoutFindings(issue) };
}

/** The body with no findings in its tag, so that the same findings open the issue again. */
function withoutFindings({ body }: Issue): string {
  return body.replace(TAG, (_, client: string) => printTag(client, NONE));
}

/** Bytes of the rows. GitHub refuses a body of more than 65,536 characters (docs/facts.md#github-issue-size). */
const LONGEST_TABLE = 60_000;

function textOf(desired: DesiredState, findings: readonly Finding[], runUrl: string): string[] {
  const table = findingTable(findings).split('\n');
  const rest = (count: number) => row(['', `… and ${count} more`, `They are in ${link(runUrl)}.`]);
  return [
    `The watch of the Auth0 client ${code(desired.clientId)} has found this (${link(runUrl)}):`,
    '',
    // The last line, which is kept, is the blank one after the table.
    ...shortenedList([...table, ''], rest, LONGEST_TABLE),
    `<sub>Updated when the findings change, and closed when all is well. Close it to ignore these findings. The watch finds it by its label.</sub>`,
  ];
}

function link(runUrl: string): string {
  return `[this run](${runUrl})`;
}

const NONE = 'none';
const TAG = /<!-- auth0-mtls-rotation watch=([0-9a-f]{32}) findings=([0-9a-f]{32}|none) -->/;

function tagIn(body: string): { client: string; findings: string } | undefined {
  const match = TAG.exec(body);
  return match ? { client: `${match[1]}`, findings: `${match[2]}` } : undefined;
}

function printTag(client: string, findings: string): string {
  return `<!-- auth0-mtls-rotation watch=${client} findings=${findings} -->`;
}

/** Each client and each workflow that rotates it has an issue of its own. */
function clientTag(desired: DesiredState): string {
  return digestOf([desired.clientId, ownerOf(desired)]);
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
