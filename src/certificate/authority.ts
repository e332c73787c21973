/** Reads and checks a private CA, and pairs that another CA issued, before any effect. */

import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import type { CertifiedPair } from '../model/key-pair.ts';
import { chainOf, isRoot } from './chain.ts';
import { elements, fieldsOf } from './der.ts';
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
  /** The action makes a bare key, or a certificate that is signed with its own key. */
  | { kind: 'itself' }
  /** None is given, since the run issues nothing. */
  | { kind: 'none' }
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
  if (outside.length > 0)
    throw new Error(
      'holds a certificate that does not belong to the chain; pass the one for private-key and those above it',
    );
  return pair;
}

function refuseExpired(certificate: X509Certificate): void {
  const { validFromDate, validToDate } = certificate;
  if (validFromDate.getTime() > Date.now() + 60_000)
    throw new Error(`holds a certificate that is not valid before ${validFromDate.toISOString()}`);
  if (validToDate.getTime() <= Date.now())
    throw new Error(`holds a certificate that expired on ${validToDate.toISOString().slice(0, 10)}`);
}

/** The object identifier 2.5.29.14, as DER. */
const SUBJECT_KEY_IDENTIFIER = Buffer.from([0x55, 0x1d, 0x0e]);

/** The CA's data that its certificates repeat, as latin1. */
export interface AuthorityNames {
  /** DER of its subject. It must equal their issuer byte for byte, or the chain does not match. */
  subject: string;
  /** Their authority key identifier. */
  keyIdentifier: string;
}

export function namesOf({ certificate }: Authority): AuthorityNames {
  const { extensions, subject } = fieldsOf(certificate.raw);
  const [octets] = extensions
    .map(({ content }) => elements(content))
    .filter(([oid]) => oid?.content.equals(SUBJECT_KEY_IDENTIFIER))
    .flatMap((extension) => elements(extension.at(-1)?.content ?? Buffer.alloc(0)));
  const identifier = octets?.content ?? keyDigest(certificate);
  return {
    subject: subject?.whole.toString('latin1') ?? '',
    keyIdentifier: identifier.toString('latin1'),
  };
}

/** For a CA without the extension any unique value is allowed (RFC 5280 4.2.1.2). */
function keyDigest(certificate: X509Certificate): Buffer {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha1').update(spki).digest();
}
