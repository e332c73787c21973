import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { keptThread } from './kept-thread.ts';

/** The tests that are named like the mutated file come first. They are the most likely to notice. */
class NearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const mutated = this.ctx.config.related?.[0];
    const isNear = ({ moduleId }: TestSpecification) =>
      mutated !== undefined && basename(moduleId).startsWith(`${basename(mutated, '.ts')}.`);
    return [...files.filter(isNear), ...files.filter((file) => !isNear(file))];
  }
}

/** The tests that judge the mutants of one folder: `mutate.ts` names them. Everything here that is not plain makes a mutant cheaper. */
export default defineConfig({
  plugins: [
    {
      name: 'cheaper-mutants',
      configureVitest({ project, vitest }) {
        // Stryker sets these itself, over what a configuration says. A location costs a stack trace for each test.
        Object.assign(project.config, {
          pool: keptThread.name,
          poolRunner: keptThread,
          includeTaskLocation: false,
        });
        // Stryker names a file once for each of its tests, and Vitest compares every file with every name.
        const start = vitest.start.bind(vitest);
        vitest.start = (files) => start(files && [...new Set(files)]);
      },
    },
  ],
  test: {
    include: (process.env.MUTATION_TESTS ?? 'test/unit/**/*.test.ts').split(' '),
    runner: './test/mutation/first-failure.ts',
    sequence: { sequencer: NearestFirst },
    testTimeout: 60_000,
    // Importing takes most of the time: once for all files of a run.
    isolate: false,
    env: { PROPERTY_SHARE: '15' },
  },
});
