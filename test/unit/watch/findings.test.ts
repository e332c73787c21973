/** What a watch finds in a state: one row for each finding, and what is none. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import type { DesiredState } from '../../../src/model/desired-state.ts';
import { type Finding, findingOf } from '../../../src/model/finding.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import { parseDestination } from '../../../src/model/secret-location.ts';
import { credentialsInUse } from '../../../src/plan/in-use.ts';
import { plan, refusalOfNext } from '../../../src/plan/plan.ts';
import { assess, isAtWork, type RefusedRotation } from '../../../src/watch/findings.ts';
import { shadowFindings, workflowFindings } from '../../../src/watch/github-findings.ts';
import { lifetimeOf } from '../../../src/watch/lifetime.ts';
import { Days, ours, SHOP } from '../../support/days.ts';
import {
  type CredentialSeed,
  DAY,
  type DesiredChanges,
  desired,
  type StateSeed,
  state,
} from '../../support/states.ts';

const DAYS = 24 * 60;
/** Ours, made and delivered ten days ago; it lives for 60 more days. */
const current: CredentialSeed = { id: 'a', age: 10 * DAYS };
const settled: StateSeed = { credentials: [current], written: [10 * DAYS - 1] };
const expiring = (inDays: number): StateSeed => ({
  credentials: [{ id: 'a', age: (90 - inDays) * DAYS, expiresIn: inDays * DAY }],
  written: [(90 - inDays) * DAYS - 1],
});
const beside = (...more: CredentialSeed[]): StateSeed => ({ ...settled, credentials: [current, ...more] });

/** As a watch asks for it. */
function refusal(changes: DesiredChanges, seed: StateSeed): RefusedRotation | undefined {
  const observed = state(desired(changes), seed);
  try {
    plan(desired(changes), observed);
    const error = refusalOfNext(desired(changes), observed);
    return error && { error, isActual: false };
  } catch (error) {
    return { error: error as RotationError, isActual: true };
  }
}

const found = (changes: DesiredChanges, seed: StateSeed) =>
  assess(desired(changes), state(desired(changes), seed), refusal(changes, seed));
const keys = (changes: DesiredChanges, seed: StateSeed) =>
  found(changes, seed).map(({ key, severity }) => `${severity} ${key}`);

describe('nothing is found', () => {
  it.each<[string, DesiredChanges, StateSeed]>([
    ['settled', {}, settled],
    ['settled, with current-credential', { current: 'a' }, settled],
    ['a third of its life is left, and the rotation is due since yesterday', {}, expiring(29)],
    ['the previous one waits for the next rotation', {}, beside({ id: 'b', age: 70 * DAYS })],
    ['foreign, and named', { keep: ['x'] }, beside({ id: 'x', age: 1, by: 'hand', associated: false })],
    [
      "another workflow's, and named",
      { keep: ['x'] },
      beside({ id: 'x', age: 1, by: 'another workflow', associated: false }),
    ],
    [
      'two destinations that hold the same',
      { destinations: ['repo:acme/shop', 'repo:acme/b'] },
      { ...settled, written: [10 * DAYS - 1, 10 * DAYS - 2] },
    ],
    ['tokens are bound as wished', { tokenBinding: 'required' }, { ...settled, bound: true }],
    ['tokens are bound, and nobody has a wish', {}, { ...settled, bound: true }],
  ])('%s', (_, changes, seed) => {
    expect(keys(changes, seed)).toEqual([]);
  });
});

const TWO = { destinations: ['repo:acme/shop', 'repo:acme/b'] };
const FULL = beside({ id: 'x', age: 5 * DAYS, by: 'another workflow' });

const FINDINGS: [string, DesiredChanges, StateSeed, string[]][] = [
  [
    'less than a third, and nobody rotates',
    {},
    expiring(27),
    ['warning CertificateExpiring', 'warning RotationOverdue'],
  ],
  [
    'less than a third, by renew-before-days',
    { renewBeforeDays: 10 },
    expiring(25),
    ['warning CertificateExpiring'],
  ],
  ['more than a third, and overdue', { renewBeforeDays: 60 }, expiring(50), ['warning RotationOverdue']],
  ['less than a tenth', {}, expiring(8), ['failure CertificateExpiring', 'warning RotationOverdue']],
  ['less than a tenth, due today', { renewBeforeDays: 8 }, expiring(8), ['failure CertificateExpiring']],
  ['expired', {}, expiring(-1), ['failure CertificateExpired', 'warning RotationOverdue']],
  [
    'nobody knows when it expires',
    { method: 'tls_client_auth', subject: 'identity-a' },
    { ...settled, written: ['unread'] },
    ['warning ExpiryUnknown', 'warning SecretsUnread'],
  ],
  [
    'no date is recorded of a key that was made by hand',
    { method: 'private_key_jwt' },
    {
      credentials: [{ id: 'a', age: 10 * DAYS, by: 'hand', expiresIn: 'unrecorded' }],
      written: [10 * DAYS - 1],
    },
    ['failure RotationRefused', 'warning ExpiryUnknown', 'warning DeliveryUnclear'],
  ],
  ['GitHub was not asked', {}, { ...settled, written: ['unread'] }, ['warning SecretsUnread']],
  ['abandoned', {}, beside({ id: 'b', age: 16 }), ['warning Orphan b']],
  [
    'abandoned before it was associated',
    {},
    beside({ id: 'b', age: 16, associated: false }),
    ['warning Orphan b'],
  ],
  [
    'retired, and never deleted',
    {},
    beside({ id: 'b', age: 70 * DAYS, associated: false }),
    ['warning Orphan b'],
  ],
  [
    'made by hand, replaced, and taken out by a person',
    {},
    {
      credentials: [
        { ...current, after: 'h' },
        { id: 'h', age: 50 * DAYS, by: 'hand', associated: false },
      ],
      written: [10 * DAYS - 1],
    },
    ['warning Orphan h'],
  ],
  [
    'left behind by another method',
    {},
    beside({ id: 'b', age: 70 * DAYS, associated: false, type: 'public_key' }),
    ['warning Orphan b'],
  ],
  ["another workflow's", {}, FULL, ['warning RotationRefused', 'warning OthersCredential x']],
  [
    "another workflow's, not associated",
    {},
    beside({ id: 'x', age: 5, by: 'another workflow', associated: false }),
    ['warning OthersCredential x'],
  ],
  [
    'foreign',
    {},
    beside({ id: 'x', age: 5, by: 'hand', associated: false }),
    ['warning UnknownCredential x'],
  ],
  [
    'associated by somebody after our delivery',
    {},
    beside({ id: 'x', age: 5, by: 'hand' }),
    ['warning RotationRefused', 'warning UnknownCredential x'],
  ],
  [
    'never delivered: what was made by hand is in use',
    {},
    { credentials: [{ id: 'x', age: 5, by: 'hand' }] },
    ['warning NothingDelivered'],
  ],
  [
    'never delivered, and what was made by hand has expired',
    {},
    { credentials: [{ id: 'x', age: 100 * DAYS, by: 'hand', expiresIn: -1 }] },
    ['failure SecretMissing repo:acme/shop PEM'],
  ],
  [
    'never delivered, to two destinations',
    TWO,
    { credentials: [{ id: 'x', age: 5, by: 'hand' }], written: [] },
    ['warning NothingDelivered'],
  ],
  [
    'a destination without the secret',
    TWO,
    { ...settled, written: [10 * DAYS - 1, undefined] },
    ['failure SecretMissing repo:acme/b PEM'],
  ],
  [
    'a destination that holds an older one',
    TWO,
    { credentials: [current, { id: 'b', age: 70 * DAYS }], written: [10 * DAYS - 1, 70 * DAYS - 1] },
    ['warning SecretStale repo:acme/b PEM'],
  ],
  [
    'a destination that holds what is not associated',
    {},
    { ...settled, credentials: [{ ...current, associated: false }] },
    ['failure NotAssociated repo:acme/shop PEM', 'failure NothingAssociated'],
  ],
  [
    'a destination that holds what was deleted',
    { current: 'stranger' },
    settled,
    ['failure RotationRefused', 'failure SecretUnknown repo:acme/shop PEM'],
  ],
  [
    'a secret that was written later than any run has lived',
    {},
    { ...settled, written: [5 * DAYS] },
    ['warning DeliveryUnclear'],
  ],
  [
    'current-credential shows an older one than may have been delivered',
    { current: 'p' },
    {
      credentials: [
        { id: 'p', age: 20 * DAYS },
        { ...current, associated: false },
      ],
      written: [10 * DAYS - 1],
    },
    ['warning DeliveryUnclear', 'warning Orphan a'],
  ],
  [
    'nothing associated',
    {},
    { written: [10] },
    ['failure RotationRefused', 'failure SecretUnknown repo:acme/shop PEM', 'failure NothingAssociated'],
  ],
  ['tokens not bound', { tokenBinding: 'required' }, settled, ['warning TokenBindingDiffers']],
  ['tokens bound', { tokenBinding: 'off' }, { ...settled, bound: true }, ['warning TokenBindingDiffers']],
  [
    'no place for a rotation that is due',
    {},
    {
      ...expiring(29),
      credentials: [...(expiring(29).credentials ?? []), { id: 'x', age: 5, by: 'another workflow' }],
    },
    ['failure RotationRefused', 'warning OthersCredential x'],
  ],
  ['another method', {}, { ...settled, method: 'client_secret_post' }, ['failure RotationRefused']],
];

describe('a finding', () => {
  it.each(FINDINGS)('%s', (_, changes, seed, expected) => {
    expect(keys(changes, seed)).toEqual(expected);
  });

  it('of a missing secret asks for what stores it: the next rotation, or at once the pair at hand', () => {
    const missing = (written: (number | undefined)[]) =>
      found(TWO, { ...settled, written }).find(({ key }) => key.startsWith('SecretMissing'))?.todo;
    expect(missing([undefined, 10 * DAYS - 1])).toMatch(/^Start the rotation workflow\. /);
    expect(missing([10 * DAYS - 1, undefined])).toMatch(
      /^Start the rotation workflow with current-credential/,
    );
  });

  it('of an unknown credential asks first who uses it', () => {
    const unknown = found({}, beside({ id: 'x', age: 5, by: 'hand', associated: false }));
    expect(unknown.map(({ todo }) => todo)).toEqual([
      expect.stringMatching(
        /^Find out what uses it, such as signed_request_object.* If nothing does, delete it.* If something does, name it/,
      ),
    ]);
  });

  it('of one made by hand that ours has replaced names the day on which a run removes it', () => {
    const replaced: CredentialSeed = { id: 'h', age: 70 * DAYS, by: 'hand' };
    const seed = (more: Partial<CredentialSeed> = {}): StateSeed => ({
      credentials: [
        { ...current, after: 'h' },
        { ...replaced, ...more },
      ],
      written: [10 * DAYS - 1],
    });
    const [finding, ...others] = found({}, seed());
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', key: 'ReplacedCredential h' });
    expect(finding?.what).toMatch(
      /^The next rotation, on 2026-12-24, removes `h`, which was made by hand on .*/,
    );
    expect(finding?.todo).toMatch(
      /keep-credentials and move its users before 2026-12-24.*removable-credentials/,
    );
    expect(found({ overlap: 20 * DAY }, seed())[0]?.what).toMatch(
      /^The first run on or after 2026-12-.., when its overlap is over, removes `h`, /,
    );
    const [ends] = found({}, seed({ expiresIn: 5 * DAY }));
    expect(ends?.what).toContain('and expires on 2026-11-29, to make room');
    expect(ends?.todo).toMatch(
      /^Nobody can log in with it from 2026-11-29 on, when it expires\. Move its users .*removable-credentials/,
    );
    expect(keys({}, seed({ expiresIn: -DAY }))).toEqual([]);
    // A rotation is due: its day has passed, and no date is named for it.
    const due: StateSeed = {
      credentials: [
        { id: 'a', age: 65 * DAYS, after: 'h', expiresIn: 25 * DAY },
        { ...replaced, age: 70 * DAYS },
      ],
      written: [65 * DAYS - 1],
    };
    const overdue = found({}, due).find(({ key }) => key === 'ReplacedCredential h');
    expect(overdue?.what).toMatch(/^The next rotation removes `h`/);
    expect(overdue?.todo).toMatch(/move its users before the next rotation:/);
    expect(keys({ removableCredentials: new Set(['h']) }, seed())).toEqual([]);
    expect(keys({ keep: ['h'] }, seed()).join()).not.toContain('ReplacedCredential');
    expect(keys({}, seed({ associated: false })).join()).not.toContain('ReplacedCredential');
  });

  it('of what a secret may hold never says to delete it', () => {
    const held: [DesiredChanges, StateSeed][] = [
      [
        TWO,
        {
          credentials: [current, { id: 'x', age: 70 * DAYS, by: 'hand' }],
          written: [10 * DAYS - 1, 60 * DAYS],
        },
      ],
      [
        { current: 'x' },
        {
          credentials: [
            { id: 'x', age: 70 * DAYS, by: 'hand', associated: false },
            { id: 'g', age: 10 * DAYS, by: 'hand' },
          ],
          written: [60 * DAYS],
        },
      ],
    ];
    for (const [changes, seed] of held) {
      const about = found(changes, seed).filter(({ key }) => key === 'UnknownCredential x');
      expect(about.map(({ todo }) => todo)).toEqual([
        expect.stringMatching(
          /^It is held by .*PEM.* Do not delete it in Auth0 while anybody reads that secret\.$/,
        ),
      ]);
    }
  });

  it('says what is and what to do, in sentences that do not change from day to day', () => {
    const [first] = found({}, expiring(8));
    expect(first).toEqual({
      severity: 'failure',
      key: 'CertificateExpiring',
      what: 'The credential in use has less than a tenth of its validity left. It expires on 2026-12-02.',
      todo: 'Start the rotation workflow now. If it fails, its message says what to do.',
    });
  });

  it('keeps what servers have said inert', () => {
    const seed = FULL;
    const observed = state(desired(), seed);
    const evil = 'auth0-mtls-rotation @acme/all `![](https://evil.example)` <b> run @you';
    const pool = observed.pool.map((c) => (c.id === 'x' ? { ...c, name: evil } : c));
    const [finding] = assess(desired(), { ...observed, pool }, undefined);
    expect(finding?.what).toBe(
      "`x` belongs to another workflow: run `@you` made it for `@acme/all '![](https://evil.example)' <b>`.",
    );
  });
});

describe('a run that is at work', () => {
  it.each<[string, boolean, DesiredChanges, StateSeed]>([
    ['young and pending', true, {}, beside({ id: 'b', age: 5 })],
    [
      'partly delivered a moment ago',
      true,
      TWO,
      { credentials: [current, { id: 'b', age: 5 }], written: [4, 10 * DAYS] },
    ],
    [
      'delivered after the secrets of this job were read',
      true,
      { current: 'a' },
      { credentials: [current, { id: 'b', age: 5 }], written: [4] },
    ],
    [
      'the same, long ago: current-credential is the wrong one',
      false,
      { current: 'a' },
      { credentials: [current, { id: 'b', age: 2 * DAYS }], written: [2 * DAYS - 1] },
    ],
    ['delivered everywhere', false, {}, { credentials: [current, { id: 'b', age: 5 }], written: [4] }],
    ['abandoned', false, {}, beside({ id: 'b', age: 16 })],
  ])('%s: %s', (_, expected, changes, seed) => {
    expect(isAtWork(desired(changes), state(desired(changes), seed), refusal(changes, seed))).toBe(expected);
  });
});

describe('two workflows that rotate one client', () => {
  /** Under two names of the secret. @param age days since the other one has rotated */
  async function watched(age: number) {
    const records = [ours('a', 70), ours('b', age, { owner: 'repo:acme/shop#PEM2' })];
    const world = new Days(records, { [SHOP]: [`a`, 69.9999], [`${SHOP} PEM2`]: ['b', age] });
    const asked = world.desired();
    const observed = await world.observed(asked);
    const refused = { error: refusalIn(asked, observed), isActual: true };
    const what = assess(asked, observed, refused).map(({ key, severity }) => `${severity} ${key}`);
    return { code: refused.error.code, isAtWork: isAtWork(asked, observed, refused), what };
  }
  const refusalIn = (asked: DesiredState, observed: ObservedState) => {
    try {
      plan(asked, observed);
      throw new Error('nothing was refused');
    } catch (error) {
      return error as RotationError;
    }
  };

  it('are a finding, unless one of them is at work right now', async () => {
    expect(await watched(5)).toMatchObject({ code: 'ROTATION_IN_PROGRESS', isAtWork: false });
    expect((await watched(5)).what).toContain('failure RotationRefused');
    expect(await watched(0.003)).toMatchObject({ code: 'ROTATION_IN_PROGRESS', isAtWork: true });
  });
});

describe('the life that is left', () => {
  const left = (changes: DesiredChanges, seed: StateSeed) => {
    const observed = state(desired(changes), seed);
    return lifetimeOf(desired(changes), observed, credentialsInUse(desired(changes), observed))?.left;
  };

  it('is measured from the start of the certificate, else from its credential', () => {
    expect(left({}, expiring(45))).toBe(0.5);
    // current-credential began a day ago, and its credential ten days ago.
    expect(left({ current: 'a' }, settled)).toBeCloseTo(60 / 61);
    expect(left({}, settled)).toBeCloseTo(60 / 70);
  });

  it('of a record that is younger than the end of its certificate is nothing', () => {
    const [was] = settled.credentials ?? [];
    expect(left({}, { ...settled, credentials: [{ ...current, ...was, expiresIn: -20 * DAY }] })).toBe(-1);
  });

  it('of a CA-signed certificate is measured from its delivery: its credential outlives it', () => {
    const old = { credentials: [{ id: 'a', age: 500 * DAYS }], written: [45 * DAYS] };
    expect(left({ method: 'tls_client_auth', subject: 'identity-a' }, old)).toBeCloseTo(0.5);
  });
});

const WORKFLOW = { owner: 'acme', repo: 'shop', file: 'rotate.yml', state: 'active', conclusion: 'success' };
const repository = { kind: 'repo' as const, owner: 'acme', repo: 'shop' };

const WORKFLOWS: [object, string[]][] = [
  [{}, []],
  [{ conclusion: undefined }, []],
  [{ conclusion: 'success' }, []],
  [{ conclusion: 'cancelled' }, ['warning WorkflowFailed']],
  [{ conclusion: 'failure' }, ['warning WorkflowFailed']],
  [{ conclusion: 'timed_out' }, ['warning WorkflowFailed']],
  [{ state: 'disabled_inactivity' }, ['failure WorkflowDisabled']],
  [{ state: 'disabled_manually', conclusion: 'failure' }, ['failure WorkflowDisabled']],
  [{ state: 'something new' }, ['failure WorkflowDisabled']],
];

describe('the findings in GitHub', () => {
  it.each(WORKFLOWS)('of the workflow: %j', (changes, expected) => {
    const all = workflowFindings({ ...WORKFLOW, ...changes });
    expect(all.map(({ key, severity }) => `${severity} ${key}`)).toEqual(expected);
  });

  it('of a workflow that was deleted: there is nothing to enable', () => {
    const [deleted] = workflowFindings({ ...WORKFLOW, state: 'deleted' });
    expect(deleted?.todo).toBe('Restore the file on the default branch.');
  });

  it('of a secret that hides one, deletes only a copy of the same pair', () => {
    expect(shadows()[0]?.todo).toMatch(/^If it is an old copy .*delete it.* If it belongs to another client/);
  });

  it('of secrets that hide one, or could not be seen', () => {
    expect(shadows().map(({ key, severity }) => `${severity} ${key}`)).toEqual([
      'warning SecretShadowed env:acme/shop/live repo:acme/shop PEM',
      'warning ShadowsUnread repo:acme/shop',
    ]);
  });
});

function shadows(): Finding[] {
  const hidden = { destination: repository, secretName: 'PEM', part: 'pair' as const };
  const by = parseDestination('env:acme/shop/live');
  if (!by) throw new Error('no destination');
  const error = new RotationError('GITHUB_FORBIDDEN', { failed: 'GitHub refused.', remedy: '' });
  return shadowFindings({ found: [{ hidden, by }], unread: [{ repository, error }] });
}

it('every finding, as people read it', async () => {
  const error = new RotationError('AUTH0_UNAUTHORIZED', { failed: 'Auth0 refused.', remedy: 'Look.' });
  const all: [string, Finding[]][] = [
    ...FINDINGS.map(([title, changes, seed]): [string, Finding[]] => [title, found(changes, seed)]),
    ...WORKFLOWS.map(([changes]): [string, Finding[]] => [
      `the workflow: ${JSON.stringify(changes)}`,
      workflowFindings({ ...WORKFLOW, ...changes }),
    ]),
    ['other secrets', shadows()],
    ['the watch itself', [findingOf('WatchFailed', error)]],
  ];
  const text = all.map(([title, findings]) => {
    const lines = findings.flatMap(({ key, severity, todo, what }) => [
      `${severity} ${key}`,
      what,
      `→ ${todo}`,
    ]);
    return [`# ${title}`, ...lines].join('\n');
  });
  await expect(`${text.join('\n\n')}\n`).toMatchFileSnapshot('../plan/plans/findings.txt');
});
