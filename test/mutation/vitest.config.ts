import { defineConfig } from 'vitest/config';
import { keptThread } from './kept-thread.ts';

/** The tests that judge the mutants of one folder: `mutate.ts` names them. */
export default defineConfig({
  plugins: [
    {
      name: 'kept-thread',
      // Stryker sets the pool itself, over what a configuration says.
      configureVitest({ project }) {
        Object.assign(project.config, { pool: keptThread.name, poolRunner: keptThread });
      },
    },
  ],
  test: {
    include: (process.env.MUTATION_TESTS ?? 'test/unit/**/*.test.ts').split(' '),
    testTimeout: 60_000,
    // Importing takes most of the time: once for all files of a run.
    isolate: false,
    env: { PROPERTY_SHARE: '15' },
  },
});
