/** Checks everything that can refuse a rotation, before its first effect. */

import { RotationError } from '../errors.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type DesiredState, secretLocations } from '../model/desired-state.ts';
import type { ObservedSecret, ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import type { SecretLocation } from '../model/secret-location.ts';
import { noEndpointToBind, noGrant, refuseUncontrolled } from './proof-failure.ts';
import type { Prover } from './prove.ts';

export interface PreflightServices {
  proofEndpoint: () => Promise<string | undefined>;
  store: SecretStore | undefined;
}

/** @throws RotationError MTLS_ENDPOINT_NOT_FOUND, DISCOVERY_FAILED, VERIFICATION_FAILED, DESTINATION_NOT_FOUND, GITHUB_… */
export async function preflight(
  {
    desired,
    observed,
    plan,
  }: {
    desired: DesiredState;
    observed: Pick<ObservedState, 'secrets'>;
    plan: Pick<Plan, 'reuses' | 'steps'>;
  },
  services: PreflightServices,
  prover: Prover,
): Promise<void> {
  const { store } = services;
  const reads = [
    ...publicKeyReads(desired, store, observed.secrets),
    ...shownLocations(desired, observed.secrets).map((one) => async () => store?.checkVisibility(one)),
  ];
  const proof = async () => {
    const endpoint = await services.proofEndpoint();
    const isRequired = desired.verify === 'required';
    if (endpoint === undefined && isRequired) throw endpointMissing();
    if (endpoint === undefined && desired.verify !== 'off' && plan.steps.some(isBinding))
      throw noEndpointToBind();
    if (endpoint === undefined) return;
    const proofRequest = await prover.proofRequest();
    if (proofRequest === undefined && isRequired) throw noGrant(desired);
    if (proofRequest) refuseUncontrolled(desired, plan, proofRequest);
    await prover.proveCurrent();
  };
  await Promise.all([proof(), ...reads.map((read) => read())]);
}

/**
 * A read of each destination's public key, which proves that the destination exists and may be read.
 * @param secrets what was observed. A destination that GitHub does not show is left out.
 */
export function publicKeyReads(
  desired: DesiredState,
  store: SecretStore | undefined,
  secrets: readonly ObservedSecret[] = [],
): readonly (() => Promise<unknown>)[] {
  const destinations = new Set(shownLocations(desired, secrets).map(({ destination }) => destination));
  return [...destinations].map((destination) => async () => store?.publicKey(destination));
}

function shownLocations(desired: DesiredState, secrets: readonly ObservedSecret[]): SecretLocation[] {
  const unshown = secrets.filter(({ refused }) => refused).map(({ location }) => location.destination);
  return secretLocations(desired).filter(({ destination }) => !unshown.includes(destination));
}

function isBinding(step: Plan['steps'][number]): boolean {
  return step.kind === 'bind-tokens' && step.required;
}

function endpointMissing(): RotationError {
  return new RotationError('MTLS_ENDPOINT_NOT_FOUND', {
    failed:
      'A proof is required (verify, or a rehearsal), but discovery names no token endpoint that asks for a client certificate.',
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or enable mTLS endpoint aliases of the tenant.',
  });
}
