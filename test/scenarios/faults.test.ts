/** Answers that cannot be read: never a change because of one. Each kind at each read: faults.long.test.ts. */

import { expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { everything, settle } from './support.ts';
import { READS, refusesUnread, UNREADABLE } from './unreadable.ts';

it('each read gets an answer that cannot be read: nothing is changed', async () => {
  await using world = await startSandbox();
  await settle(world);
  const before = everything(world);
  for (const [at, read] of READS.entries()) {
    const answer = UNREADABLE[at];
    if (answer) await refusesUnread(world, read, answer);
  }
  expect(everything(world)).toEqual(before);
});
