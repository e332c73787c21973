/** `token-binding`, more of it: with nothing due, with other operations, what never writes, the older property, and refusals. The main stories: token-binding.test.ts. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { bind, binding, bindings, boundTo, OLDER, PATCH, thumbprint, UNBOUND } from './bindings.ts';
import { effects, loginBySecret, secretClient, told } from './operations.ts';
import { code, everything, json, settle } from './support.ts';

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

  it('that is lost: bound, once', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world);
    let seen = 0;
    world.conditions.fault = (_, request) => {
      seen += binds(request) ? 1 : 0;
      return binds(request) && seen === 1 ? { kind: 'lose' } : undefined;
    };
    expect([(await bind(world, 'required')).exitCode, binding(world)]).toEqual([0, [true, undefined]]);
  });
});

describe('required', () => {
  it('if nothing is due: that alone is done, once', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world);
    const before = everything(world);
    const run = await bind(world, 'required');
    expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
    expect([run.exitCode, effects(world)]).toEqual([0, [PATCH]]);
    expect([everything(world), binding(world)]).toEqual([before, [true, undefined]]);
    expect(await boundTo(world)).toBe(thumbprint(world));
    const again = await bind(world, 'required');
    expect([again.exitCode, effects(world)]).toEqual([0, []]);
  });

  it('with an enrollment', async () => {
    await using world = await startSandbox(UNBOUND);
    const clientId = secretClient(world);
    const run = await bind(world, 'required', { operation: 'enroll', 'client-id': clientId });
    expect([run.exitCode, binding(world, clientId)]).toEqual([0, [true, undefined]]);
    expect(await boundTo(world, clientId)).toBe(thumbprint(world));
  });

  it('is only planned if that was asked for', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world);
    const run = await bind(world, 'required', { operation: 'plan' });
    expect(run.outputs.plan).toContain('Bind access tokens to the certificate');
    expect([run.exitCode, effects(world), binding(world)]).toEqual([0, [], [undefined, undefined]]);
  });
});

describe('refused before any request', () => {
  it.each([
    ['private_key_jwt', { 'authentication-method': 'private_key_jwt' }],
    ['revert', { operation: 'revert' }],
  ])('required with %s', async (_, inputs) => {
    await using world = await startSandbox();
    const run = await bind(world, 'required', { ...inputs, 'current-credential': '' });
    expect([run.exitCode, code(run), world.transcript.count()]).toEqual([1, 'INVALID_INPUT', 0]);
    expect(told(run)).toMatch(
      /Input 'token-binding' cannot be required with (private_key_jwt|operation: revert)/,
    );
  });
});

describe('a tenant that issues no bound token to a rotation', () => {
  it.each([
    ['require_proof_of_possession', UNBOUND, [false, undefined]],
    ['tls_client_certificate_binding', OLDER, [undefined, false]],
  ] as const)('%s: not proven, and all is undone', async (_, options, after) => {
    await using world = await startSandbox(options);
    await settle(world);
    const before = everything(world);
    world.conditions.fault = (at) => (at === 'edge' ? json(200, { access_token: 'a.e30.c' }) : undefined);
    const run = await bind(world, 'required', { force: 'true' });
    expect([run.exitCode, code(run), run.outputs.rotated]).toEqual([1, 'VERIFICATION_FAILED', 'false']);
    expect(told(run)).toMatch(/got no bound access token.*The new credential was removed again\./);
    world.conditions.fault = undefined;
    const { pem } = everything(world);
    expect([pem, binding(world)]).toEqual([before.pem, after]);
    expect(everything(world).associated).toEqual(
      before.associated.filter((id) => id !== world.client.credentialId),
    );
    expect(await boundTo(world)).toBeUndefined();
  });
});
