/** One service: what a server repeats of a request is no part of its answer. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedBudget } from '../../../src/http/pace.ts';
import { ServerClock } from '../../../src/http/server-clock.ts';
import { Service } from '../../../src/http/service.ts';
import { type HttpRequest, NetworkError } from '../../../src/http/wire.ts';
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

const get = (url: string): HttpRequest => ({ method: 'GET', url, headers: {} });

describe('an answer', () => {
  it('that repeats nothing secret stays as it is', async () => {
    await using server = await peer([{ body: 'client_id c, Bearer' }]);
    const request = {
      ...get(server.served.url),
      ...form({ client_id: 'c' }),
      headers: { authorization: 'Bearer' },
    };
    expect((await line.service('Auth0').call(request)).body).toBe('client_id c, Bearer');
  });

  it("shows the service's clock", async () => {
    const later = new Date(Date.now() + 3_600_000);
    await using server = await peer([{ headers: { date: later.toUTCString() } }]);
    const service = line.service('Auth0');
    const before = service.now();
    await service.call(get(server.served.url));
    expect(service.now() - before).toBeGreaterThan(3_590_000);
    expect(service.waiting.clock).toBe(line.connection.clock);
  });

  it('of a service that others ask, too, is known to them', async () => {
    await using server = await peer([
      { headers: { 'x-ratelimit-limit': '9', 'x-ratelimit-remaining': '8' } },
    ]);
    const remote = { serverClock: new ServerClock(), pace: new SharedBudget() };
    await new Service('one', line.connection, remote).call(get(server.served.url));
    expect(remote.pace.burst).toBe(9);
    expect(new Service('two', line.connection, remote).serverClock.known).toBe(true);
  });
});

describe('the debug log', () => {
  it.each([
    ['x-github-request-id', 'one'],
    ['x-auth0-requestid', 'two'],
    ['x-request-id', 'three'],
  ])('names path, status and the id in %s, and no query', async (name, id) => {
    await using server = await peer([{ status: 404, headers: { [name]: id } }]);
    await line.service('Auth0').call(get(`${server.served.url}/a/b?token=CANARY`));
    expect(line.log).toEqual([
      expect.stringMatching(new RegExp(`^Auth0: GET /a/b → 404 in \\d+ ms \\(request ${id}\\)$`)),
    ]);
  });

  it('names what went wrong', async () => {
    line.connection.send = () => Promise.reject(new NetworkError('ERR_TLS_CERT_X', 'no'));
    await line
      .service('Auth0')
      .call(get('https://a.example/'))
      .catch(() => undefined);
    line.connection.send = () => Promise.reject(new TypeError('a defect'));
    await line
      .service('Auth0')
      .call(get('https://a.example/'))
      .catch(() => undefined);
    expect(line.log.map((one) => one.replace(/ in \d+ ms/, ''))).toEqual([
      'Auth0: GET / → ERR_TLS_CERT_X',
      'Auth0: GET / → failed',
    ]);
  });
});

describe('a run that was cancelled', () => {
  it('sends nothing more', async () => {
    await using server = await peer([{}]);
    line.cancel();
    await expect(line.service('Auth0').call(get(server.served.url))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(server.exchanges).toEqual([]);
  });

  it('cuts off a read, and lets a write come to its end', async () => {
    const signals: unknown[] = [];
    line.connection.send = (request) => {
      signals.push(request.signal);
      line.cancel();
      return Promise.reject(new NetworkError('ECONNRESET', 'no'));
    };
    const one = line.service('Auth0');
    await expect(
      one.call({ ...get('https://a.example/'), method: 'DELETE' }, 'create'),
    ).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(signals).toEqual([undefined]);
  });

  it('says so of a read that it has cut off', async () => {
    line.connection.send = (request) => {
      expect(request.signal).toBeDefined();
      line.cancel();
      return Promise.reject(new NetworkError('ABORT_ERR', 'unknown'));
    };
    await expect(line.service('Auth0').call(get('https://a.example/'))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  it('cuts off a request that changes nothing, as a proof does', async () => {
    line.connection.send = (request) => {
      expect(request.signal).toBeDefined();
      line.cancel();
      return Promise.reject(new NetworkError('ABORT_ERR', 'unknown'));
    };
    const proof = { ...get('https://a.example/'), method: 'POST', changesNothing: true } as const;
    await expect(line.service('Auth0').call(proof)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('reports the unknown effect of a write without an answer instead of the cancellation', async () => {
    line.connection.send = () => {
      line.cancel();
      return Promise.reject(new NetworkError('ECONNRESET', 'unknown'));
    };
    const write = { ...get('https://a.example/'), method: 'PUT' } as const;
    await expect(line.service('Auth0').call(write, 'create')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

it('a request that serves only once is made anew for each attempt', async () => {
  await using server = await peer([{ status: 503 }, {}]);
  let count = 0;
  await line.service('Auth0').call(async () => {
    count += 1;
    return get(`${server.served.url}/${count}`);
  });
  expect(server.exchanges.map(({ path }) => path)).toEqual(['/1', '/2']);
});
