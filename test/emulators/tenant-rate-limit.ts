export interface RateLimit {
  burst: number;
  perSecond: number;
}

/** The Management API's token bucket. Source: docs rate-limit-policy, rate-limit-use-cases. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledAt: number;

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#filledAt = now;
  }

  /** Takes a token if there is one; the headers go on the answer either way. */
  take(now: number): { taken: boolean; headers: Record<string, string> } {
    const { burst, perSecond } = this.#limit;
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(burst, this.#tokens + (elapsed / 1000) * perSecond);
    this.#filledAt = now;
    const taken = this.#tokens >= 1;
    if (taken) this.#tokens -= 1;
    return { taken, headers: this.#headers(now) };
  }

  #headers(now: number): Record<string, string> {
    const { burst, perSecond } = this.#limit;
    const fullAt = now + ((burst - this.#tokens) / perSecond) * 1000;
    return {
      'x-ratelimit-limit': String(burst),
      'x-ratelimit-remaining': String(Math.floor(this.#tokens)),
      // Auth0 documents "one token again" (docs/facts.md#auth0-rate-limits). This is "full again", which makes callers wait longer.
      'x-ratelimit-reset': String(Math.ceil(fullAt / 1000)),
    };
  }
}
