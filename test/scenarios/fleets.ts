/** What the stories of a fleet share: clients of a sandbox, a manifest of them, and what became of each. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ActionOptions, ActionRun } from '../emulators/runner.ts';
import { REPOSITORY, type Sandbox, type SandboxOptions, startSandbox } from '../emulators/sandbox.ts';
import type { Arrival } from '../emulators/transcript.ts';
import { MINUTE, rotate } from './support.ts';

export interface Member {
  clientId: string;
  secret: string;
  /** Where its secret is, the primary first. */
  scopes: string[];
}

export interface Entry {
  'client-id': string;
  rotated: boolean;
  reason: string;
  'next-rotation': string;
  error?: { code: string; message: string };
}

/** A world with so many clients, each of which has a hand-made credential and no secret yet. */
export class Fleet implements AsyncDisposable {
  readonly world: Sandbox;
  readonly members: readonly Member[];
  readonly #directory = mkdtempSync(join(tmpdir(), 'fleet-'));
  readonly manifest = join(this.#directory, 'auth0-clients.yml');

  constructor(world: Sandbox, count: number, scopesOf: (at: number) => string[]) {
    this.world = world;
    this.members = Array.from({ length: count }, (_, at) => {
      const { clientId } = world.addServiceClient({ name: `service ${at}` });
      return { clientId, secret: `PEM_${at}`, scopes: scopesOf(at) };
    });
    this.write();
  }

  static async start(
    count: number,
    options: SandboxOptions = {},
    scopesOf = (_: number) => [`repo:${REPOSITORY}`],
  ): Promise<Fleet> {
    return new Fleet(await startSandbox(options), count, scopesOf);
  }

  /** @param change of a client's keys, by its number */
  write(change: Record<number, Record<string, string>> = {}): void {
    const clients = this.members.map(({ clientId, scopes, secret }, at) => {
      const keys = { 'client-id': clientId, 'secret-name': secret, destinations: `[${scopes.join(', ')}]` };
      const lines = Object.entries<string>({ ...keys, ...change[at] }).map(
        ([key, value]) => `${key}: ${value}`,
      );
      return `  - ${lines.join('\n    ')}\n`;
    });
    writeFileSync(this.manifest, `defaults:\n  verify: required\nclients:\n${clients.join('')}`);
  }

  run(inputs: Record<string, string> = {}, options: ActionOptions = {}): Promise<ActionRun> {
    const given = { 'client-id': '', 'current-credential': '', manifest: this.manifest, ...inputs };
    return rotate(this.world, given, options);
  }

  /** How often each client's secrets were written, all in all. */
  writes(arrivals = this.world.transcript.arrivals()): number[] {
    const puts = arrivals.filter(({ request }) => request.method === 'PUT');
    return this.members.map(
      ({ secret }) => puts.filter(({ request }) => request.path.endsWith(`/${secret}`)).length,
    );
  }

  /** What each client's secrets hold. */
  held(): string[] {
    return this.members.flatMap(({ scopes, secret }) =>
      scopes.map((scope) => this.world.github.secret(scope, secret)?.value ?? ''),
    );
  }

  /** Statuses of a login with what each client's secrets hold. */
  logins(): Promise<number[]> {
    const all = this.members.flatMap(({ clientId, scopes, secret }) =>
      scopes.map(async (scope) => {
        const pem = this.world.github.secret(scope, secret)?.value;
        return pem === undefined ? 0 : (await this.world.requestToken(clientId, pem)).status;
      }),
    );
    return Promise.all(all);
  }

  /** What asked Auth0 to change something, as [number of the client, request]. */
  changes(): [number, string][] {
    return this.world.transcript
      .arrivals('client')
      .filter(({ line }) => /auth0 (POST|PATCH|DELETE) \/api/.test(line))
      .map(({ line, request }) => [this.#numberOf(request.path), line]);
  }

  refusals(): number {
    return this.world.transcript.exchanges('client').filter(({ status }) => status === 429).length;
  }

  #numberOf(path: string): number {
    return this.members.findIndex(({ clientId }) => path.includes(clientId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#directory, { recursive: true });
    await this.world[Symbol.asyncDispose]();
  }
}

export function entries(run: ActionRun): Entry[] {
  return JSON.parse(run.outputs.result ?? '[]');
}

export function errorsOf(run: ActionRun): string[] {
  return run.annotations
    .filter(({ level }) => level === 'error')
    .map(({ properties }) => `${properties.title}`);
}

export const ONES = (count: number) => Array<number>(count).fill(1);
export const GRANTED = (count: number) => Array<number>(count).fill(200);

export function isWrite({ request }: Arrival): boolean {
  return request.method === 'PUT';
}

/** @returns how often each client's secrets were written until then */
export async function killedAtWrite(fleet: Fleet, number: number): Promise<number[]> {
  let count = 0;
  const killed = await fleet.run(
    {},
    {
      killWhen: ({ arrival, phase }) => {
        if (phase === 'answered' && isWrite(arrival)) count += 1;
        return count === number ? 'SIGKILL' : undefined;
      },
    },
  );
  expect(killed.signal).toBe('SIGKILL');
  await fleet.world.idle();
  return fleet.writes();
}

/** Killed at the write of that number: the next run rotates the others, and nobody twice. */
export async function completedAfterCrash(fleet: Fleet, number: number): Promise<void> {
  const { length } = fleet.members;
  const before = await killedAtWrite(fleet, number);
  expect(before.filter((count) => count === 1).length).toBe(number);
  fleet.world.advance(16 * MINUTE);
  const run = await fleet.run();
  const after = fleet.writes();
  expect([run.exitCode, before.map((count, at) => count + (after[at] ?? 0))]).toEqual([0, ONES(length)]);
  expect(await fleet.logins()).toEqual(GRANTED(length));
  // Of what was abandoned nothing is left.
  for (const { clientId } of fleet.members)
    expect(fleet.world.tenant.reveal(clientId).credentials.length).toBe(2);
}
