/** What is true after a failure: when the alarm is raised, for whom, and what is said to be left. */

import { describe, expect, it } from 'vitest';
import {
  alarm,
  explainFailure,
  type FailureState,
  leftBound,
  movedBack,
} from '../../../src/apply/failure-state.ts';
import { RotationError } from '../../../src/errors.ts';
import { parseDestination, type SecretLocation } from '../../../src/model/secret-location.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const location = (text: string): SecretLocation => {
  const destination = parseDestination(text);
  if (!destination) throw new Error('no destination');
  return { destination, secretName: 'PEM', part: 'pair' };
};
const SHOP = location('repo:acme/shop');
const OTHER = location('repo:acme/other');
const NOTHING: FailureState = {
  delivery: undefined,
  served: [],
  completed: undefined,
  interrupted: [],
  former: undefined,
  method: 'self_signed_tls_client_auth',
  made: undefined,
  madeClient: undefined,
  removed: [],
  revoking: [],
  reverted: undefined,
};
const failed = new RotationError('VERIFICATION_FAILED', { failed: 'It failed.', remedy: 'Mend it.' });
const stuck = new RotationError('AUTH0_FORBIDDEN', { failed: 'Undoing failed.', remedy: '' });
const UNDONE = { messages: [], failures: [] };
const told = (left: Partial<FailureState>, undone: Parameters<typeof explainFailure>[2] = UNDONE) =>
  explainFailure(failed, { ...NOTHING, ...left }, undone, NOW);

describe('the alarm', () => {
  it.each<[string, Partial<FailureState>, SecretLocation[], RegExp | undefined]>([
    ['nothing has happened', {}, [], undefined],
    ['a place has given way', { interrupted: [SHOP] }, [], /some consumers/],
    ['it was served again', { interrupted: [SHOP] }, [SHOP], undefined],
    ['another one was served', { interrupted: [SHOP, OTHER] }, [SHOP], /some consumers/],
    ['the client was enrolled, and nobody holds its key', { former: 'none' }, [], /NOBODY CAN LOG IN/],
    ['it was enrolled, and served', { former: 'none' }, [SHOP], undefined],
    ['it was enrolled, and both', { former: 'none', interrupted: [SHOP] }, [], /NOBODY/],
    ['it was reverted: its secret works', { reverted: 'none', interrupted: [SHOP] }, [], undefined],
    ['something was to be revoked', { revoking: ['a'] }, [SHOP], /MAY STILL BE VALID/],
    ['it was revoked', { revoking: ['a'], removed: ['a'] }, [SHOP], undefined],
    ['a part of it was', { revoking: ['a', 'b'], removed: ['a'] }, [SHOP], /MAY STILL BE VALID/],
  ])('where %s', (_, left, served, words) => {
    const raised = alarm({ ...NOTHING, ...left }, served);
    if (words) expect(raised).toMatch(words);
    else expect(raised).toBeUndefined();
  });
});

describe('after a complete undo', () => {
  it.each<[string, Partial<FailureState>, RegExp[], RegExp[]]>([
    ['every destination keeps what it holds', {}, [/Every destination keeps/], [/removed/, /NOT REVOKED/]],
    ['what made place is gone', { removed: ['a', 'b'] }, [/Every destination/, /a, b was removed/], []],
    [
      'a place has given way',
      { interrupted: [SHOP] },
      [/repo:acme\/shop PEM holds was removed/, /Run again now/],
      [],
    ],
    ['a delivery was finished before', { completed: 'It holds a.' }, [/It holds a\./], [/Every destination/]],
    ['a revert may have come', { reverted: 'none' }, [/uses none again/, /run revert once more/], []],
    [
      'a revocation did not come',
      { revoking: ['a'] },
      [/NOT REVOKED: a/, /revoke: previous/],
      [/overlap: 0h/],
    ],
  ])('%s', (_, left, words, not) => {
    const { code, stateNow } = told(left);
    expect(code).toBe('VERIFICATION_FAILED');
    for (const one of words) expect(stateNow).toMatch(one);
    for (const one of not) expect(stateNow).not.toMatch(one);
  });

  it('begins with the sentences of the undo', () => {
    expect(told({}, { messages: ['Taken back.'], failures: [] }).stateNow).toMatch(/^Taken back\. Every/);
  });
});

describe('after an undo that failed', () => {
  const undone = { messages: [], failures: [stuck] };

  it.each<[string, Partial<FailureState>, RegExp[]]>([
    [
      'a credential may be left',
      { made: 'cred_x' },
      [/cred_x may still be there/, /Undoing failed\)/, /2026-11-24T12:15:00/],
    ],
    ['nobody knows whether one was made', { made: '' }, [/new credential .*may still be there/]],
    [
      'a client may be left',
      { madeClient: 'c', made: 'x' },
      [/client c may still be there/, /2026-11-24T12:15:00/],
    ],
    [
      'nobody may be able to log in',
      { former: 'client_secret_post' },
      [/NOBODY CAN LOG IN/, /client_secret_post/],
    ],
    ['something else is left', {}, [/Not everything could be undone/, /Every destination keeps/]],
  ])('%s', (_, left, words) => {
    for (const one of words) expect(told(left, undone).stateNow).toMatch(one);
  });
});

describe('once a delivery has begun', () => {
  it('describes it, and says how to finish a revocation', () => {
    const left = { ...NOTHING, delivery: 'SHOP holds a.', served: [SHOP], revoking: ['b'] };
    const { alarm: raised, stateNow } = explainFailure(failed, left, undefined, NOW);
    expect(stateNow).toMatch(/^SHOP holds a\. NOT REVOKED: b .*overlap: 0h/);
    expect(raised).toMatch(/VALID/);
  });
});

it('the sentences about a failed enrollment or binding name what is left', () => {
  expect(movedBack('client_secret_post')).toMatch(/client_secret_post again\. .*not documented/);
  expect(movedBack('private_key_jwt')).toBe('The client uses private_key_jwt again.');
  expect(movedBack('none')).toBe('The client uses none again.');
  expect(leftBound(true)).toMatch(/may be bound/);
  expect(leftBound(false)).toMatch(/may no longer be bound/);
});
