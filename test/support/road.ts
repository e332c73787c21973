/** One whole run in a world of the explorer's, in this process and in virtual time: what it asks for, and what it is told instead. */

import { Cancellation } from '../../src/http/clock.ts';
import type { Transport } from '../../src/http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs/inputs.ts';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { RunResult } from '../../src/model/run-result.ts';
import { LONGEST_RUN } from '../../src/model/timing.ts';
import { run } from '../../src/run.ts';
import { connectServices } from '../../src/services.ts';
import { issuingFrom } from '../protocol/issuing.ts';
import { type Material, materials } from '../protocol/materials.ts';
import { type Asked, scenario } from '../protocol/scenarios.ts';
import { prepareWorlds } from '../protocol/services.ts';
import { World } from '../protocol/world.ts';

/** What becomes of a request: its answer is lost, it never lands, or somebody else answers. */
export type Instead =
  | 'lost'
  | 'dropped'
  | { status: number; body?: string; headers?: Record<string, string> };
/** Asked right before a request lands, with its line, which time it is asked, and the world. */
export type Meanwhile = (line: string, count: number, road: Road) => Instead | undefined;

const JSON_TYPE = { 'content-type': 'application/json' };
/** A request and its answer. */
const ROUND_TRIP = 40;

export class Road {
  readonly world: World;
  /** `PATCH client [C1,R1]`, `PUT repo AUTH0_MTLS_PEM`, in order. */
  readonly sent: string[] = [];
  readonly waits: number[] = [];
  /** The whole log. */
  readonly lines: string[] = [];
  readonly masks: string[] = [];
  readonly phases: string[] = [];
  /** Connections that were opened before their first request. */
  readonly opened: Parameters<NonNullable<Transport['connectAhead']>>[0][] = [];
  /** Requests on a connection of their own. */
  fresh = 0;
  readonly #abort = new AbortController();
  readonly #materials: Material[] = [];

  private constructor(world: World) {
    this.world = world;
  }

  static async begin(start: string, asked: Partial<Asked> = {}): Promise<Road> {
    await prepareWorlds();
    return new Road(new World(scenario(start, { poolCap: 4, ...asked }), await materials()));
  }

  cancel(): void {
    this.#abort.abort();
  }

  /** @param desired what this run is asked for beside its scenario */
  async run(
    meanwhile: Meanwhile = () => undefined,
    desired: Partial<DesiredState> = {},
    changes: Partial<Inputs> = {},
  ): Promise<RunResult> {
    const { world } = this;
    const read = world.inputs('1001.1');
    const inputs = { ...read, ...changes, desired: { ...read.desired, ...desired } };
    const clock = {
      now: () => world.time,
      sleep: async (milliseconds: number, signal?: AbortSignal) => {
        signal?.throwIfAborted();
        this.waits.push(milliseconds);
        world.time += milliseconds;
      },
      random: () => 0,
    };
    const connection = {
      send: (request: HttpRequest) => this.#send(request, meanwhile),
      connectAhead: (to: Parameters<NonNullable<Transport['connectAhead']>>[0]) => void this.opened.push(to),
      clock,
      cancellation: new Cancellation(this.#abort.signal, world.time + LONGEST_RUN),
      debug: (line: string) => this.lines.push(line),
    };
    const logger = {
      mask: (secret: string) => this.masks.push(secret),
      info: (line: string) => this.lines.push(line),
      phase: (name: string) => this.phases.push(name),
      onStep: (text: string) => {
        this.lines.push(text);
        return (outcome: string) => this.lines.push(outcome);
      },
    };
    return run(
      inputs,
      connectServices(inputs, connection, logger, { issuing: issuingFrom(this.world, this.#materials) }),
      logger,
    );
  }

  async #send(request: HttpRequest, meanwhile: Meanwhile): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const line = this.#lineOf(request);
    this.sent.push(line);
    if (request.freshConnection) this.fresh += 1;
    const instead = meanwhile(line, this.sent.filter((one) => one === line).length, this);
    this.world.time += ROUND_TRIP;
    if (typeof instead === 'object') return { headers: JSON_TYPE, body: '{"message":"said"}', ...instead };
    const response = instead === 'dropped' ? undefined : this.world.handle(request);
    if (request.method === 'POST' && response?.status === 201) this.#remember(response.body);
    if (instead || !response) throw new NetworkError('ECONNRESET', 'unknown');
    return response;
  }

  #remember(body: string): void {
    const { id } = JSON.parse(body) as { id?: string };
    const { labels } = this.world;
    if (id !== undefined) labels.set(id, this.#materials[0]?.label ?? id);
  }

  #lineOf({ body = '', method, url }: HttpRequest): string {
    const { clientId, labels } = this.world;
    const { pathname } = new URL(url);
    const name = pathname.split('/').at(-1) ?? '';
    const ids = [...body.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => labels.get(id) ?? id);
    if (pathname === '/oauth/token') return `${method} token`;
    if (pathname.includes('/.well-known/')) return `${method} discovery`;
    if (pathname.endsWith('/credentials')) return `${method} pool`;
    if (pathname.includes('/credentials/')) return `${method} credential ${labels.get(name)}`;
    if (pathname.endsWith(`/clients/${clientId}`))
      return `${method} client${ids.length > 0 ? ` [${ids}]` : ''}`;
    if (pathname.endsWith('/clients')) return `${method} clients`;
    const kind = pathname.includes('/environments/') ? 'env' : pathname.startsWith('/orgs/') ? 'org' : 'repo';
    return `${method} ${kind} ${name}`;
  }

  id(label: string): string {
    const found = [...this.world.labels].find(([, one]) => one === label)?.[0];
    if (found === undefined) throw new Error(`there is no ${label}`);
    return found;
  }

  /** Requests that change something, in order; without what only proves that a destination takes a write. */
  get writes(): string[] {
    return this.sent.filter((line) => !/^GET|token$|_PROBE$/.test(line));
  }

  get probes(): string[] {
    return this.sent.filter((line) => /^PUT.*_PROBE$/.test(line));
  }

  get pool(): string[] {
    return this.world.credentials().map(({ id }) => this.world.labels.get(id) ?? id);
  }

  get associated(): string[] {
    return this.world.truth().associated.map((id) => this.world.labels.get(id) ?? id);
  }

  /** Which credential each location holds. */
  get held(): string[] {
    return this.world.truth().held.map(({ identity }) => this.world.labelOf(identity));
  }
}
