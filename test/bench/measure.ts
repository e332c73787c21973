/** Brings a world to the state that a run starts from, measures the run and proves that it did its work. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOwnership } from '../../src/model/ownership.ts';
import { REPOSITORY, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { action, bundle, type Contender, finished, SECRET_NAME, startAsAction } from './contenders.ts';

export interface Sample {
  wallMs: number;
  /** From the start of the process to the first request that arrives. */
  firstRequestMs: number;
  requests: number;
  roundTrips: number;
  maxRssKb: number | undefined;
}

/** What a run finds. All: one delivered credential, so old that nobody waits. */
export interface Case {
  name: string;
  contender: Contender;
  /** A previous credential, still associated, takes the second place. */
  full?: boolean;
  rotates: boolean;
}

const SCOPE = `repo:${REPOSITORY}`;
const DAY_MS = 86_400_000;
/** Past every wait of the action after a delivery, and short enough that certificates stay young. */
const AGED_MS = 60_000;

export const ROTATION: Case = { name: 'rotation', contender: action, rotates: true };
export const MAKE_ROOM: Case = {
  name: 'rotation that makes room',
  contender: action,
  full: true,
  rotates: true,
};
export const NOT_DUE: Case = {
  name: 'nothing due',
  rotates: false,
  contender: {
    name: 'dist/index.js',
    run: (world, clientId) => startAsAction(world, { 'client-id': clientId, 'renew-before-days': '7' }),
  },
};

/** Every answer takes `latencyMs`: at the edge that is the answer of Auth0 behind it. */
export function startWorld(latencyMs: number, connectMs = 0): Promise<Sandbox> {
  return startSandbox({ latencyMs: (service) => (service === 'edge' ? 0 : latencyMs), connectMs });
}

/** A new client each time, whose certificate the secret holds. */
function prepare(world: Sandbox, full: boolean): string {
  const createdAt = world.tenantNow() - 60_000;
  const { clientId, pem } = world.addServiceClient({ name: 'bench', createdAt, credentialName: mark('2.1') });
  if (full) {
    world.tenant.seedCredential(clientId, {
      credential_type: 'x509_cert',
      name: mark('1.1'),
      pem: selfSignedCertificate('previous').cert,
      associate: true,
      created_at: new Date(createdAt - DAY_MS).toISOString(),
    });
  }
  world.github.seedSecret(SCOPE, SECRET_NAME, pem);
  world.advance(AGED_MS);
  return clientId;
}

/** As an earlier run of the action left it. */
const mark = (run: string): string => writeOwnership({ owner: `${SCOPE}#${SECRET_NAME}`, run });

/** @throws Error where the contender failed or did not do the work */
export async function measure(world: Sandbox, { contender, full = false, rotates }: Case): Promise<Sample> {
  await world.idle();
  const clientId = prepare(world, full);
  const before = stored(world);
  world.transcript.clear();
  let first: number | undefined;
  const unwatch = world.transcript.watch(() => {
    first ??= performance.now();
  });
  const startedAt = performance.now();
  const { exitCode, maxRssKb, said, wallMs } = await contender.run(world, clientId);
  unwatch();
  if (exitCode !== 0 || first === undefined)
    throw new Error(`${contender.name} failed (${exitCode})\n${said}`);
  const { transcript } = world;
  const sample = { wallMs, maxRssKb, requests: transcript.count(), roundTrips: transcript.roundTrips() };
  await prove(world, clientId, { rotates, before, said });
  return { ...sample, firstRequestMs: first - startedAt };
}

const stored = (world: Sandbox): string => world.github.secret(SCOPE, SECRET_NAME)?.value ?? '';

/** Two credentials, of which the secret holds the new one, and it logs in; or else nothing has changed. */
async function prove(
  world: Sandbox,
  clientId: string,
  { rotates, before, said }: { rotates: boolean; before: string; said: string },
): Promise<void> {
  const pem = stored(world);
  const { credentials } = world.tenant.reveal(clientId);
  const { status } = await world.requestToken(clientId, pem);
  const extensions = rotates ? new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERT'))).keyUsage : [];
  const right =
    status === 200 &&
    (pem !== before) === rotates &&
    credentials.length === (rotates ? 2 : 1) &&
    (!rotates || `${extensions}` === '1.3.6.1.5.5.7.3.2');
  if (!right)
    throw new Error(`the work was not done (token ${status}, ${credentials.length} credentials)\n${said}`);
}

/** Interleaved, each round in another order, after a warm-up that is not counted. */
export async function measureAll(world: Sandbox, cases: readonly Case[], runs: number): Promise<Sample[][]> {
  const samples = cases.map((): Sample[] => []);
  for (let run = -1; run < runs; run += 1) {
    for (let turn = 0; turn < cases.length; turn += 1) {
      const index = (turn + run + cases.length) % cases.length;
      const one = cases[index];
      if (one === undefined) continue;
      const sample = await measure(world, one);
      if (run >= 0) samples[index]?.push(sample);
    }
  }
  return samples;
}

/** Start and end of a Node that has nothing to do, in milliseconds. */
export async function bareNodeStart(runs: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-node-'));
  const main = join(directory, 'empty.cjs');
  writeFileSync(main, '');
  const all: number[] = [];
  try {
    for (let run = -1; run < runs; run += 1) {
      const startedAt = performance.now();
      await finished(spawn(process.execPath, [main], { env: { PATH: process.env.PATH ?? '' } }));
      if (run >= 0) all.push(performance.now() - startedAt);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return all;
}

/** A program that only loads undici and asks `trips` times in sequence, in milliseconds: nothing on it can be faster. */
export async function leastOfAll(world: Sandbox, trips: number, runs: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-least-'));
  const all: number[] = [];
  try {
    const main = await bundle(join(import.meta.dirname, 'least.cjs'), directory);
    const discovery = `https://${world.domain}/.well-known/openid-configuration`;
    const env = { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: world.caFile };
    for (let run = -1; run < runs; run += 1) {
      const child = spawn(process.execPath, [main, discovery, `${trips}`], { env });
      const { exitCode, said, wallMs } = await finished(child);
      if (exitCode !== 0) throw new Error(`least.cjs failed (${exitCode})\n${said}`);
      if (run >= 0) all.push(wallMs);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return all;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2;
}

export function distBytes(): number {
  const directory = join(import.meta.dirname, '../../dist');
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

export interface Machine {
  cpu: string;
  cores: number;
  node: string;
  platform: string;
  /** Of the last minute: above the number of cores, others were at work too. */
  load: number;
}

export function machine(): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    load: loadavg()[0] ?? Number.NaN,
  };
}
