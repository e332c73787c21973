/** Faults that pass: the rotation goes on, and succeeds with one new credential. At every request: weather.long.test.ts. */

import { it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { DAY, json, settle } from './support.ts';
import { once, patch, post, put, rotatesWith, type Weather } from './weather.ts';

it('a fault that passes: one new credential, which logs in', async () => {
  await using world = await startSandbox();
  await settle(world);
  const faults: Weather[] = [
    once(post, { kind: 'lose' }),
    once(patch, { kind: 'lose' }, 2),
    once(put, json(422, { message: 'Bad request - key_id' })),
  ];
  for (const fault of faults) {
    await rotatesWith(world, fault);
    world.advance(8 * DAY);
  }
});
