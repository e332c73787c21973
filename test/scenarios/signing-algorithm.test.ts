/** A key of private_key_jwt is registered for one algorithm, and its assertions are signed by that. */

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clientAssertion } from '../../src/auth0/token.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { held, MINUTE, rotate, SCOPE, SECRET } from './support.ts';

/** A client whose secret holds a key that was registered for this algorithm. */
function keyClient(world: Sandbox, alg: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { client_id: clientId } = world.tenant.createClient({
    name: 'fapi',
    grant_types: ['client_credentials'],
    client_authentication_methods: { private_key_jwt: { credentials: [] } },
    grants: { [API_AUDIENCE]: ['read:orders'] },
  });
  world.tenant.seedCredential(clientId, {
    credential_type: 'public_key',
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    alg,
    associate: true,
    created_at: new Date(world.tenantNow() - 30 * MINUTE).toISOString(),
  });
  const at = world.githubNow() - 20 * MINUTE;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  world.github.seedSecret(SCOPE, SECRET, pem, { createdAt: at, updatedAt: at });
  return clientId;
}

const asked = { 'authentication-method': 'private_key_jwt', verify: 'required' };

/** As a consumer signs that goes on as it did. */
async function login(world: Sandbox, clientId: string, algorithm: string): Promise<number> {
  const key = { clientId, privateKey: held(world), algorithm };
  const body = {
    grant_type: 'client_credentials',
    client_id: clientId,
    audience: API_AUDIENCE,
    ...(await clientAssertion(key, world.domain, world.tenantNow())),
  };
  return (await world.call(`${world.tenantUrl}/oauth/token`, { body })).status;
}

function algorithms(world: Sandbox, clientId: string): (string | undefined)[] {
  return world.tenant.reveal(clientId).credentials.map(({ alg }) => alg);
}

describe('a client that signs with another algorithm', () => {
  it.each(['RS256', 'RS384', 'PS256'])('%s: its next key is registered for that', async (algorithm) => {
    await using world = await startSandbox();
    const clientId = keyClient(world, algorithm);
    const run = await rotate(world, { ...asked, 'client-id': clientId, force: 'true' });
    expect(run.exitCode, run.log).toBe(0);
    expect(algorithms(world, clientId)).toEqual([algorithm, algorithm]);
    expect(await login(world, clientId, algorithm)).toBe(200);
  });

  it('another one that is asked for is a reason, and named before', async () => {
    await using world = await startSandbox();
    const clientId = keyClient(world, 'RS256');
    const inputs = { ...asked, 'client-id': clientId, 'signing-algorithm': 'PS256' };
    const plan = await rotate(world, { ...inputs, operation: 'plan' });
    expect(plan.outputs.reason).toBe('SpecChanged');
    expect(plan.annotations.map(({ message }) => message).join()).toMatch(
      /INTERRUPTION: The new key is registered for PS256, and the key in use for RS256/,
    );
    const run = await rotate(world, inputs);
    expect([run.exitCode, run.outputs.reason, algorithms(world, clientId)]).toEqual([
      0,
      'SpecChanged',
      ['RS256', 'PS256'],
    ]);
    expect([await login(world, clientId, 'PS256'), await login(world, clientId, 'RS256')]).toEqual([
      200, 401,
    ]);
    world.advance(20 * MINUTE);
    expect((await rotate(world, inputs)).outputs.reason).toBe('NotDue');
  });
});
