/**
 * Runs the action as GitHub's runner does: inputs and files by environment, the log read line by line for commands
 * and masks. Its rules: docs/facts.md, "GitHub's runner".
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { API_AUDIENCE, REPOSITORY, type Sandbox } from './sandbox.ts';
import type { TrafficEvent } from './transcript.ts';

export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  message: string;
  properties: Record<string, string>;
}

export interface ActionRun {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** As the process wrote them: with the arguments of ::add-mask::. */
  stdout: string;
  stderr: string;
  /** As GitHub shows it: commands consumed, `***` for what was masked at that moment. */
  log: string;
  /** What the action itself asked to mask, in order. */
  masks: string[];
  annotations: Annotation[];
  groups: string[];
  outputs: Record<string, string>;
  /** Outputs that hold something masked: GitHub keeps them from other jobs (docs/facts.md#runner-masking). */
  droppedOutputs: string[];
  state: Record<string, string>;
  summary: string;
  /** All files left behind, as `temp/…`, `workspace/…`, `home/…`. */
  files: string[];
  /** Log, outputs, state, summary, environment changes and file contents as written: where no key may be. */
  traces: string;
  timedOut: boolean;
  durationMs: number;
  /** Peak resident memory, where the system tells. */
  maxRssKb: number | undefined;
}

export interface RunningAction {
  readonly pid: number | undefined;
  readonly done: Promise<ActionRun>;
  kill(signal: NodeJS.Signals): void;
  /** As GitHub cancels: SIGINT, 7.5 s, SIGTERM, 2.5 s, the end (docs/facts.md#runner-cancellation). */
  cancel(): void;
}

export interface ActionOptions {
  /** Default: the committed dist/index.js. */
  main?: string;
  /** Default: the committed action.yml; inputs have no defaults while there is none. */
  actionFile?: string;
  env?: Record<string, string>;
  /** RUNNER_DEBUG=1, and ::debug:: is shown. */
  debug?: boolean;
  /** More values that the runner masks from the start, besides the secret inputs. */
  secrets?: readonly string[];
  runId?: string;
  runAttempt?: number;
  /** Each line as it comes, before masking. */
  onOutput?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Asked at every arrival and answer of the world's traffic; a signal is sent at once, `cancel` begins that. */
  killWhen?: (event: TrafficEvent) => NodeJS.Signals | 'cancel' | undefined;
  timeoutMs?: number;
}

const ROOT = join(import.meta.dirname, '../..');
/** ACTION_NODE: the Node that runs the action, where it is not the one that runs the tests. */
const { ACTION_NODE = process.execPath, PATH = '', SystemRoot } = process.env;
/** Against hanging alone. */
const TIMEOUT_MS = 500_000;
const CANCEL_MS = [7_500, 2_500] as const;
const SUMMARY_LIMIT = 1_048_576;
const MESSAGE_LIMIT = 4_096;
const FILE_COMMANDS = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY'] as const;
/** In a workflow these come from the secrets context, so the runner masks them before the step begins. */
const SECRET_INPUTS = [
  'management-client-secret',
  'management-private-key',
  'management-credential',
  'management-token',
  'github-token',
  'current-credential',
  'ca-private-key',
  'private-key',
  'pkcs12-password',
];

export function runAction(
  world: Sandbox,
  inputs: Record<string, string> = {},
  options: ActionOptions = {},
): Promise<ActionRun> {
  return startAction(world, inputs, options).done;
}

export function startAction(
  world: Sandbox,
  inputs: Record<string, string> = {},
  options: ActionOptions = {},
): RunningAction {
  const directory = mkdtempSync(join(tmpdir(), 'auth0-runner-'));
  for (const name of ['temp', 'workspace', 'home', 'commands']) mkdirSync(join(directory, name));
  for (const name of FILE_COMMANDS) writeFileSync(join(directory, 'commands', name), '');
  const env: Record<string, string> = { ...runnerEnvironment(world, directory, options), ...options.env };
  const declared = declaredInputs(world, options.actionFile ?? join(ROOT, 'action.yml'), env);
  const given = { ...declared, ...worldInputs(world), ...inputs };
  for (const [name, value] of Object.entries(given)) env[inputVariable(name)] = value;
  const child = spawn(ACTION_NODE, [options.main ?? join(ROOT, 'dist/index.js')], {
    cwd: join(directory, 'workspace'),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  const cancel = () => cancelled(child);
  const unwatch = world.transcript.watch((event) => {
    const verdict = options.killWhen?.(event);
    if (verdict === 'cancel') cancel();
    else if (verdict !== undefined) kill(verdict);
  });
  const secrets = [...(options.secrets ?? []), ...SECRET_INPUTS.map((name) => given[name] ?? '')];
  const log = new Log(secrets, options.debug === true);
  warnOfUnexpected(Object.keys(given), declared, log);
  const done = observed(child, directory, log, options);
  return { pid: child.pid, kill, cancel, done: done.finally(unwatch) };
}

/** Nothing of this process's own environment but where programs are. */
function runnerEnvironment(
  world: Sandbox,
  directory: string,
  options: ActionOptions,
): Record<string, string> {
  const commands = FILE_COMMANDS.map((name) => [`GITHUB_${name}`, join(directory, 'commands', name)]);
  return {
    PATH,
    // Windows opens no socket without it.
    ...(SystemRoot === undefined ? {} : { SystemRoot }),
    HOME: join(directory, 'home'),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTOR: 'octocat',
    GITHUB_API_URL: world.githubUrl,
    GITHUB_EVENT_NAME: 'schedule',
    GITHUB_GRAPHQL_URL: `${world.githubUrl}/graphql`,
    GITHUB_JOB: 'rotate',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REPOSITORY: REPOSITORY,
    GITHUB_REPOSITORY_OWNER: REPOSITORY.split('/')[0] ?? '',
    GITHUB_RUN_ATTEMPT: String(options.runAttempt ?? 1),
    GITHUB_RUN_ID: options.runId ?? world.nextRunId(),
    GITHUB_RUN_NUMBER: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0'.repeat(40),
    GITHUB_WORKFLOW: 'Rotate certificates',
    GITHUB_WORKFLOW_REF: `${REPOSITORY}/.github/workflows/rotate.yml@refs/heads/main`,
    GITHUB_WORKSPACE: join(directory, 'workspace'),
    RUNNER_ARCH: 'X64',
    RUNNER_ENVIRONMENT: 'github-hosted',
    RUNNER_NAME: 'sandbox',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: join(directory, 'temp'),
    NODE_EXTRA_CA_CERTS: world.caFile,
    ...(options.debug === true ? { RUNNER_DEBUG: '1' } : {}),
    ...Object.fromEntries(commands),
  };
}

// --- inputs ---

/** Upper case, spaces become `_`, dashes stay (docs/facts.md#runner-inputs). */
const inputVariable = (name: string): string => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;

/** Every declared input is set, to nothing where it has no default (docs/facts.md#runner-inputs). Undefined: there is no action.yml. */
function declaredInputs(
  world: Sandbox,
  actionFile: string,
  env: Record<string, string>,
): Record<string, string> | undefined {
  if (!existsSync(actionFile)) return undefined;
  const context = (name: string) =>
    name === 'token' ? world.workflowToken : (env[`GITHUB_${name.toUpperCase()}`] ?? '');
  const expand = (value: string) =>
    value.replace(/\$\{\{\s*github\.(\w+)\s*\}\}/g, (_, name: string) => context(name));
  const defaults = Object.entries(inputDefaults(readFileSync(actionFile, 'utf8')));
  return Object.fromEntries(defaults.map(([name, value]) => [name, expand(value)]));
}

/** As the runner warns of a misspelt input, which it passes on all the same. */
function warnOfUnexpected(
  names: readonly string[],
  declared: Record<string, string> | undefined,
  log: Log,
): void {
  const unexpected = declared === undefined ? [] : names.filter((name) => !(name in declared));
  if (unexpected.length === 0) return;
  const quoted = (list: readonly string[]) => list.map((name) => `'${name}'`).join(', ');
  const valid = quoted(Object.keys(declared ?? {}));
  log.annotate('warning', `Unexpected input(s) ${quoted(unexpected)}, valid inputs are [${valid}]`);
}

/** What every workflow of this world passes. */
function worldInputs(world: Sandbox): Record<string, string> {
  return {
    'auth0-domain': world.domain,
    'client-id': world.clientId,
    'management-client-id': world.managementClientId,
    'management-client-secret': world.managementClientSecret,
    'github-token': world.githubToken,
    'verify-audience': API_AUDIENCE,
  };
}

/** Reads of action.yml what is needed here: the names below `inputs:`, two spaces in, and their scalar defaults. */
export function inputDefaults(yaml: string): Record<string, string> {
  const defaults: Record<string, string> = {};
  const lines = yaml.split('\n');
  let name = '';
  for (let at = lines.indexOf('inputs:') + 1; at > 0 && at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    // The next section ends this one; comments and empty lines do not.
    if (/^[^\s#]/.test(line)) break;
    name = /^ {2}([\w-]+):\s*(#.*)?$/.exec(line)?.[1] ?? name;
    defaults[name] ??= '';
    const value = /^ {4}default:\s*(.*)$/.exec(line)?.[1];
    if (value !== undefined) defaults[name] = scalar(value, lines.slice(at + 1));
  }
  delete defaults[''];
  return defaults;
}

function scalar(text: string, following: readonly string[]): string {
  const single = /^'((?:[^']|'')*)'/.exec(text)?.[1];
  if (single !== undefined) return single.replaceAll("''", "'");
  const double = /^"(?:[^"\\]|\\.)*"/.exec(text)?.[0];
  if (double !== undefined) return JSON.parse(double) as string;
  if (!/^[|>]/.test(text)) return text.replace(/(^|\s+)#.*$/, '').trim();
  const end = following.findIndex((line) => /^ {0,4}\S/.test(line));
  const block = following.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  const joined = block.join(text.startsWith('|') ? '\n' : ' ').trimEnd();
  return text.includes('-') ? joined : `${joined}\n`;
}

// --- the process ---

function cancelled(child: ChildProcess): void {
  const [untilTerm, untilKill] = CANCEL_MS;
  child.kill('SIGINT');
  const timers = [
    setTimeout(() => child.kill('SIGTERM'), untilTerm),
    setTimeout(() => child.kill('SIGKILL'), untilTerm + untilKill),
  ];
  child.once('exit', () => timers.forEach(clearTimeout));
}

async function observed(
  child: ChildProcess,
  directory: string,
  log: Log,
  options: ActionOptions,
): Promise<ActionRun> {
  const startedAt = performance.now();
  const text = { stdout: '', stderr: '' };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = child.kill('SIGKILL');
  }, options.timeoutMs ?? TIMEOUT_MS);
  for (const stream of ['stdout', 'stderr'] as const) {
    const input = child[stream];
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => {
      text[stream] += `${line}\n`;
      log.read(line);
      options.onOutput?.(line, stream);
    });
  }
  const memory = memoryOf(child);
  try {
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, by) => resolve([code, by]));
      },
    );
    const process = { exitCode, signal, ...text, timedOut, maxRssKb: memory() };
    return { ...process, ...gathered(directory, log), durationMs: performance.now() - startedAt };
  } finally {
    clearTimeout(timer);
    memory();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The peak so far, sampled; asking ends the sampling. */
function memoryOf({ pid }: ChildProcess): () => number | undefined {
  let peak: number | undefined;
  const timer = setInterval(() => {
    try {
      const [, kb] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      if (kb !== undefined) peak = Number(kb);
    } catch {
      // Another system, or the process has just ended.
    }
  }, 50);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

type Gathered = Omit<
  ActionRun,
  'exitCode' | 'signal' | 'stdout' | 'stderr' | 'timedOut' | 'durationMs' | 'maxRssKb'
>;

function gathered(directory: string, log: Log): Gathered {
  const written = (name: (typeof FILE_COMMANDS)[number]) =>
    readFileSync(join(directory, 'commands', name), 'utf8');
  const all = fileCommand(written('OUTPUT'));
  const [dropped, kept] = [true, false].map((masked) =>
    Object.entries(all).filter(([, value]) => (log.masked(value) !== value) === masked),
  );
  const paths = ['temp', 'workspace', 'home'].flatMap((name) => filesIn(join(directory, name)));
  const contents = [...paths.map((path) => readFileSync(path, 'utf8')), ...FILE_COMMANDS.map(written)];
  const summary = summaryOf(written('STEP_SUMMARY'), log);
  return {
    ...log.result(),
    outputs: Object.fromEntries(kept ?? []),
    droppedOutputs: (dropped ?? []).map(([name]) => name),
    state: fileCommand(written('STATE')),
    summary,
    files: paths.map((path) => relative(directory, path)),
    traces: [log.result().log, ...contents].join('\n'),
  };
}

function filesIn(directory: string): string[] {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return found.map((name) => join(directory, name)).filter((path) => statSync(path).isFile());
}

/** Masked line by line; one that is too long is not uploaded, which does not fail the step (docs/facts.md#runner-files). */
function summaryOf(text: string, log: Log): string {
  if (Buffer.byteLength(text) <= SUMMARY_LIMIT)
    return text
      .split('\n')
      .map((line) => log.masked(line))
      .join('\n');
  log.annotate('error', '$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k');
  return '';
}

/** `name=value`, or `name<<DELIMITER`, lines, `DELIMITER`; anything else is an error, as it is on the runner. */
export function fileCommand(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  while (lines.length > 0) {
    const line = lines.shift() ?? '';
    if (line === '') continue;
    const [, name, operator, rest = ''] = /^(.+?)(=|<<)(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`Invalid format '${line}'`);
    if (operator === '=') {
      values[name] = rest;
      continue;
    }
    const end = lines.indexOf(rest);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${rest}'`);
    values[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join('\n');
  }
  return values;
}

// --- the log ---

const COMMAND = /^\s*::([a-z-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$/;

/** Reads lines as they come: a mask counts from its line on, so a secret shown before it stays in the log. */
class Log {
  readonly #lines: string[] = [];
  readonly #hidden = new Set<string>();
  readonly #masks: string[] = [];
  readonly #annotations: Annotation[] = [];
  readonly #groups: string[] = [];
  readonly #debug: boolean;
  /** Set while commands are stopped: the word that starts them again. */
  #resume: string | undefined;

  constructor(secrets: readonly string[], debug: boolean) {
    this.#debug = debug;
    for (const secret of secrets) this.#hide(secret);
  }

  read(line: string): void {
    const [, name = '', properties = '', data = ''] = COMMAND.exec(line) ?? [];
    if (this.#resume !== undefined) {
      if (line.trim() === `::${this.#resume}::`) this.#resume = undefined;
      else this.#show(line);
    } else if (!this.#command(name, properties, unescapeData(data))) {
      this.#show(line);
    }
  }

  annotate(level: Annotation['level'], message: string, properties: Record<string, string> = {}): void {
    this.#annotations.push({ level, message: this.masked(message).slice(0, MESSAGE_LIMIT), properties });
    this.#show(`##[${level}]${message}`);
  }

  /** Overlapping secrets hide together what they cover. */
  masked(text: string): string {
    const ranges = [...this.#hidden].flatMap((secret) => occurrences(text, secret));
    ranges.sort(([a], [b]) => a - b);
    let shown = '';
    let at = 0;
    for (const [start, end] of ranges) {
      if (start > at || (start === at && !shown.endsWith('***'))) shown += `${text.slice(at, start)}***`;
      at = Math.max(at, end);
    }
    return shown + text.slice(at);
  }

  result() {
    const log = this.#lines.map((line) => `${line}\n`).join('');
    return { log, masks: this.#masks, annotations: this.#annotations, groups: this.#groups };
  }

  /** False: not a command, but a line to show. */
  #command(name: string, properties: string, data: string): boolean {
    switch (name) {
      case 'add-mask':
        this.#masks.push(data);
        this.#hide(data);
        return true;
      case 'error':
      case 'warning':
      case 'notice':
        this.annotate(name, data, this.#properties(properties));
        return true;
      case 'debug':
        if (this.#debug) this.#show(`##[debug]${data}`);
        return true;
      case 'group':
        this.#groups.push(this.masked(data));
        this.#show(`##[group]${data}`);
        return true;
      case 'endgroup':
        this.#show('##[endgroup]');
        return true;
      case 'stop-commands':
        this.#resume = data;
        return true;
      case 'echo':
        return true;
      default:
        return false;
    }
  }

  #show(text: string): void {
    for (const line of text.split(/\r?\n/)) this.#lines.push(this.masked(line));
  }

  /** The value, each of its lines, and what they become when encoded (docs/facts.md#runner-masking). */
  #hide(value: string): void {
    for (const part of [value, ...value.split(/[\r\n]+/).map((line) => line.trim())]) {
      for (const form of part === '' ? [] : [part, ...encodings(part)]) this.#hidden.add(form);
    }
  }

  #properties(text: string): Record<string, string> {
    const pairs = text.split(',').map((pair) => pair.trim().split(/=(.*)/s));
    return Object.fromEntries(
      pairs.flatMap(([key = '', value]) =>
        value === undefined ? [] : [[key, this.masked(unescapeProperty(value))]],
      ),
    );
  }
}

function encodings(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((shift) =>
    bytes.subarray(bytes.length > shift ? shift : 0).toString('base64'),
  );
  return [...base64, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
}

function occurrences(text: string, secret: string): [number, number][] {
  const found: [number, number][] = [];
  for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
    found.push([at, at + secret.length]);
  }
  return found;
}

/** The per cent sign last, since it was escaped first. */
const unescapeData = (text: string): string =>
  text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');

const unescapeProperty = (text: string): string =>
  text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%');
