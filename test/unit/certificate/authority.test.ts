/** A private CA, and pairs that another CA has issued: what is taken, what is refused, and which of its dates counts. */

import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { authorityOf, issuedPairOf, parseSigningKey } from '../../../src/certificate/authority.ts';
import { chainOf } from '../../../src/certificate/chain.ts';
import {
  factsOf,
  issuePair,
  parseCredential,
  registrationOf,
  secretFor,
} from '../../../src/certificate/credential.ts';
import { inspect, parseCertificates, pkcs8 } from '../../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import type { SecretLocation } from '../../../src/model/secret-location.ts';
import { type Made, Workshop } from '../../support/pem-spellings.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());
const root = workshop.issue('root', { algorithm: 'P-256', profile: 'ca', days: 1_000 });
const upper = workshop.issue('upper', { algorithm: 'P-256', issuer: 'root', profile: 'ca', days: 50 });
const signing = workshop.issue('signing', { algorithm: 'P-256', issuer: 'upper', profile: 'ca', days: 300 });
const leaf = workshop.issue('leaf', { issuer: 'signing', days: 60 });
const plain = workshop.issue('plain', { algorithm: 'P-256' });
const nameless = workshop.issue('nameless', { algorithm: 'P-256', subject: '/' });

const certificates = (...all: Made[]) => parseCertificates(all.map(({ cert }) => cert).join(''));
const key = ({ key: pem }: Made) => createPrivateKey(pem);
const endOf = ({ cert }: Made) => new X509Certificate(cert).validToDate.getTime();
const startOf = ({ cert }: Made) => new X509Certificate(cert).validFromDate.getTime();

describe('an authority', () => {
  it('is the one that its key belongs to, wherever it stands, with those above it but the root', () => {
    const authority = authorityOf(certificates(root, upper, signing), key(signing));
    expect(authority.certificate.subject).toBe('CN=signing');
    expect(parseCertificates(authority.intermediates).map(({ subject }) => subject)).toEqual([
      'CN=signing',
      'CN=upper',
    ]);
    expect(authority.notAfter).toBe(endOf(upper));
  });

  it('that is a root needs no CA above it, and no intermediate', () => {
    expect(authorityOf(certificates(root), key(root))).toMatchObject({
      intermediates: '',
      notAfter: endOf(root),
    });
  });

  it.each<[string, Made[], Made, RegExp]>([
    ['another key', [root], signing, /^does not belong to ca-private-key$/],
    ['what is no CA', [plain], plain, /^is not a CA certificate/],
  ])('of %s is refused', (_, given, of, words) => {
    expect(() => authorityOf(certificates(...given), key(of))).toThrow(words);
  });

  it.each(['rsa:2048', 'P-384'])('may have a key of %s', (algorithm) => {
    const made = workshop.issue('any', { algorithm, profile: 'ca' });
    expect(parseSigningKey(made.key).type).toBe('private');
  });

  it('may have no other key', () => {
    const ed25519 = workshop.openssl('genpkey', '-algorithm', 'ed25519');
    expect(() => parseSigningKey(ed25519)).toThrow(/^has a key of type ed25519; RSA, and EC on P-256/);
    const short = workshop.openssl('genrsa', '1024');
    expect(() => parseSigningKey(short)).toThrow(/^has an RSA key of 1024 bits; it must have 2048 or more$/);
  });

  it.each(['secp256k1', 'brainpoolP256r1', 'secp224r1'])('cannot sign on the curve %s', (curve) => {
    const pem = workshop.openssl('ecparam', '-genkey', '-noout', '-name', curve);
    expect(() => parseSigningKey(pem)).toThrow(`has a key of type ec (${curve}); RSA, and EC on P-256`);
  });

  it('that was renewed with its key signs with its later certificate, whichever comes first', () => {
    const form = ['-x509', '-key', 'root.key', '-config', 'openssl.cnf', '-extensions', 'ca', '-days', '5'];
    workshop.openssl('req', ...form, '-subj', '/CN=root', '-out', 'older.crt');
    const older = { cert: workshop.read('older.crt'), key: root.key };
    for (const given of [
      [root, older],
      [older, root],
    ])
      expect(authorityOf(certificates(...given), key(root)).notAfter).toBe(endOf(root));
  });

  it('bounds what it issues, and signs it so that its chain is found', async () => {
    const authority = authorityOf(certificates(signing, upper), key(signing));
    const now = Date.now();
    const made = await issueCertificate(
      await generateKey(2048),
      { subject: 'CN=x', validityDays: 90 },
      now,
      authority,
    );
    const [issued, ...above] = parseCertificates(made.certificate);
    expect(issued?.validToDate.getTime()).toBe(endOf(upper));
    expect(issued?.checkIssued(new X509Certificate(signing.cert))).toBe(true);
    expect(issued?.verify(new X509Certificate(signing.cert).publicKey)).toBe(true);
    expect(above.map(({ subject }) => subject)).toEqual(['CN=signing', 'CN=upper']);
  });

  it('of any curve signs with its own digest', async () => {
    for (const [curve, oid] of [
      ['P-256', 'ecdsa-with-SHA256'],
      ['P-384', 'ecdsa-with-SHA384'],
      ['P-521', 'ecdsa-with-SHA512'],
    ] as const) {
      const ca = workshop.issue(`ca-${curve}`, { algorithm: curve, profile: 'ca' });
      const authority = authorityOf(certificates(ca), key(ca));
      const { certificate } = await issueCertificate(
        await generateKey(2048),
        { subject: 'CN=x', validityDays: 9 },
        Date.now(),
        authority,
      );
      const issued = new X509Certificate(certificate);
      expect(issued.verify(authority.certificate.publicKey)).toBe(true);
      expect(certificateText(certificate)).toContain(`Signature Algorithm: ${oid}`);
    }
  });
});

function certificateText(pem: string): string {
  return execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem, encoding: 'utf8' });
}

interface Keys {
  publicKey: forge.pki.rsa.PublicKey;
  privateKey: forge.pki.rsa.PrivateKey;
}
function newKeys(): Keys {
  const made = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    publicKey: forge.pki.publicKeyFromPem(made.publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    privateKey: forge.pki.privateKeyFromPem(
      made.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ),
  };
}

/** Without key identifiers, which openssl always writes: only the signature tells who has issued it. */
function forged(name: string, keys: Keys, issuer: string, signer: Keys): X509Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  certificate.setSubject([{ shortName: 'CN', value: name }]);
  certificate.setIssuer([{ shortName: 'CN', value: issuer }]);
  certificate.sign(signer.privateKey, forge.md.sha256.create());
  return new X509Certificate(forge.pki.certificateToPem(certificate));
}

describe('a pair that was brought', () => {
  it('is its key with the chain of its certificate', () => {
    const pair = issuedPairOf(certificates(root, upper, leaf, signing), key(leaf));
    expect(parseCertificates(pair.certificate).map(({ subject }) => subject)).toEqual([
      'CN=leaf',
      'CN=signing',
      'CN=upper',
    ]);
    expect(pair.privateKey).toBe(pkcs8(key(leaf)));
  });

  it('has the CA above it that has signed it, not another one of its name', () => {
    const [one, two, own] = [newKeys(), newKeys(), newKeys()];
    const cas = [one, two].map((keys) => forged('same', keys, 'root', own));
    for (const [index, signer] of [one, two].entries()) {
      const below = forged('below', own, 'same', signer);
      expect(chainOf(below, cas).map(({ raw }) => raw)).toEqual([below.raw, cas[index]?.raw]);
    }
  });

  it.each<[string, Made[], Made, RegExp]>([
    ['another key', [leaf], plain, /^does not belong to private-key$/],
    ['a CA', [signing], signing, /^holds a CA certificate where/],
    ['no subject', [nameless], nameless, /^holds a certificate without a subject/],
    ['a certificate that is of no chain', [leaf, upper], leaf, /does not belong to the chain; pass the one/],
  ])('of %s is refused', (_, given, of, words) => {
    expect(() => issuedPairOf(certificates(...given), key(of))).toThrow(words);
  });
});

describe('a date', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());
  const taken = () => issuedPairOf(certificates(leaf, signing, upper), key(leaf));

  it.each<[string, () => number, RegExp | undefined]>([
    ['a second before the first of them ends', () => endOf(upper) - 1_000, undefined],
    [
      'when the first of them ends',
      () => endOf(upper),
      /^holds a certificate that expired on \d{4}-\d\d-\d\d$/,
    ],
    ['when it began', () => startOf(leaf), undefined],
    ['a minute before it begins', () => startOf(leaf) - 60_000, undefined],
    ['more than that before it begins', () => startOf(leaf) - 61_001, /is not valid before .*Z$/],
  ])('%s', (_, at, refusal) => {
    vi.setSystemTime(at());
    if (refusal) expect(taken).toThrow(refusal);
    else expect(taken()).toBeDefined();
  });

  it('of a CA above the one that signs counts as well', () => {
    vi.setSystemTime(endOf(upper));
    expect(() => authorityOf(certificates(signing, upper), key(signing))).toThrow(/certificate that expired/);
    expect(authorityOf(certificates(signing), key(signing)).notAfter).toBe(endOf(signing));
  });
});

describe('the registration at Auth0', () => {
  const pair = { certificate: leaf.cert, privateKey: leaf.key };
  const end = new Date('2027-01-01T00:00:00Z');

  it('of a certificate is itself, of a CA-signed one its name, of a key the key and its end', () => {
    const facts = factsOf('tls_client_auth', pair);
    expect(facts).toMatchObject({
      identity: 'CN=leaf',
      subject: 'CN=leaf',
      thumbprint: inspect(leaf.cert).thumbprint,
    });
    expect(registrationOf('tls_client_auth', pair, facts, 'n', 'RS256')).toEqual({
      name: 'n',
      credential_type: 'cert_subject_dn',
      pem: new X509Certificate(leaf.cert).toString(),
    });
    const self = factsOf('self_signed_tls_client_auth', pair);
    expect(self.identity).toBe(self.thumbprint);
    expect(registrationOf('self_signed_tls_client_auth', pair, self, 'n', 'RS256')).toMatchObject({
      credential_type: 'x509_cert',
    });
    const bare = { privateKey: leaf.key, certificate: undefined };
    const key = factsOf('private_key_jwt', bare, end.getTime());
    expect(key).toMatchObject({ keySize: 2048, notAfter: end, notBefore: undefined, subject: undefined });
    expect(key.identity).toBe(key.thumbprint);
    expect(registrationOf('private_key_jwt', bare, key, 'n', 'PS256')).toMatchObject({
      credential_type: 'public_key',
      alg: 'PS256',
      kid: key.identity,
      expires_at: '2027-01-01T00:00:00.000Z',
      pem: expect.stringContaining('PUBLIC KEY'),
    });
    expect(factsOf('private_key_jwt', bare).notAfter).toBeUndefined();
  });

  it('of a CA-signed certificate that is no RSA, or too long, is its name alone', () => {
    for (const made of [
      plain,
      workshop.issue('long', { algorithm: 'P-256', subject: `/CN=long${'/OU=x'.repeat(400)}` }),
    ]) {
      const one = { certificate: made.cert, privateKey: made.key };
      const registration = registrationOf(
        'tls_client_auth',
        one,
        factsOf('tls_client_auth', one),
        'n',
        'RS256',
      );
      expect(registration).not.toHaveProperty('pem');
      expect(registration).toMatchObject({ subject_dn: expect.stringMatching(/^CN=/) });
    }
    const long = workshop.issue('long-rsa', { subject: `/CN=long${`/OU=${'x'.repeat(60)}`.repeat(40)}` });
    const one = { certificate: long.cert, privateKey: long.key };
    expect(
      registrationOf('tls_client_auth', one, factsOf('tls_client_auth', one), 'n', 'RS256'),
    ).not.toHaveProperty('pem');
  });

  it.each<[SecretLocation['part'], string]>([
    ['pair', leaf.key + leaf.cert],
    ['private-key', leaf.key],
    ['certificate', leaf.cert],
  ])('a secret holds of the %s', async (part, text) => {
    const location = { part } as SecretLocation;
    const options = { alias: 'a', password: 'p' };
    expect(await secretFor(location, pair, options)).toBe(text);
    expect(await secretFor(location, { ...pair, certificate: undefined }, options)).toBe(leaf.key);
  });

  it('a secret holds of a PKCS#12', async () => {
    const text = await secretFor({ part: 'pkcs12' } as SecretLocation, pair, { alias: 'a', password: 'p' });
    expect(text).toMatch(/^MI/);
  });

  it('is read back from what a secret holds', () => {
    expect(parseCredential('private_key_jwt', leaf.key)).toEqual({
      privateKey: leaf.key,
      certificate: undefined,
    });
    expect(parseCredential('tls_client_auth', leaf.key + leaf.cert)).toEqual(pair);
    expect(() => parseCredential('private_key_jwt', plain.key)).toThrow(
      'is not an RSA key of at least 2048 bits',
    );
    const short = workshop.issue('short', { algorithm: 'rsa:1024' });
    expect(() => parseCredential('private_key_jwt', short.key)).toThrow(
      'is not an RSA key of at least 2048 bits',
    );
  });

  it('comes from where it is issued', async () => {
    const desired = { method: 'private_key_jwt', subject: 'CN=x', validityDays: 9 } as const;
    const own = async () => key(leaf);
    const never = () => Promise.reject(new Error('no key is needed'));
    expect(await issuePair({ kind: 'itself' }, desired, 0, own)).toEqual({
      privateKey: leaf.key,
      certificate: undefined,
    });
    const certified = { certificate: leaf.cert, privateKey: leaf.key };
    expect(
      await issuePair(
        { kind: 'brought', pair: certified },
        { ...desired, method: 'tls_client_auth' },
        0,
        never,
      ),
    ).toBe(certified);
    const authority = authorityOf(certificates(root), key(root));
    const signed = await issuePair(
      { kind: 'authority', authority },
      { ...desired, method: 'tls_client_auth' },
      Date.now(),
      own,
    );
    expect(new X509Certificate(signed.certificate ?? '').checkIssued(new X509Certificate(root.cert))).toBe(
      true,
    );
    const self = await issuePair(
      { kind: 'itself' },
      { ...desired, method: 'self_signed_tls_client_auth' },
      Date.now(),
      own,
    );
    expect(inspect(self.certificate ?? '')).toMatchObject({ subject: 'CN=x', keySize: 2048 });
  });
});
