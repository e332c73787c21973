/** Reads the subject of a certificate from its DER, since a library's names for attributes change between versions and object identifiers do not. */

import type { X509Certificate } from 'node:crypto';
import type { Attribute } from '../model/subject-dn.ts';
import { type Element, elements, fieldsOf } from './der.ts';

/** Returns the attributes in the certificate's order. */
export function subjectOf({ raw }: X509Certificate): Attribute[] {
  const { subject } = fieldsOf(raw);
  return (subject ? elements(subject.content) : []).flatMap((set) =>
    elements(set.content).flatMap((attribute) => {
      const [oid, value] = elements(attribute.content);
      return oid && value ? [{ oid: readOid(oid), value: readText(value) }] : [];
    }),
  );
}

/**
 * Reads an object identifier (X.690 8.19). Each byte has seven bits of a number, which may have 128 bits (a UUID under 2.25), and the
 * first number contains two arcs.
 */
function readOid({ content }: Element): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of content) {
    number = number * 128n + BigInt(byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0n;
    }
  }
  const [first = 0n, ...rest] = numbers;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join('.');
}

const TELETEX = 0x14;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;

function readText({ content: bytes, tag }: Element): string {
  if (tag === TELETEX) return bytes.toString('latin1');
  if (tag === BMP) return Buffer.from(bytes).swap16().toString('utf16le');
  if (tag === UNIVERSAL)
    return String.fromCodePoint(
      ...Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(i * 4)),
    );
  return bytes.toString('utf8');
}
