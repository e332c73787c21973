/** The goals of the bench are those that the documents promise. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { GOALS } from './goals.ts';

const table = readFileSync('docs/performance.md', 'utf8');
const { rotation, makesRoom, notDue, startMs, memoryMb, distBytes } = GOALS;

it.each<[string, number, string?]>([
  ['requests: a rotation, with its proofs', rotation.requests],
  ['requests: one that makes room first', makesRoom.requests],
  ['requests: nothing due', notDue.requests],
  ['round trips in sequence: a rotation', rotation.roundTrips],
  ['round trips in sequence: nothing due', notDue.roundTrips],
  ['bytes of `dist`', distBytes],
  ['memory, at its peak', memoryMb, 'MB'],
  ['start to the first request, less a bare Node start', startMs, 'ms'],
  ['wall time ÷ (round trips × 50 ms + bare Node)', rotation.ratio],
])('docs/performance.md: %s ≤ %d', (name, goal, unit) => {
  const row = table.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? '';
  const [, , told = '', measured = ''] = row.split('|').map((cell) => cell.trim());
  expect(told).toBe(`≤ ${`${goal}`.replace(/(?<=\d)(?=(\d{3})+$)/g, ' ')}${unit ? ` ${unit}` : ''}`);
  // Written in bold: a goal that is not reached.
  const [most = ''] = measured.replaceAll(' ', '').match(/[\d.]+(?=\D*$)/) ?? [];
  expect(Number(most) <= goal).toBe(!measured.includes('**'));
});

it('the page has a row for each round trip of a rotation', () => {
  const [, section = ''] = table.split('## What the round trips are\n');
  expect(section.split('\n## ')[0]?.match(/^\| \d+ \|/gm)).toHaveLength(rotation.roundTrips);
});

it.each([
  ['README.md', 'sends four requests and changes nothing'],
  ['README.md', 'Nothing is due: four requests'],
  ['examples/rotate.yml', 'sends four requests and changes nothing'],
])('%s: %s', (path, sentence) => {
  expect([notDue.requests, readFileSync(path, 'utf8')]).toEqual([4, expect.stringContaining(sentence)]);
});
