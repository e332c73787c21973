/** What reaches the runner: text is never a command, whoever has written it. */

import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import * as runner from '../../src/actions-runner.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
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

it('a line of the log is one line and no command', () => {
  // ActionCommand of the runner (actions/runner): "::" after leading white space, "##[" anywhere in a line.
  const hostile = fc.array(
    fc.constantFrom('::', ':', '#', '##[', '[', ' ', '\t', '\n', '\r', '\u2028', 'add-mask', ']x'),
  );
  fc.assert(
    fc.property(hostile, (parts) => {
      const line = written(() => runner.info(parts.join('')));
      expect(line.trimEnd()).not.toMatch(/^\s*::|##\[|[\r\n\u2028\u2029]/);
    }),
  );
});

it('a debug line is written where debug logging is on', () => {
  vi.stubEnv('RUNNER_DEBUG', undefined);
  expect(written(() => runner.debug('a'))).toBe('');
});

it('a debug line is one command', () => {
  vi.stubEnv('RUNNER_DEBUG', '1');
  expect(written(() => runner.debug('a\r\n::stop-commands::x'))).toBe('::debug::a%0D%0A::stop-commands::x\n');
});
