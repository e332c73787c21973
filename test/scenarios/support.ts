/** What the stories of the whole action share: the committed dist, started as GitHub starts it, in a sandbox. */

import { X509Certificate } from 'node:crypto';
import { expect } from 'vitest';
import { thumbprintOf } from '../emulators/authorization-server.ts';
import { type ConsumerFailure, startConsumer } from '../emulators/consumer.ts';
import { type ActionOptions, type ActionRun, runAction } from '../emulators/runner.ts';
import { REPOSITORY, type Sandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';

export const SCOPE = `repo:${REPOSITORY}`;
export const SECRET = 'AUTH0_MTLS_PEM';
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

/** A run that a person has started. Without it a schedule has. */
export const BY_HAND = { env: { GITHUB_EVENT_NAME: 'workflow_dispatch' } };

/** What the primary holds now: in a workflow the input `current-credential`. */
export function held(world: Sandbox, scope = SCOPE, name = SECRET): string {
  return world.github.secret(scope, name)?.value ?? '';
}

/** A run as the README's workflow has it. Whatever its story is: nothing that it leaves shows a secret. */
export async function rotate(
  world: Sandbox,
  inputs: Record<string, string> = {},
  options: ActionOptions = {},
): Promise<ActionRun> {
  world.transcript.clear();
  const given = { 'current-credential': held(world), ...inputs };
  const run = await runAction(world, given, options);
  expect(leaks(run, secretsOf(world, run, given))).toEqual([]);
  return run;
}

/** A client whose secret was delivered long ago, so that nothing waits, what was made by hand is announced, and nothing is due. */
export async function settle(world: Sandbox, inputs: Record<string, string> = {}): Promise<void> {
  const run = await rotate(world, inputs);
  if (run.exitCode !== 0) throw new Error(`the first rotation failed: ${run.log}`);
  world.advance(8 * DAY);
}

/** Does what the secret holds get a token over mTLS? The status of the answer. */
export async function login(world: Sandbox, pem = held(world)): Promise<number> {
  return (await world.requestToken(world.clientId, pem)).status;
}

/** Ids of the client's pool, and of those that are associated. */
export function credentials(
  world: Sandbox,
  clientId = world.clientId,
): { pool: string[]; associated: string[] } {
  const { client, credentials: records } = world.tenant.reveal(clientId);
  const slot = client.client_authentication_methods?.self_signed_tls_client_auth;
  return {
    pool: records.map(({ id }) => id).sort(),
    associated: (slot?.credentials ?? []).map(({ id }) => id).sort(),
  };
}

/** All that a failed run must leave as it was. */
export function everything(world: Sandbox): { pool: string[]; associated: string[]; pem: string } {
  return { ...credentials(world), pem: held(world) };
}

/** Id of the credential that a secret holds. */
export function credentialOf(world: Sandbox, pem: string, clientId = world.clientId): string | undefined {
  if (pem === '') return undefined;
  const thumbprint = thumbprintOf(new X509Certificate(pem));
  return world.tenant.reveal(clientId).credentials.find((one) => one.thumbprint_sha256 === thumbprint)?.id;
}

/** The code of the error that failed the step. */
export function code(run: ActionRun): string | undefined {
  return run.annotations.find(({ level }) => level === 'error')?.properties.title;
}

/** The secret that a run writes and deletes again, to see that a destination takes writes. */
export const PROBE = 'AUTH0_MTLS_ROTATION_PROBE';

/** Requests that change something, as lines of the transcript. */
export function writes(world: Sandbox): string[] {
  const isWrite = (line: string) => / (PUT|PATCH|DELETE|POST .*credentials)/.test(line);
  // A probe changes nothing that anybody reads.
  return world.transcript.requests().filter((line) => isWrite(line) && !line.endsWith(`/${PROBE}`));
}

/** A job at each place reads its secret and logs in, over and over while `work` goes on. @returns who was refused */
export async function withConsumers(
  world: Sandbox,
  locations: readonly string[],
  work: () => Promise<void>,
): Promise<ConsumerFailure[]> {
  const consumers = locations.map((scope) =>
    startConsumer(world, { scope, intervalMs: 50, maxMs: 3_600_000 }),
  );
  try {
    await work();
    for (const { report } of consumers) expect(report.granted).toBeGreaterThan(0);
    // Also what the work has left is tried, by every one of them.
    for (const consumer of consumers) await consumer.attempts(10);
  } finally {
    for (const consumer of consumers) await consumer.stop();
  }
  return consumers.flatMap(({ report }) => report.failures);
}

/** An answer in the service's place. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Fault {
  const response = {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
  return { kind: 'answer', response };
}

// --- secrecy ---

/** All secrets of a run: given to it, answered to it, and what it asked to mask (its new key, line by line). */
export function secretsOf(world: Sandbox, run: ActionRun, inputs: Record<string, string>): string[] {
  const arrivals = world.transcript.arrivals();
  const sent = arrivals.map(({ request }) => request.headers.authorization?.split(' ')[1] ?? '');
  const received = arrivals.map(
    ({ exchange }) => /"access_token":"([^"]+)"/.exec(exchange?.responseBody ?? '')?.[1] ?? '',
  );
  const given = Object.entries(inputs).filter(([name]) => SECRET_INPUT.test(name));
  return [
    world.managementClientSecret,
    world.githubToken,
    world.workflowToken,
    ...given.map(([, value]) => value),
    ...sent,
    ...received,
    ...run.masks,
  ];
}

const SECRET_INPUT = /-(token|secret|private-key|credential)$/;
/** A shorter text says nothing. */
const SHORTEST = 12;

/** Every spelling in which a secret could hide: plain, base64 at three shifts, hex, JSON and URL encoding. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // Only what depends on the secret alone.
    return text.slice(shift === 0 ? 0 : 4, text.length - 4);
  });
  return [
    secret,
    ...shifted,
    bytes.toString('base64url'),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
  ];
}

/** Whole and line by line. The first line of a PEM body is the same for every key of a size. */
export function needles(secrets: readonly string[]): string[] {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split('\n')]).map((part) => part.trim());
  const logger = parts.filter((part) => part.length >= SHORTEST && !/^(-----[A-Z ]+-----$|MII)/.test(part));
  return [...new Set(logger.flatMap(spellings))].filter((text) => text.length >= SHORTEST);
}

/** Searches all that GitHub shows and keeps, and the output before it is masked, save the masks themselves. */
export function leaks(run: ActionRun, secrets: readonly string[]): string[] {
  const unmasked = run.stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const told = run.annotations.map(({ message }) => message);
  const kept = [run.stderr, run.summary, run.traces, JSON.stringify([run.outputs, run.state]), ...run.files];
  const all = [...unmasked, ...told, ...kept].join('\n');
  return needles(secrets).filter((needle) => all.includes(needle));
}
