/** What a rotation needs and can be had early: the key, the public keys, the endpoint of the proof. Starts once, serves many. */

import type { KeyObject } from 'node:crypto';
import { RotationError } from './errors.ts';
import type { SecretStore } from './github/secret-store.ts';
import type { RecordedTimes } from './observe.ts';
import type { Clock } from './retry.ts';
import { DAY, placesOf, type Wish } from './rotation/wish.ts';

export interface Sources {
  generateKey: (bits: number) => Promise<KeyObject>;
  /** Asks once, however often it is called. */
  discover: () => Promise<string | undefined>;
  store: SecretStore | undefined;
}

export class Preparation {
  readonly #wish: Wish;
  readonly #sources: Sources;
  #key: Promise<KeyObject> | undefined;

  constructor(wish: Wish, sources: Sources) {
    this.#wish = wish;
    this.#sources = sources;
  }

  /** Begins everything now; what fails is told to whoever asks for it later. */
  begin(): void {
    const key = this.#wish.keySize === undefined ? [] : [this.key()];
    const everything = [...key, this.endpoint(), ...this.#publicKeys()];
    for (const one of everything) one.catch(() => undefined);
  }

  key(): Promise<KeyObject> {
    this.#key ??= this.#sources.generateKey(this.#wish.keySize ?? 2048);
    return this.#key;
  }

  /** Where to prove: undefined with `verify: off`, or where the tenant names no endpoint that asks for a certificate. */
  endpoint(): Promise<string | undefined> {
    return this.#wish.verify === 'off' ? Promise.resolve(undefined) : this.#sources.discover();
  }

  /** Everything that can refuse a rotation before its first effect. @throws RotationError */
  async check(): Promise<void> {
    this.begin();
    const [endpoint] = await Promise.all([this.endpoint(), ...this.#publicKeys()]);
    if (endpoint === undefined && this.#wish.verify === 'required') throw endpointMissing();
  }

  #publicKeys(): Promise<unknown>[] {
    const destinations = new Set(placesOf(this.#wish).map(({ destination }) => destination));
    return [...destinations].map(async (destination) => this.#sources.store?.publicKey(destination));
  }
}

/**
 * A guess that costs a key at worst: is it worth preparing while Auth0 is still being asked? `current-credential` tells the
 * certificate's end; without, the secret's time lets it be guessed.
 */
export function looksDue(wish: Wish, times: readonly RecordedTimes[], clock: Clock): boolean {
  const [primary] = times;
  if (primary === undefined || primary === 'unread') return false;
  if (primary === 'missing') return true;
  const ends = wish.current?.notAfter?.getTime() ?? primary.updatedAt + wish.validityDays * DAY;
  return ends - wish.renewBeforeDays * DAY <= clock.now();
}

function endpointMissing(): RotationError {
  return new RotationError('MTLS_ENDPOINT_NOT_FOUND', {
    failed:
      'A proof is required (verify, or a rehearsal), but discovery names no token endpoint that asks for a client certificate.',
    remedy:
      'Set mtls-domain to the custom domain whose edge terminates mTLS, or enable mTLS endpoint aliases of the tenant.',
  });
}
