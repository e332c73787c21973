/** Stores the pair in each secret location, primary first. After the first write the rotation is finished, not undone. */

import { secretFor } from '../certificate/credential.ts';
import { type ErrorCode, NEW_RUN, RotationError } from '../errors.ts';
import type { SecretStore, StoreResult } from '../github/secret-store.ts';
import { type Cancellation, type Clock, sleep, type Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import { dropDestinationAdvice } from '../model/advice.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Pair } from '../model/key-pair.ts';
import { type ObservedSecret, type ObservedState, writtenTimes } from '../model/observed-state.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import type { Step } from '../model/step.ts';
import { mixed, secretChangedMeanwhile } from './contention.ts';
import type { Job } from './job.ts';

interface DeliveryServices extends Waiting {
  store: SecretStore | undefined;
  mask: (secret: string) => void;
  /** The password of PKCS#12 secrets. Empty means none. */
  pkcs12Password: string;
}

type Source = Extract<Step, { kind: 'store-secret' }>['source'];

interface Failure {
  location: SecretLocation;
  error: RotationError;
  landed: 'no' | 'unknown';
}

/** Errors that end a run, whatever its destinations do. */
const STOPS: readonly ErrorCode[] = ['CANCELLED', 'DEADLINE_EXCEEDED'];

export class Delivery {
  readonly #services: DeliveryServices;
  readonly #desired: DesiredState;
  readonly #observed: ObservedState;
  readonly #source: Source;
  /** Locations to which the plan delivers the pair. */
  readonly #planned: readonly SecretLocation[];
  readonly #stored: SecretLocation[] = [];
  readonly #failures: Failure[] = [];
  #begun = false;
  #storedAt = 0;
  /** Local time of the last write. */
  #writtenAt = 0;
  #mayLandAgain = false;
  /** The cancellation or the deadline that came amid a destination. It ends the run once that destination has all parts of the pair. */
  #stop: RotationError | undefined;
  /** `updated_at` of the primary's secret after this run wrote it. undefined: no read showed it. Rejected if the reads failed. */
  #primaryTime: Promise<number | undefined> | undefined;
  readonly #isRevocation: boolean;

  constructor(
    services: DeliveryServices,
    { desired, observed, plan }: Pick<Job, 'desired' | 'observed' | 'plan'>,
    source: Source,
  ) {
    this.#services = services;
    this.#desired = desired;
    this.#observed = observed;
    this.#source = source;
    this.#planned = plan.steps.flatMap((step) =>
      step.kind === 'store-secret' && step.source === source ? [step.location] : [],
    );
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

  /** Local time of the last write, and whether a write got no clear answer, so that it may land once more, up to LONGEST_FLIGHT later. */
  get lastWrite(): LastWrite | undefined {
    return this.#begun ? { at: this.#writtenAt, mayLandAgain: this.#mayLandAgain } : undefined;
  }

  get stored(): readonly SecretLocation[] {
    return this.#stored;
  }

  /** Locations that should hold the pair, and whose write was refused, skipped or is in doubt. */
  get unserved(): readonly SecretLocation[] {
    return this.#failures.map(({ location }) => location);
  }

  /** Locations that hold either the new pair or what they held before. */
  get inDoubt(): readonly SecretLocation[] {
    return this.#failures.filter(({ landed }) => landed === 'unknown').map(({ location }) => location);
  }

  /** Whether a destination has some parts of the pair, and others are to come. A run that stopped here would leave it a mixture of two pairs. */
  get isAmidDestination(): boolean {
    const done = [...this.#stored, ...this.unserved];
    const open = this.#planned.filter((location) => !done.includes(location));
    return open.some(({ destination }) => this.#stored.some((one) => one.destination === destination));
  }

  /** Whether a destination has only one of two secrets that belong together, or perhaps only one. */
  get isMixed(): boolean {
    return this.#mixtures().length > 0;
  }

  /** The outcome of the write of a location, if it threw nothing. */
  outcomeOf(location: SecretLocation): string {
    const failure = this.#failures.find((one) => one.location === location);
    if (failure === undefined) return 'done';
    return failure.landed === 'unknown' ? 'in doubt' : 'not stored';
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
    const result = await this.#write(store, location, text);
    this.#writtenAt = this.#services.clock.now();
    if (result.outcome === 'stored') {
      this.#begun = true;
      this.#stored.push(location);
      this.#storedAt = result.at;
      this.#mayLandAgain ||= result.mayLandAgain;
      return;
    }
    const { error, outcome } = result;
    const failure: Failure = { location, error, landed: outcome === 'refused' ? 'no' : 'unknown' };
    if (!this.#begun && outcome === 'refused') throw error.withAdvice(this.#dropDestinationAdvice(failure));
    this.#begun = true;
    this.#mayLandAgain ||= outcome === 'in doubt';
    this.#failures.push(failure);
    // No other location gets a new pair unless the primary holds it for certain.
    if (this.#source === 'issued' && this.#stored.length === 0) this.requireComplete();
  }

  /** Writes again what a cancellation or the deadline has stopped, if the destination would otherwise keep a mixture of two pairs. */
  async #write(store: SecretStore, location: SecretLocation, text: string): Promise<StoreResult> {
    const mustFinish = this.isAmidDestination;
    const result = await store.store(location, text);
    if (!mustFinish || result.outcome === 'stored' || !STOPS.includes(result.error.code)) return result;
    this.#stop = result.error;
    const { cancellation, clock } = this.#services;
    cancellation.shield(Math.max(cancellation.deadline, clock.now() + LONGEST_FLIGHT));
    const again = await store.store(location, text);
    // The first attempt may have landed.
    return again.outcome === 'refused' ? { ...again, outcome: result.outcome } : again;
  }

  /** @throws RotationError CANCELLED, DEADLINE_EXCEEDED if that had to wait */
  requireNotStopped(): void {
    if (this.#stop) throw this.#stop;
  }

  /**
   * Remembers when this run wrote the primary. With a reused record nothing changes at Auth0, so only that time can show another run. An
   * error waits for `refuseOtherDelivery`, so that the other locations still get the pair.
   */
  async rememberPrimaryTime(): Promise<void> {
    // A write that may land once more would look like another run's.
    if (this.#mayLandAgain) return;
    const before = this.#observed.secrets[0]?.githubTime;
    const attempt = async () => {
      const value = await this.#readPrimaryTime();
      return { done: value !== before, value };
    };
    this.#primaryTime = poll(this.#services, attempt, () => undefined);
    await this.#primaryTime.catch(() => undefined);
  }

  /** @throws RotationError ROTATION_IN_PROGRESS if somebody stored another certificate meanwhile, GITHUB_… */
  async refuseOtherDelivery(): Promise<void> {
    const since = await this.#primaryTime;
    // A read that lags behind shows an earlier time.
    if (since !== undefined && ((await this.#readPrimaryTime()) ?? 0) > since) throw mixed(this.#observed);
  }

  async #readPrimaryTime(): Promise<number | undefined> {
    const [primary] = this.#observed.secrets;
    return primary && writtenTimes(await this.#services.store?.times(primary.location))?.updatedAt;
  }

  /** @throws RotationError DELIVERY_INCOMPLETE */
  requireComplete(): void {
    const [first] = this.#failures;
    if (!first) return;
    const locations = this.#failures.map(({ location }) => printLocation(location)).join(', ');
    throw new RotationError('DELIVERY_INCOMPLETE', {
      failed: `The credential could not be stored in ${locations}. ${first.error.failed}`,
      remedy: `${first.error.remedy}${this.#stored.length > 0 ? this.#dropDestinationAdvice(first) : ''}${this.#nextStep()}`,
      cause: first.error,
    });
  }

  /** Which run finishes the delivery. Empty where the description of the state names something more urgent. */
  #nextStep(): string {
    if (this.#isRevocation) return '';
    if (this.#stored.length > 0) return FINISH;
    return this.#desired.operation === 'enroll' ? '' : AGAIN;
  }

  /** Empty if the error says nothing about the destination, such as a cancellation. */
  #dropDestinationAdvice({ error: { code }, location }: Failure): string {
    const isRefused = code === 'DESTINATION_NOT_FOUND' || code === 'GITHUB_FORBIDDEN';
    return isRefused ? dropDestinationAdvice(location, this.#desired) : '';
  }

  /** A sentence for each destination whose private-key secret and certificate secret may not match. */
  #mixtures(): string[] {
    const fateOf = (location: SecretLocation) =>
      this.#stored.includes(location)
        ? 'stored'
        : this.#failures.find((failure) => failure.location === location)?.landed;
    return this.#planned.flatMap((key) => {
      const isItsCertificate = ({ destination, part }: SecretLocation) =>
        part === 'certificate' && destination === key.destination;
      const certificate = this.#planned.find(isItsCertificate);
      if (key.part !== 'private-key' || certificate === undefined) return [];
      const fates = [fateOf(key), fateOf(certificate)];
      if (fates[0] === fates[1]) return [];
      const both = `${printLocation(certificate)} and ${printLocation(key)}`;
      return fates.includes('unknown')
        ? `${both} may not match: consumers that read both may not be able to log in until both hold one pair.`
        : `${both} do not match: consumers that read both CANNOT LOG IN until both hold one pair.`;
    });
  }

  /**
   * What is true now, for an error.
   * @param id the credential that was being delivered
   * @param already locations that held it before this run
   */
  describe(id: string, already: readonly string[] = []): string {
    const failed = this.#failures.map(({ location }) => printLocation(location));
    const held = new Set([...already, ...this.#stored.map(printLocation)]);
    const holding = [...held].filter((one) => !failed.includes(one));
    const rest = failed.length > 0 ? `; ${failed.join(', ')} may still hold the previous one` : '';
    const stored =
      holding.length > 0
        ? `${holding.join(', ')} ${holding.length > 1 ? 'hold' : 'holds'} ${id}`
        : `It is not certain that any destination holds ${id}`;
    return [`${stored}${rest}.`, ...this.#mixtures()].join(' ');
  }
}

const FINISH = ` Then ${NEW_RUN} with current-credential. It finishes the delivery without a new key.`;

/** For a primary in doubt. */
const AGAIN = ` Then ${NEW_RUN} with current-credential. If it is refused with ROTATION_IN_PROGRESS, start it again 15 minutes later.`;

interface LastWrite {
  at: number;
  mayLandAgain: boolean;
}

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
  currentDelivery: LastWrite | undefined,
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
