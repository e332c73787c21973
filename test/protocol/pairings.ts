/** Which two runs are explored together. */

import type { Pairing } from './pairs.ts';
import { scenario } from './scenarios.ts';

export const HALF_A_DAY = 12 * 3_600_000;

const retiring = { force: false, overlap: HALF_A_DAY } as const;

export function pairings(): Pairing[] {
  const found: Pairing[] = [];
  for (const poolCap of [2, 4] as const) {
    for (const current of [true, false]) {
      const asked = { poolCap, current };
      for (const start of ['ours alone', 'settled', 'hand-made, held', 'nothing', 'abandoned, associated'])
        found.push({ name: 'both rotate', scenario: scenario(start, asked) });
      const settled = scenario('settled', asked);
      found.push({ name: 'rotate and retire', scenario: settled, second: retiring });
      found.push({ name: 'retire and rotate', scenario: settled, first: retiring });
      found.push({ name: 'both rotate, the second begins later', scenario: settled, later: true });
      found.push({ name: 'both rotate', scenario: scenario('two hold one', asked) });
      found.push({ name: 'both rotate', scenario: scenario('partly delivered', asked) });
    }
  }
  return found;
}

/** Of the other operations. */
export function otherPairings(): Pairing[] {
  const force = false;
  const creating = scenario('no client', { operation: 'create', force });
  const enrolling = scenario('client secret', { operation: 'enroll', force });
  const reverting = scenario('settled', { operation: 'revert', force });
  const itself = scenario('settled', { isManager: true });
  const rotate = { operation: 'rotate', force: true } as const;
  return [
    { name: 'both create', scenario: creating },
    { name: 'both create, the second begins later', scenario: creating, later: true },
    { name: 'both enroll', scenario: enrolling },
    { name: 'both enroll, the second begins later', scenario: enrolling, later: true },
    { name: 'enroll and rotate', scenario: enrolling, second: rotate, later: true },
    { name: 'revert and rotate', scenario: reverting, second: rotate },
    { name: 'rotate and revert', scenario: reverting, first: rotate, later: true },
    { name: 'both revert', scenario: reverting },
    { name: 'both rotate themselves', scenario: itself, later: true },
  ];
}

/** What is rehearsed while another run rotates. */
export function rehearsing(): Pairing[] {
  const rehearse = { operation: 'rehearse' } as const;
  return [true, false].flatMap((current) => {
    const name = 'rehearse and rotate';
    const alone = scenario('ours alone', { current });
    return [
      { name, scenario: alone, first: rehearse },
      { name, scenario: alone, second: rehearse },
    ];
  });
}
