/** Ends a run with one headline, one summary and an exit code, whatever fails. */

import * as runner from './actions-runner.ts';
import { asRotationError, RotationError } from './errors.ts';
import type { Report } from './model/run-result.ts';
import { failureReport, withFailure } from './report/failure.ts';

const WENT_ON = 'The run then undid or finished what it had begun. The rest of the summary says what it did.';
const UNKNOWN =
  'What the run had changed before this error is still changed. The next run goes on from there, as after a crash. If it was an enroll and nobody can log in, set the method of the client back at once (docs/how-it-works.md, enroll).';

export class Ending {
  readonly #abort = new AbortController();
  /** An uncaught error, or the rejection of a promise that is not awaited. */
  #unforeseen: unknown;
  #isReported = false;

  constructor() {
    process.on('uncaughtException', this.#note);
    process.on('unhandledRejection', this.#note);
    // If the event loop becomes empty before the run has ended, Node exits with 0.
    process.on('beforeExit', () => {
      if (!this.#isReported) void this.fail(new Error('the run stopped before its end'));
    });
  }

  /** Aborts on an unforeseen failure. The run then undoes or finishes what it has begun. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly #note = (thrown: unknown): void => {
    process.exitCode = 1;
    const isFirst = this.#unforeseen === undefined;
    this.#unforeseen ??= thrown ?? new Error('nothing');
    // This reports only the first failure. If the log itself is broken, each write would throw again.
    if (this.#isReported && isFirst) runner.fail(asRotationError(thrown).withStateNow(UNKNOWN));
    this.#abort.abort();
  };

  /** The run has come to its end. */
  async complete(report: Report): Promise<void> {
    this.#isReported = true;
    if (this.#unforeseen === undefined) return runner.publish(report);
    const error = asRotationError(this.#unforeseen).withStateNow(WENT_ON);
    runner.fail(error);
    await runner.publish(withFailure(report, error, runner.helpUrl));
  }

  /** The run has no result, or it could not be published. */
  async fail(thrown: unknown): Promise<void> {
    const cause = this.#unforeseen ?? thrown;
    const error = cause instanceof RotationError ? cause : asRotationError(cause).withStateNow(UNKNOWN);
    runner.phase();
    runner.fail(error);
    if (this.#isReported) return;
    this.#isReported = true;
    // If this fails, the annotation above still shows the error.
    await runner.publish(failureReport(error, runner.helpUrl)).catch(() => undefined);
  }
}
