/** Where the runner starts: the real wire, clock and signals, and the only exit code. */

import { setTimeout as wait } from 'node:timers/promises';
import { asRotationError } from './errors.ts';
import { Cancellation } from './http/service.ts';
import { openWire } from './http/wire.ts';
import { readInputs, secretsIn } from './inputs.ts';
import { report } from './report.ts';
import { run } from './run.ts';
import * as runner from './runner.ts';

/** Well inside the lease of 15 minutes after which another run may take over (specification 4). */
const LONGEST_RUN = 10 * 60_000;

async function main(): Promise<void> {
  for (const secret of secretsIn(process.env)) runner.mask(secret);
  runner.stage('Inputs');
  const inputs = readInputs(process.env);
  runner.info(
    `auth0-mtls-rotation: ${inputs.watch ? 'watch' : `${inputs.planOnly ? 'plan of ' : ''}${inputs.wish.operation}`} by ${inputs.wish.method}`,
  );
  const wire = openWire(process.env);
  const began = monotonic();
  const connection = {
    send: wire.send,
    advance: wire.advance,
    clock: { now: monotonic, sleep, random: Math.random, deadline: began + LONGEST_RUN },
    cancellation: new Cancellation(cancelledBySignal()),
    debug: runner.debug,
  };
  const account = await run(inputs, connection, {
    mask: runner.mask,
    info: runner.info,
    stage: runner.stage,
    onStep,
  });
  const told = report(account, runner.explanationOf);
  runner.stage('Report');
  await runner.publish(told);
  runner.stage();
  runner.info(told.headline);
  if (account.error) runner.fail(account.error);
  connection.cancellation.end();
  await wire.close();
}

/** Does not jump with the machine's clock. */
function monotonic(): number {
  return performance.timeOrigin + performance.now();
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, signal ? { signal } : {});
}

/** GitHub cancels with SIGINT, then SIGTERM 7.5 s later (workflow-cancellation.md): both mean stop or finish now. */
function cancelledBySignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      runner.info(`${name} received: undoing, or finishing the delivery that has begun.`);
      controller.abort();
    });
  }
  return controller.signal;
}

const STILL = 2_000;

function onStep(text: string): (outcome: string) => void {
  const began = monotonic();
  const seconds = () => ((monotonic() - began) / 1000).toFixed(1);
  runner.info(`→ ${text} …`);
  const timer = setInterval(() => runner.info(`  … still at it after ${seconds()} s`), STILL);
  return (outcome) => {
    clearInterval(timer);
    runner.info(`  ${outcome} in ${seconds()} s`);
  };
}

main().catch((error: unknown) => {
  runner.stage();
  runner.fail(asRotationError(error));
});
