import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant of the lock. */
export default defineConfig({
  test: { include: ['test/association*.test.ts', 'test/mutation/lock.ts'], testTimeout: 120_000 },
});
