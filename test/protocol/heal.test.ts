/** What comes after a run that something struck, shown on code that does not heal: each part of the search must find it. */

import { beforeAll, describe, expect, test } from 'vitest';
import { type ErrorCode, RotationError } from '../../src/errors.ts';
import type { Inputs } from '../../src/inputs/inputs.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import type { Code } from './actor.ts';
import { material, prepare } from './by-hand.ts';
import { REAL } from './code.ts';
import { Healed, heal } from './heal.ts';
import { exploreLags } from './lag.ts';
import type { Materials } from './materials.ts';
import { pairOf, registrationOf } from './method.ts';
import { explorePairs, exploreSample } from './pairs.ts';
import { type Asked, scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { exploreSingle, judge } from './single.ts';
import { exploreStale } from './stale.ts';
import { Tally } from './tally.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await prepare();
});

const METHOD = 'self_signed_tls_client_auth';

/** @param fails why a run with these inputs fails, before it has done anything */
function failing(
  fails: (desired: Inputs['desired']) => string | undefined,
  code: ErrorCode = 'AUTH0_REQUEST_FAILED',
): Code {
  return {
    ...REAL,
    async run(inputs, ...rest) {
      const failed = fails(inputs.desired);
      if (failed === undefined) return REAL.run(inputs, ...rest);
      const error = new RotationError(code, { failed, remedy: '', stateNow: 'All is as it was.' });
      return { readOnly: false, desired: inputs.desired, error };
    },
  };
}

/** Its runs do nothing, and say that all is well. */
const IDLE: Code = { ...REAL, run: async ({ desired }) => ({ readOnly: false, desired }) };
const run = (number: number) => `${1000 + number}.1`;

async function healing(
  code: Code,
  {
    start = 'settled',
    mayBeRefused = false,
    ...asked
  }: Partial<Asked> & { start?: string; mayBeRefused?: boolean },
  before: (execution: Execution) => void = () => undefined,
) {
  const one = scenario(start, { force: false, ...asked });
  const execution = new Execution(new World(one, all), code);
  before(execution);
  await heal(execution, new Healed(), one, mayBeRefused);
  const { invariants, world } = execution;
  const told = invariants.violations.filter(({ invariant }) => invariant === 'L1');
  return { told: told.map(({ detail }) => detail.replace(/: .*/, '')), execution, world };
}

describe('L1: the runs that come next', () => {
  test.each<[string, number, string[]]>([
    ['the first', 1, ['the next run fails']],
    ['the third', 3, ['a third run fails']],
    ['the rotation in the end', 4, ['no rotation any more']],
    ['none', 9, []],
  ])('and %s fails', async (_, number, expected) => {
    const code = failing(({ run: one }) => (one === run(number) ? 'No.' : undefined));
    expect((await healing(code, {})).told).toEqual(expected);
  });

  test('and no rotation would ever have succeeded', async () => {
    expect(
      (
        await healing(
          failing(({ force }) => (force ? 'No.' : undefined)),
          {},
        )
      ).told,
    ).toEqual([]);
  });

  test('and the state was refused already', async () => {
    expect(
      (
        await healing(
          failing(() => 'No.'),
          { mayBeRefused: true },
        )
      ).told,
    ).toEqual([]);
  });

  test('and a place does not work after them', async () => {
    const told = ['repo:acme/shop AUTH0_MTLS_PEM does not work after the next run'];
    expect((await healing(IDLE, { start: 'nothing associated' })).told).toEqual(told);
  });

  test('and a revert needs no place that works', async () => {
    expect((await healing(IDLE, { start: 'nothing associated', operation: 'revert' })).told).toEqual([]);
  });

  test('once for each state', async () => {
    const one = scenario('settled', { force: false });
    const healed = new Healed();
    const reported: number[] = [];
    for (let time = 0; time < 2; time += 1) {
      const execution = new Execution(
        new World(one, all),
        failing(() => 'No.'),
      );
      await heal(execution, healed, one, false);
      reported.push(execution.invariants.violations.length);
    }
    expect([...reported, healed.size]).toEqual([1, 0, 1]);
  });

  test('come after the lease, and nobody else is at work then', async () => {
    const { execution, world } = await healing(REAL, {}, (one) => {
      one.start('A');
    });
    expect(execution.actors[0]?.dead).toBe(true);
    expect(world.time - (execution.trace[0]?.time ?? 0)).toBeGreaterThan(13 * 3_600_000);
  });

  test.each([
    [
      'waits as long as a message says',
      'If you do nothing, the first rotation after 2026-03-08T00:00:00.000Z removes it.',
      [],
    ],
    ['waits for nothing else', 'It waits.', ['the next run fails']],
  ])('%s', async (_, message, expected) => {
    const code = failing(({ run: one }) => (one === run(1) ? message : undefined));
    const { told, world } = await healing(code, {});
    expect(told).toEqual(expected);
    expect(world.time > Date.parse('2026-03-08T00:00:00Z')).toBe(expected.length === 0);
  });

  test.each<[string, ErrorCode, number, string[]]>([
    ['which of two clients is in use', 'CLIENT_EXISTS', 2, []],
    ['which client is in use, and there is one', 'CLIENT_EXISTS', 1, ['the next run fails']],
    ['anything else, and there are two clients', 'AUTH0_REQUEST_FAILED', 2, ['the next run fails']],
  ])('do not know %s', async (_, code, clients, expected) => {
    const { told } = await healing(
      failing(() => 'No.', code),
      { start: 'no client', operation: 'create' },
      (one) => {
        const headers = { authorization: 'Bearer management-token' };
        const url = 'https://tenant.test/api/v2/clients';
        for (let made = 0; made < clients; made += 1)
          one.world.handle({ method: 'POST', url, headers, body: JSON.stringify({ name: 'created' }) });
        const died = one.start('A');
        one.kill(died);
      },
    );
    expect(told).toEqual(expected);
  });

  test.each<[string, boolean, ErrorCode, boolean, number]>([
    ['of who manages the tenant', true, 'AUTH0_UNAUTHORIZED', true, 0],
    ['of another client', false, 'AUTH0_UNAUTHORIZED', true, 1],
    ['of who manages it and gets in', true, 'AUTH0_REQUEST_FAILED', true, 1],
    ['of who manages it, and nothing has lasted', true, 'AUTH0_UNAUTHORIZED', false, 1],
  ])('are locked out %s', async (_, isManager, code, lasting, expected) => {
    const { told } = await healing(
      failing(() => 'No.', code),
      { isManager },
      ({ invariants }) => {
        invariants.residuals.push({ kind: 'whole rotation', location: 'elsewhere', at: 0, lasting });
      },
    );
    expect(told).toHaveLength(expected);
  });
});

describe('L1: after a rehearsal', () => {
  const left = ({ world }: Execution) => {
    const name = writeOwnership({ owner: ownerOf(world.desired), run: '1.1', rehearsal: true });
    const registration = registrationOf(METHOD, pairOf(METHOD, material('R1')));
    const url = `https://tenant.test/api/v2/clients/${world.clientId}/credentials`;
    const headers = { authorization: 'Bearer management-token' };
    world.handle({ method: 'POST', url, headers, body: JSON.stringify({ ...registration, name }) });
  };
  const rehearses = { operation: 'rehearse', start: 'ours alone', poolCap: 4 } as const;
  const fails = failing(({ operation }) => (operation === 'rehearse' ? 'No.' : undefined));

  test.each<[string, Code, boolean, string[]]>([
    ['the next one succeeds, and removes what was left', REAL, false, []],
    [
      'the next one fails',
      fails,
      false,
      ['the next rehearsal fails', 'a rehearsal has left a credential, and the next one too'],
    ],
    [
      'the next one leaves what was left',
      IDLE,
      false,
      ['a rehearsal has left a credential, and the next one too'],
    ],
    ['the next one may be refused', IDLE, true, []],
  ])('%s', async (_, code, mayBeRefused, expected) => {
    const { told } = await healing(code, { ...rehearses, mayBeRefused }, left);
    expect(told.filter((one) => one.includes('rehears'))).toEqual(expected);
  });

  test('the next run may fail where no rotation would ever succeed', async () => {
    const never = failing(({ operation }) => (operation === 'rotate' ? 'No.' : undefined));
    expect((await healing(never, rehearses)).told).toEqual([]);
    const once = failing(({ force, operation }) => (operation === 'rotate' && !force ? 'No.' : undefined));
    expect((await healing(once, rehearses)).told).toEqual(['the next run fails']);
  });
});

/** A run that is struck is forced; those that heal are not. */
describe('every part of the search lets the next runs heal', () => {
  const one = scenario('settled');
  const pairing = { name: 'both rotate', scenario: one };
  const bounds = { preemptions: 0, crashes: 0 };

  test.each<[string, (code: Code, tally: Tally) => Promise<void>]>([
    ['one run', (code, tally) => exploreSingle(code, all, one, tally)],
    ['one that is held up', (code, tally) => exploreStale(code, all, one, tally)],
    ['reads that lag', (code, tally) => exploreLags(code, all, one, tally)],
    ['two runs', (code, tally) => explorePairs(code, all, pairing, bounds, tally)],
    ['two by chance', (code, tally) => exploreSample(code, all, { pairing, seed: 1, three: false }, tally)],
  ])('%s', async (_, explore) => {
    const tally = new Tally();
    tally.limit = 1;
    await explore(
      failing(({ force }) => (force ? undefined : 'No.')),
      tally,
    );
    expect(tally.findings.map(({ violation }) => violation.invariant)).toEqual(['L1']);
  });
});

describe('one run', () => {
  /** Every world of a scenario has the same ids. */
  const retiredIn = (clientId: string): string[] => {
    const { tenant } = new World(scenario('retired in the pool'), all);
    const { client, credentials } = tenant.reveal(clientId);
    const used = JSON.stringify(client.client_authentication_methods);
    return credentials.map(({ id }) => id).filter((id) => !used.includes(id));
  };
  /** Refused without a plan. */
  const refused = (writes: boolean): Code => {
    let write: () => Promise<unknown> = async () => undefined;
    return {
      ...failing(() => 'No.'),
      connectServices(inputs, connection, ...rest) {
        const [retired] = retiredIn(inputs.desired.clientId);
        const url = `https://${inputs.domain}/api/v2/clients/${inputs.desired.clientId}/credentials/${retired}`;
        const headers = { authorization: 'Bearer management-token' };
        write = () => connection.send({ method: 'DELETE', url, headers });
        return REAL.connectServices(inputs, connection, ...rest);
      },
      async run(...given) {
        if (writes) await write();
        return failing(() => 'No.').run(...given);
      },
    };
  };

  test.each([
    ['has changed nothing', false, []],
    ['has changed something all the same', true, ['refusal']],
  ])('that is refused %s', async (_, writes, expected) => {
    const tally = new Tally();
    const { executions } = tally;
    await exploreSingle(refused(writes), all, scenario('retired in the pool'), tally);
    expect([tally.refused, tally.executions - executions]).toEqual([1, 1]);
    expect(tally.findings.map(({ violation }) => violation.invariant)).toEqual(expected);
  });

  test('fails while reads lag, and nothing else has struck it', async () => {
    let runs = 0;
    const code = failing(() => {
      runs += 1;
      return runs === 2 ? 'No.' : undefined;
    });
    const tally = new Tally();
    tally.limit = 1;
    await exploreLags(code, all, scenario('settled'), tally);
    // The first of them, which nothing has struck.
    expect(tally.lags).toBe(1);
    expect(tally.findings.map(({ violation }) => violation.invariant)).toEqual(['lag']);
  });

  test('throws, or sends a key', async () => {
    const thrown = new Execution(new World(scenario('settled'), all), {
      ...REAL,
      run: () => Promise.reject(new Error('any')),
    });
    const actor = thrown.start('A');
    await new Promise((resolve) => setImmediate(resolve));
    thrown.kill(actor);
    expect(thrown.invariants.violations.map(({ invariant }) => invariant)).toEqual(['thrown']);
    const line = material('C1').secretLine;
    const sent = new Execution(new World(scenario('settled'), all), {
      ...REAL,
      connectServices(inputs, connection, ...rest) {
        void connection.send({ method: 'GET', url: `https://tenant.test/?${line}`, headers: {} });
        return REAL.connectServices(inputs, connection, ...rest);
      },
    });
    sent.start('A');
    sent.close();
    expect(sent.invariants.violations.map(({ invariant }) => invariant)).toEqual(['I6']);
  });
});

describe('a fault that passes', () => {
  const passes = { name: 'it passes', deliveries: [], passes: true };
  const stays = { name: 'it stays', deliveries: [] };
  const well = { succeeded: true, isUndone: false, left: 0 };
  const failed = { succeeded: false, isUndone: true, left: 0 };
  const FAILS = 'the run fails: No.';
  const LEFT = 'what the failed run has made is not removed';

  test.each<[string, (typeof passes | typeof stays)[], typeof well, typeof well, string[]]>([
    ['passes', [passes], well, well, []],
    ['makes a run fail', [passes], failed, well, [FAILS]],
    ['and another one make it fail', [passes, passes], failed, well, [FAILS]],
    ['follows one that stays', [stays, passes], failed, failed, []],
    ['comes before one that stays', [passes, stays], failed, well, []],
    ['follows one that stays, which only together fail', [stays, passes], failed, well, []],
    ['makes a run fail that fails anyway', [passes], failed, failed, []],
    [
      'keeps a failed run from taking back what it has made',
      [stays, passes],
      { ...failed, left: 1 },
      failed,
      [LEFT],
    ],
    [
      'strikes a run that leaves as much anyway',
      [stays, passes],
      { ...failed, left: 1 },
      { ...failed, left: 1 },
      [],
    ],
    [
      'strikes a run that has stored',
      [stays, passes],
      { succeeded: false, isUndone: false, left: 1 },
      failed,
      [],
    ],
  ])('%s', (_, faults, so, without, expected) => {
    const execution = new Execution(new World(scenario('settled'), all), REAL);
    const played = { requests: [], trace: [], message: 'No.', stateNow: '' };
    const strikes = faults.map((fault, index) => ({ at: index + 1, fault }));
    judge(execution, strikes, { ...played, ...so }, { ...played, ...without });
    expect(execution.invariants.violations.map(({ detail }) => detail)).toEqual(expected);
  });
});
