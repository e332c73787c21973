/** Faults that pass: the rotation waits as it is told to, and succeeds with one new credential. */

import { describe, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { DAY, json, MINUTE, settle } from './support.ts';
import {
  everywhere,
  once,
  patch,
  post,
  put,
  RATE_LIMITED,
  remove,
  rotatesWith,
  soon,
  TOO_MANY,
  type Weather,
} from './weather.ts';

describe('a fault that passes', () => {
  it('at one request', async () => {
    await using world = await startSandbox();
    await settle(world);
    const faults: [string, Weather][] = [
      ['the answer of the POST is lost: adopted by its thumbprint', once(post, { kind: 'lose' })],
      ['the POST is dropped', once(post, { kind: 'drop' })],
      ['the POST is answered 500, and has not landed', once(post, json(500, {}))],
      ['the POST has landed, its answer is empty', once(post, { kind: 'garble', as: 'empty' })],
      ['the POST has landed, its answer is HTML', once(post, { kind: 'garble', as: 'html' })],
      ['the POST is refused by the rate limit', once(post, RATE_LIMITED)],
      ['the answer of the PUT is lost', once(put, { kind: 'lose' })],
      ['the answer of the DELETE is lost', once(remove, { kind: 'lose' })],
      ['the answer of the PATCH that associates is lost', once(patch, { kind: 'lose' }, 2)],
      ['the public key has been replaced', once(put, json(422, { message: 'Bad request - key_id' }))],
    ];
    for (const [name, fault] of faults) {
      await rotatesWith(world, fault).catch((error: Error) => {
        error.message = `${name}: ${error.message}`;
        throw error;
      });
      world.advance(8 * DAY);
    }
  });

  it.concurrent.each<[string, () => Fault]>([
    ['500', () => json(500, {})],
    ['503 with Retry-After', () => json(503, {}, { 'retry-after': '1' })],
    [
      '429 with X-RateLimit-Reset',
      () => json(429, TOO_MANY, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': soon() }),
    ],
    ['a dropped connection', () => ({ kind: 'drop' })],
    ['a lost answer', () => ({ kind: 'lose' })],
    ['an answer that takes its time', () => ({ kind: 'slow', delayMs: 300 })],
  ])('at every request once: %s', async (_, fault) => {
    await using world = await startSandbox();
    await rotatesWith(world, everywhere(fault));
  });

  it.concurrent('reads lag 2 s behind, with room to make', async () => {
    await using world = await startSandbox({ staleReadsMs: 2_000 });
    // The client itself is older than that.
    world.advance(MINUTE);
    await settle(world);
    await rotatesWith(world, () => undefined);
  });

  it.concurrent('the tenant is a small one: 2 requests at once, 2 a second', async () => {
    await using world = await startSandbox({ rateLimit: { burst: 2, perSecond: 2 } });
    await rotatesWith(world, () => undefined);
  });

  it.concurrent.each([401, 404])('GitHub knows a token only after 3 s: %i', async (status) => {
    await using world = await startSandbox();
    await settle(world);
    let began: number | undefined;
    await rotatesWith(world, (service) => {
      if (service !== 'github') return undefined;
      began ??= performance.now();
      return performance.now() - began < 3_000 ? json(status, { message: 'Bad credentials' }) : undefined;
    });
  });
});
