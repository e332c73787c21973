/** A failure outside of the plan says loudly what is urgent. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import type { Plan } from '../../../src/model/plan.ts';
import type { Outcome } from '../../../src/model/run-result.ts';
import { describeStep, type Step } from '../../../src/model/step.ts';
import { withResultAlarm } from '../../../src/report/alarm.ts';
import { DAY, desired, state } from '../../support/states.ts';

describe('a failure that no plan has seen raises an alarm', () => {
  const NOW = state(desired()).now;
  const failure = new RotationError('GITHUB_FORBIDDEN', { failed: 'It failed.', remedy: 'Mend it.' });
  const raised = (of: Partial<Parameters<typeof withResultAlarm>[1]>) =>
    withResultAlarm(failure, { readOnly: false, desired: desired(), ...of }).alarm;

  it('where the key in use has expired', () => {
    const observed = state(desired());
    expect(raised({ observed, expiresAt: NOW + 1 })).toBeUndefined();
    expect(raised({ observed, expiresAt: NOW - DAY })).toMatch(
      /^the current key expired on .* CANNOT LOG IN/,
    );
    expect(raised({ expiresAt: NOW - DAY })).toBeUndefined();
  });

  it('where a leaked key was to be revoked', () => {
    const wanted = desired({ force: true, revoke: true });
    expect(raised({ desired: wanted })).toBe('the credential to revoke is STILL VALID. Act at once');
    expect(raised({ desired: wanted, readOnly: true })).toBeUndefined();
  });

  it('where what was named for removal at once is still associated', () => {
    const wanted = desired({ overlap: 0, removableCredentials: new Set(['a', 'gone']) });
    const observed = state(wanted, {
      credentials: [
        { id: 'a', age: 100 },
        { id: 'b', age: 50 },
      ],
    });
    const step: Step = {
      kind: 'associate-credentials',
      from: ['a', 'b'],
      to: ['b'],
      interrupts: [],
      confirm: true,
      why: 'retire',
    };
    const plan = { steps: [step] } as unknown as Plan;
    const outcome = { rotated: true, removed: [], steps: [] } as unknown as Outcome;
    const steps = [{ text: describeStep(step), outcome: 'done' }] as unknown as Outcome['steps'];
    expect(raised({ desired: wanted, observed, outcome })).toMatch(/^a CAN STILL LOG IN\./);
    expect(raised({ desired: wanted, observed })).toMatch(/^a CAN STILL LOG IN\./);
    expect(raised({ desired: wanted, observed, readOnly: true })).toBeUndefined();
    // Auth0 still has it, but nobody can log in with it.
    expect(raised({ desired: wanted, observed, plan, outcome: { ...outcome, steps } })).toBeUndefined();
    const failed = steps.map((one) => ({ ...one, outcome: 'failed' })) as unknown as Outcome['steps'];
    expect(raised({ desired: wanted, observed, plan, outcome: { ...outcome, steps: failed } })).toMatch(
      /^a CAN/,
    );
    expect(raised({ desired: { ...wanted, overlap: 3_600_000 }, observed })).toBeUndefined();
  });

  it('unless it has one already', () => {
    const alarmed = failure.withStateNow('It is so.', 'some are out');
    expect(withResultAlarm(alarmed, { readOnly: false, desired: desired({ revoke: true }) })).toBe(alarmed);
  });
});
