/** Issues a key pair and its self-signed certificate: node:crypto makes the key and signs, node-forge builds the X.509. */

import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { RotationError } from '../errors.ts';
import type { Pair } from './inspect.ts';
import { parseSubject } from './subject.ts';

export interface CertificateWish {
  /** RFC 4514. */
  subject: string;
  validityDays: number;
}

/** Clocks differ: the certificate is valid a little before it exists. */
const BACKDATE = 5 * 60_000;
const DAY = 86_400_000;
/** Auth0's edge contract: the certificate travels URL-encoded in a header of at most 4096 bytes (set-up-the-customer-edge). */
const HEADER_LIMIT = 4096;

/** RSA; native and asynchronous, so that it runs while the network answers. */
export async function generateKey(bits: number): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: bits,
    publicExponent: 0x10001,
  });
  return privateKey;
}

/**
 * @param now milliseconds since the epoch, by Auth0's clock
 * @throws RotationError CERTIFICATE_TOO_LARGE
 */
export async function issueSelfSigned(
  privateKey: KeyObject,
  wish: CertificateWish,
  now: number,
): Promise<Pair> {
  const certificate = await buildCertificate(privateKey, wish, now);
  const size = encodeURIComponent(certificate).length;
  if (size > HEADER_LIMIT) {
    throw new RotationError('CERTIFICATE_TOO_LARGE', {
      failed: `The certificate has ${size} bytes when it is URL-encoded; Auth0 takes ${HEADER_LIMIT} (client-certificate header of the mTLS edge).`,
      remedy: 'Choose a shorter subject or a smaller key-size.',
    });
  }
  return { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate };
}

async function buildCertificate(privateKey: KeyObject, wish: CertificateWish, now: number): Promise<string> {
  const { default: forge } = await import('./forge.ts');
  const { pki, asn1, oids } = forge;
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(
    createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
  );
  certificate.serialNumber = serialNumber();
  certificate.validity.notBefore = new Date(now - BACKDATE);
  certificate.validity.notAfter = new Date(now + wish.validityDays * DAY);
  const name = parseSubject(wish.subject).map(({ oid, value }) => attribute(oid, value));
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', clientAuth: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.signatureOid = oids.sha256WithRSAEncryption ?? '';
  certificate.siginfo.algorithmOid = certificate.signatureOid;
  const tbs = pki.getTBSCertificate(certificate);
  certificate.tbsCertificate = tbs;
  // Signed natively: the private key never enters node-forge.
  certificate.signature = sign(
    'sha256',
    Buffer.from(asn1.toDer(tbs).getBytes(), 'latin1'),
    privateKey,
  ).toString('latin1');
  return pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

/** RFC 5280 4.1.2.2: positive, at most 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes.readUInt8(0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** ASN.1 string types of RFC 5280 4.1.2.4: UTF8String, except where the attribute prescribes another. */
const PRINTABLE = 19;
const IA5 = 22;
const UTF8 = 12;
const TYPES: Readonly<Record<string, number>> = {
  '2.5.4.5': PRINTABLE,
  '2.5.4.6': PRINTABLE,
  '0.9.2342.19200300.100.1.25': IA5,
  '1.2.840.113549.1.9.1': IA5,
};

function attribute(type: string, value: string) {
  return { type, value, valueTagClass: TYPES[type] ?? UTF8 };
}
