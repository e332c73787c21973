/** Makes the first client that rotates the canary. The others wait for it, and do not rotate if it fails. */

import { RotationError } from '../errors.ts';

export class Canary {
  /** One per client, in the manifest's order. Resolves when it is known whether the client rotates. */
  readonly #known: readonly PromiseWithResolvers<void>[];
  readonly #outcome = Promise.withResolvers<void>();
  #chosen: number | undefined;
  /** The canary's name and client id, once it has failed. */
  failed: string | undefined;

  constructor(clients: number) {
    this.#known = Array.from({ length: clients }, () => Promise.withResolvers<void>());
  }

  /** Called before a client rotates. Resolves at once for the canary, and for others when the canary is done. */
  async turn(index: number): Promise<void> {
    // An earlier client in the manifest may become the canary.
    await Promise.all(this.#known.slice(0, index).map(({ promise }) => promise));
    const isFirst = this.#chosen === undefined;
    this.#chosen ??= index;
    this.#known[index]?.resolve();
    if (!isFirst) await this.#outcome.promise;
  }

  /** @throws RotationError CANARY_FAILED */
  check(): void {
    if (this.failed === undefined) return;
    throw new RotationError('CANARY_FAILED', {
      failed: `The client was not tried, since the first client that was due, ${this.failed}, failed.`,
      remedy:
        'Look at that failure first, or take that client out of the manifest for now. Then start a new run.',
    });
  }

  /** Called when a client's run is over, whether it rotated or not. */
  finished(index: number, name: string, failed: boolean): void {
    this.#known[index]?.resolve();
    if (index !== this.#chosen) return;
    if (failed) this.failed = name;
    this.#outcome.resolve();
  }
}
