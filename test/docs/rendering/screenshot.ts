/**
 * `npm run screenshot`: the job summary of a real rotation in the sandbox, as docs/summary.png. A machine without a font that
 * has ✅ shows a box in its place: Debian's fonts-noto-color-emoji has it.
 */

import { strict as assert } from 'node:assert';
import { runAction } from '../../emulators/runner.ts';
import { REPOSITORY, startSandbox } from '../../emulators/sandbox.ts';
import { openScreen } from './page.ts';

const DAY = 86_400_000;
/** The first rotation lies so far back that the next one is due now. */
const SINCE = 61 * DAY;

await using world = await startSandbox({ tenantSkewMs: -SINCE, githubSkewMs: -SINCE });
world.github.addRepository('acme/ops', { environments: ['production'] });
const inputs = {
  destinations: `repo:${REPOSITORY}\nenv:acme/ops/production`,
  verify: 'required',
};
const held = () => world.github.secret(`repo:${REPOSITORY}`, 'AUTH0_MTLS_PEM')?.value ?? '';

const first = await runAction(world, inputs);
assert.equal(first.exitCode, 0, first.log);
world.advance(SINCE);
const second = await runAction(world, { ...inputs, 'current-credential': held() });
assert.equal(second.outputs.reason, 'CertificateExpiring', second.log);

await using screen = await openScreen();
assert.deepEqual(await screen.show(second.summary), []);
await screen.page.locator('article').screenshot({ path: 'docs/summary.png' });
console.log('docs/summary.png');
