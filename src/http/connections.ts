/** Connections that are opened before a request needs them: TCP and TLS take two round trips of their own. */

import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';

interface Spare {
  openedAt: number;
  /** undefined where it could not be opened. */
  socket: Promise<Socket | undefined>;
}

/** As long as undici keeps one that nobody uses: after that the server may be about to close it. */
const FRESH = 4_000;

export class Connections {
  readonly #connect: buildConnector.connector;
  /** By host: how many were opened. */
  readonly #opened = new Map<string, number>();
  readonly #spares = new Map<string, Spare[]>();

  constructor(connect: buildConnector.connector) {
    this.#connect = connect;
  }

  /** What undici calls where it needs one: hands over what is open, or being opened. */
  readonly connector: buildConnector.connector = (options, callback) => {
    const host = `${options.host}`;
    const anew = () => {
      this.#count(host);
      this.#connect(options, callback);
    };
    const spare = this.#spares.get(host)?.shift();
    if (!spare) return anew();
    const handOver = (socket: Socket | undefined) => {
      const fresh = performance.now() - spare.openedAt < FRESH;
      if (socket && !socket.destroyed && fresh) return callback(null, socket);
      socket?.destroy();
      return anew();
    };
    spare.socket.then(handOver).catch((error) => callback(error, null));
  };

  /** Opens what is missing to that many. A failure is told to the request that needs one. */
  preconnect({ host, hostname, port, protocol }: URL, wanted: number): void {
    const missing = Math.max(0, wanted - (this.#opened.get(host) ?? 0));
    const spares = Array.from({ length: missing }, (): Spare => {
      this.#count(host);
      const opening = new Promise<Socket>((resolve, reject) => {
        const told: buildConnector.Callback = (error, socket) => (error ? reject(error) : resolve(socket));
        this.#connect({ host, hostname, port, protocol }, told);
      });
      return { openedAt: performance.now(), socket: opening.catch(() => undefined) };
    });
    this.#spares.set(host, [...(this.#spares.get(host) ?? []), ...spares]);
  }

  /** Of those that nobody took. */
  close(): void {
    for (const { socket } of [...this.#spares.values()].flat()) socket.then((one) => one?.destroy());
  }

  #count(host: string): void {
    this.#opened.set(host, (this.#opened.get(host) ?? 0) + 1);
  }
}
