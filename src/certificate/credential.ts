/** What each authentication method registers at Auth0, and what its secrets hold: the one place that knows their differences. */

import type { KeyObject } from 'node:crypto';
import type { AuthenticationMethod, DesiredState } from '../model/desired-state.ts';
import type { KeyFacts, Pair, Registration } from '../model/key-pair.ts';
import type { SecretLocation } from '../model/secret-location.ts';
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

/** @throws Error with a reason that fits behind the input's name */
export function parseCredential(method: AuthenticationMethod, text: string): Pair {
  if (method !== 'private_key_jwt') return parsePair(text);
  return { privateKey: pkcs8(parseRsaKey(text)), certificate: undefined };
}

/** @param expiresAt of a public key, which cannot tell; milliseconds */
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
  const facts = inspect(pair.certificate);
  return { ...facts, identity: method === 'tls_client_auth' ? facts.subject : facts.thumbprint };
}

/** OpenAPI: `pem` has at most 4096 characters where that is stated (POST /clients). */
const LONGEST_PEM = 4096;

/** @param name the mark */
export function registrationOf(
  method: AuthenticationMethod,
  { certificate, privateKey }: Pair,
  { identity, keySize, notAfter }: KeyFacts,
  name: string,
): Registration {
  if (certificate === undefined) {
    const expires_at = (notAfter ?? new Date(0)).toISOString();
    const pem = publicKeyOf(privateKey);
    return { name, credential_type: 'public_key', pem, alg: 'RS256', kid: identity, expires_at };
  }
  const pem = leafOf(certificate);
  if (method === 'self_signed_tls_client_auth') return { name, credential_type: 'x509_cert', pem };
  // Whether Auth0 reads EC certificates is unknown (docs/facts.md#auth0-key-types); it always reads a name.
  return keySize > 0 && pem.length <= LONGEST_PEM
    ? { name, credential_type: 'cert_subject_dn', pem }
    : { name, credential_type: 'cert_subject_dn', subject_dn: subjectDnOf(certificate) };
}

/** Key first: what curl, nginx, Node, Python and Go read as it is. A bare key stands alone: jose and Auth0's own SDKs read no text before it. */
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
 * Makes the new pair, or takes the one that was brought.
 * @param now milliseconds since the epoch, by Auth0's clock
 * @param key asked for where a key is needed
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
