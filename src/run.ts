/** Runs one client: observe → plan → apply. A plan may need more evidence: then the run reads the tenant logs or writes probe secrets, and
 *  plans again. The caller reads the inputs and writes the report. */

import { apply } from './apply/apply.ts';
import type { ApplyServices } from './apply/job.ts';
import { probeLocations } from './apply/probe.ts';
import { asRotationError, UNTOUCHED } from './errors.ts';
import type { Inputs } from './inputs/inputs.ts';
import { lastExpiry } from './model/observed-state.ts';
import type { RunResult } from './model/run-result.ts';
import { locateClient } from './observe/locate-client.ts';
import { observe } from './observe/observe.ts';
import { observeUsage } from './observe/usage-logs.ts';
import { resolveDefaults } from './plan/defaults.ts';
import { credentialsInUse } from './plan/in-use.ts';
import { impliedOperation, plan } from './plan/plan.ts';
import { withResultAlarm } from './report/alarm.ts';
import { observedLines, planLines } from './report/log.ts';
import type { RunServices } from './services.ts';
import { watch } from './watch/watch.ts';

/** The log of a run. */
export interface Logger {
  mask: (secret: string) => void;
  info: (line: string) => void;
  /** Called when a phase of the run begins. */
  phase: (name: string) => void;
  onStep: ApplyServices['onStep'];
}

/**
 * Called after the plan and its probes, before anything else is changed.
 * @param timeLeft milliseconds until the credential in use expires, or else the last associated one. Infinite if neither is recorded.
 * @throws RotationError if the client must not be rotated now
 */
export type BeforeRotation = (timeLeft: number) => Promise<void>;

/** Works on one client. A failure is part of the result, never thrown. */
export async function run(
  inputs: Inputs,
  services: RunServices,
  logger: Logger,
  beforeRotation: BeforeRotation = async () => {},
): Promise<RunResult> {
  const result: RunResult = { readOnly: inputs.readOnly, desired: inputs.desired };
  try {
    await runPhases(inputs, services, logger, beforeRotation, result);
  } catch (error) {
    result.error = asRotationError(error);
  }
  if (result.error) result.error = withResultAlarm(result.error, result);
  const { store, workflowApi: api } = services;
  if (!inputs.watch || !api) return result;
  logger.phase('Watch');
  return watch(result, inputs.watch, { store, api, info: logger.info });
}

/** Fills `result` phase by phase, so that after a failure it still holds what the earlier phases found. @throws RotationError */
async function runPhases(
  { currentPair, desired, readOnly, watch: watched }: Inputs,
  services: RunServices,
  { info, phase }: Logger,
  beforeRotation: BeforeRotation,
  result: RunResult,
): Promise<void> {
  const startedAt = services.clock.now();
  phase('Observe');
  result.desired = await locateClient(desired, services.tenant);
  result.observed = await observe(result.desired, services, startedAt);
  // A plan writes nothing, so it must not refuse because a scope for writing is missing.
  if (readOnly) result.observed = { ...result.observed, scopes: undefined };
  result.desired = resolveDefaults(result.desired, result.observed);
  const { expiresAt, isExpiryEstimated } = credentialsInUse(result.desired, result.observed);
  result.expiresAt = isExpiryEstimated ? undefined : expiresAt;
  for (const line of observedLines(result.observed)) info(line);

  phase('Plan');
  if (readOnly && !watched) result.desired = impliedOperation(result.desired, result.observed);
  result.plan = plan(result.desired, result.observed);
  // An answer may lead to another question: first who used a credential, then whether the logs are up to date.
  while (result.plan.logQuestion) {
    const { logQuestion } = result.plan;
    result.observed = await observeUsage(logQuestion, result.desired, result.observed, services, currentPair);
    result.plan = plan(result.desired, result.observed);
  }
  if (!readOnly && result.plan.probes.length > 0) {
    const refusedTrials = await probeLocations(result.plan.probes, result.observed, services);
    result.observed = { ...result.observed, refusedTrials };
    result.plan = plan(result.desired, result.observed);
  }
  for (const line of planLines(result.plan)) info(line);
  if (readOnly && !watched) result.error = result.plan.errorAtEnd?.withStateNow(UNTOUCHED);
  if (readOnly) return;

  if (result.plan.rotates)
    await beforeRotation(
      (expiresAt ?? lastExpiry(result.observed) ?? Number.POSITIVE_INFINITY) - result.observed.now,
    );
  phase('Apply');
  const job = { desired: result.desired, observed: result.observed, plan: result.plan, currentPair };
  Object.assign(result, await apply(job, services));
}
