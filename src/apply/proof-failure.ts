/** Errors and notes about a key that could not be proven. */

import { insteadOf, needsControl, type ProofRequest, type ProofResult } from '../auth0/proof.ts';
import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Plan } from '../model/plan.ts';

type Refused = Exclude<ProofResult, { outcome: 'proven' }>;

/**
 * The error if Auth0 refused the new pair.
 * @param isInUse consumers log in with an earlier key of the same method
 * @param logged the reason in the tenant logs
 */
export function proofError(
  desired: DesiredState,
  refused: Refused,
  isInUse: boolean,
  logged?: string,
): RotationError {
  if (refused.outage) return refused.outage;
  const { method } = desired;
  const why = [detailOf(refused), logged && `the log of Auth0: ${logged}`].filter(Boolean).join('; ');
  const what = method === 'private_key_jwt' ? 'key' : 'certificate';
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The new ${what} ${failedTo(desired, refused)} (${why}).`,
    remedy: remedyOf(desired, refused, isInUse),
  });
}

/** The error if Auth0 refused the pair in use for a reason that would also apply to the new one. */
export function currentRefused(desired: DesiredState, refused: Refused): RotationError {
  if (refused.outage) return refused.outage;
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The pair in current-credential ${failedTo(desired, refused)} (${detailOf(refused)}), so the new pair would fail too.`,
    remedy: remedyOf(desired, refused, true),
  });
}

function detailOf({ detail, pushed }: Refused): string {
  return pushed === undefined ? detail : `${detail}; an earlier pushed authorization request got ${pushed}`;
}

function remedyOf(desired: DesiredState, refused: Refused, isInUse: boolean): string {
  const { method, operation } = desired;
  const { objection, outcome, pushed } = refused;
  if (objection === 'unbound') return `${API_MUST_BIND}Or set token-binding: unchanged.`;
  // Both requests failed, and neither for its key.
  if (pushed !== undefined && outcome === 'failed' && objection === 'request') return UNFIT_REQUEST;
  if (pushed !== undefined && outcome === 'failed' && objection === 'path')
    return method === 'private_key_jwt' ? OTHER_HOST : UNSERVED_PATH;
  const moves = !isInUse && (operation === 'enroll' || operation === 'create');
  const remedies = {
    self_signed_tls_client_auth: isInUse ? CURRENT_CERTIFICATE : ANY_CERTIFICATE,
    tls_client_auth: TRUSTED_CA,
    private_key_jwt: moves ? NEW_METHOD : USED_METHOD,
  };
  return `${outcome === 'unauthorized' ? authorization(desired) : remedies[method]}${binding(desired)}`;
}

function failedTo({ verifyAudience: audience }: DesiredState, { objection, outcome }: Refused): string {
  if (objection === 'unbound') return 'got no bound access token';
  if (outcome !== 'unauthorized') return 'could not log in';
  return audience === undefined
    ? 'may not send the request that would prove it'
    : `may not get a token for the API ${audience}`;
}

/** The remedy for a client that is authenticated but may not get such a token. */
function authorization({ clientId, operation, verifyAudience: audience }: DesiredState): string {
  // The client of a failed creation is deleted again, so it cannot be authorized.
  if (operation === 'create' && clientId === '')
    return 'A new client may not use any API yet. Set verify: auto and start a new run. Then authorize the client that it makes for the API, and start the workflow by hand once with force: true and verify: required.';
  const api = audience === undefined ? 'an API' : `the API with the identifier ${audience}`;
  return `In the Auth0 Dashboard, open Applications, APIs, ${api}, Machine to Machine Applications, and authorize ${clientId || 'the client'}. Or set verify-audience to the identifier of an API that it may use.`;
}

const CURRENT_CERTIFICATE =
  'Try the current certificate with curl (docs/recipes.md, Use the PEM). If that fails as well, correct the edge: it must forward the certificate. If it works, the edge keeps a list of thumbprints of its own: remove that list.';
const ANY_CERTIFICATE =
  'Try any certificate of your own with curl (docs/recipes.md, Use the PEM). Auth0 itself must refuse it. If the edge does, correct the edge: it must ask for a certificate, forward it, and keep no list of thumbprints of its own.';
const TRUSTED_CA =
  'Check that the edge trusts the CA, and all CAs between it and the certificate, and reports that: it must forward client-certificate-ca-verified: SUCCESS.';
const UNFIT_REQUEST =
  'Auth0 refuses these requests themselves, so they show nothing about the key. Look at the settings of the client in Auth0 for what the answers name, leave its method and credentials as they are, and start a new run.';
const UNSERVED_PATH =
  'Let the edge forward POST requests for the token endpoint that discovery names to Auth0, and better those for pushed authorization requests too (docs/recipes.md, The mTLS edge).';
const OTHER_HOST = "Check that auth0-domain is the tenant's own host, then start a new run.";
const USED_METHOD =
  'Look at the client in Auth0 (Applications, the client, Credentials): its method must be Private Key JWT, with the algorithm that signing-algorithm names.';
const NEW_METHOD =
  "Do not switch the client to Private Key JWT by hand: nobody holds the new key. Check that auth0-domain is the tenant's own host, and that signing-algorithm is one that the client may use. Then start a new run.";

function binding({ tokenBinding }: DesiredState): string {
  return tokenBinding === 'required'
    ? ' With token-binding: required the API must require it as well (proof_of_possession with mechanism: mtls). Otherwise Auth0 issues no token for it.'
    : '';
}

/** The error if the pair in use gets no token, or none that is bound. @param isBound the run has bound tokens, and undoes that now */
export function notBindable(desired: DesiredState, result: ProofResult, isBound: boolean): RotationError {
  if (result.outcome !== 'proven' && result.outage) return result.outage;
  const why =
    result.outcome === 'proven' ? 'the token is not bound (cnf.x5t#S256 is missing)' : result.detail;
  const remedy =
    result.outcome === 'proven'
      ? ''
      : `${remedyOf({ ...desired, tokenBinding: 'unchanged' }, result, true)} `;
  return new RotationError('VERIFICATION_FAILED', {
    failed: isBound
      ? `With access tokens bound, the pair in current-credential gets no bound token (${why}).`
      : `The pair in current-credential gets no token (${why}), so access tokens are not bound to it.`,
    remedy: `${isBound ? API_MUST_BIND : remedy}Or set token-binding: unchanged.`,
  });
}

const API_MUST_BIND =
  'Let the API require it as well (proof_of_possession with mechanism: mtls), and start a new run. ';

export function noEndpointToBind(): RotationError {
  return new RotationError('MTLS_ENDPOINT_NOT_FOUND', {
    failed:
      'Access tokens were not bound to the certificate. Only a token endpoint that asks for a certificate can prove that, and discovery names none.',
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or enable mTLS endpoint aliases of the tenant. Or set token-binding: unchanged.',
  });
}

/** The error of a check before any effect. */
export function noGrant({ clientId, operation }: DesiredState): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `A proof is required (verify, or a rehearsal), but client ${clientId} has no grant that can prove a key: neither client_credentials, authorization_code nor refresh_token.`,
    remedy:
      operation === 'rehearse'
        ? NO_REHEARSAL
        : 'Set verify: auto to have the key delivered without a proof, or give the client such a grant.',
  });
}

/** A rehearsal takes no `verify`. */
const NO_REHEARSAL =
  'A rehearsal always needs a proof, so this client cannot be rehearsed as it is. operation: rotate with verify: auto delivers its key without a proof.';

/**
 * Refuses a request that needs a negative control, for a new pair with a registered subject: Auth0 never refuses that, so there is none.
 * @param pushed how a pushed authorization request was refused
 * @throws RotationError VERIFICATION_FAILED
 */
export function refuseUncontrolled(
  desired: DesiredState,
  { reuses }: { reuses: string | undefined },
  request: ProofRequest,
  pushed?: string,
): void {
  if (needsControl(request) && reuses !== undefined && desired.verify === 'required')
    throw noControl(desired, pushed);
}

/** @param pushed how a pushed authorization request was refused */
export function noControl({ clientId, operation }: DesiredState, pushed?: string): RotationError {
  const alternative =
    pushed === undefined
      ? 'Or let discovery name a pushed_authorization_request_endpoint, and give the client the grant authorization_code and a callback.'
      : `Or remove what refuses its pushed authorization requests (${pushed}).`;
  return new RotationError('VERIFICATION_FAILED', {
    failed: `A proof is required (verify, or a rehearsal), but no key of client ${clientId} can be proven: it has no grant client_credentials, and Auth0 gives the same answer for an unregistered key.`,
    remedy: `${operation === 'rehearse' ? NO_REHEARSAL : 'Set verify: auto to have the key delivered without a proof.'} ${alternative}`,
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

/**
 * Refuses the change of a public client whose proof does not reach Auth0. A pushed request may yet be replaced, but then nothing proves the
 * key.
 * @throws RotationError VERIFICATION_FAILED, AUTH0_REQUEST_FAILED
 */
export function refuseUnreachable(desired: DesiredState, request: ProofRequest, result: ProofResult): void {
  if (result.outcome === 'proven') return;
  const { isIntercepted, objection, outage } = result;
  if (!isIntercepted && objection !== 'path' && outage === undefined) return;
  if (desired.verify === 'required' || insteadOf(request) === undefined)
    throw proofError(desired, result, false);
}

/** The note about a pushed authorization request that was refused for another reason than the key. */
export function replaced(refusal: string): string {
  return `A pushed authorization request cannot prove a key of this client (${refusal}). The run sends a token request with an authorization code that nobody issued instead.`;
}

/**
 * The note about a pair in use that OpenSSL refuses. That says nothing about the new pair, and a key that is too weak should go soon.
 * @param code its error
 */
export function untried(code: string): string {
  return `OpenSSL on this runner finds the key or digest of the pair in current-credential too weak (${code}), so the run could not try it. It is NOT PROVEN that consumers can log in with it. The rotation goes on, and its new pair is not affected.`;
}

export const BINDING_UNPROVEN =
  'It is NOT PROVEN that access tokens are bound to the certificate: the client has no grant client_credentials, so the run could not request a token.';

/** The note about a pair in use that Auth0 refused right before the new one is issued. */
export function lockedOutBefore(detail: string, { steps }: Pick<Plan, 'steps'>): string {
  const when = steps[0]?.kind === 'issue-certificate' ? ', before this run changed anything' : '';
  return `The pair in current-credential could not log in (${detail})${when}. Consumers that use it cannot log in until they use the credential that this run delivers.`;
}
