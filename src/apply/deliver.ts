/** Stores the pair, place by place, primary first. From the first write on the rotation is finished, not undone. */

import { secretFor } from '../certificate/credential.ts';
import type { Pair } from '../certificate/inspect.ts';
import { asRotationError, RotationError } from '../errors.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type Clock, sleep } from '../http/retry.ts';
import type { Cancellation } from '../http/service.ts';
import { LONGEST_FLIGHT, NetworkError } from '../http/wire.ts';
import type { ObservedState } from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';

export class Delivery {
  readonly #store: SecretStore | undefined;
  readonly #stored: SecretLocation[] = [];
  readonly #failures: { location: SecretLocation; error: RotationError; landed: 'no' | 'unknown' }[] = [];
  #begun = false;

  constructor(store: SecretStore | undefined) {
    this.#store = store;
  }

  /** A secret may hold the new key. */
  get begun(): boolean {
    return this.#begun;
  }

  get stored(): readonly SecretLocation[] {
    return this.#stored;
  }

  /** They may hold the new pair, or what they held before. */
  get inDoubt(): readonly SecretLocation[] {
    return this.#failures.filter(({ landed }) => landed === 'unknown').map(({ location }) => location);
  }

  /** A failure after the first write is kept for `settle`, so that the other places are still served. */
  async put(location: SecretLocation, pair: Pair): Promise<void> {
    // The parts of a destination change together with its pair, or not at all.
    const beside = this.#failures.find((failure) => failure.location.destination === location.destination);
    if (beside) {
      this.#failures.push({ location, error: beside.error, landed: 'no' });
      return;
    }
    try {
      if (!this.#store) throw new Error('a delivery was planned without a place to deliver to');
      await this.#store.store(location, secretFor(location, pair));
      this.#begun = true;
      this.#stored.push(location);
    } catch (thrown) {
      const error = asRotationError(thrown);
      // guard: a secret whose write is in doubt is not undone
      const landed = this.#store?.inDoubt || mayHaveLanded(error) ? 'unknown' : 'no';
      if (!this.#begun && landed === 'no') throw error;
      this.#begun = true;
      this.#failures.push({ location, error, landed });
      // What the primary does not hold for certain goes nowhere else.
      if (this.#stored.length === 0) this.settle();
    }
  }

  /** @throws RotationError DELIVERY_INCOMPLETE */
  settle(): void {
    const [first] = this.#failures;
    if (!first) return;
    const locations = this.#failures.map(({ location }) => printLocation(location)).join(', ');
    throw new RotationError('DELIVERY_INCOMPLETE', {
      failed: `The credential could not be stored in ${locations}. ${first.error.failed}`,
      remedy: `${first.error.remedy} Then run again with current-credential: it finishes the delivery without a new key.`,
      cause: first.error,
    });
  }

  /**
   * What is true now, for an error.
   * @param id the credential that was being delivered
   * @param already places that held it before
   */
  stateNow(id: string, already: readonly string[] = []): string {
    const holding = [...already, ...this.#stored.map(printLocation)];
    const stored = holding.join(', ') || 'No destination for certain';
    const missing = this.#failures.map(({ location }) => printLocation(location)).join(', ');
    const rest = missing ? `; ${missing} may still hold the previous one` : '';
    return `${stored} holds ${id}${rest}. What is associated stays so.`;
  }
}

/** Only a clear answer tells that a secret was not stored. */
function mayHaveLanded(error: RotationError): boolean {
  if (error.cause instanceof NetworkError) return error.cause.landed === 'unknown';
  return error.code === 'GITHUB_REQUEST_FAILED' || error.code === 'INTERNAL_ERROR';
}

export interface QuietServices {
  clock: Clock;
  cancellation: Cancellation;
  store: SecretStore | undefined;
}

/** After a delivery, so that the next run can tell by times what is held: 5 s, and one since GitHub cuts to whole seconds. */
const QUIET = 6_000;

/** @param completedAt local time of this run's last delivery of the current pair; 0: none */
export async function keepQuiet(
  { secrets }: ObservedState,
  services: QuietServices,
  completedAt: number,
): Promise<void> {
  const { clock, cancellation, store } = services;
  const [primary, ...others] = secrets;
  // Another run may have finished a delivery since: that leaves the primary, which is watched, as it was.
  // guard: quiet after a delivery that another run has finished
  const times = await Promise.all(others.map(({ location }) => store?.times(location) ?? 'missing'));
  const deliveries = [primary?.version ?? 0, ...times.map((t) => (typeof t === 'string' ? 0 : t.updatedAt))];
  const since = Math.max(...deliveries) + QUIET - clock.now() - (store?.clock.offset ?? 0);
  // What this run completed without a clear answer may be written once more, over the new credential.
  const completion = completedAt + (store?.uncertain ? LONGEST_FLIGHT : QUIET) - clock.now();
  const wait = Math.max(Math.min(since, QUIET), completion);
  // guard: a pause between a delivery and the next credential
  if (wait > 0) await sleep(clock, wait, cancellation);
}
