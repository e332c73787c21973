/** A server's clock, as its `Date` headers show it, relative to the local monotonic clock. */

/** Width of a `Date` header: it is cut to whole seconds (RFC 9110 5.6.7). */
const RESOLUTION = 1000;

/** All times are milliseconds since the epoch. The local clock's own error cancels out: only differences are used. */
export class ServerClock {
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  /** Narrows the offset by one answer: the server wrote its date between our sending and our receiving. */
  observe(date: string | undefined, sentAt: number, receivedAt: number): void {
    const shown = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(shown)) return;
    const least = shown - receivedAt;
    const most = shown + RESOLUTION - sentAt;
    const apart = least > this.#most || most < this.#least;
    // Two machines behind one name may disagree: then the newest answer counts alone.
    this.#least = apart ? least : Math.max(this.#least, least);
    this.#most = apart ? most : Math.min(this.#most, most);
  }

  get known(): boolean {
    return Number.isFinite(this.#least);
  }

  /** Server time minus local time, in milliseconds; 0 before the first answer. */
  get offset(): number {
    return this.known ? (this.#least + this.#most) / 2 : 0;
  }

  /** How wrong the offset may be, in milliseconds: a slow answer says little. */
  get error(): number {
    return this.known ? (this.#most - this.#least) / 2 : Number.POSITIVE_INFINITY;
  }
}
