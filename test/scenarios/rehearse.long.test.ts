/** `operation: rehearse` where it takes long: a crash at every request, a signal at every write, and an edge that hangs up. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import {
  client,
  effects,
  type Inputs,
  killed,
  LEASE_OVER,
  loginByCertificate,
  operate,
  sharedWorld,
} from './operations.ts';
import { everything, handMade, knownSubject, proofs, rehearse, rehearsed } from './rehearsals.ts';
import { code, held, rotate, SCOPE } from './support.ts';

describe('CA-signed certificates', () => {
  it('of a subject that Auth0 knows: no write at all; refused by an edge that ends the connection', async () => {
    await using world = await startSandbox({ verifiesClients: true });
    const { clientId, inputs } = knownSubject(world);
    await rehearsed(world, clientId, inputs);
    expect(effects(world)).toEqual([]);
    expect(proofs(world).filter((status) => status !== undefined)).toEqual([200]);
  });
});

describe('interrupted', () => {
  const shared = sharedWorld();
  it('killed at each request: a rotation waits for the lease, and heals', async () => {
    const world = shared();
    let points = 0;
    let orphans = 0;
    for (let reached = true; reached; points += 1) {
      const pair = selfSignedCertificate('hand');
      const clientId = handMade(world, pair);
      const inputs = { 'client-id': clientId, 'secret-name': `PEM_${points}`, 'current-credential': '' };
      const run = await killed(world, { operation: 'rehearse', ...inputs }, (event) => {
        return event.phase === 'answered' && event.count === points + 1;
      });
      reached = run.signal === 'SIGKILL';
      expect(await loginByCertificate(world, clientId, pair.key + pair.cert)).toBe(200);
      if (client(world, clientId).pool.length === 1) continue;
      orphans += 1;
      if (orphans === 1) expect(code(await rotate(world, inputs))).toBe('ROTATION_IN_PROGRESS');
      world.advance(LEASE_OVER);
      // By turns a rotation, and a rehearsal before it.
      if (orphans % 2 === 0) await rehearsedAgain(world, inputs);
      const next = await rotate(world, inputs);
      expect([points, next.exitCode, code(next)], next.log).toEqual([points, 0, undefined]);
      const { associated, pool } = client(world, clientId);
      expect([associated, pool.length]).toEqual([pool, 2]);
      for (const pem of [pair.key + pair.cert, held(world, SCOPE, inputs['secret-name'])])
        expect(await loginByCertificate(world, clientId, pem)).toBe(200);
    }
    console.log(`killed at ${points - 1} requests of a rehearsal: ${orphans} orphans, each healed`);
    expect(points).toBeGreaterThan(15);
    expect(orphans).toBeGreaterThan(5);
  });

  async function rehearsedAgain(world: Sandbox, inputs: Inputs): Promise<void> {
    expect((await operate(world, { operation: 'rehearse', ...inputs })).exitCode).toBe(0);
    expect(client(world, `${inputs['client-id']}`).pool).toHaveLength(1);
  }

  it('cancelled at each write, and at each proof: everything as it was', async () => {
    const world = shared();
    const clientId = handMade(world);
    const before = everything(world, clientId);
    const codes: (string | undefined)[] = [];
    for (let n = 1, reached = true; reached; n += 1) {
      reached = false;
      let seen = 0;
      const killWhen = ({ phase, arrival: { request } }: TrafficEvent) => {
        if (phase !== 'answered' || request.method === 'GET') return undefined;
        seen += 1;
        reached ||= seen === n;
        return seen === n ? 'SIGTERM' : undefined;
      };
      codes.push(code(await rehearse(world, clientId, {}, { killWhen })));
      expect([n, everything(world, clientId)]).toEqual([n, before]);
    }
    expect(codes.filter((one) => one === 'CANCELLED').length).toBeGreaterThanOrEqual(5);
    // After the last request there is nothing left to cancel.
    expect(codes.at(-1)).toBeUndefined();
  });
});
