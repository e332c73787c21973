/** What a server says is data: read without trust. */

import { describe, expect, it } from 'vitest';
import { isObject, parseJson, stringOf } from '../../../src/model/json.ts';

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
