import {
  type Emulator,
  type EmulatorRequest,
  type EmulatorResponse,
  json,
  type Now,
  type Random,
} from './emulator.ts';
import { type Call, matchRoute, type Outcome, withRecord } from './tenant-calls.ts';
import { newClient } from './tenant-clients.ts';
import {
  createCredential,
  type ParseCertificate,
  parseX509Certificate,
  randomText,
} from './tenant-credentials.ts';
import {
  badRequest,
  type Client,
  type ClientRecord,
  type CredentialType,
  insufficientScope,
  type LogEntry,
  ManagementApiError,
  type ObservedState,
} from './tenant-model.ts';
import { type RateLimit, TokenBucket } from './tenant-rate-limit.ts';
import { authenticationOf, type ClientAuthentication, METHOD_OF } from './tenant-slots.ts';

export interface TenantOptions {
  now: Now;
  random: Random;
  /** Host, or host:port. */
  domain: string;
  /** Credentials in a client's pool: 2 by default, 4 by entitlement. docs/facts.md#auth0-pool-limit. */
  poolCap?: number;
  rateLimit?: RateLimit;
  /** Refuses require_proof_of_possession and knows access_token.tls_client_certificate_binding instead. */
  olderBinding?: boolean;
  /** How far `created_at` is ahead of the `Date` header: a service has many machines. */
  recordsAheadMs?: number;
  /** GET may show a state that was current at most this long ago. Recorded reads agree at once, hence 0. */
  staleReadsMs?: number;
  /** When that was the current state which this GET shows; undefined: now. Instead of `staleReadsMs`, for one who decides of each read. */
  readsAsOf?: () => number | undefined;
  /** How long an entry takes to appear in the logs: "you may see some delays" (docs log-data-retention). */
  logDelayMs?: number;
  /** How long the logs are kept: 30 days on an Enterprise plan (docs log-data-retention). */
  logRetentionMs?: number;
  /** The logs show `user_agent` as it came, not AGENT: both were seen. */
  plainUserAgents?: boolean;
  /** Who calls with this access token. */
  authorize: (bearerToken: string) => Caller | 'expired' | undefined;
  parseCertificate?: ParseCertificate;
}

export interface Caller {
  clientId: string;
  scopes: readonly string[];
}

export interface ClientSeed extends Partial<Client> {
  /** Scopes by audience. */
  grants?: Record<string, readonly string[]>;
}

export interface CredentialSeed {
  name?: string;
  pem?: string;
  subject_dn?: string;
  alg?: string;
  credential_type: CredentialType;
  associate: boolean;
  created_at?: string;
}

/** The schema's example is a parsed one, "Chrome 120.0.0 / Mac OS X 10.15.7" (logs-schema.json); programs that its parser (npm useragent) does not know read so. */
const AGENT = 'Other 0.0.0 / Other 0.0.0';
const DAY_MS = 86_400_000;

/** An emulated Auth0 tenant: its Management API, and what the authorization server reads from its records. */
export class Tenant implements Emulator {
  readonly domain: string;
  readonly logs: LogEntry[] = [];
  readonly #options: TenantOptions;
  readonly #bucket: TokenBucket | undefined;
  /** The states that a stale read may still show, oldest first; the last one is the current one. */
  #states: { since: number; state: ObservedState }[];

  constructor(options: TenantOptions) {
    this.#options = options;
    this.domain = options.domain;
    this.#bucket = options.rateLimit && new TokenBucket(options.rateLimit, options.now());
    this.#states = [{ since: Number.NEGATIVE_INFINITY, state: { clients: new Map(), settings: {} } }];
  }

  handle(request: EmulatorRequest): EmulatorResponse {
    const now = this.#options.now();
    const limit = this.#bucket?.take(now);
    try {
      // Body: issue auth0-extensions/auth0-reset-tenant#31. Served before anything is read or changed.
      if (limit?.taken === false) {
        throw new ManagementApiError(429, 'Global limit has been reached', {
          errorCode: 'too_many_requests',
        });
      }
      const { status, body, state } = this.#answer(request, now);
      if (state) this.#commit(state, now);
      return json(status, body, now, limit?.headers);
    } catch (error) {
      if (!(error instanceof ManagementApiError)) throw error;
      return json(error.statusCode, error.body, now, limit?.headers);
    }
  }

  /** Adds a client as if it had always been there; RS256 like the dashboard's applications. */
  createClient({ grants = {}, ...fields }: ClientSeed = {}): Client {
    const client = newClient({ jwt_configuration: { alg: 'RS256' }, ...fields }, this.#options.random);
    this.#commit(withRecord(this.#current, { client, credentials: [], grants }), this.#options.now());
    return structuredClone(client);
  }

  /** Adds a credential without the API's refusals (cap, duplicates, expiry), and answers its id. */
  seedCredential(clientId: string, seed: CredentialSeed): string {
    const { associate, created_at, ...body } = seed;
    const now = this.#options.now();
    const credential = createCredential(body, this.#context(created_at ? Date.parse(created_at) : now));
    const record = this.#record(clientId);
    const credentials = [...record.credentials, credential];
    const client = associate ? associated(record.client, credential) : record.client;
    this.#commit(withRecord(this.#current, { ...record, client, credentials }), now);
    return credential.id;
  }

  /** A copy of all that the tenant knows of a client, pems and associations included. */
  reveal(clientId: string): ClientRecord {
    return structuredClone(this.#record(clientId));
  }

  /** The authorization server's view. How long a PATCH takes to show there is unknown: at once. */
  authenticationOf(clientId: string): ClientAuthentication | undefined {
    const record = this.#current.clients.get(clientId);
    return record && authenticationOf(record, this.#options.now());
  }

  /** The scopes of a client grant. */
  grant(clientId: string, audience: string): readonly string[] | undefined {
    return this.#current.clients.get(clientId)?.grants[audience];
  }

  log(entry: Omit<LogEntry, 'date' | 'log_id'>): void {
    const { now, plainUserAgents, random } = this.#options;
    const user_agent = plainUserAgents ? entry.user_agent : AGENT;
    this.logs.push({
      ...entry,
      user_agent,
      date: new Date(now()).toISOString(),
      log_id: randomText(random, 32),
    });
  }

  #logsAt(time: number): LogEntry[] {
    const { logDelayMs = 0, logRetentionMs = 30 * DAY_MS } = this.#options;
    return this.logs.filter(({ date }) => {
      const age = time - Date.parse(date);
      return age >= logDelayMs && age <= logRetentionMs;
    });
  }

  #answer({ method, path, headers, body }: EmulatorRequest, now: number): Outcome {
    const [pathname = '', search] = path.split('?', 2);
    const { route, clientId, credentialId } = matchRoute(method, pathname);
    const { scopes } = this.#caller(headers.authorization);
    if (!route.scopes.some((scope) => scopes.includes(scope))) throw insufficientScope(route.scopes);
    const asOf = method === 'GET' ? this.#staleTime(now) : now;
    const call: Call = {
      ...this.#context(now),
      clientId,
      credentialId,
      query: new URLSearchParams(search),
      body: parsedBody(body),
      scopes,
      state: this.#stateAt(asOf),
      logs: this.#logsAt(asOf),
      poolCap: this.#options.poolCap ?? 2,
      olderBinding: this.#options.olderBinding === true,
    };
    return route.run(call);
  }

  #context(now: number): Pick<Call, 'now' | 'recordsAheadMs' | 'random' | 'parseCertificate'> {
    const { random, parseCertificate = parseX509Certificate, recordsAheadMs = 0 } = this.#options;
    return { now, recordsAheadMs, random, parseCertificate };
  }

  /** "Invalid token." is the OpenAPI document's word; the bodies are as users quote them, e.g. in issues. */
  #caller(authorization = ''): Caller {
    const [, token] = /^Bearer (.+)$/i.exec(authorization) ?? [];
    const caller = token === undefined ? undefined : this.#options.authorize(token);
    if (typeof caller === 'object') return caller;
    const message =
      caller === 'expired' ? 'Expired token received for JSON Web Token validation' : 'Invalid token.';
    throw new ManagementApiError(401, message, { attributes: { error: message } });
  }

  get #current(): ObservedState {
    return this.#stateAt(Number.POSITIVE_INFINITY);
  }

  #record(clientId: string): ClientRecord {
    const record = this.#current.clients.get(clientId);
    if (!record) throw new Error(`No client ${clientId}`);
    return record;
  }

  #staleTime(now: number): number {
    const { staleReadsMs = 0, random, readsAsOf } = this.#options;
    if (readsAsOf) return readsAsOf() ?? now;
    return staleReadsMs > 0 ? now - random() * staleReadsMs : now;
  }

  #stateAt(time: number): ObservedState {
    const found = this.#states.findLast(({ since }) => since <= time) ?? this.#states[0];
    if (!found) throw new Error('A tenant always has a state');
    return found.state;
  }

  /** Keeps the states since the one that was current when the stalest read looks. */
  #commit(state: ObservedState, now: number): void {
    const { readsAsOf, staleReadsMs = 0 } = this.#options;
    const oldest = readsAsOf ? Number.NEGATIVE_INFINITY : now - staleReadsMs;
    const first = this.#states.findLastIndex(({ since }) => since <= oldest);
    this.#states = [...this.#states.slice(Math.max(first, 0)), { since: now, state }];
  }
}

function associated(
  client: Client,
  { id, credential_type }: { id: string; credential_type: CredentialType },
): Client {
  const method = METHOD_OF[credential_type];
  const credentials = [...(client.client_authentication_methods?.[method]?.credentials ?? []), { id }];
  const { token_endpoint_auth_method: _replaced, ...rest } = client;
  return { ...(rest as Client), client_authentication_methods: { [method]: { credentials } } };
}

/** hapi's text for a body that is not JSON; nothing better is known. */
function parsedBody(body: string): unknown {
  if (body === '') return null;
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest('Invalid request payload JSON format');
  }
}
