/** Reads the clients of a manifest. The readers of the inputs read each client, so the same rules hold. */

import type { LocatedProblem, RotationError } from '../errors.ts';
import { secretLocations } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import { printLocation } from '../model/secret-location.ts';
import { asClientId, isIn, parseShard } from '../model/shard.ts';
import { spread } from '../model/spread.ts';
import { type Inputs, readClient, SECRET_INPUTS } from './inputs.ts';
import { daysToLive } from './issuer.ts';
import {
  CLIENT_KEYS,
  CURRENT_FROM,
  type ManifestClient,
  type ManifestProblem,
  type Position,
  parseManifest,
} from './manifest.ts';
import { refuseNearNames } from './names.ts';
import { describeProblem, type Environment, type Problem, Reader, raw, variable } from './reader.ts';
import { inputError, invalid, withRevokeAlarm } from './refusal.ts';

/** The operations that work with a fleet. */
const FLEET_OPERATIONS = ['rotate', 'plan'];
/** The operations that work with one client of a manifest. `create` makes a client, and its id is not known before. */
const SINGLE_CLIENT_OPERATIONS = [...FLEET_OPERATIONS, 'rehearse', 'enroll', 'revert', 'watch'];
/** The manifest names the client. */
const IDENTITY = ['client-id', 'client-name'];
/** The inputs that a run of a whole fleet refuses. One value cannot fit all clients, and `revoke` would revoke the keys of all because one has leaked. */
const NOT_FOR_A_FLEET = [...IDENTITY, 'current-credential', 'certificate', 'private-key', 'revoke'];
/**
 * Inputs that say how this run of one client goes, with their defaults. Given to the action they override the manifest. Otherwise a run
 * in an emergency would still need the proof and keep the overlap that the manifest asks for.
 */
export const RUN_OVERRIDES: Readonly<Record<string, string>> = {
  force: 'false',
  overlap: 'until-next-rotation',
  'removable-credentials': '',
  'token-binding': 'unchanged',
  verify: 'auto',
};

/**
 * Returns the clients of this job's shard, in the manifest's order. If the shard is the id of one client, the
 * others are not read. The rotations of the returned clients are spread: each gets a `renewBeforeDays` of its own.
 * @param file as the input `manifest` names it
 * @throws RotationError INVALID_INPUT with every problem of every client
 */
export function readFleet(environment: Environment, file: string, text: string): Inputs[] {
  const shared = new Reader(environment);
  refuseNearNames(shared);
  const only = asClientId(shared.text('shard') ?? '');
  const shard = only === undefined ? shared.parsed('shard', parseShard) : undefined;
  refuseUnfit(shared, only !== undefined);
  const { clients, problems } = parseManifest(text, SECRET_INPUTS, only);
  if (only && clients.length + problems.length === 0)
    shared.problem(
      'shard',
      `is '${only}', which is neither the client-id of a client in the manifest nor a part such as 2/5; if it came from the form of a workflow, correct the field client-id there`,
    );
  // With another operation every client would report problems that have nothing to do with the manifest.
  const isFit = shared.problems.every(({ name }) => name !== 'operation' && name !== 'plan-of');
  const everybody = () => (only === undefined ? clients : parseManifest(text, SECRET_INPUTS).clients);
  const read = isFit ? readAll(environment, clients, only !== undefined, everybody) : [];
  const ofInputs = [...shared.problems, ...read.flatMap(({ sharedProblems }) => sharedProblems)];
  const ofFile = [...problems, ...read.flatMap(({ ownProblems }) => ownProblems), ...conflicts(read)];
  if (ofFile.length > 0) throw withRevokeAlarm(refused(file, ofInputs, ofFile), environment);
  if (ofInputs.length > 0) throw inputError(unique(ofInputs, describeProblem), environment);
  return read
    .flatMap(({ client }) => client ?? [])
    .filter(({ desired }) => !shard || isIn(shard, desired.clientId))
    .map(({ desired, ...client }) => {
      const renewBeforeDays = spread({ ...desired, validityDays: daysToLive(desired) });
      return { ...client, desired: { ...desired, renewBeforeDays } };
    });
}

/** Refuses inputs that do not work with a manifest, or with one client of it. */
function refuseUnfit(reader: Reader, isAlone: boolean): void {
  const hint = isAlone ? '' : '; for one client write its id as shard';
  const fit = isAlone ? SINGLE_CLIENT_OPERATIONS : FLEET_OPERATIONS;
  const operation = reader.text('operation') ?? 'rotate';
  if (!fit.includes(operation))
    reader.problem('operation', `is '${operation}'; with a manifest write one of ${fit.join(', ')}${hint}`);
  const planOf = reader.text('plan-of') ?? 'rotate';
  if (isAlone ? planOf === 'create' : planOf !== 'rotate')
    reader.problem(
      'plan-of',
      `${isAlone ? 'cannot be create' : 'can only be rotate'} with a manifest${hint}`,
    );
  for (const name of isAlone ? IDENTITY : NOT_FOR_A_FLEET) {
    if (reader.text(name) !== undefined)
      reader.problem(name, `concerns one client and cannot be given with a manifest${hint}`);
  }
}

interface ReadClient {
  entry: ManifestClient;
  /** undefined if there is a problem. */
  client: Inputs | undefined;
  /** Problems of the inputs that all clients share. */
  sharedProblems: Problem[];
  /** Problems of the manifest, at their positions. */
  ownProblems: ManifestProblem[];
  /** Inputs that do not fit the client's authentication method. */
  unfit: ReadonlySet<string>;
}

/**
 * Reads the clients. What they share may be meant for another authentication method: then the client is read as if it were not given,
 * unless it fits no client at all.
 * @param everybody all clients of the manifest, whatever is wrong with them
 */
function readAll(
  environment: Environment,
  clients: readonly ManifestClient[],
  isAlone: boolean,
  everybody: () => readonly ManifestClient[],
): ReadClient[] {
  const read = clients.map((entry) => readOne(environment, entry, isAlone));
  if (read.every(({ unfit }) => unfit.size === 0)) return read;
  const all = isAlone ? everybody().map((entry) => readOne(environment, entry, isAlone)) : read;
  const fitsAnother = (name: string) => all.some(({ unfit }) => !unfit.has(name));
  return read.map((one) => {
    const { own } = one.entry;
    const isShared = (name: string) =>
      !own.has(name) && !NOT_FOR_A_FLEET.includes(name) && !(isAlone && overridesManifest(environment, name));
    const ignored = [...one.unfit].filter((name) => isShared(name) && fitsAnother(name));
    return ignored.length === 0 ? one : readOne(environment, one.entry, isAlone, ignored);
  });
}

/**
 * Reads one client. What the manifest says of it overrides the action's inputs. In a run of this client alone, an input of `RUN_OVERRIDES`
 * that the workflow sets overrides the manifest.
 * @param isAlone the run is about this client alone
 * @param ignored inputs that count as not given
 */
function readOne(
  environment: Environment,
  entry: ManifestClient,
  isAlone: boolean,
  ignored: readonly string[] = [],
): ReadClient {
  const without = isAlone ? IDENTITY : NOT_FOR_A_FLEET;
  const isOfThisRun = (name: string) => isAlone && overridesManifest(environment, name);
  const given = [...entry.values].filter(([name]) => !isOfThisRun(name));
  const secretFrom = entry.values.get(CURRENT_FROM)?.trim() ?? '';
  const secret =
    VARIABLE.test(secretFrom) && Object.hasOwn(environment, secretFrom) ? environment[secretFrom] : undefined;
  const current = secretFrom === '' ? [] : [['current-credential', secret] as const];
  // Of two values of one name the later one counts.
  const none = (name: string) => [name, undefined] as const;
  const changed = [...without.map(none), ...given, ...current, ...ignored.map(none)];
  const values = changed.map(([name, value]) => [variable(name), value] as const);
  const reader = new Reader({ ...environment, ...Object.fromEntries(values) });
  const client = readClient(reader);
  const ownProblems: ManifestProblem[] = [];
  const sharedProblems: Problem[] = [];
  for (const problem of reader.problems) {
    const own = isOfThisRun(problem.name) ? undefined : ownProblem(problem, entry, secretFrom);
    if (own) ownProblems.push(own);
    else sharedProblems.push(problem);
  }
  if (secretFrom !== '' && secret === undefined)
    ownProblems.push(notSet(entry.positions.get(CURRENT_FROM) ?? entry.position, secretFrom));
  return { entry, client, sharedProblems, ownProblems, unfit: reader.unfit };
}

/** Whether the workflow sets this input to another value than its default, which may come from action.yml. */
function overridesManifest(environment: Environment, name: string): boolean {
  const value = raw(environment, name);
  return value !== '' && name in RUN_OVERRIDES && value !== RUN_OVERRIDES[name];
}

/**
 * The problem at its position in the manifest. undefined: it is in an input that all clients share.
 * @param secretFrom the environment variable that holds `current-credential`
 */
function ownProblem(
  { name, what }: Problem,
  { position, positions }: ManifestClient,
  secretFrom: string,
): ManifestProblem | undefined {
  if (name === 'current-credential' && secretFrom !== '') {
    const at = positions.get(CURRENT_FROM) ?? position;
    const broken =
      'if that secret is broken and nobody needs what it holds, write force: true in place of this line for one run that you start by hand';
    return { ...at, what: `'${CURRENT_FROM}' names ${oneLine(secretFrom)}, which ${what}; ${broken}` };
  }
  if (!CLIENT_KEYS.some((key) => key === name)) return undefined;
  return { ...(positions.get(name) ?? position), what: `'${name}' ${what}` };
}

/** Of an environment variable. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

function notSet(position: Position, secretFrom: string): ManifestProblem {
  // It may be the key itself, so it is not shown.
  if (!VARIABLE.test(secretFrom))
    return {
      ...position,
      what: `'${CURRENT_FROM}' must be the name of an environment variable, such as SHOP_PEM`,
    };
  const name = oneLine(secretFrom);
  const what = `'${CURRENT_FROM}' names ${name}, but the step has no such environment variable; add ${name} to its env, with the secret that the primary holds`;
  return { ...position, what };
}

/** Finds clients with the same id, and clients that write the same secret. */
function conflicts(read: readonly ReadClient[]): ManifestProblem[] {
  const first = new Map<string, ManifestClient>();
  return read.flatMap(({ client, entry, ownProblems }) => {
    if (!client || ownProblems.length > 0) return [];
    const locations = secretLocations(client.desired).map(printLocation);
    const ids = [
      `client-id ${client.desired.clientId}`,
      ...locations.map((location) => location.toLowerCase()),
    ];
    return ids.flatMap((id, index) => {
      const other = first.get(id);
      if (!other) first.set(id, entry);
      return other ? [{ ...entry.position, what: conflict(locations[index - 1], other.position.line) }] : [];
    });
  });
}

function conflict(location: string | undefined, line: number): string {
  return location === undefined
    ? `'client-id' is the same as in line ${line}`
    : `${location} is also written by the client in line ${line}; give each its own secret-name or destination`;
}

function refused(file: string, inputs: readonly Problem[], found: readonly ManifestProblem[]): RotationError {
  const located: LocatedProblem[] = unique(
    found.map(({ column, line, what }) => ({
      file: file.replace(/^\.\//, ''),
      line,
      column,
      message: `${what}.`,
    })),
    ({ column, line, message }) => `${line}:${column} ${message}`,
  ).sort((a, b) => a.line - b.line || a.column - b.column);
  const messages = [
    ...unique(inputs, describeProblem).map(describeProblem),
    ...located.map(({ column, line, message }) => `${file}:${line}:${column}: ${message}`),
  ];
  const what = inputs.length === 0 ? 'manifest' : 'manifest and the inputs';
  return invalid(
    what,
    messages,
    `Correct the ${inputs.length === 0 ? 'manifest' : 'manifest and the workflow'}.`,
    located,
  );
}

/** A problem that all clients inherit is reported once. */
function unique<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}
