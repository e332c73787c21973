/** Lets one client of a fleet rotate ahead of the others. If that fails, the others do not rotate, except those that cannot wait. */

import { type ErrorCode, RotationError } from '../errors.ts';

export class Canary {
  /** One per client, in the manifest's order. Resolves when it is known whether the client rotates. */
  readonly #known: readonly PromiseWithResolvers<void>[];
  /** The client that is ahead. */
  #ahead: { index: number; over: PromiseWithResolvers<void> } | undefined;
  /** The others need not wait any more. */
  #isDecided = false;
  /** The canary's name and client id, once it has failed. */
  #failed: string | undefined;

  constructor(clients: number) {
    this.#known = Array.from({ length: clients }, () => Promise.withResolvers<void>());
  }

  /**
   * Called before a client rotates. Waits until no earlier client of the manifest can become the canary any more. Then it resolves for
   * the canary, and for the others when the canary is done.
   */
  async turn(index: number): Promise<void> {
    // An earlier client in the manifest may become the canary.
    await Promise.all(this.#known.slice(0, index).map(({ promise }) => promise));
    while (this.#ahead && !this.#isDecided) await this.#ahead.over.promise;
    if (!this.#isDecided) this.#ahead = { index, over: Promise.withResolvers() };
    this.#known[index]?.resolve();
  }

  /** @throws RotationError CANARY_FAILED */
  check(): void {
    if (this.#failed === undefined) return;
    throw new RotationError('CANARY_FAILED', {
      failed: `This client was not rotated, since the client that went first, ${this.#failed}, failed.`,
      remedy:
        'Correct that failure, or move that client to the end of the manifest, so that another one goes first, and start a new run. Until then no run rotates any other client, unless its certificate has less than a quarter of renew-before-days left.',
    });
  }

  /** Called when a client's run is over, whether it rotated or not. */
  finished(index: number, name: string, error: RotationError | undefined): void {
    this.#known[index]?.resolve();
    if (index !== this.#ahead?.index) return;
    const { over } = this.#ahead;
    this.#isDecided = !isOfOneClient(error);
    if (this.#isDecided) this.#failed = error && name;
    else this.#ahead = undefined;
    over.resolve();
  }
}

/** Whether the failure says nothing about other clients, such as an archived repository. */
function isOfOneClient(error: RotationError | undefined): boolean {
  return [error, error?.cause].some(
    (one) => one instanceof RotationError && OF_ONE_CLIENT.includes(one.code),
  );
}

/** Each is about one client or one of its destinations. All others, such as a failed proof or a refused token, may hit every client. */
const OF_ONE_CLIENT: readonly ErrorCode[] = [
  'CLIENT_NOT_FOUND',
  'SECRET_EXISTS',
  'CREDENTIAL_LIMIT',
  'STALE_CREDENTIAL',
  'ROTATION_IN_PROGRESS',
  'CERTIFICATE_TOO_LARGE',
  'CERTIFICATE_REUSED',
  'RETIREMENT_FAILED',
  'GITHUB_FORBIDDEN',
  'DESTINATION_NOT_FOUND',
  'DESTINATION_FULL',
];
