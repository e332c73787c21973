/** One world in memory: the tenant, its token endpoint and GitHub, under one virtual time. */

import { kidOf } from '../../src/certificate/inspect.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/wire.ts';
import type { Inputs } from '../../src/inputs/inputs.ts';
import { type DesiredState, secretLocations } from '../../src/model/desired-state.ts';
import type { Pair } from '../../src/model/key-pair.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import { printDestination, type SecretLocation } from '../../src/model/secret-location.ts';
import { seededRandom } from '../emulators/emulator.ts';
import type { GitHub } from '../emulators/github.ts';
import { type CredentialSeed, Tenant } from '../emulators/tenant.ts';
import type { ClientRecord, PooledCredential } from '../emulators/tenant-model.ts';
import type { Asking } from './actor.ts';
import { asOf, type Lag } from './lag.ts';
import { BASE, type Material, type Materials, parseOnce } from './materials.ts';
import { authenticate, identityOf, pairOf, registrationOf, valueFor } from './method.ts';
import type { Scenario } from './scenarios.ts';
import { lowerCase, newGitHub, publicKeyOf, readFacts, readPair } from './services.ts';
import type { SeededCredential } from './starts.ts';
import { readTruth, type Truth } from './truth.ts';
import { DOMAIN, desiredOf, MANAGEMENT_AUDIENCE, MTLS } from './wishes.ts';

/** The two services' clocks against the runner's: evidence by time must bear it. */
const SKEW = { auth0: 2_300, github: -1_400 };
const SCOPES = [
  'read:clients',
  'update:clients',
  'create:clients',
  'delete:clients',
  ...['read', 'create', 'update', 'delete'].map((verb) => `${verb}:client_credentials`),
];
const TOKEN = 'management-token';
/** What a bound client shows, by what its tenant knows. */
const BOUND = {
  current: { require_proof_of_possession: true },
  'binds nothing': { require_proof_of_possession: true },
  'older binding': { access_token: { tls_client_certificate_binding: true } },
};

export class World {
  readonly scenario: Scenario;
  readonly materials: Materials;
  readonly tenant: Tenant;
  readonly github: GitHub;
  /** The clients that there are: `create` makes one, and two runs of it may make two. */
  clientIds: readonly string[] = [];
  readonly desired: DesiredState;
  readonly locations: readonly SecretLocation[];
  /** Answers in a service's place, from now on. */
  weather: ((request: HttpRequest) => HttpResponse | undefined) | undefined;
  /** Ids of what no run may touch. */
  readonly foreign = new Set<string>();
  /** Certificates and keys that have logged in, or were in use when the world began. */
  readonly proven = new Set<string>();
  /** Those of them that got a token which is bound to them; likewise. */
  readonly provenBound = new Set<string>();
  /** Whose certificates no CA has signed. */
  readonly strangers = new Set<Material>();
  readonly labels = new Map<string, string>();
  time = BASE;
  /** Reads of Auth0 that show what was there before. */
  lag: Lag | undefined;
  /** When each credential was associated that was not when the world began. */
  readonly #associatedAt = new Map<string, number>();
  #issued = 0;
  #records: readonly ClientRecord[] | undefined;
  #readsAsOf: number | undefined;
  /** Management API tokens that the client itself has got: each is good to its end, whatever becomes of its credential. */
  readonly #tokens = new Set<string>();

  constructor(scenario: Scenario, materials: Materials) {
    this.scenario = scenario;
    this.materials = materials;
    this.tenant = new Tenant({
      now: () => this.time + SKEW.auth0,
      random: seededRandom(7),
      domain: DOMAIN,
      poolCap: scenario.poolCap,
      olderBinding: scenario.tenant === 'older binding',
      readsAsOf: () => this.#readsAsOf,
      authorize: (token) =>
        token === TOKEN || this.#tokens.has(token) ? { clientId: 'manager', scopes: SCOPES } : undefined,
      parseCertificate: parseOnce,
    });
    this.github = newGitHub(() => this.time + SKEW.github);
    if (scenario.start.uses !== 'nothing') this.#add(this.#createClient().client_id);
    this.desired = desiredOf(scenario, this.clientId);
    this.locations = secretLocations(this.desired);
    for (const credential of scenario.start.credentials) this.#seed(credential);
    this.#seedSecrets();
  }

  /** Empty: it does not exist yet, or no more. */
  get clientId(): string {
    return this.clientIds[0] ?? '';
  }

  #add(clientId: string): void {
    this.clientIds = [...this.clientIds, clientId];
    this.labels.set(clientId, `client ${this.clientIds.length}`);
  }

  #createClient() {
    const { method, start, tenant } = this.scenario;
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
      ...(start.bound ? BOUND[tenant] : {}),
      grants: {},
    });
  }

  #seed({ label, mark, associated, age, requestObject, after, owner: named }: SeededCredential): string {
    const { method } = this.scenario;
    const pair = pairOf(method, this.#seedMaterial(label));
    const replaced = [...this.labels].find(([, one]) => one === after)?.[0];
    const owner = named ?? (mark === 'other' ? 'repo:acme/other#AUTH0_MTLS_PEM' : ownerOf(this.desired));
    const seed: CredentialSeed = {
      ...(requestObject
        ? { pem: publicKeyOf(pair.certificate ?? ''), credential_type: 'public_key' as const }
        : registrationOf(method, pair)),
      associate: associated,
      created_at: new Date(this.time + SKEW.auth0 - age).toISOString(),
      ...(mark === 'none' ? {} : { name: writeOwnership({ owner, run: '900.1', after: replaced }) }),
    };
    const id = this.tenant.seedCredential(this.clientId, seed);
    this.labels.set(id, label);
    this.proven.add(this.#proofOf(pair));
    this.provenBound.add(this.#proofOf(pair));
    if (mark === 'other' || (mark === 'none' && !associated)) this.foreign.add(id);
    if (requestObject) this.admin({ signed_request_object: { required: false, credentials: [{ id }] } });
    return id;
  }

  /** Somebody makes a credential. @returns its id */
  add(credential: SeededCredential): string {
    this.#records = undefined;
    return this.#seed(credential);
  }

  #proofOf({ certificate, privateKey }: Pair): string {
    return certificate === undefined ? kidOf(privateKey) : parseOnce(certificate).thumbprint;
  }

  #seedMaterial(label: string): Material {
    const found = this.materials.seeds.get(label);
    if (!found) throw new Error(`no certificate ${label}`);
    return found;
  }

  /** Somebody changes the client in the Dashboard. */
  admin(change: object): void {
    this.#dashboard('PATCH', '', JSON.stringify(change));
  }

  /** Somebody deletes a secret in GitHub's settings. */
  deleteSecret(scope: string, name: string): void {
    const path = scope
      .replace(/^repo:(.*)/, '/repos/$1/actions')
      .replace(/^env:([^/]+\/[^/]+)\/(.*)/, '/repos/$1/environments/$2')
      .replace(/^org:(.*)/, '/orgs/$1/actions');
    const headers = { authorization: 'Bearer github-token' };
    const request = { method: 'DELETE', path: `${path}/secrets/${name}`, headers, body: '' };
    if (this.github.handle(request).status !== 204) throw new Error(`there is no secret at ${path}`);
  }

  /** Somebody deletes a credential in the Dashboard. */
  deleteByHand(id: string): void {
    this.#dashboard('DELETE', `/credentials/${id}`, '');
  }

  #dashboard(method: 'PATCH' | 'DELETE', path: string, body: string): void {
    this.#records = undefined;
    const answer = this.tenant.handle({
      method,
      path: `/api/v2/clients/${this.clientId}${path}`,
      headers: { authorization: `Bearer ${TOKEN}` },
      body,
    });
    if (answer.status >= 300) throw new Error(`the Dashboard refuses: ${answer.body}`);
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
    this.#records = undefined;
    this.labels.set(id, 'H2');
    return id;
  }

  /** Somebody makes a credential of the desired subject, and associates it with nothing. @returns its id */
  takeSubject(): string | undefined {
    const { method, poolCap } = this.scenario;
    const { subject } = this.desired;
    const pool = this.credentials();
    const isFree = pool.length < poolCap && pool.every(({ subject_dn }) => subject_dn !== subject);
    if (method !== 'tls_client_auth' || this.clientId === '' || !isFree) return undefined;
    const seed = { credential_type: 'cert_subject_dn' as const, subject_dn: subject, associate: false };
    const id = this.tenant.seedCredential(this.clientId, seed);
    this.#records = undefined;
    this.labels.set(id, 'T1');
    return id;
  }

  #seedSecrets(): void {
    const { holds, credentials } = this.scenario.start;
    const writtenAt = (label: string) => {
      const age = credentials.find((one) => one.label === label)?.age ?? 0;
      return this.time + SKEW.github - age + 20_000;
    };
    // The primary is the first to get a secret.
    const first = Math.min(...holds.flatMap((label) => (label === undefined ? [] : writtenAt(label))));
    for (const location of this.locations) {
      const index = this.desired.destinations.indexOf(location.destination);
      const label = holds[index];
      if (label === undefined) continue;
      const pair = pairOf(this.scenario.method, this.#seedMaterial(label));
      const updatedAt = writtenAt(label);
      const createdAt = index === 0 ? first : updatedAt;
      const times = { createdAt, updatedAt };
      const scope = printDestination(location.destination);
      this.github.seedSecret(scope, location.secretName, valueFor(location, pair), times);
    }
  }

  /** From now on reads of Auth0 show what is there now, until the lag is over. */
  beginLag(pattern: Lag['pattern'], milliseconds: number): void {
    const { time } = this;
    this.lag = { pattern, shows: time + SKEW.auth0, until: time + milliseconds, reads: 0 };
  }

  /** The next unused key of the world. */
  issueNext(): Material {
    const next = this.materials.fresh[this.#issued];
    if (!next) throw new Error('the world has issued every certificate it has');
    this.#issued += 1;
    return next;
  }

  /** As the workflow gives them: `current-credential`, or what it logs in with, is what the primary holds when the run begins. */
  inputs(run: string, asked: Asking = {}, { currentPair } = { currentPair: this.#currentPair() }): Inputs {
    const { isManager, method } = this.scenario;
    return {
      readOnly: false,
      watch: undefined,
      domain: DOMAIN,
      mtlsDomain: undefined,
      audience: MANAGEMENT_AUDIENCE,
      login: isManager ? this.#ownLogin(currentPair) : { kind: 'token', token: TOKEN },
      githubToken: 'github-token',
      githubApiUrl: 'https://api.github.com',
      currentPair,
      pkcs12Password: '',
      issuer: { kind: 'itself' },
      desired: {
        ...this.desired,
        clientId: this.desired.clientName ? '' : this.clientId,
        ...asked,
        currentKey: currentPair && readFacts(method, currentPair),
        run,
      },
    };
  }

  #ownLogin(pair: Pair | undefined): Inputs['login'] {
    const { clientId } = this;
    if (pair === undefined) throw new Error('the client that manages the tenant has nothing to log in with');
    const { certificate, privateKey } = pair;
    return certificate === undefined
      ? { kind: 'private-key-jwt', clientId, privateKey }
      : { kind: 'mtls', clientId, pair: { certificate, privateKey } };
  }

  #currentPair(): Pair | undefined {
    const { current, isManager, method } = this.scenario;
    const held = current || isManager ? this.#primaryValue() : undefined;
    return held === undefined ? undefined : readPair(method, held);
  }

  #primaryValue(): string | undefined {
    const [primary] = this.locations;
    return primary && this.github.secret(printDestination(primary.destination), primary.secretName)?.value;
  }

  /** Does every node of Auth0 know by now that it is associated? */
  isKnown(id: string): boolean {
    return this.time - (this.#associatedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= this.scenario.propagation;
  }

  #rememberAssociated(before: readonly string[]): void {
    const now = associatedIds(this.records());
    for (const id of now) if (!before.includes(id)) this.#associatedAt.set(id, this.time);
  }

  /** One request, one atomic change. */
  handle(request: HttpRequest): HttpResponse {
    const odd = this.weather?.(request);
    if (odd) return odd;
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    if (url.host === MTLS) return this.#token(request);
    const { method, headers, body = '' } = request;
    if (url.host === DOMAIN && path.startsWith('/api/v2/')) {
      this.#readsAsOf = method === 'GET' ? asOf(this.lag, url.pathname, this.time) : undefined;
      const before = method === 'GET' ? [] : associatedIds(this.records());
      const answer = this.tenant.handle({ method, path, headers, body });
      if (method !== 'GET') this.#follow(method, path, answer);
      if (method !== 'GET') this.#rememberAssociated(before);
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
    this.#records = undefined;
    if (method === 'POST' && path === '/api/v2/clients' && status === 201)
      this.#add((JSON.parse(body) as { client_id: string }).client_id);
    if (method === 'DELETE' && /^\/api\/v2\/clients\/[^/]+$/.test(path) && status === 204)
      this.clientIds = this.clientIds.filter((id) => !path.endsWith(id));
  }

  #token(request: HttpRequest): HttpResponse {
    const login = authenticate(this.tenant, request);
    if (!login || this.#isStranger(login.proof))
      return this.#auth0(401, { error: 'access_denied', error_description: 'Unauthorized' });
    const bound = this.scenario.tenant === 'binds nothing' ? undefined : login.bound;
    this.proven.add(login.proof);
    if (bound) this.provenBound.add(login.proof);
    const claims = bound ? { cnf: { 'x5t#S256': bound } } : {};
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const token = `e30.${payload}.${login.proof}`;
    const audience = new URLSearchParams(request.body).get('audience');
    if (this.scenario.isManager && audience === MANAGEMENT_AUDIENCE) this.#tokens.add(token);
    return this.#auth0(200, { access_token: token, token_type: 'Bearer' });
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
    return readTruth(this);
  }

  /** Every client of this workflow with its pool, as it is now. */
  records(): readonly ClientRecord[] {
    this.#records ??= this.clientIds.map((id) => this.tenant.reveal(id));
    return this.#records;
  }

  /** Of all clients. */
  credentials(): readonly PooledCredential[] {
    return this.records().flatMap(({ credentials }) => credentials);
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

function associatedIds(records: readonly ClientRecord[]): string[] {
  return records.flatMap(({ client }) =>
    Object.values(client.client_authentication_methods ?? {}).flatMap(({ credentials }) =>
      credentials.map(({ id }) => id),
    ),
  );
}
