/** The lock: what is seen right before and after a change of the association, and what another run makes of it. */

import { describe, expect, it } from 'vitest';
import { LONGEST_FLIGHT } from '../../../src/http/wire.ts';
import type { SecretLocation } from '../../../src/model/secret-location.ts';
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
    await lock.association.awaitReadBack();
    expect(lock.sent.slice(4).sort()).toEqual(['GET client', 'GET pool']);
    expect([lock.associated, lock.slept]).toEqual([['C1', 'R1'], []]);
  });

  it('that only removes does not wait until Auth0 shows the new list', async () => {
    const lock = await Lock.begin('settled');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    expect(lock.sent.slice(3)).toEqual(['PATCH client [C1]', 'GET pool']);
    expect(lock.associated).toEqual(['C1']);
  });

  it('may follow an earlier change by the same run', async () => {
    const lock = await Lock.begin('settled');
    await lock.adopt();
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.awaitReadBack();
    expect([lock.associated, lock.slept]).toEqual([['C1', 'R1'], []]);
  });

  it('throws a defect for a credential that was never made', async () => {
    const lock = await Lock.begin('ours alone');
    await expect(lock.association.replace([ISSUED], true)).rejects.toThrow('before it exists');
    expect(lock.sent).toEqual([]);
  });

  it('throws a defect if the client uses another method, since the PATCH would move it', async () => {
    const lock = await Lock.begin('client secret', { operation: 'enroll' });
    await lock.adopt();
    await expect(lock.association.replace([ISSUED], true)).rejects.toThrow(
      'a method that the client does not use',
    );
    expect(lock.sent).toEqual([]);
  });

  it('is read back until Auth0 shows it, for up to 15 s', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.meanwhile = (line) => {
      if (line.startsWith('PATCH')) lock.world.beginLag('every read', 4_000);
      return undefined;
    };
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.awaitReadBack();
    expect(lock.slept).toEqual([250, 500, 1_000, 2_000, 2_000].slice(0, lock.slept.length));
    expect(lock.slept.length).toBeGreaterThan(2);
  });

  it('fails as a change by somebody else if Auth0 never shows it', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.meanwhile = (line, count) => {
      if (line === 'GET client' && count === 2) lock.associate('C1');
      return undefined;
    };
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(await failure(lock.association.awaitReadBack())).toBe(`ROTATION_IN_PROGRESS: ${CHANGED}`);
    expect(lock.slept.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(12_000);
    expect(lock.slept.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(15_000);
  });
});

describe('a fresh read stops the run before its change if it shows', () => {
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

  it('does not stop the run for a later credential of another run, since the earlier one wins', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    lock.world.time += 1_000;
    lock.rival();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.awaitReadBack();
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it('does not stop the run for the new time of a secret that it has written itself', async () => {
    const lock = await Lock.begin('settled');
    lock.store();
    const [primary] = lock.state.secrets;
    if (primary) lock.association.rememberStored(primary.location);
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    expect(lock.associated).toEqual(['C1']);
  });

  it('stops the run for the new time of a secret that somebody else wrote, if this run wrote another', async () => {
    const lock = await Lock.begin('settled');
    lock.store();
    const location = { ...(lock.state.secrets[0]?.location as SecretLocation), secretName: 'ANOTHER' };
    lock.association.rememberStored(location);
    expect(await failure(lock.association.replace([lock.id('C1')], false))).toMatch(
      /: Somebody else changed/,
    );
  });

  it('accepts that the primary secret is still missing', async () => {
    const lock = await Lock.begin('hand-made, no secret');
    await lock.adopt();
    await lock.association.replace([lock.id('H1'), ISSUED], true);
    expect(lock.associated).toEqual(['H1', 'R1']);
  });

  it('waits while Auth0 still shows the list that this run has just replaced', async () => {
    const lock = await Lock.begin('settled');
    lock.meanwhile = (line) => {
      if (line === 'PATCH client [C1]') lock.world.beginLag('every read', 3_000);
      return undefined;
    };
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    await lock.association.replace([], false);
    expect(lock.slept.length).toBeGreaterThan(1);
    expect(lock.associated).toEqual([]);
  });

  it('waits until the pool shows the credential that this run made', async () => {
    const lock = await Lock.begin('ours alone');
    lock.world.beginLag('pool', 1_500);
    lock.world.time += 500;
    await lock.adopt();
    const { pool } = await lock.association.requireUnchanged();
    expect(pool.map(({ id }) => id)).toEqual([lock.id('C1'), lock.id('R1')]);
    expect(lock.slept).toEqual([250, 500, 1_000].slice(0, lock.slept.length));
    expect(lock.slept.length).toBeGreaterThan(1);
  });

  it('waits for that credential for up to 15 s', async () => {
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

  it("the run that took out an earlier run's credential associates it again, and stops", async () => {
    const lock = await overlooked('ours alone', 'C1', 'R1');
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(await failure(lock.association.awaitReadBack())).toMatch(
      /in progress: run 1002\.1 made credential/,
    );
    expect(lock.sent.at(-1)).toBe('PATCH client [C1,R1]');
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it('never associates more than two', async () => {
    const lock = await overlooked('settled');
    await lock.association.replace([lock.id('P1'), lock.id('C1')], false);
    expect(await failure(lock.association.awaitReadBack())).toMatch(/in progress/);
    expect(lock.sent.at(-1)).toBe('PATCH client [C1,R1]');
  });

  it('names the secret that may hold the older pair after another run wrote it', async () => {
    const lock = await Lock.begin('partly delivered');
    const [primary] = lock.world.locations;
    if (!primary) throw new Error('no place');
    await lock.association.refuseOvertaken(primary);
    lock.rival();
    expect(await failure(lock.association.refuseOvertaken(primary))).toBe(
      `ROTATION_IN_PROGRESS: While this run stored the current pair in repo:acme/shop, run 1002.1 made credential ${lock.id('R1')}: that destination may hold either.`,
    );
  });
});

describe('a PATCH without an answer', () => {
  const lose = (lock: Lock, line: string) => {
    lock.meanwhile = (one, count) => (one === line && count === 1 ? 'lost' : undefined);
  };

  it('makes a change to another list wait until it can no longer land', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    expect(lock.association.pendingWriteUntil).toBeGreaterThan(lock.world.time);
    lock.slept.length = 0;
    await lock.adopt();
    const before = lock.world.time;
    const { pendingWriteUntil } = lock.association;
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    expect(lock.slept).toEqual([pendingWriteUntil - before]);
    expect(pendingWriteUntil - before).toBeGreaterThan(LONGEST_FLIGHT - 5_000);
  });

  it('does not make a change to the same list wait', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    lock.slept.length = 0;
    await lock.association.replace([lock.id('C1')], false);
    expect(lock.slept).toEqual([]);
  });

  it('makes no change wait once its time is over', async () => {
    const lock = await Lock.begin('settled');
    lose(lock, 'PATCH client [C1]');
    await lock.association.replace([lock.id('C1')], false);
    await lock.association.awaitReadBack();
    lock.slept.length = 0;
    lock.world.time = lock.association.pendingWriteUntil;
    await lock.association.replace([], false);
    expect(lock.slept).toEqual([]);
  });

  it('is not pending if every PATCH was answered', async () => {
    const lock = await Lock.begin('settled');
    await lock.association.replace([lock.id('C1')], false);
    expect(lock.association.pendingWriteUntil).toBe(0);
  });
});
