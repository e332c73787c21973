/** Logs each step while it is at work, and records how it ended. */

import type { DoneStep } from '../model/run-result.ts';
import type { ApplyServices } from './job.ts';

export class StepLog {
  readonly steps: DoneStep[] = [];
  readonly #services: Pick<ApplyServices, 'clock' | 'onStep'>;

  constructor(services: Pick<ApplyServices, 'clock' | 'onStep'>) {
    this.#services = services;
  }

  /** @param outcome asked after the work: it may have ended without an error, and without what the step is for */
  async record(text: string, work: () => Promise<void>, outcome = () => 'done'): Promise<void> {
    const { clock, onStep } = this.#services;
    const end = onStep(text);
    const began = clock.now();
    let ended = 'failed';
    try {
      await work();
      ended = outcome();
    } finally {
      end(ended);
      this.steps.push({ text, milliseconds: clock.now() - began, outcome: ended });
    }
  }
}
