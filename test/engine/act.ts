/**
 * nektos/act, a workflow engine that others wrote, in host mode: no container, every step is a process of this machine.
 * `.ci/run` installs the version that `act.version` names.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export const ROOT = join(import.meta.dirname, '../..');
export const VERSION = readFileSync(join(import.meta.dirname, 'act.version'), 'utf8').trim();

const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const PATHS = [
  join(CACHE, `auth0-mtls-rotation-action/act-${VERSION}`),
  ...(process.env.PATH ?? '').split(delimiter),
];

/** Undefined: the pinned version is not there. */
export const ACT = PATHS.map((path) => join(path, 'act')).find(
  (path) =>
    existsSync(path) &&
    execFileSync(path, ['--version'], { encoding: 'utf8' }).trim() === `act version ${VERSION}`,
);

/** GitHub brings the Node that `using: node24` means; act takes the first of the path (nektos/act-docs, not_supported.md). */
const NODE = join(ROOT, 'node_modules/node/bin');
if (!existsSync(join(NODE, 'node'))) throw new Error(`no Node in ${NODE}: npm ci brings it`);
/** Every label of the workflows. Without an entry act skips the job and succeeds. */
const LABELS = ['ubuntu-latest', 'ubuntu-24.04'];
const SAID = pathToFileURL(join(import.meta.dirname, 'said.mjs')).href;
/** bash runs this first. A script that fails waits until act has read its last lines, which act does not wait for (see `said`). */
const AT_EXIT = `trap '[ "$?" = 0 ] || sleep 1' EXIT\n`;
/** Against hanging alone. */
const TIMEOUT_MS = 500_000;

export interface EngineOptions {
  /** Path of the workflow file. */
  workflow: string;
  event: string;
  inputs: Record<string, string>;
  /** The repository's files. */
  directory: string;
  /** Folder of this run, which takes all that act writes. */
  home: string;
  secretFile: string;
  varFile: string;
  env: Record<string, string>;
  /** `owner/name@ref` to a folder. */
  repositories: Record<string, string>;
  said: boolean;
}

export interface EngineRun {
  exitCode: number | null;
  /** What act prints, masked by act: a secret as a whole, where GitHub masks each of its lines (pkg/runner/logger.go). */
  log: string;
  /** `success` or `failure` of each job that ran, by its id; one for all of a matrix. act prints no job that is skipped. */
  jobs: Record<string, string>;
  /** Of each step: `job/step` to its outputs. A step without an id has its number. */
  outputs: Record<string, Record<string, string>>;
  /** What steps have asked to mask. */
  masks: string[];
  /** What steps have written to GITHUB_STEP_SUMMARY. */
  summaries: string[];
  /**
   * What actions have printed, where that was asked for. Of a step that fails, act prints the end only sometimes: it waits
   * for the process, and closes the terminal without reading the rest (pkg/container/host_environment.go, exec).
   */
  said: string;
}

/** A line of `act --json`. `msg` is what act prints without it; act does not mask the other fields. */
interface Line {
  msg?: string;
  jobID?: string;
  stepID?: string[];
  jobResult?: string;
  command?: string;
  name?: string;
  arg?: string;
  content?: string;
}

export async function runEngine(options: EngineOptions): Promise<EngineRun> {
  const { home, env } = options;
  const said = join(home, 'said');
  writeFileSync(said, '');
  const shell = join(home, 'shell');
  writeFileSync(shell, AT_EXIT);
  const child = spawn(`${ACT}`, argumentsOf(options), {
    cwd: options.directory,
    // act hands its own environment to every step of the host.
    env: {
      PATH: [NODE, process.env.PATH].join(delimiter),
      HOME: home,
      TMPDIR: home,
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_CONFIG_HOME: join(home, 'config'),
      BASH_ENV: shell,
      ...env,
      ...(options.said ? { SAID: said, NODE_OPTIONS: `--import=${SAID}` } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run: EngineRun = {
    exitCode: null,
    log: '',
    jobs: {},
    outputs: {},
    masks: [],
    summaries: [],
    said: '',
  };
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (text) => read(parsed(text), run));
  }
  run.exitCode = await exitOf(child);
  run.said = readFileSync(said, 'utf8').replaceAll(/^::add-mask::.*\n/gm, '');
  rmSync(said);
  return run;
}

function argumentsOf(options: EngineOptions): string[] {
  const pairs = (flag: string, values: Record<string, string>) =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  return [
    options.event,
    '--json',
    '--rm',
    '--no-cache-server',
    ...['--workflows', options.workflow, '--directory', options.directory],
    ...['--action-cache-path', join(options.home, 'actions')],
    ...['--secret-file', options.secretFile, '--var-file', options.varFile],
    ...LABELS.flatMap((label) => ['--platform', `${label}=-self-hosted`]),
    ...pairs('--input', options.inputs),
    ...pairs('--env', options.env),
    ...pairs('--local-repository', options.repositories),
  ];
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return { msg: text };
  }
}

function read(line: Line, run: EngineRun): void {
  const { msg = '', jobID = '', stepID = [], jobResult, command, name, arg = '', content = '' } = line;
  run.log += `${msg}\n`;
  if (jobResult !== undefined) run.jobs[jobID] = jobResult;
  if (command === 'add-mask') run.masks.push(arg);
  if (command === 'summary') run.summaries.push(content);
  if (command !== 'set-output' || name === undefined) return;
  const step = `${jobID}/${stepID.join('/')}`;
  run.outputs[step] = { ...run.outputs[step], [name]: arg };
}
