/** Clients without the grant client_credentials, more of it: each grant, each order of the server, rehearsals. */

import { describe, it } from 'vitest';
import { MANAGEMENT_SCOPES, type SandboxOptions, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { code, credentials, json, MINUTE, rotate, writes } from './support.ts';

import { hold, proofs, pushes, rotateClient, WEB } from './web-applications.ts';

describe.concurrent('a web application', () => {
  it.for<[string, SandboxOptions, readonly string[], number]>([
    ['by an invalid code', {}, ['authorization_code'], 4],
    ['by an invalid refresh token', {}, ['refresh_token'], 4],
  ])(
    'is proven %s, if the server looks at the client first',
    async ([by, options, grantTypes, asked], { expect }) => {
      await using world = await startSandbox({ pushedRequests: false, ...options });
      const client = world.addServiceClient({ grantTypes });
      const run = await rotateClient(world, client, { verify: 'required' });
      expect(run.exitCode, run.log).toBe(0);
      expect(proofs(world)).toEqual(Array(asked).fill('edge POST /oauth/token'));
      expect(run.summary).toContain(`**proven**, ${by}`);
    },
  );

  it.for<readonly [string, string]>([
    ['authorization_code', 'auto'],
    ['refresh_token', 'auto'],
  ])(
    'with %s, if the server looks at the grant first: the summary says so',
    async ([grant, verify], { expect }) => {
      await using world = await startSandbox({ pushedRequests: false, checksGrantFirst: true });
      const client = world.addServiceClient({ grantTypes: [grant] });
      const run = await rotateClient(world, client, { verify });
      expect([run.exitCode, run.outputs.rotated]).toEqual([0, 'true']);
      expect(run.summary).toContain('WITHOUT a proof');
      expect(run.annotations.map(({ message }) => message).join()).toContain(
        'nothing showed that Auth0 checks the key',
      );
    },
  );

  it('if the server looks at the grant first and a proof is required: nothing is associated', async ({
    expect,
  }) => {
    await using world = await startSandbox({ pushedRequests: false, checksGrantFirst: true });
    const client = world.addServiceClient({ grantTypes: ['authorization_code'] });
    const before = credentials(world, client.clientId);
    const run = await rotateClient(world, client, { verify: 'required' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(writes(world).filter((line) => /PATCH|PUT/.test(line))).toEqual([]);
    expect(credentials(world, client.clientId)).toEqual(before);
  });

  it('cannot retire by the logs', async ({ expect }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient(WEB);
    const run = await rotateClient(world, client, { retire: 'when-unused' });
    expect([code(run), writes(world)]).toEqual(['INVALID_INPUT', []]);
  });

  it('rehearses', async ({ expect }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient(WEB);
    const run = await rotateClient(world, client, { operation: 'rehearse' });
    expect(run.exitCode, run.log).toBe(0);
    // The pair in use, the new one, one that nobody has registered.
    expect(proofs(world)).toEqual(Array(3).fill('edge POST /oauth/par'));
  });

  it('behind an edge that admits everybody: the rehearsal finds it out', async ({ expect }) => {
    const { cert, key } = selfSignedCertificate('web');
    await using world = await startSandbox({ openToAll: cert });
    const client = world.addServiceClient({ ...WEB, certificate: { cert, key } });
    const run = await rotateClient(world, client, { operation: 'rehearse' });
    expect(code(run)).toBe('UNREGISTERED_ACCEPTED');
  });
});

describe.concurrent('a web application that signs', () => {
  it.for([true, false])('is proven, with pushed requests: %s', async (pushedRequests, { expect }) => {
    await using world = await startSandbox({ pushedRequests });
    const { client_id: clientId } = world.tenant.createClient({
      name: 'web',
      client_authentication_methods: { private_key_jwt: { credentials: [] } },
      grant_types: WEB.grantTypes,
      callbacks: WEB.callbacks,
    });
    const inputs = {
      'client-id': clientId,
      'authentication-method': 'private_key_jwt',
      verify: 'required',
      'verify-audience': '',
    };
    const run = await rotate(world, inputs);
    expect(run.exitCode, run.log).toBe(0);
    expect(run.summary).toContain(
      pushedRequests ? 'by a pushed authorization request' : 'by an invalid code',
    );
    world.advance(20 * MINUTE);
    const forced = await rotate(world, { ...inputs, force: 'true' });
    expect(forced.exitCode, forced.log).toBe(0);
  });
});

describe.concurrent('the pair in use goes first', () => {
  it('one that is out already is said, and rotated', async ({ expect }) => {
    await using world = await startSandbox();
    hold(world, world.client.pem);
    let proofs = 0;
    world.conditions.fault = (service) => {
      if (service === 'edge') proofs += 1;
      const body = { error: 'access_denied', error_description: 'Unauthorized' };
      return service === 'edge' && proofs === 1 ? json(401, body) : undefined;
    };
    const run = await rotate(world, { force: 'true' });
    expect([run.exitCode, run.outputs.rotated]).toEqual([0, 'true']);
    expect(run.summary).toContain(
      'could not log in (401, access_denied: Unauthorized), before this run changed anything',
    );
  });
});

describe.concurrent("the log's reason of a failed client authentication", () => {
  it.for([true, false])('is in the error where it may be read: %s', async (mayRead, { expect }) => {
    const scopes = mayRead ? [...MANAGEMENT_SCOPES, 'read:logs'] : MANAGEMENT_SCOPES;
    await using world = await startSandbox({ managementScopes: scopes, propagationDelayMs: 600_000 });
    hold(world, world.client.pem);
    const run = await rotate(world, { force: 'true' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    const told = run.annotations.at(-1)?.message;
    expect(told).toContain('could not log in (401, access_denied: Unauthorized');
    expect(/the log of Auth0: .*(certificate|authentication)/.test(told ?? '')).toBe(mayRead);
  });
});

describe.concurrent('enroll', () => {
  it('a service without a grant for the API: moved back at once, or not moved at all', async ({ expect }) => {
    await using world = await startSandbox();
    const { client_id: clientId } = world.tenant.createClient({
      name: 'service',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
    });
    const run = await rotate(world, { 'client-id': clientId, operation: 'enroll' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('may not get a token for the API');
    // Once before the client is moved, once after: such an answer is not asked for again.
    expect(proofs(world)).toHaveLength(2);
    expect(world.tenant.reveal(clientId).client.token_endpoint_auth_method).toBe('client_secret_post');
  });

  it.for([false, true])('a web application, grant first: %s', async (checksGrantFirst, { expect }) => {
    await using world = await startSandbox({ checksGrantFirst });
    const { client_id: clientId } = world.tenant.createClient({
      name: 'web',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: WEB.grantTypes,
      callbacks: WEB.callbacks,
    });
    const run = await rotate(world, {
      'client-id': clientId,
      operation: 'enroll',
      verify: 'required',
      'verify-audience': '',
    });
    expect(run.exitCode, run.log).toBe(0);
    expect(await pushes(world, clientId)).toBe(201);
  });
});
