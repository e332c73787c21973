/** What to do about a key that could not be proven: it depends on who logs in by which key, and on what the run has taken back. */

import { describe, expect, it } from 'vitest';
import { currentRefused, noControl, noGrant, notProven } from '../../../src/apply/proof-failure.ts';
import { RotationError } from '../../../src/errors.ts';
import { type DesiredChanges, desired } from '../../support/states.ts';

const refused = { outcome: 'refused', detail: '401', isForeign: false } as const;
const unauthorized = { ...refused, outcome: 'unauthorized' } as const;
const KEY: DesiredChanges = { method: 'private_key_jwt' };

describe('the remedy of a new key that was not proven', () => {
  it.each<[string, DesiredChanges, boolean, RegExp, RegExp]>([
    ['tries the certificate in use', {}, true, /Try the current certificate/, /of your own/],
    ['tries any certificate where none is in use', {}, false, /any certificate of your own/, /current/],
    ['looks at the method of the client that uses keys', KEY, true, /must be Private Key JWT/, /Do not/],
    ['looks at it at the first delivery too', KEY, false, /must be Private Key JWT/, /Do not/],
    [
      'forbids to switch a client by hand that was moved back',
      { ...KEY, operation: 'enroll' },
      false,
      /^Do not switch the client to Private Key JWT by hand/,
      /must be Private Key JWT/,
    ],
    [
      'forbids it for a client that was deleted again',
      { ...KEY, operation: 'create', clientId: '' },
      false,
      /^Do not switch/,
      /must be Private Key JWT/,
    ],
    [
      'of a client that was enrolled before is that of a rotation',
      { ...KEY, operation: 'enroll' },
      true,
      /must be Private Key JWT/,
      /Do not/,
    ],
  ])('%s', (_, changes, isInUse, words, not) => {
    const { remedy } = notProven(desired(changes), refused, isInUse);
    expect(remedy).toMatch(words);
    expect(remedy).not.toMatch(not);
  });

  it('authorizes a client that is there, and does not send to one that was deleted again', () => {
    expect(notProven(desired(), unauthorized, true).remedy).toMatch(
      /authorize client\. Or set verify-audience/,
    );
    const { remedy } = notProven(desired({ operation: 'create', clientId: '' }), unauthorized, false);
    expect(remedy).toMatch(/^A new client .* verify: auto .* authorize .* force: true and verify: required/);
    expect(remedy).not.toContain('Dashboard');
    const there = notProven(desired({ operation: 'create' }), unauthorized, true);
    expect(there.remedy).toMatch(/authorize client\./);
  });

  it('is that of the outage if a service is down', () => {
    const outage = new RotationError('AUTH0_REQUEST_FAILED', { failed: 'Down.', remedy: 'Start a new run.' });
    const down = { ...refused, outcome: 'failed', outage } as const;
    expect([notProven(desired(), down, true), currentRefused(desired(), down)]).toEqual([outage, outage]);
  });
});

describe.each([noGrant, noControl])('a client that cannot be proven: %o', (errorOf) => {
  it('is delivered without a proof, which a rehearsal cannot do', () => {
    expect(errorOf(desired()).remedy).toMatch(/^Set verify: auto/);
    const { remedy } = errorOf(desired({ operation: 'rehearse' }));
    expect(remedy).toMatch(/cannot be rehearsed as it is/);
    expect(remedy).not.toMatch(/Set verify/);
  });
});
