/** Stores the pair, place by place, primary first. From the first write on the rotation is finished, not undone. */

import type { Pair } from './certificate/inspect.ts';
import { asRotationError, RotationError } from './errors.ts';
import { type Place, printPlace } from './github/destination.ts';
import type { SecretStore } from './github/secret-store.ts';
import { NetworkError } from './http/wire.ts';

export class Delivery {
  readonly #store: SecretStore;
  readonly #stored: Place[] = [];
  readonly #failures: { place: Place; error: RotationError }[] = [];
  #begun = false;

  constructor(store: SecretStore) {
    this.#store = store;
  }

  /** A secret may hold the new key. */
  get begun(): boolean {
    return this.#begun;
  }

  get stored(): readonly Place[] {
    return this.#stored;
  }

  /** A failure after the first write is kept for `settle`, so that the other places are still served. */
  async put(place: Place, pair: Pair): Promise<void> {
    // The parts of a destination change together with its pair, or not at all.
    const beside = this.#failures.find((failure) => failure.place.destination === place.destination);
    if (beside) {
      this.#failures.push({ place, error: beside.error });
      return;
    }
    try {
      await this.#store.store(place, valueFor(place, pair));
      this.#begun = true;
      this.#stored.push(place);
    } catch (thrown) {
      const error = asRotationError(thrown);
      if (!this.#begun && !mayHaveLanded(error)) throw error;
      this.#begun = true;
      this.#failures.push({ place, error });
      // What the primary does not hold for certain goes nowhere else.
      if (this.#stored.length === 0) this.settle();
    }
  }

  /** @throws RotationError DELIVERY_INCOMPLETE */
  settle(): void {
    const [first] = this.#failures;
    if (!first) return;
    const places = this.#failures.map(({ place }) => printPlace(place)).join(', ');
    throw new RotationError('DELIVERY_INCOMPLETE', {
      failed: `The credential could not be stored in ${places}. ${first.error.failed}`,
      remedy: `${first.error.remedy} Then run again with current-credential: it finishes the delivery without a new key.`,
      cause: first.error,
    });
  }

  /**
   * What is true now, for an error.
   * @param id the credential that was being delivered
   * @param already places that held it before
   */
  truth(id: string, already: readonly string[] = []): string {
    const holding = [...already, ...this.#stored.map(printPlace)];
    const stored = holding.join(', ') || 'No destination for certain';
    const missing = this.#failures.map(({ place }) => printPlace(place)).join(', ');
    const rest = missing ? `; ${missing} may still hold the previous one` : '';
    return `${stored} holds ${id}${rest}. What is associated stays so.`;
  }
}

/** Key first: what curl, nginx, Node, Python and Go read as it is. */
function valueFor({ part }: Place, { privateKey, certificate }: Pair): string {
  if (part === 'private-key') return privateKey;
  return part === 'certificate' ? certificate : privateKey + certificate;
}

/** Only a clear answer tells that a secret was not stored. */
function mayHaveLanded(error: RotationError): boolean {
  if (error.cause instanceof NetworkError) return error.cause.landed === 'unknown';
  return error.code === 'GITHUB_REQUEST_FAILED' || error.code === 'INTERNAL_ERROR';
}
