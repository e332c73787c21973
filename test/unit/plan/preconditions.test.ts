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
      'Check that the management client has read:clients and read:client_credentials: without them Auth0 does not show the method. Then move the client with operation: enroll (start operation: plan first, to see who would be interrupted).',
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
    const wanted = desired({ ...create, force: true });
    expect(plan(wanted, state(wanted, taken)).rotates).toBe(true);
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
