/** Carries out a plan, step by step, and undoes it if a step fails. */

import { asRotationError, type RotationError, UNTOUCHED } from '../errors.ts';
import { findEarlierRuns } from '../github/workflow-runs.ts';
import { deadlineExceeded, sleep } from '../http/clock.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { ObservedSecret } from '../model/observed-state.ts';
import type { PlannedCredential } from '../model/plan.ts';
import type { EarlierRuns, Outcome } from '../model/run-result.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { type AssociationStep, describeStep, ISSUED, type Step } from '../model/step.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { Association } from './association.ts';
import { createClient, deleteMade, type MadeClient } from './create-client.ts';
import { Deletion } from './delete.ts';
import { Delivery, pauseAfterDelivery, requireUnwritten } from './deliver.ts';
import { explainFailure, type FailureState } from './failure-state.ts';
import type { ApplyServices, Job } from './job.ts';
import { MethodChange } from './method-change.ts';
import { NewCredential } from './new-credential.ts';
import { awaitHealing, refuseOld, requireAssociated, waitsForPropagation } from './propagation.ts';
import { Prover } from './prove.ts';
import { StepLog } from './step-log.ts';
import { bind } from './token-binding.ts';
import { UndoStack } from './undo.ts';

/** Time for the undo, including the wait for a pending write, in milliseconds. */
const UNDO_TIME = LONGEST_FLIGHT + 60_000;

/** Never throws. Returns the error together with the outcome so far. */
export async function apply(
  job: Job,
  services: ApplyServices,
): Promise<{ outcome: Outcome; error?: RotationError }> {
  const execution = new Execution(job, services);
  try {
    for (const step of job.plan.steps) await execution.perform(step);
    await execution.finish();
    return { outcome: execution.outcome() };
  } catch (thrown) {
    const error = await execution.recover(asRotationError(thrown));
    return { outcome: execution.outcome(), error };
  }
}

class Execution {
  readonly #job: Job;
  readonly #services: ApplyServices;
  readonly #prover: Prover;
  readonly #new: NewCredential;
  /** Delivers the new pair. After its first write the rotation is finished, not undone. */
  readonly #delivery: Delivery;
  /** Delivers the current pair to locations that lack it. */
  readonly #currentDelivery: Delivery;
  readonly #method: MethodChange;
  readonly #undoStack = new UndoStack();
  readonly #log: StepLog;
  readonly #deletion: Deletion;
  readonly #interrupted: SecretLocation[] = [];
  readonly #disassociated: string[] = [];
  #healedAt: number | undefined;
  #association: Association;
  #clientId: string;
  /** The new client until its undo has deleted it. */
  readonly #madeClient: MadeClient = {};
  /** Local time of the association of the new credential. */
  #associatedAt: number | undefined;
  #earlierRuns: EarlierRuns | undefined;
  #errorAtEnd: RotationError | undefined;

  constructor(job: Job, services: ApplyServices) {
    this.#job = job;
    this.#services = services;
    this.#log = new StepLog(services);
    this.#clientId = job.desired.clientId;
    this.#prover = new Prover(job, services);
    this.#new = new NewCredential(job, services, this.#prover);
    this.#association = new Association(job.desired, job.observed, services);
    this.#method = new MethodChange(job, services);
    this.#delivery = new Delivery(services, job, 'issued');
    this.#currentDelivery = new Delivery(services, job, 'current-credential');
    this.#deletion = new Deletion(services, job.desired.revoke);
  }

  async perform(step: Step): Promise<void> {
    this.#requireTimeLeft();
    if (step.kind !== 'store-secret') this.#requireDeliveries();
    if (step.kind === 'store-secret' && step.source === 'issued') await this.#awaitPropagation();
    else if (step.kind === 'store-secret')
      await awaitHealing(this.#job.desired, this.#services, this.#log, this.#healedAt);
    const work = () => this.#execute(step);
    await this.#log.record(describeStep(step, this.#new.id), work, () => this.#outcomeOf(step));
  }

  /** The outcome of a step that threw nothing. */
  #outcomeOf(step: Step): string {
    if (step.kind === 'authenticate' && !this.#new.isProven) return 'not proven';
    if (step.kind === 'store-secret')
      return (step.source === 'issued' ? this.#delivery : this.#currentDelivery).outcomeOf(step.location);
    return step.kind === 'delete-credential' && this.#deletion.isUsedElsewhere(this.#idOf(step.id))
      ? 'not deleted, since another part of the client uses it'
      : 'done';
  }

  async #execute(step: Step): Promise<void> {
    // A proof goes on beside the read-back of the last change. Every other step waits for it.
    if (step.kind !== 'authenticate') await this.#association.awaitReadBack();
    switch (step.kind) {
      case 'issue-certificate':
        return this.#new.issue();
      case 'create-credential':
        return this.#create();
      case 'create-client':
        return this.#createClient();
      case 'associate-credentials':
        return this.#associate(step);
      case 'change-method':
        if (step.credentials.length > 0) await this.#new.tryBeforeMethodChange(this.#clientId);
        return this.#method.change(step, this.#association, this.#undoStack);
      case 'bind-tokens':
        return bind(step, this.#clientId, this.#services, this.#undoStack, this.#prover);
      case 'authenticate':
        return this.#proveBesideReadBack();
      case 'authenticate-unregistered':
        return this.#prover.requireUnregisteredRefused();
      case 'store-secret':
        return this.#store(step.location, step.source);
      case 'delete-credential':
        return this.#deletion.delete(this.#clientId, this.#idOf(step.id));
      case 'find-earlier-runs':
        return this.#findEarlierRuns();
    }
  }

  #idOf(ref: string): string {
    return ref === ISSUED ? (this.#new.id ?? '') : ref;
  }

  async #associate({ confirm, from, interrupts, to, why }: AssociationStep): Promise<void> {
    // The pause and the checks come before the interruption, so that they do not prolong it.
    if (interrupts.length > 0) {
      await this.#pauseAfterDelivery();
      await requireUnwritten(this.#others(), this.#services.store);
    }
    // Nothing gives way to a key that could not be tried.
    if (why === 'make room') await this.#new.tryBeforeRemoval(this.#clientId);
    if (to.includes(ISSUED)) await this.#new.requireRefusalBefore(this.#clientId);
    await this.#association.replace(to, confirm, () => {
      this.#interrupted.push(...interrupts);
      this.#disassociated.push(...from.filter((id) => id !== ISSUED && !to.includes(id)));
    });
    if (why === 'heal') this.#healedAt = this.#services.clock.now();
    if (to.includes(ISSUED)) this.#associatedAt = this.#services.clock.now();
  }

  async #proveBesideReadBack(): Promise<void> {
    const since = this.#associatedAt ?? this.#services.clock.now();
    await Promise.all([this.#new.prove(this.#clientId, since), this.#association.awaitReadBack()]);
  }

  /** Called before each delivery of the new pair. Only the first one waits. */
  async #awaitPropagation(): Promise<void> {
    const { desired, observed, plan } = this.#job;
    if (this.#delivery.begun) return;
    const [id, since] = [this.#new.id, this.#associatedAt];
    if (since !== undefined && id !== undefined && waitsForPropagation(plan, observed)) {
      const again = this.#new.isProven ? ', then prove it again' : '';
      const text = `Wait until ${desired.propagationTime / 1000} s after the association${again}`;
      await this.#log.record(text, () => this.#proveAfterPropagation(id, since));
    }
    refuseOld(this.#new.createdAt, this.#services.tenant.now());
  }

  async #proveAfterPropagation(id: string, since: number): Promise<void> {
    const { cancellation, clock } = this.#services;
    const wait = since + this.#job.desired.propagationTime - clock.now();
    // guard: nothing is delivered before all of Auth0 knows the association
    if (wait > 0) await sleep(clock, wait, cancellation);
    const checks = [requireAssociated(this.#clientId, id, this.#services)];
    // guard: proof before delivery
    if (this.#job.desired.verify !== 'off') checks.push(this.#new.proveAgain(this.#clientId, since));
    await Promise.all(checks);
    this.#requireTimeLeft();
  }

  #requireDeliveries(): void {
    this.#currentDelivery.requireComplete();
    this.#delivery.requireComplete();
  }

  /** After the first delivery, and amid a destination, the run goes on in any case. @throws RotationError CANCELLED, DEADLINE_EXCEEDED */
  #requireTimeLeft(): void {
    const { cancellation, clock } = this.#services;
    if (this.#delivery.begun || this.#currentDelivery.isAmidDestination) return;
    this.#currentDelivery.requireNotStopped();
    cancellation.check();
    if (clock.now() > cancellation.deadline) throw deadlineExceeded();
  }

  async #pauseAfterDelivery(): Promise<void> {
    await pauseAfterDelivery(this.#job.observed, this.#services, this.#currentDelivery.lastWrite);
  }

  /** Secrets other than the primary's that this run did not write. The association itself checks the primary's. */
  #others(): readonly ObservedSecret[] {
    const own = [...this.#currentDelivery.stored, ...this.#currentDelivery.inDoubt];
    return this.#job.observed.secrets.slice(1).filter(({ location }) => !own.includes(location));
  }

  async #create(): Promise<void> {
    await this.#pauseAfterDelivery();
    this.#undoStack.push(() => this.#new.remove(this.#association));
    this.#association.adopt(await this.#new.upload());
  }

  async #createClient(): Promise<void> {
    const { desired, observed } = this.#job;
    const { registration } = this.#new;
    this.#undoStack.push(async () => {
      const said = await deleteMade(desired, this.#services, registration.name, this.#madeClient);
      this.#clientId = desired.clientId;
      return said;
    });
    const state = await createClient(desired, observed, this.#services, registration, this.#madeClient);
    this.#clientId = state.client.id;
    this.#association = new Association({ ...desired, clientId: this.#clientId }, state, this.#services);
    this.#new.adoptFrom(state.pool);
  }

  async #store(location: SecretLocation, source: 'issued' | 'current-credential'): Promise<void> {
    if (source === 'current-credential') return this.#deliverCurrent(location);
    // A write with a reused record changes nothing at Auth0, so only the time of the primary can show another run.
    const isFirstWriteWithReusedRecord = this.#job.plan.reuses !== undefined && !this.#delivery.begun;
    if (isFirstWriteWithReusedRecord) await this.#association.requireUnchanged();
    await this.#delivery.put(location, this.#new.pair, this.#clientId);
    this.#association.rememberStored(location);
    this.#services.cancellation.shield();
    if (isFirstWriteWithReusedRecord) await this.#delivery.rememberPrimaryTime();
  }

  async #deliverCurrent(location: SecretLocation): Promise<void> {
    const { currentPair } = this.#job;
    if (!currentPair) throw new Error('a delivery was planned without its pair');
    // Another run may be delivering the successor of this pair.
    if (!this.#currentDelivery.begun) await this.#association.requireUnchanged();
    await this.#currentDelivery.put(location, currentPair, this.#clientId);
    this.#association.rememberStored(location);
    if (this.#currentDelivery.isAmidDestination) return;
    // guard: a run that finishes a delivery checks whether it was overtaken
    await this.#association.refuseOvertaken(location);
  }

  async #findEarlierRuns(): Promise<void> {
    const { store } = this.#services;
    const { destinations, run } = this.#job.desired;
    const [own = ''] = run.split('.');
    // Listing one run too many is better than missing one.
    const before = this.#delivery.storedAt + UNCERTAINTY;
    this.#earlierRuns = store && (await findEarlierRuns(store, destinations, before, own));
  }

  /** Checks that what was delivered is still associated, then throws the error that the plan keeps for the end. @throws RotationError */
  async finish(): Promise<void> {
    this.#requireDeliveries();
    await this.#association.awaitReadBack();
    const id = this.#target();
    // guard: the last re-read associates again
    if ((this.#delivery.begun || this.#currentDelivery.begun) && id)
      await this.#association.keepAssociated(id);
    await this.#delivery.refuseOtherDelivery();
    this.#errorAtEnd = this.#deletion.errorBeside(this.#job.plan.errorAtEnd);
    if (this.#errorAtEnd) throw this.#errorAtEnd;
  }

  /** The credential that the delivered pair logs in with. */
  #target(): string | undefined {
    return this.#new.id ?? this.#job.plan.reuses ?? this.#current()?.id;
  }

  #current(): PlannedCredential | undefined {
    return this.#job.plan.credentials.find(({ stage }) => stage === 'current');
  }

  outcome(): Outcome {
    const { facts, proof } = this.#new;
    const rotated = this.#job.plan.rotates && this.#delivery.stored.length > 0;
    const id = this.#target();
    return {
      rotated,
      credential: rotated && id && facts ? { id, ...facts } : undefined,
      proof,
      provenBy: this.#prover.by,
      notes: [...this.#prover.notes, ...this.#deletion.notes],
      clientId: this.#clientId,
      delivered: (rotated ? this.#delivery : this.#currentDelivery).stored.map(printLocation),
      inDoubt: [...this.#currentDelivery.inDoubt, ...this.#delivery.inDoubt].map(printLocation),
      removed: this.#deletion.deletedOtherThan(this.#new.id),
      earlierRuns: this.#earlierRuns,
      steps: this.#log.steps,
    };
  }

  /** If no delivery has begun, undoes what the run made or switched. Removals and repairs stay. @returns the error, with what is true now */
  async recover(error: RotationError): Promise<RotationError> {
    // All steps succeeded, and this error already says what is true now.
    if (error === this.#errorAtEnd && error.stateNow !== UNTOUCHED) return error;
    const { cancellation, clock, tenant } = this.#services;
    // guard: a run whose time is over has time to undo
    cancellation.shield(clock.now() + UNDO_TIME);
    const undone = this.#delivery.begun ? undefined : await this.#undoStack.run();
    return explainFailure(error, this.#failureState(), undone, tenant.now());
  }

  #failureState(): FailureState {
    const { id = '', heldBy, expiresAt } = this.#current() ?? {};
    return {
      delivery: this.#delivery.begun ? this.#delivery.describe(this.#target() ?? '') : undefined,
      served: this.#delivery.stored,
      unserved: this.#delivery.unserved,
      previousEnds: expiresAt,
      currentDelivery: this.#currentDelivery.begun ? this.#currentDelivery.describe(id, heldBy) : undefined,
      isMixed: this.#delivery.isMixed || this.#currentDelivery.isMixed,
      takenOut: this.#association.takenOut,
      interrupted: this.#interrupted,
      disassociated: this.#disassociated,
      ...this.#method.left,
      orphan: this.#new.orphan,
      orphanClient: this.#madeClient.id ?? (this.#madeClient.until === undefined ? undefined : ''),
      removed: this.#deletion.deletedOtherThan(this.#new.id),
      revoking: this.#job.plan.revokes,
      passesCurrent: this.#job.desired.currentKey !== undefined,
      lockout: this.#job.plan.lockout[this.#healedAt === undefined ? 'before' : 'afterKeptSteps'],
    };
  }
}
