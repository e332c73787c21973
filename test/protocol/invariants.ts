/** The promises of docs/guards.md, checked on what is really there after every single request. */

import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import { isOwnedBy, ownerOf, readOwnership } from '../../src/model/ownership.ts';
import type { Actor } from './actor.ts';
import { Endings } from './endings.ts';
import { publicKeyIn, recordIdentity } from './method.ts';
import { Queued } from './queued.ts';
import { Displacements, type Residual } from './residual.ts';
import type { Holding, Truth } from './truth.ts';
import type { World } from './world.ts';

export interface Event {
  actor: Actor;
  request: HttpRequest;
  /** 0: landed after its run had given it up. */
  index: number;
  note: string;
  /** undefined: it did not land. */
  status: number | undefined;
  time: number;
}

export interface Violation {
  invariant: string;
  detail: string;
  /** How long the trace was. */
  at: number;
}

export class Invariants {
  readonly violations: Violation[] = [];
  readonly residuals: Residual[] = [];
  readonly #world: World;
  readonly #trace: readonly Event[];
  readonly #first: Truth;
  readonly #displacements: Displacements;
  readonly #makers = new Map<string, Actor>();
  readonly #publicKeys = new Map<string, Actor>();
  readonly #excused = new Set<string>();
  /** Place → what a frozen PUT has put back there, and who. */
  readonly #overwritten = new Map<string, { identity: string | undefined; by: Actor }>();
  readonly #actors: Actor[] = [];
  readonly #found = new Map<Actor, Truth>();
  readonly #queued: Queued;
  readonly #endings: Endings;
  #now: Truth;
  #byHand: string | undefined;
  #byHandAt = 0;
  #taken: string | undefined;

  constructor(world: World, trace: readonly Event[]) {
    this.#world = world;
    this.#trace = trace;
    this.#first = world.truth();
    this.#now = this.#first;
    this.#displacements = new Displacements(trace);
    this.#queued = new Queued(world, this.#first, this.#displacements, (one) => this.#makerOf(one));
    this.#endings = new Endings({
      world,
      trace,
      first: this.#first,
      actors: this.#actors,
      found: this.#found,
      makers: this.#makers,
      overwritten: this.#overwritten,
      report: (invariant, detail) => this.report(invariant, detail),
    });
  }

  get now(): Truth {
    return this.#now;
  }

  begin(actor: Actor, overlap = this.#world.desired.overlap): void {
    this.#actors.push(actor);
    this.#queued.begin(actor, overlap);
    this.#found.set(actor, this.#now);
  }

  /** What a person has associated meanwhile belongs to them. */
  associatedByHand(id: string | undefined): void {
    this.#byHand = id;
    this.#endings.othersHand = id !== undefined;
    this.#byHandAt = this.#trace.length;
    this.#now = this.#world.truth();
  }

  /** Nor may what nobody has associated be used, or deleted. */
  takenByHand(id: string | undefined): void {
    this.#taken = id;
    this.#now = this.#world.truth();
  }

  report(invariant: string, detail: string): void {
    this.violations.push({ invariant, detail, at: this.#trace.length });
  }

  after(event: Event, response: HttpResponse): void {
    const { request, actor } = event;
    if (request.method === 'GET') {
      this.#displacements.read(event);
      return;
    }
    const before = this.#now;
    const now = this.#world.truth();
    this.#now = now;
    this.#displacements.wrote(event, before, now);
    this.#rememberOverwritten(event, before, now);
    if (request.method === 'POST') this.#checkNewKey(event, response);
    this.#checkHeld(event, before, now);
    if (now.fullest > 2) this.report('I3', `${now.fullest} credentials are associated`);
    if (
      now.associated.length === 0 &&
      before.held.some(({ works }) => works) &&
      !this.#allWaived(before, actor)
    )
      this.report('I3', 'no credential is associated any more');
    if (this.#first.method !== undefined && now.rest !== this.#first.rest)
      this.report('I4', `what is not ours is now ${now.rest}, and was ${this.#first.rest}`);
    const keeps = actor.operation === 'rotate' || actor.operation === 'rehearse';
    if (keeps && now.method !== before.method) this.report('I4', `the client uses ${now.method}`);
    this.#endings.binding.after(event, before, now);
    this.#checkByHand(actor, before, now);
    this.#checkTaken(before, now);
    if (this.#actors.every(({ operation }) => operation !== 'revert'))
      for (const one of this.#queued.after(event, before, now)) this.report('queued', one);
    this.#checkOrphans(now);
  }

  /** How many credentials this run has left that no secret holds. */
  leftBy(actor: Actor): number {
    return this.#endings.unheld(actor, this.#now).length;
  }

  /** A place where the other run's pair was overwritten, until it is written again. */
  get overwritten(): boolean {
    return this.#overwritten.size > 0;
  }

  #rememberOverwritten(event: Event, before: Truth, now: Truth): void {
    for (const { location, identity } of now.held)
      if (this.#overwritten.get(location)?.identity !== identity) this.#overwritten.delete(location);
    for (const { location, identity } of this.#displacements.overwritten(event, before, now)) {
      this.#overwritten.set(location, { identity, by: event.actor });
      this.residuals.push({ kind: 'overwritten delivery', location, at: this.#trace.length, lasting: false });
    }
  }

  #checkByHand(actor: Actor, before: Truth, now: Truth): void {
    const id = this.#byHand;
    // The client that a failed run has made goes with all that it holds.
    if (
      id === undefined ||
      now.method === undefined ||
      !before.associated.includes(id) ||
      now.associated.includes(id)
    )
      return;
    // What was there when its plan was made is part of the plan.
    if (!this.#displacements.hadSeenAll(actor, this.#byHandAt)) return;
    // The same residual: frozen between its read and its PATCH.
    if (this.#displacements.wroteOnReadBefore(actor, this.#byHandAt)) return;
    this.report('I4', 'what a person has associated meanwhile is not associated any more');
  }

  #checkTaken(before: Truth, now: Truth): void {
    const id = this.#taken;
    if (id === undefined || !before.pool.has(id) || now.method === undefined) return;
    if (!now.pool.has(id)) this.report('I4', 'what a person has made meanwhile is deleted');
    else if (now.associated.includes(id)) this.report('I4', 'what a person has made meanwhile is associated');
  }

  #allWaived({ held }: Truth, actor: Actor): boolean {
    return held.filter(({ works }) => works).every(({ location }) => actor.interrupts.has(location));
  }

  /** I1, I2, I5. */
  #checkHeld(event: Event, before: Truth, now: Truth): void {
    this.#checkParts(event, before, now);
    for (const holding of now.held) {
      const old = before.held.find(({ location }) => location === holding.location);
      const stored = old?.value !== holding.value || old.updatedAt !== holding.updatedAt;
      if (stored) this.#checkStored(holding);
      if (holding.works) this.#excused.delete(holding.location);
      else if (stored || old?.works) this.#checkBroken(event, holding);
    }
  }

  /** I2, I5. */
  #checkStored(holding: Holding): void {
    const { consistent, location, proof } = holding;
    if (!consistent) this.report('I2', `${location}: key and certificate differ`);
    if (!this.#world.proven.has(proof ?? ''))
      this.report('I5', `${location}: ${this.#label(holding)} was stored and has never logged in`);
    else if (this.#endings.binding.lacks(holding))
      this.report('I5', `${location}: ${this.#label(holding)} was stored and its token was not bound`);
  }

  /** Key and certificate as two secrets cannot change at once: the one that holds both must be the first to change. */
  #checkParts(event: Event, before: Truth, { held }: Truth): void {
    const isNew = (one: Holding) =>
      before.held.some((b) => b.location === one.location && b.value !== one.value);
    const changed = held.find(isNew);
    if (!changed || changed.part === 'pair') return;
    const beside = held.filter(({ location }) => location.split(' ')[0] === changed.location.split(' ')[0]);
    const pair = beside.find(({ part }) => part === 'pair');
    const other = beside.find(({ part }) => part !== 'pair' && part !== changed.part);
    const together = other === undefined || other.identity === changed.identity;
    // Where the pair was refused it stays as it was, and works.
    if (together || pair?.identity === changed.identity || this.#triedPair(event)) return;
    this.report('I2', `${changed.location} and ${other.location} differ, and no secret holds the new pair`);
  }

  #triedPair({ actor, request }: Event): boolean {
    const pair = request.url.replace(/[^/]+$/, this.#world.desired.secretName);
    return this.#trace.some(
      (one) =>
        one.actor === actor && one.request.url === pair && (one.request.method === 'PUT' || one.note !== ''),
    );
  }

  #isReverted(): boolean {
    const { method } = this.#now;
    return (
      method === this.#world.desired.revertTo && this.#actors.some(({ operation }) => operation === 'revert')
    );
  }

  #label({ identity }: Holding): string {
    return this.#world.labelOf(identity);
  }

  #checkBroken(event: Event, holding: Holding): void {
    const { actor, request } = event;
    if (request.method === 'PATCH' && actor.interrupts.has(holding.location)) {
      this.#excused.add(holding.location);
      if (actor.operation !== 'revert' && this.#keyIsAtHand(actor))
        this.report('I1', `${holding.location} is interrupted, and the newest key is at hand`);
      return;
    }
    // A revert was asked for meanwhile: whoever delivers notices, and says so.
    if (this.#overwritten.has(holding.location) || this.#isReverted()) {
      this.#excused.add(holding.location);
      return;
    }
    const residual = this.#displacements.explain(event, holding);
    if (residual) {
      this.residuals.push(residual);
      this.#excused.add(holding.location);
      return;
    }
    this.report('I1', `${holding.location} holds ${this.#label(holding)}, which is not associated`);
  }

  /** With `current-credential`, and the primary holding the newest, a delivery can be finished instead. */
  #keyIsAtHand(actor: Actor): boolean {
    const { held } = this.#now;
    const newest = this.#world
      .credentials()
      .filter((one) => held.some(({ identity }) => identity === recordIdentity(one)))
      .sort((a, b) => (a.created_at < b.created_at ? 1 : -1))[0];
    return actor.current !== undefined && newest !== undefined && actor.current === recordIdentity(newest);
  }

  /** I7: every run its own key, and only one. */
  #checkNewKey({ actor, request }: Event, response: HttpResponse): void {
    if (!/\/(credentials|clients)$/.test(request.url) || response.status !== 201) return;
    const pem = /"pem":"([^"]+)"/.exec(request.body ?? '')?.[1];
    if (pem !== undefined) this.#checkPublicKey(actor, publicKeyIn(JSON.parse(`"${pem}"`)));
    for (const record of this.#world.credentials()) {
      if (this.#makers.has(record.id) || this.#world.labels.has(record.id)) continue;
      this.#makers.set(record.id, actor);
      this.#world.labels.set(record.id, this.#world.labelOf(recordIdentity(record)));
    }
    const { length } = this.#world.clientIds;
    if (length > this.#actors.length) this.report('create', `${length} clients`);
  }

  #checkPublicKey(actor: Actor, publicKeyPem: string): void {
    const user = this.#publicKeys.get(publicKeyPem);
    if (user !== undefined && user !== actor) this.report('I7', `${actor.name} uses the key of ${user.name}`);
    const another = [...this.#publicKeys].some(([key, by]) => by === actor && key !== publicKeyPem);
    if (another) this.report('I7', `${actor.name} uploads two keys`);
    this.#publicKeys.set(publicKeyPem, actor);
  }

  #makerOf(identity: string | undefined): Actor | undefined {
    const id = [...this.#now.pool].find(([, one]) => one === identity)?.[0];
    return this.#makers.get(id ?? '');
  }

  /** L2. */
  #checkOrphans({ pool, held, associated }: Truth): void {
    const owner = ownerOf(this.#world.desired);
    const records = this.#world.credentials();
    const holders = new Set(held.map(({ identity }) => identity));
    const times = records.filter((one) => holders.has(recordIdentity(one))).map((one) => one.created_at);
    const newest = times.sort().at(-1) ?? '';
    const orphans = records.filter((one) => {
      if (holders.has(recordIdentity(one)) || !isOwnedBy(readOwnership(one.name), owner)) return false;
      return one.created_at > newest && !this.#makers.get(one.id)?.live;
    });
    // The last associated one stays until its successor is delivered, even where nobody can use it (I3).
    const last = held.some(({ works }) => works) ? 0 : 1;
    const allowed = Math.max(1, new Set(this.#makers.values()).size) + last;
    if (orphans.length > allowed)
      this.report(
        'L2',
        `${orphans.length} orphans in a pool of ${pool.size}, ${associated.length} associated`,
      );
  }

  /** I6 and I8, when a run has told its result. */
  end(actor: Actor): void {
    this.#endings.check(actor, this.#now);
  }

  /** When nothing moves any more: what does not work must have begun so, or be excused. */
  settle(actors: readonly Actor[]): void {
    const died = actors.some(({ dead }) => dead);
    const { length } = this.#world.clientIds;
    if (length > 1 && died)
      this.residuals.push({ kind: 'two clients', location: '', at: this.#trace.length, lasting: true });
    else if (length > 1) this.report('create', `${length} clients are left, and no run has died`);
    for (const { location, works } of this.#now.held) {
      if (works || !this.#excused.has(location)) continue;
      const residual = this.residuals.find((one) => one.location === location);
      if (!residual) continue;
      if (died) residual.lasting = true;
      else this.report('I1', `${location} is left without a working credential, and no run has died`);
    }
  }
}
