/** What each write may do, clause by clause: a state that breaks the one promise, and its neighbour that does not. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { DesiredState } from '../../src/model/desired-state.ts';
import { printLocation } from '../../src/model/secret-location.ts';
import type { Actor } from './actor.ts';
import { ByHand, material, prepare } from './by-hand.ts';
import { pairOf, registrationOf } from './method.ts';
import type { Asked } from './scenarios.ts';

beforeAll(async () => void (await prepare()));

const METHOD = 'self_signed_tls_client_auth';
type Operation = DesiredState['operation'];

describe('I3: of what is associated', () => {
  test('two are the most', () => {
    const hand = new ByHand('settled');
    const actor = hand.actor('A');
    hand.sends(actor, 'PATCH', '', { client_metadata: {} });
    expect(hand.broken('I3')).toEqual([]);
    hand.world.add({ label: 'H1', mark: 'none', associated: true, age: 0 });
    hand.sends(actor, 'PATCH', '', { client_metadata: {} });
    expect(hand.broken('I3')).toEqual(['3 credentials are associated']);
  });

  test.each<[string, string, number[], number]>([
    ['the last goes', 'two hold one', [], 1],
    ['the last goes where an interruption is named for some of those it serves', 'two hold one', [0], 1],
    ['the last goes where it is named for all', 'two hold one', [0, 1], 0],
    ['the last goes that serves nobody', 'abandoned alone', [], 0],
  ])('%s', (_, start, named, expected) => {
    const hand = new ByHand(start);
    const actor = hand.actor('A');
    for (const place of named) actor.interrupts.add(printLocation(hand.place(place)));
    hand.associates(actor, []);
    expect(hand.broken('I3')).toHaveLength(expected);
  });
});

test('what another method lists is not associated', () => {
  const { world } = new ByHand('left behind, private_key_jwt', { operation: 'enroll', force: false });
  const registration = registrationOf('private_key_jwt', pairOf('private_key_jwt', material('R1')));
  world.tenant.seedCredential(world.clientId, { ...registration, associate: true });
  // Until the next write a world remembers what was there.
  world.admin({ client_metadata: {} });
  expect(world.truth().pool.size).toBe(2);
  expect(world.records()[0]?.client.client_authentication_methods).toHaveProperty('private_key_jwt');
  expect(world.truth().associated).toEqual([]);
});

describe('I4: another method', () => {
  test.each<[Operation, number]>([
    ['rotate', 1],
    ['rehearse', 1],
    ['revert', 0],
    ['enroll', 0],
  ])('by %s', (operation, expected) => {
    const hand = new ByHand('ours alone', { operation });
    hand.takesBack(hand.actor('A'));
    expect(hand.broken('I4')).toHaveLength(expected);
  });
});

test('I4: what is foreign and not associated is deleted', () => {
  const hand = new ByHand('foreign certificate');
  hand.sends(hand.actor('A'), 'DELETE', `/credentials/${hand.idOf('F1')}`);
  expect(hand.broken('I4')).toEqual([expect.stringContaining('what is not ours is now')]);
});

describe('I4: what a person has associated meanwhile is taken out', () => {
  const all = (hand: ByHand, actor: Actor) => {
    hand.reads(actor);
    hand.readsPool(actor);
  };
  const again = (hand: ByHand, actor: Actor) => hand.reads(actor);
  const nothing = () => undefined;

  test.each<[string, typeof all, typeof all, number]>([
    ['by who had read all before, and has read it again', all, again, 1],
    ['by who had read all before, and was frozen since', all, nothing, 0],
    ['by who has read it first', nothing, all, 0],
    ['by who had read the client, and no pool', (hand, actor) => hand.reads(actor), again, 0],
    ['by who had read the pool alone', (hand, actor) => hand.readsPool(actor), again, 0],
    ['while another run had read all', (hand) => all(hand, hand.actor('B')), again, 0],
  ])('%s', (_, before, after, expected) => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    before(hand, actor);
    hand.execution.invariants.associatedByHand(hand.world.associateByHand());
    after(hand, actor);
    hand.associates(actor, [hand.idOf('C1')]);
    expect(hand.broken('I4')).toHaveLength(expected);
  });

  test('unless the client goes with it', () => {
    const hand = new ByHand('ours alone', { operation: 'create' });
    const actor = hand.actor('A');
    all(hand, actor);
    hand.execution.invariants.associatedByHand(hand.world.associateByHand());
    again(hand, actor);
    hand.sends(actor, 'DELETE', '');
    expect(hand.broken('I4').filter((one) => one.includes('a person'))).toEqual([]);
  });
});

describe('I4: what a person has made meanwhile, and associated with nothing', () => {
  test.each<[string, (hand: ByHand, actor: Actor, id: string) => void, string[]]>([
    ['stays', (hand, actor) => hand.associates(actor, [hand.idOf('C1')]), []],
    [
      'is deleted',
      (hand, actor, id) => void hand.sends(actor, 'DELETE', `/credentials/${id}`),
      ['what a person has made meanwhile is deleted'],
    ],
    [
      'is associated',
      (hand, actor, id) => hand.associates(actor, [hand.idOf('C1'), id]),
      ['what a person has made meanwhile is associated'],
    ],
  ])('%s', (_, does, expected) => {
    const hand = new ByHand('ours alone', { method: 'tls_client_auth' });
    const actor = hand.actor('A');
    const id = hand.world.takeSubject() ?? '';
    hand.execution.invariants.takenByHand(id);
    does(hand, actor, id);
    expect(hand.broken('I4')).toEqual(expected);
  });
});

describe('I5: what is stored has logged in', () => {
  test.each<[Asked['binding'], boolean, string[]]>([
    ['required', true, []],
    ['required', false, ['its token was not bound']],
    ['off', false, []],
  ])('with token-binding %s, and a bound token: %s', (binding, isBound, expected) => {
    const hand = new ByHand('ours alone', { binding });
    const actor = hand.actor('A');
    hand.associates(actor, [hand.idOf('C1'), hand.uploads(actor, 'R1')]);
    if (isBound) hand.world.provenBound.add(hand.identityOf('R1'));
    hand.stores(actor, 'R1');
    expect(hand.broken('I5')).toEqual(expected.map((text) => expect.stringContaining(text)));
  });
});

describe('I1: what does not work', () => {
  test.each([
    ['when it is written once more', true, 1],
    ['when it is left as it was', false, 0],
  ])('%s', (_, isWritten, expected) => {
    const hand = new ByHand('nothing associated');
    const actor = hand.actor('A');
    hand.world.time += 2_000;
    if (isWritten) hand.stores(actor, 'C1');
    else hand.sends(actor, 'PATCH', '', { client_metadata: {} });
    expect(hand.broken('I1')).toHaveLength(expected);
  });
});

describe('I2: three secrets of one place', () => {
  const [PAIR, KEY, CERTIFICATE] = [0, 1, 2];
  type Before = (hand: ByHand, actor: Actor) => void;
  const nothing = () => undefined;

  test.each<[string, readonly number[], Before, number]>([
    ['change in their order', [PAIR, KEY, CERTIFICATE], nothing, 0],
    ['the key before the pair', [KEY], nothing, 1],
    ['the certificate before the pair', [CERTIFICATE], nothing, 1],
    [
      'the key, when the pair was refused',
      [KEY],
      (hand, actor) => hand.fails(actor, 'PUT', PAIR, { status: 403 }),
      0,
    ],
    [
      'the key, when the pair was refused to another run',
      [KEY],
      (hand) => hand.fails(hand.actor('B'), 'PUT', PAIR, { status: 403 }),
      1,
    ],
    [
      'the key, when the pair was only looked at',
      [KEY],
      (hand, actor) => hand.fails(actor, 'GET', PAIR, {}),
      1,
    ],
    [
      'the key, when a look at the pair got no answer',
      [KEY],
      (hand, actor) => hand.fails(actor, 'GET', PAIR, { note: 'drop' }),
      0,
    ],
    [
      'the key, when the certificate of another one was there alone',
      [KEY],
      (hand) => {
        hand.world.deleteSecret('repo:acme/shop', 'AUTH0_CERTIFICATE');
        hand.execution.invariants.associatedByHand(undefined);
      },
      0,
    ],
  ])('%s', (_, order, before, expected) => {
    const hand = new ByHand('ours alone', { parts: true });
    const actor = hand.actor('A');
    hand.associates(actor, [hand.idOf('C1'), hand.uploads(actor, 'R1')]);
    before(hand, actor);
    for (const place of order) hand.stores(actor, 'R1', place);
    expect(hand.broken('I2')).toHaveLength(expected);
  });
});

describe('an interruption', () => {
  const named = (hand: ByHand, ...places: readonly number[]) => {
    const actor = hand.actor('A');
    for (const place of places) actor.interrupts.add(printLocation(hand.place(place)));
    return actor;
  };

  test('is what a step has named, and nothing beside it', () => {
    const hand = new ByHand('two hold one');
    hand.associates(named(hand, 1), []);
    expect(hand.broken('I1')).toEqual([expect.stringMatching(/^repo:acme\/shop AUTH0_MTLS_PEM holds C1/)]);
  });

  test('takes an association away: it stores nothing that cannot log in', () => {
    const hand = new ByHand('ours alone');
    const actor = named(hand, 0);
    hand.uploads(actor, 'R1');
    hand.stores(actor, 'R1');
    expect(hand.broken('I1')).toHaveLength(1);
  });

  test.each<[string, string | undefined, Operation, number]>([
    ['with the newest key at hand', 'C1', 'rotate', 1],
    ['with an older key at hand', 'P1', 'rotate', 0],
    ['with no key at hand', undefined, 'rotate', 0],
    ['of a revert', 'C1', 'revert', 0],
  ])('%s', (_, current, operation, expected) => {
    const hand = new ByHand('partly delivered');
    const actor = named(hand, 1);
    actor.operation = operation;
    actor.current = current && hand.identityOf(current);
    hand.associates(actor, [hand.idOf('C1')]);
    expect(hand.broken('I1')).toHaveLength(expected);
  });
});

describe('I1: nobody can log in by certificate any more', () => {
  test.each<[string, Operation, string, number]>([
    ['since a revert was asked for', 'revert', 'client_secret_post', 0],
    ['since a revert went elsewhere', 'revert', 'none', 1],
    ['since a rotation did as if one was', 'rotate', 'client_secret_post', 1],
  ])('%s', (_, operation, method, expected) => {
    const hand = new ByHand('ours alone');
    hand.takesBack(hand.actor('A', operation), method);
    expect(hand.broken('I1')).toHaveLength(expected);
  });
});

describe('clients that are made', () => {
  const make = (hand: ByHand, ...actors: readonly Actor[]) => {
    for (const actor of actors) hand.sends(actor, 'POST', '/api/v2/clients', { name: 'created' });
  };
  const begun = () => new ByHand('no client', { operation: 'create', force: false });

  test('one by each run, and no more', () => {
    const hand = begun();
    const [first, second] = [hand.actor('A'), hand.actor('B')];
    make(hand, first, second);
    expect([hand.world.truth().fullest, hand.broken('create')]).toEqual([0, []]);
    make(hand, second);
    expect(hand.broken('create')).toEqual(['3 clients']);
  });

  test.each<[number, boolean, string[], string[]]>([
    [1, false, [], []],
    [1, true, [], []],
    [2, false, ['2 clients are left, and no run has died'], []],
    [2, true, [], ['two clients']],
  ])('%s are left, and a run has died: %s', (count, died, violations, residuals) => {
    const hand = begun();
    const actors = [hand.actor('A'), hand.actor('B')];
    make(hand, ...actors.slice(0, count));
    for (const actor of actors) actor.dead = died;
    hand.execution.invariants.settle(actors);
    expect(hand.broken('create')).toEqual(violations);
    expect(hand.execution.invariants.residuals.map(({ kind }) => kind)).toEqual(residuals);
  });

  test('the credentials of both count', () => {
    const hand = begun();
    const [first, second] = [hand.actor('A'), hand.actor('B')];
    make(hand, first, second);
    for (const [index, label] of ['C1', 'P1'].entries()) {
      const registration = registrationOf(METHOD, pairOf(METHOD, material(label)));
      hand.world.tenant.seedCredential(hand.world.clientIds[index] ?? '', {
        ...registration,
        associate: true,
      });
    }
    hand.sends(first, 'PATCH', '', { client_metadata: {} });
    const { associated, fullest, pool } = hand.execution.invariants.now;
    expect([associated.length, pool.size, fullest]).toEqual([2, 2, 1]);
  });
});

/** As in the tests of what displaces another's delivery: A was frozen, and what B has delivered works no more. */
describe('when all have ended, a place that does not work', () => {
  const displaced = (died: boolean) => {
    const hand = new ByHand('ours alone');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    hand.reads(frozen);
    const ids = [hand.idOf('C1'), hand.uploads(other, 'R1')];
    hand.associates(other, ids);
    hand.stores(other, 'R1');
    hand.associates(frozen, ids.slice(0, 1));
    frozen.dead = died;
    return { hand, actors: [frozen, other], ids };
  };

  test.each([
    ['is the admitted residual if a run has died', true, [], [true]],
    ['breaks I1 if none has', false, ['is left without a working credential'], [false]],
  ])('%s', (_, died, expected, lasting) => {
    const { actors, hand } = displaced(died);
    const { invariants } = hand.execution;
    invariants.settle(actors);
    expect(hand.broken('I1')).toEqual(expected.map((text) => expect.stringContaining(text)));
    expect(invariants.residuals.map((one) => one.lasting)).toEqual(lasting);
  });

  test('and was mended since is neither', () => {
    const { actors, hand, ids } = displaced(true);
    hand.associates(actors[1] as Actor, ids);
    hand.execution.invariants.settle(actors);
    expect(hand.execution.invariants.residuals.map((one) => one.lasting)).toEqual([false]);
  });

  test('and was mended since, and taken out by a person, is neither', () => {
    const { actors, hand, ids } = displaced(false);
    hand.associates(actors[1] as Actor, ids);
    const credentials = ids.slice(0, 1).map((id) => ({ id }));
    hand.world.admin({ client_authentication_methods: { [METHOD]: { credentials } } });
    hand.execution.invariants.associatedByHand(undefined);
    hand.execution.invariants.settle(actors);
    expect(hand.broken('I1')).toEqual([]);
  });

  test('and began so is neither', () => {
    const hand = new ByHand('nothing associated');
    hand.execution.invariants.settle([hand.actor('A')]);
    expect(hand.execution.invariants.violations).toEqual([]);
  });
});

describe('a frozen PUT puts back what another run has replaced', () => {
  type Between = (hand: ByHand, frozen: Actor) => void;
  const nothing = () => undefined;

  /** @returns the other run, and its id */
  function delivered(hand: ByHand, before: Between, after: Between) {
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    before(hand, frozen);
    const id = hand.uploads(other, 'R1');
    hand.associates(other, [hand.idOf('C1'), id]);
    hand.stores(other, 'R1');
    after(hand, frozen);
    return { frozen, other, id };
  }

  test.each<[string, Between, Between, string[]]>([
    [
      'frozen since its read of the pool',
      (hand, one) => hand.readsPool(one),
      nothing,
      ['overwritten delivery'],
    ],
    ['without a read of the pool', (hand, one) => hand.reads(one), nothing, []],
    ['having read it again', (hand, one) => hand.readsPool(one), (hand, one) => hand.readsPool(one), []],
    [
      'having written since',
      (hand, one) => {
        hand.readsPool(one);
        hand.sends(one, 'PATCH', '', { client_metadata: {} });
      },
      nothing,
      [],
    ],
  ])('%s', (_, before, after, expected) => {
    const hand = new ByHand('ours alone');
    const { frozen } = delivered(hand, before, after);
    hand.stores(frozen, 'C1');
    const { invariants } = hand.execution;
    expect(invariants.residuals.map(({ kind }) => kind)).toEqual(expected);
    expect(invariants.overwritten).toBe(expected.length > 0);
  });

  test('not what it puts over what was always there, or over its own', () => {
    const hand = new ByHand('settled');
    const actor = hand.actor('A');
    hand.readsPool(actor);
    hand.stores(actor, 'P1');
    hand.readsPool(actor);
    hand.stores(actor, 'C1');
    expect(hand.execution.invariants.residuals).toEqual([]);
  });

  test('until it is written again', () => {
    const hand = new ByHand('ours alone');
    const { frozen, other } = delivered(hand, (_, one) => hand.readsPool(one), nothing);
    hand.stores(frozen, 'C1');
    hand.sends(other, 'PATCH', '', { client_metadata: {} });
    expect(hand.execution.invariants.overwritten).toBe(true);
    hand.stores(other, 'R1');
    expect(hand.execution.invariants.overwritten).toBe(false);
  });

  test('excuses that place alone', () => {
    const hand = new ByHand('two hold one');
    const { frozen, id, other } = delivered(hand, (_, one) => hand.readsPool(one), nothing);
    hand.stores(frozen, 'C1');
    hand.reads(other);
    hand.associates(other, [id]);
    expect(hand.broken('I1')).toEqual([expect.stringMatching(/^env:acme\/other\/production /)]);
  });
});

test('what a run has left is what it has made and no secret holds', () => {
  const hand = new ByHand('ours alone');
  const [one, other] = [hand.actor('A'), hand.actor('B')];
  const { invariants } = hand.execution;
  const id = hand.uploads(one, 'R1');
  expect([one, other].map((actor) => invariants.leftBy(actor))).toEqual([1, 0]);
  hand.associates(one, [hand.idOf('C1'), id]);
  hand.stores(one, 'R1');
  expect(invariants.leftBy(one)).toBe(0);
});
