/** Nothing is delivered that was not proven, unless that was asked for or is said aloud. More of it: verify.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, everything, login, rotate, writes } from './support.ts';

describe.concurrent('the proof', () => {
  it('waits until an association is effective', async ({ expect }) => {
    await using world = await startSandbox({ propagationDelayMs: 1_500 });
    const run = await rotate(world, { verify: 'required' });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(run.summary).toContain('proven and bound');
    const proofs = world.transcript.requests().filter((line) => line === 'edge POST /oauth/token');
    expect(proofs.length).toBeGreaterThan(1);
  });

  it('fails if the token is bound to another certificate', async ({ expect }) => {
    await using world = await startSandbox({ openToAll: true });
    const before = everything(world);
    const run = await rotate(world);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('bound to another certificate');
    expect(everything(world)).toEqual(before);
  });
});

describe('without an mTLS token endpoint', () => {
  it('required: refused before any effect', async () => {
    await using world = await startSandbox({ mtlsAlias: false });
    const run = await rotate(world, { verify: 'required' });
    expect([code(run), writes(world)]).toEqual(['MTLS_ENDPOINT_NOT_FOUND', []]);
  });

  it('auto: delivered, and the summary says so', async () => {
    await using world = await startSandbox({ mtlsAlias: false });
    const run = await rotate(world);
    expect([run.exitCode, run.outputs.rotated, await login(world)]).toEqual([0, 'true', 200]);
    expect(run.annotations.map(({ level, message }) => [level, message])).toEqual([
      ['warning', expect.stringContaining('which was made by hand')],
      ['warning', expect.stringContaining('WITHOUT a proof')],
    ]);
    expect(run.summary).toContain('WITHOUT a proof');
  });
});
