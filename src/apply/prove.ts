/** Proves the new key with a real token request, for as long as Auth0 may need until it knows it. */

import { isAdmitted, proveKey } from '../auth0/proof.ts';
import { RotationError } from '../errors.ts';
import { type Cancellation, type Clock, sleep } from '../http/clock.ts';
import type { Service } from '../http/service.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { KeyFacts, Pair } from '../model/key-pair.ts';
import type { Proof } from '../model/run-result.ts';

export interface ProofServices {
  /** The customer edge that terminates mTLS; of a bare key the tenant itself. */
  edge: Service;
  domain: string;
  proofEndpoint: () => Promise<string | undefined>;
  /** A new pair for the wished subject that Auth0 is never told of. */
  /** A new pair for the same subject that is never registered. @param now Auth0's clock */
  issueUnregistered: (now: number) => Promise<Pair>;
  /** Registers a value that must never be shown. */
  mask: (secret: string) => void;
  clock: Clock;
  cancellation: Cancellation;
}

/** How long Auth0 may need until an association is effective: unknown, so bounded (docs/facts.md#auth0-propagation). */
const PROPAGATION = 30_000;

/**
 * @returns 'not proven' where no endpoint is known; 'not authorized' where a client that was just made may use no API yet
 * @throws RotationError VERIFICATION_FAILED
 */
export async function prove(
  desired: DesiredState,
  { pair, facts }: { pair: Pair; facts: KeyFacts },
  services: ProofServices,
): Promise<Proof> {
  const { cancellation, clock, domain, edge, proofEndpoint } = services;
  const endpoint = await proofEndpoint();
  if (endpoint === undefined) return 'not proven';
  const { clientId, run, verifyAudience: audience } = desired;
  const { thumbprint } = facts;
  // guard: with token binding required, only a bound token is a proof
  const mustBind = desired.tokenBinding === 'required';
  const until = clock.now() + PROPAGATION;
  for (let delay = 250; ; delay = Math.min(delay * 2, 4_000)) {
    const asked = { endpoint, domain, clientId, pair, thumbprint, audience, mustBind, run };
    const result = await proveKey(edge, asked);
    if (result.outcome === 'proven') return result.bound ? 'proven and bound' : 'proven';
    const mayWait = desired.operation === 'create' && desired.verify !== 'required';
    if (result.outcome === 'unauthorized' && mayWait) return 'not authorized';
    if (result.outcome !== 'refused' || clock.now() + delay > until) throw notProven(desired, result.detail);
    await sleep(clock, delay, cancellation);
  }
}

/**
 * The negative control, right after a proof that has worked: an edge that admits everybody would let any certificate prove itself.
 * @throws RotationError UNREGISTERED_ACCEPTED, VERIFICATION_FAILED, AUTH0_REQUEST_FAILED
 */
export async function proveRefusal(desired: DesiredState, services: ProofServices): Promise<void> {
  const { domain, edge, mask, proofEndpoint, issueUnregistered } = services;
  const endpoint = await proofEndpoint();
  if (endpoint === undefined) throw new Error('a rehearsal was planned without an endpoint');
  const pair = await issueUnregistered(edge.now());
  mask(pair.privateKey);
  const { clientId, run, verifyAudience: audience } = desired;
  const admitted = await isAdmitted(edge, { endpoint, domain, clientId, pair, audience, run });
  if (admitted) throw unregisteredAccepted(desired);
}

function unregisteredAccepted({ clientId, method }: DesiredState): RotationError {
  const what = method === 'private_key_jwt' ? 'An assertion by a key' : 'A certificate';
  const remedies = {
    self_signed_tls_client_auth:
      'Let the edge ask each caller for its certificate and forward that one, and nothing in its place (client-certificate), and look in Auth0 whether client_authentication_methods of the client is what it should be.',
    tls_client_auth:
      'Let the edge check each certificate against the CA, and forward client-certificate-ca-verified: SUCCESS only for those that the CA has signed.',
    private_key_jwt:
      'Look in Auth0 whether client_authentication_methods of the client is private_key_jwt, with its own keys alone.',
  };
  return new RotationError('UNREGISTERED_ACCEPTED', {
    failed: `${what} that nobody has registered got an access token of client ${clientId}: whoever knows the client id can log in.`,
    remedy: `${remedies[method]} Then rehearse again.`,
  });
}

function notProven({ method, operation }: DesiredState, detail: string): RotationError {
  const grant =
    operation === 'create'
      ? ' A new client needs a client grant for that API first: with verify: auto it is delivered without a proof.'
      : '';
  const remedies = {
    self_signed_tls_client_auth:
      'Check that the edge forwards the certificate, that it keeps no list of thumbprints of its own, and that verify-audience names an API which the client may use.',
    tls_client_auth:
      'Check that the edge trusts the CA and reports it (client-certificate-ca-verified: SUCCESS), and that verify-audience names an API which the client may use.',
    private_key_jwt: 'Check that verify-audience names an API which the client may use.',
  };
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The new ${method === 'private_key_jwt' ? 'key' : 'certificate'} could not log in (${detail}).`,
    remedy: `${remedies[method]}${grant}`,
  });
}
