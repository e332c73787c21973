/** What a PEM holds: certificate, key, thumbprint. Reads with node:crypto, which also knows what node-forge does not. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateFacts } from '../rotation/wish.ts';
import { type Attribute, oidOf, printSubject } from './subject.ts';

/** A private key and its certificate, as PEM. */
export interface Pair {
  /** PKCS#8. */
  privateKey: string;
  certificate: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

/**
 * The pair in a PEM bundle, whatever their order; line ends lost to `\n` are restored.
 * @throws Error with a reason that fits behind the input's name; never any part of the PEM
 */
export function parsePair(text: string): Pair {
  const pem = restoreLines(text);
  const key = PRIVATE_KEY.exec(pem)?.[0];
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (key === undefined) throw new Error('holds no PEM private key');
  if (certificates.length === 0) throw new Error('holds no PEM certificate');
  const privateKey = parsePrivateKey(key);
  const leaf = certificates
    .map(parseCertificate)
    .find((certificate) => certificate.checkPrivateKey(privateKey));
  if (!leaf) throw new Error('holds a private key that does not belong to its certificate');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: leaf.toString(),
  };
}

/** @throws Error with a reason that fits behind the input's name */
export function parsePrivateKey(text: string): KeyObject {
  try {
    return createPrivateKey(restoreLines(text));
  } catch {
    throw new Error('is not a PEM private key without passphrase');
  }
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error('holds a PEM certificate that cannot be read');
  }
}

export function inspect(certificatePem: string): CertificateFacts {
  const certificate = new X509Certificate(certificatePem);
  return {
    thumbprint: thumbprintOf(certificate),
    subject: printSubject(subjectOf(certificate)),
    keySize: certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

/** RFC 8705 3.1: base64url of the SHA-256 of the DER. */
function thumbprintOf(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

/** node:crypto prints one attribute a line, in the certificate's order, with specials and non-ASCII bytes escaped. */
function subjectOf(certificate: X509Certificate): Attribute[] {
  return certificate.subject.split('\n').map((line) => {
    const equals = line.indexOf('=');
    const type = line.slice(0, equals);
    return { oid: oidOf(type) ?? type, value: line.slice(equals + 1).replace(/\\(.)/g, '$1') };
  });
}

function restoreLines(text: string): string {
  return text.includes('\n') ? text : text.replaceAll('\\n', '\n');
}
