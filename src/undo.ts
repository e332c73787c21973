/** How to take back what a run has done, or may have done. */

import { asRotationError, type RotationError } from './errors.ts';

/** Takes one effect back, and tells what is true then, if that needs a word. */
export type Undo = () => Promise<string>;

export class Undoing {
  readonly #stack: Undo[] = [];

  push(undo: Undo): void {
    this.#stack.push(undo);
  }

  /** The last first, each by itself: one that fails must not keep the others from being taken back. */
  async run(): Promise<{ undone: string[]; failures: RotationError[] }> {
    const undone: string[] = [];
    const failures: RotationError[] = [];
    for (let undo = this.#stack.pop(); undo; undo = this.#stack.pop()) {
      try {
        undone.push(await undo());
      } catch (thrown) {
        failures.push(asRotationError(thrown));
      }
    }
    return { undone, failures };
  }
}
