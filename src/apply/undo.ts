/** How to take back what a run has done, or may have done. */

import { asRotationError, type RotationError } from '../errors.ts';
import { sleep, type Waiting } from '../http/clock.ts';

/** Takes one effect back, and says what is true then, if that needs a word. */
export type Undo = () => Promise<string>;

export class UndoStack {
  readonly #stack: { undo: Undo; otherwise: string }[] = [];

  /** @param otherwise what is true where it fails, if that needs a word */
  push(undo: Undo, otherwise = ''): void {
    this.#stack.push({ undo, otherwise });
  }

  /** There is no way back. */
  forget(): void {
    this.#stack.length = 0;
  }

  /** The last first, each by itself: one that fails must not keep the others from being taken back. */
  async run(): Promise<{ messages: string[]; failures: RotationError[] }> {
    const messages: string[] = [];
    const failures: RotationError[] = [];
    for (let last = this.#stack.pop(); last; last = this.#stack.pop()) {
      try {
        messages.push(await last.undo());
      } catch (thrown) {
        failures.push(asRotationError(thrown));
        messages.push(last.otherwise);
      }
    }
    return { messages: messages.filter(Boolean), failures };
  }
}

/**
 * Takes a change back that may land once more, since its first attempt got no answer: looks again when it cannot any more.
 * @param until local time from which on it cannot; 0: it was answered at once
 */
export async function takeBack(
  { clock, cancellation }: Waiting,
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
