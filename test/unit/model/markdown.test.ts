/** What people read: nothing in it is Markdown, HTML or a mention that a server or a stranger has put there, and nothing is too long. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { failure, findingOf, findingTable, warning } from '../../../src/model/finding.ts';
import {
  code,
  day,
  inert,
  iso,
  oneLine,
  plain,
  row,
  shortened,
  shortenedList,
} from '../../../src/model/markdown.ts';
import { printNote } from '../../../src/model/note.ts';
import { runs } from '../../support/properties.ts';

describe('a cell', () => {
  it.each<[string[], string]>([
    [['a', 'b'], '| a | b |'],
    [['a|b'], '| a\\|b |'],
    [['a\\|b'], '| a\\|b |'],
    [['a\\\\|b'], '| a\\|b |'],
    [['a\r\n\nb'], '| a b |'],
    [['a||b'], '| a\\|\\|b |'],
  ])('%j', (cells, text) => {
    expect(row(cells)).toBe(text);
  });
});

describe('a code span', () => {
  it.each<[string, string]>([
    ['a', '`a`'],
    ['a`b``c', "`a'b''c`"],
    ['a\r\n\x00\x1fb', '`a b`'],
    ['a\x7fb\u2028c\u2029d', '`a b c d`'],
    ['@you <b>', '`@you <b>`'],
    ['x'.repeat(300), `\`${'x'.repeat(300)}\``],
    ['x'.repeat(301), `\`${'x'.repeat(300)}…\``],
  ])('of %j', (text, span) => {
    expect(code(text)).toBe(span);
  });
});

describe('a sentence', () => {
  it.each<[string, string]>([
    ['a.', 'a.'],
    ['\\`*[]<>&~|', '\\\\\\`\\*\\[\\]\\<\\>\\&\\~\\|'],
    ['a\r\n\nb', 'a b'],
    ['@a @b', '@\u200ba @\u200bb'],
  ])('%j is plain', (text, expected) => {
    expect(plain(text)).toBe(expected);
  });

  it('is inert, but for its code spans', () => {
    expect(inert('*a* `*b*` @c `d')).toBe('\\*a\\* `*b*` @\u200bc \\`d');
    expect(inert('`a``b`')).toBe('`a``b`');
  });
});

describe('a date', () => {
  it('is a day, or a moment, or nothing', () => {
    const at = Date.parse('2026-11-24T12:00:00.5Z');
    expect([day(at), iso(at)]).toEqual(['2026-11-24', '2026-11-24T12:00:00.500Z']);
    expect([undefined, Number.NaN, Number.POSITIVE_INFINITY].map(iso)).toEqual(['', '', '']);
  });
});

describe('what is long', () => {
  it('is cut, and says so', () => {
    expect(shortened('x'.repeat(10_000))).toBe('x'.repeat(10_000));
    expect(shortened('x'.repeat(10_001))).toBe(`${'x'.repeat(10_000)}… (shortened)`);
  });

  it.each<[string, number, string[]]>([
    ['all fits', 10, ['aaaa', 'bbbb']],
    ['only the last does not', 9, ['aaaa', 'bbbb']],
  ])('is kept if %s', (_, longest, lines) => {
    expect(shortenedList(lines, () => 'never', longest)).toEqual(lines);
  });

  it('has its first lines and its last, and how many are left out', () => {
    const rest = (count: number) => `${count} more`;
    expect(shortenedList(['aaaa', 'bbbb', 'cccc', 'dddd'], rest, 10)).toEqual([
      'aaaa',
      'bbbb',
      '1 more',
      'dddd',
    ]);
    expect(shortenedList(['aaaa', 'bbbb', 'cccc', 'dddd'], rest, 9)).toEqual(['aaaa', '2 more', 'dddd']);
    // Bytes count, and the end of each line.
    expect(shortenedList(['üü', 'b', 'c'], rest, 4)).toEqual(['2 more', 'c']);
    const many = Array.from({ length: 3_000 }, () => 'x'.repeat(199));
    expect(shortenedList(many, rest)).toHaveLength(1_502);
  });
});

describe('a finding', () => {
  const error = new RotationError('AUTH0_FORBIDDEN', { failed: 'It `failed`.', remedy: 'Mend it.' });

  it('of an error fails, and what a server has said stands in a code span', () => {
    expect(findingOf('Key', error)).toEqual({
      severity: 'failure',
      key: 'Key',
      what: "`It 'failed'`.",
      todo: 'Mend it.',
    });
  });

  it('is a row, with what to do', () => {
    expect(findingTable([failure('a', 'What *a* `b`', 'Do @it'), warning('b', 'w', 't')])).toBe(
      [
        '| | What is found | What to do |',
        '| --- | --- | --- |',
        '| ❌ | What \\*a\\* `b` | Do @\u200bit |',
        '| ⚠️ | w | t |',
      ].join('\n'),
    );
  });
});

it('a note begins with how bad it is', () => {
  const text = 'It is so.';
  expect(printNote({ severity: 'interruption', text })).toBe('INTERRUPTION: It is so.');
  expect(printNote({ severity: 'warning', text })).toBe('WARNING: It is so.');
  expect(printNote({ severity: 'notice', text })).toBe('It is so.');
});

describe('oneLine', () => {
  it.each([
    ['a\r\nb', 'a b'],
    ['::error::a', 'error a'],
    [':::error', ':error'],
    ['##[group]a', 'group]a'],
    ['a|b`c`<d>', 'a b c d'],
    ['\x1b[31mred', '[31mred'],
    [undefined, ''],
    ['x'.repeat(300), 'x'.repeat(300)],
    ['x'.repeat(301), `${'x'.repeat(300)}…`],
    [' a  b ', 'a b'],
  ])('%j is %j', (text, quoted) => {
    expect(oneLine(text)).toBe(quoted);
  });

  it('is one short line without a command, whatever the server says', () => {
    const hostile = fc.array(
      fc.constantFrom(
        '::',
        ':',
        '##[',
        '#',
        '[',
        '\n',
        '\r',
        '\x00',
        '\x7f',
        '`',
        '|',
        '<',
        '>',
        'a',
        ' ',
        'ü',
      ),
      { maxLength: 700 },
    );
    fc.assert(
      fc.property(hostile, (parts) => {
        const quoted = oneLine(parts.join(''));
        expect(quoted).not.toMatch(/::|##\[|[<>`|]|[\x00-\x1f\x7f]/);
        expect(quoted.length).toBeLessThanOrEqual(301);
      }),
      { numRuns: runs(500) },
    );
  });
});
