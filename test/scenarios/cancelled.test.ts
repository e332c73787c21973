/** Cancelled: undone before the first delivery, finished after it, and soon. At every request: cancelled.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import { code, everything, held, rotate, SCOPE } from './support.ts';

const OPS = 'env:acme/ops/prod';
const BOTH = { destinations: `${SCOPE}\n${OPS}` };

describe('cancelled', () => {
  it.each([
    ['the upload', 'SIGTERM', / POST .*credentials$/],
    ['the association', 'SIGINT', / PATCH /],
  ] as const)('after %s: undone', async (_, signal, line) => {
    await using world = await startSandbox();
    const before = everything(world);
    const killWhen = ({ phase, arrival }: TrafficEvent) =>
      phase === 'answered' && line.test(arrival.line) ? signal : undefined;
    const run = await rotate(world, {}, { killWhen });
    expect([run.exitCode, code(run), everything(world)]).toEqual([1, 'CANCELLED', before]);
  });

  it('after the first of two deliveries: finished', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    const killWhen = ({ phase, arrival }: TrafficEvent) =>
      phase === 'answered' && arrival.line.includes(' PUT ') ? 'SIGTERM' : undefined;
    const run = await rotate(world, BOTH, { killWhen });
    expect([run.exitCode, code(run), run.outputs.rotated]).toEqual([0, undefined, 'true']);
    expect(held(world, OPS)).toBe(held(world));
  });

  it('as GitHub does it, while the proof waits for Auth0: undone before SIGTERM comes', async () => {
    await using world = await startSandbox({ propagationDelayMs: 20_000 });
    const before = everything(world);
    const run = await rotate(
      world,
      {},
      {
        killWhen: ({ phase, arrival }) =>
          phase === 'answered' && arrival.service === 'edge' ? 'cancel' : undefined,
      },
    );
    expect([run.exitCode, code(run), run.signal]).toEqual([1, 'CANCELLED', null]);
    // It asks for no other proof, and waits for nothing.
    expect(world.transcript.requests().filter((line) => line.startsWith('edge POST'))).toHaveLength(1);
    expect(everything(world)).toEqual(before);
  });
});
