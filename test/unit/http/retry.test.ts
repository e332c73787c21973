/** The one retry policy, with a clock that only counts. */

import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { type Repeatable, retry } from '../../../src/http/retry.ts';
import { type HttpResponse, NetworkError } from '../../../src/http/wire.ts';
import { virtualClock } from '../../support/clock.ts';

const answer = (status: number, headers: Record<string, string> = {}, body = '{}'): HttpResponse => ({
  status,
  headers,
  body,
});
/** GitHub Docs: troubleshooting the REST API, exceeding a rate limit. */
const SECONDARY =
  '{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}';
const lost = new NetworkError('ECONNRESET', 'unknown');
const refused = new NetworkError('ECONNREFUSED', 'no');
const via = (status: number) => ({ host: 'proxy:3128', variable: 'HTTPS_PROXY', status });

async function attempt(
  outcomes: (HttpResponse | Error)[],
  repeatable: Repeatable = 'idempotent',
  deadline = 600_000,
) {
  const { clock, waits } = virtualClock();
  let count = 0;
  let uncertain = 0;
  const next = async () => {
    const outcome = outcomes[count] ?? outcomes.at(-1);
    count += 1;
    if (outcome instanceof Error) throw outcome;
    return outcome ?? answer(200);
  };
  const cancellation = new Cancellation(new AbortController().signal, deadline);
  const result = await retry(next, {
    repeatable,
    clock,
    serverNow: () => 1_000_000 + clock.now(),
    cancellation,
    onUncertain: () => {
      uncertain += 1;
    },
  }).catch((error: unknown) => error);
  return { result, count, waits, uncertain };
}

describe('retry', () => {
  it.each([400, 401, 403, 404, 409, 422])('believes %i', async (status) => {
    expect((await attempt([answer(status), answer(200)])).count).toBe(1);
  });

  it.each([408, 500, 502, 503, 504])('repeats after %i, with growing pauses', async (status) => {
    const { result, waits } = await attempt([answer(status), answer(status), answer(200)]);
    expect([result, waits]).toEqual([expect.objectContaining({ status: 200 }), [500, 1_000]]);
  });

  it('gives up after five, with the last answer', async () => {
    expect(await attempt([answer(503)])).toMatchObject({
      result: { status: 503 },
      count: 5,
      waits: [500, 1_000, 2_000, 4_000],
    });
  });

  it('repeats what got no answer, and says that it may land twice', async () => {
    expect(await attempt([lost, answer(200)])).toMatchObject({ result: { status: 200 }, uncertain: 1 });
    expect(await attempt([answer(504), answer(403)])).toMatchObject({
      result: { status: 403 },
      uncertain: 1,
    });
    expect(await attempt([refused, answer(200)])).toMatchObject({ result: { status: 200 }, uncertain: 0 });
    expect(await attempt([lost])).toMatchObject({ result: lost, count: 5, uncertain: 5 });
  });

  it.each([
    ['a certificate that is not trusted', new NetworkError('SELF_SIGNED_CERT_IN_CHAIN', 'no')],
    ['a certificate without its CA', new NetworkError('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'no')],
    ['another name', new NetworkError('ERR_TLS_CERT_ALTNAME_INVALID', 'no')],
    ['a client certificate that is too weak', new NetworkError('ERR_SSL_EE_KEY_TOO_SMALL', 'no')],
    ['a proxy that refuses', new NetworkError('PROXY_407', 'no', undefined, via(407))],
  ])('does not repeat what stays: %s', async (_, error) => {
    expect(await attempt([error])).toMatchObject({ result: error, count: 1 });
  });

  it('repeats if a proxy does not reach the server', async () => {
    const error = new NetworkError('PROXY_503', 'no', undefined, via(503));
    expect((await attempt([error, answer(201)], 'create')).count).toBe(2);
  });

  it('does not know what a refusal by somebody else has done', async () => {
    for (const body of ['Blocked by policy 77', ''])
      expect(await attempt([answer(403, {}, body)])).toMatchObject({ count: 1, uncertain: 1 });
    expect(await attempt([answer(404, {}, '')])).toMatchObject({ uncertain: 0 });
  });

  it('does not know what a page in place of an answer has done', async () => {
    expect(await attempt([answer(403, { 'content-type': 'text/html' })])).toMatchObject({
      count: 1,
      uncertain: 1,
    });
    expect(await attempt([answer(403, { 'content-type': 'application/json' })])).toMatchObject({
      uncertain: 0,
    });
  });

  it.each([
    [200, 0],
    [204, 0],
    [400, 0],
    [403, 0],
    [404, 0],
    [408, 1],
    [409, 0],
    [429, 0],
    [500, 0],
    [502, 1],
    [503, 0],
    [504, 1],
    [505, 0],
  ])('knows of %i what a request may have done: %i times in doubt', async (status, uncertain) => {
    expect((await attempt([answer(status), answer(200)])).uncertain).toBe(uncertain);
    expect((await attempt([answer(status), answer(201)], 'create')).uncertain).toBe(uncertain);
  });

  it.each([400, 401, 404, 422])('does not take %i for a limit, whatever stands beside it', async (status) => {
    const headers = { 'retry-after': '1', 'x-ratelimit-remaining': '0' };
    expect((await attempt([answer(status, headers, SECONDARY)])).count).toBe(1);
  });

  it.each([301, 302, 307, 308])('never repeats a redirect: %i', async (status) => {
    expect((await attempt([answer(status)])).count).toBe(1);
  });

  it.each<[string, HttpResponse | Error, number]>([
    ['a lost answer', lost, 1],
    ['500', answer(500), 1],
    ['408', answer(408), 1],
    ['the rate limit', answer(429), 2],
    ['a refused connection', refused, 2],
  ])('a POST that creates, after %s: %i attempts', async (_, outcome, count) => {
    expect((await attempt([outcome, answer(201)], 'create')).count).toBe(count);
  });

  it.each<[string, HttpResponse, number]>([
    ['Retry-After in seconds', answer(429, { 'retry-after': '7' }), 7_000],
    ['Retry-After as a date', answer(503, { 'retry-after': new Date(1_003_000).toUTCString() }), 3_000],
    ['a date in the past', answer(503, { 'retry-after': new Date(1).toUTCString() }), 0],
    [
      'a date that is none, with a reset',
      answer(429, { 'retry-after': 'soon', 'x-ratelimit-reset': '1003' }),
      3_000,
    ],
    [
      'an abuse limit, told by its text alone',
      answer(403, {}, 'You have triggered an abuse detection mechanism'),
      60_000,
    ],
    ['X-RateLimit-Reset', answer(429, { 'x-ratelimit-reset': '1009' }), 9_000],
    [
      'Retry-After before X-RateLimit-Reset',
      answer(429, { 'retry-after': '2', 'x-ratelimit-reset': '1009' }),
      2_000,
    ],
    ['a reset in the past', answer(429, { 'x-ratelimit-reset': '1' }), 0],
    ['429 without a time', answer(429), 60_000],
    ['a reset that is no number', answer(429, { 'x-ratelimit-reset': 'soon' }), 60_000],
    [
      "GitHub's secondary limit, told by its text alone",
      answer(403, { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '1002' }, SECONDARY),
      60_000,
    ],
    [
      "GitHub's secondary limit with 429, of which the reset says nothing",
      answer(429, { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '4600' }, SECONDARY),
      60_000,
    ],
    [
      'a 429 with nothing remaining, as of Auth0',
      answer(429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1009' }),
      9_000,
    ],
    ['a secondary limit with Retry-After', answer(403, { 'retry-after': '4' }, SECONDARY), 4_000],
    ['a reset on a 500 means nothing', answer(500, { 'x-ratelimit-reset': '1009' }), 500],
    ["GitHub's 403 with Retry-After", answer(403, { 'retry-after': '4' }), 4_000],
    [
      "GitHub's 403 with nothing remaining",
      answer(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1005' }),
      5_000,
    ],
  ])('waits as asked: %s', async (_, response, asked) => {
    expect((await attempt([response, answer(200)])).waits).toEqual([asked]);
  });

  it.each<[string, HttpResponse | NetworkError, number]>([
    ['a limit', answer(429, { 'retry-after': '3600' }), 600_000],
    ['an outage', answer(503), 499],
    ['no answer', lost, 499],
  ])('does not wait beyond the deadline of the run: %s is the result', async (_, outcome, deadline) => {
    const { result, waits } = await attempt([outcome], 'idempotent', deadline);
    expect([result, waits]).toEqual([outcome, []]);
  });

  it.each<[string, (HttpResponse | NetworkError)[], 'no' | undefined]>([
    ['before the first attempt', [], 'no'],
    ['after a limit', [answer(429, { 'retry-after': '60' })], 'no'],
    ['after no connection', [refused], 'no'],
    ['after an outage', [answer(503)], undefined],
    ['after no answer', [lost], undefined],
    ['after no answer and a limit', [lost, answer(429)], undefined],
  ])('a run that ends says whether a request may have acted: %s', async (_, outcomes, landed) => {
    const ended = new RotationError('CANCELLED', { failed: 'a', remedy: 'b' });
    const { result } = await attempt([...outcomes, ended]);
    expect(result).toMatchObject({ code: 'CANCELLED', message: ended.message });
    expect((result as { cause?: NetworkError }).cause?.landed).toBe(landed);
  });

  it.each([0, 0.5, 0.999])(
    'adds at most a quarter of the backoff, never less than was asked for: %d',
    async (random) => {
      const waits: number[] = [];
      const clock = {
        now: () => 0,
        sleep: async (ms: number) => {
          waits.push(ms);
        },
        random: () => random,
      };
      const options = {
        repeatable: 'idempotent' as const,
        clock,
        serverNow: () => 0,
        cancellation: new Cancellation(new AbortController().signal),
      };
      await retry(async () => answer(503), options);
      await retry(async () => answer(429, { 'retry-after': '2' }), options);
      const expected = [500, 1_000, 2_000, 4_000, 2_000, 2_000, 2_000, 2_000];
      const backoffs = [500, 1_000, 2_000, 4_000, 500, 1_000, 2_000, 4_000];
      expect(waits).toEqual(expected.map((wait, index) => wait + (backoffs[index] ?? 0) * 0.25 * random));
    },
  );

  it('ends a wait that is cancelled, and does not try again', async () => {
    const abort = new AbortController();
    let count = 0;
    const attempts = retry(
      async () => {
        count += 1;
        setTimeout(() => abort.abort(), 10);
        return answer(503);
      },
      {
        repeatable: 'idempotent',
        clock: {
          now: Date.now,
          sleep: (ms, signal) => wait(ms, undefined, signal ? { signal } : {}),
          random: () => 0,
        },
        serverNow: Date.now,
        cancellation: new Cancellation(abort.signal),
      },
    );
    await expect(attempts).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(count).toBe(1);
  });

  it('throws what is no answer at once', async () => {
    const defect = new TypeError('defect');
    expect(await attempt([defect, answer(200)])).toMatchObject({ result: defect, count: 1 });
  });
});
