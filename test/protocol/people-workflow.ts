/** What the workflow file says, as people edit it from one day to the next; and the inputs that follow from it. */

import type { Inputs } from '../../src/inputs/inputs.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Pair } from '../../src/model/key-pair.ts';
import { type Destination, printDestination, type SecretLocation } from '../../src/model/secret-location.ts';
import { SUBJECT } from './materials.ts';
import { readPair } from './services.ts';
import type { World } from './world.ts';

export class Workflow {
  destinations: readonly Destination[];
  secretName = 'AUTH0_MTLS_PEM';
  /** What `current-credential` names: the primary's secret, nothing, or the pair of this label in a secret of another name. */
  current: string;
  /** Everything else that it says. */
  says: Partial<DesiredState> = { given: new Set() };
  readonly #world: World;
  #runs = 0;

  constructor(world: World, destinations: number) {
    this.#world = world;
    this.destinations = world.desired.destinations.slice(0, destinations);
    this.current = world.scenario.current ? 'primary' : 'none';
  }

  get places(): SecretLocation[] {
    const { secretName } = this;
    return this.destinations.map((destination) => ({ destination, secretName, part: 'pair' }));
  }

  inputs(once: Partial<DesiredState> = {}): Inputs {
    const world = this.#world;
    this.#runs += 1;
    const currentPair = this.#currentPair();
    const [primary, ...others] = this.destinations;
    if (primary === undefined) throw new Error('a workflow needs a destination');
    const inputs = world.inputs(`${1000 + this.#runs}.1`, {}, { currentPair });
    return {
      ...inputs,
      desired: {
        ...inputs.desired,
        secretName: this.secretName,
        destinations: [primary, ...others],
        ...this.says,
        ...once,
      },
    };
  }

  #currentPair(): Pair | undefined {
    const { materials } = this.#world;
    const { current } = this;
    if (current === 'none') return undefined;
    if (current !== 'primary') return pairOf(materials.seeds.get(current)?.certified, current);
    return this.primaryPair;
  }

  /** What the primary holds, if it is a pair: the action refuses what is no PEM before anything else. */
  get primaryPair(): Pair | undefined {
    const { github, scenario } = this.#world;
    const [primary] = this.places;
    const value = primary && github.secret(printDestination(primary.destination), primary.secretName)?.value;
    return value?.includes('PRIVATE KEY') ? readPair(scenario.method, value) : undefined;
  }
}

/** Another client's pair has a subject of its own. */
export function pairOf(certified: ReadonlyMap<string, Pair> | undefined, label: string): Pair {
  const pair = certified?.get(label === 'O1' ? 'CN=O1' : SUBJECT);
  if (pair === undefined) throw new Error(`nobody has the pair ${label}`);
  return pair;
}
