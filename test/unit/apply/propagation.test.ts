/** When a delivery waits until all of Auth0 knows the association, and when it is too late for one. */

import { describe, expect, it } from 'vitest';
import { refuseOld, waitsForPropagation } from '../../../src/apply/propagation.ts';
import { ISSUED, type Step } from '../../../src/model/step.ts';
import { DAY, desired, NOW, type StateSeed, state } from '../../support/states.ts';

const associate = (
  to: string[],
  interrupts: Extract<Step, { kind: 'associate-credentials' }>['interrupts'] = [],
): Step => ({
  kind: 'associate-credentials',
  why: 'add',
  from: ['a'],
  to,
  interrupts,
  confirm: true,
});
const SETTLED: StateSeed = { credentials: [{ id: 'a', age: 60 }], written: [59] };
const waits = (step: Step, seed = SETTLED) => waitsForPropagation({ steps: [step] }, state(desired(), seed));

describe('a delivery waits', () => {
  const add = associate(['a', ISSUED]);

  it('if consumers can log in with another credential meanwhile', () => {
    expect(waits(add)).toBe(true);
    expect(waits(add, { ...SETTLED, written: ['unread'] })).toBe(true);
  });

  it.each<[string, Step, StateSeed?]>([
    ['nothing new is associated', associate(['a'])],
    [
      'the plan interrupts somebody',
      associate(
        ['a', ISSUED],
        state(desired(), SETTLED).secrets.map(({ location }) => location),
      ),
    ],
    ['no destination has a secret', add, { ...SETTLED, written: [undefined] }],
    [
      'the held credential has expired',
      add,
      { ...SETTLED, credentials: [{ id: 'a', age: 60, expiresIn: 0 }] },
    ],
    [
      'the held credential is not associated',
      add,
      { ...SETTLED, credentials: [{ id: 'a', age: 60, associated: false }] },
    ],
  ])('not if %s', (_, step, seed) => {
    expect(waits(step, seed)).toBe(false);
  });

  it('if the held credential has a moment left, or never expires', () => {
    expect(waits(add, { ...SETTLED, credentials: [{ id: 'a', age: 60, expiresIn: 1 }] })).toBe(true);
    const endless = state(desired(), SETTLED);
    const pool = endless.pool.map((one) => ({ ...one, expiresAt: undefined }));
    expect(waitsForPropagation({ steps: [add] }, { ...endless, pool })).toBe(true);
    expect(waitsForPropagation({ steps: [add] }, { ...endless, client: undefined })).toBe(false);
  });
});

describe('a credential', () => {
  it.each([
    [600_000, false],
    [600_001, true],
    [DAY, true],
  ])('of an age of %i ms is too old to be delivered: %s', (age, isTooOld) => {
    const refuse = () => refuseOld(NOW - age, NOW);
    if (isTooOld) expect(refuse).toThrow(expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }));
    else expect(refuse).not.toThrow();
    expect(() => refuseOld(undefined, NOW)).not.toThrow();
  });
});
