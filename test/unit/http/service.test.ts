/** One service: what a server repeats of a request is no part of its answer. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/http/wire.ts';
import { type Line, openLine, peer } from '../../support/wire.ts';

let line: Line;
beforeEach(() => {
  line = openLine();
});
afterEach(() => line[Symbol.asyncDispose]());

const form = (parameters: Record<string, string>): Partial<HttpRequest> => ({
  method: 'POST',
  body: new URLSearchParams(parameters).toString(),
});

it.each<[string, Partial<HttpRequest>]>([
  ['a bearer token', { headers: { authorization: 'Bearer CANARY.of+it/==' } }],
  ['a client secret', form({ client_secret: 'CANARY.of+it/==' })],
  ['a client assertion', form({ client_assertion: 'CANARY.of+it/==', client_id: 'c' })],
])('%s that a server repeats is not in its answer', async (_, request) => {
  const said = 'No such thing as CANARY.of+it/==, nor CANARY.of+it/== again';
  await using server = await peer([{ status: 400, body: { error_description: said } }]);
  const answer = await line
    .service('Auth0')
    .call({ method: 'GET', url: `${server.served.url}/oauth/token`, headers: {}, ...request });
  expect(server.exchanges).toHaveLength(1);
  expect(answer.body).toBe('{"error_description":"No such thing as ***, nor *** again"}');
});
