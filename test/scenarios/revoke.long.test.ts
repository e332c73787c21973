/** `revoke: previous` where it takes long: a crash before the revocation, and runs that cannot be searched. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { type Inputs, killed, loginByCertificate, operate, warnings } from './operations.ts';
import { code, credentialOf, held, json, settle } from './support.ts';

const REVOKE = { force: 'true', revoke: 'previous' };

/** A client with a key that has leaked. */
async function leaked(world: Sandbox, inputs: Inputs = {}): Promise<{ pem: string; id: string }> {
  await settle(world, inputs);
  const pem = held(world);
  return { pem, id: credentialOf(world, pem) ?? '' };
}

describe('revoke: previous', () => {
  it('serves consumers after a crash between delivery and revocation, and the next run revokes', async () => {
    await using world = await startSandbox();
    const { pem } = await leaked(world);
    const run = await killed(world, REVOKE, ({ phase, arrival }) => {
      return phase === 'answered' && arrival.line.includes('PUT');
    });
    expect([run.signal, await loginByCertificate(world, world.clientId, held(world))]).toEqual([
      'SIGKILL',
      200,
    ]);
    const between = held(world);
    expect((await operate(world, REVOKE)).exitCode).toBe(0);
    const after = [pem, between, held(world)].map((one) => loginByCertificate(world, world.clientId, one));
    expect(await Promise.all(after)).toEqual([401, 401, 200]);
  });

  it.each([
    ['a token that may not look', undefined, /GitHub refused to show its workflow runs.*Actions: read/],
    ['an answer that cannot be read', json(200, 'x'), /cannot be used/],
    [
      'a run that cannot be read',
      json(200, { workflow_runs: [{ id: 1, status: 'queued', html_url: 'https://x)[', created_at: 'now' }] }),
      /record of a workflow run in acme\/shop cannot be read/,
    ],
  ])('%s is reported, and is no error', async (_, fault, words) => {
    await using world = await startSandbox();
    await leaked(world);
    const permissions = { secrets: 'write' } as const;
    world.github.addToken('writer', { kind: 'app', permissions });
    world.conditions.fault = (__, { path }) => (path.includes('/actions/runs') ? fault : undefined);
    const revoked = await operate(world, { 'github-token': 'writer', ...REVOKE });
    expect([revoked.exitCode, code(revoked)]).toEqual([0, undefined]);
    expect(revoked.summary).toMatch(words);
    expect(revoked.summary).not.toContain('No workflow run');
    expect(warnings(revoked)).toMatch(/could not be searched/);
    expect(revoked.summary.split('\n')[0]).toContain('Not every repository could be searched');
  });
});
