/** A client is in exactly one shard whatever their number is, and its spread brings it forward, never back. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asClientId, isIn, parseShard, shardsOf } from '../../../src/model/shard.ts';
import { spread } from '../../../src/model/spread.ts';

const ids = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 200 });
const among = (count: number) => Array.from({ length: count }, (_, at) => parseShard(`${at + 1}/${count}`));
const fleet = (count: number) => Array.from({ length: count }, (_, at) => `client${at}`);

describe('shards', () => {
  it('have each client once, whatever their number is', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 256 }), (id, count) => {
        expect(among(count).filter((shard) => isIn(shard, id)).length).toBe(1);
      }),
    );
  });

  it('of a matrix have every due client, none is empty, and there are 256 at most', () => {
    fc.assert(
      fc.property(ids, (due) => {
        const shards = shardsOf(due).map(parseShard);
        for (const id of due) expect(shards.filter((shard) => isIn(shard, id)).length).toBe(1);
        for (const shard of shards) expect(due.some((id) => isIn(shard, id))).toBe(true);
      }),
    );
    expect(shardsOf([])).toEqual([]);
    expect(shardsOf(fleet(20))).toEqual(['1/1']);
    expect(shardsOf(fleet(300)).length).toBe(6);
    expect(shardsOf(fleet(50_000)).length).toBe(256);
  });

  it('are of about the same size', () => {
    const sizes = among(8).map((shard) => fleet(4_000).filter((id) => isIn(shard, id)).length);
    for (const size of sizes) expect(Math.abs(size - 500)).toBeLessThan(100);
  });

  it.each(['', '1', '0/1', '2/1', '1/0', '1/257', 'a/b', '-1/2', '1/2/3', ' 1/2x'])('are not %j', (text) => {
    expect(() => parseShard(text)).toThrow('write a part such as 2/5');
  });
});

it('a part is told from the id of a client, also where no such part exists', () => {
  expect(['', '2/5', '7/5', '1/1000', '0/0'].map(asClientId)).toEqual(Array(5).fill(undefined));
  const ids = ['a/b', '1/2/3', '2/5x', '0123', 'K2/5'];
  expect(ids.map(asClientId)).toEqual(ids);
});

describe('the spread', () => {
  it('is the same for a client always, brings forward by a week at most, and stays below the validity', () => {
    const days = fc.integer({ min: 1, max: 825 }).chain((validityDays) =>
      fc.record({
        clientId: fc.string(),
        validityDays: fc.constant(validityDays),
        renewBeforeDays: fc.integer({ min: 0, max: validityDays - 1 }),
      }),
    );
    fc.assert(
      fc.property(days, (desired) => {
        const effective = spread(desired);
        expect(effective).toBe(spread({ ...desired }));
        expect(effective).toBeGreaterThanOrEqual(desired.renewBeforeDays);
        expect(effective - desired.renewBeforeDays).toBeLessThanOrEqual(
          Math.min(7, desired.renewBeforeDays / 4),
        );
        expect(effective).toBeLessThan(desired.validityDays);
      }),
    );
  });

  it.each([29, 30, 31])('moves nothing where a pair of %i days leaves no room', (validityDays) => {
    const moved = fleet(20).map((clientId) => spread({ clientId, validityDays, renewBeforeDays: 30 }));
    expect([...new Set(moved)]).toEqual([30]);
  });

  it('keeps a fleet of one day from being due on one day', () => {
    const days = fleet(400).map((clientId) => spread({ clientId, validityDays: 90, renewBeforeDays: 30 }));
    for (let day = 30; day <= 37; day += 1) {
      const due = days.filter((one) => one === day).length;
      expect(Math.abs(due - 50)).toBeLessThan(25);
    }
  });
});
