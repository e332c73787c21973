/** The pace against the sandbox's token bucket, in virtual time: no test waits. */

import { describe, expect, it } from 'vitest';
import { Cancellation, type Clock } from '../../../src/http/clock.ts';
import { type Pace, SharedBudget, SpacedWrites } from '../../../src/http/pace.ts';
import { ServerClock } from '../../../src/http/server-clock.ts';
import { Service } from '../../../src/http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../../../src/http/wire.ts';
import { type RateLimit, TokenBucket } from '../../emulators/tenant-rate-limit.ts';

const BEGAN = 1_800_000_000_000;
const URL_ = 'https://tenant/api/v2/clients/one';

/** Time passes when nobody has anything to do. */
class Time {
  now = BEGAN;
  #sleepers: { at: number; wake: () => void }[] = [];

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { at: this.now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => reject(signal.reason));
    });

  async pass<T>(work: Promise<T>): Promise<T> {
    let over = false;
    void work.catch(() => undefined).finally(() => (over = true));
    while (!over) {
      await new Promise(setImmediate);
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (over || !next) continue;
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      this.now = Math.max(this.now, next.at);
      next.wake();
    }
    return work;
  }
}

interface World {
  time: Time;
  signal: AbortController;
  /** Local times of what the server has seen, and what it answered. */
  seen: { at: number; method: string; path: string; status: number }[];
  service: Service;
  /** Of another run, at the same pace. */
  another(): Service;
  clock: Clock;
  cancellation: Cancellation;
}

type Answer = (request: HttpRequest, now: number) => { status: number; headers: Record<string, string> };

function world(pace: (signal: AbortSignal) => Pace, answer: Answer, latency = 40): World {
  const time = new Time();
  const signal = new AbortController();
  const seen: World['seen'] = [];
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    await time.sleep(latency / 2);
    const { status, headers } = answer(request, time.now);
    seen.push({ at: time.now, method: request.method, path: new URL(request.url).pathname, status });
    const date = new Date(time.now).toUTCString();
    await time.sleep(latency / 2);
    return { status, body: '', headers: { date, ...headers } };
  };
  const clock = {
    now: () => time.now,
    sleep: time.sleep,
    random: () => 0.5,
  };
  const cancellation = new Cancellation(signal.signal);
  const connection = { send, clock, cancellation, debug: () => undefined };
  const remote = { serverClock: new ServerClock(), pace: pace(signal.signal) };
  const another = () =>
    new Service('Auth0', { ...connection, cancellation: new Cancellation(signal.signal) }, remote);
  return {
    time,
    signal,
    seen,
    clock,
    cancellation,
    another,
    service: new Service('Auth0', connection, remote),
  };
}

const read = (service: Service, url = URL_) => service.call({ method: 'GET', url, headers: {} });
const write = (service: Service, url = URL_) => service.call({ method: 'PUT', url, headers: {} });

/** `workers` ask one after the other, `each` times. */
async function ask({ service, time }: World, workers: number, each: number): Promise<void> {
  const one = async () => {
    for (let count = 0; count < each; count += 1) await read(service);
  };
  await time.pass(Promise.all(Array.from({ length: workers }, one)));
}

function limited(
  limit: RateLimit,
  change: (headers: Record<string, string>, now: number) => void = () => {},
) {
  const bucket = new TokenBucket(limit, BEGAN);
  return (_: HttpRequest, now: number) => {
    const { taken, headers } = bucket.take(now);
    change(headers, now);
    return { status: taken ? 200 : 429, headers };
  };
}

const refusals = ({ seen }: World) => seen.filter(({ status }) => status === 429).length;

describe('the shared budget', () => {
  it.each([
    ['the smallest', { burst: 2, perSecond: 2 }, 3, 40],
    ['a non-production Enterprise tenant', { burst: 10, perSecond: 2 }, 4, 40],
    ['an Enterprise tenant', { burst: 50, perSecond: 16 }, 10, 60],
  ])('of %s is used up, and hardly ever overdrawn', async (_, limit, workers, each) => {
    const it = world(() => new SharedBudget(), limited(limit));
    await ask(it, workers, each);
    const total = workers * each;
    expect(refusals(it)).toBeLessThanOrEqual(total / 50);
    const least = ((total - limit.burst) / limit.perSecond) * 1000;
    expect((it.time.now - BEGAN) / least).toBeLessThan(1.1);
  });

  it('is right, too, if reset means "one token again"', async () => {
    const limit = { burst: 10, perSecond: 2 };
    const soon = (headers: Record<string, string>, now: number) => {
      headers['x-ratelimit-reset'] = String(Math.ceil(now / 1000 + 0.5));
    };
    const it = world(() => new SharedBudget(), limited(limit, soon));
    await ask(it, 4, 40);
    expect(refusals(it)).toBeLessThanOrEqual(20);
    expect((it.time.now - BEGAN) / 75_000).toBeLessThan(1.15);
  });

  it('is shared with others: what they take is not there', async () => {
    const limit = { burst: 10, perSecond: 4 };
    const bucket = new TokenBucket(limit, BEGAN);
    let others = BEGAN;
    const it = world(
      () => new SharedBudget(),
      (_, now) => {
        for (; others < now; others += 500) bucket.take(now);
        const { taken, headers } = bucket.take(now);
        return { status: taken ? 200 : 429, headers };
      },
    );
    await ask(it, 4, 30);
    expect(refusals(it)).toBeLessThanOrEqual(12);
  });

  it('of two buckets is kept for each', async () => {
    const clients = limited({ burst: 5, perSecond: 100 / 60 });
    const rest = limited({ burst: 10, perSecond: 150 / 60 });
    const it = world(
      () => new SharedBudget(),
      (request, now) => (request.url === URL_ ? clients : rest)(request, now),
    );
    const one = async () => {
      for (let count = 0; count < 20; count += 1) {
        await read(it.service);
        await read(it.service, `${URL_}/credentials`);
      }
    };
    await it.time.pass(Promise.all([one(), one(), one()]));
    expect(refusals(it)).toBeLessThanOrEqual(2);
  });

  it('keeps no request waiting while there are tokens, nor if no header names a limit', async () => {
    for (const answer of [
      limited({ burst: 50, perSecond: 16 }),
      () => ({ status: 200, headers: {} }),
      () => ({ status: 200, headers: { 'x-ratelimit-limit': 'many', 'x-ratelimit-remaining': '0' } }),
      () => ({ status: 200, headers: { 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '0' } }),
      () => ({ status: 200, headers: { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '-1' } }),
      () => ({ status: 200, headers: { 'x-ratelimit-limit': '2' } }),
      () => ({ status: 200, headers: { 'x-ratelimit-remaining': '0' } }),
    ]) {
      const it = world(() => new SharedBudget(), answer);
      await ask(it, 2, 20);
      expect(it.time.now - BEGAN).toBe(20 * 40);
    }
  });

  it('lets two requests go before it knows anything', async () => {
    const it = world(() => new SharedBudget(), limited({ burst: 2, perSecond: 2 }));
    await ask(it, 3, 1);
    expect(refusals(it)).toBe(0);
    expect(it.seen.slice(0, 2).map(({ at }) => at - BEGAN)).toEqual([20, 20]);
  });

  it('goes on if the first requests get no answer, and nothing is known', async () => {
    let asked = 0;
    const it = world(
      () => new SharedBudget(),
      () => {
        asked += 1;
        if (asked <= 2) throw new NetworkError('ECONNRESET', 'unknown');
        return { status: 200, headers: {} };
      },
    );
    await ask(it, 2, 1);
    expect(it.seen.length).toBe(2);
    expect(it.time.now - BEGAN).toBeLessThan(1_000);
  });

  it.each([
    ['a cancellation', (it: World) => it.signal.abort(), 'CANCELLED'],
    ['the end of the run', (it: World) => it.cancellation.shield(it.time.now), 'DEADLINE_EXCEEDED'],
  ])('lets no request wait past %s', async (_, end, code) => {
    const headers = { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0' };
    const it = world(
      () => new SharedBudget(),
      () => ({ status: 200, headers }),
    );
    await ask(it, 1, 1);
    const waiting = write(it.service);
    end(it);
    await expect(it.time.pass(waiting)).rejects.toMatchObject({ code });
    expect(it.seen.length).toBe(1);
  });
});

describe('a request at the shared budget', () => {
  const request = (path: string): HttpRequest => ({
    method: 'GET',
    url: `https://tenant${path}`,
    headers: {},
  });
  const ONE = request('/api/v2/clients/one');
  const shows = (headers: Record<string, string>): HttpResponse => ({ status: 200, body: '', headers });
  const left = (remaining: number, limit = 2) =>
    shows({ 'x-ratelimit-limit': `${limit}`, 'x-ratelimit-remaining': `${remaining}` });
  const begin = () => {
    const it = world(
      () => new SharedBudget(),
      () => ({ status: 200, headers: {} }),
    );
    const budget = new SharedBudget();
    return { ...it, budget, turn: (one = ONE) => budget.turn(one, it) };
  };

  it('goes as soon as the answer to another one shows a token, and does not wait until the end of its own wait', async () => {
    const { time, turn } = begin();
    const [first, second] = [await turn(), await turn()];
    first(left(0));
    const third = turn();
    void time.sleep(100).then(() => second(left(2)));
    await time.pass(third);
    expect(time.now - BEGAN).toBeLessThan(200);
  });

  it('about another client counts against the same bucket, whatever was answered last', async () => {
    const { time, turn } = begin();
    const logs = request('/api/v2/logs');
    (await turn(logs))(left(9, 10));
    (await turn())(left(0));
    (await turn(logs))(left(9, 10));
    expect(time.now).toBe(BEGAN);
    await time.pass(turn(request('/api/v2/clients/two')));
    expect(time.now - BEGAN).toBeGreaterThan(1_000);
  });

  it('that would have to wait until after the end of the run is refused at once', async () => {
    const { cancellation, time, turn } = begin();
    (await turn())(left(0));
    cancellation.shield(time.now + 20_000);
    await expect(time.pass(turn())).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(time.now).toBe(BEGAN);
  });

  it('of a cancelled run is not sent, although there are tokens', async () => {
    const { signal, turn } = begin();
    signal.abort();
    await expect(turn()).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('shows how many may be sent: those of the smallest bucket, and what its rate adds once that is measured', async () => {
    const { budget, time, turn } = begin();
    expect([budget.burst, budget.within(10_000)]).toEqual([undefined, undefined]);
    (await turn(request('/api/v2/logs')))(left(49, 50));
    (await turn())(left(9, 10));
    expect([budget.burst, budget.within(10_000)]).toEqual([10, 10]);
    // In 5 seconds it gains the token of this request and no other.
    time.now += 5_000;
    (await turn())(left(9, 10));
    expect(budget.within(10_000)).toBe(12);
  });
});

describe('spaced writes', () => {
  const fine: Answer = () => ({ status: 200, headers: {} });
  const gaps = ({ seen }: World) => {
    const times = seen.filter(({ method }) => method === 'PUT').map(({ at }) => at);
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  };

  it('go one after the other, a second apart; reads go when they come', async () => {
    const it = world((signal) => new SpacedWrites(signal), fine);
    await it.time.pass(Promise.all([write(it.service), write(it.service), write(it.service), ask(it, 3, 1)]));
    expect(gaps(it)).toEqual([1_000, 1_000]);
    expect(it.seen.filter(({ method }) => method === 'GET').map(({ at }) => at - BEGAN)).toEqual([
      20, 20, 20,
    ]);
  });

  it('of a client that has begun come before those of others', async () => {
    const it = world((signal) => new SpacedWrites(signal), fine);
    const others = [it.another(), it.another()];
    const twice = async (service: Service, name: string) => {
      for (const part of [1, 2]) await write(service, `https://github/${name}${part}`);
    };
    await it.time.pass(
      Promise.all([twice(it.service, 'a'), ...others.map((service, at) => twice(service, `bc`.charAt(at)))]),
    );
    expect(it.seen.map(({ path }) => path)).toEqual(['/a1', '/a2', '/b1', '/b2', '/c1', '/c2']);
  });

  it('are never at once, however slow the service is', async () => {
    const it = world((signal) => new SpacedWrites(signal), fine, 3_000);
    await it.time.pass(Promise.all([write(it.service), write(it.service)]));
    expect(gaps(it)).toEqual([3_000]);
  });

  it('all wait for a secondary limit that one of them has met', async () => {
    let count = 0;
    const it = world(
      (signal) => new SpacedWrites(signal),
      () =>
        count++ === 0 ? { status: 403, headers: { 'retry-after': '30' } } : { status: 204, headers: {} },
    );
    await it.time.pass(Promise.all([write(it.service), write(it.service)]));
    expect(gaps(it)[0]).toBeGreaterThanOrEqual(30_000);
  });

  it('hurry once the job is cancelled', async () => {
    const it = world((signal) => new SpacedWrites(signal), fine);
    const all = Promise.all([write(it.service), write(it.service)]);
    await Promise.resolve();
    it.signal.abort();
    await it.time.pass(all.catch(() => undefined));
    expect(it.time.now - BEGAN).toBeLessThan(1_000);
  });
});
