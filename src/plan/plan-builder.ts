/** Builds a plan. Pure. */

import type { RotationError } from '../errors.ts';
import { METHOD_CAPACITY, POOL_CAPACITY } from '../model/capacity.ts';
import { CREDENTIAL_TYPES, type DesiredState } from '../model/desired-state.ts';
import type { Note } from '../model/note.ts';
import {
  associatedWith,
  type Credential,
  isLeftOut,
  isYoung,
  newestFirst,
  type ObservedState,
} from '../model/observed-state.ts';
import type { LogQuestion, Plan, PlannedCredential } from '../model/plan.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import type { AssociationStep, RemovalReason, Step } from '../model/step.ts';
import { HOUR, NOTICE_PERIOD } from '../model/timing.ts';
import { formerHolder, mayBeHeld, mayStillBeHeld } from './holders.ts';
import { type CredentialsInUse, credentialsInUse } from './in-use.ts';
import { noteOnUnregistered } from './incomparable-keys.ts';
import { leaveOut, refusalOf } from './left-out.ts';
import { overlapEndAfter, supersededAt } from './overlap.ts';
import { Owners } from './owners.ts';
import { isPending, isSuperseded, stageOf } from './stages.ts';

/** Appends each step together with its effect on the client's credentials, so that later decisions see that effect. */
export class PlanBuilder {
  readonly desired: DesiredState;
  readonly observed: ObservedState;
  /** The credentials in use before this run. */
  readonly inUseAtStart: CredentialsInUse;
  /** The credentials in use after the deliveries that this run finishes. */
  inUse: CredentialsInUse;
  readonly owners: Owners;
  readonly steps: Step[] = [];
  readonly notes: Note[] = [];
  readonly revokes: string[] = [];
  /** See Plan. */
  readonly probes: SecretLocation[] = [];
  /** See Plan. */
  errorAtEnd: RotationError | undefined;
  /** Why a rotation is due, also if the rest of the plan refuses it. */
  due: Pick<Plan, 'reason' | 'explanation'> | undefined;
  /** How many of the first steps are carried out even if the rest of the plan fails. See `keep`. */
  keptSteps = 0;
  #dropRest: () => void = () => undefined;
  /** Ids of the credentials that are associated after the steps so far. */
  associated: readonly string[];
  readonly associatedAtStart: readonly string[];
  /** The pool after the steps so far, oldest first. */
  pool: readonly Credential[];
  /** See Plan. */
  reuses: string | undefined;
  /** See Plan. */
  logQuestion: LogQuestion | undefined;
  /** This run finishes an earlier delivery. Workflow runs that were queued before it still hold the previous credential. */
  finishesDelivery = false;

  constructor(desired: DesiredState, observed: ObservedState) {
    this.desired = desired;
    this.observed = leaveOut(desired, observed);
    this.inUseAtStart = credentialsInUse(desired, this.observed);
    this.inUse = this.inUseAtStart;
    this.owners = new Owners(desired, observed);
    this.associated = observed.client ? associatedWith(observed.client, desired.method) : [];
    this.associatedAtStart = this.associated;
    this.pool = [...observed.pool].sort(newestFirst).reverse();
    if (observed.secrets.some(({ refused, times }) => times === 'unread' && !refused))
      this.note('notice', UNREAD);
    const { staleCurrent, unregistered } = this.inUse;
    if (
      unregistered &&
      staleCurrent?.because !== 'delivered since' &&
      observed.client &&
      desired.operation !== 'revert'
    )
      this.notes.push(noteOnUnregistered(desired, observed));
  }

  /** Keeps the plan so far, also if the rest of it fails. */
  keep(): void {
    const { associated, finishesDelivery, inUse, notes, pool, probes, reuses, steps } = this;
    const lengths = [notes, probes, steps].map((list) => [list, list.length] as const);
    this.keptSteps = steps.length;
    this.#dropRest = () => {
      Object.assign(this, { associated, finishesDelivery, inUse, pool, reuses });
      for (const [list, length] of lengths) list.length = length;
    };
  }

  /** Goes back to what was kept last. */
  dropRest(): void {
    this.#dropRest();
  }

  note(severity: Note['severity'], text: string): void {
    this.notes.push({ severity, text });
  }

  /**
   * Requires that every location accepts a write, so that nobody is interrupted for a delivery that would fail.
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND, SECRET_EXISTS
   */
  requireWritable(): void {
    const refusal = refusalOf(this.desired, this.observed);
    if (refusal) throw refusal;
    this.requestProbes(this.observed.secrets.map(({ location }) => location));
  }

  /** Makes the plan depend on the tenant logs. @param since milliseconds, Auth0's clock */
  askLogs(since: number): void {
    this.logQuestion = { since: Math.min(since, this.logQuestion?.since ?? since), upToDate: false };
  }

  /** Asks for a check of whether these locations accept a write, which the run makes after the plan. */
  requestProbes(locations: readonly SecretLocation[]): void {
    // A plan with the results of the probes asks for none.
    if (this.observed.refusedTrials !== undefined) return;
    const open = locations.filter((one) => !isLeftOut(this.observed, one));
    this.probes.push(...open.filter((one) => !this.probes.includes(one)));
  }

  /** Whether the client's method can hold no other credential. */
  get isMethodFull(): boolean {
    return this.associated.length >= METHOD_CAPACITY;
  }

  /** Whether a credential must be removed before another one can be added. */
  get isFull(): boolean {
    return this.isMethodFull || this.pool.length >= POOL_CAPACITY;
  }

  /** Whether a new key pair is issued and delivered. */
  get rotates(): boolean {
    return this.steps.some((step) => step.kind === 'store-secret' && step.source === 'issued');
  }

  /** @param confirm by default the run waits until Auth0 shows an added credential, but not for a removal */
  associate(
    to: readonly string[],
    why: AssociationStep['why'],
    {
      interrupts = [],
      confirm = to.some((id) => !this.associated.includes(id)),
    }: Partial<Pick<AssociationStep, 'interrupts' | 'confirm'>> = {},
  ): void {
    this.steps.push({ kind: 'associate-credentials', why, from: this.associated, to, interrupts, confirm });
    this.associated = to;
  }

  remove(credential: Credential, why: RemovalReason, interrupts: AssociationStep['interrupts'] = []): void {
    const { id } = credential;
    if (this.associated.includes(id)) {
      const rest = this.associated.filter((other) => other !== id);
      this.associate(rest, why, { interrupts });
    }
    this.steps.push({ kind: 'delete-credential', id, why });
    this.pool = this.pool.filter((record) => record.id !== id);
  }

  // Which credentials a run may remove, from the most to the fewest: all that are not protected, those that are unused, and those that
  // are due for removal. When room is needed, it also evicts expired ones, even if a location holds them.

  /** Whether no run may remove it: it is in keep-credentials, or foreign and neither left over nor in removable-credentials. */
  isProtected(credential: Credential): boolean {
    const { isForeign, isLeftover } = this.owners;
    const isOthers = isForeign(credential) && !isLeftover(credential) && !this.isDeclaredUnused(credential);
    return isOthers || this.desired.keepCredentials.has(credential.id);
  }

  /** Whether it is not protected, and no location may hold it. */
  isRemovable(credential: Credential): boolean {
    return !this.isProtected(credential) && !mayBeHeld(this.inUse, credential);
  }

  /** Credentials to remove when room is needed: expired ones, those due for removal, and the one that was rolled back. */
  get evictable(): Credential[] {
    const expired = this.pool.filter((c) => !this.isProtected(c) && this.isCertainlyExpired(c));
    const { supplanted } = this.inUse;
    const rolledBack = this.pool.filter((c) => c.id === supplanted?.id && this.isRemovable(c));
    return [...new Set([...expired, ...this.dueForRemoval, ...rolledBack])];
  }

  /** Credentials to remove even if no room is needed: unused, announced for long enough, and with no use to come. Oldest first. */
  get dueForRemoval(): Credential[] {
    return this.pool.filter(
      (c) =>
        this.isRemovable(c) &&
        this.isNoticeOver(c) &&
        (this.isAbandoned(c) ||
          this.isSuperseded(c) ||
          this.owners.isLeftover(c) ||
          this.isDeclaredUnused(c)),
    );
  }

  /** Whether `removable-credentials` says that nobody uses it. */
  isDeclaredUnused({ id, type }: Credential): boolean {
    return this.desired.removableCredentials.has(id) && type === CREDENTIAL_TYPES[this.desired.method];
  }

  /** Whether it expired at least an hour ago, so that Auth0 refuses it whatever the clocks say. A subject DN never expires. */
  isCertainlyExpired({ expiresAt, type }: Credential): boolean {
    const isOver = expiresAt !== undefined && expiresAt + HOUR <= this.observed.now;
    return isOver && type === CREDENTIAL_TYPES[this.desired.method];
  }

  /**
   * Whether it may be removed without further notice. Only a credential made by hand has a notice period: a week from the delivery of its
   * successor. The period is waived if the primary's credential expires first.
   * @param expiresAt when the primary's credential expires. After the delivery that is the new one.
   */
  isNoticeOver(credential: Credential, expiresAt = this.inUse.expiresAt): boolean {
    if (
      !this.owners.isUnmarked(credential) ||
      this.isDeclaredUnused(credential) ||
      this.isCertainlyExpired(credential)
    )
      return true;
    // A revocation removes it whether or not its removal was announced.
    if (this.desired.revoke) return true;
    const until = (supersededAt(this, credential) ?? this.observed.now) + NOTICE_PERIOD;
    return until <= this.observed.now || (expiresAt ?? Number.POSITIVE_INFINITY) <= until;
  }

  /** Whether its run must be over and has delivered it nowhere, so that its key is lost. */
  isAbandoned(credential: Credential): boolean {
    return isPending(this.inUse, this.owners, credential) && !isYoung(credential, this.observed.now);
  }

  isSuperseded(credential: Credential): boolean {
    return isSuperseded(this.inUse, this.owners, credential);
  }

  /** Why it cannot be removed, in words for a person. */
  whyKept(credential: Credential): string {
    const others = this.owners.otherOwnership(credential);
    if (others) return `made for ${others.owner} by run ${others.run}`;
    if (this.desired.keepCredentials.has(credential.id)) return 'in keep-credentials';
    if (credential.type === 'unknown') return 'a record that this version cannot read';
    const { client } = this.observed;
    if (client && client.method !== this.desired.method && client.associated.includes(credential.id))
      return `consumers log in with it by ${client.method}`;
    const held = this.#printHeld(credential);
    if (!this.associated.includes(credential.id))
      return held === undefined ? 'not associated with this method' : `${held}, and not associated`;
    const former = formerHolder(this.inUse, credential);
    if (former?.refused) return `perhaps held by ${former.location}, where this workflow delivered before`;
    if (former) return `held by ${former.location}, where this workflow delivered before`;
    if (held !== undefined) return held;
    if (this.owners.isOurs(credential)) return 'made by this workflow';
    return supersededAt(this, credential) === undefined
      ? 'made by hand, in use until its successor is delivered'
      : 'made by hand, and its successor is delivered';
  }

  #printHeld(credential: Credential): string | undefined {
    const { held, perhapsDisplaced } = this.inUseAtStart;
    const isIn = (candidates: readonly Credential[] = []) =>
      candidates.some(({ id }) => id === credential.id);
    const locations = this.observed.secrets.filter((_, index) => isIn(held[index]));
    const isCertain = held.filter(isIn).every(({ length }) => length === 1);
    if (locations.length > 0)
      return `${isCertain ? 'held' : 'perhaps held'} by ${locations.map(({ location }) => printLocation(location)).join(', ')}`;
    const mayHold = perhapsDisplaced?.id === credential.id || mayBeHeld(this.inUse, credential);
    return mayHold ? 'perhaps held by a destination' : undefined;
  }

  #heldBy({ id }: Credential): string[] {
    return this.observed.secrets
      .filter((_, index) => this.inUseAtStart.held[index]?.[0]?.id === id)
      .map(({ location }) => printLocation(location));
  }

  toPlanned(credential: Credential): PlannedCredential {
    const stays = this.isProtected(credential) || mayStillBeHeld(this, credential);
    const end = stays ? Number.POSITIVE_INFINITY : overlapEndAfter(this, credential);
    // A primary without a secret may get the pair in use first.
    const heldByPrimary = this.inUseAtStart.heldByPrimary ?? this.inUse.heldByPrimary;
    return {
      ...credential,
      stage: stageOf({ ...this.inUseAtStart, heldByPrimary }, this.owners, credential),
      associated: this.owners.isAssociated(credential),
      heldBy: this.#heldBy(credential),
      whyKept: this.whyKept(credential),
      overlapEnd: Number.isFinite(end) ? end : undefined,
    };
  }
}

const UNREAD =
  'The secrets in GitHub were not read, since no github-token was given. This run assumes that every destination holds the newest associated credential.';
