/**
 * What a fleet costs: time against the least that the limits allow, requests a client, refusals, memory, and how each grows.
 * node test/bench/fleet.ts [--json FILE] [--short] [--clients N] [--destinations N] [--propagation-time 30s]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ActionRun } from '../emulators/runner.ts';
import { startSandbox } from '../emulators/sandbox.ts';
import type { RateLimit } from '../emulators/tenant-rate-limit.ts';
import { Fleet, isWrite } from '../scenarios/fleets.ts';
import { MINUTE } from '../scenarios/support.ts';
import { machine } from './measure.ts';

/** Auth0's limits (rate-limit-configurations): Enterprise production, and the smallest. */
const TENANTS: Record<string, { rateLimit: RateLimit; sizes: number[] }> = {
  Enterprise: { rateLimit: { burst: 50, perSecond: 16 }, sizes: [10, 100, 500] },
  'the smallest': { rateLimit: { burst: 2, perSecond: 2 }, sizes: [10, 30] },
};
const SHORT: Record<string, number[]> = { Enterprise: [10, 40], 'the smallest': [5] };
/** An answer of Auth0 or GitHub takes about this long. */
const LATENCY_MS = 50;
/** GitHub: secrets of an environment at most. So many clients share a repository. */
const TOGETHER = 100;
/** GitHub asks for so much between two writes. */
const WRITE_MS = 1_000;
/** A fleet that waits for propagation may take a little more, since its last client waits for itself alone. */
const GOALS = { ratio: 1.1, memoryMb: 250, waiting: { ratio: 1.15, seconds: 60 } };
/** The environments of a repository that are destinations of a client, the primary first. */
const ENVIRONMENTS = ['blue', 'green'];

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    short: { type: 'boolean', default: false },
    clients: { type: 'string' },
    destinations: { type: 'string', default: `${ENVIRONMENTS.length}` },
    'propagation-time': { type: 'string', default: '0s' },
  },
});
const environments = ENVIRONMENTS.slice(0, Number(values.destinations));
const waits = values['propagation-time'] !== '0s';

interface Sample {
  tenant: string;
  work: 'all due' | 'none due';
  clients: number;
  seconds: number;
  /** That the limits of Auth0 and GitHub allow at least. */
  leastSeconds: number;
  ratio: number;
  requestsAClient: { auth0: number; github: number };
  refusals: number;
  memoryMb: number;
}

/** @param sizes what is measured by default */
function sizesOf(tenant: string, sizes: readonly number[]): readonly number[] {
  if (values.clients !== undefined) return tenant === 'Enterprise' ? [Number(values.clients)] : [];
  return values.short ? (SHORT[tenant] ?? []) : sizes;
}

async function measure(tenant: string, rateLimit: RateLimit, clients: number): Promise<Sample[]> {
  const latencyMs = (service: string) => (service === 'edge' ? 0 : LATENCY_MS);
  const world = await startSandbox({ rateLimit, latencyMs });
  for (let at = 0; at < clients; at += TOGETHER)
    world.github.addRepository(repositoryOf(at), { environments: ENVIRONMENTS });
  await using fleet = new Fleet(world, clients, (at) =>
    environments.map((environment) => `env:${repositoryOf(at)}/${environment}`),
  );
  const due = sampleOf(fleet, await finished(fleet), { tenant, work: 'all due', clients }, rateLimit);
  const logins = await fleet.logins();
  if (logins.some((status) => status !== 200)) throw new Error(`the work was not done: ${logins}`);
  fleet.world.advance(20 * MINUTE);
  return [due, sampleOf(fleet, await finished(fleet), { tenant, work: 'none due', clients }, rateLimit)];
}

function repositoryOf(at: number): string {
  return `acme/team-${Math.floor(at / TOGETHER)}`;
}

async function finished(fleet: Fleet): Promise<ActionRun> {
  const inputs = { 'propagation-time': values['propagation-time'] };
  const run = await fleet.run(inputs, { timeoutMs: 3_600_000 });
  if (run.exitCode !== 0) throw new Error(`${run.outputs.result}\n${run.log.slice(-2_000)}`);
  return run;
}

function sampleOf(
  { world }: Fleet,
  run: ActionRun,
  of: Pick<Sample, 'tenant' | 'work' | 'clients'>,
  { burst, perSecond }: RateLimit,
): Sample {
  const arrivals = world.transcript.arrivals('client');
  const management = arrivals.filter(({ line }) => line.includes(' /api/v2/')).length;
  const writes = arrivals.filter(isWrite).length;
  const auth0 = Math.max(0, (management - burst) / perSecond);
  const leastSeconds = Math.max(auth0, ((writes - 1) * WRITE_MS) / 1_000, 0);
  const seconds = run.durationMs / 1_000;
  return {
    ...of,
    seconds,
    leastSeconds,
    ratio: seconds / leastSeconds,
    requestsAClient: {
      auth0: management / of.clients,
      github: world.transcript.count('github') / of.clients,
    },
    refusals: world.transcript.exchanges('client').filter(({ status }) => status === 429).length,
    memoryMb: (run.maxRssKb ?? 0) / 1_024,
  };
}

function print(sample: Sample): void {
  const { clients, leastSeconds, memoryMb, ratio, refusals, requestsAClient, seconds, tenant, work } = sample;
  const verdict = (value: number, limit: number) => (value <= limit ? '✓' : '✗');
  const goal = waits
    ? GOALS.waiting.ratio * leastSeconds + GOALS.waiting.seconds
    : GOALS.ratio * leastSeconds;
  // A few requests within the burst have no least.
  const time = leastSeconds < 10 ? '' : ` = ${ratio.toFixed(2)} × the least ${verdict(seconds, goal)}`;
  console.log(
    [
      `${tenant}, ${work}, ${clients} clients × ${environments.length}:`.padEnd(44),
      `${seconds.toFixed(1)} s${time}`.padEnd(32),
      `requests a client: Auth0 ${requestsAClient.auth0.toFixed(1)}, GitHub ${requestsAClient.github.toFixed(1)};`,
      `429: ${refusals};`,
      `${memoryMb.toFixed(0)} MB ${verdict(memoryMb, GOALS.memoryMb)}`,
    ].join(' '),
  );
}

const at = machine();
console.log(
  `${at.cpu}, ${at.cores} cores, Node ${at.node}, load ${at.load.toFixed(1)}; answers take ${LATENCY_MS} ms\n`,
);
const samples: Sample[] = [];
for (const [tenant, { rateLimit, sizes }] of Object.entries(TENANTS)) {
  for (const clients of sizesOf(tenant, sizes)) {
    for (const sample of await measure(tenant, rateLimit, clients)) {
      samples.push(sample);
      print(sample);
    }
  }
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine: at, samples }, null, 2)}\n`);
