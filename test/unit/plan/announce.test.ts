/** What a plan announces of the next rotation: which place waits for it, what makes it fail, and which consumers have to change. */

import { describe, expect, it } from 'vitest';
import type { RotationError } from '../../../src/errors.ts';
import { printNote } from '../../../src/model/note.ts';
import { plan } from '../../../src/plan/plan.ts';
import { materialOf } from '../../../src/plan/rotate.ts';
import { by, Days, ours, SHOP } from '../../support/days.ts';
import { type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

const PROD = 'env:acme/ops/prod';
const STAGE = 'env:acme/ops/stage';

const notesOf = (changes: DesiredChanges, seed: StateSeed) => {
  const wanted = desired(changes);
  return plan(wanted, state(wanted, seed)).notes.map(printNote);
};

describe('a destination without a secret, while the client can hold no other credential', () => {
  const waiting = (destinations: readonly string[]) =>
    new Days([ours('p', 50), ours('c', 10)], { [SHOP]: by('c', 10) }).day({ current: 'none', destinations });

  it('waits for the next rotation, whose day is named', async () => {
    expect((await waiting([SHOP, PROD])).notes.split('\n')).toContainEqual(
      expect.stringMatching(
        `^WARNING: ${PROD} PEM has no secret yet\\. The next rotation, on \\d{4}-\\d\\d-\\d\\d, stores one there, .* Pass current-credential to have the secret stored at once\\.$`,
      ),
    );
  });

  it('and with it another one, and never the primary', async () => {
    const { notes } = await waiting([SHOP, PROD, STAGE]);
    expect(notes).toContain(`WARNING: ${PROD} PEM, ${STAGE} PEM have no secret yet`);
    expect((await waiting([SHOP])).notes).not.toContain('no secret yet');
  });
});

describe('a record that this version cannot read', () => {
  const credentials = [
    { id: 'u', age: 700, type: 'unknown' },
    { id: 'a', age: 600 },
  ] as const;

  it('will make the next rotation fail, which is announced with what to do before', () => {
    expect(notesOf({}, { credentials, written: [599] })).toContainEqual(
      expect.stringMatching(
        /^WARNING: The next rotation, on \S+, will fail: this version of the action cannot read the record of u\. Before then, find out in Auth0 what uses it, and delete it there if nothing does\.$/,
      ),
    );
  });

  it('does not while there is room beside it', () => {
    const loose = credentials.map((one) => ({ ...one, associated: one.id === 'a' }));
    expect(notesOf({}, { credentials: loose, written: [599] }).join('\n')).not.toContain('will fail');
  });

  it('is named so when there is no room', () => {
    const wanted = desired({ force: true });
    const refused = () => plan(wanted, state(wanted, { credentials, written: [599] }));
    expect(refused).toThrow(
      expect.objectContaining<Partial<RotationError>>({
        code: 'CREDENTIAL_LIMIT',
        failed: expect.stringContaining('u (a record that this version cannot read)'),
      }),
    );
  });
});

describe('another signing algorithm', () => {
  const wanted = desired({
    method: 'private_key_jwt',
    signingAlgorithm: 'PS256',
    given: new Set(['signing-algorithm']),
  });
  const planned = (algorithm: 'RS256' | 'PS256') => {
    const observed = state(wanted, { credentials: [{ id: 'a', age: 600 }], written: [599] });
    return plan(wanted, { ...observed, pool: observed.pool.map((c) => ({ ...c, algorithm })) });
  };

  it('is a reason, and names the consumers that have to change', () => {
    const { explanation, notes, reason } = planned('RS256');
    expect([reason, explanation]).toEqual(['SpecChanged', 'the inputs ask for RSA 2048, PS256 now']);
    expect(notes.map(printNote)).toContainEqual(
      'INTERRUPTION: The new key is registered for PS256, and the key in use for RS256. A consumer that takes the new key and still signs with RS256 cannot log in.',
    );
  });

  it('is none if it is the one in use', () => {
    expect(planned('PS256')).toMatchObject({ reason: 'NotDue', notes: [] });
  });
});

describe('what a rotation issues', () => {
  it.each<[DesiredChanges, string]>([
    [{}, 'a key pair and a self-signed certificate'],
    [{ method: 'private_key_jwt' }, 'a key pair'],
    [{ method: 'tls_client_auth' }, 'a key pair and a certificate of the private CA'],
    [{ method: 'tls_client_auth', keySize: undefined }, 'the certificate that was issued elsewhere'],
  ])('%o: %s', (changes, material) => {
    expect(materialOf(desired(changes))).toBe(material);
  });
});
