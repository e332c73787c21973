/** Reads certificates, keys and thumbprints from a PEM with node:crypto, which supports more key types than node-forge. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { CertifiedPair } from '../model/key-pair.ts';
import { printSubject } from '../model/subject-dn.ts';
import { chainOf } from './chain.ts';
import { absenceOf, type Block, blocksOf, printPem, whyUnusable } from './pem.ts';
import { subjectOf } from './subject-der.ts';

export interface CertificateFacts {
  /** base64url of SHA-256 of the DER: `x5t#S256` (RFC 8705), Auth0's `thumbprint_sha256`. */
  thumbprint: string;
  /** RFC 4514, without the joining of values. */
  subject: string;
  /** Whether some values of the subject are joined by `+` into one RDN. The action issues no such subject. */
  hasJoinedValues: boolean;
  /** Bits of an RSA key, else 0. */
  keySize: number;
  notBefore: Date;
  notAfter: Date;
}

/**
 * The pair in a PEM bundle, in any order.
 * @throws Error whose message completes "Input 'name' …" and contains no part of the PEM
 */
export function parsePair(text: string): CertifiedPair {
  return pairOf(parsePrivateKey(text), parseCertificates(text));
}

/** A key with its certificate and chain. @throws Error whose message completes "Input 'name' …" */
export function pairOf(key: KeyObject, certificates: readonly X509Certificate[]): CertifiedPair {
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (!leaf) throw new Error('holds a private key that does not belong to its certificate');
  return { privateKey: pkcs8(key), certificate: chainOf(leaf, certificates).join('') };
}

/**
 * The key for private_key_jwt. Auth0 accepts RSA of 2048 bits or more (configure-private-key-jwt, "Credential limits").
 * @throws Error whose message completes "Input 'name' …"
 */
export function parseRsaKey(text: string): KeyObject {
  const key = parsePrivateKey(text);
  if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return key;
  throw new Error('is not an RSA key of at least 2048 bits');
}

/** The only key of a PEM, which may also hold certificates. @throws Error whose message completes "Input 'name' …" */
export function parsePrivateKey(text: string): KeyObject {
  const blocks = blocksOf(text);
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).map(readKey);
  const [key, ...others] = keys;
  if (!key) throw new Error(absenceOf('private key', text, blocks));
  if (others.some((other) => !other.equals(key))) throw new Error('holds several private keys; pass one');
  return key;
}

function readKey(block: Block): KeyObject {
  const { der, label } = block;
  const refusal = whyUnusable(block);
  if (refusal !== undefined || !der) throw new Error(refusal);
  try {
    return createPrivateKey(printPem(label, der));
  } catch {
    throw new Error(`holds a PEM ${label} that cannot be read`);
  }
}

/** All certificates of a PEM, at least one. @throws Error whose message completes "Input 'name' …" */
export function parseCertificates(text: string): X509Certificate[] {
  const blocks = blocksOf(text);
  const found = blocks.filter(({ label }) => label.endsWith('CERTIFICATE'));
  if (found.length === 0) throw new Error(absenceOf('certificate', text, blocks));
  return found.map((block) => {
    const refusal = whyUnusable(block);
    if (refusal !== undefined || !block.der) throw new Error(refusal);
    try {
      return new X509Certificate(block.der);
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

/** RFC 7638 thumbprint of an RSA key, which Auth0 uses as `kid`. */
export function kidOf(privateKeyPem: string): string {
  const { e, kty, n } = createPublicKey(privateKeyPem).export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
}

/** Facts about a certificate. @param certificatePem only its first certificate counts */
export function inspect(certificatePem: string): CertificateFacts {
  const certificate = new X509Certificate(certificatePem);
  return {
    thumbprint: thumbprintOf(certificate),
    subject: printSubject(subjectOf(certificate)),
    // A plus in a value is escaped.
    hasJoinedValues: certificate.subject.includes(' + '),
    keySize: certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

/** The first certificate of a PEM. */
export function leafOf(certificatePem: string): string {
  return new X509Certificate(certificatePem).toString();
}

/** The subject in Auth0's form, with one attribute per line in the certificate's order (docs/facts.md#auth0-credential-record). */
export function subjectDnOf(certificatePem: string): string {
  return new X509Certificate(certificatePem).subject;
}

/** `x5t#S256` of RFC 8705 3.1, which is the base64url of the SHA-256 of the DER (docs/facts.md#auth0-thumbprint). */
function thumbprintOf(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}
