/** What a PEM holds: certificates, keys, thumbprints. Reads with node:crypto, which also knows what node-forge does not. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chainOf } from './chain.ts';
import { readSubject } from './subject.ts';

/** A private key and what goes with it, as PEM. */
export interface Pair {
  /** PKCS#8. */
  privateKey: string;
  /** The leaf, then what was given of its chain; undefined with `private_key_jwt`, whose public key follows from the private one. */
  certificate: string | undefined;
}

/** A pair of a method that authenticates by certificate. */
export interface CertifiedPair extends Pair {
  certificate: string;
}

export interface CertificateFacts {
  /** base64url of SHA-256 of the DER: `x5t#S256` (RFC 8705), Auth0's `thumbprint_sha256`. */
  thumbprint: string;
  /** RFC 4514. */
  subject: string;
  /** Bits of an RSA key, else 0. */
  keySize: number;
  notBefore: Date;
  notAfter: Date;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

/**
 * The pair in a PEM bundle, whatever the order; line ends lost to `\n` are restored.
 * @throws Error with a reason that fits behind the input's name; never any part of the PEM
 */
export function parsePair(text: string): CertifiedPair {
  const pem = restoreLines(text);
  const key = PRIVATE_KEY.exec(pem)?.[0];
  if (key === undefined) throw new Error('holds no PEM private key');
  const certificates = parseCertificates(pem);
  const privateKey = parsePrivateKey(key);
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(privateKey));
  if (!leaf) throw new Error('holds a private key that does not belong to its certificate');
  return { privateKey: pkcs8(privateKey), certificate: chainOf(leaf, certificates).join('') };
}

/**
 * The key of private_key_jwt: Auth0 takes RSA of 2048 bits or more (configure-private-key-jwt, "Credential limits").
 * @throws Error with a reason that fits behind the input's name
 */
export function parseRsaKey(text: string): KeyObject {
  const key = parsePrivateKey(text);
  if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return key;
  throw new Error('is no RSA key of at least 2048 bits');
}

/** @throws Error with a reason that fits behind the input's name */
export function parsePrivateKey(text: string): KeyObject {
  try {
    return createPrivateKey(restoreLines(text));
  } catch {
    throw new Error('is not a PEM private key without passphrase');
  }
}

/** All certificates of a PEM, at least one. @throws Error with a reason that fits behind the input's name */
export function parseCertificates(text: string): X509Certificate[] {
  const found = restoreLines(text).match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error('holds no PEM certificate');
  return found.map((pem) => {
    try {
      return new X509Certificate(pem);
    } catch {
      throw new Error('holds a PEM certificate that cannot be read');
    }
  });
}

export function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SPKI, as PEM. */
export function publicKeyOf(privateKeyPem: string): string {
  return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
}

/** Bits of an RSA key, else 0. */
export function keySizeOf(pem: string): number {
  return createPublicKey(pem).asymmetricKeyDetails?.modulusLength ?? 0;
}

/** RFC 7638 thumbprint of an RSA key: what Auth0 gives a key as `kid`. */
export function kidOf(privateKeyPem: string): string {
  const { e, kty, n } = createPublicKey(privateKeyPem).export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
}

/** @param certificatePem the first one counts */
export function inspect(certificatePem: string): CertificateFacts {
  const certificate = new X509Certificate(certificatePem);
  return {
    thumbprint: thumbprintOf(certificate),
    subject: readSubject(certificate.subject),
    keySize: certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

/** The first certificate of a PEM alone. */
export function leafOf(certificatePem: string): string {
  return new X509Certificate(certificatePem).toString();
}

/** As Auth0 writes it: one attribute a line, in the certificate's order (docs/facts.md#auth0-credential-record). */
export function subjectDnOf(certificatePem: string): string {
  return new X509Certificate(certificatePem).subject;
}

/** RFC 8705 3.1: base64url of the SHA-256 of the DER (docs/facts.md#auth0-thumbprint). */
function thumbprintOf(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

function restoreLines(text: string): string {
  return text.includes('\n') ? text : text.replaceAll('\\n', '\n');
}
