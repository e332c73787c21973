/** Adds the alarm to a failed run, if something urgent is true, and shows it in a heading. Pure. */

import { NOT_REVOKED, type RotationError } from '../errors.ts';
import { expiredAlarm } from '../model/advice.ts';
import { inert } from '../model/markdown.ts';
import type { RunResult } from '../model/run-result.ts';
import { associatedAfter } from './credentials.ts';

/** Adds the alarm to a failure outside of the plan, such as a refusal by GitHub. */
export function withResultAlarm(error: RotationError, result: RunResult): RotationError {
  const { desired, expiresAt, observed, outcome, readOnly } = result;
  if (error.alarm !== undefined) return error;
  const named = readOnly ? undefined : leftOfEmergency(result);
  if (named || outcome?.rotated) return error.withAlarm(named);
  const left = desired.revoke && !readOnly ? NOT_REVOKED : undefined;
  return error.withAlarm((observed && expiredAlarm(expiresAt, observed.now)) ?? left);
}

/** The same error for a heading in Markdown, since an alarm may name an environment. */
export function withInertAlarm(error: RotationError): RotationError {
  return error.withAlarm(error.alarm && inert(error.alarm));
}

/**
 * What `removable-credentials` names with `overlap: 0h`, and is still associated after the run. It may be what is left of an emergency,
 * whose form asks for both.
 */
function leftOfEmergency(result: RunResult): string | undefined {
  const { desired } = result;
  if (desired.overlap !== 0) return undefined;
  const left = associatedAfter(result).filter((id) => desired.removableCredentials.has(id));
  return left.length > 0
    ? `${left.join(', ')} CAN STILL LOG IN. If its key has leaked, act at once`
    : undefined;
}
