/** Estimates a server's clock from its `Date` headers, relative to the local monotonic clock. */

/** The resolution of a `Date` header in milliseconds. It is cut to whole seconds (RFC 9110 5.6.7). */
const RESOLUTION = 1000;

/** All times are milliseconds since the epoch. Only differences are used, so an error of the local clock cancels out. */
export class ServerClock {
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  /** Narrows the offset with one response. The server wrote its date after we sent the request and before we received the response. */
  observe(date: string | undefined, sentAt: number, receivedAt: number): void {
    const shown = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(shown)) return;
    const least = shown - receivedAt;
    const most = shown + RESOLUTION - sentAt;
    const apart = least > this.#most || most < this.#least;
    // Two machines behind one name may disagree. Then only the newest response counts.
    this.#least = apart ? least : Math.max(this.#least, least);
    this.#most = apart ? most : Math.min(this.#most, most);
  }

  get known(): boolean {
    return Number.isFinite(this.#least);
  }

  /** Server time minus local time, in milliseconds. 0 before the first response. */
  get offset(): number {
    return this.known ? (this.#least + this.#most) / 2 : 0;
  }

  /** The largest error of the offset, in milliseconds. A slow response increases it. */
  get error(): number {
    return this.known ? (this.#most - this.#least) / 2 : Number.POSITIVE_INFINITY;
  }
}
