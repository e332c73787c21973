/** The desired state of one client: its inputs, checked and typed. It holds no secret. */

import type { KeyFacts } from './key-pair.ts';
import type { Destination, SecretLocation } from './secret-location.ts';
import type { SigningAlgorithm } from './signing-algorithm.ts';

/** The authentication methods of Auth0 that use credentials, verbatim. */
export const METHODS = ['self_signed_tls_client_auth', 'tls_client_auth', 'private_key_jwt'] as const;
export type AuthenticationMethod = (typeof METHODS)[number];

export function isCredentialMethod(method: string): boolean {
  return METHODS.some((one) => one === method);
}

/** Auth0's `credential_type` for each method. */
export const CREDENTIAL_TYPES = {
  self_signed_tls_client_auth: 'x509_cert',
  tls_client_auth: 'cert_subject_dn',
  private_key_jwt: 'public_key',
} as const;

/** The authentication methods that use a client secret. */
export const SECRET_METHODS = ['client_secret_post', 'client_secret_basic'] as const;
export type SecretMethod = (typeof SECRET_METHODS)[number];

export function isSecretMethod(method: string): boolean {
  return SECRET_METHODS.some((one) => one === method);
}

/** The method of a public client, which has no credential at all. */
export const PUBLIC = 'none';

/** A method in a sentence, where `none` alone would read as the word. */
export function printMethod(method: string): string {
  return method === PUBLIC ? 'the method none' : method;
}

/** The methods that `revert` can restore. */
export const REVERT_METHODS = [...SECRET_METHODS, PUBLIC] as const;
export type RevertMethod = (typeof REVERT_METHODS)[number];

export interface DesiredState {
  /** The requested operation; with `operation: plan` the one that the plan shows. */
  operation: 'rotate' | 'rehearse' | 'create' | 'enroll' | 'revert';
  /** Empty while the client that `create` makes does not exist. */
  clientId: string;
  /** Name of the client that `create` makes or has made. */
  clientName: string | undefined;
  method: AuthenticationMethod;
  /** RFC 4514 subject DN. */
  subject: string;
  /** In bits. undefined: the pair was issued elsewhere. */
  keySize: 2048 | 3072 | 4096 | undefined;
  /** The pair that was issued elsewhere. */
  brought: KeyFacts | undefined;
  /** The client is the management client that the action logs in with. */
  isManager: boolean;
  validityDays: number;
  /** When the given CA ends, in milliseconds. None of its certificates lives longer. */
  authorityEnd?: number | undefined;
  renewBeforeDays: number;
  force: boolean;
  /** A schedule or another event started the run, not a person, so nobody has confirmed `force` for it today. */
  scheduled: boolean;
  /** `revoke: previous`: the run that delivers the new credential also removes the previous one. */
  revoke: boolean;
  /** How long the previous credential stays associated: milliseconds, or until the next rotation needs its capacity. */
  overlap: 'until-next-rotation' | number;
  /** How long the previous credential must be unused before it is removed, in milliseconds. undefined: `retire: by-time`. */
  quietWindow: number | undefined;
  secretName: string;
  privateKeySecretName: string | undefined;
  certificateSecretName: string | undefined;
  pkcs12SecretName: string | undefined;
  /** The first is the primary. Never empty. */
  destinations: readonly [Destination, ...Destination[]];
  /** Facts about the pair in `current-credential`. undefined: the input is not set. */
  currentKey: KeyFacts | undefined;
  /** The identity of that pair under each method that it fits. Before an `enroll` it may fit only the method that the client leaves. */
  currentIdentities?: ReadonlyMap<string, string> | undefined;
  verify: 'required' | 'auto' | 'off';
  verifyAudience: string | undefined;
  tokenBinding: 'required' | 'off' | 'unchanged';
  /** The method that `revert` restores. */
  revertTo: RevertMethod;
  keepCredentials: ReadonlySet<string>;
  /** Ids that the user released for removal, even if this workflow did not make them. */
  removableCredentials: ReadonlySet<string>;
  /** Former primaries. Credentials whose marks name them are ours. Without `secretName` the secret had the same name as today. */
  movedFrom: readonly { destination: Destination; secretName: string | undefined }[];
  /** The least time between the association and the first delivery, in milliseconds. */
  propagationTime: number;
  /** For private_key_jwt. undefined: the algorithm of the credential in use. */
  signingAlgorithm: SigningAlgorithm | undefined;
  /** Which of these inputs the user set. Where one is not set, the credential in use decides, or for `plan-of` the client's method. */
  given: ReadonlySet<'subject' | 'key-size' | 'signing-algorithm' | 'plan-of'>;
  /** Run id and attempt. The name mark contains it. */
  run: string;
}

/** The facts about the pair in `current-credential`, if it belongs to the credential with this identity. */
export function currentFactsOf(
  identity: string | undefined,
  { currentKey }: Pick<DesiredState, 'currentKey'>,
): KeyFacts | undefined {
  return currentKey?.identity === identity ? currentKey : undefined;
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

/** Whether a person started this run with `force`. Only then may it replace or hide a secret that is not known to be ours. */
export function isForcedByHand({ force, scheduled }: DesiredState): boolean {
  return force && !scheduled;
}

/** The former primaries that `moved-from` names. */
export function movedLocations({ movedFrom, secretName }: DesiredState): SecretLocation[] {
  return movedFrom.map((one) => ({ part: 'pair', ...one, secretName: one.secretName ?? secretName }));
}
