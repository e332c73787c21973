/** `enroll`: from a client secret, or from another method, to certificates; and back where that fails. More of it: enroll.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { describeFormer, enroll, FORMER } from './enrollments.ts';
import {
  effects,
  loginByCertificate,
  loginBySecret,
  secretClient,
  sharedWorld,
  told,
  warnings,
} from './operations.ts';
import { code, held, json, MINUTE, SECRET } from './support.ts';

const shared = sharedWorld();
describeFormer(shared, FORMER.slice(0, 1));

describe('enrolled already', () => {
  it('nothing is due, and a later rotation goes alongside', async () => {
    const world = shared();
    const clientId = secretClient(world);
    await enroll(world, clientId);
    world.advance(20 * MINUTE);
    const first = held(world);
    const idle = await enroll(world, clientId);
    expect(idle.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
    expect([idle.exitCode, effects(world), warnings(idle)]).toEqual([0, [], '']);
    const forced = await enroll(world, clientId, { operation: 'rotate', force: 'true' });
    expect([forced.exitCode, forced.outputs.reason]).toEqual([0, 'Forced']);
    for (const pem of [first, held(world)]) expect(await loginByCertificate(world, clientId, pem)).toBe(200);
  });
});

describe('undone', () => {
  it('when GitHub refuses the delivery', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const before = world.tenant.reveal(clientId);
    world.conditions.fault = (_, { method, path }) =>
      method === 'PUT' && path.endsWith(SECRET) ? json(403, { message: 'no' }) : undefined;
    const run = await enroll(world, clientId);
    expect(code(run)).toBe('GITHUB_FORBIDDEN');
    expect(told(run)).toContain('The client uses client_secret_post again.');
    expect([world.tenant.reveal(clientId), held(world)]).toEqual([before, '']);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});
