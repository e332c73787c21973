import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant of the planner and of the evidence. */
export default defineConfig({
  test: {
    include: [
      'test/unit/plan/*.test.ts',
      'test/unit/{model,watch}/*.test.ts',
      'test/unit/apply/association*.test.ts',
    ],
    env: { PROPERTY_RUNS: '200' },
  },
});
