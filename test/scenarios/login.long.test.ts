/** The login to the Management API, more of it: a token that has expired, and every scope that may be missing. The main stories: login.test.ts. */

import { describe, expect, it } from 'vitest';
import { MANAGEMENT_SCOPES, startSandbox } from '../emulators/sandbox.ts';
import { code, everything, held, json, login, rotate, writes } from './support.ts';

describe('a Management API token', () => {
  it('that has expired is reported as such', async () => {
    await using world = await startSandbox();
    const message = 'Expired token received for JSON Web Token validation';
    world.conditions.fault = (_, { path }) =>
      path.startsWith('/api/v2/')
        ? json(401, { statusCode: 401, error: 'Unauthorized', message })
        : undefined;
    const run = await rotate(world);
    expect([code(run), writes(world), held(world)]).toEqual(['AUTH0_UNAUTHORIZED', [], '']);
    expect(run.annotations.at(-1)?.message).toContain(message);
  });

  // Auth0 names the missing scope in its 403; read:clients and read:client_credentials hide what they guard (docs/facts.md#auth0-scopes).
  it.each(MANAGEMENT_SCOPES)(
    'without the scope %s: the error names it, and nothing is lost',
    async (scope) => {
      await using world = await startSandbox({
        managementScopes: MANAGEMENT_SCOPES.filter((one) => one !== scope),
      });
      const before = everything(world);
      const run = await rotate(world);
      const needless = ['read:clients', 'update:client_credentials', 'delete:client_credentials'];
      if (run.exitCode === 0 && needless.includes(scope)) {
        expect(await login(world)).toBe(200);
        return;
      }
      expect(code(run)).toMatch(/^(AUTH0_FORBIDDEN|METHOD_MISMATCH)$/);
      expect(run.annotations.at(-1)?.message).toContain(scope);
      expect(everything(world)).toEqual(before);
    },
  );
});
