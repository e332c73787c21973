/** Clients without the grant client_credentials: web applications prove a new key by what they may ask for. */

import { describe, it } from 'vitest';
import type { ActionRun } from '../emulators/runner.ts';
import { MANAGEMENT_SCOPES, type Sandbox, type SandboxOptions, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import {
  code,
  credentials,
  everything,
  held,
  json,
  MINUTE,
  rotate,
  SCOPE,
  SECRET,
  writes,
} from './support.ts';

const CALLBACK = 'https://shop.example/callback';
const WEB = { grantTypes: ['authorization_code', 'refresh_token'], callbacks: [CALLBACK] };

/** A web application whose secret holds what it logs in with. No audience is given: it asks for no token of its own. */
async function rotateClient(
  world: Sandbox,
  client: { clientId: string; pem: string },
  inputs: Record<string, string> = {},
): Promise<ActionRun> {
  if (held(world) === '') hold(world, client.pem);
  return rotate(world, { 'client-id': client.clientId, 'verify-audience': '', force: 'true', ...inputs });
}

/** For long enough that no run waits for anything. */
function hold(world: Sandbox, pem: string): void {
  const at = world.githubNow() - 20 * MINUTE;
  world.github.seedSecret(SCOPE, SECRET, pem, { createdAt: at, updatedAt: at });
}

/** Requests of the proof, in order. */
function proofs(world: Sandbox): string[] {
  return world.transcript.requests().filter((line) => /^edge POST/.test(line));
}

/** Does what the secret holds authenticate the client? By the answer to a pushed authorization request. */
async function pushes(world: Sandbox, clientId: string, pem = held(world)): Promise<number> {
  const body = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const url = `${world.edge.url}/oauth/par`;
  return (await world.call(url, { body: body.toString(), headers, pem })).status;
}

describe.concurrent('B4: a web application', () => {
  it('is proven by a pushed authorization request', async ({ expect }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient(WEB);
    const run = await rotateClient(world, client, { verify: 'required' });
    expect(run.exitCode, run.log).toBe(0);
    // The pair in use, the new one, and that again before it is delivered.
    expect(proofs(world)).toEqual(Array(3).fill('edge POST /oauth/par'));
    expect(run.summary).toContain('**proven**, by a pushed authorization request');
    expect(await pushes(world, client.clientId)).toBe(201);
  });

  it.for<[string, SandboxOptions, readonly string[], number]>([
    ['by a code that nobody issued', {}, ['authorization_code'], 4],
    ['by a refresh token that nobody issued', {}, ['refresh_token'], 4],
  ])(
    'is proven %s, where the server looks at the client first',
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
    'with %s, where the server looks at the grant first: said aloud',
    async ([grant, verify], { expect }) => {
      await using world = await startSandbox({ pushedRequests: false, checksGrantFirst: true });
      const client = world.addServiceClient({ grantTypes: [grant] });
      const run = await rotateClient(world, client, { verify });
      expect([run.exitCode, run.outputs.rotated]).toEqual([0, 'true']);
      expect(run.summary).toContain('WITHOUT a proof');
      expect(run.annotations.map(({ message }) => message).join()).toContain(
        'nothing showed that Auth0 looks at the certificate',
      );
    },
  );

  it('where the server looks at the grant first and a proof is required: nothing is associated', async ({
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

  it('with no grant that proves anything: said aloud, or refused before any effect', async ({ expect }) => {
    await using world = await startSandbox();
    const client = world.addServiceClient({ grantTypes: ['implicit'] });
    const refused = await rotateClient(world, client, { verify: 'required' });
    expect([code(refused), writes(world)]).toEqual(['VERIFICATION_FAILED', []]);
    const run = await rotateClient(world, client);
    expect([run.exitCode, run.outputs.rotated, proofs(world)]).toEqual([0, 'true', []]);
    expect(run.summary).toContain('WITHOUT a proof: the client has no grant');
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

describe.concurrent('B4: a web application that signs', () => {
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
    expect(run.summary).toContain(pushedRequests ? 'by a pushed authorization request' : 'by a code');
    world.advance(20 * MINUTE);
    const forced = await rotate(world, { ...inputs, force: 'true' });
    expect(forced.exitCode, forced.log).toBe(0);
  });
});

describe.concurrent('the pair in use goes first', () => {
  it('a wrong audience is found before anything is removed or made', async ({ expect }) => {
    await using world = await startSandbox();
    hold(world, world.client.pem);
    const before = everything(world);
    const run = await rotate(world, { force: 'true', 'verify-audience': 'https://nobody.example/' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('the API https://nobody.example/');
    expect([writes(world), everything(world)]).toEqual([[], before]);
    expect(proofs(world)).toEqual(['edge POST /oauth/token']);
  });

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
    expect(run.summary).toContain('could not log in (401, access_denied: Unauthorized) before anything');
  });
});

describe.concurrent("the log's reason of a failed client authentication", () => {
  it.for([true, false])(
    'is in the error where it may be read: %s',
    { timeout: 90_000 },
    async (mayRead, { expect }) => {
      const scopes = mayRead ? [...MANAGEMENT_SCOPES, 'read:logs'] : MANAGEMENT_SCOPES;
      await using world = await startSandbox({ managementScopes: scopes, propagationDelayMs: 600_000 });
      hold(world, world.client.pem);
      const run = await rotate(world, { force: 'true' });
      expect(code(run)).toBe('VERIFICATION_FAILED');
      const told = run.annotations.at(-1)?.message;
      expect(told).toContain('could not log in (401, access_denied: Unauthorized');
      expect(/the log of Auth0: .*(certificate|authentication)/.test(told ?? '')).toBe(mayRead);
    },
  );
});

describe.concurrent('B5: enroll', () => {
  it('a service without a grant for the API: moved back at once, or not moved at all', async ({ expect }) => {
    await using world = await startSandbox();
    const { client_id: clientId } = world.tenant.createClient({
      name: 'service',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
    });
    const run = await rotate(world, { 'client-id': clientId, operation: 'enroll' });
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('may have no token for the API');
    expect(run.durationMs).toBeLessThan(25_000);
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

  it('that could prove nothing is refused while the client secret still works', async ({ expect }) => {
    await using world = await startSandbox({ checksGrantFirst: true, pushedRequests: false });
    const { client_id: clientId } = world.tenant.createClient({
      name: 'web',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: WEB.grantTypes,
    });
    const inputs = { 'client-id': clientId, operation: 'enroll', verify: 'required', 'verify-audience': '' };
    const run = await rotate(world, inputs);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(writes(world).filter((line) => line.includes('PATCH'))).toEqual([]);
    expect(world.tenant.reveal(clientId).credentials).toEqual([]);
  });
});
