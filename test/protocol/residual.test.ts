/** What is admitted has one exact shape, and a queued job may fail for few reasons: each neighbour of them breaks a promise. */

import { beforeAll, describe, expect, test } from 'vitest';
import type { DesiredState } from '../../src/model/desired-state.ts';
import type { Actor } from './actor.ts';
import { ByHand, prepare } from './by-hand.ts';

beforeAll(async () => void (await prepare()));

const HOUR = 3_600_000;

/** A has read, B delivers R1, and A writes what it had read. */
describe('I1: a stale write takes out what a secret holds, or is about to', () => {
  interface Played {
    hand: ByHand;
    frozen: Actor;
    other: Actor;
    both: readonly string[];
  }
  type Does = (played: Played) => void;
  const stores: Does = ({ hand, other }) => hand.stores(other, 'R1');
  const displaces: Does = ({ both, frozen, hand }) => hand.associates(frozen, both.slice(0, 1));
  const displacesLate: Does = ({ both, frozen, hand }) =>
    hand.associates(frozen, both.slice(0, 1), { index: 0 });
  const associates: Does = ({ both, hand, other }) => hand.associates(other, both);
  const reads: Does = ({ frozen, hand }) => hand.reads(frozen);

  test.each<[string, readonly Does[], string[], number]>([
    ['after the delivery', [reads, associates, stores, displaces], ['whole rotation'], 0],
    ['before the delivery', [reads, associates, displaces, stores], ['before delivery'], 0],
    ['when its run had given it up', [reads, associates, stores, displacesLate], [], 1],
    ['without having read', [associates, stores, displaces], [], 1],
    ['before the delivery, without having read', [associates, displaces, stores], [], 1],
    ['before the delivery, having read it', [associates, reads, displaces, stores], [], 1],
    [
      'and a delivery follows that a run has given up',
      [reads, associates, displaces, ({ hand, other }) => hand.stores(other, 'R1', 0, { index: 0 })],
      [],
      1,
    ],
    [
      'and its own run delivers that',
      [reads, associates, displaces, ({ frozen, hand }) => hand.stores(frozen, 'R1')],
      [],
      1,
    ],
  ])('%s', (_, does, residuals, violations) => {
    const hand = new ByHand('ours alone');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    const both = [hand.idOf('C1'), hand.uploads(other, 'R1')];
    for (const one of does) one({ hand, frozen, other, both });
    expect(hand.execution.invariants.residuals.map(({ kind }) => kind)).toEqual(residuals);
    expect(hand.broken('I1')).toHaveLength(violations);
  });

  test('and it had only just been associated again: nobody else has delivered it', () => {
    const hand = new ByHand('nothing associated');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    hand.reads(frozen);
    hand.associates(other, [hand.idOf('C1')]);
    hand.associates(frozen, []);
    expect(hand.broken('I1')).toHaveLength(1);
  });

  test('and it was stored before that was read: nobody has delivered it since', () => {
    const hand = new ByHand('ours alone');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    const both = [hand.idOf('C1'), hand.uploads(other, 'R1')];
    hand.stores(other, 'R1');
    expect(hand.broken('I1')).toHaveLength(1);
    hand.reads(frozen);
    hand.associates(other, both);
    hand.associates(frozen, both.slice(0, 1));
    expect(hand.broken('I1')).toHaveLength(2);
  });

  test('and was put right: what is stored before every node knows it is no residual', () => {
    const hand = new ByHand('ours alone', { propagation: 30_000 });
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    const both = [hand.idOf('C1'), hand.uploads(other, 'R1')];
    hand.reads(frozen);
    hand.associates(other, both);
    hand.associates(frozen, both.slice(0, 1));
    hand.associates(other, both);
    hand.stores(other, 'R1');
    expect(hand.broken('I1')).toHaveLength(1);
  });
});

describe('a job that was queued with the previous one', () => {
  const ISSUES = 'Issue a key pair';
  const begun = (overlap: DesiredState['overlap'] = 'until-next-rotation') => {
    const hand = new ByHand('ours alone');
    const first = hand.actor('A', 'rotate', overlap);
    first.told.push(ISSUES);
    const ids = [hand.idOf('C1'), hand.uploads(first, 'R1')];
    hand.associates(first, ids);
    hand.stores(first, 'R1');
    return { hand, first, ids, latest: ids.slice(1) };
  };
  const later = (
    hand: ByHand,
    rotates: boolean,
    overlap: DesiredState['overlap'] = 'until-next-rotation',
  ) => {
    const actor = hand.actor('B', 'rotate', overlap);
    if (rotates) actor.told.push(ISSUES);
    return actor;
  };

  test('goes on while the previous one is associated', () => {
    const { hand } = begun();
    expect(hand.broken('queued')).toEqual([]);
  });

  test.each([
    ['makes place for the next rotation', true, 0],
    ['fails without one', false, 1],
  ])('%s', (_, rotates, expected) => {
    const { hand, latest } = begun();
    hand.associates(later(hand, rotates), latest);
    expect(hand.broken('queued')).toHaveLength(expected);
  });

  test('does not fail by the rotation that replaced it', () => {
    const { first, hand, latest } = begun();
    hand.associates(first, latest);
    expect(hand.broken('queued')).toHaveLength(1);
  });

  test('makes place for a run that has finished the delivery of another first', () => {
    const hand = new ByHand('ours alone');
    const [maker, next] = [hand.actor('A'), hand.actor('B')];
    next.told.push(ISSUES);
    const ids = [hand.idOf('C1'), hand.uploads(maker, 'R1')];
    hand.associates(maker, ids);
    hand.stores(next, 'R1');
    hand.associates(next, ids.slice(1));
    expect(hand.broken('queued')).toEqual([]);
  });

  test('fails where a place was free for the next rotation', () => {
    const { hand, ids } = begun();
    const next = later(hand, true);
    hand.associates(next, ids.slice(0, 1));
    expect(hand.broken('queued')).toEqual([]);
    hand.associates(next, []);
    expect(hand.broken('queued')).toHaveLength(1);
  });

  test.each<[string, DesiredState['overlap'], number, number]>([
    ['whose overlap is over', HOUR, HOUR, 0],
    ['whose overlap is over but for what two clocks differ', HOUR, HOUR - 5_000, 0],
    ['whose overlap is not over', HOUR, HOUR - 6_000, 1],
    ['whose overlap has no end', 'until-next-rotation', 1_000 * HOUR, 1],
    ['without an overlap', 0, 0, 0],
  ])('%s', (_, overlap, after, expected) => {
    const { hand, latest } = begun();
    hand.world.time += after;
    hand.associates(later(hand, false, overlap), latest);
    expect(hand.broken('queued')).toHaveLength(expected);
  });

  test('does not fail by a revert', () => {
    const { hand } = begun();
    hand.takesBack(hand.actor('B', 'revert'));
    expect(hand.broken('queued')).toEqual([]);
  });

  describe('from before the world began', () => {
    test.each<[string, string, readonly string[], number]>([
      ['fails', 'settled', ['C1'], 1],
      ['fails while what broke is not repaired', 'held, not associated', [], 1],
      ['comes after what a place holds', 'held, not associated', ['C1'], 0],
      ["is none of another owner's", 'other owner beside ours', ['C1'], 0],
      ['is none where the places differ', 'partly delivered', ['C1'], 0],
      ['is none of what is newer', 'abandoned, associated', ['C1'], 0],
      ['is none of what is held', 'ours alone', [], 0],
    ])('%s: %s', (_, start, labels, expected) => {
      const hand = new ByHand(start);
      hand.associates(
        hand.actor('A'),
        labels.map((label) => hand.idOf(label)),
      );
      expect(hand.broken('queued')).toHaveLength(expected);
    });

    test.each([
      ['whose overlap is over', 240 * HOUR, 0],
      ['whose overlap is not over', 241 * HOUR, 1],
    ])('%s since the delivery, ten days ago', (_, overlap, expected) => {
      const hand = new ByHand('settled', { overlap });
      hand.associates(hand.actor('A'), [hand.idOf('C1')]);
      expect(hand.broken('queued')).toHaveLength(expected);
    });
  });

  /** B has delivered R1 and R2: R1 is the previous one. A takes out both. */
  describe('fails by a stale write', () => {
    type Does = (hand: ByHand, frozen: Actor) => void;
    const reads: Does = (hand, frozen) => hand.reads(frozen);
    const nothing: Does = () => undefined;

    test.each<[string, Does, Does, number]>([
      ['which is admitted', reads, nothing, 0],
      ['whose run had not read', nothing, nothing, 1],
      ['whose run has read again', reads, reads, 1],
      [
        'whose run has written before it',
        (hand, frozen) => {
          reads(hand, frozen);
          hand.sends(frozen, 'PATCH', '', { client_metadata: {} });
        },
        nothing,
        1,
      ],
    ])('%s', (_, before, after, expected) => {
      const { first, hand, latest, ids } = begun();
      const frozen = hand.actor('C');
      before(hand, frozen);
      const next = later(hand, true);
      hand.associates(next, [...latest, hand.uploads(next, 'R2')]);
      hand.stores(next, 'R2');
      first.dead = true;
      after(hand, frozen);
      hand.associates(frozen, ids.slice(0, 1));
      expect(hand.broken('queued')).toHaveLength(expected);
    });

    test('and what another one did meanwhile has only taken something out', () => {
      const { hand, latest } = begun();
      const frozen = hand.actor('C');
      hand.reads(frozen);
      hand.sends(hand.actor('B'), 'PATCH', '', { client_metadata: {} });
      hand.associates(frozen, latest);
      expect(hand.broken('queued')).toHaveLength(1);
    });
  });
});
