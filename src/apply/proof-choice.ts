/** Chooses the request that proves a key of a client, and another one if the client or the edge does not allow that. */

import { insteadOf, type ProofRequest, type ProofResult, proofRequestFor } from '../auth0/proof.ts';
import type { ObservedClient } from '../model/observed-state.ts';

export class ProofChoice {
  readonly #client: Pick<ObservedClient, 'callback' | 'grantTypes'>;
  readonly #pushedRequestEndpoint: () => Promise<string | undefined>;
  readonly #onReplaced: (request: ProofRequest, refusal: string) => void;
  #request: Promise<ProofRequest | undefined> | undefined;
  /** A pushed request has succeeded, so what is refused later is the key. */
  #isPushedAccepted = false;
  #refusal: string | undefined;

  /** @param onReplaced is called once, before the first other request. It may throw. */
  constructor(
    client: Pick<ObservedClient, 'callback' | 'grantTypes'>,
    pushedRequestEndpoint: () => Promise<string | undefined>,
    onReplaced: (request: ProofRequest, refusal: string) => void,
  ) {
    this.#client = client;
    this.#pushedRequestEndpoint = pushedRequestEndpoint;
    this.#onReplaced = onReplaced;
  }

  /** undefined if the client has no grant that can prove a key. */
  get request(): Promise<ProofRequest | undefined> {
    this.#request ??= proofRequestFor(this.#client, this.#pushedRequestEndpoint);
    return this.#request;
  }

  /** How a pushed request was refused, if another request has replaced it. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /**
   * Sends the chosen request. If it is a pushed one that is refused for another reason than the key, an authorization code that nobody
   * issued takes its place for the rest of the run.
   * @returns undefined if the client has no grant that can prove a key
   */
  async ask(
    send: (request: ProofRequest) => Promise<ProofResult>,
  ): Promise<{ request: ProofRequest; result: ProofResult } | undefined> {
    const request = await this.request;
    if (request === undefined) return undefined;
    const result = await send(request);
    if (result.outcome === 'proven') {
      this.#isPushedAccepted ||= request.kind === 'pushed request';
      return { request, result };
    }
    const replacement = result.objection && (await this.replacement());
    if (replacement === undefined) return { request, result: { ...result, pushed: this.#refusal } };
    this.#refusal = result.detail;
    this.#request = Promise.resolve(replacement);
    this.#onReplaced(replacement, result.detail);
    return this.ask(send);
  }

  /** The request that may yet take the place of the chosen one. undefined: there is none. */
  async replacement(): Promise<ProofRequest | undefined> {
    const request = await this.request;
    return request === undefined || this.#isPushedAccepted ? undefined : insteadOf(request);
  }
}
