/** Many clients in one process: at once as far as the tenant's budget carries, and one failure stays that client's. */

import { availableParallelism } from 'node:os';
import { Tenant } from '../auth0/tenant.ts';
import { share } from '../clients.ts';
import { asRotationError } from '../errors.ts';
import { SpacedWrites } from '../http/pace.ts';
import { Cancellation, type Connection, Service } from '../http/service.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Account } from '../report/report.ts';
import { ISSUING, run, type Telling } from '../run.ts';
import { Canary } from './canary.ts';
import { roster } from './client-list.ts';

export interface WaveEdges {
  /** Of the process; each client gets its own deadline and cancellation. */
  connection: Connection;
  /** Aborts when the job is cancelled. */
  cancelled: AbortSignal;
  /** Milliseconds that one client's run may take, from its own start. */
  longestRun: number;
  mask: Telling['mask'];
  /** What a client's run tells while others are at work; `end` is called when it is over. */
  tell(inputs: Inputs): Omit<Telling, 'mask'> & { debug(message: string): void; end(account: Account): void };
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
export async function workThrough(clients: readonly Inputs[], edges: WaveEdges): Promise<Account[]> {
  const [first] = clients;
  if (!first) return [];
  const { connection, mask } = edges;
  const shared = share(first, connection, mask, new SpacedWrites(edges.cancelled));
  const reader = new Tenant(new Service('Auth0', connection, shared.auth0), first.domain, shared.token);
  const ids = clients.map(({ wish }) => wish.clientId);
  shared.listed = roster(reader, ids);
  const issuing = { ...ISSUING, generateKey: onCores(ISSUING.generateKey) };
  const canary = new Canary(clients.length);
  const accounts: Account[] = [];
  const atWork = new Set<Promise<void>>();
  for (const [index, inputs] of clients.entries()) {
    while (atWork.size >= mostAtOnce(shared.budget.burst)) await Promise.race(atWork);
    const work = one(index, inputs).finally(() => atWork.delete(work));
    atWork.add(work);
  }
  await Promise.all(atWork);
  return accounts;

  async function one(index: number, inputs: Inputs): Promise<void> {
    const { end, ...telling } = edges.tell(inputs);
    const own = ownConnection(edges, telling.debug);
    const mayRotate = async () => {
      await canary.turn(index);
      own.cancellation.check();
      canary.check();
    };
    let account: Account = { planOnly: inputs.planOnly, wish: inputs.wish };
    try {
      own.cancellation.check();
      canary.check();
      account = await run(inputs, own, { mask, ...telling }, issuing, { shared, mayRotate });
    } catch (error) {
      account.error = asRotationError(error);
    }
    canary.over(index, inputs.wish.clientId, account.error !== undefined);
    own.cancellation.end();
    accounts[index] = account;
    end(account);
  }
}

function ownConnection(
  { cancelled, connection, longestRun }: WaveEdges,
  debug: Connection['debug'],
): Connection {
  const clock = { ...connection.clock, deadline: connection.clock.now() + longestRun };
  return { ...connection, clock, cancellation: new Cancellation(cancelled), debug };
}

/** libuv's pool makes the keys, beside name look-ups: one thread at least stays free for those. */
function onCores<A extends unknown[], T>(make: (...given: A) => Promise<T>): (...given: A) => Promise<T> {
  const most = Math.min(availableParallelism(), POOL - 1);
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
const POOL = 4;
