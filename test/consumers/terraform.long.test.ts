/**
 * What docs/neighbours.md says of Terraform. Its provider is no package of these machines: the requests are those of its source
 * (terraform-provider-auth0, internal/auth0/client/resource_credentials.go: deleteClientCredentials, then createClientCredentials),
 * in the order that test/emulators/recorded/tf-self-signed-tls-client-auth.json has them.
 */

import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { code, credentials, DAY, login, rotate, writes } from '../scenarios/support.ts';

/** A replacement of `auth0_client_credentials`: `pem` forces one once its own certificate is gone. @returns each answer's status, and a refusal */
async function replace(world: Sandbox, pem: string): Promise<unknown[]> {
  const answers: unknown[] = [];
  const headers = { authorization: `Bearer ${await world.managementToken()}` };
  const client = `${world.tenantUrl}/api/v2/clients/${world.clientId}`;
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await world.call(client + path, { method, headers, ...(body ? { body } : {}) });
    answers.push(answer.status);
    return answer;
  };
  await ask('PATCH', '', {
    client_authentication_methods: null,
    token_endpoint_auth_method: 'client_secret_post',
  });
  // What it owns is gone already: there is nothing to delete.
  const certificate = new X509Certificate(pem).toString();
  const made = await ask('POST', '/credentials', {
    name: 'first',
    credential_type: 'x509_cert',
    pem: certificate,
  });
  if (made.status !== 201) return [...answers, (made.body as { message: string }).message];
  const { id } = made.body as { id: string };
  const methods = { self_signed_tls_client_auth: { credentials: [{ id }] } };
  await ask('PATCH', '', { client_authentication_methods: methods, token_endpoint_auth_method: null });
  return answers;
}

/** Terraform's certificate gave way to the second rotation. */
async function rotatedTwice(world: Sandbox): Promise<void> {
  expect((await rotate(world)).exitCode).toBe(0);
  world.advance(10 * DAY);
  expect(
    (await rotate(world, { force: 'true', 'removable-credentials': `${world.client.credentialId}` }))
      .exitCode,
  ).toBe(0);
  world.advance(DAY);
  expect(credentials(world).pool).not.toContain(world.client.credentialId);
}

describe('after a replacement by Terraform', () => {
  it('the next run associates the new certificate again', async () => {
    await using world = await startSandbox({ poolCap: 4 });
    await rotatedTwice(world);
    expect(await replace(world, world.client.pem)).toEqual([200, 201, 200]);
    expect([credentials(world).associated.length, await login(world)]).toEqual([1, 401]);
    const run = await rotate(world);
    expect([run.exitCode, run.outputs.reason, await login(world)]).toEqual([0, 'NotAssociated', 200]);
  });

  it('that finds the pool full the client is left with a client secret, and the next run says so', async () => {
    await using world = await startSandbox();
    await rotatedTwice(world);
    expect(await replace(world, world.client.pem)).toEqual([
      200,
      400,
      'A client can have a maximum of 2 credentials.',
    ]);
    expect(await login(world)).toBe(401);
    const run = await rotate(world);
    expect([run.exitCode, code(run), writes(world)]).toEqual([1, 'METHOD_MISMATCH', []]);
    const moved = await rotate(world, { operation: 'enroll' });
    expect([moved.exitCode, await login(world)]).toEqual([0, 200]);
  });
});
