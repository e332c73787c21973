/** auth0-deploy-cli beside the action (docs/neighbours.md): it exports, the action rotates, it imports again. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { startConsumer } from '../emulators/consumer.ts';
import { MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { code, credentials, DAY, held, login, MINUTE, rotate, writes } from '../scenarios/support.ts';
import { temporaryFolder, write } from './recipe.ts';

const folder = temporaryFolder();
const ALL = { AUTH0_INCLUDED_ONLY: '["clients","clientAuthCredentials"]' };
type Settings = Record<string, string>;
/** Each import compiles the schemas of all that Auth0 has: some 15 s of computing, and more beside other work. */
const PATIENCE = 900_000;

async function deployCli(world: Sandbox, settings: Settings, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    AUTH0_DOMAIN: world.domain,
    AUTH0_CLIENT_ID: world.managementClientId,
    AUTH0_CLIENT_SECRET: world.managementClientSecret,
    NODE_EXTRA_CA_CERTS: world.caFile,
    ...settings,
  };
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['node_modules/auth0-deploy-cli/lib/index.js', ...args],
    { env, timeout: PATIENCE },
  );
  return stdout + stderr;
}

interface Exported {
  clients: {
    name: string;
    client_authentication_methods?: { [method: string]: { credentials: object[] } };
  }[];
}

/** Of the ready-made client alone, with what a person changes in it. */
async function exported(world: Sandbox, name: string, change: Change): Promise<string> {
  await deployCli(world, ALL, 'export', '--format=yaml', `--output_folder=${folder}`);
  const { clients }: Exported = parse(readFileSync(`${folder}/tenant.yaml`, 'utf8'));
  const shop = clients.filter(({ name }) => name === 'shop');
  for (const client of shop) change(client);
  expect(shop).toHaveLength(1);
  return write(folder, name, stringify({ clients: shop }));
}

const importing = (world: Sandbox, file: string, settings: Settings) =>
  deployCli(world, settings, 'import', `--input_file=${file}`);

const start = () =>
  startSandbox({ managementScopes: [...MANAGEMENT_SCOPES, 'create:clients', 'delete:clients'] });

type Change = (client: Exported['clients'][number]) => void;
const asItIs: Change = () => undefined;

/** As its documentation has it for credentials that it is to manage: the certificate that is in use when this is written. */
const withPem =
  (pem: string): Change =>
  (client) => {
    const certificate = /-----BEGIN CERT[\s\S]*/.exec(pem)?.[0];
    for (const one of client.client_authentication_methods?.self_signed_tls_client_auth?.credentials ?? [])
      Object.assign(one, { pem: certificate });
  };

const withoutMethods: Change = (client) => {
  delete client.client_authentication_methods;
};

/** A rotation, the export, another rotation; then imports, while a consumer asks all the time. @returns what it was answered */
async function around(
  world: Sandbox,
  imports: readonly (readonly [change: (pem: string) => Change, settings: Settings])[],
): Promise<{ attempts: number; failures: number; told: string }> {
  expect((await rotate(world)).exitCode).toBe(0);
  world.advance(8 * DAY);
  const files: string[] = [];
  for (const [change] of imports)
    files.push(await exported(world, `${files.length}.yaml`, change(held(world))));
  await using consumer = startConsumer(world, { intervalMs: 300, maxMs: PATIENCE });
  expect((await rotate(world, { force: 'true' })).outputs.rotated).toBe('true');
  let told = '';
  for (const [index, [, settings]] of imports.entries())
    told += await importing(world, files[index] ?? '', settings);
  await consumer.attempts(3);
  const { attempts, failures } = await consumer.stop();
  world.advance(20 * MINUTE);
  return { attempts, failures: failures.length, told };
}

describe('auth0-deploy-cli leaves the credentials alone', () => {
  it(
    'with its own export, deletion allowed or not; and with any file if they are excluded',
    async () => {
      await using world = await start();
      const deletes = { AUTH0_ALLOW_DELETE: 'true' };
      // As docs/neighbours.md has it.
      const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/neighbours.md', 'utf8')) ?? [];
      const excluded = { ...deletes, AUTH0_EXCLUDED: JSON.stringify(JSON.parse(shown).AUTH0_EXCLUDED) };
      const { attempts, failures, told } = await around(world, [
        [() => asItIs, ALL],
        [() => asItIs, { ...ALL, ...deletes }],
        [withPem, excluded],
        [() => withoutMethods, excluded],
        [() => withoutMethods, { ...deletes, AUTH0_INCLUDED_ONLY: '["clients"]' }],
      ]);
      expect([failures, attempts > 10]).toEqual([0, true]);
      expect(told.match(/Updated \[clients\]/g)).toHaveLength(5);
      expect((await rotate(world)).outputs.reason).toBe('NotDue');
    },
    PATIENCE,
  );
});

describe('auth0-deploy-cli takes the new credential out', () => {
  it(
    'if the file has the PEM of an older one, although nothing may be deleted: the next run heals it',
    async () => {
      await using world = await start();
      const { failures, told } = await around(world, [[withPem, ALL]]);
      expect(failures).toBeGreaterThan(0);
      expect(told).toContain('would be deleted but AUTH0_ALLOW_DELETE is not set');
      expect([credentials(world).associated.length, await login(world)]).toEqual([1, 401]);
      const run = await rotate(world);
      expect([run.exitCode, run.outputs.reason, await login(world)]).toEqual([0, 'NotAssociated', 200]);
    },
    PATIENCE,
  );

  it(
    'and if it may delete, the credential is gone: the next run makes another',
    async () => {
      await using world = await start();
      await around(world, [[withPem, { ...ALL, AUTH0_ALLOW_DELETE: 'true' }]]);
      expect(await login(world)).toBe(401);
      const run = await rotate(world);
      expect([run.exitCode, run.outputs.reason, await login(world)]).toEqual([0, 'UnidentifiedSecret', 200]);
    },
    PATIENCE,
  );

  it(
    'and if the client has no methods in the file, it is moved back: the next run says so',
    async () => {
      await using world = await start();
      await around(world, [[() => withoutMethods, { ...ALL, AUTH0_ALLOW_DELETE: 'true' }]]);
      expect(credentials(world)).toEqual({ pool: [], associated: [] });
      const run = await rotate(world);
      expect([run.exitCode, code(run), writes(world)]).toEqual([1, 'METHOD_MISMATCH', []]);
      const moved = await rotate(world, { operation: 'enroll' });
      expect([moved.exitCode, await login(world)]).toEqual([0, 200]);
    },
    PATIENCE,
  );
});
