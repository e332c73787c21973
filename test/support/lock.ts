/** The association of one run in a world of the explorer's, alone, in virtual time: no test waits. */

import { Association, type AssociationServices } from '../../src/apply/association.ts';
import { Tenant } from '../../src/auth0/tenant.ts';
import { RotationError } from '../../src/errors.ts';
import { GitHubApi } from '../../src/github/api.ts';
import { SecretStore } from '../../src/github/secret-store.ts';
import { Cancellation } from '../../src/http/clock.ts';
import { Service } from '../../src/http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../../src/http/wire.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Credential, ObservedState } from '../../src/model/observed-state.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import { observe } from '../../src/observe/observe.ts';
import { materials } from '../protocol/materials.ts';
import { pairOf, registrationOf } from '../protocol/method.ts';
import { type Asked, scenario } from '../protocol/scenarios.ts';
import { prepareWorlds } from '../protocol/services.ts';
import { DOMAIN } from '../protocol/wishes.ts';
import { World } from '../protocol/world.ts';

export const CHANGED =
  "Somebody else changed the client's associated credentials while this run was at work, or a read still shows an old state.";

/** What it fails with: code and first sentence. */
export async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw new Error(`no RotationError, but ${error}`);
  return `${error.code}: ${error.failed}`;
}

const RUN = '1001.1';
const RIVAL = '1002.1';
/** A request and its answer. */
const ROUND_TRIP = 40;

/** What becomes of a request instead of being answered. */
export type Instead = 'lost' | 'dropped' | { status: number; body: string };
/** Asked right before a request lands; what it does to the world is what another run does. */
export type Meanwhile = (line: string, count: number) => Instead | undefined;

interface Conditions {
  meanwhile: Meanwhile;
}

type Parts = Pick<Lock, 'world' | 'desired' | 'state' | 'sent' | 'slept'>;

export class Lock {
  readonly world: World;
  readonly desired: DesiredState;
  readonly tenant: Tenant;
  readonly state: ObservedState;
  readonly association: Association;
  /** `GET client`, `PATCH client [C1,R1]`, in order. */
  readonly sent: string[];
  readonly slept: number[];
  readonly #conditions: Conditions;

  private constructor(parts: Parts, services: AssociationServices, conditions: Conditions) {
    this.world = parts.world;
    this.desired = parts.desired;
    this.tenant = services.tenant;
    this.state = parts.state;
    this.sent = parts.sent;
    this.slept = parts.slept;
    this.#conditions = conditions;
    this.association = new Association(parts.desired, parts.state, services);
  }

  /** @param earlier what somebody does before the run begins */
  static async begin(
    start: string,
    asked: Partial<Asked> = {},
    earlier: (lock: Lock) => void = () => undefined,
  ): Promise<Lock> {
    await prepareWorlds();
    const world = new World(scenario(start, { poolCap: 4, ...asked }), await materials());
    const { desired } = world.inputs(RUN);
    const sent: string[] = [];
    const slept: number[] = [];
    const conditions: Conditions = { meanwhile: () => undefined };
    const clock = {
      now: () => world.time,
      sleep: async (milliseconds: number) => {
        slept.push(milliseconds);
        world.time += milliseconds;
      },
      random: () => 0,
    };
    const send = async (request: HttpRequest): Promise<HttpResponse> => {
      const line = lineOf(request, world);
      sent.push(line);
      const instead = conditions.meanwhile(line, sent.filter((one) => one === line).length);
      world.time += ROUND_TRIP;
      if (typeof instead === 'object') return { headers: {}, ...instead };
      const response = instead === 'dropped' ? undefined : world.handle(request);
      if (instead || !response) throw new NetworkError('ECONNRESET', 'unknown');
      return response;
    };
    const cancellation = new Cancellation(new AbortController().signal);
    const connection = { send, clock, cancellation, debug: () => undefined };
    const tenant = new Tenant(new Service('Auth0', connection), DOMAIN, async () => 'management-token');
    const github = new Service('GitHub', connection);
    const store = new SecretStore(new GitHubApi(github, 'github-token', 'https://api.github.com'));
    const services = { tenant, store, clock, cancellation };
    const begin = async () => {
      const state = await observe(desired, { tenant, store }, clock.now());
      sent.length = 0;
      return new Lock({ world, desired, state, sent, slept }, services, conditions);
    };
    earlier(await begin());
    return begin();
  }

  set meanwhile(meanwhile: Meanwhile) {
    this.#conditions.meanwhile = meanwhile;
  }

  id(label: string): string {
    const found = [...this.world.labels].find(([, one]) => one === label)?.[0];
    if (found === undefined) throw new Error(`there is no ${label}`);
    return found;
  }

  /** A credential by that run, now. */
  #make(run: string, method = this.desired.method): string {
    const material = this.world.issueNext();
    const id = this.world.tenant.seedCredential(this.world.clientId, {
      ...registrationOf(method, pairOf(method, material)),
      ...(method === this.desired.method
        ? { name: writeOwnership({ owner: ownerOf(this.desired), run }) }
        : {}),
      associate: false,
    });
    this.world.labels.set(id, material.label);
    return id;
  }

  /** This run's new credential. */
  async adopt(): Promise<Credential> {
    const id = this.#make(RUN);
    this.world.time += ROUND_TRIP;
    const { lag } = this.world;
    this.world.lag = undefined;
    const made = (await this.tenant.credentials(this.world.clientId)).find((one) => one.id === id);
    if (!made) throw new Error('what was made is not there');
    this.world.lag = lag;
    this.association.adopt(made);
    this.sent.length = 0;
    return made;
  }

  /** Another run of the same workflow makes one. @returns its label */
  rival(): string {
    return this.world.labels.get(this.#make(RIVAL)) ?? '';
  }

  /** Somebody makes a key by hand, with which the client authenticates by private_key_jwt. */
  useKey(): void {
    const id = this.#make('', 'private_key_jwt');
    this.patch({ client_authentication_methods: { private_key_jwt: { credentials: [{ id }] } } });
  }

  /** Somebody else replaces what the client's method holds. */
  associate(...labels: string[]): void {
    const credentials = labels.map((label) => ({ id: this.id(label) }));
    this.patch({ client_authentication_methods: { [this.desired.method]: { credentials } } });
  }

  /** Somebody else changes the client. */
  patch(body: object): void {
    const { status } = this.world.tenant.handle({
      method: 'PATCH',
      path: `/api/v2/clients/${this.world.clientId}`,
      headers: { authorization: 'Bearer management-token' },
      body: JSON.stringify(body),
    });
    if (status !== 200) throw new Error(`the change was refused: ${status}`);
  }

  /** Somebody else stores something in the primary's secret. */
  store(): void {
    this.world.time += 2_000;
    const at = this.world.time;
    this.world.github.seedSecret('repo:acme/shop', this.desired.secretName, 'other', {
      updatedAt: at,
      createdAt: at,
    });
  }

  /** The list of the pool as a read shows it that does not know of this credential yet. */
  poolWithout(label: string): { status: number; body: string } {
    const { status, body } = this.#read('/credentials');
    const all = JSON.parse(body) as { id: string }[];
    return { status, body: JSON.stringify(all.filter(({ id }) => id !== this.id(label))) };
  }

  /** The client as a read shows it now: for one that lags, later. */
  client(): { status: number; body: string } {
    return this.#read('');
  }

  #read(what: string): { status: number; body: string } {
    return this.world.tenant.handle({
      method: 'GET',
      path: `/api/v2/clients/${this.world.clientId}${what}`,
      headers: { authorization: 'Bearer management-token' },
      body: '',
    });
  }

  /** What the client's method holds now, by label. */
  get associated(): string[] {
    const { client } = this.world.tenant.reveal(this.world.clientId);
    const held = Object.values(client.client_authentication_methods ?? {})[0]?.credentials ?? [];
    return held.map(({ id }) => this.world.labels.get(id) ?? id);
  }

  get pool(): string[] {
    const { credentials } = this.world.tenant.reveal(this.world.clientId);
    return credentials.map(({ id }) => this.world.labels.get(id) ?? id);
  }
}

function lineOf({ body = '', method, url }: HttpRequest, { clientId, labels }: World): string {
  const { pathname } = new URL(url);
  const what = pathname.endsWith('/credentials')
    ? 'pool'
    : pathname.includes('/credentials/')
      ? `credential ${labels.get(pathname.split('/').at(-1) ?? '')}`
      : pathname.endsWith(`/clients/${clientId}`)
        ? 'client'
        : 'secret';
  const ids = [...body.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => labels.get(id) ?? id);
  return `${method} ${what}${method === 'PATCH' ? ` [${ids.join(',')}]` : ''}`;
}
