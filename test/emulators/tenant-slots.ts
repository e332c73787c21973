import { isExpired, type PostCredential } from './tenant-credentials.ts';
import {
  badRequest,
  type Client,
  type ClientAuthenticationMethod,
  type ClientRecord,
  type CredentialId,
  type CredentialType,
  type PooledCredential,
  type TokenEndpointAuthMethod,
} from './tenant-model.ts';

/** Pairs of type and method. Source: docs configure-mtls-for-a-client, and every recording. */
export const METHOD_OF: Readonly<Record<CredentialType, ClientAuthenticationMethod>> = {
  x509_cert: 'self_signed_tls_client_auth',
  cert_subject_dn: 'tls_client_auth',
  public_key: 'private_key_jwt',
};

type Slots = Pick<
  Client,
  'client_authentication_methods' | 'signed_request_object' | 'token_vault_privileged_access'
>;

/** A valid body of PATCH /clients/{id}; null clears a field. */
export type PatchClient = { [Field in keyof Client]?: Client[Field] | null };

/** A valid body of POST /clients: the slots hold whole credentials instead of ids. */
export type PostClient = Partial<Client> & { name: string };

/** The credentials that POST /clients brings, by the field and the method they are for. */
export function inlineCredentials(body: PostClient): { slot: keyof Slots; credentials: PostCredential[] }[] {
  return SLOT_FIELDS.map((slot) => ({
    slot,
    credentials: listsIn(slot, body).flat() as readonly unknown[] as PostCredential[],
  }));
}

/** Puts each credential where the body of POST /clients had it. */
export function replaceInline<T>(body: PostClient, slot: keyof Slots, credentials: readonly T[]): unknown {
  const value = body[slot];
  if (slot !== 'client_authentication_methods') return { ...value, credentials };
  const [method = ''] = Object.keys(value ?? {});
  return { [method]: { credentials } };
}

const SLOT_FIELDS = [
  'client_authentication_methods',
  'signed_request_object',
  'token_vault_privileged_access',
] as const satisfies readonly (keyof Slots)[];

function listsIn(slot: keyof Slots, slots: PatchClient): (readonly CredentialId[])[] {
  const value = slots[slot];
  const holders = slot === 'client_authentication_methods' ? Object.values(value ?? {}) : [value];
  return holders.map((holder: { credentials?: readonly CredentialId[] } | null | undefined) => {
    return holder?.credentials ?? [];
  });
}

export function isAssociated(client: Client, credentialId: string): boolean {
  return SLOT_FIELDS.some((slot) =>
    listsIn(slot, client).some((list) => list.some(({ id }) => id === credentialId)),
  );
}

export function assertCredentialsOfSlots(body: PatchClient, pool: readonly PooledCredential[]): void {
  for (const slot of SLOT_FIELDS) {
    for (const { id } of listsIn(slot, body).flat()) assertCredentialOfSlot(slot, id, body, pool);
  }
}

function assertCredentialOfSlot(
  slot: keyof Slots,
  id: string,
  body: PatchClient,
  pool: readonly PooledCredential[],
): void {
  const credential = pool.find((candidate) => candidate.id === id);
  // Start and end of the text: docs/facts.md#auth0-two-per-method; the middle is unknown.
  if (!credential) throw badRequest('One or more of the credentials provided do not exist');
  const method = METHOD_OF[credential.credential_type];
  const fits =
    slot === 'client_authentication_methods'
      ? method in (body.client_authentication_methods ?? {})
      : method === 'private_key_jwt';
  // A certificate as a public key and the like: unknown, refused.
  if (!fits) throw badRequest(`A credential of type ${credential.credential_type} cannot be used here`);
}

/** How a client authenticates, as the authorization server sees it. */
export interface ClientAuthentication {
  method: TokenEndpointAuthMethod | ClientAuthenticationMethod;
  secret: string;
  /** PEMs of the associated x509_cert credentials that have not expired; the other lists likewise. */
  certificates: string[];
  publicKeys: { kid: string; alg: string; pem: string }[];
  subjectDns: string[];
  requireProofOfPossession: boolean;
}

export function authenticationOf({ client, credentials }: ClientRecord, now: number): ClientAuthentication {
  const ids = listsIn('client_authentication_methods', client).flat();
  const operable = credentials.filter(
    (credential) => ids.some(({ id }) => id === credential.id) && !isExpired(credential, now),
  );
  const ofType = (type: CredentialType) => operable.filter(({ credential_type }) => credential_type === type);
  const [method] = Object.keys(client.client_authentication_methods ?? {}) as ClientAuthenticationMethod[];
  return {
    // A client made without a method shows none (go-express-configuration seq 7); the default is client_secret_post.
    method: method ?? client.token_endpoint_auth_method ?? 'client_secret_post',
    secret: client.client_secret, // Whether the old secret survives a trip through mTLS is unknown.
    certificates: ofType('x509_cert').map(({ pem = '' }) => pem),
    publicKeys: ofType('public_key').map(({ kid = '', alg = '', publicKeyPem = '' }) => ({
      kid,
      alg,
      pem: publicKeyPem,
    })),
    subjectDns: ofType('cert_subject_dn').map(({ subject_dn = '' }) => subject_dn),
    requireProofOfPossession:
      client.require_proof_of_possession === true ||
      client.access_token?.tls_client_certificate_binding === true,
  };
}
