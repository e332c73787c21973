/** Which lives are explored: every state with everything that people do there, and days of any deeds in a row. */

import { seededRandom } from '../emulators/emulator.ts';
import type { Life } from './people.ts';
import { ACTS, MET } from './people-acts.ts';
import { nameOf, type Scenario, scenario } from './scenarios.ts';

/** Before the run, and at these requests of it. */
const MOMENTS = [0, 2, 5, 8, 11, 14];

function worlds(): Scenario[] {
  const plain = scenario('settled', { force: false });
  return MET.flatMap((start) =>
    [true, false].flatMap((current) =>
      ([2, 4] as const)
        .filter((poolCap) => fits(start, poolCap))
        .map((poolCap) => ({ ...plain, current, poolCap, start })),
    ),
  );
}

/** Every state that people meet or leave, and everything that they do then: before a run, and in the middle of one. */
export function lives(): Life[] {
  return worlds().flatMap((one) =>
    ACTS.flatMap((act) =>
      (act.anytime ? MOMENTS : [0]).map((at) => ({ scenario: one, deeds: [{ act, at }] })),
    ),
  );
}

/** Those with this text in the name of their state and their deed. */
export function livesNamed(text: string): Life[] {
  return lives().filter(({ deeds, scenario }) =>
    `${nameOf(scenario)}; ${deeds.map(({ act, at }) => `${act.name}${at === 0 ? '' : ` at request ${at}`}`)}`.includes(
      text,
    ),
  );
}

/** These deeds, a day after another, where the places hold what `state` says. */
export function lifeOf(state: string, ...names: readonly string[]): Life {
  const world = worlds().find((one) => nameOf(one) === state);
  if (world === undefined) throw new Error(`nobody meets the state ${state}`);
  const deeds = names.map((name) => {
    const act = ACTS.find((one) => one.name === name);
    if (act === undefined) throw new Error(`nobody does this: ${name}`);
    return { act, at: 0 };
  });
  return { scenario: world, deeds };
}

/** Two or three deeds, a day after another. */
export function anyLives(count: number, seed: number): Life[] {
  const all = worlds();
  return Array.from({ length: count }, (_, index) => {
    const random = seededRandom(seed + index);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
    const deeds = Array.from({ length: 2 + Math.floor(random() * 2) }, () => {
      const act = any(ACTS);
      return { act, at: act.anytime ? any(MOMENTS) : 0 };
    });
    return { scenario: any(all), deeds };
  });
}

/** A key of another use leaves a pool of two no place for a rotation: Auth0's limit, whatever anybody does. */
function fits({ credentials }: Scenario['start'], poolCap: number): boolean {
  const others = credentials.filter(({ requestObject }) => requestObject).length;
  return credentials.length <= poolCap && poolCap - others >= 2;
}
