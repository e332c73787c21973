/** A run of the action as the scheduler sees it, and how its requests are let go. */

import type { Cancellation } from '../../src/http/clock.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { RunResult } from '../../src/model/run-result.ts';
import type { run } from '../../src/run.ts';
import type { connectServices } from '../../src/services.ts';

/** What is explored: the real road, or one with a guard removed. */
export interface Code {
  run: typeof run;
  connectServices: typeof connectServices;
  NetworkError: new (code: string, landed: 'no' | 'unknown') => Error;
  Cancellation: new (signal: AbortSignal, deadline: number) => Cancellation;
}

/** What a run is asked for, where it differs from its scenario. */
export type Asking = Partial<Pick<DesiredState, 'force' | 'overlap' | 'operation' | 'revoke'>>;

export interface Parked {
  actor: Actor;
  request: HttpRequest;
  /** Its place among the requests of its run, retries included; from 1. */
  index: number;
  resolve: (response: HttpResponse) => void;
  reject: (error: Error) => void;
  /** Takes its listener off the signal, or the signal would live for ever. */
  forget: () => void;
  /** Instead of a request: its run begins only now. */
  begin?: () => void;
}

export interface Sleeper {
  until: number;
  wake: () => void;
  forget: () => void;
}

/** How a request is let go. */
export type Delivery =
  | { kind: 'answer' }
  /** The service refuses, and does nothing. */
  | { kind: 'refuse'; status: number }
  /** The service does nothing, and asks the run to come back right before its time is over. */
  | { kind: 'wait' }
  /** It lands; its answer is lost. */
  | { kind: 'lose' }
  /** It lands; a page comes in the place of its answer. */
  | { kind: 'unreadable' }
  /** It does not land, which the run cannot know. */
  | { kind: 'drop' }
  /** As `drop`; it lands later, by `landLate`. */
  | { kind: 'late' }
  | { kind: 'crash before' }
  | { kind: 'crash after' }
  /** Its answer comes when 20 seconds have passed. */
  | { kind: 'slow' }
  /** The runner asks the run to stop, just before. */
  | { kind: 'cancel' }
  /** A person associates a credential of theirs, just before. */
  | { kind: 'by hand' }
  /** Somebody makes a credential of the subject that the run is about to use, just before. */
  | { kind: 'taken' };

/** One run of the action in the world. */
export class Actor {
  readonly name: string;
  readonly parked: Parked[] = [];
  readonly sleepers = new Set<Sleeper>();
  readonly controller = new AbortController();
  /** Everything it told, keys excluded: invariant I6. */
  readonly told: string[] = [];
  /** Places whose interruption a step of its has named. */
  readonly interrupts = new Set<string>();
  /** Thumbprint of its `current-credential`. */
  current: string | undefined;
  operation: DesiredState['operation'] = 'rotate';
  result: RunResult | undefined;
  dead = false;
  sent = 0;
  /** World's time at which it must have stopped, or undone. */
  deadline = 0;

  constructor(name: string) {
    this.name = name;
  }

  get live(): boolean {
    return !this.dead && this.result === undefined;
  }

  get succeeded(): boolean {
    return this.result !== undefined && this.result.error === undefined;
  }

  get rotates(): boolean {
    return this.told.some((line) => line.includes('Issue a key pair'));
  }

  tell(line: string): void {
    this.told.push(line);
    const named = /INTERRUPTS ([^)]*)/.exec(line)?.[1]?.split(', ') ?? [];
    for (const location of named) this.interrupts.add(location);
  }
}
