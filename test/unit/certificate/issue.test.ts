/** openssl, node:crypto and the edge's limit judge what is issued. */

import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspect, parsePair } from '../../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { parseSubject, printSubject } from '../../../src/model/subject-dn.ts';
import { runs } from '../../support/properties.ts';

const key = await generateKey(2048);
const NOW = Date.parse('2026-11-24T12:00:00Z');
const issue = (subject: string, validityDays = 90) => issueCertificate(key, { subject, validityDays }, NOW);
const openssl = (pem: string, ...args: string[]) =>
  execFileSync('openssl', args, { input: pem, encoding: 'utf8' });

describe('a certificate', () => {
  it('is what RFC 5280 and RFC 8705 ask for, says openssl', async () => {
    const { certificate } = await issue('CN=shop,O=Acme\\, Inc.,C=DE');
    const text = openssl(certificate, 'x509', '-noout', '-text');
    for (const part of [
      'Version: 3 (0x2)',
      'Signature Algorithm: sha256WithRSAEncryption',
      'Issuer: C = DE, O = "Acme, Inc.", CN = shop',
      'Subject: C = DE, O = "Acme, Inc.", CN = shop',
      'Not Before: Nov 24 11:55:00 2026 GMT',
      'Not After : Feb 22 12:00:00 2027 GMT',
      'Public-Key: (2048 bit)',
      'X509v3 Basic Constraints: critical\n                CA:FALSE',
      'X509v3 Key Usage: critical\n                Digital Signature\n',
      'X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n',
      'X509v3 Subject Key Identifier:',
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([2048, 3072, 4096])(
    'with a key of %i bits is good for a TLS client, and for nothing else',
    async (bits) => {
      const folder = mkdtempSync(join(tmpdir(), 'issue-'));
      try {
        const now = Date.now();
        const own = await issueCertificate(
          await generateKey(bits),
          { subject: 'CN=shop', validityDays: 1 },
          now,
        );
        const path = join(folder, 'certificate.pem');
        writeFileSync(path, own.certificate);
        const verify = (purpose: string) =>
          execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', path, path], {
            encoding: 'utf8',
            stdio: 'pipe',
          });
        expect(verify('sslclient')).toBe(`${path}: OK\n`);
        expect(() => verify('sslserver')).toThrow(/unsuitable certificate purpose/);
        expect(inspect(own.certificate).keySize).toBe(bits);
        expect(encodeURIComponent(own.certificate).length).toBeLessThanOrEqual(4096);
        // Valid a little before it exists, since clocks differ; not longer than asked for.
        const { notBefore, notAfter } = inspect(own.certificate);
        expect(now - notBefore.getTime()).toBeGreaterThanOrEqual(5 * 60_000);
        expect(now - notBefore.getTime()).toBeLessThan(5 * 60_000 + 1_000);
        expect(Math.abs(notAfter.getTime() - now - 86_400_000)).toBeLessThan(1_000);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it('may have exactly the 4096 bytes that the edge takes, URL-encoded, and not one more', async () => {
    const sizes = new Set<number>();
    for (let length = 920; length < 1_120; length += 2) {
      const subject = `CN=a,1.2.3.4=${'x'.repeat(length)}`;
      const size = await issue(subject).then(
        ({ certificate }) => encodeURIComponent(certificate).length,
        (error: Error) => Number(/has (\d+) bytes/.exec(error.message)?.[1]) * -1,
      );
      sizes.add(size);
    }
    const taken = [...sizes].filter((size) => size > 0);
    const refused = [...sizes].filter((size) => size < 0).map((size) => -size);
    expect([taken.length > 0, refused.length > 0]).toEqual([true, true]);
    expect(Math.max(...taken)).toBeLessThanOrEqual(4096);
    expect(Math.min(...refused)).toBeGreaterThan(4096);
    // A line of base64 more or less: the limit was met closely.
    expect(Math.min(...refused) - Math.max(...taken)).toBeLessThan(100);
  });

  it('has the string types that its attributes prescribe', async () => {
    const subject = 'CN=a,C=DE,SERIALNUMBER=1,DC=net,EMAILADDRESS=a@b,O=b';
    const { certificate } = await issue(subject);
    const told = openssl(
      certificate,
      'x509',
      '-noout',
      '-subject',
      '-nameopt',
      'show_type,sname,sep_comma_plus',
    );
    for (const part of ['CN=UTF8STRING:a', 'C=PRINTABLESTRING:DE', 'O=UTF8STRING:b', 'DC=IA5STRING:net'])
      expect(told).toContain(part);
    expect(told).toMatch(
      /serialNumber=PRINTABLESTRING:1.*emailAddress=IA5STRING:a@b|emailAddress=IA5STRING:a@b.*serialNumber=PRINTABLESTRING:1/,
    );
  });

  it('has a positive serial of its own every time', async () => {
    const serials = await Promise.all(
      [1, 2, 3, 4].map(async () => new X509Certificate((await issue('CN=a')).certificate).serialNumber),
    );
    expect(new Set(serials).size).toBe(4);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('is known by the SHA-256 of its DER (x5t#S256)', async () => {
    const { certificate } = await issue('CN=a');
    const der = new X509Certificate(certificate).raw;
    expect(inspect(certificate).thumbprint).toBe(createHash('sha256').update(der).digest('base64url'));
  });

  it('that is too large for the header of the edge is refused', async () => {
    const ou = `OU=${'x'.repeat(60)},`;
    await expect(issue(`CN=a,${ou.repeat(30)}O=b`)).rejects.toMatchObject({ code: 'CERTIFICATE_TOO_LARGE' });
  });
});

describe('a subject', () => {
  it.each([
    ['CN=a', 'CN=a'],
    ['cn = a , o = b', 'CN=a,O=b'],
    ['CN=a\\,b,O=c\\+d', 'CN=a\\,b,O=c\\+d'],
    ['CN=\\ a\\ ', 'CN=\\ a\\ '],
    ['CN=B\\C3\\BCcher', 'CN=Bücher'],
    ['CN=\\#x', 'CN=\\#x'],
    ['2.5.4.3=a', 'CN=a'],
    ['1.2.3.4=a', '1.2.3.4=a'],
  ])('%s is %s', (text, printed) => {
    expect(printSubject(parseSubject(text))).toBe(printed);
  });

  it.each([
    ['', /empty/],
    ['CN', /no '='/],
    ['CN=', /no value/],
    ['CN=a,', /empty part/],
    ['CN=a,,O=b', /empty part/],
    ['XX=a', /unknown attribute 'XX'/],
    ['CN=a+O=b', /must be escaped/],
    ['CN=a\\q', /broken escape/],
    ['C=Germany', /two letters/],
  ])('%s is refused', (text, reason) => {
    expect(() => parseSubject(text)).toThrow(reason);
  });

  it('comes back from a certificate as it went in', async () => {
    const value = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => text.trim() === text && !/[\0\n\r\uFFFD]/.test(text));
    await fc.assert(
      fc.asyncProperty(value, value, async (cn, o) => {
        const subject = printSubject([
          { oid: '2.5.4.10', value: o },
          { oid: '2.5.4.3', value: cn },
        ]);
        expect(inspect((await issue(subject)).certificate).subject).toBe(subject);
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('a pair', () => {
  it('is found in a bundle whatever the order and the line ends', async () => {
    const pair = await issue('CN=a');
    const bundle = pair.privateKey + pair.certificate;
    for (const text of [
      bundle,
      pair.certificate + pair.privateKey,
      bundle.replaceAll('\n', '\r\n'),
      bundle.replaceAll('\n', '\\n'),
    ]) {
      expect(parsePair(text)).toEqual(pair);
    }
  });

  it.each<[string, (pem: { privateKey: string; certificate: string }) => string, RegExp]>([
    ['no key', ({ certificate }) => certificate, /holds no PEM private key/],
    ['no certificate', ({ privateKey }) => privateKey, /holds no PEM certificate/],
    [
      'a broken key',
      ({ certificate }) => `-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n${certificate}`,
      /holds a PEM PRIVATE KEY that cannot be read/,
    ],
    [
      'a broken certificate',
      ({ privateKey }) => `${privateKey}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      /cannot be read/,
    ],
    ['anything else', () => 'hello', /holds no PEM private key/],
  ])('with %s is refused, and nothing of it is shown', async (_, make, reason) => {
    const text = make(await issue('CN=a'));
    expect(() => parsePair(text)).toThrow(reason);
    expect(() => parsePair(text)).not.toThrow(/AAAA|MII|hello/);
  });

  it('of two that do not belong together is refused', async () => {
    const other = await issueCertificate(await generateKey(2048), { subject: 'CN=b', validityDays: 1 }, NOW);
    expect(() => parsePair(`${other.privateKey}\n`)).toThrow();
    const { certificate } = await issue('CN=a');
    expect(() => parsePair(other.privateKey + certificate)).toThrow(/does not belong/);
  });
});
