/** Answers of Auth0 and GitHub, spoiled: whoever reads them gets what can be used, or an error of the closed list. */

import fc from 'fast-check';
import { discoverMtlsEndpoints } from '../../src/auth0/discovery.ts';
import { proveKey } from '../../src/auth0/proof.ts';
import { readClient, readCredential } from '../../src/auth0/records.ts';
import { Tenant } from '../../src/auth0/tenant.ts';
import { managementToken } from '../../src/auth0/token.ts';
import { RotationError } from '../../src/errors.ts';
import { GitHubApi } from '../../src/github/api.ts';
import { Issues } from '../../src/github/issues.ts';
import { SecretStore } from '../../src/github/secret-store.ts';
import { findShadows } from '../../src/github/shadows.ts';
import { findEarlierRuns } from '../../src/github/workflow-runs.ts';
import { readWorkflow } from '../../src/github/workflows.ts';
import { Cancellation } from '../../src/http/clock.ts';
import { Service, type Transport } from '../../src/http/service.ts';
import { type HttpResponse, NetworkError } from '../../src/http/wire.ts';
import { type Json, parseJson } from '../../src/model/json.ts';

/** @throws whatever is thrown but an error of the closed list that is not an accident */
export function coded(error: unknown): RotationError {
  if (error instanceof RotationError && error.code !== 'INTERNAL_ERROR') return error;
  throw error;
}

const NOW = Date.parse('2026-06-01');
const AT = '2026-01-01T00:00:00.000Z';
const CREDENTIAL = {
  id: 'cred_1',
  credential_type: 'x509_cert',
  name: 'n',
  created_at: AT,
  thumbprint_sha256: 't',
  expires_at: AT,
};
/** What Auth0 and GitHub answer when all is well. */
const BODIES = {
  client: {
    client_id: 'client',
    name: 'n',
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [{ id: 'cred_1' }] } },
    jwt_configuration: { alg: 'RS256' },
    access_token: { tls_client_certificate_binding: true },
  },
  pool: [CREDENTIAL],
  credential: CREDENTIAL,
  subject: { ...CREDENTIAL, credential_type: 'cert_subject_dn', subject_dn: 'C=DE\nCN=a' },
  key: { ...CREDENTIAL, credential_type: 'public_key', kid: 'k' },
  clients: [{ client_id: 'client', name: 'n', client_metadata: { mark: 'm' } }],
  logs: [
    {
      log_id: '1',
      date: AT,
      mtls_thumbprint_sha256: 't',
      ip: '::1',
      user_agent: 'a',
      auth0_client: { name: 'n' },
    },
  ],
  discovery: {
    token_endpoint: 'https://tenant.test/t',
    mtls_endpoint_aliases: { token_endpoint: 'https://mtls.tenant.test/t' },
  },
  token: { access_token: `e.${Buffer.from('{"cnf":{"x5t#S256":"t"}}').toString('base64url')}.s` },
  refusal: { error: 'invalid_client', error_description: 'no', message: 'no' },
  secret: { name: 'X', created_at: AT, updated_at: AT, visibility: 'selected' },
  repositories: { total_count: 1, repositories: [{ id: 1 }] },
  publicKey: { key_id: '1', key: Buffer.alloc(32, 9).toString('base64') },
  names: { total_count: 1, secrets: [{ name: 'X' }], environments: [{ name: 'e' }] },
  runs: {
    state: 'active',
    workflow_runs: [
      {
        id: 1,
        name: 'n',
        html_url: 'https://github.test',
        status: 'queued',
        conclusion: 'x',
        created_at: AT,
      },
    ],
  },
  issues: [{ number: 1, state: 'open', body: 'b', labels: [{ name: 'l' }] }],
  issue: { number: 1, state: 'open', body: 'b', labels: [{ name: 'l' }] },
} satisfies Record<string, Json>;
type BodyName = keyof typeof BODIES;

const anything: fc.Arbitrary<Json> = fc.oneof(
  // What breaks where a value is made a text or a number without a look.
  fc.constant<Json>({ toString: 'x' }),
  fc.constantFrom<Json>(
    null,
    '',
    0,
    -1,
    1e300,
    true,
    [],
    {},
    [null],
    { toString: 'x' },
    { length: 1 },
    { constructor: {} },
  ),
  fc.constantFrom<Json>(
    `x\n::add-mask::y##[z`,
    '2026',
    BODIES.publicKey.key,
    'https://tenant.test.evil.example/',
    'http://tenant.test/',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom<Json>(...Object.values(BODIES)),
);

/** One of these bodies, with anything in up to three of its places. */
function bodies(names: readonly BodyName[]): fc.Arbitrary<Json> {
  const changes = fc.array(fc.tuple(fc.nat(), anything), { maxLength: 3 });
  return fc
    .tuple(fc.constantFrom(...names), changes)
    .map(([name, all]) => all.reduce<Json>((body, [at, value]) => replacedAt(body, at, value), BODIES[name]));
}

const ANY = Object.keys(BODIES) as BodyName[];

/** Its nth place, in the order of its text. */
function replacedAt(body: Json, at: number, by: Json): Json {
  let location = 0;
  const wanted = at % (JSON.stringify(body).match(/[:,[]/g)?.length || 1);
  const walk = (value: Json | undefined): Json | undefined => {
    if (location++ === wanted) return by;
    if (Array.isArray(value)) return value.map((one) => walk(one) ?? null);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, walk(member)]));
  };
  return walk(body) ?? null;
}

export function records(): fc.IRawProperty<unknown> {
  return fc.property(bodies(ANY), (body) => {
    const read = parseJson({ body: JSON.stringify(body) });
    readClient(read);
    readCredential(read);
  });
}

const answersOf = (names: readonly BodyName[]): fc.Arbitrary<HttpResponse | NetworkError> =>
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        status: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom(200, 201) },
          fc.integer({ min: 200, max: 599 }),
        ),
        headers: fc
          .dictionary(
            fc.constantFrom(
              'date',
              'retry-after',
              'x-ratelimit-reset',
              'x-ratelimit-remaining',
              'content-type',
              'location',
            ),
            fc.oneof(
              fc.constantFrom(
                'application/json',
                '0',
                '-1',
                '99999999999',
                'Thu, 01 Jan 1970 00:00:00 GMT',
                'never',
              ),
              fc.string({ maxLength: 20 }),
            ),
          )
          // Octokit reads nothing else as JSON.
          .map((some) => ({ 'content-type': 'application/json', ...some })),
        body: fc.oneof(
          { weight: 8, arbitrary: bodies(names).map((body) => JSON.stringify(body)) },
          bodies(ANY).map((body) => JSON.stringify(body)),
          fc.string({ unit: 'binary' }),
        ),
      }),
    },
    fc.constantFrom(new NetworkError('ECONNRESET', 'unknown'), new NetworkError('ENOTFOUND', 'no')),
  );

/** What would be waited for is over at once. */
function connectionOf(answer: HttpResponse | NetworkError): Transport {
  let now = NOW;
  return {
    send: async () => {
      if (answer instanceof NetworkError) throw answer;
      return answer;
    },
    clock: {
      now: () => now,
      sleep: async (milliseconds) => {
        now += milliseconds;
      },
      random: () => 0,
    },
    cancellation: new Cancellation(new AbortController().signal),
    debug: () => undefined,
  };
}

const LOGIN = { kind: 'client-secret', clientId: 'm', secret: 'a-secret-of-the-client' } as const;
const AT_HOME = /^https:\/\/([^/@]+\.)?tenant\.test(:\d+)?(\/|$|\?|#)/;

type Call = (service: Service) => Promise<unknown>;

/** What the answer should be, and who reads it: an error of the list, or what can be used. */
const CALLS: readonly (readonly [readonly BodyName[], Call])[] = [
  [
    ['discovery'],
    async (service) => {
      const { token, pushedRequest } = await discoverMtlsEndpoints(service, 'tenant.test', undefined);
      for (const endpoint of [token, pushedRequest])
        if (endpoint !== undefined && !AT_HOME.test(new URL(endpoint).href))
          throw new TypeError('an endpoint elsewhere');
    },
  ],
  [['token', 'refusal'], (service) => managementToken({ ...LOGIN_API, service })],
  [['client'], (service) => tenantOf(service).client('client')],
  [['clients'], (service) => tenantOf(service).clients('mark')],
  [['pool'], (service) => tenantOf(service).credentials('client')],
  [['logs'], (service) => tenantOf(service).logs(new URLSearchParams())],
  [['refusal'], (service) => tenantOf(service).deleteCredential('client', 'id')],
  [['credential', 'refusal'], (service) => tenantOf(service).createCredential('client', REGISTRATION)],
  [['secret'], (service) => storeOf(service).times(PLACE)],
  [['publicKey'], (service) => storeOf(service).publicKey(PLACE.destination)],
  [['publicKey', 'secret', 'repositories'], (service) => storeOf(service).store(PLACE, 'value')],
  [['names'], (service) => storeOf(service).names(REPOSITORY)],
  [
    ['names'],
    (service) => findShadows(storeOf(service), [{ ...PLACE, destination: REPOSITORY }], REPOSITORY),
  ],
  [['runs'], (service) => findEarlierRuns(storeOf(service), [REPOSITORY], NOW, '1')],
  [['runs'], (service) => readWorkflow(apiOf(service), { owner: 'acme', repo: 'shop', file: 'rotate.yml' })],
  [['issues'], (service) => new Issues(apiOf(service), 'acme/shop').labelled('l')],
  [['issue'], (service) => new Issues(apiOf(service), 'acme/shop').open('title', 'body', 'l')],
  [['token', 'refusal'], (service) => proveKey(service, PROOF)],
];
const LOGIN_API = { domain: 't', audience: 'a', login: LOGIN, mtlsTokenEndpoint: async () => undefined };
const REGISTRATION = { name: 'n', credential_type: 'x509_cert', pem: '' } as const;
const PROOF = {
  endpoint: 'https://t/oauth/token',
  domain: 't',
  clientId: 'c',
  pair: { privateKey: '', certificate: 'x' },
  thumbprint: 't',
  audience: undefined,
  mustBind: true,
  run: '7.1',
};
const PLACE = { destination: { kind: 'org', org: 'acme' }, secretName: 'X', part: 'pair' } as const;
const REPOSITORY = { kind: 'repo', owner: 'acme', repo: 'shop' } as const;
const apiOf = (service: Service) => new GitHubApi(service, 'a-token-of-github', 'https://api.github.test');
const tenantOf = (service: Service) => new Tenant(service, 'tenant.test', async () => 'a-token-of-auth0');
const storeOf = (service: Service) => new SecretStore(apiOf(service));

export function serverAnswers(): fc.IRawProperty<unknown> {
  const cases = fc
    .constantFrom(...CALLS)
    .chain(([names, call]) => fc.tuple(answersOf(names), fc.constant(call)));
  return fc.asyncProperty(cases, async ([answer, call]) => {
    try {
      await call(new Service('Server', connectionOf(answer)));
    } catch (error) {
      const { message } = coded(error);
      if (message.includes(LOGIN.secret) || /[\r\n]|::|##\[/.test(message))
        throw new Error(`a message that harms: ${message}`);
    }
  });
}
