/** What will be issued is never larger than was said before, and not much smaller: held to real certificates. */

import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { authorityOf, type Issuer, parseSigningKey } from '../../../src/certificate/authority.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { encodedSize, exceedsSecret, HEADER_LIMIT, headerSize } from '../../../src/certificate/size.ts';
import { printSubject } from '../../../src/model/subject-dn.ts';
import { Workshop } from '../../support/pem-spellings.ts';
import { runs } from '../../support/properties.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());

function authority(name: string, algorithm: string, subject: string) {
  const { cert, key } = workshop.issue(name, { algorithm, subject, profile: 'ca' });
  return authorityOf([new X509Certificate(cert)], parseSigningKey(key));
}

const AUTHORITIES = [
  undefined,
  authority('rsa', 'rsa:3072', `/O=Acme/CN=${'An authority with a long name '.repeat(2)}`),
  authority('p256', 'P-256', '/CN=ca'),
  authority('p521', 'P-521', '/C=DE/O=Acme/OU=a/OU=b/OU=c/CN=ca'),
];
const METHOD = 'self_signed_tls_client_auth';
/** What the six standard deviations, and the lengths that vary, leave unused at most. */
const SLACK = 200;

describe('the size of a certificate', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, maxLength: 200 }),
    // These two are the most + and / that base64 can make.
    fc.constantFrom('?', '>', 'ÿ', 'x').map((one) => one.repeat(150)),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  );
  const value = text
    .map((one) => one.replace(/[\x00-\x1f\x7f\uFFFD]/g, '').trim() || 'a')
    .filter((one) => one.isWellFormed());
  const attribute = fc.record({
    oid: fc.constantFrom('2.5.4.3', '2.5.4.10', '2.5.4.97', '1.3.6.1.4.1.311.60.2.1.3'),
    value,
  });

  it.each([2048, 3072, 4096] as const)('with a key of %i bits is known before', async (keySize) => {
    const key = await generateKey(keySize);
    const subjects = fc.array(attribute, { minLength: 1, maxLength: 4 }).map(printSubject);
    await fc.assert(
      fc.asyncProperty(subjects, fc.constantFrom(...AUTHORITIES), async (subject, ca) => {
        const issuer: Issuer = ca ? { kind: 'authority', authority: ca } : { kind: 'itself' };
        const before = headerSize({ keySize, subject, method: METHOD }, issuer);
        const pair = await issueCertificate(key, { subject, validityDays: 90 }, Date.now(), ca).catch(
          ({ message }: Error) => Number(/has (\d+) bytes/.exec(message)?.[1]),
        );
        const size = typeof pair === 'number' ? pair : encodedSize(pair.certificate);
        expect(size).toBeLessThanOrEqual(before);
        expect(before - size).toBeLessThanOrEqual(SLACK);
      }),
      { numRuns: runs(60) },
    );
  });

  it('is known before, whatever chance makes of serial and signature', async () => {
    const key = await generateKey(2048);
    const request = { keySize: 2048, subject: 'CN=a', method: METHOD } as const;
    const before = headerSize(request, { kind: 'itself' });
    const sizes: number[] = [];
    for (let count = 0; count < 150; count += 1) {
      const { certificate } = await issueCertificate(key, { subject: 'CN=a', validityDays: 90 }, Date.now());
      sizes.push(encodedSize(certificate));
    }
    const mean = sizes.reduce((sum, size) => sum + size) / sizes.length;
    const deviation = Math.sqrt(sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length);
    // The key is one of many as well, and has its own deviation.
    expect(before).toBeGreaterThan(mean + 8 * deviation);
  });

  it('that is too large is known to be, before anything is made', () => {
    const subject = `CN=a${`,OU=${'x'.repeat(60)}`.repeat(11)}`;
    const issuer = { kind: 'itself' } as const;
    const size = headerSize({ keySize: 4096, subject, method: METHOD }, issuer);
    expect([size > HEADER_LIMIT, size < 5_000, HEADER_LIMIT]).toEqual([true, true, 4096]);
    expect(headerSize({ keySize: 2048, subject, method: METHOD }, issuer)).toBeLessThanOrEqual(HEADER_LIMIT);
    expect(headerSize({ keySize: 4096, subject, method: 'private_key_jwt' }, issuer)).toBe(0);
    expect(headerSize({ keySize: undefined, subject, method: METHOD }, issuer)).toBe(0);
    const [, ca] = AUTHORITIES;
    if (!ca) throw new Error('has an authority');
    const byCa = { keySize: 2048, subject: 'CN=a', method: 'tls_client_auth' } as const;
    expect(headerSize(byCa, { kind: 'authority', authority: ca })).toBeGreaterThan(estimate('CN=a'));
    // A plan without an issuer: who signs, and with what, is not known.
    expect(headerSize({ keySize: 4096, subject, method: 'tls_client_auth' }, issuer)).toBe(0);
  });

  const estimate = (subject: string) =>
    headerSize({ keySize: 2048, subject, method: METHOD }, { kind: 'itself' });

  // Lengths around those at which DER takes one more byte for one of the nested lengths.
  it.each([
    [1, 1274],
    [112, 1585],
    [113, 1585],
    [116, 1597],
    [117, 1605],
    [118, 1605],
    [119, 1613],
    [120, 1613],
    [127, 1640],
    [128, 1640],
    [236, 1944],
    [244, 1975],
    [246, 1979],
    [248, 1987],
    [255, 2007],
    [256, 2007],
    [600, 2968],
  ])('with a name of %i characters is estimated to the byte', (length, size) => {
    expect(estimate(`CN=${'x'.repeat(length)}`)).toBe(size);
  });

  // Object identifiers whose numbers take one, two and four bytes, and characters that are escaped.
  it.each([
    ['1.3.6.1.4.1.311.60.2.1.3=DE,CN=a', 1333],
    ['2.5.4.97=a,0.9.2342.19200300.100.1.1=a,CN=a', 1364],
    ['CN=????????ÿÿÿÿ', 1341],
  ])('of %s is estimated to the byte', (subject, size) => {
    expect(estimate(subject)).toBe(size);
  });

  it('that was brought is that of its leaf', () => {
    const { cert, key } = workshop.issue('brought', {
      subject: `/CN=a${`/OU=${'x'.repeat(60)}`.repeat(20)}`,
    });
    const issuer: Issuer = { kind: 'brought', pair: { privateKey: key, certificate: cert + cert } };
    const request = { keySize: undefined, subject: 'CN=a', method: 'tls_client_auth' } as const;
    expect(headerSize(request, issuer)).toBe(encodeURIComponent(cert).length);
    expect(headerSize(request, issuer)).toBeGreaterThan(HEADER_LIMIT);
  });
});

describe('the size of a secret', () => {
  it('is counted in bytes, to the last one', () => {
    expect(exceedsSecret('ä'.repeat(24_000))).toBe(false);
    expect(exceedsSecret(`${'ä'.repeat(24_000)}x`)).toBe(true);
  });
});
