/** The road: inputs → observe → plan → apply → report, once. */

import { apply } from './apply/apply.ts';
import { locateClient, refuseToOverwrite } from './apply/create-client.ts';
import type { Services } from './apply/job.ts';
import { looksDue } from './apply/prepare.ts';
import { issuePair } from './certificate/credential.ts';
import { generateKey } from './certificate/issue.ts';
import { connect, type Issuing, type Shared, share } from './clients.ts';
import { asRotationError } from './errors.ts';
import { GitHubApi } from './github/api.ts';
import { type Connection, Service } from './http/service.ts';
import type { Inputs } from './inputs/inputs.ts';
import type { DesiredState } from './model/desired-state.ts';
import { quote } from './model/json.ts';
import type { ObservedState } from './model/observed-state.ts';
import { printLocation } from './model/secret-location.ts';
import { describeStep } from './model/step.ts';
import { observe, type RecordedTimes } from './observe/observe.ts';
import { observeUsage } from './observe/usage-logs.ts';
import { plan } from './plan/plan.ts';
import type { RunResult } from './report/report.ts';
import { watch } from './watch/watch.ts';

/** What a run tells while it is at work. */
export interface Logger {
  mask: (secret: string) => void;
  info: (line: string) => void;
  /** Called when a stage of the road begins. */
  stage: (name: string) => void;
  onStep: Services['onStep'];
}

/** One client of how many. */
export interface Among {
  shared: Shared;
  /** Resolves when this client may be rotated. @throws RotationError where none may */
  mayRotate(): Promise<void>;
}

export const ISSUING: Issuing = { generateKey, issuePair };
const ALONE = async () => {};

/** Works on one client and tells how it went: a failure is part of the account, never thrown. */
export async function run(
  inputs: Inputs,
  connection: Connection,
  logger: Logger,
  issuing = ISSUING,
  among: Among = { shared: share(inputs, connection, logger.mask), mayRotate: ALONE },
): Promise<RunResult> {
  const { currentPair, planOnly } = inputs;
  const services = connect(inputs, connection, logger, issuing, among.shared);
  const result: RunResult = { planOnly, desired: inputs.desired };
  const { preparation } = services;
  const mayRotate = !planOnly && inputs.desired.operation !== 'revert';
  try {
    logger.stage('Observe');
    if (mayRotate && inputs.desired.force) preparation.begin();
    result.desired = await locateClient(inputs.desired, services.tenant);
    const isDue = (times: readonly RecordedTimes[]) => looksDue(inputs.desired, times, connection.clock);
    const onSecrets = (times: readonly RecordedTimes[]) => {
      if (!mayRotate || (!inputs.desired.force && !isDue(times))) return;
      preparation.begin();
      preparation.issueEarly();
    };
    let isListed = false;
    result.observed = await observe(result.desired, services, onSecrets, async (times) => {
      const client = isDue(times) ? undefined : await among.shared.listed?.(inputs.desired.clientId);
      isListed = client !== undefined;
      return client;
    });
    if (isListed && !isIdle(result.desired, result.observed))
      result.observed = await observe(result.desired, services, onSecrets);
    if (planOnly && !inputs.watch) result.desired = inferred(result.desired, result.observed);
    logObserved(result.observed, logger);
    logger.stage('Plan');
    refuseToOverwrite(result.desired, result.observed);
    result.observed = await observeUsage(result.desired, result.observed, services, currentPair);
    result.plan = plan(result.desired, result.observed);
    tell(result.plan, logger);
    if (!planOnly) {
      if (result.plan.rotates) await among.mayRotate();
      logger.stage('Apply');
      const job = { desired: result.desired, observed: result.observed, plan: result.plan, currentPair };
      Object.assign(result, await apply(job, services));
    }
  } catch (error) {
    result.error = asRotationError(error);
  }
  if (!inputs.watch) return result;
  logger.stage('Watch');
  const api = new GitHubApi(new Service('GitHub', connection), inputs.watch.token, inputs.githubApiUrl);
  return watch(result, inputs.watch, { store: services.store, api, info: logger.info });
}

/** A listing is old when its turn comes: only rest may rest on it. */
function isIdle(desired: DesiredState, observed: ObservedState): boolean {
  try {
    return plan(desired, observed).steps.length === 0;
  } catch {
    return false;
  }
}

/** A plan for a client that uses another method is that of `enroll`: nothing else could work on it. */
function inferred(desired: DesiredState, { client }: ObservedState): DesiredState {
  const differs = client !== undefined && client.method !== desired.method;
  return differs && desired.operation === 'rotate'
    ? { ...desired, operation: 'enroll', revoke: false }
    : desired;
}

function logObserved({ client, pool, secrets }: ObservedState, { info }: Logger): void {
  if (client) {
    info(
      `Client ${quote(client.name)} uses ${client.method}; associated: ${client.associated.join(', ') || 'nothing'}.`,
    );
    info(`In its pool: ${pool.map(({ id }) => id).join(', ') || 'nothing'}.`);
  }
  for (const { location, times } of secrets) {
    const told = typeof times === 'string' ? times : `written ${new Date(times.updatedAt).toISOString()}`;
    info(`${printLocation(location)}: ${told}.`);
  }
}

function tell(decided: NonNullable<RunResult['plan']>, { info }: Logger): void {
  info(`Plan: ${decided.reason}, since ${decided.explanation}.`);
  for (const [index, step] of decided.steps.entries()) info(`  ${index + 1}. ${describeStep(step)}`);
  for (const note of decided.notes) info(`  Note: ${note}`);
}
