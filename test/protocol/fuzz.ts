/**
 * Whatever comes in, from a workflow or from a server: it is read, or refused with a reason. Nothing else may happen.
 * node test/fuzz.ts [--cases N] [--seed N]
 */

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { parse } from 'yaml';
import { authorityOf, issuedPairOf, parseSigningKey } from '../../src/certificate/authority.ts';
import { parseCertificates, parsePair, parsePrivateKey, parseRsaKey } from '../../src/certificate/inspect.ts';
import { issueCertificate } from '../../src/certificate/issue.ts';
import { readInputs, secretsIn } from '../../src/inputs/inputs.ts';
import { readOwnership } from '../../src/model/ownership.ts';
import { parseDestination, printDestination } from '../../src/model/secret-location.ts';
import { parseSubject, printSubject, readSubject } from '../../src/model/subject-dn.ts';
import { createAuthority, selfSignedCertificate } from '../emulators/tls.ts';
import { coded, records, serverAnswers } from './fuzz-answers.ts';

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
    readOwnership(text);
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
    (text: string) => authorityOf(parseCertificates(text), parseSigningKey(text)),
    (text: string) => issuedPairOf(parseCertificates(text), parsePrivateKey(text)),
  ];
  return fc.property(spoiled(pem, PEM_PIECES), fc.constantFrom(...readers), (text, read) => {
    try {
      read(text);
    } catch (error) {
      refused(error, text);
    }
  });
}

const INPUTS = Object.keys(parse(readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')).inputs);
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
