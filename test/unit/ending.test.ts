/** How a run ends: one headline, one summary and an exit code, whatever fails and wherever. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as runner from '../../src/actions-runner.ts';
import { Ending } from '../../src/ending.ts';
import { asRotationError, RotationError } from '../../src/errors.ts';

const EVENTS = ['uncaughtException', 'unhandledRejection', 'beforeExit'] as const;
const folder = mkdtempSync(join(tmpdir(), 'ending-'));
afterAll(() => rmSync(folder, { recursive: true }));
const summaryFile = join(folder, 'summary');
let before: Map<string, unknown[]>;
let log: string[];
beforeEach(() => {
  before = new Map(EVENTS.map((event) => [event, process.listeners(event as 'beforeExit')]));
  log = [];
  writeFileSync(summaryFile, '');
  // The toolkit looks for the file once in a process.
  Object.assign(core.summary, { _filePath: undefined });
  vi.stubEnv('GITHUB_STEP_SUMMARY', summaryFile);
  vi.stubEnv('GITHUB_OUTPUT', undefined);
  process.exitCode = undefined;
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => log.push(`${chunk}`) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const event of EVENTS)
    for (const listener of process.listeners(event as 'beforeExit'))
      if (!before.get(event)?.includes(listener)) process.off(event, listener);
  process.exitCode = undefined;
});

/** As Node does it, without the listeners of the tests themselves. */
function happens(event: (typeof EVENTS)[number], thrown?: unknown): void {
  const own = process.listeners(event as 'beforeExit').filter((one) => !before.get(event)?.includes(one));
  expect(own).toHaveLength(1);
  for (const listener of own) (listener as (error: unknown) => void)(thrown);
}

const REPORT = { outputs: {}, annotations: [], headline: '✅ all is well', summary: '## ✅ all is well' };
const summary = () => readFileSync(summaryFile, 'utf8');
const text = () => log.join('');
const errors = () => text().match(/^::error .*$/gm) ?? [];
const FAILURE = new RotationError('CLIENT_NOT_FOUND', { failed: 'It failed.', remedy: 'Mend it.' });

describe('a run that comes to its end', () => {
  it('is reported, and ends with success', async () => {
    const ending = new Ending();
    await ending.complete(REPORT);
    happens('beforeExit');
    expect([process.exitCode, errors(), ending.signal.aborted]).toEqual([undefined, [], false]);
    expect(text()).toContain('✅ all is well');
    expect(summary()).toContain('## ✅ all is well');
  });

  it('does not end well if something has failed that nobody awaited', async () => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      const ending = new Ending();
      happens(event, new TypeError('a defect'));
      expect([process.exitCode, ending.signal.aborted]).toEqual([1, true]);
      await ending.complete(REPORT);
      expect(errors()).toHaveLength(1);
      expect(errors()[0]).toMatch(
        /title=INTERNAL_ERROR::.*TypeError: a defect.*The run then undid or finished what it had begun/,
      );
      expect(summary()).toContain('INTERNAL_ERROR');
      log.length = 0;
      for (const one of EVENTS)
        for (const listener of process.listeners(one as 'beforeExit'))
          if (!before.get(one)?.includes(listener)) process.off(one, listener);
    }
  });

  it('reports once what fails after it', async () => {
    const ending = new Ending();
    await ending.complete(REPORT);
    happens('unhandledRejection', new TypeError('late'));
    happens('unhandledRejection', new TypeError('later'));
    expect(process.exitCode).toBe(1);
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toContain('TypeError: late');
  });

  it('that throws nothing has failed all the same', async () => {
    const ending = new Ending();
    happens('unhandledRejection', undefined);
    await ending.complete(REPORT);
    expect([process.exitCode, errors().length]).toEqual([1, 1]);
  });
});

describe('a run that fails', () => {
  it('says why, once, in the log and in the summary', async () => {
    const ending = new Ending();
    await ending.fail(FAILURE);
    happens('beforeExit');
    expect(process.exitCode).toBe(1);
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toMatch(/title=CLIENT_NOT_FOUND::It failed\. Mend it\. Nothing was changed/);
    expect(summary()).toContain('CLIENT_NOT_FOUND');
  });

  it('for an unknown cause leaves what it did', async () => {
    await new Ending().fail(new TypeError('a defect'));
    expect(errors()[0]).toMatch(
      /title=INTERNAL_ERROR::.*What the run had changed before this error is still changed.*an enroll and nobody can log in, set the method/,
    );
  });

  it('says what failed first', async () => {
    const ending = new Ending();
    happens('uncaughtException', new TypeError('first'));
    await ending.fail(FAILURE);
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toContain('TypeError: first');
  });

  it('after its report says so only in the log', async () => {
    const ending = new Ending();
    await ending.complete(REPORT);
    await ending.fail(FAILURE);
    expect([process.exitCode, errors().length]).toEqual([1, 1]);
    expect(summary()).not.toContain('CLIENT_NOT_FOUND');
  });

  it('fails although its summary cannot be written', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', join(folder, 'nowhere', 'summary'));
    await new Ending().fail(FAILURE);
    expect([process.exitCode, errors().length]).toEqual([1, 1]);
  });

  it('prints its headline and annotations although its outputs cannot be written', async () => {
    vi.stubEnv('GITHUB_OUTPUT', join(folder, 'nowhere', 'output'));
    const annotations = [{ level: 'warning' as const, title: 'Look', message: 'at it' }];
    const report = { ...REPORT, outputs: { rotated: 'true' }, annotations };
    await expect(new Ending().complete(report)).rejects.toThrow();
    expect(text()).toMatch(/::warning title=Look::at it[\s\S]*✅ all is well/);
  });

  it('has not come to its end if nothing is left that could go on', async () => {
    new Ending();
    happens('beforeExit');
    await expect.poll(() => summary()).toContain('INTERNAL_ERROR');
    expect(process.exitCode).toBe(1);
    expect(errors()[0]).toContain('the run stopped before its end');
  });
});

describe('a failure', () => {
  it('is shown at its lines in the file, nine of them and itself', () => {
    const located = Array.from({ length: 12 }, (_, index) => ({
      message: `wrong ${index}`,
      file: 'clients.yml',
      line: index + 1,
      column: 3,
    }));
    runner.fail(new RotationError('INVALID_INPUT', { failed: 'f', remedy: 'r', located }));
    expect(errors()).toHaveLength(10);
    expect(errors()[0]).toBe('::error title=INVALID_INPUT,file=clients.yml,line=1,col=3::wrong 0');
    expect(errors()[9]).toContain('More: ');
    expect(process.exitCode).toBe(1);
  });

  it('is explained in the version of the action that runs', () => {
    const path = 'docs/troubleshooting.md#invalid_input';
    vi.stubEnv('GITHUB_ACTION_REPOSITORY', undefined);
    vi.stubEnv('GITHUB_ACTION_REF', undefined);
    vi.stubEnv('GITHUB_SERVER_URL', undefined);
    expect(runner.helpUrl('INVALID_INPUT')).toBe(path);
    vi.stubEnv('GITHUB_ACTION_REPOSITORY', 'o/r');
    expect(runner.helpUrl('INVALID_INPUT')).toBe(`https://github.com/o/r/blob/main/${path}`);
    vi.stubEnv('GITHUB_ACTION_REF', 'v1');
    vi.stubEnv('GITHUB_SERVER_URL', 'https://ghes.example');
    expect(runner.helpUrl('INVALID_INPUT')).toBe(`https://ghes.example/o/r/blob/v1/${path}`);
  });

  it('has three sentences, and begins with what is true now if consumers may be locked out', () => {
    expect(FAILURE.message).toBe('It failed. Mend it. Nothing was changed in Auth0 or GitHub.');
    expect(FAILURE.withStateNow('It is so.').message).toBe('It failed. Mend it. It is so.');
    const alarmed = FAILURE.withStateNow('It is so.', 'some are out');
    expect([alarmed.message, alarmed.alarm, alarmed.code]).toEqual([
      'Some are out. It is so. It failed. Mend it.',
      'some are out',
      'CLIENT_NOT_FOUND',
    ]);
    // That nothing was changed is no news.
    const untouched = FAILURE.withStateNow(FAILURE.stateNow, 'some are out');
    expect(untouched.message).toBe(`Some are out. ${FAILURE.message}`);
  });

  it('that is no error of the action has a code', () => {
    expect(asRotationError(FAILURE)).toBe(FAILURE);
    const cause = new TypeError('x');
    expect(asRotationError(cause)).toMatchObject({ code: 'INTERNAL_ERROR', cause });
    expect(asRotationError(cause).failed).toContain('TypeError: x');
    expect(asRotationError('CANARY').message).not.toContain('CANARY');
  });
});

describe('the log', () => {
  it('folds the lines of a phase, and ends it before the next', () => {
    runner.phase('One');
    runner.phase('Two');
    runner.phase();
    runner.phase();
    runner.group('Three', ['a', 'b']);
    expect(text().split('\n')).toEqual([
      '::group::One',
      '::endgroup::',
      '::group::Two',
      '::endgroup::',
      '::group::Three',
      'a',
      'b',
      '::endgroup::',
      '',
    ]);
  });

  it('has outputs, annotations by their level, and no summary if there is no file', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', undefined);
    const annotations = (['error', 'warning', 'notice'] as const).map((level) => ({
      level,
      title: 't',
      message: 'm',
    }));
    await runner.publish({ ...REPORT, outputs: { rotated: 'true' }, annotations });
    expect(text()).toContain('::set-output name=rotated::true');
    for (const level of ['error', 'warning', 'notice']) expect(text()).toContain(`::${level} title=t::m`);
  });
});
