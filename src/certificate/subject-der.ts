/** Reads the subject of a certificate from its DER, since a library's names for attributes change between versions and object identifiers do not. */

import type { X509Certificate } from 'node:crypto';
import type { Attribute } from '../model/subject-dn.ts';

interface Element {
  tag: number;
  /** Start and end of the content. */
  from: number;
  to: number;
}

/** Returns the attributes in the certificate's order. The subject follows version, serial number, signature, issuer and validity (RFC 5280 4.1). */
export function subjectOf({ raw }: X509Certificate): Attribute[] {
  const [certificate] = elements(raw, { from: 0, to: raw.length });
  const [toBeSigned] = certificate ? elements(raw, certificate) : [];
  const fields = toBeSigned ? elements(raw, toBeSigned) : [];
  const isVersion = fields[0]?.tag === 0xa0;
  const subject = fields[isVersion ? 5 : 4];
  return (subject ? elements(raw, subject) : []).flatMap((set) =>
    elements(raw, set).flatMap((attribute) => {
      const [oid, value] = elements(raw, attribute);
      return oid && value ? [{ oid: readOid(raw, oid), value: readText(raw, value) }] : [];
    }),
  );
}

function elements(der: Buffer, { from, to }: Pick<Element, 'from' | 'to'>): Element[] {
  const found: Element[] = [];
  for (let at = from; at < to; ) {
    const first = der[at + 1] ?? 0;
    const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
    const size = sizeBytes === 0 ? first : der.readUIntBE(at + 2, sizeBytes);
    const begin = at + 2 + sizeBytes;
    found.push({ tag: der[at] ?? 0, from: begin, to: begin + size });
    at = begin + size;
  }
  return found;
}

/** Reads an object identifier (X.690 8.19). Each byte has seven bits of a number, and the first number contains two arcs. */
function readOid(der: Buffer, { from, to }: Element): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of der.subarray(from, to)) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join('.');
}

const TELETEX = 0x14;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;

function readText(der: Buffer, { from, tag, to }: Element): string {
  const bytes = der.subarray(from, to);
  if (tag === TELETEX) return bytes.toString('latin1');
  if (tag === BMP) return Buffer.from(bytes).swap16().toString('utf16le');
  if (tag === UNIVERSAL)
    return String.fromCodePoint(
      ...Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(i * 4)),
    );
  return bytes.toString('utf8');
}
