/** Describes what is true after a failed run. */

import { NEW_RUN, type RotationError } from '../errors.ts';
import { isCredentialMethod, PUBLIC, printMethod } from '../model/desired-state.ts';
import { longDay } from '../model/markdown.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { LEASE } from '../model/timing.ts';

/** The state that a failed run leaves. */
export interface FailureState {
  /** A sentence about the delivery, once a secret location may hold the new pair. */
  delivery: string | undefined;
  /** Secret locations that hold the new pair for certain. */
  served: readonly SecretLocation[];
  /** Secret locations that should hold it, and may not. */
  unserved: readonly SecretLocation[];
  /** When the credential that they held before expires, by Auth0's clock. undefined: not recorded. */
  previousEnds?: number | undefined;
  /** A sentence about an earlier delivery that this run worked to finish. */
  currentDelivery: string | undefined;
  /** A destination has, or may have, a private-key secret and a certificate secret that do not match. The sentence about the delivery says which. */
  isMixed: boolean;
  /** Id of the delivered credential, if somebody else has taken it out and the run could not associate it again. */
  takenOut: string | undefined;
  /** Secret locations whose credential was removed for this rotation. */
  interrupted: readonly SecretLocation[];
  /** Ids of the credentials from before the run that it has, or may have, disassociated. */
  disassociated: readonly string[];
  /** The method before an enrollment and the credentials that it used, unless the client was moved back. */
  methodBefore: { method: string; credentials: readonly string[] } | undefined;
  /** Somebody else changed the client during the enrollment, so it was not moved back. */
  takenOver: boolean;
  /** The client is the management client that the action logs in with. */
  isManager: boolean;
  /** The desired method. */
  method: string;
  /** Id of the credential that the run made and could not remove again. Empty if it is unknown whether it was made. */
  orphan: string | undefined;
  /** Id of the client that the run made and could not delete again. Empty if it is unknown whether it was made. */
  orphanClient: string | undefined;
  /** Ids of the credentials that it removed. */
  removed: readonly string[];
  /** Ids of the credentials that were to be revoked. */
  revoking: readonly string[];
  /** The workflow passes `current-credential`, so another run can finish this delivery without a new key. */
  passesCurrent: boolean;
  /** The method that a revert restores, a client secret or none, if the client may use it again. */
  reverted: string | undefined;
  /** The alarm for consumers that could not log in before this run delivered anything. */
  lockout: string | undefined;
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
  const urgent = alarm(state, now);
  if (undone === undefined) return error.withStateNow(afterDelivery(state, now), urgent);
  const [failed] = undone.failures;
  const rest = failed ? afterFailedUndo(state, failed, now) : afterUndo(state, AT_ONCE);
  return error.withStateNow(joined(...undone.messages, rest, unrevoked(state, false)), urgent);
}

/** What is true once a location may hold the new pair. @param now by Auth0's clock */
function afterDelivery(state: FailureState, now: number): string {
  const { delivery = '', served } = state;
  return joined(
    served.length === 0 ? perhapsNobody(state) : '',
    delivery,
    methodEnded(state) || previousEnd(state, now),
    takenOutOf(state),
    stays(state),
    interruptedStill(state),
    unrevoked(state, served.length > 0, now),
  );
}

/** What is true after the undo. @param whenToStart advice for those who may be locked out: start a run at once, or only after some time */
function afterUndo(state: FailureState, whenToStart: string): string {
  const { currentDelivery, disassociated, interrupted, removed, reverted } = state;
  const gone =
    removed.length === 0
      ? ''
      : removed.length > 1
        ? `Credentials ${removed.join(', ')} were removed.`
        : `Credential ${removed[0]} was removed.`;
  if (reverted !== undefined)
    return joined(
      gone,
      `The client uses ${printMethod(reverted)} again, or may do so. Its access tokens are not bound, and some of its credentials may be left: run revert once more.`,
    );
  if (interrupted.length > 0)
    return joined(
      `The credential that ${interrupted.map(printLocation).join(', ')} held was removed for this rotation. Its consumers may not be able to log in until a run has delivered: correct the cause, and ${whenToStart}.`,
      currentDelivery ?? 'Every other destination keeps the credential that it holds.',
      gone,
    );
  const out = [...new Set([...removed, ...disassociated])].join(', ');
  const unheld =
    out !== ''
      ? `The run removed ${out}, which no destination holds. A consumer that still uses it cannot log in until it has what a run delivers.`
      : '';
  return currentDelivery === undefined
    ? joined(KEEPS, unheld)
    : joined(currentDelivery, unheld, takenOutOf(state), stays(state));
}

const AT_ONCE = `${NEW_RUN} at once`;
const KEEPS = 'Every destination keeps the credential that it holds.';

function takenOutOf({ takenOut }: FailureState): string {
  return takenOut === undefined
    ? ''
    : `Somebody else has taken ${takenOut} out, or moved the client to another method. Auth0 does not show it associated again: consumers that use it CANNOT LOG IN until it is.`;
}

function stays({ disassociated, methodBefore, takenOut }: FailureState): string {
  return disassociated.length > 0 || methodBefore || takenOut
    ? ''
    : 'All associated credentials stay associated.';
}

/** An enrollment that was delivered, but not everywhere. */
function methodEnded({ methodBefore, unserved, served }: FailureState): string {
  if (methodBefore === undefined || served.length === 0 || unserved.length === 0) return '';
  return `The consumers of ${unserved.map(printLocation).join(', ')} CANNOT LOG IN until that secret is written, since the client does not use ${printMethod(methodBefore.method)} any more.`;
}

/** Until when the consumers of the locations that were not served can log in. */
function previousEnd({ unserved, previousEnds, served }: FailureState, now: number): string {
  if (previousEnds === undefined || served.length === 0 || unserved.length === 0) return '';
  return isOver({ previousEnds }, now)
    ? `The previous one expired on ${longDay(previousEnds)}: the consumers of ${unserved.map(printLocation).join(', ')} CANNOT LOG IN until that secret is written.`
    : `The previous one expires on ${longDay(previousEnds)}.`;
}

function isOver({ previousEnds }: Pick<FailureState, 'previousEnds'>, now: number): boolean {
  return previousEnds !== undefined && previousEnds <= now;
}

function joined(...sentences: readonly string[]): string {
  return sentences.filter(Boolean).join(' ');
}

/** For interrupted locations that the delivery did not reach. */
function interruptedStill({ interrupted, served }: FailureState): string {
  const names = served.map(printLocation);
  const out = interrupted.map(printLocation).filter((location) => !names.includes(location));
  return out.length === 0
    ? ''
    : `The credential that ${out.join(', ')} held was removed. Its consumers cannot log in until that secret is written.`;
}

/** Ids of the credentials that were to be revoked and are not. */
function notRevoked({ removed, revoking }: FailureState): readonly string[] {
  return revoking.filter((id) => !removed.includes(id));
}

/** Says which credentials are still to revoke, and how to revoke them. @param served a destination holds the successor */
function unrevoked(state: FailureState, served: boolean, now = 0): string {
  const left = notRevoked(state);
  if (left.length === 0) return '';
  const still = `NOT REVOKED: ${left.join(', ')} may still get tokens.`;
  const them = left.length > 1 ? 'them' : 'it';
  const line = `overlap: 0h, retire: by-time and \`removable-credentials: ${left.join(' ')}\`, without force and without revoke`;
  const again = `Once the cause is corrected, ${NEW_RUN}`;
  if (!served)
    return `${still} ${again} with force: true and revoke: previous. If it is refused with ROTATION_IN_PROGRESS, start it again 15 minutes later.`;
  const finish = `${again} of operation: rotate. Pass current-credential, and set ${line}. That run finishes the delivery and removes ${them}. The field removable of examples/emergency.yml (fleet-emergency.yml, self-rotation.yml) sets all of this.`;
  const alone = `Without current-credential, start it only after ${new Date(now + LEASE).toISOString()}. It then makes another key where one is missing. If that is too late, take ${them} out in Auth0 by hand (docs/recipes.md, Take a credential out by hand). Consumers that still hold ${them} then cannot log in until that run has delivered.`;
  return joined(still, finish, state.passesCurrent ? '' : alone);
}

/** What is true after an undo that failed. @param now by Auth0's clock */
function afterFailedUndo(state: FailureState, undoError: RotationError, now: number): string {
  const until = new Date(now + LEASE).toISOString();
  const why = undoError.failed.replace(/\.$/, '');
  const undoing = `since undoing failed (${why})`;
  if (state.orphanClient !== undefined)
    return `The new client${spaced(state.orphanClient)} may still be there, ${undoing}: nobody holds its key. Start a new run of create after ${until}, or delete that client in Auth0.`;
  if (state.methodBefore !== undefined)
    return `${perhapsNobody(state)} This could not be undone, ${undoing}.`;
  if (state.orphan === undefined)
    return `${afterUndo(state, AT_ONCE)} Not everything could be undone (${why}).`;
  const early =
    state.orphan &&
    ' A run before that is refused, unless you delete that credential in the Auth0 Dashboard first (Applications, the client, Credentials).';
  const wait = afterUndo(state, `${NEW_RUN} after ${until}, not before`);
  return `${wait} The new credential${spaced(state.orphan)} may still be there, ${undoing}: nobody holds its key, and a run after ${until} removes it.${early}`;
}

/** The id after a space, or nothing if it is unknown. */
function spaced(id: string): string {
  return id && ` ${id}`;
}

/** The sentence for an enrollment that moved the client and delivered nothing for certain. */
function perhapsNobody({ methodBefore, isManager, method }: FailureState): string {
  if (methodBefore === undefined) return '';
  const state = `The client uses ${method} now, or may, and perhaps nobody holds its key. If so, NOBODY CAN LOG IN${methodBefore.method === PUBLIC ? '' : `, not even by ${methodBefore.method}`}.`;
  const dashboard = 'in the Auth0 Dashboard (Applications, the client, Credentials)';
  const later =
    'Or wait 15 minutes, during which nobody can log in, and start enroll again: it makes a new key and delivers it';
  if (isCredentialMethod(methodBefore.method)) {
    const ids = methodBefore.credentials.join(', ');
    const back = `Set it back at once ${dashboard}: choose ${methodBefore.method}${ids && ` with ${ids}`}. A revert cannot do that: it restores only a client secret or a public client.`;
    return isManager
      ? `${state} ${back}`
      : `${state} ${back} ${later}${ids && `, and it may remove ${ids}`}.`;
  }
  // No run can log in as this client.
  if (isManager) return `${state} Set it back at once ${dashboard}: choose ${methodBefore.method}.`;
  return `${state} Set it back at once: start operation: revert with revert-to: ${methodBefore.method} (examples/revert.yml), or choose that method ${dashboard}. ${later}.`;
}

/**
 * The most urgent news: consumers may not be able to log in, or a credential that was to be revoked may still work.
 * @param now by Auth0's clock
 */
export function alarm(state: FailureState, now: number): string | undefined {
  const { methodBefore, interrupted, isMixed, unserved, reverted, served, takenOut, takenOver } = state;
  if (methodBefore !== undefined && served.length === 0) return NOBODY;
  if (takenOver) return TAKEN_OVER;
  if (takenOut !== undefined) return OUT;
  const names = served.map(printLocation);
  const waiting = interrupted.some((location) => !names.includes(printLocation(location)));
  const isLate = served.length > 0 && unserved.length > 0 && isOver(state, now);
  if ((waiting && reverted === undefined) || methodEnded(state) !== '' || isLate || isMixed) return SOME;
  if (state.lockout !== undefined && (served.length === 0 || unserved.length > 0)) return state.lockout;
  return notRevoked(state).length === 0 ? undefined : STILL_VALID;
}

const NOBODY = "perhaps NOBODY CAN LOG IN. Set the client's method back at once";
const STILL_VALID = 'the credential to revoke MAY STILL BE VALID. Act at once';
const OUT = 'consumers of the delivered credential CANNOT LOG IN. Act at once';
const SOME = 'some consumers may not be able to log in. Act at once';
const TAKEN_OVER = 'consumers may not be able to log in. Decide now which method the client must have';
