/** Destinations, as they are written, printed, and hidden by each other. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Destination,
  parseDestination,
  printDestination,
  printLocation,
  shadows,
} from '../../../src/model/secret-location.ts';
import { runs } from '../../support/properties.ts';

describe('a destination', () => {
  it.each<[string, Destination]>([
    ['repo:acme/shop', { kind: 'repo', owner: 'acme', repo: 'shop' }],
    ['repo:acme/.github', { kind: 'repo', owner: 'acme', repo: '.github' }],
    ['repo:acme/...', { kind: 'repo', owner: 'acme', repo: '...' }],
    ['env:acme/shop/prod', { kind: 'env', owner: 'acme', repo: 'shop', environment: 'prod' }],
    ['env:acme/shop/eu/prod 1', { kind: 'env', owner: 'acme', repo: 'shop', environment: 'eu/prod 1' }],
    ['env:acme/shop/a;b|c#1:repo', { kind: 'env', owner: 'acme', repo: 'shop', environment: 'a;b|c#1:repo' }],
    ['env:acme/shop/ü', { kind: 'env', owner: 'acme', repo: 'shop', environment: 'ü' }],
    ['org:acme', { kind: 'org', org: 'acme' }],
    ['dependabot:acme/shop', { kind: 'dependabot', owner: 'acme', repo: 'shop' }],
    // A managed user has an underscore.
    ['repo:octo_acme/shop', { kind: 'repo', owner: 'octo_acme', repo: 'shop' }],
  ])('%s', (text, destination) => {
    expect(parseDestination(text)).toEqual(destination);
    expect(printDestination(destination)).toBe(text);
  });

  it.each([
    '',
    'acme/shop',
    'repo:acme',
    'repo:acme/',
    'repo:acme/shop/x',
    'repo:-acme/shop',
    'repo:acme/..',
    'repo:acme/.',
    'repo:../shop',
    'repo:acme/a b',
    'repo:acme/a%2Fb',
    'repo: acme/shop',
    'env:acme/shop',
    'dependabot:acme',
    'dependabot:acme/shop/x',
    'env:acme/shop/',
    'env:acme/shop/..',
    'env:acme/shop/.',
    'env:acme/../prod',
    `env:acme/shop/${'e'.repeat(256)}`,
    'env:acme/shop/a\nb',
    'env:acme/shop/prod;repo:acme/ops',
    'env:acme/shop/prod; repo:acme/ops',
    'env:acme/shop/prod|repo:acme/ops',
    'env:acme/shop/prod | org:acme',
    'env:acme/shop/prod,dependabot:acme/ops',
    'org:acme/shop',
    'org:',
    'user:acme',
    'REPO:acme/shop',
  ])('is not %j', (text) => {
    expect(parseDestination(text)).toBeUndefined();
  });

  it('is printed as it was written, whatever it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(repo|env|org):[a-c./_ -]{1,12}$/), (text) => {
        const destination = parseDestination(text);
        if (destination) expect(printDestination(destination)).toBe(text);
      }),
      { numRuns: runs(3_000) },
    );
  });

  it('and its secret have one name', () => {
    const destination: Destination = { kind: 'org', org: 'acme' };
    expect(printLocation({ destination, secretName: 'PEM', part: 'pair' })).toBe('org:acme PEM');
  });
});

describe('the secret of the one hides that of the other', () => {
  it.each<[near: string, far: string, hides: boolean]>([
    ['env:acme/shop/prod', 'repo:acme/shop', true],
    ['env:Acme/SHOP/prod', 'repo:acme/shop', true],
    ['env:acme/shop/prod', 'repo:acme/other', false],
    ['env:acme/shop/prod', 'repo:other/shop', false],
    ['env:acme/shop/prod', 'env:acme/shop/test', false],
    ['env:acme/shop/prod', 'org:acme', true],
    ['repo:acme/shop', 'org:ACME', true],
    ['repo:acme/shop', 'org:other', false],
    ['repo:acme/shop', 'env:acme/shop/prod', false],
    ['repo:acme/shop', 'repo:acme/other', false],
    ['org:acme', 'org:acme', false],
    ['dependabot:acme/shop', 'org:acme', false],
    ['dependabot:acme/shop', 'repo:acme/shop', false],
    ['env:acme/shop/prod', 'dependabot:acme/shop', false],
    ['repo:acme/shop', 'repo:acme/shop', false],
  ])('%s, %s: %s', (near, far, hides) => {
    const parse = (text: string) => parseDestination(text) as Destination;
    expect(shadows(parse(near), parse(far))).toBe(hides);
  });
});
