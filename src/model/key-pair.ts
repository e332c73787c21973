/** A private key, its certificate, and what each authentication method registers of them. */

import type { SigningAlgorithm } from './signing-algorithm.ts';

/** A private key and its certificate, as PEM. */
export interface Pair {
  /** PKCS#8. */
  privateKey: string;
  /** The leaf, then the part of its chain that was given. undefined with `private_key_jwt`, which has no certificate. */
  certificate: string | undefined;
}

/** A pair of a method that authenticates by certificate. */
export interface CertifiedPair extends Pair {
  certificate: string;
}

/** Facts about a key pair: the new one, or the one in `current-credential`. */
export interface KeyFacts {
  /** How Auth0 identifies it: x5t#S256 of a self-signed certificate, subject DN (RFC 4514) of a CA-signed one, kid of a bare key. */
  identity: string;
  /** x5t#S256 (RFC 8705) of its certificate. A bare key has its JWK thumbprint (RFC 7638) instead. */
  thumbprint: string;
  /** RFC 4514. undefined without a certificate, or if the action cannot issue it. */
  subject: string | undefined;
  /** Bits of an RSA key, else 0. */
  keySize: number;
  notBefore: Date | undefined;
  notAfter: Date | undefined;
}

/** The body of POST /clients/{id}/credentials, in Auth0's names (configure-mtls-for-a-client, configure-private-key-jwt). */
export type Registration = { name: string } & (
  | { credential_type: 'x509_cert'; pem: string }
  | { credential_type: 'cert_subject_dn'; pem: string }
  | { credential_type: 'cert_subject_dn'; subject_dn: string }
  | { credential_type: 'public_key'; pem: string; alg: SigningAlgorithm; kid: string; expires_at: string }
);
