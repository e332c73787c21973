/** `token-binding`: access tokens that live with the certificate they were asked for with. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import { bind, binding, boundTo, OLDER, PATCH, thumbprint, UNBOUND } from './bindings.ts';
import { effects, secretClient, told } from './operations.ts';
import { code, everything, json, settle } from './support.ts';

describe('required', () => {
  it('with a rotation: proven and bound, and the token shows it', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world);
    expect(await boundTo(world)).toBeUndefined();
    const run = await bind(world, 'required', { force: 'true', verify: 'required' });
    expect([run.exitCode, binding(world)]).toEqual([0, [true, undefined]]);
    expect(run.summary).toContain('**proven and bound**');
    expect(run.log).toContain('Access tokens are bound to the certificate');
    expect(await boundTo(world)).toBe(thumbprint(world));
  });

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

describe('off', () => {
  it('unbinds, and leaves alone what is not bound', async () => {
    await using world = await startSandbox(UNBOUND);
    await settle(world, { 'token-binding': 'required' });
    const run = await bind(world, 'off');
    expect([run.exitCode, effects(world), binding(world)]).toEqual([0, [PATCH], [false, undefined]]);
    expect(await boundTo(world)).toBeUndefined();
    const again = await bind(world, 'off');
    expect([again.exitCode, effects(world)]).toEqual([0, []]);
  });
});

describe('a tenant that does not bind although it is asked to', () => {
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
    expect(told(run)).toMatch(/the token is not bound.*The new credential was removed again\./);
    world.conditions.fault = undefined;
    const { pem } = everything(world);
    expect([pem, binding(world)]).toEqual([before.pem, after]);
    expect(everything(world).associated).toEqual(
      before.associated.filter((id) => id !== world.client.credentialId),
    );
    expect(await boundTo(world)).toBeUndefined();
  });
});

describe('an answer of Auth0', () => {
  const binds = ({ body }: EmulatorRequest) => body.includes('proof_of_possession');

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

describe('refused before any request', () => {
  it.each([
    ['private_key_jwt', { 'authentication-method': 'private_key_jwt' }],
    ['revert', { operation: 'revert' }],
  ])('required with %s', async (_, inputs) => {
    await using world = await startSandbox();
    const run = await bind(world, 'required', { ...inputs, 'current-credential': '' });
    expect([run.exitCode, code(run), world.transcript.count()]).toEqual([1, 'INVALID_INPUT', 0]);
    expect(told(run)).toMatch(
      /Input 'token-binding' is required, but tokens can only be bound to a certificate/,
    );
  });
});
