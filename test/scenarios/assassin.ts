/** What the stories of a run that is killed share: the kill, the run that settles it, and what must be true after it. */

import { expect } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import {
  code,
  credentialOf,
  credentials,
  DAY,
  held,
  login,
  MINUTE,
  rotate,
  SCOPE,
  SECRET,
  settle,
} from './support.ts';

const OPS = 'env:acme/ops/prod';
export const LEASE_OVER = 16 * MINUTE;
export const BOTH = { inputs: { destinations: `${SCOPE}\n${OPS}` }, locations: [SCOPE, OPS] };
const filler = selfSignedCertificate('filler');

export interface Story {
  inputs: Record<string, string>;
  locations: string[];
}

export async function begin(inputs: Record<string, string>): Promise<Sandbox> {
  const world = await startSandbox();
  world.github.addRepository('acme/ops', { environments: ['prod'] });
  await settle(world, inputs);
  return world;
}

/** Kills one run, lets the next one settle it, and remembers what every destination has held. */
export class Assassin {
  readonly world: Sandbox;
  readonly story: Story;
  /** Whom a settling run said that it would interrupt: half delivered, and no key to finish with. */
  readonly interruptions: string[] = [];
  readonly #delivered = new Set<string | undefined>();

  constructor(world: Sandbox, story: Story) {
    this.world = world;
    this.story = story;
    this.#delivered.add(world.client.credentialId);
    this.remember();
  }

  remember(): void {
    for (const location of this.story.locations)
      this.#delivered.add(credentialOf(this.world, held(this.world, location)));
  }

  /** The client holds two again, so that every rotation has to make room: as an earlier run has left them. */
  fill(): void {
    const { world } = this;
    const [only, ...others] = world.tenant.reveal(world.clientId).credentials;
    if (others.length > 0) return;
    const id = world.tenant.seedCredential(world.clientId, {
      ...(only?.name === undefined ? {} : { name: only.name }),
      credential_type: 'x509_cert',
      pem: filler.cert,
      associate: true,
      created_at: new Date(world.tenantNow() - 2 * DAY).toISOString(),
    });
    this.#delivered.add(id);
  }

  /** @returns false where the run had ended before */
  async kill(when: (event: TrafficEvent) => boolean): Promise<boolean> {
    const { world, story } = this;
    const before = this.#state();
    const inputs = { ...story.inputs, force: 'true' };
    const run = await rotate(world, inputs, { killWhen: (event) => (when(event) ? 'SIGKILL' : undefined) });
    await world.idle();
    const requests = world.transcript.render();
    world.advance(LEASE_OVER);
    this.remember();
    // Where it has not written yet there is nothing to settle.
    if (run.signal === 'SIGKILL' && this.#state() !== before) {
      const next = await rotate(world, story.inputs);
      expect([next.exitCode, code(next)], `${requests}\n${next.log}`).toEqual([0, undefined]);
      const told = next.annotations.map(({ message }) => message);
      this.interruptions.push(...told.filter((message) => message.startsWith('INTERRUPTION')));
      this.remember();
      world.advance(LEASE_OVER);
    }
    await this.#settled();
    return run.signal === 'SIGKILL';
  }

  #state(): string {
    const locations = this.story.locations.map((location) => this.world.github.secret(location, SECRET));
    return JSON.stringify([this.world.tenant.reveal(this.world.clientId), locations]);
  }

  /** No orphan, no half delivery. */
  async #settled(): Promise<void> {
    const { pool, associated } = credentials(this.world);
    expect(associated).toEqual(pool);
    expect(pool.length).toBeLessThanOrEqual(2);
    expect([...this.#delivered]).toEqual(expect.arrayContaining(pool));
    const [primary, ...others] = this.story.locations.map((location) => held(this.world, location));
    for (const other of others) expect(other).toBe(primary);
    expect(await login(this.world)).toBe(200);
  }
}
