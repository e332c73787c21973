/** What a client should be: the inputs about one client, checked and typed. Holds no secret. */

import type { Destination, Place } from '../github/destination.ts';

/** The authentication methods of Auth0 that use credentials, verbatim; the action rotates the first. */
export type AuthenticationMethod = 'self_signed_tls_client_auth' | 'tls_client_auth' | 'private_key_jwt';

/** What is known of the certificate in `current-credential`. */
export interface CertificateFacts {
  /** base64url of SHA-256 of the DER: `x5t#S256` (RFC 8705), Auth0's `thumbprint_sha256`. */
  thumbprint: string;
  /** RFC 4514. */
  subject: string;
  keySize: number;
  notBefore: Date;
  notAfter: Date;
}

export interface Wish {
  clientId: string;
  method: AuthenticationMethod;
  /** RFC 4514 subject DN. */
  subject: string;
  keySize: 2048 | 3072 | 4096;
  validityDays: number;
  renewBeforeDays: number;
  force: boolean;
  /** Milliseconds, or until its place is needed. */
  overlap: 'until-next-rotation' | number;
  secretName: string;
  privateKeySecretName: string | undefined;
  certificateSecretName: string | undefined;
  /** The first is the primary. Never empty. */
  destinations: readonly [Destination, ...Destination[]];
  current: CertificateFacts | undefined;
  verify: 'required' | 'auto' | 'off';
  verifyAudience: string | undefined;
  keepCredentials: ReadonlySet<string>;
  /** Run id and attempt: part of the name mark. */
  run: string;
}

export const DAY = 86_400_000;

/** Every secret that the wish writes, primary first, in the order of delivery. */
export function placesOf(wish: Wish): Place[] {
  return wish.destinations.flatMap((destination) => [
    { destination, secretName: wish.secretName, part: 'pair' as const },
    ...part(destination, wish.privateKeySecretName, 'private-key'),
    ...part(destination, wish.certificateSecretName, 'certificate'),
  ]);
}

function part(destination: Destination, secretName: string | undefined, name: Place['part']): Place[] {
  return secretName === undefined ? [] : [{ destination, secretName, part: name }];
}
