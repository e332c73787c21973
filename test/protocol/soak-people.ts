/** What people do to the client of a soak, between the runs and in the middle of them. None of it takes out what the secret holds. */

import { X509Certificate } from 'node:crypto';
import { thumbprintOf } from '../emulators/authorization-server.ts';
import type { Random } from '../emulators/emulator.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';

export interface Place {
  scope: string;
  secret: string;
}

/** @returns undefined if there was nothing to do */
type Act = (people: People) => string | undefined;

export class People {
  readonly world: Sandbox;
  readonly place: Place;
  /** What each act did, and how often. */
  readonly acts: Record<string, number> = {};
  readonly #random: Random;
  /** Ids of the credentials before the run: nobody deletes what a run at work has just made. */
  #known: ReadonlySet<string> = new Set();
  /** What the secret has held, oldest first. */
  readonly #held: string[] = [];

  constructor(world: Sandbox, place: Place, random: Random) {
    this.world = world;
    this.place = place;
    this.#random = random;
  }

  get secret(): string {
    return this.world.github.secret(this.place.scope, this.place.secret)?.value ?? '';
  }

  /** While no run is at work. */
  betweenRuns(): void {
    this.#act([saveAgain, addCredential, deleteUnheld, putBack, putBack]);
  }

  /** @param at called before each request of the run: acts before one of the first thirty */
  duringRun(): () => void {
    let left = Math.floor(this.#random() * 30);
    return () => {
      left -= 1;
      if (left === 0) this.#act([saveAgain, addCredential, deleteUnheld]);
    };
  }

  #act(some: readonly Act[]): void {
    const done = some[Math.floor(this.#random() * some.length)]?.(this);
    if (done !== undefined) this.acts[done] = (this.acts[done] ?? 0) + 1;
  }

  /** A pair that the secret held before, and that can still log in. */
  get former(): string | undefined {
    const { associated } = this.credentials;
    const works = (pem: string) => associated.some((one) => one.thumbprint_sha256 === thumbprint(pem));
    return this.#held.findLast((pem) => pem !== this.secret && works(pem));
  }

  get credentials() {
    const { client, credentials } = this.world.tenant.reveal(this.world.clientId);
    const ids = client.client_authentication_methods?.self_signed_tls_client_auth?.credentials ?? [];
    const isAssociated = ({ id }: { id: string }) => ids.some((one) => one.id === id);
    const known = credentials.filter(({ id }) => this.#known.has(id));
    return {
      all: credentials,
      known,
      associated: credentials.filter(isAssociated),
      ids: ids.map(({ id }) => id),
    };
  }

  /** Before each run: people work with rights of their own. */
  async prepare(): Promise<void> {
    if (this.#held.at(-1) !== this.secret) this.#held.push(this.secret);
    this.#known = new Set(this.credentials.all.map(({ id }) => id));
    this.#token = await this.world.managementToken();
  }

  #token = '';

  manage(method: string, path: string, body?: unknown): void {
    const { status, body: said } = this.world.tenant.handle({
      method,
      path: `/api/v2/clients/${this.world.clientId}${path}`,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: body === undefined ? '' : JSON.stringify(body),
    });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${said}`);
  }
}

function thumbprint(pem: string): string {
  return thumbprintOf(new X509Certificate(pem));
}

const saveAgain: Act = ({ place, secret, world }) => {
  world.github.seedSecret(place.scope, place.secret, secret);
  return 'saved the secret again';
};

const putBack: Act = ({ former, place, world }) => {
  if (former === undefined) return undefined;
  world.github.seedSecret(place.scope, place.secret, former);
  return 'put the previous pair back';
};

/** Takes a place of the pool until somebody deletes it. */
const addCredential: Act = ({ credentials, world }) => {
  if (credentials.all.length > 1) return undefined;
  const { cert: pem } = selfSignedCertificate('by hand');
  world.tenant.seedCredential(world.clientId, { credential_type: 'x509_cert', pem, associate: false });
  return 'added a credential that nobody uses';
};

const deleteUnheld: Act = (people) => {
  const held = thumbprint(people.secret);
  const { ids, known } = people.credentials;
  const unheld = known.find((one) => one.thumbprint_sha256 !== held);
  if (unheld === undefined) return undefined;
  if (ids.includes(unheld.id)) {
    const credentials = ids.filter((id) => id !== unheld.id).map((id) => ({ id }));
    people.manage('PATCH', '', {
      client_authentication_methods: { self_signed_tls_client_auth: { credentials } },
    });
  }
  people.manage('DELETE', `/credentials/${unheld.id}`);
  return 'deleted a credential that the secret does not hold';
};
