/** Chains of what is given: bridges between two CAs go round in a circle, and must not be followed for ever. */

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { expect, it } from 'vitest';
import { chainOf } from '../../../src/certificate/chain.ts';

function newKeys() {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return {
    privateKey: forge.pki.privateKeyFromPem(privateKey),
    publicKey: forge.pki.publicKeyFromPem(publicKey),
  };
}

type Keys = ReturnType<typeof newKeys>;
const named = (value: string) => [{ shortName: 'CN', value }];

function certificate(
  [subject, { publicKey }]: [string, Keys],
  [issuer, { privateKey }]: [string, Keys],
  ca = true,
) {
  const made = forge.pki.createCertificate();
  made.publicKey = publicKey;
  made.serialNumber = '01';
  made.validity.notAfter = new Date(Date.now() + 86_400_000);
  made.setSubject(named(subject));
  made.setIssuer(named(issuer));
  made.setExtensions([{ name: 'basicConstraints', cA: ca }]);
  made.sign(privateKey, forge.md.sha256.create());
  return new X509Certificate(forge.pki.certificateToPem(made));
}

it('two CAs that have signed each other: each once', () => {
  const [leaf, one, two] = [newKeys(), newKeys(), newKeys()];
  const below = certificate(['leaf', leaf], ['one', one], false);
  const up = certificate(['one', one], ['two', two]);
  const down = certificate(['two', two], ['one', one]);
  expect(chainOf(below, [below, up, down])).toEqual([below, up, down]);
});
