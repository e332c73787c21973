/** Errors of a run that found another run at work. */

import { NEW_RUN, RotationError } from '../errors.ts';
import type { Credential, ObservedState } from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import { printDestination, printLocation, type SecretLocation } from '../model/secret-location.ts';

const ONE_PAIR =
  'When the other run has ended, start the workflow by hand once with force: true, which stores one pair everywhere. Give the workflow a concurrency group.';

/** GitHub has no conditional write, so a run can notice this but cannot undo it without the other run's key. */
export function overtaken(rival: Credential, { destination }: SecretLocation): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `While this run stored the current pair in ${printDestination(destination)}, run ${readOwnership(rival.name)?.run} made credential ${rival.id}: that destination may hold either.`,
    remedy: ONE_PAIR,
  });
}

/** Both pairs are valid, but a separate private-key secret and certificate secret may not match. */
export function mixed({ secrets }: ObservedState): RotationError {
  const locations = secrets.map(({ location }) => printLocation(location)).join(', ');
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `While this run delivered, another one stored a certificate of the same subject: ${locations} may hold either.`,
    remedy: ONE_PAIR,
  });
}

export function changedMeanwhile(
  what: string,
  log = 'the tenant log (Monitoring, Logs, type sapi) names who changed it, such as Terraform',
): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Somebody else changed ${what} while this run was at work, or a read still shows an old state.`,
    remedy: `When nothing else rotates this client, ${NEW_RUN}. Give the workflow a concurrency group. If that does not help, ${log}.`,
  });
}

/** @param which completes "the secret of …" */
export function secretChangedMeanwhile(which: string): RotationError {
  return changedMeanwhile(`the secret of ${which}`, "the organization's audit log names who changed it");
}

/** Whether Auth0 has refused a change for certain. Any other error leaves open whether it was made. */
export function isForbidden(error: unknown): boolean {
  return error instanceof RotationError && error.code === 'AUTH0_FORBIDDEN';
}
