/**
 * Whatever comes in, from a workflow or from a server: it is read, or refused with a reason. Nothing else may happen.
 * node test/fuzz.ts [--cases N] [--seed N]
 */

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { parse } from 'yaml';
import { discoverMtlsTokenEndpoint } from '../src/auth0/discovery.ts';
import { proveKey } from '../src/auth0/proof.ts';
import { readClient, readCredential } from '../src/auth0/records.ts';
import { Tenant } from '../src/auth0/tenant.ts';
import { managementToken } from '../src/auth0/token.ts';
import { parseAuthority, parseIssuedPair } from '../src/certificate/authority.ts';
import { parseCertificates, parsePair, parsePrivateKey, parseRsaKey } from '../src/certificate/inspect.ts';
import { issueCertificate } from '../src/certificate/issue.ts';
import { parseSubject, printSubject, readSubject } from '../src/certificate/subject.ts';
import { RotationError } from '../src/errors.ts';
import { parseDestination, printDestination } from '../src/github/destination.ts';
import { SecretStore } from '../src/github/secret-store.ts';
import { type Json, parseJson } from '../src/http/json.ts';
import { Cancellation, type Connection, Service } from '../src/http/service.ts';
import { type HttpResponse, NetworkError } from '../src/http/wire.ts';
import { readInputs, secretsIn } from '../src/inputs.ts';
import { readMark } from '../src/rotation/mark.ts';
import { createAuthority, selfSignedCertificate } from './sandbox/tls.ts';

interface Target {
  name: string;
  /** Of 100 cases. */
  share: number;
  property: fc.IRawProperty<unknown>;
}

/** A text as it should be, spoiled: cut, doubled, overwritten, with pieces of the grammar in the wrong place. */
function spoiled(valid: readonly string[], pieces: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 8 }));
  const edit = fc.record({ at: fc.nat(4_000), cut: fc.nat(60), piece });
  const edits = fc.tuple(fc.constantFrom(...valid), fc.array(edit, { maxLength: 6 }));
  return fc.oneof(
    { weight: 4, arbitrary: edits.map(([text, all]) => all.reduce(edited, text)) },
    { weight: 1, arbitrary: fc.array(piece, { maxLength: 12 }).map((all) => all.join('')) },
  );
}

function edited(text: string, { at, cut, piece }: { at: number; cut: number; piece: string }): string {
  const start = at % (text.length + 1);
  return text.slice(0, start) + piece + text.slice(start + cut);
}

/** @throws Error where what was thrown is no reason: a TypeError, or one that repeats what is secret */
function refused(error: unknown, secret = ''): void {
  if (!(error instanceof Error) || error.constructor !== Error) throw error;
  const lines = secret.split('\n').filter((line) => line.length >= 20 && !line.startsWith('-----'));
  if (lines.some((line) => error.message.includes(line))) throw new Error('the reason repeats the secret');
}

/** @throws whatever is thrown but an error of the closed list that is not an accident */
function coded(error: unknown): RotationError {
  if (error instanceof RotationError && error.code !== 'INTERNAL_ERROR') return error;
  throw error;
}

const subjects = spoiled(
  ['CN=client', 'CN=a\\, b,OU=x+y,O=Acme\\20,C=DE', '2.5.4.3=a\\C3\\A4,UID=1,DC=example,DC=com'],
  [',', '=', '\\', '\\,', '+', '"', '#', ' ', '\\C3', '\\FF', 'CN=', '2.5.4.', '__proto__=x', '\0', 'ä'],
);

function subject(): fc.IRawProperty<unknown> {
  return fc.property(subjects, (text) => {
    readSubject(text);
    try {
      const attributes = parseSubject(text);
      const again = parseSubject(printSubject(attributes));
      if (JSON.stringify(again) !== JSON.stringify(attributes))
        throw new TypeError('printed, it reads otherwise');
    } catch (error) {
      refused(error);
    }
  });
}

function names(): fc.IRawProperty<unknown> {
  const forms = [
    'repo:acme/shop',
    'env:acme/shop/a/b',
    'org:acme',
    'auth0-mtls-rotation repo:a/b#X run 1.1 after c',
  ];
  const texts = spoiled(forms, ['/', ':', '..', ' run ', ' after ', 'env:', '\n', ' ', '%2e']);
  return fc.property(texts, (text) => {
    readMark(text);
    const destination = parseDestination(text);
    if (destination && printDestination(destination) !== text)
      throw new TypeError('printed, it reads otherwise');
    const parts = destination?.kind === 'org' ? [] : [destination?.repo];
    if (parts.some((part) => part === '.' || part === '..')) throw new TypeError('it leaves the path');
  });
}

interface Materials {
  pem: readonly string[];
  secrets: readonly string[];
}

async function materials(): Promise<Materials> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey: curve } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = await issueCertificate(privateKey, { subject: 'CN=a', validityDays: 9 }, Date.now());
  const { key, cert } = selfSignedCertificate('b');
  const ec = curve.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keys = [own.privateKey, key, ec];
  const pem = [
    own.privateKey + own.certificate,
    cert + key,
    ec + own.certificate,
    createAuthority().pem,
    ...keys,
  ];
  return { pem: [...pem, own.privateKey.replaceAll('\n', '\\n')], secrets: keys };
}

const PEM_PIECES = [
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '-----BEGIN PRIVATE KEY-----',
  '-----END PRIVATE KEY-----',
  '-----BEGIN ENCRYPTED PRIVATE KEY-----',
  '\n',
  '\\n',
  '\r\n',
  '=',
  'MII',
  '\0',
];

function pems({ pem }: Materials): fc.IRawProperty<unknown> {
  const readers = [
    parsePair,
    parseRsaKey,
    parsePrivateKey,
    parseCertificates,
    (text: string) => parseAuthority(text, text),
    (text: string) => parseIssuedPair(text, text),
  ];
  return fc.property(spoiled(pem, PEM_PIECES), fc.constantFrom(...readers), (text, read) => {
    try {
      read(text);
    } catch (error) {
      refused(error, text);
    }
  });
}

const INPUTS = Object.keys(parse(readFileSync(new URL('../action.yml', import.meta.url), 'utf8')).inputs);
const SOUND: Readonly<Record<string, string>> = {
  'auth0-domain': 'tenant.auth0.com',
  'client-id': 'client',
  'management-token': 'a-management-token',
  'github-token': 'a-token-of-github',
};

function inputs({ pem }: Materials): fc.IRawProperty<unknown> {
  const words = [
    'true',
    'rotate',
    'enroll',
    'create',
    'revert',
    'plan',
    'tls_client_auth',
    'private_key_jwt',
    '7d',
    '0h',
  ];
  const value = fc.oneof(
    spoiled(
      ['tenant.auth0.com:443', '2048', '90', ...words],
      [':', '/', '.', '@', '-1', '1e9', '\n', '__proto__', ' '],
    ),
    spoiled(pem, PEM_PIECES),
    subjects,
  );
  const given = fc.dictionary(fc.constantFrom(...INPUTS), value, { maxKeys: 8 });
  return fc.property(given, (some) => {
    const all = Object.entries({ ...SOUND, ...some }).map(([name, text]) => [
      `INPUT_${name.toUpperCase()}`,
      text,
    ]);
    const environment = { GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '1', ...Object.fromEntries(all) };
    try {
      readInputs(environment);
    } catch (error) {
      const { code, message } = coded(error);
      if (code !== 'INVALID_INPUT') throw error;
      // Neither what is given as a secret nor a key that is given in the wrong place.
      const secrets = [...secretsIn(environment).filter((text) => text.length >= 20), ...Object.values(some)];
      const lines = secrets.flatMap((text) => text.match(/[A-Za-z0-9+/=]{48,}/g) ?? []);
      if (lines.some((line) => message.includes(line))) throw new Error('the problem repeats a secret');
    }
  });
}

/** Bodies like those of Auth0 and GitHub, with anything in the place of anything. */
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Json>(
      'cred_1',
      'x509_cert',
      'public_key',
      'client',
      '2026-01-01T00:00:00.000Z',
      '',
      'aGVsbG8=',
    ),
    fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null)),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'id',
          'client_id',
          'name',
          'credential_type',
          'created_at',
          'expires_at',
          'updated_at',
          'kid',
        ),
        fc.constantFrom(
          'client_authentication_methods',
          'self_signed_tls_client_auth',
          'credentials',
          'subject_dn',
        ),
        fc.constantFrom(
          'token_endpoint',
          'mtls_endpoint_aliases',
          'access_token',
          'error',
          'error_description',
        ),
        fc.constantFrom(
          'key',
          'key_id',
          'message',
          'visibility',
          '__proto__',
          'constructor',
          'toString',
          'jwt_configuration',
        ),
      ),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
})).value;

function records(): fc.IRawProperty<unknown> {
  return fc.property(json, (body) => {
    const read = parseJson({ body: JSON.stringify(body) });
    readClient(read);
    readCredential(read);
    if (Object.getPrototypeOf({}).polluted !== undefined) throw new TypeError('a prototype was reached');
  });
}

const answers: fc.Arbitrary<HttpResponse | NetworkError> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      status: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(200, 201) },
        fc.integer({ min: 200, max: 599 }),
      ),
      headers: fc.dictionary(
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
      ),
      body: fc.oneof(
        { weight: 4, arbitrary: json.map((body) => JSON.stringify(body)) },
        fc.string({ unit: 'binary' }),
      ),
    }),
  },
  fc.constantFrom(new NetworkError('ECONNRESET', 'unknown'), new NetworkError('ENOTFOUND', 'no')),
);

/** No time passes: what would be waited for is not. */
function connectionOf(answer: HttpResponse | NetworkError): Connection {
  return {
    send: async () => {
      if (answer instanceof NetworkError) throw answer;
      return answer;
    },
    clock: {
      now: () => 1_800_000_000_000,
      sleep: async () => {},
      random: () => 0,
      deadline: Number.POSITIVE_INFINITY,
    },
    cancellation: new Cancellation(new AbortController().signal),
    debug: () => undefined,
  };
}

const LOGIN = { kind: 'client-secret', clientId: 'm', secret: 'a-secret-of-the-client' } as const;
const AT_HOME = /^https:\/\/([^/@]+\.)?tenant\.test(:\d+)?(\/|$|\?|#)/;

/** Whoever answers: an error of the list, or what can be used. */
const CALLS: readonly ((service: Service, pem: string) => Promise<unknown>)[] = [
  async (service) => {
    const endpoint = await discoverMtlsTokenEndpoint(service, 'tenant.test', undefined);
    if (endpoint !== undefined && !AT_HOME.test(new URL(endpoint).href))
      throw new TypeError('an endpoint elsewhere');
  },
  (service) =>
    managementToken({
      service,
      domain: 't',
      audience: 'a',
      login: LOGIN,
      mtlsTokenEndpoint: async () => undefined,
    }),
  (service) => tenantOf(service).client('client'),
  (service) => tenantOf(service).clients('mark'),
  (service) => tenantOf(service).credentials('client'),
  (service) => tenantOf(service).logs(new URLSearchParams()),
  (service) => tenantOf(service).deleteCredential('client', 'id'),
  (service) =>
    tenantOf(service).createCredential('client', { name: 'n', credential_type: 'x509_cert', pem: '' }),
  (service) => storeOf(service).times(PLACE),
  (service) => storeOf(service).publicKey(PLACE.destination),
  (service) => storeOf(service).store(PLACE, 'value'),
  (service) => {
    const pair = { privateKey: '', certificate: 'x' };
    const login = {
      endpoint: 'https://t/oauth/token',
      domain: 't',
      clientId: 'c',
      pair,
      audience: undefined,
    };
    return proveKey(service, { ...login, thumbprint: 't', mustBind: true, run: '7.1' });
  },
];
const PLACE = { destination: { kind: 'org', org: 'acme' }, secretName: 'X', part: 'pair' } as const;
const tenantOf = (service: Service) => new Tenant(service, 'tenant.test', async () => 'a-token-of-auth0');
const storeOf = (service: Service) =>
  new SecretStore(service, 'a-token-of-github', 'https://api.github.test');

function serverAnswers(): fc.IRawProperty<unknown> {
  return fc.asyncProperty(answers, fc.constantFrom(...CALLS), async (answer, call) => {
    try {
      await call(new Service('Server', connectionOf(answer)), '');
    } catch (error) {
      const { message } = coded(error);
      if (message.includes(LOGIN.secret) || /[\r\n]|::|##\[/.test(message))
        throw new Error(`a message that harms: ${message}`);
    }
  });
}

export async function targets(): Promise<Target[]> {
  const made = await materials();
  return [
    { name: 'subject DN', share: 20, property: subject() },
    { name: 'destinations and marks', share: 10, property: names() },
    { name: 'PEM', share: 20, property: pems(made) },
    { name: 'inputs', share: 10, property: inputs(made) },
    { name: 'records of Auth0', share: 15, property: records() },
    { name: 'answers of servers', share: 25, property: serverAnswers() },
  ];
}

/** @throws Error with the smallest case that fails */
export async function fuzz({ name, property, share }: Target, cases: number, seed?: number): Promise<number> {
  const numRuns = Math.ceil((cases * share) / 100);
  try {
    await fc.assert(property, { numRuns, ...(seed === undefined ? {} : { seed }) });
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  return numRuns;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string' } },
  });
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  for (const target of await targets()) {
    const began = performance.now();
    const cases = await fuzz(target, Number(values.cases), seed);
    console.log(`${target.name}: ${cases} cases in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
}
