/**
 * GitHub as the action and `gh` see it: a secrets API that opens the sealed boxes, held to GitHub's own OpenAPI
 * description (github.openapi.json) by github.test.ts.
 */

import sodium from 'libsodium-wrappers';
import {
  type Emulator,
  type EmulatorRequest,
  type EmulatorResponse,
  json,
  type Now,
  type Random,
} from './emulator.ts';
import {
  type Answer,
  type Call,
  DOCS,
  type Grant,
  isoSeconds,
  type Limits,
  lacking,
  NOT_FOUND,
  Quota,
  type Refusal,
  type Route,
  sees,
  tokenOf,
} from './github-access.ts';
import {
  mapRepositoryNames,
  publicUser,
  REPOSITORY_ROUTES,
  type Repository,
  type Run,
  type Workflow,
} from './github-repository.ts';
import { type KeyPair, keyOf, type Secret, SecretStore, type SecretTimes } from './github-secrets.ts';

export type { Grant, Limits } from './github-access.ts';
export { type KeyPair, SECRET_LIMIT, type Secret, type Visibility } from './github-secrets.ts';

export interface GitHubOptions {
  now?: Now;
  random?: Random;
  /** Throws when the box does not open. Default: libsodium; await `GitHub.ready` first. */
  openSealedBox?: (sealedBase64: string, keyPair: KeyPair) => string;
  /** The key pair of a scope; `generation` counts the rotations. Default: libsodium, seeded by `random`. */
  publicKeyFor?: (scope: string, generation: number) => KeyPair;
  limits?: Limits;
  /**
   * What environment secrets need: `environments` alone (github/docs, server-to-server-permissions.json).
   * Its older permission files named both.
   */
  environmentSecretsNeed?: 'both' | 'environments';
}

const openSealedBox = (sealedBase64: string, { publicKey, privateKey }: KeyPair): string =>
  Buffer.from(
    sodium.crypto_box_seal_open(Buffer.from(sealedBase64, 'base64'), publicKey, privateKey),
  ).toString('utf8');

function newKeyPair(random: Random): KeyPair {
  const seed = Uint8Array.from({ length: sodium.crypto_box_SEEDBYTES }, () => Math.floor(random() * 256));
  return sodium.crypto_box_seed_keypair(seed);
}

const decode = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
};

/** Undefined: another path. A segment that cannot be decoded matches nothing. */
function match(segments: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== part) return undefined;
      continue;
    }
    const decoded = decode(part);
    if (decoded === undefined) return undefined;
    params[segment.slice(1)] = decoded;
  }
  return params;
}

export class GitHub implements Emulator {
  /** libsodium is WebAssembly: nothing is sealed or opened before this. */
  static readonly ready: Promise<void> = sodium.ready;

  static async create(options: GitHubOptions = {}): Promise<GitHub> {
    await GitHub.ready;
    return new GitHub(options);
  }

  readonly #now: Now;
  readonly #random: Random;
  readonly #limits: Limits;
  readonly #routes: { route: Route; segments: string[] }[];
  readonly #repositories = new Map<string, Repository>();
  readonly #secrets: SecretStore;
  readonly #grants = new Map<string, Grant>();
  readonly #quotas = new Map<string, Quota>();
  /** Far from the ids of runs of the action, which the sandbox counts from 1,000. */
  #ids = 1_000_000;

  constructor(options: GitHubOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#secrets = new SecretStore({
      now: this.#now,
      random: this.#random,
      nextId: () => this.#nextId(),
      repositories: () => this.#repositories.values(),
      openSealedBox: options.openSealedBox ?? openSealedBox,
      publicKeyFor: options.publicKeyFor ?? (() => newKeyPair(this.#random)),
    });
    this.#limits = options.limits ?? {};
    const routes = [
      ...this.#userRoutes(),
      ...this.#secrets.routes(options.environmentSecretsNeed),
      ...REPOSITORY_ROUTES,
    ];
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/').filter(Boolean) }));
  }

  // ---- seeding, for tests ----

  /** Answers the repository's id. Called again, it adds environments. */
  addRepository(fullName: string, { environments = [] }: { environments?: readonly string[] } = {}): number {
    const createdAt = isoSeconds(this.#now());
    const repository: Repository = this.#repositories.get(keyOf(fullName)) ?? {
      id: this.#nextId(),
      fullName,
      createdAt,
      environments: new Map(),
      issues: [],
      workflows: [],
      runs: [],
    };
    this.#repositories.set(keyOf(fullName), repository);
    this.#secrets.addScope(`repo:${fullName}`);
    this.#secrets.addScope(`dependabot:${fullName}`);
    for (const name of environments) {
      repository.environments.set(keyOf(name), { id: this.#nextId(), name, createdAt });
      this.#secrets.addScope(`env:${fullName}/${name}`);
    }
    return repository.id;
  }

  addOrganization(name: string): void {
    this.#secrets.addScope(`org:${name}`);
  }

  addToken(token: string, grant: Grant): void {
    this.#grants.set(token, grant);
  }

  removeToken(token: string): void {
    this.#grants.delete(token);
  }

  /** Default time of both dates: now. */
  seedSecret(scope: string, name: string, value: string, at: SecretTimes = {}): void {
    this.#secrets.seed(scope, name, value, at);
  }

  /** What a workflow would read; a copy. */
  secret(scope: string, name: string): Secret | undefined {
    return this.#secrets.read(scope, name);
  }

  secretNames(scope: string): string[] {
    return this.#secrets.names(scope);
  }

  /** A new public key: every key_id handed out before is stale. */
  rotateKey(scope: string): void {
    this.#secrets.rotateKey(scope);
  }

  /** Called again, it changes the state. */
  addWorkflow(fullName: string, file: string, state: Workflow['state'] = 'active'): void {
    const { workflows } = this.#repository(fullName);
    const known = workflows.find((one) => one.file === file);
    if (known) known.state = state;
    else workflows.push({ id: this.#nextId(), file, state, createdAt: isoSeconds(this.#now()) });
  }

  addRun(fullName: string, file: string, run: Partial<Omit<Run, 'id' | 'file'>> = {}): void {
    const seeded = { event: 'schedule', status: 'completed', conclusion: 'success', branch: 'main', ...run };
    this.#repository(fullName).runs.push({
      id: this.#nextId(),
      file,
      createdAt: isoSeconds(this.#now()),
      ...seeded,
    });
  }

  #repository(fullName: string): Repository {
    const found = this.#repositories.get(keyOf(fullName));
    if (found === undefined) throw new Error(`the emulated GitHub has no repository ${fullName}`);
    return found;
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  // ---- the service ----

  handle(request: EmulatorRequest): EmulatorResponse {
    const now = this.#now();
    const token = tokenOf(request.headers.authorization);
    const grant = token === undefined ? undefined : this.#grants.get(token);
    const { route, answer } = this.#answer(request, token, grant, now);
    const quota = this.#quota(token ?? '', grant).state(now);
    const headers: Record<string, string> = {
      'x-github-request-id': this.#requestId(),
      'x-github-media-type': 'github.v3; format=json',
      'x-ratelimit-limit': `${quota.limit}`,
      'x-ratelimit-remaining': `${quota.remaining}`,
      'x-ratelimit-used': `${quota.used}`,
      'x-ratelimit-reset': `${quota.reset}`,
      'x-ratelimit-resource': 'core',
      ...(route && { 'x-accepted-github-permissions': route.needs.join(',') }),
      ...answer.headers,
    };
    if (!('message' in answer)) return json(answer.status, answer.body, now, headers);
    const { status, message } = answer;
    // The envelope, as seen on github.com (docs/facts.md#github-token); "documentation_url" without a route is the entrance.
    const envelope = { message, documentation_url: route?.docs ?? DOCS, status: `${status}` };
    return json(status, envelope, now, headers);
  }

  #answer(
    request: EmulatorRequest,
    token: string | undefined,
    grant: Grant | undefined,
    now: number,
  ): { route?: Route; answer: Answer | Refusal } {
    // Both sentences are GitHub's (openapi response requires_authentication; dynamic-badges-action #4).
    if (token === undefined) return { answer: { status: 401, message: 'Requires authentication' } };
    if (grant === undefined) return { answer: { status: 401, message: 'Bad credentials' } };
    const found = this.#find(request);
    // "Accessing this endpoint does not count against your REST API rate limit" (openapi, rate-limit/get).
    const free = found?.route.path === '/rate_limit';
    const quota = this.#quota(token, grant);
    const tooMany = free ? undefined : quota.spend(now, request.method);
    if (tooMany !== undefined) return { answer: tooMany };
    if (found === undefined) return { answer: NOT_FOUND };
    const { route, params, query, api, url } = found;
    const repository = this.#visible(grant, `${params.owner}/${params.repo}`);
    const hidden = params.owner !== undefined && repository === undefined;
    const noOrganization = params.org !== undefined && !this.#secrets.has(`org:${params.org}`);
    if (hidden || noOrganization) return { route, answer: NOT_FOUND };
    const refusal = lacking(grant, route.needs);
    if (refusal !== undefined) return { route, answer: refusal };
    const call = {
      api,
      url,
      params,
      query,
      body: request.body,
      grant,
      rate: quota.state(now),
      now,
      repository,
      nextId: () => this.#nextId(),
    };
    return { route, answer: route.handle(call) };
  }

  /** The route of a request: under `/` as api.github.com, or `/api/v3` and `/api/graphql` as GitHub Enterprise Server. */
  #find({ method, path, headers }: EmulatorRequest) {
    const [whole = '', search = ''] = path.split('?');
    const prefix = /^\/api(\/v3(?=\/)|(?=\/graphql$))/.exec(whole)?.[0] ?? '';
    const parts = whole.slice(prefix.length).split('/').filter(Boolean);
    const scheme = headers['x-forwarded-proto'] ?? 'https';
    const api = `${scheme}://${headers.host ?? 'api.github.com'}${prefix}`;
    for (const { route, segments } of this.#routes) {
      if (route.method !== method || segments.length !== parts.length) continue;
      const params = match(segments, parts);
      if (params !== undefined) {
        return { route, params, query: new URLSearchParams(search), api, url: `${api}/${parts.join('/')}` };
      }
    }
    return undefined;
  }

  #visible(grant: Grant, fullName: string): Repository | undefined {
    return sees(grant, fullName) ? this.#repositories.get(keyOf(fullName)) : undefined;
  }

  #quota(token: string, grant: Grant | undefined): Quota {
    const key = grant === undefined ? '' : token;
    const quota = this.#quotas.get(key) ?? new Quota(this.#limits, grant?.kind);
    this.#quotas.set(key, quota);
    return quota;
  }

  #requestId(): string {
    const part = (digits: number): string =>
      Math.floor(this.#random() * 16 ** digits)
        .toString(16)
        .toUpperCase()
        .padStart(digits, '0');
    return [4, 6, 7, 7, 8].map(part).join(':');
  }

  #userRoutes(): Route[] {
    const route = (method: 'GET' | 'POST', path: string, docs: string, handle: Route['handle']): Route => ({
      method,
      path,
      needs: ['allows_permissionless_access=true'],
      docs: `https://docs.github.com/${docs}`,
      handle,
    });
    return [
      route('GET', '/user', 'rest/users/users#get-the-authenticated-user', (call) => this.#user(call)),
      route(
        'GET',
        '/rate_limit',
        'rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user',
        (call) => this.#rateLimit(call),
      ),
      route('POST', '/graphql', 'graphql', (call) =>
        mapRepositoryNames(call, (name) => this.#visible(call.grant, name)),
      ),
    ];
  }

  /** There is no user behind GITHUB_TOKEN or an installation token. */
  #user({ api, grant, now }: Call): Answer | Refusal {
    if (grant.kind === 'github-token' || grant.kind === 'app') {
      return { status: 403, message: 'Resource not accessible by integration' };
    }
    return { status: 200, body: publicUser(api, grant.login ?? 'octocat', isoSeconds(now)) };
  }

  #rateLimit({ rate }: Call): Answer {
    return { status: 200, body: { resources: { core: rate, search: rate }, rate } };
  }
}
