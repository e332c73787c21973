/** What a person and the next job read: outputs, annotations, summary. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { RotationError } from '../src/errors.ts';
import type { Outcome } from '../src/job.ts';
import { plan } from '../src/plan.ts';
import { type Account, report as reportWith } from '../src/report.ts';
import { DAY, NOW, type StateSeed, state, type WishChanges, wish } from './support/state.ts';

const MINUTES = 24 * 60;
const current = { id: 'cred_a', age: 10 * MINUTES };
const settled: StateSeed = { credentials: [current], written: [10 * MINUTES - 1] };
const report = (account: Account) => reportWith(account, (code) => `docs#${code}`);

const NEW = {
  id: 'cred_new',
  identity: 'identity-new',
  thumbprint: 'thumbprint-new',
  subject: 'CN=client',
  keySize: 2048,
  notBefore: new Date(NOW),
  notAfter: new Date(NOW + 90 * DAY),
};

function account(changes: WishChanges, seed: StateSeed, rest: Partial<Account> = {}): Account {
  const wanted = wish(changes);
  const observed = state(wanted, seed);
  return {
    planOnly: false,
    wish: wanted,
    state: observed,
    plan: plan(wanted, observed),
    ...rest,
  };
}

function outcome(changes: Partial<Outcome> = {}): Outcome {
  return {
    rotated: true,
    credential: NEW,
    proof: 'proven',
    clientId: 'client',
    delivered: ['repo:acme/shop PEM'],
    removed: [],
    steps: [{ text: 'Issue a key pair', milliseconds: 1234 }],
    ...changes,
  };
}

const idle = (): Outcome => ({
  ...outcome(),
  rotated: false,
  credential: undefined,
  delivered: [],
  steps: [],
});
const failure = (truth?: string) =>
  new RotationError('VERIFICATION_FAILED', {
    failed: 'It failed.',
    remedy: 'Mend it.',
    ...(truth === undefined ? {} : { truth }),
  });

describe('the first line', () => {
  it.each<[string, Account, string]>([
    [
      'rotated',
      account({ force: true }, settled, { outcome: outcome() }),
      '✅ `shop` has a new certificate (Forced). Nothing is to be done. The next rotation is due on 2027-01-23.',
    ],
    [
      'not due',
      account({}, settled, { outcome: idle() }),
      '✅ `shop`: nothing is due. The next rotation is due on 2026-12-24.',
    ],
    [
      'put in order',
      account(
        { current: 'cred_a' },
        { credentials: [{ ...current, associated: false }], written: [10] },
        { outcome: idle() },
      ),
      '✅ `shop`: no rotation was due; 1 step put things in order. The next rotation is due on 2026-12-24.',
    ],
    [
      'a plan that is due',
      account({ force: true }, settled, { planOnly: true }),
      '📋 `shop`: a rotation is due (Forced). This was only a plan.',
    ],
    [
      'a plan that is not',
      account({}, settled, { planOnly: true }),
      '📋 `shop`: nothing is due. The next rotation is due on 2026-12-24.',
    ],
    ['failed', account({}, settled, { error: failure() }), '❌ `shop`: VERIFICATION_FAILED.'],
    [
      'failed before anything was known',
      { planOnly: false, wish: wish(), error: failure() },
      '❌ `client`: VERIFICATION_FAILED.',
    ],
  ])('%s', (_, told, line) => {
    const { headline, summary } = report(told);
    expect(headline).toBe(line);
    expect(summary.split('\n')[0]).toBe(`## ${line}`);
  });
});

describe('outputs', () => {
  const declared = Object.keys(parse(readFileSync('action.yml', 'utf8')).outputs).sort();

  it.each<[string, Account]>([
    ['after a rotation', account({ force: true }, settled, { outcome: outcome() })],
    ['where nothing was due', account({}, settled, { outcome: idle() })],
    ['of a plan', account({ force: true }, settled, { planOnly: true })],
    ['of a failure', account({}, settled, { error: failure() })],
    ['before anything was known', { planOnly: false, wish: wish(), error: failure() }],
  ])('are the declared ones, JSON where they say so, %s', (_, told) => {
    const { outputs } = report(told);
    expect(Object.keys(outputs).sort()).toEqual(declared);
    for (const name of ['removed-credential-ids', 'plan', 'result', 'matrix']) {
      expect(() => JSON.parse(outputs[name] ?? '')).not.toThrow();
    }
    expect(JSON.parse(outputs.result ?? '')).toHaveLength(1);
    expect(outputs.rotated).toMatch(/^(true|false)$/);
    for (const value of Object.values(outputs)) expect(value).not.toMatch(/PRIVATE KEY|BEGIN/);
  });

  it('tell the new credential', () => {
    const told = account({ force: true }, settled, { outcome: outcome({ removed: ['cred_p'] }) });
    expect(report(told).outputs).toMatchObject({
      rotated: 'true',
      reason: 'Forced',
      'credential-id': 'cred_new',
      thumbprint: 'thumbprint-new',
      'not-before': '2026-11-24T12:00:00.000Z',
      'not-after': '2027-02-22T12:00:00.000Z',
      'removed-credential-ids': '["cred_p"]',
      'next-rotation': '2027-01-23T12:00:00.000Z',
      matrix: '[]',
    });
  });

  it('tell the current one where nothing was due', () => {
    expect(report(account({}, settled, { outcome: idle() })).outputs).toMatchObject({
      rotated: 'false',
      reason: 'NotDue',
      'credential-id': 'cred_a',
      thumbprint: 'identity-cred_a',
      'not-before': '',
      'not-after': '2027-01-23T12:00:00.000Z',
      'next-rotation': '2026-12-24T12:00:00.000Z',
    });
    const exact = account({ current: 'cred_a' }, settled, { outcome: idle() });
    expect(report(exact).outputs['not-before']).toBe('2026-11-23T12:00:00.000Z');
  });

  it('tell the error in the result', () => {
    const [entry] = JSON.parse(report(account({}, settled, { error: failure() })).outputs.result ?? '');
    expect(entry).toMatchObject({
      'client-id': 'client',
      rotated: false,
      error: { code: 'VERIFICATION_FAILED', message: expect.stringContaining('Mend it.') },
    });
  });

  it('promise no date by a certificate that does not exist', () => {
    const failed = account({ force: true }, settled, {
      error: failure(),
      outcome: { ...idle(), steps: outcome().steps },
    });
    const next = report(failed).outputs['next-rotation'];
    expect(['', '2026-12-24T12:00:00.000Z']).toContain(next);
  });

  it('tell the steps of the plan as sentences', () => {
    const told = account({ force: true }, settled, { planOnly: true });
    const { reason, steps } = JSON.parse(report(told).outputs.plan ?? '');
    expect([reason, steps]).toEqual([
      'Forced',
      [
        'Issue a key pair and a self-signed certificate',
        'Upload its public part as a credential',
        'Associate (issued) alongside cred_a',
        'Prove it with a token request',
        'Store it in repo:acme/shop PEM',
      ],
    ]);
  });
});

describe('the summary', () => {
  it('tells an error in three sentences', () => {
    const { summary } = report(account({}, settled, { error: failure('All is well.') }));
    expect(summary).toContain(
      '**What failed.** It failed.\n\n**What to do.** Mend it. [More about VERIFICATION_FAILED](docs#VERIFICATION_FAILED).\n\n**What is true now.** All is well.',
    );
  });

  it('draws the certificates', () => {
    const { summary } = report(account({ force: true }, settled, { outcome: outcome() }));
    const chart = /```mermaid\n([\s\S]*?)\n```/
      .exec(summary)?.[1]
      ?.split('\n')
      .map((line) => line.trim());
    expect(chart).toEqual([
      'gantt',
      'dateFormat YYYY-MM-DD',
      'axisFormat %d %b',
      'section Credentials',
      'current (new) cred_new :active, 2026-11-24, 2027-02-22',
      'previous cred_a :done, 2026-11-14, 2027-01-23',
      'section Plan',
      'next rotation :milestone, 2027-01-23, 0d',
    ]);
  });

  it('lists what was done, or would be', () => {
    expect(report(account({ force: true }, settled, { outcome: outcome() })).summary).toContain(
      '### What was done\n1. Issue a key pair (1.2 s)\n\nProof over mTLS: **proven**.',
    );
    expect(report(account({ force: true }, settled, { planOnly: true })).summary).toContain(
      '`!cert +cred ~[cred_a,(issued)] ?auth >repo:acme/shop`',
    );
  });

  it('says aloud that nothing was proven', () => {
    const { annotations, summary } = report(
      account({ force: true }, settled, { outcome: outcome({ proof: 'not proven' }) }),
    );
    expect(annotations).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringContaining('WITHOUT a proof') }),
    ]);
    expect(summary).toContain('WITHOUT a proof');
    expect(report(account({ force: true }, settled, { outcome: outcome() })).annotations).toEqual([]);
  });

  it('warns of whom a plan interrupts', () => {
    const { annotations, summary } = report(
      account(
        { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] },
        {
          credentials: [{ id: 'cred_p', age: 70 * MINUTES }, current],
          written: [10 * MINUTES - 1, 60 * MINUTES],
        },
        { planOnly: true },
      ),
    );
    expect(annotations).toEqual([
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(/^INTERRUPTION: env:acme/),
      }),
    ]);
    expect(summary).toContain('> INTERRUPTION: env:acme/ops/prod PEM cannot log in');
  });

  it.each([
    'a|b',
    '`a`',
    'a\n\n## b\n| c |',
    '::error::a',
    '##[group]a',
    '<img src=x>',
    'a\r\n::set-output name=x::y',
    '\x1b[31ma',
    '```\n',
  ])('is not broken by a client that is called %j', (name) => {
    const hostile = account({ force: true, clientId: name }, settled, { outcome: outcome() });
    const observed = hostile.state ?? state(wish());
    const told = {
      ...hostile,
      state: { ...observed, client: observed.client && { ...observed.client, name } },
    };
    const { headline, summary } = report(told);
    const plain = report(account({ force: true }, settled, { outcome: outcome() })).summary;
    const shape = (text: string) =>
      text.split('\n').map((line) => line.replace(/`[^`]*`/g, '``').replace(/\|[^|]*/g, '|'));
    expect(shape(summary)).toEqual(shape(plain));
    expect(headline).not.toMatch(/\n|::|\x1b/);
    expect(summary).not.toMatch(/::|##\[|<img|\x1b|\r/);
  });

  it('is not broken by an environment of that kind', () => {
    const told = account({ destinations: ['env:acme/shop/a|b', 'repo:acme/x'] }, settled, {
      planOnly: true,
    });
    const { summary } = report(told);
    const rows = summary.split('\n').filter((line) => line.startsWith('| env:'));
    expect(rows).toEqual(['| env:acme/shop/a\\|b | `PEM` | written 2026-11-14 | unchanged |']);
  });

  it('stays far below the megabyte that GitHub takes', () => {
    const destinations = Array.from({ length: 100 }, (_, n) => `env:acme/shop/${'e'.repeat(250)}${n}`);
    const told = account(
      { destinations, privateKeySecretName: 'KEY', certificateSecretName: 'CRT', force: true },
      { credentials: [current], written: destinations.flatMap(() => [10, 10, 10]) },
      { planOnly: true },
    );
    expect(Buffer.byteLength(report(told).summary)).toBeLessThan(1024 * 1024);
  });
});
