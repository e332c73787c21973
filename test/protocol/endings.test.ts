/** What a run tells in the end, clause by clause: what is not true, and its neighbour that is. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import type { Actor } from './actor.ts';
import { ByHand, material, prepare } from './by-hand.ts';

beforeAll(async () => void (await prepare()));

const nothing = () => undefined;

/** Delivered to the first so many places. @returns what the run says of it */
function rotated(hand: ByHand, actor: Actor, places: number) {
  const id = hand.uploads(actor, 'R1');
  hand.associates(actor, [hand.idOf('C1'), id]);
  for (let place = 0; place < places; place += 1) hand.stores(actor, 'R1', place);
  return { id, identity: hand.identityOf('R1') };
}

test('I6: a key is told, and not only sent', () => {
  const hand = new ByHand('ours alone');
  const actor = hand.actor('A');
  actor.told.push('a line');
  hand.succeeds(actor);
  expect(hand.broken('I6')).toEqual([]);
  actor.told.push(material('C1').secretLine);
  hand.succeeds(actor);
  expect(hand.broken('I6')).toEqual(['A tells the key of C1']);
});

test.each<[ErrorCode, number]>([
  ['INTERNAL_ERROR', 1],
  ['CANCELLED', 0],
])('a run that ends with %s', (code, expected) => {
  const hand = new ByHand('ours alone');
  hand.breaksOff(hand.actor('A'), 'Nothing has changed.', code);
  expect(hand.broken('internal')).toHaveLength(expected);
});

describe('I8: a rotation reports success', () => {
  type Does = (hand: ByHand, actor: Actor) => { id: string; identity: string } | undefined;
  const announced = 'There is no secret yet in env:acme/other/production. The next rotation fills it.';

  test.each<[string, string, Does, string[]]>([
    ['and all is well', 'two hold one', (hand, actor) => rotated(hand, actor, 2), []],
    ['and nothing was due', 'two hold one', nothing, []],
    [
      'and a place does not work',
      'nothing associated',
      nothing,
      ['repo:acme/shop AUTH0_MTLS_PEM does not work'],
    ],
    ['and a place is empty', 'new destination', nothing, ['1 places of 2 hold something']],
    ['and the only one is', 'hand-made, no secret', nothing, ['0 places of 1 hold something']],
    [
      'and has announced an empty place',
      'new destination',
      (_, actor) => void actor.told.push(announced),
      [],
    ],
    [
      'and has told of something else',
      'new destination',
      (_, actor) => void actor.told.push('Observe'),
      ['1 places of 2 hold something'],
    ],
    [
      'and two places differ',
      'two hold one',
      (hand, actor) => rotated(hand, actor, 1),
      ['the places hold 2 different certificates'],
    ],
    [
      'and another run is at work yet',
      'two hold one',
      (hand, actor) => {
        hand.actor('B');
        return rotated(hand, actor, 1);
      },
      [],
    ],
    [
      'and nobody holds its credential',
      'two hold one',
      (hand, actor) => rotated(hand, actor, 0),
      ['nobody holds its credential'],
    ],
    [
      'and names another one',
      'two hold one',
      (hand, actor) => ({ ...rotated(hand, actor, 2), id: hand.idOf('C1') }),
      ['names C1, which nobody holds'],
    ],
  ])('%s', (_, start, does, expected) => {
    const hand = new ByHand(start);
    const actor = hand.actor('A');
    hand.succeeds(actor, does(hand, actor));
    expect(hand.broken('I8')).toEqual(
      expected.map((text) => expect.stringMatching(new RegExp(`^A reports success, (and )?${text}$`))),
    );
  });

  test.each([
    ['who has overwritten what another has delivered', 'A', 1],
    ['whose delivery was overwritten', 'B', 0],
  ])('%s', (_, name, expected) => {
    const hand = new ByHand('ours alone');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    hand.readsPool(frozen);
    const of = rotated(hand, other, 1);
    hand.stores(frozen, 'C1');
    // Neither that place nor what it holds counts for the other one.
    hand.reads(other);
    hand.associates(other, [of.id]);
    frozen.dead = name === 'B';
    hand.succeeds(name === 'A' ? frozen : other);
    const told = hand.broken('I8');
    expect(told.filter((one) => one.includes('has overwritten'))).toHaveLength(expected);
    expect(told.filter((one) => one.includes('does not work'))).toEqual([]);
  });
});

test('I8: what was overwritten excuses no other place', () => {
  const hand = new ByHand('two hold one');
  const [frozen, other] = [hand.actor('A'), hand.actor('B')];
  hand.readsPool(frozen);
  const { id } = rotated(hand, other, 1);
  hand.stores(frozen, 'C1');
  hand.reads(other);
  hand.associates(other, [id]);
  hand.succeeds(other);
  expect(hand.broken('I8')).toEqual([expect.stringMatching(/env:acme\/other\/production .* does not work$/)]);
});

describe('I8: a rehearsal reports success', () => {
  const rehearsed = (hand: ByHand, actor: Actor, rehearsal: boolean) => {
    const name = writeOwnership({ owner: ownerOf(hand.world.desired), run: '1.1', rehearsal });
    hand.uploads(actor, 'R1', name);
  };
  type Does = (hand: ByHand, actor: Actor) => void;
  const other = (operation: 'rotate' | 'rehearse') => (hand: ByHand) => {
    const rotation = hand.actor('B', operation);
    rotated(hand, rotation, 1);
    hand.succeeds(rotation);
  };

  test.each<[string, Does, number]>([
    ['and has left nothing', nothing, 0],
    ['and has left what it has made', (hand, actor) => rehearsed(hand, actor, true), 1],
    ['beside what a rotation has left', (hand, actor) => rehearsed(hand, actor, false), 0],
    ['and another run has rotated', other('rotate'), 0],
    ['and another one that rehearses has rotated', other('rehearse'), 1],
  ])('%s', (_, does, expected) => {
    const hand = new ByHand('ours alone', { operation: 'rehearse' });
    const actor = hand.actor('A');
    does(hand, actor);
    hand.succeeds(actor);
    expect(hand.broken('I8').filter((one) => one.startsWith('A '))).toHaveLength(expected);
  });
});

describe('I8: a revert reports success', () => {
  type Does = (hand: ByHand, actor: Actor) => void;
  const back: Does = (hand, actor) => hand.takesBack(actor);
  const deleted: Does = (hand, actor) => void hand.sends(actor, 'DELETE', `/credentials/${hand.idOf('C1')}`);
  const ours = (hand: ByHand) => writeOwnership({ owner: ownerOf(hand.world.desired), run: '1.1' });
  const all = (...some: readonly Does[]): Does => {
    return (hand, actor) => {
      for (const does of some) does(hand, actor);
    };
  };

  test.each<[string, Does, number]>([
    ['and all is as it was', all(back, deleted), 0],
    ['and its certificate is used still', nothing, 1],
    ['and another method is used', all((hand, actor) => hand.takesBack(actor, 'none'), deleted), 1],
    ['and its credential is there still', back, 1],
    [
      'and one is there that it has made',
      all(back, deleted, (hand, actor) => void hand.uploads(actor, 'R1', ours(hand))),
      1,
    ],
    ["and somebody else's is there", all(back, deleted, (hand, actor) => void hand.uploads(actor, 'R1')), 0],
    [
      'and one is there that a run has left which has died since',
      all(back, deleted, (hand) => {
        const dead = hand.actor('B', 'rotate');
        hand.uploads(dead, 'R1', ours(hand));
        dead.dead = true;
      }),
      0,
    ],
    ['and another run is at work yet', all((hand) => void hand.actor('B'), back), 0],
  ])('%s', (_, does, expected) => {
    const hand = new ByHand('ours alone', { operation: 'revert' });
    const actor = hand.actor('A');
    does(hand, actor);
    hand.succeeds(actor);
    expect(hand.broken('I8')).toHaveLength(expected);
  });

  test('and one is there that was made by a run which had died before', () => {
    const hand = new ByHand('ours alone', { operation: 'revert' });
    const dead = hand.actor('B', 'rotate');
    hand.uploads(dead, 'R1', ours(hand));
    dead.dead = true;
    const actor = hand.actor('A');
    all(back, deleted)(hand, actor);
    hand.succeeds(actor);
    expect(hand.broken('I8')).toHaveLength(1);
  });
});

describe('an enrollment fails, and leaves the client to a method that nobody has a credential for', () => {
  type Before = (hand: ByHand, actor: Actor) => void;
  const moved: Before = (hand, actor) => hand.associates(actor, [hand.uploads(actor, 'R1')]);
  const STAYS = 'R1 may still be there.';

  test.each<[string, Before, string, ErrorCode, number]>([
    ['for good', moved, STAYS, 'AUTH0_REQUEST_FAILED', 1],
    [
      'and it was not moved',
      (hand, actor) => void hand.uploads(actor, 'R1'),
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
    ['and says so', moved, `${STAYS} NOBODY CAN LOG IN.`, 'AUTH0_REQUEST_FAILED', 0],
    ['and finishes it next time', moved, STAYS, 'DELIVERY_INCOMPLETE', 0],
    [
      'and has delivered',
      (hand, actor) => {
        moved(hand, actor);
        hand.stores(actor, 'R1');
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
    [
      'and another run is at work yet',
      (hand, actor) => {
        hand.actor('B');
        moved(hand, actor);
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
    [
      'and another run has died',
      (hand, actor) => {
        hand.actor('B').dead = true;
        moved(hand, actor);
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
    [
      'and a person has associated something',
      (hand, actor) => {
        moved(hand, actor);
        hand.execution.invariants.associatedByHand(hand.world.associateByHand());
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
    [
      'and a person wanted to, and found no place',
      (hand, actor) => {
        moved(hand, actor);
        hand.execution.invariants.associatedByHand(undefined);
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      1,
    ],
    [
      'which it was not asked for',
      (hand, actor) => {
        actor.operation = 'rotate';
        moved(hand, actor);
      },
      STAYS,
      'AUTH0_REQUEST_FAILED',
      0,
    ],
  ])('%s', (_, before, stateNow, code, expected) => {
    const hand = new ByHand('client secret', { operation: 'enroll', force: false });
    const actor = hand.actor('A');
    before(hand, actor);
    hand.breaksOff(actor, stateNow, code);
    expect(hand.broken('truth')).toHaveLength(expected);
  });
});

describe('a failed run has made a credential', () => {
  const ids = (hand: ByHand, actor: Actor) => [hand.uploads(actor, 'R1'), hand.uploads(actor, 'R2')] as const;
  const UNTOLD = ['A does not say that its credential may be there'];
  const REMOVED = ['A says that its credential was removed again, and it is there'];

  test.each<[string, (first: string, second: string) => string, string[]]>([
    ['and does not say so', () => 'All is as it was.', UNTOLD],
    ['and speaks of a credential only', () => 'Its credential is unused.', UNTOLD],
    ['and names one of two', (first) => `There is ${first}.`, UNTOLD],
    ['and names both', (first, second) => `There are ${first} and ${second}.`, []],
    ['and says that they may be there', () => 'They may still be there.', []],
    ['and says that nobody can log in', () => 'NOBODY CAN LOG IN.', []],
    [
      'and says that it was removed',
      (first, second) => `${first} was removed again, and ${second}.`,
      REMOVED,
    ],
  ])('%s', (_, told, expected) => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    hand.breaksOff(actor, told(...ids(hand, actor)));
    expect(hand.broken('truth')).toEqual(expected);
  });

  test.each([
    ['and does not say so', 'All is as it was.', UNTOLD],
    ['and says so', 'It may still be there.', []],
  ])('one alone, %s', (_, told, expected) => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    hand.uploads(actor, 'R1');
    hand.breaksOff(actor, told);
    expect(hand.broken('truth')).toEqual(expected);
  });

  test('and delivered it', () => {
    const hand = new ByHand('two hold one');
    const actor = hand.actor('A');
    rotated(hand, actor, 1);
    hand.breaksOff(actor, 'All is delivered.');
    expect(hand.broken('truth')).toEqual([]);
  });

  test("which another run's is not", () => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    hand.uploads(hand.actor('B'), 'R1');
    hand.breaksOff(actor, 'All is as it was.');
    expect(hand.broken('truth')).toEqual([]);
  });
});

describe('a failed run says that its credential may still be there, and it is not', () => {
  type How = { note?: string; status?: number | undefined };
  test.each<[string, 'DELETE' | 'PATCH' | 'GET', How, number]>([
    ['its removal got no answer', 'DELETE', { note: 'lose' }, 0],
    ['its removal got a page for an answer', 'DELETE', { note: 'unreadable' }, 0],
    ['its removal did not land, which it cannot know', 'DELETE', { note: 'drop', status: undefined }, 0],
    ['its removal broke something', 'DELETE', { status: 500 }, 0],
    ['its removal was refused', 'DELETE', { status: 499 }, 1],
    ['its removal was answered', 'DELETE', {}, 1],
    ['another write got no answer', 'PATCH', { note: 'lose' }, 1],
    ['a read got no answer', 'GET', { note: 'lose' }, 1],
  ])('when %s', (_, method, how, expected) => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    const id = hand.uploads(actor, 'R1');
    hand.sends(actor, 'DELETE', `/credentials/${id}`, undefined, method === 'DELETE' ? how : {});
    if (method !== 'DELETE') hand.sends(actor, method, '', { client_metadata: {} }, how);
    hand.breaksOff(actor, 'The new credential R1 may still be there.');
    expect(hand.broken('truth')).toHaveLength(expected);
  });
});
