/** The name mark: what fits in 128 characters and is found again, whatever the names. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isOwnedBy,
  markFor,
  ownerOf,
  readMark,
  writeClientMark,
  writeMark,
} from '../../../src/model/ownership.ts';
import { wish } from '../../support/state.ts';

const SHORT = 'repo:acme/shop#PEM';
const LONG = `env:acme/shop/${'e'.repeat(200)}#PEM`;

describe('a mark', () => {
  it('names the owner and the run', () => {
    const name = writeMark({ owner: SHORT, run: '123.1' });
    expect(name).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 123.1');
    expect(readMark(name)).toEqual({ owner: SHORT, run: '123.1', after: undefined, rehearsal: false });
  });

  it('names what it takes the place of', () => {
    const name = writeMark({ owner: SHORT, run: '123.1', after: 'cred_a' });
    expect(readMark(name)).toEqual({ owner: SHORT, run: '123.1', after: 'cred_a', rehearsal: false });
  });

  it.each([SHORT, LONG])('names a rehearsal', (owner) => {
    const name = writeMark({ owner, run: '123.1', rehearsal: true });
    expect(name.length).toBeLessThanOrEqual(128);
    expect(readMark(name)).toMatchObject({ run: '123.1', after: undefined, rehearsal: true });
    expect(isOwnedBy(readMark(name), owner)).toBe(true);
  });

  it('of what a run makes is its owner, its run, and what it replaces', () => {
    expect(markFor(wish(), undefined)).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 7.1');
    expect(markFor(wish(), 'h')).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 7.1 after h');
    expect(markFor(wish({ operation: 'rehearse' }), undefined)).toBe(
      'auth0-mtls-rotation repo:acme/shop#PEM run 7.1 rehearsal',
    );
  });

  it('of a client is its owner: at most 255 characters', () => {
    const longest = 'o'.repeat(255);
    expect([writeClientMark(SHORT), writeClientMark(longest)]).toEqual([SHORT, longest]);
    expect(writeClientMark(`${longest}o`)).toMatch(/^sha256:[0-9a-f]{32}$/);
  });

  it('fills the name to its last character before it is a digest', () => {
    const room = 128 - 'auth0-mtls-rotation  run 1.1'.length;
    expect(writeMark({ owner: 'o'.repeat(room), run: '1.1' })).toHaveLength(128);
    expect(writeMark({ owner: 'o'.repeat(room + 1), run: '1.1' })).toContain('sha256:');
  });

  it.each([SHORT, LONG])('is its own', (owner) => {
    const mark = readMark(writeMark({ owner, run: '1.1' }));
    expect(isOwnedBy(mark, owner)).toBe(true);
    for (const other of ['repo:acme/shop#PEM2', `${LONG}2`, 'repo:acme/sho#PEM'])
      expect(isOwnedBy(mark, other)).toBe(false);
    expect(isOwnedBy(undefined, owner)).toBe(false);
  });

  it('is a digest where the owner is too long', () => {
    expect(writeMark({ owner: LONG, run: '1.1' })).toMatch(
      /^auth0-mtls-rotation sha256:[0-9a-f]{32} run 1\.1$/,
    );
  });

  it.each([
    undefined,
    '',
    'shop',
    'auth0-mtls-rotation',
    'auth0-mtls-rotation repo:a/b#C',
    'auth0-mtls-rotation  run 1.1',
    'my auth0-mtls-rotation repo:a/b#C run 1.1',
    'auth0-mtls-rotation repo:a/b#C run 1.1 and more',
    'auth0-mtls-rotation repo:a/b#C run 1.1\n',
  ])('is not %j: made by hand', (name) => {
    expect(readMark(name)).toBeUndefined();
  });

  it('comes back, in at most 128 characters, whatever the environment is called', () => {
    const part = fc.constantFrom('a', ' ', ' run ', ' run 1.1', ' after x', 'ü', '/', '.', '-');
    const environment = fc
      .array(part, { maxLength: 40 })
      .map((list) => `e${list.join('')}e`)
      .filter((text) => text.length <= 255);
    fc.assert(
      fc.property(
        environment,
        fc.nat(),
        fc.option(fc.constant(`cred_${'x'.repeat(22)}`)),
        (name, id, after) => {
          const owner = ownerOf(wish({ destinations: [`env:acme/shop/${name}`] }));
          const text = writeMark({ owner, run: `${id}.1`, after: after ?? undefined });
          expect(text.length).toBeLessThanOrEqual(128);
          const mark = readMark(text);
          expect(mark).toMatchObject({ run: `${id}.1`, after: after ?? undefined });
          expect(isOwnedBy(mark, owner)).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('an owner', () => {
  it('is the primary destination and its secret, in one spelling', () => {
    const spelt = ownerOf(wish({ destinations: ['repo:Acme/Shop', 'org:other'], secretName: 'pem' }));
    expect(spelt).toBe(SHORT);
    expect(ownerOf(wish({ destinations: ['org:other', 'repo:acme/shop'] }))).not.toBe(SHORT);
  });
});
