/** Clients without the grant client_credentials: web applications prove a new key by what they may ask for. */

import { describe, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, everything, rotate, writes } from './support.ts';

import { hold, proofs, pushes, rotateClient, WEB } from './web-applications.ts';

describe.concurrent('a web application', () => {
  it('is proven by a pushed authorization request', async ({ expect }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient(WEB);
    const run = await rotateClient(world, client, { verify: 'required' });
    expect(run.exitCode, run.log).toBe(0);
    // The pair in use, the new one, and that again before it is delivered.
    expect(proofs(world)).toEqual(Array(3).fill('edge POST /oauth/par'));
    expect(run.summary).toContain('**proven**, by a pushed authorization request');
    expect(await pushes(world, client.clientId)).toBe(201);
  });

  it('with no grant that proves anything: the summary says so, or it is refused before any effect', async ({
    expect,
  }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient({ grantTypes: ['implicit'] });
    const refused = await rotateClient(world, client, { verify: 'required' });
    expect([code(refused), writes(world)]).toEqual(['VERIFICATION_FAILED', []]);
    const run = await rotateClient(world, client);
    expect([run.exitCode, run.outputs.rotated, proofs(world)]).toEqual([0, 'true', []]);
    expect(run.summary).toContain('WITHOUT a proof: the client has no grant');
  });

  it('a wrong audience is found before anything is removed or made', async ({ expect }) => {
    await using world = await startSandbox();
    hold(world, world.client.pem);
    const before = everything(world);
    const run = await rotate(world, { force: 'true', 'verify-audience': 'https://nobody.example/' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('the API https://nobody.example/');
    expect([writes(world), everything(world)]).toEqual([[], before]);
    expect(proofs(world)).toEqual(['edge POST /oauth/token']);
  });

  it('that could prove nothing is refused while the client secret still works', async ({ expect }) => {
    await using world = await startSandbox({ checksGrantFirst: true, pushedRequests: false });
    const { client_id: clientId } = world.tenant.createClient({
      name: 'web',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: WEB.grantTypes,
    });
    const inputs = { 'client-id': clientId, operation: 'enroll', verify: 'required', 'verify-audience': '' };
    const run = await rotate(world, inputs);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(writes(world).filter((line) => line.includes('PATCH'))).toEqual([]);
    expect(world.tenant.reveal(clientId).credentials).toEqual([]);
  });
});
