/** One world in memory: the tenant, its token endpoint and GitHub, under one virtual time. */

import { kidOf, type Pair } from '../../src/certificate/inspect.ts';
import { factsOf } from '../../src/credential.ts';
import { type Place, printDestination, printPlace } from '../../src/github/destination.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs.ts';
import { ownerOf, writeMark } from '../../src/rotation/mark.ts';
import { placesOf, type Wish } from '../../src/rotation/wish.ts';
import { seededRandom } from '../sandbox/emulator.ts';
import type { GitHub } from '../sandbox/github.ts';
import { type CredentialSeed, Tenant } from '../sandbox/tenant.ts';
import { BASE, type Material, type Materials, parseOnce, SUBJECT } from './materials.ts';
import {
  authenticate,
  type Held,
  identityOf,
  pairOf,
  readHeld,
  recordIdentity,
  registrationOf,
  valueFor,
} from './method.ts';
import { DESTINATIONS, type Scenario, type SeededCredential } from './scenarios.ts';
import { lowerCase, newGitHub, publicKeyOf, readPair } from './services.ts';

/** The two services' clocks against the runner's: evidence by time must bear it. */
const SKEW = { auth0: 2_300, github: -1_400 };
const DOMAIN = 'tenant.test';
const MTLS = 'mtls.tenant.test';
const SCOPES = [
  'read:clients',
  'update:clients',
  'create:clients',
  'delete:clients',
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
  /** What each credential is recognised by, by its id. */
  pool: ReadonlyMap<string, string>;
  associated: readonly string[];
  held: readonly Holding[];
  /** What the client authenticates by; undefined: there is no client. */
  method: string | undefined;
  /** The client, without what a rotation may change. */
  rest: string;
}

export class World {
  readonly scenario: Scenario;
  readonly materials: Materials;
  readonly tenant: Tenant;
  readonly github: GitHub;
  /** Empty: it does not exist yet, or no more. */
  clientId: string;
  /** How many clients were made and are still there. */
  clients = 0;
  readonly wish: Wish;
  readonly places: readonly Place[];
  /** Ids of what no run may touch. */
  readonly foreign = new Set<string>();
  /** Certificates and keys that have logged in, or were in use when the world began. */
  readonly proven = new Set<string>();
  /** Whose certificates no CA has signed. */
  readonly strangers = new Set<Material>();
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
    this.clientId = scenario.start.uses === 'nothing' ? '' : this.#createClient().client_id;
    this.wish = this.#wishOf(scenario);
    this.places = placesOf(this.wish);
    for (const credential of scenario.start.credentials) this.#seed(credential);
    this.#seedSecrets();
  }

  #createClient() {
    const { method, start } = this.scenario;
    const uses = start.uses ?? method;
    const how =
      uses === 'client_secret_post'
        ? { token_endpoint_auth_method: uses }
        : { client_authentication_methods: { [uses]: { credentials: [] } } };
    return this.tenant.createClient({
      name: 'explored',
      app_type: 'non_interactive',
      client_metadata: { team: 'orders' },
      ...how,
      grants: {},
    });
  }

  #wishOf(scenario: Scenario): Wish {
    const { start, force, method, operation, overlap, parts, renews, revoke } = scenario;
    const [primary, ...others] = DESTINATIONS;
    const same = start.holds.find((label) => label !== undefined) ?? start.credentials[0]?.label;
    const subject = renews && same ? `CN=${same}` : 'CN=next';
    return {
      operation,
      clientId: this.clientId,
      clientName: operation === 'create' ? 'created' : undefined,
      method,
      subject: method === 'tls_client_auth' ? subject : SUBJECT,
      keySize: 2048,
      brought: undefined,
      isManager: false,
      validityDays: 90,
      renewBeforeDays: 30,
      force,
      revoke,
      overlap,
      quietWindow: undefined,
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
    const { method } = this.scenario;
    const pair = pairOf(method, this.#seedMaterial(label));
    const replaced = [...this.labels].find(([, one]) => one === after)?.[0];
    const owner = mark === 'other' ? 'repo:acme/other#AUTH0_MTLS_PEM' : ownerOf(this.wish);
    const seed: CredentialSeed = {
      ...(requestObject
        ? { pem: publicKeyOf(pair.certificate ?? ''), credential_type: 'public_key' as const }
        : registrationOf(method, pair)),
      associate: associated,
      created_at: new Date(this.time + SKEW.auth0 - age).toISOString(),
      ...(mark === 'none' ? {} : { name: writeMark({ owner, run: '900.1', after: replaced }) }),
    };
    const id = this.tenant.seedCredential(this.clientId, seed);
    this.labels.set(id, label);
    this.proven.add(this.#proofOf(pair));
    if (mark === 'other' || (mark === 'none' && !associated)) this.foreign.add(id);
    if (requestObject) this.#admin({ signed_request_object: { required: false, credentials: [{ id }] } });
  }

  #proofOf({ certificate, privateKey }: Pair): string {
    return certificate === undefined ? kidOf(privateKey) : parseOnce(certificate).thumbprint;
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
    if (this.truth().method !== this.scenario.method) return undefined;
    const registration = registrationOf(
      this.scenario.method,
      pairOf(this.scenario.method, this.#seedMaterial('H2')),
    );
    const id = this.tenant.seedCredential(this.clientId, { ...registration, associate: true });
    this.labels.set(id, 'H2');
    return id;
  }

  #seedSecrets(): void {
    const { holds, credentials } = this.scenario.start;
    for (const place of this.places) {
      const label = holds[this.wish.destinations.indexOf(place.destination)];
      if (label === undefined) continue;
      const pair = pairOf(this.scenario.method, this.#seedMaterial(label));
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
  inputs(run: string, asked: Partial<Pick<Wish, 'force' | 'overlap' | 'operation' | 'revoke'>> = {}): Inputs {
    const held = this.scenario.current ? this.#primaryValue() : undefined;
    const currentPair = held === undefined ? undefined : readPair(this.scenario.method, held);
    return {
      planOnly: false,
      watch: undefined,
      domain: DOMAIN,
      mtlsDomain: undefined,
      audience: `https://${DOMAIN}/api/v2/`,
      login: { kind: 'token', token: TOKEN },
      githubToken: 'github-token',
      githubApiUrl: 'https://api.github.com',
      currentPair,
      issuer: { kind: 'itself' },
      wish: {
        ...this.wish,
        clientId: this.wish.clientName ? '' : this.clientId,
        ...asked,
        current: currentPair && factsOf(this.wish.method, currentPair),
        run,
      },
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
      const answer = this.tenant.handle({ method, path, headers, body });
      this.#follow(method, path, answer);
      return answer;
    }
    if (url.host === DOMAIN && path === '/oauth/token') return this.#token(request);
    if (url.host === DOMAIN) return this.#discovery();
    return this.github.handle({ method, path, headers: lowerCase(headers), body });
  }

  #discovery(): HttpResponse {
    return this.#auth0(200, { mtls_endpoint_aliases: { token_endpoint: `https://${MTLS}/oauth/token` } });
  }

  /** A client that comes, and goes. */
  #follow(method: string, path: string, { body, status }: HttpResponse): void {
    if (method === 'POST' && path === '/api/v2/clients' && status === 201) {
      this.clientId = (JSON.parse(body) as { client_id: string }).client_id;
      this.clients += 1;
    }
    if (method === 'DELETE' && /^\/api\/v2\/clients\/[^/]+$/.test(path) && status === 204) {
      this.clients -= 1;
      if (path.endsWith(this.clientId)) this.clientId = '';
    }
  }

  #token(request: HttpRequest): HttpResponse {
    const login = authenticate(this.tenant, request);
    if (!login || this.#isStranger(login.proof))
      return this.#auth0(401, { error: 'access_denied', error_description: 'Unauthorized' });
    this.proven.add(login.proof);
    const claims = login.bound ? { cnf: { 'x5t#S256': login.bound } } : {};
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return this.#auth0(200, { access_token: `e30.${payload}.e30`, token_type: 'Bearer' });
  }

  #isStranger(proof: string): boolean {
    const pairs = [...this.strangers].flatMap(({ certified }) => [...certified.values()]);
    return pairs.some(({ certificate }) => parseOnce(certificate).thumbprint === proof);
  }

  #auth0(status: number, body: object): HttpResponse {
    const date = new Date(this.time + SKEW.auth0).toUTCString();
    return { status, headers: { date }, body: JSON.stringify(body) };
  }

  /** What is really there; no run can see all of it. */
  truth(): Truth {
    if (this.clientId === '') return { ...NOBODY, held: this.#heldBy(new Set()) };
    const { client, credentials } = this.tenant.reveal(this.clientId);
    const { client_authentication_methods: methods, token_endpoint_auth_method: secret, ...rest } = client;
    const [used] = Object.entries(methods ?? {});
    const { method } = this.scenario;
    const associated = used?.[0] === method ? (used[1]?.credentials ?? []).map(({ id }) => id) : [];
    const pool = new Map(credentials.map((one) => [one.id, recordIdentity(one)]));
    const working = new Set(associated.map((id) => pool.get(id)));
    const foreign = credentials.filter(({ id }) => this.foreign.has(id));
    const kept = associated.filter((id) => this.foreign.has(id));
    return {
      pool,
      associated,
      held: this.#heldBy(working),
      method: used?.[0] ?? secret,
      rest: JSON.stringify([rest, foreign, kept.sort()]),
    };
  }

  #heldBy(working: ReadonlySet<string | undefined>): Holding[] {
    return this.places.flatMap((place) => this.#holding(place, working));
  }

  #holding(place: Place, working: ReadonlySet<string | undefined>): Holding[] {
    const secret = this.github.secret(printDestination(place.destination), place.secretName);
    if (secret === undefined) return [];
    const held = readHeld(this.scenario.method, secret.value, this.materials.all);
    const { part } = place;
    const { updatedAt, value } = secret;
    return [
      {
        ...held,
        place: printPlace(place),
        part,
        works: held.identity !== undefined && working.has(held.identity),
        updatedAt,
        value,
      },
    ];
  }

  /** A credential's name in traces. */
  labelOf(identity: string | undefined): string {
    const { method } = this.scenario;
    if (method === 'tls_client_auth') return identity?.replace('CN=', '') ?? 'unknown';
    const isIt = (one: Material) => {
      const { certificate, privateKey } = pairOf(method, one);
      return (certificate === undefined ? kidOf(privateKey) : identityOf(method, certificate)) === identity;
    };
    return this.materials.all.find(isIt)?.label ?? 'unknown';
  }
}

const NOBODY: Truth = { pool: new Map(), associated: [], held: [], method: undefined, rest: '' };
