/**
 * One disposable world on loopback: a tenant with its authorization server, the TLS edge in front of it and GitHub,
 * with the actors of the Auth0 guide already there. All certificates are of one throw-away authority.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuthorizationServer,
  type ClientAuthentication,
  createAuthorizationServer,
  type TenantView,
} from './authorization-server.ts';
import { createEdge, type Edge, type EdgeOptions } from './edge.ts';
import { type Emulator, type EmulatorRequest, seededRandom } from './emulator.ts';
import { GitHub, type GitHubOptions } from './github.ts';
import { type Fault, type Listener, type Served, type ServeOptions, serve } from './serve.ts';
import { Tenant, type TenantOptions } from './tenant.ts';
import { type Authority, createAuthority, type KeyAndCertificate, selfSignedCertificate } from './tls.ts';
import { callerOf, SANDBOX_AGENT, type Service, Transcript } from './transcript.ts';

export type { Service } from './transcript.ts';

/** The weather: may be changed while the world runs. */
export interface Conditions {
  /** Added to every answer of a service. */
  latencyMs: number | ((service: Service) => number);
  /** How much longer a connection to a service takes to open. */
  connectMs: number;
  /** Asked for every request that is not the sandbox's own. */
  fault: ((service: Service, request: EmulatorRequest) => Fault | undefined) | undefined;
  /** Whether discovery names the edge as `mtls_endpoint_aliases.token_endpoint`. */
  mtlsAlias: boolean;
}

export interface SandboxOptions
  extends Partial<Conditions>,
    Pick<TenantOptions, 'poolCap' | 'rateLimit' | 'staleReadsMs' | 'olderBinding' | 'recordsAheadMs'>,
    Pick<TenantOptions, 'logDelayMs' | 'logRetentionMs' | 'plainUserAgents'>,
    Pick<EdgeOptions, 'pinnedThumbprints' | 'verifiesClients'>,
    Pick<GitHubOptions, 'limits' | 'environmentSecretsNeed'> {
  /** How far the services' clocks are ahead of this machine's. */
  tenantSkewMs?: number;
  githubSkewMs?: number;
  /** The negative control: every caller at the edge passes as this certificate; true: the ready-made client's. */
  openToAll?: true | string;
  /** PEM of the CA whose client certificates the edge reports as verified. Default: the world's authority. */
  clientCa?: string;
  bindTokens?: boolean;
  pushedRequests?: boolean;
  checksGrantFirst?: boolean;
  /** How long a PATCH of a client takes to show at the authorization server. */
  propagationDelayMs?: number;
  /** Default: what rotating an existing client needs. */
  managementScopes?: readonly string[];
  seed?: number;
}

export interface ServiceClientOptions {
  name?: string;
  /** Default: a new self-signed one. */
  certificate?: KeyAndCertificate;
  credentialName?: string;
  /** Default: a day ago. */
  createdAt?: number | string;
  /** The method without any credential. */
  credentials?: [];
  /** Default: a service's. */
  grantTypes?: readonly string[];
  callbacks?: readonly string[];
}

export interface ServiceClient {
  clientId: string;
  /** Undefined when the client has no credential. */
  credentialId: string | undefined;
  /** Private key followed by the certificate, as the secret holds it; empty when there is none. */
  pem: string;
}

export interface CallOptions {
  method?: string;
  /** An object is sent as JSON. */
  body?: object | string;
  headers?: Record<string, string>;
  /** PEM of key and certificate: the caller's own for mutual TLS. */
  pem?: string;
}

export interface CallAnswer {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  /** Parsed where it is JSON. */
  body: unknown;
}

export const API_AUDIENCE = 'https://api.example.test/';
export const REPOSITORY = 'acme/shop';
export const ENVIRONMENTS: readonly string[] = ['production', 'staging'];
export const MANAGEMENT_SCOPES: readonly string[] = [
  'read:clients',
  'update:clients',
  'read:client_credentials',
  'create:client_credentials',
  'update:client_credentials',
  'delete:client_credentials',
];
const DAY_MS = 86_400_000;
const MANAGEMENT_API = /^\/api\/v2(?=[/?]|$)/;

/** The credentials of the two GitHub actors look like GitHub's. */
const newToken = (prefix = 'ghs_'): string => `${prefix}${randomBytes(18).toString('hex')}`;

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const stack = new AsyncDisposableStack();
  try {
    const parts = await startParts(options, stack);
    return new Sandbox(parts, options, stack.move());
  } finally {
    // Empty when all went well.
    await stack.disposeAsync();
  }
}

interface Parts {
  authority: Authority;
  edgeSecret: string;
  directory: string;
  pair: KeyAndCertificate;
  conditions: Conditions;
  clocks: Record<'auth0' | 'github', { skewMs: number }>;
  transcript: Transcript;
  tenant: Tenant;
  authorizationServer: AuthorizationServer;
  auth0: Served;
  edge: Edge;
  github: GitHub;
  githubApi: Served;
}

type Base = Pick<Parts, 'authority' | 'edgeSecret' | 'pair' | 'conditions' | 'clocks' | 'transcript'>;

async function startParts(options: SandboxOptions, stack: AsyncDisposableStack): Promise<Parts> {
  const { latencyMs = 0, connectMs = 0, fault, mtlsAlias = true } = options;
  const directory = mkdtempSync(join(tmpdir(), 'auth0-sandbox-'));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const base: Base = {
    authority: createAuthority(),
    edgeSecret: randomBytes(24).toString('hex'),
    pair: selfSignedCertificate('shop'),
    conditions: { latencyMs, connectMs, fault, mtlsAlias },
    clocks: {
      auth0: { skewMs: options.tenantSkewMs ?? 0 },
      github: { skewMs: options.githubSkewMs ?? 0 },
    },
    transcript: new Transcript(),
  };
  const tenancy = await startTenant(options, base, stack);
  const github = await GitHub.create({
    now: () => Date.now() + base.clocks.github.skewMs,
    random: seededRandom((options.seed ?? 1) + 1),
    ...defined({ limits: options.limits, environmentSecretsNeed: options.environmentSecretsNeed }),
  });
  const tls = base.authority.serverCertificate();
  const githubApi = stack.use(await serve(github, { tls, ...wire('github', base) }));
  return { ...base, directory, ...tenancy, github, githubApi };
}

async function startTenant(options: SandboxOptions, base: Base, stack: AsyncDisposableStack) {
  const { authority, conditions, clocks, edgeSecret } = base;
  const now = () => Date.now() + clocks.auth0.skewMs;
  // A tenant knows its own address, which is known only when it listens: nobody asks before it is mounted.
  const mounted: { api?: Emulator; rest?: Listener; edge?: Edge } = {};
  const unavailable: Listener = (_request, response) => response.writeHead(503).end();
  const route = ({ path }: EmulatorRequest) =>
    (MANAGEMENT_API.test(path) ? mounted.api : mounted.rest) ?? unavailable;
  const tls = authority.serverCertificate();
  const auth0 = stack.use(await serve({ route }, { tls, ...wire('auth0', base) }));
  const tenant: Tenant = new Tenant({
    now,
    random: seededRandom(options.seed ?? 1),
    domain: auth0.host,
    authorize: (token) => authorizationServer.verifyAccessToken(token),
    ...defined({
      poolCap: options.poolCap,
      rateLimit: options.rateLimit,
      staleReadsMs: options.staleReadsMs,
      olderBinding: options.olderBinding,
      recordsAheadMs: options.recordsAheadMs,
      logDelayMs: options.logDelayMs,
      logRetentionMs: options.logRetentionMs,
      plainUserAgents: options.plainUserAgents,
    }),
  });
  const { api, view } = delayed(tenant, options.propagationDelayMs ?? 0);
  const authorizationServer = createAuthorizationServer({
    tenant: view,
    issuer: `${auth0.url}/`,
    edgeSecret,
    mtlsTokenEndpoint: () => (conditions.mtlsAlias ? mounted.edge?.tokenEndpoint : undefined),
    now,
    ...defined({
      bindTokens: options.bindTokens,
      checksGrantFirst: options.checksGrantFirst,
      pushedRequests: options.pushedRequests,
    }),
  });
  const edge = stack.use(await startEdge(options, base, auth0.url));
  Object.assign(mounted, { api, rest: dated(authorizationServer.listener, now), edge });
  return { tenant, authorizationServer, auth0, edge };
}

function startEdge(options: SandboxOptions, base: Base, upstream: string): Promise<Edge> {
  const { authority, edgeSecret, pair } = base;
  return createEdge({
    authority,
    upstream,
    edgeSecret,
    clientCa: options.clientCa ?? authority.pem,
    ...wire('edge', base),
    ...defined({
      pinnedThumbprints: options.pinnedThumbprints,
      verifiesClients: options.verifiesClients,
      openToAll: options.openToAll === true ? pair.cert : options.openToAll,
    }),
  });
}

/** Latency, faults and the transcript of one service. */
function wire(service: Service, { conditions, clocks, transcript }: Base): ServeOptions {
  const clock = service === 'github' ? clocks.github : clocks.auth0;
  return {
    latencyMs() {
      const { latencyMs } = conditions;
      return typeof latencyMs === 'number' ? latencyMs : latencyMs(service);
    },
    connectMs: () => conditions.connectMs,
    fault(request) {
      transcript.arrived(service, request);
      const fault = callerOf(request) === 'sandbox' ? undefined : conditions.fault?.(service, request);
      if (fault?.kind !== 'answer') return fault;
      // A made-up answer must not betray the machine's own clock.
      const headers = { date: new Date(Date.now() + clock.skewMs).toUTCString(), ...fault.response.headers };
      return { ...fault, response: { ...fault.response, headers } };
    },
    onExchange: (exchange) => transcript.answered(exchange),
  };
}

/** All of the tenant's origin shows the tenant's clock, the real server's answers too. */
function dated(listener: Listener, now: () => number): Listener {
  return (request, response) => {
    response.setHeader('date', new Date(now()).toUTCString());
    return listener(request, response);
  };
}

/** The authorization server sees each client as it was `delayMs` ago, as far as PATCH has changed it. */
function delayed(tenant: Tenant, delayMs: number): { api: Emulator; view: TenantView } {
  if (delayMs <= 0) return { api: tenant, view: tenant };
  const changes: { clientId: string; until: number; before: ClientAuthentication | undefined }[] = [];
  const api: Emulator = {
    handle(request) {
      const [, clientId] = /^\/api\/v2\/clients\/([^/?]+)$/.exec(request.path) ?? [];
      if (request.method !== 'PATCH' || clientId === undefined) return tenant.handle(request);
      const before = tenant.authenticationOf(clientId);
      const answer = tenant.handle(request);
      if (answer.status === 200) changes.push({ clientId, until: Date.now() + delayMs, before });
      return answer;
    },
  };
  const view: TenantView = {
    authenticationOf(clientId) {
      const hidden = changes.find((change) => change.clientId === clientId && change.until > Date.now());
      return hidden ? hidden.before : tenant.authenticationOf(clientId);
    },
    grant: (clientId, audience) => tenant.grant(clientId, audience),
    log: (entry) => tenant.log(entry),
  };
  return { api, view };
}

/** Without what is undefined, as exactOptionalPropertyTypes wants it. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export class Sandbox implements AsyncDisposable {
  readonly tenant: Tenant;
  readonly authorizationServer: AuthorizationServer;
  readonly edge: Edge;
  /** What an edge authenticates itself to the tenant with (`cname-api-key`). */
  readonly edgeSecret: string;
  readonly github: GitHub;
  readonly transcript: Transcript;
  readonly conditions: Conditions;
  readonly authority: Authority;
  /** For NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  /** localhost:P1, the input `auth0-domain`. */
  readonly domain: string;
  readonly tenantUrl: string;
  readonly edgeUrl: string;
  /** For GITHUB_API_URL. */
  readonly githubUrl: string;
  readonly managementAudience: string;
  readonly managementClientId: string;
  readonly managementClientSecret: string;
  /** As of a GitHub App that may write secrets of all three levels. */
  /** A fine-grained one: for an app's, which may be seconds old, a missing secret is looked for again. */
  readonly githubToken = newToken('github_pat_');
  /** As GITHUB_TOKEN: never for secrets. */
  readonly workflowToken = newToken();
  /** The ready-made client: self_signed_tls_client_auth with one hand-made credential. */
  readonly client: ServiceClient;
  readonly clientId: string;
  readonly #clocks: Parts['clocks'];
  readonly #pair: KeyAndCertificate;
  readonly #services: readonly Served[];
  readonly #stack: AsyncDisposableStack;
  #runs = 0;

  constructor(parts: Parts, options: SandboxOptions, stack: AsyncDisposableStack) {
    this.tenant = parts.tenant;
    this.authorizationServer = parts.authorizationServer;
    this.edge = parts.edge;
    this.edgeSecret = parts.edgeSecret;
    this.github = parts.github;
    this.transcript = parts.transcript;
    this.conditions = parts.conditions;
    this.authority = parts.authority;
    this.caFile = parts.authority.writeCaFile(parts.directory);
    this.domain = parts.auth0.host;
    this.tenantUrl = parts.auth0.url;
    this.edgeUrl = parts.edge.url;
    this.githubUrl = parts.githubApi.url;
    this.managementAudience = `${parts.auth0.url}/api/v2/`;
    this.#clocks = parts.clocks;
    this.#pair = parts.pair;
    this.#services = [parts.edge, parts.auth0, parts.githubApi];
    this.#stack = stack;
    const manager = this.#addManager(options.managementScopes ?? MANAGEMENT_SCOPES);
    this.managementClientId = manager.client_id;
    this.managementClientSecret = manager.client_secret;
    this.#addGitHubActors();
    this.client = this.addServiceClient({ name: 'shop', certificate: this.#pair });
    this.clientId = this.client.clientId;
  }

  /** A client that authenticates by certificate and may have tokens for API_AUDIENCE. */
  addServiceClient(options: ServiceClientOptions = {}): ServiceClient {
    const { name = 'service', certificate, credentialName, createdAt, credentials } = options;
    const { callbacks = [], grantTypes = ['client_credentials'] } = options;
    const { client_id: clientId } = this.tenant.createClient({
      name,
      app_type: grantTypes.includes('client_credentials') ? 'non_interactive' : 'regular_web',
      grant_types: [...grantTypes],
      callbacks: [...callbacks],
      client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
      grants: { [API_AUDIENCE]: ['read:orders'] },
    });
    if (credentials !== undefined) return { clientId, credentialId: undefined, pem: '' };
    const { key, cert } = certificate ?? selfSignedCertificate(name);
    const credentialId = this.tenant.seedCredential(clientId, {
      credential_type: 'x509_cert',
      pem: cert,
      associate: true,
      created_at: new Date(createdAt ?? this.tenantNow() - DAY_MS).toISOString(),
      ...(credentialName === undefined ? {} : { name: credentialName }),
    });
    return { clientId, credentialId, pem: `${key.trimEnd()}\n${cert.trimEnd()}\n` };
  }

  tenantNow(): number {
    return Date.now() + this.#clocks.auth0.skewMs;
  }

  githubNow(): number {
    return Date.now() + this.#clocks.github.skewMs;
  }

  /** Lets time pass at the services: both clocks leap. Tokens and certificates go on living in real time. */
  advance(ms: number): void {
    for (const clock of Object.values(this.#clocks)) clock.skewMs += ms;
  }

  /** A new access token of the management client. */
  async managementToken(): Promise<string> {
    const answer = await this.call(`${this.tenantUrl}/oauth/token`, {
      body: {
        grant_type: 'client_credentials',
        client_id: this.managementClientId,
        client_secret: this.managementClientSecret,
        audience: this.managementAudience,
      },
    });
    const { access_token: token } = Object(answer.body) as { access_token?: string };
    if (token === undefined) throw new Error(`no management token: ${JSON.stringify(answer.body)}`);
    return token;
  }

  /** The request that a service makes with its certificate: the edge's token endpoint, over mutual TLS. */
  requestToken(clientId: string, pem: string, audience = API_AUDIENCE): Promise<CallAnswer> {
    const body = { grant_type: 'client_credentials', client_id: clientId, audience };
    return this.call(this.edge.tokenEndpoint, { body, pem });
  }

  /** A request of the sandbox's own, on a new connection. A body makes it a POST. */
  call(url: string, options: CallOptions = {}): Promise<CallAnswer> {
    return call(this.authority.pem, url, options);
  }

  /** For GITHUB_RUN_ID. */
  nextRunId(): string {
    this.#runs += 1;
    return String(1_000 + this.#runs);
  }

  /** Resolves when no request is being handled, those of a killed program included. */
  async idle(): Promise<void> {
    for (const service of this.#services) await service.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #addManager(scopes: readonly string[]) {
    return this.tenant.createClient({
      name: 'certificate rotation',
      app_type: 'non_interactive',
      token_endpoint_auth_method: 'client_secret_post',
      grants: { [this.managementAudience]: scopes },
    });
  }

  #addGitHubActors(): void {
    const [organization = ''] = REPOSITORY.split('/');
    this.github.addOrganization(organization);
    this.github.addRepository(REPOSITORY, { environments: ENVIRONMENTS });
    this.github.addToken(this.githubToken, {
      kind: 'app',
      permissions: {
        secrets: 'write',
        environments: 'write',
        organization_secrets: 'write',
        dependabot_secrets: 'write',
        issues: 'write',
        actions: 'read',
      },
    });
    this.github.addToken(this.workflowToken, {
      kind: 'github-token',
      permissions: { issues: 'write', actions: 'read' },
      repositories: [REPOSITORY],
    });
  }
}

/** Every call has a connection of its own, as every job of a workflow has. */
function call(ca: string, url: string, options: CallOptions): Promise<CallAnswer> {
  const { body, pem, headers = {} } = options;
  const text = typeof body === 'object' ? JSON.stringify(body) : (body ?? '');
  const method = options.method ?? (text === '' ? 'GET' : 'POST');
  const sent = {
    'user-agent': `${SANDBOX_AGENT}caller`,
    ...(text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const own = pem === undefined ? {} : { key: pem, cert: pem };
    const request = httpsRequest(url, { method, headers: sent, agent: false, ca, ...own });
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const answer = Buffer.concat(chunks).toString();
        const isJson = String(response.headers['content-type']).includes('json') && answer !== '';
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, body: isJson ? parsed(answer) : answer });
      });
    });
    request.end(text);
  });
}

/** What a fault has cut in half stays text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
