/** What is true after a failure: when the alarm is raised, for whom, and what is said to be left. */

import { describe, expect, it } from 'vitest';
import { revokedButUsed, stillAssociated } from '../../../src/apply/delete.ts';
import { alarm, explainFailure, type FailureState } from '../../../src/apply/failure-state.ts';
import { movedBack } from '../../../src/apply/method-change.ts';
import { leftBound, notBound } from '../../../src/apply/token-binding.ts';
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
const THIRD = location('repo:acme/third');
const NOTHING: FailureState = {
  delivery: undefined,
  served: [],
  unserved: [],
  currentDelivery: undefined,
  isMixed: false,
  takenOut: undefined,
  interrupted: [],
  disassociated: [],
  methodBefore: undefined,
  takenOver: false,
  isManager: false,
  method: 'self_signed_tls_client_auth',
  orphan: undefined,
  orphanClient: undefined,
  removed: [],
  revoking: [],
  passesCurrent: true,
  reverted: undefined,
  lockout: undefined,
};
const SECRET = { method: 'client_secret_post', credentials: [] };
const KEY = { method: 'private_key_jwt', credentials: ['cred_k', 'cred_l'] };
const failed = new RotationError('VERIFICATION_FAILED', { failed: 'It failed.', remedy: 'Mend it.' });
const stuck = new RotationError('AUTH0_FORBIDDEN', { failed: 'Undoing failed.', remedy: '' });
const UNDONE = { messages: [], failures: [] };
const told = (left: Partial<FailureState>, undone: Parameters<typeof explainFailure>[2] = UNDONE) =>
  explainFailure(failed, { ...NOTHING, ...left }, undone, NOW);

describe('the alarm', () => {
  it.each<[string, Partial<FailureState>, SecretLocation[], RegExp | undefined]>([
    ['nothing has happened', {}, [], undefined],
    ['two secrets do not match', { isMixed: true }, [], /some consumers/],
    [
      'the delivered credential was taken out',
      { takenOut: 'a' },
      [SHOP],
      /delivered credential CANNOT LOG IN/,
    ],
    [
      'it was taken out after an enrollment',
      { takenOut: 'a', methodBefore: SECRET },
      [SHOP],
      /CANNOT LOG IN/,
    ],
    ['a place has given way', { interrupted: [SHOP] }, [], /some consumers/],
    ['it was served again', { interrupted: [SHOP] }, [SHOP], undefined],
    ['another one was served', { interrupted: [SHOP, OTHER] }, [SHOP], /some consumers/],
    ['the client was enrolled, and nobody holds its key', { methodBefore: SECRET }, [], /NOBODY CAN LOG IN/],
    ['it was enrolled, and served', { methodBefore: SECRET }, [SHOP], undefined],
    ['it was enrolled, and both', { methodBefore: SECRET, interrupted: [SHOP] }, [], /NOBODY/],
    [
      'somebody else changed the client that was enrolled',
      { takenOver: true },
      [],
      /Decide now which method/,
    ],
    ['it was reverted: its secret works', { reverted: 'none', interrupted: [SHOP] }, [], undefined],
    ['something was to be revoked', { revoking: ['a'] }, [SHOP], /MAY STILL BE VALID/],
    ['it was revoked', { revoking: ['a'], removed: ['a'] }, [SHOP], undefined],
    ['a part of it was', { revoking: ['a', 'b'], removed: ['a'] }, [SHOP], /MAY STILL BE VALID/],
    ['it was not, and nobody was served', { revoking: ['a'] }, [], /MAY STILL BE VALID/],
    ['what was not served has expired', { previousEnds: NOW, unserved: [OTHER] }, [SHOP], /some consumers/],
    ['it has expired, and nobody was served', { previousEnds: NOW, unserved: [SHOP] }, [], undefined],
    ['it has expired, and all were served', { previousEnds: NOW }, [SHOP], undefined],
    ['consumers were out before, and all were served', { lockout: 'OUT' }, [SHOP], undefined],
    ['consumers were out before, and some were served', { lockout: 'OUT', unserved: [OTHER] }, [SHOP], /OUT/],
    ['consumers were out before, and nobody was served', { lockout: 'OUT' }, [], /OUT/],
  ])('if %s', (_, left, served, words) => {
    const raised = alarm({ ...NOTHING, ...left, served }, NOW);
    if (words) expect(raised).toMatch(words);
    else expect(raised).toBeUndefined();
  });
});

describe('after a complete undo', () => {
  it.each<[string, Partial<FailureState>, RegExp[], RegExp[]]>([
    ['every destination keeps what it holds', {}, [/Every destination keeps/], [/removed/, /NOT REVOKED/]],
    [
      'what made place is gone',
      { removed: ['a', 'b'] },
      [/Every destination keeps .* The run removed a, b, which no/],
      [],
    ],
    [
      'a place has given way',
      { interrupted: [SHOP] },
      [
        /repo:acme\/shop PEM held was removed/,
        /correct the cause, and start a new run \([^)]*\) at once\. Every other destination keeps the credential that it holds\.$/,
      ],
      [],
    ],
    [
      'two places have given way, and two credentials',
      { interrupted: [SHOP, OTHER], removed: ['a', 'b'] },
      [/repo:acme\/shop PEM, repo:acme\/other PEM held was removed/, /Credentials a, b were removed\.$/],
      [],
    ],
    [
      'a delivery was finished before',
      { currentDelivery: 'It holds a.' },
      [/^It holds a\. All associated credentials stay associated\.$/],
      [],
    ],
    [
      'a delivery was finished, and its credential was taken out',
      { currentDelivery: 'It holds a.', takenOut: 'a' },
      [/^It holds a\. Somebody else has taken a out, .* CANNOT LOG IN until it is\.$/],
      [],
    ],
    [
      'a delivery was finished, and then a place has given way',
      { currentDelivery: 'It holds a.', removed: ['b'], disassociated: ['b'], interrupted: [SHOP] },
      [/repo:acme\/shop PEM held was removed .*at once/, /It holds a\. Credential b was removed/],
      [/All associated/, /Every other/],
    ],
    [
      'a delivery was finished, and then something was taken out',
      { currentDelivery: 'It holds a.', disassociated: ['b'] },
      [
        /^It holds a\. The run removed b, which no destination holds\. A consumer that still uses it cannot log in until/,
      ],
      [/All associated/],
    ],
    [
      'something was taken out, and only some of it was deleted',
      { removed: ['c'], disassociated: ['b', 'c'] },
      [/^Every destination keeps .* The run removed c, b, which no destination holds\./],
      [],
    ],
    [
      'a revert may have come',
      { reverted: 'none' },
      [/^The client uses the method none again.* run revert once more/],
      [],
    ],
    ['a revert has removed one', { reverted: 'none', removed: ['a'] }, [/^Credential a was removed\. /], []],
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

  it('names every credential that was to be revoked', () => {
    expect(told({ revoking: ['a', 'b'] }).stateNow).toContain('NOT REVOKED: a, b may still get tokens.');
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
      { orphan: 'cred_x' },
      [/cred_x may still be there/, /Undoing failed\)/, /2026-11-24T12:15:00/],
    ],
    [
      'nobody knows whether one was made',
      { orphan: '' },
      [/new credential may still be there, .* removes it\.$/],
    ],
    [
      'a client may be left',
      { orphanClient: 'c', orphan: 'x' },
      [/client c may still be there/, /2026-11-24T12:15:00/],
    ],
    [
      'nobody may be able to log in',
      { methodBefore: SECRET },
      [/NOBODY CAN LOG IN, not even by client_secret_post/, /This could not be undone/],
    ],
    [
      'a place has given way, and a run that comes too early is refused',
      { orphan: 'cred_x', interrupted: [SHOP] },
      [/and start a new run \([^)]*\) after 2026-11-24T12:15:00.000Z, not before\./, /unless you delete/],
    ],
    ['nothing was revoked', { orphan: 'cred_x', revoking: ['a'] }, [/NOT REVOKED: a/]],
    ['something else is left', {}, [/Not everything could be undone/, /Every destination keeps/]],
  ])('%s', (_, left, words) => {
    for (const one of words) expect(told(left, undone).stateNow).toMatch(one);
  });

  it('quotes why, without its last period', () => {
    const at = new RotationError('AUTH0_FORBIDDEN', { failed: 'acme.example refused it.', remedy: '' });
    const { stateNow } = told({ orphan: 'x' }, { messages: [], failures: [at] });
    expect(stateNow).toContain('since undoing failed (acme.example refused it): nobody holds its key');
  });
});

describe('the way back from an enrollment after which nobody can log in', () => {
  const undone = { messages: [], failures: [stuck] };
  const DASHBOARD = /in the Auth0 Dashboard \(Applications, the client, Credentials\)/;

  it.each<[string, Partial<FailureState>, RegExp[], RegExp[]]>([
    [
      'to a client secret is a revert to just that method, or the Dashboard',
      { methodBefore: { method: 'client_secret_basic', credentials: [] } },
      [
        /operation: revert with revert-to: client_secret_basic/,
        DASHBOARD,
        /wait 15 minutes, .* start enroll again/,
      ],
      [],
    ],
    [
      'to a public client is a revert to none',
      { methodBefore: { method: 'none', credentials: [] } },
      [/revert with revert-to: none/, /If so, NOBODY CAN LOG IN\. Set it back/],
      [/by none/],
    ],
    [
      'to other credentials is the Dashboard, with those credentials, and no revert',
      { methodBefore: KEY },
      [
        DASHBOARD,
        /choose private_key_jwt with cred_k, cred_l\./,
        /A revert cannot do that/,
        /may remove cred_k, cred_l\.$|may remove cred_k, cred_l\. This/,
      ],
      [/operation: revert/],
    ],
    [
      'of the management client is the Dashboard alone: no run can log in',
      { methodBefore: SECRET, isManager: true },
      [DASHBOARD, /choose client_secret_post/],
      [/operation: revert/, /enroll again/],
    ],
    [
      'of the management client to other credentials is the Dashboard alone',
      { methodBefore: KEY, isManager: true },
      [DASHBOARD, /with cred_k, cred_l/],
      [/operation: revert/, /enroll again/],
    ],
  ])('%s', (_, left, words, not) => {
    const { stateNow } = told(left, undone);
    for (const one of words) expect(stateNow).toMatch(one);
    for (const one of not) expect(stateNow).not.toMatch(one);
  });
});

describe('once a delivery has begun', () => {
  it('describes it, and says how to finish a revocation', () => {
    const left = { ...NOTHING, delivery: 'SHOP holds a.', served: [SHOP], revoking: ['b'] };
    const { alarm: raised, stateNow } = explainFailure(failed, left, undefined, NOW);
    expect(stateNow).toMatch(
      /^SHOP holds a\. All associated credentials stay associated\. NOT REVOKED: b .*overlap: 0h, retire: by-time and `removable-credentials: b`, without force and without revoke.*field removable of examples\/emergency\.yml/,
    );
    expect(raised).toMatch(/VALID/);
  });

  it('says of no credential that it stays once one may have been taken out', () => {
    const left = { ...NOTHING, delivery: 'SHOP holds a.', served: [SHOP], disassociated: ['b'] };
    expect(explainFailure(failed, left, undefined, NOW).stateNow).toBe('SHOP holds a.');
  });
});

it('the sentences about a failed enrollment or binding name what is left', () => {
  expect(movedBack('client_secret_post')).toMatch(/client_secret_post again\. .*not documented/);
  expect(movedBack('private_key_jwt')).toBe('The client uses private_key_jwt again.');
  expect(movedBack('none')).toBe('The client uses the method none again.');
  expect(leftBound(true)).toMatch(/may be bound/);
  expect(leftBound(false)).toMatch(/may no longer be bound/);
});

it('the errors of a deletion or a binding name what is left, and who uses it', () => {
  expect(stillAssociated('a')).toMatchObject({
    code: 'RETIREMENT_FAILED',
    failed: expect.stringContaining('credential a is still associated'),
    remedy: expect.stringMatching(/Terraform or a script\. .* name it in keep-credentials/),
  });
  const used = revokedButUsed(['a', 'b']);
  expect(used.failed).toMatch(/does not delete a, b, since .* signed_request_object/);
  expect(used.remedy).toMatch(/take a, b out of it in Auth0, and delete a, b there/);
  for (const [isRequired, wanted] of [
    [true, '(required)'],
    [false, '(off)'],
  ] as const)
    expect(notBound(isRequired)).toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      failed: expect.stringContaining(`change of token binding but does not show it ${wanted}`),
      remedy: expect.stringContaining('set token-binding: unchanged'),
    });
});

describe('what a location that was not served still holds', () => {
  const partly = (previousEnds: number | undefined) =>
    explainFailure(failed, { ...NOTHING, previousEnds, served: [SHOP], unserved: [OTHER] }, undefined, NOW);

  it('works until a day, which is said', () => {
    const { alarm: raised, stateNow } = partly(NOW + 86_400_000);
    expect(stateNow).toContain('The previous one expires on 25 November 2026.');
    expect([raised, partly(undefined).alarm]).toEqual([undefined, undefined]);
    expect(partly(undefined).stateNow).not.toContain('The previous one');
  });

  it('is worth nothing once it has expired', () => {
    const { alarm: raised, stateNow } = partly(NOW);
    expect(stateNow).toContain(
      'The previous one expired on 24 November 2026: the consumers of repo:acme/other PEM CANNOT LOG IN until that secret is written.',
    );
    expect(raised).toMatch(/some consumers/);
  });
});

it('an alarm that the plan has raised stays, unless the run has a more urgent one', () => {
  const raised = failed.withStateNow(failed.stateNow, 'consumers CANNOT LOG IN');
  expect(explainFailure(raised, NOTHING, UNDONE, NOW).alarm).toBe('consumers CANNOT LOG IN');
  expect(
    explainFailure(raised, { ...NOTHING, methodBefore: { method: 'none', credentials: [] } }, UNDONE, NOW)
      .alarm,
  ).toMatch(/NOBODY/);
});

describe('after a delivery has begun', () => {
  const begun = (left: Partial<FailureState>) =>
    explainFailure(failed, { ...NOTHING, delivery: 'It holds n.', ...left }, undefined, NOW);

  it('to a primary in doubt, what was to be revoked needs the whole revocation again', () => {
    const { stateNow } = begun({ unserved: [SHOP], revoking: ['a'] });
    expect(stateNow).toMatch(/NOT REVOKED: a .* with force: true and revoke: previous\. If it is refused/);
    expect(stateNow).not.toContain('overlap: 0h');
    expect(begun({ served: [SHOP], unserved: [OTHER], revoking: ['a'] }).stateNow).toContain('overlap: 0h');
    // Without the pair in use no run finishes the delivery before the lease is over, and none without another key.
    const alone = begun({
      served: [SHOP],
      unserved: [OTHER],
      revoking: ['a'],
      passesCurrent: false,
    }).stateNow;
    expect(alone).toMatch(
      /`removable-credentials: a`.* Without current-credential, start it only after 2026-\S+Z\. It then makes another key .* by hand/,
    );
  });

  it('of an enrollment, those who were not served are out, and nothing of the previous method stays', () => {
    const { alarm: raised, stateNow } = begun({ methodBefore: SECRET, served: [SHOP], unserved: [OTHER] });
    expect(stateNow).toMatch(
      /^It holds n\. The consumers of .* CANNOT LOG IN until that secret is written, .* client_secret_post any more\.$/,
    );
    expect(raised).toMatch(/some consumers/);
    expect(begun({ methodBefore: SECRET, served: [SHOP, OTHER] }).stateNow).toBe('It holds n.');
    expect(begun({ served: [SHOP], unserved: [OTHER] }).stateNow).toBe(
      'It holds n. All associated credentials stay associated.',
    );
  });

  it('of an enrollment from a method without credentials, no id is missing from a sentence', () => {
    const methodBefore = { method: 'private_key_jwt', credentials: [] };
    expect(begun({ methodBefore, unserved: [SHOP] }).stateNow).toMatch(
      /choose private_key_jwt\. A revert cannot .* delivers it\. It holds n\.$/,
    );
  });

  it.each<[string, Partial<FailureState>, RegExp]>([
    ['to nobody', { unserved: [SHOP] }, /^It holds n\. All associated credentials stay associated\.$/],
    ['to nobody, of an expired one', { unserved: [SHOP], previousEnds: NOW }, /^It holds n\. All [^.]*\.$/],
    ['to all, of an expired one', { served: [SHOP], previousEnds: NOW }, /^It holds n\. All [^.]*\.$/],
    [
      'not to two of an expired one',
      { served: [SHOP], unserved: [OTHER, THIRD], previousEnds: NOW },
      /the consumers of repo:acme\/other PEM, repo:acme\/third PEM CANNOT LOG IN/,
    ],
    [
      'not to two of an enrollment',
      { methodBefore: SECRET, served: [SHOP], unserved: [OTHER, THIRD] },
      /The consumers of repo:acme\/other PEM, repo:acme\/third PEM CANNOT LOG IN/,
    ],
    [
      'not to two that have given way',
      { interrupted: [SHOP, OTHER, THIRD], served: [SHOP] },
      /that repo:acme\/other PEM, repo:acme\/third PEM held was removed\. Its consumers cannot log in until/,
    ],
    ['to all that have given way', { interrupted: [SHOP], served: [SHOP] }, /^It holds n\. All [^.]*\.$/],
    [
      'of a credential that was taken out',
      { takenOut: 'n', served: [SHOP] },
      /^It holds n\. Somebody else has taken n out, .* CANNOT LOG IN until it is\.$/,
    ],
  ])('%s, it is said who cannot log in', (_, left, words) => {
    expect(begun(left).stateNow).toMatch(words);
  });

  it('a revocation that is to be finished names each credential in the line to copy', () => {
    const two = begun({ served: [SHOP], revoking: ['a', 'b'] }).stateNow;
    expect(two).toMatch(/^[^`]*`removable-credentials: a b`.* finishes the delivery and removes them\./);
    expect(begun({ served: [SHOP], revoking: ['a'] }).stateNow).toContain('delivery and removes it.');
  });

  it('nothing is said of it if nothing describes it', () => {
    const { stateNow } = explainFailure(failed, NOTHING, undefined, NOW);
    expect(stateNow).toBe('All associated credentials stay associated.');
  });
});
