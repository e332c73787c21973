/** The subject of a certificate, read from DER that other tools write in other ways. */

import type { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { subjectOf } from '../../../src/certificate/subject-der.ts';

const element = (tag: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
const sequence = (...content: Buffer[]) => element(0x30, Buffer.concat(content));
const COMMON_NAME = [0x55, 0x04, 0x03];

/** A certificate whose subject has this one attribute; all other fields are empty. */
function certificate(oid: number[], tag: number, value: Buffer): X509Certificate {
  const attribute = sequence(element(0x06, Buffer.from(oid)), element(tag, value));
  const subject = sequence(element(0x31, attribute));
  const none = sequence();
  const raw = sequence(sequence(element(0xa0, none), none, none, none, none, subject, none), none, none);
  return { raw } as X509Certificate;
}

describe('the subject of a certificate', () => {
  it.each<[string, number, Buffer]>([
    ['UTF-8', 0x0c, Buffer.from('Bäcker 株')],
    ['a BMP string', 0x1e, Buffer.from([0, 0x42, 0, 0xe4, 0x68, 0x2a])],
    ['a Teletex string', 0x14, Buffer.from([0x42, 0xe4])],
    ['a universal string', 0x1c, Buffer.from([0, 0, 0, 0x42, 0, 1, 0xf6, 0])],
  ])('is read from %s', (_, tag, value) => {
    const texts = { 12: 'Bäcker 株', 30: 'Bä株', 20: 'Bä', 28: 'B😀' };
    const expected = texts[tag as keyof typeof texts];
    expect(subjectOf(certificate(COMMON_NAME, tag, value))).toEqual([{ oid: '2.5.4.3', value: expected }]);
  });

  it.each([
    ['1.2.840.113549.1.9.1', [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01]],
    ['0.9.2342.19200300.100.1.1', [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01]],
    ['2.999.128', [0x88, 0x37, 0x81, 0x00]],
    ['1.39.127', [0x4f, 0x7f]],
    // A UUID (X.667) has 128 bits.
    ['2.25.340282366920938463463374607431768211455', [0x69, 0x83, ...Array(17).fill(0xff), 0x7f]],
  ])('knows the attribute %s', (oid, bytes) => {
    expect(subjectOf(certificate(bytes, 0x0c, Buffer.from('x')))).toEqual([{ oid, value: 'x' }]);
  });

  it('has no attribute if it is empty, or if one has no value', () => {
    const raw = sequence(sequence(element(0x02, Buffer.from([1]))));
    expect(subjectOf({ raw } as X509Certificate)).toEqual([]);
    const empty = sequence(element(0x31, sequence(element(0x06, Buffer.from(COMMON_NAME)))));
    const none = sequence();
    const whole = sequence(sequence(element(0xa0, none), none, none, none, none, empty, none), none, none);
    expect(subjectOf({ raw: whole } as X509Certificate)).toEqual([]);
  });
});
