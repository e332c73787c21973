/** What one client's run did, as far as it came. */

import type { RotationError } from '../errors.ts';
import type { DesiredState } from './desired-state.ts';
import type { Finding } from './finding.ts';
import type { KeyFacts } from './key-pair.ts';
import type { ObservedState } from './observed-state.ts';
import type { Plan } from './plan.ts';

export interface RunResult {
  /** Nothing was changed: only the plan was asked for. */
  planOnly: boolean;
  desired: DesiredState;
  observed?: ObservedState;
  plan?: Plan;
  outcome?: Outcome;
  /** Of `operation: watch`. */
  watch?: Watched;
  error?: RotationError | undefined;
}

export type Proof = 'proven' | 'proven and bound' | 'not proven' | 'not authorized';

/** What `apply` did. */
export interface Outcome {
  /** At least one secret location holds a new credential. */
  rotated: boolean;
  /** The new credential, once a secret location holds it. */
  credential: ({ id: string } & KeyFacts) | undefined;
  proof: Proof;
  /** Of the client: `create` learns it. */
  clientId: string;
  delivered: readonly string[];
  /** Secret locations that may hold the new pair: no clear answer came. */
  inDoubt: readonly string[];
  removed: readonly string[];
  /** Who may still hold what was revoked; undefined: nothing was revoked. */
  holders: Holders | undefined;
  steps: readonly DoneStep[];
}

export interface DoneStep {
  text: string;
  milliseconds: number;
  /** The run ended with this step. */
  failed: boolean;
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
export interface Holders {
  runs: readonly WorkflowRun[];
  /** Repositories. */
  searched: readonly string[];
  /** Where nobody could look, and why. */
  unsearched: readonly { destination: string; why: string }[];
}

/** What a watch saw. */
export interface Watched {
  /** Worst first. */
  findings: readonly Finding[];
  lifetime: Lifetime | undefined;
  isAtWork: boolean;
}

export interface Lifetime {
  /** Milliseconds, Auth0's clock. */
  until: number;
  /** The part that is left: at most 1, below 0 once it is over. */
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
