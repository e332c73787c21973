/** The lock: what is seen right before and after a change of the association, and what another run makes of it. */

import { describe, expect, it } from 'vitest';
import { LONGEST_FLIGHT } from '../../../src/http/wire.ts';
import { ISSUED } from '../../../src/model/step.ts';
import { CHANGED, failure, Lock } from '../../support/lock.ts';

const READS = ['GET client', 'GET pool', 'GET secret'];

describe('a change of the association', () => {
  it('reads everything anew, replaces the list, and reads it back', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(lock.sent.slice(0, 3).sort()).toEqual(READS);
    expect(lock.sent[3]).toBe('PATCH client [C1,R1]');
    await lock.association.readBack();
    expect(lock.sent.slice(4).sort()).toEqual(['GET client', 'GET pool']);
    expect([lock.associated, lock.slept]).toEqual([['C1', 'R1'], []]);
  });

  it('that takes out is not read back: what is gone needs no proof', async () => {
    const lock = await Lock.begin('settled');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    expect(lock.sent.slice(3)).toEqual(['PATCH client [C1]', 'GET pool']);
    expect(lock.associated).toEqual(['C1']);
  });

  it('may follow another one of this run', async () => {
    const lock = await Lock.begin('settled');
    await lock.adopt();
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.readBack();
    expect([lock.associated, lock.slept]).toEqual([['C1', 'R1'], []]);
  });

  it('with a credential that was never made is a defect', async () => {
    const lock = await Lock.begin('ours alone');
    await expect(lock.association.replace([ISSUED], true)).rejects.toThrow('before it exists');
    expect(lock.sent).toEqual([]);
  });

  it('of a method that the client does not use would move it: a defect', async () => {
    const lock = await Lock.begin('client secret', { operation: 'enroll' });
    await lock.adopt();
    await expect(lock.association.replace([ISSUED], true)).rejects.toThrow(
      'a method that the client does not use',
    );
    expect(lock.sent).toEqual([]);
  });

  it('is read back until it shows, for 15 s at most', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.meanwhile = (line) => {
      if (line.startsWith('PATCH')) lock.world.beginLag('every read', 4_000);
      return undefined;
    };
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.readBack();
    expect(lock.slept).toEqual([250, 500, 1_000, 2_000, 2_000].slice(0, lock.slept.length));
    expect(lock.slept.length).toBeGreaterThan(2);
  });

  it('that never shows was undone by somebody', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.meanwhile = (line, count) => {
      if (line === 'GET client' && count === 2) lock.associate('C1');
      return undefined;
    };
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(await failure(lock.association.readBack())).toBe(`ROTATION_IN_PROGRESS: ${CHANGED}`);
    expect(lock.slept.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(12_000);
    expect(lock.slept.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(15_000);
  });
});

describe('what a fresh read shows stops the run before its change', () => {
  it.each<[string, (lock: Lock) => void, RegExp]>([
    [
      'an earlier credential of another run',
      (lock) => void lock.rival(),
      /Another rotation of this client is in progress: run 1002\.1 made credential/,
    ],
    [
      'another association',
      (lock) => lock.associate('C1', 'P1'),
      /changed the client's associated credentials/,
    ],
    [
      'another method',
      (lock) =>
        lock.patch({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' }),
      /changed the authentication method of the client/,
    ],
    [
      "a new version of the primary's secret",
      (lock) => lock.store(),
      /changed the secret of the primary destination/,
    ],
  ])('%s', async (_, interfere, words) => {
    const lock = await Lock.begin('retired in the pool');
    interfere(lock);
    lock.world.time += 1_000;
    await lock.adopt();
    expect(await failure(lock.association.replace([lock.id('C1'), ISSUED], true))).toMatch(words);
    expect(lock.sent.sort()).toEqual(READS);
  });

  it('a later credential of another run does not: the earlier wins', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.world.time += 1_000;
    lock.rival();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.readBack();
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it("its own delivery is no surprise, although the secret's time is another", async () => {
    const lock = await Lock.begin('settled');
    lock.store();
    lock.association.rememberDeliveryBegun();
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    expect(lock.associated).toEqual(['C1']);
  });

  it('one of a place that does not exist is none', async () => {
    const lock = await Lock.begin('hand-made, no secret');
    await lock.adopt();
    await lock.association.replace([lock.id('H1'), ISSUED], true);
    expect(lock.associated).toEqual(['H1', 'R1']);
  });

  it('an old list is waited for while it is what this run has just replaced', async () => {
    const lock = await Lock.begin('settled');
    lock.meanwhile = (line) => {
      if (line === 'PATCH client [C1]') lock.world.beginLag('every read', 3_000);
      return undefined;
    };
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    await lock.association.replace([], false);
    expect(lock.slept.length).toBeGreaterThan(1);
    expect(lock.associated).toEqual([]);
  });

  it('its own new credential is waited for in the pool', async () => {
    const lock = await Lock.begin('ours alone');
    lock.world.beginLag('pool', 1_500);
    lock.world.time += 500;
    await lock.adopt();
    const { pool } = await lock.association.requireUnchanged();
    expect(pool.map(({ id }) => id)).toEqual([lock.id('C1'), lock.id('R1')]);
    expect(lock.slept).toEqual([250, 500, 1_000].slice(0, lock.slept.length));
    expect(lock.slept.length).toBeGreaterThan(1);
  });

  it('its own new credential is waited for 15 s at most', async () => {
    const lock = await Lock.begin('ours alone');
    lock.world.beginLag('pool', 60_000);
    lock.world.time += 500;
    await lock.adopt();
    expect(await failure(lock.association.requireUnchanged())).toMatch(/changed the client's credentials/);
  });
});

describe('two runs at once', () => {
  /** Another run came first, and the first read of the pool does not know it yet. */
  async function overlooked(start: string, ...associates: string[]): Promise<Lock> {
    const lock = await Lock.begin(start);
    lock.rival();
    lock.world.time += 1_000;
    await lock.adopt();
    lock.meanwhile = (line, count) => {
      if (line === 'GET pool' && count === 1) return lock.poolWithout('R1');
      if (line.startsWith('PATCH') && count === 1 && associates.length > 0) lock.associate(...associates);
      return undefined;
    };
    return lock;
  }

  it('the one that displaced an earlier one puts it back, and stops', async () => {
    const lock = await overlooked('ours alone', 'C1', 'R1');
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(await failure(lock.association.readBack())).toMatch(/in progress: run 1002\.1 made credential/);
    expect(lock.sent.at(-1)).toBe('PATCH client [C1,R1]');
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it('never puts back more than two', async () => {
    const lock = await overlooked('settled');
    await lock.association.replace([lock.id('P1'), lock.id('C1')], false);
    expect(await failure(lock.association.readBack())).toMatch(/in progress/);
    expect(lock.sent.at(-1)).toBe('PATCH client [C1,R1]');
  });

  it('a place that was written meanwhile may hold the older pair: it is named', async () => {
    const lock = await Lock.begin('partly delivered');
    const [primary] = lock.world.locations;
    if (!primary) throw new Error('no place');
    await lock.association.refuseOvertaken(primary);
    lock.rival();
    expect(await failure(lock.association.refuseOvertaken(primary))).toBe(
      `ROTATION_IN_PROGRESS: While this run stored the current pair in repo:acme/shop AUTH0_MTLS_PEM, run 1002.1 made credential ${lock.id('R1')}: that secret may hold either.`,
    );
  });
});

describe('a PATCH without an answer', () => {
  const lose = (lock: Lock, line: string) => {
    lock.meanwhile = (one, count) => (one === line && count === 1 ? 'lost' : undefined);
  };

  it('may land once more: another list waits until it cannot', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    expect(lock.association.pendingWriteUntil).toBeGreaterThan(lock.world.time);
    lock.slept.length = 0;
    await lock.adopt();
    const before = lock.world.time;
    const { pendingWriteUntil } = lock.association;
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(lock.slept).toEqual([pendingWriteUntil - before]);
    expect(pendingWriteUntil - before).toBeGreaterThan(LONGEST_FLIGHT - 5_000);
  });

  it('is not waited for by the same list', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    lock.slept.length = 0;
    await lock.association.replace([lock.id('C1')], false);
    expect(lock.slept).toEqual([]);
  });

  it('is not waited for when its time is over', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.readBack();
    lock.slept.length = 0;
    lock.world.time = lock.association.pendingWriteUntil;
    await lock.association.replace([], false);
    expect(lock.slept).toEqual([]);
  });

  it('there was none: nothing haunts', async () => {
    const lock = await Lock.begin('settled');
    await lock.association.replace([lock.id('C1')], false);
    expect(lock.association.pendingWriteUntil).toBe(0);
  });
});
