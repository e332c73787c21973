/** The name mark: what fits in 128 characters and is found again, whatever the names. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dropDestinationAdvice } from '../../../src/model/advice.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import {
  credentialNameFor,
  isOwnedBy,
  ownerOf,
  readOwnership,
  writeClientOwner,
  writeOwnership,
} from '../../../src/model/ownership.ts';
import { runs } from '../../support/properties.ts';
import { desired } from '../../support/states.ts';

const SHORT = 'repo:acme/shop#PEM';
const LONG = `env:acme/shop/${'e'.repeat(200)}#PEM`;

describe('the advice for a destination that nobody reads', () => {
  const line = (gone: string, ...destinations: string[]) => {
    const [location] = secretLocations(desired({ destinations: [gone] }));
    return location && dropDestinationAdvice(location, desired({ destinations }));
  };
  const [SHOP, OTHER, BOT] = ['repo:acme/shop', 'repo:acme/other', 'dependabot:acme/shop'];

  it('is to take it out', () => {
    expect(line(OTHER, SHOP, OTHER)).toBe(` Or, if nobody reads it, take ${OTHER} out of destinations.`);
    expect(line(BOT, SHOP, BOT)).toBe(` Or, if nobody reads it, take ${BOT} out of destinations.`);
  });

  it('of the first one takes moved-from as well, and a first one that the workflow can read', () => {
    const words = ` Or, if nobody reads it, take ${SHOP} out of destinations and in the same change add \`moved-from: repo:acme/shop#PEM\`. Then ${OTHER} must be the first, and current-credential, if the workflow passes it, must be its secret.`;
    expect(line(SHOP, SHOP, OTHER)).toBe(words);
    expect(line(SHOP, SHOP, BOT, OTHER)).toBe(words);
  });

  it('is empty if no other destination could be the primary', () => {
    expect([line(SHOP, SHOP), line(SHOP, SHOP, BOT)]).toEqual(['', '']);
  });
});

describe('a mark', () => {
  it('names the owner and the run', () => {
    const name = writeOwnership({ owner: SHORT, run: '123.1' });
    expect(name).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 123.1');
    expect(readOwnership(name)).toEqual({ owner: SHORT, run: '123.1', after: undefined, rehearsal: false });
  });

  it('names what it takes the place of', () => {
    const name = writeOwnership({ owner: SHORT, run: '123.1', after: 'cred_a' });
    expect(readOwnership(name)).toEqual({ owner: SHORT, run: '123.1', after: 'cred_a', rehearsal: false });
  });

  it.each([SHORT, LONG])('names a rehearsal', (owner) => {
    const name = writeOwnership({ owner, run: '123.1', rehearsal: true });
    expect(name.length).toBeLessThanOrEqual(128);
    expect(readOwnership(name)).toMatchObject({ run: '123.1', after: undefined, rehearsal: true });
    expect(isOwnedBy(readOwnership(name), owner)).toBe(true);
  });

  it('of what a run makes is its owner, its run, and what it replaces', () => {
    expect(credentialNameFor(desired(), undefined)).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 7.1');
    expect(credentialNameFor(desired(), 'h')).toBe('auth0-mtls-rotation repo:acme/shop#PEM run 7.1 after h');
    expect(credentialNameFor(desired({ operation: 'rehearse' }), undefined)).toBe(
      'auth0-mtls-rotation repo:acme/shop#PEM run 7.1 rehearsal',
    );
  });

  it('of a client is its owner: at most 255 characters', () => {
    const longest = 'o'.repeat(255);
    expect([writeClientOwner(SHORT), writeClientOwner(longest)]).toEqual([SHORT, longest]);
    expect(writeClientOwner(`${longest}o`)).toMatch(/^sha256:[0-9a-f]{32}$/);
  });

  it('fills the name to its last character before it is a digest', () => {
    const room = 128 - 'auth0-mtls-rotation  run 1.1'.length;
    expect(writeOwnership({ owner: 'o'.repeat(room), run: '1.1' })).toHaveLength(128);
    expect(writeOwnership({ owner: 'o'.repeat(room + 1), run: '1.1' })).toContain('sha256:');
  });

  it.each([SHORT, LONG])('is its own', (owner) => {
    const mark = readOwnership(writeOwnership({ owner, run: '1.1' }));
    expect(isOwnedBy(mark, owner)).toBe(true);
    for (const other of ['repo:acme/shop#PEM2', `${LONG}2`, 'repo:acme/sho#PEM'])
      expect(isOwnedBy(mark, other)).toBe(false);
    expect(isOwnedBy(undefined, owner)).toBe(false);
  });

  it('is a digest if the owner is too long', () => {
    expect(writeOwnership({ owner: LONG, run: '1.1' })).toMatch(
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
    expect(readOwnership(name)).toBeUndefined();
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
          const owner = ownerOf(desired({ destinations: [`env:acme/shop/${name}`] }));
          const text = writeOwnership({ owner, run: `${id}.1`, after: after ?? undefined });
          expect(text.length).toBeLessThanOrEqual(128);
          const mark = readOwnership(text);
          expect(mark).toMatchObject({ run: `${id}.1`, after: after ?? undefined });
          expect(isOwnedBy(mark, owner)).toBe(true);
        },
      ),
      { numRuns: runs(1_000) },
    );
  });
});

describe('an owner', () => {
  it('is the primary destination and its secret, in one spelling', () => {
    const spelt = ownerOf(desired({ destinations: ['repo:Acme/Shop', 'org:other'], secretName: 'pem' }));
    expect(spelt).toBe(SHORT);
    expect(ownerOf(desired({ destinations: ['org:other', 'repo:acme/shop'] }))).not.toBe(SHORT);
  });
});
