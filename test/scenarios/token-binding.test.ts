/** `token-binding`: access tokens that live with the certificate they were asked for with. More of it: token-binding.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { bind, binding, boundTo, OLDER, PATCH, thumbprint, UNBOUND } from './bindings.ts';
import { effects, told } from './operations.ts';
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
