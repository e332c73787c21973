/** `node test/protocol/explore.ts [--quick] [--guards] [--people [--every N] [--match TEXT]] [--faults 2 [--every N]] [--seed N] [--sample N]`: explores the real code, exit 1 on a violation. */

import { parseArgs } from 'node:util';
import { REAL } from './code.ts';
import { guardTable, printGuards } from './guards.ts';
import type { Life } from './people.ts';
import { anyLives, livesNamed } from './people-lives.ts';
import { fullPlan, type Plan, quickPlan, search, twicePlan } from './searches.ts';
import { Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    guards: { type: 'boolean', default: false },
    people: { type: 'boolean', default: false },
    faults: { type: 'string', default: '1' },
    every: { type: 'string', default: '1' },
    match: { type: 'string', default: '' },
    seed: { type: 'string' },
    sample: { type: 'string' },
  },
});
const began = Date.now();
const seed = Number(values.seed ?? 1);
// A seed alone replays the one schedule that a failure named.
const replay = values.seed !== undefined && values.sample === undefined;
const sample = replay ? 1 : Number(values.sample ?? (values.quick ? 200 : 10_000));

if (values.guards) await guards();
else if (values.faults === '2') await explore(twicePlan(Number(values.every)));
else await explore(asked());

function asked(): Plan {
  const whole = values.quick ? quickPlan(sample, seed) : fullPlan(sample, seed);
  const nothing = { ...whole, singles: [], pairs: [], stale: [], lags: [], people: [] };
  return values.people ? { ...nothing, people: livesAsked(), sample: 0 } : replay ? nothing : whole;
}

async function explore(plan: Plan): Promise<void> {
  const tally = await search(REAL, plan, new Tally(), (line) => console.log(`… ${line}`));
  console.log(tally.print());
  console.log(`${((Date.now() - began) / 1000).toFixed(0)} s`);
  if (tally.findings.length > 0) process.exitCode = 1;
}

/** What people do alone: every n-th life, those whose state or deed has this text in its name; and `--sample` lives of many deeds. */
function livesAsked(): Life[] {
  const some = livesNamed(values.match).filter((_, index) => index % Number(values.every) === 0);
  return [...some, ...anyLives(Number(values.sample ?? 0), seed)];
}

async function guards(): Promise<void> {
  const rows = await guardTable((row) => console.log(printGuards([row])));
  console.log(`${((Date.now() - began) / 1000).toFixed(0)} s`);
  if (rows.some(({ found }) => found === undefined)) process.exitCode = 1;
}
