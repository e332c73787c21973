/** The scopes of docs/security.md are what a management client needs: with them the operation works, and no rotation begins without one of them. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionRun } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { rotate, settle } from '../scenarios/support.ts';

const table = readFileSync('docs/security.md', 'utf8').split('| operation | scopes |')[1]?.split('\n\n')[0];
const rows = (table ?? '').split('\n').filter((line) => line.startsWith('| `'));

function scopesOf(operation: string): string[] {
  return scopesIn(rows.find((line) => line.split(' | ')[0]?.includes(`\`${operation}\``)) ?? '');
}

/** `read:`, `create:client_credentials` is short for both with the name of the last. */
function scopesIn(text: string): string[] {
  const parts = [...text.matchAll(/`([a-z]+):([a-z_]*)`/g)].map(([, verb, name]) => ({ verb, name }));
  return parts.map(({ verb }, at) => `${verb}:${parts.slice(at).find(({ name }) => name)?.name}`);
}

/** Each document that lists what a rotation needs: who grants that and no more must have it all. */
it.each([
  ['README.md', /with exactly these scopes: .*?`delete:client_credentials`/s],
  ['docs/facts.md', /A rotation needs .*?`delete:client_credentials`/s],
  ['docs/troubleshooting.md', /grant the management client .*?`delete:client_credentials`/s],
])('%s lists the scopes of a rotation', (path, sentence) => {
  const [listed = ''] = sentence.exec(readFileSync(path, 'utf8')) ?? [];
  expect(scopesIn(listed).sort()).toEqual(scopesOf('rotate').sort());
});

let world: Sandbox;
beforeAll(async () => {
  world = await startSandbox();
  await settle(world);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Run by a management client that has these scopes. */
function as(scopes: readonly string[], inputs: Record<string, string>): Promise<ActionRun> {
  const { client_id, client_secret } = world.tenant.createClient({
    name: 'limited',
    token_endpoint_auth_method: 'client_secret_post',
    grants: { [world.managementAudience]: scopes },
  });
  const manager = { 'management-client-id': client_id, 'management-client-secret': client_secret };
  return rotate(world, { ...manager, ...inputs });
}

describe.each([
  ['plan', { force: 'true' }, 2],
  ['watch', {}, 2],
  ['rotate', { force: 'true' }, 6],
])('%s', (operation, inputs, count) => {
  const scopes = scopesOf(operation);

  it('works with its scopes', async () => {
    expect(scopes).toHaveLength(count);
    const run = await as(scopes, { operation, ...inputs });
    expect(run.exitCode, run.log).toBe(0);
  });

  // A client that logs in by a certificate shows that without `read:clients`, too: enough for whoever only reads.
  const needed = operation === 'rotate' ? scopes : ['read:client_credentials'];
  it.each(needed)('fails without %s, and names it', async (missing) => {
    const run = await as(
      scopes.filter((scope) => scope !== missing),
      { operation, ...inputs },
    );
    expect([run.exitCode, run.log]).toEqual([1, expect.stringContaining(missing)]);
  });
});
