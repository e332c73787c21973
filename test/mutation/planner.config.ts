import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant of the planner and of the evidence. */
export default defineConfig({
  test: {
    include: [
      'test/plan.test.ts',
      'test/plan.property.test.ts',
      'test/rotation/*.test.ts',
      'test/association*.test.ts',
    ],
    env: { PROPERTY_RUNS: '200' },
  },
});
