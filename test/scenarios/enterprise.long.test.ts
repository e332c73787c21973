/** On GitHub Enterprise Server: the API below a path of the server's own host, as the runner names it. */

import { expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, login, rotate, settle } from './support.ts';

it('a rotation asks GITHUB_API_URL with its path, and links to GITHUB_SERVER_URL', async () => {
  await using world = await startSandbox();
  const env = {
    GITHUB_API_URL: `${world.githubUrl}/api/v3`,
    GITHUB_SERVER_URL: 'https://ghes.example',
    GITHUB_ACTION_REPOSITORY: 'platform/auth0-mtls-rotation-action',
    GITHUB_ACTION_REF: 'v1',
  };
  const run = await rotate(world, { verify: 'required', 'current-credential': '' }, { env });
  expect([run.exitCode, await login(world)]).toEqual([0, 200]);
  const paths = world.transcript
    .arrivals('client')
    .filter(({ service }) => service === 'github')
    .map(({ request }) => request.path);
  expect(paths.length).toBeGreaterThan(3);
  for (const path of paths)
    expect(path).toMatch(/^\/api\/v3\/repos\/acme\/shop\/actions\/(organization-)?secrets\b/);
  await settle(world);
  const refused = await rotate(world, { 'github-token': 'ghp_not-known', force: 'true' }, { env });
  expect(code(refused)).toBe('GITHUB_UNAUTHORIZED');
  const page = 'platform/auth0-mtls-rotation-action/blob/v1/docs/troubleshooting.md#github_unauthorized';
  expect(refused.log).toContain(`https://ghes.example/${page}`);
});
