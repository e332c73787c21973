/** Plan → outcome: one switch over the steps. Holds the only private key, in one variable. */

import { type Registration, registrationOf } from '../certificate/credential.ts';
import { asRotationError, type RotationError } from '../errors.ts';
import { findHolders, type Holders } from '../github/workflow-runs.ts';
import { deadlineExceeded } from '../http/retry.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Credential } from '../model/observed-state.ts';
import { credentialNameFor } from '../model/ownership.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { type CredentialRef, describeStep, ISSUED, type Step } from '../model/step.ts';
import { UNCERTAINTY } from '../plan/in-use.ts';
import type { Plan } from '../plan/plan.ts';
import { Association } from './association.ts';
import { createClient } from './create-client.ts';
import { deleteCredential } from './delete.ts';
import { Delivery, keepQuiet } from './deliver.ts';
import { alarm, type Left, left, orphaned, unchanged, unrevoked } from './failure-state.ts';
import type { DoneStep, Job, Outcome, Services } from './job.ts';
import { MethodChange } from './method-change.ts';
import type { Issued } from './prepare.ts';
import { type Proof, preconnectProof, prove, proveRefusal } from './prove.ts';
import { bind } from './token-binding.ts';
import { UndoStack } from './undo.ts';
import { findMade, upload } from './upload.ts';

/** With a change that may land once more it takes a minute to be sure. */
const UNDO_TIME = LONGEST_FLIGHT + 60_000;

/** Never throws: a failure is told beside what was done, with what is true now. */
export async function apply(
  job: Job,
  services: Services,
): Promise<{ outcome: Outcome; error?: RotationError }> {
  const work = new Work(job, services);
  try {
    if (job.plan.steps.some(({ kind }) => kind === 'issue-certificate')) await services.preparation.check();
    for (const step of job.plan.steps) await work.perform(step);
    await work.confirm();
    return { outcome: work.outcome() };
  } catch (thrown) {
    const error = await work.recover(asRotationError(thrown));
    return { outcome: work.outcome(), error };
  }
}

class Work {
  /** `create` completes it: the client's id. */
  #desired: DesiredState;
  readonly #job: Job;
  readonly #services: Services;
  #association: Association;
  /** Of the new pair: from its first write on the rotation is finished, not undone. */
  readonly #delivery: Delivery;
  /** Of the current pair, to places that lack it. */
  readonly #completion: Delivery;
  /** Local time of its last write. */
  #completedAt = 0;
  readonly #steps: DoneStep[] = [];
  readonly #removed: string[] = [];
  /** What they held gives way to this rotation. */
  readonly #interrupted: SecretLocation[] = [];
  #holders: Holders | undefined;
  #issued: Issued | undefined;
  #made: Credential | undefined;
  /** It may have to be removed again. */
  #mayBeOrphan = false;
  #proof: Proof = 'not proven';
  /** The client that was made, while it may have to be deleted again. */
  #madeClient: string | undefined;
  readonly #method: MethodChange;
  readonly #undoStack = new UndoStack();

  constructor(job: Job, services: Services) {
    this.#desired = job.desired;
    this.#job = job;
    this.#services = services;
    this.#association = new Association(job.desired, job.observed, services);
    this.#method = new MethodChange(job, services);
    this.#delivery = new Delivery(services.store);
    this.#completion = new Delivery(services.store);
  }

  async perform(step: Step): Promise<void> {
    this.#mayGoOn();
    if (step.kind !== 'store-secret') this.#settleDeliveries();
    const text = describeStep(step).replaceAll(ISSUED, this.#made?.id ?? 'the new credential');
    const told = this.#services.onStep(text);
    const began = this.#services.clock.now();
    let failed = true;
    try {
      await this.#execute(step);
      failed = false;
    } finally {
      told(failed ? 'failed' : 'done');
      this.#steps.push({ text, milliseconds: this.#services.clock.now() - began, failed });
    }
  }

  async #execute(step: Step): Promise<void> {
    // The proof travels beside the read-back; nothing else does.
    if (step.kind !== 'authenticate') await this.#association.settled();
    switch (step.kind) {
      case 'issue-certificate':
        return this.#issue();
      case 'create-credential':
        return this.#create();
      case 'create-client':
        return this.#createClient();
      case 'associate-credentials':
        this.#interrupted.push(...step.interrupts);
        return this.#association.replace(step.to, ['add', 'heal', 'rehearse'].includes(step.why));
      case 'change-method':
        await this.#method.change(step, this.#association, this.#undoStack);
        this.#interrupted.push(...step.interrupts);
        return;
      case 'bind-tokens':
        return bind(step.required, this.#desired.clientId, this.#services, this.#undoStack);
      case 'authenticate':
        await Promise.all([this.#prove(), this.#association.settled()]);
        return;
      case 'authenticate-unregistered':
        return proveRefusal(this.#desired, this.#services);
      case 'store-secret':
        return this.#store(step.location, step.source);
      case 'delete-credential':
        return this.#delete(step.id);
      case 'find-holders':
        return this.#findHolders();
    }
  }

  /** @throws RotationError DELIVERY_INCOMPLETE */
  #settleDeliveries(): void {
    this.#completion.settle();
    this.#delivery.settle();
  }

  #mayGoOn(): void {
    if (this.#delivery.begun) return;
    this.#services.cancellation.check();
    if (this.#services.clock.now() > this.#services.clock.deadline) throw deadlineExceeded();
  }

  async #issue(): Promise<void> {
    this.#issued = await this.#services.preparation.issued();
    await preconnectProof(this.#issued.pair, this.#services);
  }

  async #create(): Promise<void> {
    const { facts } = this.#requireIssued();
    await keepQuiet(this.#job.observed, this.#services, this.#completedAt);
    const registration = this.#registration();
    this.#mayBeOrphan = true;
    this.#undoStack.push(() => this.#removeMade(registration.name));
    const { observed } = this.#job;
    this.#made = await upload(
      this.#desired,
      observed,
      this.#services.tenant,
      registration,
      facts.identity,
      () => {
        this.#mayBeOrphan = false;
      },
    );
    this.#association.adopt(this.#made);
  }

  #registration(): Registration {
    const { pair, facts } = this.#requireIssued();
    return registrationOf(
      this.#desired.method,
      pair,
      facts,
      credentialNameFor(this.#desired, this.#job.plan.replaces),
    );
  }

  async #createClient(): Promise<void> {
    const { tenant } = this.#services;
    const made: { id?: string } = {};
    this.#undoStack.push(async () => {
      if (made.id === undefined) return '';
      this.#madeClient = made.id;
      await tenant.deleteClient(made.id);
      this.#madeClient = undefined;
      this.#desired = this.#job.desired;
      return 'The new client was deleted again.';
    });
    const observed = await createClient(
      this.#desired,
      this.#job.observed,
      this.#services,
      this.#registration(),
      made,
    );
    this.#desired = { ...this.#desired, clientId: observed.client.id };
    this.#association = new Association(this.#desired, observed, this.#services);
    [this.#made] = observed.pool;
  }

  async #prove(): Promise<void> {
    this.#proof = await prove(this.#desired, this.#requireIssued(), this.#services);
  }

  async #store(location: SecretLocation, source: 'issued' | 'current-credential'): Promise<void> {
    if (source === 'current-credential') return this.#complete(location);
    const renewsFirst = this.#job.plan.renews !== undefined && !this.#delivery.begun;
    if (renewsFirst) await this.#association.requireUnchanged();
    await this.#delivery.put(location, this.#requireIssued().pair);
    this.#association.delivered = true;
    if (renewsFirst) await this.#association.rememberDelivery();
    this.#services.cancellation.shield();
  }

  async #complete(location: SecretLocation): Promise<void> {
    const { currentPair } = this.#job;
    if (!currentPair) throw new Error('a delivery was planned without its pair');
    // The pair is not new: another run may just be delivering its successor.
    if (!this.#completion.begun) await this.#association.requireUnchanged();
    await this.#completion.put(location, currentPair);
    this.#completedAt = this.#services.clock.now();
    // guard: whoever finishes a delivery looks whether it was overtaken
    await this.#association.refuseOvertaken(location);
  }

  async #delete(ref: CredentialRef): Promise<void> {
    const id = ref === ISSUED ? (this.#made?.id ?? '') : ref;
    await deleteCredential(this.#desired.clientId, id, this.#services);
    if (ref !== ISSUED) this.#removed.push(id);
  }

  async #findHolders(): Promise<void> {
    const { store } = this.#services;
    const { destinations, run } = this.#desired;
    const [own = ''] = run.split('.');
    // One too many is better than one that is missed.
    const before = (store?.storedAt ?? 0) + UNCERTAINTY;
    this.#holders = store && (await findHolders(store, destinations, before, own));
  }

  /** The wish must be true on re-read: what was delivered is associated. */
  async confirm(): Promise<void> {
    this.#settleDeliveries();
    await this.#association.settled();
    const id = this.#target();
    // guard: the last re-read associates again
    if ((this.#delivery.begun || this.#completion.begun) && id) await this.#association.ensure(id);
    if (this.#delivery.begun && this.#job.plan.renews) await this.#association.refuseOtherDelivery();
  }

  /** The credential that the delivered pair logs in with. */
  #target(): string | undefined {
    return this.#made?.id ?? this.#job.plan.renews ?? this.#current()?.id;
  }

  outcome(): Outcome {
    const facts = this.#issued?.facts;
    const rotated = this.#job.plan.rotates && this.#delivery.stored.length > 0;
    const id = this.#target();
    return {
      rotated,
      credential: rotated && id && facts ? { id, ...facts } : undefined,
      proof: this.#proof,
      clientId: this.#desired.clientId,
      delivered: [...new Set([...this.#completion.stored, ...this.#delivery.stored].map(printLocation))],
      inDoubt: [...this.#completion.inDoubt, ...this.#delivery.inDoubt].map(printLocation),
      removed: this.#removed,
      holders: this.#holders,
      steps: this.#steps,
    };
  }

  /** Before the first delivery everything new is taken back; after it, everything stays. */
  async recover(error: RotationError): Promise<RotationError> {
    const { cancellation, clock } = this.#services;
    cancellation.shield();
    clock.deadline = clock.now() + UNDO_TIME;
    if (this.#delivery.begun) {
      const stateNow = this.#delivery.stateNow(this.#target() ?? '');
      const { stored } = this.#delivery;
      const nobody = stored.length === 0 ? left(this.#left()) : '';
      return error.withStateNow(
        [nobody, stateNow, unrevoked(this.#left(), true)].filter(Boolean).join(' '),
        alarm(this.#left(), stored),
      );
    }
    const { failures, told } = await this.#undoStack.run();
    const [first] = failures;
    const what = this.#left();
    const rest = first
      ? orphaned(what, first, this.#services.tenant.now())
      : [unchanged(what), unrevoked(what, false)].filter(Boolean).join(' ');
    return error.withStateNow([...told, rest].join(' '), alarm(what, []));
  }

  async #removeMade(name: string): Promise<string> {
    if (!this.#mayBeOrphan) return '';
    const { identity } = this.#requireIssued().facts;
    this.#made ??= await findMade(this.#desired, this.#services.tenant, name, identity);
    // guard: a failed rotation is undone
    if (this.#made) await this.#association.remove(this.#made.id);
    this.#mayBeOrphan = false;
    return this.#made ? 'The new credential was removed again.' : '';
  }

  #current(): Plan['credentials'][number] | undefined {
    return this.#job.plan.credentials.find(({ stage }) => stage === 'current');
  }

  #left(): Left {
    const { id = '', heldBy } = this.#current() ?? {};
    return {
      completed: this.#completion.begun ? this.#completion.stateNow(id, heldBy) : undefined,
      interrupted: this.#interrupted,
      former: this.#method.former,
      method: this.#desired.method,
      made: this.#mayBeOrphan ? (this.#made?.id ?? '') : undefined,
      madeClient: this.#madeClient,
      removed: this.#removed,
      revoking: this.#job.plan.steps.flatMap((step) =>
        step.kind === 'delete-credential' && step.why === 'revoke' ? [step.id] : [],
      ),
      reverted: this.#method.reverted,
    };
  }

  #requireIssued(): Issued {
    if (!this.#issued) throw new Error('a step needs the issued pair before it exists');
    return this.#issued;
  }
}
