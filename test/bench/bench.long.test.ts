/** The figures of the bench that no busy machine changes; times are the bench's alone. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../emulators/sandbox.ts';
import { GOALS } from './goals.ts';
import { distBytes, MAKE_ROOM, measure, median, NOT_DUE, ROTATION, startWorld } from './measure.ts';

let world: Sandbox;
beforeAll(async () => {
  world = await startWorld(400);
});
afterAll(() => world[Symbol.asyncDispose]());

// So long that a machine which stalls for less pulls nothing apart that began together; more than that only ever adds round trips.
describe('what a run costs at a latency of 400 ms', { retry: 2 }, () => {
  test('a rotation with its proofs', async () => {
    const { requests, roundTrips } = await measure(world, ROTATION);
    expect(requests).toBe(GOALS.rotation.requests);
    expect(roundTrips).toBeLessThanOrEqual(GOALS.rotation.roundTrips);
    expect(roundTrips).toBeGreaterThan(GOALS.notDue.roundTrips);
  });

  test('a rotation that makes room first', async () => {
    const { requests } = await measure(world, MAKE_ROOM);
    expect(requests).toBe(GOALS.makesRoom.requests);
  });

  test('nothing due', async () => {
    const { requests, roundTrips } = await measure(world, NOT_DUE);
    expect(requests).toBe(GOALS.notDue.requests);
    expect(roundTrips).toBeLessThanOrEqual(GOALS.notDue.roundTrips);
    expect(roundTrips).toBeGreaterThan(1);
  });
});

test('dist is at most 1 MB', () => expect(distBytes()).toBeLessThanOrEqual(GOALS.distBytes));
test('and it is measured', () => expect(distBytes()).toBeGreaterThan(GOALS.distBytes / 2));

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
