/** The parts of node-forge that build a certificate: its main file would bring TLS, PKCS#12 and a second copy of SSH. */

// @ts-expect-error: the types of node-forge know its main file only
import forge from 'node-forge/lib/forge.js';
import 'node-forge/lib/x509.js';

interface Certificate {
  publicKey: unknown;
  serialNumber: string;
  validity: { notBefore: Date; notAfter: Date };
  signatureOid: string;
  siginfo: { algorithmOid: string };
  signature: string;
  tbsCertificate: unknown;
  setSubject(attributes: object[]): void;
  setIssuer(attributes: object[]): void;
  setExtensions(extensions: object[]): void;
}

interface Forge {
  oids: Record<string, string>;
  asn1: { toDer(value: unknown): { getBytes(): string } };
  pki: {
    createCertificate(): Certificate;
    publicKeyFromPem(pem: string): unknown;
    getTBSCertificate(certificate: Certificate): unknown;
    certificateToPem(certificate: Certificate): string;
  };
}

export default forge as Forge;
