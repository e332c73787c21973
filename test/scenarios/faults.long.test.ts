/** Answers that cannot be read, each kind at each read: never a change because of one, never a wrong state. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import {
  code,
  credentialOf,
  credentials,
  everything,
  held,
  login,
  MINUTE,
  rotate,
  settle,
  writes,
} from './support.ts';
import { READS, refusesUnread, UNREADABLE } from './unreadable.ts';

describe('an answer that cannot be read', () => {
  it.each(READS)('of %s: nothing is changed', async (...read) => {
    await using world = await startSandbox();
    await settle(world);
    const before = everything(world);
    for (const answer of UNREADABLE) await refusesUnread(world, read, answer);
    expect(everything(world)).toEqual(before);
  });

  it('at each request of a rotation: an error or a success, never a wrong state', async () => {
    await using world = await startSandbox();
    await settle(world);
    const delivered = new Set([world.client.credentialId, credentialOf(world, held(world))]);
    let failed = 0;
    for (let n = 1; ; n += 1) {
      const { run, met, written } = await garbledAt(world, n, KINDS[n % KINDS.length] ?? 'html');
      expect([n, run.exitCode === 0 || ANSWERED_BADLY.test(`${code(run)}`)]).toEqual([n, true]);
      if (run.exitCode !== 0 && !written) expect([n, writes(world)]).toEqual([n, []]);
      failed += run.exitCode ?? 0;
      delivered.add(credentialOf(world, held(world)));
      expect([n, await login(world)]).toEqual([n, 200]);
      // What has not come to hold anything is gone again.
      expect([...delivered]).toEqual(expect.arrayContaining(credentials(world).pool));
      world.advance(16 * MINUTE);
      if (!met) break;
      await settle(world, credentials(world).pool.length < 2 ? { force: 'true' } : {});
      delivered.add(credentialOf(world, held(world)));
      expect(credentials(world).associated).toEqual(credentials(world).pool);
    }
    expect(failed).toBeGreaterThan(5);
  });
});

const KINDS = ['html', 'half-json', 'empty'] as const;
const ANSWERED_BADLY = /^(AUTH0_|GITHUB_|DISCOVERY_FAILED|VERIFICATION_FAILED|DELIVERY_)/;

async function garbledAt(world: Sandbox, n: number, as: (typeof KINDS)[number]) {
  let seen = 0;
  let written = false;
  world.conditions.fault = () => {
    seen += 1;
    if (seen !== n) return undefined;
    written = writes(world).length > 0;
    return { kind: 'garble', as };
  };
  const run = await rotate(world, { force: 'true' });
  world.conditions.fault = undefined;
  return { run, met: seen >= n, written };
}
