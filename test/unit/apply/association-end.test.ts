/** The lock: what this run makes sure of at its end, what it takes back, and a client that changes its method. */

import { describe, expect, it } from 'vitest';
import { LONGEST_FLIGHT } from '../../../src/http/wire.ts';
import { ISSUED } from '../../../src/model/step.ts';
import { CHANGED, failure, Lock } from '../../support/lock.ts';

/** Its new credential associated beside the current one. */
async function added(lock: Lock): Promise<void> {
  await lock.adopt();
  await lock.association.replace([lock.id('C1'), ISSUED], true);
  await lock.association.awaitReadBack();
  lock.sent.length = 0;
}

describe('the delivered credential, checked at the end', () => {
  it('needs one read and no change if it is associated', async () => {
    const lock = await Lock.begin('settled');
    await lock.association.keepAssociated(lock.id('C1'));
    expect([lock.sent, lock.slept]).toEqual([['GET client'], []]);
  });

  it('is associated again beside one other, if somebody took it out', async () => {
    const lock = await Lock.begin('settled');
    lock.associate('P1');
    await lock.association.keepAssociated(lock.id('C1'));
    expect(lock.associated).toEqual(['P1', 'C1']);
    expect([lock.sent, lock.slept]).toEqual([
      ['GET client', 'GET client', 'GET pool', 'PATCH client [P1,C1]', 'GET client'],
      [],
    ]);
  });

  it('replaces a credential that the plan did not know', async () => {
    const lock = await Lock.begin('ours alone');
    await added(lock);
    lock.rival();
    lock.associate('C1', 'R2');
    await lock.association.keepAssociated(lock.id('R1'));
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it('replaces a credential that is no longer in the pool', async () => {
    const lock = await Lock.begin('settled');
    lock.associate('P1');
    lock.meanwhile = (line) => (line === 'GET pool' ? lock.poolWithout('P1') : undefined);
    await lock.association.keepAssociated(lock.id('C1'));
    expect(lock.associated).toEqual(['C1']);
  });

  it('is left alone if a second read shows it', async () => {
    const lock = await Lock.begin('settled');
    lock.meanwhile = (line, count) => {
      if (line === 'GET client') lock.associate(...(count === 1 ? ['P1'] : ['P1', 'C1']));
      return undefined;
    };
    await lock.association.keepAssociated(lock.id('C1'));
    expect(lock.sent).toEqual(['GET client', 'GET client', 'GET pool']);
  });

  it('is associated beside one other at most', async () => {
    const lock = await Lock.begin('settled');
    await lock.adopt();
    await lock.association.keepAssociated(lock.id('R1'));
    expect(lock.associated).toEqual(['P1', 'R1']);
  });

  it('waits for up to a second while Auth0 shows a list that this run has replaced', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.awaitReadBack();
    lock.sent.length = 0;
    lock.associate('C1');
    await lock.association.keepAssociated(lock.id('R1'));
    expect(lock.slept).toEqual([250, 500, 1_000]);
    expect(lock.associated).toEqual(['C1', 'R1']);
  });

  it('does not move a client back that somebody moved to another method', async () => {
    const lock = await Lock.begin('settled');
    lock.patch({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' });
    expect(await failure(lock.association.keepAssociated(lock.id('C1')))).toMatch(
      /changed the authentication method/,
    );
    expect(lock.slept).toEqual([250, 500, 1_000]);
    expect(lock.sent.some((line) => line.startsWith('PATCH'))).toBe(false);
  });

  it('is associated again although the reads lag behind that', async () => {
    const lock = await Lock.begin('settled');
    lock.associate('P1');
    const before = lock.client();
    lock.meanwhile = (line, count) => (line === 'GET client' && [3, 4].includes(count) ? before : undefined);
    await lock.association.keepAssociated(lock.id('C1'));
    expect([lock.associated, lock.slept, lock.association.takenOut]).toEqual([
      ['P1', 'C1'],
      [250, 500],
      undefined,
    ]);
  });

  it('is an error if somebody takes it out again at once', async () => {
    const lock = await Lock.begin('settled');
    lock.associate('P1');
    lock.meanwhile = (line, count) => {
      if (line === 'GET client' && count === 3) lock.associate('P1');
      return undefined;
    };
    expect(await failure(lock.association.keepAssociated(lock.id('C1')))).toBe(
      `ROTATION_IN_PROGRESS: ${CHANGED}`,
    );
    expect(lock.association.takenOut).toBe(lock.id('C1'));
  });
});

describe('a change of method', () => {
  const begin = (start = 'client secret') => Lock.begin(start, { operation: 'enroll' });

  it('moves the client with its credentials, and reads it back', async () => {
    const lock = await begin();
    await lock.adopt();
    const moved: number[] = [];
    await lock.association.moveToMethod([ISSUED], () => moved.push(lock.sent.length));
    await lock.association.awaitReadBack();
    // Told right before: from then on it may have to be moved back.
    expect(moved).toEqual([3]);
    expect(lock.sent.slice(3).sort()).toEqual(['GET client', 'GET pool', 'PATCH client [R1]']);
    expect(lock.associated).toEqual(['R1']);
    await lock.association.requireUnchanged();
  });

  it('waits while a read still shows the old method', async () => {
    const lock = await begin();
    await lock.adopt();
    lock.world.time += 500;
    lock.meanwhile = (line) => {
      if (line.startsWith('PATCH')) lock.world.beginLag('every read', 3_000);
      return undefined;
    };
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    expect(lock.slept.length).toBeGreaterThan(2);
    expect(lock.slept.slice(0, 3)).toEqual([250, 500, 1_000]);
  });

  it('does not stop a later step while a read still shows the old method', async () => {
    const lock = await begin();
    await lock.adopt();
    const before = lock.client();
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    lock.sent.length = 0;
    lock.meanwhile = (line, count) => (line === 'GET client' && count === 1 ? before : undefined);
    await lock.association.requireUnchanged();
    expect(lock.slept).toEqual([250]);
  });

  it('from another credential method may be moved back to its credentials', async () => {
    const lock = await Lock.begin('left behind, private_key_jwt', { operation: 'enroll' }, (one) =>
      one.useKey(),
    );
    expect(await lock.association.mayMoveBack()).toBe(true);
    await lock.adopt();
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    expect(lock.associated).toEqual(['R2']);
  });

  it('may land once more if an attempt got no answer', async () => {
    const lock = await begin();
    await lock.adopt();
    lock.meanwhile = (line, count) => (line.startsWith('PATCH') && count === 1 ? 'lost' : undefined);
    await lock.association.moveToMethod([ISSUED], () => undefined);
    expect(lock.association.pendingWriteUntil - lock.world.time).toBeGreaterThan(LONGEST_FLIGHT - 5_000);
  });

  it('stops if an undo would not restore the credentials of the previous method', async () => {
    const lock = await begin('left behind, private_key_jwt');
    await lock.adopt();
    lock.useKey();
    expect(await failure(lock.association.moveToMethod([ISSUED], () => undefined))).toMatch(
      /changed the client/,
    );
    expect(lock.sent.some((line) => line.startsWith('PATCH'))).toBe(false);
  });

  it('to a client secret reports the move after the PATCH, and waits until Auth0 shows it', async () => {
    const lock = await Lock.begin('settled', { operation: 'revert' });
    const told: number[] = [];
    await lock.association.moveToMethodWithoutCredentials('client_secret_post', () =>
      told.push(lock.sent.length),
    );
    expect(told).toEqual([4]);
    expect(lock.sent.slice(3)).toEqual(['PATCH client []', 'GET client', 'GET pool']);
    expect(lock.world.tenant.reveal(lock.world.clientId).client.token_endpoint_auth_method).toBe(
      'client_secret_post',
    );
  });

  it('to a client secret reports the move at once if the PATCH got no answer', async () => {
    const lock = await Lock.begin('settled', { operation: 'revert' });
    const told: number[] = [];
    lock.meanwhile = (line, count) => (line.startsWith('PATCH') && count === 1 ? 'lost' : undefined);
    await lock.association.moveToMethodWithoutCredentials('client_secret_post', () =>
      told.push(lock.sent.length),
    );
    expect(told).toEqual([4, 5]);
  });

  it('to a client secret fails as a change by somebody else if Auth0 never shows it', async () => {
    const lock = await Lock.begin('settled', { operation: 'revert' });
    lock.meanwhile = (line) => {
      if (line.startsWith('PATCH')) lock.world.beginLag('every read', 60_000);
      return undefined;
    };
    lock.world.time += 500;
    expect(
      await failure(lock.association.moveToMethodWithoutCredentials('client_secret_post', () => undefined)),
    ).toMatch(/changed the authentication method of the client/);
  });

  it('to a client secret stops for a rotation that began before it or during it', async () => {
    const first = await Lock.begin('settled', { operation: 'revert' });
    first.rival();
    const told: string[] = [];
    expect(
      await failure(
        first.association.moveToMethodWithoutCredentials('client_secret_post', () => told.push('moved')),
      ),
    ).toMatch(/in progress/);
    const second = await Lock.begin('settled', { operation: 'revert' });
    second.meanwhile = (line) => {
      if (line.startsWith('PATCH')) second.rival();
      return undefined;
    };
    expect(
      await failure(
        second.association.moveToMethodWithoutCredentials('client_secret_post', () => told.push('moved')),
      ),
    ).toMatch(/in progress: run 1002\.1/);
    expect(told).toEqual(['moved']);
  });

  it('may be undone while nobody else has touched the client', async () => {
    const lock = await begin();
    expect(await lock.association.mayMoveBack()).toBe(true);
    await lock.adopt();
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    expect(await lock.association.mayMoveBack()).toBe(true);
    lock.rival();
    lock.associate('R1', 'R2');
    expect(await lock.association.mayMoveBack()).toBe(false);
    lock.patch({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_basic' });
    expect(await lock.association.mayMoveBack()).toBe(false);
    lock.patch({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' });
    expect(await lock.association.mayMoveBack()).toBe(true);
  });

  it('from another credential method may be undone while its credentials are unchanged', async () => {
    const lock = await begin('left behind, private_key_jwt');
    expect(await lock.association.mayMoveBack()).toBe(true);
    lock.useKey();
    expect(await lock.association.mayMoveBack()).toBe(false);
  });

  it('may be undone if the client cannot be read', async () => {
    const lock = await begin();
    lock.meanwhile = () => ({ status: 403, body: '{}' });
    expect(await lock.association.mayMoveBack()).toBe(true);
  });
});

describe('the undo of a new credential', () => {
  it('takes it out if it is associated, and deletes it', async () => {
    const lock = await Lock.begin('ours alone');
    await added(lock);
    await lock.association.remove(lock.id('R1'));
    expect(lock.sent).toEqual(['GET client', 'PATCH client [C1]', 'DELETE credential R1']);
    expect([lock.associated, lock.pool]).toEqual([['C1'], ['C1']]);
  });

  it('takes it out even if it is the only one, if there was none before', async () => {
    const lock = await Lock.begin('nothing');
    await lock.adopt();
    await lock.association.replace([ISSUED], true);
    await lock.association.remove(lock.id('R1'));
    expect([lock.associated, lock.pool]).toEqual([[], []]);
  });

  it('only deletes it if it was never associated', async () => {
    const lock = await Lock.begin('ours alone');
    await lock.adopt();
    await lock.association.remove(lock.id('R1'));
    expect(lock.sent).toEqual(['GET client', 'DELETE credential R1']);
  });

  it('keeps what somebody else has associated meanwhile', async () => {
    const lock = await Lock.begin('ours alone');
    await added(lock);
    lock.rival();
    lock.associate('R1', 'R2');
    await lock.association.remove(lock.id('R1'));
    expect([lock.associated, lock.pool]).toEqual([['R2'], ['C1', 'R2']]);
  });

  it('begins after the read-back, whatever the read-back finds', async () => {
    const lock = await Lock.begin('ours alone');
    lock.rival();
    lock.world.time += 1_000;
    await lock.adopt();
    lock.meanwhile = (line, count) =>
      line === 'GET pool' && count === 1 ? lock.poolWithout('R1') : undefined;
    await lock.association.replace([lock.id('C1'), ISSUED], true);
    await lock.association.remove(lock.id('R2'));
    expect([lock.associated, lock.pool]).toEqual([
      ['C1', 'R1'],
      ['C1', 'R1'],
    ]);
  });

  it('is repeated while Auth0 says that the credential is still associated', async () => {
    const lock = await Lock.begin('ours alone');
    await added(lock);
    lock.world.time += 500;
    lock.meanwhile = (line, count) => {
      if (line === 'GET client' && count === 1) lock.associate('C1');
      if (line.startsWith('DELETE') && count === 1)
        return { status: 400, body: '{"message":"Credential is still associated with the client"}' };
      return undefined;
    };
    await lock.association.remove(lock.id('R1'));
    expect(lock.slept).toEqual([250]);
    expect(lock.pool).toEqual(['C1']);
  });

  it('waits after an enrollment until the client was moved back, since an empty list would lock everybody out', async () => {
    const lock = await Lock.begin('client secret', { operation: 'enroll' });
    await lock.adopt();
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    lock.sent.length = 0;
    expect(await failure(lock.association.remove(lock.id('R1')))).toMatch(/changed the client's credentials/);
    expect([lock.associated, new Set(lock.sent)]).toEqual([['R1'], new Set(['GET client'])]);
    lock.patch({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' });
    await lock.association.remove(lock.id('R1'));
    expect(lock.pool).toEqual([]);
  });

  it('keeps, after an enrollment, what somebody has added', async () => {
    const lock = await Lock.begin('client secret', { operation: 'enroll' });
    await lock.adopt();
    await lock.association.moveToMethod([ISSUED], () => undefined);
    await lock.association.awaitReadBack();
    lock.rival();
    lock.associate('R1', 'R2');
    await lock.association.remove(lock.id('R1'));
    expect([lock.associated, lock.pool]).toEqual([['R2'], ['R2']]);
  });
});
