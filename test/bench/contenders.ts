/** Who rotates in the bench: the action as GitHub starts it, and what a user would pick instead. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { build } from 'esbuild';
import { type ActionOptions, runAction } from '../emulators/runner.ts';
import { API_AUDIENCE, REPOSITORY, type Sandbox } from '../emulators/sandbox.ts';

export interface Finished {
  exitCode: number | null;
  /** From the start of the process to the end of its streams. */
  wallMs: number;
  maxRssKb: number | undefined;
  /** What it said, for an error. */
  said: string;
}

export interface Contender {
  name: string;
  run: (world: Sandbox, clientId: string) => Promise<Finished>;
}

export const SECRET_NAME = 'AUTH0_MTLS_PEM';
const HERE = import.meta.dirname;
const PROGRAMS = ['bash', 'openssl', 'curl', 'jq', 'gh'];

/** @param inputs beyond those that name the world and the client */
export async function startAsAction(
  world: Sandbox,
  inputs: Record<string, string>,
  options: ActionOptions = {},
): Promise<Finished> {
  const { durationMs, exitCode, log, maxRssKb } = await runAction(world, inputs, options);
  return { exitCode, maxRssKb, wallMs: durationMs, said: log };
}

/** As every workflow in the docs passes it. */
function currentCredential(world: Sandbox): string {
  return world.github.secret(`repo:${REPOSITORY}`, SECRET_NAME)?.value ?? '';
}

export const action: Contender = {
  name: 'dist/index.js',
  run: (world, clientId) =>
    startAsAction(world, {
      'client-id': clientId,
      'current-credential': currentCredential(world),
      force: 'true',
      'renew-before-days': '7',
      verify: 'required',
    }),
};

/** As its author would ship it: one file, minified, into `directory`. */
export async function bundle(source: string, directory: string): Promise<string> {
  const outfile = join(directory, `${basename(source, extname(source))}.cjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    logLevel: 'error',
  });
  return outfile;
}

/** What others prove: the new pair once, or as the action does: the pair in use first, and the new pair again on another connection. */
export const PROOFS = ['one proof', 'the same proofs'] as const;
export type Proofs = (typeof PROOFS)[number];

function proofs(proofs: Proofs, world: Sandbox): Record<string, string> {
  return proofs === 'one proof' ? {} : { CURRENT_CREDENTIAL: currentCredential(world) };
}

/** @returns one for each of PROOFS */
export async function sdkActions(directory: string): Promise<Contender[]> {
  const main = await bundle(join(HERE, 'rotate-sdk.ts'), directory);
  return PROOFS.map((proven) => ({
    name: `auth0 SDK + octokit, ${proven}`,
    run(world, clientId) {
      const env = { MTLS_TOKEN_URL: world.edge.tokenEndpoint, SECRET_NAME, ...proofs(proven, world) };
      return startAsAction(world, { 'client-id': clientId }, { main, env });
    },
  }));
}

/** The programs that rotate.sh needs and this machine has not. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((program) => {
    try {
      execFileSync(program, [program === 'openssl' ? 'version' : '--version'], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}

export const scripts: readonly Contender[] = PROOFS.map((proven) => ({
  name: `rotate.sh (curl, gh), ${proven}`,
  async run(world, clientId) {
    const home = mkdtempSync(join(tmpdir(), 'bench-script-'));
    try {
      const env = { ...scriptEnvironment(world, clientId, home), ...proofs(proven, world) };
      return await finished(spawn('bash', [join(HERE, 'rotate.sh')], { cwd: home, env }));
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
}));

/** Nothing of this machine's own but where programs are; curl and gh trust the world's authority. */
function scriptEnvironment(world: Sandbox, clientId: string, home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    AUTH0_DOMAIN: world.domain,
    CLIENT_ID: clientId,
    MANAGEMENT_CLIENT_ID: world.managementClientId,
    MANAGEMENT_CLIENT_SECRET: world.managementClientSecret,
    MTLS_TOKEN_URL: world.edge.tokenEndpoint,
    AUDIENCE: API_AUDIENCE,
    REPOSITORY,
    SECRET_NAME,
    CURL_CA_BUNDLE: world.caFile,
    SSL_CERT_FILE: world.caFile,
    GH_HOST: new URL(world.githubUrl).host,
    GH_ENTERPRISE_TOKEN: world.githubToken,
    GH_CONFIG_DIR: home,
    GH_PROMPT_DISABLED: '1',
    GH_NO_UPDATE_NOTIFIER: '1',
    NO_COLOR: '1',
  };
}

export async function finished(child: ChildProcess): Promise<Finished> {
  const startedAt = performance.now();
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const wallMs = performance.now() - startedAt;
  return { exitCode, wallMs, maxRssKb: undefined, said: Buffer.concat(said).toString() };
}
