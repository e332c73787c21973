/** Proves the new key with a real request, for as long as Auth0 may need until it knows it, and the pair in use before it. */

import { whyRefused } from '../auth0/logs.ts';
import {
  isAdmitted,
  needsControl,
  type ProofRequest,
  type ProofResult,
  proofRequestFor,
  proveKey,
} from '../auth0/proof.ts';
import type { Tenant } from '../auth0/tenant.ts';
import type { Cancellation, Clock } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { Service } from '../http/service.ts';
import { type DesiredState, PUBLIC } from '../model/desired-state.ts';
import type { KeyFacts, Pair } from '../model/key-pair.ts';
import type { Note } from '../model/note.ts';
import { type ObservedState, signingAlgorithmOf } from '../model/observed-state.ts';
import type { Proof, ProvenBy } from '../model/run-result.ts';
import { UNCERTAINTY } from '../model/timing.ts';
import { currentRefused, noControl, notProven, unregisteredAccepted } from './proof-failure.ts';

export interface ProofServices {
  tenant: Tenant;
  /** The customer edge that terminates mTLS; of a bare key the tenant itself. */
  edge: Service;
  domain: string;
  /** The token endpoint; undefined with `verify: off`, or where discovery names none that asks for a certificate. */
  proofEndpoint: () => Promise<string | undefined>;
  /** RFC 9126; undefined where discovery names none. */
  pushedRequestEndpoint: () => Promise<string | undefined>;
  /** A token for the pair in use, which was asked for beside the reads. undefined: it was not. */
  currentToken: (() => Promise<ProofResult>) | undefined;
  /** A new pair for the same subject that is never registered. @param now Auth0's clock */
  issueUnregistered: (now: number) => Promise<Pair>;
  /** Registers a value that must never be shown. */
  mask: (secret: string) => void;
  clock: Clock;
  cancellation: Cancellation;
}

/** The part of a job that a proof depends on. */
interface ProofJob {
  desired: DesiredState;
  observed: ObservedState;
  plan: { renews: string | undefined };
  currentPair: Pair | undefined;
}

interface Issued {
  pair: Pair;
  facts: KeyFacts;
}

/** How much longer than `propagation-time` a refusal may still pass (docs/facts.md#auth0-propagation). */
const GRACE = 30_000;

export class Prover {
  readonly #job: ProofJob;
  readonly #services: ProofServices;
  #asks: Promise<ProofRequest | undefined> | undefined;
  /** The new pair was refused by Auth0 itself, right before it was associated. */
  #isControlled = false;
  #by: ProvenBy | undefined;
  readonly notes: Note[] = [];

  constructor(job: ProofJob, services: ProofServices) {
    this.#job = job;
    this.#services = services;
  }

  /** By what it was proven. */
  get by(): ProvenBy | undefined {
    return this.#by;
  }

  /** What proves a key of this client; a client that `create` makes has the grant for a token. */
  asks(): Promise<ProofRequest | undefined> {
    const client = this.#job.observed.client ?? {};
    this.#asks ??= proofRequestFor(client, this.#services.pushedRequestEndpoint);
    return this.#asks;
  }

  /** Before anything is removed or made: what refuses the pair in use would refuse the new one. @throws RotationError VERIFICATION_FAILED */
  async proveCurrent(): Promise<void> {
    const { currentPair: pair, desired, observed } = this.#job;
    const { current, method } = desired;
    const [endpoint, asks] = await Promise.all([this.#services.proofEndpoint(), this.asks()]);
    const isUsable =
      observed.client?.method === method &&
      (current?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY) > observed.now;
    if (!pair || !current || !isUsable || endpoint === undefined || asks === undefined) return;
    const { currentToken } = this.#services;
    const result =
      asks.kind === 'token' && currentToken
        ? await currentToken()
        : await this.#ask(desired.clientId, { pair, facts: current }, { endpoint, asks });
    if (result.outcome === 'proven' || this.#mayWait(result)) return;
    if (result.outcome !== 'refused' || result.isForeign) throw currentRefused(desired, result);
    this.notes.push({ severity: 'warning', text: outAlready(result.detail) });
  }

  /**
   * The new pair, right before it is associated. Where a proof has no token, it shows that the server looks at the client first;
   * before a change of method, that nothing but the association is missing.
   * @throws RotationError VERIFICATION_FAILED
   */
  async control(clientId: string, issued: Issued, changesMethod: boolean): Promise<void> {
    const { desired, observed } = this.#job;
    // Of a public client an answer says nothing of its key.
    if (observed.client?.method === PUBLIC) return;
    const [endpoint, asks] = await Promise.all([this.#services.proofEndpoint(), this.asks()]);
    if (endpoint === undefined || asks === undefined) return;
    if (!changesMethod && !needsControl(asks)) return;
    const result = await this.#ask(clientId, issued, { endpoint, asks });
    const isRefused = result.outcome === 'refused';
    if (result.outcome !== 'proven' && (!isRefused || result.isForeign)) throw notProven(desired, result);
    this.#isControlled = isRefused;
    if (needsControl(asks) && !isRefused && desired.verify === 'required') throw noControl(desired);
  }

  /**
   * Repeated while refused, for `propagation-time` and a little more.
   * @param since local time of the association
   * @throws RotationError VERIFICATION_FAILED
   */
  async prove(clientId: string, issued: Issued, since: number, freshConnection = false): Promise<Proof> {
    const { desired } = this.#job;
    const { clock, tenant } = this.#services;
    const [endpoint, asks] = await Promise.all([this.#services.proofEndpoint(), this.asks()]);
    if (endpoint === undefined) return 'not proven';
    if (asks === undefined) return 'not proven: no grant';
    const began = tenant.now();
    const attempt = async () => {
      const value = await this.#ask(clientId, issued, { endpoint, asks, freshConnection, isNew: true });
      return { done: value.outcome !== 'refused', value };
    };
    const within = Math.max(since + desired.propagationTime + GRACE - clock.now(), 0);
    const polling = { firstDelay: 250, longestDelay: 4_000, within };
    const result = await poll(this.#services, attempt, (last) => last, polling);
    if (result.outcome === 'proven') return this.#proven(asks, result.bound);
    if (this.#mayWait(result)) return 'not authorized';
    const logged =
      result.outcome === 'refused' ? await whyRefused(tenant, clientId, began - UNCERTAINTY) : undefined;
    throw notProven(desired, result, logged);
  }

  /** A client that `create` has made may have no client grant yet: its key is delivered without a proof. */
  #mayWait({ outcome }: ProofResult): boolean {
    const { operation, verify } = this.#job.desired;
    return outcome === 'unauthorized' && operation === 'create' && verify !== 'required';
  }

  #proven(asks: ProofRequest, bound: boolean): Proof {
    if (needsControl(asks) && !this.#isControlled) return 'not proven: no control';
    if (asks.kind !== 'token' && this.#by === undefined && this.#job.desired.tokenBinding === 'required')
      this.notes.push({ severity: 'warning', text: BINDING_UNPROVEN });
    this.#by = asks.kind;
    return bound ? 'proven and bound' : 'proven';
  }

  /**
   * The negative control of a rehearsal, right after a proof that has worked: an edge that admits everybody would let any
   * certificate prove itself.
   * @throws RotationError UNREGISTERED_ACCEPTED, VERIFICATION_FAILED, AUTH0_REQUEST_FAILED
   */
  async proveRefusal(): Promise<void> {
    const { domain, edge, issueUnregistered, mask, proofEndpoint } = this.#services;
    const { desired, observed } = this.#job;
    const [endpoint, asks] = await Promise.all([proofEndpoint(), this.asks()]);
    if (endpoint === undefined || asks === undefined)
      throw new Error('a rehearsal was planned without an endpoint');
    const pair = await issueUnregistered(edge.now());
    mask(pair.privateKey);
    const { clientId, run, verifyAudience: audience } = desired;
    const algorithm = signingAlgorithmOf(desired, observed);
    const login = { endpoint, asks, domain, clientId, pair, audience, algorithm, run };
    if (await isAdmitted(edge, login)) throw unregisteredAccepted(desired, asks.kind);
  }

  #ask(
    clientId: string,
    { pair, facts: { identity, thumbprint } }: Issued,
    {
      isNew = false,
      ...how
    }: { endpoint: string; asks: ProofRequest; freshConnection?: boolean; isNew?: boolean },
  ): Promise<ProofResult> {
    const { domain, edge } = this.#services;
    const { desired, observed } = this.#job;
    const { run, verifyAudience: audience } = desired;
    const registered = observed.pool.find((credential) => credential.identity === identity);
    const algorithm = registered ? registered.algorithm : signingAlgorithmOf(desired, observed);
    // guard: with token binding required, only a bound token is a proof
    const mustBind = isNew && desired.tokenBinding === 'required';
    return proveKey(edge, { domain, clientId, pair, thumbprint, audience, algorithm, mustBind, run, ...how });
  }
}

function outAlready(detail: string): string {
  return `What current-credential holds could not log in (${detail}) before anything was changed. Consumers that use it cannot log in until they take what this run delivers.`;
}

const BINDING_UNPROVEN =
  'That access tokens are bound to the certificate is NOT PROVEN: the client has no grant client_credentials, so that no token could be asked for.';
