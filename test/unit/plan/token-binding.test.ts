/** A binding of access tokens without a rotation needs the pair in use as its proof. */

import { describe, expect, it } from 'vitest';
import { printNote } from '../../../src/model/note.ts';
import { plan } from '../../../src/plan/plan.ts';
import { desired, state } from '../../support/states.ts';

describe('a binding without a rotation', () => {
  const bound = (current: string | undefined) => {
    const wanted = desired({ tokenBinding: 'required', ...(current ? { current } : {}) });
    const observed = state(wanted, { credentials: [{ id: 'a', age: 60 }], written: [59.9] });
    const pool = observed.pool.map((c) => ({ ...c, identity: current ? c.identity : undefined }));
    const { notes, steps } = plan(wanted, { ...observed, pool });
    return { kinds: steps.map(({ kind }) => kind), notes: notes.map(printNote).join('\n') };
  };

  it('is proven with current-credential', () => {
    expect(bound('a').kinds).toEqual(['bind-tokens']);
  });

  it('waits without it, also if Auth0 shows no thumbprint of the credential in use', () => {
    const { kinds, notes } = bound(undefined);
    expect(kinds).toEqual([]);
    expect(notes).toContain('current-credential');
  });
});
