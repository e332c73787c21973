/** Changes the associated credentials after a fresh full read, and reads them back. The earliest of two runs wins (docs/facts.md#auth0-replace-list). */

import type { Tenant } from '../auth0/tenant.ts';
import type { SecretStore } from '../github/secret-store.ts';
import { sleep, type Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import { METHOD_CAPACITY } from '../model/capacity.ts';
import type { DesiredState } from '../model/desired-state.ts';
import {
  associatedWith,
  type Credential,
  type ObservedClient,
  type ObservedSecret,
  type ObservedState,
  writtenTimes,
} from '../model/observed-state.ts';
import { findRival, rotationInProgress } from '../model/rivals.ts';
import { isSameLocation, type SecretLocation } from '../model/secret-location.ts';
import { type CredentialRef, ISSUED } from '../model/step.ts';
import { changedMeanwhile, isForbidden, overtaken, secretChangedMeanwhile } from './contention.ts';
import { requireAssociated } from './propagation.ts';

export interface AssociationServices extends Waiting {
  tenant: Tenant;
  store: SecretStore | undefined;
}

/** The last of the growing pauses in which Auth0 may show an old list, in milliseconds. After it, that list counts as a change by another run. */
const LAST_DELAY = 1_000;

/** A fresh full read. */
interface Fresh {
  method: string;
  /** Ids of the credentials associated with the desired method. */
  associated: readonly string[];
  /** Ids of the associated credentials, whatever method the client uses. */
  all: readonly string[];
  pool: readonly Credential[];
  /** `updated_at` of the primary's secret, by GitHub's clock. */
  githubTime: number | undefined;
}

export class Association {
  readonly #desired: DesiredState;
  readonly #observed: ObservedState;
  readonly #primary: ObservedSecret;
  readonly #services: AssociationServices;
  /** Ids that were in the pool when the plan was made. */
  readonly #known: ReadonlySet<string>;
  /** The client's method, as this run left it. */
  #method: string;
  /** The associated credentials, as this run left them. */
  #ids: readonly string[];
  /** All lists that this run has replaced, oldest first. A read that lags behind may still show the last one. */
  readonly #replaced: (readonly string[])[] = [];
  /** A change whose first attempt got no answer. Until the local time `until` it may land a second time and overwrite a later change. */
  #pendingWrite: { ids: readonly string[]; until: number } | undefined;
  #made: Credential | undefined;
  #readBack: Promise<void> = Promise.resolve();
  #hasStoredPrimary = false;
  #takenOut: string | undefined;

  constructor(desired: DesiredState, observed: ObservedState, services: AssociationServices) {
    this.#desired = desired;
    this.#observed = observed;
    const [primary] = observed.secrets;
    if (!primary) throw new Error('a desired state has at least one secret');
    this.#primary = primary;
    this.#services = services;
    this.#known = new Set(observed.pool.map(({ id }) => id));
    this.#method = observed.client?.method ?? desired.method;
    this.#ids = observed.client ? associatedWith(observed.client, desired.method) : [];
  }

  /** Registers the credential that this run has made. */
  adopt(made: Credential): void {
    this.#made = made;
  }

  /**
   * Replaces the list and begins a read-back, which `awaitReadBack` awaits. With `confirm` it waits until Auth0 shows the list.
   * @param onChange called once the list has changed, or may have
   * @throws RotationError
   */
  async replace(to: readonly CredentialRef[], confirm: boolean, onChange?: () => void): Promise<void> {
    const ids = this.#resolve(to);
    // A PATCH of this method would change the client's method.
    if (this.#method !== this.#desired.method)
      throw new Error('credentials of a method that the client does not use');
    await this.#awaitPendingWrite(ids);
    // guard: a fresh full read before each PATCH
    await this.requireUnchanged();
    await this.#patch(ids, onChange);
    this.#beginReadBack(confirm);
  }

  /**
   * Moves the client to the desired method with these credentials. The previous method stops working.
   * @param onMove called right before the change, since from then on an undo may have to move the client back
   * @throws RotationError ROTATION_IN_PROGRESS, AUTH0_…
   */
  async moveToMethod(to: readonly CredentialRef[], onMove: () => void): Promise<void> {
    const { all } = await this.requireUnchanged();
    // An undo would restore this list.
    if (!sameIds(all, this.#observed.client?.associated ?? []))
      throw changedMeanwhile("the client's associated credentials");
    onMove();
    const { clientId, method } = this.#desired;
    this.#replaced.push(this.#ids);
    this.#ids = this.#resolve(to);
    // guard: a change of method that was refused, and may land, is waited for
    await this.#services.tenant.moveTo(clientId, method, this.#ids, () => this.#rememberWrite(this.#ids));
    this.#method = method;
    this.#beginReadBack(true);
  }

  /**
   * Moves the client to a client secret, or makes it public.
   * @param onMove called as soon as the client may have moved, and perhaps again. From then on the move cannot be undone.
   * @throws RotationError ROTATION_IN_PROGRESS, AUTH0_…
   */
  async moveToMethodWithoutCredentials(to: string, onMove: () => void): Promise<void> {
    const { tenant } = this.#services;
    const { clientId } = this.#desired;
    await this.requireUnchanged();
    await tenant.moveToMethodWithoutCredentials(clientId, to, onMove);
    onMove();
    const attempt = async () => ({ done: (await tenant.client(clientId)).method === to, value: undefined });
    await poll(this.#services, attempt, () => changedMeanwhile('the authentication method of the client'));
    // A rotation that ran at the same time has left its credential.
    const rival = this.#rivalIn(await tenant.credentials(clientId));
    // guard: a revert checks whether a rotation has slipped in
    if (rival) throw rotationInProgress(rival);
  }

  /** Resolves when the read-back of the last change has succeeded. @throws RotationError ROTATION_IN_PROGRESS */
  awaitReadBack(): Promise<void> {
    return this.#readBack;
  }

  /** Makes a fresh full read, which must show what this run expects. @throws RotationError ROTATION_IN_PROGRESS */
  async requireUnchanged(): Promise<Fresh> {
    const fresh = await this.#readFresh();
    const rival = this.#rivalIn(fresh.pool);
    // guard: the earliest unsettled credential wins
    if (rival) throw rotationInProgress(rival);
    if (!this.#hasStoredPrimary && fresh.githubTime !== this.#primary.githubTime)
      throw secretChangedMeanwhile('the primary destination');
    if (fresh.method !== this.#method) throw changedMeanwhile('the authentication method of the client');
    // guard: a surprise in the association stops the run
    if (!sameIds(fresh.associated, this.#ids)) throw changedMeanwhile("the client's associated credentials");
    return fresh;
  }

  /** Refuses if another run started meanwhile, since it may have stored its pair in the same location. @throws RotationError */
  async refuseOvertaken(location: SecretLocation): Promise<void> {
    const rival = this.#rivalIn(await this.#services.tenant.credentials(this.#desired.clientId));
    if (rival) throw overtaken(rival, location);
  }

  /** Associates the delivered credential again if another run has taken it out. @throws RotationError ROTATION_IN_PROGRESS, AUTH0_… */
  async keepAssociated(id: string): Promise<void> {
    const { clock, cancellation } = this.#services;
    for (let delay = 250; delay <= LAST_DELAY; delay *= 2) {
      const { associated, method } = await this.#client();
      if (associated.includes(id)) return;
      const isOtherMethod = method !== this.#desired.method;
      // Auth0 may still show a list that this run has replaced, or the method before an enrollment.
      const mayBeStale = isOtherMethod || this.#replaced.some((ids) => sameIds(ids, associated));
      if (!mayBeStale) break;
      await sleep(clock, delay, cancellation);
    }
    const [client, pool] = await Promise.all([
      this.#client(),
      this.#services.tenant.credentials(this.#desired.clientId),
    ]);
    if (client.associated.includes(id)) return;
    this.#takenOut = id;
    if (client.method !== this.#desired.method)
      throw changedMeanwhile('the authentication method of the client');
    const there = (one: string) => pool.some((credential) => credential.id === one);
    const others = client.associated.filter((one) => there(one) && this.#known.has(one));
    await this.#patch([...others.slice(0, METHOD_CAPACITY - 1), id]);
    await requireAssociated(this.#desired.clientId, id, this.#services);
    this.#takenOut = undefined;
  }

  /** Id of the delivered credential, if somebody else has taken it out and no read shows it associated again. */
  get takenOut(): string | undefined {
    return this.#takenOut;
  }

  /** Local time until which a change of this run may land once more. 0 if none may. */
  get pendingWriteUntil(): number {
    return this.#pendingWrite?.until ?? 0;
  }

  /** Remembers that this run has stored a pair there. If that is the primary, its new time is no surprise. */
  rememberStored(location: SecretLocation): void {
    if (isSameLocation(location, this.#primary.location)) this.#hasStoredPrimary = true;
  }

  /** Whether the client may be moved back. It must stay if somebody else has moved it or has associated another credential. If no read shows that, it may. */
  async mayMoveBack(): Promise<boolean> {
    const before = this.#observed.client;
    try {
      const { associated, method } = await this.#services.tenant.client(this.#desired.clientId);
      if (method === this.#desired.method) return associated.every((id) => this.#ids.includes(id));
      // Auth0 may still show the state from before this run.
      return method === before?.method && sameIds(associated, before.associated);
    } catch {
      return true;
    }
  }

  /** Disassociates and deletes the credential that this run made. Everything else stays. @throws RotationError ROTATION_IN_PROGRESS, AUTH0_… */
  async remove(id: string): Promise<void> {
    const { tenant } = this.#services;
    const { clientId } = this.#desired;
    await this.#readBack.catch(() => undefined);
    const attempt = async () => {
      const { associated } = await this.#client();
      // After an enrollment the client must be moved back first. An empty list would lock everybody out.
      const enrolled =
        this.#observed.client !== undefined && this.#observed.client.method !== this.#desired.method;
      if (enrolled && sameIds(associated, [id])) return { done: false, value: undefined };
      if (associated.includes(id)) await this.#patch(associated.filter((other) => other !== id));
      return { done: (await tenant.deleteCredential(clientId, id)) === 'deleted', value: undefined };
    };
    await poll(this.#services, attempt, () => changedMeanwhile("the client's credentials"));
  }

  /** The client, with the credentials of the desired method only. */
  async #client(): Promise<ObservedClient & Pick<Fresh, 'all'>> {
    const client = await this.#services.tenant.client(this.#desired.clientId);
    return { ...client, all: client.associated, associated: associatedWith(client, this.#desired.method) };
  }

  async #patch(ids: readonly string[], onChange = () => {}): Promise<void> {
    const { clientId, method } = this.#desired;
    try {
      await this.#services.tenant.associate(clientId, method, ids, () => this.#rememberWrite(ids));
    } catch (error) {
      if (this.#pendingWrite?.ids === ids || !isForbidden(error)) onChange();
      throw error;
    }
    onChange();
    this.#replaced.push(this.#ids);
    this.#ids = ids;
  }

  #rememberWrite(ids: readonly string[]): void {
    this.#pendingWrite = { ids, until: this.#services.clock.now() + LONGEST_FLIGHT };
  }

  #beginReadBack(confirm: boolean): void {
    this.#readBack = this.#verify(confirm);
    // A failure reaches the code that awaits it.
    this.#readBack.catch(() => undefined);
  }

  #resolve(refs: readonly CredentialRef[]): string[] {
    return refs.map((id) => (id === ISSUED ? this.#requireMade().id : id));
  }

  /** Waits until a pending write can no longer overwrite the next change. */
  async #awaitPendingWrite(next: readonly string[]): Promise<void> {
    const { clock, cancellation } = this.#services;
    const wait =
      this.#pendingWrite && !sameIds(this.#pendingWrite.ids, next)
        ? this.#pendingWrite.until - clock.now()
        : 0;
    // guard: a lost PATCH is outlived
    if (wait > 0) await sleep(clock, wait, cancellation);
  }

  /** Reads everything that another run could have changed. Waits until the read shows our own last change. */
  async #readFresh(): Promise<Fresh> {
    const { tenant, store } = this.#services;
    const { clientId } = this.#desired;
    const attempt = async () => {
      const [client, pool, times] = await Promise.all([
        this.#client(),
        tenant.credentials(clientId),
        this.#primary.times === 'unread' ? undefined : store?.times(this.#primary.location),
      ]);
      const githubTime = writtenTimes(times)?.updatedAt;
      const { all, associated, method } = client;
      const fresh = { all, associated, method, pool, githubTime };
      return { done: !this.#lags(fresh), value: fresh };
    };
    return poll(this.#services, attempt, () => changedMeanwhile("the client's credentials"));
  }

  #lags({ associated, pool }: Fresh): boolean {
    const made = this.#made;
    if (made !== undefined && !pool.some(({ id }) => id === made.id)) return true;
    const before = this.#replaced.at(-1);
    // guard: reads may lag behind: what this run has changed is waited for
    return before !== undefined && !sameIds(associated, this.#ids) && sameIds(associated, before);
  }

  #rivalIn(pool: readonly Credential[]): Credential | undefined {
    return findRival(this.#desired, this.#observed, pool, this.#made);
  }

  /** Looks for another run's credential. With `confirm` it also waits until Auth0 shows the new list. */
  async #verify(confirm: boolean): Promise<void> {
    const { tenant } = this.#services;
    const { clientId } = this.#desired;
    const attempt = async () => {
      const reading = confirm ? this.#client() : undefined;
      const [pool, client] = await Promise.all([tenant.credentials(clientId), reading]);
      const rival = this.#rivalIn(pool);
      // guard: the earliest unsettled credential wins
      // guard: the read-back, which puts back
      if (rival) await this.#putBackAndRefuse(rival);
      return { done: client === undefined || sameIds(client.associated, this.#ids), value: undefined };
    };
    await poll(this.#services, attempt, () => changedMeanwhile("the client's associated credentials"));
  }

  /** Associates the credential of another run again, which this run's PATCH may have taken out, and then always stops. @throws RotationError ROTATION_IN_PROGRESS */
  async #putBackAndRefuse(rival: Credential): Promise<never> {
    const others = this.#ids.filter((id) => id !== this.#made?.id);
    await this.#patch([...others, rival.id].slice(-METHOD_CAPACITY));
    throw rotationInProgress(rival);
  }

  #requireMade(): Credential {
    if (!this.#made) throw new Error('the new credential is associated before it exists');
    return this.#made;
  }
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
