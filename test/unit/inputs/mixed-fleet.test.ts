/** A manifest whose clients authenticate by different methods: what of the workflow's inputs counts for whom. */

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { RotationError } from '../../../src/errors.ts';
import { readFleet } from '../../../src/inputs/fleet.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { Workshop } from '../../support/pem-spellings.ts';

const ACTION: Record<string, { default?: string }> = parse(readFileSync('action.yml', 'utf8')).inputs;
const GIVEN = {
  'auth0-domain': 'tenant.eu.auth0.com',
  'management-token': 'token',
  'github-token': 'github',
};
const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());
const authority = workshop.issue('ca', { algorithm: 'P-256', profile: 'ca', days: 400 });
const pair = selfSignedCertificate('brought');

function read(text: string, changes: Record<string, string> = {}) {
  const defaults = Object.entries(ACTION).map(([name, input]) => [name, input.default ?? '']);
  const all = { ...Object.fromEntries(defaults), ...GIVEN, ...changes };
  const named = Object.entries<string>(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  return readFleet({ GITHUB_REPOSITORY: 'acme/shop', ...Object.fromEntries(named) }, 'fleet.yml', text);
}

function problems(text: string, changes: Record<string, string> = {}): readonly string[] {
  try {
    read(text, changes);
  } catch (error) {
    if (error instanceof RotationError) return error.problems;
    throw error;
  }
  return [];
}

describe('a manifest of several methods', () => {
  const selfSigned = '  - client-id: self\n    secret-name: SELF\n';
  const signed =
    '  - client-id: signed\n    secret-name: SIGNED\n    authentication-method: tls_client_auth\n';
  const key = '  - client-id: key\n    secret-name: KEY\n    authentication-method: private_key_jwt\n';
  const MIXED = `clients:\n${selfSigned}${signed}${key}`;
  const ca = { 'ca-certificate': authority.cert, 'ca-private-key': authority.key };
  const shared = {
    ...ca,
    retire: 'when-unused',
    'certificate-secret-name': 'CERT',
    'signing-algorithm': 'PS256',
    'token-binding': 'required',
  };

  it('ignores an input of the workflow for a client that it does not fit', () => {
    const text = MIXED.replace('SELF\n', 'SELF\n    certificate-secret-name: SELF_CERT\n');
    const [self, byCa, jwt] = read(text, shared);
    expect([self, byCa, jwt].map((one) => one?.issuer.kind)).toEqual(['itself', 'authority', 'itself']);
    expect([self, byCa, jwt].map((one) => one?.desired.quietWindow !== undefined)).toEqual([
      true,
      false,
      false,
    ]);
    expect([self, byCa, jwt].map((one) => one?.desired.certificateSecretName)).toEqual([
      'SELF_CERT',
      'CERT',
      undefined,
    ]);
    expect([self, byCa, jwt].map((one) => one?.desired.signingAlgorithm)).toEqual([
      undefined,
      undefined,
      'PS256',
    ]);
    expect([self, byCa, jwt].map((one) => one?.desired.tokenBinding)).toEqual([
      'required',
      'required',
      'unchanged',
    ]);
    expect(self?.desired.given).toEqual(new Set());
  });

  it('and so one of the defaults', () => {
    const text = `defaults: { signing-algorithm: PS256, pkcs12-secret-name: P12 }\nclients:\n${selfSigned}${key}`;
    const [self, jwt] = read(text);
    expect([self?.desired.signingAlgorithm, self?.desired.pkcs12SecretName]).toEqual([undefined, 'P12']);
    expect([jwt?.desired.signingAlgorithm, jwt?.desired.pkcs12SecretName]).toEqual(['PS256', undefined]);
  });

  it('refuses what fits none of its clients, all at once', () => {
    expect(problems(`clients:\n${selfSigned}${key}`, { ...shared, 'quiet-window': 'soon' })).toEqual([
      expect.stringMatching(/^Input 'ca-certificate' is only for authentication-method: tls_client_auth/),
      expect.stringMatching(/^Input 'ca-private-key' is only for/),
      expect.stringMatching(/^Input 'quiet-window' is 'soon'/),
    ]);
    expect(
      problems(`defaults:\n  pkcs12-secret-name: P12\nclients:\n${key}`, { retire: 'when-unused' }),
    ).toEqual([
      expect.stringMatching(/^Input 'retire' is when-unused/),
      expect.stringMatching(/^fleet.yml:2:3: 'pkcs12-secret-name' is for a PKCS#12/),
    ]);
  });

  it("refuses what a client's own entry sets and does not fit it", () => {
    const own = `${MIXED}    certificate-secret-name: CERT\n    token-binding: required\n`;
    expect(problems(own, ca)).toEqual([
      expect.stringMatching(/^fleet.yml:10:5: 'certificate-secret-name' is for a certificate/),
      expect.stringMatching(/^fleet.yml:11:5: 'token-binding' cannot be required with private_key_jwt/),
    ]);
  });

  it('does not do without the authority that a client needs', () => {
    expect(problems(MIXED)).toEqual([
      expect.stringMatching(
        /^fleet.yml:6:5: 'authentication-method' is tls_client_auth: give ca-certificate/,
      ),
    ]);
  });

  it('does the same for one client, whatever is wrong with the others', () => {
    const text = `${MIXED}    key-size: 1\n`;
    expect(read(text, { ...ca, shard: 'self' })[0]?.issuer.kind).toBe('itself');
    expect(read(text, { ...ca, shard: 'signed' })[0]?.issuer.kind).toBe('authority');
    expect(problems(`clients:\n${selfSigned}${key}`, { ...ca, shard: 'self' })).toEqual([
      expect.stringContaining("'ca-certificate' is only for"),
      expect.stringContaining("'ca-private-key' is only for"),
    ]);
  });

  it('refuses what a run of one client asks for, if it does not fit that one', () => {
    const asked = { shard: 'key', 'token-binding': 'required' };
    expect(problems(MIXED, { ...asked, certificate: pair.cert, 'private-key': pair.key })).toEqual([
      expect.stringContaining("Input 'certificate' is only for"),
      expect.stringContaining("Input 'private-key' is only for"),
      expect.stringContaining("Input 'token-binding' cannot be required with private_key_jwt"),
    ]);
  });
});
