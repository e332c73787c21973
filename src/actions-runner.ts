/** Talks to the GitHub runner: masks, groups, outputs, annotations, summary. */

import { readFile as readFileOf } from 'node:fs/promises';
import * as core from '@actions/core';
import { masksFor } from './certificate/masks.ts';
import type { RotationError } from './errors.ts';
import type { Report } from './model/run-result.ts';

/** GitHub shows ten errors of a step. One of them is the error itself. */
const MOST_LOCATED = 9;

/** Call before anything that could show the secret. */
export function mask(secret: string, shortest?: number): void {
  for (const text of masksFor(secret, shortest)) core.setSecret(text);
}

/** Terminals, the runner and Markdown act on these characters: C0 (such as ESC), DEL, C1 (such as U+009B and U+0085) and line separators. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+/g;
/** These characters change the order in which text is shown. */
const BIDIRECTIONAL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Removes control characters, which a server, a user of the tenant or a manifest may have put in. Line feeds and tabs stay. */
function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(CONTROLS, ' ').replace(BIDIRECTIONAL, '');
}

/** One line that is not a command to the runner: no `::` at the start and no `##[` anywhere (actions/runner, ActionCommand.cs). */
function line(text: string): string {
  return printable(text)
    .replace(/\n+/g, ' ')
    .replace(/^\s*::/, ': :')
    .replaceAll('##[', '# #[');
}

const ANNOTATE = { error: core.error, warning: core.warning, notice: core.notice };

function annotate(
  level: keyof typeof ANNOTATE,
  message: string,
  { title, ...where }: core.AnnotationProperties & { title: string },
): void {
  ANNOTATE[level](line(message), { title: line(title), ...where });
}

/** One line of the log. */
export function info(text: string): void {
  core.info(line(text));
}

/** Writes only with debug logging, since the runner drops these lines otherwise. */
export function debug(message: string): void {
  if (core.isDebug()) core.debug(line(message));
}

let isOpen = false;

/** Begins a phase of the run as a folded group of the log. Without a name it only ends the last one. */
export function phase(name?: string): void {
  if (isOpen) core.endGroup();
  isOpen = name !== undefined;
  if (name !== undefined) core.startGroup(line(name));
}

/** The address that explains an error code, for the version of the action that runs. */
export function helpUrl(code: string): string {
  const {
    GITHUB_ACTION_REF,
    GITHUB_ACTION_REPOSITORY,
    GITHUB_SERVER_URL = 'https://github.com',
  } = process.env;
  const path = `docs/troubleshooting.md#${code.toLowerCase()}`;
  // An action used from a checkout (`uses: ./`) has no repository.
  return GITHUB_ACTION_REPOSITORY
    ? `${GITHUB_SERVER_URL}/${GITHUB_ACTION_REPOSITORY}/blob/${GITHUB_ACTION_REF || 'main'}/${path}`
    : path;
}

/** Writes outputs, annotations, summary and headline. */
export async function publish({ annotations, headline, outputs, summary }: Report): Promise<void> {
  phase('Report');
  for (const { level, message, title } of annotations) annotate(level, message, { title });
  try {
    for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value);
    if (process.env.GITHUB_STEP_SUMMARY) await core.summary.addRaw(printable(summary), true).write();
  } finally {
    phase();
    info(headline);
  }
}

/** Reads a file of the workspace, which an earlier step checked out. @throws Error with a `code` */
export function readFile(path: string): Promise<string> {
  return readFileOf(path, 'utf8');
}

/** Writes lines as a folded group. */
export function group(name: string, lines: readonly string[]): void {
  core.startGroup(line(name));
  for (const one of lines) info(one);
  core.endGroup();
}

/** Fails the step. The message says what failed, what to do, and what is true now. */
export function fail(error: RotationError): void {
  process.exitCode = 1;
  for (const { column, file, line: startLine, message } of error.located.slice(0, MOST_LOCATED))
    annotate('error', message, { title: error.code, file, startLine, startColumn: column });
  annotate('error', `${error.message} More: ${helpUrl(error.code)}`, { title: error.code });
}
