/** The promise among people: every state, every deed at every moment, every way that a message names; and days of any deeds in a row. */

import { anyLives, lives } from './people-lives.ts';
import { describePeople } from './people-promise.ts';

describePeople([...lives(), ...anyLives(2_000, 1)], { lives: 12_000, advised: 8_000 });
