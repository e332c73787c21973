import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerClock } from '../../../src/http/server-clock.ts';

const header = (time: number) => new Date(time).toUTCString();

describe('a server clock', () => {
  it('is right to half a second, whatever the delays', () => {
    const answers = fc.array(fc.record({ wait: fc.nat(5_000), out: fc.nat(400), back: fc.nat(400) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), answers, (offset, list) => {
        const clock = new ServerClock();
        let local = 1_800_000_000_000;
        for (const { wait, out, back } of list) {
          local += wait;
          clock.observe(header(local + out + offset), local, local + out + back);
          local += out + back;
        }
        expect(Math.abs(clock.offset - offset)).toBeLessThanOrEqual((1_000 + 800) / 2);
      }),
    );
  });

  it('knows how wrong it may be: the truth always lies within', () => {
    const delay = fc.oneof(fc.nat(400), fc.nat(20_000));
    const answers = fc.array(fc.record({ gap: fc.nat(5_000), out: delay, back: delay }), { minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), answers, (offset, list) => {
        const clock = new ServerClock();
        expect(clock.error).toBe(Number.POSITIVE_INFINITY);
        let local = 1_800_000_000_000;
        let best = Number.POSITIVE_INFINITY;
        for (const { gap, out, back } of list) {
          local += gap;
          clock.observe(header(local + out + offset), local, local + out + back);
          local += out + back;
          best = Math.min(best, (1_000 + out + back) / 2);
          expect(Math.abs(clock.offset - offset)).toBeLessThanOrEqual(clock.error);
          expect(clock.error).toBeLessThanOrEqual(best);
        }
      }),
    );
  });

  it('grows more exact with every answer', () => {
    const clock = new ServerClock();
    for (let at = 0; at < 3_000; at += 90)
      clock.observe(header(1_000_000 + at + 250), 1_000_000 + at, 1_000_000 + at);
    expect(Math.abs(clock.offset - 250)).toBeLessThanOrEqual(50);
  });

  it('believes the newest answer if two contradict each other', () => {
    const clock = new ServerClock();
    clock.observe(header(1_000_000), 1_000_000, 1_000_000);
    clock.observe(header(9_000_000), 1_000_000, 1_000_000);
    expect(clock.offset).toBe(8_000_500);
    clock.observe(header(2_000_000), 1_000_000, 1_000_000);
    expect(clock.offset).toBe(1_000_500);
  });

  it('knows nothing without a date', () => {
    const clock = new ServerClock();
    clock.observe(undefined, 0, 0);
    clock.observe('yesterday', 0, 0);
    expect([clock.known, clock.offset]).toEqual([false, 0]);
    clock.observe(header(9_000_000), 1_000_000, 1_000_000);
    clock.observe('yesterday', 1_000_000, 1_000_000);
    expect([clock.known, clock.offset]).toEqual([true, 8_000_500]);
  });
});
