/** Decides what each authentication method registers at Auth0 and stores in secrets. */

import type { KeyObject } from 'node:crypto';
import type { AuthenticationMethod, DesiredState } from '../model/desired-state.ts';
import type { KeyFacts, Pair, Registration } from '../model/key-pair.ts';
import type { SecretLocation } from '../model/secret-location.ts';
import type { SigningAlgorithm } from '../model/signing-algorithm.ts';
import type { Issuer } from './authority.ts';
import {
  inspect,
  keySizeOf,
  kidOf,
  leafOf,
  parsePair,
  parseRsaKey,
  pkcs8,
  publicKeyOf,
  subjectDnOf,
} from './inspect.ts';
import { issueCertificate } from './issue.ts';
import { type Pkcs12Options, toPkcs12 } from './pkcs12.ts';

/** Parses a pair, or with private_key_jwt a bare key. @throws Error whose message completes "Input 'name' …" */
export function parseCredential(method: AuthenticationMethod, text: string): Pair {
  if (method !== 'private_key_jwt') return parsePair(text);
  return { privateKey: pkcs8(parseRsaKey(text)), certificate: undefined };
}

/** Facts about a pair. @param expiresAt expiry of a public key, which contains none, in milliseconds */
export function factsOf(method: AuthenticationMethod, pair: Pair, expiresAt?: number): KeyFacts {
  if (pair.certificate === undefined) {
    const kid = kidOf(pair.privateKey);
    return {
      identity: kid,
      thumbprint: kid,
      subject: undefined,
      keySize: keySizeOf(pair.privateKey),
      notBefore: undefined,
      notAfter: expiresAt === undefined ? undefined : new Date(expiresAt),
    };
  }
  const { hasJoinedValues, subject, thumbprint, ...dates } = inspect(pair.certificate);
  const identity = method === 'tls_client_auth' ? subject : thumbprint;
  return { ...dates, identity, thumbprint, subject: hasJoinedValues ? undefined : subject };
}

/** The OpenAPI description allows at most 4096 characters for `pem` (POST /clients). */
const LONGEST_PEM = 4096;

/**
 * The body of an upload.
 * @param name the name with the mark
 * @param alg algorithm of a public key
 */
export function registrationOf(
  method: AuthenticationMethod,
  { certificate, privateKey }: Pair,
  { identity, keySize, notAfter }: KeyFacts,
  name: string,
  alg: SigningAlgorithm,
): Registration {
  if (certificate === undefined) {
    const expires_at = (notAfter ?? new Date(0)).toISOString();
    const pem = publicKeyOf(privateKey);
    return { name, credential_type: 'public_key', pem, alg, kid: identity, expires_at };
  }
  const pem = leafOf(certificate);
  if (method === 'self_signed_tls_client_auth') return { name, credential_type: 'x509_cert', pem };
  // It is unknown whether Auth0 reads EC certificates (docs/facts.md#auth0-key-types), so they are registered by subject DN.
  return keySize > 0 && pem.length <= LONGEST_PEM
    ? { name, credential_type: 'cert_subject_dn', pem }
    : { name, credential_type: 'cert_subject_dn', subject_dn: subjectDnOf(certificate) };
}

/**
 * The text of a secret. The key comes first: curl, nginx, Node, Python and Go can read that order, and jose and Auth0's SDKs refuse a
 * text with anything before the key.
 */
export async function secretFor(
  { part }: SecretLocation,
  { certificate, privateKey }: Pair,
  options: Pkcs12Options,
): Promise<string> {
  if (part === 'private-key' || certificate === undefined) return privateKey;
  if (part === 'pkcs12') return toPkcs12({ certificate, privateKey }, options);
  return part === 'certificate' ? certificate : privateKey + certificate;
}

/**
 * Makes the new pair, or uses the one that was brought.
 * @param now milliseconds since the epoch, by Auth0's clock
 * @param key called if a new key is needed
 * @throws RotationError CERTIFICATE_TOO_LARGE
 */
export async function issuePair(
  issuer: Issuer,
  desired: Pick<DesiredState, 'method' | 'subject' | 'validityDays'>,
  now: number,
  key: () => Promise<KeyObject>,
): Promise<Pair> {
  if (issuer.kind === 'brought') return issuer.pair;
  const privateKey = await key();
  if (desired.method === 'private_key_jwt') return { privateKey: pkcs8(privateKey), certificate: undefined };
  const authority = issuer.kind === 'authority' ? issuer.authority : undefined;
  return issueCertificate(privateKey, desired, now, authority);
}
