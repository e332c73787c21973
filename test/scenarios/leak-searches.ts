/** What the stories of the search for leaks share: an action that shows a secret, and what is found of it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { runAction } from '../emulators/runner.ts';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { leaks } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'leak-'));
const secret = 'a-first-line-of-a-secret\nits/second+line="quoted" & more';
export const line = 'its/second+line="quoted" & more';
let world: Sandbox;
beforeAll(async () => {
  world = await startSandbox();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What is found in all that an action shows which does this with the secret `s`. */
export async function leaksOf(script: string): Promise<string[]> {
  const main = join(folder, `${Math.random()}.cjs`);
  writeFileSync(main, `const fs = require('fs'); const s = process.env.INPUT_CANARY; ${script}`);
  return leaks(await runAction(world, { canary: secret }, { main }), [secret]);
}
