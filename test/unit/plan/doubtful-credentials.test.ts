/** What the primary may hold in place of current-credential: newer ones made by hand that existed when it was written. */

import { describe, expect, it } from 'vitest';
import { UNCERTAINTY } from '../../../src/model/timing.ts';
import { adviceOnUnshownHolder, dated, whatPrimaryMayHold } from '../../../src/plan/doubtful-credentials.ts';
import { PlanBuilder } from '../../../src/plan/plan-builder.ts';
import { by, Days, hand, ours, SHOP } from '../../support/days.ts';
import { DAY, type DesiredChanges, desired, type StateSeed, state } from '../../support/states.ts';

const MINUTES = 60_000;

function doubted(seed: StateSeed, changes: DesiredChanges = { current: 'a' }) {
  const wanted = desired(changes);
  const builder = new PlanBuilder(wanted, state(wanted, seed));
  const byHand = builder.pool.filter((c) => builder.owners.isUnmarked(c));
  const { advice, doubtful } = whatPrimaryMayHold(builder, byHand);
  return { advice, ids: doubtful.map(({ id }) => id) };
}
const pool = (age: number): StateSeed => ({
  credentials: [
    { id: 'a', age: 600 },
    { id: 'h', age, by: 'hand' },
  ],
  written: [599],
});

describe('the primary may hold one made by hand', () => {
  it.each<[string, number, string[]]>([
    ['between the two', 599.5, ['h']],
    ['when the secret was written, as far as the clocks show', 599 - UNCERTAINTY / MINUTES, ['h']],
    ['later', 599 - (UNCERTAINTY + 1) / MINUTES, []],
    ['before current-credential', 601, []],
  ])('made %s', (_, age, ids) => {
    expect(doubted(pool(age)).ids).toEqual(ids);
    expect(doubted(pool(age)).advice === undefined).toBe(ids.length === 0);
  });

  it('and the advice says how to find out, and never a line that releases it', () => {
    const { advice } = doubted(pool(599.5));
    expect(advice).toMatch(
      /^current-credential is a, but repo:acme\/shop PEM was written when h of 2026-11-24 existed, and may hold that instead\. Check that the line reads `current-credential: \$\{\{ secrets\.PEM \}\}`, .* put its id into removable-credentials\.$/,
    );
  });

  it.each<[string, DesiredChanges, StateSeed]>([
    ['current-credential is not passed', {}, pool(599.5)],
    ['Auth0 does not know current-credential', { current: 'stranger' }, pool(599.5)],
    ['the secret is missing', { current: 'a' }, { ...pool(599.5), written: [] }],
    ['the secret was not read', { current: 'a' }, { ...pool(599.5), written: ['unread'] }],
  ])('nothing shows that if %s', (_, changes, seed) => {
    expect(doubted(seed, changes)).toEqual({ advice: undefined, ids: [] });
  });

  it('several are named with their days', () => {
    const { pool: two } = state(desired(), {
      credentials: [
        { id: 'g', age: 0 },
        { id: 'h', age: (3 * DAY) / MINUTES },
      ],
    });
    expect(dated(two)).toBe('g of 2026-11-24, h of 2026-11-21');
  });
});

describe('a place that GitHub does not show may hold one', () => {
  const OLD = 'repo:acme/old';
  const LIVE = 'env:acme/shop/live';
  const advice = async (hidden: string | undefined, changes: Parameters<Days['desired']>[0] = {}) => {
    const records = [ours('p', 60, { owner: `${OLD}#PEM` }), hand('h', 10)];
    const world = new Days(records, { [SHOP]: by('h', 10), [LIVE]: by('h', 10) });
    if (hidden) world.hidden.add(`${hidden} PEM`);
    const wanted = world.desired({ destinations: [SHOP, LIVE], ...changes });
    return adviceOnUnshownHolder(new PlanBuilder(wanted, await world.observed(wanted)));
  };

  it('a destination: why it is not shown, and how to take it out', async () => {
    expect(await advice(LIVE)).toMatch(
      /^env:acme\/shop\/live PEM may hold a credential of this client\. GitHub does not show .* Or, if nobody reads it, take env:acme\/shop\/live out of destinations\.$/,
    );
  });

  it('a former destination: the line that releases what it may hold', async () => {
    const movedFrom = [
      { destination: { kind: 'repo', owner: 'acme', repo: 'old' } as const, secretName: undefined },
    ];
    expect(await advice(OLD, { movedFrom })).toMatch(
      /^repo:acme\/old PEM may hold h or p: .* Or, if nobody reads it there any more, /,
    );
  });

  it('there is none', async () => {
    expect(await advice(undefined)).toBeUndefined();
  });
});
