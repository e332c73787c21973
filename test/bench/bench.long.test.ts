/** The figures of the bench that no busy machine changes; times are the bench's alone. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../emulators/sandbox.ts';
import { distBytes, MAKE_ROOM, measure, median, NOT_DUE, ROTATION, startWorld } from './measure.ts';

let world: Sandbox;
beforeAll(async () => {
  world = await startWorld(400);
});
afterAll(() => world[Symbol.asyncDispose]());

// So long that a machine which stalls for less pulls nothing apart that began together; more than that only ever adds round trips.
describe('what a run costs at a latency of 400 ms', { retry: 2 }, () => {
  test('a rotation with its proofs: 19 requests in 9 round trips', async () => {
    const { requests, roundTrips } = await measure(world, ROTATION);
    expect(requests).toBeLessThanOrEqual(19);
    expect(roundTrips).toBeLessThanOrEqual(9);
  });

  test('a rotation that makes room first: 25 requests', async () => {
    const { requests } = await measure(world, MAKE_ROOM);
    expect(requests).toBeLessThanOrEqual(25);
  });

  test('nothing due: 4 requests in 3 round trips', async () => {
    const { requests, roundTrips } = await measure(world, NOT_DUE);
    expect(requests).toBeLessThanOrEqual(4);
    expect(roundTrips).toBeLessThanOrEqual(3);
  });
});

test('dist is at most 1 MB', () => expect(distBytes()).toBeLessThanOrEqual(1_000_000));

test('there is one undici, for the toolkit and for the action', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const copies = Object.entries<{ dev?: boolean }>(packages)
    .filter(([path, { dev }]) => /(^|\/)undici$/.test(path) && !dev)
    .map(([path]) => path);
  expect(copies).toEqual(['node_modules/undici']);
});

test('a median of an even number lies between the two in the middle', () => {
  expect(median([9, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});
