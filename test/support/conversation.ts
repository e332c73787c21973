/** For each test of a file a line of its own, and the server at its other end; both end with the test. */

import { afterEach, beforeEach } from 'vitest';
import { type Line, openLine, type Peer, peer } from './wire.ts';

export class Conversation {
  line!: Line;
  /** Until a test gives its answers there is none. */
  server!: Peer;

  constructor() {
    beforeEach(() => {
      this.line = openLine();
    });
    afterEach(async () => {
      await this.line[Symbol.asyncDispose]();
      await this.server?.[Symbol.asyncDispose]();
    });
  }

  /** Starts the server that gives these answers. */
  async answer(answers: Parameters<typeof peer>[0]): Promise<Peer> {
    this.server = await peer(answers);
    return this.server;
  }

  /** `GET /path`, in order. */
  readonly asked = (): string[] => this.server.exchanges.map(({ method, path }) => `${method} ${path}`);
}
