/**
 * A thread that outlives its run. Vitest starts one for each run, so each mutant would import everything anew, which takes many times as
 * long as its tests.
 */

import {
  type PoolRunnerInitializer,
  type PoolWorker,
  ThreadsPoolWorker,
  type WorkerRequest,
} from 'vitest/node';

/** Each run leaves a listener in the thread, so a new one starts from time to time. */
const RUNS = 200;

type Listener = Parameters<PoolWorker['on']>;

let kept: { thread: ThreadsPoolWorker; runs: number } | undefined;

class KeptThread implements PoolWorker {
  readonly name = 'kept';
  private readonly listeners: Listener[] = [];
  private readonly thread: ThreadsPoolWorker;

  constructor(options: ConstructorParameters<typeof ThreadsPoolWorker>[0]) {
    kept ??= { thread: new ThreadsPoolWorker(options), runs: 0 };
    kept.runs += 1;
    this.thread = kept.thread;
  }

  async start(): Promise<void> {
    await this.thread.start();
  }

  on(...listener: Listener): void {
    this.listeners.push(listener);
    this.thread.on(...listener);
  }

  off(...listener: Listener): void {
    this.thread.off(...listener);
  }

  /** "stop" would end the thread, so its answer comes from here. */
  send(message: WorkerRequest): void {
    if (message.type !== 'stop') {
      this.thread.send(message);
      return;
    }
    for (const [event, callback] of this.listeners)
      if (event === 'message') callback({ type: 'stopped', __vitest_worker_response__: true });
  }

  deserialize(data: unknown): unknown {
    return this.thread.deserialize(data);
  }

  async stop(): Promise<void> {
    for (const [event, callback] of this.listeners) this.thread.off(event, callback);
    if (kept?.thread !== this.thread || kept.runs < RUNS) return;
    kept = undefined;
    await this.thread.stop();
  }
}

export const keptThread: PoolRunnerInitializer = {
  name: 'kept',
  createPoolWorker: (options) => new KeptThread(options),
};
