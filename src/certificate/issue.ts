/** Issues a certificate, self-signed or by a private CA. node:crypto makes the key and signs, node-forge builds the X.509 structure. */

import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { CertifiedPair } from '../model/key-pair.ts';
import { parseSubject } from '../model/subject-dn.ts';
import { BACKDATE, DAY } from '../model/timing.ts';
import { type Authority, type AuthorityNames, ECDSA, namesOf } from './authority.ts';
import type { Asn1, Certificate, Forge } from './forge.ts';
import { pkcs8 } from './inspect.ts';
import { printPem } from './pem.ts';
import { certificateTooLarge, encodedSize, HEADER_LIMIT } from './size.ts';

export interface CertificateRequest {
  /** RFC 4514. */
  subject: string;
  validityDays: number;
}

/** Makes an RSA key asynchronously, so that this runs during network requests. */
export async function generateKey(bits: number): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: bits,
    publicExponent: 0x10001,
  });
  return privateKey;
}

/**
 * Issues a certificate for the key.
 * @param now milliseconds since the epoch, by Auth0's clock
 * @param authority the private CA that signs. Without it the certificate is self-signed.
 * @throws RotationError CERTIFICATE_TOO_LARGE
 */
export async function issueCertificate(
  privateKey: KeyObject,
  desired: CertificateRequest,
  now: number,
  authority?: Authority,
): Promise<CertifiedPair> {
  const { default: forge } = await import('./forge.ts');
  const names = authority && namesOf(authority);
  const certificate = unsigned(forge, privateKey, desired, validity(desired, now, authority), names);
  const leaf = signed(forge, certificate, authority?.privateKey ?? privateKey, names);
  const size = encodedSize(leaf);
  if (size > HEADER_LIMIT) throw certificateTooLarge(size);
  return { privateKey: pkcs8(privateKey), certificate: leaf + (authority?.intermediates ?? '') };
}

/** No certificate outlives its CA. */
function validity({ validityDays }: CertificateRequest, now: number, authority: Authority | undefined) {
  const notAfter = Math.min(now + validityDays * DAY, authority?.notAfter ?? Number.POSITIVE_INFINITY);
  return { notBefore: new Date(now - BACKDATE), notAfter: new Date(notAfter) };
}

/** The certificate before it is signed. `signed` replaces its issuer if a CA signs. */
function unsigned(
  { pki }: Forge,
  privateKey: KeyObject,
  desired: CertificateRequest,
  valid: Certificate['validity'],
  names: AuthorityNames | undefined,
): Certificate {
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(
    createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
  );
  certificate.serialNumber = serialNumber();
  certificate.validity = valid;
  const name = parseSubject(desired.subject).map(({ oid, value }) => attribute(oid, value));
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', clientAuth: true },
    { name: 'subjectKeyIdentifier' },
    ...(names ? [{ name: 'authorityKeyIdentifier', keyIdentifier: names.keyIdentifier }] : []),
  ]);
  return certificate;
}

/** Signs with node:crypto, so that no private key enters node-forge, which also lacks some key types of CAs. @returns PEM */
function signed(
  { asn1, oids, pki }: Forge,
  certificate: Certificate,
  signer: KeyObject,
  names: AuthorityNames | undefined,
): string {
  const { SEQUENCE, BITSTRING, OID, NULL } = asn1.Type;
  const node = (type: number, value: string | Asn1[]) =>
    asn1.create(asn1.Class.UNIVERSAL, type, type === SEQUENCE, value);
  const { digest, oid = oids.sha256WithRSAEncryption ?? '' } = algorithmOf(signer);
  const isRsa = signer.asymmetricKeyType === 'rsa';
  // ECDSA has no parameters (RFC 5758 3.2). With RSA they are NULL (RFC 4055 5).
  const algorithm = node(SEQUENCE, [
    node(OID, asn1.oidToDer(oid).getBytes()),
    ...(isRsa ? [node(NULL, '')] : []),
  ]);
  // A placeholder, which node-forge needs to build the body. Below, the algorithm of the signer replaces it.
  certificate.signatureOid = oids.sha256WithRSAEncryption ?? '';
  certificate.siginfo.algorithmOid = certificate.signatureOid;
  const body = pki.getTBSCertificate(certificate);
  const members = body.value as Asn1[];
  // Of TBSCertificate (RFC 5280 4.1), member 2 is the signature algorithm and member 3 the issuer.
  members[2] = algorithm;
  if (names) members[3] = asn1.fromDer(names.subject);
  const bytes = Buffer.from(asn1.toDer(body).getBytes(), 'latin1');
  const signature = sign(digest, bytes, signer).toString('latin1');
  const whole = node(SEQUENCE, [body, algorithm, node(BITSTRING, `\0${signature}`)]);
  return printPem('CERTIFICATE', Buffer.from(asn1.toDer(whole).getBytes(), 'latin1'));
}

function algorithmOf(key: KeyObject): { digest: string; oid?: string } {
  return ECDSA[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? { digest: 'sha256' };
}

/** A random serial number in hexadecimal. RFC 5280 4.1.2.2 requires a positive number of at most 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes.readUInt8(0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** The ASN.1 string types of RFC 5280 4.1.2.4. An attribute is a UTF8String unless TYPES names another type. */
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
