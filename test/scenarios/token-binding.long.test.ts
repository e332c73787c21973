/** `token-binding`, more of it: what never writes, the older property, and refusals. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { bind, binding, bindings, boundTo, OLDER, PATCH, thumbprint, UNBOUND } from './bindings.ts';
import { effects, loginBySecret, secretClient, told } from './operations.ts';
import { code, json, settle } from './support.ts';

describe('unchanged', () => {
  it.each([true, false, undefined])('never writes if it is %s', async (value) => {
    await using world = await startSandbox(UNBOUND);
    const given = value === undefined ? {} : { require_proof_of_possession: value };
    const clientId = secretClient(world, 'client_secret_post', given);
    const run = await bind(world, 'unchanged', { operation: 'enroll', 'client-id': clientId });
    expect([run.exitCode, bindings(world), binding(world, clientId)]).toEqual([0, [], [value, undefined]]);
    expect(await boundTo(world, clientId)).toBe(value === true ? thumbprint(world) : undefined);
  });
});

describe('a tenant that does not know require_proof_of_possession', () => {
  it('the older property is used, and off again', async () => {
    await using world = await startSandbox(OLDER);
    await settle(world, { 'token-binding': 'required' });
    expect([binding(world), await boundTo(world)]).toEqual([[undefined, true], thumbprint(world)]);
    const idle = await bind(world, 'required');
    expect([idle.exitCode, effects(world)]).toEqual([0, []]);
    const off = await bind(world, 'off');
    expect([off.exitCode, effects(world), binding(world)]).toEqual([0, [PATCH], [undefined, false]]);
    expect(await boundTo(world)).toBeUndefined();
  });
});

describe('a tenant that does not bind although it is asked to', () => {
  it('an enrollment: the client secret works again', async () => {
    await using world = await startSandbox(UNBOUND);
    const clientId = secretClient(world);
    world.conditions.fault = (at) => (at === 'edge' ? json(200, { access_token: 'a.e30.c' }) : undefined);
    const run = await bind(world, 'required', { operation: 'enroll', 'client-id': clientId });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(binding(world, clientId)).toEqual([false, undefined]);
    expect(await loginBySecret(world, clientId)).toBe(200);
  });
});

describe('an answer of Auth0', () => {
  const binds = ({ body }: EmulatorRequest) => body.includes('proof_of_possession');

  it('that refuses it for another reason: the error says so', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world);
    world.conditions.fault = (_, request) =>
      binds(request) ? json(400, { statusCode: 400, message: 'not in your subscription' }) : undefined;
    const run = await bind(world, 'required');
    expect([run.exitCode, code(run)]).toEqual([1, 'AUTH0_REQUEST_FAILED']);
    expect(told(run)).toContain('not in your subscription');
    expect(binding(world)).toEqual([undefined, undefined]);
  });
});
