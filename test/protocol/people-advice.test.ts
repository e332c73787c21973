/** Who follows a message does what it says to the letter: what the follower mends by itself no message has to say. */

import { expect, test } from 'vitest';
import { takeOutAdvice } from '../../src/model/advice.ts';
import { parseDestination, printDestination } from '../../src/model/secret-location.ts';
import { REAL } from './code.ts';
import { Household } from './household.ts';
import { materials } from './materials.ts';
import { adviceIn } from './people-advice.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { World } from './world.ts';

const FIRST = { destination: parseDestination('repo:acme/shop'), secretName: 'AUTH0_MTLS_PEM' };

test.each([
  ['the first place, and the former one is named in the same change', 0, [FIRST]],
  ['another place', 1, undefined],
])('a person takes out %s', async (_, index, movedFrom) => {
  const all = await materials();
  await prepareWorlds();
  const execution = new Execution(new World(scenario('three settled'), all), REAL);
  const { desired } = execution.world;
  const household = new Household(execution, desired.destinations.length);
  const [destination] = desired.destinations.slice(index);
  if (destination === undefined) throw new Error(`no place ${index}`);
  const ways = adviceIn(takeOutAdvice({ destination }, desired), household);
  ways.find(({ name }) => name === 'take it out of destinations')?.follow(household);
  const { destinations, says } = household.workflow;
  const rest = desired.destinations.filter((one) => one !== destination);
  expect(destinations.map(printDestination)).toEqual(rest.map(printDestination));
  expect(says.movedFrom).toEqual(movedFrom);
});
