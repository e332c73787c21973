/** What the stories of the whole action share: the committed dist, started as GitHub starts it, in a sandbox. */

import { type ActionOptions, type ActionRun, runAction } from '../sandbox/runner.ts';
import { REPOSITORY, type Sandbox } from '../sandbox/sandbox.ts';

export const SCOPE = `repo:${REPOSITORY}`;
export const SECRET = 'AUTH0_MTLS_PEM';
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

/** What the primary holds now: in a workflow the input `current-credential`. */
export function held(world: Sandbox, scope = SCOPE, name = SECRET): string {
  return world.github.secret(scope, name)?.value ?? '';
}

/** A run as the README's workflow has it. */
export function rotate(
  world: Sandbox,
  inputs: Record<string, string> = {},
  options: ActionOptions = {},
): Promise<ActionRun> {
  world.transcript.clear();
  return runAction(world, { 'current-credential': held(world), ...inputs }, options);
}

/** A client whose secret was delivered long ago, so that nothing waits and nothing is due. */
export async function settle(world: Sandbox, inputs: Record<string, string> = {}): Promise<void> {
  const run = await rotate(world, inputs);
  if (run.exitCode !== 0) throw new Error(`the first rotation failed: ${run.log}`);
  world.advance(20 * MINUTE);
}

/** Does what the secret holds get a token over mTLS? The status of the answer. */
export async function login(world: Sandbox, pem = held(world)): Promise<number> {
  return (await world.requestToken(world.clientId, pem)).status;
}

/** Ids of the client's pool, and of those that are associated. */
export function credentials(world: Sandbox): { pool: string[]; associated: string[] } {
  const { client, credentials: records } = world.tenant.reveal(world.clientId);
  const slot = client.client_authentication_methods?.self_signed_tls_client_auth;
  return {
    pool: records.map(({ id }) => id).sort(),
    associated: (slot?.credentials ?? []).map(({ id }) => id).sort(),
  };
}

/** The code of the error that failed the step. */
export function code(run: ActionRun): string | undefined {
  return run.annotations.find(({ level }) => level === 'error')?.properties.title;
}

/** Requests that change something, as lines of the transcript. */
export function writes(world: Sandbox): string[] {
  return world.transcript.requests().filter((line) => / (PUT|PATCH|DELETE|POST .*credentials)/.test(line));
}
