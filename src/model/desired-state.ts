/** What a client should be: the inputs about one client, checked and typed. Holds no secret. */

import type { KeyFacts } from './key-pair.ts';
import type { Destination, SecretLocation } from './secret-location.ts';
import type { SigningAlgorithm } from './signing-algorithm.ts';

/** The authentication methods of Auth0 that use credentials, verbatim. */
export const METHODS = ['self_signed_tls_client_auth', 'tls_client_auth', 'private_key_jwt'] as const;
export type AuthenticationMethod = (typeof METHODS)[number];

export function isCredentialMethod(method: string): boolean {
  return METHODS.some((one) => one === method);
}

/** What Auth0 calls a credential of each method. */
export const CREDENTIAL_TYPES = {
  self_signed_tls_client_auth: 'x509_cert',
  tls_client_auth: 'cert_subject_dn',
  private_key_jwt: 'public_key',
} as const;

/** The ways back to a client secret. */
export const SECRET_METHODS = ['client_secret_post', 'client_secret_basic'] as const;
export type SecretMethod = (typeof SECRET_METHODS)[number];

export function isSecretMethod(method: string): boolean {
  return SECRET_METHODS.some((one) => one === method);
}

/** Of a public client: it has no credential at all. */
export const PUBLIC = 'none';
/** What `revert` can restore. */
export const FORMER_METHODS = [...SECRET_METHODS, PUBLIC] as const;
export type FormerMethod = (typeof FORMER_METHODS)[number];

export interface DesiredState {
  /** What is asked for; a plan shows what it would do. */
  operation: 'rotate' | 'rehearse' | 'create' | 'enroll' | 'revert';
  /** Empty: the client that `create` makes does not exist yet. */
  clientId: string;
  /** Of the client that `create` makes or has made. */
  clientName: string | undefined;
  method: AuthenticationMethod;
  /** RFC 4514 subject DN. */
  subject: string;
  /** undefined: the pair was issued elsewhere. */
  keySize: 2048 | 3072 | 4096 | undefined;
  /** The pair that was issued elsewhere. */
  brought: KeyFacts | undefined;
  /** The client is the one that the action logs in with. */
  isManager: boolean;
  validityDays: number;
  renewBeforeDays: number;
  force: boolean;
  /** The run was started by a schedule: nobody has decided anything today. */
  scheduled: boolean;
  /** What was held before goes in the run that has delivered its successor. */
  revoke: boolean;
  /** Milliseconds, or until its place is needed. */
  overlap: 'until-next-rotation' | number;
  /** `retire: when-unused`: for how long nobody may have used the previous credential, in milliseconds. undefined: by time. */
  quietWindow: number | undefined;
  secretName: string;
  privateKeySecretName: string | undefined;
  certificateSecretName: string | undefined;
  pkcs12SecretName: string | undefined;
  /** The first is the primary. Never empty. */
  destinations: readonly [Destination, ...Destination[]];
  current: KeyFacts | undefined;
  verify: 'required' | 'auto' | 'off';
  verifyAudience: string | undefined;
  tokenBinding: 'required' | 'off' | 'unchanged';
  /** What `revert` restores. */
  revertTo: FormerMethod;
  keepCredentials: ReadonlySet<string>;
  /** Ids that nobody uses any more, also those that this workflow did not make. */
  removableCredentials: ReadonlySet<string>;
  /** Earlier primaries, whose marks are ours. Without a name: the secret has today's. */
  movedFrom: readonly { destination: Destination; secretName: string | undefined }[];
  /** Nothing is delivered earlier than this after the association, in milliseconds. */
  propagationTime: number;
  /** Of private_key_jwt. undefined: that of the credential in use. */
  signingAlgorithm: SigningAlgorithm | undefined;
  /** The inputs that were given. A default asks for nothing: the credential in use decides. */
  given: ReadonlySet<'subject' | 'key-size' | 'signing-algorithm'>;
  /** Run id and attempt: part of the name mark. */
  run: string;
}

/** Every secret that a delivery writes, primary first, in the order of delivery. */
export function secretLocations(desired: DesiredState): SecretLocation[] {
  return desired.destinations.flatMap((destination) => [
    // guard: key and certificate in one secret
    { destination, secretName: desired.secretName, part: 'pair' as const },
    ...part(destination, desired.privateKeySecretName, 'private-key'),
    ...part(destination, desired.certificateSecretName, 'certificate'),
    ...part(destination, desired.pkcs12SecretName, 'pkcs12'),
  ]);
}

function part(
  destination: Destination,
  secretName: string | undefined,
  name: SecretLocation['part'],
): SecretLocation[] {
  return secretName === undefined ? [] : [{ destination, secretName, part: name }];
}
