/** The first client that rotates goes ahead of all others; when it fails, none of them follows. */

import { RotationError } from '../errors.ts';

export class Canary {
  /** Per client, in the manifest's order: is it known whether it rotates? */
  readonly #known: readonly PromiseWithResolvers<void>[];
  readonly #outcome = Promise.withResolvers<void>();
  #chosen: number | undefined;
  /** Its client id, once it has failed. */
  failed: string | undefined;

  constructor(clients: number) {
    this.#known = Array.from({ length: clients }, () => Promise.withResolvers<void>());
  }

  /** The client is to rotate: resolves when it is the canary, or when that is over. */
  async turn(index: number): Promise<void> {
    // Who is before it in the manifest would be the canary in its place.
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
      failed: `The client was not tried, since the first one that was due, ${this.failed}, has failed.`,
      remedy: 'Look at that failure first, then run again.',
    });
  }

  /** The client's run is over. */
  over(index: number, clientId: string, failed: boolean): void {
    this.#known[index]?.resolve();
    if (index !== this.#chosen) return;
    if (failed) this.failed = clientId;
    this.#outcome.resolve();
  }
}
