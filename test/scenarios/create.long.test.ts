/** `create` where it takes long: a crash at every request, and two runs in the same moment. */

import { beforeEach, describe, expect, it } from 'vitest';
import { CREATE, create, deleteClients, grant, postsClient } from './creations.ts';
import {
  CREATOR,
  clientsNamed,
  killed,
  LEASE_OVER,
  loginByCertificate,
  operate,
  sharedWorld,
} from './operations.ts';
import { code, credentialOf, held, SCOPE } from './support.ts';

const shared = sharedWorld(CREATOR);
beforeEach(() => deleteClients(shared()));

describe('killed', () => {
  it('at each request: the next run finishes with the client that is there, or makes the first', async () => {
    const world = shared();
    let points = 0;
    for (;;) {
      const n = points + 1;
      const name = `orders ${n}`;
      const secretName = `ORDERS_${n}`;
      const inputs = { ...CREATE, 'client-name': name, 'secret-name': secretName };
      const run = await killed(world, inputs, ({ phase, count }) => phase === 'arrived' && count === n);
      if (run.signal !== 'SIGKILL') break;
      points = n;
      const left = await clientsNamed(world, name);
      // Before its POST the next run is a first one.
      if (left.length === 0) continue;
      world.advance(LEASE_OVER);
      const next = await operate(world, inputs);
      expect([n, next.exitCode, next.outputs['client-id']]).toEqual([n, 0, left[0]]);
      expect(await clientsNamed(world, name)).toEqual(left);
      const pem = held(world, SCOPE, secretName);
      grant(world, left[0] ?? '');
      expect([n, await loginByCertificate(world, left[0] ?? '', pem)]).toEqual([n, 200]);
    }
    console.log(`create killed at ${points} requests: each finished with one client`);
    expect(points).toBeGreaterThanOrEqual(12);
  });
});

describe('POST /clients', () => {
  it('of two runs in the same moment: never two clients, and what is stored belongs to the one', async () => {
    const world = shared();
    world.conditions.fault = (_, request) =>
      postsClient(request) ? { kind: 'slow', delayMs: 5_000 } : undefined;
    const runs = await Promise.all([create(world), create(world)]);
    const [loser, winner] = runs.toSorted((a, b) => (b.exitCode ?? 0) - (a.exitCode ?? 0));
    expect(loser && code(loser)).toBe('ROTATION_IN_PROGRESS');
    const clients = await clientsNamed(world, 'orders');
    if (winner?.exitCode === 0) {
      expect(clients).toEqual([winner.outputs['client-id']]);
      expect(credentialOf(world, held(world), clients[0])).toBe(winner.outputs['credential-id']);
    } else expect([clients, held(world)]).toEqual([[], '']);
  });
});
