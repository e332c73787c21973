/** What reaches the runner: text is never a command nor a control, whoever has written it. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as core from '@actions/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as runner from '../../src/actions-runner.ts';
import { RotationError } from '../../src/errors.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

function written(tell: () => void): string {
  const chunks: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    chunks.push(`${chunk}`);
    return true;
  });
  tell();
  vi.restoreAllMocks();
  return chunks.join('');
}

// ActionCommand of the runner (actions/runner): "::" after leading white space, "##[" anywhere in a line.
const HOSTILE = fc
  .array(
    fc.constantFrom(
      ...['::', ':', '#', '##[', '[', ' ', '\t', '\n', '\r', '\u2028', '\u0085', '\u00a0', 'add-mask', ']x'],
      ...['\x00', '\x07', '\x08', '\x1b', '\x1b[2J', '\x7f', '\x9b', '\x9b31m', '\u202e', '\u2066', '\u200f'],
    ),
  )
  .map((parts) => parts.join(''));
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe('one way to the log', () => {
  it('a line is one line and no command', () => {
    fc.assert(
      fc.property(HOSTILE, (text) => {
        const line = written(() => runner.info(text));
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(/^\s*::|##\[|[\r\n\u2028\u2029]/);
        expect(line.slice(0, -1)).not.toMatch(CONTROL);
      }),
    );
  });

  it.each<[string, (text: string) => void, string[]]>([
    ['a group', (text) => runner.group(text, [text, text]), ['group', 'endgroup']],
    ['a debug line', runner.debug, ['debug']],
    [
      'a phase',
      (text) => {
        runner.phase(text);
        runner.phase();
      },
      ['group', 'endgroup'],
    ],
    ['an error', (text) => runner.fail(new RotationError('INVALID_INPUT', errorOf(text))), ['error']],
  ])('%s is written by its own commands alone', (_, write, commands) => {
    vi.stubEnv('RUNNER_DEBUG', '1');
    fc.assert(
      fc.property(HOSTILE, (text) => {
        const lines = written(() => write(text)).split('\n');
        for (const line of lines) {
          expect(line).not.toMatch(CONTROL);
          expect(line).not.toContain('##[');
          const [, command] = /^\s*::([\w-]*)/.exec(line) ?? [];
          expect([undefined, ...commands]).toContain(command);
        }
      }),
    );
  });

  it('a debug line is written if debug logging is on, and is one command', () => {
    vi.stubEnv('RUNNER_DEBUG', undefined);
    expect(written(() => runner.debug('a'))).toBe('');
    vi.stubEnv('RUNNER_DEBUG', '1');
    expect(written(() => runner.debug('a\r\n::stop-commands::x'))).toBe('::debug::a ::stop-commands::x\n');
  });
});

const errorOf = (text: string) => ({
  failed: text,
  remedy: text,
  located: [{ message: text, file: 'clients.yml', line: 1, column: 1 }],
});

describe('a report', () => {
  const REPORT = { outputs: {}, annotations: [], headline: '✅ all is well', summary: '## ✅\n\n| a\t|\n' };

  async function published(report: typeof REPORT, file: (directory: string) => string) {
    const directory = mkdtempSync(join(tmpdir(), 'summary-'));
    const path = file(directory);
    vi.stubEnv('GITHUB_STEP_SUMMARY', path);
    const chunks: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => chunks.push(`${chunk}`) > 0);
    // The toolkit looks for the file once in a process.
    Object.assign(core.summary, { _filePath: undefined });
    const error = await runner.publish(report).catch((thrown: unknown) => thrown);
    vi.restoreAllMocks();
    const summary = error === undefined ? readFileSync(path, 'utf8') : undefined;
    rmSync(directory, { recursive: true });
    return { summary, log: chunks.join(''), error };
  }
  const there = (directory: string) => {
    writeFileSync(join(directory, 'summary'), '');
    return join(directory, 'summary');
  };

  it('has no control in its summary but line ends and tabs', async () => {
    const summary = '## ✅ \x1b[2J\u009b31m\u202e\r\n\n| a\t|\u0085\x00\n';
    const { summary: found } = await published({ ...REPORT, summary }, there);
    expect(found).toBe('## ✅  [2J 31m\n\n| a\t| \n\n');
  });

  it('has its headline in the log, once, even if the summary cannot be written', async () => {
    for (const file of [there, () => '/nowhere/summary']) {
      const { log } = await published(REPORT, file);
      expect(log.match(/^✅ all is well$/gm)).toHaveLength(1);
    }
  });
});

describe('a secret', () => {
  const masks = (secret: string, shortest?: number) =>
    [...written(() => runner.mask(secret, shortest)).matchAll(/^::add-mask::(.*)$/gm)].map(
      ([, mask]) => mask,
    );

  it.each(['\n', '\r\n', '\\n'])(
    'is masked line by line, and its body joined, if its lines end with %j',
    (end) => {
      const pem = [
        '-----BEGIN PRIVATE KEY-----',
        'AAAAAAAAAA',
        'BBBBBBBBBB',
        '-----END PRIVATE KEY-----',
      ].join(end);
      expect(masks(pem)).toEqual(
        expect.arrayContaining(['AAAAAAAAAA', 'BBBBBBBBBB', 'AAAAAAAAAABBBBBBBBBB']),
      );
    },
  );

  it('that is short is masked only if that is asked for', () => {
    expect(masks('pa#ss')).toEqual([]);
    expect(masks('pa#ss', 4)).toEqual(['pa#ss']);
  });
});
