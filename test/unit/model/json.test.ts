/** What a server says is data: read without trust, and quoted without harm. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject, oneLine, parseJson, stringOf } from '../../../src/model/json.ts';
import { runs } from '../../support/properties.ts';

describe('parseJson', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['[]', []],
    ['null', null],
    ['', undefined],
    ['{"a":', undefined],
    ['<html>', undefined],
  ])('%s', (body, value) => {
    expect(parseJson({ body })).toEqual(value);
  });

  it('lets nothing reach a prototype', () => {
    const value = parseJson({ body: '{"__proto__":{"polluted":"yes"},"b":{"__proto__":{"c":"d"}}}' });
    expect(stringOf(value, 'polluted')).toBeUndefined();
    expect(Object.keys(Object(value))).toEqual(['b']);
    expect('polluted' in {}).toBe(false);
  });
});

describe('stringOf', () => {
  it.each([undefined, null, 1, 'text', [], { a: 1 }, { a: ['b'] }])('of %j is undefined', (value) => {
    expect(stringOf(value, 'a')).toBeUndefined();
  });

  it('of an object is its member', () => {
    expect(stringOf({ a: 'b' }, 'a')).toBe('b');
    expect([isObject({}), isObject([]), isObject(null)]).toEqual([true, false, false]);
  });
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
