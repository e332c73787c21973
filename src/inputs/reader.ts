/** Reads the inputs and collects their problems. */

import type { ErrorCode } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable of an input. The runner upper-cases the name and keeps its dashes (docs/facts.md#runner-inputs). */
export function variable(name: string): string {
  return `INPUT_${name.toUpperCase()}`;
}

export function raw(environment: Environment, name: string): string {
  return (environment[variable(name)] ?? '').trim();
}

/** A problem of an input. `what` continues the sentence "Input 'name' …". */
export interface Problem {
  name: string;
  what: string;
  /** Other than INVALID_INPUT if the problem has a code of its own. */
  code: ErrorCode;
}

export function describeProblem({ name, what }: Problem): string {
  return `Input '${name}' ${what}.`;
}

export class Reader {
  readonly problems: Problem[] = [];
  /** Names of the inputs with a problem that another authentication method would not have. */
  readonly unfit = new Set<string>();
  readonly environment: Environment;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  /** The input with its leading and trailing white space. */
  untrimmed(name: string): string {
    return this.environment[variable(name)] ?? '';
  }

  /** Empty means not given. */
  text(name: string): string | undefined {
    return raw(this.environment, name) || undefined;
  }

  problem(name: string, what: string, code: ErrorCode = 'INVALID_INPUT'): undefined {
    this.problems.push({ name, what: this.#shown(name, what), code });
    return undefined;
  }

  /** A problem that the input has only with this authentication method. In a fleet it may fit another client. */
  unfitProblem(name: string, what: string): undefined {
    this.unfit.add(name);
    return this.problem(name, what);
  }

  /** Hides a value that looks like a PEM or a key, since a secret may be in the wrong input. */
  #shown(name: string, what: string): string {
    const holdsPem = /-----|PRIVATE\s*KEY/.test(this.text(name) ?? '');
    return (holdsPem ? what.replace(/'[\s\S]*'/, '(a PEM)') : what).replace(/[A-Za-z0-9+/=]{48,}/g, '…');
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) {
      this.problem(
        name,
        'must not be empty; if it comes from a secret or a variable, check that it is available to this workflow',
      );
    }
    return value ?? '';
  }

  /** A header carries a token, which has only visible ASCII characters. */
  checkToken(name: string): void {
    if (!/^[!-~]*$/.test(this.text(name) ?? ''))
      this.problem(
        name,
        'holds a space, a line break or another character that no token has; copy the token again, with nothing around it',
      );
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.text(name) ?? fallback;
    const known = values.find((one) => one === value);
    if (known === undefined)
      this.problem(name, `is '${value}'; write ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`);
    return known ?? fallback;
  }

  integer(name: string, fallback: number, [least, most]: readonly [number, number]): number {
    const value = this.text(name) ?? `${fallback}`;
    const number = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.problem(name, `is '${value}'; write a whole number from ${least} to ${most}`);
    return fallback;
  }

  /** Follows the YAML 1.2 core schema, as GitHub does. */
  boolean(name: string): boolean {
    const value = this.text(name) ?? 'false';
    if (!/^(true|True|TRUE|false|False|FALSE)$/.test(value))
      this.problem(name, `is '${value}'; write true or false`);
    return value.toLowerCase() === 'true';
  }

  /** An error of `parse` becomes a problem. Its message must not contain any part of a secret. */
  parsed<T>(name: string, parse: (value: string) => T): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    try {
      return parse(value);
    } catch (error) {
      return this.problem(name, error instanceof Error ? error.message : 'cannot be read');
    }
  }
}
