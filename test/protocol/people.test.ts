/** The promise among people, in the part that each test run affords. All of it: people.long.test.ts. */

import { anyLives, lives } from './people-lives.ts';
import { describePeople } from './people-promise.ts';

const EVERY = 293;

describePeople([...lives().filter((_, index) => index % EVERY === 0), ...anyLives(20, 1)], {
  lives: 55,
  advised: 25,
});
