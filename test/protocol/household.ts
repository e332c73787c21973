/** A client among people: its world, the workflow file, and what must hold from one day to the next. */

import type { DesiredState } from '../../src/model/desired-state.ts';
import { printNote } from '../../src/model/note.ts';
import { ownerAt, ownerOf } from '../../src/model/ownership.ts';
import { printDestination, printLocation, type SecretLocation } from '../../src/model/secret-location.ts';
import { LEASE } from '../../src/model/timing.ts';
import { namedForDeletion } from '../support/advice.ts';
import type { Actor } from './actor.ts';
import { Workflow } from './people-workflow.ts';
import type { Residual } from './residual.ts';
import type { Execution } from './scheduler.ts';
import { play } from './single.ts';
import type { Holding, Truth } from './truth.ts';
import type { World } from './world.ts';

const DAY = 86_400_000;
const FIRST_NAME = 'AUTH0_MTLS_PEM';

export class Household {
  readonly execution: Execution;
  readonly workflow: Workflow;
  /** What no run could know: what a person changed when it could not look any more, or a name that no mark shows. */
  readonly residuals: Pick<Residual, 'kind' | 'location'>[] = [];
  /** Where the workflow has delivered first, as its marks name it. */
  readonly owners: Set<string>;
  /** Names of secrets that a credential's mark shows, or has shown. */
  readonly #marked: Set<string>;
  /** Credentials that a message has announced the end of. */
  readonly #announced = new Set<string>();
  #before: Truth;
  /** What a person has taken out: that it cannot log in is not the action's doing. */
  readonly #takenOut = new Set<string>();
  /** What people have put into a place. */
  readonly #rewritten = new Map<string, string>();
  #rotations = 0;
  /** A person has acted while the run was at work. */
  #disturbed = false;
  #disturbedAt = 0;
  /** What the last run has said. */
  #said = '';

  constructor(execution: Execution, destinations: number) {
    this.execution = execution;
    this.workflow = new Workflow(execution.world, destinations);
    this.#before = execution.world.truth();
    const { credentials } = execution.world.scenario.start;
    const made = credentials.filter(({ mark }) => mark === 'ours');
    this.owners = new Set(made.map(({ owner }) => owner ?? ownerOf(execution.world.desired)));
    this.#marked = new Set(made.map(({ owner = '' }) => owner.split('#')[1] ?? FIRST_NAME));
    const hadRuns = credentials.some(({ age, mark }) => mark === 'ours' && age >= 7 * DAY);
    // Earlier runs have said so.
    if (hadRuns) for (const [id] of execution.world.labels) this.#announced.add(id);
  }

  get world(): World {
    return this.execution.world;
  }

  /** A person does something: what breaks by it is not the action's doing. */
  byHand(act: () => void): void {
    this.#look();
    const { associated, pool, held } = this.#before;
    act();
    this.#before = this.world.truth();
    for (const { location, updatedAt, value } of this.#before.held) {
      const old = held.find((one) => one.location === location);
      // The same text may be saved again, and GitHub's times are whole seconds.
      const isSame = old?.updatedAt === updatedAt && old.value === value;
      if (old !== undefined && !isSame) this.#rewritten.set(location, value);
    }
    for (const id of associated)
      if (!this.#before.associated.includes(id)) this.#takenOut.add(pool.get(id) ?? '');
    this.execution.invariants.associatedByHand(undefined);
    this.#rotations = 0;
  }

  /** One daily run. @param at the request before which a person acts */
  async day(once: Partial<DesiredState> = {}, at = 0, act: () => void = () => {}): Promise<Actor> {
    const { execution, world } = this;
    const start = world.time;
    const [primary] = this.workflow.places;
    if (primary) this.owners.add(ownerAt(primary));
    const before = this.#before;
    this.#disturbed = false;
    this.#said = '';
    const actor = execution.startLater(`day ${execution.actors.length + 1}`, {}, this.workflow.inputs(once));
    await play(execution, actor, [], ({ index }) => {
      this.#look(actor);
      if (index !== at || at === 0) return;
      this.#disturbed = true;
      this.#disturbedAt = execution.trace.length;
      this.byHand(act);
    });
    this.#look(actor);
    this.#read(actor);
    this.#checkRepaired(actor, before);
    world.time = Math.max(start + DAY, world.time);
    return actor;
  }

  /** Whoever could log in must go on to. */
  #look(actor?: Actor): void {
    const { trace, world } = this.execution;
    if (actor && trace.at(-1)?.request.method === 'GET') return;
    const now = world.truth();
    for (const holding of now.held) {
      const worked = this.#before.held.find(({ location }) => location === holding.location)?.works === true;
      if (worked && !holding.works) this.#checkOutage(holding, actor);
    }
    for (const id of this.#before.associated)
      if (!now.associated.includes(id)) this.#checkAnnounced(id, actor);
    this.#before = now;
  }

  /** A place whose destination nobody has taken out, and whose credential nobody has. */
  #checkOutage({ location, identity }: Holding, actor: Actor | undefined): void {
    const { invariants } = this.execution;
    const label = this.world.labelOf(identity);
    const isServed = this.workflow.destinations.some((one) =>
      location.startsWith(`${printDestination(one)} `),
    );
    if (!isServed || this.#takenOut.has(identity ?? '')) return;
    const named = actor?.interrupts.has(location) === true;
    if (named && this.#mayInterrupt(label)) return;
    if (this.#rewrittenUnseen(location, actor)) {
      this.residuals.push({ kind: 'rewritten meanwhile', location });
      return;
    }
    if (!this.#isKnown(location)) {
      this.residuals.push({ kind: 'a name that no mark shows', location });
      return;
    }
    invariants.report(
      'outage',
      `${location} holds ${label}, which cannot log in any more (${named ? '' : 'not '}named)`,
    );
  }

  /** An interruption is over when its run has stored the new pair there, unless it was said that it cannot. */
  #checkRepaired({ interrupts }: Actor, before: Truth): void {
    for (const { location, works } of this.#before.held) {
      const worked = before.held.some((one) => one.location === location && one.works);
      if (works || !worked || !interrupts.has(location) || this.#disturbed) continue;
      if (!this.#said.includes(`until ${location} can be written again`))
        this.report('outage', `${location} was interrupted, and its run has ended without a new pair there`);
    }
  }

  /** No key at hand to finish a delivery with, and nobody else's certificate: the one interruption that a rotation may name. */
  #mayInterrupt(label: string): boolean {
    const { held, pool } = this.#before;
    const [primary] = this.workflow.places;
    const holding = primary && held.find(({ location }) => location === printLocation(primary));
    // A primary without a secret has no consumers: it waits.
    if (holding === undefined) return false;
    const isAtHand =
      this.workflow.current === 'primary' && [...pool.values()].includes(holding.identity ?? '');
    return !isAtHand && !/^H/.test(label);
  }

  /** A person wrote it between the run's last look at that secret and its write: GitHub has no way to notice. */
  #rewrittenUnseen(location: string, actor: Actor | undefined): boolean {
    if (!this.#disturbed || !this.#rewritten.has(location)) return false;
    const [destination = '', name = ''] = location.split(' ');
    const path = destination.replace(/^\w+:/, '').replace(/^([^/]+\/[^/]+)\//, '$1/environments/');
    return actor !== undefined && !this.#hasLooked(actor, new RegExp(`/${path}/.*/${name}$`));
  }

  /** Has the run read it since a person has acted? */
  #hasLooked(actor: Actor, url: RegExp): boolean {
    return this.execution.trace
      .slice(this.#disturbedAt)
      .some(({ actor: by, request }) => by === actor && request.method === 'GET' && url.test(request.url));
  }

  /** Made by hand, valid, and not released: it goes only where an earlier run has said so. */
  #checkAnnounced(id: string, actor: Actor | undefined): void {
    const { world, execution, workflow } = this;
    const label = world.labels.get(id) ?? '';
    if (!actor || !/^H\d/.test(label) || actor.operation === 'revert') return;
    if (workflow.says.removableCredentials?.has(id) || this.#announced.has(id)) return;
    if (this.#disturbed && !this.#hasLooked(actor, /\/clients\/[^/]+\?/)) {
      this.residuals.push({ kind: 'rewritten meanwhile', location: label });
      return;
    }
    execution.invariants.report(
      'unannounced',
      `${label}, made by hand, was taken out, and no earlier run said so`,
    );
  }

  /** What a run says, for those who read it. */
  #read(actor: Actor): void {
    const { result } = actor;
    // What somebody changes in the middle of a rotation may need another one.
    if (this.#hasMade(actor)) this.#marked.add(this.workflow.secretName);
    if (this.#hasMade(actor) && !this.#disturbed) this.#rotations += 1;
    this.#said = [
      result?.plan?.explanation ?? '',
      ...(result?.plan?.notes ?? []).map(printNote),
      result?.error?.message ?? '',
    ].join('\n');
    for (const [id] of this.#before.pool) if (this.#said.includes(id)) this.#announced.add(id);
    const { held, associated, pool } = this.#before;
    // Whether somebody reads a secret that no mark shows is for a person to know.
    const known = held.filter(({ location, works }) => works && this.#isKnown(location));
    const used = new Set(known.map(({ identity }) => identity));
    const inUse = associated.filter((id) => used.has(pool.get(id)));
    for (const id of namedForDeletion(result?.error?.message ?? '', inUse))
      this.report(
        'advice',
        `${result?.error?.code} names ${this.world.labels.get(id)} for deletion, and a place holds it`,
      );
    if (this.#rotations > 1)
      this.report('loop', `${this.#rotations} rotations, and nobody has changed anything`);
  }

  #hasMade(actor: Actor): boolean {
    return this.execution.trace.some(
      ({ actor: by, request, status }) =>
        by === actor && request.method === 'POST' && request.url.endsWith('/credentials') && status === 201,
    );
  }

  /** Its secret has the name of today, or one that a mark shows. */
  #isKnown(location: string): boolean {
    const [, name = ''] = location.split(' ');
    return name === this.workflow.secretName || this.#marked.has(name);
  }

  /** A person has put there what it holds. */
  isByHand(location: string): boolean {
    const holding = this.#before.held.find((one) => one.location === location);
    return holding !== undefined && this.#rewritten.get(location) === holding.value;
  }

  /** What a hand writes then looks like a delivery. */
  #beganRightAfterARotation(): boolean {
    return this.world.scenario.start.credentials.some(({ age }) => age <= LEASE);
  }

  report(invariant: string, detail: string): void {
    const { labels } = this.world;
    const plain = [...labels].reduce((text, [id, label]) => text.replaceAll(id, label), detail);
    this.execution.invariants.report(invariant, plain);
  }

  /** The last run has failed. */
  get failing(): boolean {
    return this.execution.actors.at(-1)?.result?.error !== undefined;
  }

  get disturbed(): boolean {
    return this.#disturbed;
  }

  /** All that the workflow names is served, or its wait was announced. */
  checkServed(): void {
    // Who passes another secret's pair says what nobody can check.
    if (!['primary', 'none'].includes(this.workflow.current)) return;
    const { held } = this.world.truth();
    for (const [index, place] of this.workflow.places.entries())
      this.#checkPlace(
        place,
        index,
        held.find(({ location }) => location === printLocation(place)),
      );
  }

  #checkPlace(place: SecretLocation, index: number, holding: Holding | undefined): void {
    const name = printLocation(place);
    // What a person puts into a secondary is noticed where something is to be removed: until then nobody else suffers.
    const isTheirs = holding !== undefined && holding.value === this.#rewritten.get(name);
    if (index > 0 && (isTheirs || (holding && this.workflow.current === 'none'))) return;
    if (isTheirs && !holding.works && this.#beganRightAfterARotation()) {
      this.residuals.push({ kind: 'overwritten right after a rotation', location: name });
      return;
    }
    const known = this.world.github.secret(printDestination(place.destination), place.secretName);
    const waits = known === undefined && this.#said.includes(printDestination(place.destination));
    if (holding ? !holding.works : known === undefined && !waits)
      this.report('served', `${name} does not work, and the run says that all is well`);
  }
}
