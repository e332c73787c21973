/** CAs that were renewed with their keys: of several certificates of one CA, the one that is valid now counts, and then the one that lives longest. */

import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { authorityOf, issuedPairOf } from '../../../src/certificate/authority.ts';
import { chainOf } from '../../../src/certificate/chain.ts';
import { parseCertificates } from '../../../src/certificate/inspect.ts';
import { DAY } from '../../support/states.ts';

function newKeys() {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const made = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return {
    key: createPrivateKey(made.privateKey),
    privateKey: forge.pki.privateKeyFromPem(made.privateKey),
    publicKey: forge.pki.publicKeyFromPem(made.publicKey),
  };
}

type Party = readonly [string, ReturnType<typeof newKeys>];
const [root, upper, signing, leaf]: readonly Party[] = ['root', 'upper', 'signing', 'leaf'].map(
  (name) => [name, newKeys()] as const,
) as [Party, Party, Party, Party];
let serial = 1;

/** Valid between two days from now. */
function certificate(
  [subject, { publicKey }]: Party,
  [issuer, { privateKey }]: Party,
  from: number,
  to: number,
) {
  const made = forge.pki.createCertificate();
  made.publicKey = publicKey;
  serial += 1;
  made.serialNumber = `0${serial}`;
  made.validity.notBefore = new Date(Date.now() + from * DAY);
  made.validity.notAfter = new Date(Date.now() + to * DAY);
  made.setSubject([{ shortName: 'CN', value: subject }]);
  made.setIssuer([{ shortName: 'CN', value: issuer }]);
  made.setExtensions([{ name: 'basicConstraints', cA: subject !== 'leaf' }]);
  made.sign(privateKey, forge.md.sha256.create());
  return new X509Certificate(forge.pki.certificateToPem(made));
}

const short = certificate(upper, root, -300, 12);
const long = certificate(upper, root, -1, 2_000);
const expired = certificate(upper, root, -300, -1);
const future = certificate(upper, root, 5, 4_000);
const below = certificate(signing, upper, -1, 1_500);
const end = certificate(leaf, signing, -1, 60);

const daysOf = (given: readonly X509Certificate[], [, { key }]: Party) =>
  Math.round((authorityOf(given, key).notAfter - Date.now()) / DAY);
const broughtOf = (...given: readonly X509Certificate[]) =>
  parseCertificates(issuedPairOf(given, leaf[1].key).certificate).map(({ raw }) => raw);
const raws = (...all: readonly X509Certificate[]) => all.map(({ raw }) => raw);

const ORDERS: readonly [string, (given: X509Certificate[]) => X509Certificate[]][] = [
  ['first', (given) => given],
  ['last', (given) => given.toReversed()],
];

describe.each(ORDERS)('an older certificate that comes %s', (_, ordered) => {
  it('of the CA that signs: the one that is valid now signs, also beside one for later', () => {
    expect(daysOf(ordered([short, long]), upper)).toBe(2_000);
    expect(daysOf(ordered([long, future]), upper)).toBe(2_000);
    expect(daysOf(ordered([expired, long]), upper)).toBe(2_000);
  });

  it('of a CA above it: neither its end nor its beginning counts', () => {
    for (const twin of [short, expired, future])
      expect(daysOf(ordered([below, twin, long]), signing)).toBe(1_500);
  });

  it('in a bundle that was brought: it is left out', () => {
    for (const twin of [short, expired, future])
      expect(broughtOf(...ordered([twin, long]), end, below)).toEqual(raws(end, below, long));
  });

  it('of the client itself, with the same key: the later one is taken', () => {
    const old = certificate(leaf, signing, -90, -1);
    expect(broughtOf(...ordered([old, end]), below)).toEqual(raws(end, below));
  });
});

describe('of one CA', () => {
  it('no certificate that is valid now: it is refused for its date', () => {
    expect(() => authorityOf([below, expired], signing[1].key)).toThrow(/^holds a certificate that expired/);
    expect(() => authorityOf([future], upper[1].key)).toThrow(
      /^holds a certificate that is not valid before/,
    );
  });

  it('an expired cross-certificate ends nothing while its root is given, and a valid one is kept', () => {
    const itself = certificate(upper, upper, -300, 900);
    expect(broughtOf(end, below, expired, itself)).toEqual(raws(end, below));
    expect(daysOf([below, expired, itself], signing)).toBe(1_500);
    expect(broughtOf(end, below, short, itself)).toEqual(raws(end, below, short));
  });

  it('its twin is not above it, even if they have signed each other', () => {
    const bridge = certificate(upper, signing, -1, 50);
    const twin = certificate(signing, upper, -1, 40);
    expect(chainOf(end, [end, twin, below, bridge])).toEqual([end, below, bridge]);
  });

  it('another key, or another name, is no twin', () => {
    for (const stranger of [
      certificate(['upper', newKeys()], root, -1, 9),
      certificate(['stranger', upper[1]], root, -1, 9),
    ])
      expect(() => broughtOf(end, below, long, stranger)).toThrow('does not belong to the chain');
  });
});
