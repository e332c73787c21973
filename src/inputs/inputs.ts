/** Reads the inputs of action.yml and reports all problems at once, before any effect. */

import type { Issuer } from '../certificate/authority.ts';
import { factsOf, parseCredential } from '../certificate/credential.ts';
import { holdsPrivateKey } from '../certificate/masks.ts';
import {
  type AuthenticationMethod,
  type DesiredState,
  METHODS,
  REVERT_METHODS,
} from '../model/desired-state.ts';
import type { Pair } from '../model/key-pair.ts';
import type { ManagementLogin } from '../model/management-login.ts';
import { SIGNING_ALGORITHMS } from '../model/signing-algorithm.ts';
import { commonName } from '../model/subject-dn.ts';
import type { WatchRequest } from '../model/watch-request.ts';
import { readCredentialIds } from './credential-ids.ts';
import { readDestinations, readMovedFrom, readPkcs12Password, readSecretNames } from './destinations.ts';
import { readOverlap, readPropagationTime, readQuietWindow } from './durations.ts';
import { readIssuer, readMaterial } from './issuer.ts';
import { readLogin } from './login.ts';
import { refuseNearNames } from './names.ts';
import { type Environment, Reader, raw } from './reader.ts';
import { inputError } from './refusal.ts';
import { readWatch } from './watch.ts';

export interface Inputs {
  /** A plan or a watch, which changes nothing in Auth0 or in the secrets. */
  readOnly: boolean;
  /** With `operation: watch`. */
  watch: WatchRequest | undefined;
  domain: string;
  mtlsDomain: string | undefined;
  audience: string;
  login: ManagementLogin;
  /** undefined: the run neither reads nor stores secrets. A watch still uses GitHub, with `workflow-token`. */
  githubToken: string | undefined;
  githubApiUrl: string;
  currentPair: Pair | undefined;
  /** Empty means none. */
  pkcs12Password: string;
  issuer: Issuer;
  desired: DesiredState;
}

/** @throws RotationError INVALID_INPUT with every problem */
export function readInputs(environment: Environment): Inputs {
  const reader = new Reader(environment);
  refuseNearNames(reader);
  const inputs = readClient(reader);
  if ((reader.text('shard') ?? WHOLE) !== WHOLE)
    reader.problem('shard', 'needs a manifest, and none is given');
  if (reader.problems.length === 0 && inputs) return inputs;
  throw inputError(reader.problems, environment);
}

/** The default of `shard` in action.yml, which the runner passes even without a manifest. */
const WHOLE = '1/1';

export const SECRET_INPUTS = [
  'management-client-secret',
  'management-private-key',
  'management-credential',
  'management-token',
  'github-token',
  'workflow-token',
  'current-credential',
  'ca-private-key',
  'private-key',
  'pkcs12-password',
];

/** Every value that must never be shown, valid or not, and every private key, whatever variable holds it. */
export function secretsIn(environment: Environment): string[] {
  const keys = Object.values(environment).map((value = '') => (holdsPrivateKey(value) ? value : ''));
  const values = [...SECRET_INPUTS.map((name) => raw(environment, name)), ...keys];
  return [...new Set(values.map((value) => value.trim()))].filter((value) => value !== '');
}

const TOKENS = ['github-token', 'management-token'];

const OPERATIONS = ['rotate', 'rehearse', 'create', 'enroll', 'revert'] as const;

/** Reads one client and what all clients share. @returns undefined if there is a problem */
export function readClient(reader: Reader): Inputs | undefined {
  const given = reader.oneOf('operation', [...OPERATIONS, 'plan', 'watch'], 'rotate');
  const readOnly = given === 'plan' || given === 'watch';
  const operation = given === 'plan' ? plannedOperation(reader) : given === 'watch' ? 'rotate' : given;
  const watch = readWatch(reader, given === 'watch');
  const domain = readHost(reader, 'auth0-domain', reader.required('auth0-domain'));
  const mtls = reader.text('mtls-domain');
  const mtlsDomain = mtls === undefined ? undefined : readHost(reader, 'mtls-domain', mtls);
  const stores = !readOnly && operation !== 'revert';
  const githubToken = stores ? reader.required('github-token') : reader.text('github-token');
  const login = readLogin(reader);
  for (const name of TOKENS) reader.checkToken(name);
  const method = reader.oneOf('authentication-method', METHODS, 'self_signed_tls_client_auth');
  const issues = operation !== 'revert' && given !== 'watch';
  const issuer = readIssuer(reader, { method, readOnly, issues });
  const currentPair = readCurrent(reader, { method, operation }, login);
  const pkcs12Password = readPkcs12Password(reader);
  const desired = readDesiredState(reader, { operation, method, issuer, issues, currentPair, login });
  if (!login || !issuer || !desired || domain === undefined) return undefined;
  const audience = reader.text('management-audience') ?? `https://${domain}/api/v2/`;
  const githubApiUrl = reader.environment.GITHUB_API_URL ?? 'https://api.github.com';
  const hosts = { domain, mtlsDomain, audience, githubApiUrl };
  return { ...hosts, readOnly, watch, login, githubToken, currentPair, pkcs12Password, issuer, desired };
}

/** The operation that a plan shows. If only a client name is given, the default is `create`. */
function plannedOperation(reader: Reader): DesiredState['operation'] {
  const creates = reader.text('client-name') !== undefined && reader.text('client-id') === undefined;
  return reader.oneOf('plan-of', OPERATIONS, creates ? 'create' : 'rotate');
}

/**
 * Reads `current-credential`. If the management client rotates its own credential, the run logs in with the pair
 * that the primary holds, so the input is not needed.
 * @returns undefined if no pair is given, or if there is a problem
 */
function readCurrent(
  reader: Reader,
  { method, operation }: Pick<DesiredState, 'method' | 'operation'>,
  login: ManagementLogin | undefined,
): Pair | undefined {
  const text = reader.text('current-credential');
  // A pair of the previous method is no evidence of what the new one uses. `currentIdentities` shows whose it is.
  if (
    text !== undefined &&
    (operation === 'enroll' || mayImplyEnroll(reader)) &&
    !parseIfFitting(method, text) &&
    METHODS.some((one) => parseIfFitting(one, text))
  )
    return undefined;
  const given = reader.parsed('current-credential', (value) => parseCredential(method, value));
  if (text !== undefined) return given;
  if (!login || login.kind === 'token' || login.clientId !== reader.text('client-id')) return undefined;
  if (login.kind === 'private-key-jwt' && method === 'private_key_jwt')
    return { privateKey: login.privateKey, certificate: undefined };
  return login.kind === 'mtls' && method !== 'private_key_jwt' ? login.pair : undefined;
}

/** `operation: plan` without `plan-of` becomes a plan of `enroll` for a client that uses another method. */
function mayImplyEnroll(reader: Reader): boolean {
  return reader.text('operation') === 'plan' && reader.text('plan-of') === undefined;
}

/** The identity of the primary's pair under each method that it fits, since a client that is being enrolled may come from any of them. */
function identitiesOf(reader: Reader, pair: Pair | undefined): DesiredState['currentIdentities'] {
  // Without the input the pair is that of the login (readCurrent).
  const ofLogin = pair && pair.privateKey + (pair.certificate ?? '');
  const text = reader.text('current-credential') ?? ofLogin;
  if (text === undefined) return undefined;
  const identities = METHODS.flatMap((method) => {
    const fitting = parseIfFitting(method, text);
    return fitting ? [[method, factsOf(method, fitting).identity] as const] : [];
  });
  return new Map(identities);
}

function parseIfFitting(method: AuthenticationMethod, text: string): Pair | undefined {
  try {
    return parseCredential(method, text);
  } catch {
    return undefined;
  }
}

/** The two kinds of hosts are not interchangeable. */
const EXAMPLES = {
  'auth0-domain': "the tenant's own host, such as tenant.eu.auth0.com",
  'mtls-domain': 'the custom domain whose edge asks for certificates, such as login.example.com',
};

/** Accepts only a host or host:port, since the value becomes part of every URL. */
function readHost(reader: Reader, name: keyof typeof EXAMPLES, value: string): string | undefined {
  if (value === '') return undefined;
  if (
    /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/.test(value) &&
    URL.canParse(`https://${value}/`)
  ) {
    return value.toLowerCase();
  }
  return reader.problem(name, `is '${value}'; write ${EXAMPLES[name]}, without https:// or a path`);
}

/** The event of a run that a person starts. */
const BY_HAND = 'workflow_dispatch';

interface Known {
  operation: DesiredState['operation'];
  method: AuthenticationMethod;
  issuer: Issuer | undefined;
  issues: boolean;
  currentPair: Pair | undefined;
  login: ManagementLogin | undefined;
}

function readDesiredState(reader: Reader, known: Known): DesiredState | undefined {
  const { currentPair, issuer, issues, login, method, operation } = known;
  const { clientId, clientName } = readIdentity(reader, operation);
  const destinations = readDestinations(reader);
  const names = readSecretNames(reader);
  if (method === 'private_key_jwt' && names.certificateSecretName !== undefined)
    reader.unfitProblem('certificate-secret-name', 'is for a certificate, and private_key_jwt has none');
  if (method === 'private_key_jwt' && names.pkcs12SecretName !== undefined)
    reader.unfitProblem(
      'pkcs12-secret-name',
      'is for a PKCS#12, which needs a certificate, and private_key_jwt has none',
    );
  const currentKey = currentPair && factsOf(method, currentPair);
  const force = reader.boolean('force');
  // Without an issuer, the current subject stays.
  const named = commonName(clientName ?? clientId);
  const fallback = (issuer?.kind === 'none' && currentKey?.subject) || named;
  const desired = {
    operation,
    clientId,
    clientName,
    method,
    ...readMaterial(reader, issuer, { method, operation, issues, fallbackSubject: fallback }),
    isManager: login !== undefined && login.kind !== 'token' && login.clientId === clientId,
    force,
    // Empty outside of GitHub.
    scheduled: (reader.environment.GITHUB_EVENT_NAME || BY_HAND) !== BY_HAND,
    revoke: readRevoke(reader, operation, force),
    overlap: readOverlap(reader),
    quietWindow: readQuietWindow(reader, method),
    ...names,
    currentKey,
    currentIdentities: identitiesOf(reader, currentPair),
    verify: readVerify(reader, operation),
    verifyAudience: reader.text('verify-audience'),
    tokenBinding: readTokenBinding(reader, method, operation),
    revertTo: reader.oneOf('revert-to', REVERT_METHODS, 'client_secret_post'),
    ...readCredentialIds(reader),
    movedFrom: readMovedFrom(reader),
    propagationTime: readPropagationTime(reader),
    signingAlgorithm: readSigningAlgorithm(reader, method),
    given: givenOf(reader, issuer),
    run: `${reader.environment.GITHUB_RUN_ID ?? '0'}.${reader.environment.GITHUB_RUN_ATTEMPT ?? '1'}`,
  };
  return destinations && { ...desired, destinations };
}

function readIdentity(
  reader: Reader,
  operation: DesiredState['operation'],
): Pick<DesiredState, 'clientId' | 'clientName'> {
  if (operation !== 'create') {
    const clientId = reader.required('client-id');
    if (/^\.{1,2}$|[\x00-\x1f\x7f]/.test(clientId)) reader.problem('client-id', 'is not a client id');
    if (reader.text('client-name') !== undefined)
      reader.problem('client-name', 'is only for operation: create');
    return { clientId, clientName: undefined };
  }
  const clientName = reader.required('client-name');
  if (reader.text('client-id') !== undefined)
    reader.problem(
      'client-id',
      'cannot be given with operation: create, which makes the client and outputs its id',
    );
  // Auth0 does not allow < and > in the name of a client (OpenAPI, POST /clients).
  if (/[<>\x00-\x1f\x7f]/.test(clientName))
    reader.problem('client-name', 'must not have <, > or a control character');
  return { clientId: '', clientName };
}

function readSigningAlgorithm(
  reader: Reader,
  method: AuthenticationMethod,
): DesiredState['signingAlgorithm'] {
  if (reader.text('signing-algorithm') === undefined) return undefined;
  const algorithm = reader.oneOf('signing-algorithm', SIGNING_ALGORITHMS, 'RS256');
  if (method !== 'private_key_jwt')
    reader.unfitProblem('signing-algorithm', 'is only for authentication-method: private_key_jwt');
  return algorithm;
}

/** The names of the inputs that the user set. A pair that was brought also sets the subject. */
function givenOf(reader: Reader, issuer: Issuer | undefined): DesiredState['given'] {
  const named = (['subject', 'key-size', 'signing-algorithm', 'plan-of'] as const).filter(
    (name) => reader.text(name) !== undefined,
  );
  return new Set(issuer?.kind === 'brought' ? [...named, 'subject'] : named);
}

function readRevoke(reader: Reader, operation: DesiredState['operation'], force: boolean): boolean {
  if (reader.text('revoke') === undefined) return false;
  reader.oneOf('revoke', ['previous'], 'previous');
  if (operation !== 'rotate') reader.problem('revoke', 'is only for operation: rotate and its plan');
  else if (!force) reader.problem('revoke', 'is for an emergency and needs force: true');
  return true;
}

function readTokenBinding(
  reader: Reader,
  method: AuthenticationMethod,
  operation: DesiredState['operation'],
): DesiredState['tokenBinding'] {
  const binding = reader.oneOf('token-binding', ['unchanged', 'required', 'off'], 'unchanged');
  const refusal = (by: string) =>
    `cannot be required with ${by}, since there is no certificate to bind tokens to; write unchanged or off`;
  if (binding === 'required' && operation === 'revert')
    reader.problem('token-binding', refusal('operation: revert'));
  else if (binding === 'required' && method === 'private_key_jwt')
    reader.unfitProblem('token-binding', refusal(method));
  // A rehearsal leaves the client as it is.
  return operation === 'rehearse' ? 'unchanged' : binding;
}

function readVerify(reader: Reader, operation: DesiredState['operation']): DesiredState['verify'] {
  const verify = reader.oneOf('verify', ['auto', 'required', 'off'], 'auto');
  if (operation !== 'rehearse') return verify;
  if (verify === 'off') reader.problem('verify', 'is off, but a rehearsal needs a proof');
  return 'required';
}
