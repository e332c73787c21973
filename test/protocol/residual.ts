/**
 * What docs/how-it-works.md#what-remains admits: a run frozen between its read and its PATCH, while another rotates.
 * Recognised by its exact shape; everything else that breaks a consumer is a violation.
 */

import type { Actor } from './actor.ts';
import type { Event } from './invariants.ts';
import type { Holding, Truth } from './truth.ts';

export interface Residual {
  /**
   * `whole rotation`: the other run had delivered; `before delivery`: it delivered what was no longer associated;
   * `overwritten delivery`: a frozen PUT of the current pair landed over what the other run had delivered;
   * `rewritten meanwhile`: a person wrote a secret, or associated a credential, between a run's last look and its write;
   * `two clients`: two runs of `create` have made one each, and one of them has died.
   */
  kind:
    | 'whole rotation'
    | 'before delivery'
    | 'overwritten delivery'
    | 'rewritten meanwhile'
    | 'a name that no mark shows'
    | 'overwritten right after a rotation'
    | 'two clients';
  location: string;
  at: number;
  /** The place still did not work when no run was at work any more. */
  lasting: boolean;
}

interface Change {
  at: number;
  actor: Actor;
  added: readonly string[];
  removed: readonly string[];
  stored: readonly string[];
  /** When its run had last read the association; -1: never. */
  base: number;
}

export class Displacements {
  readonly #trace: readonly Event[];
  readonly #reads = new Map<Actor, number>();
  readonly #poolReads = new Map<Actor, number>();
  readonly #changes: Change[] = [];

  constructor(trace: readonly Event[]) {
    this.#trace = trace;
  }

  read({ actor, request }: Event): void {
    if (/\/clients\/[^/]+\?/.test(request.url)) this.#reads.set(actor, this.#trace.length);
    if (request.url.endsWith('/credentials')) this.#poolReads.set(actor, this.#trace.length);
  }

  wrote({ actor }: Event, before: Truth, now: Truth): void {
    const old = identities(before);
    const fresh = identities(now);
    const stored = now.held
      .filter(
        ({ location, identity }) => before.held.find((b) => b.location === location)?.identity !== identity,
      )
      .map(({ identity = '' }) => identity);
    this.#changes.push({
      at: this.#trace.length,
      actor,
      added: fresh.filter((one) => !old.includes(one)),
      removed: old.filter((one) => !fresh.includes(one)),
      stored,
      base: this.#reads.get(actor) ?? -1,
    });
  }

  explain({ actor, request, index }: Event, holding: Holding): Residual | undefined {
    const identity = holding.identity ?? '';
    const at = this.#trace.length;
    // A request that a run has given up is not a frozen run.
    if (index === 0) return undefined;
    const displaced = this.#changes.findLast(({ removed }) => removed.includes(identity));
    if (displaced && !this.#wasFresh(displaced)) return undefined;
    const associated = this.#changes.findLast(({ added }) => added.includes(identity));
    if (!displaced || !associated) return undefined;
    const stale = displaced.base < associated.at && associated.at < displaced.at;
    if (!stale) return undefined;
    const base = { location: holding.location, at, lasting: false };
    if (request.method === 'PATCH' && displaced.actor === actor) {
      const delivered = this.#changes.find((c) => c.stored.includes(identity) && c.at > displaced.base);
      return delivered && { ...base, kind: 'whole rotation' };
    }
    // A third run may have associated it before its maker did.
    const delivers = request.method === 'PUT' && displaced.actor !== actor;
    return delivers ? { ...base, kind: 'before delivery' } : undefined;
  }

  /** Places where a run that was frozen between its read of the pool and its PUT has put back what another had replaced. */
  overwritten({ actor, request }: Event, before: Truth, now: Truth): Holding[] {
    if (request.method !== 'PUT') return [];
    const base = this.#poolReads.get(actor) ?? -1;
    const between = this.#trace.slice(base, -1).filter((event) => event.actor === actor);
    if (base < 0 || between.some((event) => event.request.method !== 'GET')) return [];
    return now.held.filter(({ location, identity }) => {
      const old = before.held.find((one) => one.location === location)?.identity;
      const stored = this.#changes.findLast((c) => c.actor !== actor && c.stored.includes(old ?? ''));
      return old !== undefined && old !== identity && stored !== undefined && stored.at > base;
    });
  }

  /** Was the association read right before it was written? Only then was the run frozen in between, not careless. */
  #wasFresh({ actor, at, base }: Change): boolean {
    const between = this.#trace.slice(base, at - 1).filter((event) => event.actor === actor);
    return base >= 0 && between.every(({ request }) => request.method === 'GET') && between.length <= 2;
  }

  /** Had this run read the client and its pool by then? */
  hadSeenAll(actor: Actor, at: number): boolean {
    const urls = this.#trace
      .slice(0, at)
      .filter((event) => event.actor === actor)
      .map(({ request }) => request.url);
    return (
      urls.some((url) => /\/clients\/[^/]+\?/.test(url)) && urls.some((url) => url.endsWith('/credentials'))
    );
  }

  /** Did this run's last PATCH follow a read that is older than this? */
  wroteOnReadBefore(actor: Actor, at: number): boolean {
    const last = this.#changes.findLast((change) => change.actor === actor);
    return last !== undefined && this.#wasFresh(last) && last.base <= at;
  }

  /** Did this run's last PATCH displace, on a stale read, what another had associated? */
  explainsQueued(actor: Actor): boolean {
    const last = this.#changes.findLast((change) => change.actor === actor);
    if (!last || !this.#wasFresh(last)) return false;
    return this.#changes.some((c) => c.at > last.base && c.at < last.at && c.added.length > 0);
  }
}

function identities({ associated, pool }: Truth): string[] {
  return associated.map((id) => pool.get(id) ?? '');
}
