/** The promises of specification 5, checked on what is really there after every single request. */

import type { RotationError } from '../../src/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { Account } from '../../src/report.ts';
import { isOwnedBy, ownerOf, readMark } from '../../src/rotation/mark.ts';
import type { Actor } from './actor.ts';
import { publicKeyIn, recordIdentity } from './method.ts';
import { Queued } from './queued.ts';
import { Displacements, type Residual } from './residual.ts';
import { leakedIn } from './secrecy.ts';
import type { Holding, Truth, World } from './world.ts';

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
  readonly #queued: Queued;
  #now: Truth;
  #byHand: string | undefined;
  #byHandAt = 0;

  constructor(world: World, trace: readonly Event[]) {
    this.#world = world;
    this.#trace = trace;
    this.#first = world.truth();
    this.#now = this.#first;
    this.#displacements = new Displacements(trace);
    this.#queued = new Queued(world, this.#first, this.#displacements, (one) => this.#makerOf(one));
  }

  get now(): Truth {
    return this.#now;
  }

  begin(actor: Actor, overlap = this.#world.wish.overlap): void {
    this.#actors.push(actor);
    this.#queued.begin(actor, overlap);
  }

  /** What a person has associated meanwhile belongs to them. */
  associatedByHand(id: string | undefined): void {
    this.#byHand = id;
    this.#byHandAt = this.#trace.length;
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
    if (now.associated.length > 2) this.report('I3', `${now.associated.length} credentials are associated`);
    if (
      now.associated.length === 0 &&
      before.held.some(({ works }) => works) &&
      !this.#allWaived(before, actor)
    )
      this.report('I3', 'no credential is associated any more');
    if (this.#first.method !== undefined && now.rest !== this.#first.rest)
      this.report('I4', `changed: ${now.rest} was ${this.#first.rest}`);
    const { operation } = this.#world.wish;
    if ((operation === 'rotate' || operation === 'rehearse') && now.method !== this.#first.method)
      this.report('I4', `the client uses ${now.method}`);
    this.#checkByHand(actor, before, now);
    if (operation !== 'revert')
      for (const one of this.#queued.after(event, before, now)) this.report('queued', one);
    this.#checkOrphans(now);
  }

  /** A place where the other run's pair was overwritten, until it is written again. */
  get overwritten(): boolean {
    return this.#overwritten.size > 0;
  }

  #rememberOverwritten(event: Event, before: Truth, now: Truth): void {
    for (const { place, identity } of now.held)
      if (this.#overwritten.get(place)?.identity !== identity) this.#overwritten.delete(place);
    for (const { place, identity } of this.#displacements.overwritten(event, before, now)) {
      this.#overwritten.set(place, { identity, by: event.actor });
      this.residuals.push({ kind: 'overwritten delivery', place, at: this.#trace.length, lasting: false });
    }
  }

  #checkByHand(actor: Actor, before: Truth, now: Truth): void {
    const id = this.#byHand;
    if (id === undefined || !before.associated.includes(id) || now.associated.includes(id)) return;
    // What was there when its plan was made is part of the plan.
    if (!this.#displacements.hadSeenAll(actor, this.#byHandAt)) return;
    // The same residual: frozen between its read and its PATCH.
    if (this.#displacements.wroteOnReadBefore(actor, this.#byHandAt)) return;
    this.report('I4', 'what a person has associated meanwhile is not associated any more');
  }

  #allWaived({ held }: Truth, actor: Actor): boolean {
    return held.filter(({ works }) => works).every(({ place }) => actor.interrupts.has(place));
  }

  /** I1, I2, I5. */
  #checkHeld(event: Event, before: Truth, now: Truth): void {
    this.#checkParts(event, before, now);
    for (const holding of now.held) {
      const old = before.held.find(({ place }) => place === holding.place);
      const stored = old?.value !== holding.value || old.updatedAt !== holding.updatedAt;
      if (stored && !holding.consistent) this.report('I2', `${holding.place}: key and certificate differ`);
      if (stored && !this.#world.proven.has(holding.proof ?? ''))
        this.report('I5', `${holding.place}: ${this.#label(holding)} was stored and has never logged in`);
      if (holding.works) this.#excused.delete(holding.place);
      else if (stored || old?.works) this.#checkBroken(event, holding);
    }
  }

  /** Key and certificate as two secrets cannot change at once: the one that holds both must be the first to change. */
  #checkParts(event: Event, before: Truth, { held }: Truth): void {
    const isNew = (one: Holding) => before.held.some((b) => b.place === one.place && b.value !== one.value);
    const changed = held.find(isNew);
    if (!changed || changed.part === 'pair') return;
    const beside = held.filter(({ place }) => place.split(' ')[0] === changed.place.split(' ')[0]);
    const pair = beside.find(({ part }) => part === 'pair');
    const other = beside.find(({ part }) => part !== 'pair' && part !== changed.part);
    const together = other === undefined || other.identity === changed.identity;
    // Where the pair was refused it stays as it was, and works.
    if (together || pair?.identity === changed.identity || this.#triedPair(event)) return;
    this.report('I2', `${changed.place} and ${other.place} differ, and no secret holds the new pair`);
  }

  #triedPair({ actor, request }: Event): boolean {
    const pair = request.url.replace(/[^/]+$/, this.#world.wish.secretName);
    return this.#trace.some(
      (one) =>
        one.actor === actor && one.request.url === pair && (one.request.method === 'PUT' || one.note !== ''),
    );
  }

  #label({ identity }: Holding): string {
    return this.#world.labelOf(identity);
  }

  #checkBroken(event: Event, holding: Holding): void {
    const { actor, request } = event;
    if (request.method === 'PATCH' && actor.interrupts.has(holding.place)) {
      this.#excused.add(holding.place);
      if (this.#world.wish.operation !== 'revert' && this.#keyIsAtHand(actor))
        this.report('I1', `${holding.place} is interrupted, and the newest key is at hand`);
      return;
    }
    if (this.#overwritten.has(holding.place)) {
      this.#excused.add(holding.place);
      return;
    }
    const residual = this.#displacements.explain(event, holding, this.#now);
    if (residual) {
      this.residuals.push(residual);
      this.#excused.add(holding.place);
      return;
    }
    this.report('I1', `${holding.place} holds ${this.#label(holding)}, which is not associated`);
  }

  /** With `current-credential`, and the primary holding the newest, a delivery can be finished instead. */
  #keyIsAtHand(actor: Actor): boolean {
    const { held } = this.#now;
    const newest = this.#records()
      .filter((one) => held.some(({ identity }) => identity === recordIdentity(one)))
      .sort((a, b) => (a.created_at < b.created_at ? 1 : -1))[0];
    return actor.current !== undefined && newest !== undefined && actor.current === recordIdentity(newest);
  }

  #records() {
    const { clientId, tenant } = this.#world;
    return clientId === '' ? [] : tenant.reveal(clientId).credentials;
  }

  /** I7: every run its own key, and only one. */
  #checkNewKey({ actor, request }: Event, response: HttpResponse): void {
    if (!/\/(credentials|clients)$/.test(request.url) || response.status !== 201) return;
    const pem = /"pem":"([^"]+)"/.exec(request.body ?? '')?.[1];
    if (pem !== undefined) this.#checkPublicKey(actor, publicKeyIn(JSON.parse(`"${pem}"`)));
    for (const record of this.#records()) {
      if (this.#makers.has(record.id) || this.#world.labels.has(record.id)) continue;
      this.#makers.set(record.id, actor);
      this.#world.labels.set(record.id, this.#world.labelOf(recordIdentity(record)));
    }
    if (this.#world.clients > this.#actors.length) this.report('create', `${this.#world.clients} clients`);
  }

  #checkPublicKey(actor: Actor, publicKeyPem: string): void {
    const user = this.#publicKeys.get(publicKeyPem);
    if (user !== undefined && user !== actor) this.report('I7', `${actor.name} uses the key of ${user.name}`);
    const another = [...this.#publicKeys].some(([key, by]) => by === actor && key !== publicKeyPem);
    if (another) this.report('I7', `${actor.name} uploads two keys`);
    this.#publicKeys.set(publicKeyPem, actor);
  }

  #othersDied(): boolean {
    return this.#actors.some(({ dead }) => dead);
  }

  #makerOf(identity: string | undefined): Actor | undefined {
    const id = [...this.#now.pool].find(([, one]) => one === identity)?.[0];
    return this.#makers.get(id ?? '');
  }

  /** L2. */
  #checkOrphans({ pool, held, associated }: Truth): void {
    const owner = ownerOf(this.#world.wish);
    const records = this.#records();
    const holders = new Set(held.map(({ identity }) => identity));
    const times = records.filter((one) => holders.has(recordIdentity(one))).map((one) => one.created_at);
    const newest = times.sort().at(-1) ?? '';
    const orphans = records.filter((one) => {
      if (holders.has(recordIdentity(one)) || !isOwnedBy(readMark(one.name), owner)) return false;
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
    const leak = leakedIn(this.#world, actor.told);
    if (leak) this.report('I6', `${actor.name} tells the key of ${leak}`);
    const { account } = actor;
    if (account?.error?.code === 'INTERNAL_ERROR') this.report('internal', account.error.message);
    if (account?.error) this.#checkTruth(actor, account.error);
    if (!account || account.error) return;
    if (account.wish.operation === 'rehearse') this.#checkRehearsed(actor);
    else if (this.#world.wish.operation === 'revert') this.#checkReverted(actor);
    else this.#checkWished(actor, account);
  }

  /** All is as it was found, save what a rehearsal that has died had left. */
  #checkRehearsed(actor: Actor): void {
    const told = ({ associated, held, rest }: Truth, pool: readonly string[]) =>
      JSON.stringify([pool, associated.filter((id) => pool.includes(id)).sort(), held, rest]);
    const records = this.#records();
    const pool = [...this.#first.pool.keys()].sort();
    // What a rotation does beside it is that one's own affair.
    if (this.#actors.some((one) => one !== actor && one.account?.wish.operation !== 'rehearse')) return;
    const rehearsed = records.filter(({ id, name }) => !pool.includes(id) && readMark(name)?.rehearsal);
    if (rehearsed.length > 0 || told(this.#now, pool) !== told(this.#first, pool))
      this.report('I8', `${actor.name} reports success, and the client is not as it was`);
  }

  #checkReverted(actor: Actor): void {
    const { method, pool } = this.#world.truth();
    const ours = this.#records().filter((one) => isOwnedBy(readMark(one.name), ownerOf(this.#world.wish)));
    if (method !== this.#world.wish.revertTo || ours.length > 0)
      this.report(
        'I8',
        `${actor.name} reports success; ${method} is used, ${ours.length} of ${pool.size} are ours`,
      );
  }

  /** A run has said that all is well. */
  #checkWished(actor: Actor, account: Account): void {
    if ([...this.#overwritten.values()].some(({ by }) => by === actor))
      this.report('I8', `${actor.name} reports success, and has overwritten what another run had delivered`);
    const whole = this.#world.truth();
    const truth = { ...whole, held: whole.held.filter(({ place }) => !this.#overwritten.has(place)) };
    const wrong = truth.held.filter(({ works }) => !works);
    if (wrong.length > 0)
      this.report('I8', `${actor.name} reports success, ${wrong[0]?.place} does not work`);
    if (whole.held.length < this.#world.places.length)
      this.report(
        'I8',
        `${actor.name} reports success, ${whole.held.length} places of ${this.#world.places.length} hold something`,
      );
    const othersLive = this.#actors.some((one) => one !== actor && one.live);
    const held = new Set(truth.held.map(({ identity }) => identity));
    if (held.size > 1 && !othersLive)
      this.report('I8', `${actor.name} reports success, the places hold ${held.size} different certificates`);
    if (account.plan?.rotates && !othersLive && !held.has(account.outcome?.credential?.identity ?? ''))
      this.report('I8', `${actor.name} reports success, nobody holds its credential`);
  }

  /** What a failed run says is true now. */
  #checkTruth(actor: Actor, { code, truth }: RotationError): void {
    const { method, held } = this.#world.truth();
    // What may have been stored is finished, not undone.
    const undone =
      this.#byHand === undefined &&
      code !== 'DELIVERY_INCOMPLETE' &&
      !held.some(({ works }) => works) &&
      !truth.includes('NOBODY CAN LOG IN');
    if (
      this.#world.wish.operation === 'enroll' &&
      undone &&
      method !== this.#first.method &&
      !this.#othersDied()
    )
      this.report(
        'truth',
        `${actor.name} has failed and left ${method} to a client that used ${this.#first.method}`,
      );
    const left = [...this.#makers].filter(([id, maker]) => maker === actor && this.#now.pool.has(id));
    if (left.length > 0 && truth.includes('was removed again'))
      this.report('truth', `${actor.name} says that its credential was removed again, and it is there`);
  }

  /** When nothing moves any more: what does not work must have begun so, or be excused. */
  settle(actors: readonly Actor[]): void {
    for (const { place, works } of this.#now.held) {
      if (works || !this.#excused.has(place)) continue;
      const residual = this.residuals.find((one) => one.place === place);
      if (!residual) continue;
      if (actors.some(({ dead }) => dead)) residual.lasting = true;
      else this.report('I1', `${place} is left without a working credential, and no run has died`);
    }
  }
}
