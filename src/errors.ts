/** The errors of the action: a code from a closed list and three sentences. */

export const ERROR_CODES = [
  'INVALID_INPUT',
  'AUTH0_UNAUTHORIZED',
  'AUTH0_FORBIDDEN',
  'AUTH0_REQUEST_FAILED',
  'CLIENT_NOT_FOUND',
  'METHOD_MISMATCH',
  'ALGORITHM_MISMATCH',
  'CLIENT_EXISTS',
  'SECRET_EXISTS',
  'CREDENTIAL_LIMIT',
  'CANNOT_REVOKE',
  'STALE_CREDENTIAL',
  'ROTATION_IN_PROGRESS',
  'CERTIFICATE_TOO_LARGE',
  'CERTIFICATE_REUSED',
  'DISCOVERY_FAILED',
  'MTLS_ENDPOINT_NOT_FOUND',
  'VERIFICATION_FAILED',
  'UNREGISTERED_ACCEPTED',
  'GITHUB_UNAUTHORIZED',
  'GITHUB_FORBIDDEN',
  'GITHUB_REQUEST_FAILED',
  'DESTINATION_NOT_FOUND',
  'DESTINATION_FULL',
  'DELIVERY_INCOMPLETE',
  'WATCH_FAILED',
  'RETIREMENT_FAILED',
  'CANARY_FAILED',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'INTERNAL_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A problem in a file of the repository. GitHub shows it at its line. Line and column count from 1. */
export interface LocatedProblem {
  message: string;
  file: string;
  line: number;
  column: number;
}

export interface Explanation {
  /** What failed. */
  failed: string;
  /** What to do about it. */
  remedy: string;
  /** What is true now. The adapters (auth0, github, certificate, http) do not know it, so `apply` adds it. */
  stateNow?: string;
  /** A short warning that something is urgent: consumers may be locked out, or a credential that leaked still works. People read it first. */
  alarm?: string | undefined;
  /** All problems of the inputs. */
  problems?: readonly string[];
  /** The problems that are in a file. */
  located?: readonly LocatedProblem[];
  cause?: unknown;
}

/** What is true unless an error says otherwise. */
export const UNTOUCHED = 'Nothing was changed in Auth0 or GitHub.';
/** What is true after a watch. */
export const WATCHED = 'A watch changes nothing but its issue.';

/** The alarm of an emergency that failed before it changed anything. */
export const NOT_REVOKED = 'the credential to revoke is STILL VALID. Act at once';

/** A re-run may read the secrets that the first attempt read, and then stops with STALE_CREDENTIAL. */
export const NEW_RUN = 'start a new run (Actions, the workflow, Run workflow; not Re-run)';

/** No sentence may contain a secret, token or key. The adapters pass status, code, method and path, but never the body of a request. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
  readonly code: ErrorCode;
  readonly failed: string;
  readonly remedy: string;
  readonly stateNow: string;
  readonly alarm: string | undefined;
  readonly problems: readonly string[];
  readonly located: readonly LocatedProblem[];

  constructor(code: ErrorCode, explanation: Explanation) {
    const { alarm, cause, failed, remedy, stateNow = UNTOUCHED } = explanation;
    const first = alarm ? [`${capitalized(alarm)}.`] : [];
    const said = putsStateFirst(alarm, stateNow) ? [stateNow, failed, remedy] : [failed, remedy, stateNow];
    super([...first, ...said].join(' '), { cause });
    this.code = code;
    this.failed = failed;
    this.remedy = remedy;
    this.stateNow = stateNow;
    this.alarm = alarm;
    this.problems = explanation.problems ?? [];
    this.located = explanation.located ?? [];
  }

  /** Whether the message begins with what is true now, before what failed. */
  get beginsWithState(): boolean {
    return putsStateFirst(this.alarm, this.stateNow);
  }

  /** The same error with what is true now, from a caller that knows it. */
  withStateNow(stateNow: string, alarm = this.alarm): RotationError {
    return new RotationError(this.code, { ...this, stateNow, alarm, cause: this.cause });
  }

  withCause(cause: unknown): RotationError {
    return new RotationError(this.code, { ...this, cause });
  }

  /** The same error with this alarm. It keeps its own if there is none. */
  withAlarm(alarm: string | undefined): RotationError {
    return this.withStateNow(this.stateNow, alarm);
  }

  /** The same error with more advice at the end of its remedy, and this one as its cause. */
  withAdvice(more: string): RotationError {
    return new RotationError(this.code, { ...this, remedy: this.remedy + more, cause: this });
  }
}

export function capitalized(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** Whether people must read the state first: there is an alarm, and the run has changed something. */
function putsStateFirst(alarm: string | undefined, stateNow: string): boolean {
  return alarm !== undefined && stateNow !== UNTOUCHED && stateNow !== WATCHED;
}

/** Turns anything thrown into a RotationError. If it is not one, the action has a defect. */
export function asRotationError(error: unknown): RotationError {
  if (error instanceof RotationError) return error;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : 'a value that is not an error';
  return new RotationError('INTERNAL_ERROR', {
    failed: `The action met an unexpected error (${detail}).`,
    remedy: 'Start a new run. If it fails in the same way, please report it with the debug log.',
    cause: error,
  });
}
