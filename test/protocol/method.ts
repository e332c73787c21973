/** What an authentication method changes in a world: what is registered, what a secret holds, and who may log in. */

import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { kidOf } from '../../src/certificate/inspect.ts';
import type { HttpRequest } from '../../src/http/wire.ts';
import { type AuthenticationMethod, METHODS } from '../../src/model/desired-state.ts';
import type { Pair } from '../../src/model/key-pair.ts';
import type { SecretLocation } from '../../src/model/secret-location.ts';
import type { CredentialSeed, Tenant } from '../emulators/tenant.ts';
import { type Material, parseOnce, SUBJECT } from './materials.ts';

/** A seeded pair: with the common subject, or where Auth0 knows it by its subject alone with one of its own. */
export function pairOf(method: AuthenticationMethod, { certified, label }: Material): Pair {
  const pair = certified.get(method === 'tls_client_auth' ? `CN=${label}` : SUBJECT);
  if (!pair) throw new Error(`no certificate ${label}`);
  return method === 'private_key_jwt' ? { ...pair, certificate: undefined } : pair;
}

/** As Auth0 would be told of it. */
export function registrationOf(
  method: AuthenticationMethod,
  { certificate = '', privateKey }: Pair,
): Omit<CredentialSeed, 'associate' | 'created_at' | 'name'> {
  if (method === 'private_key_jwt') return { credential_type: 'public_key', pem: spki(privateKey) };
  if (method === 'tls_client_auth')
    return { credential_type: 'cert_subject_dn', subject_dn: parseOnce(certificate).subject };
  return { credential_type: 'x509_cert', pem: certificate };
}

export function valueFor({ part }: SecretLocation, { privateKey, certificate }: Pair): string {
  if (part === 'private-key' || certificate === undefined) return privateKey;
  return part === 'certificate' ? certificate : privateKey + certificate;
}

/** Of a record of the pool: by what its credential is recognised at a login. */
export function recordIdentity(record: {
  thumbprint_sha256?: string;
  kid?: string;
  subject_dn?: string;
}): string {
  return record.thumbprint_sha256 ?? record.kid ?? record.subject_dn ?? '';
}

/** What a secret's value is worth: read as a consumer reads it. */
export interface Held {
  /** As Auth0 knows it, by its certificate, or by that of the one whose key it holds. */
  identity: string | undefined;
  /** Key and certificate belong together (where both are there). */
  consistent: boolean;
  /** What has to log in before it is delivered: the certificate or the key itself. */
  proof: string | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/;
const KEY = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/;
const read = new Map<AuthenticationMethod, Map<string, Held>>(METHODS.map((method) => [method, new Map()]));

export function readHeld(method: AuthenticationMethod, value: string, known: readonly Material[]): Held {
  const before = read.get(method)?.get(value);
  if (before) return before;
  const certificate = CERTIFICATE.exec(value)?.[0];
  const key = KEY.exec(value)?.[0];
  const owner = key === undefined ? undefined : known.find((one) => samePublic(one, key));
  const pem = certificate ?? (owner && pairOf(method, owner).certificate);
  const held =
    method === 'private_key_jwt' || pem === undefined
      ? { identity: key && kidOf(key), proof: key && kidOf(key), consistent: true }
      : {
          identity: identityOf(method, pem),
          proof: parseOnce(pem).thumbprint,
          consistent: !certificate || !key || belongs(certificate, key),
        };
  read.get(method)?.set(value, held);
  return held;
}

export function identityOf(method: AuthenticationMethod, certificate: string): string {
  const { subject, thumbprint } = parseOnce(certificate);
  return method === 'tls_client_auth' ? subject : thumbprint;
}

/** Who logs in with this token request: what it proves, and the thumbprint to bind to. undefined: nobody. */
export function authenticate(
  tenant: Tenant,
  { body, clientCertificate }: HttpRequest,
): { proof: string; bound?: string } | undefined {
  const form = new URLSearchParams(body);
  const known = tenant.authenticationOf(form.get('client_id') ?? '');
  const assertion = form.get('client_assertion');
  if (assertion !== null) {
    const [head = '', claims = '', signature = ''] = assertion.split('.');
    const signed = Buffer.from(`${head}.${claims}`);
    const key = known?.publicKeys.find(({ pem }) =>
      verify('sha256', signed, pem, Buffer.from(signature, 'base64url')),
    );
    return key && { proof: key.kid };
  }
  if (!clientCertificate) return undefined;
  const { subject, thumbprint } = parseOnce(clientCertificate.certificate);
  const self = known?.certificates.some((pem) => parseOnce(pem).thumbprint === thumbprint);
  if (!self && !known?.subjectDns.includes(subject)) return undefined;
  return known?.requireProofOfPossession ? { proof: thumbprint, bound: thumbprint } : { proof: thumbprint };
}

/** Would whoever holds this get a token? */
export function isAccepted(tenant: Tenant, clientId: string, { identity, proof }: Held): boolean {
  const known = tenant.authenticationOf(clientId);
  return (
    known?.publicKeys.some(({ kid }) => kid === proof) === true ||
    known?.certificates.some((pem) => parseOnce(pem).thumbprint === proof) === true ||
    known?.subjectDns.includes(identity ?? '') === true
  );
}

/** The public key of an uploaded pem, certificate or key. */
export function publicKeyIn(pem: string): string {
  return pem.includes('CERTIFICATE') ? parseOnce(pem).publicKeyPem : pem;
}

function spki(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}

function belongs(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).publicKey.equals(createPublicKey(key));
}

function samePublic({ key }: Material, pem: string): boolean {
  return createPublicKey(key).equals(createPublicKey(pem));
}
