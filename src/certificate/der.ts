/** Reads the parts of a certificate's DER that node:crypto does not show, and writes the DER of a name (X.690, RFC 5280). */

import type { Attribute } from '../model/subject-dn.ts';

export interface Element {
  tag: number;
  content: Buffer;
  /** Tag, length and content. */
  whole: Buffer;
}

/** The elements that follow each other in these bytes. */
export function elements(der: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const first = der[at + 1] ?? 0;
    const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
    const begin = at + 2 + sizeBytes;
    const end = begin + (sizeBytes === 0 ? first : der.readUIntBE(at + 2, sizeBytes));
    found.push({ tag: der[at] ?? 0, content: der.subarray(begin, end), whole: der.subarray(at, end) });
    at = end;
  }
  return found;
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/** The subject and the extensions of a certificate. RFC 5280 4.1: [version] serial, signature, issuer, validity, subject, key, …, [3] extensions. */
export function fieldsOf(certificate: Buffer): { subject: Element | undefined; extensions: Element[] } {
  const [whole] = elements(certificate);
  const [toBeSigned] = whole ? elements(whole.content) : [];
  const fields = toBeSigned ? elements(toBeSigned.content) : [];
  return {
    subject: fields[fields[0]?.tag === VERSION ? 5 : 4],
    extensions: fields
      .filter(({ tag }) => tag === EXTENSIONS)
      .flatMap(({ content }) => elements(content))
      .flatMap(({ content }) => elements(content)),
  };
}

/** The value of an extension. undefined: the certificate has none. @param oid as DER */
export function extensionOf(certificate: Buffer, oid: Buffer): Element | undefined {
  const [value] = fieldsOf(certificate)
    .extensions.map(({ content }) => elements(content))
    .filter(([name]) => name?.content.equals(oid))
    .flatMap((extension) => elements(extension.at(-1)?.content ?? Buffer.alloc(0)));
  return value;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = 0x06;
const UTF8 = 0x0c;

/** The DER of a certificate's name, with one attribute in each set. */
export function encodedName(attributes: readonly Attribute[]): Buffer {
  return encoded(
    SEQUENCE,
    ...attributes.map(({ oid, value }) =>
      encoded(SET, encoded(SEQUENCE, encoded(OID, oidBytes(oid)), encoded(UTF8, Buffer.from(value)))),
    ),
  );
}

function encoded(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** Encodes an OID in groups of seven bits, with the first two numbers as one. */
function oidBytes(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  return Buffer.from([first * 40 + second, ...rest].flatMap(septets));
}

function septets(number: number): number[] {
  const digits = [number % 128];
  for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
    digits.unshift((left % 128) | 0x80);
  return digits;
}
