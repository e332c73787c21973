/** Plan → outcome: one switch over the steps. Holds the only private key, in one variable. */

import type { Tenant } from './auth0/tenant.ts';
import { type ProofResult, proveCertificate } from './auth0/token.ts';
import { inspect, type Pair } from './certificate/inspect.ts';
import type { CertificateWish } from './certificate/issue.ts';
import { asRotationError, RotationError } from './errors.ts';
import { type Place, printPlace } from './github/destination.ts';
import type { SecretStore } from './github/secret-store.ts';
import { quote } from './http/json.ts';
import type { Cancellation, Service } from './http/service.ts';
import { NetworkError } from './http/wire.ts';
import { type Plan, poolFull, rotationInProgress } from './plan.ts';
import type { Preparation } from './prepare.ts';
import { type Clock, deadlineExceeded, sleep } from './retry.ts';
import { LEASE, newestFirst } from './rotation/evidence.ts';
import { isOwnedBy, ownerOf, readMark, writeMark } from './rotation/mark.ts';
import type { Credential, State } from './rotation/state.ts';
import { describeStep, ISSUED, type Step } from './rotation/step.ts';
import type { Wish } from './rotation/wish.ts';

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
  rotated: boolean;
  credential: { id: string; thumbprint: string; notBefore: Date; notAfter: Date } | undefined;
  proof: 'proven' | 'proven and bound' | 'not proven';
  delivered: readonly string[];
  removed: readonly string[];
  steps: readonly { text: string; milliseconds: number }[];
}

/** A run waits this long after the last delivery, so that the next run can tell what is held (specification 3). */
const QUIET = 6_000;
const PROPAGATION = 30_000;
const VISIBILITY = 15_000;
const UNDO_TIME = 60_000;
const CREATE_ATTEMPTS = 3;

/** @throws RotationError that tells what is true now */
export async function apply(job: Job, edges: Edges): Promise<Outcome> {
  const work = new Work(job, edges);
  try {
    if (job.plan.rotates) await edges.preparation.check();
    for (const step of job.plan.steps) await work.perform(step);
    await work.confirm();
    return work.outcome();
  } catch (error) {
    throw await work.recover(asRotationError(error));
  }
}

interface Fresh {
  associated: readonly string[];
  pool: readonly Credential[];
}

class Work {
  readonly #job: Job;
  readonly #edges: Edges;
  readonly #known: Map<string, Credential>;
  readonly #steps: { text: string; milliseconds: number }[] = [];
  readonly #removed: string[] = [];
  readonly #delivered: Place[] = [];
  readonly #failures: { place: Place; error: RotationError }[] = [];
  /** What the method holds, as this run left it. */
  #associated: readonly string[];
  #pair: Pair | undefined;
  #made: Credential | undefined;
  /** A POST was sent: there may be a credential even where none is known. */
  #created = false;
  /** A secret may hold the new key: from here on the rotation is finished, not undone. */
  #storing = false;
  #proof: Outcome['proof'] = 'not proven';
  /** The read-back of the last association, while the proof is on its way. */
  #readBack: Promise<void> = Promise.resolve();

  constructor(job: Job, edges: Edges) {
    this.#job = job;
    this.#edges = edges;
    this.#known = new Map(job.state.pool.map((credential) => [credential.id, credential]));
    this.#associated = job.state.client.associated;
  }

  async perform(step: Step): Promise<void> {
    this.#mayGoOn();
    if (step.kind !== 'store-secret') this.#settleDelivery();
    const text = describeStep(step).replaceAll(ISSUED, this.#made?.id ?? 'the new credential');
    const told = this.#edges.onStep(text);
    const begun = this.#edges.clock.now();
    try {
      await this.#execute(step);
      told('done');
    } catch (error) {
      told('failed');
      throw error;
    } finally {
      this.#steps.push({ text, milliseconds: this.#edges.clock.now() - begun });
    }
  }

  async #execute(step: Step): Promise<void> {
    // The proof travels beside the read-back; nothing else does.
    if (step.kind !== 'authenticate') await this.#readBack;
    switch (step.kind) {
      case 'issue-certificate':
        return this.#issue();
      case 'create-credential':
        return this.#create();
      case 'associate-credentials':
        return this.#associate(step.to, step.why);
      case 'authenticate':
        await Promise.all([this.#authenticate(), this.#readBack]);
        return;
      case 'store-secret':
        return this.#store(step.place, step.source);
      case 'delete-credential':
        return this.#delete(step.id);
    }
  }

  #mayGoOn(): void {
    if (this.#storing) return;
    this.#edges.cancellation.check();
    if (this.#edges.clock.now() > this.#edges.clock.deadline) throw deadlineExceeded();
  }

  async #issue(): Promise<void> {
    const { issue, mask, preparation, tenant } = this.#edges;
    const { subject, validityDays } = this.#job.wish;
    const pair = await issue(await preparation.key(), { subject, validityDays }, tenant.now());
    mask(pair.privateKey);
    this.#pair = pair;
  }

  async #create(): Promise<void> {
    const pair = this.#requirePair();
    const { thumbprint } = inspect(pair.certificate);
    const { wish } = this.#job;
    await this.#keepQuiet();
    const name = writeMark({ owner: ownerOf(wish), run: wish.run });
    for (let attempt = 1; this.#made === undefined; attempt += 1) {
      this.#created = true;
      const answer = await this.#edges.tenant.createCredential(wish.clientId, name, pair.certificate);
      const landed = answer === 'lost' || ('status' in answer && /already exist/i.test(answer.message));
      if (answer !== 'lost' && !('status' in answer)) this.#made = answer;
      else if (landed) this.#made = await this.#findByThumbprint(thumbprint);
      else throw this.#creationRefused(answer);
      if (this.#made === undefined && attempt === CREATE_ATTEMPTS) throw notCreated();
    }
    this.#known.set(this.#made.id, this.#made);
  }

  /** The next run tells by times what is held: nothing may be created right after a delivery. */
  async #keepQuiet(): Promise<void> {
    const { clock, cancellation, tenant } = this.#edges;
    const deliveries = this.#job.state.secrets.map(({ times }) =>
      typeof times === 'string' ? 0 : times.updatedAt,
    );
    const wait = Math.max(...deliveries) + QUIET - tenant.now();
    if (wait > 0) await sleep(clock, Math.min(wait, QUIET), cancellation);
  }

  async #findByThumbprint(thumbprint: string): Promise<Credential | undefined> {
    const pool = await this.#edges.tenant.credentials(this.#job.wish.clientId);
    return pool.find((credential) => credential.thumbprint === thumbprint);
  }

  #creationRefused({ message }: { message: string }): RotationError {
    this.#created = false;
    if (/maximum of \d+ credentials/i.test(message)) return poolFull(this.#job.wish, this.#job.state);
    return new RotationError('AUTH0_REQUEST_FAILED', {
      failed: `Auth0 refused the certificate (400: ${quote(message)}).`,
      remedy: 'Check subject and key-size.',
    });
  }

  /** Replaces the list, between a fresh full read and a read-back (specification 4). */
  async #associate(to: readonly string[], why: string): Promise<void> {
    const { tenant } = this.#edges;
    const { wish } = this.#job;
    const ids = to.map((id) => (id === ISSUED ? this.#requireMade().id : id));
    const before = await this.#readFresh();
    this.#refuseSurprise(before);
    await tenant.associate(wish.clientId, wish.method, ids);
    this.#associated = ids;
    // What was removed needs no proof that it is gone; what was added must be seen.
    const adds = why === 'add' || why === 'heal';
    this.#readBack = this.#verifyAssociation(before, adds);
    // A failure is told to whoever awaits it.
    this.#readBack.catch(() => undefined);
  }

  /** Everything that another run could have changed; waits until our own credential is visible in it. */
  async #readFresh(): Promise<Fresh & { version: number | undefined }> {
    const { clientId } = this.#job.wish;
    const { tenant, store } = this.#edges;
    const place = this.#primary;
    return this.#eventually(async () => {
      const [client, pool, times] = await Promise.all([
        tenant.client(clientId),
        tenant.credentials(clientId),
        store.times(place),
      ]);
      const stale = this.#made !== undefined && !pool.some(({ id }) => id === this.#made?.id);
      const version = typeof times === 'string' ? undefined : times.updatedAt;
      return { done: !stale, value: { associated: client.associated, pool, version } };
    });
  }

  /** @throws RotationError ROTATION_IN_PROGRESS where somebody else is at work */
  #refuseSurprise(fresh: Fresh & { version: number | undefined }): void {
    const rival = this.#rivalIn(fresh.pool);
    if (rival) throw rotationInProgress(rival);
    const { version } = this.#job.state.secrets[0] ?? {};
    if (fresh.version !== version && this.#delivered.length === 0)
      throw changedMeanwhile('the secret of the primary destination');
    if (!sameIds(fresh.associated, this.#associated))
      throw changedMeanwhile("the client's associated credentials");
  }

  /** A credential with our mark that nobody had when the plan was made: of two rotations the earlier wins. */
  #rivalIn(pool: readonly Credential[]): Credential | undefined {
    const owner = ownerOf(this.#job.wish);
    return pool.find((credential) => {
      if (this.#known.has(credential.id) || !isOwnedBy(readMark(credential.name), owner)) return false;
      return this.#made === undefined || newestFirst(credential, this.#made) > 0;
    });
  }

  async #verifyAssociation(before: Fresh, adds: boolean): Promise<void> {
    const { tenant } = this.#edges;
    const { clientId } = this.#job.wish;
    await this.#eventually(
      async () => {
        const [pool, client] = await Promise.all([
          tenant.credentials(clientId),
          adds ? tenant.client(clientId) : undefined,
        ]);
        const rival = this.#rivalIn(pool);
        if (rival) await this.#putBack(rival);
        if (rival) throw rotationInProgress(rival);
        const done = client === undefined || sameIds(client.associated, this.#associated);
        return { done, value: undefined };
      },
      () => changedMeanwhile(`the client's associated credentials (${before.associated.join(', ')} before)`),
    );
  }

  /** We replaced the list while another run was associating: what it put in must not stay out. */
  async #putBack(rival: Credential): Promise<void> {
    const { clientId, method } = this.#job.wish;
    const ids = [...this.#associated.filter((id) => id !== this.#made?.id), rival.id].slice(-2);
    await this.#edges.tenant.associate(clientId, method, ids);
    this.#associated = ids;
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
    const pair = this.#requirePair();
    const { thumbprint } = inspect(pair.certificate);
    return proveCertificate(edge, { endpoint, clientId, pair, thumbprint, audience: verifyAudience });
  }

  async #store(place: Place, source: 'issued' | 'current-credential'): Promise<void> {
    const pair = source === 'issued' ? this.#requirePair() : this.#job.currentPair;
    if (!pair) throw new Error('a delivery was planned without its pair');
    const wasStoring = this.#storing;
    this.#storing = true;
    this.#edges.cancellation.shield();
    try {
      await this.#edges.store.store(place, valueFor(place, pair));
      this.#delivered.push(place);
    } catch (error) {
      const failure = asRotationError(error);
      // Refused for certain, and nothing stored before: the rotation can still be undone.
      if (!wasStoring && !mayHaveLanded(failure)) {
        this.#storing = false;
        throw failure;
      }
      this.#failures.push({ place, error: failure });
    }
  }

  #settleDelivery(): void {
    const [first] = this.#failures;
    if (!first) return;
    const places = this.#failures.map(({ place }) => printPlace(place)).join(', ');
    throw new RotationError('DELIVERY_INCOMPLETE', {
      failed: `The new credential could not be stored in ${places}. ${first.error.failed}`,
      remedy: `${first.error.remedy} Then run again with current-credential: it finishes the delivery without a new key.`,
      cause: first.error,
    });
  }

  async #delete(id: string): Promise<void> {
    const { tenant } = this.#edges;
    const { clientId } = this.#job.wish;
    await this.#eventually(
      async () => ({ done: (await tenant.deleteCredential(clientId, id)) === 'deleted', value: undefined }),
      () =>
        new RotationError('RETIREMENT_FAILED', {
          failed: `Auth0 says that credential ${id} is still associated and does not delete it.`,
          remedy: 'Look which part of the client uses it; the next run tries again.',
        }),
    );
    this.#removed.push(id);
  }

  /** The wish must be true on re-read: what was delivered is associated. */
  async confirm(): Promise<void> {
    this.#settleDelivery();
    await this.#readBack;
    if (this.#delivered.length === 0) return;
    const { clientId, method } = this.#job.wish;
    const { tenant } = this.#edges;
    const id = this.#made?.id ?? this.#job.plan.credentials.find((c) => c.stage === 'current')?.id;
    const { associated } = await tenant.client(clientId);
    if (id === undefined || associated.includes(id)) return;
    // Another run displaced it after we had stored it.
    await tenant.associate(clientId, method, [...associated.slice(0, 1), id]);
    const again = await tenant.client(clientId);
    if (!again.associated.includes(id)) throw changedMeanwhile("the client's associated credentials");
  }

  outcome(): Outcome {
    const pair = this.#pair;
    const facts = pair && inspect(pair.certificate);
    return {
      rotated: this.#job.plan.rotates,
      credential: this.#made && facts ? { id: this.#made.id, ...facts } : undefined,
      proof: this.#proof,
      delivered: this.#delivered.map(printPlace),
      removed: this.#removed,
      steps: this.#steps,
    };
  }

  /** Before the first delivery the new credential is removed again; after it, both stay. */
  async recover(error: RotationError): Promise<RotationError> {
    this.#edges.cancellation.shield();
    this.#edges.clock.deadline = this.#edges.clock.now() + UNDO_TIME;
    if (this.#storing) return error.withTruth(this.#deliveryTruth());
    if (!this.#created) return error.withTruth(this.#untouchedTruth());
    try {
      await this.#readBack.catch(() => undefined);
      await this.#undo();
      return error.withTruth(`The new credential was removed again. ${this.#untouchedTruth()}`);
    } catch (undoError) {
      return error.withTruth(this.#orphanTruth(asRotationError(undoError)));
    }
  }

  async #undo(): Promise<void> {
    const { tenant } = this.#edges;
    const { clientId, method } = this.#job.wish;
    const pair = this.#requirePair();
    this.#made ??= await this.#findByThumbprint(inspect(pair.certificate).thumbprint);
    const made = this.#made;
    if (made === undefined) return;
    await this.#eventually(async () => {
      const { associated } = await tenant.client(clientId);
      if (associated.includes(made.id)) {
        await tenant.associate(
          clientId,
          method,
          associated.filter((id) => id !== made.id),
        );
      }
      return { done: (await tenant.deleteCredential(clientId, made.id)) === 'deleted', value: undefined };
    });
  }

  /** Reads of a service may lag behind for some seconds. @throws what `otherwise` says, when they never agree */
  async #eventually<T>(
    attempt: () => Promise<{ done: boolean; value: T }>,
    otherwise: () => RotationError = () => changedMeanwhile("the client's credentials"),
  ): Promise<T> {
    const { clock, cancellation } = this.#edges;
    const until = clock.now() + VISIBILITY;
    for (let delay = 250; ; delay = Math.min(delay * 2, 2_000)) {
      const { done, value } = await attempt();
      if (done) return value;
      if (clock.now() + delay > until) throw otherwise();
      await sleep(clock, delay, cancellation);
    }
  }

  #untouchedTruth(): string {
    const removed =
      this.#removed.length > 0 ? ` Credential ${this.#removed.join(', ')}, held by nobody, was removed.` : '';
    return `Every destination keeps the credential that it holds, and that stays associated.${removed}`;
  }

  #deliveryTruth(): string {
    const stored = this.#delivered.map(printPlace).join(', ') || 'no destination for certain';
    const missing = this.#failures.map(({ place }) => printPlace(place)).join(', ');
    const rest = missing ? `; ${missing} may still hold the previous one` : '';
    return `${stored} holds ${this.#made?.id ?? 'the current credential'}${rest}. Both credentials stay associated and work.`;
  }

  #orphanTruth(undoError: RotationError): string {
    const until = new Date(this.#edges.tenant.now() + LEASE).toISOString();
    return `Every destination keeps the credential that it holds. The new credential ${this.#made?.id ?? ''} could not be removed again (${undoError.failed}): nobody holds its key, and a run after ${until} removes it.`;
  }

  get #primary(): Place {
    const [first] = this.#job.state.secrets;
    if (!first) throw new Error('a wish has at least one place');
    return first.place;
  }

  #requirePair(): Pair {
    if (!this.#pair) throw new Error('a step needs the issued pair before it exists');
    return this.#pair;
  }

  #requireMade(): Credential {
    if (!this.#made) throw new Error('a step needs the new credential before it exists');
    return this.#made;
  }
}

/** Key first: what curl, nginx, Node, Python and Go read as it is. */
function valueFor({ part }: Place, { privateKey, certificate }: Pair): string {
  if (part === 'private-key') return privateKey;
  return part === 'certificate' ? certificate : privateKey + certificate;
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

/** Only an answer tells that a secret was not stored. */
function mayHaveLanded(error: RotationError): boolean {
  if (error.cause instanceof NetworkError) return error.cause.landed === 'unknown';
  return error.code === 'GITHUB_REQUEST_FAILED' || error.code === 'INTERNAL_ERROR';
}

function changedMeanwhile(what: string): RotationError {
  return new RotationError('ROTATION_IN_PROGRESS', {
    failed: `Somebody else changed ${what} while this run was at work.`,
    remedy: 'Run again when nothing else rotates this client, and give the workflow a concurrency group.',
  });
}

function notCreated(): RotationError {
  return new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 did not answer the upload of the certificate, ${CREATE_ATTEMPTS} times.`,
    remedy: 'Look at the status page of Auth0, then run again.',
  });
}

function notProven(detail: string): RotationError {
  return new RotationError('VERIFICATION_FAILED', {
    failed: `The new certificate could not log in over mTLS (${detail}).`,
    remedy:
      'Check that the edge forwards the certificate, that it keeps no list of thumbprints of its own, and that verify-audience names an API which the client may use.',
  });
}
