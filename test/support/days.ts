/** A client, its secrets and the days that pass: plans are carried out on a small model, and whoever could log in must go on to. */

import { RotationError } from '../../src/errors.ts';
import { notFound } from '../../src/github/refusals.ts';
import type { SecretStore } from '../../src/github/secret-store.ts';
import { CREDENTIAL_TYPES, type DesiredState, secretLocations } from '../../src/model/desired-state.ts';
import { printNote } from '../../src/model/note.ts';
import type { Credential, ObservedState } from '../../src/model/observed-state.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import type { Plan } from '../../src/model/plan.ts';
import { printLocation, type SecretLocation } from '../../src/model/secret-location.ts';
import { ISSUED, type Step } from '../../src/model/step.ts';
import { observeFormer } from '../../src/observe/former-locations.ts';
import { resolveDefaults } from '../../src/plan/defaults.ts';
import { plan } from '../../src/plan/plan.ts';
import { DAY, type DesiredChanges, desired, MINUTE, NOW } from './states.ts';

export interface Seeded {
  id: string;
  /** Days before the first one. */
  age: number;
  /** The owner of its mark, `repo:acme/shop#PEM`; undefined: made by hand. */
  owner?: string;
  associated?: boolean;
  /** Days from the first one; null: nobody has recorded it. */
  expires?: number | null;
  /** Of its certificate. Default: what the action issues. */
  subject?: string;
}

interface Secret {
  holds: string | undefined;
  createdAt: number;
  updatedAt: number;
}

/** A credential that was made by hand, whose certificate is valid for long. */
export const hand = (id: string, age: number, more: Partial<Seeded> = {}): Seeded => ({
  id,
  age,
  expires: 400,
  subject: 'CN=by hand',
  ...more,
});
/** Written by the run that made it. */
export const by = (id: string, age: number): Holding => [id, age - 0.0002];

/** What a secret holds, and how many days ago it was written. `text` is something that is no pair of this client. */
export type Holding = readonly [holds: string, age: number, made?: number];

export interface Day {
  plan: Plan | undefined;
  reason: string | undefined;
  error: RotationError | undefined;
  /** Notes as the summary prints them, one a line. */
  notes: string;
  /** The error as the log prints it. */
  message: string;
  rotated: boolean;
  /** Ids that are gone. */
  removed: readonly string[];
  /** Places whose consumers could log in before a step, and could not after it. */
  lockedOut: readonly string[];
}

export const OURS = 'repo:acme/shop#PEM';
export const SHOP = 'repo:acme/shop';

type Changes = Omit<DesiredChanges, 'current'> & {
  /** What is passed: what the primary holds, nothing, or the pair of this id (which Auth0 need not know). */
  current?: 'primary' | 'none' | string;
};

/** A credential with our mark. */
export function ours(id: string, age: number, more: Partial<Seeded> = {}): Seeded {
  return { id, age, owner: OURS, ...more };
}

export class Days {
  now = NOW;
  pool: Credential[] = [];
  associated: string[] = [];
  readonly secrets = new Map<string, Secret>();
  /** Places that refuse to be written. */
  readonly archived = new Set<string>();
  /** Places that GitHub does not show to this token. */
  readonly hidden = new Set<string>();
  method: string;
  readonly #kind: DesiredState['method'];
  /** Certificates that exist, wherever Auth0 has them or not. */
  readonly #certificates = new Map<string, { subject: string; from: number; to: number }>();
  #made = 0;

  constructor(
    records: readonly Seeded[],
    secrets: Readonly<Record<string, Holding>> = {},
    kind: DesiredState['method'] = 'self_signed_tls_client_auth',
  ) {
    this.#kind = kind;
    this.method = kind;
    for (const record of records) this.add(record);
    for (const [scope, [holds, age, made = 365]] of Object.entries(secrets))
      this.secrets.set(scope.includes(' ') ? scope : `${scope} PEM`, {
        holds,
        updatedAt: NOW - age * DAY,
        createdAt: NOW - Math.max(age, made) * DAY,
      });
  }

  /** Somebody makes a credential, at any time. */
  add({ id, age, owner, associated = true, expires = 90 - age, subject = 'CN=client' }: Seeded): void {
    const createdAt = this.now - age * DAY;
    this.pool.push({
      id,
      type: CREDENTIAL_TYPES[this.#kind],
      name: owner === undefined ? 'by hand' : writeOwnership({ owner, run: '1.1' }),
      identity: this.#identity(id, subject),
      createdAt,
      expiresAt: expires === null || this.#isSubject ? undefined : this.now + expires * DAY,
    });
    if (associated) this.associated.push(id);
    this.certificate(id, { subject, from: createdAt, to: this.now + (expires ?? 90) * DAY });
  }

  get #isSubject(): boolean {
    return this.#kind === 'tls_client_auth';
  }

  /** Auth0 knows a CA-signed certificate by its subject DN. */
  #identity(id: string, subject: string): string {
    return this.#isSubject ? subject : `identity-${id}`;
  }

  /** A pair that somebody holds, without a credential of this client. */
  certificate(id: string, facts: { subject: string; from?: number; to?: number }): void {
    this.#certificates.set(id, { from: this.now - 10 * DAY, to: this.now + 80 * DAY, ...facts });
  }

  /** By hand. */
  write(scope: string, holds: string): void {
    const name = scope.includes(' ') ? scope : `${scope} PEM`;
    const createdAt = this.secrets.get(name)?.createdAt ?? this.now;
    this.secrets.set(name, { holds, createdAt, updatedAt: this.now });
  }

  /** By hand. */
  takeOut(id: string): void {
    this.associated = this.associated.filter((one) => one !== id);
  }

  /** By hand. */
  delete(id: string): void {
    this.takeOut(id);
    this.pool = this.pool.filter((one) => one.id !== id);
  }

  pass(days: number): this {
    this.now += days * DAY;
    return this;
  }

  works(scope: string): boolean {
    const holds = this.secrets.get(scope.includes(' ') ? scope : `${scope} PEM`)?.holds;
    if (holds === undefined || !this.#isSubject)
      return holds !== undefined && this.associated.includes(holds);
    const { subject } = this.#certificates.get(holds) ?? {};
    return this.pool.some(({ id, identity }) => identity === subject && this.associated.includes(id));
  }

  desired({ current = 'primary', ...changes }: Changes = {}): DesiredState {
    const run = `${1000 + this.#made}.1`;
    const wanted = desired({ given: new Set(), method: this.#kind, run, ...changes });
    const primary = printLocation(secretLocations(wanted)[0] as SecretLocation);
    const id = current === 'primary' ? this.secrets.get(primary)?.holds : current;
    return { ...wanted, currentKey: id === undefined ? undefined : this.#facts(id) };
  }

  #facts(id: string): DesiredState['currentKey'] {
    const certificate = this.#certificates.get(id);
    if (certificate === undefined) return undefined;
    return {
      identity: this.#identity(id, certificate.subject),
      thumbprint: `thumbprint-${id}`,
      subject: certificate.subject,
      keySize: 2048,
      notBefore: new Date(certificate.from),
      notAfter: new Date(certificate.to),
    };
  }

  async observed(wanted: DesiredState): Promise<ObservedState> {
    return {
      client: {
        id: wanted.clientId,
        name: 'shop',
        method: this.method,
        associated: [...this.associated],
        algorithm: 'RS256',
        binding: { required: false, by: 'require_proof_of_possession' },
      },
      pool: this.pool,
      secrets: secretLocations(wanted).map((location) => {
        if (this.hidden.has(printLocation(location)))
          return {
            location,
            times: 'unread',
            githubTime: undefined,
            refused: notFound(location.destination),
          };
        const secret = this.secrets.get(printLocation(location));
        return secret === undefined
          ? { location, times: 'missing', githubTime: undefined }
          : { location, times: { ...secret }, githubTime: secret.updatedAt };
      }),
      former: await observeFormer(wanted, this.pool, this.#store),
      startedAt: this.now,
      now: this.now,
    };
  }

  /** GitHub, as far as former places are looked for. */
  get #store(): SecretStore {
    const times = async (location: SecretLocation) => {
      if (this.hidden.has(printLocation(location))) throw notFound(location.destination);
      const secret = this.secrets.get(printLocation(location));
      return secret === undefined ? 'missing' : { ...secret };
    };
    return {
      times,
      repository: async () => ({ isShown: false, renamedTo: undefined }),
    } as unknown as SecretStore;
  }

  /** One run of the action, carried out; then a day passes. */
  async day(changes: Changes = {}): Promise<Day> {
    const before = this.pool.map(({ id }) => id);
    const started = this.now;
    const wanted = this.desired(changes);
    const ended = await this.#run(wanted);
    this.now = started + DAY;
    const message = ended.error ? `${ended.error.message}` : '';
    return {
      ...ended,
      message,
      reason: ended.plan?.reason,
      notes: (ended.plan?.notes ?? []).map(printNote).join('\n'),
      rotated: ended.plan?.rotates === true && ended.error === undefined,
      removed: before.filter((id) => !this.pool.some((one) => one.id === id)),
    };
  }

  async #run(given: DesiredState): Promise<Pick<Day, 'plan' | 'error' | 'lockedOut'>> {
    const wanted = resolveDefaults(given, await this.observed(given));
    let planned: Plan;
    try {
      planned = await this.#plan(wanted);
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      return { plan: undefined, error, lockedOut: [] };
    }
    const lockedOut: string[] = [];
    const id = `new${this.#made + 1}`;
    for (const step of planned.steps) {
      const before = this.#workingPlaces();
      const refused = this.#perform(step, id, wanted);
      lockedOut.push(...before.filter((place) => !this.#workingPlaces().includes(place)));
      if (refused) return { plan: planned, error: refused, lockedOut };
    }
    return { plan: planned, error: planned.errorAtEnd, lockedOut };
  }

  /** As a run does: what refuses to be written is known before the plan is final. */
  async #plan(wanted: DesiredState): Promise<Plan> {
    const observed = await this.observed(wanted);
    const first = plan(wanted, observed);
    if (first.probes.length === 0) return first;
    const refusedTrials = first.probes
      .map(printLocation)
      .filter((location) => this.archived.has(location))
      .map((location) => ({ location, error: whyUnwritable(location) }));
    return plan(wanted, { ...observed, refusedTrials });
  }

  #workingPlaces(): string[] {
    return [...this.secrets.keys()].filter((scope) => this.works(scope));
  }

  #perform(step: Step, issued: string, wanted: DesiredState): RotationError | undefined {
    this.now += 1_000;
    switch (step.kind) {
      case 'issue-certificate':
        this.#made += 1;
        this.now += 6_000;
        this.certificate(issued, {
          subject: wanted.subject,
          from: this.now,
          to: this.now + wanted.validityDays * DAY,
        });
        return undefined;
      case 'create-credential':
        this.pool.push({
          id: issued,
          type: CREDENTIAL_TYPES[wanted.method],
          name: writeOwnership({ owner: ownerOf(wanted), run: wanted.run }),
          identity: this.#identity(issued, wanted.subject),
          createdAt: this.now,
          expiresAt: this.#isSubject ? undefined : this.now + wanted.validityDays * DAY,
        });
        return undefined;
      case 'associate-credentials':
        this.associated = step.to.map((id) => (id === ISSUED ? issued : id));
        return undefined;
      case 'change-method':
        this.method = step.to;
        this.associated = step.credentials.map((id) => (id === ISSUED ? issued : id));
        return undefined;
      case 'delete-credential':
        this.delete(step.id);
        return undefined;
      case 'store-secret':
        return this.#deliver(step, issued, wanted);
      default:
        return undefined;
    }
  }

  /** GitHub's times are whole seconds. */
  #deliver(
    { location, source }: Extract<Step, { kind: 'store-secret' }>,
    issued: string,
    wanted: DesiredState,
  ): RotationError | undefined {
    const name = printLocation(location);
    if (this.archived.has(name)) return whyUnwritable(name);
    const holds = source === 'issued' ? issued : wanted.currentKey?.thumbprint?.replace('thumbprint-', '');
    const at = Math.floor(this.now / 1_000) * 1_000;
    this.secrets.set(name, { holds, createdAt: this.secrets.get(name)?.createdAt ?? at, updatedAt: at });
    return undefined;
  }
}

/** How many minutes a day has: ages of states.ts are in minutes. */
export const DAYS = DAY / MINUTE;

function whyUnwritable(location: string): RotationError {
  return new RotationError('DELIVERY_INCOMPLETE', {
    failed: `${location} refuses to be written.`,
    remedy: 'Take it out of destinations.',
    stateNow: 'It holds what it held.',
  });
}
