/** The whole text that a person reads after each kind of run. Who changes a word sees it here, as its reader does. */

import { expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { findingOf } from '../../../src/model/finding.ts';
import type { Report, RunResult } from '../../../src/model/run-result.ts';
import { fleetReport } from '../../../src/report/fleet.ts';
import { observedLines, planLines } from '../../../src/report/log.ts';
import {
  current,
  failure,
  idle,
  MINUTES,
  outcome,
  report,
  result,
  settled,
} from '../../support/run-result.ts';
import { DAY, NOW } from '../../support/states.ts';

const TWO = { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] };
const previous = { id: 'cred_p', age: 70 * MINUTES, expiresIn: 20 * DAY };
const byHand = { id: 'cred_hand', age: 50 * MINUTES, by: 'hand' } as const;
const both = { credentials: [current, previous], written: [10 * MINUTES - 1, 10 * MINUTES - 2] };
const steps = [
  { text: 'Issue a key pair', milliseconds: 700, outcome: 'done' },
  { text: 'Upload it', milliseconds: 1_600, outcome: 'done' },
];
const broken = new RotationError('DELIVERY_INCOMPLETE', {
  failed: 'It failed.',
  remedy: 'Mend it with force: true.',
});
const RUNS = [1, 2].map((number) => ({
  repository: 'acme/shop',
  name: `deploy ${number}`,
  url: `https://github.com/acme/shop/actions/runs/${number}`,
  status: 'queued',
  createdAt: '2026-11-24T10:00:00Z',
}));
const watched = (findings: string[], left: number): Partial<RunResult> => ({
  readOnly: true,
  watch: {
    findings: findings.map((key) => findingOf(key, failure())),
    lifetime: { until: NOW + 50 * DAY, left },
    isAtWork: false,
  },
});

const RESULTS: [string, RunResult][] = [
  [
    'rotated',
    result({ ...TWO, force: true, current: 'cred_a' }, both, {
      outcome: outcome({
        steps,
        delivered: ['repo:acme/shop PEM', 'env:acme/ops/prod PEM'],
        removed: ['cred_p'],
      }),
    }),
  ],
  [
    'rotated, with an overlap of two days',
    result({ force: true, overlap: 2 * DAY }, settled, { outcome: outcome({ steps }) }),
  ],
  [
    'rotated, the first time',
    result(
      { current: 'cred_hand' },
      { credentials: [byHand] },
      { outcome: outcome({ provenBy: 'pushed request' }) },
    ),
  ],
  [
    'rotated, a key',
    result({ force: true, method: 'private_key_jwt' }, settled, {
      outcome: outcome({ proof: 'not proven', provenBy: undefined }),
    }),
  ],
  [
    'rotated, proven by an authorization code',
    result({ force: true }, settled, { outcome: outcome({ provenBy: 'authorization code' }) }),
  ],
  [
    'rotated, proven by a refresh token',
    result({ force: true }, settled, { outcome: outcome({ provenBy: 'refresh token' }) }),
  ],
  [
    'rotated, without a grant',
    result({ force: true }, settled, {
      outcome: outcome({ proof: 'not proven: no grant', provenBy: undefined }),
    }),
  ],
  [
    'rotated, without a control',
    result({ force: true }, settled, {
      outcome: outcome({ proof: 'not proven: no control', provenBy: undefined }),
    }),
  ],
  [
    'rotated, without an endpoint',
    result({ force: true }, settled, { outcome: outcome({ proof: 'not proven', provenBy: undefined }) }),
  ],
  [
    'created, not authorized',
    result({ force: true }, settled, { outcome: outcome({ proof: 'not authorized', provenBy: undefined }) }),
  ],
  [
    'revoked, with runs that hold the key',
    result({ force: true, revoke: true }, settled, {
      outcome: outcome({
        removed: ['cred_a'],
        earlierRuns: {
          runs: RUNS,
          searched: ['acme/shop'],
          unsearched: [{ destination: 'org:acme', why: 'An organization has no list of runs.' }],
        },
      }),
    }),
  ],
  [
    'revoked, and nobody holds it',
    result({ force: true, revoke: true }, settled, {
      outcome: outcome({
        removed: ['cred_a'],
        earlierRuns: { runs: [], searched: ['acme/shop'], unsearched: [] },
      }),
    }),
  ],
  ['not due', result({}, settled, { outcome: idle() })],
  [
    'put in order',
    result(
      { current: 'cred_a' },
      { credentials: [{ ...current, associated: false }], written: [10] },
      { outcome: { ...idle(), steps } },
    ),
  ],
  ['planned', result({ ...TWO, force: true }, both, { readOnly: true })],
  [
    'planned, an enrollment',
    result({ operation: 'enroll' }, { method: 'client_secret_post' }, { readOnly: true }),
  ],
  ['planned, a revert', result({ operation: 'revert' }, settled, { readOnly: true })],
  [
    'rehearsed',
    result({ operation: 'rehearse', current: 'cred_a' }, settled, { outcome: { ...idle(), steps } }),
  ],
  [
    'reverted',
    result({ operation: 'revert' }, settled, { outcome: { ...idle(), steps, removed: ['cred_a'] } }),
  ],
  [
    'failed, and undone',
    result({ force: true }, settled, {
      error: failure(),
      outcome: { ...idle(), steps: [...steps, { text: 'Log in', milliseconds: 3_000, outcome: 'failed' }] },
    }),
  ],
  [
    'failed, with an alarm',
    result({ force: true }, settled, {
      error: failure().withStateNow('The client is out.', 'NOBODY CAN LOG IN. Act at once'),
    }),
  ],
  [
    'failed, with bad inputs',
    {
      ...result({}, settled),
      plan: undefined,
      observed: undefined,
      error: new RotationError('INVALID_INPUT', {
        failed: 'The inputs have 2 problems: a b',
        remedy: 'Correct the workflow.',
        problems: ['a', 'b'],
      }),
    } as unknown as RunResult,
  ],
  [
    'delivered, but not everywhere',
    result({ ...TWO, force: true }, both, {
      error: broken,
      outcome: outcome({ steps, inDoubt: ['env:acme/ops/prod PEM'] }),
    }),
  ],
  ['watched, all is well', result({}, settled, watched([], 0.6))],
  [
    'watched, with findings',
    result({}, settled, {
      ...watched(['RotationOverdue', 'WorkflowFailed'], 0.2),
      error: new RotationError('WATCH_FAILED', { failed: 'It failed.', remedy: 'Mend it.' }),
    }),
  ],
];

function printed({ annotations, headline, outputs, summary }: Report): string {
  const shown = annotations.map(({ level, message, title }) => `${level}: ${title}: ${message}`);
  const set = Object.entries(outputs).map(([name, value]) => `${name}=${value}`);
  return [headline, ...shown, ...set, '', summary].join('\n');
}

it('each kind of run', async () => {
  const texts = RESULTS.map(([name, told]) => {
    const log = [
      ...(told.observed ? observedLines(told.observed) : []),
      ...(told.plan ? planLines(told.plan) : []),
    ];
    return [`# ${name}`, ...log, '', printed(report(told))].join('\n');
  });
  await expect(`${texts.join('\n\n')}\n`).toMatchFileSnapshot('whole/one-client.txt');
});

it('a fleet', async () => {
  const of = (clientId: string, [, told]: [string, RunResult] | [string]) =>
    ({ ...told, desired: { ...told?.desired, clientId } }) as RunResult;
  const named = (name: string) => RESULTS.find(([one]) => one === name) ?? [name];
  const fleet = RESULTS.filter(([name]) => !/watched|revoked|rehearsed|revert/.test(name)).map((one, index) =>
    of(`client-${index}`, one as [string, RunResult]),
  );
  const spared = of('spared', named('not due') as [string, RunResult]);
  const skipped = (code: 'CANARY_FAILED' | 'CANCELLED') => ({
    ...spared,
    outcome: undefined,
    error: new RotationError(code, { failed: 'It was not tried.', remedy: 'Look at the other.' }),
  });
  const planned = fleet.filter(({ readOnly }) => readOnly);
  const told = [
    fleetReport(
      [
        ...fleet,
        skipped('CANARY_FAILED') as unknown as RunResult,
        skipped('CANCELLED') as unknown as RunResult,
      ],
      (code) => `docs#${code}`,
    ),
    fleetReport(planned, (code) => `docs#${code}`),
    fleetReport([], (code) => `docs#${code}`),
  ];
  await expect(`${told.map(printed).join('\n\n')}\n`).toMatchFileSnapshot('whole/fleet.txt');
});
