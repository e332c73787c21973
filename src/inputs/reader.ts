/** Reads one input after the other and collects what is wrong with them. */

import type { ErrorCode } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The runner upper-cases a name and keeps its dashes. */
function variable(name: string): string {
  return `INPUT_${name.toUpperCase()}`;
}

export function raw(environment: Environment, name: string): string {
  return (environment[variable(name)] ?? '').trim();
}

/** What is wrong with an input, as its name's predicate. */
export interface Problem {
  name: string;
  what: string;
  /** Of a failure that has a code of its own. */
  code: ErrorCode;
}

export function describeProblem({ name, what }: Problem): string {
  return `Input '${name}' ${what}.`;
}

export class Reader {
  readonly problems: Problem[] = [];
  readonly environment: Environment;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  /** As it came in. */
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

  /** A key in the wrong place is not shown, however it is spelt: of a value that has a PEM's line nothing is. */
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

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.text(name) ?? fallback;
    const known = values.find((one) => one === value);
    if (known === undefined) this.problem(name, `is '${value}'; write ${values.join(', ')}`);
    return known ?? fallback;
  }

  integer(name: string, fallback: number, [least, most]: readonly [number, number]): number {
    const value = this.text(name) ?? `${fallback}`;
    const number = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.problem(name, `is '${value}'; write a whole number from ${least} to ${most}`);
    return fallback;
  }

  /** As GitHub reads them: the YAML 1.2 core schema. */
  boolean(name: string): boolean {
    const value = this.text(name) ?? 'false';
    if (!/^(true|True|TRUE|false|False|FALSE)$/.test(value))
      this.problem(name, `is '${value}'; write true or false`);
    return value.toLowerCase() === 'true';
  }

  /** What `parse` throws becomes a problem; its message must hold nothing of a secret. */
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
