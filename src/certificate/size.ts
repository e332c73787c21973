/** Computes the size of a certificate, even before it is issued, so that the limits of Auth0's edge and GitHub's secrets are checked before any effect. */

import { RotationError } from '../errors.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { parseSubject } from '../model/subject-dn.ts';
import type { Authority, Issuer } from './authority.ts';
import { encodedName, fieldsOf } from './der.ts';
import { leafOf } from './inspect.ts';

/** The edge passes the certificate to Auth0 URL-encoded in a header of at most 4096 bytes (set-up-the-customer-edge). */
export const HEADER_LIMIT = 4096;
/** GitHub's limit is "48 KB" (docs/facts.md#github-secret-limits), which may mean 48,000 or 49,152 bytes. */
const SECRET_LIMIT = 48_000;

/** The properties that determine the size of a certificate. */
type Request = Pick<DesiredState, 'method' | 'subject' | 'keySize'>;

/** The header size of the pair that was brought, or the largest size of one that will be issued. 0 if the edge gets no certificate. */
export function headerSize({ keySize, method, subject }: Request, issuer: Issuer): number {
  if (issuer.kind === 'brought') return encodedSize(issuer.pair.certificate);
  const isIssued = method === 'self_signed_tls_client_auth' || issuer.kind === 'authority';
  if (!isIssued || keySize === undefined) return 0;
  return largestSize({ keySize, subject }, issuer.kind === 'authority' ? issuer.authority : undefined);
}

export function certificateTooLarge(size: number): RotationError {
  return new RotationError('CERTIFICATE_TOO_LARGE', {
    failed: `The certificate has ${size} bytes when it is URL-encoded; Auth0 takes ${HEADER_LIMIT} (client-certificate header of the mTLS edge).`,
    remedy: 'Choose a shorter subject or a smaller key-size.',
  });
}

/** The size of the leaf in the edge's header. */
export function encodedSize(certificatePem: string): number {
  return encodeURIComponent(leafOf(certificatePem)).length;
}

/** Whether a text is too large for a secret. */
export function exceedsSecret(pem: string): boolean {
  return Buffer.byteLength(pem) > SECRET_LIMIT;
}

/** Bytes of everything but names, key and signature (issue.ts). */
const REST = 226;
/** Bytes of the usual authority key identifier, for a certificate of a CA. */
const AUTHORITY_KEY_IDENTIFIER = 50;

/**
 * The largest header size of a certificate that would be issued. Serial, key and signature are random, and the URL encoding of + and /
 * takes three bytes. About one certificate in a billion is larger.
 */
function largestSize(
  { keySize, subject }: { keySize: number; subject: string },
  authority?: Authority,
): number {
  const name = encodedName(parseSubject(subject));
  const issuer = (authority && fieldsOf(authority.certificate.raw).subject?.whole) ?? name;
  const random =
    keySize / 8 + signatureSize(keySize, authority) + REST + (authority ? AUTHORITY_KEY_IDENTIFIER : 0);
  const characters = Math.ceil((random + name.length + issuer.length) / 3) * 4;
  const lineEnds = Math.ceil(characters / 64) * '%0A'.length;
  const escaped = escapedAtMost(random) + escapesOf(name) + escapesOf(issuer);
  return ARMOUR + characters + lineEnds + 2 * escaped;
}

const ARMOUR = encodeURIComponent('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n').length;

function signatureSize(keySize: number, authority: Authority | undefined): number {
  const { modulusLength, namedCurve } = authority?.privateKey.asymmetricKeyDetails ?? {};
  if (namedCurve === undefined) return (modulusLength ?? keySize) / 8;
  // An ECDSA signature is a sequence of two numbers of the curve's length, which is in its name (prime256v1, secp521r1).
  const bits = Number(/\d{3}/.exec(namedCurve)?.[0] ?? 521);
  return 2 * (Math.ceil(bits / 8) + 3) + 3;
}

/**
 * The most escaped characters in the base64 of random bytes. That is the mean for two characters of 64, plus six standard deviations and
 * the padding.
 */
function escapedAtMost(bytes: number): number {
  const characters = (bytes * 4) / 3;
  return Math.ceil(characters / 32 + 6 * Math.sqrt((characters * 31) / 1024)) + 2;
}

/** The most escaped characters in a name, over its possible offsets within base64's groups of three bytes. */
function escapesOf(der: Buffer): number {
  const counts = [0, 1, 2].map(
    (offset) =>
      Buffer.concat([Buffer.alloc(offset), der])
        .toString('base64')
        .match(/[+/]/g)?.length ?? 0,
  );
  // The first and the last character also contain bits of the neighbours.
  return Math.max(...counts) + 2;
}
