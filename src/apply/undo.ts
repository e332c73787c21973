/** Undoes what a run did or may have done. */

import { asRotationError, type RotationError } from '../errors.ts';
import { sleep, type Waiting } from '../http/clock.ts';

/** Undoes one effect. Returns a sentence about the result, or an empty text. */
export type Undo = () => Promise<string>;

export class UndoStack {
  readonly #stack: { undo: Undo; otherwise: string }[] = [];

  /** @param otherwise a sentence about the state if the undo fails, or an empty text */
  push(undo: Undo, otherwise = ''): void {
    this.#stack.push({ undo, otherwise });
  }

  /** Drops all undos, since from now on nothing can be undone. */
  forget(): void {
    this.#stack.length = 0;
  }

  /** Runs all undos, the last one first. A failed undo does not stop the others. */
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
 * Undoes a change. If an attempt of that change got no answer, it may land once more, so this checks again after `until`.
 * @param until local time after which the change cannot land any more. 0 if every attempt was answered.
 * @param back undoes the change
 * @param isBack whether the change is undone
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
