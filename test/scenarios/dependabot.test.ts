/** Dependabot's secrets: a destination beside the repository's own, for workflows that Dependabot starts. */

import { describe, expect, it } from 'vitest';
import { REPOSITORY, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { code, DAY, held, login, rotate, SCOPE, settle, writes } from './support.ts';

const DEPENDABOT = `dependabot:${REPOSITORY}`;
const BOTH = { destinations: `${SCOPE}\n${DEPENDABOT}` };

describe("Dependabot's secrets", () => {
  it('hold the same pair, and are evidence as any other place', async () => {
    await using world = await startSandbox();
    await settle(world, BOTH);
    // The one made by hand is kept for a week.
    world.advance(8 * DAY);
    expect(held(world, DEPENDABOT)).toBe(held(world));
    const forced = await rotate(world, { ...BOTH, force: 'true' });
    expect(forced.exitCode, forced.log).toBe(0);
    expect(held(world, DEPENDABOT)).toBe(held(world));
    expect(await login(world, held(world, DEPENDABOT))).toBe(200);
    expect((await rotate(world, BOTH)).outputs.reason).toBe('NotDue');
    expect(world.transcript.requests().join('\n')).toContain('/dependabot/secrets/');
  });

  it('hide nothing, and nothing hides them', async () => {
    await using world = await startSandbox();
    const inputs = { destinations: `org:acme\n${DEPENDABOT}\nenv:${REPOSITORY}/production` };
    const refused = await rotate(world, inputs);
    const message = refused.annotations.at(-1)?.message ?? '';
    // An environment's hides the organization's; Dependabot's is not in it.
    expect(message).toContain('whose secret hides');
    expect(message).not.toContain(DEPENDABOT);
    const run = await rotate(world, BOTH);
    expect([run.exitCode, run.annotations.filter(({ level }) => level === 'error')]).toEqual([0, []]);
  });

  it.each([DEPENDABOT, `${DEPENDABOT}\n${SCOPE}`])('are never the primary: %j', async (destinations) => {
    await using world = await startSandbox();
    const run = await rotate(world, { destinations });
    expect([code(run), writes(world)]).toEqual(['INVALID_INPUT', []]);
    expect(run.annotations.at(-1)?.message).toContain('the first is the primary');
  });

  it('need a permission of their own, which is named, and without which the others go on', async () => {
    await using world = await startSandbox();
    world.github.addToken(world.githubToken, { kind: 'app', permissions: { secrets: 'write' } });
    const run = await rotate(world, BOTH);
    expect([code(run), run.outputs.rotated]).toEqual(['DELIVERY_INCOMPLETE', 'true']);
    expect(run.annotations.at(-1)?.message).toContain("'Dependabot secrets: write'");
    expect(writes(world as Sandbox).filter((one) => one.includes('dependabot'))).toEqual([]);
  });
});
