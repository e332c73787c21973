/** Writes a pair as PKCS#12 (RFC 7292), which Java and .NET read. AES-256 encrypts the key and an HMAC protects the whole, both with SHA-256. */

import { createHash, createHmac, createPrivateKey, randomBytes } from 'node:crypto';
import type { CertifiedPair } from '../model/key-pair.ts';
import type { Asn1, Forge } from './forge.ts';
import { parseCertificates } from './inspect.ts';

export interface Pkcs12Options {
  /** Java's alias: `friendlyName`. */
  alias: string;
  /** Printable ASCII, since Java reads nothing else. It may be empty. */
  password: string;
}

/** Iterations for the MAC. node:crypto uses the same for the key, and openssl for both. */
const ITERATIONS = 2048;

/**
 * base64 in one line, for a secret. node-forge writes PKCS#12 only with SHA-1 and RSA, and pkijs would make up a third of the
 * bundle. So node-forge encodes and node:crypto encrypts.
 */
export async function toPkcs12(pair: CertifiedPair, options: Pkcs12Options): Promise<string> {
  const { default: forge } = await import('./forge.ts');
  const encoder = encoderOf(forge);
  const safe = authenticatedSafe(encoder, pair, options);
  const { data, der, integer, sequence } = encoder;
  const pfx = sequence(integer(3), data(safe), macOf(encoder, safe, options.password));
  return Buffer.from(der(pfx), 'latin1').toString('base64');
}

/** Only the key is encrypted, since certificates are public. */
function authenticatedSafe(encoder: Encoder, pair: CertifiedPair, options: Pkcs12Options): string {
  const { data, der, explicit, octets, oid, parse, sequence } = encoder;
  const certificates = parseCertificates(pair.certificate);
  const [leaf] = certificates;
  const identifier = createHash('sha256')
    .update(leaf?.raw ?? '')
    .digest()
    .toString('latin1');
  const attributes = attributesOf(encoder, options.alias, identifier);
  const certificateBags = certificates.map((one) => {
    const value = sequence(oid('1.2.840.113549.1.9.22.1'), explicit(octets(one.raw.toString('latin1'))));
    const own = one === leaf ? [attributes] : [];
    return sequence(oid('1.2.840.113549.1.12.10.1.3'), explicit(value), ...own);
  });
  const encrypted = createPrivateKey(pair.privateKey).export({
    type: 'pkcs8',
    format: 'der',
    cipher: 'aes-256-cbc',
    passphrase: options.password,
  });
  const keyBag = sequence(
    oid('1.2.840.113549.1.12.10.1.2'),
    explicit(parse(encrypted.toString('latin1'))),
    attributes,
  );
  return der(sequence(data(der(sequence(...certificateBags))), data(der(sequence(keyBag)))));
}

/** friendlyName and localKeyId, which connect a key with its certificate. */
function attributesOf({ bmp, octets, oid, sequence, set }: Encoder, alias: string, identifier: string): Asn1 {
  return set(
    sequence(oid('1.2.840.113549.1.9.20'), set(bmp(alias))),
    sequence(oid('1.2.840.113549.1.9.21'), set(octets(identifier))),
  );
}

function macOf({ integer, nothing, octets, oid, sequence }: Encoder, safe: string, password: string): Asn1 {
  const salt = randomBytes(16);
  const mac = createHmac('sha256', macKey(password, salt)).update(safe, 'latin1').digest().toString('latin1');
  const algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'), nothing);
  return sequence(sequence(algorithm, octets(mac)), octets(salt.toString('latin1')), integer(ITERATIONS));
}

/** RFC 7292, appendix B.2, for a key as long as the digest. The password is UTF-16 with a zero at its end, also when it is empty. */
function macKey(password: string, salt: Buffer): Buffer {
  const text = Buffer.from(`${password}\0`, 'utf16le').swap16();
  let key = Buffer.concat([Buffer.alloc(BLOCK, MAC_ID), filled(salt), filled(text)]);
  for (let round = 0; round < ITERATIONS; round += 1) key = createHash('sha256').update(key).digest();
  return key;
}

const MAC_ID = 3;
/** Block size of SHA-256 in bytes. */
const BLOCK = 64;

/** Repeats the text up to a multiple of the block size. */
function filled(part: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(part.length / BLOCK) * BLOCK, part);
}

type Encoder = ReturnType<typeof encoderOf>;

function encoderOf({ asn1 }: Forge) {
  const { BMPSTRING, INTEGER, NULL, OCTETSTRING, OID, SEQUENCE, SET } = asn1.Type;
  const { CONTEXT_SPECIFIC, UNIVERSAL } = asn1.Class;
  const leaf = (type: number, value: string) => asn1.create(UNIVERSAL, type, false, value);
  const node = (type: number, value: Asn1[]) => asn1.create(UNIVERSAL, type, true, value);
  const der = (value: Asn1) => asn1.toDer(value).getBytes();
  const explicit = (value: Asn1) => asn1.create(CONTEXT_SPECIFIC, 0, true, [value]);
  const oid = (name: string) => leaf(OID, asn1.oidToDer(name).getBytes());
  const octets = (bytes: string) => leaf(OCTETSTRING, bytes);
  const sequence = (...members: Asn1[]) => node(SEQUENCE, members);
  return {
    bmp: (text: string) => leaf(BMPSTRING, text),
    /** ContentInfo of PKCS#7. */
    data: (content: string) => sequence(oid('1.2.840.113549.1.7.1'), explicit(octets(content))),
    der,
    explicit,
    integer: (value: number) => leaf(INTEGER, asn1.integerToDer(value).getBytes()),
    nothing: leaf(NULL, ''),
    octets,
    oid,
    parse: (bytes: string) => asn1.fromDer(bytes),
    sequence,
    set: (...members: Asn1[]) => node(SET, members),
  };
}
