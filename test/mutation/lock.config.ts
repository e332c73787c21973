import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant of the lock. */
export default defineConfig({
  test: { include: ['test/unit/apply/association*.test.ts'], testTimeout: 60_000 },
});
