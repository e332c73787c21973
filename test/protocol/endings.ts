/** What a run tells in the end must be true: its success (I8), what a failure has left, and no key in any of it (I6). */

import type { RotationError } from '../../src/errors.ts';
import { isOwnedBy, ownerOf, readOwnership } from '../../src/model/ownership.ts';
import type { RunResult } from '../../src/model/run-result.ts';
import type { Actor } from './actor.ts';
import { Binding } from './binding.ts';
import type { Event } from './invariants.ts';
import { leakedIn } from './secrecy.ts';
import type { Truth } from './truth.ts';
import type { World } from './world.ts';

/** What the invariants know, and go on to learn. */
export interface Known {
  world: World;
  trace: readonly Event[];
  /** When the world began. */
  first: Truth;
  actors: readonly Actor[];
  /** What was there when a run began. */
  found: ReadonlyMap<Actor, Truth>;
  /** Who has made a credential, by its id. */
  makers: ReadonlyMap<string, Actor>;
  /** Places where a frozen PUT has put back what another run had replaced, and whose it was. */
  overwritten: ReadonlyMap<string, { by: Actor }>;
  report: (invariant: string, detail: string) => void;
}

export class Endings {
  readonly #known: Known;
  readonly binding: Binding;
  /** A person has associated a credential of theirs. */
  othersHand = false;

  constructor(known: Known) {
    this.#known = known;
    this.binding = new Binding(known);
  }

  check(actor: Actor, now: Truth): void {
    const { world, report } = this.#known;
    const leak = leakedIn(world, actor.told);
    if (leak) report('I6', `${actor.name} tells the key of ${leak}`);
    const { result } = actor;
    if (!result) return;
    this.binding.end(actor, now);
    if (result.error?.code === 'INTERNAL_ERROR') report('internal', result.error.message);
    if (result.error) this.#checkTruth(actor, result.error, now);
    else if (actor.operation === 'rehearse') this.#checkRehearsed(actor, now);
    else if (actor.operation === 'revert') this.#checkReverted(actor, now);
    else this.#checkRequested(actor, result, now);
  }

  #othersLive(actor: Actor): boolean {
    return this.#known.actors.some((one) => one !== actor && one.live);
  }

  /** All is as it was found, save what a rehearsal that has died had left. */
  #checkRehearsed(actor: Actor, now: Truth): void {
    const { actors, first, report, world } = this.#known;
    const found = (ids: readonly string[]) => ids.filter((id) => first.pool.has(id)).sort();
    const told = ({ associated, bound, held, pool, rest }: Truth) =>
      JSON.stringify([found([...pool.keys()]), found(associated), bound, held, rest]);
    // What a rotation does beside it is that one's own affair.
    if (actors.some((one) => one !== actor && one.result?.desired.operation !== 'rehearse')) return;
    const rehearsed = world
      .credentials()
      .filter(({ id, name }) => !first.pool.has(id) && readOwnership(name)?.rehearsal);
    if (rehearsed.length > 0 || told(now) !== told(first))
      report('I8', `${actor.name} reports success, and the client is not as it was`);
  }

  #checkReverted(actor: Actor, { method, pool }: Truth): void {
    const { found, makers, world, report } = this.#known;
    if (this.#othersLive(actor)) return;
    // What a run has made after the last look, and left by its death, the next one finds.
    const isVisible = (id: string) =>
      found.get(actor)?.pool.has(id) === true || makers.get(id)?.dead !== true;
    const ours = world
      .credentials()
      .filter(({ id, name }) => isVisible(id) && isOwnedBy(readOwnership(name), ownerOf(world.desired)));
    if (method !== world.desired.revertTo || ours.length > 0)
      report(
        'I8',
        `${actor.name} reports success; ${method} is used, ${ours.length} of ${pool.size} are ours`,
      );
  }

  /** A run has said that all is well. */
  #checkRequested(actor: Actor, result: RunResult, whole: Truth): void {
    const { overwritten, world, report } = this.#known;
    if ([...overwritten.values()].some(({ by }) => by === actor))
      report('I8', `${actor.name} reports success, and has overwritten what another run had delivered`);
    const served = whole.held.filter(({ location }) => !overwritten.has(location));
    const wrong = served.find(({ works }) => !works);
    if (wrong) report('I8', `${actor.name} reports success, ${wrong.location} does not work`);
    const isAnnounced = actor.told.some((line) => line.includes('There is no secret yet in '));
    if (whole.held.length < world.locations.length && !isAnnounced)
      report(
        'I8',
        `${actor.name} reports success, ${whole.held.length} places of ${world.locations.length} hold something`,
      );
    if (this.#othersLive(actor)) return;
    const held = new Set(served.map(({ identity }) => identity));
    if (held.size > 1)
      report('I8', `${actor.name} reports success, the places hold ${held.size} different certificates`);
    const { id = '', identity = '' } = result.outcome?.credential ?? {};
    if (result.plan?.rotates && !held.has(identity))
      report('I8', `${actor.name} reports success, nobody holds its credential`);
    else if (result.plan?.rotates && whole.pool.get(id) !== identity)
      report('I8', `${actor.name} reports success, and names ${world.labels.get(id)}, which nobody holds`);
  }

  /** What a failed run says is true now. */
  #checkTruth(actor: Actor, { code, stateNow }: RotationError, now: Truth): void {
    const { method, held, pool } = now;
    const { actors, found, makers, report } = this.#known;
    // What may have been stored is finished, not undone.
    const undone =
      !this.othersHand &&
      code !== 'DELIVERY_INCOMPLETE' &&
      !held.some(({ works }) => works) &&
      !stateNow.includes('NOBODY CAN LOG IN');
    const before = found.get(actor)?.method;
    const alone = !this.#othersLive(actor) && !actors.some(({ dead }) => dead);
    if (actor.operation === 'enroll' && undone && method !== before && alone)
      report('truth', `${actor.name} has failed and left ${method} to a client that used ${before}`);
    const left = [...makers].filter(([id, maker]) => maker === actor && pool.has(id));
    if (left.length > 0 && stateNow.includes('was removed again'))
      report('truth', `${actor.name} says that its credential was removed again, and it is there`);
    const unheld = this.unheld(actor, now);
    const isTold = /may still be there|NOBODY CAN LOG IN/.test(stateNow);
    if (!isTold && !unheld.every((id) => stateNow.includes(id)))
      report('truth', `${actor.name} does not say that its credential may be there`);
    if (left.length === 0 && /credential .*may still be there/.test(stateNow) && !this.#inDoubt(actor))
      report('truth', `${actor.name} says that its credential may still be there, and it is not`);
  }

  /** Ids of what this run has made, and no secret holds. */
  unheld(actor: Actor, { held, pool }: Truth): string[] {
    const made = [...pool].filter(([id]) => this.#known.makers.get(id) === actor);
    return made.filter(([, one]) => held.every(({ identity }) => identity !== one)).map(([id]) => id);
  }

  /** A removal, or an upload, whose answer was lost. */
  #inDoubt(actor: Actor): boolean {
    return this.#known.trace.some(
      ({ actor: by, note, request, status }) =>
        by === actor &&
        /DELETE|POST/.test(request.method) &&
        (/lose|unreadable/.test(note) || (status ?? 500) >= 500),
    );
  }
}
