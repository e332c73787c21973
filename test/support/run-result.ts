/** Accounts of runs as the report gets them, built on the planner's states. */

import { RotationError } from '../../src/errors.ts';
import type { Outcome, RunResult } from '../../src/model/run-result.ts';
import { plan } from '../../src/plan/plan.ts';
import { clientReport as reportWith } from '../../src/report/report.ts';
import { DAY, type DesiredChanges, desired, NOW, type StateSeed, state } from './states.ts';

export const MINUTES = 24 * 60;
export const current = { id: 'cred_a', age: 10 * MINUTES };
export const settled: StateSeed = { credentials: [current], written: [10 * MINUTES - 1] };
export const report = (told: RunResult) => reportWith(told, (code) => `docs#${code}`);

export const NEW = {
  id: 'cred_new',
  identity: 'identity-new',
  thumbprint: 'thumbprint-new',
  subject: 'CN=client',
  keySize: 2048,
  notBefore: new Date(NOW),
  notAfter: new Date(NOW + 90 * DAY),
};

export function result(changes: DesiredChanges, seed: StateSeed, rest: Partial<RunResult> = {}): RunResult {
  const wanted = desired(changes);
  const observed = state(wanted, seed);
  return {
    readOnly: false,
    desired: wanted,
    observed,
    plan: plan(wanted, observed),
    ...rest,
  };
}

export function outcome(changes: Partial<Outcome> = {}): Outcome {
  return {
    rotated: true,
    credential: NEW,
    proof: 'proven',
    provenBy: 'token',
    notes: [],
    clientId: 'client',
    delivered: ['repo:acme/shop PEM'],
    inDoubt: [],
    removed: [],
    earlierRuns: undefined,
    steps: [{ text: 'Issue a key pair', milliseconds: 1234, outcome: 'done' }],
    ...changes,
  };
}

export const idle = (): Outcome => ({
  ...outcome(),
  rotated: false,
  credential: undefined,
  delivered: [],
  steps: [],
});
export const failure = (stateNow?: string) =>
  new RotationError('VERIFICATION_FAILED', {
    failed: 'It failed.',
    remedy: 'Mend it.',
    ...(stateNow === undefined ? {} : { stateNow }),
  });
