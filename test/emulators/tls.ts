/** Certificates of the sandbox's own world. Every private key lives in memory only and dies with the process. */
import { constants, generateKeyPairSync, privateEncrypt, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

export interface KeyAndCertificate {
  key: string;
  cert: string;
}

export interface Authority {
  /** The CA certificate. */
  readonly pem: string;
  /** For a server on loopback; localhost and 127.0.0.1 are always among its names. */
  serverCertificate(names?: string[]): KeyAndCertificate;
  /** For a client, signed by this CA (tls_client_auth). Attributes keep their order: it is part of the subject DN. */
  clientCertificate(subject: Readonly<Record<string, string>>): KeyAndCertificate;
  /** Writes the CA certificate (never a key) for NODE_EXTRA_CA_CERTS and returns the path. */
  writeCaFile(directory: string): string;
}

interface KeyPair {
  /** PKCS#8. */
  pem: string;
  publicKey: forge.pki.rsa.PublicKey;
}

interface Template {
  subject: forge.pki.CertificateField[];
  issuer: forge.pki.CertificateField[];
  extensions: object[];
  publicKey: forge.pki.rsa.PublicKey;
  /** The private key, PEM. */
  signer: string;
  validDays?: number;
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 30;

/** node:crypto makes the key: forge's own generator takes seconds. */
function newKeyPair(modulusLength = 2048): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { pem: privateKey, publicKey: forge.pki.publicKeyFromPem(publicKey) };
}

function attributes(subject: Readonly<Record<string, string>>): forge.pki.CertificateField[] {
  return Object.entries(subject).map(([shortName, value]) => ({ shortName, value }));
}

function sign(template: Template): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = template.publicKey;
  // A leading 0x01 keeps the DER integer positive and of constant length.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  // Back-dated, so that a clock skewed by a test does not make it "not yet valid".
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + (template.validDays ?? VALID_DAYS) * DAY_MS);
  certificate.setSubject(template.subject);
  certificate.setIssuer(template.issuer);
  certificate.setExtensions(template.extensions);
  certificate.sign(nodeSigner(template.signer), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** DigestInfo of SHA-256 without the digest (RFC 8017 9.2). */
const SHA256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** node:crypto signs: forge takes fifty times as long. */
function nodeSigner(key: string): forge.pki.rsa.PrivateKey {
  const sign = (digest: forge.md.MessageDigest) => {
    const info = Buffer.concat([SHA256, Buffer.from(digest.digest().getBytes(), 'latin1')]);
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info).toString('latin1');
  };
  return { sign } as Partial<forge.pki.rsa.PrivateKey> as forge.pki.rsa.PrivateKey;
}

function subjectAltNames(names: string[]): object {
  const dns = new Set(['localhost', ...names]);
  const altNames = [...dns].map((value) => ({ type: 2, value }));
  return { name: 'subjectAltName', altNames: [...altNames, { type: 7, ip: '127.0.0.1' }] };
}

export function createAuthority(commonName = 'Sandbox CA'): Authority {
  const ca = newKeyPair();
  const issuer = attributes({ CN: `${commonName} ${randomBytes(4).toString('hex')}` });
  const pem = sign({
    subject: issuer,
    issuer,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'subjectKeyIdentifier' },
    ],
    publicKey: ca.publicKey,
    signer: ca.pem,
  });
  // One key pair serves every server of the sandbox: nothing tells them apart by key, and it saves start-up time.
  let serverKeys: KeyPair | undefined;
  const issue = (keys: KeyPair, subject: forge.pki.CertificateField[], extensions: object[]) => ({
    key: keys.pem,
    cert: sign({ subject, issuer, extensions, publicKey: keys.publicKey, signer: ca.pem }),
  });
  return {
    pem,
    serverCertificate(names = []) {
      serverKeys ??= newKeyPair();
      const usage = { name: 'extKeyUsage', serverAuth: true };
      return issue(serverKeys, attributes({ CN: names[0] ?? 'localhost' }), [usage, subjectAltNames(names)]);
    },
    clientCertificate(subject) {
      return issue(newKeyPair(), attributes(subject), [{ name: 'extKeyUsage', clientAuth: true }]);
    },
    writeCaFile(directory) {
      const path = join(directory, 'sandbox-ca.pem');
      writeFileSync(path, pem);
      return path;
    },
  };
}

/** A self-signed client certificate with a key of its own (self_signed_tls_client_auth); -0.5 days: expired. */
export function selfSignedCertificate(
  commonName: string,
  validDays = VALID_DAYS,
  bits?: number,
): KeyAndCertificate {
  const keys = newKeyPair(bits);
  const subject = attributes({ CN: commonName });
  const usage = { name: 'extKeyUsage', clientAuth: true };
  const cert = sign({
    subject,
    issuer: subject,
    extensions: [usage],
    publicKey: keys.publicKey,
    signer: keys.pem,
    validDays,
  });
  return { key: keys.pem, cert };
}
