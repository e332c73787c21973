/** Which faults pass is not only said of them: one that a retry overcomes shows nothing of a run that fails. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { Actor, Delivery, Parked } from './actor.ts';
import { REAL } from './code.ts';
import { type Fault, faultsOn, Strikes } from './faults.ts';
import { type Materials, materials } from './materials.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { play } from './single.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await materials();
  await prepareWorlds();
});

const begun = () => new Execution(new World(scenario('ours alone'), all), REAL);

test.each(['GET', 'PATCH'] as const)(
  'a run succeeds with a fault of its first %s that passes, and with no other',
  async (method) => {
    const clean = begun();
    const requests = await play(clean, clean.start('A'));
    const at = requests.find(({ request }) => request.method === method)?.index ?? 0;
    const succeeds = async (fault: Fault) => {
      const execution = begun();
      const actor = execution.start('A');
      await play(execution, actor, [{ at, fault }]);
      execution.close();
      return actor.succeeded;
    };
    const faults = faultsOn({ method }, 'self_signed_tls_client_auth').filter(({ outside }) => !outside);
    const passed: string[] = [];
    for (const fault of faults) if (await succeeds(fault)) passed.push(fault.name);
    expect(passed).toEqual(faults.filter(({ passes }) => passes).map(({ name }) => name));
  },
);

test('each request meets its faults: one that is left out finds nothing', () => {
  const names = (method: 'GET' | 'PATCH', used: Parameters<typeof faultsOn>[1]) =>
    faultsOn({ method }, used).map(({ name }) => name);
  const reads = [
    ...['refused 503', 'refused 403', 'crash', 'answer lost', 'answer unreadable', 'slow'],
    ...['asked to wait until its time is over', 'cancelled', 'a credential associated by hand'],
  ];
  const writes = [
    ...['refused 500 once', 'refused 400', 'crash after it landed', 'answer lost once', 'connection lost'],
    ...['connection lost once', 'answer lost, then refused', 'connection lost, then refused'],
    'answer lost, then cancelled',
    ...['1 requests', '2 requests', '3 requests', '5 requests', '8 requests', 'a run'].map(
      (after) => `lands ${after} late`,
    ),
    'lands when given up',
    ...['1 requests', '3 requests', '4 requests', '5 requests', 'a minute'].map(
      (after) => `refused, and lands ${after} late`,
    ),
  ];
  expect(names('GET', 'private_key_jwt')).toEqual(reads);
  expect(names('PATCH', 'private_key_jwt')).toEqual([...reads, ...writes]);
  expect(names('GET', 'tls_client_auth')).toEqual([...reads, 'its subject taken by hand']);
});

describe('strikes', () => {
  const parked = (index: number, url = `https://tenant.test/${index}`): Parked => {
    const nothing = () => undefined;
    const request = { method: 'GET', url, headers: {} } as const;
    return { actor: {} as Actor, request, index, resolve: nothing, reject: nothing, forget: nothing };
  };
  const fault = (name: string, deliveries: readonly Delivery[], landsAfter?: number): Fault => ({
    name,
    deliveries,
    ...(landsAfter !== undefined && { landsAfter }),
  });
  const LOSE = { kind: 'lose' } as const;
  const DROP = { kind: 'drop' } as const;
  const LATE = { kind: 'late' } as const;
  const kinds = (strikes: Strikes, ...requests: readonly Parked[]) =>
    requests.map((one) => strikes.on(one).kind);

  test('meet the request, its retries, and none beside them', () => {
    const strikes = new Strikes([{ at: 2, fault: fault('twice', [LOSE, DROP]) }]);
    const retry = parked(3, parked(2).request.url);
    const requests = [parked(1), parked(2), parked(4), retry, parked(5, parked(2).request.url)];
    expect(kinds(strikes, ...requests)).toEqual(['answer', 'lose', 'answer', 'drop', 'answer']);
  });

  test('of two the later one meets the retry of the first', () => {
    const strikes = new Strikes([
      { at: 1, fault: fault('first', [LOSE, LOSE]) },
      { at: 2, fault: fault('second', [DROP]) },
    ]);
    expect(kinds(strikes, parked(1), parked(2, parked(1).request.url))).toEqual(['lose', 'drop']);
  });

  test('land what is late after so many requests', () => {
    const strikes = new Strikes([{ at: 1, fault: fault('late', [LATE], 2) }]);
    const late = parked(1);
    expect(strikes.landing()).toEqual([]);
    expect(strikes.on(late).kind).toBe('late');
    expect([strikes.landing(), strikes.landing(), strikes.landing()]).toEqual([[], [late.request], []]);
  });
});

/** What becomes of one write of a run. */
describe('a write that is', () => {
  const REFUSED: Delivery = { kind: 'refuse', status: 403 };
  test.each<[Delivery, boolean, number | string | undefined, boolean]>([
    [{ kind: 'answer' }, true, 200, false],
    [{ kind: 'slow' }, true, 200, false],
    [REFUSED, false, 403, false],
    [{ kind: 'wait' }, false, 429, false],
    [{ kind: 'lose' }, true, 'lost', false],
    [{ kind: 'unreadable' }, true, 200, false],
    [{ kind: 'drop' }, false, 'lost', false],
    [{ kind: 'late' }, false, 'lost', false],
    [{ kind: 'crash before' }, false, undefined, true],
    [{ kind: 'crash after' }, true, undefined, true],
    [{ kind: 'cancel' }, true, 200, false],
  ])('delivered as %j has landed: %s', async (delivery, landed, seen, dead) => {
    let told: number | string | undefined;
    const execution = new Execution(new World(scenario('ours alone'), all), {
      ...REAL,
      connectServices(inputs, { send, ...connection }, ...rest) {
        const url = `https://tenant.test/api/v2/clients/${inputs.desired.clientId}`;
        const headers = { authorization: 'Bearer management-token' };
        const body = JSON.stringify({ client_metadata: { team: 'billing' } });
        send({ method: 'PATCH', url, headers, body }).then(
          ({ status }) => {
            told = status;
          },
          () => {
            told = 'lost';
          },
        );
        return REAL.connectServices(inputs, { send, ...connection }, ...rest);
      },
      run: () => new Promise(() => undefined),
    });
    const actor = execution.start('A');
    const [parked] = actor.parked;
    if (parked) execution.release(parked, delivery);
    await new Promise((resolve) => setImmediate(resolve));
    expect([JSON.stringify(execution.world.records()).includes('billing'), told, actor.dead]).toEqual([
      landed,
      seen,
      dead,
    ]);
    // What lands late lands once.
    execution.landLate();
    expect(JSON.stringify(execution.world.records()).includes('billing')).toBe(
      landed || delivery.kind === 'late',
    );
    expect(execution.lateCount).toBe(0);
    execution.close();
  });
});
