/** The report of a fleet: worst first, only what a person must do, and never longer than GitHub takes. */

import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import type { Note } from '../../../src/model/note.ts';
import type { RunResult } from '../../../src/model/run-result.ts';
import { parseShard } from '../../../src/model/shard.ts';
import { fleetReport } from '../../../src/report/fleet.ts';
import { outcome as done, result, settled } from '../../support/run-result.ts';
import { desired, NOW, state } from '../../support/states.ts';

const DAY = 86_400_000;
const plan = (steps: number, rotates = false, notes: Note[] = []): NonNullable<RunResult['plan']> => ({
  reason: rotates ? 'CertificateExpiring' : 'NotDue',
  explanation: 'so it is',
  steps: Array.from(
    { length: steps },
    () => ({ kind: 'delete-credential', id: 'cred_1', why: 'overlap' }) as never,
  ),
  rotates,
  reuses: undefined,
  replaces: undefined,
  revokes: [],
  nextRotation: 1_800_000_000_000 + steps * DAY,
  credentials: [],
  notes,
  logQuestion: undefined,
  probes: [],
  lockout: { before: undefined, afterKeptSteps: undefined },
  errorAtEnd: undefined,
});
const of = (clientId: string, result: Partial<RunResult> = {}): RunResult => ({
  readOnly: false,
  desired: desired({ clientId }),
  plan: plan(0),
  ...result,
});
const outcome = (clientId: string): NonNullable<RunResult['outcome']> => ({
  rotated: true,
  credential: undefined,
  proof: 'proven',
  provenBy: 'token',
  notes: [],
  earlierRuns: undefined,
  clientId,
  delivered: [],
  inDoubt: [],
  removed: [`old ${clientId}`],
  steps: [],
});
const failure = (code: 'AUTH0_FORBIDDEN' | 'CANARY_FAILED' | 'CANCELLED', failed = 'It | failed.') =>
  new RotationError(code, { failed, remedy: 'Do something.' });

const FLEET = [
  of('rests'),
  of('tidied', { plan: plan(1) }),
  of('rotated', { plan: plan(2, true), outcome: outcome('rotated') }),
  of('warned', { plan: plan(3, true, [{ severity: 'warning', text: 'look' }]), outcome: outcome('warned') }),
  of('spared', { error: failure('CANARY_FAILED') }),
  of('failed', { error: failure('AUTH0_FORBIDDEN') }),
];
const told = (results: readonly RunResult[]) => fleetReport(results, (code) => `docs#${code}`);
const size = (text: string) => Buffer.byteLength(text);

describe('the report of a fleet', () => {
  it('has a sign that a client with a warning needs somebody, although it is not due', () => {
    const notes = [{ severity: 'warning' as const, text: 'look' }];
    const both = [of('rests'), of('warned', { plan: plan(0, false, notes) })];
    expect(told(both).headline).toBe('⚠️ 2 clients: 1 not due with warnings, 1 not due.');
  });

  it('names the day on which the last key works, of a client that failed before its first delivery', () => {
    const observed = state(desired(), { credentials: [{ id: 'h', age: 5, by: 'hand' }] });
    const failed = of('new', { error: failure('AUTH0_FORBIDDEN'), observed });
    expect(told([failed]).headline).toMatch(
      /^❌ 1 client: 1 failed\. Act before \d+ \w+ 20\d\d, when the first key/,
    );
    const over = { ...observed, pool: observed.pool.map((c) => ({ ...c, expiresAt: observed.now - 1 })) };
    expect(told([{ ...failed, observed: over }]).headline).toMatch(
      /1 failed\. Act at once: the key of a client that failed expired on \d+ \w+ 20\d\d\.$/,
    );
    const unknown = { ...observed, pool: observed.pool.map((c) => ({ ...c, expiresAt: undefined })) };
    expect(told([{ ...failed, observed: unknown }]).headline).toBe('❌ 1 client: 1 failed.');
  });

  it('counts a client whose work a cancellation ended as failed, and not as one that nobody tried', () => {
    const error = failure('CANCELLED');
    const { annotations, headline } = told([
      of('waiting', { error }),
      of('at work', { error, outcome: { ...outcome('at work'), rotated: false } }),
    ]);
    expect(headline).toBe('❌ 2 clients: 1 failed, 1 not tried.');
    expect(annotations.map(({ title }) => title)).toHaveLength(1);
    expect(annotations[0]?.title).toContain('at work');
  });

  it('is one table, worst first', () => {
    const { headline, summary } = told(FLEET);
    expect(headline).toBe(
      '❌ 6 clients: 1 failed, 1 not tried, 1 rotated with warnings, 1 rotated, 1 put in order, 1 not due.',
    );
    const rows = [...summary.matchAll(/^\| `([^`]+)` \| (\S+ [^|]+) \|/gm)].map(
      ([, id, what]) => `${id}: ${what}`,
    );
    expect(rows).toEqual([
      'failed: ❌ failed',
      'spared: ⏸️ not tried',
      'warned: ⚠️ rotated with warnings',
      'rotated: ✅ rotated',
      'tidied: ✅ put in order',
      'rests: ✅ not due',
    ]);
    expect(summary).toContain(
      '<details open><summary>failed (secret repo:acme/shop PEM)</summary>\n\n**What failed.** It \\| failed.',
    );
    expect(summary).not.toContain('<summary>rests');
  });

  it('annotates what a person must do, and no more than GitHub shows', () => {
    const { annotations } = told(FLEET);
    expect(annotations.map(({ level, title }) => [level, title])).toEqual([
      ['error', 'AUTH0_FORBIDDEN: client failed (secret repo:acme/shop PEM)'],
      ['warning', 'Client warned'],
    ]);
    expect(annotations[0]?.message).toContain(
      'Do something. Nothing was changed in Auth0 or GitHub. More: docs#AUTH0',
    );
    const many = told(
      Array.from({ length: 40 }, (_, at) => of(`c${at}`, { error: failure('AUTH0_FORBIDDEN') })),
    );
    expect(many.annotations.length).toBe(10);
    expect(many.annotations[9]).toMatchObject({
      level: 'error',
      message: expect.stringContaining('And 31 more'),
    });
  });

  it('names the client that failed, by name, id and the day when the key expires', () => {
    const failed = { ...result({}, settled), error: failure('AUTH0_FORBIDDEN') };
    const { annotations, summary } = told([failed]);
    expect(summary).toContain(
      '| shop (`client`) | ❌ failed | `AUTH0_FORBIDDEN` | 2027‑01‑23 | 2026‑12‑24 |',
    );
    expect(summary).toContain('The current key expires on 23 January 2027.');
    expect(annotations).toEqual([
      expect.objectContaining({
        title: 'AUTH0_FORBIDDEN: shop, client client',
        message: expect.stringContaining('The current key expires on 23 January 2027.'),
      }),
    ]);
  });

  it('says by when to act', () => {
    const failed = { ...result({}, settled), error: failure('AUTH0_FORBIDDEN') };
    expect(told([failed, of('a')]).headline).toBe(
      '❌ 2 clients: 1 failed, 1 not due. Act before 23 January 2027, when the first key of a client that failed expires.',
    );
  });

  it('does not say whether the day has passed, where no server has told the time', () => {
    const wanted = desired({ current: 'a' });
    const notAfter = new Date(NOW - DAY);
    const error = failure('AUTH0_FORBIDDEN');
    const unread = {
      readOnly: false,
      error,
      desired: { ...wanted, currentKey: { ...wanted.currentKey, notAfter } },
    };
    const { headline, summary } = told([unread as unknown as RunResult]);
    expect(headline).toMatch(
      / Act before \d+ \w+ 20\d\d, when the first key .* expires, or at once if that day has passed\.$/,
    );
    expect(summary).toMatch(/ The last day of the current key is \d+ \w+ 20\d\d\./);
  });

  it('names no deadline of a key that a rotation has replaced', () => {
    const made = { ...result({}, settled), outcome: done(), error: failure('AUTH0_FORBIDDEN') };
    const { annotations, headline, summary } = told([made]);
    expect(headline).toBe('❌ 1 client: 1 failed.');
    expect(`${summary} ${annotations[0]?.message}`).not.toMatch(/key expire/);
  });

  it('names the end of the previous key where the new one is not everywhere, if that is ahead', () => {
    const error = new RotationError('DELIVERY_INCOMPLETE', { failed: 'It failed.', remedy: 'Mend it.' });
    const made = { ...result({}, settled), outcome: done(), error };
    const { annotations, headline, summary } = told([made]);
    expect(headline).toMatch(
      / Act before 23 January 2027, when the first key of a client that failed expires\.$/,
    );
    expect(summary).toContain('**What failed.** It failed. The previous key expires on 23 January 2027.');
    expect(annotations[0]?.message).toContain('The previous key expires on 23 January 2027.');
    const { observed } = made;
    const later = told([
      { ...made, ...(observed && { observed: { ...observed, now: observed.now + 90 * DAY } }) },
    ]);
    expect(later.headline).toBe('❌ 1 client: 1 failed.');
    expect(later.summary).not.toMatch(/key expire/);
  });

  it('marks in the details the step that failed and what a step did instead', () => {
    const steps = [
      { text: 'Issue', milliseconds: 1_600, outcome: 'done' },
      { text: 'Prove it', milliseconds: 5, outcome: 'not proven' },
      { text: 'Store it', milliseconds: 5, outcome: 'failed' },
    ];
    const { summary } = told([
      { ...result({}, settled), outcome: done({ steps }), error: failure('AUTH0_FORBIDDEN') },
    ]);
    expect(summary).toContain('1. Issue (2 s)\n1. Prove it: not proven\n1. ❌ Store it\n');
  });

  it('begins with whoever may be locked out, even if the canary has failed', () => {
    const alarmed = (code: 'AUTH0_FORBIDDEN' | 'CANARY_FAILED') => {
      const error = failure(code);
      return error.withStateNow(error.stateNow, 'its consumers CANNOT LOG IN');
    };
    const all = [
      of('late', { error: failure('AUTH0_FORBIDDEN') }),
      of('out', { error: alarmed('CANARY_FAILED') }),
    ];
    const { annotations, headline, summary } = told(all);
    expect(headline).toBe(
      '❌ Act at once for 1 client, named first below. 2 clients: 1 failed, 1 not tried.',
    );
    expect(summary).toMatch(/ --- \|\n\| `out` \| ⏸️ not tried, ACT AT ONCE \|/);
    expect(summary).toMatch(
      /<summary>out .*\n\n\*\*Alarm:\*\* its consumers CANNOT LOG IN\.\n\n\*\*What failed/,
    );
    expect(annotations[0]?.message).toMatch(/^Its consumers CANNOT LOG IN\. It \| failed\. Do something\./);
  });

  it('says what an advice for one client means with a manifest', () => {
    const told = (remedy: string) => {
      const error = new RotationError('SECRET_EXISTS', { failed: 'It failed.', remedy });
      const { annotations, summary } = fleetReport([of('a', { error })], (code) => code);
      const all = `${annotations[0]?.message} ${summary}`;
      return [/Never tick force for the whole workflow/g, /current-credential-env/g].map(
        (words) => all.match(words)?.length ?? 0,
      );
    };
    expect(told('Pass current-credential. Or start the workflow by hand with force: true.')).toEqual([2, 2]);
    expect(told('Start the workflow by hand once with force: true.')).toEqual([2, 0]);
    // To who has written it into the manifest nobody says to write it there.
    const inFile =
      'force: true rotates in every run of this workflow. Take that line out of the workflow or the manifest, and start a forced rotation by hand.';
    expect(told(inFile)).toEqual([0, 0]);
    expect(told('Pass current-credential.')).toEqual([0, 2]);
    expect(told('Do something.')).toEqual([0, 0]);
  });

  it('says so of a warning too', () => {
    const notes: Note[] = [{ severity: 'warning', text: 'Pass current-credential to store it.' }];
    const { annotations, summary } = told([of('a', { plan: plan(1, true, notes), outcome: outcome('a') })]);
    expect(annotations[0]?.message).toContain('is current-credential-env');
    expect(summary).toContain('is current-credential-env');
  });

  it('says once what is the same for several clients', () => {
    const look: Note[] = [{ severity: 'warning', text: 'look' }];
    const many = ['a', 'b', 'c', 'd', 'e'].map((id) =>
      of(id, { plan: plan(1, true, look), outcome: outcome(id) }),
    );
    const { annotations, summary } = told([
      ...many,
      of('f', {
        plan: plan(1, true, look.concat({ severity: 'warning', text: 'mine' })),
        outcome: outcome('f'),
      }),
    ]);
    expect(annotations).toEqual([
      { level: 'warning', title: 'Clients a, b, c and 3 more', message: 'WARNING: look' },
      { level: 'warning', title: 'Client f', message: 'WARNING: mine' },
    ]);
    expect(summary.match(/^> .*$/gm)).toEqual([
      '> Clients a, b, c and 3 more: WARNING: look',
      '> WARNING: mine',
    ]);
  });

  it('has outputs of all: those about one client are empty', () => {
    const { outputs } = told(FLEET);
    expect(outputs).toMatchObject({
      rotated: 'true',
      'removed-credential-ids': '["old rotated","old warned"]',
      'next-rotation': new Date(1_800_000_000_000).toISOString(),
      plan: 'null',
      matrix: '[]',
      'credential-id': '',
      thumbprint: '',
    });
    const result: { 'client-id': string; error?: object }[] = JSON.parse(outputs.result ?? '');
    expect(result.map((entry) => [entry['client-id'], entry.error !== undefined])).toEqual([
      ['failed', true],
      ['spared', true],
      ['warned', false],
      ['rotated', false],
      ['tidied', false],
      ['rests', false],
    ]);
  });

  it('of a plan has the shards of those for which anything is to be done', () => {
    const due = Array.from({ length: 120 }, (_, at) =>
      of(`due${at}`, { readOnly: true, plan: plan(1, true) }),
    );
    const idle = Array.from({ length: 500 }, (_, at) => of(`idle${at}`, { readOnly: true }));
    const failed = of('failed', { readOnly: true, error: failure('AUTH0_FORBIDDEN') });
    const { headline, outputs } = told([...idle, ...due, failed]);
    const shards: string[] = JSON.parse(outputs.matrix ?? '');
    expect(shards.map(parseShard)).toEqual([1, 2, 3].map((index) => ({ index, of: 3 })));
    expect(headline).toBe('❌ 621 clients: 1 failed, 120 would be rotated, 500 not due.');
  });

  it('of no client says so', () => {
    expect(told([]).headline).toBe('✅ 0 clients: none in this shard.');
    expect(JSON.parse(told([]).outputs.result ?? '')).toEqual([]);
  });

  it('is never longer than GitHub takes, keeps the worst and counts the rest', () => {
    const long = 'ä'.repeat(300);
    const rest = Array.from({ length: 12_000 }, (_, at) =>
      of(`${long}${at}`, { plan: plan(2, true), outcome: outcome('x') }),
    );
    const failed = Array.from({ length: 1_500 }, (_, at) =>
      of(`bad${at}`, { error: failure('AUTH0_FORBIDDEN', long) }),
    );
    const { annotations, outputs, summary } = told([...rest, ...failed]);
    expect(size(summary)).toBeLessThan(1_048_576);
    expect(summary).toMatch(/\d+ more clients have no row, since the summary has reached its longest size\./);
    expect(summary).toMatch(/Details of \d+ more clients were left out/);
    for (let at = 0; at < 1_500; at += 1) expect(summary).toContain(`| \`bad${at}\` |`);
    expect(annotations.length).toBe(10);
    // GitHub counts two bytes a character.
    expect((outputs.result ?? '').length * 2).toBeLessThan(1_000_000);
    const result: Record<string, unknown>[] = JSON.parse(outputs.result ?? '');
    expect(result[0]?.['client-id']).toBe('bad0');
    expect(result.at(-1)).toEqual({ 'left-out': 13_500 - result.length + 1 });
  });
});
