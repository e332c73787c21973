/** RFC 4514, both ways, and through a real certificate as openssl reads it. */

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../../src/certificate/credential.ts';
import { inspect } from '../../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import {
  type Attribute,
  oidOf,
  parseSubject,
  printSubject,
  readSubject,
} from '../../../src/model/subject-dn.ts';
import { runs } from '../../support/properties.ts';

const key = await generateKey(2048);

/** What openssl reads of a certificate with this subject, as RFC 2253 text. */
async function throughOpenssl(subject: string): Promise<string> {
  const { certificate } = await issueCertificate(key, { subject, validityDays: 1 }, Date.now());
  const args = ['x509', '-noout', '-subject', '-nameopt', 'esc_2253,utf8,sname,sep_comma_plus,dn_rev'];
  return execFileSync('openssl', args, { input: certificate, encoding: 'utf8' })
    .replace(/^subject=/, '')
    .replace(/\n$/, '');
}

describe('RFC 4514', () => {
  it.each<[text: string, attributes: [string, string][]]>([
    // Its own examples (section 4), reversed into the certificate's order.
    [
      'UID=jsmith,DC=example,DC=net',
      [
        ['0.9.2342.19200300.100.1.25', 'net'],
        ['0.9.2342.19200300.100.1.25', 'example'],
        ['0.9.2342.19200300.100.1.1', 'jsmith'],
      ],
    ],
    ['CN=James \\"Jim\\" Smith\\, III', [['2.5.4.3', 'James "Jim" Smith, III']]],
    ['CN=Lu\\C4\\8Di\\C4\\87', [['2.5.4.3', 'Lučić']]],
    // Escapes.
    ['CN=\\ a\\ ', [['2.5.4.3', ' a ']]],
    ['CN=\\#a#b', [['2.5.4.3', '#a#b']]],
    ['CN=a\\=b=c', [['2.5.4.3', 'a=b=c']]],
    ['CN=a\\\\', [['2.5.4.3', 'a\\']]],
    [
      'CN=a\\\\,O=b',
      [
        ['2.5.4.10', 'b'],
        ['2.5.4.3', 'a\\'],
      ],
    ],
    ['CN=\\+\\;\\<\\>\\"', [['2.5.4.3', '+;<>"']]],
    ['CN=\\2C', [['2.5.4.3', ',']]],
    // Spaces around a part and a name do not count, inside a value they do.
    [
      ' cn = a  b , o = c ',
      [
        ['2.5.4.10', 'c'],
        ['2.5.4.3', 'a  b'],
      ],
    ],
    ['CN=a\\\\ ', [['2.5.4.3', 'a\\']]],
    ['CN=\\C2\\A0a', [['2.5.4.3', '\u00a0a']]],
    ['CN=日本 👩‍💻', [['2.5.4.3', '日本 👩‍💻']]],
    ['1.3.6.1.4.1.99999.1=x', [['1.3.6.1.4.1.99999.1', 'x']]],
    ['EMAILADDRESS=a@b', [['1.2.840.113549.1.9.1', 'a@b']]],
    ['C=De', [['2.5.4.6', 'De']]],
    ['CN=   a   ', [['2.5.4.3', 'a']]],
    ['CN=a\\\\\\ ', [['2.5.4.3', 'a\\ ']]],
    [
      'CN=a\\,\\+,O=b',
      [
        ['2.5.4.10', 'b'],
        ['2.5.4.3', 'a,+'],
      ],
    ],
  ])('%s', (text, attributes) => {
    expect(parseSubject(text)).toEqual(attributes.map(([oid, value]) => ({ oid, value })));
  });

  it.each([
    ['CN=a\\0Ab', /control character/],
    ['CN=a\nO=b', /control character/],
    ['CN=a\tb', /control character/],
    ['CN=a\\7F', /control character/],
    ['CN=\\00', /control character/],
    ['CN=\\FF', /not UTF-8/],
    ['CN=a\\', /broken escape|no '='/],
    ['CN=a\\4', /broken escape/],
    ['CN="a"', /must be escaped/],
    ['CN=a;O=b', /must be escaped/],
    ['CN=a+OU=b', /must be escaped/],
    ['=a', /no '='/],
    ['CN', /^has no '=' in 'CN'$/],
    ['CN=a, O ', /^has no '=' in 'O'$/],
    ['', /^is empty$/],
    ['CN=', /^has no value for CN$/],
    ['CN= ', /^has no value for CN$/],
    [',CN=a', /^has an empty part$/],
    ['CN=a,', /^has an empty part$/],
    ['CN=a,,O=b', /^has an empty part$/],
    ['CN=a;', /special character in 'a;'/],
    ['X=a', /unknown attribute 'X' \(write CN, SERIALNUMBER, C, .* or an OID\)/],
    ['x1.2.3=a', /unknown attribute/],
    ['C=D', /two letters/],
    ['C=DEU', /two letters/],
    ['C=D1', /two letters/],
    ['C=12', /two letters/],
    ['1.2.003=a', /unknown attribute/],
    ['3.1=a', /unknown attribute/],
    ['1.50.3=a', /^has the impossible OID '1\.50\.3' \(under 0 and 1 the second number is at most 39\)$/],
    ['0.40=a', /impossible OID '0\.40'/],
    [
      '1.3.6.1.4.1.4294967296=a',
      /^has the OID '1\.3\.6\.1\.4\.1\.4294967296' with a number of more than 32 bits/,
    ],
    ['CN=a,2.4294967216.1=b', /more than 32 bits/],
    ['2.25.329800735698586629295641978511506172918=a', /more than 32 bits/],
    ['2.5.4.6=Germany', /two letters/],
    ['SERIALNUMBER=ü', /character in SERIALNUMBER/],
    ['SERIALNUMBER=a@b', /character in SERIALNUMBER/],
    ['DC=ü', /character in DC/],
    ['EMAILADDRESS=ü@x', /character in EMAILADDRESS/],
    [' , ', /empty part|no '='/],
  ])('%j is refused', (text, reason) => {
    expect(() => parseSubject(text)).toThrow(reason);
  });

  it.each([
    [' a ', 'CN=\\ a\\ '],
    ['#a#', 'CN=\\#a#'],
    ['a,+"\\<>;=b', 'CN=a\\,\\+\\"\\\\\\<\\>\\;=b'],
    [' ', 'CN=\\ '],
    ['Bücher', 'CN=Bücher'],
    ['a b', 'CN=a b'],
    [' a', 'CN=\\ a'],
    ['a#', 'CN=a#'],
  ])('prints %j as %s', (value, text) => {
    expect(printSubject([{ oid: '2.5.4.3', value }])).toBe(text);
  });

  it.each<[string | undefined, string]>([
    [undefined, ''],
    ['', ''],
    ['C=DE\nO=Acme\\, Inc.\nCN=a=b', 'CN=a=b,O=Acme\\, Inc.,C=DE'],
    ['organizationIdentifier=PSDFI-X\nCN=shop', 'CN=shop,2.5.4.97=PSDFI-X'],
    ['2.5.4.97=PSDFI-X', '2.5.4.97=PSDFI-X'],
    ['unknown=x', 'unknown=x'],
    ['CN=B\\C3\\BCcher\\, \\\\C3', 'CN=Bücher\\, \\\\C3'],
    ['CN=Bücher', 'CN=Bücher'],
    ['CN=a\\', 'CN=a\\\\'],
    ['constructor=x', 'constructor=x'],
    // Two of OpenSSL's names that differ only in case.
    ['UID=a\nuid=b', '0.9.2342.19200300.100.1.44=b,UID=a'],
    ['c3=BRA\nmsUPN=a@b', '1.3.6.1.4.1.311.20.2.3=a@b,2.5.4.98=BRA'],
  ])('reads %j, as node:crypto and Auth0 write it', (lines, text) => {
    expect(readSubject(lines)).toBe(text);
  });

  it('knows the names of its section 3, in any case', () => {
    const names = ['CN', 'L', 'ST', 'O', 'OU', 'C', 'STREET', 'DC', 'UID'];
    for (const name of names) expect(oidOf(name.toLowerCase())).toMatch(/^[\d.]+$/);
    expect(oidOf('uid')).toBe(oidOf('UID'));
    expect(oidOf('givenName')).toBe('2.5.4.42');
    expect(oidOf('toString')).toBeUndefined();
    expect(oidOf('__proto__')).toBeUndefined();
  });
});

const TEXT = [
  '2.5.4.3',
  '2.5.4.7',
  '2.5.4.8',
  '2.5.4.9',
  '2.5.4.10',
  '2.5.4.11',
  '0.9.2342.19200300.100.1.1',
];
/** Hostile on purpose: what RFC 4514 escapes, spaces of all kinds, and what needs four bytes. */
const character = fc.oneof(
  fc.constantFrom(
    ' ',
    '#',
    ',',
    '+',
    '"',
    '\\',
    '<',
    '>',
    ';',
    '=',
    '\u00a0',
    '\u3000',
    'ü',
    '日',
    '👩',
    '\ufeff',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
);
const value = fc
  .array(character, { minLength: 1, maxLength: 12 })
  .map((list) => list.join(''))
  .filter((text) => !/[\x00-\x1f\x7f]/.test(text) && text.isWellFormed());
const attributes = fc.array(fc.record({ oid: fc.constantFrom(...TEXT), value }), {
  minLength: 1,
  maxLength: 4,
}) as fc.Arbitrary<Attribute[]>;

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

describe('a subject', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(attributes, (list) => {
        expect(parseSubject(printSubject(list))).toEqual(list);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('comes back from a certificate', async () => {
    await fc.assert(
      fc.asyncProperty(attributes, async (list) => {
        const subject = printSubject(list);
        const { certificate } = await issueCertificate(key, { subject, validityDays: 1 }, Date.now());
        expect(inspect(certificate).subject).toBe(subject);
      }),
      { numRuns: runs(80) },
    );
  });

  it.each<[arc: string, lasts: number[]]>([
    ['2.5.4', upTo(110)],
    ['0.9.2342.19200300.100.1', upTo(60)],
    ['1.2.840.113549.1.9', [1, 2, 7, 8, 20]],
    ['1.3.6.1.5.5.7.9', upTo(6)],
    ['1.3.6.1.4.1.311.20.2', [3]],
    ['1.3.6.1.4.1.311.60.2.1', upTo(4)],
    ['1.2.643.3.131.1', [1]],
    ['1.2.643.100', upTo(6)],
  ])(
    'of attributes under %s is the same, whether it is asked for, read in a certificate or in the record of Auth0',
    async (arc, lasts) => {
      const oids = lasts.map((last) => `${arc}.${last}`);
      for (let from = 0; from < oids.length; from += 20) {
        const parts = oids.slice(from, from + 20).map((oid) => `${oid}=DE`);
        const subject = printSubject(parseSubject([...parts, 'CN=a \\+ b'].join(',')));
        const { certificate } = await issueCertificate(key, { subject, validityDays: 1 }, Date.now());
        expect(inspect(certificate).subject).toBe(subject);
        expect(readSubject(new X509Certificate(certificate).subject)).toBe(subject);
      }
    },
  );

  it.each(['0.39=a', '1.39.1=a', '2.999.1=a', '2.4294967215.1=a', '1.3.6.1.4.1.4294967295=a'])(
    'with the OID of %s can be issued',
    async (subject) => {
      const { certificate } = await issueCertificate(key, { subject, validityDays: 1 }, Date.now());
      expect(inspect(certificate).subject).toBe(subject);
    },
  );

  it('with several values in one RDN is the same in a certificate and in the record of Auth0', () => {
    const pem = execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-nodes',
        '-newkey',
        'rsa:2048',
        '-keyout',
        '/dev/null',
        '-subj',
        '/O=acme/CN=a+UID=b',
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    );
    expect(inspect(pem).subject.split(',').sort()).toEqual(['CN=a', 'O=acme', 'UID=b']);
    expect(readSubject(new X509Certificate(pem).subject)).toBe(inspect(pem).subject);
    expect(inspect(pem).hasJoinedValues).toBe(true);
    // Nothing can be issued with such a subject.
    const pair = { certificate: pem, privateKey: '' };
    expect(factsOf('tls_client_auth', pair)).toMatchObject({
      identity: inspect(pem).subject,
      subject: undefined,
    });
  });

  it('is the one that openssl reads', async () => {
    await fc.assert(
      fc.asyncProperty(attributes, async (all) => {
        // openssl leaves a value that is only `#` as it is.
        expect(parseSubject(await throughOpenssl(printSubject(all)))).toEqual(all);
      }),
      { numRuns: runs(25) },
    );
  });

  it('does not take a hexadecimal value for a text', () => {
    expect(() => parseSubject('2.5.4.97=#0C0C50534446492D58,CN=shop')).toThrow(
      "has the hexadecimal value '#0C0C50534446492D58', which is not supported (write the text, and \\# for a # at its beginning)",
    );
    for (const text of ['CN=\\#0C', 'CN=#', 'CN=#x'])
      expect(parseSubject(text)).toEqual([{ oid: '2.5.4.3', value: text.replace(/^CN=\\?/, '') }]);
  });

  it('never throws anything but a reason', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => {
        try {
          const list = parseSubject(text);
          expect(parseSubject(printSubject(list))).toEqual(list);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (is|has|needs) /);
        }
      }),
      { numRuns: runs(1_000) },
    );
  });
});
