/** Plan → outcome: one switch over the steps. Holds the only private key, in one variable. */

import { Association } from './association.ts';
import type { Tenant } from './auth0/tenant.ts';
import { type ProofResult, proveCertificate } from './auth0/token.ts';
import { inspect, type Pair } from './certificate/inspect.ts';
import type { CertificateWish } from './certificate/issue.ts';
import { Delivery } from './delivery.ts';
import { asRotationError, RotationError } from './errors.ts';
import { eventually } from './eventually.ts';
import { type Place, printPlace } from './github/destination.ts';
import type { SecretStore } from './github/secret-store.ts';
import type { Cancellation, Service } from './http/service.ts';
import { LONGEST_FLIGHT } from './http/wire.ts';
import type { Plan } from './plan.ts';
import type { Preparation } from './prepare.ts';
import { type Clock, deadlineExceeded, sleep } from './retry.ts';
import { LEASE } from './rotation/evidence.ts';
import { ownerOf, writeMark } from './rotation/mark.ts';
import type { Credential, State } from './rotation/state.ts';
import { describeStep, ISSUED, type Step } from './rotation/step.ts';
import type { CertificateFacts, Wish } from './rotation/wish.ts';
import { findByThumbprint, upload } from './upload.ts';

/** What `apply` acts through. */
export interface Edges {
  tenant: Tenant;
  store: SecretStore;
  /** The customer edge that terminates mTLS. */
  edge: Service;
  preparation: Preparation;
  issue: (key: Awaited<ReturnType<Preparation['key']>>, wish: CertificateWish, now: number) => Promise<Pair>;
  clock: Clock;
  cancellation: Cancellation;
  /** Registers a value that must never be shown. */
  mask: (secret: string) => void;
  /** Told before each step; the answer is told how it went. */
  onStep: (text: string) => (outcome: string) => void;
}

/** The job of one client. */
export interface Job {
  wish: Wish;
  state: State;
  plan: Plan;
  /** What `current-credential` holds, for a delivery that needs no new key. */
  currentPair: Pair | undefined;
}

export interface Outcome {
  /** A new credential is held by a destination at least. */
  rotated: boolean;
  /** The new credential, once it is held. */
  credential: { id: string; thumbprint: string; notBefore: Date; notAfter: Date } | undefined;
  proof: 'proven' | 'proven and bound' | 'not proven';
  delivered: readonly string[];
  removed: readonly string[];
  steps: readonly { text: string; milliseconds: number }[];
}

/** After a delivery, so that the next run can tell by times what is held: 5 s, and one since GitHub cuts to whole seconds. */
const QUIET = 6_000;
/** How long Auth0 may need until an association is effective: unknown, so bounded. */
const PROPAGATION = 30_000;
const UNDO_TIME = 60_000;

/** Never throws: a failure is told beside what was done, with what is true now. */
export async function apply(job: Job, edges: Edges): Promise<{ outcome: Outcome; error?: RotationError }> {
  const work = new Work(job, edges);
  try {
    if (job.plan.rotates) await edges.preparation.check();
    for (const step of job.plan.steps) await work.perform(step);
    await work.confirm();
    return { outcome: work.outcome() };
  } catch (thrown) {
    const error = await work.recover(asRotationError(thrown));
    return { outcome: work.outcome(), error };
  }
}

class Work {
  readonly #job: Job;
  readonly #edges: Edges;
  readonly #association: Association;
  /** Of the new pair: from its first write on the rotation is finished, not undone. */
  readonly #delivery: Delivery;
  /** Of the current pair, to places that lack it. */
  readonly #completion: Delivery;
  /** Local time of its last write. */
  #completedAt = 0;
  readonly #steps: { text: string; milliseconds: number }[] = [];
  readonly #removed: string[] = [];
  /** What they held gives way to this rotation. */
  readonly #interrupted: Place[] = [];
  #issued: { pair: Pair; facts: CertificateFacts } | undefined;
  #made: Credential | undefined;
  /** A POST was sent: there may be a credential even where none is known. */
  #mayExist = false;
  #proof: Outcome['proof'] = 'not proven';

  constructor(job: Job, edges: Edges) {
    this.#job = job;
    this.#edges = edges;
    this.#association = new Association(job.wish, job.state, edges);
    this.#delivery = new Delivery(edges.store);
    this.#completion = new Delivery(edges.store);
  }

  async perform(step: Step): Promise<void> {
    this.#mayGoOn();
    if (step.kind !== 'store-secret') this.#settleDeliveries();
    const text = describeStep(step).replaceAll(ISSUED, this.#made?.id ?? 'the new credential');
    const told = this.#edges.onStep(text);
    const began = this.#edges.clock.now();
    try {
      await this.#execute(step);
      told('done');
    } catch (error) {
      told('failed');
      throw error;
    } finally {
      this.#steps.push({ text, milliseconds: this.#edges.clock.now() - began });
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
      case 'associate-credentials':
        this.#interrupted.push(...step.interrupts);
        return this.#association.replace(step.to, step.why === 'add' || step.why === 'heal');
      case 'authenticate':
        await Promise.all([this.#authenticate(), this.#association.settled()]);
        return;
      case 'store-secret':
        return this.#store(step.place, step.source);
      case 'delete-credential':
        return this.#delete(step.id);
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
    const { issue, mask, preparation, tenant } = this.#edges;
    const { subject, validityDays } = this.#job.wish;
    const pair = await issue(await preparation.key(), { subject, validityDays }, tenant.now());
    mask(pair.privateKey);
    this.#issued = { pair, facts: inspect(pair.certificate) };
  }

  async #create(): Promise<void> {
    const { pair, facts } = this.#requireIssued();
    const { plan, state, wish } = this.#job;
    await this.#keepQuiet();
    this.#mayExist = true;
    const name = writeMark({ owner: ownerOf(wish), run: wish.run, after: plan.replaces });
    const { certificate } = pair;
    const { thumbprint } = facts;
    this.#made = await upload(wish, state, this.#edges.tenant, { name, certificate, thumbprint });
    this.#association.adopt(this.#made);
  }

  async #keepQuiet(): Promise<void> {
    const { clock, cancellation, store, tenant } = this.#edges;
    const deliveries = this.#job.state.secrets.map(({ times }) =>
      typeof times === 'string' ? 0 : times.updatedAt,
    );
    const since = Math.max(...deliveries) + QUIET - tenant.now();
    // What this run completed without a clear answer may be written once more, over the new credential.
    const completion = this.#completedAt + (store.uncertain ? LONGEST_FLIGHT : QUIET) - clock.now();
    const wait = Math.max(Math.min(since, QUIET), completion);
    if (wait > 0) await sleep(clock, wait, cancellation);
  }

  async #authenticate(): Promise<void> {
    const { clock, cancellation } = this.#edges;
    const until = clock.now() + PROPAGATION;
    for (let delay = 250; ; delay = Math.min(delay * 2, 4_000)) {
      const result = await this.#prove();
      if (result === undefined) return;
      if (result.outcome === 'proven') {
        this.#proof = result.bound ? 'proven and bound' : 'proven';
        return;
      }
      if (result.outcome === 'failed' || clock.now() + delay > until) throw notProven(result.detail);
      await sleep(clock, delay, cancellation);
    }
  }

  async #prove(): Promise<ProofResult | undefined> {
    const { edge, preparation } = this.#edges;
    const { clientId, verifyAudience } = this.#job.wish;
    const endpoint = await preparation.endpoint();
    if (endpoint === undefined) return undefined;
    const { pair, facts } = this.#requireIssued();
    const { thumbprint } = facts;
    return proveCertificate(edge, { endpoint, clientId, pair, thumbprint, audience: verifyAudience });
  }

  async #store(place: Place, source: 'issued' | 'current-credential'): Promise<void> {
    if (source === 'current-credential') return this.#complete(place);
    await this.#delivery.put(place, this.#requireIssued().pair);
    this.#association.delivered = true;
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

  async #delete(id: string): Promise<void> {
    const { tenant } = this.#edges;
    const { clientId } = this.#job.wish;
    const attempt = async () => {
      const answer = await tenant.deleteCredential(clientId, id);
      return { done: answer === 'deleted', value: undefined };
    };
    await eventually(this.#edges, attempt, () => stillAssociated(id));
    this.#removed.push(id);
  }

  /** The wish must be true on re-read: what was delivered is associated. */
  async confirm(): Promise<void> {
    this.#settleDeliveries();
    await this.#association.settled();
    const id = this.#made?.id ?? this.#current()?.id;
    if ((this.#delivery.begun || this.#completion.begun) && id) await this.#association.ensure(id);
  }

  outcome(): Outcome {
    const facts = this.#issued?.facts;
    const rotated = this.#job.plan.rotates && this.#delivery.stored.length > 0;
    return {
      rotated,
      credential: rotated && this.#made && facts ? { id: this.#made.id, ...facts } : undefined,
      proof: this.#proof,
      delivered: [...new Set([...this.#completion.stored, ...this.#delivery.stored].map(printPlace))],
      removed: this.#removed,
      steps: this.#steps,
    };
  }

  /** Before the first delivery the new credential is removed again; after it, both stay. */
  async recover(error: RotationError): Promise<RotationError> {
    const { cancellation, clock } = this.#edges;
    cancellation.shield();
    clock.deadline = clock.now() + UNDO_TIME;
    if (this.#delivery.begun) return error.withTruth(this.#delivery.truth(this.#made?.id ?? ''));
    if (!this.#mayExist) return error.withTruth(this.#unchangedTruth());
    try {
      const undone = (await this.#undo()) ? 'The new credential was removed again. ' : '';
      return error.withTruth(`${undone}${this.#unchangedTruth()}`);
    } catch (undoError) {
      return error.withTruth(this.#orphanTruth(asRotationError(undoError)));
    }
  }

  /** @returns whether there was something to undo */
  async #undo(): Promise<boolean> {
    const { thumbprint } = this.#requireIssued().facts;
    this.#made ??= await findByThumbprint(this.#job.wish, this.#edges.tenant, thumbprint);
    if (!this.#made) return false;
    await this.#association.remove(this.#made.id);
    return true;
  }

  #current(): Plan['credentials'][number] | undefined {
    return this.#job.plan.credentials.find(({ stage }) => stage === 'current');
  }

  #unchangedTruth(): string {
    const current = this.#current();
    if (this.#completion.begun) return this.#completion.truth(current?.id ?? '', current?.heldBy);
    const removed = this.#removed.length > 0 ? ` Credential ${this.#removed.join(', ')} was removed.` : '';
    if (this.#interrupted.length === 0)
      return `Every destination keeps the credential that it holds.${removed}`;
    const places = this.#interrupted.map(printPlace).join(', ');
    return `What ${places} holds has given way to this rotation: its consumers may not be able to log in until a run has delivered. Run again now. Every other destination keeps the credential that it holds.${removed}`;
  }

  #orphanTruth(undoError: RotationError): string {
    const until = new Date(this.#edges.tenant.now() + LEASE).toISOString();
    return `${this.#unchangedTruth()} The new credential ${this.#made?.id ?? ''} is still there, since undoing failed (${undoError.failed}): nobody holds its key, and a run after ${until} removes it.`;
  }

  #requireIssued(): { pair: Pair; facts: CertificateFacts } {
    if (!this.#issued) throw new Error('a step needs the issued pair before it exists');
    return this.#issued;
  }
}

function stillAssociated(id: string): RotationError {
  return new RotationError('RETIREMENT_FAILED', {
    failed: `Auth0 says that credential ${id} is still associated and does not delete it.`,
    remedy: 'Look which part of the client uses it; the next run tries again.',
  });
}

function notProven(detail: string): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The new certificate could not log in over mTLS (${detail}).`,
    remedy:
      'Check that the edge forwards the certificate, that it keeps no list of thumbprints of its own, and that verify-audience names an API which the client may use.',
  });
}
