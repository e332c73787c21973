/** Turns the problems of the inputs into one error. */

import { type LocatedProblem, NOT_REVOKED, RotationError } from '../errors.ts';
import { describeProblem, type Environment, type Problem, raw } from './reader.ts';

export function inputError(problems: readonly Problem[], environment: Environment): RotationError {
  const error = invalid('inputs', problems.map(describeProblem), remedyOf(problems, environment));
  const [code, ...others] = new Set(problems.map((problem) => problem.code));
  return withRevokeAlarm(
    code === undefined || others.length > 0 ? error : new RotationError(code, error),
    environment,
  );
}

/** Bad inputs are urgent in a run that is to revoke a leaked key. */
export function withRevokeAlarm(error: RotationError, environment: Environment): RotationError {
  const revokes =
    raw(environment, 'revoke') !== '' && !['plan', 'watch'].includes(raw(environment, 'operation'));
  return revokes ? error.withAlarm(NOT_REVOKED) : error;
}

/** The remedy includes `force`, since without it a rotation without `current-credential` would refuse and ask for that input. */
function remedyOf(problems: readonly Problem[], environment: Environment): string {
  const correct = 'Correct the workflow.';
  if (problems.every(({ name }) => name !== 'current-credential')) return correct;
  return raw(environment, 'operation') === 'revert'
    ? `${correct} If the secret itself is broken, remove the line current-credential: a revert does not need it.`
    : `${correct} If the secret itself is broken and nobody needs what it holds, remove the line current-credential and start a rotation by hand once with force: true, which stores a new pair there. Then put the line back.`;
}

/** The most problems in one message. */
const SHOWN = 40;

export function invalid(
  what: string,
  problems: readonly string[],
  remedy: string,
  located: readonly LocatedProblem[] = [],
): RotationError {
  const rest = problems.length > SHOWN ? ` And ${problems.length - SHOWN} more.` : '';
  return new RotationError('INVALID_INPUT', {
    failed: `The ${what} ${what.endsWith('s') ? 'have' : 'has'} ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}: ${problems.slice(0, SHOWN).join(' ')}${rest}`,
    remedy,
    problems,
    located,
  });
}
