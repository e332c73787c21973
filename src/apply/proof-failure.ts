/** Errors about a key that could not be proven. */

import type { ProofRequest, ProofResult } from '../auth0/proof.ts';
import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';

type Refused = Exclude<ProofResult, { outcome: 'proven' }>;

/** The error if Auth0 refused the new pair. @param logged the reason in the tenant logs */
export function notProven(desired: DesiredState, refused: Refused, logged?: string): RotationError {
  const { method, operation } = desired;
  const grant =
    operation === 'create'
      ? ' A new client needs a client grant for that API first. With verify: auto its key is delivered without a proof.'
      : '';
  const why = [refused.detail, logged && `the log of Auth0: ${logged}`].filter(Boolean).join('; ');
  const what = method === 'private_key_jwt' ? 'key' : 'certificate';
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The new ${what} ${failedTo(desired, refused)} (${why}).`,
    remedy: `${refused.outcome === 'unauthorized' ? authorization(desired) : REMEDIES[method]}${grant}${binding(desired)}`,
  });
}

/** The error if Auth0 refused the pair in use for a reason that would also apply to the new one. */
export function currentRefused(desired: DesiredState, refused: Refused): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The pair in current-credential ${failedTo(desired, refused)} (${refused.detail}), so the new pair would fail too.`,
    remedy: `${refused.outcome === 'unauthorized' ? authorization(desired) : REMEDIES[desired.method]}${binding(desired)}`,
  });
}

function failedTo({ verifyAudience: audience }: DesiredState, { outcome }: Refused): string {
  if (outcome !== 'unauthorized') return 'could not log in';
  return audience === undefined
    ? 'may not send the request that would prove it'
    : `may not get a token for the API ${audience}`;
}

/** The remedy for a client that is authenticated but may not get such a token. */
function authorization({ clientId, verifyAudience: audience }: DesiredState): string {
  const api = audience === undefined ? 'an API' : `the API with the identifier ${audience}`;
  return `In the Auth0 Dashboard, open Applications, APIs, ${api}, Machine to Machine Applications, and authorize ${clientId || 'the client'}. Or set verify-audience to the identifier of an API that it may use.`;
}

const REMEDIES = {
  self_signed_tls_client_auth:
    'Try the current certificate with curl; the linked page shows how. If that fails as well, correct the edge: it must forward the certificate. If it works, the edge keeps a list of thumbprints of its own: remove that list.',
  tls_client_auth:
    'Check that the edge trusts the CA, and all CAs between it and the certificate, and reports that: it must forward client-certificate-ca-verified: SUCCESS.',
  private_key_jwt:
    'Look at the client in Auth0 (Applications, the client, Credentials): its method must be Private Key JWT, with the algorithm that signing-algorithm names.',
};

function binding({ tokenBinding }: DesiredState): string {
  return tokenBinding === 'required'
    ? ' With token-binding: required the API must require it as well (proof_of_possession with mechanism: mtls). Otherwise Auth0 issues no token for it.'
    : '';
}

/** The error of a check before any effect. */
export function noGrant({ clientId }: Pick<DesiredState, 'clientId'>): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `A proof is required (verify, or a rehearsal), but client ${clientId} has no grant that can prove a key: neither client_credentials, authorization_code nor refresh_token.`,
    remedy: 'Set verify: auto to have the key delivered without a proof, or give the client such a grant.',
  });
}

export function noControl({ clientId }: Pick<DesiredState, 'clientId'>): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `A proof is required (verify, or a rehearsal), but no key of client ${clientId} can be proven: it has no grant client_credentials, and Auth0 gives the same answer for an unregistered key.`,
    remedy:
      'Set verify: auto to have the key delivered without a proof. Or let discovery name a pushed_authorization_request_endpoint and give the client a callback.',
  });
}

export function unregisteredAccepted(
  { clientId, method }: DesiredState,
  asked: ProofRequest['kind'],
): RotationError {
  const what =
    method === 'private_key_jwt' ? 'An assertion of an unregistered key' : 'An unregistered certificate';
  const got = asked === 'token' ? 'got an access token of' : 'was accepted for';
  const remedies = {
    self_signed_tls_client_auth:
      'Let the edge ask each caller for its certificate and forward exactly that one (client-certificate). Check client_authentication_methods of the client in Auth0.',
    tls_client_auth:
      'Let the edge check each certificate against the CA, and forward client-certificate-ca-verified: SUCCESS only for those that the CA has signed.',
    private_key_jwt:
      'Check in Auth0 that client_authentication_methods of the client is private_key_jwt, with its own keys only.',
  };
  return new RotationError('UNREGISTERED_ACCEPTED', {
    failed: `${what} ${got} client ${clientId}: anybody who knows the client id can log in.`,
    remedy: `${remedies[method]} Then rehearse again.`,
  });
}
