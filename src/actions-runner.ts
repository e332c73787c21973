/** How the action speaks to the GitHub runner: masks, groups, outputs, annotations, summary. */

import { readFile as readFileOf } from 'node:fs/promises';
import * as core from '@actions/core';
import { masksFor } from './certificate/masks.ts';
import type { RotationError } from './errors.ts';
import type { Report } from './model/run-result.ts';

/** GitHub shows ten errors of a step: one is the whole. */
const MOST_LOCATED = 9;
/** Call before anything that could show the secret. */
export function mask(secret: string, shortest?: number): void {
  for (const text of masksFor(secret, shortest)) core.setSecret(text);
}

const ANNOTATE = { error: core.error, warning: core.warning, notice: core.notice };

/** One line, which is no command to the runner (`::` where it begins, `##[` anywhere), whatever a server has put into it. */
export function info(line: string): void {
  core.info(
    line
      .replace(/[\r\n\u2028\u2029]+/g, ' ')
      .replace(/^\s*::/, ': :')
      .replaceAll('##[', '# #['),
  );
}

/** Without debug logging the runner drops these lines: then they are not written either. */
export function debug(message: string): void {
  if (core.isDebug()) core.debug(message);
}

let isOpen = false;

/** Begins a stage of the road: the runner folds its lines into a group. Without a name the last one ends. */
export function stage(name?: string): void {
  if (isOpen) core.endGroup();
  isOpen = name !== undefined;
  if (name !== undefined) core.startGroup(name);
}

/** Where an error code is explained, in the version of the action that runs. */
export function explanationOf(code: string): string {
  const {
    GITHUB_ACTION_REF,
    GITHUB_ACTION_REPOSITORY,
    GITHUB_SERVER_URL = 'https://github.com',
  } = process.env;
  const path = `docs/troubleshooting.md#${code.toLowerCase()}`;
  // An action that is used from its own checkout has no repository.
  return GITHUB_ACTION_REPOSITORY
    ? `${GITHUB_SERVER_URL}/${GITHUB_ACTION_REPOSITORY}/blob/${GITHUB_ACTION_REF || 'main'}/${path}`
    : path;
}

/** Writes everything that outlives the process, and fails the step where something failed. */
export async function publish(report: Report): Promise<void> {
  for (const [name, value] of Object.entries(report.outputs)) core.setOutput(name, value);
  for (const { level, title, message } of report.annotations) ANNOTATE[level](message, { title });
  if (process.env.GITHUB_STEP_SUMMARY) await core.summary.addRaw(report.summary, true).write();
}

/** A file of the workspace, which an earlier step has checked out. @throws Error with a `code` */
export function readFile(path: string): Promise<string> {
  return readFileOf(path, 'utf8');
}

/** Lines that belong together, folded. */
export function group(name: string, lines: readonly string[]): void {
  core.startGroup(name);
  for (const line of lines) core.info(line);
  core.endGroup();
}

/** Fails the step. The message tells what failed, what to do, and what is true now. */
export function fail(error: RotationError): void {
  process.exitCode = 1;
  for (const { column, file, line, message } of error.located.slice(0, MOST_LOCATED))
    core.error(message, { title: error.code, file, startLine: line, startColumn: column });
  core.error(`${error.message} More: ${explanationOf(error.code)}`, { title: error.code });
}
