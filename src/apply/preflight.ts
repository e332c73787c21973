/** Everything that can refuse a rotation before its first effect. */

import { RotationError } from '../errors.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type DesiredState, secretLocations } from '../model/desired-state.ts';

export interface PreflightServices {
  /** Where the proof is made; undefined with `verify: off`, or where discovery names no endpoint that asks for a certificate. */
  proofEndpoint: () => Promise<string | undefined>;
  store: SecretStore | undefined;
}

/** @throws RotationError MTLS_ENDPOINT_NOT_FOUND, DISCOVERY_FAILED, DESTINATION_NOT_FOUND, GITHUB_… */
export async function preflight(desired: DesiredState, services: PreflightServices): Promise<void> {
  const keys = publicKeyReads(desired, services.store);
  const [endpoint] = await Promise.all([services.proofEndpoint(), ...keys.map((read) => read())]);
  if (endpoint === undefined && desired.verify === 'required') throw endpointMissing();
}

/** Each proves that its destination exists and may be read. */
export function publicKeyReads(
  desired: DesiredState,
  store: SecretStore | undefined,
): readonly (() => Promise<unknown>)[] {
  const destinations = new Set(secretLocations(desired).map(({ destination }) => destination));
  return [...destinations].map((destination) => async () => store?.publicKey(destination));
}

function endpointMissing(): RotationError {
  return new RotationError('MTLS_ENDPOINT_NOT_FOUND', {
    failed:
      'A proof is required (verify, or a rehearsal), but discovery names no token endpoint that asks for a client certificate.',
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or enable mTLS endpoint aliases of the tenant.',
  });
}
