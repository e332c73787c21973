/** What the plan assumes where the inputs leave something open. */

import { describe, expect, it } from 'vitest';
import { printNote } from '../../../src/model/note.ts';
import type { Credential } from '../../../src/model/observed-state.ts';
import { ownerOf, writeOwnership } from '../../../src/model/ownership.ts';
import { resolveDefaults } from '../../../src/plan/defaults.ts';
import { impliedOperation, plan } from '../../../src/plan/plan.ts';
import { notation } from '../../support/notation.ts';
import {
  type CredentialSeed,
  type DesiredChanges,
  desired,
  HOUR,
  keyRecord,
  NOW,
  type StateSeed,
  state,
} from '../../support/states.ts';

describe('subject and key size', () => {
  const seed: StateSeed = { credentials: [{ id: 'a', age: 600 }], written: [599] };
  const resolved = (changes: DesiredChanges, key: object = {}) => {
    const wanted = desired({ current: 'a', given: new Set(), ...changes });
    if (wanted.currentKey) Object.assign(wanted.currentKey, key);
    const { keySize, subject } = resolveDefaults(wanted, state(wanted, seed));
    return [keySize, subject];
  };

  it.each([2048, 3072, 4096])('are those of current-credential: RSA %i', (keySize) => {
    expect(resolved({}, { keySize, subject: 'CN=by hand' })).toEqual([keySize, 'CN=by hand']);
  });

  it('stay at their defaults for a size that the action does not issue, and a key without a subject', () => {
    expect(resolved({}, { keySize: 1024, subject: undefined })).toEqual([2048, 'CN=client']);
  });

  it.each(['', 'C=Germany,CN=a', 'CN=a\u0007'])(
    'stay at their defaults for a subject that the action does not issue: %j',
    (subject) => {
      expect(resolved({}, { subject })).toEqual([2048, 'CN=client']);
    },
  );

  it('stay as they were set', () => {
    const key = { keySize: 4096, subject: 'CN=by hand' };
    expect(resolved({ given: new Set(['subject']) }, key)).toEqual([4096, 'CN=client']);
    expect(resolved({ given: new Set(['key-size']) }, key)).toEqual([2048, 'CN=by hand']);
  });

  it('are not taken from a pair that Auth0 does not know', () => {
    expect(resolved({ current: 'stranger' }, { keySize: 4096 })).toEqual([2048, 'CN=client']);
  });
});

describe('the signing algorithm', () => {
  const NAME = writeOwnership({ owner: ownerOf(desired()), run: '1.1', after: undefined });
  it.each<[string, DesiredChanges, Credential[], string | undefined]>([
    ['nothing that is known', {}, [], undefined],
    ['its associated key', {}, [keyRecord('a', { algorithm: 'PS256' })], 'PS256'],
    ['not by a key that is not associated', {}, [keyRecord('x', { algorithm: 'PS256' })], undefined],
    ['not by a certificate', {}, [keyRecord('a', { algorithm: 'PS256', type: 'x509_cert' })], undefined],
    [
      'nothing that the action does not know',
      {},
      [keyRecord('a', { algorithm: 'ES256' as never })],
      undefined,
    ],
    [
      'the newest of its keys',
      {},
      [keyRecord('b', { algorithm: 'RS384' }), keyRecord('a', { algorithm: 'PS256', createdAt: NOW })],
      'PS256',
    ],
    [
      'what current-credential is',
      { current: 'b' },
      [keyRecord('a', { algorithm: 'PS256', createdAt: NOW }), keyRecord('b', { algorithm: 'RS384' })],
      'RS384',
    ],
    [
      'a key without an identity is not that',
      {},
      [keyRecord('x', { algorithm: 'RS384', identity: undefined }), keyRecord('a', { algorithm: 'PS256' })],
      'PS256',
    ],
    [
      'what is asked for',
      { given: new Set(['signing-algorithm']), signingAlgorithm: 'RS384' },
      [keyRecord('a', { algorithm: 'PS256' })],
      'RS384',
    ],
    [
      'not by what nobody asked for',
      { given: new Set(), signingAlgorithm: 'RS384' },
      [keyRecord('a', { algorithm: 'PS256' })],
      'PS256',
    ],
    [
      'the one that the first destination holds, although somebody added another one by hand later',
      {},
      [
        keyRecord('b', { algorithm: 'RS384', name: NAME }),
        keyRecord('a', { algorithm: 'PS256', createdAt: NOW }),
      ],
      'RS384',
    ],
  ])('is that of %s', (_, changes, pool, algorithm) => {
    const wanted = desired({ method: 'private_key_jwt', ...changes });
    const holdsB = pool.some(({ name }) => name !== undefined);
    const observed = state(wanted, holdsB ? { written: [59] } : {});
    const client = observed.client && { ...observed.client, associated: ['a', 'b'] };
    expect(resolveDefaults(wanted, { ...observed, client, pool }).signingAlgorithm).toBe(algorithm);
    if (!('signingAlgorithm' in changes))
      expect(
        resolveDefaults(wanted, { ...observed, client: undefined, pool: [] }).signingAlgorithm,
      ).toBeUndefined();
  });
});

describe('the operation that a plan shows', () => {
  const implied = (changes: DesiredChanges, method?: string) => {
    const wanted = desired({ revoke: true, ...changes });
    const { operation, revoke } = impliedOperation(wanted, state(wanted, method ? { method } : {}));
    return [operation, revoke];
  };

  it('is enroll for a client that uses another method, since rotate would be refused', () => {
    expect(implied({}, 'client_secret_post')).toEqual(['enroll', false]);
  });

  it.each<[string, DesiredChanges, string | undefined]>([
    ['the method is right', {}, undefined],
    ['there is no client yet', {}, 'nothing'],
    ['a revert was asked for', { operation: 'revert' }, 'client_secret_post'],
    ['plan-of says rotate, so that its refusal shows', { given: new Set(['plan-of']) }, 'client_secret_post'],
  ])('stays as it is: %s', (_, changes, method) => {
    expect(implied(changes, method)).toEqual([changes.operation ?? 'rotate', true]);
  });
});

describe('a wish that does not fit what there is', () => {
  const notesOf = (changes: DesiredChanges, seed: StateSeed = {}) => {
    const wanted = desired(changes);
    const base: StateSeed = { credentials: [{ id: 'a', age: 600 }], written: [599.9] };
    return plan(wanted, state(wanted, { ...base, ...seed })).notes.map(printNote);
  };

  it('another name of the client is said, and that it goes on', () => {
    expect(notesOf({ operation: 'create', clientName: 'orders' })).toEqual([
      'WARNING: The client that this workflow made is named shop, not orders. The workflow goes on rotating it. For another client choose another secret-name.',
    ]);
    expect(notesOf({ operation: 'create', clientName: 'shop' })).toEqual([]);
    expect(notesOf({})).toEqual([]);
  });

  it('ids that no credential has are named, since they protect nothing', () => {
    expect(notesOf({ keep: ['x', 'a', 'y'] })).toEqual([
      'WARNING: Client client has no credential x, y, which keep-credentials names. Correct the ids, or take them out of keep-credentials.',
    ]);
    expect(notesOf({ keep: ['x'] })).toEqual([
      expect.stringMatching(/ Correct the id, or take it out of keep/),
    ]);
    expect(notesOf({ keep: ['a'] })).toEqual([]);
  });
});

describe('a rotation that has to wait', () => {
  const stopped = (associated: boolean) => {
    const wanted = desired({ force: true, current: 'a', keep: ['a', 'h'] });
    const credentials = [
      { id: 'h', age: 900, by: 'hand' as const },
      { id: 'a', age: 600, associated },
    ];
    return () => plan(wanted, state(wanted, { credentials, written: [599.9] }));
  };

  it('is the reason all the same, beside the steps that need no room', () => {
    const wanted = desired({ force: true, current: 'a', keep: ['a', 'h'] });
    const credentials = [
      { id: 'h', age: 900, by: 'hand' as const },
      { id: 'a', age: 600 },
      { id: 'x', age: 16, associated: false },
    ];
    const { errorAtEnd, ...planned } = plan(wanted, state(wanted, { credentials, written: [599.9] }));
    expect([planned.reason, planned.explanation, notation(planned.steps), planned.rotates]).toEqual([
      'Forced',
      'force is set',
      '-x',
      false,
    ]);
    expect(errorAtEnd?.code).toBe('CREDENTIAL_LIMIT');
  });

  it('does not keep what a destination holds from being associated again', () => {
    const { errorAtEnd, explanation, lockout, reason, rotates, steps } = stopped(false)();
    expect([reason, explanation, notation(steps), rotates]).toEqual([
      'NotAssociated',
      'a credential that a destination holds was not associated',
      '~[h,a]',
      false,
    ]);
    expect(errorAtEnd?.code).toBe('CREDENTIAL_LIMIT');
    expect(lockout).toEqual({
      before: 'perhaps the consumers of repo:acme/shop PEM CANNOT LOG IN. Act at once',
      afterKeptSteps: undefined,
    });
  });

  it('changes nothing if there is nothing to associate', () => {
    expect(stopped(true)).toThrow(expect.objectContaining({ code: 'CREDENTIAL_LIMIT' }));
  });
});

describe('what is associated again', () => {
  const healed = (credentials: readonly CredentialSeed[], changes: DesiredChanges = {}) => {
    const wanted = desired({
      destinations: ['repo:acme/shop', 'env:acme/shop/live'],
      current: 'a',
      ...changes,
    });
    const { notes, steps } = plan(wanted, state(wanted, { credentials, written: [599.9, 599.9] }));
    return { notes: notes.map(printNote), steps: notation(steps) };
  };
  const out = { id: 'a', age: 600, associated: false };

  it('is what the destinations hold, once, and both are named', () => {
    const { notes, steps } = healed([out]);
    expect(steps).toBe('~[a]');
    expect(notes).toContainEqual(
      expect.stringMatching(
        /^WARNING: a, which repo:acme\/shop PEM, env:acme\/shop\/live PEM hold, was not associated/,
      ),
    );
  });

  it('is nothing while everything is revoked, nor what has expired', () => {
    expect(healed([out], { revoke: true, force: true }).steps).not.toContain('~[a]');
    expect(healed([{ ...out, expiresIn: -2 * HOUR }], { force: true }).steps).not.toContain('~[a]');
    // Even if its record cannot be read: current-credential shows that it is in use.
    expect(healed([{ ...out, type: 'unknown' }]).steps).toMatch(/^~\[a\]/);
  });

  it('takes the place of what has expired, or of one of ours that nobody holds', () => {
    const other = { id: 'z', age: 700, by: 'hand' as const };
    expect(
      healed([{ ...other, expiresIn: -2 * HOUR }, { id: 'y', age: 800, by: 'hand' }, out]).steps,
    ).toMatch(/^~\[y,a\]/);
    expect(healed([other, { id: 'y', age: 800 }, out]).steps).toMatch(/^~\[z,a\]/);
  });
});
