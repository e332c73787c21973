/** Consumers that are locked out before a run begins: it helps them first, and a failure says that they still are. */

import { expect, it } from 'vitest';
import type { Asked } from '../../protocol/scenarios.ts';
import { type Meanwhile, Road } from '../../support/road.ts';

const PEM = 'AUTH0_MTLS_PEM';
const OUT = `perhaps the consumers of repo:acme/shop ${PEM} CANNOT LOG IN. Act at once`;

async function run(start: string, asked: Partial<Asked>, meanwhile: Meanwhile) {
  const road = await Road.begin(start, asked);
  const { error } = await road.run(meanwhile);
  return { road, code: error?.code, alarm: error?.alarm };
}
const refused =
  (wanted: RegExp): Meanwhile =>
  (line) =>
    wanted.test(line) ? { status: 403 } : undefined;

it('what a destination holds is associated again before anything can refuse the rotation', async () => {
  const { alarm, code, road } = await run('held, not associated', { force: true }, refused(/public-key$/));
  expect([code, alarm, road.associated]).toEqual(['GITHUB_FORBIDDEN', undefined, ['P1', 'C1']]);
});

it('the alarm is raised if that association fails', async () => {
  const { alarm, code } = await run('held, not associated', { force: false }, refused(/^PATCH client/));
  expect([code, alarm]).toEqual(['AUTH0_FORBIDDEN', OUT]);
});

it('the alarm is raised if the successor of an expired certificate cannot be delivered', async () => {
  const { alarm, code } = await run('expired', { force: false }, refused(/^PUT repo/));
  expect([code, alarm]).toEqual([
    'GITHUB_FORBIDDEN',
    'the current key expired on 28 February 2026: its consumers CANNOT LOG IN. Act at once',
  ]);
});

it('and not if consumers can log in', async () => {
  const { alarm, code } = await run('settled, due', { force: false }, refused(/^PUT repo/));
  expect([code, alarm]).toEqual(['GITHUB_FORBIDDEN', undefined]);
});
