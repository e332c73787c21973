/** Token binding: changed only where that was wished for, proven, and found again as it was where a run has failed. */

import type { RotationError } from '../../src/errors.ts';
import { isSecretMethod } from '../../src/model/desired-state.ts';
import type { Actor } from './actor.ts';
import type { Known } from './endings.ts';
import type { Event } from './invariants.ts';
import type { Holding, Truth } from './truth.ts';

export class Binding {
  readonly #known: Known;
  /** Runs that have failed, and have certainly stored nothing. */
  readonly #undone = new Set<Actor>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** What a run of this scenario makes of it. */
  #requested({ operation }: Actor): boolean {
    const { binding } = this.#known.world.scenario;
    if (operation === 'revert') return false;
    return binding === 'unchanged' ? this.#known.first.bound : binding === 'required';
  }

  after({ actor, index }: Event, before: Truth, now: Truth): void {
    if (before.bound === now.bound || now.method === undefined || before.method === undefined) return;
    const { first, report } = this.#known;
    const told = now.bound ? 'bound' : 'not bound any more';
    if (now.bound !== this.#requested(actor) && now.bound !== first.bound)
      report('binding', `tokens are ${told}, and nobody has asked for it`);
    const isOut = now.bound && isSecretMethod(now.method) && !this.#tellsOfIt(actor);
    if (index === 0 && isOut) report('I1', 'the client secret gets no token since tokens are bound');
    if (index === 0 && this.#undone.has(actor) && now.bound !== this.#known.found.get(actor)?.bound)
      report('binding', `tokens are ${told} when ${actor.name} has failed and ended`);
  }

  /** With binding required, what is stored has got a token that is bound to it. */
  lacks({ proof }: Holding): boolean {
    const { world } = this.#known;
    return world.scenario.binding === 'required' && !world.provenBound.has(proof ?? '');
  }

  end(actor: Actor, { bound, method }: Truth): void {
    const { actors, report } = this.#known;
    const { error } = actor.result ?? {};
    if (method === undefined || actors.some((one) => one !== actor && one.live)) return;
    const told = `tokens are ${bound ? '' : 'not '}bound`;
    if (bound && isSecretMethod(method) && !this.#tellsOfIt(actor))
      report('I1', `${actor.name} has ended, and the client secret gets no token since tokens are bound`);
    if (error) this.#checkFailed(actor, error, bound);
    else if (bound !== this.#requested(actor) && !this.#waits(actor))
      report('I8', `${actor.name} reports success, and ${told}`);
  }

  /** Nothing could prove it, so that it comes with the next rotation. */
  #waits({ current, rotates, told }: Actor): boolean {
    return current === undefined && !rotates && told.some((line) => line.includes('not bound yet'));
  }

  /** Or it has found the client so. */
  #tellsOfIt(actor: Actor): boolean {
    const { bound, method } = this.#known.found.get(actor) ?? this.#known.first;
    const isFound = bound && method !== undefined && isSecretMethod(method);
    return isFound || /client secret gets no token/.test(actor.result?.error?.stateNow ?? '');
  }

  #checkFailed(actor: Actor, { code, stateNow }: RotationError, bound: boolean): void {
    // What may have been stored is finished, not undone.
    if (code === 'DELIVERY_INCOMPLETE' || this.#mayHaveStored(actor)) return;
    this.#undone.add(actor);
    if (bound === this.#known.found.get(actor)?.bound || /tokens/i.test(stateNow)) return;
    const told = `tokens are ${bound ? '' : 'not '}bound`;
    this.#known.report('binding', `${actor.name} has failed and ${told}, which it has not found so`);
  }

  /** A PUT that was answered, or that was not. */
  #mayHaveStored(actor: Actor): boolean {
    return this.#known.trace.some(
      (event) =>
        event.actor === actor &&
        event.request.method === 'PUT' &&
        (event.status === undefined || event.status < 300),
    );
  }
}
