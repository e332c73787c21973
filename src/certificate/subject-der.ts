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

/** Reads an object identifier (X.690 8.19). Each byte has seven bits of a number, and the first number contains two arcs. */
function readOid({ content }: Element): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
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

function readText({ content: bytes, tag }: Element): string {
  if (tag === TELETEX) return bytes.toString('latin1');
  if (tag === BMP) return Buffer.from(bytes).swap16().toString('utf16le');
  if (tag === UNIVERSAL)
    return String.fromCodePoint(
      ...Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(i * 4)),
    );
  return bytes.toString('utf8');
}
