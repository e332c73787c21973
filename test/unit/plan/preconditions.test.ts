/** What a plan refuses before anything else, and what it says to do. Of two rotations that overlap the earlier wins. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { findRival } from '../../../src/model/rivals.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  type CredentialSeed,
  DAY,
  type DesiredChanges,
  desired,
  type StateSeed,
  state,
} from '../../support/states.ts';

const wanted = desired();
const planned = state(wanted, { credentials: [{ id: 'known', age: 60 }] });
const pool = (...credentials: CredentialSeed[]) => state(wanted, { credentials }).pool;
const [made] = pool({ id: 'm', age: 5 });

describe('a rival', () => {
  it.each<[string, CredentialSeed, string | undefined]>([
    ['made earlier wins', { id: 'r', age: 6 }, 'r'],
    ['made later loses', { id: 'r', age: 4 }, undefined],
    ['made at the same time wins by the smaller id', { id: 'a', age: 5 }, 'a'],
    ['made at the same time loses by the larger id', { id: 'z', age: 5 }, undefined],
    ['is none that the plan knew', { id: 'known', age: 60 }, undefined],
    ['is none of another workflow', { id: 'r', age: 6, by: 'another workflow' }, undefined],
    ['is none that was made by hand', { id: 'r', age: 6, by: 'hand' }, undefined],
    ['is not our own', { id: 'm', age: 5 }, undefined],
  ])('%s', (_, seed, found) => {
    expect(findRival(wanted, planned, pool(seed), made)?.id).toBe(found);
  });

  it('is anyone of ours, for a run that makes nothing', () => {
    expect(findRival(wanted, planned, pool({ id: 'r', age: 0 }))?.id).toBe('r');
  });

  it('is the earliest, if there are several', () => {
    const several = pool({ id: 'second', age: 6 }, { id: 'first', age: 7 }, { id: 'third', age: 5.5 });
    expect(findRival(wanted, planned, several, made)?.id).toBe('first');
  });
});

function refusal(changes: DesiredChanges, seed: StateSeed): RotationError {
  const wanted = desired(changes);
  try {
    plan(wanted, state(wanted, seed));
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const SECRET = 'client_secret_post';

describe('a client that uses another method', () => {
  const left: StateSeed = {
    method: SECRET,
    credentials: [
      { id: 'a', age: 600 },
      { id: 'h', age: 900, by: 'hand' },
      { id: 'x', age: 700, expiresIn: -1 },
      { id: 'late', age: 5 },
    ],
    written: [599],
  };

  it('after a delivery: consumers are locked out, and what they hold is named', () => {
    const { alarm, code, failed, remedy } = refusal({}, left);
    expect([code, alarm]).toEqual([
      'METHOD_MISMATCH',
      'consumers CANNOT LOG IN with what was delivered. Act at once',
    ]);
    expect(failed).toContain('Nobody can log in with what this workflow has delivered');
    expect(remedy).toMatch(
      /^In the Auth0 Dashboard .* choose self_signed_tls_client_auth with a and h again/,
    );
    expect(remedy).toContain('Only if that is impossible, start operation: enroll');
  });

  it.each<[string, StateSeed]>([
    ['nothing was ever delivered', { method: SECRET }],
    [
      'an enroll has died before it changed the method',
      { method: SECRET, credentials: [{ id: 'a', age: 60 }] },
    ],
    [
      'what is there was made after the secret',
      { method: SECRET, credentials: [{ id: 'a', age: 60 }], written: [600] },
    ],
    ['only by hand', { method: SECRET, credentials: [{ id: 'a', age: 600, by: 'hand' }], written: [599] }],
  ])('%s: no alarm, and the scopes come first', (_, seed) => {
    const { alarm, remedy } = refusal({}, seed);
    expect([alarm, remedy]).toEqual([
      undefined,
      'Check that the management client has read:clients and read:client_credentials: without them Auth0 does not show the method. Then move the client with operation: enroll (start operation: plan with plan-of: enroll first, to see who would be interrupted).',
    ]);
  });

  it('of certificates or keys: it can be rotated by that', () => {
    expect(refusal({}, { method: 'private_key_jwt' }).remedy).toContain(
      ', or set `authentication-method: private_key_jwt`.',
    );
  });

  it.each([
    ['none', 'There is nothing to revert: it uses none.'],
    ['tls_client_auth', 'To revert it, set `authentication-method: tls_client_auth`.'],
  ])('a revert of one that uses %s', (method, remedy) => {
    expect(refusal({ operation: 'revert' }, { ...left, method }).remedy).toBe(remedy);
  });
});

describe('a young credential, and no other that logs in', () => {
  const young: StateSeed = { credentials: [{ id: 'x', age: 5 }] };
  it('may be of an enroll that has died: the message says how to log in again at once', () => {
    const { alarm, code, remedy } = refusal({}, young);
    expect([code, alarm]).toEqual(['ROTATION_IN_PROGRESS', 'perhaps NOBODY CAN LOG IN. Act at once']);
    expect(remedy).toContain('do not wait: start operation: revert, with revert-to:');
    expect(remedy).toContain('Or start enroll again after 2026-11-24T12:10:00.000Z');
    const back = desired({ operation: 'revert' });
    expect(plan(back, state(back, young)).reason).toBe('MethodDiffers');
  });

  it.each<[string, DesiredChanges, StateSeed]>([
    ['of a client that create has made', { operation: 'create' }, young],
    [
      'beside one that is held',
      {},
      {
        credentials: [
          { id: 'a', age: 600 },
          { id: 'x', age: 5 },
        ],
        written: [599],
      },
    ],
    [
      'beside one made by hand',
      {},
      {
        credentials: [
          { id: 'h', age: 600, by: 'hand' },
          { id: 'x', age: 5 },
        ],
      },
    ],
    ['that is not associated', {}, { credentials: [{ id: 'x', age: 5, associated: false }] }],
  ])('%s: no alarm', (_, changes, seed) => {
    const { alarm, code, remedy } = refusal(changes, seed);
    expect([code, alarm]).toEqual(['ROTATION_IN_PROGRESS', undefined]);
    expect(remedy).not.toContain('revert');
  });
});

describe('a new client whose secret exists', () => {
  const create = { operation: 'create', clientId: '', clientName: 'shop' } as const;
  const taken: StateSeed = { method: 'nothing', written: [60] };
  it('is made only by a run that a person starts with force', () => {
    expect(refusal({ ...create, force: true, scheduled: true }, taken).code).toBe('SECRET_EXISTS');
    expect(refusal(create, taken).remedy).toContain(
      'start the workflow by hand once with force: true. Do not write that into the file.',
    );
  });

  it('gets another name where something is stored: of its key store, and of its pair where that is taken, too', () => {
    const both = { ...create, pkcs12SecretName: 'P12' };
    const remedy = (written: NonNullable<StateSeed['written']>) =>
      refusal(both, { method: 'nothing', written }).remedy;
    expect(remedy([undefined, 60])).toMatch(/^Choose another pkcs12-secret-name\. /);
    expect(remedy([60, 60])).toMatch(/^Choose another secret-name and pkcs12-secret-name\. /);
    const wanted = desired({ ...create, force: true });
    expect(plan(wanted, state(wanted, taken)).rotates).toBe(true);
  });

  it('is not made while any of its secrets exists', () => {
    const two = { ...create, destinations: ['repo:acme/shop', 'env:acme/shop/live'] };
    expect(refusal(two, { ...taken, written: [60, 60] }).failed).toMatch(
      /^Something is already stored in repo:acme\/shop PEM, env:acme\/shop\/live PEM\./,
    );
    expect(refusal(two, { ...taken, written: [undefined, 60] }).failed).toContain(
      'in env:acme/shop/live PEM.',
    );
  });
});

describe('the scopes of the management client', () => {
  const always = [
    'read:clients',
    'update:clients',
    'read:client_credentials',
    'create:client_credentials',
    'update:client_credentials',
    'delete:client_credentials',
  ];
  const known: StateSeed = { credentials: [{ id: 'a', age: 600 }], written: [599] };
  const planWith = (
    changes: DesiredChanges,
    scopes: readonly string[] | undefined,
    seed: StateSeed = known,
  ) => {
    const wanted = desired(changes);
    return plan(wanted, { ...state(wanted, seed), ...(scopes && { scopes: new Set(scopes) }) });
  };
  const create = { operation: 'create', clientId: '', clientName: 'shop', force: true } as const;

  it.each(always)('%s is needed before anything is changed', (scope) => {
    const others = always.filter((one) => one !== scope);
    expect(() => planWith({}, others)).toThrow(
      expect.objectContaining({
        code: 'AUTH0_FORBIDDEN',
        failed: `The management client lacks ${scope}.`,
        remedy: expect.stringMatching(`Machine to Machine Applications, and grant it ${scope}\\.$`),
      }),
    );
  });

  it.each<[string, DesiredChanges, string[], StateSeed]>([
    ['create', create, ['create:clients', 'delete:clients'], { method: 'nothing' }],
    ['retire: when-unused', { quietWindow: DAY }, ['read:logs'], known],
  ])('%s needs more', (_, changes, more, seed) => {
    const lacking = expect.objectContaining({
      failed: `The management client lacks ${more.join(', ')}.`,
      remedy: expect.stringMatching(` grant it ${more.join(' ')}\\.$`),
    });
    expect(() => planWith(changes, always, seed)).toThrow(lacking);
    expect(() => planWith(changes, [...always, ...more], seed)).not.toThrow();
  });

  it('are needed for a rehearsal as for a rotation, and a revert creates nothing', () => {
    const lacking = expect.objectContaining({ code: 'AUTH0_FORBIDDEN' });
    const without = (scope: string) => always.filter((one) => one !== scope);
    const each = (operation: 'rehearse' | 'revert', scope: string) => () =>
      planWith({ operation }, without(scope));
    expect(each('rehearse', 'delete:client_credentials')).toThrow(lacking);
    expect(each('rehearse', 'create:client_credentials')).toThrow(lacking);
    expect(each('revert', 'delete:client_credentials')).toThrow(lacking);
    expect(each('revert', 'create:client_credentials')).not.toThrow();
  });

  it('create needs no more for the client that it has made', () => {
    expect(() => planWith({ ...create, clientId: 'client' }, always, known)).not.toThrow();
  });

  it('are not asked for more, nor if the token does not show them', () => {
    expect(planWith({}, always).reason).toBe('NotDue');
    expect(planWith({}, undefined).reason).toBe('NotDue');
  });
});

describe('retire: when-unused', () => {
  const seed: StateSeed = { credentials: [{ id: 'a', age: 600 }], written: [599] };
  const planFor = (grantTypes: readonly string[] | undefined, changes: DesiredChanges = {}) => {
    const wanted = desired({ quietWindow: DAY, ...changes });
    const observed = state(wanted, seed);
    if (!observed.client) throw new Error('there is a client');
    return plan(wanted, { ...observed, client: { ...observed.client, ...(grantTypes && { grantTypes }) } });
  };

  it('is refused for a client that gets no token, since nothing shows that the logs are up to date', () => {
    expect(() => planFor(['authorization_code'])).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        failed: expect.stringContaining('client client has no grant client_credentials'),
        remedy: 'Set retire: by-time, with an overlap.',
      }),
    );
  });

  it.each([
    ['with the grant', ['authorization_code', 'client_credentials']],
    ['whose grants are not known', undefined],
  ])('goes on for a client %s', (_, grantTypes) => {
    expect(planFor(grantTypes).reason).toBe('NotDue');
  });

  it('does not hold up a revert, nor another way to retire', () => {
    expect(planFor(['authorization_code'], { operation: 'revert' }).reason).toBe('MethodDiffers');
    expect(planFor(['authorization_code'], { quietWindow: undefined }).reason).toBe('NotDue');
  });
});

describe('a secret that no run of this workflow could have written', () => {
  const KEY = { method: 'private_key_jwt' } as const;
  const CA = { method: 'tls_client_auth' } as const;
  const byHand: StateSeed = { credentials: [{ id: 'h', age: 600, by: 'hand' }], written: [30] };
  /** With it the identity in a test has the 43 characters of a thumbprint. */
  const LIKE_A_THUMBPRINT = 'h'.repeat(34);
  const theirs = (changes: DesiredChanges = {}, subject: string | undefined = 'CN=theirs') => {
    const wanted = desired({ current: 'stranger', ...changes });
    if (wanted.currentKey) Object.assign(wanted.currentKey, { subject });
    return wanted;
  };
  const outcome = (wanted: ReturnType<typeof desired>, seed: StateSeed = byHand) => {
    try {
      return plan(wanted, state(wanted, seed)).reason;
    } catch (error) {
      if (error instanceof RotationError) return error;
      throw error;
    }
  };

  it('is not replaced: current-credential is a pair that the client does not know', () => {
    expect(outcome(theirs())).toMatchObject({
      code: 'SECRET_EXISTS',
      failed: expect.stringContaining(
        'current-credential is a certificate of CN=theirs, which client client does not know',
      ),
      remedy: expect.stringContaining(
        '`. If the secret belongs to another client, choose another secret-name.',
      ),
    });
    const key = theirs(KEY, undefined);
    if (key.currentKey) Object.assign(key.currentKey, { subject: undefined });
    const known = { ...byHand, credentials: [{ id: LIKE_A_THUMBPRINT, age: 600, by: 'hand' as const }] };
    expect(outcome(key, known)).toMatchObject({
      failed: expect.stringContaining('current-credential is a key, which client client does not know'),
    });
  });

  it('is replaced if current-credential has the subject of our pairs, or is a pair of the client', () => {
    expect(outcome(theirs({}, 'CN=client'))).toBe('UnidentifiedSecret');
    const created = { operation: 'create', clientName: 'shop' } as const;
    expect(outcome(theirs(created, 'CN=shop'))).toBe('UnidentifiedSecret');
    expect(outcome(theirs(created, 'CN=client'))).toMatchObject({ code: 'SECRET_EXISTS' });
    expect(outcome(desired({ current: 'h', given: new Set() }))).toBe('NotDue');
  });

  describe('before an enroll', () => {
    const leaves = (method: string, type: NonNullable<CredentialSeed['type']>): StateSeed => ({
      method,
      credentials: [{ id: 'h', age: 600, by: 'hand', type }],
      written: [30],
    });
    const enroll = (identities: readonly (readonly [string, string])[], changes: DesiredChanges = {}) =>
      theirs({ operation: 'enroll', currentIdentities: new Map(identities), ...changes });
    const subjects = leaves('tls_client_auth', 'cert_subject_dn');
    const keys = leaves('private_key_jwt', 'public_key');
    const thumbprints: StateSeed = {
      ...keys,
      credentials: [{ id: LIKE_A_THUMBPRINT, age: 600, by: 'hand', type: 'public_key' }],
    };

    it('is replaced if current-credential is a pair of the client by the method that it leaves', () => {
      expect(outcome(enroll([['tls_client_auth', 'identity-h']]), subjects)).toBe('MethodDiffers');
      const unfit = { ...enroll([['private_key_jwt', 'identity-h']]), currentKey: undefined };
      expect(outcome(unfit, keys)).toBe('MethodDiffers');
    });

    it('is not hidden by another secret of this client', () => {
      const wanted = enroll([['tls_client_auth', 'identity-h']]);
      const observed = state(wanted, { ...subjects, written: [] });
      const secrets = observed.secrets.map((one) => ({
        ...one,
        wouldHide: {
          destination: { kind: 'org', org: 'acme' } as const,
          secretName: 'PEM',
          part: 'pair' as const,
        },
      }));
      expect(plan(wanted, { ...observed, secrets }).reason).toBe('MethodDiffers');
    });

    it('is not replaced if the pair is of another client, or only looks alike by another method', () => {
      for (const identities of [
        [['tls_client_auth', 'CN=theirs']],
        [['private_key_jwt', 'identity-h']],
      ] as const)
        expect(outcome(enroll(identities), subjects)).toMatchObject({ code: 'SECRET_EXISTS' });
    });

    it('the refusal speaks of a pair that is there, even if the new method cannot read it', () => {
      const unfit = { ...enroll([['private_key_jwt', 'identity-other']]), currentKey: undefined };
      expect(outcome(unfit, thumbprints)).toMatchObject({
        failed: expect.stringContaining('current-credential is a key, which client client does not know'),
      });
      const certificate = { ...enroll([['tls_client_auth', 'CN=other']]), currentKey: undefined };
      expect(outcome(certificate, thumbprints)).toMatchObject({
        failed: expect.stringContaining('current-credential is a certificate of CN=other, which'),
      });
    });
  });

  it('is not replaced: without current-credential nothing shows that it is of this client', () => {
    expect(outcome(desired())).toMatchObject({
      code: 'SECRET_EXISTS',
      failed: expect.stringContaining('no run of this workflow has made a credential of this client'),
      remedy: expect.stringMatching(
        /add the line `current-credential: .*choose another secret-name\. If nobody needs what it holds, start the workflow by hand once with force: true\.$/,
      ),
    });
  });

  it.each<[string, DesiredChanges, StateSeed, string]>([
    [
      'the client has one of ours',
      {},
      { credentials: [{ id: 'a', age: 600 }], written: [30] },
      'UnidentifiedSecret',
    ],
    ['the client has the desired subject DN', { ...CA, subject: 'identity-h' }, byHand, 'NotDue'],
    [
      'an enroll finds one of ours, of the method before',
      { operation: 'enroll' },
      {
        method: 'client_secret_post',
        credentials: [{ id: 'k', age: 600, type: 'public_key' }],
        written: [30],
      },
      'MethodDiffers',
    ],
    ['there is no secret', {}, { credentials: byHand.credentials ?? [] }, 'FirstDelivery'],
    ['a person forces it', { force: true }, byHand, 'UnidentifiedSecret'],
  ])('is replaced: %s', (_, changes, seed, reason) => {
    expect(outcome(desired(changes), seed)).toBe(reason);
  });

  it.each<[string, DesiredChanges, StateSeed]>([
    ['another subject DN', { ...CA, subject: 'identity-other' }, byHand],
    ['a self-signed certificate whose thumbprint is no subject', { subject: 'identity-h' }, byHand],
    [
      'an enroll of a client that never had one of ours',
      { operation: 'enroll' },
      {
        method: 'client_secret_post',
        written: [30],
      },
    ],
    ['a schedule with force', { force: true, scheduled: true }, byHand],
  ])('is not replaced: %s', (_, changes, seed) => {
    expect(outcome(desired(changes), seed)).toMatchObject({ code: 'SECRET_EXISTS' });
  });
});

describe('what logged in until somebody moved the client to another method', () => {
  const named = (credentials: readonly CredentialSeed[], written: readonly number[] = [60]) =>
    /choose self_signed_tls_client_auth with (.*) again,/.exec(
      refusal(
        { destinations: ['repo:acme/shop', 'env:acme/shop/live'] },
        { method: SECRET, credentials, written },
      ).remedy,
    )?.[1];
  const ms = (milliseconds: number) => milliseconds / 60_000;

  it('is two of them at most, ours first', () => {
    const three = [
      { id: 'h', age: 500, by: 'hand' as const },
      { id: 'a', age: 400 },
      { id: 'b', age: 300 },
    ];
    expect(named(three)).toBe('b and a');
    expect(named(three.slice(0, 2))).toBe('a and h');
  });

  it.each<[string, CredentialSeed, string | undefined]>([
    ['made up to 3 s after the last write', { id: 'b', age: 60 - ms(3_000) }, 'b and a'],
    ['made later', { id: 'b', age: 60 - ms(3_001) }, 'a'],
    ['expired', { id: 'b', age: 90, expiresIn: 0 }, 'a'],
    ['about to expire', { id: 'b', age: 90, expiresIn: 1 }, 'b and a'],
    ['of another method', { id: 'b', age: 90, type: 'public_key' }, 'a'],
    ['made by a rehearsal', { id: 'b', age: 90, by: 'a rehearsal' }, 'a'],
  ])('%s', (_, more, text) => {
    expect(named([{ id: 'a', age: 400 }, more])).toBe(text);
  });

  it('counts up to the last write to any destination', () => {
    expect(named([{ id: 'a', age: 400 }], [600, 60])).toBe('a');
  });
});

describe('a revert of a client that has left the method already', () => {
  it.each<[DesiredChanges['revertTo'], string, boolean]>([
    ['client_secret_post', 'client_secret_post', true],
    ['client_secret_post', 'client_secret_basic', true],
    ['none', 'none', true],
    ['client_secret_post', 'none', false],
    ['none', 'client_secret_post', false],
  ])('to %s, and it uses %s: goes on %s', (revertTo, method, goesOn) => {
    const wanted = desired({ operation: 'revert', ...(revertTo && { revertTo }) });
    const reverted = () => plan(wanted, state(wanted, { method }));
    if (goesOn) expect(reverted().errorAtEnd).toBeUndefined();
    else expect(reverted).toThrow(expect.objectContaining({ code: 'METHOD_MISMATCH' }));
  });
});
