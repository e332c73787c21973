/**
 * `npm run soak [-- --rotations 500 --seed 1]`: forced rotations of the committed bundle under crashes and faults at random,
 * while a consumer that re-reads the secret before each login authenticates through the edge without pause, and while people
 * interfere, between the runs and in the middle of them.
 */

import { parseArgs } from 'node:util';
import { readOwnership } from '../../src/model/ownership.ts';
import { startConsumer } from '../emulators/consumer.ts';
import type { Random } from '../emulators/emulator.ts';
import { seededRandom } from '../emulators/emulator.ts';
import { type ActionOptions, runAction } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { People } from './soak-people.ts';

export interface SoakReport {
  rotations: number;
  killed: number;
  failed: number;
  faults: number;
  /** What people did, and how often. */
  acts: Record<string, number>;
  authentications: number;
  refused: number;
  /** Credentials left at the end that no secret holds and that are not the previous one. */
  orphans: number;
}

const SCOPE = 'repo:acme/shop';
const SECRET = 'AUTH0_MTLS_PEM';
const MINUTE = 60_000;

/** @param progress told every ten rotations @param hasPeople people interfere */
export async function soak(
  rotations: number,
  seed: number,
  progress: (line: string) => void,
  hasPeople = false,
): Promise<SoakReport> {
  await using world = await startSandbox({ seed });
  const random = seededRandom(seed);
  const report: SoakReport = {
    rotations: 0,
    killed: 0,
    failed: 0,
    faults: 0,
    acts: {},
    authentications: 0,
    refused: 0,
    orphans: 0,
  };
  // What was made by hand is announced for a week: from then on every rotation finds its place.
  await runAction(world, { 'current-credential': '' });
  world.advance(8 * 24 * 60 * MINUTE);
  const people = new People(world, { scope: SCOPE, secret: SECRET }, random);
  report.acts = people.acts;
  let interfere = () => {};
  world.conditions.fault = () => {
    interfere();
    if (random() > 0.04) return undefined;
    report.faults += 1;
    return anyFault(random);
  };
  for (let done = 0; done < rotations; done += 1) {
    const consumer = startConsumer(world, { intervalMs: 10 });
    await people.prepare();
    if (hasPeople && random() < 0.2) people.betweenRuns();
    interfere = hasPeople && random() < 0.3 ? people.duringRun() : () => {};
    await rotateOnce(world, random, report);
    interfere = () => {};
    const { attempts, failures } = await consumer.stop();
    report.authentications += attempts;
    report.refused += failures.length;
    if (done % 10 === 9) progress(JSON.stringify(report));
  }
  return { ...report, orphans: await orphansAfterRest(world) };
}

/** One forced rotation; then enough time for the next: past the lease, or just past the last delivery. */
async function rotateOnce(world: Sandbox, random: Random, report: SoakReport): Promise<void> {
  const current = world.github.secret(SCOPE, SECRET)?.value ?? '';
  world.transcript.clear();
  const run = await runAction(world, { force: 'true', 'current-credential': current }, crash(random));
  await world.idle();
  report.rotations += 1;
  if (run.signal !== null) report.killed += 1;
  else if (run.exitCode !== 0) report.failed += 1;
  world.advance(random() < 0.2 ? MINUTE : 16 * MINUTE);
}

/** A third of the runs is killed at some request, or cancelled as GitHub does. */
function crash(random: Random): ActionOptions {
  if (random() > 0.35) return {};
  const at = 1 + Math.floor(random() * 20);
  const signal = random() < 0.7 ? 'SIGKILL' : 'SIGINT';
  const phase = random() < 0.5 ? 'arrived' : 'answered';
  return { killWhen: (event) => (event.phase === phase && event.count === at ? signal : undefined) };
}

function anyFault(random: Random): Fault {
  const kinds: Fault[] = [
    {
      kind: 'answer',
      response: { status: 429, headers: { 'retry-after': '0' }, body: '{"statusCode":429}' },
    },
    { kind: 'answer', response: { status: 500, headers: {}, body: '{}' } },
    { kind: 'answer', response: { status: 503, headers: {}, body: '<html>' } },
    { kind: 'drop' },
    { kind: 'lose' },
    { kind: 'slow', delayMs: 50 },
  ];
  return kinds[Math.floor(random() * kinds.length)] ?? { kind: 'drop' };
}

/** The faults end; one undisturbed run after the lease must leave what is held, and at most the one before it. */
async function orphansAfterRest(world: Sandbox): Promise<number> {
  world.conditions.fault = undefined;
  world.advance(16 * MINUTE);
  const current = world.github.secret(SCOPE, SECRET)?.value ?? '';
  // A pair that somebody put back right after a rotation looks like a delivery: as the message says, it is saved once more.
  world.github.seedSecret(SCOPE, SECRET, current);
  world.advance(MINUTE);
  const last = await runAction(world, { 'current-credential': current });
  const { client, credentials } = world.tenant.reveal(world.clientId);
  const associated = client.client_authentication_methods?.self_signed_tls_client_auth?.credentials ?? [];
  if (last.exitCode !== 0) return credentials.length;
  const ours = credentials.filter(({ name }) => readOwnership(`${name}`) !== undefined);
  return ours.filter((one) => !associated.some(({ id }) => id === one.id)).length;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { rotations: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' } },
  });
  const began = Date.now();
  const report = await soak(Number(values.rotations), Number(values.seed), (line) => console.log(line), true);
  const { authentications, refused, orphans, ...rest } = report;
  console.log(`${JSON.stringify(rest)} in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  console.log(`authentications made ${authentications}, failed ${refused}, orphans left ${orphans}`);
  if (refused > 0 || orphans > 0) process.exitCode = 1;
}
