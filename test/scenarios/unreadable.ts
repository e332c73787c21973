/** Answers that cannot be read, and the reads of a rotation that may get one. */

import { expect } from 'vitest';
import type { Sandbox, Service } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { code, json, rotate, writes } from './support.ts';

export const UNREADABLE: [name: string, fault: Fault][] = [
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

export const READS: [name: string, service: Service, method: string, path: RegExp][] = [
  ['the Management API token', 'auth0', 'POST', /\/oauth\/token$/],
  ['the client', 'auth0', 'GET', /\/clients\/[^/]+\?/],
  ['the credentials', 'auth0', 'GET', /\/credentials$/],
  ['discovery', 'auth0', 'GET', /\/\.well-known\//],
  ['the secret', 'github', 'GET', /\/secrets\/AUTH0_MTLS_PEM$/],
  ['the public key', 'github', 'GET', /\/secrets\/public-key$/],
];

/** The read gets such an answer: the run fails before its first write, and names the service. */
export async function refusesUnread(
  world: Sandbox,
  read: (typeof READS)[number],
  answer: (typeof UNREADABLE)[number],
) {
  const [, service, method, path] = read;
  const [name, fault] = answer;
  // A discovery without an endpoint is one that can be read: verify is asked to insist on one.
  world.conditions.fault = (at, request) =>
    at === service && request.method === method && path.test(request.path) ? fault : undefined;
  const run = await rotate(world, { force: 'true', verify: 'required' });
  expect([name, run.exitCode, writes(world)]).toEqual([name, 1, []]);
  expect([read[0], name, code(run)]).toEqual([
    read[0],
    name,
    expect.stringMatching(
      /^((AUTH0|GITHUB)_(REQUEST_FAILED|FORBIDDEN|UNAUTHORIZED)|MTLS_ENDPOINT_NOT_FOUND|DISCOVERY_FAILED|DELIVERY_INCOMPLETE)$/,
    ),
  ]);
  expect(run.outputs.rotated).toBe('false');
  expect(run.stdout).not.toMatch(/^::set-output/m);
}
