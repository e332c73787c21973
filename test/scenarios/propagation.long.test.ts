/** Auth0's nodes may know an association up to half a minute later: nothing is delivered before. */

import { describe, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import {
  code,
  credentials,
  everything,
  held,
  json,
  login,
  MINUTE,
  rotate,
  SCOPE,
  SECRET,
} from './support.ts';

/** The ready-made client's pair, delivered long ago. */
async function settledWorld(options: Parameters<typeof startSandbox>[0] = {}) {
  const world = await startSandbox(options);
  const at = world.githubNow() - 20 * MINUTE;
  world.github.seedSecret(SCOPE, SECRET, world.client.pem, { createdAt: at, updatedAt: at });
  return world;
}

const FORCED = { force: 'true', 'propagation-time': '2s' };

describe.concurrent('propagation', () => {
  it('nothing is delivered before it is over, and then it is proven on a new connection', async ({
    expect,
  }) => {
    await using world = await settledWorld();
    const run = await rotate(world, FORCED);
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    const arrivals = world.transcript.arrivals();
    const at = (pattern: RegExp) =>
      arrivals.filter(({ request }) => pattern.test(`${request.method} ${request.path}`));
    const associated = at(/PATCH .*clients/).at(-1);
    const stored = at(/PUT .*secrets/)[0];
    expect((stored?.atMs ?? 0) - (associated?.atMs ?? 0)).toBeGreaterThanOrEqual(2_000);
    // The pair in use, the new one at once, and that again.
    expect(
      at(/POST \/oauth\/token/).filter(({ caller, service }) => service === 'edge' && caller !== 'sandbox'),
    ).toHaveLength(3);
    expect(run.log).toContain('Wait until 2 s after the association');
  });

  it('an association that is gone by then is not delivered', async ({ expect }) => {
    await using world = await settledWorld();
    const before = everything(world);
    let [isAssociated, reads] = [false, 0];
    world.conditions.fault = (_, { method, path }) => {
      isAssociated ||= method === 'PATCH';
      if (!isAssociated || method !== 'GET' || !/clients\/[^/]+\?/.test(path)) return undefined;
      reads += 1;
      // The first one is the read-back.
      if (reads === 1) return undefined;
      const { client } = world.tenant.reveal(world.clientId);
      const methods = { self_signed_tls_client_auth: { credentials: [{ id: world.client.credentialId }] } };
      return json(200, { ...client, client_secret: undefined, client_authentication_methods: methods });
    };
    const run = await rotate(world, { ...FORCED, 'propagation-time': '0s' }, { timeoutMs: 60_000 });
    expect(code(run)).toBe('ROTATION_IN_PROGRESS');
    expect(held(world) === before.pem).toBe(true);
  });

  it('a node that knows it no more stops the delivery', async ({ expect }) => {
    await using world = await settledWorld();
    const before = everything(world);
    let proofs = 0;
    world.conditions.fault = (service, { path }) => {
      if (service !== 'edge' || path !== '/oauth/token') return undefined;
      proofs += 1;
      return proofs > 2 ? json(400, { error: 'server_error' }) : undefined;
    };
    const run = await rotate(world, FORCED);
    expect([code(run), everything(world)]).toEqual(['VERIFICATION_FAILED', before]);
  });

  it('is cancelled at once, and undone', async ({ expect }) => {
    await using world = await settledWorld();
    const before = everything(world);
    let proofs = 0;
    const run = await rotate(
      world,
      { ...FORCED, 'propagation-time': '2m' },
      {
        killWhen: ({ phase, arrival }) => {
          if (phase === 'answered' && arrival.service === 'edge') proofs += 1;
          return proofs === 2 ? 'SIGINT' : undefined;
        },
      },
    );
    expect([code(run), everything(world)]).toEqual(['CANCELLED', before]);
    expect(run.durationMs).toBeLessThan(30_000);
  });

  it('is not waited for if nobody holds anything that can log in', async ({ expect }) => {
    await using world = await startSandbox();
    const run = await rotate(world, { 'propagation-time': '2m' });
    expect([run.exitCode, credentials(world).associated.length]).toEqual([0, 2]);
    expect(run.log).not.toContain('Wait until');
  });
});
