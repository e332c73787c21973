/** Jobs that were queued before a rotation hold the previous credential: it must work until its overlap is over. */

import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Actor } from './actor.ts';
import type { Event } from './invariants.ts';
import type { Displacements } from './residual.ts';
import type { Truth } from './truth.ts';
import type { World } from './world.ts';

interface Previous {
  identity: string;
  by: Actor | undefined;
  since: number;
}

/** What each place held before, while it may still serve such a job. */
export class Queued {
  readonly #world: World;
  readonly #displacements: Displacements;
  readonly #makerOf: (identity: string | undefined) => Actor | undefined;
  readonly #previous = new Map<string, Previous>();
  readonly #overlapOf = new Map<Actor, number>();

  constructor(
    world: World,
    first: Truth,
    displacements: Displacements,
    makerOf: (identity: string | undefined) => Actor | undefined,
  ) {
    this.#world = world;
    this.#displacements = displacements;
    this.#makerOf = makerOf;
    this.#rememberSeeded(first);
  }

  begin(actor: Actor, overlap: DesiredState['overlap']): void {
    this.#overlapOf.set(actor, overlap === 'until-next-rotation' ? Number.POSITIVE_INFINITY : overlap);
  }

  /** @returns what fails now */
  after(event: Event, before: Truth, now: Truth): string[] {
    for (const { location, identity } of now.held) {
      const old = before.held.find((one) => one.location === location);
      if (old?.identity && old.identity !== identity && old.works)
        this.#previous.set(location, { identity: old.identity, by: event.actor, since: event.time });
    }
    const [worked, works] = [identitiesOf(before), identitiesOf(now)];
    // What a destination holds comes before what a queued job holds.
    const broken = new Set(before.held.filter(({ works }) => !works).map(({ location }) => location));
    if (now.held.some(({ works, location }) => works && broken.has(location))) return [];
    return [...this.#previous]
      .filter(([, { identity }]) => worked.includes(identity) && !works.includes(identity))
      .filter(([location, previous]) => {
        const holds = now.held.find((one) => one.location === location)?.identity;
        return !this.#mayGo(event, previous, this.#makerOf(holds), worked.length);
      })
      .map(([location, { identity }]) => {
        return `a job queued with the previous ${this.#world.labelOf(identity)} of ${location} fails`;
      });
  }

  /** The overlap is over, or the next rotation needs the place. */
  #mayGo(
    { actor, time }: Event,
    { by, since }: Previous,
    maker: Actor | undefined,
    associated: number,
  ): boolean {
    const overlap = this.#overlapOf.get(actor) ?? Number.POSITIVE_INFINITY;
    // A run that finished another's delivery first is itself the next rotation.
    const isNext = actor !== by || maker !== actor;
    if (actor.rotates && isNext && associated === 2) return true;
    // updated_at has whole seconds, and two clocks are compared.
    return since + overlap <= time + 5_000 || this.#displacements.explainsQueued(actor);
  }

  #rememberSeeded({ held, associated, pool }: Truth): void {
    const holders = new Set(held.map(({ identity }) => identity));
    const newest = this.#seedOf(held[0]?.identity);
    if (holders.size !== 1 || !newest) return;
    for (const identity of associated.map((id) => pool.get(id) ?? '')) {
      const seed = this.#seedOf(identity);
      if (!seed || seed.age <= newest.age || seed.mark === 'other') continue;
      const since = this.#world.time - newest.age;
      for (const { location } of held) this.#previous.set(location, { identity, by: undefined, since });
    }
  }

  #seedOf(identity: string | undefined) {
    const { credentials } = this.#world.scenario.start;
    return credentials.find(({ label }) => label === this.#world.labelOf(identity));
  }
}

function identitiesOf({ associated, pool }: Truth): string[] {
  return associated.map((id) => pool.get(id) ?? '');
}
