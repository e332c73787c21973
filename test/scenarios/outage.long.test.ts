/** A service that stays away for longer than the action retries: an error that says so, and the client is as it was. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { type SandboxOptions, type Service, startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { code, everything, json, leaks, login, MINUTE, rotate, settle } from './support.ts';

type Weather = NonNullable<SandboxOptions['fault']>;

const OPS = 'env:acme/ops/prod';
const patch = ({ method }: EmulatorRequest) => method === 'PATCH';
const put = ({ method }: EmulatorRequest) => method === 'PUT';

describe.concurrent('a service that stays away', () => {
  const always =
    (service: Service, fault: Fault): Weather =>
    (at) =>
      at === service ? fault : undefined;

  it.each<[name: string, fault: Weather, code: string]>([
    ['Auth0 answers 500', always('auth0', json(500, {})), 'AUTH0_REQUEST_FAILED'],
    ['Auth0 drops connections', always('auth0', { kind: 'drop' }), 'AUTH0_REQUEST_FAILED'],
    ['GitHub answers 503', always('github', json(503, {})), 'GITHUB_REQUEST_FAILED'],
    ['GitHub drops connections', always('github', { kind: 'drop' }), 'GITHUB_REQUEST_FAILED'],
    ['the edge answers 502', always('edge', json(502, {})), 'AUTH0_REQUEST_FAILED'],
    ['the edge drops connections', always('edge', { kind: 'drop' }), 'AUTH0_REQUEST_FAILED'],
    [
      'PATCH answers 500',
      (_, request) => (patch(request) ? json(500, {}) : undefined),
      'AUTH0_REQUEST_FAILED',
    ],
  ])('%s: an error, and the client is as it was', async (_, fault, expected) => {
    await using world = await startSandbox();
    const before = everything(world);
    world.conditions.fault = fault;
    const run = await rotate(world);
    expect([run.exitCode, code(run)]).toEqual([1, expected]);
    expect(everything(world)).toEqual(before);
  });

  it('the edge pins other thumbprints: not proven, so not delivered', async ({ expect }) => {
    await using world = await startSandbox({ pinnedThumbprints: new Set(['other']) });
    const before = everything(world);
    const run = await rotate(world);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('The new credential was removed again.');
    expect(everything(world)).toEqual(before);
  });

  it('at an address that no server listens on', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, { 'auth0-domain': 'localhost:1' });
    expect(code(run)).toBe('AUTH0_REQUEST_FAILED');
    expect(run.annotations.at(-1)?.message).toMatch(/ECONNREFUSED/);
  });

  it('behind a proxy that is not there: its password is not shown', async () => {
    await using world = await startSandbox();
    const env = { HTTPS_PROXY: 'http://somebody:a-secret-of-the-proxy@localhost:1' };
    const run = await rotate(world, {}, { env });
    expect([run.exitCode, world.transcript.count()]).toEqual([1, 0]);
    // Shown nowhere but to the runner, which masks it.
    expect(leaks(run, ['a-secret-of-the-proxy'])).toEqual([]);
    expect(run.masks).toContain('a-secret-of-the-proxy');
  });

  it('GitHub answers every PUT with 500: whether it has landed is not known, both credentials stay', async () => {
    await using world = await startSandbox();
    world.conditions.fault = (_, request) => (put(request) ? json(500, {}) : undefined);
    const run = await rotate(world);
    expect(code(run)).toBe('DELIVERY_INCOMPLETE');
    expect(await login(world, world.client.pem)).toBe(200);
    world.conditions.fault = undefined;
    world.advance(16 * MINUTE);
    expect((await rotate(world)).exitCode).toBe(0);
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
  });
});

describe('a delivery that is refused, or may have landed', () => {
  it('the second one, again, when its key is at hand: the error says who holds what', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    await settle(world);
    const inputs = { destinations: `repo:acme/shop\n${OPS}` };
    world.conditions.fault = (_, request) =>
      put(request) && /environments.*AUTH0_MTLS_PEM/.test(request.path) ? json(500, {}) : undefined;
    const run = await rotate(world, inputs);
    expect(code(run)).toBe('DELIVERY_INCOMPLETE');
    const { message } = run.annotations.at(-1) ?? { message: '' };
    expect(message).toMatch(
      /repo:acme\/shop AUTH0_MTLS_PEM holds cred_\w+; env:acme\/ops\/prod AUTH0_MTLS_PEM may still/,
    );
    expect(message).not.toContain('No destination');
  });
});
