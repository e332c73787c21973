/** A recipe of the documents is what runs: its text is taken from there, with the programs of this machine and a sandbox's addresses. */

import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test, vi } from 'vitest';
import { API_AUDIENCE, type Sandbox } from '../emulators/sandbox.ts';

// Compilers and other people's programs take their time, above all beside other tests.
const PATIENCE = 300_000;
vi.setConfig({ testTimeout: PATIENCE, hookTimeout: PATIENCE });

const RECIPES = readFileSync('docs/recipes.md', 'utf8');

/** The snippet of a language below a heading, without its indentation: the only one, or the one at a place. */
export function snippet(heading: string, language: string, document = RECIPES, at?: number): string {
  const [, section = ''] = document.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [own = ''] = section.split(/^#{2,} /m);
  const found = [...own.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))];
  if (at === undefined) expect(found.length, `snippets of ${language} below ${heading}`).toBe(1);
  const [, indent = '', text = ''] = found[at ?? 0] ?? [];
  expect(text, `snippet of ${language} below ${heading}`).not.toBe('');
  return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** undefined: it is not installed. */
export function program(name: string): string | undefined {
  const paths = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].map((one) => join(one, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Where CI is set the absence of a program must not pass for a success; elsewhere its tests are skipped, and this says so. */
export function requirePrograms(names: readonly string[]): void {
  for (const name of names)
    test.skipIf(process.env.CI !== 'true' && program(name) === undefined)(`${name} is installed`, () =>
      expect(program(name)).toBeDefined(),
    );
}

/** A folder of this test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'recipes-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function write(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

export interface Reader {
  clientId: string;
  pem: string;
}

/** The environment that the snippets name, and the sandbox's CA where each program looks for it. */
export function environment(
  world: Sandbox,
  folder: string,
  { clientId, pem }: Reader,
): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    TMPDIR: folder,
    PEM: pem,
    CLIENT_ID: clientId,
    AUDIENCE: API_AUDIENCE,
    MTLS_HOST: new URL(world.edgeUrl).host,
    AUTH0_DOMAIN: world.domain,
    CURL_CA_BUNDLE: world.caFile,
    SSL_CERT_FILE: world.caFile,
    REQUESTS_CA_BUNDLE: world.caFile,
    NODE_EXTRA_CA_CERTS: world.caFile,
  };
}

/** Runs a program with a script as its last argument. @returns what it printed */
export async function run(
  [file = '', ...args]: readonly string[],
  script: string,
  env: Record<string, string>,
  cwd?: string,
): Promise<string> {
  const options = { env, timeout: PATIENCE, ...(cwd === undefined ? {} : { cwd }) };
  return (await promisify(execFile)(file, [...args, script], options)).stdout;
}

export const BASH = ['bash', '-euo', 'pipefail', '-c'];
export const NODE = [process.execPath, '--input-type=module', '--eval'];

/** Has the authorization server answered with a token? */
export function expectToken(text: string): void {
  expect(text).toMatch(/(^|::add-mask::|"access_token":\s*")[\w-]{20,}/);
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/**
 * The edge asks for a certificate where services log in and nowhere else: browsers would show people a list of theirs. There it forwards
 * all paths, and no certificate.
 */
export async function expectForPeople(world: Sandbox, port: string, folder: string): Promise<void> {
  const env = { PATH: process.env.PATH ?? '' };
  const asked = async (name: string) =>
    (
      await run(BASH, `openssl s_client -connect localhost:${port} -servername ${name} </dev/null 2>&1`, env)
    ).includes('Requested Signature Algorithms');
  expect([await asked('localhost'), await asked('login.example.com')]).toEqual([true, false]);
  const { pem } = world.addServiceClient({ name: 'at the door of people' });
  const told = ['client-certificate: forged', 'client-certificate-ca-verified: SUCCESS'];
  const curl = `curl --silent --insecure --cert ${write(folder, 'people.pem', pem)} \
    --resolve login.example.com:${port}:127.0.0.1 ${told.map((header) => `--header '${header}'`).join(' ')} \
    https://login.example.com:${port}/u/login --output /dev/null`;
  world.transcript.clear();
  await run(BASH, curl, env);
  const [arrival, ...others] = world.transcript.arrivals();
  expect([arrival?.request.path, others]).toEqual(['/u/login', []]);
  const { headers = {} } = arrival?.request ?? {};
  expect(headers).toMatchObject({ 'cname-api-key': world.edgeSecret, 'x-forwarded-for': '127.0.0.1' });
  expect(Object.keys(headers).filter((name) => name.startsWith('client-certificate'))).toEqual([]);
}
