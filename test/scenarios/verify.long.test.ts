/** The proof, more of it: tokens that are not bound, no proof at all, and a discovery that names a place which is not the tenant. The main stories: verify.test.ts. */

import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, json, login, rotate, writes } from './support.ts';

describe.concurrent('the proof', () => {
  it('holds for a token that is not bound', async ({ expect }) => {
    await using world = await startSandbox({ bindTokens: false });
    const run = await rotate(world, { verify: 'required' });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(run.summary).toContain('**proven**');
  });
});

describe('without an mTLS token endpoint', () => {
  it('off: neither discovered nor asked', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, { verify: 'off' });
    expect([run.exitCode, await login(world)]).toEqual([0, 200]);
    expect(world.transcript.requests().filter((line) => /edge|well-known/.test(line))).toEqual([]);
    expect(run.annotations.map(({ level }) => level)).toEqual(['warning', 'warning']);
  });
});

describe('discovery that names a place which is not the tenant', () => {
  /** Counts who connects: nobody should. */
  let foreign: Server;

  let port = 0;
  let connections = 0;

  beforeAll(async () => {
    foreign = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    port = (foreign.address() as AddressInfo).port;
  });

  afterAll(() => void foreign.close());

  it('is refused before any effect, and nothing is sent there', async () => {
    await using world = await startSandbox();
    const endpoints = [
      `https://127.0.0.1:${port}/oauth/token`,
      `http://localhost:${port}/oauth/token`,
      `https://localhost@127.0.0.1:${port}/oauth/token`,
      `https://localhost:pass@localhost:${port}/oauth/token`,
      'https://localhost.evil.example/token',
      'https://notlocalhost/token',
      'javascript:alert(1)',
      '//',
    ];
    for (const endpoint of endpoints) {
      const alias = { mtls_endpoint_aliases: { token_endpoint: endpoint } };
      world.conditions.fault = (_, { path }) =>
        path.startsWith('/.well-known/') ? json(200, { issuer: world.tenantUrl, ...alias }) : undefined;
      const run = await rotate(world);
      expect([endpoint, code(run), writes(world)]).toEqual([endpoint, 'DISCOVERY_FAILED', []]);
    }
    expect(connections).toBe(0);
  });

  it('is not asked for the management login either', async () => {
    await using world = await startSandbox();
    const alias = { mtls_endpoint_aliases: { token_endpoint: `https://127.0.0.1:${port}/oauth/token` } };
    world.conditions.fault = (_, { path }) =>
      path.startsWith('/.well-known/') ? json(200, alias) : undefined;
    const run = await rotate(world, {
      'management-client-secret': '',
      'management-credential': world.client.pem,
    });
    expect([code(run), connections, writes(world)]).toEqual(['DISCOVERY_FAILED', 0, []]);
  });
});
