/** Killed at every request of a rotation, then run again: nobody is locked out, and one run settles it. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import type { TrafficEvent } from '../sandbox/transcript.ts';
import { code, credentials, held, login, MINUTE, rotate, SCOPE, SECRET, settle } from './support.ts';

const OPS = 'env:acme/ops/prod';

interface Story {
  name: string;
  inputs: Record<string, string>;
  places: string[];
}

const STORIES: Story[] = [
  { name: 'one destination, room must be made', inputs: {}, places: [SCOPE] },
  { name: 'two destinations', inputs: { destinations: `${SCOPE}\n${OPS}` }, places: [SCOPE, OPS] },
];

async function begin(inputs: Record<string, string>): Promise<Sandbox> {
  const world = await startSandbox();
  world.github.addRepository('acme/ops', { environments: ['prod'] });
  await settle(world, inputs);
  return world;
}

async function everyoneLogsIn(world: Sandbox, places: readonly string[]): Promise<void> {
  for (const place of places)
    expect([place, await login(world, held(world, place, SECRET))]).toEqual([place, 200]);
}

/** The n-th event of a phase, as a moment to kill. */
function at(phase: TrafficEvent['phase'], n: number) {
  return (event: TrafficEvent) =>
    event.phase === phase && event.count === n ? ('SIGKILL' as const) : undefined;
}

describe.each(STORIES)('killed: $name', ({ inputs, places }) => {
  it.each(['arrived', 'answered'] as const)(
    'when each request has %s',
    async (phase) => {
      await using world = await begin(inputs);
      let killed = 0;
      for (let n = 1; ; n += 1) {
        const run = await rotate(world, { ...inputs, force: 'true' }, { killWhen: at(phase, n) });
        await world.idle();
        await everyoneLogsIn(world, places);
        if (run.signal !== 'SIGKILL') break;
        killed += 1;
        world.advance(16 * MINUTE);
        const next = await rotate(world, inputs);
        expect([n, next.exitCode, code(next)]).toEqual([n, 0, undefined]);
        await everyoneLogsIn(world, places);
        const { pool, associated } = credentials(world);
        expect(associated).toEqual(pool);
        expect(pool.length).toBeLessThanOrEqual(2);
        world.advance(16 * MINUTE);
      }
      console.log(`killed at ${killed} requests (${phase}): each healed by the next run`);
      expect(killed).toBeGreaterThanOrEqual(16);
    },
    120_000,
  );
});

describe('cancelled', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s at every request: undone before the delivery, finished after it',
    async (signal) => {
      await using world = await begin({});
      let undone = 0;
      let finished = 0;
      for (let n = 2; ; n += 3) {
        const before = { ...credentials(world), pem: held(world) };
        const when = ({ phase, count }: TrafficEvent) =>
          phase === 'answered' && count === n ? signal : undefined;
        const run = await rotate(world, { force: 'true' }, { killWhen: when });
        expect(await login(world)).toBe(200);
        expect(run.durationMs).toBeLessThan(7_000);
        if (run.exitCode === 0) finished += 1;
        else {
          expect(code(run)).toBe('CANCELLED');
          undone += 1;
          expect(held(world)).toBe(before.pem);
          // Room may have been made; nothing new is left.
          expect(before.pool).toEqual(expect.arrayContaining(credentials(world).pool));
        }
        world.advance(16 * MINUTE);
        if (n > world.transcript.count()) break;
      }
      expect(undone).toBeGreaterThan(2);
      expect(finished).toBeGreaterThan(0);
    },
    60_000,
  );
});

describe('two runs at once, without a concurrency group', () => {
  it('leave everybody able to log in, and the next run settles', async () => {
    await using world = await begin({});
    const runs = await Promise.all([1, 2].map(() => rotate(world, { force: 'true' })));
    expect(await login(world)).toBe(200);
    expect(runs.some((run) => run.exitCode === 0 || code(run) === 'ROTATION_IN_PROGRESS')).toBe(true);
    world.advance(16 * MINUTE);
    expect((await rotate(world)).exitCode).toBe(0);
    expect(await login(world)).toBe(200);
    expect(credentials(world).pool).toEqual(credentials(world).associated);
  });
});
