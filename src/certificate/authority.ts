/** Reads and checks a private CA, and pairs that another CA issued, before any effect. */

import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import type { CertifiedPair } from '../model/key-pair.ts';
import { areTwins, chainOf, isRoot, isValidNow, latestFirst } from './chain.ts';
import { extensionOf, fieldsOf } from './der.ts';
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
 * @param issues false: the run issues nothing, so the dates do not matter
 * @throws Error whose message completes "Input 'ca-certificate' …"
 */
export function authorityOf(
  given: readonly X509Certificate[],
  privateKey: KeyObject,
  issues = true,
): Authority {
  const ca = latestFirst(given).find((one) => one.checkPrivateKey(privateKey));
  if (!ca) throw new Error('does not belong to ca-private-key');
  if (!ca.ca) throw new Error('is not a CA certificate (basicConstraints)');
  const chain = chainOf(ca, given);
  if (issues) for (const one of chain) refuseNotValidNow(one);
  return {
    privateKey,
    certificate: ca,
    notAfter: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    intermediates: isRoot(ca) ? '' : chain.join(''),
  };
}

/** The curve of an ECDSA key determines the digest (RFC 5758 3.2). */
export const ECDSA: Readonly<Record<string, { digest: string; oid: string }>> = {
  prime256v1: { digest: 'sha256', oid: '1.2.840.10045.4.3.2' },
  secp384r1: { digest: 'sha384', oid: '1.2.840.10045.4.3.3' },
  secp521r1: { digest: 'sha512', oid: '1.2.840.10045.4.3.4' },
};

/** Whether a certificate can be signed with it. */
function canSign(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' || (key.asymmetricKeyDetails?.namedCurve ?? '') in ECDSA;
}

/** @throws Error whose message completes "Input 'ca-private-key' …" */
export function parseSigningKey(text: string): KeyObject {
  const key = parsePrivateKey(text);
  const {
    asymmetricKeyDetails: { modulusLength = SHORTEST_RSA, namedCurve } = {},
    asymmetricKeyType: type = '',
  } = key;
  if (!canSign(key))
    throw new Error(
      `has a key of type ${namedCurve ? `${type} (${namedCurve})` : type}; RSA, and EC on P-256, P-384 or P-521, can sign here`,
    );
  if (modulusLength < SHORTEST_RSA)
    throw new Error(`has an RSA key of ${modulusLength} bits; it must have ${SHORTEST_RSA} or more`);
  return key;
}

/** OpenSSL refuses shorter RSA keys in TLS (security level 2). */
const SHORTEST_RSA = 2048;

/**
 * Checks a pair that another CA issued, and its chain.
 * @param issues false: the run delivers nothing, so neither the dates nor the use of the pair matter
 * @throws Error whose message completes "Input 'certificate' …"
 */
export function issuedPairOf(
  given: readonly X509Certificate[],
  privateKey: KeyObject,
  issues = true,
): CertifiedPair {
  if (!given.some((one) => one.checkPrivateKey(privateKey)))
    throw new Error('does not belong to private-key');
  const pair = pairOf(privateKey, latestFirst(given));
  const chain = parseCertificates(pair.certificate);
  const [leaf] = chain;
  if (leaf?.ca) throw new Error('holds a CA certificate where the certificate of a client is needed');
  if (!leaf?.subject)
    throw new Error('holds a certificate without a subject, which Auth0 needs to identify it');
  if (issues) refuseUseless(leaf);
  for (const one of chain) {
    if (issues) refuseNotValidNow(one);
    const bits = one.publicKey.asymmetricKeyDetails?.modulusLength ?? SHORTEST_RSA;
    if (bits < SHORTEST_RSA)
      throw new Error(
        `holds a certificate with an RSA key of ${bits} bits; it must have ${SHORTEST_RSA} or more`,
      );
  }
  // A bundle may hold former certificates of a CA that was renewed.
  const known = [...chain, ...given.filter(isRoot)];
  if (!given.every((one) => known.some((other) => areTwins(one, other))))
    throw new Error(
      'holds a certificate that does not belong to the chain; pass the one for private-key and those above it',
    );
  return pair;
}

/** A server refuses the login with a certificate that is for something else (RFC 5280 4.2.1.3 and 4.2.1.12). */
function refuseUseless({ keyUsage: purposes, raw }: X509Certificate): void {
  const why = 'holds a certificate that a client cannot log in with:';
  if (purposes && !FOR_CLIENTS.some((oid) => purposes.includes(oid)))
    throw new Error(`${why} its extendedKeyUsage lacks clientAuth; have one issued with clientAuth`);
  const uses = extensionOf(raw, KEY_USAGE);
  // The first byte of a bit string counts the bits that its end lacks.
  if (uses && ((uses.content[1] ?? 0) & FOR_LOGINS) === 0)
    throw new Error(`${why} its keyUsage lacks digitalSignature; have one issued with digitalSignature`);
}

/** clientAuth and anyExtendedKeyUsage. */
const FOR_CLIENTS = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];
/** The object identifier 2.5.29.15, as DER. */
const KEY_USAGE = Buffer.from([0x55, 0x1d, 0x0f]);
/** digitalSignature, and keyAgreement, with which OpenSSL lets a client in as well. */
const FOR_LOGINS = 0x88;

function refuseNotValidNow(certificate: X509Certificate): void {
  if (isValidNow(certificate)) return;
  const { validFromDate, validToDate } = certificate;
  throw new Error(
    validToDate.getTime() <= Date.now()
      ? `holds a certificate that expired on ${validToDate.toISOString().slice(0, 10)}`
      : `holds a certificate that is not valid before ${validFromDate.toISOString()}`,
  );
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
  const { subject } = fieldsOf(certificate.raw);
  const octets = extensionOf(certificate.raw, SUBJECT_KEY_IDENTIFIER);
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
