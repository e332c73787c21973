/** Carries a plan out on a tiny model of a client and its places: what is true after every step? */

import type { ObservedState } from '../../src/model/observed-state.ts';
import { printLocation, type SecretLocation } from '../../src/model/secret-location.ts';
import { ISSUED, type Step } from '../../src/model/step.ts';
import type { CredentialsInUse } from '../../src/plan/in-use.ts';

export interface World {
  associated: readonly string[];
  pool: readonly string[];
  /** Place → the credential that it holds, as far as the evidence tells; undefined: none. */
  held: ReadonlyMap<string, string | undefined>;
  /** Places that the plan has named as cut off, until it delivers to them. */
  interrupted: ReadonlySet<string>;
}

export interface Moment {
  step: Step;
  before: World;
  after: World;
}

export function replay(observed: ObservedState, inUse: CredentialsInUse, steps: readonly Step[]): Moment[] {
  let world: World = {
    associated: observed.client?.associated ?? [],
    pool: observed.pool.map(({ id }) => id),
    held: new Map(
      observed.secrets.map(({ location }, index) => [printLocation(location), inUse.held[index]?.[0]?.id]),
    ),
    interrupted: new Set(),
  };
  return steps.map((step) => {
    const before = world;
    world = perform(before, step);
    return { step, before, after: world };
  });
}

function perform(world: World, step: Step): World {
  switch (step.kind) {
    case 'create-credential':
      return { ...world, pool: [...world.pool, ISSUED] };
    case 'delete-credential':
      return { ...world, pool: world.pool.filter((id) => id !== step.id) };
    case 'associate-credentials':
      return {
        ...world,
        associated: step.to,
        interrupted: new Set([...world.interrupted, ...step.interrupts.map(printLocation)]),
      };
    case 'store-secret':
      return deliver(world, step.location, step.source === 'issued' ? ISSUED : [...world.held.values()][0]);
    default:
      return world;
  }
}

function deliver(world: World, location: SecretLocation, credential: string | undefined): World {
  const name = printLocation(location);
  return {
    ...world,
    held: new Map([...world.held, [name, credential]]),
    interrupted: new Set([...world.interrupted].filter((other) => other !== name)),
  };
}

/** Places that could log in before the step, cannot after it, and were not named. */
export function cutOff({ before, after }: Moment): string[] {
  return [...after.held]
    .filter(([location, id]) => {
      const could = id === undefined || before.associated.includes(id);
      return could && id !== undefined && !after.associated.includes(id) && !after.interrupted.has(location);
    })
    .map(([location]) => location);
}
