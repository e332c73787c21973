/** Faults that stay: an error that says so, and the client is as it was. Those that are retried for long: outage.long.test.ts. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, everything, held, json, login, MINUTE, rotate, settle } from './support.ts';

const OPS = 'env:acme/ops/prod';
const post = ({ method, path }: EmulatorRequest) => method === 'POST' && path.endsWith('/credentials');
const put = ({ method }: EmulatorRequest) => method === 'PUT';

describe('a service that stays away', () => {
  it('POST answers 500: an error, and the client is as it was', async () => {
    await using world = await startSandbox();
    const before = everything(world);
    world.conditions.fault = (_, request) => (post(request) ? json(500, {}) : undefined);
    const run = await rotate(world);
    expect([run.exitCode, code(run)]).toEqual([1, 'AUTH0_REQUEST_FAILED']);
    expect(everything(world)).toEqual(before);
  });
});

describe('a delivery that is refused for certain', () => {
  it('the first one: undone', async () => {
    await using world = await startSandbox();
    await settle(world, { overlap: '0h' });
    await rotate(world, { overlap: '0h' });
    const before = everything(world);
    world.conditions.fault = (_, request) =>
      put(request) ? json(403, { message: 'Resource not accessible by integration' }) : undefined;
    const run = await rotate(world, { force: 'true', overlap: '0h' });
    expect(code(run)).toBe('GITHUB_FORBIDDEN');
    expect(everything(world)).toEqual(before);
  });

  it('the second one: both credentials stay, and the next run finishes it without a new key', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    const inputs = { destinations: `repo:acme/shop\n${OPS}` };
    world.conditions.fault = (_, request) =>
      put(request) && request.path.includes('/environments/') ? json(403, { message: 'no' }) : undefined;
    const run = await rotate(world, inputs);
    expect([code(run), run.outputs.rotated]).toEqual(['DELIVERY_INCOMPLETE', 'true']);
    expect(run.annotations.at(-1)?.message).toContain('repo:acme/shop AUTH0_MTLS_PEM holds');
    world.conditions.fault = undefined;
    const pem = held(world);
    expect((await rotate(world, inputs)).exitCode).toBe(0);
    expect(held(world, OPS)).toBe(pem);
    expect(await login(world)).toBe(200);
  });

  it('again, when a rotation would interrupt: what is held stays, and the first run whose write is accepted finishes', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    const inputs = { destinations: `repo:acme/shop\n${OPS}`, 'current-credential': '' };
    await settle(world, inputs);
    world.conditions.fault = (_, request) =>
      put(request) && request.path.includes('/environments/') ? json(403, { message: 'no' }) : undefined;
    expect(code(await rotate(world, { ...inputs, force: 'true' }))).toBe('DELIVERY_INCOMPLETE');
    world.advance(16 * MINUTE);
    world.conditions.fault = (_, request) => (put(request) ? json(403, { message: 'no' }) : undefined);
    const run = await rotate(world, inputs);
    expect(code(run)).toBe('DELIVERY_INCOMPLETE');
    expect([await login(world), await login(world, held(world, OPS))]).toEqual([200, 200]);
    world.conditions.fault = undefined;
    world.advance(16 * MINUTE);
    expect((await rotate(world, inputs)).exitCode).toBe(0);
    expect([await login(world), await login(world, held(world, OPS))]).toEqual([200, 200]);
  });
});
