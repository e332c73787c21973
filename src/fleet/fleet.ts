/** Many clients in one process: at once as far as the tenant's budget carries, and one failure stays that client's. */

import { availableParallelism } from 'node:os';
import { asRotationError } from '../errors.ts';
import { Cancellation } from '../http/clock.ts';
import { SpacedWrites } from '../http/pace.ts';
import type { Connection } from '../http/service.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { RunResult } from '../model/run-result.ts';
import { type Logger, run } from '../run.ts';
import {
  type Choices,
  connectServices,
  ISSUING,
  type Issuing,
  listClients,
  type SharedServices,
  shareServices,
} from '../services.ts';
import { Canary } from './canary.ts';

export interface FleetServices {
  /** Of the process; each client gets its own deadline and cancellation. */
  connection: Connection;
  /** Aborts when the job is cancelled. */
  cancelled: AbortSignal;
  /** Milliseconds that one client's run may take, from its own start. */
  longestRun: number;
  mask: Logger['mask'];
  /** What a client's run writes while others are at work; `end` is called when it is over. */
  logFor(
    inputs: Inputs,
  ): Omit<Logger, 'mask'> & { debug(message: string): void; end(result: RunResult): void };
}

/**
 * Requests that one client has to undo after a cancellation, times this, must fit into the ten seconds that GitHub leaves; and
 * a client's run must not grow long for want of tokens.
 */
const FEWEST = 3;
const MOST = 10;
const TOKENS_EACH = 5;

function mostAtOnce(burst: number | undefined): number {
  return Math.min(MOST, Math.max(FEWEST, Math.floor((burst ?? 0) / TOKENS_EACH)));
}

/** @returns one result a client, in order; a failure is part of it, never thrown */
export async function runFleet(clients: readonly Inputs[], services: FleetServices): Promise<RunResult[]> {
  const [first] = clients;
  if (!first) return [];
  const fleet = connectFleet(first, clients, services);
  const results: RunResult[] = [];
  const atWork = new Set<Promise<void>>();
  for (const [index, inputs] of clients.entries()) {
    while (atWork.size >= mostAtOnce(fleet.shared.budget.burst)) await Promise.race(atWork);
    const work = runMember(index, inputs, fleet).then((result) => {
      results[index] = result;
      atWork.delete(work);
    });
    atWork.add(work);
  }
  await Promise.all(atWork);
  return results;
}

interface Fleet {
  services: FleetServices;
  shared: SharedServices;
  issuing: Issuing;
  listing: Choices['listing'];
  canary: Canary;
}

function connectFleet(first: Inputs, clients: readonly Inputs[], services: FleetServices): Fleet {
  const { cancelled, connection, mask } = services;
  const shared = shareServices(first, connection, mask, new SpacedWrites(cancelled));
  const ids = clients.map(({ desired }) => desired.clientId);
  return {
    services,
    shared,
    issuing: { ...ISSUING, generateKey: onCores(ISSUING.generateKey) },
    listing: listClients(first, connection, shared, ids),
    canary: new Canary(clients.length),
  };
}

async function runMember(index: number, inputs: Inputs, fleet: Fleet): Promise<RunResult> {
  const { canary, services } = fleet;
  const { debug, end, ...log } = services.logFor(inputs);
  const connection = ownConnection(services, debug);
  let result: RunResult = { planOnly: inputs.planOnly, desired: inputs.desired };
  try {
    connection.cancellation.check();
    canary.check();
    const mayRotate = async () => {
      await canary.turn(index);
      connection.cancellation.check();
      canary.check();
    };
    result = await look(inputs, connection, fleet, result);
    if (!isIdle(result)) {
      const logger = { mask: services.mask, ...log };
      const own = connectServices(inputs, connection, logger, {
        shared: fleet.shared,
        issuing: fleet.issuing,
      });
      result = await run(inputs, own, logger, mayRotate);
    }
  } catch (error) {
    result.error = asRotationError(error);
  }
  canary.over(index, inputs.desired.clientId, result.error !== undefined);
  connection.cancellation.end();
  end(result);
  return result;
}

/** By a listing that is some minutes old: only where nothing is due, that is good enough. */
async function look(
  inputs: Inputs,
  connection: Connection,
  { listing, services, shared }: Fleet,
  unseen: RunResult,
): Promise<RunResult> {
  if (!listing) return unseen;
  const logger = { mask: services.mask, info: () => {}, stage: () => {}, onStep: () => () => {} };
  const asPlan = { ...inputs, planOnly: true };
  const seen = await run(asPlan, connectServices(asPlan, connection, logger, { shared, listing }), logger);
  return { ...seen, planOnly: inputs.planOnly };
}

function isIdle({ error, plan }: RunResult): boolean {
  return error === undefined && plan?.steps.length === 0;
}

function ownConnection(
  { cancelled, connection, longestRun }: FleetServices,
  debug: Connection['debug'],
): Connection {
  const deadline = connection.clock.now() + longestRun;
  return { ...connection, cancellation: new Cancellation(cancelled, deadline), debug };
}

/** libuv's pool makes the keys, beside name look-ups: one thread at least stays free for those. */
function onCores<A extends unknown[], T>(make: (...given: A) => Promise<T>): (...given: A) => Promise<T> {
  const most = Math.min(availableParallelism(), THREADS - 1);
  const atWork = new Set<Promise<unknown>>();
  return async (...given) => {
    while (atWork.size >= most) await Promise.race(atWork);
    const work = make(...given);
    const over = work.then(NOTHING, NOTHING).finally(() => atWork.delete(over));
    atWork.add(over);
    return work;
  };
}

const NOTHING = () => undefined;
/** UV_THREADPOOL_SIZE, by default. */
const THREADS = 4;
