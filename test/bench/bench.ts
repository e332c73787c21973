/**
 * How fast, how sparing: the action against what a user would pick instead, and against its own limits.
 * node test/bench/bench.ts [--latency MS] [--connect MS] [--runs N] [--json FILE] [--short]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contender, missingPrograms, type Proofs, scripts, sdkActions } from './contenders.ts';
import { GOALS } from './goals.ts';
import {
  bareNodeStart,
  distBytes,
  leastOfAll,
  MAKE_ROOM,
  machine,
  measureAll,
  median,
  NOT_DUE,
  ROTATION,
  type Sample,
  startWorld,
} from './measure.ts';

/** One line of the tables: a figure, and its goal where there is one. */
interface Figure {
  name: string;
  value: number;
  unit: string;
  goal?: number;
}

/** Of the limit: an answer of Auth0 or GitHub takes about this long. */
const LIMIT_LATENCY_MS = 50;
const USAGE = 'node test/bench/bench.ts [--latency MS] [--connect MS] [--runs N] [--json FILE] [--short]';

interface Options {
  latencyMs: number;
  /** What opening a connection takes besides: 2 × latency is what TCP and TLS 1.3 take. */
  connectMs: number;
  runs: number;
  json: string | undefined;
}

/** @throws TypeError for what is not an option */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      latency: { type: 'string', default: '50' },
      connect: { type: 'string', default: '100' },
      runs: { type: 'string' },
      json: { type: 'string' },
      short: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs ?? (values.short ? 3 : 10));
  const latencyMs = Number(values.latency);
  const connectMs = Number(values.connect);
  const isRight = Number.isInteger(runs) && runs >= 1 && latencyMs >= 0 && connectMs >= 0;
  if (!isRight) throw new TypeError(USAGE);
  return { latencyMs, connectMs, runs, json: values.json };
}

interface Race {
  name: string;
  samples: Sample[];
}

/** 1. Against what a user would pick instead. */
async function race({ latencyMs, connectMs, runs }: Options, directory: string): Promise<Race[]> {
  const missing = missingPrograms();
  if (missing.length > 0) console.log(`Without rotate.sh: ${missing.join(', ')} not installed.\n`);
  const others: Contender[] = [...(missing.length > 0 ? [] : scripts), ...(await sdkActions(directory))];
  const contenders = [ROTATION.contender, ...others];
  await using world = await startWorld(latencyMs, connectMs);
  const cases = contenders.map((contender) => ({ ...ROTATION, contender }));
  const samples = await measureAll(world, cases, runs);
  return contenders.map(({ name }, index) => ({ name, samples: samples[index] ?? [] }));
}

function raceFigures(all: readonly Race[]): Figure[] {
  const wall = ({ samples }: Race) => median(samples.map(({ wallMs }) => wallMs));
  const [own, ...others] = all;
  const ratios = others.map((other): Figure => {
    const goal = scripts.some(({ name }) => name === other.name) ? 0.5 : 0.75;
    const isFair = other.name.endsWith('the same proofs' satisfies Proofs);
    return {
      name: `wall ÷ ${other.name}`,
      value: own ? wall(own) / wall(other) : Number.NaN,
      unit: '',
      ...(isFair ? { goal } : {}),
    };
  });
  return [
    ...all.map((one): Figure => ({ name: `wall, ${one.name}`, value: wall(one), unit: 'ms' })),
    ...ratios,
  ];
}

/** 2 to 4. Against the limit, at an honest latency. */
async function limits(runs: number): Promise<{ figures: Figure[]; samples: Record<string, Sample[]> }> {
  const bare = median(await bareNodeStart(runs));
  await using world = await startWorld(LIMIT_LATENCY_MS);
  const cases = [ROTATION, NOT_DUE, MAKE_ROOM];
  const [rotation = [], notDue = [], freeCapacity = []] = await measureAll(world, cases, runs);
  const all = [...rotation, ...notDue, ...freeCapacity];
  const peak = Math.max(...all.map(({ maxRssKb = 0 }) => maxRssKb));
  const first = median(all.map(({ firstRequestMs }) => firstRequestMs));
  const trips = fewestTrips(rotation);
  const least = median(await leastOfAll(world, trips, runs));
  const figures: Figure[] = [
    { name: 'bare Node start', value: bare, unit: 'ms' },
    { name: 'start to first request, less bare Node', value: first - bare, unit: 'ms', goal: GOALS.startMs },
    ...limitFigures('rotation', rotation, bare, GOALS.rotation),
    ...limitFigures('makes room', freeCapacity, bare, GOALS.makesRoom),
    ...limitFigures('nothing due', notDue, bare, GOALS.notDue),
    {
      name: `undici alone, ${trips} requests: wall ÷ (round trips + bare Node)`,
      value: least / (trips * LIMIT_LATENCY_MS + bare),
      unit: '',
    },
    { name: 'peak memory', value: peak / 1024, unit: 'MB', goal: GOALS.memoryMb },
    { name: 'dist', value: distBytes() / 1000, unit: 'kB', goal: GOALS.distBytes / 1000 },
  ];
  return { figures, samples: { rotation, notDue, freeCapacity } };
}

interface Goals {
  requests: number;
  roundTrips?: number;
  /** Of the wall time to the least that is possible: round trips and Node itself. */
  ratio?: number;
}

/** A busy machine only ever adds to round trips, by pulling apart what began together. */
function fewestTrips(samples: readonly Sample[]): number {
  return Math.min(...samples.map(({ roundTrips }) => roundTrips));
}

function limitFigures(name: string, samples: readonly Sample[], bare: number, goals: Goals): Figure[] {
  const wall = median(samples.map(({ wallMs }) => wallMs));
  const trips = fewestTrips(samples);
  const least = trips * LIMIT_LATENCY_MS + bare;
  const goal = (value: number | undefined) => (value === undefined ? {} : { goal: value });
  const requests = Math.max(...samples.map((sample) => sample.requests));
  return [
    { name: `${name}: requests`, value: requests, unit: '', goal: goals.requests },
    { name: `${name}: round trips in sequence`, value: trips, unit: '', ...goal(goals.roundTrips) },
    { name: `${name}: wall at ${LIMIT_LATENCY_MS} ms`, value: wall, unit: 'ms' },
    {
      name: `${name}: wall ÷ (round trips + bare Node)`,
      value: wall / least,
      unit: '',
      ...goal(goals.ratio),
    },
  ];
}

function print(title: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  console.log(title);
  for (const { goal, name, unit, value } of figures) {
    const digits = Number.isInteger(value) ? 0 : unit === '' ? 2 : 1;
    const verdict = goal === undefined ? '' : `   ${value <= goal ? '✓' : '✗'} goal ≤ ${goal}`;
    console.log(
      `  ${name.padEnd(width)} ${value.toFixed(digits).padStart(9)} ${unit.padEnd(3)}${verdict}`.trimEnd(),
    );
  }
  console.log();
}

async function main(): Promise<void> {
  const options = readOptions();
  const { latencyMs, connectMs, runs } = options;
  const at = machine();
  console.log(`${at.cpu}, ${at.cores} cores, ${at.platform}, Node ${at.node}, load ${at.load.toFixed(1)}`);
  console.log(`Medians of ${runs} interleaved runs after a warm-up.\n`);
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const contenders = await race(options, directory);
    const compared = raceFigures(contenders);
    print(`The same rotation at ${latencyMs} ms latency, ${connectMs} ms to connect`, compared);
    const { figures, samples } = await limits(runs);
    print(`Against the limit at ${LIMIT_LATENCY_MS} ms latency`, figures);
    const all = { machine: at, options, figures: [...compared, ...figures], contenders, samples };
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
