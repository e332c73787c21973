/** Every failure of the action: a code of a closed list and three sentences. */

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
  'DELIVERY_INCOMPLETE',
  'WATCH_FAILED',
  'RETIREMENT_FAILED',
  'CANARY_FAILED',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'INTERNAL_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A problem in a file of the repository: the log of GitHub shows it at its line. Both count from 1. */
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
  /** What is true now. Where an edge throws it is not known yet: `apply` adds it. */
  stateNow?: string;
  /** Consumers may not be able to log in any more: what is read before all else, in few words. */
  alarm?: string | undefined;
  /** All problems, where there is more than one (inputs). */
  problems?: readonly string[];
  /** Those that are in a file. */
  located?: readonly LocatedProblem[];
  cause?: unknown;
}

const UNTOUCHED = 'Nothing was changed in Auth0 or GitHub.';

/** No secret, token or key may enter any of the sentences: edges pass status, code, method and path, never bodies they sent. */
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
    super((alarm ? [stateNow, failed, remedy] : [failed, remedy, stateNow]).join(' '), { cause });
    this.code = code;
    this.failed = failed;
    this.remedy = remedy;
    this.stateNow = stateNow;
    this.alarm = alarm;
    this.problems = explanation.problems ?? [];
    this.located = explanation.located ?? [];
  }

  /** The same failure, from a caller that knows what it left behind. */
  withStateNow(stateNow: string, alarm?: string): RotationError {
    return new RotationError(this.code, { ...this, stateNow, alarm, cause: this.cause });
  }
}

/** Anything thrown, as a RotationError; what is not one is a defect of the action. */
export function asRotationError(error: unknown): RotationError {
  if (error instanceof RotationError) return error;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : 'a value that is no error';
  return new RotationError('INTERNAL_ERROR', {
    failed: `The action met an error that it does not know (${detail}).`,
    remedy: 'Please report it with the debug log of this run.',
    cause: error,
  });
}
