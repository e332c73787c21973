/** The last phase of a watch: it turns the result into findings and an issue. It changes nothing else. */

import { asRotationError, type ErrorCode, RotationError, WATCHED } from '../errors.ts';
import type { GitHubApi } from '../github/api.ts';
import { Issues } from '../github/issues.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { findShadows } from '../github/shadows.ts';
import { readWorkflow } from '../github/workflows.ts';
import { type DesiredState, secretLocations } from '../model/desired-state.ts';
import { type Finding, findingOf } from '../model/finding.ts';
import type { RunResult, Watched } from '../model/run-result.ts';
import type { WatchRequest } from '../model/watch-request.ts';
import { credentialsInUse } from '../plan/in-use.ts';
import { refusalAt, refusalOfNext } from '../plan/plan.ts';
import { assess, isAtWork, lockout, type RefusedRotation } from './findings.ts';
import { shadowFindings, workflowFindings } from './github-findings.ts';
import { changesOf, type IssueChange, LABEL } from './issue.ts';
import { lifetimeOf } from './lifetime.ts';

export interface WatchServices {
  store: SecretStore | undefined;
  /** GitHub with the input `workflow-token`. */
  api: GitHubApi;
  info: (line: string) => void;
}

/**
 * If observe or plan fails with one of these, nothing is known about the client, so its issue is neither opened, changed nor closed. The
 * same holds if a check of GitHub fails with one, which is a finding all the same.
 */
const TRANSIENT: readonly ErrorCode[] = [
  'AUTH0_REQUEST_FAILED',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'GITHUB_REQUEST_FAILED',
  'INTERNAL_ERROR',
];

/**
 * Adds findings to the result, and updates the issue.
 * @param result what observe and plan have found. Its error says why nothing was observed, or why nothing may be done.
 * @returns the result with `watch`, and with an error if a finding is a failure
 */
export async function watch(
  result: RunResult,
  inputs: WatchRequest,
  services: WatchServices,
): Promise<RunResult> {
  if (result.error && TRANSIENT.includes(result.error.code)) return result;
  const { isComplete, seen } = await look(result, inputs, services);
  for (const { key, severity, what } of seen.findings) services.info(`${severity}: ${key}: ${what}`);
  const unreported =
    inputs.reportIssue && isComplete && !seen.isAtWork
      ? await updateIssue(result.desired, seen, inputs, services)
      : [];
  const findings = [...seen.findings, ...unreported];
  return { ...result, watch: { ...seen, findings }, error: failureOf(result, findings) };
}

function expected(error: RotationError | undefined): RefusedRotation | undefined {
  return error && { error, isActual: false };
}

async function look(
  { error, observed, desired }: RunResult,
  inputs: WatchRequest,
  services: WatchServices,
): Promise<{ seen: Watched; isComplete: boolean }> {
  const checks = await lookAtGitHub(desired, inputs, services);
  const githubFindings = checks.flatMap(({ findings }) => findings);
  const actual = error && { error, isActual: true };
  const atWork =
    observed !== undefined &&
    isAtWork(desired, observed, actual ?? expected(refusalAt(observed.now, desired, observed)));
  const refusal = actual ?? (observed && expected(refusalOfNext(desired, observed)));
  const clientFindings = observed && !atWork ? assess(desired, observed, refusal) : [];
  const unobserved = !observed && error ? [findingOf(error.code, error)] : [];
  const seen = {
    findings: [...unobserved, ...clientFindings, ...githubFindings].sort(worstFirst),
    lifetime:
      observed && !atWork ? lifetimeOf(desired, observed, credentialsInUse(desired, observed)) : undefined,
    isAtWork: atWork,
  };
  return { seen, isComplete: checks.every(({ error }) => !error || !TRANSIENT.includes(error.code)) };
}

/** Looks at the workflow that rotates, and for secrets that hide delivered ones. */
async function lookAtGitHub(
  desired: DesiredState,
  { home, workflow }: WatchRequest,
  { api, store }: WatchServices,
): Promise<Check[]> {
  const shadows = async () =>
    store ? shadowFindings(await findShadows(store, secretLocations(desired), home)) : [];
  const ofRotation = async () => (workflow ? workflowFindings(await readWorkflow(api, workflow)) : []);
  return [await check('WorkflowUnread', ofRotation), await check('ShadowsUnread', shadows)];
}

interface Check {
  findings: readonly Finding[];
  /** Why it failed. */
  error?: RotationError;
}

/** Turns a failed check or report into a finding, since it must not look like good news. */
async function check(key: string, work: () => Promise<Finding[]>): Promise<Check> {
  try {
    return { findings: await work() };
  } catch (thrown) {
    const error = asRotationError(thrown);
    return { findings: [findingOf(key, error)], error };
  }
}

async function updateIssue(
  desired: DesiredState,
  { findings }: Watched,
  { home, runUrl }: WatchRequest,
  { api, info }: WatchServices,
): Promise<readonly Finding[]> {
  const { findings: unreported } = await check('IssueNotReported', async () => {
    const issues = new Issues(api, `${home.owner}/${home.repo}`);
    for (const change of changesOf(await issues.labelled(LABEL), desired, findings, runUrl))
      info(await carryOut(change, issues));
    return [];
  });
  return unreported;
}

/** @returns a line for the log */
async function carryOut(change: IssueChange, issues: Issues): Promise<string> {
  if (change.kind === 'open')
    return `Issue #${await issues.open(change.title, change.body, LABEL)} was opened.`;
  await issues.edit(change.number, change.fields);
  if (change.comment !== undefined) await issues.comment(change.number, change.comment);
  return `Issue #${change.number} ${change.done}.`;
}

function worstFirst(a: Finding, b: Finding): number {
  return Number(b.severity === 'failure') - Number(a.severity === 'failure');
}

/** The error names the worst failure. The findings list the others. */
function failureOf({ error, observed }: RunResult, findings: readonly Finding[]): RotationError | undefined {
  if (observed === undefined) return error;
  const failures = findings.filter(({ severity }) => severity === 'failure');
  const [worst] = failures;
  if (worst === undefined) return undefined;
  const count = failures.length === 1 ? 'a failure' : `${failures.length} failures`;
  return new RotationError('WATCH_FAILED', {
    failed: `The watch has found ${count}: ${worst.what}`,
    remedy: worst.todo,
    stateNow: WATCHED,
    alarm: error?.alarm ?? lockout(failures, error?.code),
  });
}
