/** What a run asks for before it knows whether it needs it. */

import { describe, expect, it } from 'vitest';
import { looksDue, prefetch } from '../../src/prefetch.ts';
import { DAY, desired, NOW } from '../support/states.ts';

/** As `current-credential` shows it. */
function ending(inDays: number) {
  const given = desired({ current: 'a' });
  if (!given.currentKey) throw new Error('has a current pair');
  return { ...given, currentKey: { ...given.currentKey, notAfter: new Date(NOW + inDays * DAY) } };
}

describe('a rotation looks due', () => {
  it.each([
    ['without current-credential', desired(), false],
    ['forced', desired({ force: true }), true],
    ['a certificate that ends soon', ending(30), true],
    ['a certificate that is good', ending(31), false],
  ])('%s', (_, given, due) => {
    expect(looksDue(given, NOW)).toBe(due);
  });
});

describe('early requests', () => {
  it('are sent at once, and their failures are not unhandled', async () => {
    const asked: string[] = [];
    const request = (name: string) => async () => {
      asked.push(name);
      throw new Error(name);
    };
    prefetch([request('key'), request('discovery')]);
    expect(asked).toEqual(['key', 'discovery']);
    // An unhandled rejection would fail the test run.
    await new Promise(setImmediate);
  });
});
