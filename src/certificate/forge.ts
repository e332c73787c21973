/** The parts of node-forge that build a certificate. Its main file would add TLS, PKCS#12 and SSH to the bundle. */

// @ts-expect-error: the types of node-forge know its main file only
import forge from 'node-forge/lib/forge.js';
import 'node-forge/lib/x509.js';

/** An ASN.1 value in node-forge's form: bytes or members. */
export interface Asn1 {
  tagClass: number;
  type: number;
  value: string | Asn1[];
}

export interface Certificate {
  publicKey: unknown;
  serialNumber: string;
  validity: { notBefore: Date; notAfter: Date };
  signatureOid: string;
  siginfo: { algorithmOid: string };
  setSubject(attributes: object[]): void;
  setIssuer(attributes: object[]): void;
  setExtensions(extensions: object[]): void;
}

export interface Forge {
  oids: Record<string, string>;
  asn1: {
    Class: { UNIVERSAL: number; CONTEXT_SPECIFIC: number };
    Type: Record<
      'BITSTRING' | 'BMPSTRING' | 'INTEGER' | 'NULL' | 'OCTETSTRING' | 'OID' | 'SEQUENCE' | 'SET',
      number
    >;
    create(tagClass: number, type: number, constructed: boolean, value: string | Asn1[]): Asn1;
    toDer(value: Asn1): { getBytes(): string };
    fromDer(bytes: string): Asn1;
    oidToDer(oid: string): { getBytes(): string };
    integerToDer(value: number): { getBytes(): string };
  };
  pki: {
    createCertificate(): Certificate;
    publicKeyFromPem(pem: string): unknown;
    getTBSCertificate(certificate: Certificate): Asn1;
  };
}

export default forge as Forge;
