/** A certificate that was brought must be of use to a client: what its extensions allow, and what they do not say. */

import { createPrivateKey } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { issuedPairOf } from '../../../src/certificate/authority.ts';
import { parseCertificates } from '../../../src/certificate/inspect.ts';
import { Workshop } from '../../support/pem-spellings.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());

/** Takes a certificate with these extensions. */
function taken(extensions: readonly string[], issues = true): number {
  const added = extensions.flatMap((one) => ['-addext', one]);
  const form = ['-config', 'openssl.cnf', '-extensions', 'client', '-subj', '/CN=client', ...added];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'client.key'];
  workshop.openssl('req', '-x509', ...key, ...form, '-out', 'client.crt');
  const given = parseCertificates(workshop.read('client.crt'));
  return issuedPairOf(given, createPrivateKey(workshop.read('client.key')), issues).certificate.length;
}

const FOR_SERVERS =
  'holds a certificate that a client cannot log in with: its extendedKeyUsage lacks clientAuth; have one issued with clientAuth';
const FOR_NO_SIGNATURE =
  'holds a certificate that a client cannot log in with: its keyUsage lacks digitalSignature; have one issued with digitalSignature';

describe('a certificate', () => {
  it.each([
    [[]],
    [['keyUsage=digitalSignature']],
    [['keyUsage=critical,digitalSignature,keyEncipherment,dataEncipherment']],
    // OpenSSL, and so nginx and HAProxy, let it in.
    [['keyUsage=critical,keyAgreement']],
    // Of the nine bits the last stands in a second byte.
    [['keyUsage=digitalSignature,keyAgreement,decipherOnly']],
    [['extendedKeyUsage=clientAuth']],
    [['extendedKeyUsage=critical,serverAuth,clientAuth', 'keyUsage=digitalSignature']],
    [['extendedKeyUsage=anyExtendedKeyUsage']],
    [['extendedKeyUsage=1.3.6.1.4.1.311.20.2.2,clientAuth']],
  ])('with %j is taken', (extensions) => {
    expect(taken(extensions)).toBeGreaterThan(0);
  });

  it.each([
    [['extendedKeyUsage=serverAuth'], FOR_SERVERS],
    [['extendedKeyUsage=critical,emailProtection', 'keyUsage=digitalSignature'], FOR_SERVERS],
    // Its first numbers are those of clientAuth.
    [['extendedKeyUsage=1.3.6.1.5.5.7.3.2.1'], FOR_SERVERS],
    [['keyUsage=keyEncipherment'], FOR_NO_SIGNATURE],
    [['keyUsage=critical,nonRepudiation', 'extendedKeyUsage=clientAuth'], FOR_NO_SIGNATURE],
    [['keyUsage=nonRepudiation,decipherOnly'], FOR_NO_SIGNATURE],
  ])('with %j is refused', (extensions, words) => {
    expect(() => taken(extensions)).toThrow(words);
    // A run that delivers nothing goes on.
    expect(taken(extensions, false)).toBeGreaterThan(0);
  });
});
