/** What `apply` is given and what it tells: the job of one client. */

import type { Tenant } from '../auth0/tenant.ts';
import type { Pair } from '../certificate/inspect.ts';
import type { SecretStore } from '../github/secret-store.ts';
import type { Holders } from '../github/workflow-runs.ts';
import type { DesiredState, KeyFacts } from '../model/desired-state.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../plan/plan.ts';
import type { Proof, ProofServices } from './prove.ts';

/** What `apply` acts through. */
export interface Services extends ProofServices {
  tenant: Tenant;
  /** undefined: nothing is stored. */
  store: SecretStore | undefined;
  /** Of the secrets that hold a PKCS#12; empty means none. */
  pkcs12Password: string;
  /** Told before each step; the answer is told how it went. */
  onStep: (text: string) => (outcome: string) => void;
}

/** The job of one client. */
export interface Job {
  desired: DesiredState;
  observed: ObservedState;
  plan: Plan;
  /** What `current-credential` holds, for a delivery that needs no new key. */
  currentPair: Pair | undefined;
}

export interface Outcome {
  /** A new credential is held by a destination at least. */
  rotated: boolean;
  /** The new credential, once it is held. */
  credential: ({ id: string } & KeyFacts) | undefined;
  proof: Proof;
  /** Of the client that was worked on: `create` learns it. */
  clientId: string;
  delivered: readonly string[];
  /** Places that may have been stored: no clear answer came. */
  inDoubt: readonly string[];
  removed: readonly string[];
  /** Of what was revoked; undefined: nothing was, or it was not asked. */
  holders: Holders | undefined;
  steps: readonly DoneStep[];
}

export interface DoneStep {
  text: string;
  milliseconds: number;
  /** The last one, where the run ended with it. */
  failed: boolean;
}
