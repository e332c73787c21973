/** Two runs at once, without a concurrency group, again and again: one wins or both stop, nobody is locked out, the next run settles. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, credentials, login, MINUTE, rotate, SCOPE, settle, withConsumers } from './support.ts';

const ROUNDS = 6;

describe('two runs at once', () => {
  it(`${ROUNDS} times, with answers that take different times`, async () => {
    await using world = await startSandbox();
    await settle(world);
    const random = seededRandom(5);
    const told: Record<string, number> = {};
    const refused = await withConsumers(world, [SCOPE], async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        world.conditions.latencyMs = () => random() * 60;
        const runs = await Promise.all([1, 2].map(() => rotate(world, { force: 'true' })));
        world.conditions.latencyMs = 0;
        const outcomes = runs.map((run) => (run.exitCode === 0 ? 'rotated' : `${code(run)}`)).sort();
        for (const outcome of outcomes)
          expect(['rotated', 'ROTATION_IN_PROGRESS', 'STALE_CREDENTIAL']).toContain(outcome);
        told[outcomes.join(' and ')] = (told[outcomes.join(' and ')] ?? 0) + 1;
        expect(await login(world)).toBe(200);
        world.advance(16 * MINUTE);
        const next = await rotate(world);
        expect([next.exitCode, code(next), await login(world)]).toEqual([0, undefined, 200]);
        expect(credentials(world).associated).toEqual(credentials(world).pool);
        world.advance(MINUTE);
      }
    });
    console.log(`two runs at once: ${JSON.stringify(told)}, refused: ${refused.length}`);
    expect(refused).toEqual([]);
  });
});
