/** What is prepared while Auth0 is still being asked: only what will probably be needed. */

import { expect, it } from 'vitest';
import { looksDue } from '../src/prepare.ts';
import { DAY, NOW, wish } from './support/state.ts';

const CLOCK = { now: () => NOW, sleep: async () => {}, random: () => 0, deadline: NOW };
const written = (daysAgo: number) => ({ createdAt: NOW - 400 * DAY, updatedAt: NOW - daysAgo * DAY });

/** As `current-credential` shows it. */
function ending(inDays: number) {
  const given = wish({ current: 'a' });
  if (!given.current) throw new Error('has a current pair');
  return { ...given, current: { ...given.current, notAfter: new Date(NOW + inDays * DAY) } };
}

it.each([
  ['no secret', wish(), 'missing' as const, true],
  ['nobody has looked', wish(), 'unread' as const, false],
  ['a young secret', wish(), written(59), false],
  ['an old secret', wish(), written(60), true],
  ['a young secret whose certificate ends soon', ending(29), written(1), true],
  ['an old secret whose certificate is good', ending(31), written(80), false],
])('%s', (_, given, times, due) => {
  expect(looksDue(given, [times], CLOCK)).toBe(due);
});
