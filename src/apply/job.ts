/** The arguments of `apply`. */

import type { Tenant } from '../auth0/tenant.ts';
import type { SecretStore } from '../github/secret-store.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Pair } from '../model/key-pair.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import type { PreflightServices } from './preflight.ts';
import type { ProofServices } from './prove.ts';

/** The services that `apply` uses. */
export interface ApplyServices extends ProofServices, PreflightServices {
  tenant: Tenant;
  /** undefined: nothing is stored. */
  store: SecretStore | undefined;
  /**
   * Makes the new pair, or takes the one that was brought.
   * @param desired with the subject and the key size of the pair in use, where the inputs have none
   * @param now Auth0's clock
   * @throws RotationError CERTIFICATE_TOO_LARGE
   */
  issuePair: (desired: DesiredState, now: number) => Promise<Pair>;
  /** The password of PKCS#12 secrets. Empty means none. */
  pkcs12Password: string;
  /** Called before each step. Returns a function that is called with the step's outcome. */
  onStep: (text: string) => (outcome: string) => void;
}

/** The job of one client. */
export interface Job {
  desired: DesiredState;
  observed: ObservedState;
  plan: Plan;
  /** The pair in `current-credential`, for a delivery that needs no new key. */
  currentPair: Pair | undefined;
}
