/** Runs many clients in one process, in parallel as far as the tenant's rate limit allows. A failure concerns only its own client. */

import { availableParallelism } from 'node:os';
import { asRotationError } from '../errors.ts';
import { Cancellation } from '../http/clock.ts';
import { APART, type SharedBudget, SpacedWrites } from '../http/pace.ts';
import type { Transport } from '../http/service.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { secretLocations } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import type { RunResult } from '../model/run-result.ts';
import { lastChance } from '../model/timing.ts';
import { type Logger, run } from '../run.ts';
import {
  clientListing,
  connectServices,
  ISSUING,
  type Issuing,
  type ServiceOptions,
  type SharedServices,
  shareServices,
} from '../services.ts';
import { Canary } from './canary.ts';

export interface FleetServices {
  /** Shared by the process. Each client gets its own deadline and cancellation. */
  transport: Transport;
  /** Aborts when the job is cancelled. */
  cancelled: AbortSignal;
  /** Milliseconds that one client's run may take, from its own start. */
  longestRun: number;
  mask: Logger['mask'];
  /** The logger of one client's run. `end` is called when the run is over. */
  logFor(
    inputs: Inputs,
  ): Omit<Logger, 'mask'> & { debug(message: string): void; end(result: RunResult): void };
}

/**
 * How many clients run at once: at least FEWEST, and at most USUAL unless a long propagation time allows more. With more, the rate limit
 * would slow the runs down, or their undo requests after a cancellation would not fit into the time that GitHub leaves.
 */
const FEWEST = 3;
const USUAL = 10;
/** Requests that are reserved for each client. */
const TOKENS_EACH = 5;
/** Milliseconds for undo requests after a cancellation, a little less than the runner leaves (docs/facts.md#runner-cancellation). */
const CANCELLATION_GRACE = 7_000;

/** How many clients may run at once. Clients that wait for propagation send no requests, so up to as many run as GitHub can store secrets for in that wait. */
export function mostAtOnce(budget: Pick<SharedBudget, 'burst' | 'within'>, { desired }: Inputs): number {
  const { propagationTime } = desired;
  const storable = Math.floor(propagationTime / APART / secretLocations(desired).length);
  const wanted = Math.max(USUAL, storable);
  // With a long propagation time most clients wait and send nothing. Only a cancellation makes all of them send at once, and their undo
  // requests have CANCELLATION_GRACE. Otherwise all may send at the same moment, so their requests must fit into one burst.
  const tokens = storable > USUAL ? budget.within(CANCELLATION_GRACE) : budget.burst;
  const affordable = Math.max(FEWEST, Math.floor((tokens ?? 0) / TOKENS_EACH));
  return Math.min(wanted, affordable);
}

/** @returns one result per client, in order. A failure is part of the result and never thrown. */
export async function runFleet(clients: readonly Inputs[], services: FleetServices): Promise<RunResult[]> {
  const [first] = clients;
  if (!first) return [];
  const fleet = connectFleet(first, clients, services);
  const results: RunResult[] = [];
  const atWork = new Set<Promise<void>>();
  for (const [index, inputs] of clients.entries()) {
    while (atWork.size >= mostAtOnce(fleet.shared.budget, inputs)) await Promise.race(atWork);
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
  listing: ServiceOptions['listing'];
  canary: Canary;
}

function connectFleet(first: Inputs, clients: readonly Inputs[], services: FleetServices): Fleet {
  const { cancelled, transport, mask } = services;
  // The process's deadline is the earliest, so a request that clients share keeps none of them beyond its own.
  const shared = shareServices(first, transport, mask, new SpacedWrites(cancelled));
  const ids = clients.map(({ desired }) => desired.clientId);
  return {
    services,
    shared,
    issuing: { ...ISSUING, generateKey: onCores(ISSUING.generateKey) },
    listing: clientListing(first, transport, shared, ids),
    canary: new Canary(clients.length),
  };
}

async function runMember(index: number, inputs: Inputs, fleet: Fleet): Promise<RunResult> {
  const { canary, services } = fleet;
  const { debug, end, ...log } = services.logFor(inputs);
  const transport = ownTransport(services, debug);
  let result: RunResult = { readOnly: inputs.readOnly, desired: inputs.desired };
  try {
    transport.cancellation.check();
    const beforeRotation = async (timeLeft: number) => {
      await canary.turn(index);
      transport.cancellation.check();
      // What is about to expire does not wait for a canary that fails every day.
      if (timeLeft >= lastChance(inputs.desired.renewBeforeDays)) canary.check();
    };
    result = await planFromListing(inputs, transport, fleet, result);
    if (!isIdle(result)) {
      const logger = { mask: services.mask, ...log };
      const own = connectServices(inputs, transport, logger, {
        shared: fleet.shared,
        issuing: fleet.issuing,
      });
      result = await run(inputs, own, logger, beforeRotation);
    }
  } catch (error) {
    result.error = asRotationError(error);
  }
  canary.finished(index, nameOf(result), result.error);
  transport.cancellation.end();
  end(result);
  return result;
}

/** Plans with a listing that may be some minutes old. That is good enough only to see that nothing is due. */
async function planFromListing(
  inputs: Inputs,
  transport: Transport,
  { listing, services, shared }: Fleet,
  unseen: RunResult,
): Promise<RunResult> {
  if (!listing) return unseen;
  const logger = { mask: services.mask, info: () => {}, phase: () => {}, onStep: () => () => {} };
  const asPlan = { ...inputs, readOnly: true };
  const seen = await run(asPlan, connectServices(asPlan, transport, logger, { shared, listing }), logger);
  return { ...seen, readOnly: inputs.readOnly };
}

function nameOf({ desired, observed }: RunResult): string {
  const name = oneLine(observed?.client?.name);
  return name === '' ? desired.clientId : `${name} (${desired.clientId})`;
}

function isIdle({ error, plan }: RunResult): boolean {
  return error === undefined && plan?.steps.length === 0;
}

function ownTransport(
  { cancelled, transport, longestRun }: FleetServices,
  debug: Transport['debug'],
): Transport {
  const deadline = transport.clock.now() + longestRun;
  return { ...transport, cancellation: new Cancellation(cancelled, deadline), debug };
}

/** Limits how many keys are made at once. libuv's thread pool makes them, and at least one thread stays free for DNS look-ups. */
export function onCores<A extends unknown[], T>(
  make: (...given: A) => Promise<T>,
): (...given: A) => Promise<T> {
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
/** The threads of libuv's pool, the default of UV_THREADPOOL_SIZE. */
const THREADS = 4;
