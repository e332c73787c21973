/** Describes what is true after a failed run. */

import { RotationError } from '../errors.ts';
import { isCredentialMethod, PUBLIC } from '../model/desired-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { LEASE } from '../model/timing.ts';

/** The state that a failed run leaves. */
export interface FailureState {
  /** A sentence about the delivery, once a secret location may hold the new pair. */
  delivery: string | undefined;
  /** Secret locations that hold the new pair for certain. */
  served: readonly SecretLocation[];
  /** A sentence about an earlier delivery that this run worked to finish. */
  completed: string | undefined;
  /** Secret locations whose credential was removed for this rotation. */
  interrupted: readonly SecretLocation[];
  /** The method before an enrollment, unless the client was moved back. */
  former: string | undefined;
  /** The desired method. */
  method: string;
  /** Id of the credential that the run made and could not remove again. Empty if it is unknown whether it was made. */
  made: string | undefined;
  /** Id of the client that the run made and could not delete again. Empty if it is unknown whether it was made. */
  madeClient: string | undefined;
  /** Ids of the credentials that it removed. */
  removed: readonly string[];
  /** Ids of the credentials that were to be revoked. */
  revoking: readonly string[];
  /** The method of the client secret, if the client may use it again. */
  reverted: string | undefined;
}

/**
 * Adds to the error what is true now.
 * @param undone the result of the undo. undefined: a delivery had begun, so nothing was undone.
 * @param now Auth0's clock
 */
export function explainFailure(
  error: RotationError,
  state: FailureState,
  undone: { messages: readonly string[]; failures: readonly RotationError[] } | undefined,
  now: number,
): RotationError {
  if (undone === undefined) {
    const nobody = state.served.length === 0 ? perhapsNobody(state) : '';
    const sentences = [nobody, state.delivery, interruptedStill(state), unrevoked(state, true)].filter(
      Boolean,
    );
    return error.withStateNow(sentences.join(' '), alarm(state, state.served));
  }
  const [first] = undone.failures;
  const rest = first
    ? orphaned(state, first, now)
    : [unchanged(state), unrevoked(state, false)].filter(Boolean).join(' ');
  return error.withStateNow([...undone.messages, rest].join(' '), alarm(state, []));
}

function unchanged({ completed, interrupted, removed, reverted }: FailureState): string {
  if (completed !== undefined) return completed;
  const gone = removed.length > 0 ? `Credential ${removed.join(', ')} was removed. ` : '';
  if (reverted !== undefined)
    return `${gone}The client uses ${reverted} again, or may do so. Its access tokens are not bound, and some of its credentials may be left: run revert once more.`;
  if (interrupted.length === 0) return `${gone}Every destination keeps the credential that it holds.`;
  const locations = interrupted.map(printLocation).join(', ');
  return `${gone}The credential that ${locations} holds was removed for this rotation. Its consumers may not be able to log in until a run has delivered. Run again now. Every other destination keeps the credential that it holds.`;
}

/** For interrupted locations that the delivery did not reach. */
function interruptedStill({ interrupted, served }: FailureState): string {
  const names = served.map(printLocation);
  const out = interrupted.map(printLocation).filter((location) => !names.includes(location));
  return out.length === 0
    ? ''
    : `The credential that ${out.join(', ')} held was removed. Its consumers cannot log in until that secret is written.`;
}

/** Which credentials were to be revoked and are not. @param begun a destination may hold the successor */
function unrevoked({ removed, revoking }: FailureState, begun: boolean): string {
  const left = revoking.filter((id) => !removed.includes(id));
  if (left.length === 0) return '';
  const what = begun
    ? 'with current-credential and overlap: 0h, but without force and revoke, which finishes the delivery and removes it'
    : 'with force: true and revoke: previous';
  return `NOT REVOKED: ${left.join(', ')} may still get tokens. Once the cause is fixed, run again ${what}.`;
}

/** @param now by Auth0's clock */
function orphaned(state: FailureState, undoError: RotationError, now: number): string {
  const until = new Date(now + LEASE).toISOString();
  const undoing = `since undoing failed (${undoError.failed.replace(/\.$/, '')})`;
  if (state.madeClient !== undefined)
    return `The new client${beside(state.madeClient)} may still be there, ${undoing}: nobody holds its key. Run create again after ${until}, or delete it in Auth0.`;
  if (state.former !== undefined) return `${perhapsNobody(state)} This could not be undone, ${undoing}.`;
  if (state.made === undefined)
    return `${unchanged(state)} Not everything could be undone (${undoError.failed}).`;
  return `${unchanged(state)} The new credential${beside(state.made)} may still be there, ${undoing}: nobody holds its key, and a run after ${until} removes it.`;
}

function beside(id: string): string {
  return id && ` ${id}`;
}

/** The sentence for an enrollment that moved the client and delivered nothing for certain. */
function perhapsNobody({ former, method }: FailureState): string {
  if (former === undefined) return '';
  return `The client uses ${method} now, or may do so, and perhaps nobody holds its key. Then NOBODY CAN LOG IN, not even by ${former}. Set it back at once (operation: revert, or in Auth0), or run enroll again in 15 minutes.`;
}

/**
 * The most urgent news: consumers may not be able to log in, or a credential that was to be revoked may still work.
 * @param served secret locations that hold the new credential for certain
 */
export function alarm(state: FailureState, served: readonly SecretLocation[]): string | undefined {
  const { former, interrupted, reverted } = state;
  if (former !== undefined && served.length === 0) return NOBODY;
  const names = served.map(printLocation);
  const waiting = interrupted.some((location) => !names.includes(printLocation(location)));
  if (waiting && reverted === undefined) return SOME;
  return unrevoked(state, true) === '' ? undefined : STILL_VALID;
}

const NOBODY = 'perhaps NOBODY CAN LOG IN. Set its method back at once';
const STILL_VALID = 'what was to be revoked MAY STILL BE VALID';
const SOME = 'some consumers may not be able to log in. Run again now';

/** The sentence for an enrollment that was undone. */
export function movedBack(method: string): string {
  const secret =
    isCredentialMethod(method) || method === PUBLIC
      ? ''
      : ' Whether its client secret is still the same is not documented: look at the client in Auth0.';
  return `The client uses ${method} again.${secret}`;
}

/** The sentence for an enrollment that cannot be undone, since somebody else has changed the client after it. */
export function takenOver(method: string): string {
  return `Somebody else has changed the client meanwhile, so it was not moved back to ${method}. Look at the client in Auth0.`;
}

export function stillAssociated(id: string): RotationError {
  return new RotationError('RETIREMENT_FAILED', {
    failed: `Auth0 says that credential ${id} is still associated and does not delete it.`,
    remedy: 'Find out in Auth0 which part of the client uses it. The next run tries again.',
  });
}

/** The sentence for a change of token binding that could not be undone. */
export function leftBound(required: boolean): string {
  return required
    ? 'Access tokens of the client may be bound to its certificate now. Then a client secret gets no token. Look at the client in Auth0.'
    : 'Access tokens of the client may no longer be bound to its certificate. Look at the client in Auth0.';
}

export function notBound(required: boolean): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 accepted the change of token binding but does not show it (${required ? 'required' : 'off'}).`,
    remedy: 'Run again. If that does not help, set token-binding: unchanged and look at the client in Auth0.',
  });
}
