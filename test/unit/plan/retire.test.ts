/** What the plan tells of a credential that `retire: when-unused` keeps or ends, and what it asks the tenant logs. */

import { describe, expect, it } from 'vitest';
import { printNote } from '../../../src/model/note.ts';
import { describeStep } from '../../../src/model/step.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  DAY,
  type DesiredChanges,
  desired,
  MINUTE,
  NOW,
  type StateSeed,
  state,
  type UsageSeed,
} from '../../support/states.ts';

const DAYS = 24 * 60;
const settled = {
  credentials: [
    { id: 'p', age: 70 * DAYS },
    { id: 'a', age: 10 * DAYS },
  ],
  written: [10 * DAYS - 1],
};
const login = { id: 'a', age: 60 };

function decide(usage?: UsageSeed, changes: DesiredChanges = {}, exact: { currentKey?: undefined } = {}) {
  const wanted = { ...desired({ quietWindow: 7 * DAY, current: 'a', ...changes }), ...exact };
  return plan(wanted, state(wanted, { ...settled, ...(usage ? { usage } : {}) }));
}

describe('why what is not needed any more goes', () => {
  const current = { id: 'a', age: 10 * DAYS };
  const removable = { removableCredentials: new Set(['k']) };
  const last = (changes: DesiredChanges, credentials: NonNullable<StateSeed['credentials']>) => {
    const wanted = desired(changes);
    const { steps } = plan(wanted, state(wanted, { credentials, written: [10 * DAYS - 1] }));
    return steps.map((step) => describeStep(step)).at(-1);
  };

  it.each<[string, DesiredChanges, NonNullable<StateSeed['credentials']>]>([
    [
      'its method is no longer used',
      {},
      [{ id: 'k', age: 70 * DAYS, type: 'public_key', associated: false }, current],
    ],
    [
      'its successor is delivered everywhere',
      removable,
      [{ id: 'k', age: 70 * DAYS, by: 'hand', associated: false }, current],
    ],
    [
      'removable-credentials names it',
      removable,
      [{ id: 'k', age: 5 * DAYS, by: 'hand', associated: false }, current],
    ],
    [
      'removable-credentials names it',
      { ...removable, current: 'k', force: true, overlap: 0 },
      [{ id: 'k', age: 10 * DAYS, by: 'hand' }],
    ],
  ])('%s', (why, changes, credentials) => {
    expect(last(changes, credentials)).toBe(`Delete k since ${why}`);
  });
});

describe('the note', () => {
  it.each<[string, UsageSeed | undefined, DesiredChanges, RegExp]>([
    ['not read', undefined, {}, /^Credential p stays associated until the tenant logs have been read\.$/],
    [
      'associated',
      { uses: [login, { id: 'p', age: 3 }] },
      {},
      /stays associated because the tenant logs show that it is STILL IN USE: `192.0.2.1` \(`agent`\), last at 2026-11-24T11:57/,
    ],
    ['window', { uses: [login] }, { quietWindow: 11 * DAY }, /until 2026-11-25T12:01:03.000Z at least/],
    [
      'retention',
      { since: DAYS, uses: [login] },
      {},
      /are complete only from 2026-11-23T12.* quiet-window begins at 2026-11-17T12/,
    ],
    ['nobody', {}, {}, /no login with its successor a after 2026-11-17.* except by this action/],
    ['no endpoint', { upTo: 'no endpoint', uses: [login] }, {}, /no mTLS token endpoint was found\.$/],
    [
      'refused',
      { upTo: 'refused', uses: [login] },
      {},
      /^WARNING: .*and the current certificate got no token\.$/,
    ],
    [
      'late',
      { upTo: 'late', uses: [login] },
      {},
      /did not appear in them in time\. The next run tries again\.$/,
    ],
    [
      'proven',
      { uses: [login] },
      {},
      /^The tenant logs prove that credential p is unused: from 2026-11-17T12.* to 2026-11-24T12.* logins with its successor by `192/,
    ],
  ])('%s', (_, usage, changes, words) => {
    const notes = decide(usage, changes)
      .notes.map(printNote)
      .filter((note) => !/^The next rotation|^The first run/.test(note));
    expect(notes).toEqual([expect.stringMatching(words)]);
  });

  it('asks for current-credential, without which no token request of this run is possible', () => {
    const decided = decide({ upTo: 'not asked', uses: [login] }, {}, { currentKey: undefined });
    expect([
      decided.logQuestion,
      decided.notes.map(printNote).filter((note) => !/^The next rotation|^The first run/.test(note)),
    ]).toEqual([undefined, [expect.stringMatching(/: pass current-credential\.$/)]]);
  });

  it('names five users at most, each once, the latest first', () => {
    const ages = [50, 40, 30, 20, 10, 5, 1, 2, 3];
    const uses = ages.map((age, index) => ({ id: 'p', age, ip: `192.0.2.${index % 7}` }));
    const [note = ''] = decide({ uses })
      .notes.map(printNote)
      .filter((note) => !/^The next rotation|^The first run/.test(note));
    const named = [...note.matchAll(/`192\.0\.2\.(\d)`/g)].map(([, last]) => last);
    expect([named, note.endsWith('; and 2 more.')]).toEqual([['6', '0', '1', '5', '4'], true]);
    expect(note).toContain(`\`192.0.2.0\` (\`agent\`), last at ${new Date(NOW - 2 * MINUTE).toISOString()}`);
  });
});

describe('the logs are asked', () => {
  const from = NOW - 7 * DAY;

  it('from the window on, and only if something may go', () => {
    expect(decide().logQuestion).toEqual({ since: from, upToDate: false });
    expect(decide(undefined, { keep: ['p'] }).logQuestion).toBeUndefined();
    expect(decide(undefined, { quietWindow: undefined }).logQuestion).toBeUndefined();
    expect(decide(undefined, { overlap: 30 * DAY }).logQuestion).toBeUndefined();
  });

  it('not from before the delivery of the successor', () => {
    const delivered = NOW - (10 * DAYS - 1) * MINUTE;
    expect(decide(undefined, { quietWindow: 20 * DAY }).logQuestion?.since).toBe(delivered + 3_000);
  });

  it('whether they are up to date, once nothing else is missing', () => {
    expect(decide({ upTo: 'not asked', uses: [login] }).logQuestion).toEqual({ since: from, upToDate: true });
    expect(decide({ upTo: 'not asked' }).logQuestion).toBeUndefined();
    expect(decide({ upTo: 'late', uses: [login] }).logQuestion).toBeUndefined();
  });

  it('who still uses what a rotation removes', () => {
    expect(decide(undefined, { force: true }).logQuestion).toEqual({ since: from, upToDate: false });
    const notes = decide({ uses: [{ id: 'p', age: 3 }] }, { force: true })
      .notes.map(printNote)
      .filter((note) => !/^The next rotation|^The first run/.test(note));
    expect(notes).toEqual([
      expect.stringMatching(
        /^WARNING: Credential p is removed for this rotation .* `192\.0\.2\.1` \(`agent`\)/,
      ),
    ]);
  });
});
