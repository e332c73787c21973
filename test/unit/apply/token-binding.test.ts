/** A run that fails while it binds tokens leaves the client as it was, whatever became of its change. */

import { expect, it } from 'vitest';
import { type Meanwhile, Road } from '../../support/road.ts';

const PATCH = 'PATCH client';
const BOUND = { require_proof_of_possession: true };

/** Binds tokens of a client whose rotation is not due. */
async function bind(meanwhile: Meanwhile) {
  const road = await Road.begin('ours alone', { binding: 'required', force: false });
  const begun = road.world.time;
  const { error } = await road.run(meanwhile);
  const changes = road.writes.filter((line) => line === PATCH).length;
  return { road, error, changes, bound: road.world.truth().bound, took: road.world.time - begun };
}

it('a change that Auth0 has refused is not taken back', async () => {
  const { bound, changes, error } = await bind((line) => (line === PATCH ? { status: 403 } : undefined));
  expect([error?.code, changes, bound]).toEqual(['AUTH0_FORBIDDEN', 1, false]);
  expect(error?.stateNow).toContain('The token binding of the client is as it was.');
});

it('but it is taken back if Auth0 shows it all the same', async () => {
  const { bound, changes, error } = await bind((line, count, { world }) => {
    if (line !== PATCH || count > 1) return undefined;
    world.admin(BOUND);
    return { status: 403 };
  });
  expect([error?.code, changes, bound]).toEqual(['AUTH0_FORBIDDEN', 2, false]);
});

it.each([
  [false, 3],
  [true, 4],
])(
  'a change that got no answer is taken back, and once more if it lands later (%s)',
  async (landsLater, all) => {
    let isDue = landsLater;
    const { bound, changes, error, took } = await bind((line, count, { sent, world }) => {
      // The second attempt is refused, and says nothing of the first one.
      if (line === PATCH && count < 3) return count === 1 ? 'dropped' : { status: 403 };
      const isTakenBack = sent.filter((one) => one === PATCH).length === 3;
      if (line === 'GET client' && isTakenBack && isDue) {
        isDue = false;
        world.admin(BOUND);
      }
      return undefined;
    });
    expect([error?.code, changes, bound]).toEqual(['AUTH0_FORBIDDEN', all, false]);
    expect(took).toBeGreaterThanOrEqual(60_000);
  },
);

it('a change that Auth0 never shows fails, and is taken back although it is not shown', async () => {
  let before: { status: number; body: string } | undefined;
  const { bound, changes, error } = await bind((line, _, { world }) => {
    const read = () =>
      world.tenant.handle({
        method: 'GET',
        path: `/api/v2/clients/${world.clientId}`,
        headers: { authorization: 'Bearer management-token' },
        body: '',
      });
    if (line === PATCH) before ??= read();
    return line === 'GET client' ? before : undefined;
  });
  expect([error?.code, changes, bound]).toEqual(['AUTH0_REQUEST_FAILED', 2, false]);
  expect(error?.failed).toContain('does not show it (required)');
});
