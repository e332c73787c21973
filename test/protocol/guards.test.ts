/** The guards have their seams in src, whatever its format is. That each is needed: guards.long.test.ts. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GUARDS } from './guards.ts';
import { allSeams, type Instead, parsed, withoutSeams } from './seams.ts';

const names = GUARDS.map(({ name }) => name);

describe('the guards', () => {
  it('are marked in src, each at least once, and nothing else is', () => {
    expect([...new Set(allSeams().map(({ name }) => name))].sort()).toEqual(names.toSorted());
  });

  it('are the table of docs/guards.md', () => {
    const documented = readFileSync(new URL('../../docs/guards.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (without|---)/.test(line))
      .map((line) => line.split(' | ')[0]?.slice(2));
    expect(documented).toEqual(names);
  });
});

describe('what a seam takes out', () => {
  const cut = (text: string, instead?: Instead) => withoutSeams(parsed('x.ts', text), 'x', instead);

  it.each<[string, string, Instead, string]>([
    ['a statement', 'a();\n// guard: x\nif (b)\n  throw c;\nd();', undefined, 'a();\n// guard: x\n;\nd();'],
    ['an element', 'f([\n// guard: x\n{ a: 1 }, b]);', undefined, 'f([\n// guard: x\n b]);'],
    ['a constant', '// guard: x\nconst a: number =\n  b(c);', '1', '// guard: x\nconst a: number =\n  (1);'],
    ['a condition', '// guard: x\nif (a(b) && c) d();', 'true', '// guard: x\nif ((true)) d();'],
    ['a result', '// guard: x\n// guard: y\nreturn a || b;', 'a', '// guard: x\n// guard: y\nreturn (a);'],
    ['a property', 'f({\n// guard: x\na: b, c });', (b) => `!${b}`, 'f({\n// guard: x\na: (!b), c });'],
  ])('%s, or puts something in its place', (_, text, instead, expected) => {
    const inside = (code: string) => (/return/.test(code) ? `function f() {${code}}` : code);
    expect(cut(inside(text), instead)).toBe(inside(expected));
  });

  it('a mark with nothing below it is an error', () => {
    expect(() => parsed('x.ts', 'a();\n// guard: x\n')).toThrow("nothing stands below '// guard: x'");
  });
});
