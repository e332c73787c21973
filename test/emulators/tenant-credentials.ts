import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Random } from './emulator.ts';
import { badRequest, type Credential, type CredentialType, type PooledCredential } from './tenant-model.ts';

/** What the tenant reads from a certificate. */
export interface CertificateContent {
  /** RFC 8705 x5t#S256 of the DER. */
  thumbprint: string;
  /** Milliseconds since the epoch. */
  notAfter: number;
  /** The parts in certificate order, joined by line feeds. */
  subject: string;
  publicKeyPem: string;
}

/** Throws for a malformed pem. */
export type ParseCertificate = (pem: string) => CertificateContent;

/** Schema PostClientCredentialRequestContent. */
export interface PostCredential {
  credential_type: CredentialType;
  name?: string;
  pem?: string;
  subject_dn?: string;
  alg?: string;
  kid?: string;
  parse_expiry_from_cert?: boolean;
  expires_at?: string;
}

export interface CredentialContext {
  now: number;
  /** What writes the records is ahead of what answers. */
  recordsAheadMs: number;
  random: Random;
  parseCertificate: ParseCertificate;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function randomText(random: Random, length: number): string {
  return Array.from({ length }, () => BASE62[Math.floor(random() * BASE62.length)]).join('');
}

export const parseX509Certificate: ParseCertificate = (pem) => {
  const certificate = new X509Certificate(pem);
  // EC certificates: unknown, refused. No other key rule: go-create-credential-x509 has RSA 1024 with SHA-1.
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') throw new Error('not an RSA key');
  return {
    thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
    notAfter: certificate.validToDate.getTime(),
    subject: certificate.subject,
    publicKeyPem: exportPem(certificate.publicKey),
  };
};

const exportPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

const isoDate = (date: number | string): string => new Date(date).toISOString();

/** Runs a parser of foreign input; what it throws is the client's mistake. The text is unknown. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    throw badRequest('The pem of the credential is invalid');
  }
}

type TypeSpecific = Omit<PooledCredential, 'id' | 'credential_type' | 'name' | 'created_at' | 'updated_at'>;

function x509Certificate({ pem = '' }: PostCredential, parse: ParseCertificate): TypeSpecific {
  const certificate = parsed(() => parse(pem));
  return {
    thumbprint_sha256: certificate.thumbprint,
    expires_at: isoDate(certificate.notAfter), // Unasked: tf-self-signed-tls-client-auth seq 11.
    pem,
    publicKeyPem: certificate.publicKeyPem,
  };
}

function certificateSubject({ pem, subject_dn }: PostCredential, parse: ParseCertificate): TypeSpecific {
  if ((pem === undefined) === (subject_dn === undefined)) {
    throw badRequest('Exactly one of pem and subject_dn is needed'); // Text unknown.
  }
  // tf-tls-client-auth-subject-dn seq 17: the answer has the subject of the pem, and no expiry.
  return { subject_dn: pem === undefined ? (subject_dn ?? '') : parsed(() => parse(pem)).subject };
}

function publicKey(body: PostCredential, parse: ParseCertificate): TypeSpecific {
  const { pem = '', alg = 'RS256', expires_at } = body;
  const key = parsed(() => rsaPublicKey(pem));
  const expiry = body.parse_expiry_from_cert ? parsed(() => parse(pem)).notAfter : expires_at;
  return {
    kid: body.kid ?? jwkThumbprint(key),
    alg,
    ...(expiry === undefined ? {} : { expires_at: isoDate(expiry) }),
    pem,
    publicKeyPem: exportPem(key),
  };
}

/** RSA 2048 to 4096 bits. Source: docs configure-private-key-jwt, "Credential limits". */
function rsaPublicKey(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) throw new Error('a private key');
  const key = createPublicKey(pem);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < 2048 || bits > 4096) throw new Error('not RSA 2048 to 4096');
  return key;
}

/** RFC 7638, as in every recorded kid. */
function jwkThumbprint(key: KeyObject): string {
  const { e, kty, n } = key.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
}

const TYPE_SPECIFIC = {
  x509_cert: { fields: ['pem'], read: x509Certificate },
  cert_subject_dn: { fields: ['pem', 'subject_dn'], read: certificateSubject },
  public_key: { fields: ['pem', 'alg', 'kid', 'parse_expiry_from_cert', 'expires_at'], read: publicKey },
} as const;

/** A credential of another type's field: unknown, refused (the documentation gives each field its types). */
function assertFieldsOfType(body: PostCredential): void {
  const allowed: readonly string[] = TYPE_SPECIFIC[body.credential_type].fields;
  const odd = Object.keys(body).find(
    (field) => field !== 'name' && field !== 'credential_type' && !allowed.includes(field),
  );
  if (odd) throw badRequest(`${odd} does not apply to credentials of type ${body.credential_type}`);
}

export function createCredential(body: PostCredential, context: CredentialContext): PooledCredential {
  const { credential_type, name } = body;
  assertFieldsOfType(body);
  const created_at = isoDate(context.now + context.recordsAheadMs);
  return {
    id: `cred_${randomText(context.random, 22)}`,
    credential_type,
    ...(name === undefined ? {} : { name }), // tf-credentials-import seq 26: not asked, not answered.
    ...TYPE_SPECIFIC[credential_type].read(body, context.parseCertificate),
    created_at,
    updated_at: created_at,
  };
}

/** An expired certificate as x509_cert: unknown, refused. A public key may bring its own past expiry. */
export function assertNotExpired(credential: PooledCredential, now: number): void {
  if (credential.credential_type === 'x509_cert' && isExpired(credential, now)) {
    throw badRequest('The certificate has expired');
  }
}

/** docs credentials: an expired credential "will not be deleted, but will be inoperable". */
export function isExpired({ expires_at }: Credential, now: number): boolean {
  return expires_at !== undefined && Date.parse(expires_at) <= now;
}

/**
 * Adds to the pool. Cap and its text: docs/facts.md#auth0-pool-limit; an expired credential still counts (inferred).
 * The same key again, also under another name: its test RenameWithSameKey. For x509_cert, for a key in two types and for
 * a subject unknown: refused ("the same credential can't be uploaded more than once", docs credentials).
 */
export function addToPool(
  pool: readonly PooledCredential[],
  credential: PooledCredential,
  poolCap: number,
): readonly PooledCredential[] {
  if (pool.length >= poolCap) {
    throw badRequest(`A client can have a maximum of ${poolCap} credentials.`);
  }
  const keyOf = ({ publicKeyPem, subject_dn }: PooledCredential) => publicKeyPem ?? subject_dn;
  if (pool.some((other) => keyOf(other) === keyOf(credential))) {
    throw badRequest('credentials contains public keys that already exist in client');
  }
  return [...pool, credential];
}

/** pem is never returned. Source: every recording. */
export function viewCredential({ pem: _pem, publicKeyPem: _key, ...shown }: PooledCredential): Credential {
  return shown;
}

/** Inline in POST /clients a certificate's expiry has no milliseconds: go-get-self-signed-tls-client-auth seq 0. */
export function viewInlineCredential(credential: PooledCredential): Credential {
  const shown = viewCredential(credential);
  if (shown.credential_type !== 'x509_cert' || shown.expires_at === undefined) return shown;
  return { ...shown, expires_at: shown.expires_at.replace('.000Z', 'Z') };
}

/** Only expires_at can change (docs/facts.md#auth0-credential-record); only seen on public_key, elsewhere unknown: refused. */
export function patchCredential(
  credential: PooledCredential,
  { expires_at }: { expires_at?: string | null },
  now: number,
): PooledCredential {
  if (credential.credential_type !== 'public_key') {
    throw badRequest(`expires_at of a credential of type ${credential.credential_type} cannot be changed`);
  }
  const { expires_at: _old, ...rest } = credential;
  const updated_at = isoDate(now);
  // null is the only other valid value; that it removes the expiry is inferred.
  return typeof expires_at === 'string'
    ? { ...rest, updated_at, expires_at: isoDate(expires_at) }
    : { ...rest, updated_at };
}
