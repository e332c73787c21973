/** The days of the README with a watch on each: it says nothing that the rotation then does not do. */

import { expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import type { WatchRequest } from '../../../src/model/watch-request.ts';
import { plan } from '../../../src/plan/plan.ts';
import { watch } from '../../../src/watch/watch.ts';
import { Days, type Seeded } from '../../support/days.ts';

const REQUEST: WatchRequest = {
  token: 'github-token',
  home: { kind: 'repo', owner: 'acme', repo: 'shop' },
  workflow: undefined,
  reportIssue: false,
  runUrl: 'https://github.com/acme/shop/actions/runs/1',
};
/** Made by hand before the set-up, and valid for long. */
const HAND: Seeded = { id: 'hand', age: 200, expires: 400 };

/** As a run of `operation: watch` does. */
async function findings(world: Days): Promise<string[]> {
  const wanted = world.desired();
  const observed = await world.observed(wanted);
  let error: RotationError | undefined;
  try {
    plan(wanted, observed);
  } catch (thrown) {
    if (!(thrown instanceof RotationError)) throw thrown;
    error = thrown;
  }
  const services = { store: undefined, api: {} as never, info: () => undefined };
  const seen = await watch({ readOnly: true, desired: wanted, observed, error }, REQUEST, services);
  return (seen.watch?.findings ?? []).map(({ key, severity, what }) => `${severity} ${key}: ${what}`);
}

it('never says that a rotation would be refused that is not: a certificate of hand goes on day 61', async () => {
  const world = new Days([HAND]);
  const refused: string[] = [];
  const rotations: number[] = [];
  const removals: [number, readonly string[]][] = [];
  for (let day = 1; day <= 61; day += 1) {
    const { removed, rotated } = await world.day();
    // The first run is started by hand, and the schedule's are at a later hour.
    if (day === 1) world.pass(1 / 24);
    if (rotated) rotations.push(day);
    if (removed.length > 0) removals.push([day, removed]);
    for (const what of await findings(world))
      if (what.includes('RotationRefused')) refused.push(`day ${day}: ${what}`);
  }
  expect(refused).toEqual([]);
  expect(rotations).toEqual([1, 61]);
  expect(removals).toEqual([[61, ['hand']]]);
});

it('says from the first day on that the rotation of day 61 would be refused, if it would', async () => {
  const world = new Days([{ ...HAND, owner: 'repo:acme/other#PEM' }]);
  await world.day();
  expect((await findings(world))[0]).toMatch(/^warning RotationRefused: .*CREDENTIAL_LIMIT/);
});
