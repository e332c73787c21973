/** The credential that a run makes, from the key pair to the proof or the undo. It holds the only copy of the private key. */

import { factsOf, registrationOf } from '../certificate/credential.ts';
import { RotationError } from '../errors.ts';
import { sleep } from '../http/clock.ts';
import type { KeyFacts, Pair, Registration } from '../model/key-pair.ts';
import type { Credential } from '../model/observed-state.ts';
import { credentialNameFor } from '../model/ownership.ts';
import type { Proof } from '../model/run-result.ts';
import { DAY } from '../model/timing.ts';
import type { Association } from './association.ts';
import type { ApplyServices, Job } from './job.ts';
import { preflight } from './preflight.ts';
import type { Issued, Prover } from './prove.ts';
import { takeBack } from './undo.ts';
import { type Flight, findMade, upload } from './upload.ts';

/** The longest wait for `created_at`, if Auth0 dates a credential later than its Date header. */
const LONGEST_AHEAD = 60_000;
/** A smaller difference is within UNCERTAINTY. */
const SECOND = 1_000;

export class NewCredential {
  readonly #job: Job;
  readonly #services: ApplyServices;
  readonly #prover: Prover;
  #issued: Issued | undefined;
  #record: Credential | undefined;
  #mayBeOrphan = false;
  readonly #flight: Flight = { until: 0 };
  #proof: Proof = 'not proven';

  constructor(job: Job, services: ApplyServices, prover: Prover) {
    this.#job = job;
    this.#prover = prover;
    this.#services = services;
  }

  get id(): string | undefined {
    return this.#record?.id;
  }

  /** Milliseconds, Auth0's clock. undefined before the upload. */
  get createdAt(): number | undefined {
    return this.#record?.createdAt;
  }

  get facts(): KeyFacts | undefined {
    return this.#issued?.facts;
  }

  get isProven(): boolean {
    return this.#proof === 'proven' || this.#proof === 'proven and bound';
  }

  get proof(): Proof {
    return this.#proof;
  }

  /** Id of a credential that may be left behind. Empty if it is unknown whether it was made. undefined if none is left. */
  get orphan(): string | undefined {
    return this.#mayBeOrphan ? (this.id ?? '') : undefined;
  }

  get pair(): Pair {
    return this.#requireIssued().pair;
  }

  /** The body of its upload. */
  get registration(): Registration {
    const { pair, facts } = this.#requireIssued();
    const { desired, plan } = this.#job;
    const name = credentialNameFor(desired, plan.replaces);
    return registrationOf(desired.method, pair, facts, name, desired.signingAlgorithm ?? 'RS256');
  }

  /**
   * Makes the pair, or takes the one that was brought. What can refuse a rotation is checked first: here, and not before the steps that
   * heal, since those must not wait for it.
   * @throws RotationError what `preflight` throws, and CERTIFICATE_TOO_LARGE
   */
  async issue(): Promise<void> {
    await preflight(this.#job, this.#services, this.#prover);
    const { issuePair, mask, tenant } = this.#services;
    const { desired } = this.#job;
    const { method, validityDays } = desired;
    const now = tenant.now();
    const pair = await issuePair(desired, now);
    mask(pair.privateKey);
    this.#issued = { pair, facts: factsOf(method, pair, now + validityDays * DAY) };
  }

  /** Uploads the public part. @throws RotationError CREDENTIAL_LIMIT, ROTATION_IN_PROGRESS, AUTH0_… */
  async upload(): Promise<Credential> {
    const { facts } = this.#requireIssued();
    // The guard is the order of these two statements, so both have its mark.
    // guard: a credential may be there from its upload on, not from its answer on
    this.#mayBeOrphan = true;
    // guard: a credential may be there from its upload on, not from its answer on
    this.#record = await upload(this.#job, this.#services, {
      registration: this.registration,
      identity: facts.identity,
      flight: this.#flight,
      onNotMade: () => {
        this.#mayBeOrphan = false;
      },
    });
    await this.#waitForItsTime(this.#record);
    return this.#record;
  }

  /** Waits until `created_at` has passed. Later runs would not believe that a secret holds a credential that is younger than the secret. */
  async #waitForItsTime({ createdAt }: Credential): Promise<void> {
    const { clock, cancellation, tenant } = this.#services;
    const ahead = createdAt - tenant.now();
    if (ahead > LONGEST_AHEAD)
      throw new RotationError('AUTH0_REQUEST_FAILED', {
        failed: `Auth0 dates the new credential ${Math.round(ahead / 1000)} s later than its own answers. Later runs could not derive what a secret holds.`,
        remedy: 'Look at the status page of Auth0, then start a new run.',
      });
    if (ahead > SECOND) await sleep(clock, ahead, cancellation);
  }

  /** Finds the credential with which the client was created. Somebody may have added another one meanwhile. */
  adoptFrom(pool: readonly Credential[]): void {
    const { name } = this.registration;
    // guard: a new client's credential is the one that its run has made
    this.#record = pool.find((credential) => credential.name === name);
  }

  /** See Prover. @throws RotationError VERIFICATION_FAILED */
  async requireRefusalBefore(clientId: string): Promise<void> {
    await this.#prover.requireRefusalBefore(clientId, this.#requireIssued());
  }

  /** See Prover. @throws RotationError VERIFICATION_FAILED */
  async tryBeforeMethodChange(clientId: string): Promise<void> {
    await this.#prover.tryBeforeMethodChange(clientId, this.#requireIssued());
  }

  /** See Prover. @throws RotationError VERIFICATION_FAILED */
  async tryBeforeRemoval(clientId: string): Promise<void> {
    await this.#prover.tryBeforeRemoval(clientId, this.#requireIssued());
  }

  /** Proves the pair. @param since local time of its association @throws RotationError VERIFICATION_FAILED */
  async prove(clientId: string, since: number): Promise<void> {
    this.#proof = await this.#prover.prove(clientId, this.#requireIssued(), since);
  }

  /** Proves the pair on a new connection, which may reach another node of Auth0. @throws RotationError VERIFICATION_FAILED */
  async proveAgain(clientId: string, since: number): Promise<void> {
    await this.#prover.prove(clientId, this.#requireIssued(), since, true);
  }

  /** Removes the new credential again. @returns a sentence about that @throws RotationError */
  async remove(association: Association): Promise<string> {
    if (!this.#mayBeOrphan) return '';
    let removed = '';
    const remove = async () => {
      this.#record ??= await this.#find();
      if (!this.#record) return;
      // guard: a failed rotation is undone
      await association.remove(this.#record.id);
      removed = 'The new credential was removed again.';
    };
    const isGone = async () => {
      this.#record = await this.#find();
      return this.#record === undefined;
    };
    // guard: an upload that may land after its undo is waited for
    await takeBack(this.#services, this.#flight.until, remove, isGone);
    this.#mayBeOrphan = false;
    return removed;
  }

  #find(): Promise<Credential | undefined> {
    const { desired } = this.#job;
    const { facts } = this.#requireIssued();
    return findMade(desired, this.#services.tenant, this.registration.name, facts.identity);
  }

  #requireIssued(): Issued {
    if (!this.#issued) throw new Error('a step needs the issued pair before it exists');
    return this.#issued;
  }
}
