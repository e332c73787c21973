/** What a rotation needs and can be had early: the pair, the public keys, the endpoint of the proof. Starts once, serves many. */

import type { KeyObject } from 'node:crypto';
import { factsOf } from '../certificate/credential.ts';
import type { Pair } from '../certificate/inspect.ts';
import { RotationError } from '../errors.ts';
import type { SecretStore } from '../github/secret-store.ts';
import type { Clock } from '../http/retry.ts';
import type { ServerClock } from '../http/server-clock.ts';
import { DAY, type DesiredState, type KeyFacts, secretLocations } from '../model/desired-state.ts';
import type { RecordedTimes } from '../observe/observe.ts';

/** Of the event loop, until a request is on the wire: undici may write it one later. */
const TURNS = 3;

export interface Sources {
  generateKey: (bits: number) => Promise<KeyObject>;
  /** Makes the new pair, or takes the one that was brought. `key` is asked for where one is needed. */
  issue: (desired: DesiredState, now: number, key: () => Promise<KeyObject>) => Promise<Pair>;
  /** By whose clock the certificate is valid. */
  tenant: { login(): Promise<void>; now(): number; clock: ServerClock };
  /** Registers a value that must never be shown. */
  mask: (secret: string) => void;
  /** Asks once, however often it is called. */
  discover: () => Promise<string | undefined>;
  store: SecretStore | undefined;
}

/** The new pair. */
export interface Issued {
  pair: Pair;
  facts: KeyFacts;
}

export class Preparation {
  readonly #desired: DesiredState;
  readonly #sources: Sources;
  #key: Promise<KeyObject> | undefined;
  #issued: Promise<Issued> | undefined;

  constructor(desired: DesiredState, sources: Sources) {
    this.#desired = desired;
    this.#sources = sources;
  }

  /** Asks for everything now; what fails is told to whoever needs it later. */
  begin(): void {
    const key = this.#desired.keySize === undefined ? [] : [this.#makeKey()];
    for (const one of [...key, this.endpoint(), ...this.#publicKeys()]) one.catch(() => undefined);
  }

  /** Issues the pair while the client is being read. What fails is told to whoever needs it later. */
  issueEarly(): void {
    this.#early().catch(() => undefined);
  }

  /** @throws RotationError CERTIFICATE_TOO_LARGE */
  issued(): Promise<Issued> {
    this.#issued ??= this.#issue();
    return this.#issued;
  }

  async #early(): Promise<void> {
    const { tenant } = this.#sources;
    await Promise.all([this.#desired.keySize !== undefined && this.#makeKey(), tenant.login()]);
    // To build a certificate takes some milliseconds of computing: what waited for the login is sent first.
    for (let turn = 0; turn < TURNS; turn += 1) await new Promise(setImmediate);
    // A login that needs no request tells nothing of Auth0's clock: then the plan asks for the pair.
    if (tenant.clock.known) await this.issued();
  }

  async #issue(): Promise<Issued> {
    const { issue, mask, tenant } = this.#sources;
    const now = tenant.now();
    const pair = await issue(this.#desired, now, () => this.#makeKey());
    mask(pair.privateKey);
    const { method, validityDays } = this.#desired;
    return { pair, facts: factsOf(method, pair, now + validityDays * DAY) };
  }

  #makeKey(): Promise<KeyObject> {
    this.#key ??= this.#sources.generateKey(this.#desired.keySize ?? 2048);
    return this.#key;
  }

  /** Where to prove: undefined with `verify: off`, or where the tenant names no endpoint that asks for a certificate. */
  endpoint(): Promise<string | undefined> {
    return this.#desired.verify === 'off' ? Promise.resolve(undefined) : this.#sources.discover();
  }

  /** Everything that can refuse a rotation before its first effect. @throws RotationError */
  async check(): Promise<void> {
    this.begin();
    const [endpoint] = await Promise.all([this.endpoint(), ...this.#publicKeys()]);
    if (endpoint === undefined && this.#desired.verify === 'required') throw endpointMissing();
  }

  #publicKeys(): Promise<unknown>[] {
    const destinations = new Set(secretLocations(this.#desired).map(({ destination }) => destination));
    return [...destinations].map(async (destination) => this.#sources.store?.publicKey(destination));
  }
}

/**
 * A guess that costs a key at worst: is it worth preparing while Auth0 is still being asked? `current-credential` tells the
 * certificate's end; without, the secret's time lets it be guessed.
 */
export function looksDue(desired: DesiredState, times: readonly RecordedTimes[], clock: Clock): boolean {
  const [primary] = times;
  if (primary === undefined || primary === 'unread') return false;
  if (primary === 'missing') return true;
  const ends = desired.current?.notAfter?.getTime() ?? primary.updatedAt + desired.validityDays * DAY;
  return ends - desired.renewBeforeDays * DAY <= clock.now();
}

function endpointMissing(): RotationError {
  return new RotationError('MTLS_ENDPOINT_NOT_FOUND', {
    failed:
      'A proof is required (verify, or a rehearsal), but discovery names no token endpoint that asks for a client certificate.',
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or enable mTLS endpoint aliases of the tenant.',
  });
}
