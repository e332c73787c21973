/** The result of one client's run, even of a run that failed. */

import type { RotationError } from '../errors.ts';
import type { DesiredState } from './desired-state.ts';
import type { Finding } from './finding.ts';
import type { KeyFacts } from './key-pair.ts';
import type { Note } from './note.ts';
import type { ObservedState } from './observed-state.ts';
import type { Plan } from './plan.ts';

export interface RunResult {
  /** A plan or a watch: nothing is changed in Auth0 or in the secrets. A watch may write its issue. */
  readOnly: boolean;
  desired: DesiredState;
  observed?: ObservedState;
  /** When the credential in use expires, also if no plan could be made. undefined: not recorded. */
  expiresAt?: number | undefined;
  plan?: Plan;
  outcome?: Outcome;
  /** Of `operation: watch`. */
  watch?: Watched;
  error?: RotationError | undefined;
}

export type Proof =
  | 'proven'
  | 'proven and bound'
  | 'not proven'
  /** The client has no grant that a key can be proven by. */
  | 'not proven: no grant'
  /** Auth0 gives the same answer for an unregistered key. */
  | 'not proven: no control'
  | 'not authorized';

export type ProvenBy = 'token' | 'pushed request' | 'authorization code' | 'refresh token';

/** The result of `apply`. */
export interface Outcome {
  /** At least one secret location holds a new credential. */
  rotated: boolean;
  /** The new credential, once a secret location holds it. */
  credential: ({ id: string } & KeyFacts) | undefined;
  proof: Proof;
  provenBy: ProvenBy | undefined;
  /** Notes that came up while the plan was carried out. */
  notes: readonly Note[];
  /** With `create`, the id of the new client. */
  clientId: string;
  /** Secret locations that hold the new pair if the run rotated, and else those in which it stored the current pair. */
  delivered: readonly string[];
  /** Secret locations that may hold the new pair, since their write got no clear answer. */
  inDoubt: readonly string[];
  removed: readonly string[];
  /** Workflow runs that may still hold a revoked credential. undefined: nothing was revoked. */
  earlierRuns: EarlierRuns | undefined;
  steps: readonly DoneStep[];
}

export interface DoneStep {
  text: string;
  milliseconds: number;
  /** `done`; `failed`, where the run ended; or what it did instead. */
  outcome: string;
}

export interface WorkflowRun {
  repository: string;
  name: string;
  url: string;
  status: string;
  /** ISO date. */
  createdAt: string;
}

/** Workflow runs that were queued before a secret was stored and are still at work. */
export interface EarlierRuns {
  runs: readonly WorkflowRun[];
  /** Repositories. */
  searched: readonly string[];
  /** Destinations that could not be searched, and why. */
  unsearched: readonly { destination: string; why: string }[];
}

/** The result of a watch. */
export interface Watched {
  /** Worst first. */
  findings: readonly Finding[];
  lifetime: Lifetime | undefined;
  /** A rotation is at work or has just ended, so the watch did not check the client. */
  isAtWork: boolean;
}

export interface Lifetime {
  /** Milliseconds, Auth0's clock. */
  until: number;
  /** The remaining fraction. At most 1, and below 0 after the end. */
  left: number;
}

export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  title: string;
  message: string;
}

export interface Report {
  outputs: Readonly<Record<string, string>>;
  annotations: readonly Annotation[];
  /** GitHub-flavoured Markdown. */
  summary: string;
  /** One sentence: what happened, and what to do. */
  headline: string;
}
