/** Killed at every request of a rotation: nobody is ever locked out, and one more run settles it. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import { Assassin, BOTH, begin, LEASE_OVER, type Story } from './assassin.ts';
import { code, credentialOf, credentials, held, rotate, SCOPE, withConsumers } from './support.ts';

interface Exhaustive extends Story {
  name: string;
  /** One pass kills when a request has arrived (its answer is never read), another when it was answered. */
  phases: TrafficEvent['phase'][];
}

const STORIES: Exhaustive[] = [
  { name: 'room must be made', inputs: {}, locations: [SCOPE], phases: ['arrived', 'answered'] },
  { name: 'two destinations', ...BOTH, phases: ['arrived'] },
  {
    name: 'two destinations, by times alone',
    inputs: { ...BOTH.inputs, 'current-credential': '' },
    locations: BOTH.locations,
    phases: ['answered'],
  },
];

describe.each(STORIES)('killed: $name', (story) => {
  it.each(story.phases)('when each request has %s', async (phase) => {
    await using world = await begin(story.inputs);
    const assassin = new Assassin(world, story);
    let points = 0;
    const refused = await withConsumers(world, story.locations, async () => {
      for (;;) {
        assassin.fill();
        const n = points + 1;
        if (!(await assassin.kill((event) => event.phase === phase && event.count === n))) break;
        points = n;
      }
    });
    console.log(
      `killed at ${points} requests (${phase}, ${story.name}): each healed, refused: ${refused.length}`,
    );
    // Only who has no key at hand needs an interruption, and is told of it; none, where the second PUT was faster than the kill.
    // That is one place. A run that probes first sends it some requests later, so two kills may meet it.
    const most = 'current-credential' in story.inputs ? 2 : 0;
    expect(assassin.interruptions.length).toBeLessThanOrEqual(most);
    if (assassin.interruptions.length === 0) expect(refused).toEqual([]);
    expect(points).toBeGreaterThanOrEqual(15);
  });
});

describe('killed while a write is on its way, which then lands', () => {
  it.each(['until-next-rotation', '0h'])(
    'POST, each PATCH, DELETE and each PUT, overlap %s',
    async (overlap) => {
      const story = { ...BOTH, inputs: { ...BOTH.inputs, overlap } };
      await using world = await begin(story.inputs);
      const assassin = new Assassin(world, story);
      const isWrite = ({ method, path }: EmulatorRequest) =>
        method !== 'GET' && !path.endsWith('/oauth/token');
      let points = 0;
      const refused = await withConsumers(world, story.locations, async () => {
        for (;;) {
          if (overlap !== '0h') assassin.fill();
          let seen = 0;
          let doomed: EmulatorRequest | undefined;
          world.conditions.fault = (_, request) => {
            if (!isWrite(request)) return undefined;
            seen += 1;
            if (seen !== points + 1) return undefined;
            doomed = request;
            return { kind: 'late', delayMs: 300 };
          };
          const killed = await assassin.kill(({ phase, arrival }) => {
            if (phase !== 'arrived' || !isWrite(arrival.request)) return false;
            // Told before the fault is chosen: this one is the next.
            return seen === points && doomed === undefined;
          });
          world.conditions.fault = undefined;
          if (!killed) break;
          points += 1;
        }
      });
      console.log(
        `killed with ${points} writes on their way (${overlap}): each healed, refused: ${refused.length}`,
      );
      // With 0h the previous one goes at once, by wish: only who had read the secret just before may be refused.
      expect(refused.filter(({ overtaken }) => overlap !== '0h' || !overtaken)).toEqual([]);
      expect(points).toBeGreaterThanOrEqual(6);
    },
  );
});

describe('killed: the first run of a client whose certificate was made by hand', () => {
  it('at each request, each time a new client', async () => {
    await using world = await startSandbox();
    let points = 0;
    for (;;) {
      const n = points + 1;
      const client = world.addServiceClient({ name: `shop ${n}` });
      const secretName = `FIRST_${n}`;
      const inputs = { 'client-id': client.clientId, 'secret-name': secretName };
      const current = () => held(world, SCOPE, secretName);
      const first = await rotate(
        world,
        { ...inputs, 'current-credential': '' },
        {
          killWhen: ({ phase, count }) => (phase === 'arrived' && count === n ? 'SIGKILL' : undefined),
        },
      );
      await world.idle();
      if (first.signal !== 'SIGKILL') break;
      points = n;
      for (const pem of [client.pem, current()].filter(Boolean))
        expect([n, (await world.requestToken(client.clientId, pem)).status]).toEqual([n, 200]);
      // Where it has not written yet, the next run is a first one again.
      if (credentials(world, client.clientId).pool.length === 1 && n > 1) continue;
      world.advance(LEASE_OVER);
      const next = await rotate(world, { ...inputs, 'current-credential': current() });
      expect([n, next.exitCode, code(next)]).toEqual([n, 0, undefined]);
      expect((await world.requestToken(client.clientId, current())).status).toBe(200);
      const { pool, associated } = credentials(world, client.clientId);
      expect(associated).toEqual(pool);
      expect(pool).toEqual([client.credentialId, credentialOf(world, current(), client.clientId)].toSorted());
    }
    console.log(`killed at ${points} requests (first run): each healed by the next`);
    expect(points).toBeGreaterThanOrEqual(15);
  });
});
