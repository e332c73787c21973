/** Plan → outcome: one switch over the steps. Holds the only private key, in one variable. */

import { type Registration, registrationOf } from '../certificate/credential.ts';
import { asRotationError, type RotationError } from '../errors.ts';
import { findHolders, type Holders } from '../github/workflow-runs.ts';
import { deadlineExceeded } from '../http/retry.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import type { Wish } from '../model/desired-state.ts';
import type { Credential } from '../model/observed-state.ts';
import { markFor } from '../model/ownership.ts';
import { type Place, printPlace } from '../model/secret-location.ts';
import { type CredentialRef, describeStep, ISSUED, type Step } from '../model/step.ts';
import { UNCERTAINTY } from '../plan/in-use.ts';
import type { Plan } from '../plan/plan.ts';
import { Association } from './association.ts';
import { createClient } from './create-client.ts';
import { deleteCredential } from './delete.ts';
import { Delivery, keepQuiet } from './deliver.ts';
import { alarm, type Left, left, orphaned, unchanged, unrevoked } from './failure-state.ts';
import type { DoneStep, Edges, Job, Outcome } from './job.ts';
import { MethodChange } from './method-change.ts';
import type { Issued } from './prepare.ts';
import { approach, type Proof, prove, proveRefusal } from './prove.ts';
import { bind } from './token-binding.ts';
import { Undoing } from './undo.ts';
import { findMade, upload } from './upload.ts';

/** With a change that may land once more it takes a minute to be sure. */
const UNDO_TIME = LONGEST_FLIGHT + 60_000;

/** Never throws: a failure is told beside what was done, with what is true now. */
export async function apply(job: Job, edges: Edges): Promise<{ outcome: Outcome; error?: RotationError }> {
  const work = new Work(job, edges);
  try {
    if (job.plan.steps.some(({ kind }) => kind === 'issue-certificate')) await edges.preparation.check();
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
  #wish: Wish;
  readonly #job: Job;
  readonly #edges: Edges;
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
  readonly #interrupted: Place[] = [];
  #holders: Holders | undefined;
  #issued: Issued | undefined;
  #made: Credential | undefined;
  /** It may have to be removed again. */
  #mayBeOrphan = false;
  #proof: Proof = 'not proven';
  /** The client that was made, while it may have to be deleted again. */
  #madeClient: string | undefined;
  readonly #method: MethodChange;
  readonly #undoing = new Undoing();

  constructor(job: Job, edges: Edges) {
    this.#wish = job.wish;
    this.#job = job;
    this.#edges = edges;
    this.#association = new Association(job.wish, job.state, edges);
    this.#method = new MethodChange(job, edges);
    this.#delivery = new Delivery(edges.store);
    this.#completion = new Delivery(edges.store);
  }

  async perform(step: Step): Promise<void> {
    this.#mayGoOn();
    if (step.kind !== 'store-secret') this.#settleDeliveries();
    const text = describeStep(step).replaceAll(ISSUED, this.#made?.id ?? 'the new credential');
    const told = this.#edges.onStep(text);
    const began = this.#edges.clock.now();
    let failed = true;
    try {
      await this.#execute(step);
      failed = false;
    } finally {
      told(failed ? 'failed' : 'done');
      this.#steps.push({ text, milliseconds: this.#edges.clock.now() - began, failed });
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
        await this.#method.change(step, this.#association, this.#undoing);
        this.#interrupted.push(...step.interrupts);
        return;
      case 'bind-tokens':
        return bind(step.required, this.#wish.clientId, this.#edges, this.#undoing);
      case 'authenticate':
        await Promise.all([this.#prove(), this.#association.settled()]);
        return;
      case 'authenticate-unregistered':
        return proveRefusal(this.#wish, this.#edges);
      case 'store-secret':
        return this.#store(step.place, step.source);
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
    this.#edges.cancellation.check();
    if (this.#edges.clock.now() > this.#edges.clock.deadline) throw deadlineExceeded();
  }

  async #issue(): Promise<void> {
    this.#issued = await this.#edges.preparation.issued();
    await approach(this.#issued.pair, this.#edges);
  }

  async #create(): Promise<void> {
    const { facts } = this.#requireIssued();
    await keepQuiet(this.#job.state, this.#edges, this.#completedAt);
    const registration = this.#registration();
    this.#mayBeOrphan = true;
    this.#undoing.push(() => this.#removeMade(registration.name));
    const { state } = this.#job;
    this.#made = await upload(this.#wish, state, this.#edges.tenant, registration, facts.identity, () => {
      this.#mayBeOrphan = false;
    });
    this.#association.adopt(this.#made);
  }

  #registration(): Registration {
    const { pair, facts } = this.#requireIssued();
    return registrationOf(this.#wish.method, pair, facts, markFor(this.#wish, this.#job.plan.replaces));
  }

  async #createClient(): Promise<void> {
    const { tenant } = this.#edges;
    const made: { id?: string } = {};
    this.#undoing.push(async () => {
      if (made.id === undefined) return '';
      this.#madeClient = made.id;
      await tenant.deleteClient(made.id);
      this.#madeClient = undefined;
      this.#wish = this.#job.wish;
      return 'The new client was deleted again.';
    });
    const state = await createClient(this.#wish, this.#job.state, this.#edges, this.#registration(), made);
    this.#wish = { ...this.#wish, clientId: state.client.id };
    this.#association = new Association(this.#wish, state, this.#edges);
    [this.#made] = state.pool;
  }

  async #prove(): Promise<void> {
    this.#proof = await prove(this.#wish, this.#requireIssued(), this.#edges);
  }

  async #store(place: Place, source: 'issued' | 'current-credential'): Promise<void> {
    if (source === 'current-credential') return this.#complete(place);
    const renewsFirst = this.#job.plan.renews !== undefined && !this.#delivery.begun;
    if (renewsFirst) await this.#association.refuseSurprise();
    await this.#delivery.put(place, this.#requireIssued().pair);
    this.#association.delivered = true;
    if (renewsFirst) await this.#association.rememberDelivery();
    this.#edges.cancellation.shield();
  }

  async #complete(place: Place): Promise<void> {
    const { currentPair } = this.#job;
    if (!currentPair) throw new Error('a delivery was planned without its pair');
    // The pair is not new: another run may just be delivering its successor.
    if (!this.#completion.begun) await this.#association.refuseSurprise();
    await this.#completion.put(place, currentPair);
    this.#completedAt = this.#edges.clock.now();
    await this.#association.refuseOvertaken(place);
  }

  async #delete(ref: CredentialRef): Promise<void> {
    const id = ref === ISSUED ? (this.#made?.id ?? '') : ref;
    await deleteCredential(this.#wish.clientId, id, this.#edges);
    if (ref !== ISSUED) this.#removed.push(id);
  }

  async #findHolders(): Promise<void> {
    const { store } = this.#edges;
    const { destinations, run } = this.#wish;
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
      clientId: this.#wish.clientId,
      delivered: [...new Set([...this.#completion.stored, ...this.#delivery.stored].map(printPlace))],
      inDoubt: [...this.#completion.inDoubt, ...this.#delivery.inDoubt].map(printPlace),
      removed: this.#removed,
      holders: this.#holders,
      steps: this.#steps,
    };
  }

  /** Before the first delivery everything new is taken back; after it, everything stays. */
  async recover(error: RotationError): Promise<RotationError> {
    const { cancellation, clock } = this.#edges;
    cancellation.shield();
    clock.deadline = clock.now() + UNDO_TIME;
    if (this.#delivery.begun) {
      const truth = this.#delivery.truth(this.#target() ?? '');
      const { stored } = this.#delivery;
      const nobody = stored.length === 0 ? left(this.#left()) : '';
      return error.withTruth(
        [nobody, truth, unrevoked(this.#left(), true)].filter(Boolean).join(' '),
        alarm(this.#left(), stored),
      );
    }
    const { failures, told } = await this.#undoing.run();
    const [first] = failures;
    const what = this.#left();
    const rest = first
      ? orphaned(what, first, this.#edges.tenant.now())
      : [unchanged(what), unrevoked(what, false)].filter(Boolean).join(' ');
    return error.withTruth([...told, rest].join(' '), alarm(what, []));
  }

  async #removeMade(name: string): Promise<string> {
    if (!this.#mayBeOrphan) return '';
    const { identity } = this.#requireIssued().facts;
    this.#made ??= await findMade(this.#wish, this.#edges.tenant, name, identity);
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
      completed: this.#completion.begun ? this.#completion.truth(id, heldBy) : undefined,
      interrupted: this.#interrupted,
      former: this.#method.former,
      method: this.#wish.method,
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
