/** What the PKCS#12 holds, as others read it: node-forge, openssl without its legacy provider, and Node's TLS. */

import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { parseCertificates, parsePair } from '../../../src/certificate/inspect.ts';
import { generateKey, issueCertificate } from '../../../src/certificate/issue.ts';
import { toPkcs12 } from '../../../src/certificate/pkcs12.ts';
import type { CertifiedPair } from '../../../src/model/key-pair.ts';

const ALIAS = 'rX1UBpS9J8zT0aBcDeFgHiJkLmNoPqRs';
const NOW = Date.UTC(2026, 10, 28);
const pair = await issueCertificate(await generateKey(2048), { subject: 'CN=shop', validityDays: 90 }, NOW);

const pkcs12 = async (password: string, of: CertifiedPair = pair) =>
  Buffer.from(await toPkcs12(of, { alias: ALIAS, password }), 'base64');

/** Its password goes by the environment. */
function openssl(bundle: Buffer, password: string, ...args: string[]): string {
  return execFileSync('openssl', ['pkcs12', '-passin', 'env:PASSWORD', ...args], {
    input: bundle,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PASSWORD: password },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

const PASSWORDS = [
  ['of some length', 'correct horse ~"\'\\ battery'],
  ['that is empty', ''],
];

describe.each(PASSWORDS)('a password %s', (_, password) => {
  it('opens it for openssl, key, certificate and alias', async () => {
    const told = openssl(await pkcs12(password), password, '-nodes');
    expect(told.match(new RegExp(`friendlyName: ${ALIAS}`, 'g'))).toHaveLength(2);
    expect(createPublicKey(createPrivateKey(told))).toEqual(new X509Certificate(told).publicKey);
    expect(new X509Certificate(told).raw).toEqual(new X509Certificate(pair.certificate).raw);
  });

  it('opens it for node-forge, which looks at the MAC as well', async () => {
    const read = (given: string) => pkcs12(password).then((bundle) => fromForge(bundle, given));
    const { aliased, keys } = await read(password);
    expect(aliased).toBe(1);
    expect(keys).toEqual([expect.objectContaining({ n: expect.anything() })]);
    await expect(read('wrong')).rejects.toThrow('MAC could not be verified');
  });

  it("opens it for Node's TLS", async () => {
    const pfx = await pkcs12(password);
    expect(() => createSecureContext({ pfx, passphrase: password })).not.toThrow();
    expect(() => createSecureContext({ pfx, passphrase: 'wrong' })).toThrow();
  });
});

function fromForge(bundle: Buffer, password: string) {
  const read = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bundle.toString('latin1')), password);
  const bag = `${forge.pki.oids.pkcs8ShroudedKeyBag}`;
  return {
    aliased: read.getBags({ friendlyName: ALIAS, bagType: bag }).friendlyName?.length,
    keys: (read.getBags({ bagType: bag })[bag] ?? []).map(({ key }) => key),
  };
}

describe('it', () => {
  it('is encrypted by AES-256 and guarded by a MAC, both of SHA-256; nothing of it is of SHA-1, DES or RC2', async () => {
    const bundle = await pkcs12('password');
    const told = execFileSync('sh', ['-c', 'openssl pkcs12 -info -noout -passin pass:password 2>&1'], {
      input: bundle,
      encoding: 'utf8',
    });
    expect(told).toContain('MAC: sha256, Iteration 2048');
    expect(told).toContain('Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256');
    expect(told).not.toMatch(/sha1|DES|RC2/i);
  });

  it('is another one each time', async () => {
    expect((await pkcs12('password')).equals(await pkcs12('password'))).toBe(false);
  });

  it('is one line of base64', async () => {
    expect(await toPkcs12(pair, { alias: ALIAS, password: '' })).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
  });

  it('holds an EC pair, and a chain', async () => {
    const request = [
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=leaf',
    ];
    const made = execFileSync('openssl', ['req', ...request, '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { certificate, privateKey } = parsePair(made);
    const chained = { privateKey, certificate: certificate + pair.certificate };
    const told = openssl(await pkcs12('password', chained), 'password', '-nodes');
    expect(told.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(told.match(/friendlyName/g)).toHaveLength(2);
    expect(createPrivateKey(told).asymmetricKeyType).toBe('ec');
  });
});

describe('a PKCS#12 where a PEM is needed', () => {
  const refusal =
    "is a PKCS#12 key store; pass the PEM (of the action's secrets, that of secret-name, not of pkcs12-secret-name)";
  const lines = (text: string) => text.replace(/.{64}/g, '$&\n');

  it('of this action is called what it is', async () => {
    const text = await toPkcs12(pair, { alias: ALIAS, password: 'p' });
    for (const given of [text, lines(text), `"${text}"`]) expect(() => parsePair(given)).toThrow(refusal);
    expect(() => parseCertificates(text)).toThrow(refusal);
  });

  it('of another program as well, also if it leaves the lengths open, as Bouncy Castle does', () => {
    const data = '06092a864886f70d010701';
    for (const hex of [
      `3082100002010330820f00${data}a0820ef004820eec`,
      `30830100000201033083010000${data}a0830100`,
      `3080020103308006092a864886f70d010702a080248004`,
    ])
      expect(() => parsePair(Buffer.from(hex.padEnd(96, '0'), 'hex').toString('base64'))).toThrow(refusal);
  });

  it('is no other DER in base64', () => {
    const key = pair.privateKey.replace(/-----.*-----|\n/g, '');
    const pkcs7 = Buffer.from(`3082100006092a864886f70d010702${'a0'.repeat(40)}`, 'hex').toString('base64');
    for (const text of [key, pkcs7])
      expect(() => parsePair(text)).toThrow('its first and last lines are missing');
  });
});
