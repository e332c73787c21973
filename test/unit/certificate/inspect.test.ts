/** Pairs as people paste them, and certificates that others have made. */

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspect, parsePair, parsePrivateKey } from '../../../src/certificate/inspect.ts';

const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

/** A pair made by openssl alone. */
function make(name: string, algorithm: string[], subject = '/CN=a'): { key: string; cert: string } {
  openssl(
    'req',
    '-x509',
    '-newkey',
    ...algorithm,
    '-nodes',
    '-subj',
    subject,
    '-utf8',
    '-days',
    '30',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
  return { key: readFileSync(file(`${name}.key`), 'utf8'), cert: readFileSync(file(`${name}.crt`), 'utf8') };
}

const rsa = make('rsa', ['rsa:2048'], '/C=DE/O=Bücher, Inc./CN=shop');
const ec = make('ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']);
const other = make('other', ['rsa:2048']);

describe('a pair', () => {
  it.each<[string, string]>([
    ['key first', rsa.key + rsa.cert],
    ['certificate first', rsa.cert + rsa.key],
    ['CRLF', (rsa.key + rsa.cert).replaceAll('\n', '\r\n')],
    ['line ends written out', (rsa.key + rsa.cert).trim().replaceAll('\n', '\\n')],
    ['with words around it', `subject: shop\n${rsa.key}\n# certificate\n${rsa.cert}\nend`],
    ['leaf first of a chain', rsa.key + rsa.cert + other.cert],
    ['leaf last of a chain', rsa.key + other.cert + rsa.cert],
  ])('%s', (_, text) => {
    const pair = parsePair(text);
    expect(pair.certificate.trim()).toBe(rsa.cert.trim());
    expect(pair.privateKey.trim()).toBe(rsa.key.trim());
    // What is stored is key and certificate, each with its own last line.
    expect([pair.privateKey, pair.certificate]).toEqual([
      expect.stringMatching(/KEY-----\n$/),
      expect.stringMatching(/CERTIFICATE-----\n$/),
    ]);
  });

  it('in PKCS#1 becomes PKCS#8', () => {
    openssl('rsa', '-in', 'rsa.key', '-traditional', '-out', 'pkcs1.key');
    const pkcs1 = readFileSync(file('pkcs1.key'), 'utf8');
    expect(pkcs1).toContain('BEGIN RSA PRIVATE KEY');
    expect(parsePair(pkcs1 + rsa.cert).privateKey).toBe(rsa.key);
  });

  it('on an elliptic curve is read, also SEC 1 with its parameters', () => {
    expect(parsePair(ec.key + ec.cert).certificate).toBe(ec.cert);
    openssl('ec', '-in', 'ec.key', '-out', 'sec1.key');
    openssl('ecparam', '-name', 'prime256v1', '-out', 'ec.param');
    const sec1 = readFileSync(file('ec.param'), 'utf8') + readFileSync(file('sec1.key'), 'utf8');
    expect(sec1).toMatch(/BEGIN EC PARAMETERS[\s\S]*BEGIN EC PRIVATE KEY/);
    expect(parsePair(sec1 + ec.cert).privateKey).toBe(ec.key);
    expect(inspect(ec.cert).keySize).toBe(0);
  });

  const encrypted = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  const broken = (label: string) => `-----BEGIN ${label}-----\nCANARY\n-----END ${label}-----\n`;

  it.each<[string, string, RegExp]>([
    ['nothing', '', /^holds no PEM private key$/],
    ['garbage', 'CANARY', /^holds no PEM private key$/],
    ['a key alone', rsa.key, /^holds no PEM certificate, but PRIVATE KEY$/],
    ['a certificate alone', rsa.cert, /^holds no PEM private key, but CERTIFICATE$/],
    [
      'a public key',
      `${broken('PUBLIC KEY')}${rsa.cert}`,
      /^holds no PEM private key, but PUBLIC KEY, CERTIFICATE$/,
    ],
    ["another's certificate", rsa.key + other.cert, /^holds a private key that does not belong/],
    ['a certificate of another algorithm', ec.key + rsa.cert, /^holds a private key that does not belong/],
    [
      'an encrypted key',
      `${encrypted}${rsa.cert}`,
      /^holds an encrypted private key; pass it without a pass/,
    ],
    ['a broken key', broken('PRIVATE KEY') + rsa.cert, /^holds a PEM PRIVATE KEY that cannot be read$/],
    [
      'a key whose base64 is broken',
      rsa.key.replace('MII', 'M-I') + rsa.cert,
      /^holds a PRIVATE KEY whose base64 is broken$/,
    ],
    ['two keys', rsa.key + other.key + rsa.cert, /^holds several private keys; pass one$/],
    [
      'of a kind that is not known, whose name could be anything',
      broken('CANARY KEY') + rsa.cert,
      /^holds no PEM private key, but a PEM of another kind, CERTIFICATE$/,
    ],
    ['an OpenSSH key', broken('OPENSSH PRIVATE KEY'), /^holds an OPENSSH PRIVATE KEY; pass it as PKCS#8/],
    ['base64 of a PEM', Buffer.from(rsa.key + rsa.cert).toString('base64'), /^is the base64 of a PEM; pass/],
    [
      'a key without its lines',
      rsa.key.replace(/-----.*-----/g, ''),
      /^holds no PEM private key: its first and last lines are missing$/,
    ],
    [
      'a key without its first line',
      rsa.key.replace('-----BEGIN PRIVATE KEY-----', '') + rsa.cert,
      /^holds a PRIVATE KEY whose first or last line is missing; pass all of it$/,
    ],
    [
      'a broken certificate',
      rsa.key + broken('CERTIFICATE'),
      /^holds a PEM certificate that cannot be read$/,
    ],
    ['half a certificate', rsa.key + rsa.cert.slice(0, 500), /^holds a CERTIFICATE whose first or/],
  ])('that is %s is refused, and nothing of it is shown', (_, text, reason) => {
    let error: unknown;
    try {
      parsePair(text);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as Error).message).toMatch(reason);
    expect((error as Error).message).not.toMatch(/CANARY|MII/);
  });
});

describe('a private key', () => {
  it('may have its line ends written out', () => {
    expect(parsePrivateKey(rsa.key.trim().replaceAll('\n', '\\n')).asymmetricKeyType).toBe('rsa');
  });

  it.each(['', 'CANARY', rsa.cert])('is not %#', (text) => {
    expect(() => parsePrivateKey(text)).toThrow(/^holds no PEM private key/);
  });
});

describe('the facts of a certificate', () => {
  it('are what openssl says', () => {
    const facts = inspect(rsa.cert);
    const der = openssl('x509', '-in', 'rsa.crt', '-outform', 'DER');
    expect(facts).toEqual({
      thumbprint: createHash('sha256').update(der).digest('base64url'),
      subject: 'CN=shop,O=Bücher\\, Inc.,C=DE',
      hasJoinedValues: false,
      keySize: 2048,
      notBefore: new X509Certificate(rsa.cert).validFromDate,
      notAfter: new X509Certificate(rsa.cert).validToDate,
    });
    expect(facts.thumbprint).toMatch(/^[\w-]{43}$/);
    expect(facts.notAfter.getTime() - facts.notBefore.getTime()).toBe(30 * 86_400_000);
  });

  it('are read of a certificate in older string types too', () => {
    writeFileSync(
      file('t61.cnf'),
      '[req]\nprompt=no\ndistinguished_name=dn\nstring_mask=pkix\n[dn]\nO=Bücher\nCN=a\n',
    );
    openssl(
      'req',
      '-x509',
      '-key',
      'rsa.key',
      '-utf8',
      '-config',
      't61.cnf',
      '-days',
      '1',
      '-out',
      't61.crt',
    );
    expect(inspect(readFileSync(file('t61.crt'), 'utf8')).subject).toBe('CN=a,O=Bücher');
  });
});
