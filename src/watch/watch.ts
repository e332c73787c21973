/** The end of a watch's road: what was observed becomes findings, and these an issue. Changes nothing else. */

import { asRotationError, type ErrorCode, RotationError } from '../errors.ts';
import type { GitHubApi } from '../github/api.ts';
import { Issues } from '../github/issues.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { findShadows } from '../github/shadows.ts';
import { readWorkflow, type WorkflowFile } from '../github/workflows.ts';
import { placesOf, type Wish } from '../model/desired-state.ts';
import { type Finding, findingOf } from '../model/finding.ts';
import type { State } from '../model/observed-state.ts';
import type { Repository } from '../model/secret-location.ts';
import { weigh } from '../plan/in-use.ts';
import { plan } from '../plan/plan.ts';
import type { Account } from '../report/report.ts';
import { ofShadows, ofWorkflow } from './environment.ts';
import { isAtWork, judge, type Refusal } from './findings.ts';
import { changesOf, type IssueChange, LABEL } from './issue.ts';
import { type Life, lifeOf } from './lifetime.ts';

/** The inputs of a watch. */
export interface Watch {
  /** The token of the workflow itself. */
  token: string;
  /** The repository of this run. */
  home: Repository;
  /** The workflow that rotates; undefined: it is not looked at. */
  workflow: WorkflowFile | undefined;
  reportIssue: boolean;
  /** Page of this run. */
  runUrl: string;
}

export interface Watched {
  /** Worst first. */
  findings: readonly Finding[];
  life: Life | undefined;
  isAtWork: boolean;
}

export interface WatchEdges {
  store: SecretStore | undefined;
  /** With the token of the workflow itself. */
  api: GitHubApi;
  info: (line: string) => void;
}

/** What passes by itself: nothing is known of the client, and an open issue stays as it is. */
const PASSING: readonly ErrorCode[] = [
  'AUTH0_REQUEST_FAILED',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'GITHUB_REQUEST_FAILED',
  'INTERNAL_ERROR',
];

/** @param observed the account as far as the plan: its error is why nothing was observed, or why nothing may be done */
export async function watch(observed: Account, inputs: Watch, edges: WatchEdges): Promise<Account> {
  if (observed.error && PASSING.includes(observed.error.code)) return observed;
  const seen = await look(observed, inputs, edges);
  for (const { key, severity, what } of seen.findings) edges.info(`${severity}: ${key}: ${what}`);
  const told = inputs.reportIssue && !seen.isAtWork ? await tell(observed.wish, seen, inputs, edges) : [];
  const findings = [...seen.findings, ...told];
  return { ...observed, watch: { ...seen, findings }, error: failureOf(observed, findings) };
}

async function look({ error, state, wish }: Account, inputs: Watch, edges: WatchEdges): Promise<Watched> {
  const around = await lookAround(wish, inputs, edges);
  const refusal = error ? { error, isToday: true } : state && refusalOfNext(wish, state);
  const atWork = state !== undefined && isAtWork(wish, state, refusal);
  const ofClient = state && !atWork ? judge(wish, state, refusal) : [];
  const unobserved = !state && error ? [findingOf(error.code, error)] : [];
  return {
    findings: [...unobserved, ...ofClient, ...around].sort(worstFirst),
    life: state && !atWork ? lifeOf(wish, state, weigh(wish, state)) : undefined,
    isAtWork: atWork,
  };
}

/** Whether the next rotation will find a place is told today, while there is time. */
function refusalOfNext(wish: Wish, state: State): Refusal | undefined {
  try {
    plan({ ...wish, force: true }, state);
    return undefined;
  } catch (error) {
    return { error: asRotationError(error), isToday: false };
  }
}

async function lookAround(
  wish: Wish,
  { home, workflow }: Watch,
  { api, store }: WatchEdges,
): Promise<Finding[]> {
  const shadows = async () => (store ? ofShadows(await findShadows(store, placesOf(wish), home)) : []);
  const ofRotation = async () => (workflow ? ofWorkflow(await readWorkflow(api, workflow)) : []);
  return [...(await orFinding('WorkflowUnread', ofRotation)), ...(await orFinding('ShadowsUnread', shadows))];
}

/** What could not be seen, or told, must not pass for good news. */
async function orFinding(key: string, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [findingOf(key, asRotationError(error))];
  }
}

function tell(wish: Wish, { findings }: Watched, { home, runUrl }: Watch, { api, info }: WatchEdges) {
  return orFinding('IssueNotReported', async () => {
    const issues = new Issues(api, `${home.owner}/${home.repo}`);
    for (const change of changesOf(await issues.labelled(LABEL), wish, findings, runUrl))
      info(await applied(change, issues));
    return [];
  });
}

async function applied(change: IssueChange, issues: Issues): Promise<string> {
  if (change.kind === 'open')
    return `Issue #${await issues.open(change.title, change.body, LABEL)} was opened.`;
  await issues.edit(change.number, change.fields);
  if (change.comment !== undefined) await issues.comment(change.number, change.comment);
  return `Issue #${change.number} ${change.done}.`;
}

function worstFirst(a: Finding, b: Finding): number {
  return Number(b.severity === 'failure') - Number(a.severity === 'failure');
}

/** The findings tell the rest. */
function failureOf({ error, state }: Account, findings: readonly Finding[]): RotationError | undefined {
  if (state === undefined) return error;
  const failures = findings.filter(({ severity }) => severity === 'failure');
  const [worst] = failures;
  if (worst === undefined) return undefined;
  const count = failures.length === 1 ? 'a failure' : `${failures.length} failures`;
  return new RotationError('WATCH_FAILED', {
    failed: `The watch has found ${count}: ${worst.what}`,
    remedy: worst.todo,
    truth: 'A watch changes nothing but its issue.',
  });
}
