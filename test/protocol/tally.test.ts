/** What a search counts: a tally that loses something makes the limits of the promise hold by themselves. */

import { beforeAll, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { type Materials, materials } from './materials.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { Tally } from './tally.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await materials();
  await prepareWorlds();
});

/** Of one execution with so much in it: violations, residuals. */
function counted(violations: number, residuals: number): [number, number] {
  const one = scenario('ours alone');
  const execution = new Execution(new World(one, all), REAL);
  const { invariants } = execution;
  for (let at = 0; at < violations; at += 1) invariants.report('I1', `number ${at}`);
  const residual = { kind: 'whole rotation', location: 'here', at: 0, lasting: true } as const;
  for (let at = 0; at < residuals; at += 1) invariants.residuals.push(residual);
  const tally = new Tally();
  tally.add(execution, one, 'by hand');
  expect(tally.executions).toBe(1);
  return [tally.findings.length, tally.residuals.length];
}

test('each residual counts, in an execution without a violation, too; of the violations the first', () => {
  expect(counted(0, 0)).toEqual([0, 0]);
  expect(counted(0, 2)).toEqual([0, 2]);
  expect(counted(2, 0)).toEqual([1, 0]);
  expect(counted(2, 1)).toEqual([1, 1]);
});
