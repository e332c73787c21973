/** Every guard of src is taken out once: then the explorer must find what it guards against. */

import { describe, expect, test } from 'vitest';
import { GUARDS, printGuards, type Row, remove } from './guards.ts';

describe('every guard is needed', () => {
  const rows: Row[] = [];
  test.each(GUARDS)(
    '$name',
    async (guard) => {
      const row = await remove(guard);
      rows.push(row);
      expect(row.found, 'without it the explorer finds nothing').toBeDefined();
    },
    240_000,
  );

  test('and together they are this table', () => {
    expect(rows).toHaveLength(GUARDS.length);
    console.log(printGuards(rows));
  });
});
