/** The plan as a table: (wish, what was observed) → reason and one-line plan. It is the specification of the planner. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { credentialLimit } from '../../../src/model/capacity.ts';
import type { DesiredState } from '../../../src/model/desired-state.ts';
import { printNote } from '../../../src/model/note.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import type { SecretLocation } from '../../../src/model/secret-location.ts';
import { describeStep, ISSUED, type Step } from '../../../src/model/step.ts';
import { credentialsInUse } from '../../../src/plan/in-use.ts';
import { Owners } from '../../../src/plan/owners.ts';
import { plan } from '../../../src/plan/plan.ts';
import { stageOf } from '../../../src/plan/stages.ts';
import { notation } from '../../support/notation.ts';
import { cutOff, replay } from '../../support/replay.ts';
import { DAY, type DesiredChanges, desired, HOUR, NOW, type StateSeed, state } from '../../support/states.ts';

const DAYS = 24 * 60;
const ROTATION = '!cert +cred ~[a,(issued)] ?auth >repo:acme/shop';
const TWO = ['repo:acme/shop', 'env:acme/ops/prod'];

type Row = [name: string, desired: DesiredChanges, state: StateSeed, reason: string, steps: string];

const current = { id: 'a', age: 10 * DAYS };
const previous = { id: 'p', age: 70 * DAYS };
const delivered = 10 * DAYS - 0.1;
/** Somebody uses the current one. */
const login = { id: 'a', age: 60 };

const ROWS: Row[] = [
  // The reasons, in their order.
  ['nothing is due', {}, { credentials: [current], written: [delivered] }, 'NotDue', ''],
  [
    'a previous one stays until the next rotation',
    {},
    { credentials: [previous, current], written: [delivered] },
    'NotDue',
    '',
  ],
  ['the primary has no secret', {}, { credentials: [{ ...current, by: 'hand' }] }, 'FirstDelivery', ROTATION],
  [
    'a client without any credential',
    {},
    {},
    'FirstDelivery',
    '!cert +cred ~[(issued)] ?auth >repo:acme/shop',
  ],
  [
    'the secret is older than every credential',
    {},
    { credentials: [current], written: [20 * DAYS] },
    'UnidentifiedSecret',
    ROTATION,
  ],
  [
    'current-credential is unknown to Auth0',
    { current: 'stranger' },
    { credentials: [current], written: [delivered - 16] },
    'UnidentifiedSecret',
    ROTATION,
  ],
  [
    'by time alone the secret holds what was made by hand, and somebody says that it may be replaced',
    { force: true },
    { credentials: [{ ...current, by: 'hand' }], written: [1] },
    'UnidentifiedSecret',
    ROTATION,
  ],
  [
    'by time alone the secret was written when no run of its credential could have been at work',
    {},
    { credentials: [current], written: [delivered - 16] },
    'UnidentifiedSecret',
    ROTATION,
  ],
  [
    'by time alone the secret was written within the lease of its credential',
    {},
    { credentials: [current], written: [delivered - 13] },
    'NotDue',
    '',
  ],
  [
    'current-credential proves that it holds what was made by hand',
    { current: 'a' },
    { credentials: [{ ...current, by: 'hand' }], written: [1] },
    'NotDue',
    '',
  ],
  [
    'the certificate has expired',
    {},
    { credentials: [{ ...current, expiresIn: -DAY }], written: [delivered] },
    'CertificateExpired',
    ROTATION,
  ],
  [
    'the certificate expires soon',
    {},
    { credentials: [{ ...current, expiresIn: 29 * DAY }], written: [delivered] },
    'CertificateExpiring',
    ROTATION,
  ],
  [
    'it expires in exactly renew-before-days',
    {},
    { credentials: [{ ...current, expiresIn: 30 * DAY }], written: [delivered] },
    'CertificateExpiring',
    ROTATION,
  ],
  [
    'it expires a moment later than that',
    {},
    { credentials: [{ ...current, expiresIn: 30 * DAY + 1 }], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'the subject has changed',
    { current: 'a', subject: 'CN=other' },
    { credentials: [current], written: [delivered] },
    'SpecChanged',
    ROTATION,
  ],
  [
    'the key size has changed',
    { current: 'a', keySize: 4096 },
    { credentials: [current], written: [delivered] },
    'SpecChanged',
    ROTATION,
  ],
  [
    'the subject may have changed, but nothing shows it',
    { subject: 'CN=other' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  ['force', { force: true }, { credentials: [current], written: [delivered] }, 'Forced', ROTATION],
  [
    'not delivered comes before expired',
    {},
    { credentials: [{ ...current, expiresIn: -DAY }] },
    'FirstDelivery',
    ROTATION,
  ],
  [
    'expiring comes before forced',
    { force: true },
    { credentials: [{ ...current, expiresIn: DAY }], written: [delivered] },
    'CertificateExpiring',
    ROTATION,
  ],
  // Room: the limit of two.
  [
    'the previous one gives way',
    { force: true },
    { credentials: [previous, current], written: [delivered] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'oldest by created_at, not by place in the list',
    { force: true },
    { credentials: [current, previous], written: [delivered] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'made by hand gives way once a successor was delivered',
    { force: true },
    { credentials: [{ ...previous, by: 'hand' }, current], written: [delivered] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'what was taken out gives way although a destination lacks the newest',
    { destinations: TWO },
    { credentials: [{ ...previous, associated: false }, current], written: [delivered] },
    'NotDue',
    '-p',
  ],
  [
    'what was taken out is removed first',
    {},
    { credentials: [{ ...previous, associated: false }, current], written: [delivered] },
    'NotDue',
    '-p',
  ],
  [
    'a foreign one in the pool stays',
    { force: true },
    { credentials: [{ ...previous, by: 'hand', associated: false }, current], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    "another workflow's, not associated, stays",
    { force: true },
    {
      credentials: [{ ...previous, by: 'another workflow', associated: false }, current],
      written: [delivered],
    },
    'Forced',
    ROTATION,
  ],
  // Abandoned rotations.
  [
    'abandoned, not associated',
    {},
    { credentials: [current, { id: 'x', age: 16, associated: false }], written: [delivered] },
    'NotDue',
    '-x',
  ],
  [
    'abandoned, associated',
    {},
    { credentials: [current, { id: 'x', age: 16 }], written: [delivered] },
    'NotDue',
    '~[a] -x',
  ],
  [
    'abandoned, and a rotation is due',
    { force: true },
    { credentials: [current, { id: 'x', age: 16 }], written: [delivered] },
    'Forced',
    `~[a] -x ${ROTATION}`,
  ],
  [
    'nothing is held: what may be abandoned stays until its place is needed',
    {},
    { credentials: [{ id: 'x', age: 16 }] },
    'FirstDelivery',
    '!cert +cred ~[x,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'kept although abandoned',
    { keep: ['x'] },
    { credentials: [current, { id: 'x', age: 16, associated: false }], written: [delivered] },
    'NotDue',
    '',
  ],
  // Healing.
  [
    'held, but not associated: exact',
    { current: 'a' },
    { credentials: [{ ...current, associated: false }, previous], written: [delivered] },
    'NotAssociated',
    '~[p,a]',
  ],
  [
    'held, but not associated: nothing else explains the secret',
    {},
    { credentials: [{ ...current, associated: false }], written: [delivered] },
    'NotAssociated',
    '~[a]',
  ],
  [
    'healing comes before a rotation',
    { current: 'a', force: true },
    { credentials: [{ ...current, associated: false }], written: [delivered] },
    'Forced',
    `~[a] ${ROTATION}`,
  ],
  [
    'by time it may be displaced: a new one for everybody',
    {},
    { credentials: [previous, { ...current, associated: false }], written: [delivered] },
    'NotDelivered',
    '!cert -a +cred ~[p,(issued)] ?auth >repo:acme/shop',
  ],
  // Several destinations.
  [
    'all destinations hold the newest',
    { destinations: TWO },
    { credentials: [current], written: [delivered, delivered] },
    'NotDue',
    '',
  ],
  [
    'partly delivered, the key is at hand',
    { destinations: TWO, current: 'a' },
    { credentials: [previous, current], written: [delivered, 60 * DAYS] },
    'NotDue',
    '>env:acme/ops/prod=',
  ],
  [
    'a new destination, the key is at hand',
    { destinations: TWO, current: 'a' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '>env:acme/ops/prod=',
  ],
  [
    'the delivery is finished before a forced rotation',
    { destinations: TWO, current: 'a', force: true },
    { credentials: [previous, current], written: [delivered, 60 * DAYS] },
    'Forced',
    '>env:acme/ops/prod= !cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'partly delivered, no key, a place is free',
    { destinations: TWO },
    { credentials: [current], written: [delivered] },
    'PartlyDelivered',
    `${ROTATION} >env:acme/ops/prod`,
  ],
  [
    'partly delivered, no key, no place: the older gives way, and is named',
    { destinations: TWO },
    { credentials: [previous, current], written: [delivered, 60 * DAYS] },
    'PartlyDelivered',
    '!cert ~[a]!!env:acme/ops/prod -p +cred ~[a,(issued)] ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'key and certificate as secrets of their own',
    { privateKeySecretName: 'KEY', certificateSecretName: 'CRT', force: true },
    { credentials: [current], written: [delivered, delivered, delivered] },
    'Forced',
    `${ROTATION} >repo:acme/shop/private-key >repo:acme/shop/certificate`,
  ],
  // Overlap.
  [
    'overlap is over',
    { overlap: 12 * HOUR, current: 'a' },
    { credentials: [previous, current], written: [12 * 60 + 1] },
    'NotDue',
    '~[a] -p',
  ],
  [
    'overlap is not over',
    { overlap: 12 * HOUR, current: 'a' },
    { credentials: [previous, current], written: [12 * 60 - 1] },
    'NotDue',
    '',
  ],
  [
    'overlap counts from the last destination',
    { overlap: 12 * HOUR, destinations: TWO },
    { credentials: [previous, current], written: [delivered, 60] },
    'NotDue',
    '',
  ],
  [
    'overlap is over, but it is kept',
    { overlap: 12 * HOUR, keep: ['p'] },
    { credentials: [previous, current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'a destination that came later does not extend the overlap',
    { overlap: 12 * HOUR, destinations: TWO },
    { credentials: [previous, current], written: [delivered, 60], made: 61 },
    'NotDue',
    '',
  ],
  [
    'a delivery that is finished now begins the overlap',
    { overlap: 12 * HOUR, destinations: TWO, current: 'a' },
    { credentials: [previous, current], written: [delivered, 60 * DAYS] },
    'NotDue',
    '>env:acme/ops/prod=',
  ],
  [
    'overlap 0h retires in the run that delivered',
    { overlap: 0, force: true },
    { credentials: [current], written: [delivered] },
    'Forced',
    `${ROTATION} ~[(issued)] -a`,
  ],
  // Proven unused.
  [
    'when-unused: the successor is used, the previous one is not, and the logs are up to date',
    { quietWindow: 7 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '~[a] -p',
  ],
  [
    'when-unused: what was before the window does not count',
    { quietWindow: 7 * DAY, current: 'a' },
    {
      credentials: [previous, current],
      written: [delivered],
      usage: { since: 7 * DAYS, uses: [login, { id: 'p', age: 7 * DAYS + 0.001 }] },
    },
    'NotDue',
    '~[a] -p',
  ],
  [
    'when-unused: the previous one was used at the first moment of the window',
    { quietWindow: 7 * DAY, current: 'a' },
    {
      credentials: [previous, current],
      written: [delivered],
      usage: { uses: [login, { id: 'p', age: 7 * DAYS }] },
    },
    'NotDue',
    '',
  ],
  [
    'when-unused: so was it by a proof',
    { quietWindow: 7 * DAY, current: 'a' },
    {
      credentials: [previous, current],
      written: [delivered],
      usage: { uses: [login, { id: 'p', age: 1, isProof: true }] },
    },
    'NotDue',
    '',
  ],
  [
    'when-unused: the logs were not read',
    { quietWindow: 7 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'when-unused: the window is longer than since the delivery',
    { quietWindow: 10 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: the overlap is the least time',
    { quietWindow: 7 * DAY, overlap: 11 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: the overlap is over',
    { quietWindow: 7 * DAY, overlap: 9 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '~[a] -p',
  ],
  [
    'when-unused: the logs do not reach back to the window',
    { quietWindow: 7 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { since: 7 * DAYS - 1, uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: only this action has used the successor',
    { quietWindow: 7 * DAY, current: 'a' },
    {
      credentials: [previous, current],
      written: [delivered],
      usage: {
        uses: [
          { ...login, isProof: true },
          { id: 'a', age: 8 * DAYS },
        ],
      },
    },
    'NotDue',
    '',
  ],
  [
    'when-unused: without current-credential nothing shows that the logs are up to date',
    { quietWindow: 7 * DAY },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: the logs are late',
    { quietWindow: 7 * DAY, current: 'a' },
    { credentials: [previous, current], written: [delivered], usage: { upTo: 'late', uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: it is kept',
    { quietWindow: 7 * DAY, current: 'a', keep: ['p'] },
    { credentials: [previous, current], written: [delivered], usage: { uses: [login] } },
    'NotDue',
    '',
  ],
  [
    'when-unused: not in the run that delivered',
    { quietWindow: 7 * DAY, overlap: 0, force: true },
    { credentials: [current], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    'when-unused: a rotation goes on, whoever uses what gives way',
    { quietWindow: 7 * DAY, force: true },
    { credentials: [previous, current], written: [delivered], usage: { uses: [{ id: 'p', age: 1 }] } },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'verify off',
    { verify: 'off', force: true },
    { credentials: [current], written: [delivered] },
    'Forced',
    '!cert +cred ~[a,(issued)] >repo:acme/shop',
  ],
  // What each destination holds, by time.
  [
    'newer than the last change of the primary: delivered nowhere, whatever the time of another destination',
    { destinations: TWO },
    { credentials: [previous, current], written: [70 * DAYS - 1, delivered] },
    'NotDue',
    '~[p] -a',
  ],
  [
    'the same, and current-credential is the older one',
    { destinations: TWO, current: 'p' },
    { credentials: [previous, current], written: [60 * DAYS, delivered] },
    'NotDue',
    '>env:acme/ops/prod= ~[p] -a',
  ],
  [
    'partly delivered beside one made by hand: that stays, ours gives way and is named',
    { destinations: TWO },
    { credentials: [{ ...previous, by: 'hand' }, current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'the primary has no secret, another destination has',
    { destinations: TWO },
    { credentials: [previous, current], written: [undefined, delivered] },
    'FirstDelivery',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'the secret of the key is missing, the key is at hand',
    { privateKeySecretName: 'KEY', current: 'a' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '>repo:acme/shop/private-key=',
  ],
  [
    'the secret of the key is missing, the key is not at hand',
    { privateKeySecretName: 'KEY' },
    { credentials: [current], written: [delivered] },
    'PartlyDelivered',
    `${ROTATION} >repo:acme/shop/private-key`,
  ],
  [
    'healing takes the place of an abandoned one before that of the previous one',
    { current: 'a' },
    {
      credentials: [previous, { ...current, associated: false }, { id: 'x', age: 20 }],
      written: [delivered],
    },
    'NotAssociated',
    '~[p,a] -x',
  ],
  [
    'healing takes the place of the oldest',
    { current: 'a' },
    {
      credentials: [{ id: 'q', age: 80 * DAYS }, previous, { ...current, associated: false }],
      written: [delivered],
    },
    'NotAssociated',
    '~[p,a] -q',
  ],
  [
    'two destinations hold two that are not associated',
    { destinations: TWO, current: 'a' },
    {
      credentials: [
        { ...previous, associated: false },
        { ...current, associated: false },
      ],
      written: [delivered, 60 * DAYS],
    },
    'NotAssociated',
    '~[a] ~[a,p] >env:acme/ops/prod=',
  ],
  [
    'a pool of four, one of them foreign',
    { force: true },
    {
      credentials: [
        { id: 'q', age: 80 * DAYS, associated: false },
        previous,
        current,
        { id: 'f', age: 5, by: 'hand', associated: false },
      ],
      written: [delivered],
    },
    'Forced',
    '!cert ~[a] -p -q +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'a pool that foreign ones fill: Auth0 tells whether there is room',
    { force: true },
    {
      credentials: [
        current,
        { id: 'f', age: 5, by: 'hand', associated: false },
        { id: 'g', age: 5, by: 'another workflow', associated: false },
      ],
      written: [delivered],
    },
    'Forced',
    ROTATION,
  ],
  [
    'two abandoned',
    {},
    {
      credentials: [current, { id: 'x', age: 20, associated: false }, { id: 'y', age: 30 }],
      written: [delivered],
    },
    'NotDue',
    '~[a] -y -x',
  ],
  [
    "another workflow's is in use, beside ours",
    {},
    { credentials: [{ ...previous, by: 'another workflow' }, current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    "another workflow's young one is no rotation of ours",
    {},
    { credentials: [current, { id: 'o', age: 2, by: 'another workflow' }], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'overlap 0h, and the previous one is still there',
    { force: true, overlap: 0 },
    { credentials: [previous, current], written: [delivered] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop ~[(issued)] -a',
  ],
  [
    'overlap 0h, not due',
    { overlap: 0 },
    { credentials: [previous, current], written: [delivered] },
    'NotDue',
    '~[a] -p',
  ],
  [
    'overlap 0h, but it is kept',
    { force: true, overlap: 0, keep: ['a'] },
    { credentials: [current], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    'overlap is over to the millisecond',
    { overlap: 12 * HOUR, current: 'a' },
    { credentials: [previous, current], written: [12 * 60] },
    'NotDue',
    '~[a] -p',
  ],
  [
    'overlap of one made by hand',
    { overlap: 12 * HOUR },
    { credentials: [{ ...previous, by: 'hand' }, current], written: [delivered] },
    'NotDue',
    '~[a] -p',
  ],
  [
    'nothing was read from GitHub, and it is due',
    { force: true },
    { credentials: [previous, current], written: ['unread'] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'nothing was read from GitHub, and nothing is there',
    {},
    { written: ['unread'] },
    'UnidentifiedSecret',
    '!cert +cred ~[(issued)] ?auth >repo:acme/shop',
  ],
  // A plan without github-token.
  [
    'nothing was read from GitHub',
    {},
    { credentials: [previous, current], written: ['unread'] },
    'NotDue',
    '',
  ],
];

describe('plan', () => {
  it.each(ROWS)('%s', (_, changes, seed, reason, steps) => {
    const wanted = desired(changes);
    const decided = plan(wanted, state(wanted, seed));
    expect([decided.reason, notation(decided.steps)]).toEqual([reason, steps]);
  });

  it.each(ROWS)('%s: whatever the order of the list', (_, changes, seed, __, steps) => {
    const wanted = desired(changes);
    const observed = state(wanted, seed);
    const turned = { ...observed, pool: [...observed.pool].reverse() };
    expect(notation(plan(wanted, turned).steps)).toBe(steps);
  });
});

const CA = { method: 'tls_client_auth', subject: 'identity-a' } as const;
const SECRET = { method: 'client_secret_post' };
const ENROLLMENT = '!cert +cred =self_signed_tls_client_auth[(issued)] ?auth >repo:acme/shop';

/** Operations and methods (docs/how-it-works.md#other-operations). */
const OPERATIONS: Row[] = [
  [
    'private_key_jwt rotates like a certificate',
    { method: 'private_key_jwt', force: true },
    { credentials: [current], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    'a key of another use beside private_key_jwt is foreign',
    { method: 'private_key_jwt', force: true },
    { credentials: [current, { ...previous, by: 'hand', associated: false }], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    'a CA-signed certificate of the same subject needs no credential',
    { ...CA, force: true, current: 'a' },
    { credentials: [current], written: [delivered] },
    'Forced',
    '!cert ?auth >repo:acme/shop',
  ],
  [
    'nor a place: two are taken',
    { ...CA, force: true, current: 'a' },
    { credentials: [previous, current], written: [delivered] },
    'Forced',
    '!cert ?auth >repo:acme/shop',
  ],
  [
    'overlap 0h keeps the subject that is delivered again',
    { ...CA, force: true, current: 'a', overlap: 0 },
    { credentials: [previous, current], written: [delivered] },
    'Forced',
    '!cert ?auth >repo:acme/shop ~[a] -p',
  ],
  [
    'another subject is a rotation',
    { ...CA, subject: 'CN=next', current: 'a' },
    { credentials: [current], written: [delivered] },
    'SpecChanged',
    ROTATION,
  ],
  [
    'another subject, by time alone',
    { ...CA, subject: 'CN=next' },
    { credentials: [current], written: [delivered] },
    'SpecChanged',
    ROTATION,
  ],
  [
    'back to the previous subject: its record must be the newest again',
    { ...CA, subject: 'identity-p', current: 'a' },
    { credentials: [previous, current], written: [delivered] },
    'SpecChanged',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'an abandoned credential of the subject is as good as a new one',
    { ...CA, subject: 'identity-n', current: 'a' },
    { credentials: [current, { id: 'n', age: 60, associated: false }], written: [delivered] },
    'SpecChanged',
    '-n !cert +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'a CA-signed certificate expires by current-credential',
    { ...CA, current: 'a', renewBeforeDays: 61 },
    { credentials: [current], written: [delivered] },
    'CertificateExpiring',
    '!cert ?auth >repo:acme/shop',
  ],
  [
    'or by the time of its delivery',
    { ...CA, renewBeforeDays: 81 },
    { credentials: [current], written: [delivered] },
    'CertificateExpiring',
    '!cert ?auth >repo:acme/shop',
  ],
  [
    'by the time of its delivery it is good',
    { ...CA, renewBeforeDays: 79 },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'a new destination receives the CA-signed pair that is certainly the latest',
    { ...CA, current: 'a', destinations: TWO },
    { credentials: [current], written: [24 * 60 - 5] },
    'NotDue',
    '>env:acme/ops/prod=',
  ],
  [
    'else a fresh one, with all others',
    { ...CA, current: 'a', destinations: TWO },
    { credentials: [current], written: [60] },
    'PartlyDelivered',
    '!cert ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'a destination that has an older certificate of the subject',
    { ...CA, destinations: TWO },
    { credentials: [current], written: [60, 3_000] },
    'PartlyDelivered',
    '!cert ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  ['enroll from a client secret', { operation: 'enroll' }, SECRET, 'MethodDiffers', ENROLLMENT],
  [
    'enroll from a key: what that method held goes once the certificate is delivered',
    { operation: 'enroll' },
    { method: 'private_key_jwt', credentials: [{ ...current, by: 'hand', type: 'public_key' }] },
    'MethodDiffers',
    `${ENROLLMENT} -a`,
  ],
  [
    'enroll from a bound certificate to a key: nothing is left to bind to',
    { operation: 'enroll', method: 'private_key_jwt' },
    { method: 'self_signed_tls_client_auth', bound: true },
    'MethodDiffers',
    `${ENROLLMENT}`.replace('=', '&unbound =').replaceAll('self_signed_tls_client_auth', 'private_key_jwt'),
  ],
  [
    'enroll from a bound certificate to another kind of certificate: the binding stays',
    { operation: 'enroll', method: 'tls_client_auth' },
    { method: 'self_signed_tls_client_auth', bound: true },
    'MethodDiffers',
    ENROLLMENT.replaceAll('self_signed_tls_client_auth', 'tls_client_auth'),
  ],
  [
    "enroll from a key: another workflow's stays",
    { operation: 'enroll' },
    { method: 'private_key_jwt', credentials: [{ ...current, by: 'another workflow', type: 'public_key' }] },
    'MethodDiffers',
    ENROLLMENT,
  ],
  [
    'enroll once more',
    { operation: 'enroll' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'our key of a method that was left gives its place',
    { force: true },
    {
      credentials: [{ ...previous, associated: false, type: 'public_key' }, current],
      written: [delivered],
    },
    'Forced',
    '!cert -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'create',
    { operation: 'create', clientId: '', clientName: 'orders' },
    { method: 'nothing' },
    'FirstDelivery',
    '!cert +client ?auth >repo:acme/shop',
  ],
  [
    'create once more',
    { operation: 'create', clientName: 'orders' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'revert',
    { operation: 'revert' },
    { credentials: [previous, current], written: [delivered] },
    'MethodDiffers',
    '=client_secret_post[]!!repo:acme/shop -p -a',
  ],
  [
    'revert a bound client',
    { operation: 'revert' },
    { credentials: [current], written: [delivered], bound: true },
    'MethodDiffers',
    '&unbound =client_secret_post[]!!repo:acme/shop -a',
  ],
  [
    "revert leaves what is foreign, another workflow's or kept",
    { operation: 'revert', keep: ['p'] },
    {
      credentials: [
        previous,
        current,
        { id: 'x', age: 60, by: 'hand', associated: false },
        { id: 'y', age: 60, by: 'another workflow', associated: false },
      ],
      written: [delivered],
    },
    'MethodDiffers',
    '=client_secret_post[]!!repo:acme/shop -a',
  ],
  [
    'revert once more, after a crash',
    { operation: 'revert' },
    { ...SECRET, credentials: [{ ...current, associated: false }], written: [delivered] },
    'NotDue',
    '-a',
  ],
  ['revert once more', { operation: 'revert' }, SECRET, 'NotDue', ''],
  [
    'revert of a client that uses another client secret method says whom the change interrupts',
    { operation: 'revert' },
    { method: 'client_secret_basic' },
    'MethodDiffers',
    '=client_secret_post[]',
  ],
  [
    'revert of a crashed enrollment does not wait: nobody can log in',
    { operation: 'revert' },
    { credentials: [{ id: 'n', age: 1 }] },
    'MethodDiffers',
    '=client_secret_post[] -n',
  ],
  [
    'revert of a crashed enrollment leaves the key of the method before it, made by hand or by us',
    { operation: 'revert' },
    {
      credentials: [
        { id: 'h', age: 60, by: 'hand', type: 'public_key', associated: false },
        { id: 'k', age: 50, type: 'public_key', associated: false },
        { id: 'n', age: 1, after: 'h' },
      ],
    },
    'MethodDiffers',
    '=client_secret_post[] -n',
  ],
  [
    'tokens are bound before the proof',
    { force: true, tokenBinding: 'required' },
    { credentials: [current], written: [delivered] },
    'Forced',
    '!cert +cred ~[a,(issued)] &bound ?auth >repo:acme/shop',
  ],
  [
    'tokens are bound where nothing else is due, and the pair at hand proves it',
    { tokenBinding: 'required', current: 'a' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '&bound=',
  ],
  [
    'tokens are bound after everything else',
    { tokenBinding: 'required', current: 'a', overlap: 0 },
    { credentials: [current, previous], written: [delivered] },
    'NotDue',
    '~[a] -p &bound=',
  ],
  [
    'tokens are not bound where nothing can prove it: that waits for the rotation',
    { tokenBinding: 'required' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'tokens are bound where nobody asks for a proof',
    { tokenBinding: 'required', verify: 'off' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '&bound',
  ],
  [
    'tokens are bound already',
    { tokenBinding: 'required' },
    { credentials: [current], written: [delivered], bound: true },
    'NotDue',
    '',
  ],
  [
    'tokens are bound no longer',
    { tokenBinding: 'off' },
    { credentials: [current], written: [delivered], bound: true },
    'NotDue',
    '&unbound',
  ],
];

const REVOKE = { force: true, revoke: true };

const REVOCATIONS: Row[] = [
  [
    'what was held goes after the delivery',
    REVOKE,
    { credentials: [current], written: [delivered] },
    'Forced',
    `${ROTATION} ~[(issued)] -a ?earlier-runs`,
  ],
  [
    'so does what was made by hand, and whatever place is there for more',
    { ...REVOKE, overlap: 7 * DAY },
    { credentials: [{ ...previous, by: 'hand' }], written: [delivered] },
    'UnidentifiedSecret',
    `${ROTATION.replace('[a', '[p')} ~[(issued)] -p ?earlier-runs`,
  ],
  [
    'the previous one has made room before',
    REVOKE,
    { credentials: [previous, current], written: [delivered] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop ~[(issued)] -a ?earlier-runs',
  ],
  [
    'what somebody has taken out by hand does not come back',
    { ...REVOKE, current: 'a' },
    { credentials: [{ ...current, associated: false }], written: [delivered] },
    'Forced',
    '!cert +cred ~[(issued)] ?auth >repo:acme/shop -a ?earlier-runs',
  ],
  [
    "neither another workflow's nor a foreign one goes",
    REVOKE,
    {
      credentials: [
        { ...previous, by: 'another workflow' },
        { id: 'f', age: 5 * DAYS, by: 'hand', associated: false },
        { ...current, associated: false },
      ],
      written: [delivered],
    },
    'Forced',
    '!cert +cred ~[p,(issued)] ?auth >repo:acme/shop -a ?earlier-runs',
  ],
  [
    'another subject of a CA-signed certificate: the old one goes',
    { ...REVOKE, ...CA, subject: 'CN=next', current: 'a' },
    { credentials: [current], written: [delivered] },
    'SpecChanged',
    `${ROTATION} ~[(issued)] -a ?earlier-runs`,
  ],
];

describe('the plan of a revocation', () => {
  it.each(REVOCATIONS)('%s', (_, changes, seed, reason, steps) => {
    const wanted = desired(changes);
    const decided = plan(wanted, state(wanted, seed));
    expect([decided.reason, notation(decided.steps)]).toEqual([reason, steps]);
    expect(decided.notes.map(printNote).join('\n')).toMatch(
      /INTERRUPTION: \w is revoked|There was nothing to revoke/,
    );
  });

  it('says what stays valid, and how it can go', () => {
    const wanted = desired(REVOKE);
    const seed = { credentials: [{ ...previous, by: 'another workflow' as const }], written: [delivered] };
    const { notes, revokes } = plan(wanted, state(wanted, seed));
    expect(revokes).toEqual([]);
    expect(notes.map(printNote)).toContain(
      'WARNING: p (made for repo:acme/other#PEM by run 3.1) stays valid. If its key has leaked, take it out in Auth0 now (docs/recipes.md, Take a credential out by hand); or, if repo:acme/other, secret PEM, used to be the first destination of this workflow, add `moved-from: repo:acme/other#PEM` and start this run again.',
    );
    const moved = {
      ...state(wanted, seed),
      former: [{ owner: 'repo:acme/other#PEM', secret: state(wanted).secrets[0] }],
    };
    expect(plan(wanted, moved as ReturnType<typeof state>).revokes).toEqual(['p']);
  });

  it.each<[string, DesiredChanges, RegExp]>([
    ['a subject that stays', CA, /only by its subject identity-a \(a\).*Choose another subject/],
    [
      'a subject that stays: it must not come back while the old certificate is valid',
      { ...CA, current: 'a' },
      /write it into every workflow .* before you start this run\. Do not use identity-a again before 23 January 2027, when the one in use expires/,
    ],
    ['what must be kept', { keep: ['a'] }, /would remove a, but keep-credentials keeps it/],
    [
      'what must be kept, and says which of the two its user must give up',
      { keep: ['a'] },
      /Take a out of keep-credentials and start again: its users cannot log in .* take the leaked credential out in Auth0 by hand .*, and start the rotation by hand once with force: true and without revoke/,
    ],
  ])('is refused: %s', (_, changes, words) => {
    const wanted = desired({ ...REVOKE, ...changes });
    const attempt = () => plan(wanted, state(wanted, { credentials: [current], written: [delivered] }));
    expect(attempt).toThrow(expect.objectContaining({ code: 'CANNOT_REVOKE' }));
    expect(attempt).toThrow(words);
  });

  it('is refused, and leaves nothing of the rotation in a plan that has something else to do', () => {
    const wanted = desired({ ...REVOKE, ...CA, current: 'a', destinations: TWO });
    const abandoned = { id: 'n', age: 60, associated: false };
    const credentials = [current, abandoned];
    const { errorAtEnd, notes, probes, reuses, steps } = plan(
      wanted,
      state(wanted, { credentials, written: [delivered, undefined] }),
    );
    expect(errorAtEnd?.code).toBe('CANNOT_REVOKE');
    expect(steps).toEqual([{ kind: 'delete-credential', id: 'n', why: 'discard' }]);
    expect({ notes, probes, reuses }).toEqual({ notes: [], probes: [], reuses: undefined });
  });
});

const REHEARSE = { operation: 'rehearse' } as const;
const REHEARSAL = '!cert +cred ~[a,(issued)] ?auth ?unregistered ~[a] -(issued)';
const dead = { id: 'r', by: 'a rehearsal' } as const;

it('a rehearsal warns of a secret that would stop the rotation', () => {
  const byHand = { credentials: [{ ...current, by: 'hand' }], written: [delivered] } as const;
  const notes = (changes: DesiredChanges) => {
    const wanted = desired({ ...REHEARSE, ...changes });
    return plan(wanted, state(wanted, byHand)).notes.map(printNote);
  };
  expect(notes({})).toEqual([
    expect.stringMatching(
      /^WARNING: A rotation would be refused \(SECRET_EXISTS\): repo:acme\/shop .* add the line `current/,
    ),
  ]);
  expect(notes({ current: 'a' })).toEqual([]);
});

const REHEARSALS: Row[] = [
  ['a rehearsal', REHEARSE, { credentials: [current], written: [delivered] }, 'Rehearsal', REHEARSAL],
  [
    'of what was made by hand, before the first rotation',
    REHEARSE,
    { credentials: [{ ...current, by: 'hand' }] },
    'Rehearsal',
    REHEARSAL,
  ],
  [
    'changes no token binding',
    { ...REHEARSE, method: 'private_key_jwt' },
    { credentials: [current], written: [delivered], bound: true },
    'Rehearsal',
    REHEARSAL,
  ],
  [
    'heals, finishes and retires nothing',
    { ...REHEARSE, current: 'a', destinations: TWO, overlap: 0, force: true },
    { credentials: [{ ...current, associated: false }, previous], written: [delivered] },
    'Rehearsal',
    REHEARSAL.replaceAll('[a', '[p'),
  ],
  [
    'leaves what another rotation has abandoned',
    REHEARSE,
    { credentials: [current, { id: 'x', age: 60, associated: false }], written: [delivered] },
    'Rehearsal',
    REHEARSAL,
  ],
  [
    'removes what a rehearsal has left that died',
    REHEARSE,
    { credentials: [current, { ...dead, age: 60 }], written: [delivered] },
    'Rehearsal',
    `~[a] -r ${REHEARSAL}`,
  ],
  [
    'so does a rotation',
    { force: true },
    { credentials: [current, { ...dead, age: 60 }], written: [delivered] },
    'Forced',
    `~[a] -r ${ROTATION}`,
  ],
  [
    'and a run that finds nothing due',
    {},
    { credentials: [current, { ...dead, age: 60 }], written: [delivered] },
    'NotDue',
    '~[a] -r',
  ],
  [
    'what was delivered after it had died is held, by time alone as well',
    {},
    {
      credentials: [
        { id: 'a', age: 62 },
        { ...dead, age: 61 },
      ],
      written: [60],
    },
    'NotDue',
    '~[a] -r',
  ],
  [
    'a credential that was not taken out by it is not doubted',
    {},
    {
      credentials: [
        { id: 'a', age: 62 },
        { ...dead, age: 61, associated: false },
      ],
      written: [60],
    },
    'NotDue',
    '-r',
  ],
  [
    'no rotation reuses its subject',
    { method: 'tls_client_auth', subject: 'identity-r' },
    {
      credentials: [
        { ...current, by: 'hand' },
        { ...dead, age: 60 },
      ],
    },
    'FirstDelivery',
    '!cert ~[a] -r +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'of a CA-signed certificate whose subject Auth0 knows: no write',
    { ...REHEARSE, ...CA },
    { credentials: [previous, current], written: [delivered] },
    'Rehearsal',
    '!cert ?auth ?unregistered',
  ],
  [
    'of a CA-signed certificate of another subject',
    { ...REHEARSE, ...CA, subject: 'CN=next' },
    { credentials: [current], written: [delivered] },
    'Rehearsal',
    REHEARSAL,
  ],
];

describe('the plan of a rehearsal, and of what comes after it', () => {
  it.each(REHEARSALS)('%s', (_, changes, seed, reason, steps) => {
    const wanted = desired(changes);
    const decided = plan(wanted, state(wanted, seed));
    expect([decided.reason, notation(decided.steps)]).toEqual([reason, steps]);
    if (wanted.operation === 'rehearse')
      expect([decided.rotates, decided.replaces]).toEqual([false, undefined]);
  });

  it.each<[string, DesiredChanges, StateSeed, string, RegExp]>([
    [
      'both places are taken',
      {},
      { credentials: [previous, current], written: [delivered] },
      'CREDENTIAL_LIMIT',
      /\. Set an overlap .* operation: rotate removes p\. /,
    ],
    [
      'a rotation is at work',
      {},
      { credentials: [current, { id: 'x', age: 5 }], written: [delivered] },
      'ROTATION_IN_PROGRESS',
      /made credential x/,
    ],
    [
      'another rehearsal is at work',
      {},
      { credentials: [current, { ...dead, age: 5 }], written: [delivered] },
      'ROTATION_IN_PROGRESS',
      /made credential r/,
    ],
    ['another method', {}, SECRET, 'METHOD_MISMATCH', /operation: enroll/],
    [
      'current-credential contradicts',
      { current: 'p' },
      { credentials: [previous, current], written: [delivered] },
      'STALE_CREDENTIAL',
      /right after a was made/,
    ],
    [
      'the subject is known, and not associated',
      CA,
      { credentials: [{ ...current, associated: false }, previous], written: [delivered] },
      'CREDENTIAL_LIMIT',
      /already has a credential with the subject identity-a/,
    ],
    [
      'what died must be kept',
      { keep: ['r'] },
      { credentials: [current, { ...dead, age: 60 }], written: [delivered] },
      'CREDENTIAL_LIMIT',
      /r \(in keep-credentials\)/,
    ],
  ])('is refused: %s', (_, changes, seed, code, words) => {
    const wanted = desired({ ...REHEARSE, ...changes });
    const attempt = () => plan(wanted, state(wanted, seed));
    expect(attempt).toThrow(expect.objectContaining({ code }));
    expect(attempt).toThrow(words);
  });
});

/** What happens seldom, and must be right then. */
const RARE: Row[] = [
  [
    'an old subject of ours, and both places are taken',
    { ...CA, subject: 'identity-s', force: true },
    {
      credentials: [previous, current, { id: 's', age: 90 * DAYS, associated: false }],
      written: [delivered],
    },
    'SpecChanged',
    '!cert -s ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'a subject that a rehearsal has left',
    { ...CA, subject: 'identity-r', force: true },
    {
      credentials: [current, { id: 'r', age: 5 * DAYS, by: 'a rehearsal', associated: false }],
      written: [delivered],
    },
    'SpecChanged',
    `-r ${ROTATION}`,
  ],
  [
    'the subject of the previous one',
    { ...CA, subject: 'identity-p', force: true },
    { credentials: [previous, current], written: [delivered] },
    'SpecChanged',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'a client is created over a secret that is there',
    { operation: 'create', clientName: 'shop', force: true, destinations: TWO },
    { method: 'nothing', written: [10, undefined] },
    'UnidentifiedSecret',
    '!cert +client ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'a client is created',
    { operation: 'create', clientName: 'shop' },
    { method: 'nothing' },
    'FirstDelivery',
    '!cert +client ?auth >repo:acme/shop',
  ],
  [
    'the client that was created has another name now',
    { operation: 'create', clientName: 'other' },
    { credentials: [current], written: [delivered] },
    'NotDue',
    '',
  ],
  [
    'a certificate that is due as soon as it is made',
    { validityDays: 30, force: true },
    { credentials: [current], written: [delivered] },
    'Forced',
    ROTATION,
  ],
  [
    'an enrollment from keys, which go',
    { operation: 'enroll' },
    {
      method: 'private_key_jwt',
      credentials: [
        { id: 'k', age: 50 * DAYS, type: 'public_key', by: 'hand' },
        { id: 'm', age: 40 * DAYS, type: 'public_key' },
      ],
    },
    'MethodDiffers',
    `${ENROLLMENT} -k -m`,
  ],
  [
    'an enrollment from a key that is kept, beside one that the method does not hold',
    { operation: 'enroll', keep: ['k'] },
    {
      method: 'private_key_jwt',
      credentials: [
        { id: 'k', age: 50 * DAYS, type: 'public_key', by: 'hand' },
        { id: 'u', age: 40 * DAYS, type: 'public_key', by: 'hand', associated: false },
      ],
    },
    'MethodDiffers',
    ENROLLMENT,
  ],
  [
    "an enrollment from another workflow's key",
    { operation: 'enroll' },
    {
      method: 'private_key_jwt',
      credentials: [{ id: 'k', age: 50 * DAYS, type: 'public_key', by: 'another workflow' }],
    },
    'MethodDiffers',
    ENROLLMENT,
  ],
  [
    'superseded a day ago to the minute: no warning',
    { force: true },
    { credentials: [previous, { id: 'a', age: DAYS }], written: [DAYS] },
    'Forced',
    '!cert ~[a] -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'abandoned since this moment',
    {},
    { credentials: [current, { id: 'n', age: 15 }], written: [delivered] },
    'NotDue',
    '~[a] -n',
  ],
  [
    'half delivered beside what was made by hand: ours gives way',
    { destinations: TWO },
    { credentials: [{ ...previous, by: 'hand' }, current], written: [delivered, 60 * DAYS] },
    'PartlyDelivered',
    '!cert ~[p]!!repo:acme/shop -a +cred ~[p,(issued)] ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'two destinations with one of two that were made by hand each, and somebody says that nobody uses the older one',
    { destinations: TWO, force: true, removableCredentials: new Set(['p']) },
    {
      credentials: [
        { ...previous, by: 'hand' },
        { ...current, by: 'hand' },
      ],
      written: [delivered, 60 * DAYS],
    },
    'UnidentifiedSecret',
    '!cert ~[a]!!repo:acme/shop,env:acme/ops/prod -p +cred ~[a,(issued)] ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'a retired one of the pool gives way first',
    { force: true },
    { credentials: [{ ...previous, associated: false }, current], written: [delivered] },
    'Forced',
    '!cert -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'the only associated one is abandoned, and the pool is full',
    {},
    {
      credentials: [
        { id: 'n', age: DAYS },
        { id: 'x', age: 5 * DAYS, by: 'another workflow', associated: false },
      ],
    },
    'FirstDelivery',
    '!cert ~[] -n +cred ~[(issued)] ?auth >repo:acme/shop',
  ],
  [
    'two are abandoned: the one that is not associated goes',
    {},
    {
      credentials: [
        { id: 'n', age: DAYS },
        { id: 'm', age: 2 * DAYS, associated: false },
      ],
    },
    'FirstDelivery',
    '!cert -m +cred ~[n,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'only the second destination was not read',
    { destinations: TWO },
    { credentials: [current], written: [delivered, 'unread'] },
    'NotDue',
    '',
  ],
  [
    'what is held is not associated, and all shall be revoked',
    { revoke: true, force: true },
    { credentials: [previous, { ...current, associated: false }], written: [delivered] },
    'NotDelivered',
    '!cert -a +cred ~[p,(issued)] ?auth >repo:acme/shop ~[(issued)] -p ?earlier-runs',
  ],
  [
    'tokens are bound after the certificate was delivered unproven',
    { force: true, verify: 'off', tokenBinding: 'required' },
    { credentials: [current], written: [delivered] },
    'Forced',
    '!cert +cred ~[a,(issued)] &bound >repo:acme/shop',
  ],
  [
    'an overlap is over although a place was made later',
    { destinations: TWO, overlap: 12 * HOUR },
    { credentials: [previous, current], written: [delivered, 5 * DAYS], made: 5 * DAYS },
    'NotDue',
    '',
  ],
  [
    'an overlap counts from the last of the places that held it',
    { destinations: TWO, overlap: 6 * DAY },
    { credentials: [previous, current], written: [delivered, 5 * DAYS], made: 10 * DAYS },
    'NotDue',
    '',
  ],
  [
    'made by hand, replaced by ours and taken out: it goes',
    {},
    {
      credentials: [
        { ...previous, by: 'hand', associated: false },
        { ...current, after: 'p' },
      ],
      written: [delivered],
    },
    'NotDue',
    '-p',
  ],
  [
    'made by hand, replaced by ours of which no secret knows: ours stays',
    {},
    {
      credentials: [
        { ...previous, by: 'hand', associated: false },
        { ...current, after: 'p' },
      ],
    },
    'FirstDelivery',
    '!cert -p +cred ~[a,(issued)] ?auth >repo:acme/shop',
  ],
  [
    'a subject of the pool, where no secret holds anything',
    { ...CA, subject: 'identity-s' },
    { credentials: [previous, current, { id: 's', age: 5 * DAYS, associated: false }] },
    'FirstDelivery',
    '!cert ~[a] -p ~[a,s] ?auth >repo:acme/shop',
  ],
  [
    'of one subject: the pair at hand was made long before the primary was written',
    { ...CA, destinations: TWO, current: 'a' },
    { credentials: [current], written: [DAYS / 2, 20 * DAYS] },
    'PartlyDelivered',
    '!cert ?auth >repo:acme/shop >env:acme/ops/prod',
  ],
  [
    'of one subject: the pair at hand was made right before the primary was written',
    { ...CA, destinations: TWO, current: 'a' },
    { credentials: [current], written: [DAYS - 20, 20 * DAYS] },
    'NotDue',
    '>env:acme/ops/prod=',
  ],
  [
    'a revert of the client that the action logs in with',
    { operation: 'revert', isManager: true },
    { credentials: [current], written: [delivered] },
    'MethodDiffers',
    '=client_secret_post[]!!repo:acme/shop -a',
  ],
  [
    'a revert to a public client of the client that the action logs in with',
    { operation: 'revert', revertTo: 'none', isManager: true },
    { credentials: [current], written: [delivered] },
    'MethodDiffers',
    '=none[]!!repo:acme/shop -a',
  ],
  [
    'a revert of a client that has left its method already',
    { operation: 'revert' },
    {
      method: 'client_secret_post',
      credentials: [
        { ...current, associated: false },
        { id: 'h', age: 5 * DAYS, by: 'hand', associated: false },
      ],
    },
    'NotDue',
    '-a',
  ],
];

describe('the plan of what is rare', () => {
  it.each(RARE)('%s', (_, changes, seed, reason, steps) => {
    const wanted = desired(changes);
    const decided = plan(wanted, state(wanted, seed));
    expect([decided.reason, notation(decided.steps)]).toEqual([reason, steps]);
  });
});

const REFUSED: [string, DesiredChanges, StateSeed, string][] = [
  [
    'a subject of the pool that nobody knows',
    { ...CA, subject: 'identity-s', force: true },
    {
      credentials: [previous, current, { id: 's', age: 5 * DAYS, by: 'hand', associated: false }],
      written: [delivered],
    },
    'CREDENTIAL_LIMIT',
  ],
  [
    'a revert while a rotation is at work',
    { operation: 'revert' },
    { credentials: [current, { id: 'x', age: 5 }], written: [delivered] },
    'ROTATION_IN_PROGRESS',
  ],
  [
    'the subject of a previous one that is kept',
    { ...CA, subject: 'identity-p', force: true, keep: ['p'] },
    { credentials: [previous, current], written: [delivered] },
    'CREDENTIAL_LIMIT',
  ],

  ['a client secret cannot be rotated', {}, SECRET, 'METHOD_MISMATCH'],
  [
    'revert of another credential method',
    { operation: 'revert' },
    { method: 'tls_client_auth' },
    'METHOD_MISMATCH',
  ],
  [
    "a subject that is another workflow's",
    { ...CA, force: true },
    { credentials: [{ ...current, by: 'another workflow' }] },
    'CREDENTIAL_LIMIT',
  ],
  [
    "a current-credential that is another workflow's",
    { current: 'a' },
    { credentials: [{ ...current, by: 'another workflow' }], written: [delivered] },
    'STALE_CREDENTIAL',
  ],
  [
    'a current-credential of ours that was made after the secret was written',
    { current: 'a' },
    { credentials: [previous, current], written: [60 * DAYS] },
    'STALE_CREDENTIAL',
  ],
  [
    'a young delivery, whose key is not at hand',
    { destinations: TWO },
    { credentials: [previous, { id: 'a', age: 10 }], written: [9, 100 * DAYS] },
    'ROTATION_IN_PROGRESS',
  ],
  [
    'a young delivery, to be finished and superseded at once',
    { destinations: TWO, current: 'a', force: true },
    { credentials: [previous, { id: 'a', age: 10 }], written: [9, 100 * DAYS] },
    'ROTATION_IN_PROGRESS',
  ],
];

describe('the plan of another operation or method', () => {
  it.each(OPERATIONS)('%s', (_, changes, seed, reason, steps) => {
    const wanted = desired(changes);
    const decided = plan(wanted, state(wanted, seed));
    expect([decided.reason, notation(decided.steps)]).toEqual([reason, steps]);
  });

  it.each(REFUSED)('%s is refused', (_, changes, seed, code) => {
    const wanted = desired(changes);
    expect(() => plan(wanted, state(wanted, seed))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses to enroll a client that signs with HS256, and a pair that was delivered before', () => {
    const enrolling = desired({ operation: 'enroll' });
    const observed = state(enrolling, SECRET);
    const old = { ...observed, client: observed.client && { ...observed.client, algorithm: 'HS256' } };
    expect(tell(enrolling, old)).toEqual([
      'ALGORITHM_MISMATCH: Client client signs its ID tokens with HS256 (jwt_configuration.alg), and Auth0 takes credentials only with RS256.',
      "First let every application that checks this client's ID tokens by the client secret accept the tenant's key (JWKS) as well: otherwise it refuses every login. Then set jwt_configuration.alg to RS256 in the Auth0 Dashboard (Applications, the client, Settings, Advanced Settings, OAuth, JSON Web Token Signature Algorithm).",
    ]);
    const unknown = { ...observed, client: observed.client && { ...observed.client, algorithm: undefined } };
    expect(tell(enrolling, unknown)).toEqual(tell(enrolling, old));
    const signing = { ...observed, client: observed.client && { ...observed.client, algorithm: 'PS256' } };
    expect(plan(enrolling, signing).rotates).toBe(true);
    const bringing = desired({ ...CA, force: true, current: 'a' });
    const again = { ...bringing, brought: bringing.currentKey };
    expect(tell(again, state(again, { credentials: [current], written: [delivered] }))).toEqual([
      'CERTIFICATE_REUSED: A rotation is due (Forced), but the certificate passed as certificate is the one already in use.',
      'Let the earlier step issue a new pair, and pass that as certificate and private-key.',
    ]);
  });

  describe('a pair that was brought and ends before the one in use', () => {
    const bringing = (days: number, changes: DesiredChanges = {}) => {
      const wanted = desired({ ...CA, current: 'a', ...changes });
      const facts = wanted.currentKey;
      if (!facts) throw new Error('current-credential is passed');
      const ends = (after: number) => new Date(NOW + after * DAY);
      const inUse = { ...facts, notAfter: ends(29) };
      const brought = { ...facts, thumbprint: 'brought', notAfter: ends(days) };
      return { ...wanted, currentKey: inUse, brought };
    };
    const told = (wanted: DesiredState) =>
      tell(wanted, state(wanted, { credentials: [current], written: [delivered] }));

    it('and which the next run would replace is refused: it was not made for this rotation', () => {
      expect(told(bringing(2))).toEqual([
        'CERTIFICATE_REUSED: A rotation is due (CertificateExpiring), but the certificate passed as certificate ends on 2026-11-26, before the one in use, which ends on 2026-12-23.',
        'Let the earlier step issue a new pair, and pass that as certificate and private-key.',
      ]);
    });

    it.each<[string, number, DesiredChanges]>([
      ['ends later', 30, {}],
      ['stays in use for some time all the same', 2, { renewBeforeDays: 1, force: true, scheduled: true }],
      ['is forced by hand', 2, { force: true }],
    ])('is delivered if it %s', (_, days, changes) => {
      const wanted = bringing(days, changes);
      expect(plan(wanted, state(wanted, { credentials: [current], written: [delivered] })).rotates).toBe(
        true,
      );
    });

    it('is delivered if it is unknown when the one in use ends', () => {
      const wanted = { ...bringing(2), currentKey: undefined };
      const observed = state(wanted, { credentials: [current], written: [delivered] });
      expect(plan(wanted, observed).rotates).toBe(true);
    });

    it('is delivered if it replaces a key that has leaked', () => {
      const leaked = bringing(2, { force: true, revoke: true, scheduled: true, subject: 'identity-b' });
      const wanted = { ...leaked, brought: { ...leaked.brought, identity: 'identity-b' } };
      const observed = state(wanted, { credentials: [current], written: [delivered] });
      expect(plan(wanted, observed).rotates).toBe(true);
    });
  });

  it('by time alone delivers what is brought, since it is unknown when the one before it expires', () => {
    const bringing = desired({ ...CA, current: 'a' });
    const unknown = { ...bringing, brought: bringing.currentKey, currentKey: undefined };
    const observed = state(unknown, { credentials: [current], written: [delivered] });
    expect(plan(unknown, observed)).toMatchObject({
      reason: 'UnidentifiedSecret',
      explanation: expect.stringContaining('is not recorded'),
    });
  });

  it('says whom it interrupts', () => {
    const notes = (changes: DesiredChanges, seed: StateSeed) => {
      const wanted = desired(changes);
      return plan(wanted, state(wanted, seed)).notes.map(printNote).join(' ');
    };
    expect(notes({ operation: 'enroll' }, SECRET)).toMatch(/INTERRUPTION: .*by client_secret_post/);
    expect(notes({ operation: 'revert' }, { credentials: [current], written: [delivered] })).toMatch(
      /INTERRUPTION: .*nobody can log in with a certificate/,
    );
    expect(notes({ operation: 'enroll', isManager: true }, SECRET)).toMatch(
      /the management client that the action logs in with.* between the change and the delivery/,
    );
    const reverts = (revertTo: 'client_secret_post' | 'none') =>
      notes(
        { operation: 'revert', revertTo, isManager: true },
        { credentials: [current], written: [delivered] },
      );
    expect(reverts('client_secret_post')).toMatch(/every workflow must log in with its client secret/);
    expect(reverts('none')).toMatch(/no workflow can log in as it/);
    expect(reverts('client_secret_post') + reverts('none')).not.toMatch(/new credential|delivery/);
    expect(notes({ ...CA, force: true }, { credentials: [current], written: [delivered] })).toMatch(
      /cannot revoke/,
    );
  });
});

describe('every row, step by step', () => {
  const carriedOut = (changes: DesiredChanges, seed: StateSeed) => {
    const wanted = desired(changes);
    const observed = state(wanted, seed);
    const { steps } = plan(wanted, observed);
    return {
      moments: replay(observed, credentialsInUse(wanted, observed), steps),
      told: notation(steps),
      steps,
    };
  };

  it.each(ROWS)('%s: two at most, and never none if there was one', (_, changes, seed) => {
    const { moments, told } = carriedOut(changes, seed);
    for (const { before, after } of moments) {
      expect(after.associated.length, told).toBeLessThanOrEqual(2);
      expect(after.associated.length, told).toBeGreaterThanOrEqual(Math.min(1, before.associated.length));
    }
  });

  it.each(ROWS)('%s: each step begins where the last one ended', (_, changes, seed) => {
    const { moments, told } = carriedOut(changes, seed);
    for (const { step, before, after } of moments) {
      if (step.kind === 'associate-credentials')
        expect([...step.from].sort(), told).toEqual([...before.associated].sort());
      if (step.kind === 'delete-credential') {
        expect(before.pool, told).toContain(step.id);
        expect(before.associated, told).not.toContain(step.id);
      }
      for (const id of after.associated) expect(after.pool, told).toContain(id);
    }
  });

  it.each(ROWS)('%s: nobody is cut off who was not named, and at the end nobody is', (_, changes, seed) => {
    const { moments, told, steps } = carriedOut(changes, seed);
    expect(moments.flatMap(cutOff), told).toEqual([]);
    const end = moments.at(-1)?.after;
    if (!end) return;
    expect([...end.interrupted], told).toEqual([]);
    const holds = [...end.held.values()];
    for (const id of holds) if (id !== undefined) expect(end.associated, told).toContain(id);
    if (steps.some(({ kind }) => kind === 'create-credential'))
      expect(new Set(holds)).toEqual(new Set([ISSUED]));
  });

  it.each(ROWS)('%s: nothing foreign or kept is touched', (_, changes, seed) => {
    const { moments, told } = carriedOut(changes, seed);
    const untouchable = (seed.credentials ?? []).filter(
      ({ id, by, associated }) =>
        by === 'another workflow' || (by === 'hand' && associated === false) || changes.keep?.includes(id),
    );
    for (const { after } of moments) {
      for (const { id, associated } of untouchable) {
        expect(after.pool, told).toContain(id);
        expect(after.associated.includes(id), told).toBe(associated !== false);
      }
    }
  });
});

describe('of a plan that would be wrong', () => {
  const wanted = desired({ destinations: TWO });
  const observed = state(wanted, { credentials: [current], written: [delivered, delivered] });
  const [shop, prod] = observed.secrets.map(({ location }) => location);
  if (!shop || !prod) throw new Error('no places');
  const replaces = (interrupts: readonly SecretLocation[]): Step => ({
    kind: 'associate-credentials',
    why: 'add',
    from: ['a'],
    to: [ISSUED],
    interrupts,
    confirm: true,
  });
  const stores = (location: SecretLocation, source: 'issued' | 'current-credential' = 'issued'): Step => ({
    kind: 'store-secret',
    location,
    source,
  });
  const seen = (...steps: Step[]) => {
    const moments = replay(observed, credentialsInUse(wanted, observed), steps);
    const { held, interrupted, pool } = moments.at(-1)?.after ?? {};
    return {
      cut: moments.map(cutOff),
      left: [...(interrupted ?? [])],
      held: [...(held?.values() ?? [])],
      pool,
    };
  };

  it('each place is cut off that was not named', () => {
    expect(seen(replaces([])).cut).toEqual([TWO.map((place) => `${place} PEM`)]);
    expect(seen(replaces([shop])).cut).toEqual([[`${TWO[1]} PEM`]]);
    expect(seen(replaces([shop, prod])).cut).toEqual([[]]);
    // In the step that does it, and in no other.
    expect(seen({ kind: 'create-credential' }, stores(shop), replaces([])).cut).toEqual([
      [],
      [],
      [`${TWO[1]} PEM`],
    ]);
  });

  it('a place stays interrupted until it has the new pair, and holds what it was given', () => {
    const begun: Step[] = [{ kind: 'create-credential' }, replaces([shop, prod])];
    expect(seen(...begun, stores(prod))).toMatchObject({
      left: [`${TWO[0]} PEM`],
      held: ['a', ISSUED],
      pool: ['a', ISSUED],
    });
    expect(seen(...begun, stores(shop), stores(prod, 'current-credential'))).toMatchObject({
      left: [],
      held: [ISSUED, ISSUED],
    });
    expect(seen({ kind: 'delete-credential', id: 'a', why: 'retire' }).pool).toEqual([]);
  });
});

type Refusal = [name: string, desired: DesiredChanges, state: StateSeed, code: string, words: RegExp];

const REFUSALS: Refusal[] = [
  [
    'another method',
    {},
    { method: 'client_secret_post' },
    'METHOD_MISMATCH',
    /authenticates by client_secret_post, not by self_signed_tls_client_auth/,
  ],
  [
    'pending, younger than the lease',
    { force: true },
    { credentials: [current, { id: 'x', age: 14 }], written: [delivered] },
    'ROTATION_IN_PROGRESS',
    /run 1\.1 made credential x at 2026-11-24T11:46:00/,
  ],
  [
    'pending, younger than the lease, although nothing is due',
    {},
    { credentials: [current, { id: 'x', age: 14, associated: false }], written: [delivered] },
    'ROTATION_IN_PROGRESS',
    /new run .* after 2026-11-24T12:01:00/,
  ],
  [
    'current-credential is older than what was delivered',
    { current: 'p' },
    { credentials: [previous, current], written: [delivered] },
    'STALE_CREDENTIAL',
    /current-credential is p, .* right after a was made/,
  ],
  [
    'current-credential is older than what a fast rotation delivered',
    { current: 'p' },
    { credentials: [previous, { id: 'a', age: 60 }], written: [60 - 0.01] },
    'STALE_CREDENTIAL',
    /right after a was made/,
  ],
  [
    "another workflow's credentials fill the places",
    { force: true },
    { credentials: [{ ...previous, by: 'another workflow' }, current], written: [delivered] },
    'CREDENTIAL_LIMIT',
    /p \(made for repo:acme\/other#PEM by run 3\.1\)/,
  ],
  [
    'two made by hand',
    {},
    {
      credentials: [
        { ...previous, by: 'hand' },
        { ...current, by: 'hand' },
      ],
    },
    'CREDENTIAL_LIMIT',
    /made by hand, in use until its successor is delivered/,
  ],
  [
    'two destinations with one of two that were made by hand each: force replaces what a secret holds, and takes out neither',
    { destinations: TWO, force: true },
    {
      credentials: [
        { ...previous, by: 'hand' },
        { ...current, by: 'hand' },
      ],
      written: [delivered, 60 * DAYS],
    },
    'CREDENTIAL_LIMIT',
    /p of .*, a of .* were made by hand\. Find out in Auth0's logs which one nobody uses, and put only its id into removable-credentials/,
  ],
  [
    'one made by hand after ours',
    { force: true },
    { credentials: [current, { id: 'h', age: 60, by: 'hand' }], written: [delivered] },
    'CREDENTIAL_LIMIT',
    /a \(held by repo:acme\/shop PEM\), h \(made by hand/,
  ],
  [
    'the previous one is kept',
    { force: true, keep: ['p'] },
    { credentials: [previous, current], written: [delivered] },
    'CREDENTIAL_LIMIT',
    /p \(in keep-credentials\)/,
  ],
  [
    'no place to heal: both belong to another workflow',
    { current: 'a' },
    {
      credentials: [
        { ...previous, by: 'another workflow' },
        { id: 'o', age: 80 * DAYS, by: 'another workflow' },
        { ...current, associated: false },
      ],
      written: [delivered],
    },
    'CREDENTIAL_LIMIT',
    /o \(made for repo:acme\/other#PEM by run 3\.1\), p \(made for repo:acme\/other#PEM by run 3\.1\)/,
  ],
  [
    'within 3 s of the secret: either may be held, so none gives way',
    {},
    { credentials: [previous, { ...current, by: 'hand' }], written: [10 * DAYS] },
    'SECRET_EXISTS',
    /needs room, but .* may hold any of a, p\..*Pass `current-credential/,
  ],
  [
    'pending, where no secret was ever written',
    {},
    { credentials: [{ id: 'x', age: 14 }] },
    'ROTATION_IN_PROGRESS',
    /made credential x/,
  ],
];

describe('plan refuses', () => {
  it.each(REFUSALS)('%s', (_, changes, seed, code, words) => {
    const wanted = desired(changes);
    const attempt = () => plan(wanted, state(wanted, seed));
    expect(attempt).toThrow(expect.objectContaining({ code }));
    expect(attempt).toThrow(words);
  });

  it('a pool that foreign ones fill, once Auth0 has said so, and names them', () => {
    const wanted = desired();
    const seed: StateSeed = {
      credentials: [
        current,
        { id: 'f', age: 5, by: 'hand', associated: false },
        { id: 'g', age: 5, by: 'another workflow', associated: false },
      ],
      written: [delivered],
    };
    const { credentials } = plan({ ...wanted, renewBeforeDays: 0 }, state(wanted, seed));
    expect(credentialLimit('client', credentials.toReversed())).toMatchObject({
      code: 'CREDENTIAL_LIMIT',
      failed:
        'Client client cannot hold another credential: a (held by repo:acme/shop PEM), f (not associated with this method), g (made for repo:acme/other#PEM by run 3.1).',
      remedy: expect.stringContaining('delete one that nobody uses any more'),
    });
  });
});

describe('a certificate that is valid for no longer than renew-before-days', () => {
  const told = (changes: DesiredChanges) => {
    const wanted = desired({ force: true, ...changes });
    return plan(wanted, state(wanted, { credentials: [current], written: [delivered] })).notes.map(printNote);
  };
  it('is named with the number that would do', () => {
    expect(told({ validityDays: 30 })).toContain(
      'WARNING: Set renew-before-days to 10 or less, or have the certificate issued for longer. It is valid for no longer than renew-before-days: every run will rotate, and each pair works only until the second run after it.',
    );
  });

  it('of less than three days must be issued for longer', () => {
    expect(told({ validityDays: 2 })).toContainEqual(
      expect.stringMatching(/^WARNING: Have the certificate issued/),
    );
  });

  it('with one subject works until it expires', () => {
    const note = told({ validityDays: 30, method: 'tls_client_auth', subject: 'identity-a' });
    expect(note).toContainEqual(expect.stringMatching(/every run will rotate\.$/));
  });
});

describe('force in a file', () => {
  const told = (changes: DesiredChanges) => {
    const wanted = desired(changes);
    return plan(wanted, state(wanted, { credentials: [current], written: [delivered] })).notes.map(printNote);
  };
  const line =
    'WARNING: force: true rotates in every run of this workflow, and each pair works only until the second run after it. Take that line out of the workflow or the manifest, and start a forced rotation by hand, with the form of the workflow.';

  it('is warned of when a schedule has started the run', () => {
    expect(told({ force: true, scheduled: true })).toContain(line);
    const oneSubject = { method: 'tls_client_auth', subject: 'identity-a' } as const;
    expect(told({ force: true, scheduled: true, ...oneSubject })).toContainEqual(
      expect.stringMatching(/rotates in every run of this workflow\. Take/),
    );
  });

  it.each([
    { force: true, scheduled: false },
    { force: false, scheduled: true },
  ])('and not with %j', (changes) => {
    expect(told(changes)).not.toContainEqual(expect.stringContaining('scheduled run'));
  });
});

describe('plan tells', () => {
  const notes = (changes: DesiredChanges, seed: StateSeed) => {
    const wanted = desired(changes);
    return plan(wanted, state(wanted, seed)).notes.map(printNote).join('\n');
  };

  it('whom an interruption hits, and for how long', () => {
    const told = notes(
      { destinations: TWO },
      { credentials: [previous, current], written: [delivered, 60 * DAYS] },
    );
    expect(told).toMatch(
      /INTERRUPTION: The consumers of env:acme\/ops\/prod PEM cannot log in from the removal of p until/,
    );
  });

  it('that a credential superseded less than a day ago gives way', () => {
    const seed = { credentials: [previous, { id: 'a', age: 60 }], written: [59] };
    expect(notes({ force: true }, seed)).toMatch(/p was superseded less than a day ago/);
    expect(notes({ force: true }, { credentials: [previous, current], written: [delivered] })).not.toMatch(
      /less than a day/,
    );
  });

  it('that nothing was read from GitHub', () => {
    expect(notes({}, { credentials: [current], written: ['unread'] })).toMatch(
      /The secrets in GitHub were not read/,
    );
  });

  it('when the next rotation is due', () => {
    const wanted = desired();
    const seed = { credentials: [{ ...current, expiresIn: 60 * DAY }], written: [delivered] };
    const due = plan(wanted, state(wanted, seed)).nextRotation ?? 0;
    expect(new Date(due).toISOString()).toBe('2026-12-24T12:00:00.000Z');
  });

  it('the stage of every credential and who holds it', () => {
    const wanted = desired();
    const seed: StateSeed = {
      credentials: [
        previous,
        current,
        { id: 'x', age: 16, associated: false },
        { id: 'f', age: 5, by: 'hand', associated: false },
      ],
      written: [delivered],
    };
    const stages = plan(wanted, state(wanted, seed)).credentials.map(({ id, stage, heldBy }) => [
      id,
      stage,
      heldBy,
    ]);
    expect(stages).toEqual([
      ['f', 'foreign', []],
      ['x', 'pending', []],
      ['a', 'current', ['repo:acme/shop PEM']],
      ['p', 'previous', []],
    ]);
  });
});

/** All that a plan tells people, on as few lines as that takes. */
function tell(wanted: DesiredState, observed: ObservedState): string[] {
  try {
    const told = plan(wanted, observed);
    const due = told.nextRotation === undefined ? 'never' : new Date(told.nextRotation).toISOString();
    const { logQuestion, replaces, reuses } = told;
    const ends = (at: number | undefined) =>
      at === undefined ? '' : `, until ${new Date(at).toISOString()}`;
    return [
      `${told.reason}: ${told.explanation}. Next: ${due}.`,
      ...Object.entries({ reuses, replaces, asks: logQuestion }).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name} ${JSON.stringify(value)}`],
      ),
      ...told.steps.map((step) => `→ ${describeStep(step)}`),
      ...told.credentials.map(
        ({ associated, heldBy, id, overlapEnd, stage }) =>
          `${id} ${stage}${associated ? ', associated' : ''}${heldBy.map((location) => `, in ${location}`).join('')}${ends(overlapEnd)}`,
      ),
      ...told.notes.map((note) => `! ${printNote(note)}`),
    ];
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return [`${error.code}: ${error.failed}`, error.remedy];
  }
}

describe('every plan, as people read it', () => {
  it.each([
    ['rotations', ROWS],
    ['revocations', REVOCATIONS],
    ['rehearsals', REHEARSALS],
    ['other operations and methods', OPERATIONS],
    ['rare', RARE],
    ['refusals', [...REFUSALS, ...REFUSED]],
  ])('%s', async (name, rows) => {
    const all = rows.map(([title, changes, seed]) => {
      const wanted = desired(changes);
      return [`# ${title}`, ...tell(wanted, state(wanted, seed))].join('\n');
    });
    await expect(`${all.join('\n\n')}\n`).toMatchFileSnapshot(`plans/${name.replaceAll(' ', '-')}.txt`);
  });
});

/** What is concluded from the times, on one line. */
function conclude(wanted: DesiredState, observed: ObservedState): string {
  const inUse = credentialsInUse(wanted, observed);
  const { expiresAt, held, lacking, newest, perhapsDisplaced, staleCurrent, ...flags } = inUse;
  const true_ = Object.entries(flags).flatMap(([name, value]) => (value === true ? [name] : []));
  const pool = new Owners(wanted, observed);
  return [
    `holds ${held.map((all) => all.map(({ id }) => id).join(' or ') || 'nothing').join(' / ') || 'nothing'}`,
    `newest ${newest?.id ?? 'none'}`,
    ...(lacking.length > 0 ? [`lacking in ${lacking.join(', ')}`] : []),
    ...true_,
    ...(perhapsDisplaced ? [`perhaps displaced ${perhapsDisplaced.id}`] : []),
    ...(staleCurrent
      ? [`stale: ${'later' in staleCurrent ? staleCurrent.later.id : staleCurrent.because}`]
      : []),
    ...observed.pool.map((one) => `${one.id} ${stageOf(inUse, pool, one)}`),
    expiresAt === undefined
      ? 'expires some day'
      : `expires ${new Date(expiresAt).toISOString().slice(0, 16)}`,
  ].join('; ');
}

it('every conclusion from the times', async () => {
  const seen = [
    ...ROWS,
    ...REVOCATIONS,
    ...REHEARSALS,
    ...OPERATIONS,
    ...RARE,
    ...REFUSALS,
    ...REFUSED,
  ].flatMap(([title, changes, seed]) => {
    const others: DesiredChanges[] = [{}, { current: 'a' }, { current: 'p' }, { method: 'tls_client_auth' }];
    const lines = others.map((other) => {
      const wanted = desired({ ...changes, ...other });
      return conclude(wanted, state(wanted, seed));
    });
    return [`# ${title}`, ...new Set(lines)];
  });
  await expect(`${seen.join('\n')}\n`).toMatchFileSnapshot('plans/evidence.txt');
});
