import './scripts/check-node.cjs';
import { defineConfig } from 'vitest/config';

const LONG = 'test/**/*.long.test.ts';

export default defineConfig({
  test: {
    globalSetup: './test/protocol/kept-materials.ts',
    // npm test runs the first, npm run test:all both.
    projects: [
      { extends: true, test: { name: 'short', include: ['test/**/*.test.ts'], exclude: [LONG] } },
      { extends: true, test: { name: 'long', include: [LONG] } },
    ],
    // Only what hangs meets these limits: a busy machine takes many times as long as an idle one.
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
    expect: { poll: { timeout: 60_000 } },
    // Real servers and child processes: more workers than cores only make each other wait.
    maxWorkers: 2,
    // Imports take longer than most tests: once for all files of a worker.
    isolate: false,
  },
});
