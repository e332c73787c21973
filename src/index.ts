/** The entry point: sets up the connections, clock and signals, and sets the exit code. */

import { setTimeout as wait } from 'node:timers/promises';
import * as runner from './actions-runner.ts';
import { holdsPrivateKey } from './certificate/masks.ts';
import { Ending } from './ending.ts';
import { runFleet } from './fleet/fleet.ts';
import { Cancellation } from './http/clock.ts';
import { proxySecrets } from './http/proxy.ts';
import type { Transport } from './http/service.ts';
import { openWire } from './http/wire.ts';
import { readFleet } from './inputs/fleet.ts';
import { type Inputs, readInputs, secretsIn } from './inputs/inputs.ts';
import { type Environment, raw } from './inputs/reader.ts';
import { invalid, withRevokeAlarm } from './inputs/refusal.ts';
import type { Report, RunResult } from './model/run-result.ts';
import { asClientId } from './model/shard.ts';
import { LONGEST_RUN } from './model/timing.ts';
import { countOfClients, fleetReport } from './report/fleet.ts';
import { headline } from './report/headline.ts';
import { clientReport } from './report/report.ts';
import { run } from './run.ts';
import { connectServices } from './services.ts';

/** The mask of a shorter password, such as the placeholder `x`, would hide ordinary text. */
const SHORTEST_PASSWORD = 4;

async function main(ending: Ending): Promise<void> {
  const environment = takeEnvironment();
  for (const secret of secretsIn(environment)) runner.mask(secret);
  for (const secret of proxySecrets(environment)) runner.mask(secret, SHORTEST_PASSWORD);
  runner.phase('Inputs');
  const manifestPath = raw(environment, 'manifest');
  const clients =
    manifestPath === '' ? [readInputs(environment)] : await readManifest(environment, manifestPath);
  const [client] = clients;
  const isSingle = manifestPath === '' || asClientId(raw(environment, 'shard')) !== undefined;
  const wire = openWire(environment);
  const cancelled = AbortSignal.any([cancelledBySignal(), ending.signal]);
  const transport = {
    send: wire.send,
    connectAhead: wire.connectAhead,
    clock: { now: monotonic, sleep, random: Math.random },
    cancellation: new Cancellation(cancelled, monotonic() + LONGEST_RUN),
    debug: runner.debug,
  };
  const { results, report } =
    isSingle && client
      ? await runOneClient(client, transport)
      : await runManyClients(clients, transport, cancelled);
  const [only] = results;
  try {
    await ending.complete(report);
  } finally {
    // Also if a file of the report cannot be written.
    if (isSingle && only?.error) runner.fail(only.error);
  }
  if (results.some(({ error }) => error)) process.exitCode = 1;
  transport.cancellation.end();
  await wire.close();
}

/**
 * Returns a copy of the environment and removes inputs, proxies and keys from the original. Otherwise a diagnostic report of Node would
 * show them, and a child process would inherit them.
 */
function takeEnvironment(): Environment {
  const environment = { ...process.env };
  for (const [name, value] of Object.entries(environment))
    if (/^INPUT_|_PROXY$/i.test(name) || holdsPrivateKey(value ?? '')) delete process.env[name];
  return environment;
}

async function readManifest(environment: Environment, path: string): Promise<Inputs[]> {
  try {
    return readFleet(environment, path, await runner.readFile(path));
  } catch (error) {
    const code =
      error instanceof Error && 'syscall' in error && 'code' in error ? `${error.code}` : undefined;
    if (code === undefined) throw error;
    const problem = `Input 'manifest' is '${path}', which cannot be read (${code}).`;
    const remedy = 'Run actions/checkout before the action, and check the path.';
    throw withRevokeAlarm(invalid('inputs', [problem], remedy), environment);
  }
}

interface Work {
  results: readonly RunResult[];
  report: Report;
}

async function runOneClient(inputs: Inputs, transport: Transport): Promise<Work> {
  runner.info(
    `auth0-mtls-rotation: ${inputs.watch ? 'watch' : `${inputs.readOnly ? 'plan of ' : ''}${inputs.desired.operation}`} by ${inputs.desired.method}`,
  );
  const { info, mask, phase } = runner;
  const logger = { info, mask, phase, onStep };
  const result = await run(inputs, connectServices(inputs, transport, logger), logger);
  return { results: [result], report: clientReport(result, runner.helpUrl) };
}

async function runManyClients(
  clients: readonly Inputs[],
  transport: Transport,
  cancelled: AbortSignal,
): Promise<Work> {
  const [first] = clients;
  runner.info(
    `auth0-mtls-rotation: ${first?.readOnly ? 'plan for' : 'rotate'} ${countOfClients(clients.length)}`,
  );
  runner.phase();
  const { mask } = runner;
  const results = await runFleet(clients, { transport, cancelled, longestRun: LONGEST_RUN, mask, logFor });
  return { results, report: fleetReport(results, runner.helpUrl) };
}

/** Collects a client's lines and writes them when the client is done, since lines of parallel clients would mix. */
function logFor({ desired }: Inputs) {
  const lines: string[] = [];
  return {
    info: (line: string) => void lines.push(line),
    phase: () => undefined,
    debug: (message: string) => runner.debug(`${desired.clientId}: ${message}`),
    onStep: (text: string) => {
      const began = monotonic();
      return (outcome: string) => void lines.push(`→ ${text}: ${outcome} in ${secondsSince(began)} s`);
    },
    end: (result: RunResult) => {
      if (result.error) lines.push(result.error.message);
      runner.group(headline(result), lines);
    },
  };
}

/** Milliseconds since the epoch. Unlike `Date.now()` it does not jump when somebody sets the machine's clock. */
function monotonic(): number {
  return performance.timeOrigin + performance.now();
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, signal ? { signal } : {});
}

/**
 * GitHub cancels a step with SIGINT and sends SIGTERM 7.5 s later (docs/facts.md#runner-cancellation). After either signal the run
 * undoes what it did, or finishes the delivery of a new key that it has begun.
 */
function cancelledBySignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      runner.info(`${name} received: undoing, or finishing the delivery of a new key that has begun.`);
      controller.abort();
    });
  }
  return controller.signal;
}

/** A step that takes longer says in the log, every so many milliseconds, that it is still at work. */
const PROGRESS_INTERVAL = 2_000;

function onStep(text: string): (outcome: string) => void {
  const began = monotonic();
  runner.info(`→ ${text} …`);
  const timer = setInterval(
    () => runner.info(`  … still at it after ${secondsSince(began)} s`),
    PROGRESS_INTERVAL,
  );
  // The timer alone must not keep the process alive.
  timer.unref();
  return (outcome) => {
    clearInterval(timer);
    const seconds = secondsSince(began);
    // A duration below a second would only lengthen the log.
    runner.info(`  ${outcome}${seconds === 0 ? '' : ` in ${seconds} s`}`);
  };
}

function secondsSince(began: number): number {
  return Math.floor((monotonic() - began) / 1000);
}

const ending = new Ending();
main(ending).catch((error: unknown) => ending.fail(error));
