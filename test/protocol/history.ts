/** What the runs have seen so far: two schedules with the same digest go on alike (times aside). */

import { createHash } from 'node:crypto';
import type { Actor } from './actor.ts';
import type { Execution } from './scheduler.ts';

type Resource = string;

const EVERYTHING: Resource[] = ['clients', 'client', 'pool'];

/** Which records a request reads and writes: requests that share none commute. */
function touched(method: string, url: string): { reads: Resource[]; writes: Resource[] } {
  if (url.includes('/.well-known/') || url.endsWith('/public-key')) return { reads: [], writes: [] };
  if (url.includes('/oauth/token')) return { reads: ['client', 'pool'], writes: [] };
  // Lists and creations of clients.
  if (/\/clients(\?|$)/.test(url))
    return method === 'GET' ? { reads: ['clients'], writes: [] } : { reads: [], writes: EVERYTHING };
  if (/\/clients\/[^/?]+$/.test(url) && method === 'DELETE') return { reads: [], writes: EVERYTHING };
  if (!url.includes('/clients/'))
    return method === 'GET' ? { reads: [url], writes: [] } : { reads: [], writes: [url] };
  if (method === 'PATCH') return { reads: ['pool'], writes: ['client'] };
  if (method === 'POST') return { reads: ['pool'], writes: ['pool'] };
  if (method === 'DELETE') return { reads: ['client'], writes: ['pool'] };
  return { reads: [url.includes('/credentials') ? 'pool' : 'client'], writes: [] };
}

export class History {
  readonly #execution: Execution;
  readonly #versions = new Map<Resource, string>();
  readonly #runs = new Map<Actor, string>();
  #read = 0;

  constructor(execution: Execution) {
    this.#execution = execution;
  }

  /** Takes in what has landed since the last call. */
  #catchUp(): void {
    const { trace } = this.#execution;
    for (; this.#read < trace.length; this.#read += 1) {
      const event = trace[this.#read];
      if (!event) continue;
      const { actor, request, status } = event;
      const { reads, writes } = touched(request.method, request.url);
      const seen = [...reads, ...writes].map((one) => this.#versions.get(one) ?? '').join();
      const mine = digest(
        `${this.#runs.get(actor) ?? ''} ${request.method} ${request.url} ${status} ${seen}`,
      );
      this.#runs.set(actor, mine);
      for (const resource of writes) this.#versions.set(resource, digest(`${actor.name} ${mine}`));
    }
  }

  of(actor: Actor): string {
    this.#catchUp();
    return this.#runs.get(actor) ?? '';
  }
}

export function digestOf(history: History, actors: readonly Actor[], current: number): string {
  const runs = actors.map((actor) => {
    const state = actor.dead
      ? 'dead'
      : actor.result
        ? 'ended'
        : `${actor.parked.length}/${actor.sleepers.size}`;
    return `${history.of(actor)} ${state}`;
  });
  return `${current} ${runs.join(' | ')}`;
}

function digest(text: string): string {
  return createHash('md5').update(text).digest('base64');
}
