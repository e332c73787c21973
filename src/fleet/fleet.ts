/** Many clients in one process: at once as far as the tenant's budget carries, and one failure stays that client's. */

import { availableParallelism } from 'node:os';
import { Tenant } from '../auth0/tenant.ts';
import { share } from '../clients.ts';
import { asRotationError } from '../errors.ts';
import { SpacedWrites } from '../http/pace.ts';
import { Cancellation, type Connection, Service } from '../http/service.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { RunResult } from '../report/report.ts';
import { ISSUING, type Logger, run } from '../run.ts';
import { Canary } from './canary.ts';
import { clientList } from './client-list.ts';

export interface FleetServices {
  /** Of the process; each client gets its own deadline and cancellation. */
  connection: Connection;
  /** Aborts when the job is cancelled. */
  cancelled: AbortSignal;
  /** Milliseconds that one client's run may take, from its own start. */
  longestRun: number;
  mask: Logger['mask'];
  /** What a client's run tells while others are at work; `end` is called when it is over. */
  tell(inputs: Inputs): Omit<Logger, 'mask'> & { debug(message: string): void; end(result: RunResult): void };
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

/** @returns one account a client, in order; a failure is part of it, never thrown */
export async function runFleet(clients: readonly Inputs[], services: FleetServices): Promise<RunResult[]> {
  const [first] = clients;
  if (!first) return [];
  const { connection, mask } = services;
  const shared = share(first, connection, mask, new SpacedWrites(services.cancelled));
  const reader = new Tenant(new Service('Auth0', connection, shared.auth0), first.domain, shared.token);
  const ids = clients.map(({ desired }) => desired.clientId);
  shared.listed = clientList(reader, ids);
  const issuing = { ...ISSUING, generateKey: onCores(ISSUING.generateKey) };
  const canary = new Canary(clients.length);
  const results: RunResult[] = [];
  const atWork = new Set<Promise<void>>();
  for (const [index, inputs] of clients.entries()) {
    while (atWork.size >= mostAtOnce(shared.budget.burst)) await Promise.race(atWork);
    const work = one(index, inputs).finally(() => atWork.delete(work));
    atWork.add(work);
  }
  await Promise.all(atWork);
  return results;

  async function one(index: number, inputs: Inputs): Promise<void> {
    const { end, ...logger } = services.tell(inputs);
    const own = ownConnection(services, logger.debug);
    const mayRotate = async () => {
      await canary.turn(index);
      own.cancellation.check();
      canary.check();
    };
    let result: RunResult = { planOnly: inputs.planOnly, desired: inputs.desired };
    try {
      own.cancellation.check();
      canary.check();
      result = await run(inputs, own, { mask, ...logger }, issuing, { shared, mayRotate });
    } catch (error) {
      result.error = asRotationError(error);
    }
    canary.over(index, inputs.desired.clientId, result.error !== undefined);
    own.cancellation.end();
    results[index] = result;
    end(result);
  }
}

function ownConnection(
  { cancelled, connection, longestRun }: FleetServices,
  debug: Connection['debug'],
): Connection {
  const clock = { ...connection.clock, deadline: connection.clock.now() + longestRun };
  return { ...connection, clock, cancellation: new Cancellation(cancelled), debug };
}

/** libuv's pool makes the keys, beside name look-ups: one thread at least stays free for those. */
function onCores<A extends unknown[], T>(make: (...given: A) => Promise<T>): (...given: A) => Promise<T> {
  const most = Math.min(availableParallelism(), POOL_CAPACITY - 1);
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
const POOL_CAPACITY = 4;
