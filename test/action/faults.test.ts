/** Servers that misbehave: never a deletion for an answer that cannot be read, never a lost or doubled credential. */

import { describe, expect, it } from 'vitest';
import type { EmulatorRequest } from '../sandbox/emulator.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/sandbox.ts';
import type { Fault } from '../sandbox/serve.ts';
import { code, credentials, held, login, rotate, settle, writes } from './support.ts';

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Fault => ({
  kind: 'answer',
  response: {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  },
});

const FAULTS: [name: string, fault: Fault][] = [
  ['HTML', { kind: 'garble', as: 'html' }],
  ['half a JSON', { kind: 'garble', as: 'half-json' }],
  ['nothing', { kind: 'garble', as: 'empty' }],
  ['an empty object', json(200, {})],
  ['null', json(200, null)],
  [
    'a prototype',
    { kind: 'answer', response: { status: 200, headers: {}, body: '{"__proto__":{"client_id":"x"}}' } },
  ],
  [
    'a refusal with a workflow command in it',
    json(403, { message: 'no\n::set-output name=rotated::true\n##[error]x' }),
  ],
];

const READS: [name: string, service: 'auth0' | 'github', path: RegExp][] = [
  ['the client', 'auth0', /\/clients\/[^/]+\?/],
  ['the credentials', 'auth0', /\/credentials$/],
  ['the secret', 'github', /\/secrets\/AUTH0_MTLS_PEM$/],
];

const CASES = READS.flatMap(([read, service, path]) =>
  FAULTS.map(([name, fault]) => ({ read, service, path, name, fault })),
);

describe('an answer that cannot be read', () => {
  it.each(CASES)('$read: $name', async ({ service, path, fault }) => {
    await using world = await startSandbox();
    await settle(world);
    const before = { ...credentials(world), pem: held(world) };
    world.conditions.fault = (at, request) =>
      at === service && request.method === 'GET' && path.test(request.path) ? fault : undefined;
    const run = await rotate(world, { force: 'true' });
    expect(run.exitCode).toBe(1);
    expect(code(run)).toMatch(/^(AUTH0|GITHUB)_(REQUEST_FAILED|FORBIDDEN)$/);
    expect(writes(world)).toEqual([]);
    expect({ ...credentials(world), pem: held(world) }).toEqual(before);
    expect(run.outputs.rotated).toBe('false');
    expect(run.stdout).not.toMatch(/^::set-output/m);
  });
});

/** The fault hits the first request that matches, and no other. */
function once(
  matches: (request: EmulatorRequest) => boolean,
  fault: Fault,
): NonNullable<SandboxOptions['fault']> {
  let hit = false;
  return (_, request) => {
    if (hit || !matches(request)) return undefined;
    hit = true;
    return fault;
  };
}

const post = ({ method, path }: EmulatorRequest) => method === 'POST' && path.endsWith('/credentials');
const patch = ({ method }: EmulatorRequest) => method === 'PATCH';
const put = ({ method }: EmulatorRequest) => method === 'PUT';
const remove = ({ method }: EmulatorRequest) => method === 'DELETE';

async function rotatesWith(fault: NonNullable<SandboxOptions['fault']>, world: Sandbox): Promise<void> {
  await settle(world);
  world.conditions.fault = fault;
  const run = await rotate(world, { force: 'true' });
  expect([run.exitCode, code(run)]).toEqual([0, undefined]);
  expect(await login(world)).toBe(200);
  expect(credentials(world).pool).toHaveLength(2);
  expect(credentials(world).associated).toEqual(credentials(world).pool);
}

const RATE_LIMITED = json(
  429,
  { message: 'Global limit has been reached', errorCode: 'too_many_requests' },
  { 'retry-after': '1' },
);

describe('a fault that passes', () => {
  it.each<[string, NonNullable<SandboxOptions['fault']>]>([
    ['the answer of the POST is lost: adopted by its thumbprint', once(post, { kind: 'lose' })],
    ['the POST is dropped', once(post, { kind: 'drop' })],
    ['the POST is answered 500, and has landed', once(post, { kind: 'garble', as: 'empty' })],
    ['the POST is refused by the rate limit', once(post, RATE_LIMITED)],
    ['the answer of the PUT is lost', once(put, { kind: 'lose' })],
    ['the answer of the DELETE is lost', once(remove, { kind: 'lose' })],
    ['a read is answered 503', once(({ method }) => method === 'GET', json(503, {}))],
    ['a read is cut off by the rate limit', once(({ method }) => method === 'GET', RATE_LIMITED)],
  ])('%s', async (_, fault) => {
    await using world = await startSandbox();
    await rotatesWith(fault, world);
  });

  it('the answer of the PATCH that associates is lost', async () => {
    await using world = await startSandbox();
    let seen = 0;
    await rotatesWith((_, request) => (patch(request) && ++seen === 2 ? { kind: 'lose' } : undefined), world);
  });

  it('reads lag 2 s behind', async () => {
    await using world = await startSandbox({ staleReadsMs: 2_000 });
    // The client itself is older than that.
    world.advance(3_000);
    const run = await rotate(world);
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
  }, 60_000);

  it('the tenant is a small one: 2 requests at once, 2 a second', async () => {
    await using world = await startSandbox({ rateLimit: { burst: 2, perSecond: 2 } });
    const run = await rotate(world);
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
  }, 90_000);
});

describe('a fault that stays', () => {
  it('of the first delivery, refused for certain: undone', async () => {
    await using world = await startSandbox();
    await settle(world, { overlap: '0h' });
    const before = { ...credentials(world), pem: held(world) };
    world.conditions.fault = (_, request) =>
      put(request) ? json(403, { message: 'Resource not accessible by integration' }) : undefined;
    const run = await rotate(world, { force: 'true', overlap: '0h' });
    expect(code(run)).toBe('GITHUB_FORBIDDEN');
    expect({ ...credentials(world), pem: held(world) }).toEqual(before);
  });

  it('of the second delivery: both credentials stay, and the next run finishes it without a new key', async () => {
    await using world = await startSandbox();
    world.github.addRepository('acme/ops', { environments: ['prod'] });
    const inputs = { destinations: 'repo:acme/shop\nenv:acme/ops/prod' };
    world.conditions.fault = (_, request) =>
      put(request) && request.path.includes('/environments/') ? json(403, { message: 'no' }) : undefined;
    const run = await rotate(world, inputs);
    expect([code(run), run.outputs.rotated]).toEqual(['DELIVERY_INCOMPLETE', 'true']);
    expect(run.annotations.at(-1)?.message).toContain('repo:acme/shop AUTH0_MTLS_PEM holds');
    world.conditions.fault = undefined;
    const pem = held(world);
    expect((await rotate(world, inputs)).exitCode).toBe(0);
    expect(held(world, 'env:acme/ops/prod')).toBe(pem);
    expect(await login(world)).toBe(200);
  });
});

describe('the proof', () => {
  it('waits until an association is effective', async () => {
    await using world = await startSandbox({ propagationDelayMs: 1_500 });
    const run = await rotate(world, { verify: 'required' });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(run.summary).toContain('proven and bound');
  });

  it('fails at an edge that pins other thumbprints: undone', async () => {
    await using world = await startSandbox({ pinnedThumbprints: new Set(['other']) });
    const before = credentials(world);
    const run = await rotate(world);
    expect([code(run), held(world)]).toEqual(['VERIFICATION_FAILED', '']);
    expect(credentials(world)).toEqual(before);
  }, 90_000);

  it('fails where the token is bound to another certificate', async () => {
    await using world = await startSandbox({ openToAll: true });
    const run = await rotate(world);
    expect(code(run)).toBe('VERIFICATION_FAILED');
    expect(run.annotations.at(-1)?.message).toContain('bound to another certificate');
  }, 90_000);

  it('is missed aloud where no endpoint is found', async () => {
    await using world = await startSandbox({ mtlsAlias: false });
    const run = await rotate(world);
    expect(run.exitCode).toBe(0);
    expect(run.annotations).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringContaining('WITHOUT a proof') }),
    ]);
  });

  it.each([
    'https://evil.example/oauth/token',
    'http://localhost/oauth/token',
    'https://localhost.evil.example/token',
    'https://localhost@evil.example/',
  ])('goes to no endpoint like %s', async (endpoint) => {
    await using world = await startSandbox();
    const document = json(200, {
      issuer: 'x',
      token_endpoint: endpoint,
      mtls_endpoint_aliases: { token_endpoint: endpoint },
    });
    world.conditions.fault = (_, request) =>
      request.path.startsWith('/.well-known/') ? document : undefined;
    const run = await rotate(world);
    expect([code(run), writes(world)]).toEqual(['DISCOVERY_FAILED', []]);
  });
});
