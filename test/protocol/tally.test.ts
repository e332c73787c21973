/** What a search counts: a tally that loses something makes the limits of the promise hold by themselves. */

import { beforeAll, describe, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { type Materials, materials } from './materials.ts';
import { unadmittedOfPeople } from './people-promise.ts';
import { shrunk, unadmitted } from './promise.ts';
import type { Residual } from './residual.ts';
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

describe('the promise allows', () => {
  const residuals = (count: number, variant: string, kind: Residual['kind'] = 'whole rotation') =>
    Array.from({ length: count }, () => ({
      kind,
      location: '',
      at: 0,
      lasting: false,
      scenario: '',
      variant,
    }));

  test.each<[number, string, number, string[]]>([
    [1, 'both rotate: crash A at 3', 100, []],
    [1, 'both rotate, and a third: --seed 1', 100, []],
    [1, 'both rotate, the second begins later: x', 100, []],
    [1, 'retire and rotate: x', 100, []],
    [1, 'rotate and retire: x', 100, ['rotate and retire']],
    [1, 'both enroll: x', 100, ['both enroll']],
    [1, 'crash at request 3', 100, ['crash at request 3']],
    [2, 'both rotate: x', 101, []],
    [2, 'both rotate: x', 100, ['2 of 100']],
  ])('%i residuals of %s in %i schedules', (count, variant, schedules, expected) => {
    expect(unadmitted({ residuals: residuals(count, variant), schedules })).toEqual(expected);
  });

  test.each<[number, Residual['kind'], number, string[]]>([
    [1, 'rewritten meanwhile', 40, []],
    [1, 'a name that no mark shows', 40, []],
    [1, 'overwritten right after a rotation', 40, []],
    [1, 'whole rotation', 40, ['whole rotation']],
    [1, 'before delivery', 40, ['before delivery']],
    [1, 'overwritten delivery', 40, ['overwritten delivery']],
    [1, 'two clients', 40, ['two clients']],
    [2, 'rewritten meanwhile', 79, ['2 of 79']],
  ])('%i residuals of the kind %s in %i lives', (count, kind, people, expected) => {
    expect(unadmittedOfPeople({ residuals: residuals(count, '', kind), people })).toEqual(expected);
  });

  test('no search that is smaller than it was', () => {
    const size = { crashes: 1, faults: 2, pairsOfFaults: 3, requests: 4, scenarios: 1, schedules: 5 };
    const found = new Tally();
    Object.assign(found, { ...size, stale: 55, refused: 6, scenarios: new Set(['one']) });
    expect(shrunk(found, size)).toEqual([]);
    for (const [name, count] of Object.entries(size))
      expect(shrunk(found, { ...size, [name]: count + 1 })).toEqual([name]);
    expect(shrunk(Object.assign(found, { stale: 54, refused: 7 }), size)).toEqual(['stale', 'not refused']);
  });
});

test('a search gives up at its limit, and not before', () => {
  const tally = new Tally();
  const found = (limit: number | undefined, findings: number) => {
    tally.limit = limit;
    tally.findings.length = findings;
    return tally.enough;
  };
  expect([found(undefined, 9), found(2, 1), found(2, 2), found(2, 3)]).toEqual([false, false, true, true]);
});
