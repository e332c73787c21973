/** The job reads another secret than the primary's, in each new run: the message names what ends that, and that ends it. */

import { describe, expect, it } from 'vitest';
import { parseDestination } from '../../../src/model/secret-location.ts';
import { by, type Day, Days, ours, SHOP } from '../../support/days.ts';

const OPS = 'repo:acme/ops';
const ENV = 'env:acme/shop/production';
const BILLING = 'repo:acme/billing';
const ORG = 'org:acme';
const movedFrom = (text: string) => ({ destination: parseDestination(text) as never, secretName: undefined });

/** What `secrets.PEM` is in a job that sees these places. */
function seen(world: Days, places: readonly string[]): string {
  const place = places.find((one) => world.secrets.has(`${one} PEM`));
  return world.secrets.get(`${place} PEM`)?.holds ?? 'none';
}

async function days(
  world: Days,
  count: number,
  job: readonly string[],
  changes: Parameters<Days['day']>[0],
): Promise<Day[]> {
  const all: Day[] = [];
  for (let index = 1; index <= count; index += 1) {
    const day = await world.day({ ...changes, current: seen(world, job) });
    expect(day.lockedOut, `day ${index}: ${day.notes}`).toEqual([]);
    all.push(day);
  }
  return all;
}

const outcomes = (all: readonly Day[]) => all.map(({ error, reason }) => error?.code ?? reason);
const STALE = ['STALE_CREDENTIAL', 'STALE_CREDENTIAL'];

/** Nothing is due for a while, then one rotation. */
async function expectLife(world: Days, job: readonly string[], changes: Parameters<Days['day']>[0]) {
  expect(outcomes(await days(world, 2, job, changes))).toEqual(['NotDue', 'NotDue']);
  const due = await days(world.pass(60), 3, job, changes);
  expect(due.filter(({ rotated }) => rotated).length, outcomes(due).join()).toBe(1);
  expect(due.every(({ error }) => error === undefined)).toBe(true);
  for (const place of world.secrets.keys()) expect(world.works(place), place).toBe(true);
}

describe('from the environment to the repository, and the job still names the environment', () => {
  const moved = async () => {
    const world = new Days([ours('p', 10, { owner: `${ENV}#PEM` })], { [ENV]: by('p', 10) });
    const [first] = await days(world, 1, [ENV, SHOP], {});
    expect(first).toMatchObject({ rotated: true, error: undefined });
    const stale = await days(world, 2, [ENV, SHOP], {});
    expect(outcomes(stale)).toEqual(STALE);
    expect(stale[1]?.message).toContain(
      `Perhaps this job reads ${ENV} PEM, which hides ${SHOP} PEM. If so, delete PEM in ${ENV}, so that its readers read ${SHOP}, or take the line \`environment: production\` out of the job.`,
    );
    return world;
  };

  it('that secret is deleted', async () => {
    const world = await moved();
    world.secrets.delete(`${ENV} PEM`);
    await expectLife(world, [ENV, SHOP], {});
  });

  it('the job names no environment', async () => {
    const world = await moved();
    expect(outcomes(await days(world, 2, [SHOP], {}))).toEqual(['NotDue', 'NotDue']);
    expect([world.works(ENV), world.works(SHOP)]).toEqual([true, true]);
  });

  it('its parts are secrets, too', async () => {
    const world = new Days([ours('p', 10, { owner: `${ENV}#PEM` })], { [ENV]: by('p', 10) });
    const parts = { privateKeySecretName: 'KEY', certificateSecretName: 'CERT' };
    const all = await days(world, 2, [ENV, SHOP], parts);
    expect(all[1]?.message).toContain(`delete PEM, KEY, CERT in ${ENV}`);
  });
});

it('from the repository to the organization, and the repository still hides it', async () => {
  const world = new Days([ours('p', 10)], { [SHOP]: by('p', 10) });
  const moved = { destinations: [ORG], movedFrom: [movedFrom(SHOP)] };
  const all = await days(world, 3, [SHOP, ORG], moved);
  expect(outcomes(all)).toEqual(['FirstDelivery', ...STALE]);
  expect(all[2]?.message).toContain(
    `which hides ${ORG} PEM. If so, give its repository access to ${ORG} PEM, then delete PEM in ${SHOP}`,
  );
  world.secrets.delete(`${SHOP} PEM`);
  await expectLife(world, [SHOP, ORG], moved);
});

describe('the repository of the job is not the first destination, and its delivery has failed', () => {
  const both = { destinations: [BILLING, SHOP] };
  const owner = `${BILLING}#PEM`;

  it.each([['it can be the first', [ours('p', 70, { owner }), ours('c', 10, { owner })]]])(
    '%s',
    async (_, records) => {
      const world = new Days(records, { [BILLING]: by('c', 10), [SHOP]: by('p', 70) });
      const stale = await days(world, 2, [SHOP], both);
      expect(outcomes(stale)).toEqual(STALE);
      expect(stale[1]?.message).toContain(
        `Perhaps this job reads ${SHOP} PEM. If so, put ${SHOP} first in destinations.`,
      );
      const reordered = { destinations: [SHOP, BILLING] };
      const followed = await days(world, 3, [SHOP], reordered);
      expect(
        followed.every(({ error }) => error === undefined),
        outcomes(followed).join(),
      ).toBe(true);
      const due = await days(world.pass(70), 3, [SHOP], reordered);
      expect(
        due.every(({ error }) => error === undefined),
        outcomes(due).join(),
      ).toBe(true);
      expect([world.works(SHOP), world.works(BILLING)]).toEqual([true, true]);
    },
  );

  it('it was the first before, so it cannot be again: without the line it ends, and the plan names the interruption', async () => {
    const world = new Days([ours('p', 70), ours('c', 10, { owner })], {
      [BILLING]: by('c', 10),
      [SHOP]: by('p', 70),
    });
    const stale = await days(world, 2, [SHOP], both);
    expect(outcomes(stale)).toEqual(STALE);
    expect(stale[1]?.message).toContain('take the line current-credential out, since the job cannot read');
    const day = await world.day({ ...both, current: 'none' });
    expect([day.error, day.lockedOut]).toEqual([undefined, [`${BILLING} PEM`]]);
    expect(day.notes).toContain(`INTERRUPTION: The consumers of ${BILLING} PEM cannot log in`);
    expect(outcomes([await world.day({ ...both, current: 'none' })])).toEqual(['NotDue']);
    expect([world.works(SHOP), world.works(BILLING)]).toEqual([true, true]);
  });
});

describe('the primary is the secret of an environment that the job does not name', () => {
  it.each([
    ['none', SHOP],
    ['another', 'env:acme/shop/staging'],
  ])('%s: it is to name it', async (_, read) => {
    const world = new Days([ours('p', 10, { owner: `${read}#PEM` })], { [read]: by('p', 10) });
    const moved = { destinations: [ENV] };
    const all = await days(world, 3, [read], moved);
    expect(outcomes(all)).toEqual(['FirstDelivery', ...STALE]);
    expect(all[2]?.message).toContain(
      `Perhaps this job reads ${read} PEM. If so, write \`environment: production\` into the job.`,
    );
    expect(outcomes(await days(world, 2, [ENV], moved))).toEqual(['NotDue', 'NotDue']);
  });
});

it('the workflow has moved to a repository whose secret the job cannot read', async () => {
  const world = new Days([ours('p', 10)], { [SHOP]: by('p', 10) });
  const moved = { destinations: [OPS], movedFrom: [movedFrom(SHOP)] };
  const all = await days(world, 3, [SHOP], moved);
  expect(outcomes(all)).toEqual(['FirstDelivery', ...STALE]);
  expect(all[2]?.message).toContain(
    `take the line current-credential out, since the job cannot read ${OPS} PEM`,
  );
  expect((await world.day({ ...moved, current: 'none' })).reason).toBe('NotDue');
});

it('nothing else holds it: only the rule is named', async () => {
  const world = new Days([ours('p', 70), ours('c', 10)], { [SHOP]: by('c', 10) });
  const day = await world.day({ current: 'p' });
  expect(day.message).toContain('an environment secret hides the repository secret of the same name');
  expect(day.message).not.toContain('Perhaps');
});
