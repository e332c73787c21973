/** Every guard of src is taken out once: then the explorer must find what it guards against. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GUARDS, printGuards, type Row, remove } from './guards.ts';

describe('every guard is needed', () => {
  const rows: Row[] = [];
  test.each(GUARDS)('$name', async (guard) => {
    const row = await remove(guard);
    rows.push(row);
    expect(row.found, 'without it the explorer finds nothing').toBeDefined();
  });

  test('and together they are the table in docs/guards.md, whose details depend on the schedule', () => {
    expect(rows).toHaveLength(GUARDS.length);
    console.log(printGuards(rows));
    const documented = readFileSync(new URL('../../docs/guards.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (without|---)/.test(line))
      .map((line) => line.split(' | ')[0]?.slice(2));
    expect(documented).toEqual(GUARDS.map(({ name }) => name));
  });
});
