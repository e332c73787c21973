/** Proves the pair in use and then the new key with real requests. Repeats for as long as Auth0 may need to learn the new key. */

import { whyRefused } from '../auth0/logs.ts';
import {
  isAccepted,
  isTransient,
  needsControl,
  type ProofRequest,
  type ProofResult,
  proveKey,
  refusedHere,
} from '../auth0/proof.ts';
import type { Tenant } from '../auth0/tenant.ts';
import type { Cancellation, Clock } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { Service } from '../http/service.ts';
import { type DesiredState, PUBLIC } from '../model/desired-state.ts';
import type { KeyFacts, Pair } from '../model/key-pair.ts';
import type { Note } from '../model/note.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import type { Proof, ProvenBy } from '../model/run-result.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { ProofChoice } from './proof-choice.ts';
import {
  BINDING_UNPROVEN,
  currentRefused,
  lockedOutBefore,
  noControl,
  noEndpointToBind,
  notBindable,
  proofError,
  refuseUncontrolled,
  refuseUnreachable,
  replaced,
  unregisteredAccepted,
  untried,
} from './proof-failure.ts';

export interface ProofServices {
  tenant: Tenant;
  /** Where proofs are sent: the customer's mTLS edge, or the tenant itself for a bare key. */
  proofService: Service;
  domain: string;
  /** The token endpoint. undefined with `verify: off`, or if discovery names none that asks for a certificate. */
  proofEndpoint: () => Promise<string | undefined>;
  /** RFC 9126. undefined if discovery names none. */
  pushedRequestEndpoint: () => Promise<string | undefined>;
  /** Proves the pair in use while Auth0 is still being read. undefined: only the reads show whether and how it can be proven. */
  proveCurrentEarly: (() => Promise<ProofResult>) | undefined;
  /** Makes a pair for the same subject that is never registered. @param now by the clock of `proofService` */
  issueUnregistered: (desired: DesiredState, now: number) => Promise<Pair>;
  /** Registers a value that must never be shown. */
  mask: (secret: string) => void;
  clock: Clock;
  cancellation: Cancellation;
}

/** The part of a job that a proof depends on. */
interface ProofJob {
  desired: DesiredState;
  observed: ObservedState;
  plan: Pick<Plan, 'reuses' | 'steps'>;
  currentPair: Pair | undefined;
}

/** A pair that a run issued or took, and its facts. */
export interface Issued {
  pair: Pair;
  facts: KeyFacts;
}

/** How long after `propagation-time` a refusal may still be transient, in milliseconds (docs/facts.md#auth0-propagation). */
const GRACE = 30_000;

export class Prover {
  readonly #job: ProofJob;
  readonly #services: ProofServices;
  readonly #choice: ProofChoice;
  /** Auth0 itself refused the new pair right before its association. Only then can a request that needs a control (`needsControl`) prove it. */
  #wasRefusedBefore = false;
  #isCurrentProven = false;
  #by: ProvenBy | undefined;
  readonly notes: Note[] = [];

  constructor(job: ProofJob, services: ProofServices) {
    this.#job = job;
    this.#services = services;
    const client = job.observed.client ?? {};
    this.#choice = new ProofChoice(client, services.pushedRequestEndpoint, (request, refusal) => {
      this.notes.push({ severity: 'notice', text: replaced(refusal) });
      refuseUncontrolled(job.desired, job.plan, request, refusal);
    });
  }

  /** The kind of request that proved the new key. */
  get by(): ProvenBy | undefined {
    return this.#by;
  }

  /**
   * The request that proves a key of this client. undefined if it has no grant for one. A client that `create` makes has the grant
   * client_credentials.
   */
  proofRequest(): Promise<ProofRequest | undefined> {
    return this.#choice.request;
  }

  /** Proves the pair in use before any effect, since most refusals would also apply to the new pair. @throws RotationError VERIFICATION_FAILED */
  async proveCurrent(): Promise<void> {
    const { currentPair: pair, desired, observed, plan } = this.#job;
    const { currentKey, method } = desired;
    const endpoint = await this.#services.proofEndpoint();
    const isUsable =
      observed.client?.method === method &&
      (currentKey?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY) > observed.now;
    if (!pair || !currentKey || !isUsable || endpoint === undefined) return;
    const healed = plan.steps.some((step) => step.kind === 'associate-credentials' && step.why === 'heal');
    // The early request was sent before the heal.
    const proveCurrentEarly = healed ? undefined : this.#services.proveCurrentEarly;
    const send = (proofRequest: ProofRequest) =>
      proofRequest.kind === 'token' && proveCurrentEarly
        ? proveCurrentEarly()
        : this.#send(desired.clientId, { pair, facts: currentKey }, { endpoint, proofRequest });
    const answer = await this.#choice.ask(send).catch(refusedHere);
    if (answer === undefined) return;
    if (typeof answer === 'string') {
      this.notes.push({ severity: 'warning', text: untried(answer) });
      return;
    }
    const { result } = answer;
    this.#isCurrentProven = result.outcome === 'proven';
    if (result.outcome === 'proven' || this.#awaitsGrant(result)) return;
    if (result.outcome !== 'refused' || result.isIntercepted) throw currentRefused(desired, result);
    this.notes.push({ severity: 'warning', text: lockedOutBefore(result.detail, plan) });
  }

  /**
   * Proves that the pair in use gets a token. After the change of the setting Auth0 may issue unbound tokens for some time. They lock nobody
   * out, so this waits for a bound one.
   * @throws RotationError MTLS_ENDPOINT_NOT_FOUND, VERIFICATION_FAILED
   */
  async proveToken(mustBeBound: boolean): Promise<void> {
    const { currentPair: pair, desired } = this.#job;
    const { clientId, currentKey: facts } = desired;
    const [endpoint, proofRequest] = await Promise.all([this.#services.proofEndpoint(), this.proofRequest()]);
    if (endpoint === undefined) throw noEndpointToBind();
    if (!pair || !facts || proofRequest?.kind !== 'token')
      throw new Error('a binding was planned that cannot be proven');
    const attempt = async () => {
      const value = await this.#send(clientId, { pair, facts }, { endpoint, proofRequest });
      return { done: value.outcome !== 'proven' || value.bound || !mustBeBound, value };
    };
    const result = await poll(this.#services, attempt, (last) => last);
    if (result.outcome !== 'proven' || (mustBeBound && !result.bound))
      throw notBindable(desired, result, mustBeBound);
  }

  /**
   * The negative control of a rotation, right before the association of the new pair. Some proofs need one (`needsControl`): if Auth0
   * refuses the pair now, a later acceptance is due to the association.
   * @throws RotationError VERIFICATION_FAILED
   */
  async requireRefusalBefore(clientId: string, issued: Issued): Promise<void> {
    const proofRequest = await this.proofRequest();
    if (proofRequest && needsControl(proofRequest)) await this.#tryUnassociated(clientId, issued);
    else await this.#controlReplacement(clientId, issued);
  }

  /**
   * Tries the new pair right before a change of method. Auth0 may refuse it only because it is not associated yet: any other problem would
   * remain after the change, and would lock everybody out.
   * @throws RotationError VERIFICATION_FAILED
   */
  async tryBeforeMethodChange(clientId: string, issued: Issued): Promise<void> {
    if (this.#job.observed.client?.method === PUBLIC) return this.#tryAsPublic(clientId, issued);
    await this.#tryUnassociated(clientId, issued);
    await this.#controlReplacement(clientId, issued);
  }

  /** Auth0 does not check the key of a public client, so this shows only whether the proof will reach Auth0, and have a control. */
  async #tryAsPublic(clientId: string, issued: Issued): Promise<void> {
    const [endpoint, proofRequest] = await Promise.all([this.#services.proofEndpoint(), this.proofRequest()]);
    if (endpoint === undefined || proofRequest === undefined) return;
    const { desired } = this.#job;
    if (needsControl(proofRequest) && desired.verify === 'required') throw noControl(desired);
    refuseUnreachable(desired, proofRequest, await this.#send(clientId, issued, { endpoint, proofRequest }));
  }

  /**
   * Tries the new pair before a credential gives way to it, unless the pair in use was just proven. If neither can reach Auth0 through the
   * edge, the rotation would fail only after the removal.
   * @throws RotationError VERIFICATION_FAILED, AUTH0_REQUEST_FAILED
   */
  async tryBeforeRemoval(clientId: string, issued: Issued): Promise<void> {
    if (!this.#isCurrentProven) await this.#tryUnassociated(clientId, issued);
  }

  async #tryUnassociated(clientId: string, issued: Issued): Promise<void> {
    const { desired } = this.#job;
    const endpoint = await this.#services.proofEndpoint();
    if (endpoint === undefined) return;
    const answer = await this.#choice.ask((proofRequest) =>
      this.#send(clientId, issued, { endpoint, proofRequest }),
    );
    if (answer === undefined) return;
    const { request, result } = answer;
    const isRefused = result.outcome === 'refused';
    if (result.outcome !== 'proven' && (!isRefused || result.isIntercepted))
      throw proofError(desired, result, this.#isInUse);
    if (!needsControl(request)) return;
    this.#wasRefusedBefore = isRefused;
    if (!isRefused && desired.verify === 'required') throw noControl(desired, this.#choice.refusal);
  }

  /**
   * The negative control of the request that may yet replace the pushed one. Auth0 may look at the client before it looks at the request.
   * Then only an associated pair shows that no pushed request can prove a key, and that is too late for a control.
   */
  async #controlReplacement(clientId: string, issued: Issued): Promise<void> {
    const [endpoint, proofRequest] = await Promise.all([
      this.#services.proofEndpoint(),
      this.#choice.replacement(),
    ]);
    if (endpoint === undefined || proofRequest === undefined) return;
    const result = await this.#send(clientId, issued, { endpoint, proofRequest });
    this.#wasRefusedBefore = result.outcome === 'refused' && !result.isIntercepted;
  }

  /**
   * Proves the new pair. Repeats the request while Auth0 refuses it or binds no token, for `propagation-time` and GRACE.
   * @param since local time of the association
   * @throws RotationError VERIFICATION_FAILED
   */
  async prove(clientId: string, issued: Issued, since: number, freshConnection = false): Promise<Proof> {
    const { desired } = this.#job;
    const { clock, tenant } = this.#services;
    const endpoint = await this.#services.proofEndpoint();
    if (endpoint === undefined) return 'not proven';
    const began = tenant.now();
    const attempt = async () => {
      const value = await this.#choice.ask((proofRequest) =>
        this.#send(clientId, issued, { endpoint, proofRequest, freshConnection, isNew: true }),
      );
      return { done: value === undefined || !isTransient(value.result), value };
    };
    const within = Math.max(since + desired.propagationTime + GRACE - clock.now(), 0);
    const polling = { firstDelay: 250, longestDelay: 4_000, within };
    const answer = await poll(this.#services, attempt, (last) => last, polling);
    if (answer === undefined) return 'not proven: no grant';
    const { request, result } = answer;
    if (result.outcome === 'proven') return this.#proven(request, result.bound);
    if (this.#awaitsGrant(result)) return 'not authorized';
    const logged =
      result.outcome === 'refused' ? await whyRefused(tenant, clientId, began - UNCERTAINTY) : undefined;
    throw proofError(desired, result, this.#isInUse, logged);
  }

  /** The primary holds a key of the method that the client uses. */
  get #isInUse(): boolean {
    const { desired, observed } = this.#job;
    return observed.client?.method === desired.method && observed.secrets[0]?.times !== 'missing';
  }

  /** Whether the client was just created and has no client grant yet. Its key is delivered without a proof. */
  #awaitsGrant({ outcome }: ProofResult): boolean {
    const { operation, verify } = this.#job.desired;
    return outcome === 'unauthorized' && operation === 'create' && verify !== 'required';
  }

  #proven(proofRequest: ProofRequest, bound: boolean): Proof {
    if (needsControl(proofRequest) && !this.#wasRefusedBefore) {
      if (this.#job.desired.verify === 'required') throw noControl(this.#job.desired, this.#choice.refusal);
      return 'not proven: no control';
    }
    if (
      proofRequest.kind !== 'token' &&
      this.#by === undefined &&
      this.#job.desired.tokenBinding === 'required'
    )
      this.notes.push({ severity: 'warning', text: BINDING_UNPROVEN });
    this.#by = proofRequest.kind;
    return bound ? 'proven and bound' : 'proven';
  }

  /**
   * The negative control of a rehearsal, right after a successful proof. If the edge admitted everybody, a proof would show nothing.
   * @throws RotationError UNREGISTERED_ACCEPTED, VERIFICATION_FAILED, AUTH0_REQUEST_FAILED
   */
  async requireUnregisteredRefused(): Promise<void> {
    const { domain, proofService, issueUnregistered, mask, proofEndpoint } = this.#services;
    const { desired } = this.#job;
    const [endpoint, proofRequest] = await Promise.all([proofEndpoint(), this.proofRequest()]);
    if (endpoint === undefined || proofRequest === undefined)
      throw new Error('a rehearsal was planned without an endpoint');
    const pair = await issueUnregistered(desired, proofService.now());
    mask(pair.privateKey);
    const { clientId, run, signingAlgorithm: algorithm, verifyAudience: audience } = desired;
    const login = { endpoint, proofRequest, domain, clientId, pair, audience, algorithm, run };
    if (await isAccepted(proofService, login)) throw unregisteredAccepted(desired, proofRequest.kind);
  }

  #send(
    clientId: string,
    { pair, facts: { identity, thumbprint } }: Issued,
    {
      isNew = false,
      ...how
    }: { endpoint: string; proofRequest: ProofRequest; freshConnection?: boolean; isNew?: boolean },
  ): Promise<ProofResult> {
    const { domain, proofService } = this.#services;
    const { desired, observed } = this.#job;
    const { run, verifyAudience: audience } = desired;
    const registered = observed.pool.find((credential) => credential.identity === identity);
    const algorithm = registered ? registered.algorithm : desired.signingAlgorithm;
    // guard: with token binding required, only a bound token is a proof
    const mustBind = isNew && desired.tokenBinding === 'required';
    return proveKey(proofService, {
      domain,
      clientId,
      pair,
      thumbprint,
      audience,
      algorithm,
      mustBind,
      run,
      ...how,
    });
  }
}
