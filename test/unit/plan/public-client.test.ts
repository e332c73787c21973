/** A client without any credential (method `none`) can come back to that, and becomes it only if it was asked for. */

import { describe, expect, it } from 'vitest';
import { movedBack } from '../../../src/apply/method-change.ts';
import { printNote } from '../../../src/model/note.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

const current = { id: 'a', age: 60 };

function planOf(changes: DesiredChanges, seed: StateSeed) {
  const wanted = desired({ operation: 'revert', ...changes });
  return plan(wanted, state(wanted, seed));
}

describe('a revert to none', () => {
  it('moves the client, removes its credentials and says what that means', () => {
    const { notes, reason, steps } = planOf({ revertTo: 'none' }, { credentials: [current] });
    expect(reason).toBe('MethodDiffers');
    expect(steps.map((step) => (step.kind === 'change-method' ? step.to : step.kind))).toEqual([
      'none',
      'delete-credential',
    ]);
    expect(notes.map(printNote)).toEqual([expect.stringMatching(/^INTERRUPTION: .* It is public again/)]);
  });

  it('has nothing to do if the client is public', () => {
    expect(planOf({ revertTo: 'none' }, { method: 'none' })).toMatchObject({ reason: 'NotDue', steps: [] });
  });

  it.each<[DesiredChanges['revertTo'], string]>([
    ['none', 'client_secret_post'],
    ['none', 'tls_client_auth'],
    ['client_secret_post', 'none'],
    [undefined, 'none'],
  ])('%s of a client that uses %s is refused', (revertTo, method) => {
    expect(() => planOf(revertTo === undefined ? {} : { revertTo }, { method })).toThrow(
      expect.objectContaining({ code: 'METHOD_MISMATCH' }),
    );
  });
});

it('an enrollment that was undone does not speak of a secret that a public client never had', () => {
  expect(movedBack('none')).toBe('The client uses the method none again.');
  expect(movedBack('client_secret_post')).toContain('client secret');
});
