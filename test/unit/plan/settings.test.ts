/** What the plan assumes where the inputs leave something open. */

import { describe, expect, it } from 'vitest';
import { impliedOperation, resolveDefaults } from '../../../src/plan/plan.ts';
import { type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

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

  it('stay as they were set', () => {
    const key = { keySize: 4096, subject: 'CN=by hand' };
    expect(resolved({ given: new Set(['subject']) }, key)).toEqual([4096, 'CN=client']);
    expect(resolved({ given: new Set(['key-size']) }, key)).toEqual([2048, 'CN=by hand']);
  });

  it('are not taken from a pair that Auth0 does not know', () => {
    expect(resolved({ current: 'stranger' }, { keySize: 4096 })).toEqual([2048, 'CN=client']);
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
  ])('stays as it is: %s', (_, changes, method) => {
    expect(implied(changes, method)).toEqual([changes.operation ?? 'rotate', true]);
  });
});
