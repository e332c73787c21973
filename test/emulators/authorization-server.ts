/**
 * The sandbox's token endpoint: the real authorization server oidc-provider, fed live by the emulated tenant and
 * spoken to as Auth0 is (paths, JSON bodies, `audience`, error bodies). Whether a certificate is good enough for a
 * token is never decided by code of this project.
 * Facts about Auth0: docs/facts.md, unless another source is named.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
  verify as verifySignature,
  X509Certificate,
} from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
// @ts-expect-error oidc-provider brings no type declarations; what is used of it is declared below.
import * as untypedProvider from 'oidc-provider';
import type { Now } from './emulator.ts';
import { flat, incomingMessage, type Listener, readBody } from './serve.ts';

export type AuthenticationMethod =
  | 'client_secret_post'
  | 'client_secret_basic'
  | 'none'
  | 'self_signed_tls_client_auth'
  | 'tls_client_auth'
  | 'private_key_jwt';

export interface ClientAuthentication {
  method: AuthenticationMethod;
  secret: string;
  /** PEM */
  certificates: readonly string[];
  publicKeys: readonly { kid: string; alg: string; pem: string }[];
  /** As Auth0 shows them: parts joined by a line feed, in certificate order. */
  subjectDns: readonly string[];
  requireProofOfPossession: boolean;
  /** By default client_credentials. */
  grantTypes?: readonly string[];
  callbacks?: readonly string[];
}

export interface TenantLog {
  type: string;
  date: string;
  client_id: string;
  ip: string;
  user_agent: string;
  auth0_client?: object;
  mtls_thumbprint_sha256?: string;
  description?: string;
  details?: object;
}

/** What the authorization server sees of the tenant, asked anew for every request. Wrap it to delay what it shows. */
export interface TenantView {
  authenticationOf(clientId: string): ClientAuthentication | undefined;
  /** Scopes of the client grant. */
  grant(clientId: string, audience: string): readonly string[] | undefined;
  log(entry: TenantLog): void;
}

export interface AuthorizationServerOptions {
  tenant: TenantView;
  /** Origin with a trailing slash, as Auth0's issuer has it. */
  issuer: string;
  /** What the edge proves itself with in `cname-api-key`. */
  edgeSecret: string;
  /** Shown in discovery while it is defined. */
  mtlsTokenEndpoint?: () => string | undefined;
  /** Binds every token of a client that authenticates by certificate (default true). */
  bindTokens?: boolean;
  /** Discovery names an endpoint for pushed authorization requests, with an alias where the token endpoint has one (default true). */
  pushedRequests?: boolean;
  /** Looks at the code or token of a grant before it looks at the client: which of the two Auth0 does is unknown (default false). */
  checksGrantFirst?: boolean;
  /** Leaves OIDC error codes, as Auth0 does under a FAPI compliance level (default false). */
  oidcErrors?: boolean;
  /** Clock of the tenant's log; tokens live in real time. */
  now?: Now;
  lifetimeSeconds?: number;
}

export interface TokenEvent {
  at: number;
  outcome: 'granted' | 'refused';
  /** `unknown` when no client was found. */
  method: AuthenticationMethod | 'unknown';
  clientId: string;
  thumbprint: string | undefined;
  /** Why it was refused, as oidc-provider put it before its answer was made Auth0's. */
  reason: string | undefined;
}

export interface TokenStatistics {
  readonly granted: Readonly<Record<TokenEvent['method'], number>>;
  readonly refused: Readonly<Record<TokenEvent['method'], number>>;
  /** The newest events, oldest first. */
  readonly recent: readonly TokenEvent[];
}

export interface AuthorizationServer {
  /** Everything of the tenant's origin that is not /api/v2. */
  readonly listener: Listener;
  /** For a token of this server with the Management API as its audience. */
  verifyAccessToken(
    token: string,
    at?: number,
  ): { clientId: string; scopes: string[] } | 'expired' | undefined;
  readonly statistics: TokenStatistics;
}

// --- the part of oidc-provider that is used ---

interface Context {
  req: IncomingMessage;
  path: string;
  method: string;
  status: number;
  body: unknown;
  type: string;
  ip: string;
  get(header: string): string;
  oidc?: {
    client?: { clientId: string; clientAuthMethod: AuthenticationMethod };
    params?: Record<string, unknown>;
    entities: { Client?: { clientId: string; clientAuthMethod: AuthenticationMethod } };
  };
}

interface ProviderError extends Error {
  error: string;
  error_description?: string;
  error_detail?: string;
  status: number;
  statusCode: number;
}

interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  on(event: string, handler: (context: Context, error: ProviderError) => void): void;
  use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
}

const { Provider: OidcProvider, errors } = untypedProvider as unknown as {
  Provider: new (issuer: string, configuration: object) => Provider;
  errors: {
    CustomOIDCProviderError: new (error: string, description: string) => ProviderError;
    InvalidClientAuth: new (detail: string) => ProviderError;
  };
};

const TOKEN_PATH = '/oauth/token';
const PUSHED_REQUEST_PATH = '/oauth/par';
const DISCOVERY_PATH = '/.well-known/openid-configuration';
const LIFETIME_SECONDS = 86_400;
const CLOCK_TOLERANCE = 10;
const YEAR_SECONDS = 365 * LIFETIME_SECONDS;
const HEADER_LIMIT = 4096;
const BODY_LIMIT = 64 * 1024;
const RECENT = 200;
const STORE_LIMIT = 10_000;
const AUDIENCE_URN = 'urn:sandbox:audience:';
const METHODS: readonly AuthenticationMethod[] = [
  'client_secret_post',
  'client_secret_basic',
  'none',
  'self_signed_tls_client_auth',
  'tls_client_auth',
  'private_key_jwt',
];

export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signingKey = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' };
  const provider = new OidcProvider(options.issuer, {
    ...configuration(options),
    jwks: { keys: [signingKey] },
  });
  const record = recorder(options);
  provider.use(async (context, next) => {
    await next();
    if (context.path === DISCOVERY_PATH) addAlias(context, options);
    if ([TOKEN_PATH, PUSHED_REQUEST_PATH].includes(context.path) && options.oidcErrors !== true)
      asAuth0Refuses(context);
  });
  provider.on('grant.success', (context) => record.granted(context));
  provider.on('grant.error', (context, error) => record.refused(context, error));
  provider.on('server_error', (context, error) => record.refused(context, error));
  const audience = new URL('api/v2/', options.issuer).href;
  return {
    listener: tokenListener(provider, options),
    verifyAccessToken: (token, at = Date.now()) => verifyAccessToken(token, publicKey, audience, at),
    statistics: record.statistics,
  };
}

// --- the request, as Auth0 takes it and as oidc-provider wants it ---

function tokenListener(provider: Provider, options: AuthorizationServerOptions): Listener {
  const handle = provider.callback();
  return async (request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path !== TOKEN_PATH || request.method !== 'POST') return handle(request, response);
    const body = await readBody(request, BODY_LIMIT);
    const refusal = badRequest(request, body);
    if (refusal !== undefined) return answer(response, 400, 'invalid_request', refusal);
    const form = formOf(request, body ?? '');
    if (form === undefined) return answer(response, 400, 'invalid_request', 'The body is not valid JSON.');
    bridgeAudience(form);
    const early = options.checksGrantFirst ? refusedByGrant(options.tenant, form) : undefined;
    if (early) return answer(response, 403, ...early);
    const headers = { ...flat(request.headers), 'content-type': 'application/x-www-form-urlencoded' };
    const bridged = { method: 'POST', path: TOKEN_PATH, headers, body: form.toString() };
    return handle(incomingMessage(bridged, request.socket), response);
  };
}

/** Nobody has ever issued a code or a refresh token here. */
function refusedByGrant(tenant: TenantView, form: URLSearchParams): [string, string] | undefined {
  const grant = form.get('grant_type') ?? '';
  const client = tenant.authenticationOf(form.get('client_id') ?? '');
  if (!client) return undefined;
  if (!grantsOf(client).includes(grant)) return notAllowed(grant);
  const text = INVALID_GRANT[grant];
  return text === undefined ? undefined : ['invalid_grant', text];
}

/** Text: auth0/ruby-auth0#190. */
function notAllowed(grant: string): [string, string] {
  return ['unauthorized_client', `Grant type '${grant}' not allowed for the client.`];
}

/** As users quote Auth0. */
const INVALID_GRANT: Readonly<Record<string, string>> = {
  authorization_code: 'Invalid authorization code',
  refresh_token: 'Unknown or invalid refresh token.',
};

const GRANTS = ['client_credentials', 'authorization_code', 'refresh_token'];

function grantsOf({ grantTypes = ['client_credentials'] }: ClientAuthentication): string[] {
  return GRANTS.filter((grant) => grantTypes.includes(grant));
}

/** Limits: 4096 bytes for the certificate header; what Auth0 answers beyond it is not known. */
function badRequest(request: IncomingMessage, body: string | undefined): string | undefined {
  if (body === undefined) return 'The body is too large.';
  const header = request.headers['client-certificate'];
  if (header !== undefined && Buffer.byteLength(String(header)) > HEADER_LIMIT) {
    return `The client-certificate header is longer than ${HEADER_LIMIT} bytes.`;
  }
  return undefined;
}

/** Auth0 takes form and JSON bodies; RFC 6749, and so oidc-provider, only forms. */
function formOf(request: IncomingMessage, body: string): URLSearchParams | undefined {
  if (!(request.headers['content-type'] ?? '').includes('application/json')) return new URLSearchParams(body);
  try {
    const fields = Object.entries(JSON.parse(body) as object).filter(
      ([, value]) => typeof value === 'string',
    );
    return new URLSearchParams(fields as [string, string][]);
  } catch {
    return undefined;
  }
}

/** As a URN, since a resource indicator must be an absolute URI and an Auth0 audience may be any string. */
function bridgeAudience(form: URLSearchParams): void {
  form.delete('resource');
  const audience = form.get('audience');
  form.delete('audience');
  if (audience) form.set('resource', `${AUDIENCE_URN}${encodeURIComponent(audience)}`);
}

function answer(response: ServerResponse, status: number, error: string, description: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error, error_description: description }));
}

// --- oidc-provider's configuration ---

function configuration(options: AuthorizationServerOptions): object {
  return {
    adapter: adapterFor(options),
    routes: {
      token: TOKEN_PATH,
      pushed_authorization_request: PUSHED_REQUEST_PATH,
      jwks: '/.well-known/jwks.json',
    },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    clientAuthMethods: METHODS,
    clientDefaults: { grant_types: ['client_credentials'], response_types: [] },
    // Algorithms and clock skew: docs/facts.md#auth0-private-key-jwt.
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'RS384', 'PS256'] },
    // oidc-provider knows no other clock than the machine's: where the tenant's leaps, assertAssertion keeps the times.
    clockTolerance: options.now ? YEAR_SECONDS : CLOCK_TOLERANCE,
    assertJwtClientAuthClaimsAndHeader: (context: Context, claims: Record<string, unknown>) =>
      assertAssertion(context, claims, (options.now ?? Date.now)() / 1000),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    ttl: { ClientCredentials: options.lifetimeSeconds ?? LIFETIME_SECONDS },
    formats: { customizers: { jwt: asAuth0Token } },
    renderError(context: Context, out: object) {
      context.type = 'json';
      context.body = out;
    },
    fetch: () => Promise.reject(new Error('the sandbox has no network')),
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      pushedAuthorizationRequests: { enabled: options.pushedRequests !== false },
      dPoP: { enabled: false },
      clientCredentials: { enabled: true },
      mTLS: mutualTls(options.edgeSecret),
      resourceIndicators: resources(options),
    },
  };
}

function mutualTls(edgeSecret: string): object {
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: (context: Context) => forwardedCertificate(context.req, edgeSecret),
    /** Asked only where there is a certificate, which the edge alone can bring. */
    certificateAuthorized: (context: Context) =>
      context.req.headers['client-certificate-ca-verified'] === 'SUCCESS',
    /** Node writes a subject as Auth0 does: `C=es\nST=Madrid\n…\nCN=…`, in certificate order. */
    certificateSubjectMatches: (context: Context, _property: string, expected: string) => {
      const subject = forwardedCertificate(context.req, edgeSecret)?.subject;
      return subject !== undefined && (JSON.parse(expected) as string[]).includes(subject);
    },
  };
}

/** docs/facts.md#auth0-customer-edge: certificate headers count only with the custom domain's own key. */
function isEdge(request: IncomingMessage, edgeSecret: string): boolean {
  const given = Buffer.from(String(request.headers['cname-api-key'] ?? ''));
  const expected = Buffer.from(edgeSecret);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function forwardedCertificate(request: IncomingMessage, edgeSecret: string): X509Certificate | undefined {
  const header = request.headers['client-certificate'];
  if (typeof header !== 'string' || !isEdge(request, edgeSecret)) return undefined;
  try {
    return new X509Certificate(decodeURIComponent(header));
  } catch {
    return undefined;
  }
}

export function thumbprintOf(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

function resources(options: AuthorizationServerOptions): object {
  return {
    enabled: true,
    defaultResource(context: Context) {
      if (context.oidc?.params?.grant_type !== 'client_credentials') return undefined;
      // An opaque /userinfo token in some tenants (support.auth0.com); one that helps nobody here.
      throw forbidden(
        'access_denied',
        'No audience parameter was provided, and no default audience has been configured',
      );
    },
    getResourceServerInfo(
      context: Context,
      resource: string,
      client: { clientId: string; clientAuthMethod: string },
    ) {
      const audience = decodeURIComponent(resource.slice(AUDIENCE_URN.length));
      const scopes = grantedScopes(options.tenant, client, audience, context.oidc?.params?.scope);
      // Without a `scope` parameter Auth0 gives all scopes of the client grant.
      if (context.oidc?.params && scopes.length > 0) context.oidc.params.scope = scopes.join(' ');
      return { audience, scope: scopes.join(' '), accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
    },
  };
}

function grantedScopes(
  tenant: TenantView,
  client: { clientId: string; clientAuthMethod: string },
  audience: string,
  requested: unknown,
): readonly string[] {
  if (client.clientAuthMethod === 'none') {
    // Text: auth0/ruby-auth0#190; status: auth0/auth0-java#165.
    throw forbidden('unauthorized_client', "Grant type 'client_credentials' not allowed for the client.");
  }
  const granted = tenant.grant(client.clientId, audience);
  if (granted === undefined) {
    // Text: auth0/ruby-auth0#610; status: auth0/auth0-python#173.
    const advice = 'You need to create a "client-grant" associated to this API.';
    const link = 'See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants';
    throw forbidden(
      'access_denied',
      `Client is not authorized to access ${JSON.stringify(audience)}. ${advice} ${link}`,
    );
  }
  if (typeof requested !== 'string') return granted;
  const missing = requested.split(' ').filter((scope) => !granted.includes(scope));
  if (missing.length === 0) return requested.split(' ');
  // Auth0's own words for this are not known.
  throw forbidden('access_denied', `Client has not been granted scopes: ${missing.join(', ')}`);
}

function forbidden(error: string, description: string): ProviderError {
  return Object.assign(new errors.CustomOIDCProviderError(error, description), {
    status: 403,
    statusCode: 403,
  });
}

/** @param now seconds @returns why an assertion is no good then */
function untimelyAt({ exp, iat = 0 }: Record<string, unknown>, now: number): string | undefined {
  if (Number(exp) < now - CLOCK_TOLERANCE) return 'jwt expired';
  if (Number(iat) > now + CLOCK_TOLERANCE) return 'jwt issued in the future';
  return Number(exp) > now + 300 + CLOCK_TOLERANCE ? 'exp is more than 5 minutes away' : undefined;
}

/** docs/facts.md#auth0-private-key-jwt: at most 5 minutes ahead, 2048 bytes, 64 characters. */
async function assertAssertion(
  context: Context,
  claims: Record<string, unknown>,
  now: number,
): Promise<void> {
  const assertion = String(context.oidc?.params?.client_assertion ?? '');
  if (assertion.length > 2048)
    throw new errors.InvalidClientAuth('client_assertion is longer than 2048 bytes');
  // Real consumers sign by the machine's clock, and the action by the tenant's.
  const untimely = untimelyAt(claims, now) && untimelyAt(claims, Date.now() / 1000);
  if (untimely) throw new errors.InvalidClientAuth(untimely);
  for (const name of ['iss', 'sub', 'jti']) {
    if (String(claims[name]).length > 64)
      throw new errors.InvalidClientAuth(`${name} is longer than 64 characters`);
  }
}

/** Auth0's claims for a machine: `sub` with @clients, `azp`, `gty`. */
function asAuth0Token(
  _context: Context,
  _token: unknown,
  structured: { payload: Record<string, unknown> },
): void {
  const clientId = String(structured.payload.client_id);
  Object.assign(structured.payload, { sub: `${clientId}@clients`, azp: clientId, gty: 'client-credentials' });
}

// --- clients, live from the tenant ---

/** Clients are the tenant's; all else this grant stores is the assertions seen, in a store that cannot grow for ever. */
function adapterFor(options: AuthorizationServerOptions): (model: string) => object {
  const store = new Map<string, { payload: object; expires: number }>();
  return (model) => ({
    async find(id: string) {
      if (model === 'Client') return clientMetadata(options, id);
      const entry = store.get(`${model}:${id}`);
      return entry && entry.expires > Date.now() ? entry.payload : undefined;
    },
    async upsert(id: string, payload: object, expiresIn = LIFETIME_SECONDS) {
      store.set(`${model}:${id}`, { payload, expires: Date.now() + expiresIn * 1000 });
      const oldest = store.keys().next();
      if (store.size > STORE_LIMIT && !oldest.done) store.delete(oldest.value);
    },
    async destroy(id: string) {
      store.delete(`${model}:${id}`);
    },
  });
}

function clientMetadata(options: AuthorizationServerOptions, clientId: string): object | undefined {
  const client = options.tenant.authenticationOf(clientId);
  if (client === undefined) return undefined;
  const byCertificate =
    client.method === 'self_signed_tls_client_auth' || client.method === 'tls_client_auth';
  const bound = client.requireProofOfPossession || (byCertificate && options.bindTokens !== false);
  return {
    client_id: clientId,
    token_endpoint_auth_method: client.method,
    tls_client_certificate_bound_access_tokens: bound,
    ...grantMetadata(client),
    ...credentialMetadata(client),
  };
}

/** oidc-provider wants a redirect URI where Auth0 wants none. */
function grantMetadata(client: ClientAuthentication): object {
  const grants = grantsOf(client);
  const asksForCode = grants.includes('authorization_code');
  const [callbacks, placeholder] = [client.callbacks ?? [], ['https://localhost/']];
  return {
    grant_types: grants,
    response_types: asksForCode ? ['code'] : [],
    redirect_uris: asksForCode ? (callbacks.length > 0 ? callbacks : placeholder) : [],
  };
}

function credentialMetadata(client: ClientAuthentication): object {
  switch (client.method) {
    case 'client_secret_post':
    case 'client_secret_basic':
      // oidc-provider refuses an empty secret as metadata; a random one refuses the client, which is what is meant.
      return { client_secret: client.secret || randomBytes(32).toString('hex') };
    case 'private_key_jwt':
      return { jwks: { keys: client.publicKeys.map(publicJwk) } };
    case 'self_signed_tls_client_auth':
      // An expired credential stays "but will be inoperable" (docs/facts.md#auth0-expired).
      return { jwks: { keys: client.certificates.map(certificateOf).filter(isCurrent).map(certificateJwk) } };
    case 'tls_client_auth':
      // oidc-provider knows one DN per client, Auth0 two; certificateSubjectMatches reads the list again.
      return { tls_client_auth_subject_dn: JSON.stringify(client.subjectDns) };
    case 'none':
      return {};
  }
}

function publicJwk(key: { kid: string; alg: string; pem: string }): object {
  return { ...createPublicKey(key.pem).export({ format: 'jwk' }), kid: key.kid, alg: key.alg, use: 'sig' };
}

function certificateOf(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

function isCurrent(certificate: X509Certificate): boolean {
  return Date.now() < Date.parse(certificate.validTo);
}

function certificateJwk(certificate: X509Certificate): object {
  const x5c = [certificate.raw.toString('base64')];
  return { ...certificate.publicKey.export({ format: 'jwk' }), x5c };
}

// --- what comes out ---

function addAlias(context: Context, options: AuthorizationServerOptions): void {
  const endpoint = options.mtlsTokenEndpoint?.();
  if (typeof context.body !== 'object') return;
  // The provider names aliases of its own.
  const { mtls_endpoint_aliases: _own, ...body } = context.body as Record<string, unknown>;
  const pushed =
    endpoint === undefined || options.pushedRequests === false
      ? {}
      : { pushed_authorization_request_endpoint: new URL(PUSHED_REQUEST_PATH, endpoint).href };
  const aliases =
    endpoint === undefined ? {} : { mtls_endpoint_aliases: { token_endpoint: endpoint, ...pushed } };
  context.body = { ...body, ...aliases };
}

const NOT_ALLOWED = 'requested grant type is not allowed for this client';

/** Most reports of a refused client authentication show this body (auth0/node-auth0#682). */
function asAuth0Refuses(context: Context): void {
  const body = context.body as { error?: string; error_description?: string } | undefined;
  const said = (status: number, error: string, error_description: string) => {
    context.status = status;
    context.body = { error, error_description };
  };
  const grant = String(context.oidc?.params?.grant_type ?? '');
  if (body?.error === 'invalid_client') said(401, 'access_denied', 'Unauthorized');
  const invalid = body?.error === 'invalid_grant' ? INVALID_GRANT[grant] : undefined;
  if (invalid) said(403, 'invalid_grant', invalid);
  if (body?.error_description === NOT_ALLOWED) said(403, ...notAllowed(grant));
}

/** Log types, but for the letter that says how it went. */
const EXCHANGES: Readonly<Record<string, string>> = {
  authorization_code: 'eacft',
  refresh_token: 'ertft',
};

interface Recorder {
  granted(context: Context): void;
  refused(context: Context, error: ProviderError): void;
  readonly statistics: TokenStatistics;
}

function recorder(options: AuthorizationServerOptions): Recorder {
  const zero = () =>
    Object.fromEntries([...METHODS, 'unknown'].map((method) => [method, 0])) as Record<
      TokenEvent['method'],
      number
    >;
  const statistics = { granted: zero(), refused: zero(), recent: [] as TokenEvent[] };
  const now = options.now ?? Date.now;
  const record = (context: Context, outcome: TokenEvent['outcome'], reason: string | undefined) => {
    const client = context.oidc?.entities.Client;
    const certificate = forwardedCertificate(context.req, options.edgeSecret);
    const thumbprint = certificate && thumbprintOf(certificate);
    const clientId = client?.clientId ?? String(context.oidc?.params?.client_id ?? '');
    const method = client?.clientAuthMethod ?? 'unknown';
    statistics[outcome][method] += 1;
    statistics.recent.push({ at: now(), outcome, method, clientId, thumbprint, reason });
    if (statistics.recent.length > RECENT) statistics.recent.shift();
    options.tenant.log({
      // Only the success types carry the thumbprint (docs/facts.md#auth0-logs).
      type: `${outcome === 'granted' ? 's' : 'f'}${EXCHANGES[String(context.oidc?.params?.grant_type)] ?? 'eccft'}`,
      date: new Date(now()).toISOString(),
      client_id: clientId,
      ip: context.ip,
      user_agent: context.get('user-agent'),
      ...auth0Client(context.get('auth0-client')),
      ...(outcome === 'granted' && thumbprint ? { mtls_thumbprint_sha256: thumbprint } : {}),
      // Auth0's own spelling (logs-schema.json).
      ...(reason === undefined
        ? {}
        : { description: reason, details: { client_authentoication_error: reason } }),
    });
  };
  return {
    granted: (context) => record(context, 'granted', undefined),
    refused: (context, error) =>
      record(context, 'refused', error.error_detail ?? error.error_description ?? error.message),
    statistics,
  };
}

/** "Based on the `Auth0-Client` HTTP header" (logs-schema.json): base64 of JSON, as the SDKs of Auth0 send it. */
function auth0Client(header: string): Pick<TenantLog, 'auth0_client'> {
  try {
    return { auth0_client: JSON.parse(Buffer.from(header, 'base64').toString()) as object };
  } catch {
    return {};
  }
}

function verifyAccessToken(
  token: string,
  key: KeyObject,
  audience: string,
  at: number,
): { clientId: string; scopes: string[] } | 'expired' | undefined {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || decoded(header)?.alg !== 'RS256') return undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  if (!verifySignature('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) return undefined;
  const claims = decoded(payload);
  if (claims === undefined || claims.aud !== audience) return undefined;
  if (Number(claims.exp) * 1000 <= at) return 'expired';
  const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ') : [];
  return { clientId: String(claims.azp), scopes };
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
