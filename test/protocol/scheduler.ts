/** The scheduler: every request of every run waits until it is let go, and time moves only when nothing else can. */

import { setImmediate as macrotask, setTimeout as pause } from 'node:timers/promises';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs/inputs.ts';
import type { RunResult } from '../../src/model/run-result.ts';
import { Actor, type Asking, type Code, type Delivery, type Parked } from './actor.ts';
import { type Event, Invariants } from './invariants.ts';
import { issuingFrom } from './issuing.ts';
import { leaked } from './secrecy.ts';
import type { World } from './world.ts';

/** Turns of the event loop in which a run must do something. */
const PATIENCE = 4_000;
const ROUND_TRIP = 40;
const SLOW = 20_000;
const LONGEST_RUN = 600_000;
/** A request that its sender gave up lives no longer: the total timeout of src/http/wire.ts. */
const LONGEST_LIFE = 60_000;
const NOT_LANDING: readonly Delivery['kind'][] = ['drop', 'late', 'crash before', 'refuse', 'wait'];
/** A page of somebody in between, who has passed the request on. */
const UNREADABLE: HttpResponse = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html><title>Gateway</title></html>',
};

export class Execution {
  readonly world: World;
  readonly code: Code;
  readonly actors: Actor[] = [];
  readonly trace: Event[] = [];
  readonly invariants: Invariants;
  readonly #late: { actor: Actor; request: HttpRequest; until: number }[] = [];
  #requests = 0;

  constructor(world: World, code: Code) {
    this.world = world;
    this.code = code;
    this.invariants = new Invariants(world, this.trace);
  }

  get requests(): number {
    return this.#requests;
  }

  start(name: string, asked: Asking = {}): Actor {
    const actor = new Actor(name);
    this.actors.push(actor);
    this.#begin(actor, asked);
    return actor;
  }

  /** A run that begins when the scheduler first turns to it; its inputs are read then, unless they are given. */
  startLater(name: string, asked: Asking = {}, inputs?: Inputs): Actor {
    const actor = new Actor(name);
    this.actors.push(actor);
    const request: HttpRequest = { method: 'GET', url: 'https://runner.test/begin', headers: {} };
    const nothing = () => undefined;
    const begin = () => this.#begin(actor, asked, inputs);
    actor.parked.push({
      actor,
      request,
      index: 0,
      resolve: nothing,
      reject: nothing,
      forget: nothing,
      begin,
    });
    return actor;
  }

  #begin(actor: Actor, asked: Asking, given?: Inputs): void {
    const { world } = this;
    const inputs = given ?? world.inputs(`${1001 + this.actors.indexOf(actor)}.1`, asked);
    actor.current = inputs.desired.currentKey?.identity;
    actor.operation = inputs.desired.operation;
    actor.deadline = world.time + LONGEST_RUN;
    const cancellation = new this.code.Cancellation(actor.controller.signal, actor.deadline);
    const clock = {
      now: () => world.time,
      sleep: (milliseconds: number, signal?: AbortSignal) => this.#sleep(actor, milliseconds, signal),
      random: () => 0,
    };
    const tell = (line: string) => actor.tell(line);
    const onStep = (text: string) => {
      tell(text);
      return tell;
    };
    const connection = {
      send: (request: HttpRequest) => this.#park(actor, request),
      clock,
      cancellation,
      debug: tell,
    };
    const logger = { mask: () => undefined, info: tell, phase: () => undefined, onStep };
    const services = this.code.connectServices(inputs, connection, logger, {
      issuing: issuingFrom(this.world),
    });
    const running = this.code.run(inputs, services, logger);
    this.invariants.begin(actor, inputs.desired.revoke ? 0 : asked.overlap);
    running.then(
      (result) => this.#end(actor, result),
      (error: unknown) => this.invariants.report('thrown', `${actor.name} threw ${error}`),
    );
  }

  #end(actor: Actor, result: RunResult): void {
    if (actor.dead) return;
    actor.result = result;
    if (result.error) actor.told.push(`${result.error.message} ${result.error.stack}`);
    this.invariants.end(actor);
  }

  #park(actor: Actor, request: HttpRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (actor.dead) return;
      const secret = leaked(this.world, request);
      if (secret) this.invariants.report('I6', `${actor.name} sends the key of ${secret} to ${request.url}`);
      actor.sent += 1;
      const cutOff = () => {
        actor.parked.splice(actor.parked.indexOf(parked), 1);
        forget();
        reject(new this.code.NetworkError('ABORT_ERR', 'unknown'));
      };
      const forget = () => request.signal?.removeEventListener('abort', cutOff);
      const parked: Parked = { actor, request, index: actor.sent, resolve, reject, forget };
      actor.parked.push(parked);
      request.signal?.addEventListener('abort', cutOff);
    });
  }

  #sleep(actor: Actor, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const interrupt = () => {
        actor.sleepers.delete(sleeper);
        forget();
        reject(new Error('aborted'));
      };
      const forget = () => signal?.removeEventListener('abort', interrupt);
      const sleeper = { until: this.world.time + milliseconds, wake: resolve, forget };
      actor.sleepers.add(sleeper);
      signal?.addEventListener('abort', interrupt);
    });
  }

  /** Lets all promises settle: afterwards every live run waits for a request or for time. */
  async drain(): Promise<void> {
    for (let turn = 0; turn < PATIENCE; turn += 1) {
      await macrotask();
      if (this.actors.every((a) => !a.live || a.parked.length > 0 || a.sleepers.size > 0)) return;
      // Only what is imported for the first time takes this long.
      if (turn >= 200) await pause(5);
    }
    throw new Error('a run does nothing: neither a request nor a sleep');
  }

  /** Wakes the sleepers of a run, or of whoever wakes first; time passes. */
  wake(only?: Actor): boolean {
    const sleepers = (only ? [only] : this.actors)
      .filter(({ dead }) => !dead)
      .flatMap((actor) => [...actor.sleepers].map((sleeper) => ({ actor, sleeper })));
    const [first] = sleepers.sort((a, b) => a.sleeper.until - b.sleeper.until);
    if (!first) return false;
    this.#passUntil(first.sleeper.until);
    first.actor.sleepers.delete(first.sleeper);
    first.sleeper.forget();
    first.sleeper.wake();
    return true;
  }

  /** Time passes; what is on its way arrives meanwhile. */
  #passUntil(time: number): void {
    for (const late of this.#late.filter(({ until }) => until <= time)) {
      this.world.time = Math.max(this.world.time, late.until);
      this.landLate(late.request);
    }
    this.world.time = Math.max(this.world.time, time);
  }

  release(parked: Parked, delivery: Delivery): void {
    const { actor, request, begin } = parked;
    this.#passUntil(this.world.time + ROUND_TRIP);
    if (begin) {
      actor.parked.length = 0;
      begin();
      return;
    }
    if (delivery.kind === 'cancel') actor.controller.abort();
    if (delivery.kind === 'by hand') this.invariants.associatedByHand(this.world.associateByHand());
    if (delivery.kind === 'taken') this.invariants.takenByHand(this.world.takeSubject());
    // A read is cut off by the cancellation; a write is not.
    if (!actor.parked.includes(parked)) return;
    actor.parked.splice(actor.parked.indexOf(parked), 1);
    parked.forget();
    const response = this.#deliver(parked, delivery);
    if (response) parked.resolve(response);
    else if (delivery.kind.startsWith('crash')) this.kill(actor);
    else if (delivery.kind === 'late')
      this.#late.push({ actor, request, until: this.world.time + LONGEST_LIFE });
    if (!response && !actor.dead) parked.reject(new this.code.NetworkError('UND_ERR_SOCKET', 'unknown'));
  }

  #deliver({ actor, request, index }: Parked, delivery: Delivery): HttpResponse | undefined {
    const { kind } = delivery;
    const note = kind === 'answer' ? '' : kind;
    if (NOT_LANDING.includes(kind)) {
      const refusal = this.#refusal(delivery, actor, request);
      this.trace.push({ actor, request, index, note, status: refusal?.status, time: this.world.time });
      return refusal;
    }
    const response = this.#land(actor, request, index, note);
    if (kind === 'slow') this.#passUntil(this.world.time + SLOW);
    if (kind === 'unreadable') return UNREADABLE;
    return kind === 'lose' || kind === 'crash after' ? undefined : response;
  }

  #land(actor: Actor, request: HttpRequest, index: number, note: string): HttpResponse {
    this.#requests += 1;
    const response = this.world.handle(request);
    const event: Event = { actor, request, index, note, status: response.status, time: this.world.time };
    this.trace.push(event);
    this.invariants.after(event, response);
    return response;
  }

  #refusal(delivery: Delivery, { deadline }: Actor, { url }: HttpRequest): HttpResponse | undefined {
    const { time } = this.world;
    const body = '{"message":"refused"}';
    // Without its type no client reads a refusal as one.
    const json = { 'content-type': 'application/json' };
    const headers = url.includes('github') ? json : { ...json, date: new Date(time).toUTCString() };
    if (delivery.kind === 'refuse') return { status: delivery.status, headers, body };
    if (delivery.kind !== 'wait') return undefined;
    // Only whole seconds can be asked for: its answer takes the rest.
    const left = Math.max(0, deadline - ROUND_TRIP - time);
    this.#passUntil(time + (left % 1000));
    const seconds = Math.floor(left / 1000);
    return { status: 429, headers: { ...headers, 'retry-after': `${seconds}` }, body };
  }

  /** A request that was taken for lost arrives after all: this one, else the oldest. */
  landLate(request?: HttpRequest): void {
    const index = request ? this.#late.findIndex((one) => one.request === request) : 0;
    const [late] = index < 0 ? [] : this.#late.splice(index, 1);
    if (late) this.#land(late.actor, late.request, 0, 'lands late');
  }

  get lateCount(): number {
    return this.#late.length;
  }

  /** Whatever is still at work is given up. */
  close(): void {
    for (const actor of this.actors) this.kill(actor);
  }

  kill(actor: Actor): void {
    actor.dead = true;
    for (const waiting of [...actor.parked, ...actor.sleepers]) waiting.forget();
    actor.parked.length = 0;
    actor.sleepers.clear();
  }
}
