/** action.yml to Inputs: all problems at once, before any effect. */

import type { ManagementLogin } from '../auth0/token.ts';
import { factsOf, type Issuer, parseCredential } from '../certificate/credential.ts';
import type { Pair } from '../certificate/inspect.ts';
import { printSubject } from '../certificate/subject.ts';
import { type LocatedProblem, RotationError } from '../errors.ts';
import { type AuthenticationMethod, DAY, type DesiredState, METHODS } from '../model/desired-state.ts';
import type { Watch } from '../watch/watch.ts';
import { readDestinations, readPkcs12Password, readSecretNames } from './destinations.ts';
import { readIssuer, readMaterial } from './issuer.ts';
import { readLogin } from './login.ts';
import { describeProblem, type Environment, Reader, raw } from './reader.ts';
import { readWatch } from './watch.ts';

export interface Inputs {
  /** Nothing is changed. */
  planOnly: boolean;
  /** It is looked, and told what is found. */
  watch: Watch | undefined;
  domain: string;
  mtlsDomain: string | undefined;
  audience: string;
  login: ManagementLogin;
  /** undefined: GitHub is not asked, and nothing stored. */
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
  const inputs = readClient(reader);
  if ((reader.text('shard') ?? WHOLE) !== WHOLE)
    reader.problem('shard', 'is a part of a manifest, and none is given');
  if (reader.problems.length === 0 && inputs) return inputs;
  throw invalid('inputs', reader.problems.map(describeProblem), 'Correct the workflow.');
}

/** The shard that is the whole fleet. */
export const WHOLE = '1/1';

/** Problems that a message tells: more would hide each other. */
const TOLD = 40;

export function invalid(
  what: string,
  problems: readonly string[],
  remedy: string,
  located: readonly LocatedProblem[] = [],
): RotationError {
  const rest = problems.length > TOLD ? ` And ${problems.length - TOLD} more.` : '';
  return new RotationError('INVALID_INPUT', {
    failed: `The ${what} ${what.endsWith('s') ? 'have' : 'has'} ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}: ${problems.slice(0, TOLD).join(' ')}${rest}`,
    remedy,
    problems,
    located,
  });
}

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

/** Every value that must never be shown, as it came in, valid or not. */
export function secretsIn(environment: Environment): string[] {
  return SECRET_INPUTS.map((name) => raw(environment, name)).filter((value) => value !== '');
}

const OPERATIONS = ['rotate', 'rehearse', 'create', 'enroll', 'revert'] as const;

/** One client, and what all need. @returns undefined where there is a problem */
export function readClient(reader: Reader): Inputs | undefined {
  const given = reader.oneOf('operation', [...OPERATIONS, 'plan', 'watch'], 'rotate');
  const planOnly = given === 'plan' || given === 'watch';
  const operation = given === 'plan' ? plannedOperation(reader) : given === 'watch' ? 'rotate' : given;
  const watch = readWatch(reader, given === 'watch');
  const domain = readHost(reader, 'auth0-domain', reader.required('auth0-domain'));
  const mtls = reader.text('mtls-domain');
  const mtlsDomain = mtls === undefined ? undefined : readHost(reader, 'mtls-domain', mtls);
  const stores = !planOnly && operation !== 'revert';
  const githubToken = stores ? reader.required('github-token') : reader.text('github-token');
  const login = readLogin(reader);
  const method = reader.oneOf('authentication-method', METHODS, 'self_signed_tls_client_auth');
  const issuer = readIssuer(reader, { method, operation, planOnly });
  const currentPair = readCurrent(reader, { method, operation }, login);
  const pkcs12Password = readPkcs12Password(reader);
  const desired = readDesiredState(reader, { operation, method, issuer, currentPair, login });
  if (!login || !issuer || !desired || domain === undefined) return undefined;
  const audience = reader.text('management-audience') ?? `https://${domain}/api/v2/`;
  const githubApiUrl = reader.environment.GITHUB_API_URL ?? 'https://api.github.com';
  const hosts = { domain, mtlsDomain, audience, githubApiUrl };
  return { ...hosts, planOnly, watch, login, githubToken, currentPair, pkcs12Password, issuer, desired };
}

/** What a plan tells of: `create` where a name is given and no client. */
function plannedOperation(reader: Reader): DesiredState['operation'] {
  const creates = reader.text('client-name') !== undefined && reader.text('client-id') === undefined;
  return reader.oneOf('plan-of', OPERATIONS, creates ? 'create' : 'rotate');
}

/** The client that rotates its own credential has just logged in with what the primary holds. */
function readCurrent(
  reader: Reader,
  { method, operation }: Pick<DesiredState, 'method' | 'operation'>,
  login: ManagementLogin | undefined,
): Pair | undefined {
  const text = reader.text('current-credential');
  // What the method held that the client leaves is no evidence for the new one.
  if (
    text !== undefined &&
    operation === 'enroll' &&
    !canParse(method, text) &&
    METHODS.some((one) => canParse(one, text))
  )
    return undefined;
  const given = reader.parsed('current-credential', (value) => parseCredential(method, value));
  if (given !== undefined || text !== undefined) return given;
  if (!login || login.kind === 'token' || login.clientId !== reader.text('client-id')) return undefined;
  if (login.kind === 'private-key-jwt' && method === 'private_key_jwt')
    return { privateKey: login.privateKey, certificate: undefined };
  return login.kind === 'mtls' && method !== 'private_key_jwt' ? login.pair : undefined;
}

function canParse(method: AuthenticationMethod, text: string): boolean {
  try {
    parseCredential(method, text);
    return true;
  } catch {
    return false;
  }
}

/** Host or host:port, nothing else: it becomes part of every address. */
function readHost(reader: Reader, name: string, value: string): string | undefined {
  if (value === '') return undefined;
  if (
    /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/.test(value) &&
    URL.canParse(`https://${value}/`)
  ) {
    return value.toLowerCase();
  }
  return reader.problem(
    name,
    `is '${value}'; write a host such as tenant.eu.auth0.com, without https:// and path`,
  );
}

interface Known {
  operation: DesiredState['operation'];
  method: AuthenticationMethod;
  issuer: Issuer | undefined;
  currentPair: Pair | undefined;
  login: ManagementLogin | undefined;
}

function readDesiredState(reader: Reader, known: Known): DesiredState | undefined {
  const { currentPair, issuer, login, method, operation } = known;
  const { clientId, clientName } = readIdentity(reader, operation);
  const destinations = readDestinations(reader);
  const names = readSecretNames(reader);
  if (method === 'private_key_jwt' && names.certificateSecretName !== undefined)
    reader.problem('certificate-secret-name', 'names a certificate, and private_key_jwt has none');
  if (method === 'private_key_jwt' && names.pkcs12SecretName !== undefined)
    reader.problem(
      'pkcs12-secret-name',
      'names a PKCS#12, which needs a certificate; private_key_jwt has none',
    );
  const current = currentPair && factsOf(method, currentPair);
  const force = reader.boolean('force');
  // In one spelling, so that it compares with a certificate's. A plan without an issuer asks for what is there.
  const named = printSubject([{ oid: '2.5.4.3', value: clientName ?? clientId }]);
  const fallback = (issuer?.kind === 'itself' && method === 'tls_client_auth' && current?.subject) || named;
  const desired = {
    operation,
    clientId,
    clientName,
    method,
    ...readMaterial(reader, issuer, fallback),
    isManager: login !== undefined && login.kind !== 'token' && login.clientId === clientId,
    force,
    revoke: readRevoke(reader, operation, force),
    overlap: readOverlap(reader),
    quietWindow: readQuietWindow(reader, method),
    ...names,
    current,
    verify: readVerify(reader, operation),
    verifyAudience: reader.text('verify-audience'),
    tokenBinding: readTokenBinding(reader, method, operation),
    revertTo: reader.oneOf('revert-to', ['client_secret_post', 'client_secret_basic'], 'client_secret_post'),
    keepCredentials: new Set((reader.text('keep-credentials') ?? '').split(/[\s,]+/).filter(Boolean)),
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
    if (/^\.{1,2}$|[\x00-\x1f\x7f]/.test(clientId)) reader.problem('client-id', 'is no client id');
    if (reader.text('client-name') !== undefined)
      reader.problem('client-name', 'is for operation: create alone');
    return { clientId, clientName: undefined };
  }
  const clientName = reader.required('client-name');
  if (reader.text('client-id') !== undefined)
    reader.problem(
      'client-id',
      'cannot be given with operation: create, which makes the client and tells its id',
    );
  // Auth0: the name of a client does not allow < and > (OpenAPI, POST /clients).
  if (/[<>\x00-\x1f\x7f]/.test(clientName))
    reader.problem('client-name', 'must not have <, > or a control character');
  return { clientId: '', clientName };
}

function readRevoke(reader: Reader, operation: DesiredState['operation'], force: boolean): boolean {
  if (reader.text('revoke') === undefined) return false;
  reader.oneOf('revoke', ['previous'], 'previous');
  if (operation !== 'rotate') reader.problem('revoke', 'is for operation: rotate alone, and its plan');
  else if (!force) reader.problem('revoke', 'needs force: true: it is for an emergency');
  return true;
}

function readTokenBinding(
  reader: Reader,
  method: AuthenticationMethod,
  operation: DesiredState['operation'],
): DesiredState['tokenBinding'] {
  const binding = reader.oneOf('token-binding', ['unchanged', 'required', 'off'], 'unchanged');
  if (binding === 'required' && (method === 'private_key_jwt' || operation === 'revert'))
    reader.problem(
      'token-binding',
      'is required: tokens can be bound to a certificate only, and there will be none',
    );
  // A rehearsal leaves the client as it is.
  return operation === 'rehearse' ? 'unchanged' : binding;
}

function readVerify(reader: Reader, operation: DesiredState['operation']): DesiredState['verify'] {
  const verify = reader.oneOf('verify', ['auto', 'required', 'off'], 'auto');
  if (operation !== 'rehearse') return verify;
  if (verify === 'off') reader.problem('verify', 'is off, and a rehearsal is there to prove');
  return 'required';
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY, w: 7 * DAY };

function readOverlap(reader: Reader): DesiredState['overlap'] {
  const text = reader.text('overlap') ?? 'until-next-rotation';
  if (text === 'until-next-rotation') return text;
  const overlap = milliseconds(text);
  if (overlap !== undefined) return overlap;
  reader.problem('overlap', `is '${text}'; write until-next-rotation, or a duration such as 12h or 7d`);
  return 'until-next-rotation';
}

/** Auth0 keeps logs for 30 days at most (log-data-retention): a window as long would never be in them whole. */
const LONGEST_WINDOW = 29 * DAY;

/** undefined: by time. */
function readQuietWindow(reader: Reader, method: AuthenticationMethod): number | undefined {
  const retire = reader.oneOf('retire', ['by-time', 'when-unused'], 'by-time');
  const text = reader.text('quiet-window') ?? '7d';
  const quietWindow = milliseconds(text) ?? 0;
  if (quietWindow <= 0 || quietWindow > LONGEST_WINDOW)
    reader.problem('quiet-window', `is '${text}'; write a duration up to 29d, such as 12h or 7d`);
  if (retire === 'by-time') return undefined;
  if (method !== 'self_signed_tls_client_auth')
    reader.problem(
      'retire',
      'is when-unused, which works with self_signed_tls_client_auth alone: the tenant logs tell certificates apart, not keys, and a subject has many certificates',
    );
  if (reader.text('verify') === 'off')
    reader.problem('retire', 'is when-unused, which needs a token request: it cannot go with verify: off');
  return quietWindow;
}

function milliseconds(duration: string): number | undefined {
  const match = /^(\d{1,5})([mhdw])$/.exec(duration);
  return match ? Number(match[1]) * (UNITS[`${match[2]}`] ?? 0) : undefined;
}
