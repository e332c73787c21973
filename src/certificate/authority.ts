/** Reads and checks a private CA, and pairs that another CA issued, before any effect. */

import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import type { CertifiedPair } from '../model/key-pair.ts';
import { chainOf, isRoot } from './chain.ts';
import type { Asn1, Forge } from './forge.ts';
import { pairOf, parseCertificates, parsePrivateKey } from './inspect.ts';

export interface Authority {
  privateKey: KeyObject;
  certificate: X509Certificate;
  /** Milliseconds. No certificate can outlive the CA or a CA above it. */
  notAfter: number;
  /** PEM of its certificate and the given CAs above it, without a root. A server needs them besides the leaf. */
  intermediates: string;
}

/** The source of a rotation's certificate. */
export type Issuer =
  | { kind: 'itself' }
  | { kind: 'authority'; authority: Authority }
  | { kind: 'brought'; pair: CertifiedPair };

/**
 * @param given the CA's certificate, and those of the CAs above it
 * @throws Error with a reason that follows `ca-certificate`
 */
export function authorityOf(given: readonly X509Certificate[], privateKey: KeyObject): Authority {
  const ca = given.find((one) => one.checkPrivateKey(privateKey));
  if (!ca) throw new Error('does not belong to ca-private-key');
  if (!ca.ca) throw new Error('is not a CA certificate (basicConstraints)');
  const chain = isRoot(ca) ? [ca] : chainOf(ca, given);
  for (const one of chain) refuseExpired(one);
  return {
    privateKey,
    certificate: ca,
    notAfter: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    intermediates: isRoot(ca) ? '' : chain.join(''),
  };
}

/** @throws Error with a reason that follows `ca-private-key` */
export function parseSigningKey(text: string): KeyObject {
  const key = parsePrivateKey(text);
  const { asymmetricKeyType: type = '' } = key;
  if (type !== 'rsa' && type !== 'ec') throw new Error(`has a key of type ${type}; RSA and EC can sign here`);
  return key;
}

/** OpenSSL refuses shorter RSA keys in TLS (security level 2). */
const SHORTEST_RSA = 2048;

/**
 * Checks a pair that another CA issued, and its chain.
 * @throws Error with a reason that follows `certificate`
 * @throws RotationError CERTIFICATE_TOO_LARGE
 */
export function issuedPairOf(given: readonly X509Certificate[], privateKey: KeyObject): CertifiedPair {
  if (!given.some((one) => one.checkPrivateKey(privateKey)))
    throw new Error('does not belong to private-key');
  const pair = pairOf(privateKey, given);
  const chain = parseCertificates(pair.certificate);
  const [leaf] = chain;
  if (leaf?.ca) throw new Error('holds a CA certificate where the certificate of a client is needed');
  if (!leaf?.subject)
    throw new Error('holds a certificate without a subject, which Auth0 needs to identify it');
  for (const one of chain) {
    refuseExpired(one);
    const bits = one.publicKey.asymmetricKeyDetails?.modulusLength ?? SHORTEST_RSA;
    if (bits < SHORTEST_RSA)
      throw new Error(
        `holds a certificate with an RSA key of ${bits} bits; it must have ${SHORTEST_RSA} or more`,
      );
  }
  const outside = given.filter((one) => !isRoot(one) && !chain.some(({ raw }) => raw.equals(one.raw)));
  if (outside.length > 0) throw new Error('holds a chain in which a certificate has not issued the next one');
  return pair;
}

function refuseExpired(certificate: X509Certificate): void {
  const { validFromDate, validToDate } = certificate;
  if (validFromDate.getTime() > Date.now() + 60_000)
    throw new Error(`holds a certificate that is not valid before ${validFromDate.toISOString()}`);
  if (validToDate.getTime() <= Date.now())
    throw new Error(`holds a certificate that expired on ${validToDate.toISOString().slice(0, 10)}`);
}

const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';

/** The CA's data that its certificates repeat, as latin1. */
export interface AuthorityNames {
  /** DER of its subject. It must equal their issuer byte for byte, or the chain does not match. */
  subject: string;
  /** Their authority key identifier. */
  keyIdentifier: string;
}

/** Reads what node:crypto does not show. @throws Error if the certificate has an unknown form */
export function namesOf({ asn1 }: Forge, { certificate }: Authority): AuthorityNames {
  const members = (node: Asn1 | undefined) => (Array.isArray(node?.value) ? node.value : []);
  const [body] = members(asn1.fromDer(certificate.raw.toString('latin1')));
  const fields = members(body);
  // RFC 5280 4.1: [version] serial, signature, issuer, validity, subject, key, …, [3] extensions.
  const subject = fields[fields[0]?.type === 0 ? 5 : 4];
  const wanted = asn1.oidToDer(SUBJECT_KEY_IDENTIFIER).getBytes();
  const extensions = members(members(fields.at(-1))[0]).map(members);
  const octets = extensions.find(([oid]) => oid?.value === wanted)?.at(-1)?.value;
  const identifier = typeof octets === 'string' ? asn1.fromDer(octets).value : keyDigest(certificate);
  if (!subject || typeof identifier !== 'string') throw new Error('the CA certificate has an unknown form');
  return { subject: asn1.toDer(subject).getBytes(), keyIdentifier: identifier };
}

/** For a CA without the extension any unique value is allowed (RFC 5280 4.2.1.2). */
function keyDigest(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha1').update(spki).digest().toString('latin1');
}
