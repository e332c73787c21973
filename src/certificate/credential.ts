/** What each authentication method registers at Auth0, and what its secrets hold: the one place that knows their differences. */

import type { KeyObject } from 'node:crypto';
import type { AuthenticationMethod, DesiredState, KeyFacts } from '../model/desired-state.ts';
import type { SecretLocation } from '../model/secret-location.ts';
import type { Authority } from './authority.ts';
import {
  type CertifiedPair,
  inspect,
  keySizeOf,
  kidOf,
  leafOf,
  type Pair,
  parsePair,
  parseRsaKey,
  pkcs8,
  publicKeyOf,
  subjectDnOf,
} from './inspect.ts';
import { issueCertificate } from './issue.ts';

/** The body of POST /clients/{id}/credentials, in Auth0's names (configure-mtls-for-a-client, configure-private-key-jwt). */
export type Registration = { name: string } & (
  | { credential_type: 'x509_cert'; pem: string }
  | { credential_type: 'cert_subject_dn'; pem: string }
  | { credential_type: 'cert_subject_dn'; subject_dn: string }
  | { credential_type: 'public_key'; pem: string; alg: 'RS256'; kid: string; expires_at: string }
);

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

/** Key first: what curl, nginx, Node, Python and Go read as it is. PEM readers skip a comment before it. */
export function secretFor({ part }: SecretLocation, { certificate, privateKey }: Pair): string {
  if (part === 'private-key') return privateKey;
  if (certificate === undefined) return `# kid: ${kidOf(privateKey)}\n${privateKey}`;
  return part === 'certificate' ? certificate : privateKey + certificate;
}

/** Where the certificate of a rotation comes from. */
export type Issuer =
  | { kind: 'itself' }
  | { kind: 'authority'; authority: Authority }
  | { kind: 'brought'; pair: CertifiedPair };

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
