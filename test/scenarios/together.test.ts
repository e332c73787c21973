/** Two runs at once, without a concurrency group: one wins or both stop, nobody is locked out, the next run settles. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, credentials, login, MINUTE, rotate } from './support.ts';

describe('two runs at once', () => {
  it('on the first rotation of a hand-made client', async () => {
    await using world = await startSandbox();
    const runs = await Promise.all([1, 2].map(() => rotate(world)));
    expect(await login(world, world.client.pem)).toBe(200);
    // On a busy machine the second may begin when the first has ended: then it has nothing to do.
    expect(runs.filter(({ outputs }) => outputs.rotated === 'true').length).toBeLessThanOrEqual(1);
    world.advance(16 * MINUTE);
    expect((await rotate(world)).exitCode).toBe(0);
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
    expect(credentials(world).associated).toEqual(credentials(world).pool);
  });

  it.each([
    [
      'one repository',
      { 'secret-name': 'OTHER_PEM' },
      'repo:acme/shop AUTH0_MTLS_PEM still holds one of them',
    ],
    ['two', { destinations: 'repo:acme/other' }, 'made for repo:acme/shop#AUTH0_MTLS_PEM'],
  ])('of two workflows in %s: the second is told whose the credentials are', async (_, place, words) => {
    await using world = await startSandbox();
    world.github.addRepository('acme/other');
    const first = await rotate(world);
    expect(first.exitCode).toBe(0);
    world.advance(20 * MINUTE);
    const second = await rotate(world, { ...place, 'current-credential': '' });
    expect(code(second)).toBe('CREDENTIAL_LIMIT');
    expect(second.annotations.at(-1)?.message).toContain(words);
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
  });
});
