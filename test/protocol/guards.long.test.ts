/** Every guard of src is taken out once: then the explorer must find what it guards against. */

import { expect, test } from 'vitest';
import { GUARDS, printGuards, type Row, remove } from './guards.ts';

const rows: Row[] = [];

test.each(GUARDS)('the guard is needed: $name', async (guard) => {
  const row = await remove(guard);
  rows.push(row);
  expect(row.found, 'without it the explorer finds nothing').toBeDefined();
});

test('the table of docs/guards.md, whose details depend on the schedule', () => {
  expect(rows).toHaveLength(GUARDS.length);
  console.log(printGuards(rows));
});
