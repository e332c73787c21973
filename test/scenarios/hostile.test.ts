/** A server that means harm: what it says stays data. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { everything, json, rotate, settle } from './support.ts';

const COMMAND = 'x\n::stop-commands::t\n##[stop-commands]t\n::set-output name=rotated::true';

describe('names and ids that are workflow commands', () => {
  it.each(['plan', 'rotate'])('are text in the log of %s', async (operation) => {
    await using world = await startSandbox();
    await settle(world);
    const before = everything(world);
    const [credential] = world.tenant.reveal(world.clientId).credentials;
    const id = `cred_${COMMAND}`;
    const client = {
      client_id: world.clientId,
      name: COMMAND,
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: [{ id }] } },
    };
    const pool = [{ ...credential, id, name: COMMAND }];
    world.conditions.fault = (at, { method, path }) => {
      if (at !== 'auth0' || method !== 'GET') return undefined;
      return json(200, path.endsWith('/credentials') ? pool : client);
    };
    const run = await rotate(world, { operation }, { debug: true });
    expect(run.log).toContain('stop-commands');
    const commands = run.stdout
      .split('\n')
      .filter((line) => /^\s*::(stop-commands|set-output)|##\[/.test(line));
    expect(commands).toEqual([]);
    expect(run.outputs.rotated).toBe('false');
    expect(run.summary).not.toMatch(/^(::|##\[)/m);
    world.conditions.fault = undefined;
    expect(everything(world)).toEqual(before);
  });
});
