/** How the action logs in to the Management API, and how it tells what is wrong with that. More of it: login.long.test.ts. */

import { describe, expect, it } from 'vitest';
import { MANAGEMENT_SCOPES, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { code, everything, held, json, login, rotate, writes } from './support.ts';

const manager = selfSignedCertificate('manager');
const stranger = selfSignedCertificate('stranger');
type Inputs = Record<string, string>;

interface Way {
  name: string;
  /** Readies the tenant, and answers the inputs of the workflow. */
  inputs: (world: Sandbox) => Inputs | Promise<Inputs>;
  /** What is given in its place makes it fail. */
  wrong: Inputs;
  /** Token requests until the run gives up. */
  requests?: number;
}

/** A management client with one credential. */
function addManager(
  world: Sandbox,
  method: 'private_key_jwt' | 'self_signed_tls_client_auth',
  type: 'public_key' | 'x509_cert',
): Inputs {
  const { client_id } = world.tenant.createClient({
    name: `manager by ${method}`,
    client_authentication_methods: { [method]: { credentials: [] } },
    grants: { [world.managementAudience]: [...MANAGEMENT_SCOPES] },
  });
  world.tenant.seedCredential(client_id, { credential_type: type, pem: manager.cert, associate: true });
  return { 'management-client-id': client_id, 'management-client-secret': '' };
}

const WAYS: Way[] = [
  { name: 'a client secret', inputs: () => ({}), wrong: { 'management-client-secret': 'wrong' } },
  {
    name: 'private_key_jwt',
    inputs: (world) => ({
      ...addManager(world, 'private_key_jwt', 'public_key'),
      'management-private-key': manager.key,
    }),
    wrong: { 'management-private-key': stranger.key },
    // One for each algorithm.
    requests: 3,
  },
  {
    name: 'mTLS',
    inputs: (world) => ({
      ...addManager(world, 'self_signed_tls_client_auth', 'x509_cert'),
      'management-credential': `${manager.key}\n${manager.cert}`,
    }),
    wrong: { 'management-credential': `${stranger.key}\n${stranger.cert}` },
  },
  {
    name: 'a ready token',
    inputs: async (world) => ({
      'management-client-id': '',
      'management-client-secret': '',
      'management-token': await world.managementToken(),
    }),
    wrong: { 'management-token': 'garbage' },
    requests: 0,
  },
];

describe.each(WAYS)('the management client logs in by $name', ({ inputs, requests = 1, wrong }) => {
  it('and rotates; what is wrong is refused', async () => {
    await using world = await startSandbox();
    const right = await inputs(world);
    const before = everything(world);
    const refused = await rotate(world, { ...right, ...wrong });
    expect([refused.exitCode, code(refused), writes(world)]).toEqual([1, 'AUTH0_UNAUTHORIZED', []]);
    expect(everything(world)).toEqual(before);
    const lines = world.transcript.requests().filter((line) => line.includes('POST /oauth/token'));
    expect(lines.length).toBe(requests);
    const run = await rotate(world, right);
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    if ('management-token' in right)
      expect(world.transcript.requests()).not.toContain('auth0 POST /oauth/token');
  });
});

describe('a Management API token', () => {
  it('that expires between the association and the delivery: the error says what was made', async () => {
    await using world = await startSandbox();
    let associated = false;
    world.conditions.fault = (_, { method, path }) => {
      const dead = associated && path.startsWith('/api/v2/');
      associated ||= method === 'PATCH';
      return dead
        ? json(401, { message: 'Expired token received for JSON Web Token validation' })
        : undefined;
    };
    const run = await rotate(world);
    expect([code(run), held(world)]).toEqual(['AUTH0_UNAUTHORIZED', '']);
    expect(run.annotations.at(-1)?.message).toContain('may still be there');
    expect(await login(world, world.client.pem)).toBe(200);
    world.conditions.fault = undefined;
    world.advance(16 * 60_000);
    expect((await rotate(world)).exitCode).toBe(0);
    expect(await login(world)).toBe(200);
  });
});
