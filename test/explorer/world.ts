/** One world in memory: the tenant, its token endpoint and GitHub, under one virtual time. */

import { factsOf } from '../../src/credential.ts';
import { type Place, printDestination, printPlace } from '../../src/github/destination.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs.ts';
import { ownerOf, writeMark } from '../../src/rotation/mark.ts';
import { placesOf, type Wish } from '../../src/rotation/wish.ts';
import { seededRandom } from '../sandbox/emulator.ts';
import type { GitHub } from '../sandbox/github.ts';
import { Tenant } from '../sandbox/tenant.ts';
import { BASE, type Held, type Material, type Materials, parseOnce, readHeld, SUBJECT } from './materials.ts';
import { DESTINATIONS, type Scenario, type SeededCredential } from './scenarios.ts';
import { lowerCase, newGitHub, pairOf, publicKeyOf, valueFor } from './services.ts';

/** The two services' clocks against the runner's: evidence by time must bear it. */
const SKEW = { auth0: 2_300, github: -1_400 };
const DOMAIN = 'tenant.test';
const MTLS = 'mtls.tenant.test';
const SCOPES = [
  'read:clients',
  'update:clients',
  ...['read', 'create', 'update', 'delete'].map((verb) => `${verb}:client_credentials`),
];
const TOKEN = 'management-token';
/** What one place holds, and whether a job that reads it now can log in. */
export interface Holding extends Held {
  place: string;
  part: Place['part'];
  works: boolean;
  updatedAt: string;
  value: string;
}

export interface Truth {
  /** Thumbprints, by credential id. */
  pool: ReadonlyMap<string, string>;
  associated: readonly string[];
  held: readonly Holding[];
  /** The client, without what a rotation may change. */
  rest: string;
}

export class World {
  readonly scenario: Scenario;
  readonly materials: Materials;
  readonly tenant: Tenant;
  readonly github: GitHub;
  readonly clientId: string;
  readonly wish: Wish;
  readonly places: readonly Place[];
  /** Ids of what no run may touch. */
  readonly foreign = new Set<string>();
  /** Thumbprints that have logged in over mTLS, or were in use when the world began. */
  readonly proven = new Set<string>();
  readonly labels = new Map<string, string>();
  time = BASE;
  #issued = 0;

  constructor(scenario: Scenario, materials: Materials) {
    this.scenario = scenario;
    this.materials = materials;
    this.tenant = new Tenant({
      now: () => this.time + SKEW.auth0,
      random: seededRandom(7),
      domain: DOMAIN,
      poolCap: scenario.poolCap,
      authorize: (token) => (token === TOKEN ? { clientId: 'manager', scopes: SCOPES } : undefined),
      parseCertificate: parseOnce,
    });
    this.github = newGitHub(() => this.time + SKEW.github);
    this.clientId = this.#createClient().client_id;
    this.wish = this.#wishOf(scenario);
    this.places = placesOf(this.wish);
    for (const credential of scenario.start.credentials) this.#seed(credential);
    this.#seedSecrets();
  }

  #createClient() {
    return this.tenant.createClient({
      name: 'explored',
      app_type: 'non_interactive',
      client_metadata: { team: 'orders' },
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
      grants: {},
    });
  }

  #wishOf({ start, force, overlap, parts }: Scenario): Wish {
    const [primary, ...others] = DESTINATIONS;
    return {
      operation: 'rotate',
      clientId: this.clientId,
      clientName: undefined,
      method: 'self_signed_tls_client_auth',
      subject: SUBJECT,
      keySize: 2048,
      validityDays: 90,
      renewBeforeDays: 30,
      force,
      overlap,
      secretName: 'AUTH0_MTLS_PEM',
      privateKeySecretName: parts ? 'AUTH0_KEY' : undefined,
      certificateSecretName: parts ? 'AUTH0_CERTIFICATE' : undefined,
      destinations: [primary, ...others.slice(0, start.holds.length - 1)],
      current: undefined,
      verify: 'auto',
      verifyAudience: undefined,
      tokenBinding: 'unchanged',
      revertTo: 'client_secret_post',
      keepCredentials: new Set(),
      run: '0.1',
    };
  }

  #seed({ label, mark, associated, age, requestObject, after }: SeededCredential): void {
    const { pair, thumbprint } = this.#seedMaterial(label);
    const replaced = [...this.labels].find(([, one]) => one === after)?.[0];
    const owner = mark === 'other' ? 'repo:acme/other#AUTH0_MTLS_PEM' : ownerOf(this.wish);
    const id = this.tenant.seedCredential(this.clientId, {
      pem: requestObject ? publicKeyOf(pair.certificate) : pair.certificate,
      credential_type: requestObject ? 'public_key' : 'x509_cert',
      associate: associated,
      created_at: new Date(this.time + SKEW.auth0 - age).toISOString(),
      ...(mark === 'none' ? {} : { name: writeMark({ owner, run: '900.1', after: replaced }) }),
    });
    this.labels.set(id, label);
    this.proven.add(thumbprint);
    if (mark === 'other' || (mark === 'none' && !associated)) this.foreign.add(id);
    if (requestObject) this.#admin({ signed_request_object: { required: false, credentials: [{ id }] } });
  }

  #seedMaterial(label: string): Material {
    const found = this.materials.seeds.get(label);
    if (!found) throw new Error(`no certificate ${label}`);
    return found;
  }

  #admin(change: object): void {
    const answer = this.tenant.handle({
      method: 'PATCH',
      path: `/api/v2/clients/${this.clientId}`,
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(change),
    });
    if (answer.status !== 200) throw new Error(`the world could not be seeded: ${answer.body}`);
  }

  /** Somebody makes a credential of their own and associates it, where there is a place. @returns its id */
  associateByHand(): string | undefined {
    const { associated, pool } = this.truth();
    if (associated.length >= 2 || pool.size >= this.scenario.poolCap) return undefined;
    const { pair, label } = this.#seedMaterial('H2');
    const id = this.tenant.seedCredential(this.clientId, {
      pem: pair.certificate,
      credential_type: 'x509_cert',
      associate: true,
    });
    this.labels.set(id, label);
    return id;
  }

  #seedSecrets(): void {
    const { holds, credentials } = this.scenario.start;
    for (const place of this.places) {
      const label = holds[this.wish.destinations.indexOf(place.destination)];
      if (label === undefined) continue;
      const { pair } = this.#seedMaterial(label);
      const age = credentials.find((one) => one.label === label)?.age ?? 0;
      const at = this.time + SKEW.github - age + 20_000;
      const scope = printDestination(place.destination);
      this.github.seedSecret(scope, place.secretName, valueFor(place, pair), {
        updatedAt: at,
        createdAt: at,
      });
    }
  }

  /** The next unused key of the world. */
  issueNext(): Material {
    const next = this.materials.fresh[this.#issued];
    if (!next) throw new Error('the world has issued every certificate it has');
    this.#issued += 1;
    return next;
  }

  /** As the workflow gives them: `current-credential` is what the primary holds when the run begins. */
  inputs(run: string, asked: Partial<Pick<Wish, 'force' | 'overlap'>> = {}): Inputs {
    const held = this.scenario.current ? this.#primaryValue() : undefined;
    const currentPair = held === undefined ? undefined : pairOf(held);
    return {
      planOnly: false,
      domain: DOMAIN,
      mtlsDomain: undefined,
      audience: `https://${DOMAIN}/api/v2/`,
      login: { kind: 'token', token: TOKEN },
      githubToken: 'github-token',
      githubApiUrl: 'https://api.github.com',
      currentPair,
      issuer: { kind: 'itself' },
      wish: { ...this.wish, ...asked, current: currentPair && factsOf(this.wish.method, currentPair), run },
    };
  }

  #primaryValue(): string | undefined {
    const [primary] = this.places;
    return primary && this.github.secret(printDestination(primary.destination), primary.secretName)?.value;
  }

  /** One request, one atomic change. */
  handle(request: HttpRequest): HttpResponse {
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    if (url.host === MTLS) return this.#token(request);
    const { method, headers, body = '' } = request;
    if (url.host === DOMAIN && path.startsWith('/api/v2/')) {
      return this.tenant.handle({ method, path, headers, body });
    }
    if (url.host === DOMAIN) return this.#discovery();
    return this.github.handle({ method, path, headers: lowerCase(headers), body });
  }

  #discovery(): HttpResponse {
    return this.#auth0(200, { mtls_endpoint_aliases: { token_endpoint: `https://${MTLS}/oauth/token` } });
  }

  #token({ body, clientCertificate }: HttpRequest): HttpResponse {
    const clientId = new URLSearchParams(body).get('client_id') ?? '';
    const known = this.tenant.authenticationOf(clientId)?.certificates ?? [];
    const thumbprint = clientCertificate && parseOnce(clientCertificate.certificate).thumbprint;
    if (!thumbprint || !known.some((pem) => parseOnce(pem).thumbprint === thumbprint)) {
      return this.#auth0(401, { error: 'access_denied', error_description: 'Unauthorized' });
    }
    this.proven.add(thumbprint);
    const payload = Buffer.from(JSON.stringify({ cnf: { 'x5t#S256': thumbprint } })).toString('base64url');
    return this.#auth0(200, { access_token: `e30.${payload}.e30`, token_type: 'Bearer' });
  }

  #auth0(status: number, body: object): HttpResponse {
    const date = new Date(this.time + SKEW.auth0).toUTCString();
    return { status, headers: { date }, body: JSON.stringify(body) };
  }

  /** What is really there; no run can see all of it. */
  truth(): Truth {
    const { client, credentials } = this.tenant.reveal(this.clientId);
    const { client_authentication_methods: methods, ...rest } = client;
    const associated = (methods?.self_signed_tls_client_auth?.credentials ?? []).map(({ id }) => id);
    const pool = new Map(credentials.map((one) => [one.id, one.thumbprint_sha256 ?? one.kid ?? '']));
    const working = new Set(associated.map((id) => pool.get(id)));
    const foreign = credentials.filter(({ id }) => this.foreign.has(id));
    const kept = associated.filter((id) => this.foreign.has(id));
    const otherMethods = Object.keys(methods ?? {}).filter((name) => name !== 'self_signed_tls_client_auth');
    return {
      pool,
      associated,
      held: this.places.flatMap((place) => this.#holding(place, working)),
      rest: JSON.stringify([rest, foreign, kept.sort(), otherMethods]),
    };
  }

  #holding(place: Place, working: ReadonlySet<string | undefined>): Holding[] {
    const secret = this.github.secret(printDestination(place.destination), place.secretName);
    if (secret === undefined) return [];
    const held = readHeld(secret.value, this.materials.all);
    const { part } = place;
    const { updatedAt, value } = secret;
    return [
      { ...held, place: printPlace(place), part, works: working.has(held.thumbprint), updatedAt, value },
    ];
  }

  created(id: string): number {
    const found = this.tenant.reveal(this.clientId).credentials.find((one) => one.id === id);
    return found ? Date.parse(found.created_at) : 0;
  }

  /** A credential's name in traces. */
  labelOf(thumbprint: string | undefined): string {
    return this.materials.all.find((one) => one.thumbprint === thumbprint)?.label ?? 'unknown';
  }
}
