/** `token-binding`: access tokens that live with the certificate they were asked for with. More of it: token-binding.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { bind, binding, boundTo, PATCH, thumbprint, UNBOUND } from './bindings.ts';
import { effects } from './operations.ts';
import { settle } from './support.ts';

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
