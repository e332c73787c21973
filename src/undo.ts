/** How to take back what a run has done, or may have done. */

import { asRotationError, type RotationError } from './errors.ts';
import type { Patience } from './eventually.ts';
import { sleep } from './retry.ts';

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

/**
 * Takes a change back that may land once more, since its first attempt got no answer: looks again when it cannot any more.
 * @param until local time from which on it cannot; 0: it was answered at once
 */
export async function takeBack(
  { clock, cancellation }: Patience,
  until: number,
  back: () => Promise<unknown>,
  isBack: () => Promise<boolean>,
): Promise<void> {
  await back();
  const wait = until - clock.now();
  if (wait <= 0) return;
  await sleep(clock, wait, cancellation);
  if (!(await isBack())) await back();
}
