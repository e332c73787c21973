/** Stores the pair in each secret location, primary first. After the first write the rotation is finished, not undone. */

import { secretFor } from '../certificate/credential.ts';
import { NEW_RUN, RotationError } from '../errors.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { type Cancellation, type Clock, sleep } from '../http/clock.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import { dropDestinationAdvice } from '../model/advice.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Pair } from '../model/key-pair.ts';
import { type ObservedSecret, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { secretChangedMeanwhile } from './contention.ts';
import type { Job } from './job.ts';

interface DeliveryServices {
  store: SecretStore | undefined;
  mask: (secret: string) => void;
  /** The password of PKCS#12 secrets. Empty means none. */
  pkcs12Password: string;
}

export class Delivery {
  readonly #services: DeliveryServices;
  readonly #desired: DesiredState;
  readonly #stored: SecretLocation[] = [];
  readonly #failures: { location: SecretLocation; error: RotationError; landed: 'no' | 'unknown' }[] = [];
  #begun = false;
  #storedAt = 0;
  #mayLandAgain = false;
  readonly #isRevocation: boolean;

  constructor(services: DeliveryServices, { desired, plan }: Pick<Job, 'desired' | 'plan'>) {
    this.#services = services;
    this.#desired = desired;
    this.#isRevocation = plan.revokes.length > 0;
  }

  /** Whether a secret may hold the pair. */
  get begun(): boolean {
    return this.#begun;
  }

  /** When the last secret was stored, in milliseconds by GitHub's clock. 0 if none was. */
  get storedAt(): number {
    return this.#storedAt;
  }

  /** A write got no clear answer, so it may land once more, up to LONGEST_FLIGHT later. */
  get mayLandAgain(): boolean {
    return this.#mayLandAgain;
  }

  get stored(): readonly SecretLocation[] {
    return this.#stored;
  }

  /** Locations that should hold the pair, and whose write was refused or is in doubt. */
  get unserved(): readonly SecretLocation[] {
    return this.#failures.map(({ location }) => location);
  }

  /** Locations that hold either the new pair or what they held before. */
  get inDoubt(): readonly SecretLocation[] {
    return this.#failures.filter(({ landed }) => landed === 'unknown').map(({ location }) => location);
  }

  /**
   * Stores the pair in one location. A failure after the first write is kept for `requireComplete`, so that the other locations still get
   * the pair.
   * @param clientId names the pair in a PKCS#12
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND if the first write failed, DELIVERY_INCOMPLETE if it is in doubt
   */
  async put(location: SecretLocation, pair: Pair, clientId: string): Promise<void> {
    const { mask, pkcs12Password: password, store } = this.#services;
    // After a failure the other secrets of this destination are skipped, so that it gets no mixture of two pairs.
    const beside = this.#failures.find((failure) => failure.location.destination === location.destination);
    if (beside) {
      this.#failures.push({ location, error: beside.error, landed: 'no' });
      return;
    }
    if (!store) throw new Error('a delivery was planned without a store');
    const text = await secretFor(location, pair, { alias: clientId, password });
    // Masks of the key's PEM lines do not cover the PKCS#12.
    if (location.part === 'pkcs12') mask(text);
    const result = await store.store(location, text);
    if (result.outcome === 'stored') {
      this.#begun = true;
      this.#stored.push(location);
      this.#storedAt = result.at;
      this.#mayLandAgain ||= result.mayLandAgain;
      return;
    }
    const { error, outcome } = result;
    if (!this.#begun && outcome === 'refused')
      throw error.withAdvice(dropDestinationAdvice(location, this.#desired));
    this.#begun = true;
    this.#mayLandAgain ||= outcome === 'in doubt';
    this.#failures.push({ location, error, landed: outcome === 'refused' ? 'no' : 'unknown' });
    // No other location gets the pair unless the primary holds it for certain.
    if (this.#stored.length === 0) this.requireComplete();
  }

  /** @throws RotationError DELIVERY_INCOMPLETE */
  requireComplete(): void {
    const [first] = this.#failures;
    if (!first) return;
    const locations = this.#failures.map(({ location }) => printLocation(location)).join(', ');
    throw new RotationError('DELIVERY_INCOMPLETE', {
      failed: `The credential could not be stored in ${locations}. ${first.error.failed}`,
      remedy: `${first.error.remedy}${this.#dropDestinationAdvice(first.location)}${this.#nextStep()}`,
      cause: first.error,
    });
  }

  /** Which run finishes the delivery. Empty where the description of the state names something more urgent. */
  #nextStep(): string {
    if (this.#isRevocation) return '';
    if (this.#stored.length > 0) return FINISH;
    return this.#desired.operation === 'enroll' ? '' : AGAIN;
  }

  /** A primary in doubt may hold the only copy of the new key. */
  #dropDestinationAdvice(location: SecretLocation): string {
    return this.#stored.length === 0 ? '' : dropDestinationAdvice(location, this.#desired);
  }

  /**
   * What is true now, for an error.
   * @param id the credential that was being delivered
   * @param already locations that held it before this run
   */
  describe(id: string, already: readonly string[] = []): string {
    const holding = [...already, ...this.#stored.map(printLocation)];
    const missing = this.#failures.map(({ location }) => printLocation(location)).join(', ');
    const rest = missing ? `; ${missing} may still hold the previous one` : '';
    const stored =
      holding.length > 0
        ? `${holding.join(', ')} ${holding.length > 1 ? 'hold' : 'holds'} ${id}`
        : `It is not certain that any destination holds ${id}`;
    return `${stored}${rest}.`;
  }
}

const FINISH = ` Then ${NEW_RUN} with current-credential. It finishes the delivery without a new key.`;

/** For a primary in doubt. */
const AGAIN = ` Then ${NEW_RUN} with current-credential. If it is refused with ROTATION_IN_PROGRESS, start it again 15 minutes later.`;

export interface PauseServices {
  clock: Clock;
  cancellation: Cancellation;
  store: SecretStore | undefined;
}

/**
 * The pause between a delivery and the next credential, in milliseconds. With it, later runs can derive from the times what a secret
 * holds. Five seconds exceed the error of the clocks, and one more is needed since GitHub's times are cut to whole seconds.
 */
const PAUSE = 6_000;

/**
 * Refuses if one of these secrets was written since the plan was made, since the plan may then interrupt consumers that it does not name.
 * @throws RotationError ROTATION_IN_PROGRESS
 */
export async function requireUnwritten(
  secrets: readonly ObservedSecret[],
  store: SecretStore | undefined,
): Promise<void> {
  const githubTimes = await readGithubTimes(secrets, store);
  // guard: nobody is interrupted on evidence that is out of date
  if (secrets.some(({ githubTime }, index) => githubTime !== githubTimes[index]))
    throw secretChangedMeanwhile('a destination');
}

/** Reads when these secrets were written last, by GitHub's clock. undefined: it does not exist, GitHub does not show it, or there is no store. */
function readGithubTimes(
  secrets: readonly ObservedSecret[],
  store: SecretStore | undefined,
): Promise<(number | undefined)[]> {
  const read = async ({ location, refused }: ObservedSecret) =>
    refused ? undefined : writtenTimes(await store?.times(location))?.updatedAt;
  return Promise.all(secrets.map(read));
}

/**
 * Waits until PAUSE has passed since the last delivery, by this run or by another one.
 * @param currentDelivery local time of this run's last delivery of the current pair, and whether a write of it may land once more
 */
export async function pauseAfterDelivery(
  { secrets }: ObservedState,
  services: PauseServices,
  currentDelivery: { at: number; mayLandAgain: boolean } | undefined,
): Promise<void> {
  const { clock, cancellation, store } = services;
  const [primary, ...others] = secrets;
  // Another run may have finished a delivery since. It does not write the primary, so only the other secrets show that.
  const deliveries = [primary?.githubTime, ...(await readGithubTimes(others, store))].map((at = 0) => at);
  const restOfPause = Math.max(...deliveries) + PAUSE - clock.now() - (store?.clock.offset ?? 0);
  // A write of this run without a clear answer may land once more and overwrite the new credential.
  const untilSettled = currentDelivery
    ? currentDelivery.at + (currentDelivery.mayLandAgain ? LONGEST_FLIGHT : PAUSE) - clock.now()
    : 0;
  const wait = Math.max(Math.min(restOfPause, PAUSE), untilSettled);
  // guard: a pause between a delivery and the next credential
  if (wait > 0) await sleep(clock, wait, cancellation);
}
