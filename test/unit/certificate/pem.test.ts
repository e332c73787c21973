/** One reader for every PEM: each spelling is read to the same bytes or refused with its reason, and each is hidden in the log. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCertificates, parsePair, parsePrivateKey, pkcs8 } from '../../../src/certificate/inspect.ts';
import { holdsPrivateKey, masksFor } from '../../../src/certificate/masks.ts';
import { LINE_ENDS, type Spelling, spell, spellings, Workshop } from '../../support/pem-spellings.ts';
import { runs } from '../../support/properties.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());

workshop.issue('root', { algorithm: 'P-256', profile: 'ca' });
const middle = workshop.issue('middle', { issuer: 'root', profile: 'ca' });
const rsa = workshop.issue('rsa', { issuer: 'middle' });
const ec = workshop.issue('ec', { algorithm: 'P-256', issuer: 'middle' });
const KEYS = [
  { written: rsa.key, key: rsa.key, cert: rsa.cert },
  { written: workshop.traditional('rsa'), key: rsa.key, cert: rsa.cert },
  { written: ec.key, key: ec.key, cert: ec.cert },
  { written: workshop.traditional('ec'), key: ec.key, cert: ec.cert },
];
const ENCRYPTED = [
  workshop.encrypted('rsa'),
  workshop.traditional('rsa', '-aes256'),
  workshop.encrypted('ec'),
];
const PLAIN: Spelling = {
  lineEnd: '\n',
  space: ' ',
  slash: '/',
  plus: '+',
  equals: '=',
  quote: '',
  before: '',
  after: '',
};
const keys = fc.constantFrom(...KEYS);

it('the keys are of the kinds that people have', () => {
  const labels = [...KEYS.map(({ written }) => written), ...ENCRYPTED].map((pem) => pem.split('\n')[0]);
  expect(labels).toEqual([
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN EC PRIVATE KEY-----',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----',
  ]);
  expect(ENCRYPTED[1]).toContain('Proc-Type: 4,ENCRYPTED');
});

describe('a PEM', () => {
  it.each(LINE_ENDS.map((end) => [JSON.stringify(end), end]))(
    'whose lines end with %s is read',
    (_, lineEnd) => {
      const text = spell(rsa.key + rsa.cert, { ...PLAIN, lineEnd });
      expect(parsePair(text)).toEqual({ privateKey: rsa.key, certificate: rsa.cert });
    },
  );

  it('of Auth0 itself is read: its guide writes line ends and slashes as JSON does', () => {
    const json = JSON.stringify(rsa.cert.replaceAll('\n', '\r\n')).replaceAll('/', '\\/');
    expect(parseCertificates(json).join('')).toBe(rsa.cert);
  });

  it('in every spelling is the same key', () => {
    fc.assert(
      fc.property(keys, spellings, ({ key, written }, spelling) => {
        expect(pkcs8(parsePrivateKey(spell(written, spelling)))).toBe(pkcs8(createPrivateKey(key)));
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('in every spelling is the same certificates, however many', () => {
    const some = fc.array(fc.constantFrom(rsa.cert, ec.cert, middle.cert), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(some, spellings, (certs, spelling) => {
        const read = parseCertificates(spell(certs.join(''), spelling));
        expect(read.map(({ raw }) => raw)).toEqual(certs.map((cert) => new X509Certificate(cert).raw));
      }),
      { numRuns: runs(500) },
    );
  });

  it('in every spelling and order is the same pair, also if its parts are spelt in two ways', () => {
    const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
    fc.assert(
      fc.property(keys, order, spellings, spellings, ({ cert, key, written }, at, one, other) => {
        const parts = [spell(written, one), spell(cert, other), spell(middle.cert, one)];
        const pair = parsePair(at.map((index) => parts[index]).join('\n'));
        expect(pair).toEqual({ privateKey: pkcs8(createPrivateKey(key)), certificate: cert + middle.cert });
      }),
      { numRuns: runs(500) },
    );
  });

  it('that is encrypted is refused for that, in every spelling', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ENCRYPTED), spellings, (key, spelling) => {
        expect(() => parsePrivateKey(spell(key, spelling))).toThrow(
          /^holds an encrypted private key; pass it/,
        );
      }),
      { numRuns: runs(500) },
    );
  });

  it('that has lost a piece is refused, and nothing of it is shown', () => {
    const cut = fc.tuple(keys, spellings, fc.nat(), fc.integer({ min: 1, max: 80 }));
    fc.assert(
      fc.property(cut, ([{ written }, spelling, at, length]) => {
        const text = spell(written, { ...spelling, before: '', after: '', quote: '' });
        const from = at % (text.length - length);
        const damaged = text.slice(0, from) + text.slice(from + length);
        let message = '';
        try {
          // A lost line end is no loss.
          expect(pkcs8(parsePrivateKey(damaged))).toBe(pkcs8(parsePrivateKey(text)));
        } catch (error) {
          message = (error as Error).message;
        }
        for (const line of written.split('\n').filter((one) => /^[A-Za-z0-9+/=]{8,}$/.test(one)))
          for (let start = 0; start + 12 <= line.length; start += 4)
            expect(message).not.toContain(line.slice(start, start + 12));
      }),
      { numRuns: runs(1_000) },
    );
  });
});

/** What the runner would show. */
function shown(text: string, masks: readonly string[]): string {
  return [...masks]
    .sort((a, b) => b.length - a.length)
    .reduce((left, mask) => left.replaceAll(mask, '***'), text);
}

describe('the masks of a secret', () => {
  it('hide a key as it came, as it is read, and as it is stored', () => {
    fc.assert(
      fc.property(keys, spellings, ({ cert, key, written }, spelling) => {
        const text = spell(written + cert, spelling);
        const masks = masksFor(text);
        const plain = [written, key].flatMap((pem) => [pem, pem.replace(/-----.*-----|\n/g, '')]);
        for (const told of [
          text,
          ...text.split(/\s/),
          ...plain,
          ...plain.flatMap((pem) => pem.split('\n')),
        ]) {
          const rest = shown(told, masks).replaceAll(/-----[^-]*-----|%20|\\u00..|%../g, ' ');
          expect(
            rest.match(/[A-Za-z0-9+/]{13,}/g)?.filter((word) => !/KEY$|CERTIFICATE$/.test(word)) ?? [],
          ).toEqual([]);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it('hide one that has lost its end', () => {
    fc.assert(
      fc.property(spellings, fc.integer({ min: 200, max: 1_500 }), (spelling, length) => {
        const text = spell(rsa.key, spelling).slice(0, length);
        const [first = ''] = /[A-Za-z0-9]{40,}/.exec(rsa.key.split('\n')[1] ?? '') ?? [];
        expect(shown(text, masksFor(text))).not.toContain(first);
      }),
    );
  });

  it('hide lines of other lengths, and those of JSON as they are when it is read', () => {
    const body = rsa.key.replace(/-----.*-----|\n/g, '');
    const lines = body.match(/.{1,76}/g) ?? [];
    const json = JSON.stringify(
      ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----'].join('\n'),
    );
    const masks = masksFor(json.replaceAll('/', '\\/'));
    for (const line of lines) expect([line, shown(line, masks)]).toEqual([line, '***']);
  });

  it('hide any other secret whole, and no ordinary text', () => {
    expect(masksFor('client-secret')).toEqual(['client-secret']);
    expect([masksFor('short'), masksFor('short', 5)]).toEqual([[], ['short']]);
    const kid = 'XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg';
    const masks = masksFor(`# kid: ${kid}\n${rsa.key}`);
    expect(shown(`key id ${kid}`, masks)).toBe(`key id ${kid}`);
    for (const text of ['-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----'])
      expect(shown(text, masks)).toBe(text);
  });

  it('are of every value that holds a key, in whatever spelling', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KEYS.map(({ written }) => written), ...ENCRYPTED),
        spellings,
        (key, spelling) => {
          expect(holdsPrivateKey(spell(key, spelling))).toBe(true);
          expect(holdsPrivateKey(spell(rsa.cert, spelling))).toBe(false);
        },
      ),
    );
  });
});
