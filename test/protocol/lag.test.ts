/** Which reads of a lagging Auth0 show the past: a pattern that shows what another one does finds nothing more. */

import { expect, test } from 'vitest';
import { asOf, type Lag, PATTERNS } from './lag.ts';

const READS = ['/clients/c', '/clients/c/credentials', '/clients/c', '/clients/c', '/clients/c/credentials'];

/** @returns `o` for each read that shows what was there before, and `n` for the others */
function shown(pattern: Lag['pattern'], time = 0): string {
  const lag: Lag = { shows: -1, until: 1, pattern, reads: 0 };
  return READS.map((path) => (asOf(lag, path, time) === -1 ? 'o' : 'n')).join('');
}

test('each pattern hides something else', () => {
  expect(Object.fromEntries(PATTERNS.map((pattern) => [pattern, shown(pattern)]))).toEqual({
    'every read': 'ooooo',
    'old first': 'onono',
    'new first': 'nonon',
    client: 'onoon',
    pool: 'nonno',
  });
});

test('when it is over all reads agree, as they do without it', () => {
  for (const pattern of PATTERNS) expect(shown(pattern, 1)).toBe('nnnnn');
  expect(asOf(undefined, '/clients/c', 0)).toBeUndefined();
});
