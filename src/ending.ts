/** How a run ends: with one headline, one summary and an exit code, whatever fails and wherever. */

import * as runner from './actions-runner.ts';
import { asRotationError, RotationError } from './errors.ts';
import type { Report } from './model/run-result.ts';
import { failureReport, withFailure } from './report/failure.ts';

const WENT_ON = 'The run went on to its end; the rest of the summary says what it did.';
const UNKNOWN =
  'What the run did until then stands; the next run starts from what it finds, as after a crash.';

export class Ending {
  readonly #abort = new AbortController();
  /** What failed where nobody awaited it. */
  #unforeseen: unknown;
  #isTold = false;

  constructor() {
    process.on('uncaughtException', this.#note);
    process.on('unhandledRejection', this.#note);
    // Nothing is left that could go on: Node would end with 0.
    process.on('beforeExit', () => {
      if (!this.#isTold) void this.fail(new Error('the run stopped before its end'));
    });
  }

  /** Aborts when something unforeseen fails: the run then undoes, or finishes, what it has begun. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly #note = (thrown: unknown): void => {
    process.exitCode = 1;
    const isFirst = this.#unforeseen === undefined;
    this.#unforeseen ??= thrown ?? new Error('nothing');
    // Once: where the log itself is broken, each line that is written throws again.
    if (this.#isTold && isFirst) runner.fail(asRotationError(thrown).withStateNow(UNKNOWN));
    this.#abort.abort();
  };

  /** The run has come to its end. */
  async tell(report: Report): Promise<void> {
    this.#isTold = true;
    if (this.#unforeseen === undefined) return runner.publish(report);
    const error = asRotationError(this.#unforeseen).withStateNow(WENT_ON);
    runner.fail(error);
    await runner.publish(withFailure(report, error, runner.explanationOf));
  }

  /** The run has no result, or it could not be published. */
  async fail(thrown: unknown): Promise<void> {
    const cause = this.#unforeseen ?? thrown;
    const error = cause instanceof RotationError ? cause : asRotationError(cause).withStateNow(UNKNOWN);
    runner.stage();
    runner.fail(error);
    if (this.#isTold) return;
    this.#isTold = true;
    // The annotation has said it already.
    await runner.publish(failureReport(error, runner.explanationOf)).catch(() => undefined);
  }
}
