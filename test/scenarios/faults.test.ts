/** Answers that cannot be read: never a change because of one, never a wrong state. */

import { describe, expect, it } from 'vitest';
import { type Sandbox, type Service, startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import {
  code,
  credentialOf,
  credentials,
  everything,
  held,
  json,
  login,
  MINUTE,
  rotate,
  settle,
  writes,
} from './support.ts';

const UNREADABLE: [name: string, fault: Fault][] = [
  ['HTML', { kind: 'garble', as: 'html' }],
  ['half a JSON', { kind: 'garble', as: 'half-json' }],
  ['nothing', { kind: 'garble', as: 'empty' }],
  ['an empty object', json(200, {})],
  ['a list of null', json(200, [null])],
  ['an empty answer without content', { kind: 'answer', response: { status: 204, headers: {}, body: '' } }],
  [
    'a redirect',
    { kind: 'answer', response: { status: 302, headers: { location: 'https://localhost:1/' }, body: '' } },
  ],
  [
    'a prototype',
    { kind: 'answer', response: { status: 200, headers: {}, body: '{"__proto__":{"client_id":"x"}}' } },
  ],
  [
    'a refusal with a workflow command in it',
    json(403, { message: 'no\n::set-output name=rotated::true\n##[error]x' }),
  ],
];

const READS: [name: string, service: Service, method: string, path: RegExp][] = [
  ['the Management API token', 'auth0', 'POST', /\/oauth\/token$/],
  ['the client', 'auth0', 'GET', /\/clients\/[^/]+\?/],
  ['the credentials', 'auth0', 'GET', /\/credentials$/],
  ['discovery', 'auth0', 'GET', /\/\.well-known\//],
  ['the secret', 'github', 'GET', /\/secrets\/AUTH0_MTLS_PEM$/],
  ['the public key', 'github', 'GET', /\/secrets\/public-key$/],
];

describe('an answer that cannot be read', () => {
  it.each(READS)(
    'of %s: nothing is changed',
    async (read, service, method, path) => {
      await using world = await startSandbox();
      await settle(world);
      const before = everything(world);
      for (const [name, fault] of UNREADABLE) {
        // A discovery without an endpoint is one that can be read: verify is asked to insist on one.
        world.conditions.fault = (at, request) =>
          at === service && request.method === method && path.test(request.path) ? fault : undefined;
        const run = await rotate(world, { force: 'true', verify: 'required' });
        expect([name, run.exitCode, writes(world)]).toEqual([name, 1, []]);
        expect([read, name, code(run)]).toEqual([
          read,
          name,
          expect.stringMatching(
            /^((AUTH0|GITHUB)_(REQUEST_FAILED|FORBIDDEN|UNAUTHORIZED)|MTLS_ENDPOINT_NOT_FOUND|DISCOVERY_FAILED)$/,
          ),
        ]);
        expect(run.outputs.rotated).toBe('false');
        expect(run.stdout).not.toMatch(/^::set-output/m);
      }
      expect(everything(world)).toEqual(before);
    },
    60_000,
  );

  it('at each request of a rotation: an error or a success, never a wrong state', async () => {
    await using world = await startSandbox();
    await settle(world);
    const delivered = new Set([world.client.credentialId, credentialOf(world, held(world))]);
    let failed = 0;
    for (let n = 1; ; n += 1) {
      const { run, met, written } = await garbledAt(world, n, KINDS[n % KINDS.length] ?? 'html');
      expect([n, run.exitCode === 0 || ANSWERED_BADLY.test(`${code(run)}`)]).toEqual([n, true]);
      if (run.exitCode !== 0 && !written) expect([n, writes(world)]).toEqual([n, []]);
      failed += run.exitCode ?? 0;
      delivered.add(credentialOf(world, held(world)));
      expect([n, await login(world)]).toEqual([n, 200]);
      // What has not come to hold anything is gone again.
      expect([...delivered]).toEqual(expect.arrayContaining(credentials(world).pool));
      world.advance(16 * MINUTE);
      if (!met) break;
      await settle(world, credentials(world).pool.length < 2 ? { force: 'true' } : {});
      delivered.add(credentialOf(world, held(world)));
      expect(credentials(world).associated).toEqual(credentials(world).pool);
    }
    expect(failed).toBeGreaterThan(5);
  }, 90_000);
});

const KINDS = ['html', 'half-json', 'empty'] as const;
const ANSWERED_BADLY = /^(AUTH0_|DISCOVERY_|GITHUB_|VERIFICATION_FAILED|DELIVERY_)/;

async function garbledAt(world: Sandbox, n: number, as: (typeof KINDS)[number]) {
  let seen = 0;
  let written = false;
  world.conditions.fault = () => {
    seen += 1;
    if (seen !== n) return undefined;
    written = writes(world).length > 0;
    return { kind: 'garble', as };
  };
  const run = await rotate(world, { force: 'true' });
  world.conditions.fault = undefined;
  return { run, met: seen >= n, written };
}
