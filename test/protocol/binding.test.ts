/** Token binding, clause by clause: what nobody has asked for, or a failed run has left, and its neighbour. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Actor } from './actor.ts';
import { ByHand, prepare } from './by-hand.ts';

beforeAll(async () => void (await prepare()));

type Wish = DesiredState['tokenBinding'];
type Operation = DesiredState['operation'];

test.each([
  ['settled', 'current', false],
  ['settled, bound', 'current', true],
  ['settled, bound', 'older binding', true],
] as const)('%s with the property %s', (start, tenant, expected) => {
  expect(new ByHand(start, { tenant }).world.truth().bound).toBe(expected);
});

describe('tokens are', () => {
  test.each<[string, string, Wish, Operation, boolean[], number]>([
    ['bound, as asked for', 'settled', 'required', 'rotate', [true], 0],
    ['bound, and nobody has asked for a change', 'settled', 'unchanged', 'rotate', [true], 1],
    ['bound, and none were to be', 'settled', 'off', 'rotate', [true], 1],
    ['bound, and again as they were', 'settled', 'required', 'rotate', [true, false], 0],
    ['not bound any more, as asked for', 'settled, bound', 'off', 'rotate', [false], 0],
    ['not bound any more, and nobody has asked for it', 'settled, bound', 'unchanged', 'rotate', [false], 1],
    ['not bound any more, since a revert unbinds', 'settled, bound', 'required', 'revert', [false], 0],
  ])('%s', (_, start, binding, operation, changes, expected) => {
    const hand = new ByHand(start, { binding, operation });
    const actor = hand.actor('A');
    for (const bound of changes) hand.binds(actor, bound);
    expect(hand.broken('binding')).toHaveLength(expected);
  });
});

const LATE = { index: 0 };
const TOLD = 'Tokens are bound: the client secret gets no token.';

describe('I1: the client secret gets no token', () => {
  const asked = { operation: 'enroll', binding: 'required', force: false } as const;

  test.each<[string, string, (hand: ByHand, actor: Actor) => void, number]>([
    ['since a request landed late', 'client secret', (hand, one) => hand.binds(one, true, LATE), 1],
    ['for as long as its run is at work', 'client secret', (hand, one) => hand.binds(one, true), 0],
    [
      'since a request landed late, and its run has told of it',
      'client secret',
      (hand, one) => {
        hand.breaksOff(one, TOLD);
        hand.binds(one, true, LATE);
      },
      0,
    ],
    [
      'since a request landed late, and its run has told of other tokens',
      'client secret',
      (hand, one) => {
        hand.breaksOff(one, 'It gets a token.');
        hand.binds(one, true, LATE);
      },
      1,
    ],
    [
      'since its run has ended',
      'client secret',
      (hand, one) => {
        hand.binds(one, true);
        hand.succeeds(one);
      },
      1,
    ],
    [
      'since its run has ended, and another one is at work',
      'client secret',
      (hand, one) => {
        hand.actor('B');
        hand.binds(one, true);
        hand.succeeds(one);
      },
      0,
    ],
    ['as it was when its run began', 'client secret, bound', (hand, one) => hand.succeeds(one), 0],
    [
      'and now the certificate does',
      'client secret',
      (hand, one) => {
        hand.associates(one, [hand.uploads(one, 'R1')]);
        hand.binds(one, true);
        hand.stores(one, 'R1');
        hand.succeeds(one);
      },
      0,
    ],
  ])('%s', (_, start, does, expected) => {
    const hand = new ByHand(start, asked);
    does(hand, hand.actor('A'));
    expect(hand.broken('I1')).toHaveLength(expected);
  });

  test('as it did not when its run began', () => {
    const hand = new ByHand('settled, bound', { operation: 'revert', binding: 'required' });
    const actor = hand.actor('A');
    hand.takesBack(actor);
    hand.succeeds(actor);
    expect(hand.broken('I1')).toHaveLength(1);
  });
});

describe('I8: a run reports success, and tokens are not', () => {
  const WAITS = 'Tokens are not bound yet: the next rotation binds them.';

  test.each<[string, Wish, string | undefined, string[], number]>([
    ['and were not to be', 'off', undefined, [], 0],
    ['and were to be', 'required', undefined, [], 1],
    ['which waits, as it says', 'required', undefined, [WAITS], 0],
    ['which waits, and a key was at hand', 'required', 'C1', [WAITS], 1],
    ['which waits, and it has rotated', 'required', undefined, [WAITS, 'Issue a key pair'], 1],
    ['and it speaks of something else', 'required', undefined, ['Observe'], 1],
  ])('%s', (_, binding, current, told, expected) => {
    const hand = new ByHand('ours alone', { binding });
    const actor = hand.actor('A');
    actor.current = current;
    actor.told.push(...told);
    hand.succeeds(actor);
    expect(hand.broken('I8')).toHaveLength(expected);
  });
});

describe('a failed run has bound tokens', () => {
  type Does = (hand: ByHand, actor: Actor) => void;
  const stored = (status: number | undefined, by?: string): Does => {
    return (hand, actor) => {
      hand.fails(by === undefined ? actor : (hand.execution.actors[1] ?? actor), 'PUT', 0, { status });
    };
  };
  const nothing = () => undefined;

  test.each<[string, Does, string, 'AUTH0_REQUEST_FAILED' | 'DELIVERY_INCOMPLETE', number]>([
    ['and does not tell', nothing, 'All is as it was.', 'AUTH0_REQUEST_FAILED', 1],
    ['and tells', nothing, 'Tokens are bound now.', 'AUTH0_REQUEST_FAILED', 0],
    ['and finishes it next time', nothing, 'Delivered to one.', 'DELIVERY_INCOMPLETE', 0],
    ['and has stored', stored(204), '', 'AUTH0_REQUEST_FAILED', 0],
    ['and may have stored', stored(undefined), '', 'AUTH0_REQUEST_FAILED', 0],
    ['and was refused to store', stored(403), '', 'AUTH0_REQUEST_FAILED', 1],
    ['and another one has stored', stored(204, 'B'), '', 'AUTH0_REQUEST_FAILED', 1],
    ['and unbound them', (hand, actor) => hand.binds(actor, false), '', 'AUTH0_REQUEST_FAILED', 0],
  ])('%s', (_, does, stateNow, code, expected) => {
    const hand = new ByHand('ours alone', { binding: 'required' });
    const actor = hand.actor('A');
    hand.actor('B').dead = true;
    hand.binds(actor, true);
    does(hand, actor);
    hand.breaksOff(actor, stateNow, code);
    expect(hand.broken('binding')).toHaveLength(expected);
  });

  test.each<[string, Does, boolean[], number]>([
    ['once it has ended', nothing, [true], 1],
    ['once it has ended, and not again as they were', nothing, [true, false], 1],
    ['once it has ended with something stored', stored(204), [true], 0],
  ])('%s', (_, before, changes, expected) => {
    const hand = new ByHand('ours alone', { binding: 'required' });
    const actor = hand.actor('A');
    before(hand, actor);
    hand.breaksOff(actor, 'All is as it was.');
    for (const bound of changes) hand.binds(actor, bound, LATE);
    expect(hand.broken('binding')).toHaveLength(expected);
  });
});
