/** A world whose runs do as a test says, request by request: what no run of src sends the invariants must see, too. */

import { expect } from 'vitest';
import { type ErrorCode, RotationError } from '../../src/errors.ts';
import type { Plan } from '../../src/model/plan.ts';
import { printDestination, type SecretLocation } from '../../src/model/secret-location.ts';
import { Actor } from './actor.ts';
import { REAL } from './code.ts';
import type { Event } from './invariants.ts';
import { type Material, type Materials, materials, parseOnce } from './materials.ts';
import { pairOf, readHeld, registrationOf, valueFor } from './method.ts';
import { type Asked, scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { DOMAIN } from './wishes.ts';
import { World } from './world.ts';

let all: Materials;

/** Before the tests of a file. */
export async function prepare(): Promise<Materials> {
  all = await materials();
  await prepareWorlds();
  return all;
}

export function material(label: string): Material {
  const found = all.all.find((one) => one.label === label);
  if (!found) throw new Error(`no certificate ${label}`);
  return found;
}

/** How a request goes, if not as all do: 0 as its index is one that its run had given up. */
type How = Partial<Pick<Event, 'index' | 'note' | 'status'>>;

export class ByHand {
  readonly world: World;
  readonly execution: Execution;

  constructor(start: string, asked: Partial<Asked> = {}) {
    this.world = new World(scenario(start, { poolCap: 4, ...asked }), all);
    this.execution = new Execution(this.world, REAL);
  }

  actor(name: string, operation = this.world.desired.operation, overlap = this.world.desired.overlap): Actor {
    const actor = new Actor(name);
    actor.operation = operation;
    this.execution.actors.push(actor);
    this.execution.invariants.begin(actor, overlap);
    return actor;
  }

  /** Of the client. @returns what Auth0 answers */
  sends(
    actor: Actor,
    method: 'GET' | 'PATCH' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    how: How = {},
  ) {
    const client = path.startsWith('/api/') ? '' : `/api/v2/clients/${this.world.clientId}`;
    const url = `https://${DOMAIN}${client}${path}`;
    const headers = { authorization: 'Bearer management-token' };
    return this.#lands(actor, { method, url, headers, ...(body && { body: JSON.stringify(body) }) }, how);
  }

  #lands(actor: Actor, request: Event['request'], how: How, answer = () => this.world.handle(request)) {
    const { invariants, trace } = this.execution;
    const response = answer();
    const { length } = trace;
    const { status } = response;
    trace.push({ actor, request, index: length + 1, note: '', status, time: this.world.time, ...how });
    invariants.after(trace[length] as Event, response);
    return { status, body: response.body && JSON.parse(response.body) };
  }

  reads(actor: Actor): void {
    this.sends(actor, 'GET', '?fields=client_authentication_methods');
  }

  readsPool(actor: Actor): void {
    this.sends(actor, 'GET', '/credentials');
  }

  /** @param name by default none, as of what is made by hand */
  uploads(actor: Actor, label: string, name?: string): string {
    const { method } = this.world.scenario;
    const registration = { ...registrationOf(method, pairOf(method, material(label))), name };
    const { status, body } = this.sends(actor, 'POST', '/credentials', registration);
    expect(status).toBe(201);
    return body.id;
  }

  associates(actor: Actor, ids: readonly string[], how: How = {}): void {
    const credentials = ids.map((id) => ({ id }));
    const methods = {
      client_authentication_methods: { [this.world.scenario.method]: { credentials } },
      token_endpoint_auth_method: null,
    };
    expect(this.sends(actor, 'PATCH', '', methods, how).status).toBe(200);
  }

  /** The client goes back to a secret. */
  takesBack(actor: Actor, token_endpoint_auth_method = 'client_secret_post'): void {
    const back = { client_authentication_methods: null, token_endpoint_auth_method };
    expect(this.sends(actor, 'PATCH', '', back).status).toBe(200);
  }

  binds(actor: Actor, require_proof_of_possession: boolean, how: How = {}): void {
    expect(this.sends(actor, 'PATCH', '', { require_proof_of_possession }, how).status).toBe(200);
  }

  /** What has logged in. */
  stores(actor: Actor, label: string, place = 0, how: How = {}): void {
    const { method } = this.world.scenario;
    const pair = pairOf(method, material(label));
    this.world.proven.add(parseOnce(pair.certificate ?? '').thumbprint);
    const location = this.place(place);
    this.#lands(actor, { method: 'PUT', url: urlOf(location), headers: {} }, how, () => {
      const scope = printDestination(location.destination);
      this.world.github.seedSecret(scope, location.secretName, valueFor(location, pair));
      return { status: 204, headers: {}, body: '' };
    });
  }

  /** A request of GitHub that changes nothing. */
  fails(actor: Actor, method: 'GET' | 'PUT', place: number, how: How): void {
    const answer = () => ({ status: 403, headers: {}, body: '' });
    this.#lands(actor, { method, url: urlOf(this.place(place)), headers: {} }, how, answer);
  }

  place(index: number): SecretLocation {
    const location = this.world.locations[index];
    if (location === undefined) throw new Error(`no place ${index}`);
    return location;
  }

  idOf(label: string): string {
    return [...this.world.labels].find(([, one]) => one === label)?.[0] ?? '';
  }

  identityOf(label: string): string {
    const { method } = this.world.scenario;
    const value = valueFor(this.place(0), pairOf(method, material(label)));
    return readHeld(method, value, all.all).identity ?? '';
  }

  /** Its run ends. @param of what it has delivered, where it rotates */
  succeeds(actor: Actor, of?: { id: string; identity: string }): void {
    const { desired } = this.world;
    actor.result = {
      readOnly: false,
      desired: { ...desired, operation: actor.operation },
      plan: { rotates: of !== undefined } as Plan,
      ...(of && { outcome: { credential: of } as never }),
    };
    this.execution.invariants.end(actor);
  }

  /** Its run ends with an error. */
  breaksOff(actor: Actor, stateNow: string, code: ErrorCode = 'AUTH0_REQUEST_FAILED'): void {
    const error = new RotationError(code, { failed: '', remedy: '', stateNow });
    actor.result = { readOnly: false, desired: this.world.desired, error };
    this.execution.invariants.end(actor);
  }

  /** Of one promise. */
  broken(promise: string): string[] {
    const { violations } = this.execution.invariants;
    return violations.filter(({ invariant }) => invariant === promise).map(({ detail }) => detail);
  }
}

function urlOf({ destination, secretName }: SecretLocation): string {
  const of = {
    repo: () => 'repos/acme/shop/actions',
    env: () => 'repos/acme/other/environments/production',
    org: () => 'orgs/globex/actions',
    dependabot: () => 'repos/acme/shop/dependabot',
  };
  const path = of[destination.kind as keyof typeof of]();
  return `https://api.github.com/${path}/secrets/${secretName}`;
}
