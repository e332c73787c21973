/** Killed in the middle of a rotation: nobody is ever locked out, and one more run settles it. At every request: crash.long.test.ts. */

import { expect, it } from 'vitest';
import { Assassin, BOTH, begin } from './assassin.ts';
import { withConsumers } from './support.ts';

const MOMENTS = [
  ['the new credential is made', 'answered', / POST .*credentials$/],
  ['it is associated', 'answered', / PATCH /],
  ['the first of two deliveries is on its way', 'arrived', / PUT /],
  ['the first of two deliveries has landed', 'answered', / PUT /],
] as const;

it('killed when room must be made, and two destinations are served: each time the next run settles it', async () => {
  await using world = await begin(BOTH.inputs);
  const assassin = new Assassin(world, BOTH);
  const refused = await withConsumers(world, BOTH.locations, async () => {
    for (const [moment, phase, line] of MOMENTS) {
      assassin.fill();
      const killed = await assassin.kill((event) => event.phase === phase && line.test(event.arrival.line));
      expect([moment, killed]).toEqual([moment, true]);
    }
  });
  expect([assassin.interruptions, refused]).toEqual([[], []]);
});
