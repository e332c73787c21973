import { TestRunner } from 'vitest';

type Test = Parameters<TestRunner['onAfterRunTask']>[0];

/** Runs nothing after the first test that fails. Vitest's own `bail` asks its main thread first, and imports the other files. */
export default class FirstFailure extends TestRunner {
  private failed = false;

  override importFile(...file: Parameters<TestRunner['importFile']>): unknown {
    return this.failed ? undefined : super.importFile(...file);
  }

  override onAfterRunTask(test: Test): void {
    super.onAfterRunTask(test);
    if (test.result?.state !== 'fail') return;
    this.failed = true;
    this.cancel('test-failure');
  }
}
