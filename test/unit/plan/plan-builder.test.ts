/** What the builder of a plan says of each credential: whether it may go, when, and why it stays; and what it asks. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import type { Credential, ObservedState } from '../../../src/model/observed-state.ts';
import { ISSUED } from '../../../src/model/step.ts';
import { NOTICE_PERIOD } from '../../../src/model/timing.ts';
import { overlapEnd, overlapOf, supersededAt } from '../../../src/plan/overlap.ts';
import { PlanBuilder } from '../../../src/plan/plan-builder.ts';
import { by, Days, ours, SHOP } from '../../support/days.ts';
import { notation } from '../../support/notation.ts';
import {
  DAY,
  type DesiredChanges,
  desired,
  HOUR,
  MINUTE,
  NOW,
  type StateSeed,
  state,
} from '../../support/states.ts';

const LIVE = 'env:acme/shop/live';
const builderOf = (seed: StateSeed, changes: DesiredChanges = {}, more: Partial<ObservedState> = {}) => {
  const wanted = desired(changes);
  return new PlanBuilder(wanted, { ...state(wanted, seed), ...more });
};
const get = (builder: PlanBuilder, id: string): Credential => {
  const found = builder.pool.find((one) => one.id === id);
  if (!found) throw new Error(id);
  return found;
};
const ids = (list: readonly Credential[]) => list.map(({ id }) => id);

describe('a credential has certainly expired', () => {
  it.each([
    [-HOUR, true],
    [-HOUR + 1, false],
    [HOUR, false],
  ])('%i ms from now: %s', (expiresIn, is) => {
    const builder = builderOf({ credentials: [{ id: 'a', age: 60, expiresIn }] });
    expect(builder.isCertainlyExpired(get(builder, 'a'))).toBe(is);
  });

  it('not if it has no expiry, nor one of another type', () => {
    const builder = builderOf({ credentials: [{ id: 'k', age: 60, expiresIn: -DAY, type: 'public_key' }] });
    const [key] = builder.pool as [Credential];
    expect(builder.isCertainlyExpired(key)).toBe(false);
    expect(builder.isCertainlyExpired({ ...key, type: 'x509_cert' })).toBe(true);
    expect(builder.isCertainlyExpired({ ...key, type: 'x509_cert', expiresAt: undefined })).toBe(false);
  });
});

describe('removable-credentials', () => {
  it('names only one of the type in use', () => {
    const removable = { removableCredentials: new Set(['k', 'h']) };
    const builder = builderOf(
      {
        credentials: [
          { id: 'k', age: 60, by: 'hand', type: 'public_key' },
          { id: 'h', age: 60, by: 'hand' },
        ],
      },
      removable,
    );
    expect(ids(builder.pool.filter((c) => builder.isDeclaredUnused(c)))).toEqual(['h']);
    expect(builder.isProtected(get(builder, 'k'))).toBe(true);
  });
});

describe('the notice of one made by hand', () => {
  /** A successor of ours, delivered this long ago. */
  const succeeded = (delivered: number, changes: DesiredChanges = {}) =>
    builderOf(
      {
        credentials: [
          { id: 'h', age: 60 * 24 * 60, by: 'hand' },
          { id: 'c', age: delivered / MINUTE + 0.1 },
        ],
        written: [delivered / MINUTE],
      },
      changes,
    );

  it.each([
    [NOTICE_PERIOD, true],
    [NOTICE_PERIOD - 1, false],
  ])('%i ms after the delivery of its successor: over %s', (delivered, isOver) => {
    const builder = succeeded(delivered);
    expect(builder.isNoticeOver(get(builder, 'h'))).toBe(isOver);
    expect(ids(builder.dueForRemoval)).toEqual(isOver ? ['h'] : []);
  });

  it('is waived if the pair in use expires first, or at the same time', () => {
    const builder = succeeded(HOUR);
    const until = NOW - HOUR + NOTICE_PERIOD;
    expect(builder.isNoticeOver(get(builder, 'h'), until)).toBe(true);
    expect(builder.isNoticeOver(get(builder, 'h'), until + 1)).toBe(false);
    const endless = { ...builder.inUse, expiresAt: undefined };
    expect(Object.assign(builder, { inUse: endless }).isNoticeOver(get(builder, 'h'))).toBe(false);
  });

  it('is waived by revoke and by removable-credentials, and ours has none', () => {
    for (const changes of [{ revoke: true }, { removableCredentials: new Set(['h']) }]) {
      const builder = succeeded(HOUR, changes);
      expect(builder.isNoticeOver(get(builder, 'h'))).toBe(true);
    }
    const builder = succeeded(HOUR);
    expect(builder.isNoticeOver(get(builder, 'c'))).toBe(true);
  });

  it('begins with the successor, and the overlap is no shorter', () => {
    const builder = succeeded(HOUR, { overlap: 0 });
    const h = get(builder, 'h');
    expect([supersededAt(builder, h), overlapOf(builder, h)]).toEqual([NOW - HOUR, NOTICE_PERIOD]);
    expect(overlapEnd(builder, h)).toBe(NOW - HOUR + NOTICE_PERIOD);
    expect(overlapOf(builder, get(builder, 'c'))).toBe(0);
    expect(overlapEnd(builder, get(builder, 'c'))).toBe(Number.POSITIVE_INFINITY);
    const long = succeeded(HOUR, { overlap: 2 * NOTICE_PERIOD });
    expect(overlapOf(long, get(long, 'h'))).toBe(2 * NOTICE_PERIOD);
  });
});

describe('why a credential stays', () => {
  const why = (id: string, seed: StateSeed, changes: DesiredChanges = {}) => {
    const builder = builderOf(seed, changes);
    return builder.whyKept(get(builder, id));
  };
  const one = (more: Partial<NonNullable<StateSeed['credentials']>[number]> = {}): StateSeed => ({
    credentials: [{ id: 'a', age: 60, ...more }],
  });

  it.each<[string, StateSeed, DesiredChanges]>([
    ['made for repo:acme/other#PEM by run 3.1', one({ by: 'another workflow' }), {}],
    ['in keep-credentials', one(), { keep: ['a'] }],
    ['a record that this version cannot read', one({ type: 'unknown' }), {}],
    ['consumers log in with it by private_key_jwt', { ...one(), method: 'private_key_jwt' }, {}],
    ['not associated with this method', one({ associated: false, by: 'hand' }), {}],
    ['held by repo:acme/shop PEM', { ...one(), written: [59.9] }, {}],
    [
      'held by repo:acme/shop PEM, and not associated',
      { ...one({ associated: false }), written: [59.9] },
      {},
    ],
    [
      'perhaps held by repo:acme/shop PEM',
      {
        credentials: [
          { id: 'a', age: 60 },
          { id: 'b', age: 90 },
        ],
        written: [5],
      },
      {},
    ],
    ['made by this workflow', one(), {}],
    ['made by hand, in use until its successor is delivered', one({ by: 'hand' }), {}],
    [
      'made by hand, and its successor is delivered',
      {
        credentials: [
          { id: 'a', age: 90, by: 'hand' },
          { id: 'c', age: 60 },
        ],
        written: [59.9],
      },
      {},
    ],
  ])('%s', (text, seed, changes) => {
    expect(why('a', seed, changes)).toBe(text);
  });

  it('where this workflow delivered before, whether GitHub shows that or not', async () => {
    const OLD = 'repo:acme/old';
    const movedFrom = [
      { destination: { kind: 'repo', owner: 'acme', repo: 'old' } as const, secretName: undefined },
    ];
    const world = new Days([ours('p', 40, { owner: `${OLD}#PEM` }), ours('c', 10)], {
      [OLD]: by('p', 40),
      [SHOP]: by('c', 10),
    });
    const wanted = world.desired({ movedFrom });
    const kept = async () => {
      const builder = new PlanBuilder(wanted, await world.observed(wanted));
      return builder.whyKept(get(builder, 'p'));
    };
    expect(await kept()).toBe('held by repo:acme/old PEM, where this workflow delivered before');
    world.hidden.add(`${OLD} PEM`);
    expect(await kept()).toBe('perhaps held by repo:acme/old PEM, where this workflow delivered before');
  });
});

describe('what the builder starts with', () => {
  it('the pool, oldest first', () => {
    const builder = builderOf({
      credentials: [
        { id: 'b', age: 5 },
        { id: 'c', age: 1 },
        { id: 'a', age: 9 },
      ],
    });
    expect(ids(builder.pool)).toEqual(['a', 'b', 'c']);
  });

  const notes = (seed: StateSeed, changes: DesiredChanges) =>
    builderOf(seed, changes).notes.map(({ severity, text }) => `${severity}: ${text.slice(0, 40)}`);
  const stranger = { current: 'stranger' };
  const used: StateSeed = { credentials: [{ id: 'a', age: 60 }], written: [59.9] };

  it('a warning if Auth0 does not know current-credential', () => {
    const told = ['interruption: current-credential holds a certificate o'];
    expect(notes({ ...used, written: [30] }, stranger)).toEqual(told);
    expect(notes({ ...used, written: [30] }, { ...stranger, operation: 'revert' })).toEqual([]);
    expect(notes({ ...used, method: 'nothing' }, stranger)).toEqual([]);
    // A run has delivered since.
    expect(notes(used, stranger)).toEqual([]);
    expect(notes(used, { current: 'a' })).toEqual([]);
  });

  it('a notice if the secrets were not read, and none if GitHub refuses to show one', () => {
    expect(notes({ ...used, written: ['unread'] }, {})).toEqual([
      'notice: The secrets in GitHub were not read, sin',
    ]);
    const hidden = builderOf({ ...used, written: ['unread'] }, {});
    const secrets = hidden.observed.secrets.map((secret) => ({
      ...secret,
      refused: new RotationError('DESTINATION_NOT_FOUND', { failed: '', remedy: '' }),
    }));
    expect(builderOf(used, {}, { secrets }).notes).toEqual([]);
  });
});

describe('what the builder asks', () => {
  const [primary, other] = secretLocations(desired({ destinations: [SHOP, LIVE] }));

  it('each location once whether it takes a write, and none that is left out', () => {
    if (!primary || !other) throw new Error('two locations');
    const open = builderOf({}, { destinations: [SHOP, LIVE] });
    open.requestProbes([primary]);
    open.requestProbes([primary, other]);
    expect(open.probes).toEqual([primary, other]);
    const error = new RotationError('SECRET_EXISTS', { failed: '', remedy: '' });
    const out = builderOf(
      {},
      { destinations: [SHOP, LIVE] },
      { leftOut: [{ location: `${LIVE} PEM`, error }] },
    );
    out.requestProbes([primary, other]);
    expect(out.probes).toEqual([primary]);
    const answered = builderOf({}, { destinations: [SHOP, LIVE] }, { refusedTrials: [] });
    answered.requestProbes([primary, other]);
    expect(answered.probes).toEqual([]);
  });

  it('the logs, from the earliest time that anything depends on', () => {
    const builder = builderOf({});
    for (const since of [5, 3, 9]) builder.askLogs(since);
    expect(builder.logQuestion).toEqual({ since: 3, upToDate: false });
  });

  it('that Auth0 shows what was added, and not what was removed', () => {
    const builder = builderOf({ credentials: [{ id: 'a', age: 60 }] });
    builder.associate(['a', ISSUED], 'add');
    builder.associate([ISSUED], 'retire');
    expect(builder.steps.map((step) => 'confirm' in step && step.confirm)).toEqual([true, false]);
    expect(notation(builder.steps)).toBe('~[a,(issued)] ~[(issued)]');
    expect(builder.rotates).toBe(false);
    if (primary)
      builder.steps.push({ kind: 'store-secret', location: primary, source: 'current-credential' });
    expect(builder.rotates).toBe(false);
    if (primary) builder.steps.push({ kind: 'store-secret', location: primary, source: 'issued' });
    expect(builder.rotates).toBe(true);
  });
});
