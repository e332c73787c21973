/** What a person and the next job read: outputs, annotations, summary. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { RotationError } from '../../../src/errors.ts';
import { findingOf } from '../../../src/model/finding.ts';
import { inert } from '../../../src/model/markdown.ts';
import type { RunResult } from '../../../src/model/run-result.ts';
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
import { DAY, desired, NOW, state } from '../../support/states.ts';

const { plan: _, ...unplanned } = result({}, settled, { error: failure() });

const incomplete = new RotationError('DELIVERY_INCOMPLETE', { failed: 'It failed.', remedy: 'Mend it.' });

describe('the first line', () => {
  it.each<[string, RunResult, string]>([
    [
      'rotated',
      result({ force: true }, settled, { outcome: outcome() }),
      '✅ `shop` has a new certificate. No action needed. Next rotation on 23 January 2027.',
    ],
    [
      'not due',
      result({}, settled, { outcome: idle() }),
      '✅ `shop`: nothing is due. No action needed. Next rotation on 24 December 2026.',
    ],
    [
      'put in order',
      result(
        { current: 'cred_a' },
        { credentials: [{ ...current, associated: false }], written: [10] },
        { outcome: idle() },
      ),
      '✅ `shop`: 1 step put things in order. Read the warnings in the summary. Next rotation on 24 December 2026.',
    ],
    [
      'a plan that is due',
      result({ force: true }, settled, { readOnly: true }),
      '📋 `shop`: a rotation is due. This was only a plan.',
    ],
    [
      'a plan to enroll a client that is enrolled already and due',
      result({ operation: 'enroll', force: true }, settled, { readOnly: true }),
      '📋 `shop`: a rotation is due. This was only a plan.',
    ],
    [
      'a plan to enroll a client that uses another method',
      result({ operation: 'enroll' }, { method: 'client_secret_post' }, { readOnly: true }),
      '📋 `shop`: the client would move to another method. This was only a plan. Read the warnings in the summary.',
    ],
    [
      'a plan that interrupts somebody',
      result({ force: true, revoke: true }, settled, { readOnly: true }),
      '📋 `shop`: a rotation is due. This was only a plan. Read the warnings in the summary.',
    ],
    [
      'a plan that puts in order',
      result(
        { current: 'cred_a' },
        { credentials: [{ ...current, associated: false }], written: [10] },
        { readOnly: true },
      ),
      '📋 `shop`: 1 step would put things in order. This was only a plan. Read the warnings in the summary.',
    ],
    [
      'delivered, but not everywhere',
      result({ force: true }, settled, { outcome: outcome(), error: incomplete }),
      '❌ `shop`: a new key was stored, but not everywhere (DELIVERY_INCOMPLETE). Act before 23 January 2027, when the previous key expires.',
    ],
    [
      'delivered, and failed later',
      result({ force: true }, settled, { outcome: outcome(), error: failure() }),
      '❌ `shop`: a new key was stored, but the run failed later (VERIFICATION_FAILED). Action needed.',
    ],
    [
      'a watch that finds that nobody can log in',
      result({}, settled, {
        error: failure().withStateNow('It is so.', 'NOBODY CAN LOG IN. Act at once'),
        watch: {
          findings: [findingOf('CertificateExpired', failure())],
          lifetime: { left: -0.1, until: NOW - DAY },
          isAtWork: false,
        },
      }),
      '❌ `shop`: NOBODY CAN LOG IN. Act at once. 0 % of the validity of its certificate is left: it expired on 23 November 2026. 1 thing needs attention.',
    ],
    [
      'a plan that is not',
      result({}, settled, { readOnly: true }),
      '📋 `shop`: nothing is due. No action needed. Next rotation on 24 December 2026.',
    ],
    [
      'failed',
      result({}, settled, { error: failure() }),
      '❌ `shop`: VERIFICATION_FAILED. Act before 23 January 2027, when the current key expires.',
    ],
    [
      'failed before anything was known',
      { readOnly: false, desired: desired(), error: failure() },
      '❌ `client`: VERIFICATION_FAILED. Action needed.',
    ],
    [
      'failed before anything was known, with the certificate in use at hand',
      { readOnly: false, desired: desired({ current: 'cred_a' }), error: failure() },
      '❌ `client`: VERIFICATION_FAILED. The key in current-credential expires on 23 January 2027: act before that day, or at once if it has passed.',
    ],
    [
      'refused before there was a plan',
      { ...unplanned, expiresAt: NOW + 5 * DAY },
      '❌ `shop`: VERIFICATION_FAILED. Act before 29 November 2026, when the current key expires.',
    ],
    [
      'refused before there was a plan, and expired',
      { ...unplanned, expiresAt: NOW - 5 * DAY },
      '❌ `shop`: VERIFICATION_FAILED. Act at once: the current key expired on 19 November 2026.',
    ],
    [
      'revoked',
      result({ force: true, revoke: true }, settled, { outcome: outcome() }),
      '✅ `shop` has a new certificate. The previous one is revoked. Workflow runs that may still hold it: 0. Next rotation on 23 January 2027.',
    ],
    [
      'revoked to make room',
      result(
        { force: true, revoke: true },
        { credentials: [{ ...current, by: 'another workflow' }], written: [10] },
        { outcome: outcome({ removed: ['cred_p'] }) },
      ),
      '✅ `shop` has a new certificate. The previous one is revoked. Workflow runs that may still hold it: 0. Next rotation on 23 January 2027.',
    ],
    [
      'nothing was there to revoke',
      result(
        { force: true, revoke: true },
        { credentials: [{ ...current, by: 'another workflow' }], written: [10] },
        { outcome: outcome() },
      ),
      '✅ `shop` has a new certificate. NOTHING WAS REVOKED. Read the warnings in the summary. Next rotation on 23 January 2027.',
    ],
  ])('%s', (_, told, line) => {
    const { headline, summary } = report(told);
    expect(headline).toBe(line);
    expect(summary.split('\n')[0]).toBe(`## ${line}`);
  });
});

describe('outputs', () => {
  const declared = Object.keys(parse(readFileSync('action.yml', 'utf8')).outputs).sort();

  it.each<[string, RunResult]>([
    ['after a rotation', result({ force: true }, settled, { outcome: outcome() })],
    ['where nothing was due', result({}, settled, { outcome: idle() })],
    ['of a plan', result({ force: true }, settled, { readOnly: true })],
    ['of a failure', result({}, settled, { error: failure() })],
    ['before anything was known', { readOnly: false, desired: desired(), error: failure() }],
  ])('are the declared ones, JSON if they say so, %s', (_, told) => {
    const { outputs } = report(told);
    expect(Object.keys(outputs).sort()).toEqual(declared);
    for (const name of ['removed-credential-ids', 'plan', 'result', 'matrix']) {
      expect(() => JSON.parse(outputs[name] ?? '')).not.toThrow();
    }
    expect(JSON.parse(outputs.result ?? '')).toHaveLength(1);
    expect(outputs.rotated).toMatch(/^(true|false)$/);
    for (const value of Object.values(outputs)) expect(value).not.toMatch(/PRIVATE KEY|BEGIN/);
  });

  it('name the new credential', () => {
    const told = result({ force: true }, settled, { outcome: outcome({ removed: ['cred_p'] }) });
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

  it('name the current credential if nothing was due', () => {
    expect(report(result({}, settled, { outcome: idle() })).outputs).toMatchObject({
      rotated: 'false',
      reason: 'NotDue',
      'credential-id': 'cred_a',
      thumbprint: 'identity-cred_a',
      'not-before': '',
      'not-after': '2027-01-23T12:00:00.000Z',
      'next-rotation': '2026-12-24T12:00:00.000Z',
    });
    const exact = result({ current: 'cred_a' }, settled, { outcome: idle() });
    expect(report(exact).outputs['not-before']).toBe('2026-11-23T12:00:00.000Z');
  });

  it('have the error in the result', () => {
    const [entry] = JSON.parse(report(result({}, settled, { error: failure() })).outputs.result ?? '');
    expect(entry).toMatchObject({
      'client-id': 'client',
      rotated: false,
      error: { code: 'VERIFICATION_FAILED', message: expect.stringContaining('Mend it.') },
    });
  });

  it('say in the result where the client delivers to first', () => {
    const told = result({ destinations: ['env:acme/shop/prod', 'repo:acme/shop'] }, settled, {
      outcome: idle(),
    });
    const [entry] = JSON.parse(report(told).outputs.result ?? '');
    expect(entry.destination).toBe('env:acme/shop/prod');
  });

  it('promise no date by a certificate that does not exist', () => {
    const failed = result({ force: true }, settled, {
      error: failure(),
      outcome: { ...idle(), steps: outcome().steps },
    });
    const next = report(failed).outputs['next-rotation'];
    expect(['', '2026-12-24T12:00:00.000Z']).toContain(next);
  });

  it('name no date in the past, where a repair was kept and the rotation that was due was refused', () => {
    const told = (expiresIn: number) => {
      const credentials = [
        { ...current, associated: false, expiresIn },
        { id: 'cred_k', age: 20 * MINUTES, by: 'hand' as const },
      ];
      const seed = { credentials, written: [10 * MINUTES - 1] };
      const told = result({ current: 'cred_a', keep: ['cred_k'] }, seed, {
        outcome: idle(),
        error: failure(),
      });
      return [told.plan?.errorAtEnd?.code, told.plan?.rotates, report(told).outputs['next-rotation']];
    };
    expect(told(5 * DAY)).toEqual(['CREDENTIAL_LIMIT', false, '']);
    expect(told(50 * DAY)).toEqual([undefined, false, '2026-12-14T12:00:00.000Z']);
  });

  it('name no credential if it is not certain which one the primary holds', () => {
    const doubt = { ...idle(), inDoubt: ['repo:acme/shop PEM'] };
    expect(
      report(result({ force: true }, settled, { outcome: doubt, error: incomplete })).outputs,
    ).toMatchObject({
      rotated: 'false',
      'credential-id': '',
      thumbprint: '',
      'not-before': '',
      'not-after': '',
    });
  });

  it('have the steps of the plan as sentences', () => {
    const told = result({ force: true }, settled, { readOnly: true });
    const { reason, steps } = JSON.parse(report(told).outputs.plan ?? '');
    expect([reason, steps]).toEqual([
      'Forced',
      [
        'Issue a key pair and a self-signed certificate',
        'Upload its public part as a credential',
        'Associate the new credential alongside cred_a',
        'Prove it with a request to Auth0',
        'Store it in repo:acme/shop PEM',
      ],
    ]);
  });
});

describe('the summary', () => {
  it('shows an error in three sentences', () => {
    const { summary } = report(result({}, settled, { error: failure('All is well.') }));
    expect(summary).toContain(
      '**What failed.** It failed.\n\n**What to do.** Mend it. [More about VERIFICATION_FAILED](docs#VERIFICATION_FAILED).\n\n**What is true now.** All is well.',
    );
  });

  it('draws the week for which a credential made by hand stays', () => {
    const seed = { credentials: [{ id: 'cred_h', age: 60 * 24 * 60, by: 'hand' as const }], written: [10] };
    const { summary } = report(
      result({ force: true, overlap: DAY, current: 'cred_h' }, seed, { outcome: outcome() }),
    );
    expect(summary).toContain('overlap until 2026-12-01 :2026-11-24, 2026-12-01');
  });

  it('draws the certificates', () => {
    const { summary } = report(result({ force: true }, settled, { outcome: outcome() }));
    const chart = /```mermaid\n([\s\S]*?)\n```/
      .exec(summary)?.[1]
      ?.split('\n')
      .map((line) => line.trim());
    expect(chart).toEqual([
      'gantt',
      'dateFormat YYYY-MM-DD',
      'axisFormat %d %b',
      'section Credentials',
      'previous cred_a :done, 2026-11-14, 2027-01-23',
      'overlap until 2027-01-23 :2026-11-24, 2027-01-23',
      'new cred_new :active, 2026-11-24, 2027-02-22',
      'section Rotation',
      'next rotation 2027-01-23 :milestone, 2027-01-23, 0d',
    ]);
  });

  it('lists what was done, or would be', () => {
    const steps = [
      { text: 'Issue a key pair', milliseconds: 1234, outcome: 'done' },
      { text: 'Prove it', milliseconds: 40, outcome: 'not proven' },
    ];
    expect(report(result({ force: true }, settled, { outcome: outcome({ steps }) })).summary).toContain(
      'Proof over mTLS: **proven**.\n\n<details><summary>What was done: 2 steps (1 s)</summary>\n\n1. Issue a key pair (1 s)\n1. Prove it: not proven\n\n</details>',
    );
    expect(report(result({ force: true }, settled, { readOnly: true })).summary).toContain(
      '1. Associate the new credential alongside cred_a\n',
    );
  });

  it('begins with what interrupts, then has what must be looked at, then the reason, and says each once', () => {
    const told = result({ force: true }, settled, {
      outcome: outcome({
        notes: [
          { severity: 'notice', text: 'Good to know.' },
          { severity: 'warning', text: 'Look at it.' },
          { severity: 'warning', text: 'Look at it.' },
          { severity: 'interruption', text: 'Somebody cannot log in.' },
        ],
      }),
    });
    const { annotations, headline, summary } = report(told);
    const lines = summary.split('\n').filter((line) => /^(> |\*\*)/.test(line));
    expect(lines).toEqual([
      '> INTERRUPTION: Somebody cannot log in.',
      '> WARNING: Look at it.',
      '**Forced:** force is set.',
      '> The next rotation, on 2027-01-23, removes cred_a to make room.',
      '> Good to know.',
    ]);
    expect(annotations.map(({ message }) => message)).toEqual([
      'INTERRUPTION: Somebody cannot log in.',
      'WARNING: Look at it.',
    ]);
    expect(headline).toContain('Read the warnings in the summary.');
  });

  it('shows ninety days beside ten years', () => {
    const seed = {
      credentials: [{ id: 'cred_a', age: 10 * MINUTES, expiresIn: 3_650 * DAY }],
      written: [10 * MINUTES - 1],
    };
    const { summary } = report(result({ force: true }, seed, { outcome: outcome() }));
    const bars = summary.split('\n').filter((line) => / :(?:active|done), /.test(line));
    expect(bars.map((line) => line.trim())).toEqual([
      'previous cred_a until 2036-11-21 :done, 2026-11-14, 2027-05-23',
      'new cred_new :active, 2026-11-24, 2027-02-22',
    ]);
  });

  it('says aloud that nothing was proven', () => {
    const { annotations, summary } = report(
      result({ force: true }, settled, { outcome: outcome({ proof: 'not proven' }) }),
    );
    expect(annotations).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringContaining('WITHOUT a proof') }),
    ]);
    expect(summary).toContain('WITHOUT a proof');
    expect(report(result({ force: true }, settled, { outcome: outcome() })).annotations).toEqual([]);
  });

  it('says what would prove it: a key has no edge to set', () => {
    const unproven = { outcome: outcome({ proof: 'not proven' }) };
    const told = (method: 'private_key_jwt' | 'self_signed_tls_client_auth') =>
      report(result({ force: true, method }, settled, unproven)).annotations[0]?.message;
    expect(told('private_key_jwt')).toMatch(/key was delivered WITHOUT a proof: .* Set verify: required/);
    expect(told('private_key_jwt')).not.toContain('mtls-domain');
    expect(told('self_signed_tls_client_auth')).toContain('Set mtls-domain and verify: required');
  });

  it('names those whom a plan interrupts', () => {
    const { annotations, summary } = report(
      result(
        { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] },
        {
          credentials: [{ id: 'cred_p', age: 70 * MINUTES }, current],
          written: [10 * MINUTES - 1, 60 * MINUTES],
        },
        { readOnly: true },
      ),
    );
    expect(annotations).toEqual([
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(/^INTERRUPTION: The consumers of env:acme/),
      }),
    ]);
    expect(summary).toContain('> INTERRUPTION: The consumers of env:acme/ops/prod PEM cannot log in');
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
    const hostile = result({ force: true, clientId: name }, settled, { outcome: outcome() });
    const observed = hostile.observed ?? state(desired());
    const told = {
      ...hostile,
      observed: { ...observed, client: observed.client && { ...observed.client, name } },
    };
    const { headline, summary } = report(told);
    const plain = report(result({ force: true }, settled, { outcome: outcome() })).summary;
    const shape = (text: string) =>
      text.split('\n').map((line) => line.replace(/`[^`]*`/g, '``').replace(/\|[^|]*/g, '|'));
    expect(shape(summary)).toEqual(shape(plain));
    expect(headline).not.toMatch(/\n|::|\x1b/);
    expect(summary).not.toMatch(/::|##\[|<img|\x1b|\r/);
  });

  it('is not broken by an environment of that kind', () => {
    const told = result({ destinations: ['env:acme/shop/a|b', 'repo:acme/x'] }, settled, {
      readOnly: true,
    });
    const { summary } = report(told);
    const rows = summary.split('\n').filter((line) => line.startsWith('| `env:'));
    expect(rows).toEqual(['| `env:acme/shop/a\\|b` | `PEM` | written 2026-11-14 | unchanged |']);
  });

  it.each<[string, Partial<RunResult>]>([
    ['a plan', { readOnly: true }],
    ['a rotation', { outcome: outcome() }],
    ['a failure', { error: failure() }],
  ])(
    'of 2,000 destinations with long names stays below the megabyte that GitHub takes, and says so: %s',
    (_, rest) => {
      const destinations = Array.from({ length: 2_000 }, (_, n) => `env:acme/shop/${'é|'.repeat(120)}${n}`);
      const locations = destinations.map((destination) => `${destination} PEM`);
      const told = result(
        { destinations, privateKeySecretName: 'KEY', certificateSecretName: 'CRT', force: true },
        { credentials: [current], written: destinations.flatMap(() => [10, 10, 10]) },
        rest,
      );
      const stored = outcome({
        delivered: locations.slice(0, -1),
        inDoubt: locations.slice(-1),
        steps: [...locations, 'last'].map((text) => ({
          text,
          milliseconds: 1,
          outcome: text === 'last' ? 'failed' : 'done',
        })),
      });
      const error = rest.error?.withStateNow(locations.join(', '));
      const { summary } = report({
        ...told,
        ...(rest.outcome ? { outcome: stored } : {}),
        ...(error ? { outcome: stored, error } : {}),
      });
      expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024);
      expect(summary).toMatch(/and \d+ more \(shortened\)/);
      if (error === undefined) return;
      expect(summary).toContain('… (shortened)\n');
      // The worst is kept.
      expect(summary).toMatch(/1999` \| `PEM` \| written \S+ \| \*\*in doubt\*\* \|\n/);
      expect(summary).toContain('1. ❌ last\n');
    },
  );

  it('names a destination in doubt, and one that was missed', () => {
    const destinations = ['repo:acme/shop', 'repo:acme/a', 'repo:acme/b'];
    const made = outcome({ inDoubt: ['repo:acme/b PEM'] });
    const told = result({ destinations, force: true }, settled, { outcome: made, error: failure() });
    const rows = report(told).summary.match(/^\| `repo:.*\|$/gm);
    expect(rows).toEqual([
      '| `repo:acme/b` | `PEM` | missing | **in doubt** |',
      '| `repo:acme/a` | `PEM` | missing | **not stored** |',
      '| `repo:acme/shop` | `PEM` | written 2026-11-14 | **stored** |',
    ]);
  });

  it('claims nothing of what a run that failed has undone', () => {
    const told = result(
      { operation: 'enroll' },
      { ...settled, method: 'client_secret_post' },
      { error: failure(), outcome: idle() },
    );
    const { annotations, summary } = report(told);
    const note = /^INTERRUPTION \(planned\): [^:]/;
    expect(summary.match(/^> .*INTERRUPTION.*$/gm)).toEqual([
      expect.stringMatching(/^> INTERRUPTION \(planned\): [^:]/),
    ]);
    expect(annotations.map(({ message }) => message)).toEqual([expect.stringMatching(note)]);
    expect(summary).toMatch(/\| unchanged \|\n/);
  });
});

describe('a sentence', () => {
  it.each([
    ['by `a_*b*` and *c*', 'by `a_*b*` and \\*c\\*'],
    ['`<b>', '\\`\\<b\\>'],
    ['``<b>`', '\\``<b>`'],
    ['a `b` @c', 'a `b` @\u200bc'],
  ])('%j: nothing is Markdown but its code spans, which are closed', (sentence, shown) => {
    expect(inert(sentence)).toBe(shown);
  });
});
