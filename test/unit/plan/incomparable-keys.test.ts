/** A key that was registered under a key ID of its own: what the run cannot see, and a way on that locks nobody out. */

import { describe, expect, it } from 'vitest';
import { currentCredentialLine } from '../../../src/model/advice.ts';
import type { DesiredState } from '../../../src/model/desired-state.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import { incomparableKeys } from '../../../src/plan/incomparable-keys.ts';
import { plan, refusalOfNext } from '../../../src/plan/plan.ts';
import { assess, lockout } from '../../../src/watch/findings.ts';
import { notation } from '../../support/notation.ts';
import {
  type CredentialSeed,
  DAY,
  type DesiredChanges,
  desired,
  type StateSeed,
  state,
} from '../../support/states.ts';

const DAYS = 24 * 60;
const THUMBPRINT = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const byHand = (id: string, age: number): CredentialSeed => ({
  id,
  age,
  by: 'hand',
  type: 'public_key',
  expiresIn: 200 * DAY,
});
const a = byHand('a', 100 * DAYS);
const b = byHand('b', 300 * DAYS);
const ONE: StateSeed = { credentials: [a], written: [99 * DAYS] };
const TWO: StateSeed = { credentials: [a, b], written: [99 * DAYS] };
const released = (id: string): DesiredChanges => ({ removableCredentials: new Set([id]) });
const LINE = { current: 'stranger' } as const;
const FORCE = { force: true } as const;

type Kids = Record<string, string | undefined>;
const CHOSEN: Kids = { a: 'my-key', b: 'b-key' };

function begin(changes: DesiredChanges, seed: StateSeed, kids: Kids = CHOSEN): [DesiredState, ObservedState] {
  const wanted = desired({ method: 'private_key_jwt', given: new Set(), ...changes });
  const bare = { subject: undefined, notBefore: undefined, notAfter: undefined };
  if (wanted.currentKey) Object.assign(wanted.currentKey, bare);
  const observed = state(wanted, seed);
  const pool = observed.pool.map((c) => (c.id in kids ? { ...c, identity: kids[c.id] } : c));
  return [wanted, { ...observed, pool }];
}

function refusal(changes: DesiredChanges, seed: StateSeed, kids?: Kids) {
  const [wanted, observed] = begin(changes, seed, kids);
  try {
    plan(wanted, observed);
  } catch (error) {
    return error as { code: string; failed: string; remedy: string; alarm?: string };
  }
  throw new Error('it was not refused');
}

const forced = (changes: DesiredChanges, seed: StateSeed) => plan(...begin({ ...FORCE, ...changes }, seed));

describe('such a key', () => {
  const ids = (seed: StateSeed, kids?: Kids, method = 'private_key_jwt') => {
    const [, observed] = begin({}, { ...seed, method }, kids);
    return incomparableKeys(observed).map(({ id }) => id);
  };

  it('is associated, was made by hand, and its ID is no thumbprint', () => {
    expect(ids(TWO)).toEqual(['a', 'b']);
    expect(ids(TWO, { a: THUMBPRINT, b: `${THUMBPRINT}=` })).toEqual(['b']);
    expect(ids(TWO, { a: undefined, b: 'x' })).toEqual(['b']);
  });

  it.each<[string, StateSeed, string?]>([
    ['not associated', { credentials: [{ ...a, associated: false }] }],
    ['ours', { credentials: [{ ...a, by: 'us' }] }],
    ["another workflow's", { credentials: [{ ...a, by: 'another workflow' }] }],
    ['a certificate', { credentials: [{ ...a, type: 'x509_cert' }] }],
    ['of a method that the client does not use', ONE, 'client_secret_post'],
  ])('is none that is %s', (_, seed, method) => {
    expect(ids(seed, CHOSEN, method)).toEqual([]);
  });
});

describe('a secret that may hold such a key', () => {
  it('is not replaced, and nobody is told that the client does not know its own key', () => {
    const { alarm, code, failed, remedy } = refusal(LINE, ONE);
    expect([code, alarm]).toEqual(['SECRET_EXISTS', undefined]);
    expect(failed).toContain(
      'Auth0 knows a key of this client by the key ID my-key, which was chosen by hand, so the run cannot see whether the pair in current-credential is a key of this client.',
    );
    expect(remedy).toBe(
      `If current-credential names another secret, write ${currentCredentialLine(desired())}. If the secret is this client's, start the rotation workflow by hand once with force: true: that run registers a new key and stores it, and a stays associated. Before that, each consumer that writes the key ID into its assertions must leave it out: Auth0 does not need the ID, and looks for the old key if it is there. If the secret belongs to another client, choose another secret-name.`,
    );
  });

  it('without the line nobody is told to add it, since that would not help', () => {
    const { failed, remedy } = refusal({}, ONE);
    expect(failed).toContain('so the run cannot see whether what the secret holds is a key of this client.');
    expect(remedy).toMatch(/^If the secret is this client's, start the rotation workflow by hand once/);
    expect(refusal({}, TWO, { ...CHOSEN, b: THUMBPRINT }).remedy).toContain(
      'add the line `current-credential: ',
    );
    // Before the secret was written there was no such key.
    expect(refusal({}, { ...ONE, written: [200 * DAYS] }).remedy).toContain('add the line');
  });

  it('a line that shows the key by its thumbprint is believed', () => {
    expect(refusal({ current: 'b' }, TWO, { a: 'my-key' }).remedy).toMatch(/^current-credential is b, but/);
  });

  it('is a stranger as before if every key has its thumbprint', () => {
    const { alarm, failed } = refusal(LINE, ONE, { a: THUMBPRINT });
    expect(failed).toContain('current-credential is a key, which client client does not know');
    expect(alarm).toContain('CANNOT LOG IN');
  });

  it('an enroll promises nothing about the old key, which it ends', () => {
    const { failed, remedy } = refusal(
      { ...LINE, operation: 'enroll', method: 'tls_client_auth' },
      { ...ONE, method: 'private_key_jwt' },
    );
    expect(failed).toContain('by the key ID my-key, which was chosen by hand');
    expect(remedy).toMatch(
      / If the secret is this client's, start enroll by hand once with force: true\. If/,
    );
    const unfit = begin(
      {
        operation: 'enroll',
        method: 'tls_client_auth',
        currentIdentities: new Map([['private_key_jwt', THUMBPRINT]]),
      },
      { ...ONE, method: 'private_key_jwt' },
    );
    expect(() => plan(...unfit)).toThrow(/the pair in current-credential is a key of this client/);
  });
});

describe('the way on', () => {
  it.each<[string, DesiredChanges]>([
    ['with the line', LINE],
    ['without it', {}],
    ['with no overlap', { ...LINE, overlap: 0 }],
  ])('one key, %s: the forced run adds a new one and keeps the old one', (_, changes) => {
    const { lockout: alarm, notes, steps } = forced(changes, ONE);
    expect(notation(steps)).toBe('!cert +cred ~[a,(issued)] ?auth >repo:acme/shop');
    expect([alarm.before, alarm.afterKeptSteps]).toEqual([undefined, undefined]);
    expect(notes.filter(({ severity }) => severity === 'interruption')).toEqual([]);
  });

  it('a forced run says what it cannot see', () => {
    const { explanation, notes } = forced(LINE, ONE);
    expect(explanation).toBe(
      'Auth0 knows a key of this client by the key ID my-key, which was chosen by hand, so nothing shows whether the primary destination holds a key of this client',
    );
    expect(notes[0]).toEqual({
      severity: 'warning',
      text: 'Auth0 knows a key of this client by the key ID my-key, which was chosen by hand, so the run cannot see whether the pair in current-credential is a key of this client. If it is not, its consumers cannot log in until the rotation has delivered a new one.',
    });
  });

  it.each<[string, DesiredChanges]>([
    ['with the line', LINE],
    ['without it', {}],
  ])(
    'two keys, %s: one must be released first, and without that the forced run changes nothing',
    (_, how) => {
      const { failed, remedy } = refusal(how, TWO);
      expect(failed).toContain(
        'keys of this client by the key IDs my-key and b-key, which were chosen by hand',
      );
      expect(remedy).toContain(
        "First make room for a new key. b of 2026-01-28, a of 2026-08-16 were made by hand. Find out in Auth0's logs which one nobody uses, and put only its id into removable-credentials. Until you know, leave them all. Then, if the secret is this client's",
      );
      expect(remedy).not.toMatch(/associated|Pass current-credential/);
      expect(refusal({ ...how, ...FORCE }, TWO)).toMatchObject({
        code: 'CREDENTIAL_LIMIT',
        remedy: expect.stringMatching(/^b of .* made by hand\. .*Until you know, leave them all\.$/),
      });
    },
  );

  it.each(['a', 'b'])('two keys, and %s is released: the forced run removes only that', (id) => {
    const stays = id === 'a' ? 'b' : 'a';
    const { remedy } = refusal({ ...LINE, ...released(id) }, TWO);
    expect(remedy).toContain(`stores it, and ${stays} stays associated.`);
    expect(remedy).not.toContain('make room');
    const { steps } = forced({ ...LINE, ...released(id) }, TWO);
    const gone = steps.flatMap((step) => (step.kind === 'delete-credential' ? [step.id] : []));
    expect(gone).toEqual([id]);
  });

  it('a key that is kept is not released', () => {
    const { remedy } = refusal({ ...LINE, ...released('b'), keep: ['b'] }, TWO);
    expect(remedy).toContain('First make room for a new key. No rotation is possible while keep-credentials');
  });

  it('what has expired makes the room, and is not said to stay', () => {
    const expired = { ...TWO, credentials: [a, { ...b, expiresIn: -DAY }] };
    const { remedy } = refusal(LINE, expired);
    expect(remedy).toContain('stores it, and a stays associated.');
    expect(notation(forced(LINE, expired).steps)).toContain('-b');
    const over = { ...ONE, credentials: [{ ...a, expiresIn: -DAY }] };
    expect(refusal(LINE, over).remedy).toContain('and stores it. Before that');
  });
});

describe('a watch', () => {
  const found = (changes: DesiredChanges, kids?: Kids) => {
    const [wanted, observed] = begin(changes, ONE, kids);
    const error = refusalOfNext(wanted, observed);
    const findings = assess(wanted, observed, error && { error, isActual: false });
    const failures = findings.filter(({ severity }) => severity === 'failure');
    return { findings, alarm: lockout(failures, undefined) };
  };

  it.each<[string, DesiredChanges]>([
    ['with the line', LINE],
    ['without it', {}],
  ])('doubts, %s, and does not fail while everybody logs in', (_, changes) => {
    const { alarm, findings } = found(changes);
    expect(alarm).toBeUndefined();
    expect(findings.map(({ key, severity }) => `${severity} ${key}`)).toEqual([
      'warning RotationRefused',
      'warning DeliveryUnclear',
    ]);
    expect(findings[1]?.what).toContain('which was chosen by hand');
    expect(findings[1]?.todo).toMatch(/^If the secret is this client's, start the rotation workflow by hand/);
  });

  it('quotes the key ID and the secret as code', () => {
    expect(found(LINE).findings[1]?.what).toBe(
      'Auth0 knows a key of this client by the key ID `my-key`, which was chosen by hand, so the watch cannot see whether `repo:acme/shop PEM` holds a key of this client.',
    );
  });

  it('goes on watching the expiry of the key', () => {
    const [wanted, observed] = begin(LINE, { ...ONE, credentials: [{ ...a, expiresIn: 5 * DAY }] });
    const kinds = assess(wanted, observed, undefined).map(({ key }) => key);
    expect(kinds).toContain('CertificateExpiring');
  });

  it('fails as before if every key has its thumbprint', () => {
    const { alarm, findings } = found(LINE, { a: THUMBPRINT });
    expect(findings.map(({ key }) => key)).toContain('SecretUnknown repo:acme/shop PEM');
    expect(alarm).toContain('CANNOT LOG IN');
  });
});
