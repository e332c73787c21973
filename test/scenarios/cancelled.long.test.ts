/** Cancelled at every request of a rotation: undone before the first delivery, finished after it. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import { code, everything, held, MINUTE, rotate, SCOPE, settle, withConsumers } from './support.ts';

const OPS = 'env:acme/ops/prod';
const BOTH = { destinations: `${SCOPE}\n${OPS}` };

describe('cancelled', () => {
  it.each([
    { signal: 'SIGINT', inputs: {}, locations: [SCOPE] },
    { signal: 'SIGTERM', inputs: BOTH, locations: [SCOPE, OPS] },
  ] as const)(
    'by $signal at every request: undone before the delivery, finished after it',
    async ({ signal, inputs, locations }) => {
      await using world = await startSandbox();
      world.github.addRepository('acme/ops', { environments: ['prod'] });
      await settle(world, inputs);
      const told = { CANCELLED: 0, finished: 0 };
      let reached = true;
      const refused = await withConsumers(world, locations, async () => {
        for (let n = 1; reached; n += 1) {
          reached = false;
          const before = everything(world);
          const when = ({ phase, count }: TrafficEvent) => {
            if (phase !== 'answered' || count !== n) return undefined;
            reached = true;
            return signal;
          };
          const run = await rotate(world, { ...inputs, force: 'true' }, { killWhen: when });
          const after = everything(world);
          if (after.pem !== before.pem) {
            expect([n, run.exitCode, code(run)]).toEqual([n, 0, undefined]);
            told.finished += 1;
          } else {
            expect([n, run.exitCode, code(run)]).toEqual([n, 1, 'CANCELLED']);
            // Room may have been made; nothing new is left.
            expect(before.pool).toEqual(expect.arrayContaining(after.pool));
            told.CANCELLED += 1;
          }
          for (const location of locations) expect(held(world, location)).toBe(after.pem);
          world.advance(16 * MINUTE);
        }
      });
      expect(refused).toEqual([]);
      console.log(`${signal}: ${told.CANCELLED} undone, ${told.finished} finished`);
      expect(told.CANCELLED).toBeGreaterThan(8);
      expect(told.finished).toBeGreaterThan(1);
    },
  );
});
